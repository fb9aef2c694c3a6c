//! Cycles: nodes that would wait for each other for ever, drawn as `a -> b -> a`.

use super::link::Link;
use crate::check::declare::{Kind, PipelineScope};
use crate::check::sink::Sink;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use model::NodeId;
use model::plan::{EdgeKind, Phase};
use std::collections::VecDeque;

/// A point in the life of a node. A stage has two: what is in it waits for it to be entered, and who
/// waits for it waits for it to be done.
type Point = usize;

/// Why one point waits for another.
#[derive(Debug, Clone, Copy)]
enum Why {
    /// An edge: of which node, and which of its links.
    Link(usize, usize),
    /// What is in a stage waits for the stage to be entered.
    Inside,
    /// A stage is done when what is in it is done.
    Holds,
}

/// Says each cycle, one for each knot of nodes that wait for each other.
pub(crate) fn find(scope: &PipelineScope<'_>, links: &[Vec<Link>], sink: &mut Sink) {
    let graph = Graph::new(scope, links);
    let mut reported = vec![false; graph.waits.len()];
    for knot in graph.knots() {
        let Some(path) = graph.shortest(&knot) else {
            continue;
        };
        if path.iter().any(|(point, _)| reported[*point]) {
            continue;
        }
        for (point, _) in &path {
            reported[*point] = true;
        }
        sink.push(graph.draw(scope, links, &path));
    }
}

struct Graph {
    /// For each point, what it waits for. Node `n` is entered at `2 n`, and done at `2 n + 1`.
    waits: Vec<Vec<(Point, Why)>>,
}

fn entered(node: NodeId) -> Point {
    2 * node.index()
}

fn done(node: NodeId) -> Point {
    2 * node.index() + 1
}

impl Graph {
    fn new(scope: &PipelineScope<'_>, links: &[Vec<Link>]) -> Self {
        let mut waits = vec![Vec::new(); 2 * scope.nodes.len()];
        for (index, declared) in scope.nodes.iter().enumerate() {
            let id = NodeId(index as u32);
            waits[done(id)].push((entered(id), Why::Holds));
            if let Some(stage) = declared.parent {
                waits[entered(id)].push((entered(stage), Why::Inside));
                if declared.phase == Phase::Main {
                    waits[done(stage)].push((done(id), Why::Holds));
                }
            }
            for (number, link) in links[index].iter().enumerate() {
                waits[entered(id)].push((done(link.edge.on), Why::Link(index, number)));
            }
        }
        Self { waits }
    }

    /// The sets of points that all wait for each other (Tarjan's algorithm, without recursion: a chain
    /// of 10,000 jobs needs no deep stack).
    fn knots(&self) -> Vec<Vec<Point>> {
        const NEW: usize = usize::MAX;
        let n = self.waits.len();
        let (mut index, mut low) = (vec![NEW; n], vec![0; n]);
        let mut on_stack = vec![false; n];
        let (mut stack, mut knots) = (Vec::new(), Vec::new());
        let mut next = 0;
        for start in 0..n {
            if index[start] != NEW {
                continue;
            }
            let mut calls: Vec<(Point, usize)> = vec![(start, 0)];
            while let Some((point, edge)) = calls.last_mut() {
                let point = *point;
                if *edge == 0 {
                    index[point] = next;
                    low[point] = next;
                    next += 1;
                    stack.push(point);
                    on_stack[point] = true;
                }
                if let Some((to, _)) = self.waits[point].get(*edge) {
                    *edge += 1;
                    if index[*to] == NEW {
                        calls.push((*to, 0));
                    } else if on_stack[*to] {
                        low[point] = low[point].min(index[*to]);
                    }
                    continue;
                }
                calls.pop();
                if let Some((parent, _)) = calls.last() {
                    low[*parent] = low[*parent].min(low[point]);
                }
                if low[point] == index[point] {
                    let mut knot = Vec::new();
                    while let Some(member) = stack.pop() {
                        on_stack[member] = false;
                        knot.push(member);
                        if member == point {
                            break;
                        }
                    }
                    let waits_for_itself = self.waits[point].iter().any(|(to, _)| *to == point);
                    if knot.len() > 1 || waits_for_itself {
                        knot.sort_unstable();
                        knots.push(knot);
                    }
                }
            }
        }
        knots.sort();
        knots
    }

    /// A shortest way from the first point of a knot back to itself.
    fn shortest(&self, knot: &[Point]) -> Option<Vec<(Point, Why)>> {
        let start = *knot.first()?;
        let mut from: std::collections::BTreeMap<Point, (Point, Why)> =
            std::collections::BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(point) = queue.pop_front() {
            for (to, why) in &self.waits[point] {
                if *to == start {
                    let mut path = vec![(point, *why)];
                    let mut at = point;
                    while at != start {
                        let (before, why) = from[&at];
                        path.push((before, why));
                        at = before;
                    }
                    path.reverse();
                    return Some(path);
                }
                if knot.binary_search(to).is_ok() && !from.contains_key(to) {
                    from.insert(*to, (point, *why));
                    queue.push_back(*to);
                }
            }
        }
        None
    }

    fn draw(
        &self,
        scope: &PipelineScope<'_>,
        links: &[Vec<Link>],
        path: &[(Point, Why)],
    ) -> Diagnostic {
        let name = |point: Point| scope.nodes[point / 2].name;
        // Begin where the author has said something, rather than with the order of the text.
        let is_said = |(_, why): &(Point, Why)| match why {
            Why::Link(node, number) => links[*node][*number].edge.kind != EdgeKind::Order,
            Why::Inside | Why::Holds => false,
        };
        let first = path.iter().position(is_said).unwrap_or(0);
        let path: Vec<(Point, Why)> = [&path[first..], &path[..first]].concat();
        let mut names: Vec<&str> = Vec::new();
        let mut labels: Vec<(Span, String)> = Vec::new();
        for (step, (point, why)) in path.iter().enumerate() {
            let to = path[(step + 1) % path.len()].0;
            if point / 2 != to / 2 || path.len() == 1 {
                names.push(name(*point));
            }
            if let Some(label) = label(scope, links, *point, to, *why) {
                labels.push(label);
            }
        }
        if names.is_empty() {
            names.extend(path.first().map(|(point, _)| name(*point)));
        }
        names.extend(names.first().copied());
        let drawn = names.join(" -> ");
        let mut labels = labels.into_iter();
        let (span, text) = labels.next().unwrap_or((scope.span, String::new()));
        let mut diagnostic = Diagnostic::error(
            Code::Cycle,
            format!("these wait for each other: {drawn}"),
            span,
            text,
        );
        for (span, text) in labels {
            diagnostic = diagnostic.label(span, text);
        }
        diagnostic.help("take one of these edges out: a cycle never starts")
    }
}

/// Where it is said that one point waits for the other, and how.
fn label(
    scope: &PipelineScope<'_>,
    links: &[Vec<Link>],
    point: Point,
    to: Point,
    why: Why,
) -> Option<(Span, String)> {
    let (from, on) = (&scope.nodes[point / 2], &scope.nodes[to / 2]);
    let (a, b) = (from.name, on.name);
    Some(match why {
        Why::Link(node, number) => {
            let link = &links[node][number];
            let text = match link.edge.kind {
                EdgeKind::Needs => format!("`{a}` needs `{b}`"),
                EdgeKind::After => format!("`{a}` comes after `{b}`"),
                EdgeKind::Output => format!("`{a}` mentions an output of `{b}`"),
                EdgeKind::Order => format!("`{a}` stands below `{b}`, and waits for it"),
            };
            (link.span, text)
        }
        Why::Inside => (from.span, format!("`{a}` is in the stage `{b}`")),
        Why::Holds if from.kind == Kind::Stage && point / 2 != to / 2 => {
            (on.span, format!("`{a}` ends with `{b}`"))
        }
        Why::Holds => return None,
    })
}

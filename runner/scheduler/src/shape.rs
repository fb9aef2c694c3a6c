//! What is derived from a plan once: who stands where, who waits for whom, and at which level of the
//! nesting of stages the two meet.
//!
//! An edge is between two nodes; what waits is an instance of one for another. Both lie below a
//! nearest common *scope* (an element of a stage, or the run itself). From there the edge either
//! leads to a child of that scope, whose end is one event, or deeper, into a stage that may have many
//! elements: then the scope counts all that the edge stands for in an *aggregate*.

use model::expr::Expr;
use model::ids::NodeId;
use model::plan::{EdgeKind, NodeKind, Over, Phase, Plan};

/// The derived form of a plan.
#[derive(Debug)]
pub(crate) struct Shape {
    /// By node.
    pub nodes: Vec<NodeShape>,
    /// The run itself first, then the stages.
    pub scopes: Vec<ScopeShape>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct NodeShape {
    /// Its index among the children of its scope.
    pub place: u32,
    /// What it is as a scope, where it is a stage: an index into [`Shape::scopes`].
    pub scope: Option<u32>,
    /// What it waits for, in the order of the text.
    pub waits: Vec<Wait>,
    /// Who waits for it from its own scope or below that.
    pub watchers: Vec<Watcher>,
    /// In which aggregates it is counted.
    pub counted: Vec<Counted>,
    /// Whether its `when` depends on the element.
    pub when_by_element: bool,
    /// Whether its environment's key depends on the element.
    pub environment_by_element: bool,
    /// Whether one edge or more lead to a single element.
    pub has_element_edges: bool,
    /// Whether it, or a stage around it, holds a lock or an environment.
    pub is_guarded: bool,
    /// Whether its jobs may be sent to a worker before a slot is free there: not while something is
    /// held that others wait for, and not where a batch is to start together.
    pub may_prefetch: bool,
}

/// The run, or a stage, as something that holds nodes.
#[derive(Debug, Default)]
pub(crate) struct ScopeShape {
    /// What it holds, in the order of the text.
    pub children: Vec<NodeId>,
    /// What nodes in it or below wait for that lies deeper than its children.
    pub aggregates: Vec<AggregateShape>,
}

/// All instances of a node below one scope.
#[derive(Debug)]
pub(crate) struct AggregateShape {
    /// The node.
    pub node: NodeId,
    /// The places on the way down to it.
    pub path: Vec<u32>,
    /// Who waits for it.
    pub watchers: Vec<Watcher>,
}

/// An edge, seen from the node that waits.
#[derive(Debug)]
pub(crate) struct Wait {
    /// Its index in the node's edges.
    pub edge: u32,
    /// Its kind.
    pub kind: EdgeKind,
    /// How many scopes up the two meet.
    pub up: u32,
    /// What is waited for there.
    pub source: Source,
    /// For which event.
    pub until: Until,
    /// Whether a failure there keeps this node from starting. Hooks of a stage or run (`on_failure`,
    /// `always`, `finally`) wait for the main part, but run whatever became of it.
    pub blocks: bool,
}

/// What an edge leads to in the scope where both sides meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The child at this place.
    Child(u32),
    /// The aggregate of this index.
    Aggregate(u32),
}

/// What a waiting node waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// All of it has ended.
    Ended,
    /// Its elements are known: the edge leads to one of them.
    Known,
}

/// A node that waits, seen from the scope where both sides meet.
#[derive(Debug, Clone)]
pub(crate) struct Watcher {
    /// The places on the way down to it; its own is the last.
    pub path: Vec<u32>,
    /// What it waits for.
    pub until: Until,
}

/// A node's part in an aggregate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// How many scopes up the aggregate lies.
    pub up: u32,
    /// Its index there.
    pub aggregate: u32,
    /// Whether the node is what is counted, rather than a stage on the way to it.
    pub is_leaf: bool,
}

impl Shape {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut shape = Self {
            nodes: Vec::with_capacity(plan.nodes.len()),
            scopes: vec![ScopeShape::default()],
        };
        for (id, node) in plan.iter() {
            let scope = matches!(node.kind, NodeKind::Stage(_)).then(|| {
                shape.scopes.push(ScopeShape::default());
                (shape.scopes.len() - 1) as u32
            });
            let parent = shape.scope_of(node.parent);
            let siblings = &mut shape.scopes[parent as usize].children;
            siblings.push(id);
            let place = (siblings.len() - 1) as u32;
            shape.nodes.push(NodeShape {
                place,
                scope,
                waits: Vec::new(),
                watchers: Vec::new(),
                counted: Vec::new(),
                when_by_element: depends_on_element(plan, id, |visit| {
                    if let Some(when) = &node.when {
                        when.expr.visit(visit);
                    }
                }),
                environment_by_element: depends_on_element(plan, id, |visit| {
                    if let Some(environment) = environment(&node.kind) {
                        environment.visit(visit);
                    }
                }),
                has_element_edges: node.edges.iter().any(|edge| edge.element.is_some()),
                is_guarded: is_guarded(plan, id),
                may_prefetch: !is_guarded(plan, id) && !is_batched(plan, id),
            });
        }
        for (id, node) in plan.iter() {
            for edge in 0..node.edges.len() {
                shape.add_edge(plan, id, edge);
            }
        }
        shape
    }

    /// The scope that a stage is, or the run.
    pub(crate) fn scope_of(&self, stage: Option<NodeId>) -> u32 {
        stage
            .and_then(|stage| self.nodes[stage.index()].scope)
            .unwrap_or(0)
    }

    fn add_edge(&mut self, plan: &Plan, id: NodeId, index: usize) {
        let edge = &plan.node(id).edges[index];
        let meeting = Meeting::of(plan, id, edge.on);
        // A stage and what is in it don't wait for each other by edges.
        let (Some(&watcher_top), Some(&source_top)) =
            (meeting.watcher.first(), meeting.source.first())
        else {
            return;
        };
        let until = match edge.element {
            Some(_) => Until::Known,
            None => Until::Ended,
        };
        let watcher = Watcher {
            path: self.places(&meeting.watcher),
            until,
        };
        let source = if meeting.source.len() == 1 {
            self.nodes[edge.on.index()].watchers.push(watcher);
            Source::Child(self.nodes[edge.on.index()].place)
        } else {
            let aggregate = self.aggregate(meeting.scope, edge.on, &meeting.source);
            let scope = self.scope_of(meeting.scope) as usize;
            self.scopes[scope].aggregates[aggregate as usize]
                .watchers
                .push(watcher);
            Source::Aggregate(aggregate)
        };
        // Does a hook stand between the meeting point and the node?
        let phases = (plan.node(watcher_top).phase, plan.node(source_top).phase);
        let hook_below = meeting.watcher[1..]
            .iter()
            .any(|below| plan.node(*below).phase != Phase::Main);
        let wait = Wait {
            edge: index as u32,
            kind: edge.kind,
            up: (meeting.watcher.len() - 1) as u32,
            source,
            until,
            blocks: phases.0 <= phases.1 && !hook_below,
        };
        self.nodes[id.index()].waits.push(wait);
    }

    /// The aggregate of all instances of a node below a scope; made where it is not there yet.
    fn aggregate(&mut self, scope: Option<NodeId>, node: NodeId, way: &[NodeId]) -> u32 {
        let path = self.places(way);
        let scope = self.scope_of(scope) as usize;
        let known = &mut self.scopes[scope].aggregates;
        if let Some(index) = known.iter().position(|aggregate| aggregate.node == node) {
            return index as u32;
        }
        let aggregate = known.len() as u32;
        known.push(AggregateShape {
            node,
            path,
            watchers: Vec::new(),
        });
        for (up, step) in way.iter().enumerate() {
            self.nodes[step.index()].counted.push(Counted {
                up: up as u32,
                aggregate,
                is_leaf: up + 1 == way.len(),
            });
        }
        aggregate
    }

    fn places(&self, way: &[NodeId]) -> Vec<u32> {
        way.iter()
            .map(|node| self.nodes[node.index()].place)
            .collect()
    }
}

/// Where two nodes meet.
pub(crate) struct Meeting {
    /// The innermost stage that holds both; `None`: the run.
    pub scope: Option<NodeId>,
    /// The nodes on the way down to the one that waits, itself last. Empty where it holds the other.
    pub watcher: Vec<NodeId>,
    /// The nodes on the way down to the one that is waited for, itself last. Empty where it holds
    /// the other.
    pub source: Vec<NodeId>,
}

impl Meeting {
    pub(crate) fn of(plan: &Plan, watcher: NodeId, source: NodeId) -> Self {
        let way = |node| {
            let mut way: Vec<_> = plan.ancestors(node).collect();
            way.reverse();
            way.push(node);
            way
        };
        let (mut watcher, mut source) = (way(watcher), way(source));
        let common = watcher
            .iter()
            .zip(&source)
            .take_while(|(a, b)| a == b)
            .count();
        let scope = common.checked_sub(1).map(|last| watcher[last]);
        watcher.drain(..common);
        source.drain(..common);
        Self {
            scope,
            watcher,
            source,
        }
    }
}

/// The environment that a node names.
pub(crate) fn environment(kind: &NodeKind) -> Option<&Expr> {
    match kind {
        NodeKind::Stage(stage) => stage.environment.as_ref(),
        NodeKind::Job(job) => job.environment.as_ref(),
        NodeKind::Approve(_) => None,
    }
}

/// The lock that a node names.
pub(crate) fn lock(kind: &NodeKind) -> Option<&Expr> {
    match kind {
        NodeKind::Stage(stage) => stage.lock.as_ref(),
        NodeKind::Job(job) => job.lock.as_ref(),
        NodeKind::Approve(_) => None,
    }
}

/// Whether an expression mentions a variable of the node's own `for`.
fn depends_on_element(
    plan: &Plan,
    node: NodeId,
    visit: impl FnOnce(&mut dyn FnMut(&Expr)),
) -> bool {
    let Some(fan_out) = &plan.node(node).fan_out else {
        return false;
    };
    let mut depends = false;
    visit(&mut |expr| {
        depends |= matches!(expr, Expr::Var(name) if fan_out.vars.contains(name));
    });
    depends
}

fn is_guarded(plan: &Plan, node: NodeId) -> bool {
    std::iter::once(node).chain(plan.ancestors(node)).any(|id| {
        let kind = &plan.node(id).kind;
        lock(kind).is_some() || environment(kind).is_some()
    })
}

fn is_batched(plan: &Plan, node: NodeId) -> bool {
    std::iter::once(node).chain(plan.ancestors(node)).any(|id| {
        let fan_out = plan.node(id).fan_out.as_ref();
        fan_out.is_some_and(|fan_out| fan_out.batch.is_some())
    })
}

/// Whether the elements of a node are known from the plan. An empty list is not: that it is empty is
/// decided, and recorded, when its turn comes.
pub(crate) fn is_known(over: &Over) -> bool {
    matches!(over, Over::Known(elements) if !elements.is_empty())
}

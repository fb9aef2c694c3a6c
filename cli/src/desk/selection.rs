//! Which jobs are asked for, and whether this machine can run them: all that is refused is refused
//! before anything starts.

use crate::error::{Error, Result};
use crate::output::text;
use model::expr::{Expr, Scope};
use model::ids::NodeId;
use model::plan::{Job, Node, NodeKind, Over, Plan, StepAction, Unsupported};
use model::resolve::instance_name;
use model::value::Value;
use scheduler::input::Selection;
use std::collections::{BTreeMap, BTreeSet};

/// How many of the same kind of mistakes are told at once.
const MAX_TOLD: usize = 10;

/// Finds the jobs that `--job` names. Where it names elements, the plan is narrowed to those, unless
/// something that is asked for too needs all of them.
pub fn select(plan: &mut Plan, names: &[String]) -> Result<Selection> {
    if names.is_empty() {
        return Ok(Selection::All);
    }
    let mut nodes = BTreeSet::new();
    let mut elements: BTreeMap<NodeId, BTreeSet<usize>> = BTreeMap::new();
    let mut whole = BTreeSet::new();
    for name in names {
        match find(plan, name)? {
            (node, None) => drop(whole.insert(node)),
            (node, Some(element)) => drop(elements.entry(node).or_default().insert(element)),
        }
    }
    nodes.extend(whole.iter().chain(elements.keys()).copied());
    let selection = Selection::Nodes(nodes.clone());
    for (node, kept) in elements {
        let others = Selection::Nodes(nodes.iter().copied().filter(|id| *id != node).collect());
        let is_needed = others.wanted(plan)[node.index()] && nodes.len() > 1;
        if !whole.contains(&node) && !is_needed {
            narrow(&mut plan.nodes[node.index()], &kept);
        }
    }
    Ok(selection)
}

/// A node by its name, with the position of an element where the name is one's.
fn find(plan: &Plan, name: &str) -> Result<(NodeId, Option<usize>)> {
    for (id, node) in plan.iter() {
        if node.name == name {
            return Ok((id, None));
        }
        if let Some(elements) = known_elements(node) {
            let is_named = |element: &Vec<Value>| {
                text::is_name_of(name, &instance_name(&[], &node.name, element))
            };
            if let Some(position) = elements.iter().position(is_named) {
                return Ok((id, Some(position)));
            }
        }
    }
    let names = || plan.nodes.iter().map(|node| node.name.as_str());
    let error = Error::not_found(format!(
        "{} has no job {name:?}",
        text::one_line(&plan.pipeline)
    ));
    // What is before the `[` may be right, and the element wrong.
    let base = name.split('[').next().unwrap_or(name);
    let of_node = plan.nodes.iter().find(|node| node.name == base);
    if let Some(elements) = of_node.and_then(known_elements) {
        let elements: Vec<_> = elements
            .iter()
            .map(|element| instance_name(&[], base, element))
            .collect();
        let listed = text::list(elements.iter().map(String::as_str));
        return Err(error.hint(format!("its elements are {listed}")));
    }
    if of_node.is_some() && base != name {
        return Err(error.hint(format!(
            "its elements are only known while it runs; name all of it: --job {base}"
        )));
    }
    let error = match text::closest(name, names()) {
        Some(close) => error.hint(format!("did you mean {}?", text::one_line(close))),
        None => error,
    };
    Err(error.hint(format!("it has {}", text::list(names()))))
}

fn known_elements(node: &Node) -> Option<&Vec<Vec<Value>>> {
    match &node.fan_out.as_ref()?.over {
        Over::Known(elements) => Some(elements),
        Over::Found { .. } => None,
    }
}

fn narrow(node: &mut Node, kept: &BTreeSet<usize>) {
    if let Some(fan_out) = &mut node.fan_out
        && let Over::Known(elements) = &mut fan_out.over
    {
        let mut position = 0..;
        elements.retain(|_| {
            position
                .next()
                .is_some_and(|position| kept.contains(&position))
        });
    }
}

/// What this build can't carry out of what is wanted.
#[must_use]
pub fn unsupported<'p>(plan: &'p Plan, wanted: &[bool]) -> Vec<&'p Unsupported> {
    let is_wanted = |word: &&Unsupported| word.node.is_none_or(|node| wanted[node.index()]);
    plan.unsupported.iter().filter(is_wanted).collect()
}

/// What a worker can be asked for.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeSet<String>,
    /// Its facts.
    pub facts: BTreeMap<String, Value>,
}

/// Refuses jobs that ask for another machine: here they would wait forever. Where the selector depends
/// on what only the run can know, the run will tell.
pub fn refuse_other_machines(plan: &Plan, wanted: &[bool], machine: &Machine) -> Result<()> {
    let mut refused = Vec::new();
    for (id, node) in plan.iter().filter(|(id, _)| wanted[id.index()]) {
        let Some((job, selector)) = node
            .as_job()
            .and_then(|job| Some((job, job.runs_on.as_ref()?)))
        else {
            continue;
        };
        for element in instances(plan, id) {
            let scope = OnMachine {
                machine,
                variables: &element.variables,
            };
            if let Ok(false) = selector.eval_bool(&scope) {
                refused.push((element.name, job, node));
            }
        }
    }
    let Some((name, job, node)) = refused.first() else {
        return Ok(());
    };
    let labels: Vec<_> = machine.labels.iter().map(String::as_str).collect();
    let message = match refused.len() {
        1 => format!("{} can't run on this machine", text::one_line(name)),
        n => format!(
            "{n} jobs can't run on this machine, first {}",
            text::one_line(name)
        ),
    };
    let mut error = Error::pipeline(message).hint(format!(
        "it has `runs_on = {}` at {}:{}; this machine is {}",
        text::one_line(&job.runs_on_text),
        text::one_line(&plan.path),
        node.place.line,
        labels.join(", ")
    ));
    let others: Vec<_> = refused.iter().skip(1).take(MAX_TOLD).collect();
    if !others.is_empty() {
        let names = text::list(others.iter().map(|(name, ..)| name.as_str()));
        error = error.hint(format!("neither can {names}"));
    }
    Err(error.hint("run the others with `--job NAME`"))
}

/// One instance of a node, as far as the plan knows it.
struct Instance {
    name: String,
    variables: Vec<(String, Value)>,
}

/// More instances than this are not looked at one by one; the plan's own bound on jobs is as high.
const MAX_INSTANCES: usize = 10_000;

/// All instances of a node whose elements are known in the plan; of the others one without variables.
fn instances(plan: &Plan, id: NodeId) -> Vec<Instance> {
    let mut levels: Vec<NodeId> = plan.ancestors(id).collect();
    levels.reverse();
    levels.push(id);
    let mut instances = vec![Instance {
        name: String::new(),
        variables: Vec::new(),
    }];
    for level in levels {
        let node = plan.node(level);
        let unknown = vec![Vec::new()];
        let elements = known_elements(node).unwrap_or(&unknown);
        let variables = node.fan_out.iter().flat_map(|fan_out| &fan_out.vars);
        let variables: Vec<_> = variables.cloned().collect();
        let mut next = Vec::new();
        for instance in &instances {
            for element in elements
                .iter()
                .take(MAX_INSTANCES - next.len().min(MAX_INSTANCES))
            {
                let named = instance_name(&[], &node.name, element);
                let is_shown = level == id || !element.is_empty();
                let mut inner = instance.variables.clone();
                inner.extend(variables.iter().cloned().zip(element.iter().cloned()));
                next.push(Instance {
                    name: match (is_shown, instance.name.as_str()) {
                        (false, name) => name.to_owned(),
                        (true, "") => named,
                        (true, name) => format!("{name}.{named}"),
                    },
                    variables: inner,
                });
            }
        }
        instances = next;
    }
    instances
}

/// What a selector can ask before the run.
struct OnMachine<'a> {
    machine: &'a Machine,
    variables: &'a [(String, Value)],
}

impl Scope for OnMachine<'_> {
    fn var(&self, name: &str) -> Option<Value> {
        let mut variables = self.variables.iter().rev();
        variables.find_map(|(known, value)| (known == name).then(|| value.clone()))
    }
    fn output(&self, _job: NodeId, _name: &str) -> Option<Value> {
        None
    }
    fn run(&self, _field: &str) -> Option<Value> {
        None
    }
    fn worker(&self, fact: &str) -> Option<Value> {
        match fact {
            "name" => Some(Value::text(&self.machine.name)),
            fact => self.machine.facts.get(fact).cloned(),
        }
    }
    fn has_label(&self, label: &str) -> bool {
        self.machine.labels.contains(label)
    }
}

/// The secrets that wanted jobs may ask for.
#[must_use]
pub fn secrets(plan: &Plan, wanted: &[bool]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut collect = |expr: &Expr| {
        expr.visit(&mut |part| {
            if let Expr::Const(value) = part {
                collect_secrets(value, &mut found);
            }
        });
    };
    for (_, node) in plan.iter().filter(|(id, _)| wanted[id.index()]) {
        if let NodeKind::Job(job) = &node.kind {
            expressions(job, &mut collect);
        }
    }
    found
}

fn expressions(job: &Job, each: &mut impl FnMut(&Expr)) {
    job.env.iter().for_each(|(_, value)| each(value));
    let hooks = job
        .on_failure
        .iter()
        .chain(&job.on_success)
        .chain(&job.always);
    for step in job.steps.iter().chain(hooks) {
        step.env.iter().for_each(|(_, value)| each(value));
        if let StepAction::Exec(argv) = &step.action {
            argv.iter().for_each(&mut *each);
        }
    }
}

fn collect_secrets(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Secret(name) => drop(found.insert(name.clone())),
        Value::List(items) => items.iter().for_each(|item| collect_secrets(item, found)),
        Value::Map(entries) => entries
            .values()
            .for_each(|item| collect_secrets(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Palette;
    use dsl::PlanRequest;
    use dsl::plan::EmptyCommit;
    use dsl::source::{FileId, SourceFile};
    use insta::assert_snapshot;

    const PIPELINE: &str = r#"pipeline p {
  job format { sh "true" }
  job test for system in ["linux", "windows"], n in [1, 2] {
    runs_on = system
    sh "true"
  }
  job one for n in [1, 2, 3] {
    needs = [format]
    env { TOKEN = secret.token, LIST = "x" }
    sh "true"
  }
  job all {
    needs = [one]
    env { KEY = secret.key }
    sh "true"
  }
  job found {
    output xs: list(string)
    sh "true"
  }
  job each for x in found.xs { sh "true" }
}
"#;

    fn plan(text: &str) -> Plan {
        let source = SourceFile::new(FileId::default(), "p.gantry", text);
        let checked = dsl::check(&source);
        let plan = checked.plan(&PlanRequest::manual(), &EmptyCommit);
        plan.unwrap_or_else(|wrong| panic!("{wrong:?}"))
    }

    fn linux() -> Machine {
        Machine {
            name: "desk".to_owned(),
            labels: ["linux", "x86_64"].map(str::to_owned).into(),
            facts: BTreeMap::new(),
        }
    }

    /// What is done for these names: each node with its elements, the secrets, what this machine says.
    fn check(names: &[&str]) -> String {
        let mut plan = plan(PIPELINE);
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let selection = match select(&mut plan, &names) {
            Ok(selection) => selection,
            Err(error) => return error.render(Palette::PLAIN),
        };
        let wanted = selection.wanted(&plan);
        let nodes = plan.iter().filter(|(id, _)| wanted[id.index()]);
        let nodes: Vec<_> = nodes
            .flat_map(|(id, _)| instances(&plan, id))
            .map(|instance| instance.name)
            .collect();
        let secrets: Vec<_> = secrets(&plan, &wanted).into_iter().collect();
        let machine = match refuse_other_machines(&plan, &wanted, &linux()) {
            Ok(()) => String::new(),
            Err(error) => error.render(Palette::PLAIN),
        };
        format!(
            "{}\nsecrets: {}\n{machine}",
            nodes.join(" "),
            secrets.join(" ")
        )
    }

    #[test]
    fn all_jobs() {
        assert_snapshot!(check(&[]), @r#"
        format test["linux", 1] test["linux", 2] test["windows", 1] test["windows", 2] one[1] one[2] one[3] all found each
        secrets: key token
        error: 2 jobs can't run on this machine, first test["windows", 1]
          help: it has `runs_on = system` at p.gantry:3; this machine is linux, x86_64
          help: neither can test["windows", 2]
          help: run the others with `--job NAME`
        "#);
    }

    #[test]
    fn a_job_and_what_it_needs() {
        assert_snapshot!(check(&["all"]), @"
        format one[1] one[2] one[3] all
        secrets: key token
        ");
    }

    #[test]
    fn elements_of_a_job() {
        assert_snapshot!(check(&["one[3]", "one[1]", "test[\"linux\",2]"]), @r#"
        format test["linux", 2] one[1] one[3]
        secrets: token
        "#);
    }

    #[test]
    fn elements_that_another_one_needs_all_of() {
        assert_snapshot!(check(&["one[3]", "all"]), @"
        format one[1] one[2] one[3] all
        secrets: key token
        ");
    }

    #[test]
    fn names_that_are_none() {
        let names = ["al", "one[4]", "each[\"x\"]", "nothing like it"];
        assert_snapshot!(names.map(|name| check(&[name])).join("\n"), @r#"
        error: p has no job "al"
          help: did you mean all?
          help: it has format, test, one, all, found and each

        error: p has no job "one[4]"
          help: its elements are one[1], one[2] and one[3]

        error: p has no job "each[\"x\"]"
          help: its elements are only known while it runs; name all of it: --job each

        error: p has no job "nothing like it"
          help: it has format, test, one, all, found and each
        "#);
    }
}

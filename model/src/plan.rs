//! The plan: a pipeline at a commit, compiled for one event. Immutable, with one canonical encoding.
//! What commit and event decide is decided; what only the run can know is a residual [`Expr`].

use crate::expr::Expr;
use crate::ids::NodeId;
use crate::spec::{OutputSpec, Place, Shell};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the plan's form. A plan of another version is refused, never guessed at.
pub const PLAN_VERSION: u32 = 1;

/// A compiled pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`] when it was made.
    pub version: u32,
    /// The version of the language that it was written in.
    pub language: u32,
    /// The pipeline's name.
    pub pipeline: String,
    /// Its title, for people.
    pub title: Option<String>,
    /// The file that it comes from, relative to the repository, with `/`.
    pub path: String,
    /// What started it.
    pub event: Event,
    /// The parameters, with their values.
    pub params: BTreeMap<String, Value>,
    /// The bound on the whole run, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Which runs go first where slots are few: higher ones.
    pub priority: i64,
    /// Whether the first failure cancels all that runs.
    pub fail_fast: bool,
    /// Runs of one group exclude each other.
    pub concurrency: Option<Concurrency>,
    /// Stages, jobs, approvals, merges: parents before children, else in the order of the text.
    pub nodes: Vec<Node>,
    /// The names of the secrets that it may hand to jobs, sorted.
    pub secrets: Vec<String>,
    /// What this build of Gantry can't carry out, in the order of the text. A runner refuses a plan
    /// in which a node that was selected has one.
    pub unsupported: Vec<Unsupported>,
}

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `push`, `pull_request`, `manual`, …
    pub kind: String,
    /// The commit, as git names it; empty outside a repository.
    pub commit: String,
    /// Whether the source tree has changes that are not in the commit.
    pub dirty: bool,
    /// Whether secrets, trusted workers and caches may be used.
    pub trusted: bool,
    /// The other fields, as expressions see them.
    pub fields: BTreeMap<String, Value>,
}

/// Runs of one group at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// The group.
    pub group: String,
    /// What a run does that finds another one.
    pub when_busy: WhenBusy,
}

/// What a run does when its concurrency group is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// Waits, first come first served.
    Queue,
    /// Cancels the older one.
    CancelOlder,
}

/// A word that this build can't carry out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsupported {
    /// The word as written.
    pub word: String,
    /// Where.
    pub place: Place,
    /// The node that it belongs to; absent where it is the pipeline's.
    pub node: Option<NodeId>,
    /// What to do.
    pub help: String,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, unique in the plan.
    pub name: String,
    /// Where it stands in the pipeline file.
    pub place: Place,
    /// The stage that it belongs to.
    pub parent: Option<NodeId>,
    /// In which part of its stage (or of the pipeline) it stands.
    pub phase: Phase,
    /// Whether it is there several times.
    pub fan_out: Option<FanOut>,
    /// Whether it applies.
    pub when: Option<When>,
    /// What it waits for. Those of a job in a stage also wait for the stage itself to be entered;
    /// that is not repeated here.
    pub edges: Vec<Edge>,
    /// What it is.
    pub kind: NodeKind,
}

/// The part of a stage or pipeline that a node stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The ordinary part.
    Main,
    /// `on_failure { … }`: when the main part of the stage has failed.
    OnFailure,
    /// `always { … }` of a stage, `finally { … }` of the pipeline: last, in any case, also after a
    /// cancel, for each scope that was entered.
    Always,
}

/// A condition with the text that it is shown by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// The condition.
    pub expr: Expr,
    /// As it is written.
    pub text: String,
}

/// An edge of the graph: the node that has it waits for `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// What is waited for. Where it is fanned out: for all of its elements; inside one element of a
    /// stage's `for` a sibling of the same stage means that of the same element.
    pub on: NodeId,
    /// Why, which also decides whether a skip passes.
    pub kind: EdgeKind,
    /// Only this element of a fanned-out node: the values of its variables.
    pub element: Option<Vec<Expr>>,
}

/// Why a node waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// `needs`.
    Needs,
    /// It mentions an output.
    Output,
    /// `after`.
    After,
    /// The order of the text around stages, approvals and merges.
    Order,
}

impl EdgeKind {
    /// Whether the node may go on where what it waits for was not applicable. What was blocked,
    /// failed, canceled or lost never lets it go on.
    #[must_use]
    pub fn passes_not_applicable(self) -> bool {
        matches!(self, Self::After | Self::Order)
    }
}

/// A node that is there once for each element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanOut {
    /// The variables, in the order of the text.
    pub vars: Vec<String>,
    /// The elements.
    pub over: Over,
    /// How many run at once.
    pub max_parallel: Option<u32>,
    /// How many are started together; the next ones wait for all of them.
    pub batch: Option<Batch>,
    /// How many may fail without failing the whole. Absent: all elements run, and any failure fails
    /// the whole.
    pub max_failures: Option<u32>,
    /// Whether a failure (beyond `max_failures`) also cancels what runs.
    pub fail_fast: bool,
}

/// The elements of a fan-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Known in the plan: per element the values of the variables.
    Known(Vec<Vec<Value>>),
    /// Decided when the node is ready: what each variable runs over, and what is kept.
    Found {
        /// The variables with their lists, first outermost.
        sources: Vec<(String, Expr)>,
        /// The `where`.
        filter: Option<Expr>,
    },
}

/// The size of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// So many elements.
    Count(u32),
    /// So many hundredths of a percent of the set, rounded up.
    Share(u32),
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Holds other nodes (their `parent`).
    Stage(Stage),
    /// The unit that is scheduled.
    Job(Box<Job>),
    /// Waits for people.
    Approve(Approve),
}

/// A stage's own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Whether the first failure cancels what runs in it.
    pub fail_fast: bool,
    /// Held for as long as the stage.
    pub lock: Option<Expr>,
    /// The environment's key, held for as long as the stage.
    pub environment: Option<Expr>,
}

/// A decision of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// Who may decide; teams as `team.NAME`.
    pub by: Vec<String>,
    /// How many different people must agree.
    pub at_least: u32,
    /// Whether the author of the change is excluded.
    pub not_author: bool,
    /// After how many milliseconds it counts as refused.
    pub expires_ms: Option<u64>,
}

/// A job, with what is not yet known as expressions. [`crate::resolve`] makes a
/// [`JobSpec`](crate::JobSpec) of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which workers may run it: a `bool` over `worker.…` and `has(…)`. Absent: any.
    pub runs_on: Option<Expr>,
    /// `runs_on` as it is written, for messages.
    pub runs_on_text: String,
    /// Whether the source tree is laid into its workspace.
    pub checkout: bool,
    /// Which files of it; makes the job cacheable.
    pub inputs: Option<Vec<Expr>>,
    /// Paths that are handed to the jobs that need it.
    pub produces: Vec<Expr>,
    /// The environment, in the order of the text; `for` variables and parameters are in it too.
    pub env: Vec<(String, Expr)>,
    /// The folder in which steps start.
    pub dir: Option<Expr>,
    /// The bound on its steps.
    pub timeout: Option<Expr>,
    /// When another attempt is made.
    pub retry: Retry,
    /// Held from before it starts until it has ended.
    pub lock: Option<Expr>,
    /// The environment's key, held likewise.
    pub environment: Option<Expr>,
    /// Whether a failure counts as a success.
    pub allow_failure: bool,
    /// Which jobs go first where slots are few: higher ones.
    pub priority: i64,
    /// What it must write to `$GANTRY_OUTPUT`.
    pub outputs: Vec<OutputSpec>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// Steps after a failure.
    pub on_failure: Vec<Step>,
    /// Steps after a success.
    pub on_success: Vec<Step>,
    /// Steps in any case.
    pub always: Vec<Step>,
}

/// When a job is tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often at the most, beyond the first attempt.
    pub times: u32,
    /// After which ends.
    pub on: Vec<RetryOn>,
    /// The wait before the second attempt, in milliseconds; doubled each time, up to
    /// [`RETRY_DELAY_LIMIT_MS`].
    pub delay_ms: u64,
}

/// The longest wait between two attempts: five minutes, so that a doubled delay stays useful.
pub const RETRY_DELAY_LIMIT_MS: u64 = 300_000;

/// An end after which a job may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// A step failed.
    Failed,
    /// It took too long.
    TimedOut,
    /// Its worker is gone.
    WorkerLost,
}

impl RetryOn {
    /// The words of the language, in this order.
    pub const ALL: [(&'static str, Self); 3] = [
        ("failed", Self::Failed),
        ("timed_out", Self::TimedOut),
        ("worker_lost", Self::WorkerLost),
    ];
}

/// A step, with what is not yet known as expressions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What it does.
    pub action: StepAction,
    /// More environment, over the job's.
    pub env: Vec<(String, Expr)>,
    /// Whether it applies.
    pub when: Option<When>,
    /// The folder, instead of the job's.
    pub dir: Option<Expr>,
    /// The bound of one try.
    pub timeout: Option<Expr>,
    /// How often it is repeated in its place.
    pub retry: crate::spec::StepRetry,
    /// Exit codes that are a success; empty means 0 only.
    pub exit_codes: Vec<i32>,
    /// Whether a failure is passed over.
    pub allow_failure: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAction {
    /// A script: a literal, never an expression.
    Script(Shell, String),
    /// A program with its arguments.
    Exec(Vec<Expr>),
    /// Files that are kept for people.
    Artifact(Vec<Expr>),
}

impl Plan {
    /// A node.
    ///
    /// # Panics
    /// Where the id is of another plan.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The nodes with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        // A plan is bounded far below 2^32 nodes.
        self.nodes
            .iter()
            .enumerate()
            .map(|(n, node)| (NodeId(n as u32), node))
    }

    /// The stages around a node, innermost first.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.node(id).parent, |stage| self.node(*stage).parent)
    }

    /// The canonical encoding: the same plan is the same bytes. Its digest is what approvals and
    /// caches refer to.
    ///
    /// # Errors
    /// Never for a plan that `dsl` made; the encoder's own error otherwise.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads what [`Plan::encode`] wrote.
    ///
    /// # Errors
    /// Where the bytes are damaged, or of another [`PLAN_VERSION`].
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let plan: Self = serde_json::from_slice(bytes)?;
        if plan.version != PLAN_VERSION {
            return Err(serde::de::Error::custom(format!(
                "a plan of version {}; this build reads version {PLAN_VERSION}",
                plan.version
            )));
        }
        Ok(plan)
    }
}

impl Node {
    /// The job, where it is one.
    #[must_use]
    pub fn as_job(&self) -> Option<&Job> {
        match &self.kind {
            NodeKind::Job(job) => Some(job),
            _ => None,
        }
    }
}

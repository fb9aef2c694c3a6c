//! The tables of settings.

use super::{Availability, Setting};
use Availability::{Ignored, Planned, Ready};
use SettingType as S;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingType {
    /// Text of the pipeline's own.
    Text,
    /// Text that is only shown; may come from outside.
    Shown,
    /// Text that is only known as a literal.
    Literal,
    /// A regular expression.
    Pattern,
    /// A whole number between these.
    Int(i64, i64),
    /// `true` or `false`.
    Bool,
    /// A length of time.
    Duration,
    /// A condition of when something applies.
    Condition,
    /// A path inside the workspace.
    Path,
    /// Paths inside the workspace, with `*`.
    Globs,
    /// What `inputs` takes: globs, and `tool("…")`.
    Inputs,
    /// Paths of a cache: inside the workspace, or below the job's home.
    CachePaths,
    /// Texts, as patterns of names.
    Texts,
    /// Values of any type.
    Values,
    /// Which workers.
    Selector,
    /// Jobs and stages.
    References,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words.
    Words(&'static [&'static str]),
    /// Exit codes.
    ExitCodes,
    /// A number, or a share of the whole.
    Batch,
    /// Fields of different types.
    Record(&'static Record),
    /// An environment, or one key of it: `prod["eu"]`.
    Environment,
    /// Somebody.
    Person,
    /// Several people or teams.
    People,
    /// A team: `team.payments`.
    Team,
    /// Ports.
    Ports,
    /// What says that a service is ready: `tcp(port, within = 30s)`.
    Ready,
    /// Keys of an environment, or `any`.
    Keys,
    /// A name that is looked up elsewhere: a pipeline, a calendar.
    Name,
    /// An event with its fields.
    Event,
}

/// Fields that a setting takes between `{` and `}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// How messages call it.
    pub title: &'static str,
    /// An example, for messages.
    pub example: &'static str,
    /// Its fields.
    pub fields: &'static [RecordField],
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct RecordField {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub ty: SettingType,
    /// Whether it must be there.
    pub required: bool,
}

const fn needed(name: &'static str, ty: SettingType) -> RecordField {
    RecordField {
        name,
        ty,
        required: true,
    }
}

const fn optional(name: &'static str, ty: SettingType) -> RecordField {
    RecordField {
        name,
        ty,
        required: false,
    }
}

/// The ends after which a job may be tried again.
pub const RETRY_WORDS: &[&str] = &["failed", "timed_out", "worker_lost"];

/// The most repetitions: what fails so often is broken, and a typing error must not occupy a worker
/// for days.
pub const MAX_RETRIES: i64 = 100;

static RETRY: Record = Record {
    title: "retry",
    example: "{ times = 2, on = [worker_lost], delay = 5s }",
    fields: &[
        needed("times", S::Int(0, MAX_RETRIES)),
        optional("on", S::Words(RETRY_WORDS)),
        optional("delay", S::Duration),
    ],
};

static STEP_RETRY: Record = Record {
    title: "retry",
    example: "{ times = 2, delay = 5s }",
    fields: &[
        needed("times", S::Int(0, MAX_RETRIES)),
        optional("delay", S::Duration),
    ],
};

static CONCURRENCY: Record = Record {
    title: "concurrency",
    example: "{ group = \"deploy\", when_busy = queue }",
    fields: &[
        needed("group", S::Text),
        optional("when_busy", S::Word(&["queue", "cancel_older"])),
    ],
};

static RESOURCES: Record = Record {
    title: "resources",
    example: "{ cpu = 2, memory = 4GiB }",
    fields: &[
        optional("cpu", S::Int(1, 1 << 20)),
        optional("memory", S::Values),
        optional("disk", S::Values),
    ],
};

const fn setting(name: &'static str, ty: SettingType, doc: &'static str) -> Setting {
    Setting {
        name,
        ty,
        doc,
        availability: Ready,
    }
}

const fn planned(
    name: &'static str,
    ty: SettingType,
    doc: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        ty,
        doc,
        availability: Planned(help),
    }
}

const fn ignored(name: &'static str, ty: SettingType, doc: &'static str) -> Setting {
    Setting {
        name,
        ty,
        doc,
        availability: Ignored,
    }
}

const NO_DEPLOYMENT: &str =
    "deployments are not carried out yet: take it out, or run other jobs with `--job`";
const NO_LOCK: &str = "locks between runs are not held yet: take it out";
const NO_BATCH: &str = "bound how many run at once with `max_parallel`";

const NEEDS: Setting = setting(
    "needs",
    S::References,
    "What must have succeeded before: `[build, test]`.",
);
const AFTER: Setting = setting(
    "after",
    S::References,
    "What must have ended well before, or did not apply.",
);
const WHEN: Setting = setting(
    "when",
    S::Condition,
    "Whether it applies; where it is false, it is skipped.",
);
const TIMEOUT: Setting = setting("timeout", S::Duration, "How long it may take.");
const DIR: Setting = setting(
    "dir",
    S::Path,
    "The folder in which it starts, below the workspace.",
);
const PRIORITY: Setting = setting(
    "priority",
    S::Int(-1_000, 1_000),
    "What goes first where slots are few: the higher one.",
);
const FAIL_FAST: Setting = setting(
    "fail_fast",
    S::Bool,
    "Whether the first failure cancels what still runs.",
);
const ALLOW_FAILURE: Setting = setting(
    "allow_failure",
    S::Bool,
    "Whether a failure counts as a success.",
);
const RETRY_JOB: Setting = setting(
    "retry",
    S::Record(&RETRY),
    "How often it is tried again, after which ends, and after which delay.",
);
const RUNS_ON: Setting = setting("runs_on", S::Selector, "Which workers may run it.");
const CONCURRENCY_SETTING: Setting = planned(
    "concurrency",
    S::Record(&CONCURRENCY),
    "Runs of one group go one at a time.",
    "runs do not exclude each other yet: take it out",
);

/// The settings that jobs and stages with a `for` share.
const MANY: [Setting; 3] = [
    setting(
        "max_parallel",
        S::Int(1, 1_000_000),
        "How many elements of the `for` run at once.",
    ),
    planned(
        "batch",
        S::Batch,
        "How many elements start together: a number, or a share like `25%`.",
        NO_BATCH,
    ),
    setting(
        "max_failures",
        S::Int(0, 1_000_000),
        "How many elements may fail before nothing further is started.",
    ),
];

/// Those of what can be a deployment.
const DEPLOYMENT: [Setting; 4] = [
    planned(
        "environment",
        S::Environment,
        "Where it deploys to: `prod[\"eu\"]`. Held for as long.",
        NO_DEPLOYMENT,
    ),
    planned(
        "version",
        S::Text,
        "Which version it deploys.",
        NO_DEPLOYMENT,
    ),
    planned(
        "rollback",
        S::Word(&["last_verified", "none"]),
        "What is done for an element that fails.",
        NO_DEPLOYMENT,
    ),
    planned(
        "lock",
        S::Text,
        "Held by one run at a time, for as long.",
        NO_LOCK,
    ),
];

pub(super) static PIPELINE: &[Setting] = &[
    setting("title", S::Literal, "What people call it."),
    ignored("owner", S::Team, "The team that answers for it."),
    CONCURRENCY_SETTING,
    TIMEOUT,
    PRIORITY,
    FAIL_FAST,
];

pub(super) static STAGE: &[Setting] = &[NEEDS, AFTER, WHEN, FAIL_FAST];

pub(super) static FAN_OUT: &[Setting] = &MANY;

pub(super) static FLEET: &[Setting] = &[planned(
    "absent",
    S::Word(&["fail", "wait", "skip"]),
    "What becomes of a worker of the fleet that is away.",
    "fleets are not rolled over yet: take it out",
)];

pub(super) static DEPLOY: &[Setting] = &DEPLOYMENT;

pub(super) static JOB: &[Setting] = &[
    NEEDS,
    AFTER,
    WHEN,
    RUNS_ON,
    planned(
        "resources",
        S::Record(&RESOURCES),
        "What it may use of a machine.",
        "resources are not bounded yet: take it out",
    ),
    DIR,
    TIMEOUT,
    RETRY_JOB,
    setting(
        "inputs",
        S::Inputs,
        "The files that it depends on: nothing else is in its workspace.",
    ),
    setting(
        "produces",
        S::Globs,
        "The files that it hands to the jobs that need it.",
    ),
    ALLOW_FAILURE,
    PRIORITY,
    FAIL_FAST,
    setting(
        "checkout",
        S::Bool,
        "Whether the source tree is in its workspace; `true` where it is not said.",
    ),
];

pub(super) static DEFAULTS: &[Setting] = &[RUNS_ON, TIMEOUT, RETRY_JOB];

pub(super) static STEP: &[Setting] = &[
    WHEN,
    DIR,
    TIMEOUT,
    setting(
        "retry",
        S::Record(&STEP_RETRY),
        "How often it is repeated in its place after it failed.",
    ),
    setting(
        "exit_codes",
        S::ExitCodes,
        "The exit codes that are a success; `[0]` where it is not said.",
    ),
    ALLOW_FAILURE,
];

pub(super) static SERVICE: &[Setting] = &[
    setting("image", S::Text, "The container image."),
    setting("ports", S::Ports, "The ports that it listens on."),
    setting(
        "ready",
        S::Ready,
        "What says that it is ready: `tcp(8080, within = 30s)`.",
    ),
];

pub(super) static CACHE: &[Setting] = &[
    setting("key", S::Values, "What the cached files depend on."),
    setting(
        "paths",
        S::CachePaths,
        "What is kept; `~/` is the home of the job itself.",
    ),
];

pub(super) static APPROVE: &[Setting] = &[
    setting("by", S::People, "Who may decide."),
    setting(
        "at_least",
        S::Int(1, 100),
        "How many different people must agree.",
    ),
    setting(
        "not_author",
        S::Bool,
        "Whether the author of the change is excluded.",
    ),
    setting(
        "expires",
        S::Duration,
        "After how long it counts as refused.",
    ),
];

pub(super) static MERGE: &[Setting] = &[
    NEEDS,
    setting(
        "method",
        S::Word(&["merge", "squash", "rebase"]),
        "How the branch is merged.",
    ),
    setting(
        "require",
        S::Word(&["up_to_date", "mergeable"]),
        "What must be true of the branch.",
    ),
];

pub(super) static NOTIFY: &[Setting] = &[
    WHEN,
    setting("to", S::People, "Who is told."),
    setting("message", S::Shown, "What they are told."),
];

pub(super) static ON: &[Setting] = &[
    setting(
        "branches",
        S::Texts,
        "Only for these branches; `*` stands for any text.",
    ),
    setting(
        "tags",
        S::Texts,
        "Only for these tags; `*` stands for any text.",
    ),
    setting(
        "paths",
        S::Globs,
        "Only where a file that matches has changed.",
    ),
    setting(
        "labels",
        S::Texts,
        "Only for pull requests with one of these labels.",
    ),
    setting(
        "matches",
        S::Pattern,
        "Only for comments that match from end to end.",
    ),
    setting(
        "timezone",
        S::Literal,
        "In which zone the times are meant: `Europe/Tallinn`.",
    ),
    CONCURRENCY_SETTING,
];

pub(super) static PARAM: &[Setting] = &[
    setting("title", S::Literal, "What people call it."),
    setting("matches", S::Pattern, "What it must match from end to end."),
];

pub(super) static PLUGIN: &[Setting] = &[setting(
    "allow",
    S::Texts,
    "What the plugin may reach besides its arguments.",
)];

pub(super) static TEST: &[Setting] = &[
    setting("pipeline", S::Name, "The pipeline that is tested."),
    setting(
        "event",
        S::Event,
        "What starts the run: `pull_request(head = \"x\")`.",
    ),
];

pub(super) static GIVEN: &[Setting] = &[];

pub(super) static ENVIRONMENT: &[Setting] = &[
    setting("keys", S::Keys, "The places that it consists of, or `any`."),
    setting("expires", S::Duration, "After how long it is taken down."),
    setting(
        "destroy_on",
        S::Words(&["pull_request_closed"]),
        "What takes it down.",
    ),
    setting(
        "planned_from",
        S::Texts,
        "The branches whose pipelines may deploy to it.",
    ),
    setting(
        "freeze",
        S::Name,
        "The calendar in which nothing is deployed.",
    ),
];

pub(super) static TEAM: &[Setting] = &[
    setting("members", S::Texts, "Who is in it."),
    setting(
        "on_call",
        S::Literal,
        "Where whoever is on call is reached.",
    ),
];

pub(super) static CALENDAR: &[Setting] = &[
    setting("closed", S::Texts, "The days: `12-24/01-02`."),
    setting("timezone", S::Literal, "In which zone days begin."),
];

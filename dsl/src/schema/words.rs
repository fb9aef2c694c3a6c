//! The tables of words.

use super::{Argument as A, Availability, BlockUse, HeaderPart as H, LevelKind as L, Word};
use Availability::{Ignored, Planned, Ready, Unplanned, Windows};

const NO_ARGUMENTS: &[A] = &[];
const NAMED: &[A] = &[A::Name];
const NOTHING: &[H] = &[];

const fn word(
    word: &'static str,
    form: &'static str,
    arguments: &'static [A],
    block: BlockUse,
    doc: &'static str,
) -> Word {
    Word {
        word,
        form,
        doc,
        arguments,
        header: NOTHING,
        block,
        availability: Ready,
    }
}

const fn with(header: &'static [H], word: Word) -> Word {
    Word { header, ..word }
}

const fn but(availability: Availability, word: Word) -> Word {
    Word {
        availability,
        ..word
    }
}

const USE_PLUGIN: &str = "plugins are not run yet: call a program with `exec` or `sh`";
const USE_TEMPLATE: &str = "templates are not expanded yet: write the jobs in the pipeline itself";
const NO_IMPORT: &str = "files are not imported yet: write what is used in this file";
const NO_PERSON: &str =
    "nobody can be asked in a local run: select the jobs before it with `--job`";

const LET: Word = with(
    &[H::OptionalType, H::Value],
    word(
        "let",
        "let name = value",
        NAMED,
        BlockUse::None,
        "Gives a value a name.",
    ),
);
const ENV: Word = word(
    "env",
    "env { NAME = value }",
    NO_ARGUMENTS,
    BlockUse::Required(L::Env),
    "Variables of the environment.",
);
const STAGE: Word = with(
    &[H::For],
    word(
        "stage",
        "stage name { … }",
        NAMED,
        BlockUse::Required(L::Stage),
        "Jobs that belong together: waits for all above it, and all below waits for it.",
    ),
);
const JOB: Word = with(
    &[H::For],
    word(
        "job",
        "job name { … }",
        NAMED,
        BlockUse::Required(L::Job),
        "What is sent to a worker: one workspace, steps in order.",
    ),
);
const APPROVE: Word = but(
    Planned(NO_PERSON),
    word(
        "approve",
        "approve name { … }",
        NAMED,
        BlockUse::Required(L::Approve),
        "Waits for people to agree.",
    ),
);
const MERGE: Word = but(
    Planned("a pull request is merged by a server only: select the jobs before it with `--job`"),
    word(
        "merge",
        "merge name { needs = […] }",
        NAMED,
        BlockUse::Required(L::Merge),
        "Merges the pull request.",
    ),
);
const NOTIFY: Word = but(
    Planned("nobody is told in a local run: take it out, or print with a job"),
    word(
        "notify",
        "notify name { to = […], message = \"…\" }",
        NAMED,
        BlockUse::Required(L::Notify),
        "Tells people.",
    ),
);
const USE_IN_BLOCK: Word = with(
    &[H::OptionalAs],
    but(
        Unplanned(USE_TEMPLATE),
        word(
            "use",
            "use template(name = value) as name",
            &[A::Call],
            BlockUse::None,
            "The jobs of a template.",
        ),
    ),
);

pub(super) static FILE: &[Word] = &[
    word(
        "gantry",
        "gantry 1",
        &[A::Value],
        BlockUse::None,
        "The version of the language that the file is written in.",
    ),
    with(
        &[H::As],
        but(
            Unplanned(NO_IMPORT),
            word(
                "import",
                "import \"path\" as name",
                &[A::Text],
                BlockUse::None,
                "Templates of another file.",
            ),
        ),
    ),
    with(
        &[H::Value],
        but(
            Ignored,
            word(
                "plugin",
                "plugin name = \"builtin:http\"",
                NAMED,
                BlockUse::Optional(L::Plugin),
                "A plugin, for `use name.function(…)`.",
            ),
        ),
    ),
    word(
        "pipeline",
        "pipeline name { … }",
        NAMED,
        BlockUse::Required(L::Pipeline),
        "What is run for an event.",
    ),
    but(
        Ignored,
        word(
            "template",
            "template name(parameter: type) { … }",
            &[A::Signature],
            BlockUse::Required(L::Pipeline),
            "Jobs or steps with parameters, for `use`.",
        ),
    ),
    LET,
    but(
        Ignored,
        word(
            "test",
            "test \"title\" { … }",
            &[A::Text],
            BlockUse::Required(L::Test),
            "An event, and what must follow from it.",
        ),
    ),
];

pub(super) static SITE: &[Word] = &[
    word(
        "environment",
        "environment name { … }",
        NAMED,
        BlockUse::Required(L::Environment),
        "In the site file: a place that is deployed to.",
    ),
    word(
        "team",
        "team name { members = […] }",
        NAMED,
        BlockUse::Required(L::Team),
        "In the site file: people.",
    ),
    word(
        "calendar",
        "calendar name { closed = […] }",
        NAMED,
        BlockUse::Required(L::Calendar),
        "In the site file: days on which nothing is deployed.",
    ),
    with(
        &[H::Type],
        word(
            "fact",
            "fact name: type",
            NAMED,
            BlockUse::None,
            "In the site file: what selectors can ask of a worker.",
        ),
    ),
];

pub(super) static PIPELINE: &[Word] = &[
    word(
        "on",
        "on push { … }",
        &[A::Event],
        BlockUse::Optional(L::On),
        "What starts a run.",
    ),
    with(
        &[H::Type, H::Default],
        word(
            "param",
            "param name: type = default",
            NAMED,
            BlockUse::Optional(L::Param),
            "A value that whoever starts the run can set.",
        ),
    ),
    LET,
    ENV,
    STAGE,
    JOB,
    APPROVE,
    MERGE,
    NOTIFY,
    USE_IN_BLOCK,
    word(
        "defaults",
        "defaults { timeout = 10m }",
        NO_ARGUMENTS,
        BlockUse::Required(L::Defaults),
        "Settings of the jobs below it.",
    ),
    word(
        "finally",
        "finally { … }",
        NO_ARGUMENTS,
        BlockUse::Required(L::Finally),
        "Jobs that run last, in any case.",
    ),
];

pub(super) static STAGE_WORDS: &[Word] = &[
    JOB,
    APPROVE,
    MERGE,
    USE_IN_BLOCK,
    word(
        "on_failure",
        "on_failure { job … }",
        NO_ARGUMENTS,
        BlockUse::Required(L::StageHook),
        "Jobs for when something of the stage has failed.",
    ),
    word(
        "always",
        "always { job … }",
        NO_ARGUMENTS,
        BlockUse::Required(L::StageHook),
        "Jobs that run at the end of the stage, in any case.",
    ),
];

pub(super) static JOBS: &[Word] = &[JOB];

pub(super) static FINALLY: &[Word] = &[JOB, NOTIFY];

pub(super) static ENV_WORDS: &[Word] = &[ENV];

/// What a job does, one after the other.
pub(super) static STEPS: &[Word] = &[
    word(
        "exec",
        "exec [\"program\", \"argument\"]",
        &[A::Label, A::List],
        BlockUse::Optional(L::Step),
        "Runs a program with arguments, without a shell.",
    ),
    script("sh", "sh \"script\"", Ready, "A script for `sh -eu`."),
    script(
        "bash",
        "bash \"script\"",
        Ready,
        "A script for `bash -euo pipefail`.",
    ),
    script(
        "pwsh",
        "pwsh \"script\"",
        Windows,
        "A script for PowerShell 7.",
    ),
    script(
        "powershell",
        "powershell \"script\"",
        Windows,
        "A script for Windows PowerShell.",
    ),
    script(
        "cmd",
        "cmd \"script\"",
        Windows,
        "A script for the command interpreter of Windows.",
    ),
    script(
        "python",
        "python \"script\"",
        Ready,
        "A script for Python 3.",
    ),
    but(
        Planned("containers are not started yet: run the step with `sh`"),
        word(
            "container",
            "container \"image\" { … }",
            &[A::Value],
            BlockUse::Required(L::Container),
            "Steps inside a container.",
        ),
    ),
    but(
        Planned(USE_PLUGIN),
        word(
            "use",
            "use plugin.function(name = value)",
            &[A::Call],
            BlockUse::Optional(L::Step),
            "A function of a plugin, or the steps of a template.",
        ),
    ),
    word(
        "artifact",
        "artifact \"path\"",
        &[A::Paths],
        BlockUse::Optional(L::Step),
        "Files that are kept for people.",
    ),
    but(
        Planned("reports are not read yet: keep the file with `artifact`"),
        word(
            "report",
            "report junit \"path\"",
            &[
                A::Word(&[
                    "junit", "nunit", "trx", "tap", "coverage", "sarif", "summary",
                ]),
                A::Path,
            ],
            BlockUse::None,
            "A file that is shown as test results, coverage or findings.",
        ),
    ),
];

const fn script(
    name: &'static str,
    form: &'static str,
    availability: Availability,
    doc: &'static str,
) -> Word {
    but(
        availability,
        word(
            name,
            form,
            &[A::Label, A::Script],
            BlockUse::Optional(L::Step),
            doc,
        ),
    )
}

const fn hook(name: &'static str, form: &'static str, doc: &'static str) -> Word {
    word(
        name,
        form,
        NO_ARGUMENTS,
        BlockUse::Required(L::JobHook),
        doc,
    )
}

pub(super) static JOB_WORDS: &[Word] = &[
    ENV,
    with(
        &[H::Type],
        word(
            "output",
            "output name: type",
            NAMED,
            BlockUse::None,
            "What the job tells others: a line `name=value` in `$GANTRY_OUTPUT`.",
        ),
    ),
    but(
        Planned("containers are not started yet: start what is needed in a step"),
        word(
            "service",
            "service name { image = \"…\" }",
            NAMED,
            BlockUse::Required(L::Service),
            "A container beside the steps.",
        ),
    ),
    but(
        Planned("caches are not kept yet: take it out, the job is slower but right"),
        word(
            "cache",
            "cache name { key = […], paths = […] }",
            NAMED,
            BlockUse::Required(L::Cache),
            "Files that make the next run of the job faster.",
        ),
    ),
    hook("on_failure", "on_failure { … }", "Steps after a failure."),
    hook("on_success", "on_success { … }", "Steps after a success."),
    hook("always", "always { … }", "Steps in any case, last."),
    but(
        Planned(
            "deployments are not carried out yet: make these steps of a job that `needs` this one",
        ),
        word(
            "verify",
            "verify { … }",
            NO_ARGUMENTS,
            BlockUse::Required(L::Verify),
            "Steps that say whether a deployment works.",
        ),
    ),
];

pub(super) static TEST: &[Word] = &[
    word(
        "expect",
        "expect runs [a, b]",
        &[A::Word(&["runs", "order", "skipped", "secrets"]), A::List],
        BlockUse::None,
        "What must follow.",
    ),
    word(
        "given",
        "given job { output = value }",
        NAMED,
        BlockUse::Required(L::Given),
        "What a job would have given.",
    ),
];

pub(super) static DESTROY: &[Word] = &[word(
    "destroy",
    "destroy { … }",
    NO_ARGUMENTS,
    BlockUse::Required(L::Destroy),
    "Steps that take an environment down.",
)];

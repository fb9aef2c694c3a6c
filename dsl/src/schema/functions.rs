//! The functions of expressions.

use super::Availability;

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called, for messages and help.
    pub form: &'static str,
    /// One line on what it gives.
    pub doc: &'static str,
    /// The fewest arguments.
    pub min: usize,
    /// The most arguments.
    pub max: usize,
    /// Whether this build carries it out.
    pub availability: Availability,
}

/// No call has more arguments.
const MANY: usize = 1_000;

const fn function(
    name: &'static str,
    form: &'static str,
    counts: (usize, usize),
    doc: &'static str,
) -> Function {
    Function {
        name,
        form,
        doc,
        min: counts.0,
        max: counts.1,
        availability: Availability::Ready,
    }
}

/// All functions, by name.
pub const FUNCTIONS: [Function; 14] = [
    function(
        "changed",
        "changed(\"src/**\")",
        (1, MANY),
        "Whether a file that matches differs from the merge base, or from the commit before the push.",
    ),
    function(
        "checked",
        "checked(text, \"regex\")",
        (2, 2),
        "The text as a `string`, if the expression matches it from end to end; an error otherwise.",
    ),
    function(
        "default",
        "default(job.output, value)",
        (2, 2),
        "The value where the output is absent.",
    ),
    function(
        "digest",
        "digest(\"Cargo.lock\")",
        (1, MANY),
        "A digest of the contents of the files of the commit that match.",
    ),
    function(
        "failed",
        "failed()",
        (0, 0),
        "Whether something of the run has failed.",
    ),
    Function {
        availability: Availability::Planned(
            "bind the secret itself in `env`: `TOKEN = secret.token`",
        ),
        ..function(
            "file",
            "file(secret.name)",
            (1, 1),
            "The path of a file that holds the secret.",
        )
    },
    function(
        "glob",
        "glob(\"src/*.rs\")",
        (1, MANY),
        "The paths of the commit that match, sorted.",
    ),
    function(
        "has",
        "has(\"docker\")",
        (1, 1),
        "Whether the worker carries the label.",
    ),
    Function {
        availability: Availability::Planned("put a token of your own into a secret"),
        ..function(
            "id_token",
            "id_token(\"audience\")",
            (1, 1),
            "A short-lived token that says which run asks, as a secret.",
        )
    },
    function(
        "inherit",
        "inherit(\"NAME\")",
        (1, 1),
        "The variable of the machine that runs the job, for `env`.",
    ),
    function(
        "range",
        "range(n)",
        (1, 1),
        "The numbers from 0 to `n - 1`.",
    ),
    function(
        "read_json",
        "read_json(\"x.json\")",
        (1, 1),
        "The file of the commit, of the type that its place expects.",
    ),
    Function {
        availability: Availability::Planned("name the file that pins the version in `inputs`"),
        ..function(
            "tool",
            "tool(\"rustc\")",
            (1, 1),
            "Among `inputs`: the version of the program that the worker has.",
        )
    },
    Function {
        availability: Availability::Unplanned(
            "name the machines in a list: `for host in [\"web1\", \"web2\"]`",
        ),
        ..function(
            "workers",
            "workers(worker.role == \"web\")",
            (1, 1),
            "In a `for`: all workers that the selector fits.",
        )
    },
];

impl Function {
    /// The function of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        const ALL: &[Function] = &FUNCTIONS;
        ALL.iter().find(|function| function.name == name)
    }
}

//! The exit codes of `gantry`: one table, the same as in `docs/exit-codes.md`.

/// How the command ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command did what it was asked to.
    Succeeded = 0,
    /// The run ended, and not well.
    RunFailed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The pipeline has errors; nothing was started.
    PipelineErrors = 3,
    /// What was named is not there.
    NotFound = 4,
    /// The store or the system failed.
    System = 5,
    /// A person ended the run.
    Canceled = 130,
}

impl ExitCode {
    /// Every code with its name and what it means, in the order of the numbers.
    pub const TABLE: [(Self, &'static str, &'static str); 7] = [
        (
            Self::Succeeded,
            "succeeded",
            "It did what it was asked to; every job succeeded, or was not applicable.",
        ),
        (
            Self::RunFailed,
            "run failed",
            "The run ended, and not well: a job failed, timed out or was lost.",
        ),
        (
            Self::Usage,
            "usage",
            "An unknown option, a missing argument, a value of the wrong form.",
        ),
        (
            Self::PipelineErrors,
            "pipeline errors",
            "It has errors, or asks for what this build can't execute; nothing was started.",
        ),
        (
            Self::NotFound,
            "not found",
            "No pipeline file, no pipeline of that name, no such run or job.",
        ),
        (
            Self::System,
            "system",
            "The store or the system failed: disk full, no permission, a newer store.",
        ),
        (
            Self::Canceled,
            "canceled",
            "Ctrl-C or SIGTERM ended the run.",
        ),
    ];

    /// The number that a shell sees.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The table as `gantry help exit-codes` shows it.
    #[must_use]
    pub fn help() -> String {
        let mut text = String::from(
            "How each command tells a script how it ended. A step's own exit code is in the run's \
             summary; it is never the exit code of gantry.\n",
        );
        for (code, name, meaning) in Self::TABLE {
            text.push_str(&format!(
                "\n{:>5}  {name}\n       {meaning}\n",
                code.number()
            ));
        }
        text
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.number().into()
    }
}

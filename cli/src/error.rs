//! The one error type at the edge: what went wrong, why, what to do, and the exit code.

use crate::exit_code::ExitCode;
use crate::output::Palette;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::io;

/// An error as a person is told it. The message says what was attempted, the cause why it failed;
/// neither repeats the other.
#[derive(Debug)]
pub struct Error {
    /// What a script is told.
    pub code: ExitCode,
    /// What went wrong: one line, lower case, no full stop.
    pub message: String,
    /// Why.
    pub cause: Option<Box<dyn StdError + Send + Sync>>,
    /// What to do, each a sentence.
    pub hints: Vec<String>,
}

/// What commands give back.
pub type Result<T = ExitCode, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            cause: None,
            hints: Vec::new(),
        }
    }

    /// The command line asks for something that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// The pipeline can't be run.
    pub fn pipeline(message: impl Into<String>) -> Self {
        Self::new(ExitCode::PipelineErrors, message)
    }

    /// Something that was named is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ExitCode::NotFound, message)
    }

    /// The store or the system failed.
    pub fn system(message: impl Into<String>) -> Self {
        Self::new(ExitCode::System, message)
    }

    /// Says why.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// As it is printed, with a line break at its end.
    #[must_use]
    pub fn render(&self, palette: Palette) -> String {
        let mut text = format!("{} {}\n", palette.bad("error:"), self.message);
        let mut cause: Option<&dyn StdError> = self.cause.as_deref().map(|cause| cause as _);
        while let Some(error) = cause {
            // Writing to a string can't fail.
            let _ = writeln!(text, "  {} {error}", palette.dim("because:"));
            cause = error.source();
        }
        for hint in &self.hints {
            let _ = writeln!(text, "  {} {hint}", palette.note("help:"));
        }
        text
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::from(io::Error::from(error))
    }
}

/// A failed write to standard output, the only IO that is not explained where it happens.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        // The reader has seen enough (`gantry logs | head`): that is no error.
        let code = match error.kind() {
            io::ErrorKind::BrokenPipe => ExitCode::Succeeded,
            _ => ExitCode::System,
        };
        Self::new(code, "can't write to standard output").because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn an_error_says_what_why_and_what_to_do() {
        let cause = io::Error::other("it is locked");
        let error = Error::system("can't open the store")
            .because(cause)
            .hint("end the other process")
            .hint("or name another folder with `--store`");
        assert_snapshot!(error.render(Palette::PLAIN), @"
        error: can't open the store
          because: it is locked
          help: end the other process
          help: or name another folder with `--store`
        ");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        let error = Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.code, ExitCode::Succeeded);
        let error = Error::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.code, ExitCode::System);
    }
}

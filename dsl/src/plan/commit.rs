//! The source tree, as far as expressions may ask about it. No IO here: whoever makes a plan has it.

use std::fmt;

/// The files of a commit, or of the working tree where it has changes. The same commit must give the
/// same answers.
pub trait Commit {
    /// The paths of files that match one of the patterns, with `/`.
    ///
    /// # Errors
    /// Where the tree can't be read.
    fn glob(&self, patterns: &[&str]) -> Result<Vec<String>, CommitError>;

    /// A digest over the paths and contents of the files that match one of the patterns.
    ///
    /// # Errors
    /// Where none matches, or the tree can't be read.
    fn digest(&self, patterns: &[&str]) -> Result<String, CommitError>;

    /// The text of a file.
    ///
    /// # Errors
    /// Where there is no such file, or it is not UTF-8.
    fn read(&self, path: &str) -> Result<String, CommitError>;

    /// Whether a file that matches one of the patterns differs from the merge base, or from the commit
    /// before the push; `true` where there is none.
    ///
    /// # Errors
    /// Where the tree can't be read.
    fn changed(&self, patterns: &[&str]) -> Result<bool, CommitError>;
}

/// Why there is no answer, as a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitError(pub String);

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CommitError {}

/// A tree without files: for a place without a repository.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptyCommit;

impl EmptyCommit {
    fn nothing<T>() -> Result<T, CommitError> {
        Err(CommitError("there is no source tree".to_owned()))
    }
}

impl Commit for EmptyCommit {
    fn glob(&self, _: &[&str]) -> Result<Vec<String>, CommitError> {
        Self::nothing()
    }
    fn digest(&self, _: &[&str]) -> Result<String, CommitError> {
        Self::nothing()
    }
    fn read(&self, _: &str) -> Result<String, CommitError> {
        Self::nothing()
    }
    fn changed(&self, _: &[&str]) -> Result<bool, CommitError> {
        Ok(true)
    }
}

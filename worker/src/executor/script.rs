//! The command line of a step.
//!
//! A script is handed to its interpreter as an argument, as it stands: that needs no file, and a
//! program that reads its own folder finds the workspace. Where it is too long for that, or the
//! interpreter can't be trusted with one argument (PowerShell, `cmd`), it goes to a file outside the
//! workspace.

use model::spec::{Action, Shell};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The longest script that is an argument, in bytes. Linux allows 128 KiB for one argument, Windows 32
/// KiB for the whole command line, quotation marks included.
const ARGUMENT_LIMIT: usize = if cfg!(windows) { 8 << 10 } else { 120 << 10 };

/// Python's way to run a file while modules are still found from the workspace.
const PYTHON_FILE: &str =
    "import sys; exec(compile(open(sys.argv.pop(), encoding='utf-8').read(), '<script>', 'exec'))";

/// Stops at the first error, also at that of a program.
const PWSH_START: &str =
    "$ErrorActionPreference = 'Stop'; $PSNativeCommandUseErrorActionPreference = $true\n";

/// Windows PowerShell can stop at errors of its own commands only.
const POWERSHELL_START: &str = "$ErrorActionPreference = 'Stop'\n";

/// What a program left as its exit code is the script's; `-File` alone would answer 0.
const POWERSHELL_END: &str = "\nif ($null -ne $LASTEXITCODE) { exit $LASTEXITCODE }\n";

/// Windows PowerShell takes a file without this mark for one of the machine's old encoding.
const UTF8_MARK: &str = "\u{feff}";

/// `cmd` reads a file in the console's encoding.
const CMD_START: &str = "@chcp 65001 >nul\r\n";

/// A program with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
}

/// A script could not be put where its interpreter reads it.
#[derive(Debug, Error)]
#[error("can't write the script to {path}: {source}", path = path.display())]
pub(crate) struct ScriptError {
    path: PathBuf,
    source: io::Error,
}

/// The command line of an action; `None` for one that starts no program. A script that needs a file
/// gets one in `folder`.
pub(crate) fn command_line(
    action: &Action,
    folder: &Path,
) -> Result<Option<CommandLine>, ScriptError> {
    match action {
        Action::Artifact { .. } => Ok(None),
        Action::Exec { argv } => {
            let mut words = argv.iter().map(Into::into);
            Ok(Some(CommandLine {
                program: words.next().unwrap_or_default(),
                args: words.collect(),
            }))
        }
        Action::Script { shell, text } => script(*shell, text, folder).map(Some),
    }
}

fn script(shell: Shell, text: &str, folder: &Path) -> Result<CommandLine, ScriptError> {
    let is_argument = text.len() <= ARGUMENT_LIMIT;
    let file = |extension: &str, content: &str| -> Result<OsString, ScriptError> {
        let path = folder.join(format!("script.{extension}"));
        match fs::write(&path, content) {
            Ok(()) => Ok(path.into()),
            Err(source) => Err(ScriptError { path, source }),
        }
    };
    let (program, args): (&str, Vec<OsString>) = match (shell, is_argument) {
        (Shell::Sh, true) => ("sh", words(&["-eu", "-c"], text.into())),
        (Shell::Sh, false) => ("sh", words(&["-eu"], file("sh", text)?)),
        (Shell::Bash, true) => ("bash", words(&["-euo", "pipefail", "-c"], text.into())),
        (Shell::Bash, false) => ("bash", words(&["-euo", "pipefail"], file("sh", text)?)),
        // Unbuffered: what a script prints is seen when it prints it, and in order.
        (Shell::Python, true) => (python(), words(&["-u", "-c"], text.into())),
        (Shell::Python, false) => (
            python(),
            words(&["-u", "-c", PYTHON_FILE], file("py", text)?),
        ),
        (Shell::Pwsh, _) => {
            let content = format!("{UTF8_MARK}{PWSH_START}{text}{POWERSHELL_END}");
            let args = ["-NoLogo", "-NoProfile", "-NonInteractive", "-File"];
            ("pwsh", words(&args, file("ps1", &content)?))
        }
        (Shell::Powershell, _) => {
            let content = format!("{UTF8_MARK}{POWERSHELL_START}{text}{POWERSHELL_END}");
            let args = [
                "-NoLogo",
                "-NoProfile",
                "-NonInteractive",
                "-ExecutionPolicy",
                "Bypass",
                "-File",
            ];
            ("powershell", words(&args, file("ps1", &content)?))
        }
        (Shell::Cmd, _) => {
            let lines: Vec<&str> = text.lines().collect();
            let content = format!("{CMD_START}{}\r\n", lines.join("\r\n"));
            ("cmd", words(&["/d", "/q", "/c"], file("cmd", &content)?))
        }
    };
    Ok(CommandLine {
        program: program.into(),
        args,
    })
}

/// What Python 3 is called: on Windows there is no `python3`, but for a lure of the store.
fn python() -> &'static str {
    if cfg!(windows) { "python" } else { "python3" }
}

fn words(words: &[&str], last: OsString) -> Vec<OsString> {
    words.iter().map(Into::into).chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use super::{ARGUMENT_LIMIT, command_line};
    use model::spec::{Action, Shell};

    /// The command line for a script, and what the file holds, if there is one.
    fn of(shell: Shell, text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let text = text.to_owned();
        let line = command_line(&Action::Script { shell, text }, folder.path());
        let line = line.unwrap().unwrap();
        let words: Vec<String> = std::iter::once(&line.program)
            .chain(&line.args)
            .map(|word| word.to_str().unwrap().to_owned())
            .collect();
        let line = words
            .join(" ")
            .replace(folder.path().to_str().unwrap(), "FOLDER");
        let mut files = std::fs::read_dir(folder.path()).unwrap();
        match files.next() {
            None => line,
            Some(file) => {
                let content = std::fs::read_to_string(file.unwrap().path()).unwrap();
                let shown: String = content.chars().take(160).collect();
                format!("{line}\n{shown:?}")
            }
        }
    }

    #[test]
    fn scripts_are_arguments() {
        insta::assert_snapshot!(of(Shell::Sh, "echo $X"), @"sh -eu -c echo $X");
        insta::assert_snapshot!(of(Shell::Bash, "a | b"), @"bash -euo pipefail -c a | b");
        insta::assert_snapshot!(of(Shell::Python, "print(1)"), @"python3 -u -c print(1)");
    }

    #[test]
    fn some_need_a_file() {
        insta::assert_snapshot!(of(Shell::Pwsh, "ls"), @r#"
        pwsh -NoLogo -NoProfile -NonInteractive -File FOLDER/script.ps1
        "\u{feff}$ErrorActionPreference = 'Stop'; $PSNativeCommandUseErrorActionPreference = $true\nls\nif ($null -ne $LASTEXITCODE) { exit $LASTEXITCODE }\n"
        "#);
        insta::assert_snapshot!(of(Shell::Powershell, "ls"), @r#"
        powershell -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File FOLDER/script.ps1
        "\u{feff}$ErrorActionPreference = 'Stop'\nls\nif ($null -ne $LASTEXITCODE) { exit $LASTEXITCODE }\n"
        "#);
        insta::assert_snapshot!(of(Shell::Cmd, "dir\necho %X%"), @r#"
        cmd /d /q /c FOLDER/script.cmd
        "@chcp 65001 >nul\r\ndir\r\necho %X%\r\n"
        "#);
    }

    #[test]
    fn long_ones_too() {
        let long = format!("true{}", "\n".repeat(ARGUMENT_LIMIT));
        let first = |shell| of(shell, &long).lines().next().unwrap().to_owned();
        insta::assert_snapshot!(first(Shell::Sh), @"sh -eu FOLDER/script.sh");
        insta::assert_snapshot!(first(Shell::Bash), @"bash -euo pipefail FOLDER/script.sh");
        insta::assert_snapshot!(first(Shell::Python), @"python3 -u -c import sys; exec(compile(open(sys.argv.pop(), encoding='utf-8').read(), '<script>', 'exec')) FOLDER/script.py");
    }
}

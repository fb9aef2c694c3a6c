//! Runs the real binary: with a cleared environment, a store of its own and a deadline.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use super::{Sandbox, gantry_binary, wait::pause};

/// No test waits longer for one command: far above what any takes on a loaded machine with two
/// cores, far below what a person would wait for a hung one.
const DEADLINE: Duration = Duration::from_secs(120);

/// Commands that take `--store`; the others have none.
const WITH_STORE: [&str; 4] = ["run", "explain", "runs", "logs"];

/// A command line, not started yet.
pub struct Invocation {
    command: Command,
    output: PathBuf,
    root: PathBuf,
    deadline: Duration,
}

impl Invocation {
    pub(super) fn new<A: AsRef<OsStr>>(
        sandbox: &Sandbox,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let args: Vec<OsString> = args
            .into_iter()
            .map(|arg| arg.as_ref().to_owned())
            .collect();
        let root = sandbox.root().to_owned();
        let mut command = Command::new(gantry_binary());
        command
            .current_dir(sandbox.repo())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", root.join("home"))
            .env("XDG_CACHE_HOME", root.join("home/cache"))
            .env("TMPDIR", root.join("tmp"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("COLUMNS", "100")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::null());
        // `--store` belongs to the subcommand, so it comes right after it.
        let takes_store = args
            .first()
            .and_then(|arg| arg.to_str())
            .is_some_and(|word| {
                WITH_STORE.contains(&word) && !args.iter().any(|arg| arg == "--store")
            });
        let (word, rest) = args.split_at(args.len().min(1));
        command.args(word);
        if takes_store {
            command.arg("--store").arg(sandbox.store());
        }
        command.args(rest);
        Self {
            command,
            output: root.join(format!("output-{number}")),
            root,
            deadline: DEADLINE,
        }
    }

    /// Sets a variable of the command's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it in another folder than the repository.
    #[must_use]
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it more or less time than usual.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The command itself, for what this builder does not say.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Starts it. What it prints goes to files, so that nothing a step leaves behind can hold a
    /// pipe to the test.
    #[must_use]
    pub fn start(mut self) -> Running {
        let stdout = self.output.with_extension("stdout");
        let stderr = self.output.with_extension("stderr");
        let child = self
            .command
            .stdout(File::create(&stdout).expect("the sandbox takes files"))
            .stderr(File::create(&stderr).expect("the sandbox takes files"))
            .spawn()
            .expect("the binary under test starts");
        Running {
            child,
            stdout,
            stderr,
            root: self.root,
            deadline: Instant::now() + self.deadline,
        }
    }

    /// Runs it to its end.
    #[must_use]
    #[track_caller]
    pub fn run(self) -> Finished {
        self.start().wait()
    }
}

/// A command that runs. It ends with its value.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    root: PathBuf,
    deadline: Instant,
}

impl Running {
    /// The process id of the command.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed up to now, standard output first.
    #[must_use]
    pub fn printed(&self) -> String {
        read(&self.stdout) + &read(&self.stderr)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be waited for")
            .is_some()
    }

    /// Waits until it has printed `text`.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        loop {
            // The order matters: what it printed last must not be missed when it ends between.
            let ended = self.has_ended();
            let printed = self.printed();
            if printed.contains(text) {
                return self;
            }
            assert!(!ended, "ended without printing {text:?}:\n{printed}");
            assert!(
                Instant::now() < self.deadline,
                "{text:?} was not printed in time:\n{printed}"
            );
            pause();
        }
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the command is a child of the test");
    }

    /// Waits for its end. One that does not end in time is killed, and the test fails with what
    /// it had printed.
    #[must_use]
    #[track_caller]
    pub fn wait(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(
                Instant::now() < self.deadline,
                "did not end in time:\n{}",
                self.printed()
            );
            pause();
        };
        Finished {
            status,
            stdout: read(&self.stdout),
            stderr: read(&self.stderr),
            root: self.root.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only a test that fails gets here with a live child; ending it is all that is left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a command ended and what it printed.
pub struct Finished {
    status: ExitStatus,
    /// Standard output, with invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, with invalid UTF-8 replaced.
    pub stderr: String,
    root: PathBuf,
}

impl Finished {
    /// The exit code; none when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails the test, with all that was printed, unless the exit code is this one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            Some(code),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails the test unless `text` was printed on either stream.
    #[track_caller]
    pub fn expect_text(self, text: &str) -> Self {
        let all = self.all();
        assert!(all.contains(text), "{text:?} is not in:\n{all}");
        self
    }

    /// Fails the test if `text` was printed on either stream.
    #[track_caller]
    pub fn expect_no_text(self, text: &str) -> Self {
        let all = self.all();
        assert!(!all.contains(text), "{text:?} is in:\n{all}");
        self
    }

    /// Both streams, standard output first.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Both streams without what differs from run to run, for a snapshot.
    #[must_use]
    pub fn redacted(&self) -> String {
        super::redact(&self.all(), &self.root)
    }

    /// The lines of standard output as JSON values.
    #[must_use]
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
            })
            .collect()
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("the output is a file of the test")).into_owned()
}

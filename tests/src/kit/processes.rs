//! Which processes belong to a test: those that carry its sandbox's path in their environment,
//! their command line or their working folder. A step can leave its group, its session and its
//! parent, but `/proc` shows the environment that it was started with.

use std::{fs, path::Path};

/// A process that is still there.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its command line, with blanks between the arguments.
    pub command: String,
}

/// All live processes of the sandbox at `root`, but the caller itself.
#[must_use]
pub fn processes_of(root: &Path) -> Vec<Process> {
    let needle = root.as_os_str().as_encoded_bytes();
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        .filter_map(|pid| {
            let folder = Path::new("/proc").join(pid.to_string());
            // A process may end between any two of these reads; then it is not there.
            let command = fs::read(folder.join("cmdline")).ok()?;
            let environment = fs::read(folder.join("environ")).unwrap_or_default();
            let place = fs::read_link(folder.join("cwd")).unwrap_or_default();
            let belongs = contains(&environment, needle)
                || contains(&command, needle)
                || place.starts_with(root);
            (belongs && !is_zombie(&folder)).then(|| Process {
                pid,
                command: String::from_utf8_lossy(&command).replace('\0', " "),
            })
        })
        .collect()
}

/// Whether the tests run as root, who may mount and whom no permission stops.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// One that has ended and waits to be collected holds nothing any more.
fn is_zombie(folder: &Path) -> bool {
    fs::read_to_string(folder.join("stat"))
        .ok()
        .and_then(|stat| {
            stat.rsplit_once(") ")
                .map(|(_, rest)| rest.starts_with('Z'))
        })
        .unwrap_or(true)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn process_is_found_by_its_environment_until_it_has_ended() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(processes_of(root.path()).is_empty());
        let mut child = Command::new("cat")
            .env_clear()
            .env("HOME", root.path().join("home"))
            .stdin(Stdio::piped())
            .spawn()
            .expect("cat starts");
        let found = crate::kit::until(
            "the process is found",
            std::time::Duration::from_secs(10),
            || {
                // Between fork and exec it still has the environment of the test.
                Some(processes_of(root.path())).filter(|found| !found.is_empty())
            },
        );
        assert_eq!(found[0].pid, child.id());
        drop(child.stdin.take());
        // Ended, and not yet collected: it counts as gone.
        crate::kit::until(
            "the process is gone",
            std::time::Duration::from_secs(10),
            || processes_of(root.path()).is_empty().then_some(()),
        );
        child.wait().expect("it is a child");
    }
}

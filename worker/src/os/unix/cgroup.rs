//! A cgroup for processes that are to be killed, where the system lets us make one.
//!
//! The subreaper finds every descendant, but a signal ends only those that we may signal, and one after
//! the other. A cgroup ends all that are in it at once, whoever they belong to. To start every step in
//! one would cost more than all the rest of a short job (moving a process takes 65 µs at best, and up to
//! 9 ms); so processes are moved there only when they have to be killed.

use std::fs;
use std::io;
use std::path::PathBuf;

/// A cgroup of this process's own, empty but for a moment.
#[derive(Debug)]
pub(super) struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes one below the cgroup of this process; `None` where that is not possible.
    pub(super) fn make() -> Option<Self> {
        let path = path_for(std::process::id())?;
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
            _ => {}
        }
        // Older systems (before Linux 5.14) have cgroups without it.
        let group = Self(path);
        group.0.join("cgroup.kill").exists().then_some(group)
    }

    /// Kills these processes, and all that they start meanwhile.
    pub(super) fn kill(&self, pids: impl Iterator<Item = u32>) {
        for pid in pids {
            // Some have ended already. Their numbers can't be anybody else's yet: with all parents
            // halted or killed, only this process buries them.
            let _ = fs::write(self.0.join("cgroup.procs"), pid.to_string());
        }
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // It stays where a process in it can't be ended.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Takes away the one that a slot which was killed has left.
pub(super) fn remove_of(slot: u32) {
    if let Some(path) = path_for(slot) {
        let _ = fs::remove_dir(path);
    }
}

fn path_for(slot: u32) -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let parent = folder(&own, &mounts)?;
    Some(parent.join(format!("gantry-slot-{slot}")))
}

/// The folder of this process's cgroup, in the one hierarchy of version 2.
fn folder(own: &str, mounts: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // `ID PARENT DEVICE ROOT MOUNTPOINT … - TYPE …`
    let mount = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        // In a container that sees only a part of the hierarchy, the paths are of another root.
        (after.starts_with("cgroup2 ") && root == "/").then_some(point)
    })?;
    Some(PathBuf::from(mount).join(path))
}

#[cfg(test)]
mod tests {
    use super::{Cgroup, folder};
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::PathBuf;

    #[test]
    fn the_folder_is_that_of_version_2() {
        let mixed = "9:name=systemd:/x\n0::/user.slice/a b.scope\n";
        let mounts = "\
            30 24 0:26 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n\
            31 24 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n";
        let expected = PathBuf::from("/sys/fs/cgroup/unified/user.slice/a b.scope");
        assert_eq!(folder(mixed, mounts), Some(expected));
        assert_eq!(folder("9:name=systemd:/x\n", mounts), None);
        assert_eq!(folder(mixed, ""), None);
        let part = "31 24 0:27 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(folder(mixed, part), None);
    }

    #[test]
    fn it_kills_what_is_put_into_it_where_there_is_one() {
        let Some(group) = Cgroup::make() else {
            eprintln!("no cgroup can be made here");
            return;
        };
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        group.kill([child.id()].into_iter());
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        let path = group.0.clone();
        drop(group);
        assert!(!path.exists());
    }
}

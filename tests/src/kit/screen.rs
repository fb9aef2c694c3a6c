//! A terminal: the binary runs on a pty, and the test looks at the screen that a person would see.

use std::{
    fs::File,
    io::{self, Read, Write},
    num::NonZeroU16,
    os::unix::process::CommandExt,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, TryRecvError, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::{ioctl_tiocsctty, setsid},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::{Invocation, wait::pause};

/// The size of the terminal: that of most people's smallest one, but wide enough for paths.
const ROWS: NonZeroU16 = NonZeroU16::new(30).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// No test waits longer for a screen.
const DEADLINE: Duration = Duration::from_secs(60);

/// A command on a terminal of its own.
pub struct Screen {
    child: Child,
    keyboard: File,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    raw: Vec<u8>,
}

impl Screen {
    /// Starts `invocation` as the foreground process of a fresh terminal.
    ///
    /// # Panics
    /// Where the system has no pty to give.
    #[must_use]
    pub fn start(mut invocation: Invocation) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("the system has a pty");
        grantpt(&master).expect("the pty is ours");
        unlockpt(&master).expect("the pty is ours");
        let size = Winsize {
            ws_row: ROWS.get(),
            ws_col: COLUMNS.get(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).expect("a pty has a size");
        let end = File::from(ioctl_tiocgptpeer(&master, flags).expect("a pty has another end"));
        let command = invocation.command();
        command
            .env("TERM", "xterm-256color")
            .env_remove("COLUMNS")
            .stdin(Stdio::from(end.try_clone().expect("a descriptor")))
            .stdout(Stdio::from(end.try_clone().expect("a descriptor")))
            .stderr(Stdio::from(end));
        // SAFETY: between fork and exec only system calls are made, all of them async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                // A shell that started the tests in its background has SIGINT ignored, and that is
                // inherited; on a terminal of its own a program finds it as usual.
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                setsid()?;
                ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().expect("the binary under test starts");
        // The command holds the other end; the test must not, or it never sees the end of file.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut master = File::from(master);
        let keyboard = master.try_clone().expect("a descriptor");
        let (send, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            // A pty whose other end is closed answers with an error, not with end of file.
            while let Ok(n @ 1..) = retry(|| master.read(&mut buffer)) {
                if send.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(ROWS, COLUMNS, 10_000);
        Self {
            child,
            keyboard,
            bytes,
            parser,
            raw: Vec::new(),
        }
    }

    /// Waits until the screen shows `text`, and gives the whole screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let open = self.read();
            let shown = self.parser.screen().contents();
            if shown.contains(text) {
                return shown;
            }
            assert!(
                open && Instant::now() < deadline,
                "{text:?} is not on the screen:\n{shown}"
            );
            pause();
        }
    }

    /// Presses Ctrl-C: the terminal makes a signal for the foreground group of it.
    pub fn press_ctrl_c(&mut self) {
        self.keyboard
            .write_all(b"\x03")
            .expect("the terminal is open");
    }

    /// Waits for the end and gives the exit code, the last screen, and every byte that was sent.
    #[must_use]
    #[track_caller]
    pub fn finish(mut self) -> (Option<i32>, String, String) {
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            let _ = self.read();
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "did not end:\n{}",
                self.parser.screen().contents()
            );
            pause();
        };
        while self.read() && Instant::now() < deadline {
            pause();
        }
        let raw = String::from_utf8_lossy(&self.raw).into_owned();
        (status.code(), self.parser.screen().contents(), raw)
    }

    /// Takes what has come; false when the terminal is closed.
    fn read(&mut self) -> bool {
        loop {
            match self.bytes.try_recv() {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screen_shows_what_a_person_would_see() {
        let sandbox = super::super::Sandbox::empty();
        let mut shell = sandbox.gantry::<&str>([]);
        *shell.command() = std::process::Command::new("sh");
        let script = "stty size; printf 'ab\\rc\\n'; exec cat";
        shell.command().args(["-c", script]);
        let mut screen = Screen::start(shell);
        // A shell goes on after a Ctrl-C that its child took; when this is shown, it has none.
        let shown = screen.wait_for("cb");
        assert!(shown.starts_with("30 100"), "{shown}");
        screen.press_ctrl_c();
        let (code, ..) = screen.finish();
        assert!(
            matches!(code, None | Some(130)),
            "not the signal ended it: {code:?}"
        );
    }
}

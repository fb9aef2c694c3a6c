//! A step's processes: the one that was started, and all that come of it.

use super::job::{Job, check};
use crate::os::{Exit, Launch};
use std::io::{self, PipeWriter};
use std::os::windows::io::{AsHandle as _, AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_SUSPENDED, OpenThread, ResumeThread, THREAD_SUSPEND_RESUME,
};

/// The processes of a running step.
#[derive(Debug)]
pub(crate) struct Tree {
    main: Child,
}

impl Tree {
    /// Starts a program that writes to `output`, in a process group of its own, inside a job.
    pub(super) fn spawn(launch: &Launch<'_>, output: PipeWriter, job: &Job) -> io::Result<Self> {
        let mut main = Command::new(launch.program)
            .args(launch.args)
            .env_clear()
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .current_dir(launch.dir)
            // Halted until it is in the job: what it starts before that would be out of reach.
            .creation_flags(CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let started = job.take(main.as_handle()).and_then(|()| resume(main.id()));
        match started {
            Ok(()) => Ok(Self { main }),
            Err(error) => {
                main.kill()?;
                main.wait()?;
                Err(error)
            }
        }
    }

    /// The number of its process group.
    pub(super) fn group(&self) -> u32 {
        self.main.id()
    }

    /// A handle that is signaled when the main process ends.
    pub(super) fn process(&self) -> io::Result<OwnedHandle> {
        self.main.as_handle().try_clone_to_owned()
    }

    /// Asks the step to end: Ctrl-Break to its process group.
    pub(crate) fn ask(&self) {
        ask(self.group());
    }

    /// How the main process has ended.
    pub(crate) fn bury(&mut self) -> io::Result<Exit> {
        let status = self.main.wait()?;
        Ok(Exit::Code(status.code().unwrap_or_default()))
    }
}

/// Asks all processes of a group, as far as they have our console.
pub(super) fn ask(group: u32) {
    // SAFETY: no memory is handed over. It fails where nobody of the group is there any more.
    unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, group) };
}

/// Lets the only thread of a process that was started halted run. Its handle is not to be had from the
/// standard library, so it is looked for.
fn resume(process: u32) -> io::Result<()> {
    // SAFETY: no memory is handed over.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was made just now, and nobody else has it.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = THREADENTRY32 {
        dwSize: u32::try_from(size_of::<THREADENTRY32>()).unwrap_or(u32::MAX),
        ..THREADENTRY32::default()
    };
    // SAFETY: the entry says its own size.
    check(unsafe { Thread32First(snapshot.as_raw_handle(), &raw mut entry) })?;
    while entry.th32OwnerProcessID != process {
        // SAFETY: as above. It fails at the end of the list.
        check(unsafe { Thread32Next(snapshot.as_raw_handle(), &raw mut entry) })?;
    }
    // SAFETY: no memory is handed over.
    let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, entry.th32ThreadID) };
    if thread.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was opened just now, and nobody else has it.
    let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
    // SAFETY: the handle is open.
    match unsafe { ResumeThread(thread.as_raw_handle()) } {
        u32::MAX => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

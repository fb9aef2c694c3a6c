//! What a slot that died leaves behind: nothing. Its Job Object ends with its last handle, and takes
//! all processes with it.

use std::io;
use tokio::process::{Child, Command};
use windows_sys::Win32::System::Threading::CREATE_NO_WINDOW;

/// Starts a slot, with a console of its own that has no window: a Ctrl-C at the terminal does not reach
/// it, and a Ctrl-Break from it reaches its steps.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    command.creation_flags(CREATE_NO_WINDOW).spawn()
}

/// Ends all processes that a slot which is gone has left to us.
pub(crate) fn end(_slot: u32) {}

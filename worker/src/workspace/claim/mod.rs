//! Who has which name in `work/`.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::Claim;
#[cfg(windows)]
pub(super) use windows::Claim;

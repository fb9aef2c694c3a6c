//! A large tree, laid in the time of one mount: what a job writes goes to a folder of its own, what
//! it only reads comes from the snapshot.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::Overlay;
#[cfg(windows)]
pub(super) use windows::Overlay;

//! Renderers: the same diagnostics for a terminal, for `grep`, for a program and for a forge.

mod concise;
mod excerpt;
mod full;
mod github;
mod json;
mod safe;

pub use concise::concise;
pub use full::{Style, full};
pub use github::github;
pub use json::{Edit, Location, Place, Rendered, RenderedLabel, Report};

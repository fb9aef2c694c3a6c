//! Colors, or none: decided once, from the terminal and `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`.

use anstyle::{AnsiColor, Style};
use std::io::{self, IsTerminal};

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    colored: bool,
}

impl Palette {
    /// Without colors.
    #[cfg(test)]
    pub const PLAIN: Self = Self { colored: false };
    /// With colors.
    #[cfg(test)]
    pub const COLORED: Self = Self { colored: true };

    /// For standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::of(anstream::AutoStream::choice(&io::stdout()))
    }

    /// For standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self::of(anstream::AutoStream::choice(&io::stderr()))
    }

    fn of(choice: anstream::ColorChoice) -> Self {
        // A console of Windows shows colors only when asked to; where it can't, they would be noise.
        let understood = anstyle_query::windows::enable_ansi_colors().unwrap_or(true);
        Self {
            colored: understood && choice != anstream::ColorChoice::Never,
        }
    }

    /// Whether there are colors.
    #[must_use]
    pub fn is_colored(self) -> bool {
        self.colored
    }

    /// What went well.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// What went wrong.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// What people should look at.
    #[must_use]
    pub fn warn(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// What leads on: places, commands, help.
    #[must_use]
    pub fn note(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// What is read last.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// What is read first.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        match self.colored && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}

/// Whether lines may be redrawn: standard output is a terminal that can move its cursor, watched by
/// a person and not by a CI system.
#[must_use]
pub fn can_redraw() -> bool {
    io::stdout().is_terminal()
        && anstyle_query::term_supports_color()
        && std::env::var_os("CI").is_none_or(|value| value.is_empty() || value == "false")
        && anstyle_query::windows::enable_ansi_colors().unwrap_or(true)
}

//! The catalogue of codes: every one that can be shown, with its title and what it is about.
//!
//! A code is never given twice, and never given again when it is gone. G01xx is reading and syntax,
//! G02xx names and structure, G03xx types, G04xx values and safety, G05xx what this build lacks,
//! G06xx the bounds of a plan.

use std::fmt;

/// Makes the enum and its tables of one list, so that no code is without a page. The compiler
/// refuses a number that is given twice.
macro_rules! catalogue {
    ($($name:ident = $number:literal, $title:literal, $explanation:literal;)*) => {
        /// What kind of mistake; shown as `G0123`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $title] $name = $number,)*
        }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// One line: the kind of mistake.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Code::$name => $title,)*
                }
            }

            /// A paragraph: why it is a mistake, and what to do.
            pub const fn explanation(self) -> &'static str {
                match self {
                    $(Code::$name => $explanation,)*
                }
            }
        }
    };
}

catalogue! {
    // G01xx: reading and syntax.
    NotUtf8 = 101, "The file is not UTF-8",
        "A pipeline is text in UTF-8. The place shown is the first byte that is no part of a \
         character; an editor that saved the file in another encoding can save it as UTF-8.";
    FileTooLong = 102, "The file is longer than 4 MiB",
        "A file is bounded so that checking it never takes more than a second. Split it into \
         several pipelines, or move the data into a JSON file and read it with `read_json`.";

    // G02xx: names and structure.

    // G03xx: types.

    // G04xx: values and safety.

    // G05xx: what this build lacks.

    // G06xx: the bounds of a plan.
}

impl Code {
    /// Its number: 123 for `G0123`.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code of that text (`G0123`, in either case), if there is one.
    pub fn parse(text: &str) -> Option<Code> {
        let digits = text.strip_prefix(['G', 'g'])?;
        let number: u16 = digits.parse().ok()?;
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "G{:04}", self.number())
    }
}

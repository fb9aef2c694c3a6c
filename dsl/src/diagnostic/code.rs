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
    ControlCharacter = 103, "The file holds a control character",
        "NUL, ESC and their like are invisible, and some change what a terminal shows. Of the \
         control characters only the tab and the newline (LF or CRLF) may stand in a file; in a \
         string any can be written as `\\u{1b}`.";
    BidirectionalControl = 104, "The file holds a character that reorders what is shown",
        "Characters that change the direction of writing can make a reviewer see another text \
         than the one that runs (\"Trojan Source\"). They are refused everywhere, comments too.";
    NestingTooDeep = 105, "Brackets are nested too deep",
        "More than 64 brackets within one another are no text that a person wrote. Give parts of \
         the expression names with `let`.";
    StatementTooLong = 106, "A statement has too many tokens",
        "One statement, without those of its block, may have 50,000 tokens: a list of 25,000 \
         elements. Data of this size belongs into a JSON file, which `read_json` reads.";
    ExpressionTooLong = 107, "An expression has too many operators",
        "An expression may have 1,000 operators, members and calls in a row. Give parts of it \
         names with `let`.";
    TooManyErrors = 108, "A file has too many mistakes to show",
        "After 100 mistakes the rest of a file is not looked at.";
    TooManyStatements = 109, "A file has too many statements",
        "A file may have 200,000 statements, which is twenty for each of 10,000 jobs. What is alike \
         is written once, with a template or with `for`.";

    UnexpectedText = 110, "Something else is expected here",
        "A file is made of two kinds of statement: `name = value` is a setting, and \
         `word argument… { … }` is a node. Each ends with its line, or a comma. The message says \
         what could stand at the place shown.";
    UnclosedText = 111, "A text is not closed",
        "A text between `\"` ends on the line on which it begins; a quotation mark within it is \
         written `\\\"`. A text of many lines begins with `\"\"\"` and a new line, and ends with \
         `\"\"\"` on a line of its own.";
    UnclosedFence = 112, "A text of many lines is not closed",
        "A text that begins with `\"\"\"` ends at the next line that begins with as many quotation \
         marks. All that follows was taken for the text.";
    OneLineFence = 113, "A text begins right after `\"\"\"`",
        "After `\"\"\"` there is a new line, so that a text is indented with what is around it and \
         its own lines are all alike. On one line, use `\"`.";
    UnclosedBracket = 114, "A bracket is not closed",
        "Every `(`, `[` and `{` needs its counterpart. The place shown is the bracket; where a \
         block seems to end at the wrong place by its indentation, that block.";
    StrayBracket = 115, "A bracket closes nothing",
        "There is a `)`, `]` or `}` too many, or what it should close was closed above.";
    MissingSeparator = 116, "Two statements on one line",
        "Statements are parted by a new line or by a comma.";
    DanglingOperator = 117, "An operator lacks its right side",
        "In the header of a node, `{` always opens the block, so that nothing stands right of the \
         operator before it.";

    ForeignOperator = 120, "An operator of another language",
        "The operators are `or and not == != < <= > >= in + - *` and \
         `if c then a else b`. There is no division and no remainder: they have no use in a \
         pipeline, and `/` is left to paths.";
    ForeignAssignment = 121, "A setting is written with `=`",
        "`name = value` is the only form: not `name: value`, `name := value` or `name == value`.";
    ForeignQuotes = 122, "A text stands between double quotation marks",
        "There is one kind of quotation mark. Single ones are free to be used in scripts.";
    ForeignComment = 123, "A comment begins with `#`",
        "`# …` up to the end of the line is the only kind of comment.";
    DashInName = 124, "A name has no dash",
        "Names have ASCII letters, digits and `_`, and begin with no digit. `a-b` could be a \
         difference as well; a difference is written with blanks around the `-`.";
    ChainedComparison = 125, "Comparisons can't be chained",
        "`a < b < c` would compare the answer to `a < b` with `c`. Write `a < b and b < c`.";
    NeedsParentheses = 126, "Parentheses are needed",
        "`not` binds weaker than comparisons and arithmetic; after one of these it is not clear \
         what it belongs to. Write `a == (not b)`.";

    UnknownUnit = 130, "An unknown unit",
        "Durations have `ms s m h d w`, sizes `B KiB MiB GiB TiB` (powers of 1024) and \
         `KB MB GB TB` (powers of 1000), a percentage `%`. A number has one unit: `90m`, not \
         `1h30m`. Units are written exactly so: `m` is a minute, and `MB` is no `Mb`.";
    NumberOutOfRange = 131, "A number that can't be kept",
        "Integers and sizes have 64 bits, durations are whole milliseconds, percentages whole \
         hundredths. What is larger or finer is refused rather than rounded.";

    UnknownEscape = 140, "An unknown escape",
        "A string knows `\\\"`, `\\\\`, `\\n`, `\\t`, `\\$` and `\\u{…}` with a code point in \
         hexadecimal. A script is taken as it stands and knows none but `\\\"`.";
    BadInterpolation = 141, "`${…}` can't be read",
        "In a string, `${` begins an expression that ends at its `}` and holds no quotation mark. \
         What needs one gets a name with `let`. For the two characters as such write `\\${`.";
    InterpolationInScript = 142, "A script holds an expression",
        "Nothing is ever put into the text of a script: that is how a pull request's title becomes \
         a command. A script reads values from its environment: bind them in `env`, or use \
         `exec`, whose arguments are expressions.";

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

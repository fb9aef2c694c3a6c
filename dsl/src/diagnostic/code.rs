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
    TooManyTokens = 118, "A file has too many tokens",
        "A file may have 500,000 words, numbers, texts and signs: more than twice those of the \
         largest plan. Data of this size belongs into a JSON file, which `read_json` reads.";

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
    ForeignSeparator = 127, "A statement ends with its line",
        "Nothing is needed at the end of a statement. Two on one line are parted by a comma; `;` has \
         no meaning outside of scripts.";

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
    UnknownWord = 201, "An unknown word",
        "Which words can begin a node is fixed for each block. The message says which word is \
         near, or which there are.";
    UnknownSetting = 202, "An unknown setting",
        "Which settings there are is fixed for each block. The message says which one is near, or \
         where a setting of this name belongs.";
    UnknownName = 203, "An unknown name",
        "A bare name is sought in what its place expects (a job in `needs`, a word where one of \
         several is expected), then among variables of `for`, `let`, and jobs. Parameters are \
         `param.NAME`. A text stands in quotation marks.";
    DuplicateName = 204, "A name is defined twice",
        "Stages, jobs, approvals, merges and `let` of a pipeline share one namespace, so that a \
         name means one thing wherever it stands.";
    DuplicateSetting = 205, "A setting is given twice",
        "A setting has one value in a block. Keep the one that is meant.";
    MisplacedWord = 206, "A word in the wrong block",
        "The word exists, but not in this block. The message says where it stands: steps stand in \
         jobs, jobs in stages and pipelines.";
    WrongForm = 207, "A statement has not the form of its word",
        "Each word has one form: which arguments follow it, whether it has a type, a value, a \
         `for` or a block. The message shows it.";
    ReservedName = 208, "A name that means the same everywhere",
        "`event run param owner team secret worker` can be used everywhere and name nothing else.";
    Cycle = 209, "Things that wait for each other",
        "A job starts when what it needs has ended. Jobs that need each other, directly or by the \
         order of the text around stages, would never start. Every edge of the circle is shown; \
         take one out.";
    NameHides = 210, "A name would hide another",
        "A variable of a `for` is called like a `let`, a job, a parameter or a variable around \
         it. No name may hide another: what a name means never depends on where it is read.";
    SettingAsNode = 211, "A setting without `=`",
        "A setting is `name = value`. Without the `=` it would be a node, and there is no such \
         word.";
    NodeAsSetting = 212, "A word with `=`",
        "This word begins a node: it is followed by its arguments and its block, not by `=`.";
    UnknownOutput = 213, "An unknown output",
        "A job hands on what it declares with `output name: type`. Others mention it as \
         `job.name`.";
    UnknownFunction = 214, "An unknown function",
        "Expressions know the functions that the reference lists, and nothing else can be called \
         in them. A function of a plugin is a step: `use plugin.function(…)`.";
    UnknownField = 215, "An unknown field",
        "Records, events, runs and workers have fixed fields. The message says which one is near, \
         or which there are.";
    MissingSetting = 216, "A setting is missing",
        "Without this setting the block means nothing. The message says what to add.";
    UnknownVersion = 217, "An unknown version of the language",
        "A file may open with `gantry 1`. This build reads version 1.";
    WrongPhase = 218, "Something of the end is waited for",
        "`finally`, and the `always` and `on_failure` of a stage, run when the rest is over. What \
         stands before can't wait for them.";
    NoElements = 219, "A setting about elements, and no `for`",
        "`max_parallel`, `batch`, `max_failures` and `absent` say how the elements of a `for` are \
         run. Without a `for` there is one.";
    EmptyJob = 220, "A job does nothing",
        "A job without a step succeeds at once. That is rarely meant.";
    NoPipeline = 221, "No such pipeline in the file",
        "A run is of one pipeline. Where a file has several, say which one; where it has none, \
         write one.";

    // G03xx: types.
    TypeMismatch = 301, "A value of another type",
        "Each setting takes values of one type, and there are no conversions but those that lose \
         nothing: an int stands for a float, a word or path for a string. A duration has a unit, \
         a text has quotation marks, a list has brackets.";
    NoSuchMember = 302, "Not one of the words",
        "Where one of several words is expected, only these can stand; also in a comparison, \
         which could never be true otherwise.";
    OperatorTypes = 303, "An operator between the wrong types",
        "`and or not` take conditions, `== != < <= > >=` two values of one type, `+ - *` numbers, \
         `+` also texts and lists, `in` an element and a list.";
    WrongCall = 304, "A call with the wrong arguments",
        "A function takes a fixed number of arguments, a template or plugin named ones. The \
         message shows the form.";
    NotAList = 305, "A `for` over what is no list",
        "`for` goes through lists of texts, numbers, or records with a field `name`, since each \
         element must have a name of its own.";
    NotKnownYet = 306, "Needed before the run, known while it runs",
        "Some settings shape the plan itself, and the functions over the commit are asked when it \
         is made. They can't depend on the output of a job or on the element of a `for`.";
    UnknownType = 307, "An unknown type",
        "The types are `string int float bool duration size percent path`, `list(T)`, `map(T)`, \
         `enum(\"a\", \"b\")` and `record(name: T)`.";
    JobIsNoValue = 308, "A job is no value",
        "A job has outputs, which are values: `build.version`. To wait for a job, name it in \
         `needs`.";
    WrongKeys = 309, "An index that names no element",
        "An element of a job with `for` is named by one value for each variable: `test[\"linux\", \
         \"stable\"]`. A job without `for` has no elements.";
    EventField = 310, "A field that the event may not have",
        "A field of `event` can be used where every trigger of the pipeline has it, or where a \
         `when` has fixed the kind: `when = event.kind == \"push\"`.";
    BadSelector = 311, "A selector that selects nothing, or no selector",
        "`runs_on` and `workers(…)` say which workers: a string is a label, `worker.os == \
         \"linux\"` compares a fact, and `and or not` combine them. What depends on no worker \
         would mean all or none. Nothing else can ask a worker.";
    MayBeAbsent = 312, "An output that may be absent",
        "What runs in any case may find that a job has failed and given nothing. \
         `default(job.output, value)` says what it is then.";
    EndOnly = 313, "Known at the end only",
        "`failed()` and `run.outcome` are about the run as a whole: they can be used in `notify` \
         and in jobs of `finally`.";

    // G04xx: values and safety.
    SecretLeak = 401, "A secret where it could be read",
        "A secret can be bound in `env`, or handed to a plugin. It can't be put into a text, an \
         argument, a condition or an output, where it could be printed, compared or kept.";
    Untrusted = 402, "Text from outside where it could do harm",
        "A title, a branch, a label or a payload may be compared, shown, and put into `env`. \
         Everywhere else it could choose an image, a path or a group. `checked(text, \"regex\")` \
         makes a `string` of it. What a job hands on that has such text in its environment is \
         untrusted as well.";
    UnsafePath = 403, "A path outside of the workspace",
        "A job reads and writes in its workspace. Paths are relative to it, have no `..`, and are \
         written with `/` on every system.";
    BadGlob = 404, "A pattern that can't be read",
        "`*` is any text without `/`, `**` any folders, `?` one character, `[ab]` a choice, \
         `{a,b}` alternatives.";
    EnvName = 405, "A name that no variable can have",
        "Parameters and variables of `for` are bound in the environment of scripts under their \
         own names. Windows knows no upper and lower case there: `Path` would replace `PATH`.";
    BadPattern = 406, "A regular expression that can't be read",
        "It is compiled when the file is checked, and matches from end to end.";
    OutOfRange = 407, "A number out of range",
        "The message says from where to where it goes.";
    AlwaysFalse = 408, "A condition that is never true",
        "Whatever starts the run, this is skipped.";
    NoValue = 409, "An expression without a value",
        "What is known is computed when the file is checked: a list has no such element, a number \
         does not fit, a text does not match.";
    ParamValue = 410, "A parameter with a wrong value",
        "A value that was given is read by the type of the parameter: texts as they are, the rest \
         as JSON. It must match `matches`.";
    MissingParam = 411, "A parameter without a value",
        "A parameter without a default must be given: `--param name=value`.";
    UnknownParam = 412, "No such parameter",
        "A value was given for a parameter that the pipeline does not have.";
    EqualElements = 413, "Two equal elements",
        "The elements of a `for` differ, since logs and outputs are found by them.";
    NoSuchElement = 414, "No such element",
        "What is named is not among the elements of the job, which are known.";
    SamePath = 415, "Two jobs produce one path",
        "What needed jobs produce is laid at its own path before the first step. Two jobs at one \
         path would overwrite each other.";
    CommitFailed = 416, "The source tree has no answer",
        "`glob`, `digest`, `read_json` and `changed` ask the source tree when a plan is made.";
    NoSuchTrigger = 417, "An event that does not start the pipeline",
        "A pipeline is started by its triggers, `on …`, and by hand.";
    UncheckedExit = 418, "Errors that are passed over",
        "`cmd` and `powershell` do not stop at the first error. One command for each step keeps \
         every exit code.";

    // G05xx: what this build lacks.
    NotInThisBuild = 501, "This build can't plan it",
        "The language knows the word, this build of Gantry does not carry it out yet. Nothing is \
         skipped silently: take it out, or do what the message says.";

    // G06xx: the bounds of a plan.
    TooManyJobs = 601, "More jobs than a plan may have",
        "A plan has at most 10,000 jobs, unless the runner is configured otherwise.";
    TooManyCombinations = 602, "More combinations than a `for` may have",
        "A `for` over several lists has a job for each combination, 10,000 at the most, before \
         its `where`.";
    TooManyEdges = 603, "More edges than a plan may have",
        "A plan has at most 1,000,000 edges. A stage is waited for as one.";
    ValueTooBig = 604, "Values that are too big",
        "Expressions are computed when a file is checked. A value may have 100,000 elements, and \
         all of them together 2,000,000.";
    TooManyVariables = 605, "More variables than a plan may have",
        "Every job has a copy of the variables of its pipeline. All environments together have at \
         most 500,000.";
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

//! The schema: which words and settings exist where, as data. The checker, and all that explains the
//! language to people, read the same tables; a new setting never touches the grammar.

mod base_env;
mod events;
mod functions;
mod levels;
mod plugins;
mod settings;
mod words;

pub use base_env::{BASE_VARIABLES, RESERVED_ENV_PREFIX};
pub use events::{EVENTS, EventKind, Field, FieldType, KindSet, RUN_FIELDS};
pub use functions::{FUNCTIONS, Function};
pub use plugins::{BUILTIN_PLUGINS, BuiltinPlugin, Operation};
pub use settings::{RETRY_WORDS, Record, RecordField, SettingType};

/// The roots: names that mean the same everywhere, and that nothing else may have.
pub const ROOTS: [&str; 7] = ["event", "run", "param", "owner", "team", "secret", "worker"];

/// What may stand between two braces.
#[derive(Debug)]
pub struct Level {
    /// Which.
    pub kind: LevelKind,
    /// How messages call it: `a job`.
    pub title: &'static str,
    /// Its words, in tables that levels share.
    pub words: &'static [&'static [Word]],
    /// Its settings, likewise.
    pub settings: &'static [&'static [Setting]],
}

/// The levels of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the word whose block it is")]
pub enum LevelKind {
    File,
    Pipeline,
    Stage,
    StageHook,
    Finally,
    Defaults,
    Job,
    JobHook,
    Verify,
    Step,
    Container,
    Service,
    Cache,
    Approve,
    Merge,
    Notify,
    On,
    Param,
    Plugin,
    Env,
    Test,
    Given,
    Environment,
    Destroy,
    Team,
    Calendar,
}

/// A word: what can begin a node.
#[derive(Debug)]
pub struct Word {
    /// As it is written.
    pub word: &'static str,
    /// The whole form, for messages and help.
    pub form: &'static str,
    /// One line on what it is for.
    pub doc: &'static str,
    /// What follows it.
    pub arguments: &'static [Argument],
    /// The parts of the header after the arguments.
    pub header: &'static [HeaderPart],
    /// Its block.
    pub block: BlockUse,
    /// Whether this build carries it out.
    pub availability: Availability,
}

/// What may follow a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// A name that is defined here.
    Name,
    /// A name that may be left out: the label of a step.
    Label,
    /// The text of a script.
    Script,
    /// A string.
    Text,
    /// A path, and any number more.
    Paths,
    /// One path.
    Path,
    /// A list in brackets.
    List,
    /// Any one expression.
    Value,
    /// `f(…)` or `plugin.f(…)`.
    Call,
    /// A name with typed parameters.
    Signature,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The kind of an event, and what it needs.
    Event,
}

/// A part of a header after the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderPart {
    /// `: type`
    Type,
    /// `: type`, which may be left out.
    OptionalType,
    /// `= value`
    Value,
    /// `= value`, which may be left out.
    Default,
    /// `for …`, which may be left out.
    For,
    /// `as name`
    As,
    /// `as name`, which may be left out.
    OptionalAs,
}

/// Whether a word has a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockUse {
    /// It has none.
    None,
    /// It may have one.
    Optional(LevelKind),
    /// It must have one.
    Required(LevelKind),
}

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub ty: SettingType,
    /// One line on what it is for.
    pub doc: &'static str,
    /// Whether this build carries it out.
    pub availability: Availability,
}

/// Whether this build carries something out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It does.
    Ready,
    /// On Windows only.
    Windows,
    /// It is checked and stands in the plan, but a run that would need it is refused; with what to do
    /// instead.
    Planned(&'static str),
    /// Not even a plan can be made of it; with what to do instead.
    Unplanned(&'static str),
    /// It is read and changes nothing about a run.
    Ignored,
}

impl Level {
    /// The level of that kind.
    #[must_use]
    pub fn of(kind: LevelKind) -> &'static Self {
        levels::level_of(kind)
    }

    /// All levels, outermost first.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        levels::LEVELS.iter()
    }

    /// All its words.
    pub fn all_words(&self) -> impl Iterator<Item = &'static Word> + Clone + use<> {
        self.words.iter().copied().flatten()
    }

    /// All its settings.
    pub fn all_settings(&self) -> impl Iterator<Item = &'static Setting> + Clone + use<> {
        self.settings.iter().copied().flatten()
    }

    /// The word of that name.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&'static Word> {
        self.all_words().find(|word| word.word == name)
    }

    /// The setting of that name.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&'static Setting> {
        self.all_settings().find(|setting| setting.name == name)
    }
}

impl Word {
    /// The level of its block, if it can have one.
    #[must_use]
    pub fn level(&self) -> Option<LevelKind> {
        match self.block {
            BlockUse::None => None,
            BlockUse::Optional(level) | BlockUse::Required(level) => Some(level),
        }
    }

    /// Whether its header has this part.
    #[must_use]
    pub fn has(&self, part: HeaderPart) -> bool {
        self.header.contains(&part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_of_a_level_are_unique_and_every_line_is_documented() {
        for level in Level::all() {
            let mut seen = BTreeSet::new();
            let words = level.all_words().map(|word| (word.word, word.doc));
            let settings = level
                .all_settings()
                .map(|setting| (setting.name, setting.doc));
            for (name, doc) in words.chain(settings) {
                assert!(seen.insert(name), "{name} twice in {}", level.title);
                assert!(doc.ends_with('.'), "{name}: {doc}");
            }
        }
    }

    #[test]
    fn every_level_can_be_reached() {
        let mut reached = BTreeSet::from([LevelKind::File]);
        loop {
            let inner: BTreeSet<_> = reached
                .iter()
                .flat_map(|kind| Level::of(*kind).all_words().filter_map(Word::level))
                .collect();
            let before = reached.len();
            reached.extend(inner);
            if reached.len() == before {
                break;
            }
        }
        let all: BTreeSet<_> = Level::all().map(|level| level.kind).collect();
        assert_eq!(reached, all);
    }
}

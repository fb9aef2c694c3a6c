//! What can start a run, and what an expression can ask about it.

use model::Type;
use std::collections::BTreeMap;

/// A kind of event.
#[derive(Debug)]
pub struct EventKind {
    /// Its word after `on`, and the value of `event.kind`.
    pub name: &'static str,
    /// One line on what it is.
    pub doc: &'static str,
    /// What must follow its word: `label "deploy"`.
    pub argument: Option<&'static str>,
    /// Which settings of `on` filter it.
    pub filters: &'static [&'static str],
    /// Its fields, beside those that all have.
    pub fields: &'static [Field],
}

/// A field of an event or a run.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: FieldType,
    /// One line on what it is.
    pub doc: &'static str,
}

/// The type of a field; what came from outside is untrusted.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is the type that it is named like")]
pub enum FieldType {
    String,
    Untrusted,
    UntrustedList,
    Int,
    Bool,
    Person,
    /// `event.pull_request`
    PullRequest,
}

impl FieldType {
    /// As a type of the language.
    #[must_use]
    pub fn ty(self) -> Type {
        match self {
            Self::String => Type::String,
            Self::Untrusted => Type::Untrusted,
            Self::UntrustedList => Type::List(Box::new(Type::Untrusted)),
            Self::Int => Type::Int,
            Self::Bool => Type::Bool,
            Self::Person => Type::Person,
            Self::PullRequest => Type::Record(BTreeMap::from([
                ("author".to_owned(), Type::Person),
                ("base".to_owned(), Type::Untrusted),
                ("head".to_owned(), Type::Untrusted),
                ("number".to_owned(), Type::Int),
                ("title".to_owned(), Type::Untrusted),
            ])),
        }
    }
}

const fn field(name: &'static str, ty: FieldType, doc: &'static str) -> Field {
    Field { name, ty, doc }
}

const AUTHOR: Field = field("author", FieldType::Person, "Who caused it.");
const HEAD: Field = field(
    "head",
    FieldType::Untrusted,
    "The branch that is to be merged.",
);
const BASE: Field = field(
    "base",
    FieldType::Untrusted,
    "The branch that it is merged into.",
);
const TITLE: Field = field(
    "title",
    FieldType::Untrusted,
    "The title of the pull request.",
);
const LABELS: Field = field(
    "labels",
    FieldType::UntrustedList,
    "The labels of the pull request.",
);
const PULL_REQUEST: Field = field(
    "pull_request",
    FieldType::PullRequest,
    "The pull request: its `number`, `title`, `head`, `base` and `author`.",
);

/// Every kind of event. `manual` is the last one: a run can always be started by hand.
pub const EVENTS: [EventKind; 9] = [
    EventKind {
        name: "push",
        doc: "Commits were pushed to a branch.",
        argument: None,
        filters: &["branches", "paths"],
        fields: &[
            AUTHOR,
            field(
                "branch",
                FieldType::Untrusted,
                "The branch that was pushed.",
            ),
            field(
                "title",
                FieldType::Untrusted,
                "The first line of the commit's message.",
            ),
        ],
    },
    EventKind {
        name: "tag",
        doc: "A tag was pushed.",
        argument: None,
        filters: &["tags"],
        fields: &[AUTHOR, field("tag", FieldType::Untrusted, "The tag.")],
    },
    EventKind {
        name: "pull_request",
        doc: "A pull request was opened, or changed.",
        argument: None,
        filters: &["branches", "paths", "labels"],
        fields: &[AUTHOR, HEAD, BASE, TITLE, LABELS, PULL_REQUEST],
    },
    EventKind {
        name: "label",
        doc: "Someone who may merge put this label on a pull request.",
        argument: Some("the label"),
        filters: &["branches", "paths"],
        fields: &[
            AUTHOR,
            HEAD,
            BASE,
            TITLE,
            LABELS,
            PULL_REQUEST,
            field("label", FieldType::String, "The label."),
            field("labeled_by", FieldType::Person, "Who put it on."),
        ],
    },
    EventKind {
        name: "comment",
        doc: "Someone who may merge commented on a pull request.",
        argument: None,
        filters: &["matches"],
        fields: &[
            AUTHOR,
            HEAD,
            BASE,
            TITLE,
            LABELS,
            PULL_REQUEST,
            field("text", FieldType::Untrusted, "The comment."),
        ],
    },
    EventKind {
        name: "schedule",
        doc: "The clock.",
        argument: Some("the times, as cron writes them"),
        filters: &["timezone", "branches"],
        fields: &[],
    },
    EventKind {
        name: "webhook",
        doc: "A call from outside.",
        argument: Some("its name"),
        filters: &[],
        fields: &[field(
            "payload",
            FieldType::Untrusted,
            "The body of the call.",
        )],
    },
    EventKind {
        name: "pipeline",
        doc: "Another pipeline's run has succeeded.",
        argument: Some("the name of the pipeline"),
        filters: &["branches"],
        fields: &[field("pipeline", FieldType::String, "The pipeline.")],
    },
    EventKind {
        name: "manual",
        doc: "A person started it.",
        argument: None,
        filters: &[],
        fields: &[AUTHOR],
    },
];

impl EventKind {
    /// Its position in [`EVENTS`].
    #[must_use]
    pub fn index(name: &str) -> Option<usize> {
        EVENTS.iter().position(|kind| kind.name == name)
    }

    /// Its field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        let fields: &'static [Field] = self.fields;
        fields.iter().find(|field| field.name == name)
    }
}

/// A set of kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindSet(u16);

impl KindSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All of [`EVENTS`].
    pub const ALL: Self = Self((1 << EVENTS.len()) - 1);

    /// The kind of that name alone; none where there is no such kind.
    #[must_use]
    pub fn named(name: &str) -> Self {
        EventKind::index(name).map_or(Self::EMPTY, |index| Self(1 << index))
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is not in it.
    #[must_use]
    pub fn others(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds, in the order of [`EVENTS`].
    pub fn iter(self) -> impl Iterator<Item = &'static EventKind> + Clone {
        const KINDS: &[EventKind] = &EVENTS;
        let kinds = KINDS.iter().enumerate();
        kinds.filter_map(move |(index, kind)| (self.0 & 1 << index != 0).then_some(kind))
    }
}

/// What `run.…` knows.
pub const RUN_FIELDS: [Field; 3] = [
    field("id", FieldType::Int, "The number of the run."),
    field("url", FieldType::String, "Where the run is shown."),
    field(
        "outcome",
        FieldType::String,
        "How the run ended; in `finally` and `notify` only.",
    ),
];

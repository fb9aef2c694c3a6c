//! The plugins that come with Gantry, as far as their use can be checked.

/// A plugin that comes with Gantry: `plugin http = "builtin:http"`.
#[derive(Debug)]
pub struct BuiltinPlugin {
    /// What it is called after `builtin:`.
    pub name: &'static str,
    /// What it can do.
    pub operations: &'static [Operation],
}

/// One function of a plugin.
#[derive(Debug)]
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, all named, with whether they must be given.
    pub arguments: &'static [(&'static str, bool)],
}

/// All of them.
pub const BUILTIN_PLUGINS: [BuiltinPlugin; 2] = [
    BuiltinPlugin {
        name: "haproxy",
        operations: &[
            Operation {
                name: "drain",
                arguments: &[("backend", true), ("server", true), ("within", false)],
            },
            Operation {
                name: "enable",
                arguments: &[("backend", true), ("server", true), ("within", false)],
            },
        ],
    },
    BuiltinPlugin {
        name: "http",
        operations: &[Operation {
            name: "expect",
            arguments: &[("url", true), ("status", false), ("within", false)],
        }],
    },
];

impl BuiltinPlugin {
    /// The plugin of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        const ALL: &[BuiltinPlugin] = &BUILTIN_PLUGINS;
        ALL.iter().find(|plugin| plugin.name == name)
    }
}

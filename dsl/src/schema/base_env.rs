//! The environment that every job starts from, as far as names are concerned.

/// Variables of the base environment of either system, and those that programs rely on. A name of a
/// pipeline that differs from one of them by its case alone would be the same one on Windows.
pub const BASE_VARIABLES: [&str; 24] = [
    "APPDATA",
    "COMSPEC",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "LANG",
    "LOCALAPPDATA",
    "LOGNAME",
    "NUMBER_OF_PROCESSORS",
    "OS",
    "PATH",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PWD",
    "SHELL",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "USERPROFILE",
    "WINDIR",
];

/// Variables that begin so are Gantry's own.
pub const RESERVED_ENV_PREFIX: &str = "GANTRY_";

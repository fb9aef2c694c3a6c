//! The outputs of a job: what its steps append to the file `$GANTRY_OUTPUT`.
//!
//! A line `name=value`, or `name<<END`, lines, and `END`. Values are read by the type that the job
//! declares for them.

use crate::mask::Masker;
use model::spec::OutputSpec;
use model::types::{ReadError, Type};
use model::value::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use thiserror::Error;

/// How large the file may be. Outputs travel in messages and are kept in the store; what is larger
/// than this is a file, and `produces` hands it on.
const SIZE_LIMIT: u64 = 1 << 20;

/// Why outputs can't be taken. Lines are counted from 1.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The file can't be read.
    #[error("can't read $GANTRY_OUTPUT")]
    Io(#[from] io::Error),
    /// A step has put something else in its place.
    #[error("$GANTRY_OUTPUT is no file any more: append to it, and leave it where it is")]
    NoFile,
    /// There is more than may be kept.
    #[error(
        "$GANTRY_OUTPUT holds more than {limit}; hand files on with `produces`",
        limit = Value::Size(SIZE_LIMIT)
    )]
    TooLarge,
    /// Bytes that are no text.
    #[error("line {line} of $GANTRY_OUTPUT is not UTF-8{hint}")]
    NotText {
        /// Which.
        line: usize,
        /// Why that may be, where it is known.
        hint: &'static str,
    },
    /// Neither of the two forms.
    #[error("line {line} of $GANTRY_OUTPUT: expected `name=value` or `name<<END`, found `{found}`")]
    Form {
        /// Which.
        line: usize,
        /// What is there.
        found: String,
    },
    /// A value of many lines without its end.
    #[error("line {line} of $GANTRY_OUTPUT: `{name}<<{end}` has no line `{end}` that ends it")]
    NoEnd {
        /// Where it begins.
        line: usize,
        /// The output.
        name: String,
        /// What was to end it.
        end: String,
    },
    /// The job declares no such output.
    #[error("line {line} of $GANTRY_OUTPUT: the job declares no output `{name}`")]
    Undeclared {
        /// Which.
        line: usize,
        /// The name.
        name: String,
    },
    /// Two values for one output.
    #[error("line {line} of $GANTRY_OUTPUT: `{name}` has a value already, from line {first}")]
    Twice {
        /// The second.
        line: usize,
        /// The first.
        first: usize,
        /// The output.
        name: String,
    },
    /// A value of another type.
    #[error("line {line} of $GANTRY_OUTPUT: `{name}`: {error}")]
    Value {
        /// Which.
        line: usize,
        /// The output.
        name: String,
        /// Why not.
        error: ReadError,
    },
    /// A declared output was not written.
    #[error("the output `{name}` ({ty}) is missing: no step wrote `{name}=…` to $GANTRY_OUTPUT")]
    Missing {
        /// The output.
        name: String,
        /// Its type.
        ty: Type,
    },
}

/// Reads the outputs of a job from the file that its steps wrote, if they did.
///
/// # Errors
/// Where the file is not as it should be, or an output is missing.
pub fn read(
    file: &Path,
    declared: &[OutputSpec],
    masker: &Masker,
) -> Result<BTreeMap<String, Value>, OutputError> {
    let mut bytes = Vec::new();
    match fs::symlink_metadata(file) {
        // A pipe would be waited for without end, and a link leads to what no step wrote.
        Ok(found) if !found.is_file() => return Err(OutputError::NoFile),
        Ok(_) => File::open(file)?
            .take(SIZE_LIMIT + 1)
            .read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error.into()),
    };
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(OutputError::TooLarge);
    }
    parse(&bytes, declared, masker)
}

fn parse(
    bytes: &[u8],
    declared: &[OutputSpec],
    masker: &Masker,
) -> Result<BTreeMap<String, Value>, OutputError> {
    let text = text(bytes)?;
    let mut values = BTreeMap::new();
    let mut first_lines = BTreeMap::new();
    let mut lines = text.lines().zip(1..);
    while let Some((content, line)) = lines.next() {
        if content.trim().is_empty() {
            continue;
        }
        let (name, written) = assignment(content, line, &mut lines)?;
        let Some(output) = declared.iter().find(|output| output.name == name) else {
            let name = masker.text(name);
            return Err(OutputError::Undeclared { line, name });
        };
        if let Some(first) = first_lines.insert(name, line) {
            let name = name.to_owned();
            return Err(OutputError::Twice { line, first, name });
        }
        // A secret must not leave the worker this way either.
        let written = masker.text(&written);
        let value = output
            .ty
            .read(&written)
            .map_err(|error| OutputError::Value {
                line,
                name: name.to_owned(),
                error,
            })?;
        values.insert(name.to_owned(), value);
    }
    match declared
        .iter()
        .find(|output| !output.optional && !values.contains_key(&output.name))
    {
        None => Ok(values),
        Some(OutputSpec { name, ty, .. }) => Err(OutputError::Missing {
            name: name.clone(),
            ty: ty.clone(),
        }),
    }
}

/// How much of a wrong line an error shows, in characters: enough to recognize it.
const FOUND_LIMIT: usize = 60;

/// The name and the value of one output, over as many lines as it takes.
fn assignment<'a>(
    content: &'a str,
    line: usize,
    lines: &mut impl Iterator<Item = (&'a str, usize)>,
) -> Result<(&'a str, String), OutputError> {
    let cut = content.find(['=', '<']);
    let (name, rest) = content.split_at(cut.unwrap_or(content.len()));
    if let Some(value) = rest.strip_prefix('=') {
        return Ok((name, value.to_owned()));
    }
    let Some(end) = rest
        .strip_prefix("<<")
        .map(str::trim)
        .filter(|end| !end.is_empty())
    else {
        let found = content.chars().take(FOUND_LIMIT).collect();
        return Err(OutputError::Form { line, found });
    };
    let mut value = Vec::new();
    for (content, _) in lines {
        if content == end {
            return Ok((name, value.join("\n")));
        }
        value.push(content);
    }
    Err(OutputError::NoEnd {
        line,
        name: name.to_owned(),
        end: end.to_owned(),
    })
}

/// The file as a text, without the mark that some editors of Windows put before it.
fn text(bytes: &[u8]) -> Result<&str, OutputError> {
    let hint = match bytes {
        [0xff, 0xfe, ..] => {
            " but UTF-16, as Windows PowerShell writes it; use `Out-File -Encoding utf8`"
        }
        _ => "",
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        OutputError::NotText { line, hint }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::{SIZE_LIMIT, parse, read};
    use crate::mask::Masker;
    use model::spec::OutputSpec;
    use model::types::Type;
    use std::collections::BTreeMap;

    fn declared() -> Vec<OutputSpec> {
        let output = |name: &str, ty, optional| OutputSpec {
            name: name.to_owned(),
            ty,
            optional,
        };
        vec![
            output("s", Type::String, true),
            output("n", Type::Int, true),
            output("l", Type::List(Box::new(Type::String)), true),
            output("must", Type::Bool, false),
        ]
    }

    fn outcome(bytes: &[u8]) -> String {
        let secrets = BTreeMap::from([("token".to_owned(), b"hunter2".to_vec())]);
        let values = parse(bytes, &declared(), &Masker::new(&secrets).unwrap());
        match values {
            Err(error) => error.to_string(),
            Ok(values) => {
                let values = values.iter().filter(|(name, _)| *name != "must");
                let shown: Vec<String> = values.map(|(name, v)| format!("{name} = {v}")).collect();
                shown.join(", ")
            }
        }
    }

    #[track_caller]
    fn check(written: &str, expected: &str) {
        assert_eq!(
            outcome(format!("must=true\n{written}").as_bytes()),
            expected
        );
    }

    #[test]
    fn values_are_read_by_their_type() {
        check("", "");
        check("\n  \n", "");
        check("s=", "s = \"\"");
        check("s=a = b << c", "s = \"a = b << c\"");
        check("s= blanks stay ", "s = \" blanks stay \"");
        check("n=42\r\ns=x\r\n", "n = 42, s = \"x\"");
        check("l=[\"x\", \"y z\"]", "l = [\"x\", \"y z\"]");
        check(
            "s<<END\none\n\ntwo=2\nEND\nn=1",
            "n = 1, s = \"one\\n\\ntwo=2\"",
        );
        check("s<<END\r\none\r\nEND\r\n", "s = \"one\"");
        check("s<<END\nEND", "s = \"\"");
        check("l<<EOF\n[\n\"x\"\n]\nEOF", "l = [\"x\"]");
    }

    #[test]
    fn errors_name_the_line() {
        let at = |line, rest: &str| format!("line {line} of $GANTRY_OUTPUT: {rest}");
        check("\nx=1", &at(3, "the job declares no output `x`"));
        check(
            "n=ten",
            &at(
                2,
                "`n`: expected int as JSON: expected ident at line 1 column 2",
            ),
        );
        check("n=1.5", &at(2, "`n`: expected int, found 1.5"));
        check("s=a\ns=b", &at(3, "`s` has a value already, from line 2"));
        check(
            "s<<END\nend",
            &at(2, "`s<<END` has no line `END` that ends it"),
        );
        for wrong in ["version 1", "s<x", "s<<"] {
            let expected = format!("expected `name=value` or `name<<END`, found `{wrong}`");
            check(wrong, &at(2, &expected));
        }
        check(
            "must=true",
            &at(2, "`must` has a value already, from line 1"),
        );
    }

    #[test]
    fn secrets_do_not_get_out() {
        check("s=a hunter2 b", "s = \"a *** b\"");
        check(
            "hunter2=1",
            "line 2 of $GANTRY_OUTPUT: the job declares no output `***`",
        );
    }

    #[test]
    fn what_is_missing_or_no_text_is_said() {
        assert_eq!(
            outcome(b""),
            "the output `must` (bool) is missing: no step wrote `must=…` to $GANTRY_OUTPUT"
        );
        assert_eq!(
            outcome(b"must=true\ns=\xff"),
            "line 2 of $GANTRY_OUTPUT is not UTF-8"
        );
        assert!(outcome(b"\xff\xfem\0").contains("UTF-16"));
        assert_eq!(outcome("\u{feff}must=true".as_bytes()), "");
    }

    #[test]
    fn the_file_may_be_absent_and_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output");
        let read = || read(&file, &[], &Masker::default());
        assert!(read().unwrap().is_empty());
        std::fs::write(&file, vec![b' '; SIZE_LIMIT as usize + 1]).unwrap();
        assert_eq!(
            read().unwrap_err().to_string(),
            "$GANTRY_OUTPUT holds more than 1MiB; hand files on with `produces`"
        );
    }
}

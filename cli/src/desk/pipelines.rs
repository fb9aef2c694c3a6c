//! Finds pipelines: the files of the repository, and the one that is meant.

use super::repository::{PIPELINES, Repository};
use crate::error::{Error, Result};
use crate::output::text;
use dsl::ast::{ExprKind, Statement};
use dsl::source::{MAX_FILE_BYTES, Sources};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The name of the site file; it holds no pipeline.
pub const SITE: &str = "site.gantry";

/// How files of pipelines end.
const EXTENSION: &str = "gantry";

/// A file that was found, and which of its pipelines is meant.
#[derive(Debug)]
pub struct Found {
    /// The file, which is the only one.
    pub sources: Sources,
    /// The pipeline's name; absent where it is the file's only one.
    pub name: Option<String>,
}

/// The files of all pipelines of the repository, in the order of their names.
pub fn files(repository: &Repository) -> Result<Vec<PathBuf>> {
    let folder = repository.pipelines();
    let failed = |error: io::Error| {
        let shown = repository.shown(&folder);
        match error.kind() {
            io::ErrorKind::NotFound => no_pipelines(repository),
            io::ErrorKind::NotADirectory => {
                Error::not_found(format!("{shown} is a file, and should be a folder"))
                    .hint("pipelines are the files .gantry/*.gantry")
            }
            _ => Error::system(format!("can't look into {shown}")).because(error),
        }
    };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_pipeline = path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
            && path.file_name().is_some_and(|name| name != SITE);
        if is_pipeline {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(no_pipelines(repository)),
        false => Ok(files),
    }
}

fn no_pipelines(repository: &Repository) -> Error {
    let root = repository.root.display();
    Error::not_found(format!("there is no pipeline in {root}: no {PIPELINES}/*.{EXTENSION}"))
        .hint(format!(
            "write one into {PIPELINES}/ci.{EXTENSION}: pipeline ci {{ job hello {{ sh \"echo hello\" }} }}"
        ))
        .hint(format!("or name a file: gantry run path/to/file.{EXTENSION}"))
}

/// The pipeline of that name, or in that file; without one the only pipeline of the repository.
pub fn find(repository: &Repository, wanted: Option<&str>) -> Result<Found> {
    let only = |path: &Path| {
        let mut sources = Sources::new();
        sources.read(repository.shown(path), read(repository, path)?);
        let name = None;
        Ok(Found { sources, name })
    };
    match wanted {
        Some(wanted) if is_path(wanted) => only(&repository.start.join(wanted)),
        Some(name) => {
            // Mostly the file is named like its pipeline; then the others need not be read.
            let path = repository.pipelines().join(name).with_extension(EXTENSION);
            let mut sources = Sources::new();
            if path.is_file()
                && add(&mut sources, repository, &path)?
                    .iter()
                    .any(|it| it == name)
            {
                let name = Some(name.to_owned());
                return Ok(Found { sources, name });
            }
            find_by_name(repository, wanted, files(repository)?)
        }
        None => match &files(repository)?[..] {
            [path] => only(path),
            several => find_by_name(repository, None, several.to_vec()),
        },
    }
}

/// What is no name is a path; a file that has the bare name of a pipeline is given as `./name`.
fn is_path(wanted: &str) -> bool {
    !wanted
        .chars()
        .all(|char| char.is_ascii_alphanumeric() || char == '_')
}

fn find_by_name(
    repository: &Repository,
    wanted: Option<&str>,
    files: Vec<PathBuf>,
) -> Result<Found> {
    // Which pipelines there are, each with its file; a file without one counts by its own name, so
    // that its mistakes are shown instead of "not found".
    let mut candidates: Vec<(String, Sources, bool)> = Vec::new();
    for path in files {
        let mut sources = Sources::new();
        let names = add(&mut sources, repository, &path)?;
        if names.is_empty() {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            candidates.push((stem.into_owned(), sources, false));
            continue;
        }
        for name in names {
            candidates.push((name, sources.clone(), true));
        }
    }
    let position = match wanted {
        Some(wanted) => candidates.iter().position(|(name, ..)| name == wanted),
        None if candidates.len() == 1 => Some(0),
        None => None,
    };
    if let Some(position) = position {
        let (name, sources, is_pipeline) = candidates.swap_remove(position);
        let name = is_pipeline.then_some(name);
        return Ok(Found { sources, name });
    }
    let names = || candidates.iter().map(|(name, ..)| name.as_str());
    let Some(wanted) = wanted else {
        return Err(several("the repository has", names()));
    };
    let error = Error::not_found(format!("there is no pipeline {wanted:?}"));
    let error = match text::closest(wanted, names()) {
        Some(close) => error.hint(format!("did you mean `{}`?", text::one_line(close))),
        None => error,
    };
    Err(error.hint(format!("those that there are: {}", text::list(names()))))
}

/// One pipeline is expected where there are several.
pub fn several<'n>(whose: &str, names: impl Iterator<Item = &'n str> + Clone) -> Error {
    let first = text::shell_word(names.clone().next().unwrap_or_default()).into_owned();
    Error::usage(format!("{whose} several pipelines, and none is named"))
        .hint(format!("they are {}", text::list(names)))
        .hint(format!("name one, as in: gantry run {first}"))
}

/// Reads a file, and gives the names of the pipelines in it.
fn add(sources: &mut Sources, repository: &Repository, path: &Path) -> Result<Vec<String>> {
    let bytes = read(repository, path)?;
    let source = sources.read(repository.shown(path), bytes);
    let parsed = dsl::parse::parse(source);
    let pipelines = parsed
        .file
        .statements
        .iter()
        .filter_map(|statement| match statement {
            Statement::Node(node) if &*node.word.text == "pipeline" => match &node.arguments[..] {
                [first, ..] => match &first.kind {
                    ExprKind::Name(name) => Some(name.to_string()),
                    _ => None,
                },
                [] => None,
            },
            _ => None,
        });
    Ok(pipelines.collect())
}

/// Reads a file of a pipeline; of one that is far too long only so much that a check can say so.
pub fn read(repository: &Repository, path: &Path) -> Result<Vec<u8>> {
    let shown = repository.shown(path);
    let mut bytes = Vec::new();
    let read = match path.is_dir() {
        true => return Err(Error::not_found(format!("{shown} is a folder, not a file"))),
        false => File::open(path).and_then(|file| {
            let bound = MAX_FILE_BYTES as u64 + 1;
            file.take(bound).read_to_end(&mut bytes)
        }),
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::not_found(format!("there is no file {shown}")))
        }
        Err(error) => Err(Error::system(format!("can't read {shown}")).because(error)),
    }
}

//! From what the command line says to a plan.

use super::event::{self, Given};
use super::pipelines::{self, Found};
use super::repository::{PIPELINES, Repository};
use super::tree::WorkingTree;
use super::{diagnostics, git};
use crate::args::PipelineArgs;
use crate::error::{Error, Result};
use dsl::Site;
use dsl::plan::PlanRequest;
use dsl::source::{FileId, Sources};
use model::plan::Plan;
use std::collections::BTreeMap;
use std::path::Path;

/// A plan, with the text that it comes from.
#[derive(Debug)]
pub struct Compiled {
    /// What is to be done.
    pub plan: Plan,
    /// The file.
    pub sources: Sources,
    /// Names of the site file that were taken on trust.
    pub assumed: Vec<String>,
}

/// Reads, checks and plans the pipeline that is meant. What is wrong is shown on standard error.
pub fn compile(repository: &Repository, args: &PipelineArgs) -> Result<Compiled> {
    std::thread::scope(|threads| {
        // Git is a process, which takes longer than all the rest; the text is checked meanwhile.
        let head = threads.spawn(|| git::head(repository));
        let Found { sources, name } = pipelines::find(repository, args.pipeline.as_deref())?;
        let site = site(repository, args.site.as_deref())?;
        let source = sources.get(FileId::default());
        let source = source.ok_or_else(|| Error::system("the pipeline's file was not read"))?;
        let checked = dsl::check_with(source, site.as_ref());
        diagnostics::report(&checked.diagnostics, &sources)?;
        if checked.has_errors() {
            return Err(diagnostics::failed(&checked.diagnostics, source.path()));
        }
        if name.is_none() && checked.pipelines.len() > 1 {
            let whose = format!("{} has", source.path().display());
            let names = checked.pipelines.iter().map(|it| it.name.as_str());
            return Err(pipelines::several(&whose, names));
        }
        let commit = commit(repository, args, source.text());
        let head = head
            .join()
            .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked));
        let request = PlanRequest {
            pipeline: name,
            event: event::event(given(args), &head, &commit)?,
            params: params(args)?,
            ..PlanRequest::manual()
        };
        match checked.plan(&request, &WorkingTree::new(repository)) {
            Ok(plan) => {
                let assumed = checked.assumed;
                Ok((plan, assumed, sources))
            }
            Err(wrong) => {
                diagnostics::report(&wrong, &sources)?;
                Err(diagnostics::failed(&wrong, source.path()))
            }
        }
    })
    .map(|(plan, assumed, sources)| Compiled {
        plan,
        sources,
        assumed,
    })
}

fn given(args: &PipelineArgs) -> Given<'_> {
    match (&args.trigger, &args.event) {
        (Some(trigger), _) => Given::Trigger(trigger),
        (None, Some(file)) => Given::File(file),
        (None, None) => Given::Nothing,
    }
}

/// What an expression writes to ask who made the last commit, or what it says.
const ASK_FOR_COMMIT: [&str; 4] = [
    "event.author",
    "event.title",
    "event.labeled_by",
    "event.pull_request",
];

/// Who made what. Nobody is asked what the pipeline does not want to know.
fn commit(repository: &Repository, args: &PipelineArgs, text: &str) -> git::Commit {
    if !ASK_FOR_COMMIT
        .iter()
        .any(|question| text.contains(question))
    {
        return git::Commit::default();
    }
    match given(args) {
        Given::Nothing => git::Commit {
            author: git::user(repository),
            title: String::new(),
        },
        Given::Trigger(_) | Given::File(_) => git::last_commit(repository),
    }
}

/// The parameters by their names; one that is given twice is a slip.
fn params(args: &PipelineArgs) -> Result<BTreeMap<String, String>> {
    let mut params = BTreeMap::new();
    for (name, value) in &args.params {
        if params.insert(name.clone(), value.clone()).is_some() {
            return Err(Error::usage(format!(
                "the parameter {name:?} is given twice"
            )));
        }
    }
    Ok(params)
}

/// The site file: the one that is named, or the repository's own, where it has one.
pub fn site(repository: &Repository, named: Option<&Path>) -> Result<Option<Site>> {
    let own = repository.root.join(PIPELINES).join(pipelines::SITE);
    let path = match named {
        Some(path) => repository.start.join(path),
        None if own.exists() => own,
        None => return Ok(None),
    };
    let mut sources = Sources::new();
    let bytes = pipelines::read(repository, &path)?;
    let source = sources.read(repository.shown(&path), bytes);
    let site = Site::read(source);
    let shown = source.path().to_owned();
    site.map(Some).map_err(|wrong| {
        // The error itself is what counts where even this can't be shown.
        let _ = diagnostics::report(&wrong, &sources);
        diagnostics::failed(&wrong, &shown)
    })
}

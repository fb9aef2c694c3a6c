//! `gantry run`: runs a pipeline on this machine.

use crate::args::{PipelineArgs, StoreArgs};
use crate::desk::compile::{Compiled, compile};
use crate::desk::embedded::Embedded;
use crate::desk::machine::{slots_folder, this_machine, worker_config};
use crate::desk::signals::Signals;
use crate::desk::source::{Isolation, Tree};
use crate::desk::watch::{Watched, watch};
use crate::desk::{Repository, diagnostics, selection, store};
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::output::{self, Display, Human, Json, Logs, Palette, Plain, Printer, text};
use clap::ValueEnum;
use dsl::source::{FileId, Sources};
use model::outcome::Outcome;
use model::plan::Plan;
use runner::engine::{Secrets, SubmitError, SubmitRequest};
use runner::layout::Layout;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Run a pipeline on this machine
///
/// It goes through the runner and the worker that run it in production. Every mistake is found before anything starts. Each job then runs in a workspace of its own: a
/// snapshot of your working tree with its uncommitted work, so that nothing a job does reaches your
/// files. Everything is recorded: see `gantry runs`, `gantry logs` and `gantry explain` afterwards.
///
/// Ctrl-C cancels the run: jobs are asked to end, and what must run in any case still does. A second
/// Ctrl-C ends them by force.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  gantry run                               the only pipeline of this repository
  gantry run release --param version=1.2   a pipeline by its name, with a parameter
  gantry run examples/hello.gantry         a pipeline by its file
  gantry run --job package                 one job, and what it needs
  gantry run --job 'test["linux"]'         one element of a job with `for`
  gantry run --trigger push                as if you had pushed: `event.kind == "push"`
  gantry run --secret deploy_token         hand over a secret from the environment
  gantry run --output json                 events for a program: docs/events.md

Exit codes: 0 succeeded, 1 the run failed, 2 usage, 3 the pipeline has errors,
4 not found, 5 the store or the system failed, 130 canceled (gantry help exit-codes)"#)]
pub struct Args {
    #[command(flatten)]
    pipeline: PipelineArgs,

    /// Run this job and what it needs, nothing else; may be given several times
    #[arg(long = "job", value_name = "NAME")]
    jobs: Vec<String>,

    /// After a failure still start what does not depend on it, also where the pipeline says
    /// `fail_fast`
    #[arg(long)]
    keep_going: bool,

    /// How many jobs run at once [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_SLOTS))]
    slots: Option<u32>,

    /// Hand a secret over: its value is that of the environment variable of the same name, or of
    /// VARIABLE. It is masked in the output of the jobs that bind it
    #[arg(long = "secret", value_name = "NAME[=VARIABLE]")]
    secrets: Vec<String>,

    /// Where jobs run: each in a workspace of its own, or all in your working tree itself
    #[arg(long, value_enum, default_value_t = Isolation::Workspace)]
    isolation: Isolation,

    /// For people (live on a terminal), as plain lines, or as JSON events [default: human on a
    /// terminal, else plain]
    #[arg(long, value_enum)]
    output: Option<Output>,

    #[command(flatten)]
    store: StoreArgs,
}

/// More slots than a machine has use for: each is a process.
const MAX_SLOTS: i64 = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Human,
    Plain,
    Json,
}

/// Runs it.
pub fn run(args: &Args) -> Result {
    let repository = Repository::find()?;
    let layout = store::layout(&repository, args.store.store.as_deref())?;
    let secrets = read_secrets(&args.secrets)?;
    // What takes time begins now; the pipeline is read meanwhile.
    let mut embedded = Embedded::start(layout.clone(), worker_config(&layout, args.slots)?)?;
    let tree = Tree::prepare(&repository, &layout, args.isolation);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::system("can't wait for events").because(error))?;
    let started = Started {
        args,
        repository: &repository,
        layout: &layout,
        secrets,
    };
    runtime.block_on(async {
        let watched = started.run(&mut embedded, tree).await;
        if matches!(watched, Ok(Watched::Forced)) {
            // The slots notice that this process is gone, and end what they started.
            return Ok(ExitCode::Canceled);
        }
        let ended = embedded.shut_down().await;
        // Empty now; where it is not, or never was, nothing is lost.
        let _ = std::fs::remove_dir(slots_folder(&layout));
        match watched? {
            Watched::Ended(outcome) => Ok(exit_code(&outcome)),
            Watched::Forced => Ok(ExitCode::Canceled),
            Watched::Abandoned => {
                ended?;
                Err(Error::system("the runner has ended before the run"))
            }
        }
    })
}

/// What was begun, and what is known so far.
struct Started<'a> {
    args: &'a Args,
    repository: &'a Repository,
    layout: &'a Layout,
    secrets: BTreeMap<String, Vec<u8>>,
}

impl Started<'_> {
    async fn run(mut self, embedded: &mut Embedded, tree: Tree) -> Result<Watched> {
        let args = self.args;
        let Compiled {
            mut plan, sources, ..
        } = compile(self.repository, &args.pipeline).map_err(nothing_started)?;
        let selection = selection::select(&mut plan, &args.jobs)?;
        let wanted = selection.wanted(&plan);
        refuse_unsupported(&plan, &wanted, &sources)?;
        selection::refuse_other_machines(&plan, &wanted, &this_machine())?;
        self.refuse_missing_secrets(&plan, &wanted)?;
        let plan = Arc::new(plan);
        let mut printer = self.printer(&plan);
        let tree = tree.wait(self.show_progress())?;
        let Some(handle) = embedded.handle().await else {
            return Ok(Watched::Abandoned);
        };
        // Up to here a signal just ends this process, and with it what it has begun.
        let mut signals = Signals::listen()
            .map_err(|error| Error::system("can't listen to signals").because(error))?;
        let request = SubmitRequest {
            plan,
            selection,
            by: user_name(),
            keep_going: args.keep_going,
            source: tree.source(),
            secrets: Secrets(self.secrets),
        };
        let mut events = match handle.submit(request).await {
            // Why, its own result says.
            Err(SubmitError::Ended) => return Ok(Watched::Abandoned),
            submitted => submitted?,
        };
        for warning in tree.warnings() {
            printer.note(warning)?;
        }
        watch(&mut events, &handle, &mut signals, printer).await
    }

    fn refuse_missing_secrets(&mut self, plan: &Plan, wanted: &[bool]) -> Result<()> {
        let asked = selection::secrets(plan, wanted);
        // What no job asks for is not handed on.
        self.secrets.retain(|name, _| asked.contains(name));
        let missing: Vec<_> = asked
            .iter()
            .filter(|name| !self.secrets.contains_key(*name))
            .collect();
        match missing.first() {
            None => Ok(()),
            Some(first) => {
                let names = text::list(missing.iter().map(|name| name.as_str()));
                let message = format!("the pipeline asks for secrets that were not given: {names}");
                Err(Error::usage(message).hint(format!(
                    "put each into the environment and hand it over: {first}=… gantry run --secret \
                     {first}"
                )))
            }
        }
    }

    fn output(&self) -> Output {
        let default = || match output::can_redraw() {
            true => Output::Human,
            false => Output::Plain,
        };
        self.args.output.unwrap_or_else(default)
    }

    /// Whether a person waits at a terminal.
    fn show_progress(&self) -> bool {
        self.output() == Output::Human && output::can_redraw()
    }

    fn printer(&self, plan: &Arc<Plan>) -> Box<dyn Printer> {
        let store = self.args.store.store.as_ref();
        let display = Display {
            palette: Palette::stdout(),
            logs: Logs::new(self.layout.logs()),
            store: store.map(|store| store.to_string_lossy().into_owned()),
        };
        let out = io::BufWriter::with_capacity(OUT_BUFFER, io::stdout());
        match self.output() {
            Output::Human => {
                let redraw = self.show_progress();
                Box::new(Human::new(out, display, Arc::clone(plan), redraw))
            }
            Output::Plain => Box::new(Plain::new(out, display, Arc::clone(plan))),
            Output::Json => Box::new(Json::new(out)),
        }
    }
}

/// How much output is gathered before it is written; it is flushed whenever no event waits.
const OUT_BUFFER: usize = 64 * 1024;

fn exit_code(outcome: &Outcome) -> ExitCode {
    match outcome {
        Outcome::Succeeded => ExitCode::Succeeded,
        Outcome::Skipped { reason } if reason.is_not_applicable() => ExitCode::Succeeded,
        Outcome::Canceled { .. } => ExitCode::Canceled,
        Outcome::Failed { .. }
        | Outcome::TimedOut { .. }
        | Outcome::Skipped { .. }
        | Outcome::Lost { .. } => ExitCode::RunFailed,
    }
}

fn nothing_started(mut error: Error) -> Error {
    if error.code == ExitCode::PipelineErrors {
        error.message.push_str("; nothing was started");
    }
    error
}

fn refuse_unsupported(plan: &Plan, wanted: &[bool], sources: &Sources) -> Result<()> {
    let Some(source) = sources.get(FileId::default()) else {
        return Ok(());
    };
    let refused: Vec<_> = selection::unsupported(plan, wanted)
        .into_iter()
        .map(|word| diagnostics::unsupported(word, source))
        .collect();
    match refused.is_empty() {
        true => Ok(()),
        false => {
            diagnostics::report(&refused, sources)?;
            let error = diagnostics::failed(&refused, source.path());
            Err(nothing_started(error))
        }
    }
}

/// Secrets from the environment: `NAME`, or `NAME=VARIABLE`.
fn read_secrets(given: &[String]) -> Result<BTreeMap<String, Vec<u8>>> {
    let read = |text: &String| {
        let (name, variable) = text.split_once('=').unwrap_or((text, text));
        match std::env::var_os(variable) {
            Some(value) => Ok((name.to_owned(), value.into_encoded_bytes())),
            None => Err(Error::usage(format!(
                "the secret {name:?} is to be taken from the environment, which has no {variable}"
            ))
            .hint(format!("{variable}=… gantry run --secret {text}"))),
        }
    };
    given.iter().map(read).collect()
}

/// Who starts the run, for people.
fn user_name() -> String {
    let name = ["USER", "USERNAME", "LOGNAME"].map(|name| std::env::var(name).ok());
    name.into_iter()
        .flatten()
        .next()
        .unwrap_or_else(|| "somebody".to_owned())
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Store(error) => error.into(),
            SubmitError::Unsupported(_) => Self::pipeline(error.to_string()),
            SubmitError::Source(_) | SubmitError::Ended => Self::system(error.to_string()),
        }
    }
}

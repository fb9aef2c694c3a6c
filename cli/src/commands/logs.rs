//! `gantry logs`: what jobs printed, straight from disk.

use crate::args::StoreArgs;
use crate::desk::{Repository, store};
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::output::{self, Logs, Palette, text};
use model::ids::{AttemptId, RunId};
use runner::store::Store;
use scheduler::record::{JobRow, StepRow};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};

/// Show what jobs printed
///
/// Of the last run, of a run, or of one of its jobs; of several jobs each log has a line with the
/// job's name above it. A log is shown as it lies on disk, all of it. Only on a terminal are control
/// characters made harmless, and endless lines cut.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  gantry logs                     all of the last run
  gantry logs test                the job `test` of the last run
  gantry logs 17 'test["linux"]'  an element of a job with `for`, in run 17
  gantry logs test --attempt 1    the first attempt, where there were several
  gantry logs build --step 2      its second step only
  gantry logs build | less"#)]
pub struct Args {
    /// The run, as `gantry runs` numbers it [default: the last one]
    #[arg(value_name = "RUN")]
    run: Option<String>,

    /// The job; of a job with `for` all elements, or one: 'test["linux"]'
    #[arg(value_name = "JOB")]
    job: Option<String>,

    /// Which attempt, from 1 [default: the last one]
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,

    /// Only the output of this step, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    step: Option<u32>,

    #[command(flatten)]
    store: StoreArgs,
}

/// Prints the logs.
pub fn run(args: &Args) -> Result {
    let repository = Repository::find()?;
    let layout = store::layout(&repository, args.store.store.as_deref())?;
    let (run, job) = run_and_job(args)?;
    let nothing = || Error::not_found("nothing was run here yet").hint("`gantry run` does");
    let mut store = store::open_for_reading(&layout)?.ok_or_else(nothing)?;
    let run = find_run(&mut store, run)?.ok_or_else(nothing)?;
    let jobs = store.jobs(run)?;
    let chosen = match job {
        None => jobs.iter().filter(|job| job.n_attempts > 0).collect(),
        Some(name) => find_jobs(&jobs, run, name)?,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let shown = Shown {
        is_terminal: io::stdout().is_terminal(),
        palette: Palette::stdout(),
        logs: Logs::new(layout.logs()),
    };
    let is_only = chosen.len() == 1;
    let mut n_shown = 0;
    for job in chosen {
        let found = part(args, &mut store, run, job).and_then(|part| {
            let file = shown.open(&part, job)?;
            Ok((part, file))
        });
        let (part, mut file) = match found {
            Ok(found) => found,
            // Of several jobs not each has an attempt or step of that number.
            Err(error) if !is_only && error.code == ExitCode::NotFound => continue,
            Err(error) => return Err(error),
        };
        if !is_only {
            let header = format!("==> {} <==", text::one_line(&job.name));
            writeln!(out, "{}", shown.palette.strong(&header))?;
        }
        shown.write(&mut out, &mut file, &part)?;
        n_shown += 1;
    }
    out.flush()?;
    match n_shown {
        0 => Err(Error::not_found(format!(
            "no job of run {run} has such a log"
        ))),
        _ => Ok(ExitCode::Succeeded),
    }
}

/// What is to be shown of a log.
struct Part {
    attempt: AttemptId,
    from: u64,
    to: u64,
}

fn part(args: &Args, store: &mut Store, run: RunId, job: &JobRow) -> Result<Part> {
    let attempt = attempt_of(args, run, job)?;
    let (from, to) = match args.step {
        None => (0, u64::MAX),
        Some(number) => stretch(store, attempt, job, number)?,
    };
    Ok(Part { attempt, from, to })
}

/// A first argument that is no number names a job of the last run.
fn run_and_job(args: &Args) -> Result<(Option<RunId>, Option<&str>)> {
    match (args.run.as_deref(), args.job.as_deref()) {
        (None, job) => Ok((None, job)),
        (Some(run), job) => match (run.parse(), job) {
            (Ok(run), job) => Ok((Some(RunId(run)), job)),
            (Err(_), None) => Ok((None, Some(run))),
            (Err(_), Some(_)) => Err(Error::usage(format!("{run:?} is not the number of a run"))
                .hint("`gantry runs` lists them; the run comes first, then the job")),
        },
    }
}

/// The run of that number, or the last one; `None` where there is none at all.
pub fn find_run(store: &mut Store, run: Option<RunId>) -> Result<Option<RunId>> {
    match run {
        None => Ok(store.runs(None, 1)?.first().map(|run| run.id())),
        Some(run) => match store.run(run)? {
            Some(_) => Ok(Some(run)),
            None => Err(Error::not_found(format!("there is no run {run}"))
                .hint("`gantry runs` lists those that there are")),
        },
    }
}

/// The jobs of that name: one, or all elements of a fan-out.
pub fn find_jobs<'j>(jobs: &'j [JobRow], run: RunId, name: &str) -> Result<Vec<&'j JobRow>> {
    let exact =
        |job: &&JobRow| text::is_name_of(name, &job.name) || text::one_line(&job.name) == name;
    let mut found: Vec<_> = jobs.iter().filter(exact).collect();
    if found.is_empty() {
        let is_element = |job: &&JobRow| {
            let rest = job.name.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with('['))
        };
        found = jobs.iter().filter(is_element).collect();
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let names = jobs.iter().map(|job| job.name.as_str());
    let mut error = Error::not_found(format!("run {run} has no job {name:?} that began"));
    if let Some(close) = text::closest(name, names.clone()) {
        error = error.hint(format!("did you mean {}?", text::one_line(close)));
    }
    Err(error.hint(format!("its jobs are {}", text::list(names))))
}

fn attempt_of(args: &Args, run: RunId, job: &JobRow) -> Result<AttemptId> {
    let number = args.attempt.unwrap_or(job.n_attempts);
    if number == 0 || number > job.n_attempts {
        let name = text::one_line(&job.name);
        return Err(match job.n_attempts {
            0 => Error::not_found(format!("{name} was never started in run {run}"))
                .hint(format!("gantry explain {}", text::shell_word(&job.name))),
            n => Error::not_found(format!(
                "{name} has no attempt {number} in run {run}: there were {n}"
            )),
        });
    }
    Ok(AttemptId {
        run,
        job: job.job,
        number,
    })
}

/// Where the output of a step lies in the log.
fn stretch(store: &mut Store, attempt: AttemptId, job: &JobRow, number: u32) -> Result<(u64, u64)> {
    let steps: Vec<StepRow> = store.steps(attempt.run, Some(attempt.job))?;
    let steps: Vec<_> = steps
        .iter()
        .filter(|step| step.attempt == attempt)
        .collect();
    match steps.iter().find(|step| step.step + 1 == number) {
        Some(step) => Ok((
            step.log_from,
            step.end.as_ref().map_or(u64::MAX, |end| end.1),
        )),
        None => Err(Error::not_found(format!(
            "{} has no step {number} that began",
            text::one_line(&job.name)
        ))
        .hint(format!("{} did", text::count(steps.len(), "step")))),
    }
}

struct Shown {
    is_terminal: bool,
    palette: Palette,
    logs: Logs,
}

impl Shown {
    fn open(&self, part: &Part, job: &JobRow) -> Result<File> {
        self.logs.open(part.attempt).map_err(|error| {
            let name = text::one_line(&job.name);
            let path = self.logs.path(part.attempt);
            match error.kind() {
                io::ErrorKind::NotFound => {
                    Error::not_found(format!("the log of {name} is not there any more"))
                }
                _ => Error::system(format!("can't read {}", path.display())),
            }
            .because(error)
        })
    }

    fn write(&self, out: &mut dyn Write, file: &mut File, part: &Part) -> io::Result<()> {
        match self.is_terminal {
            true => self.write_safely(out, file, part.from, part.to),
            false => {
                file.seek(SeekFrom::Start(part.from))?;
                io::copy(&mut file.take(part.to - part.from), out).map(drop)
            }
        }
    }

    fn write_safely(
        &self,
        out: &mut dyn Write,
        file: &mut File,
        from: u64,
        to: u64,
    ) -> io::Result<()> {
        let mut excerpt = output::Excerpt {
            out,
            prefix: "",
            palette: self.palette,
            command: "",
        };
        let mut lines = output::LineSplitter::default();
        excerpt.stretch(file, from, to, &mut lines)?;
        excerpt.finish(&mut lines)
    }
}

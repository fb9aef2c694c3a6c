//! `gantry check`: finds every mistake, runs nothing.

use crate::desk::{Repository, compile, diagnostics, pipelines};
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::output::{Palette, text};
use clap::ValueEnum;
use dsl::diagnostic::{Diagnostic, render};
use dsl::source::Sources;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

/// Find every mistake in pipelines, and run nothing
///
/// All mistakes are shown at once, each with its place, what was expected, and what to do. `gantry
/// explain G0123` tells more about a code. The exit code is 3 where there are errors.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  gantry check                             all pipelines of this repository
  gantry check examples/*.gantry           these files
  gantry check --format concise            a line for each, for editors and grep
  gantry check --format github             annotations of a pull request")]
pub struct Args {
    /// The files [default: all of .gantry]
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,

    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t = Format::Full)]
    format: Format,

    /// The site file, which says what environments, teams and facts there are
    /// [default: .gantry/site.gantry, where there is one]
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the text underlined.
    Full,
    /// One line each.
    Concise,
    /// An object for programs.
    Json,
    /// Annotations for GitHub.
    Github,
}

/// Checks the files.
pub fn run(args: &Args) -> Result {
    let repository = Repository::find()?;
    let site = compile::site(&repository, args.site.as_deref())?;
    let files = match args.files.is_empty() {
        true => pipelines::files(&repository)?,
        false => args
            .files
            .iter()
            .map(|file| repository.start.join(file))
            .collect(),
    };
    let mut sources = Sources::new();
    for file in &files {
        let bytes = pipelines::read(&repository, file)?;
        sources.read(repository.shown(file), bytes);
    }
    let mut found = Vec::new();
    let mut assumed = BTreeSet::new();
    for source in sources.iter() {
        let checked = dsl::check_with(source, site.as_ref());
        found.extend(checked.diagnostics);
        assumed.extend(checked.assumed);
    }
    let report = Report {
        found: &found,
        sources: &sources,
        n_files: files.len(),
        assumed: &assumed,
        palette: Palette::stdout(),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    report.write(&mut out, args.format)?;
    out.flush()?;
    Ok(match found.iter().any(Diagnostic::is_error) {
        true => ExitCode::PipelineErrors,
        false => ExitCode::Succeeded,
    })
}

/// What was found.
struct Report<'r> {
    found: &'r [Diagnostic],
    sources: &'r Sources,
    n_files: usize,
    assumed: &'r BTreeSet<String>,
    palette: Palette,
}

impl Report<'_> {
    fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        match format {
            Format::Full => {
                diagnostics::show(self.found, self.sources, self.palette, out)?;
                self.write_verdict(out)
            }
            Format::Concise => self.write_each(out, render::concise),
            Format::Github => self.write_each(out, render::github),
            Format::Json => {
                let report = render::Report::new(self.found, self.sources);
                serde_json::to_writer_pretty(&mut *out, &report)?;
                writeln!(out)
            }
        }
    }

    fn write_each(
        &self,
        out: &mut dyn Write,
        render: fn(&Diagnostic, &Sources) -> String,
    ) -> io::Result<()> {
        for diagnostic in self.found {
            let text = render(diagnostic, self.sources);
            writeln!(out, "{}", text.trim_end_matches('\n'))?;
        }
        Ok(())
    }

    fn write_verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let palette = self.palette;
        if !self.assumed.is_empty() {
            let names = text::list(self.assumed.iter().map(String::as_str));
            writeln!(
                out,
                "{} not checked, for want of a site file: {names}",
                palette.note("note:")
            )?;
        }
        let n_errors = self.found.iter().filter(|found| found.is_error()).count();
        let n_warnings = self.found.len() - n_errors;
        let mut counts = Vec::new();
        if n_errors > 0 {
            counts.push(palette.bad(&text::count(n_errors, "error")));
        }
        if n_warnings > 0 {
            counts.push(palette.warn(&text::count(n_warnings, "warning")));
        }
        let files = text::count(self.n_files, "file");
        match counts.is_empty() {
            true => writeln!(out, "{} in {files}", palette.good("no mistakes")),
            false => writeln!(out, "{} in {files}", counts.join(" and ")),
        }
    }
}

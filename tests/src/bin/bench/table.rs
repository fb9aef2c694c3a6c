//! What is printed.

use std::fmt;

use super::measure::{Samples, shown};

/// Rows, in the order in which they were measured.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Row {
    what: String,
    ours: String,
    peer: String,
    ratio: String,
    goal: String,
}

impl Table {
    /// A pair that was measured in turns, with the ratio of the medians.
    pub fn pair(&mut self, what: &str, ours: &Samples, peer: Option<(&str, &Samples)>, goal: &str) {
        let (peer, ratio) = match peer {
            Some((name, samples)) => (
                format!("{name} {}", with_spread(samples)),
                format!("{:.2} ×", ours.median() / samples.median()),
            ),
            None => ("not present".to_owned(), "–".to_owned()),
        };
        self.row(what, with_spread(ours), peer, ratio, goal);
    }

    /// A figure alone.
    pub fn figure(&mut self, what: &str, ours: impl Into<String>, goal: &str) {
        self.row(what, ours.into(), String::new(), String::new(), goal);
    }

    /// A figure beside another, with what relates them.
    pub fn row(
        &mut self,
        what: &str,
        ours: impl Into<String>,
        peer: impl Into<String>,
        ratio: impl Into<String>,
        goal: &str,
    ) {
        self.rows.push(Row {
            what: what.to_owned(),
            ours: ours.into(),
            peer: peer.into(),
            ratio: ratio.into(),
            goal: goal.to_owned(),
        });
    }

    /// A sentence below the table.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

/// A median with its quartiles.
pub fn with_spread(samples: &Samples) -> String {
    let (low, high) = samples.spread();
    format!(
        "{} [{}, {}]",
        shown(samples.median()),
        shown(low),
        shown(high)
    )
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ["what", "gantry", "peer or limit", "ratio", "goal"];
        let rows: Vec<[&str; 5]> = self
            .rows
            .iter()
            .map(|row| [&*row.what, &*row.ours, &*row.peer, &*row.ratio, &*row.goal])
            .collect();
        let widths: Vec<usize> = (0..heading.len())
            .map(|column| {
                let cells = rows.iter().map(|row| row[column].chars().count());
                cells
                    .chain([heading[column].chars().count()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let line = |f: &mut fmt::Formatter<'_>, row: &[&str; 5]| {
            for (cell, width) in row.iter().zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")
        };
        line(f, &heading)?;
        for width in &widths {
            write!(f, "| {} ", "-".repeat(*width))?;
        }
        writeln!(f, "|")?;
        for row in &rows {
            line(f, row)?;
        }
        writeln!(
            f,
            "\nMedians, with the first and third quartile in brackets; pairs in turns."
        )?;
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

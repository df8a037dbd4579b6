//! Reports: each a pure function of the finished audit, one file a format.

mod json;
mod junit;
pub(crate) mod table;

use std::io::{self, Write};

use clap::ValueEnum;

use crate::outcome::Report;

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// `readyctl.report/1`, see `readyctl schema report`.
    Json,
    /// JUnit XML, for CI servers.
    Junit,
}

/// How to print for people; decided once, at the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Whether to colour.
    pub(crate) colour: bool,
    /// Columns available.
    pub(crate) width: u16,
    /// Whether to leave out green rows.
    pub(crate) failing_only: bool,
    /// Whether to show every judged statement.
    pub(crate) verbose: bool,
}

/// Writes the report.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(
    report: &Report,
    format: Format,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(report, style, out),
        Format::Json => json::write(report, out),
        Format::Junit => junit::write(report, out),
    }
}

//! `readyctl.report/1`: the report as it is, indented.

use std::io::{self, Write};

use crate::outcome::Report;

/// Writes the report and a line break.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}

//! The table: one row a check under its heading, then what is not green with what to do about it.

use std::collections::HashSet;
use std::io::{self, Write};

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width,
    presets,
};

use super::Style;
use crate::outcome::{CheckResult, Finding, Judged, Report, Verdict};
use crate::verdict::duration;

/// Columns from which ids get a column of their own.
const WIDE: u16 = 110;

/// Writes table, details and the closing line.
pub(crate) fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let shown: Vec<&CheckResult> = report
        .checks
        .iter()
        .filter(|check| !style.failing_only || check.verdict != Verdict::Pass)
        .collect();
    if !shown.is_empty() {
        writeln!(out, "{}\n", trim_lines(&rows(&shown, style).to_string()))?;
    }
    for check in report
        .checks
        .iter()
        .filter(|check| style.verbose || needs_attention(check))
    {
        details(check, style, out)?;
    }
    closing_line(report, style, out)
}

/// Whether a person must look at it.
fn needs_attention(check: &CheckResult) -> bool {
    matches!(
        check.verdict,
        Verdict::Fail | Verdict::Warn | Verdict::Error
    )
}

/// The table itself.
fn rows(checks: &[&CheckResult], style: Style) -> Table {
    let wide = style.width >= WIDE;
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width);
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let head = |text: &str| bold(Cell::new(text), style);
    let mut header = vec![
        head("VERDICT"),
        head("CHECK"),
        head("SEEN"),
        head("TIME").set_alignment(CellAlignment::Right),
    ];
    if wide {
        header.insert(2, head("ID"));
    }
    let columns = header.len();
    table.set_header(header);
    let mut group: Option<&str> = None;
    let mut told = HashSet::new();
    for check in checks {
        if group != Some(&check.group) {
            if group.is_some() {
                table.add_row(vec![Cell::new(""); columns]);
            }
            let mut heading = vec![Cell::new(""); columns];
            heading[1] = bold(Cell::new(&check.group), style);
            table.add_row(heading);
            group = Some(&check.group);
        }
        table.add_row(row(check, &news(check, &mut told), wide, style));
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    if let Some(column) = table.column_mut(columns - 1) {
        column.set_constraint(ColumnConstraint::ContentWidth);
        column.set_cell_alignment(CellAlignment::Right);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(
            if style.width < 70 { 16 } else { 30 },
        )));
    }
    table
}

/// What a row has to say. Checks of one kind begin with the same statements (connected, answered);
/// a green row of which an earlier one said that much begins with what is its own.
fn news<'a>(check: &'a CheckResult, told: &mut HashSet<(&'a str, &'a str)>) -> String {
    if check.verdict != Verdict::Pass || check.attempts > 1 {
        return check.message.clone();
    }
    let (own, common): (Vec<&Finding>, Vec<&Finding>) = check
        .findings
        .iter()
        .partition(|finding| told.insert((&check.kind, &finding.subject)));
    if own.is_empty() || common.is_empty() {
        return check.message.clone();
    }
    own.iter()
        .chain(&common)
        .map(|finding| format!("{} {}", finding.subject, finding.actual))
        .collect::<Vec<_>>()
        .join(", ")
}

/// One row.
fn row(check: &CheckResult, seen: &str, wide: bool, style: Style) -> Vec<Cell> {
    let time = if check.attempts == 0 {
        String::new()
    } else {
        duration(check.duration_ms)
    };
    let verdict = Cell::new(word(check.verdict));
    let verdict = if style.colour {
        verdict
            .fg(colour(check.verdict))
            .add_attribute(Attribute::Bold)
    } else {
        verdict
    };
    let mut cells = vec![
        verdict,
        Cell::new(&check.title),
        Cell::new(shorten(check, seen, usize::from(style.width))),
        Cell::new(time),
    ];
    if wide {
        cells.insert(2, Cell::new(&check.id));
    }
    cells
}

/// The verdict as a row shows it: what is not green stands out without colour too.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Warn => "WARN",
        Verdict::Error => "ERROR",
        Verdict::Skip => "skip",
        Verdict::Waived => "waived",
    }
}

/// The verdict's colour.
fn colour(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Pass => Color::Green,
        Verdict::Fail => Color::Red,
        Verdict::Warn => Color::Yellow,
        Verdict::Error => Color::Magenta,
        Verdict::Skip => Color::DarkGrey,
        Verdict::Waived => Color::Cyan,
    }
}

/// Bold, when coloured.
fn bold(cell: Cell, style: Style) -> Cell {
    if style.colour {
        cell.add_attribute(Attribute::Bold)
    } else {
        cell
    }
}

/// Everything about one check that is not green: expected, seen, what to do, where it stands.
fn details(check: &CheckResult, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let place = check
        .location
        .as_ref()
        .map(|location| format!(" {location}"))
        .unwrap_or_default();
    let verdict = word(check.verdict);
    let heading = format!("{} ({}, {}){place}", check.id, check.kind, check.severity);
    let width = usize::from(style.width).saturating_sub(verdict.len() + 1);
    for (index, line) in wrap(&heading, width.max(24)).iter().enumerate() {
        if index == 0 {
            writeln!(out, "{} {line}", paint(verdict, check.verdict, style))?;
        } else {
            writeln!(out, "  {line}")?;
        }
    }
    for finding in check
        .findings
        .iter()
        .filter(|finding| style.verbose || finding.verdict != Judged::Pass)
    {
        if check.fault.is_some() {
            continue;
        }
        detail_of(finding, style, out)?;
    }
    if let Some(fault) = &check.fault {
        let code = fault
            .code
            .as_ref()
            .map(|code| format!("{code}  "))
            .unwrap_or_default();
        field("seen", &format!("{code}{}", fault.message), style, out)?;
        if let Some(hint) = &fault.hint {
            field("do", hint, style, out)?;
        }
    }
    if let Some(reason) = &check.skipped_because {
        field("because", reason, style, out)?;
    }
    // The remedy is against a fault of the target; of what could not be looked at the hint speaks.
    let hinted = check
        .fault
        .as_ref()
        .is_some_and(|fault| fault.hint.is_some());
    if needs_attention(check) && !check.remedy.is_empty() && !hinted {
        field("remedy", &check.remedy, style, out)?;
    }
    writeln!(out)
}

/// One finding: code and sentence, then expected and seen.
fn detail_of(finding: &Finding, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let code = finding
        .code
        .as_ref()
        .map(|code| format!("{code}  "))
        .unwrap_or_default();
    let sentence = if finding.message.is_empty() {
        finding.subject.clone()
    } else {
        finding.message.clone()
    };
    let mark = match finding.verdict {
        Judged::Pass => "ok",
        Judged::Fail => "fault",
        Judged::Warn => "advice",
        Judged::Error => "unknown",
    };
    field(mark, &format!("{code}{sentence}"), style, out)?;
    if finding.verdict != Judged::Pass || style.verbose {
        field(
            "  expected",
            &format!("{}: {}", finding.subject, finding.expected),
            style,
            out,
        )?;
        field("  seen", &finding.actual, style, out)?;
    }
    Ok(())
}

/// An indented `name  text` line, wrapped.
fn field(name: &str, text: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    const INDENT: usize = 14;
    let width = usize::from(style.width).saturating_sub(INDENT).max(24);
    for (index, line) in wrap(text, width).iter().enumerate() {
        let label = if index == 0 { name } else { "" };
        writeln!(out, "  {label:<10}  {line}")?;
    }
    Ok(())
}

/// Lines of at most `width` columns, broken at spaces where possible.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let needed = unicode_width::UnicodeWidthStr::width(line.as_str())
                + 1
                + unicode_width::UnicodeWidthStr::width(word);
            if !line.is_empty() && needed > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// The last line: the answer, the counts, the exit code.
fn closing_line(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let counts = report.summary;
    let parts: Vec<String> = [
        (counts.pass, "pass"),
        (counts.fail, "fail"),
        (counts.warn, "warn"),
        (counts.error, "error"),
        (counts.skip, "skip"),
        (counts.waived, "waived"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let target = report
        .target
        .as_ref()
        .map(|target| format!(" @ {target}"))
        .unwrap_or_default();
    let verdict = match report.readiness {
        crate::outcome::Readiness::Ready => Verdict::Pass,
        crate::outcome::Readiness::NotReady => Verdict::Fail,
        crate::outcome::Readiness::Undetermined => Verdict::Error,
    };
    let words = report.readiness.words();
    let line = format!(
        "{}{target}: {words}: {} of {} in {} (exit {})",
        report.profile,
        parts.join(", "),
        noun(counts.total),
        duration(report.duration_ms),
        report.exit_code
    );
    let mut painted = false;
    for line in wrap(&line, usize::from(style.width)) {
        // The answer, not a profile or target that happens to be called so.
        let answer = format!("{words}:");
        if !painted && line.contains(&answer) {
            painted = true;
            let answer_painted = format!("{}:", paint(words, verdict, style));
            writeln!(out, "{}", line.replacen(&answer, &answer_painted, 1))?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// `1 check`, `7 checks`.
fn noun(count: usize) -> String {
    if count == 1 {
        "1 check".to_owned()
    } else {
        format!("{count} checks")
    }
}

/// Text in the colour of a verdict.
fn paint(text: &str, verdict: Verdict, style: Style) -> String {
    if !style.colour {
        return text.to_owned();
    }
    let ansi = match verdict {
        Verdict::Pass => anstyle::AnsiColor::Green,
        Verdict::Fail => anstyle::AnsiColor::Red,
        Verdict::Warn => anstyle::AnsiColor::Yellow,
        Verdict::Error => anstyle::AnsiColor::Magenta,
        Verdict::Skip => anstyle::AnsiColor::BrightBlack,
        Verdict::Waived => anstyle::AnsiColor::Cyan,
    };
    let painted = anstyle::Style::new().fg_color(Some(ansi.into())).bold();
    format!("{painted}{text}{painted:#}")
}

/// The first line of a message, cut: the details and the other formats have it whole.
fn shorten(check: &CheckResult, seen: &str, width: usize) -> String {
    let line = seen.lines().next().unwrap_or_default();
    // A green row needs no more than a glance.
    let limit = if check.verdict == Verdict::Pass {
        width / 2
    } else {
        width * 3 / 2
    }
    .max(40);
    if line.chars().count() <= limit {
        return line.to_owned();
    }
    let mut cut: String = line.chars().take(limit - 1).collect();
    cut.push('…');
    cut
}

/// No spaces at the ends of lines.
fn trim_lines(text: &str) -> String {
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

//! `env`: a developer's `.env`, with no profile at all.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Session;
use crate::cli::{EnvFile, Listing};
use crate::dotenv::inspect::{Beside, Inspection, inspect};
use crate::dotenv::verdict::{Asked, Problem, problems};
use crate::outcome::{Fault, exit};

/// Endings of names of example files.
const EXAMPLES: &[&str] = &["example", "sample", "template", "dist"];

/// Validates a file: 0 nothing wrong but perhaps advice, 1 a fault, 3 it could not be read.
pub(super) fn run(options: &EnvFile, session: &Session) -> anyhow::Result<u8> {
    let is_example = is_example(&options.file);
    let example = match &options.example {
        Some(path) => Some(path.clone()),
        // An example is its own: what is looked for then is a real secret in it.
        None if is_example => Some(options.file.clone()),
        None => example_of(&options.file),
    };
    let beside = Beside {
        example: example
            .as_deref()
            .map(|path| (path.display().to_string(), path)),
        declared: &[],
    };
    let shown = options.file.display().to_string();
    let seen = match inspect(&shown, &options.file, &beside) {
        Ok(seen) => seen,
        Err(fault) => return unreadable(&shown, &fault, options.format, session),
    };
    let asked = Asked {
        loaders: Vec::new(),
        production: false,
        private: false,
        complete: true,
        documented: true,
        ignored: globset::GlobSet::empty(),
        declared: Vec::new(),
    };
    let mut found = problems(&seen, &asked, jiff::Timestamp::now());
    if is_example {
        // In an example placeholders and defaults are what belongs there, and anybody may read it.
        found.retain(|p| !matches!(p.code, "ENV-03" | "ENV-04" | "ENV-07" | "ENV-24"));
    }
    let code = if found.iter().any(|p| p.red) {
        exit::NOT_READY
    } else {
        exit::READY
    };
    let text = match options.format {
        Listing::Json => as_json(&seen, &found, code)?,
        Listing::Table => as_text(&seen, &found, is_example, session.stdout.colour),
    };
    session.print(&text)?;
    Ok(code)
}

/// Whether a file is an example by its name.
fn is_example(path: &Path) -> bool {
    path.file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .is_some_and(|name| name.split('.').any(|part| EXAMPLES.contains(&part)))
}

/// The example beside a file: `FILE.example` and its like, or `.env.example` for `.env.local`.
fn example_of(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_name()?.to_string_lossy().into_owned();
    EXAMPLES
        .iter()
        .map(|ending| folder.join(format!("{name}.{ending}")))
        .chain(
            EXAMPLES
                .iter()
                .map(|ending| folder.join(format!(".env.{ending}"))),
        )
        .find(|path| path.is_file())
}

/// Says why the file could not be read.
fn unreadable(
    shown: &str,
    fault: &Fault,
    format: Listing,
    session: &Session,
) -> anyhow::Result<u8> {
    match format {
        Listing::Json => {
            let value = json!({
                "schema": "readyctl.env/1",
                "file": shown,
                "verdict": "error",
                "exit_code": exit::UNDETERMINED,
                "problems": [],
                "fault": fault,
            });
            session.print(&format!("{}\n", serde_json::to_string_pretty(&value)?))?;
        }
        Listing::Table => session.note(&format!(
            "error[{}]: {}\n  help: {}",
            fault.code.as_deref().unwrap_or("ENV-26"),
            fault.message,
            fault.hint.as_deref().unwrap_or_default()
        )),
    }
    Ok(exit::UNDETERMINED)
}

/// The machine's form.
fn as_json(seen: &Inspection, found: &[Problem], code: u8) -> anyhow::Result<String> {
    let verdict = match code {
        exit::READY if found.is_empty() => "pass",
        exit::READY => "warn",
        _ => "fail",
    };
    let problems: Vec<_> = found
        .iter()
        .map(|p| {
            json!({
                "code": p.code,
                "verdict": if p.red { "fail" } else { "warn" },
                "file": p.file,
                "line": p.line,
                "column": p.column,
                "subject": p.subject,
                "expected": p.expected,
                "actual": p.actual,
                "message": p.message,
                "remedy": p.advice,
            })
        })
        .collect();
    let value = json!({
        "schema": "readyctl.env/1",
        "file": seen.file,
        "example": seen.example.as_ref().map(|example| &example.file),
        "variables": seen.variables.len(),
        "verdict": verdict,
        "exit_code": code,
        "problems": problems,
        "fault": null,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
}

/// The person's form: `file:line:column: what`, and what to do.
fn as_text(seen: &Inspection, found: &[Problem], is_example: bool, colour: bool) -> String {
    let mut out = String::new();
    let paint = |text: &str, colour_of: anstyle::AnsiColor| {
        if !colour {
            return text.to_owned();
        }
        let style = anstyle::Style::new()
            .fg_color(Some(colour_of.into()))
            .bold();
        format!("{style}{text}{style:#}")
    };
    for problem in found {
        let mark = if problem.red {
            paint("fault", anstyle::AnsiColor::Red)
        } else {
            paint("advice", anstyle::AnsiColor::Yellow)
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{}:{}:{}: {mark}[{}] {}\n  help: {}",
            problem.file,
            problem.line,
            problem.column,
            problem.code,
            problem.message,
            problem.advice
        );
    }
    let red = found.iter().filter(|p| p.red).count();
    let plural =
        |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let compared = match &seen.example {
        Some(_) if is_example => ", an example".to_owned(),
        Some(example) => format!(", compared with {}", example.file),
        None => ", no example to compare with".to_owned(),
    };
    let verdict = match (red, found.len() - red) {
        (0, 0) => paint("nothing wrong", anstyle::AnsiColor::Green),
        (0, advice) => format!(
            "no fault, {}",
            plural(advice, "piece of advice", "pieces of advice")
        ),
        (red, 0) => paint(&plural(red, "fault", "faults"), anstyle::AnsiColor::Red),
        (red, advice) => format!(
            "{}, {}",
            paint(&plural(red, "fault", "faults"), anstyle::AnsiColor::Red),
            plural(advice, "piece of advice", "pieces of advice")
        ),
    };
    let _ = writeln!(
        out,
        "{}: {}{compared}: {verdict}",
        seen.file,
        plural(seen.variables.len(), "variable", "variables")
    );
    out
}

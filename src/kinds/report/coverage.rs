//! Coverage formats. Rates are computed from lines; what the reports sum up is not believed where
//! they name the lines.

use serde_json::Value;
use tokio::time::Instant;

use super::content::{Coverage, FileCoverage, Moment, Share, Stamp, moment};
use super::files::{Source, wrong};
use super::json::{list, object, text};
use super::xml::{Element, Step, walk};
use crate::outcome::Fault;

/// Reads an LCOV trace file.
///
/// # Errors
/// When it is broken or cut off.
pub(super) fn lcov(source: &Source) -> Result<(Stamp, Coverage), Fault> {
    let mut coverage = Coverage::default();
    let mut open: Option<(String, FileCoverage)> = None;
    let text = String::from_utf8_lossy(&source.bytes);
    for (index, line) in text.lines().enumerate() {
        let broken = || wrong(source, &format!("line {} is not LCOV", index + 1));
        let line = line.trim();
        if line == "end_of_record" {
            let (path, file) = open.take().ok_or_else(broken)?;
            let known = coverage.files.remove(&path);
            let merged = match known {
                // The same file in several records, one a test.
                Some(mut known) if !known.lines.is_empty() => {
                    file.lines.iter().for_each(|(n, run)| known.line(*n, *run));
                    file.branches
                        .iter()
                        .for_each(|(n, share)| known.branch(*n, *share));
                    known
                }
                _ => file,
            };
            coverage.files.insert(path, merged);
            continue;
        }
        let Some((key, value)) = line.split_once(':') else {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            return Err(broken());
        };
        if key == "SF" {
            if open.is_some() {
                return Err(broken());
            }
            open = Some((value.to_owned(), FileCoverage::default()));
            continue;
        }
        let number = |text: Option<&str>| -> Result<u64, Fault> {
            text.and_then(|text| text.trim().parse().ok())
                .ok_or_else(broken)
        };
        let mut parts = value.split(',');
        let needs_file = matches!(key, "DA" | "BRDA" | "LF" | "LH" | "BRF" | "BRH");
        let Some((_, file)) = open.as_mut() else {
            if needs_file {
                return Err(broken());
            }
            continue;
        };
        match key {
            "DA" => {
                let at = line_number(number(parts.next())?);
                // A count may be negative where a tool's counter ran over.
                let hits = parts.next().ok_or_else(broken)?.trim();
                let hits: f64 = hits.parse().map_err(|_| broken())?;
                file.line(at, hits > 0.0);
            }
            "BRDA" => {
                let at = line_number(number(parts.next())?);
                let taken = parts.nth(2).ok_or_else(broken)?.trim();
                let taken = taken != "-" && taken.parse::<f64>().map_err(|_| broken())? > 0.0;
                let known = file.branches.entry(at).or_default();
                known.add(Share {
                    covered: u64::from(taken),
                    total: 1,
                });
            }
            "LF" => file.line_sum.total = number(parts.next())?,
            "LH" => file.line_sum.covered = number(parts.next())?,
            "BRF" => file.branch_sum.total = number(parts.next())?,
            "BRH" => file.branch_sum.covered = number(parts.next())?,
            _ => {}
        }
    }
    if open.is_some() {
        return Err(wrong(source, "its last record has no end"));
    }
    Ok((Stamp::default(), coverage))
}

/// A line number; nobody has files of four thousand million lines.
fn line_number(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Reads Cobertura XML.
///
/// # Errors
/// When it is broken.
pub(super) fn cobertura(source: &Source, deadline: Instant) -> Result<(Stamp, Coverage), Fault> {
    let mut coverage = Coverage::default();
    let mut stamp = Stamp::default();
    let mut file: Option<String> = None;
    let mut depth = 0_u32;
    walk(source, deadline, |step| {
        match step {
            Step::Open(element) => {
                depth += 1;
                match element.name.as_str() {
                    "coverage" if depth == 1 => {
                        stamp.written_at(element.get("timestamp").and_then(moment));
                    }
                    _ if depth == 1 => return Err(wrong(source, "its root is not <coverage>")),
                    "class" => {
                        let name = element.get("filename").or(element.get("name"));
                        let name = name
                            .ok_or_else(|| wrong(source, "a class has no file name"))?
                            .to_owned();
                        coverage.files.entry(name.clone()).or_default();
                        file = Some(name);
                    }
                    "line" => {
                        let Some(file) = file.as_ref().and_then(|f| coverage.files.get_mut(f))
                        else {
                            return Ok(());
                        };
                        cobertura_line(&element, file, source)?;
                    }
                    _ => {}
                }
            }
            Step::Close(name) => {
                depth = depth.saturating_sub(1);
                if name == "class" {
                    file = None;
                }
            }
        }
        Ok(())
    })?;
    Ok((stamp, coverage))
}

/// Reads a line of Cobertura.
fn cobertura_line(
    element: &Element,
    file: &mut FileCoverage,
    source: &Source,
) -> Result<(), Fault> {
    let incomplete = || wrong(source, "a line has no number or no count");
    let number = element.number("number", source)?.ok_or_else(incomplete)?;
    let hits = element.number("hits", source)?.ok_or_else(incomplete)?;
    let number = line_number(number);
    file.line(number, hits > 0);
    if element.get("branch") != Some("true") {
        return Ok(());
    }
    // `50% (1/2)`
    let Some(text) = element.get("condition-coverage") else {
        return Ok(());
    };
    let share = text
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(inner, _)| inner.split_once('/'))
        .and_then(|(covered, total)| {
            Some(Share {
                covered: covered.trim().parse().ok()?,
                total: total.trim().parse().ok()?,
            })
        })
        .ok_or_else(|| wrong(source, "the branches of a line cannot be read"))?;
    file.branch(number, share);
    Ok(())
}

/// Reads JaCoCo XML.
///
/// # Errors
/// When it is broken.
pub(super) fn jacoco(source: &Source, deadline: Instant) -> Result<(Stamp, Coverage), Fault> {
    let mut coverage = Coverage::default();
    let mut stamp = Stamp::default();
    let (mut package, mut file) = (String::new(), None::<String>);
    let mut depth = 0_u32;
    walk(source, deadline, |step| {
        match step {
            Step::Open(element) => {
                depth += 1;
                let name = element.get("name").unwrap_or_default();
                match element.name.as_str() {
                    "report" if depth == 1 => stamp.about(Some(name)),
                    _ if depth == 1 => return Err(wrong(source, "its root is not <report>")),
                    "sessioninfo" => stamp.written_at(element.get("dump").and_then(moment)),
                    "package" => name.clone_into(&mut package),
                    "sourcefile" => {
                        let path = format!("{package}/{name}");
                        coverage.files.entry(path.clone()).or_default();
                        file = Some(path);
                    }
                    "line" | "counter" => {
                        if let Some(file) = file.as_ref().and_then(|f| coverage.files.get_mut(f)) {
                            jacoco_part(&element, file, source)?;
                        }
                    }
                    _ => {}
                }
            }
            Step::Close(name) => {
                depth = depth.saturating_sub(1);
                if name == "sourcefile" {
                    file = None;
                }
            }
        }
        Ok(())
    })?;
    Ok((stamp, coverage))
}

/// Reads a line or a counter of a source file of JaCoCo.
fn jacoco_part(element: &Element, file: &mut FileCoverage, source: &Source) -> Result<(), Fault> {
    let number = |name: &str| {
        let missing = || wrong(source, &format!("a <{}> has no `{name}`", element.name));
        element.number(name, source)?.ok_or_else(missing)
    };
    if element.name == "line" {
        let line = line_number(number("nr")?);
        file.line(line, number("ci")? > 0);
        let (missed, covered) = (number("mb")?, number("cb")?);
        if missed + covered > 0 {
            let total = missed + covered;
            file.branch(line, Share { covered, total });
        }
        return Ok(());
    }
    let (missed, covered) = (number("missed")?, number("covered")?);
    let share = Share {
        covered,
        total: missed + covered,
    };
    match element.get("type") {
        Some("LINE") => file.line_sum = share,
        Some("BRANCH") => file.branch_sum = share,
        _ => {}
    }
    Ok(())
}

/// Reads the JSON export of llvm-cov.
///
/// # Errors
/// When it is broken.
pub(super) fn llvm_cov(source: &Source, value: &Value) -> Result<(Stamp, Coverage), Fault> {
    if text(value, "/type") != Some("llvm.coverage.json.export") {
        return Err(wrong(source, "it is no export of llvm-cov"));
    }
    let mut coverage = Coverage::default();
    for part in list(source, value, "/data")? {
        let Some(files) = part.get("files") else {
            return Err(wrong(source, "it names no files"));
        };
        for file in list(source, files, "")? {
            let name =
                text(file, "/filename").ok_or_else(|| wrong(source, "a file has no name"))?;
            let share = |what: &str| -> Option<Share> {
                Some(Share {
                    covered: file
                        .pointer(&format!("/summary/{what}/covered"))?
                        .as_u64()?,
                    total: file.pointer(&format!("/summary/{what}/count"))?.as_u64()?,
                })
            };
            let line_sum =
                share("lines").ok_or_else(|| wrong(source, "a file has no count of lines"))?;
            let branch_sum = share("branches").unwrap_or_default();
            let sums = FileCoverage {
                line_sum,
                branch_sum,
                ..FileCoverage::default()
            };
            coverage.files.insert(name.to_owned(), sums);
        }
    }
    Ok((Stamp::default(), coverage))
}

/// Reads the JSON of coverage.py.
///
/// # Errors
/// When it is broken.
pub(super) fn coverage_py(source: &Source, value: &Value) -> Result<(Stamp, Coverage), Fault> {
    let mut stamp = Stamp::default();
    // It writes local time without its zone.
    let written: Option<Moment> = text(value, "/meta/timestamp").and_then(moment);
    stamp.written_at(written);
    let mut coverage = Coverage::default();
    for (path, file) in object(source, value, "/files")? {
        let mut lines = FileCoverage::default();
        for (key, run) in [("/executed_lines", true), ("/missing_lines", false)] {
            for number in list(source, file, key)? {
                let number = number
                    .as_u64()
                    .ok_or_else(|| wrong(source, "a line number is no number"))?;
                lines.line(line_number(number), run);
            }
        }
        let sum = |key: &str| file.pointer(key).and_then(Value::as_u64);
        if let (Some(total), Some(covered)) = (
            sum("/summary/num_branches"),
            sum("/summary/covered_branches"),
        ) {
            lines.branch_sum = Share { covered, total };
        }
        coverage.files.insert(path.clone(), lines);
    }
    Ok((stamp, coverage))
}

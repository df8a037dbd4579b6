//! What is wrong with a check before anything is read.

use globset::Glob;

use super::files::{is_pattern, pattern};
use super::format::Class;
use super::spec::{CoverageExpect, LoadExpect};
use super::{Report, SpecProblem};

/// Every problem.
pub(super) fn of(spec: &Report) -> Vec<SpecProblem> {
    let mut problems = Vec::new();
    paths(spec, &mut problems);
    ties(spec, &mut problems);
    classes(spec, &mut problems);
    globs(spec, &mut problems);
    comparisons(spec, &mut problems);
    percentages(spec, &mut problems);
    problems
}

/// Paths and sizes.
fn paths(spec: &Report, problems: &mut Vec<SpecProblem>) {
    if spec.path.trim().is_empty() {
        problems.push(SpecProblem::at(
            "path",
            "there is no report",
            "name the file",
        ));
    } else if is_pattern(&spec.path)
        && let Err(why) = pattern(&spec.path)
    {
        problems.push(SpecProblem::at(
            "path",
            format!("this is no pattern: {why}"),
            "write `*` for any characters, `**` for any folders",
        ));
    }
    if spec.max_size.0 == 0 || spec.max_size.0 > 256 << 20 {
        problems.push(SpecProblem::at(
            "max_size",
            "between 1 byte and 256 MiB can be read",
            "write for example `64MiB`",
        ));
    }
    if spec.baseline.as_ref() == Some(&spec.path) {
        problems.push(SpecProblem::at(
            "baseline",
            "a report compared with itself is never worse",
            "name an earlier report",
        ));
    }
}

/// What ties the report to the release.
fn ties(spec: &Report, problems: &mut Vec<SpecProblem>) {
    if let Some(text) = &spec.not_before
        && spec.earliest().is_none()
    {
        problems.push(SpecProblem::at(
            "not_before",
            format!("`{text}` is not a moment"),
            "write RFC 3339 with a zone, for example `2026-01-31T08:00:00Z`",
        ));
    }
    let is_hex = |text: &str| {
        (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if let Some(commit) = &spec.commit
        && !is_hex(commit.trim())
    {
        problems.push(SpecProblem::at(
            "commit",
            "this is not a commit",
            "write its hash, at least 7 of its hexadecimal digits",
        ));
    }
    if spec.commit_file.is_some() && spec.commit.is_none() {
        problems.push(SpecProblem::at(
            "commit_file",
            "there is no `commit` to compare it with",
            "write the release's commit as `commit:`",
        ));
    }
}

/// Which expectations go with which format.
fn classes(spec: &Report, problems: &mut Vec<SpecProblem>) {
    let asked = spec.asked();
    if asked.len() > 1 {
        problems.push(SpecProblem::at(
            asked[1].field(),
            "a report is about one thing",
            "make a check of each",
        ));
    }
    let class = spec.format.map(super::format::Format::class);
    if let (Some(format), Some(other)) = (class, asked.first())
        && format != *other
    {
        problems.push(SpecProblem::at(
            other.field(),
            format!("this format has no `{}`", other.field()),
            format!("write `{}:`, or another `format:`", format.field()),
        ));
    }
    // Tests and scans have expectations that hold always; these three have none.
    if let Some(needed @ (Class::Coverage | Class::Load | Class::Score)) = class
        && asked.is_empty()
    {
        problems.push(SpecProblem::at(
            "",
            format!(
                "nothing is expected: it could never fail without `{}:`",
                needed.field()
            ),
            "say what is required",
        ));
    }
    if let Some(expect) = &spec.coverage {
        let CoverageExpect {
            min_lines,
            min_branches,
            branches_tracked,
            max_drop,
            critical,
            min_changed,
            ..
        } = expect;
        if min_lines.is_none()
            && min_branches.is_none()
            && !branches_tracked
            && max_drop.is_none()
            && critical.is_empty()
            && min_changed.is_none()
        {
            problems.push(empty("coverage", "min_lines: 75"));
        }
    }
    if let Some(expect) = &spec.score
        && expect.min.is_none()
        && expect.checks.is_empty()
    {
        problems.push(empty("score", "min: 7"));
    }
    if let Some(expect) = &spec.sbom
        && expect.complete.as_ref().is_some_and(Vec::is_empty)
    {
        problems.push(empty("sbom.complete", "[version, purl]"));
    }
}

/// The problem of an expectation without content.
fn empty(field: &str, example: &str) -> SpecProblem {
    SpecProblem::at(
        field,
        "nothing is expected here: it could never fail",
        format!("write for example `{example}`"),
    )
}

/// Patterns of names.
fn globs(spec: &Report, problems: &mut Vec<SpecProblem>) {
    let mut lists: Vec<(&str, &Vec<String>)> = Vec::new();
    if let Some(expect) = &spec.tests {
        lists.push(("tests.only", &expect.only));
        lists.push(("tests.require", &expect.require));
        lists.push(("tests.quarantine", &expect.quarantine));
    }
    if let Some(expect) = &spec.sbom {
        lists.push(("sbom.denied_licences", &expect.denied_licences));
    }
    let coverage = spec.coverage.iter().flat_map(|e| e.critical.iter());
    let critical: Vec<String> = coverage.map(|(text, _)| text.to_owned()).collect();
    lists.push(("coverage.critical", &critical));
    for (field, list) in lists {
        for text in list {
            if let Err(error) = Glob::new(text) {
                problems.push(SpecProblem::at(
                    field,
                    format!("`{text}` is no pattern: {}", error.kind()),
                    "write `*` for any characters",
                ));
            }
        }
    }
    if let Some(expect) = &spec.tests
        && expect
            .quarantine
            .iter()
            .any(|text| text.chars().all(|c| c == '*'))
    {
        problems.push(SpecProblem::at(
            "tests.quarantine",
            "with every test in quarantine none can fail",
            "name the unreliable tests",
        ));
    }
}

/// What is compared needs something to be compared with.
fn comparisons(spec: &Report, problems: &mut Vec<SpecProblem>) {
    let drop_of = |field: &'static str, given: bool| given.then_some(field);
    let needs = [
        drop_of(
            "tests.max_drop",
            spec.tests.as_ref().is_some_and(|e| e.max_drop.is_some()),
        ),
        drop_of(
            "coverage.max_drop",
            spec.coverage.as_ref().is_some_and(|e| e.max_drop.is_some()),
        ),
        drop_of(
            "load.max_slower",
            spec.load.as_ref().is_some_and(|e| e.max_slower.is_some()),
        ),
    ];
    for field in needs.into_iter().flatten() {
        if spec.baseline.is_none() {
            problems.push(SpecProblem::at(
                field,
                "there is nothing to compare with",
                "name an earlier report as `baseline:`",
            ));
        }
    }
    let new_only = spec.scan.as_ref().is_some_and(|e| e.new_only);
    if spec.baseline.is_some() && needs.iter().all(Option::is_none) && !new_only {
        problems.push(SpecProblem::at(
            "baseline",
            "nothing is compared with it",
            "write `max_drop`, `max_slower` or `new_only`, or leave it out",
        ));
    }
    if let Some(expect) = &spec.coverage
        && expect.diff.is_some() != expect.min_changed.is_some()
    {
        problems.push(SpecProblem::at(
            "coverage.min_changed",
            "`diff` and `min_changed` go together",
            "write both or none",
        ));
    }
}

/// Percentages.
fn percentages(spec: &Report, problems: &mut Vec<SpecProblem>) {
    let mut shares: Vec<(String, f64)> = Vec::new();
    let mut add = |field: &str, value: Option<f64>| {
        shares.extend(value.map(|value| (field.to_owned(), value)));
    };
    if let Some(expect) = &spec.tests {
        add("tests.max_skipped", expect.max_skipped);
        add("tests.max_drop", expect.max_drop);
    }
    if let Some(expect) = &spec.coverage {
        add("coverage.min_lines", expect.min_lines);
        add("coverage.min_branches", expect.min_branches);
        add("coverage.max_drop", expect.max_drop);
        add("coverage.min_changed", expect.min_changed);
        for (_, least) in expect.critical.iter() {
            add("coverage.critical", Some(*least));
        }
    }
    if let Some(LoadExpect { max_error_rate, .. }) = &spec.load {
        add("load.max_error_rate", *max_error_rate);
    }
    for (field, value) in shares {
        if !(0.0..=100.0).contains(&value) {
            problems.push(SpecProblem::at(
                field,
                format!("{value} is no percentage"),
                "write a number from 0 to 100",
            ));
        }
    }
}

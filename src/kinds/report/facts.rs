//! What was seen, boiled down to what is judged.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobMatcher};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{
    Case, Component, Coverage, Issue, Load, Moment, Outcome, Scan, Score, Share, Tests,
};
use super::diff::Changed;
use super::files::pattern;
use super::format::Format;
use super::spec::{CoverageExpect, TestsExpect};

/// The most names that are kept of each kind.
const MAX_NAMES: usize = 50;

/// Everything that was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Each report.
    pub(super) reports: Vec<ReportFacts>,
    /// What they say together.
    pub(super) seen: Seen,
    /// What the baseline says.
    pub(super) baseline: Option<Seen>,
    /// When the file changed that the reports must be newer than.
    pub(super) newer_than: Option<Timestamp>,
}

/// One report.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReportFacts {
    /// Its path.
    pub(super) path: String,
    /// Its format, told or found out.
    pub(super) format: Format,
    /// Its length in bytes.
    pub(super) bytes: usize,
    /// When the file changed last.
    pub(super) modified: Option<Timestamp>,
    /// When it says that it was written.
    pub(super) written: Option<Moment>,
    /// The commits it names.
    pub(super) commits: Vec<String>,
    /// What it says it is about.
    pub(super) subjects: Vec<String>,
}

/// What reports say, by what they are about.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Seen {
    /// Tests.
    Tests(TestFacts),
    /// Coverage.
    Coverage(CoverageFacts),
    /// Findings of a scanner.
    Scan(ScanFacts),
    /// A score.
    Score(Score),
    /// Parts.
    Sbom(SbomFacts),
    /// Load.
    Load(Load),
}

/// Tests.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct TestFacts {
    /// Tests that were looked at.
    pub(super) tests: u64,
    /// Of them passed.
    pub(super) passed: u64,
    /// Of them skipped.
    pub(super) skipped: u64,
    /// Of them failed, and not in quarantine.
    pub(super) failed: u64,
    /// The first of these, with the first line of why.
    pub(super) failures: Vec<String>,
    /// Tests in quarantine that failed.
    pub(super) quarantined: Vec<String>,
    /// How many passed only when repeated, and are not in quarantine.
    pub(super) flaky: u64,
    /// The first of these.
    pub(super) flaky_names: Vec<String>,
    /// Tests of the same name of which one failed and one passed.
    pub(super) contradictions: Vec<String>,
    /// Suites that could not be set up.
    pub(super) suite_errors: Vec<String>,
    /// Failures that only attributes speak of.
    pub(super) undeclared: Vec<String>,
    /// Tests that only attributes count.
    pub(super) absent: u64,
    /// How many tests that ran each pattern of `require` and `only` matches.
    pub(super) required: Vec<(String, u64)>,
}

/// Coverage.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CoverageFacts {
    /// Source files.
    pub(super) files: u64,
    /// Lines.
    pub(super) lines: Share,
    /// Branches.
    pub(super) branches: Share,
    /// Each pattern of `critical`: files that match, and their lines.
    pub(super) critical: Vec<(String, u64, Share)>,
    /// The lines of the diff.
    pub(super) changed: Option<ChangedFacts>,
}

/// The changed lines.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ChangedFacts {
    /// Changed lines with code.
    pub(super) lines: Share,
    /// Changed files that the report does not know.
    pub(super) unknown: Vec<String>,
    /// The first changed lines that did not run.
    pub(super) uncovered: Vec<String>,
    /// Whether the report names lines at all.
    pub(super) by_line: bool,
}

/// Findings of a scanner.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ScanFacts {
    /// What the scanner says, the worst first.
    pub(super) scan: Scan,
    /// What a VEX document takes out: name of the issue and why.
    pub(super) not_affected: Vec<(String, String)>,
    /// Whether the issues were compared with an earlier report.
    pub(super) compared: bool,
}

/// Parts of something.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SbomFacts {
    /// How many there are.
    pub(super) count: u64,
    /// How many lack a version, and the first of them.
    pub(super) without_version: (u64, Vec<String>),
    /// How many lack a package URL, and the first of them.
    pub(super) without_purl: (u64, Vec<String>),
    /// How many lack a licence, and the first of them.
    pub(super) without_licence: (u64, Vec<String>),
    /// How many lack a supplier, and the first of them.
    pub(super) without_supplier: (u64, Vec<String>),
    /// Each licence, or each set of licences, with a component that has it.
    pub(super) licences: Vec<(Vec<String>, String)>,
}

/// Patterns of names: any characters, slashes too.
pub(super) fn names(patterns: &[String]) -> Vec<(String, GlobMatcher)> {
    patterns
        .iter()
        .filter_map(|text| Some((text.clone(), Glob::new(text).ok()?.compile_matcher())))
        .collect()
}

/// Whether a test is meant by a pattern.
fn is_meant(case: &Case, matcher: &GlobMatcher) -> bool {
    [&case.suite, &case.class, &case.name, &case.full()]
        .into_iter()
        .any(|name| !name.is_empty() && matcher.is_match(name))
}

/// Boils tests down.
pub(super) fn of_tests(tests: Tests, expect: &TestsExpect) -> TestFacts {
    let (only, require) = (names(&expect.only), names(&expect.require));
    let quarantine = names(&expect.quarantine);
    let mut facts = TestFacts {
        suite_errors: tests.suite_errors.into_iter().take(MAX_NAMES).collect(),
        absent: tests.absent,
        ..TestFacts::default()
    };
    if only.is_empty() {
        facts.undeclared = tests.undeclared.into_iter().take(MAX_NAMES).collect();
    }
    let mut required: Vec<(String, u64)> = only
        .iter()
        .chain(&require)
        .map(|(text, _)| (text.clone(), 0))
        .collect();
    let mut outcomes: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for case in &tests.cases {
        let ran = case.outcome != Outcome::Skipped;
        for ((_, matcher), (_, count)) in only.iter().chain(&require).zip(&mut required) {
            *count += u64::from(ran && is_meant(case, matcher));
        }
        if !only.is_empty() && !only.iter().any(|(_, matcher)| is_meant(case, matcher)) {
            continue;
        }
        facts.tests += 1;
        let quarantined = quarantine.iter().any(|(_, m)| is_meant(case, m));
        let full = case.full();
        let keep = |list: &mut Vec<String>, text: String| {
            if list.len() < MAX_NAMES {
                list.push(text);
            }
        };
        match case.outcome {
            Outcome::Passed => facts.passed += 1,
            Outcome::Skipped => facts.skipped += 1,
            Outcome::Failed if quarantined => keep(&mut facts.quarantined, full.clone()),
            Outcome::Failed => {
                facts.failed += 1;
                let why = if case.message.is_empty() {
                    full.clone()
                } else {
                    format!("{full}: {}", case.message)
                };
                keep(&mut facts.failures, why);
            }
        }
        if case.flaky && case.outcome == Outcome::Passed && !quarantined {
            facts.flaky += 1;
            keep(&mut facts.flaky_names, full.clone());
        }
        if ran && !quarantined {
            let id = format!("{} {full}", case.suite);
            let known = outcomes.entry(id).or_default();
            known.0 |= case.outcome == Outcome::Passed;
            known.1 |= case.outcome == Outcome::Failed;
        }
    }
    facts.required = required;
    facts.contradictions = outcomes
        .into_iter()
        .filter(|(_, (passed, failed))| *passed && *failed)
        .map(|(id, _)| id)
        .take(MAX_NAMES)
        .collect();
    facts
}

/// Boils coverage down.
pub(super) fn of_coverage(
    coverage: &Coverage,
    expect: &CoverageExpect,
    changed: Option<&Changed>,
) -> CoverageFacts {
    let mut facts = CoverageFacts {
        files: coverage.files.len() as u64,
        ..CoverageFacts::default()
    };
    for file in coverage.files.values() {
        facts.lines.add(file.line_share());
        facts.branches.add(file.branch_share());
    }
    for (text, _) in expect.critical.iter() {
        let matchers: Vec<GlobMatcher> = [text.to_owned(), format!("**/{text}")]
            .iter()
            .filter_map(|text| pattern(text).ok())
            .collect();
        let (mut files, mut share) = (0, Share::default());
        for (path, file) in &coverage.files {
            if matchers.iter().any(|matcher| matcher.is_match(path)) {
                files += 1;
                share.add(file.line_share());
            }
        }
        facts.critical.push((text.to_owned(), files, share));
    }
    facts.changed = changed.map(|changed| of_changed(coverage, changed));
    facts
}

/// Compares the changed lines with those that ran.
fn of_changed(coverage: &Coverage, changed: &Changed) -> ChangedFacts {
    let mut facts = ChangedFacts {
        by_line: coverage.files.values().any(|file| !file.lines.is_empty()),
        ..ChangedFacts::default()
    };
    for (path, lines) in &changed.0 {
        // One of the two may begin further up than the other.
        let same = |known: &str| {
            known == path
                || known
                    .strip_suffix(path.as_str())
                    .is_some_and(|rest| rest.ends_with('/'))
                || path
                    .strip_suffix(known)
                    .is_some_and(|rest| rest.ends_with('/'))
        };
        let Some((_, file)) = coverage.files.iter().find(|(known, _)| same(known)) else {
            facts.unknown.push(path.clone());
            continue;
        };
        for line in lines {
            let Some(run) = file.lines.get(line) else {
                continue;
            };
            facts.lines.add(Share {
                covered: u64::from(*run),
                total: 1,
            });
            if !run && facts.uncovered.len() < MAX_NAMES {
                facts.uncovered.push(format!("{path}:{line}"));
            }
        }
    }
    facts.unknown.truncate(MAX_NAMES);
    facts
}

/// What a VEX document takes out: names of the vulnerability, packages (none: all), and why.
pub(super) type Vex = (Vec<String>, Vec<String>, String);

/// Boils a scan down: the worst first, without what VEX documents take out.
pub(super) fn of_scan(mut scan: Scan, vex: &[Vex], baseline: Option<&Scan>) -> ScanFacts {
    let known: Option<BTreeSet<String>> =
        baseline.map(|scan| scan.issues.iter().map(Issue::key).collect());
    let mut not_affected = Vec::new();
    scan.issues.retain_mut(|issue| {
        if let Some(known) = &known {
            issue.new = Some(!known.contains(&issue.key()));
        }
        let taken_out = vex.iter().find(|(ids, packages, _)| {
            let named = ids
                .iter()
                .any(|id| *id == issue.id || issue.aliases.contains(id));
            let meant = packages.iter().any(|package| {
                issue.package == *package
                    || issue.package.split(' ').next() == Some(package.as_str())
            });
            named && (packages.is_empty() || meant)
        });
        if let Some((_, _, why)) = taken_out {
            not_affected.push((issue.shown(), why.clone()));
        }
        taken_out.is_none()
    });
    scan.issues
        .sort_by_key(|issue| std::cmp::Reverse(issue.severity));
    ScanFacts {
        compared: known.is_some()
            || scan.issues.iter().all(|issue| issue.new.is_some()) && !scan.issues.is_empty(),
        scan,
        not_affected,
    }
}

/// Boils a bill of materials down.
pub(super) fn of_sbom(components: &[Component]) -> SbomFacts {
    let without = |lacks: &dyn Fn(&Component) -> bool| {
        let lacking: Vec<&Component> = components.iter().filter(|c| lacks(c)).collect();
        let first = lacking.iter().take(MAX_NAMES);
        (
            lacking.len() as u64,
            first.map(|component| component.name.clone()).collect(),
        )
    };
    let mut licences: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for component in components.iter().filter(|c| !c.licences.is_empty()) {
        licences
            .entry(component.licences.clone())
            .or_insert_with(|| component.name.clone());
    }
    SbomFacts {
        count: components.len() as u64,
        without_version: without(&|c| c.version.is_none()),
        without_purl: without(&|c| c.purl.is_none()),
        without_licence: without(&|c| c.licences.is_empty()),
        without_supplier: without(&|c| c.supplier.is_none()),
        licences: licences.into_iter().collect(),
    }
}

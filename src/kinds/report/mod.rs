//! Reports that other tools wrote: tests, coverage, scans, bills of materials, load tests.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{ByteSize, Matcher, TimeSpan};
use crate::outcome::{Fault, Finding};
use facts::{Facts, Seen};
use format::{Class, Format};
use spec::{CoverageExpect, LoadExpect, SbomExpect, ScanExpect, ScoreExpect, TestsExpect};

mod audits;
mod content;
mod coverage;
mod diff;
mod facts;
mod faults;
mod files;
mod format;
mod json;
mod judge;
mod judge_coverage;
mod judge_load;
mod judge_sbom;
mod judge_scan;
mod judge_tests;
mod junit;
mod load;
mod observe;
mod problems;
mod sarif;
mod sbom;
mod scanners;
mod spec;
mod xml;

/// Judges reports of other tools: tests (JUnit), coverage (LCOV, Cobertura, JaCoCo, llvm-cov,
/// coverage.py), scanners (SARIF, Gitleaks, Semgrep, Trivy, Grype, OSV, cargo-audit, cargo-deny,
/// npm audit, pip-audit, cargo's own messages), Scorecard, bills of materials (CycloneDX, SPDX),
/// load tests (k6, oha, Locust).
///
/// A missing, empty, cut off or unreadable report is an error, and a scan that crashed or looked at
/// nothing is never green. Nothing is fetched; files outside of `root` are not read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    /// The report. A pattern, `**/TEST-*.xml`, takes in every file that it matches, and must match
    /// one; they are judged as one report.
    path: String,
    /// The folder that everything must be in, links resolved; the working directory by default. Paths
    /// and patterns begin here.
    #[serde(default)]
    root: Option<String>,
    /// Its format; found out from the content by default.
    #[serde(default)]
    format: Option<Format>,
    /// How old it may be, by its file's time and by the time it names itself. 24 hours by default,
    /// unless `commit`, `not_before` or `newer_than` tie it to the release.
    #[serde(default)]
    max_age: Option<TimeSpan>,
    /// The earliest moment it may be from, as RFC 3339: when the release was built.
    #[serde(default)]
    not_before: Option<String>,
    /// A file inside of `root` that it must be newer than: what was built.
    #[serde(default)]
    newer_than: Option<String>,
    /// The commit it must be about, whole or its first 7 digits or more. SARIF, Scorecard, Trivy, JUnit
    /// (property `commit`) and CycloneDX can say so; `commit_file` does for others.
    #[serde(default)]
    commit: Option<String>,
    /// A file inside of `root` with the commit in it, which the pipeline writes beside the report.
    #[serde(default)]
    commit_file: Option<String>,
    /// What it must be about: image, digest, component, repository or category. One of the things it
    /// names must match.
    #[serde(default)]
    subject: Option<Matcher>,
    /// An earlier report of the same format inside of `root` to compare with.
    #[serde(default)]
    baseline: Option<String>,
    /// How much is read in all; `32MiB` by default.
    #[serde(default = "default_size")]
    max_size: ByteSize,
    /// What is expected of tests.
    #[serde(default)]
    tests: Option<TestsExpect>,
    /// What is expected of coverage.
    #[serde(default)]
    coverage: Option<CoverageExpect>,
    /// What is expected of a scan.
    #[serde(default)]
    scan: Option<ScanExpect>,
    /// What is expected of a bill of materials.
    #[serde(default)]
    sbom: Option<SbomExpect>,
    /// What is expected of a load test.
    #[serde(default)]
    load: Option<LoadExpect>,
    /// What is expected of a score.
    #[serde(default)]
    score: Option<ScoreExpect>,
}

/// Default of `max_size`.
const fn default_size() -> ByteSize {
    ByteSize(32 << 20)
}

/// Default of `max_age`.
const DEFAULT_AGE: TimeSpan = TimeSpan::seconds(24 * 3600);

impl Kind for Report {
    const NAME: &'static str = "report";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Passive
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::of(self)
    }

    fn plan(&self) -> Vec<Planned> {
        let others = [&self.baseline, &self.commit_file]
            .into_iter()
            .flatten()
            .chain(
                self.coverage
                    .iter()
                    .filter_map(|expect| expect.diff.as_ref()),
            )
            .chain(self.scan.iter().flat_map(|expect| &expect.vex));
        let place = self
            .root
            .as_ref()
            .map_or_else(String::new, |root| format!(" in {root}"));
        std::iter::once(&self.path)
            .chain(others)
            .map(|path| Planned::once(format!("read {path}{place}")))
            .collect()
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        observe::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        let mut findings = Vec::new();
        match (&facts.seen, &facts.baseline) {
            (Seen::Tests(seen), baseline) => {
                let baseline = match baseline {
                    Some(Seen::Tests(baseline)) => Some(baseline),
                    _ => None,
                };
                let expect = self.tests.clone().unwrap_or_default();
                judge_tests::judge(seen, baseline, &expect, &mut findings);
            }
            (Seen::Coverage(seen), baseline) => {
                let baseline = match baseline {
                    Some(Seen::Coverage(baseline)) => Some(baseline),
                    _ => None,
                };
                let expect = self.coverage.clone().unwrap_or_default();
                judge_coverage::judge(seen, baseline, &expect, &mut findings);
            }
            (Seen::Scan(seen), _) => {
                let expect = self.scan.clone().unwrap_or_default();
                judge_scan::judge(seen, &expect, cx.now, &mut findings);
            }
            (Seen::Score(seen), _) => {
                let expect = self.score.clone().unwrap_or_default();
                judge_scan::judge_score(seen, &expect, &mut findings);
            }
            (Seen::Sbom(seen), _) => {
                let expect = self.sbom.clone().unwrap_or_default();
                judge_sbom::judge(seen, &expect, &mut findings);
            }
            (Seen::Load(seen), baseline) => {
                let baseline = match baseline {
                    Some(Seen::Load(baseline)) => Some(baseline),
                    _ => None,
                };
                let expect = self.load.clone().unwrap_or_default();
                judge_load::judge(seen, baseline, &expect, &mut findings);
            }
        }
        judge::ties(self, facts, cx.now, &mut findings);
        findings
    }
}

impl Report {
    /// The fields about a class that are given.
    fn asked(&self) -> Vec<Class> {
        [
            (Class::Tests, self.tests.is_some()),
            (Class::Coverage, self.coverage.is_some()),
            (Class::Scan, self.scan.is_some()),
            (Class::Sbom, self.sbom.is_some()),
            (Class::Load, self.load.is_some()),
            (Class::Score, self.score.is_some()),
        ]
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(class, _)| class)
        .collect()
    }

    /// How old it may be.
    fn age_limit(&self) -> Option<TimeSpan> {
        let tied = self.commit.is_some() || self.not_before.is_some() || self.newer_than.is_some();
        self.max_age.or((!tied).then_some(DEFAULT_AGE))
    }

    /// The earliest moment it may be from.
    fn earliest(&self) -> Option<Timestamp> {
        self.not_before.as_ref()?.trim().parse().ok()
    }
}

//! What is expected of reports.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::expect::{Ordered, TimeSpan};
use crate::outcome::Severity;

/// What is expected of tests. They must have run and none may have failed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestsExpect {
    /// Judge these tests only: patterns for their full name, suite, class or name. Each must match one
    /// that ran.
    #[serde(default)]
    pub(super) only: Vec<String>,
    /// The least number of tests that must have run; 1 by default.
    #[serde(default)]
    pub(super) min: Option<u64>,
    /// How many may be skipped, in percent. That not all may is always required.
    #[serde(default)]
    pub(super) max_skipped: Option<f64>,
    /// Patterns of tests or suites that must have run, `["*security*"]`.
    #[serde(default)]
    pub(super) require: Vec<String>,
    /// How many fewer may have run than in the baseline, in percent.
    #[serde(default)]
    pub(super) max_drop: Option<f64>,
    /// How many may have passed only when they were repeated, those in quarantine left out. By
    /// default every such test is advice.
    #[serde(default)]
    pub(super) max_flaky: Option<u64>,
    /// Patterns of tests in quarantine: known to be unreliable, so that their failure is advice.
    #[serde(default)]
    pub(super) quarantine: Vec<String>,
}

/// What is expected of coverage. Some line must be there to be covered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoverageExpect {
    /// The least share of lines (statements) that ran, in percent.
    #[serde(default)]
    pub(super) min_lines: Option<f64>,
    /// The least share of branches that were taken, in percent.
    #[serde(default)]
    pub(super) min_branches: Option<f64>,
    /// Whether branches must be measured at all; default false.
    #[serde(default)]
    pub(super) branches_tracked: bool,
    /// How many percentage points it may be below the baseline, for lines and branches; 0 means not
    /// falling.
    #[serde(default)]
    pub(super) max_drop: Option<f64>,
    /// Files that matter most, as pattern, and the least share of their lines in percent:
    /// `"src/auth/**": 90`. A pattern that no file matches is a fault.
    #[serde(default)]
    pub(super) critical: Ordered<f64>,
    /// A unified diff, the output of `git diff`, inside of `root`: of its added lines with code
    /// `min_changed` percent must have run.
    #[serde(default)]
    pub(super) diff: Option<String>,
    /// The least share of the diff's lines that ran, in percent.
    #[serde(default)]
    pub(super) min_changed: Option<f64>,
}

/// What is expected of a scanner's findings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanExpect {
    /// From which severity on a finding is a fault; `high` by default. What the scanner does not rate
    /// counts as high. SARIF: `error` is high, `warning` medium, `note` low, unless the rule has a
    /// `security-severity`.
    #[serde(default)]
    pub(super) fail_at: Option<Severity>,
    /// Tools that must have made a run, as in the report: `[CodeQL, Semgrep OSS]`.
    #[serde(default)]
    pub(super) tools: Vec<String>,
    /// Whether only findings count for which there is a fix; default false. What a scanner says nothing
    /// about counts.
    #[serde(default)]
    pub(super) fixable_only: bool,
    /// Whether only findings count that are new: by the scanner's own comparison, or against the
    /// `baseline`. Default false.
    #[serde(default)]
    pub(super) new_only: bool,
    /// How old the scanner's database may be.
    #[serde(default)]
    pub(super) max_database_age: Option<TimeSpan>,
    /// OpenVEX documents inside of `root`: what they call not affected, with a justification, or fixed
    /// does not count.
    #[serde(default)]
    pub(super) vex: Vec<String>,
}

/// What is expected of a software bill of materials.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SbomExpect {
    /// The least number of components; 1 by default.
    #[serde(default)]
    pub(super) min_components: Option<u64>,
    /// What each component must have; `[version]` by default.
    #[serde(default)]
    pub(super) complete: Option<Vec<Part>>,
    /// Patterns of licences that no component may have: `["AGPL-*", "SSPL-*"]`. Of a choice with `OR`
    /// one licence must remain.
    #[serde(default)]
    pub(super) denied_licences: Vec<String>,
}

/// What a component may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// A version.
    Version,
    /// A package URL.
    Purl,
    /// A licence.
    Licence,
    /// A supplier.
    Supplier,
}

/// What is expected of a load test.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadExpect {
    /// The longest that half of the requests may take.
    #[serde(default)]
    pub(super) max_p50: Option<TimeSpan>,
    /// The longest that 95 % of the requests may take.
    #[serde(default)]
    pub(super) max_p95: Option<TimeSpan>,
    /// The longest that 99 % of the requests may take.
    #[serde(default)]
    pub(super) max_p99: Option<TimeSpan>,
    /// How many requests may fail, in percent; 1 by default. Answers with a status from 400 on are
    /// failures where the report tells the status.
    #[serde(default)]
    pub(super) max_error_rate: Option<f64>,
    /// The least number of requests; 1 by default, 59 for a judgement on p95, 299 for p99.
    #[serde(default)]
    pub(super) min_requests: Option<u64>,
    /// The least requests a second.
    #[serde(default)]
    pub(super) min_rate: Option<f64>,
    /// How much slower p50, p95 and p99 may be than in the baseline, in percent.
    #[serde(default)]
    pub(super) max_slower: Option<f64>,
}

/// What is expected of a score.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreExpect {
    /// The least score of all, 0 to 10.
    #[serde(default)]
    pub(super) min: Option<f64>,
    /// The least score of single checks: `Branch-Protection: 5`.
    #[serde(default)]
    pub(super) checks: Ordered<f64>,
}

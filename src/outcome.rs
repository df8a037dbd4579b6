//! The words everyone speaks: severity, verdict, finding, fault, result, summary and the exit code.
//!
//! This module is the contract between running and reporting. It imports nothing of the crate and
//! does no I/O. [`Report`] and [`CheckResult`] are the JSON report as written (`readyctl.report/1`),
//! so that parser, schema and reference are one struct.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a red check matters; `high` unless a check says otherwise.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Worth knowing.
    Info,
    /// Should be fixed some day.
    Low,
    /// Should be fixed soon.
    Medium,
    /// Must not go to production like this.
    #[default]
    High,
    /// Users or data are at risk now.
    Critical,
}

impl Severity {
    /// The lower-case name used in YAML, on the command line and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Everything that was expected was seen.
    Pass,
    /// Something expected was not seen, at or above `--fail-on`.
    Fail,
    /// A failure below `--fail-on`, or a finding that is only advice.
    Warn,
    /// It could not be observed: nothing is known, so nothing is green.
    Error,
    /// It does not apply here; the reason is in `skipped_because`.
    Skip,
    /// It failed, and a waiver that has not expired accepts that.
    Waived,
}

impl Verdict {
    /// The lower-case name used in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Skip => "skip",
            Self::Waived => "waived",
        }
    }

    /// Whether checks that need this one may run.
    pub(crate) fn is_green(self) -> bool {
        matches!(self, Self::Pass | Self::Warn | Self::Waived)
    }
}

/// The verdict of one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Judged {
    /// As expected.
    Pass,
    /// Not as expected.
    Fail,
    /// Advice: a heuristic or an observation that alone does not make a deployment unready.
    Warn,
    /// This one statement could not be judged.
    Error,
}

/// One judged statement: what was looked at, what was expected, what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Finding {
    /// Stable code of the fault (`CORS-03`); `null` for statements that are as expected and for
    /// expectations of the profile's own.
    pub(crate) code: Option<Cow<'static, str>>,
    /// What was looked at: `status`, `header Vary`, `API_KEY`.
    pub(crate) subject: String,
    /// What would have been healthy.
    pub(crate) expected: String,
    /// What was seen.
    pub(crate) actual: String,
    /// Whether that is good.
    pub(crate) verdict: Judged,
    /// One sentence for a person.
    pub(crate) message: String,
}

impl Finding {
    /// A statement that holds. Evidence for a green row: a check that judges nothing is an error.
    pub(crate) fn pass(
        subject: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self {
            code: None,
            subject: subject.into(),
            expected: expected.into(),
            actual: actual.into(),
            verdict: Judged::Pass,
            message: String::new(),
        }
    }

    /// A fault that makes the check red.
    pub(crate) fn fail(
        code: &'static str,
        subject: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: Some(Cow::Borrowed(code)),
            subject: subject.into(),
            expected: expected.into(),
            actual: actual.into(),
            verdict: Judged::Fail,
            message: message.into(),
        }
    }

    /// The same statement as advice only: the check turns *warn*, never *fail*.
    #[expect(clippy::wrong_self_convention, reason = "reads as what it does")]
    pub(crate) fn as_warning(mut self) -> Self {
        self.verdict = Judged::Warn;
        self
    }

    /// The same statement as "could not be judged": the check turns *error*.
    #[expect(clippy::wrong_self_convention, reason = "reads as what it does")]
    pub(crate) fn as_unknown(mut self) -> Self {
        self.verdict = Judged::Error;
        self
    }
}

/// Why something could not be observed, in the field's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// The name does not resolve, or the resolver did not answer.
    Dns,
    /// Connection refused: nothing listens there.
    Refused,
    /// No answer within the time allowed.
    Timeout,
    /// No route, network down, connection reset or closed early.
    Unreachable,
    /// The TLS handshake failed or the certificate is not trusted.
    Tls,
    /// The peer does not speak the expected protocol, or broke it.
    Protocol,
    /// The credentials were refused.
    Auth,
    /// The credentials work but may not look at this.
    Denied,
    /// A file, object, command or resource that is needed does not exist.
    Missing,
    /// There is an answer, but it cannot be understood.
    Unparseable,
    /// There is more than readyctl is willing to read.
    TooLarge,
    /// The operator did not allow this: `--allow`.
    NotAllowed,
    /// The audit was stopped.
    Interrupted,
    /// The whole audit ran out of time: `--deadline`.
    Deadline,
    /// A defect of readyctl itself.
    Internal,
}

impl Cause {
    /// Whether looking again a moment later may help; only these are retried.
    pub(crate) fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Dns | Self::Refused | Self::Timeout | Self::Unreachable | Self::Protocol
        )
    }
}

/// Could not look: the verdict is *error*, never *pass* and never *fail*.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Fault {
    /// What kind of obstacle.
    pub(crate) cause: Cause,
    /// Stable code when the catalogue of the kind has one (`PG-01`).
    pub(crate) code: Option<Cow<'static, str>>,
    /// What happened, with the address or file it happened at.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Fault {
    /// An obstacle of the given cause; `message` names where it happened.
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            code: None,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds the catalogue's code.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(Cow::Borrowed(code));
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Whether the deployment is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Readiness {
    /// Nothing red.
    Ready,
    /// At least one check failed at or above `--fail-on`.
    NotReady,
    /// Nothing failed, but at least one check could not be observed, or none applied.
    Undetermined,
}

impl Readiness {
    /// The words a person reads.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::Undetermined => "undetermined",
        }
    }
}

/// Exit codes of the process, as documented in the README.
pub(crate) mod exit {
    /// Ready: nothing red.
    pub(crate) const READY: u8 = 0;
    /// Not ready: at least one check failed.
    pub(crate) const NOT_READY: u8 = 1;
    /// Usage or profile error: nothing was contacted.
    pub(crate) const USAGE: u8 = 2;
    /// Undetermined: nothing failed, something could not be observed.
    pub(crate) const UNDETERMINED: u8 = 3;
    /// Interrupted by a signal.
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// Where a check stands in its profile or pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Location {
    /// File as the user named it; `builtin:…` for files inside the binary.
    pub(crate) file: String,
    /// Line, from 1.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// An accepted failure, as the report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WaiverNote {
    /// Why the failure is accepted.
    pub(crate) reason: String,
    /// Who accepted it.
    pub(crate) approved_by: String,
    /// Last day on which it counts, `YYYY-MM-DD`, UTC.
    pub(crate) expires: String,
}

/// What became of one check: one row of the table, one object of the JSON report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CheckResult {
    /// Unique id of the check; `id[item]` for the items of a `for_each`.
    pub(crate) id: String,
    /// What a person calls it.
    pub(crate) title: String,
    /// Heading under which it stands.
    pub(crate) group: String,
    /// Name of the kind.
    pub(crate) kind: String,
    /// How much it matters.
    pub(crate) severity: Severity,
    /// The check's tags.
    pub(crate) tags: Vec<String>,
    /// Checklist items it judges.
    pub(crate) covers: Vec<String>,
    /// What became of it.
    pub(crate) verdict: Verdict,
    /// How long it took, waiting for its turn not counted, in milliseconds.
    pub(crate) duration_ms: u64,
    /// How often it was observed; more than one means the first tries failed.
    pub(crate) attempts: u32,
    /// One line: why this verdict.
    pub(crate) message: String,
    /// What to do when it is red; empty when nobody wrote it down.
    pub(crate) remedy: String,
    /// Every judged statement.
    pub(crate) findings: Vec<Finding>,
    /// What was observed, secrets removed.
    pub(crate) facts: serde_json::Value,
    /// The waiver that applies, if any.
    pub(crate) waiver: Option<WaiverNote>,
    /// Why it was skipped.
    pub(crate) skipped_because: Option<String>,
    /// Why it could not be observed.
    pub(crate) fault: Option<Fault>,
    /// Where it stands in the YAML.
    pub(crate) location: Option<Location>,
}

/// How many checks got which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counts {
    /// All checks of the audit.
    pub(crate) total: usize,
    /// Green.
    pub(crate) pass: usize,
    /// Red.
    pub(crate) fail: usize,
    /// Below the line, or advice.
    pub(crate) warn: usize,
    /// Could not be observed.
    pub(crate) error: usize,
    /// Did not apply.
    pub(crate) skip: usize,
    /// Failed and accepted.
    pub(crate) waived: usize,
}

impl Counts {
    /// Counts the verdicts.
    pub(crate) fn of<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.total += 1;
            match verdict {
                Verdict::Pass => counts.pass += 1,
                Verdict::Fail => counts.fail += 1,
                Verdict::Warn => counts.warn += 1,
                Verdict::Error => counts.error += 1,
                Verdict::Skip => counts.skip += 1,
                Verdict::Waived => counts.waived += 1,
            }
        }
        counts
    }

    /// Readiness is a pure function of the verdicts: a failure outranks an error. When every check was
    /// skipped nothing was looked at, and nothing is known.
    pub(crate) fn readiness(&self) -> Readiness {
        if self.fail > 0 {
            Readiness::NotReady
        } else if self.error > 0 || self.skip == self.total {
            Readiness::Undetermined
        } else {
            Readiness::Ready
        }
    }

    /// The exit code of the process, decided here and nowhere else.
    pub(crate) fn exit_code(&self, interrupted: bool) -> u8 {
        if interrupted {
            return exit::INTERRUPTED;
        }
        match self.readiness() {
            Readiness::Ready => exit::READY,
            Readiness::NotReady => exit::NOT_READY,
            Readiness::Undetermined => exit::UNDETERMINED,
        }
    }
}

/// The whole audit, as reports show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Report {
    /// Version of this shape: `readyctl.report/1`.
    pub(crate) schema: String,
    /// Version of the program that wrote it.
    pub(crate) readyctl: String,
    /// Profile audited; several are joined by `+`.
    pub(crate) profile: String,
    /// Target of `--target`; `null` when the profile's inputs were used as they are.
    pub(crate) target: Option<String>,
    /// When the audit began, RFC 3339, UTC.
    pub(crate) started_at: String,
    /// How long it took, in milliseconds.
    pub(crate) duration_ms: u64,
    /// The answer.
    pub(crate) readiness: Readiness,
    /// The exit code of the process.
    pub(crate) exit_code: u8,
    /// How many checks got which verdict.
    pub(crate) summary: Counts,
    /// One entry a check, in the order of the plan.
    pub(crate) checks: Vec<CheckResult>,
}

/// The current value of [`Report::schema`].
pub(crate) const REPORT_SCHEMA: &str = "readyctl.report/1";

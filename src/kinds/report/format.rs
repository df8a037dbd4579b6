//! Which format a report has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files::{Source, wrong};
use super::xml;
use crate::outcome::Fault;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// JUnit XML, of whatever dialect.
    Junit,
    /// LCOV trace file.
    Lcov,
    /// Cobertura XML; coverage.py writes it too.
    Cobertura,
    /// JaCoCo XML.
    Jacoco,
    /// `llvm-cov export`, as `cargo llvm-cov --json` writes it.
    LlvmCov,
    /// `coverage json` of coverage.py.
    CoveragePy,
    /// SARIF 2.1.0.
    Sarif,
    /// `cargo audit --json`.
    CargoAudit,
    /// `cargo deny --format json check`.
    CargoDeny,
    /// `cargo check`, `build` or `clippy` with `--message-format=json`.
    CargoMessages,
    /// `npm audit --json`, npm 7 and later.
    NpmAudit,
    /// `pip-audit --format json`.
    PipAudit,
    /// `osv-scanner --format json`.
    OsvScanner,
    /// `trivy --format json`.
    Trivy,
    /// `grype -o json`.
    Grype,
    /// `gitleaks --report-format json`. An empty list is clean only where this format is pinned.
    Gitleaks,
    /// `semgrep --json`.
    Semgrep,
    /// `scorecard --format json`.
    Scorecard,
    /// CycloneDX JSON.
    Cyclonedx,
    /// SPDX 2 JSON.
    Spdx,
    /// The data of k6's `handleSummary`, or `--summary-export`.
    K6,
    /// `oha --output-format json`.
    Oha,
    /// `locust --json`, or its `…_stats.csv`.
    Locust,
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Tests.
    Tests,
    /// Coverage.
    Coverage,
    /// What a scanner found.
    Scan,
    /// A score.
    Score,
    /// What something is made of.
    Sbom,
    /// Latencies and errors under load.
    Load,
}

impl Class {
    /// The field of the spec that is about it.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Coverage => "coverage",
            Self::Scan => "scan",
            Self::Score => "score",
            Self::Sbom => "sbom",
            Self::Load => "load",
        }
    }
}

impl Format {
    /// What it is about.
    pub(super) fn class(self) -> Class {
        match self {
            Self::Junit => Class::Tests,
            Self::Lcov | Self::Cobertura | Self::Jacoco | Self::LlvmCov | Self::CoveragePy => {
                Class::Coverage
            }
            Self::Sarif
            | Self::CargoAudit
            | Self::CargoDeny
            | Self::CargoMessages
            | Self::NpmAudit
            | Self::PipAudit
            | Self::OsvScanner
            | Self::Trivy
            | Self::Grype
            | Self::Gitleaks
            | Self::Semgrep => Class::Scan,
            Self::Scorecard => Class::Score,
            Self::Cyclonedx | Self::Spdx => Class::Sbom,
            Self::K6 | Self::Oha | Self::Locust => Class::Load,
        }
    }

    /// Its name in a profile.
    pub(super) fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// A report by its outer shape.
#[derive(Debug)]
pub(super) enum Shape {
    /// XML.
    Xml,
    /// One JSON document.
    Json(Value),
    /// One JSON object a line.
    JsonLines(Vec<Value>),
    /// Lines of text.
    Text,
}

/// Tells the outer shape.
///
/// # Errors
/// When it looks like JSON and is none.
pub(super) fn shape(source: &Source) -> Result<Shape, Fault> {
    let start = source.bytes.trim_ascii_start();
    match start.first() {
        Some(b'<') => Ok(Shape::Xml),
        Some(b'{' | b'[') => match serde_json::from_slice(start) {
            Ok(value) => Ok(Shape::Json(value)),
            Err(error) => lines(start)
                .map(Shape::JsonLines)
                .ok_or_else(|| wrong(source, &format!("it is not JSON: {error}"))),
        },
        _ => Ok(Shape::Text),
    }
}

/// One JSON object a line, when there are several and every line is one. Other lines, which tools
/// mix in, are let by as long as they do not begin like an object.
fn lines(bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.starts_with(b"{") {
            values.push(serde_json::from_slice(line).ok()?);
        }
    }
    (values.len() > 1).then_some(values)
}

/// Tells the format.
///
/// # Errors
/// When it is none that is known.
pub(super) fn detect(source: &Source, shape: &Shape) -> Result<Format, Fault> {
    let unknown = |seen: &str| {
        Err(wrong(
            source,
            &format!("{seen} is no format that is known here"),
        ))
    };
    match shape {
        Shape::Xml => {
            let root = xml::root(source)?;
            match root.name.as_str() {
                "testsuites" | "testsuite" => Ok(Format::Junit),
                "coverage" if root.get("clover").is_none() => Ok(Format::Cobertura),
                "report" => Ok(Format::Jacoco),
                "html" => unknown("a web page"),
                "bom" => unknown("CycloneDX as XML (write JSON)"),
                name => unknown(&format!("XML with the root <{name}>")),
            }
        }
        Shape::Text => {
            let text = String::from_utf8_lossy(&source.bytes);
            let first = text.lines().find(|line| !line.trim().is_empty());
            match first.unwrap_or_default() {
                line if line.starts_with("TN:") || line.starts_with("SF:") => Ok(Format::Lcov),
                line if line.starts_with("Type,Name,Request Count") => Ok(Format::Locust),
                _ => unknown("this text"),
            }
        }
        Shape::JsonLines(lines) => of_line(&lines[0]).map_or_else(|| unknown("this JSON"), Ok),
        Shape::Json(value) => of_json(value).map_or_else(|| unknown("this JSON"), Ok),
    }
}

/// The format of JSON lines.
fn of_line(line: &Value) -> Option<Format> {
    if line.get("reason").is_some() {
        return Some(Format::CargoMessages);
    }
    let of_deny = line.get("type").is_some() && line.get("fields").is_some();
    of_deny.then_some(Format::CargoDeny)
}

/// Keys that together tell a format.
const SIGNS: &[(Format, &[&str])] = &[
    (Format::Sarif, &["/version", "/runs"]),
    (Format::Cyclonedx, &["/bomFormat"]),
    (Format::Spdx, &["/spdxVersion"]),
    (Format::LlvmCov, &["/data", "/type", "/version"]),
    (Format::CoveragePy, &["/meta", "/files", "/totals"]),
    (Format::Trivy, &["/SchemaVersion", "/ArtifactName"]),
    (Format::Grype, &["/matches", "/descriptor"]),
    (Format::CargoAudit, &["/vulnerabilities/list", "/database"]),
    (Format::NpmAudit, &["/auditReportVersion"]),
    (Format::Scorecard, &["/scorecard", "/checks", "/score"]),
    (Format::K6, &["/metrics", "/root_group"]),
    (
        Format::Oha,
        &["/summary/successRate", "/latencyPercentiles"],
    ),
    (Format::Semgrep, &["/results", "/errors", "/paths"]),
    (Format::PipAudit, &["/dependencies/0/vulns"]),
    (Format::PipAudit, &["/dependencies", "/fixes"]),
    (Format::OsvScanner, &["/results", "/experimental_config"]),
    (Format::OsvScanner, &["/results/0/packages"]),
    (Format::Gitleaks, &["/0/RuleID", "/0/Fingerprint"]),
    (Format::Locust, &["/0/num_requests", "/0/response_times"]),
    (Format::CargoMessages, &["/reason"]),
];

/// The format of a JSON document.
fn of_json(value: &Value) -> Option<Format> {
    SIGNS
        .iter()
        .find(|(_, keys)| keys.iter().all(|key| value.pointer(key).is_some()))
        .map(|(format, _)| *format)
}

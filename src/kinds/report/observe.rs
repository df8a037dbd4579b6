//! Reads the reports and what belongs to them.

use std::path::PathBuf;

use tokio::time::Instant;

use super::content::{Content, Stamp};
use super::facts::{Facts, ReportFacts, Seen, Vex, of_coverage, of_sbom, of_scan, of_tests};
use super::files::{Root, Source, wrong};
use super::format::{Format, Shape, detect, shape};
use super::{Report, audits, coverage, diff, junit, load, sarif, sbom, scanners};
use crate::context::Context;
use crate::outcome::{Cause, Fault};
use crate::redact::Redactor;

/// The most findings of a scan that are looked at.
const MAX_ISSUES: usize = 20_000;

/// Reads everything, off the threads that wait for networks.
///
/// # Errors
/// When something is missing or broken.
pub(super) async fn observe(spec: &Report, cx: &Context) -> Result<Facts, Fault> {
    let reader = Reader {
        spec: spec.clone(),
        folder: spec
            .root
            .as_ref()
            .map_or_else(|| cx.folder.clone(), |root| cx.folder.join(root)),
        redactor: cx.redactor.clone(),
        deadline: cx.deadline,
    };
    let reading = tokio::task::spawn_blocking(move || reader.read());
    cx.within(&spec.path, reading)
        .await?
        .map_err(|error| Fault::new(Cause::Internal, error.to_string()))?
}

/// What reading needs.
struct Reader {
    /// The check.
    spec: Report,
    /// The root.
    folder: PathBuf,
    /// Takes in secrets.
    redactor: Redactor,
    /// When reading must be over.
    deadline: Instant,
}

impl Reader {
    /// Reads everything.
    fn read(&self) -> Result<Facts, Fault> {
        let spec = &self.spec;
        let mut root = Root::new(&self.folder, spec.max_size)?;
        let mut reports = Vec::new();
        let content = self.read_all(&mut root, &spec.path, &mut reports)?;
        let baseline = match &spec.baseline {
            Some(path) => Some(self.read_all(&mut root, path, &mut Vec::new())?),
            None => None,
        };
        if let Some(path) = &spec.commit_file {
            let source = root.read(path)?;
            let commit = String::from_utf8_lossy(&source.bytes).trim().to_owned();
            for report in &mut reports {
                report.commits.push(commit.clone());
            }
        }
        let newer_than = match &spec.newer_than {
            Some(path) => root.modified(path)?,
            None => None,
        };
        let baseline_scan = match &baseline {
            Some(Content::Scan(scan)) => Some(scan.clone()),
            _ => None,
        };
        if let Some(other) = &baseline
            && std::mem::discriminant(other) != std::mem::discriminant(&content)
        {
            return Err(mixed(&spec.path, "the baseline is of another kind"));
        }
        let seen = match content {
            Content::Scan(scan) => {
                if scan.issues.len() > MAX_ISSUES {
                    return Err(Fault::new(
                        Cause::TooLarge,
                        format!("{} has more than {MAX_ISSUES} findings", spec.path),
                    )
                    .hint("scan less at once, or leave out what does not matter"));
                }
                let vex = self.vex(&mut root)?;
                Seen::Scan(of_scan(scan, &vex, baseline_scan.as_ref()))
            }
            other => self.boil_down(other, &mut root)?,
        };
        let baseline = match baseline {
            Some(content) => Some(self.boil_down(content, &mut root)?),
            None => None,
        };
        Ok(Facts {
            reports,
            seen,
            baseline,
            newer_than,
        })
    }

    /// Reads the reports of a path or pattern as one.
    fn read_all(
        &self,
        root: &mut Root,
        path: &str,
        reports: &mut Vec<ReportFacts>,
    ) -> Result<Content, Fault> {
        let mut sum: Option<Content> = None;
        for source in root.read_all(&[path.to_owned()])? {
            let (format, stamp, content) = self.parse(&source)?;
            reports.push(ReportFacts {
                path: source.shown.clone(),
                format,
                bytes: source.bytes.len(),
                modified: source.modified,
                written: stamp.written,
                commits: stamp.commits,
                subjects: stamp.subjects,
            });
            match sum.as_mut() {
                None => sum = Some(content),
                Some(sum) => sum.add(content).map_err(|why| mixed(path, &why))?,
            }
        }
        sum.ok_or_else(|| mixed(path, "there is no report"))
    }

    /// Parses one report.
    fn parse(&self, source: &Source) -> Result<(Format, Stamp, Content), Fault> {
        let shape = shape(source)?;
        let format = match self.spec.format {
            Some(format) => format,
            None => detect(source, &shape)?,
        };
        let class = format.class();
        if let Some(other) = self.spec.asked().iter().find(|asked| **asked != class) {
            return Err(wrong(
                source,
                &format!(
                    "it is {}, which `{}:` says nothing about",
                    format.name(),
                    other.field()
                ),
            ));
        }
        let (stamp, content) = match (&shape, format) {
            (Shape::Xml, Format::Junit) => {
                let (stamp, tests) = junit::read(source, self.deadline)?;
                (stamp, Content::Tests(tests))
            }
            (Shape::Xml, Format::Cobertura | Format::Jacoco) | (Shape::Text, Format::Lcov) => {
                let (stamp, coverage) = match format {
                    Format::Cobertura => coverage::cobertura(source, self.deadline)?,
                    Format::Jacoco => coverage::jacoco(source, self.deadline)?,
                    _ => coverage::lcov(source)?,
                };
                (stamp, Content::Coverage(coverage))
            }
            (Shape::Text, Format::Locust) => {
                let (stamp, load) = load::locust_csv(source)?;
                (stamp, Content::Load(load))
            }
            (Shape::JsonLines(lines), _) => self.parse_lines(source, format, lines)?,
            (Shape::Json(value), Format::CargoDeny | Format::CargoMessages) => {
                self.parse_lines(source, format, std::slice::from_ref(value))?
            }
            (Shape::Json(value), _) => self.parse_json(source, format, value)?,
            _ => return Err(wrong(source, &format!("it is not {}", format.name()))),
        };
        Ok((format, stamp, content))
    }

    /// Parses JSON lines.
    fn parse_lines(
        &self,
        source: &Source,
        format: Format,
        lines: &[serde_json::Value],
    ) -> Result<(Stamp, Content), Fault> {
        let (stamp, scan) = match format {
            Format::CargoDeny => scanners::cargo_deny(source, lines)?,
            Format::CargoMessages => scanners::cargo_messages(source, lines)?,
            other => return Err(wrong(source, &format!("it is not {}", other.name()))),
        };
        Ok((stamp, Content::Scan(scan)))
    }

    /// Parses a JSON document.
    fn parse_json(
        &self,
        source: &Source,
        format: Format,
        value: &serde_json::Value,
    ) -> Result<(Stamp, Content), Fault> {
        let scan = match format {
            Format::Sarif => sarif::read(source, value)?,
            Format::CargoAudit => audits::cargo_audit(source, value)?,
            Format::NpmAudit => audits::npm_audit(source, value)?,
            Format::PipAudit => audits::pip_audit(source, value)?,
            Format::OsvScanner => audits::osv_scanner(source, value)?,
            Format::Trivy => audits::trivy(source, value)?,
            Format::Grype => audits::grype(source, value)?,
            Format::Gitleaks => scanners::gitleaks(source, value, &self.redactor)?,
            Format::Semgrep => scanners::semgrep(source, value)?,
            Format::Scorecard => {
                let (stamp, score) = scanners::scorecard(source, value)?;
                return Ok((stamp, Content::Score(score)));
            }
            Format::LlvmCov | Format::CoveragePy => {
                let (stamp, coverage) = match format {
                    Format::LlvmCov => coverage::llvm_cov(source, value)?,
                    _ => coverage::coverage_py(source, value)?,
                };
                return Ok((stamp, Content::Coverage(coverage)));
            }
            Format::Cyclonedx | Format::Spdx => {
                let (stamp, parts) = match format {
                    Format::Spdx => sbom::spdx(source, value)?,
                    _ => sbom::cyclonedx(source, value)?,
                };
                return Ok((stamp, Content::Sbom(parts)));
            }
            Format::K6 | Format::Oha | Format::Locust => {
                let (stamp, load) = match format {
                    Format::K6 => load::k6(source, value)?,
                    Format::Oha => load::oha(source, value)?,
                    _ => load::locust_json(source, value)?,
                };
                return Ok((stamp, Content::Load(load)));
            }
            Format::Junit
            | Format::Lcov
            | Format::Cobertura
            | Format::Jacoco
            | Format::CargoDeny
            | Format::CargoMessages => {
                return Err(wrong(source, &format!("it is not {}", format.name())));
            }
        };
        Ok((scan.0, Content::Scan(scan.1)))
    }

    /// Boils down what was parsed.
    fn boil_down(&self, content: Content, root: &mut Root) -> Result<Seen, Fault> {
        Ok(match content {
            Content::Tests(tests) => Seen::Tests(of_tests(
                tests,
                &self.spec.tests.clone().unwrap_or_default(),
            )),
            Content::Coverage(coverage) => {
                let expect = self.spec.coverage.clone().unwrap_or_default();
                let changed = match &expect.diff {
                    Some(path) => Some(diff::read(&root.read(path)?)?),
                    None => None,
                };
                Seen::Coverage(of_coverage(&coverage, &expect, changed.as_ref()))
            }
            Content::Scan(scan) => Seen::Scan(of_scan(scan, &[], None)),
            Content::Score(score) => Seen::Score(score),
            Content::Sbom(parts) => Seen::Sbom(of_sbom(&parts.components)),
            Content::Load(load) => Seen::Load(load),
        })
    }

    /// Reads the VEX documents.
    fn vex(&self, root: &mut Root) -> Result<Vec<Vex>, Fault> {
        let mut all = Vec::new();
        let paths = self.spec.scan.iter().flat_map(|expect| &expect.vex);
        for path in paths {
            let source = root.read(path)?;
            let value = serde_json::from_slice(&source.bytes)
                .map_err(|error| wrong(&source, &format!("it is not JSON: {error}")))?;
            all.extend(scanners::openvex(&source, &value)?);
        }
        Ok(all)
    }
}

/// The fault of reports that do not go together.
fn mixed(path: &str, why: &str) -> Fault {
    Fault::new(Cause::Unparseable, format!("{path}: {why}"))
        .code("REP-07")
        .hint("name reports of one kind")
}

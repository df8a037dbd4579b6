//! Backups: are they there, young, whole, enough, and was one ever restored.

mod archiver;
mod closer;
mod facts;
mod faults;
mod files;
mod judge;
mod listing;
mod pgbackrest;
mod problems;
mod repositories;
mod restic;
mod restore;
mod s3;
mod series;
mod spec;
mod time;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::facts::{Closer, Facts, Item};
use self::files::Look;
use self::judge::SeriesJudge;
use self::spec::{
    ArchiverSource, CommandSource, Expect, FilesSource, PgBackRestSource, ReportSource,
    ResticSource, RestoreTest, S3Source,
};
use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::archive::{Format, Limits};
use crate::context::{Context, JudgeContext};
use crate::expect::ByteSize;
use crate::outcome::{Cause, Fault, Finding};
use crate::postgres::Dsn;

/// Requires backups that are young, whole and complete enough to restore from.
///
/// Name one source. Unfinished files never count, an empty listing is red, and a place that cannot
/// be listed is an error. Nothing is written, and no program is run without `--allow command`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backup {
    /// A folder of dump files, or with a folder a backup.
    #[serde(default)]
    files: Option<FilesSource>,
    /// Objects of an S3 bucket.
    #[serde(default)]
    s3: Option<S3Source>,
    /// A pgBackRest stanza. Runs `pgbackrest info` unless a report is given.
    #[serde(default)]
    pgbackrest: Option<PgBackRestSource>,
    /// A restic repository. Runs `restic snapshots` unless a report is given.
    #[serde(default)]
    restic: Option<ResticSource>,
    /// A program that prints a list of backups as JSON: WAL-G, barman, a cloud's tool.
    #[serde(default)]
    command: Option<CommandSource>,
    /// A file with a list of backups as JSON.
    #[serde(default)]
    report: Option<ReportSource>,
    /// PostgreSQL's `pg_stat_archiver`.
    #[serde(default)]
    archiver: Option<ArchiverSource>,
    /// What is expected of the backups; without it they must exist, not be empty and, for files, be
    /// whole.
    #[serde(default)]
    expect: Option<Expect>,
    /// The record of the last restore test; alone or besides a source.
    #[serde(default)]
    restore_test: Option<RestoreTest>,
}

/// How large a file is read through unless the profile says otherwise.
const MAX_READ: ByteSize = ByteSize(1 << 30);
/// How much larger than the file its content may be.
const MAX_CONTENT_FACTOR: u64 = 64;
/// How many series are looked at closely.
const MAX_LOOKS: usize = 50;

impl Kind for Backup {
    const NAME: &'static str = "backup";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        let runs = self.command.is_some()
            || self.pgbackrest.as_ref().is_some_and(|s| s.report.is_none())
            || self.restic.as_ref().is_some_and(|s| s.report.is_none());
        if runs {
            Impact::Command
        } else if self.s3.is_some() || self.archiver.is_some() {
            Impact::Normal
        } else {
            Impact::Passive
        }
    }

    fn hosts(&self) -> Vec<String> {
        if let Some(source) = &self.s3 {
            return vec![s3::place(source)];
        }
        self.archiver
            .as_ref()
            .and_then(|source| Dsn::parse(source.url.expose()).ok())
            .map(|dsn| dsn.keys())
            .unwrap_or_default()
    }

    fn exclusive(&self) -> Option<String> {
        let dsn = Dsn::parse(self.archiver.as_ref()?.url.expose()).ok()?;
        Some(format!("postgres {}@{}", dsn.user_shown(), dsn.shown()))
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::of(self)
    }

    fn plan(&self) -> Vec<Planned> {
        let mut plan = self.plan_of_source();
        if let Some(test) = &self.restore_test {
            plan.push(Planned::once(format!("read {}", test.file)));
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let mut facts = self.list(cx).await?;
        facts.settle();
        facts.newest = self.look(&facts, cx).await?;
        if let Some(test) = &self.restore_test {
            facts.restore = Some(restore::observe(test, cx).await?);
        }
        Ok(facts)
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        let mut findings = Vec::new();
        let default = Expect::default();
        let expect = self.expect.as_ref().unwrap_or(&default);
        if self.archiver.is_some() {
            findings.push(Finding::pass("pg_stat_archiver", "readable", "read"));
            match &facts.archiver {
                Some(seen) => archiver::judge(seen, expect, cx.now, &mut findings),
                None => findings.push(
                    Finding::fail(
                        "BAK-11",
                        "archiver",
                        "a row in pg_stat_archiver",
                        "none",
                        "the server says nothing about its archiver",
                    )
                    .as_unknown(),
                ),
            }
        } else if !self.sources().is_empty() {
            repositories::judge(self, facts, expect, cx.now, &mut findings);
            self.judge_series(facts, expect, cx.now, &mut findings);
            entries(facts, cx.now, &mut findings);
        }
        if let (Some(test), Some(record)) = (&self.restore_test, &facts.restore) {
            restore::judge(test, record, cx.now, &mut findings);
        }
        findings
    }
}

impl Backup {
    /// The names of the sources that are given.
    fn sources(&self) -> Vec<&'static str> {
        [
            ("files", self.files.is_some()),
            ("s3", self.s3.is_some()),
            ("pgbackrest", self.pgbackrest.is_some()),
            ("restic", self.restic.is_some()),
            ("command", self.command.is_some()),
            ("report", self.report.is_some()),
            ("archiver", self.archiver.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }

    /// What looking at the source sends or runs.
    fn plan_of_source(&self) -> Vec<Planned> {
        let read = |file: &String| Planned::once(format!("read {file}"));
        let mut plan = Vec::new();
        if let Some(source) = &self.files {
            plan.push(Planned::once(format!("list {}", source.path)));
            if self.format().is_some() {
                plan.push(Planned {
                    what: format!("read the newest backup of each series in {}", source.path),
                    at_most: MAX_LOOKS as u32,
                });
            }
        }
        if let Some(source) = &self.s3 {
            let place = format!("{} {}/{}", s3::place(source), source.bucket, source.prefix);
            plan.push(Planned {
                what: format!("LIST {place}"),
                at_most: source.max_pages.unwrap_or(s3::MAX_PAGES),
            });
            if self.expect().is_some_and(|expect| expect.private) {
                plan.push(Planned::once(format!("LIST {place} without credentials")));
            }
            if self.format().is_some() {
                plan.push(Planned {
                    what: format!("GET the newest object of each series of {place}"),
                    at_most: MAX_LOOKS as u32,
                });
            }
        }
        if let Some(source) = &self.pgbackrest {
            plan.push(match &source.report {
                Some(file) => read(file),
                None => Planned::once(format!("run {}", pgbackrest::argv(source).join(" "))),
            });
        }
        if let Some(source) = &self.restic {
            let words = restic::argv(source, &["snapshots", "--json"]).join(" ");
            plan.push(match &source.report {
                Some(file) => read(file),
                None => Planned::once(format!("run {words}")),
            });
            if source.max_lock_age.is_some() {
                let words = restic::argv(source, &["list", "locks"]).join(" ");
                plan.push(Planned::once(format!("run {words}")));
                plan.push(Planned {
                    what: format!(
                        "run {} ID",
                        restic::argv(source, &["cat", "lock"]).join(" ")
                    ),
                    at_most: restic::MAX_LOCKS as u32,
                });
            }
            plan.extend(source.run_log.as_ref().map(read));
        }
        if let Some(source) = &self.command {
            plan.push(Planned::once(format!("run {}", source.argv.join(" "))));
        }
        plan.extend(self.report.as_ref().map(|source| read(&source.file)));
        if self.archiver.is_some() {
            plan.push(Planned::once(format!("SQL {}", archiver::QUERY)));
        }
        plan
    }

    /// The expectations, if any are written.
    fn expect(&self) -> Option<&Expect> {
        self.expect.as_ref()
    }

    /// The format as which the newest backups are read, if they are.
    fn format(&self) -> Option<Format> {
        let expect = self.expect();
        match expect.and_then(|expect| expect.verify) {
            Some(verify) => verify.format(),
            // Reading local files is cheap; fetching objects costs money.
            None if self.files.is_some() => Some(Format::Auto),
            None if self.s3.is_some() => expect
                .and_then(|expect| expect.min_content)
                .map(|_| Format::Auto),
            None => None,
        }
    }

    /// The series that must be there by name.
    fn named(&self) -> Vec<String> {
        if let Some(source) = &self.restic {
            return source.hosts.clone();
        }
        self.expect()
            .map(|expect| expect.sets.clone())
            .unwrap_or_default()
    }

    /// Lists the source.
    async fn list(&self, cx: &Context) -> Result<Facts, Fault> {
        let sets = self.named();
        if let Some(source) = &self.files {
            let source = source.clone();
            let root = cx.folder.join(&source.path);
            let shown = source.path.clone();
            let listing = tokio::task::spawn_blocking(move || files::list(&source, &root, &sets));
            return cx
                .within(&shown, listing)
                .await?
                .map_err(|error| lost(&error))?;
        }
        if let Some(source) = &self.s3 {
            let private = self.expect().is_some_and(|expect| expect.private);
            return s3::list(source, &sets, private, cx).await;
        }
        if let Some(source) = &self.pgbackrest {
            return pgbackrest::observe(source, cx).await;
        }
        if let Some(source) = &self.restic {
            return restic::observe(source, cx).await;
        }
        if let Some(source) = &self.command {
            return listing::of_command(source, cx).await;
        }
        if let Some(source) = &self.report {
            return listing::of_report(source, cx).await;
        }
        if let Some(source) = &self.archiver {
            return archiver::observe(source, cx).await;
        }
        Ok(Facts::default())
    }

    /// Looks closely at the newest backup of each series.
    async fn look(&self, facts: &Facts, cx: &Context) -> Result<Vec<Closer>, Fault> {
        let format = self.format();
        let checksum = self.expect().is_some_and(|expect| expect.checksum);
        if format.is_none() && !checksum {
            return Ok(Vec::new());
        }
        let newest: Vec<Item> = series::series(facts, &self.named(), cx.now)
            .iter()
            .filter_map(|series| series.items.first().map(|item| (*item).clone()))
            .take(MAX_LOOKS)
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let _stop_when_dropped = StopWhenDropped(Arc::clone(&stop));
        let bytes = self
            .expect()
            .and_then(|expect| expect.max_read)
            .unwrap_or(MAX_READ)
            .0;
        let look = Look {
            format,
            checksum,
            limits: Limits {
                bytes,
                content: bytes.saturating_mul(MAX_CONTENT_FACTOR),
                // A little before the deadline: what was seen until then is still worth telling.
                until: Instant::now() + reading_time(cx.remaining()),
                stop,
            },
        };
        if let Some(source) = &self.s3 {
            let mut closer = Vec::new();
            for item in &newest {
                closer.push(s3::look(source, item, look.clone(), cx).await?);
            }
            return Ok(closer);
        }
        let Some(source) = &self.files else {
            return Ok(Vec::new());
        };
        let root: PathBuf = cx.folder.join(&source.path);
        let reading = tokio::task::spawn_blocking(move || {
            newest
                .iter()
                .map(|item| files::look(&root, item, &look))
                .collect()
        });
        cx.within(&source.path, reading)
            .await?
            .map_err(|error| lost(&error))
    }

    /// Judges every series.
    fn judge_series(
        &self,
        facts: &Facts,
        expect: &Expect,
        now: Timestamp,
        findings: &mut Vec<Finding>,
    ) {
        let named = self.named();
        let is_named = !named.is_empty();
        let names = match (is_named, facts.stanzas.is_empty()) {
            (false, false) => repositories::series(facts),
            _ => named,
        };
        for series in series::series(facts, &names, now) {
            SeriesJudge {
                expect,
                series: &series,
                named: is_named,
                facts,
                now,
            }
            .judge(findings);
        }
    }
}

/// How much of the time left may go into reading.
fn reading_time(left: Duration) -> Duration {
    left.saturating_sub((left / 10).max(Duration::from_millis(200)))
}

/// Tells the thread that reads that nobody waits any more.
struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The fault of a thread that panicked.
fn lost(error: &tokio::task::JoinError) -> Fault {
    Fault::new(Cause::Internal, format!("reading ended abruptly: {error}"))
}

/// Judges what lies about besides proper backups.
fn entries(facts: &Facts, now: Timestamp, findings: &mut Vec<Finding>) {
    let future: Vec<&Item> = facts
        .backups
        .iter()
        .filter(|item| series::is_future(item, now))
        .collect();
    if let Some(item) = future.first() {
        findings.push(Finding::fail(
            "BAK-23",
            "clock",
            "no backup dated in the future",
            format!(
                "{} of them, {} {}",
                future.len(),
                item.name,
                item.time
                    .map(|time| judge::ago(time, now))
                    .unwrap_or_default()
            ),
            "a backup claims a time that has not come: a clock or time zone is wrong",
        ));
    }
    if let Some(name) = facts.undated.first() {
        findings.push(
            Finding::fail(
                "BAK-54",
                "times",
                "every entry has a time",
                format!("{} without, {name} among them", facts.undated.len()),
                "there are entries whose time cannot be read",
            )
            .as_unknown(),
        );
    }
    if let Some(name) = facts.dangling.first() {
        findings.push(
            Finding::fail(
                "BAK-55",
                "links",
                "every link points at a file",
                format!("{name} does not"),
                "a link points at a file that does not exist",
            )
            .as_warning(),
        );
    }
}

#[cfg(test)]
mod tests;

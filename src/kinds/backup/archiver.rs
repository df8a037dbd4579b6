//! PostgreSQL's own view of archiving its log.

use jiff::Timestamp;
use serde::Deserialize;

use super::facts::{Archiver, Facts};
use super::judge::{age, ago};
use super::spec::{ArchiverSource, Expect};
use crate::context::Context;
use crate::expect::TimeSpan;
use crate::outcome::{Fault, Finding};
use crate::postgres::Dsn;

/// Everything in one row. `current_setting` of `archive_command` is refused to plain roles, so the
/// command is taken from the view, where it is absent for them.
pub(super) const QUERY: &str = "\
select current_setting('archive_mode') as mode, \
current_setting('archive_timeout', true) as timeout, \
(select setting from pg_settings where name = 'archive_command') as command, \
(select setting from pg_settings where name = 'archive_library') as library, \
pg_has_role(current_user, 'pg_read_all_settings', 'usage') as may_see, \
pg_is_in_recovery() as standby, \
archived_count as archived, extract(epoch from last_archived_time)::float8 as last_archived, \
failed_count as failed, extract(epoch from last_failed_time)::float8 as last_failed, \
extract(epoch from stats_reset)::float8 as reset \
from pg_stat_archiver";

/// The row.
#[derive(Debug, Deserialize)]
struct Row {
    /// `archive_mode`.
    mode: String,
    /// `archive_timeout`, with unit.
    timeout: Option<String>,
    /// `archive_command`; absent for roles that may not see it.
    command: Option<String>,
    /// `archive_library`, since version 15.
    library: Option<String>,
    /// Whether this role sees all settings.
    may_see: bool,
    /// Whether this is a standby.
    standby: bool,
    /// Segments archived.
    archived: i64,
    /// When, in seconds since 1970.
    last_archived: Option<f64>,
    /// Attempts that failed.
    failed: i64,
    /// When.
    last_failed: Option<f64>,
    /// When the counters were reset.
    reset: Option<f64>,
}

/// Asks the server.
///
/// # Errors
/// When there is no session, or the view cannot be read.
pub(super) async fn observe(source: &ArchiverSource, cx: &Context) -> Result<Facts, Fault> {
    let dsn = Dsn::parse(source.url.expose())?;
    let mut transaction = cx.postgres.begin(cx, &dsn, false).await?;
    let rows = transaction
        .rows::<Row>("the archiver's state", QUERY, &[])
        .await;
    transaction.finish().await;
    let row = rows?.into_iter().next();
    let time = |seconds: Option<f64>| {
        seconds.and_then(|seconds| super::time::of_json(&seconds.into(), None))
    };
    Ok(Facts {
        source: dsn.shown(),
        archiver: row.map(|row| {
            // An empty command with a library set means that the library does it.
            let library = row.library.as_deref().is_some_and(|name| !name.is_empty());
            Archiver {
                no_op: match row.command.as_deref() {
                    _ if library => Some(false),
                    Some(command) if row.may_see || !command.is_empty() => {
                        Some(keeps_nothing(command))
                    }
                    _ => None,
                },
                mode: Some(row.mode),
                timeout: row.timeout.as_deref().and_then(seconds),
                archived: row.archived,
                last_archived: time(row.last_archived),
                failed: row.failed,
                last_failed: time(row.last_failed),
                reset: time(row.reset),
                standby: row.standby,
            }
        }),
        ..Facts::default()
    })
}

/// Seconds of a setting with a unit: `1min`, `0`, `300s`.
fn seconds(text: &str) -> Option<i64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// Whether a command says "done" without storing anything.
fn keeps_nothing(command: &str) -> bool {
    let command = command.trim();
    if command.is_empty() {
        // Archiving is suspended without an error: the log piles up, and nothing leaves the server.
        return true;
    }
    let program = command.split_whitespace().next().unwrap_or_default();
    matches!(
        program.rsplit('/').next().unwrap_or(program),
        "true" | ":" | "exit" | "echo" | "printf"
    ) && !command.contains(['|', ';', '&', '>'])
        || command.ends_with("/dev/null") && program.rsplit('/').next() == Some("cp")
}

/// Judges the archiver.
pub(super) fn judge(seen: &Archiver, expect: &Expect, now: Timestamp, findings: &mut Vec<Finding>) {
    let fail = |wanted: &str, actual: String, message: &str| {
        Finding::fail("BAK-11", "archiver", wanted, actual, message)
    };
    let mode = seen.mode.as_deref().unwrap_or("unknown");
    if mode == "off" {
        findings.push(fail(
            "archive_mode on",
            "off".to_owned(),
            "the server does not archive its log: no recovery to a point in time",
        ));
        return;
    }
    if seen.standby && mode != "always" {
        findings.push(
            fail(
                "a server that archives",
                "a standby".to_owned(),
                "this is a standby, which archives nothing: point the check at the primary",
            )
            .as_unknown(),
        );
        return;
    }
    findings.push(Finding::pass("archive_mode", "on or always", mode));
    findings.push(match seen.no_op {
        Some(true) => Finding::fail(
            "BAK-12",
            "archive_command",
            "stores the segment",
            "no command, or one that stores nothing",
            "archive_command is empty or reports success without keeping anything",
        ),
        Some(false) => Finding::pass("archive_command", "stores the segment", "a real command"),
        // Not asked for by the profile, and a plain role is the right one to use.
        None => Finding::pass("archive_command", "not judged", "hidden from this role"),
    });
    attempts(seen, expect, now, findings);
}

/// Judges when archiving succeeded and failed last.
fn attempts(seen: &Archiver, expect: &Expect, now: Timestamp, findings: &mut Vec<Finding>) {
    let fail = |wanted: &str, actual: String, message: &str| {
        Finding::fail("BAK-11", "archiver", wanted, actual, message)
    };
    let shown =
        |time: Option<Timestamp>| time.map_or_else(|| "never".to_owned(), |time| ago(time, now));
    let actual = format!(
        "archived {}, last {}; failed {}, last {}",
        seen.archived,
        shown(seen.last_archived),
        seen.failed,
        shown(seen.last_failed)
    );
    let Some(archived) = seen.last_archived else {
        // Counters that were just reset have seen nothing yet, neither good nor bad.
        findings.push(if seen.failed > 0 || seen.last_failed.is_some() {
            fail("segments archived", actual, "archiving has never succeeded")
        } else {
            let finding = fail(
                "segments archived",
                actual,
                "nothing was archived since the counters were reset, so nothing is known",
            );
            finding.as_unknown()
        });
        return;
    };
    if seen.last_failed.is_some_and(|failed| failed > archived) {
        findings.push(fail(
            "the last attempt succeeded",
            actual,
            "archiving fails: the last attempt was no success",
        ));
        return;
    }
    findings.push(Finding::pass(
        "archiver",
        "the last attempt succeeded",
        actual.clone(),
    ));
    if let Some(limit) = expect.max_age {
        freshness(seen, archived, limit, now, findings);
    }
}

/// Judges how long ago archiving succeeded.
fn freshness(
    seen: &Archiver,
    archived: Timestamp,
    limit: TimeSpan,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let wanted = format!("last success at most {limit} ago");
    if age(archived, now) <= limit {
        findings.push(Finding::pass("last archived", wanted, ago(archived, now)));
        return;
    }
    let finding = Finding::fail(
        "BAK-11",
        "last archived",
        wanted,
        ago(archived, now),
        "no log was archived for too long: what was written since cannot be recovered",
    );
    let timeout = seen.timeout.unwrap_or(0);
    findings.push(if timeout == 0 {
        // An idle server fills no segment, and without a timeout it archives none.
        let mut finding = finding.as_warning();
        "nothing was archived for long; with `archive_timeout = 0` an idle server never does, so set it to at most the data you can lose".clone_into(&mut finding.message);
        finding
    } else {
        finding
    });
    if u64::try_from(timeout).is_ok_and(|timeout| TimeSpan::seconds(timeout) > limit) {
        findings.push(
            Finding::fail(
                "BAK-11",
                "archive_timeout",
                format!("at most {limit}"),
                TimeSpan::seconds(timeout.unsigned_abs()).to_string(),
                "an idle server archives less often than is expected",
            )
            .as_warning(),
        );
    }
}

//! The server itself: version, TLS, part in replication, settings, checksums, collations.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::support::{Empty as Nothing, hidden, span};
use super::{Facts, Postgres};
use crate::context::JudgeContext;
use crate::expect::{ByteSize, Version};
use crate::outcome::{Fault, Finding};
use crate::postgres::{Link, Looked, SslMode, Transaction};

/// How the connection must be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tls {
    /// Encrypted. A DSN that would fall back to plaintext is a warning.
    Require,
    /// Encrypted, and the DSN verifies the server's certificate and name (`sslmode=verify-full`).
    Verify,
}

/// The part a server plays in replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// Accepts writes.
    Primary,
    /// In recovery: follows another server.
    Standby,
}

/// The server, the session and its rights.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ServerFacts {
    /// As the server says it: `15.20 (Debian …)`.
    pub(super) version: String,
    /// `150020`.
    pub(super) version_num: u64,
    /// In recovery.
    pub(super) standby: bool,
    /// Role of the session.
    pub(super) role: String,
    /// Database of the session.
    pub(super) database: String,
    /// Role is superuser.
    pub(super) superuser: bool,
    /// Role sees all sessions.
    pub(super) sees_sessions: bool,
    /// Role sees all settings.
    pub(super) sees_settings: bool,
    /// Port from which the server sees the session come; null for a Unix socket.
    client_port: Option<i64>,
    /// Address from which the server sees it come.
    client_addr: Option<String>,
    /// Whether the server's own hop is encrypted.
    ssl: Option<bool>,
    /// TLS version of that hop.
    ssl_version: Option<String>,
    /// Seconds since the server started.
    pub(super) uptime: f64,
    /// Its clock, in seconds since 1970.
    clock: f64,
    /// Seconds by which its clock is ahead of ours, give or take half the time the question took.
    #[serde(default)]
    ahead: f64,
    /// Our own hop.
    #[serde(default)]
    link: Option<Link>,
}

/// Asks for the server's facts.
pub(super) async fn observe(tx: &mut Transaction<'_>) -> Result<ServerFacts, Fault> {
    let sql = "select current_setting('server_version') as version, current_setting('server_version_num')::int as version_num,
  pg_is_in_recovery() as standby, current_user as role, current_database() as database,
  coalesce((select rolsuper from pg_roles where rolname = current_user), false) as superuser,
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as sees_sessions,
  pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') as sees_settings,
  inet_client_port() as client_port, host(inet_client_addr()) as client_addr,
  s.ssl, s.version as ssl_version, extract(epoch from now() - pg_postmaster_start_time())::float8 as uptime,
  extract(epoch from clock_timestamp())::float8 as clock
from (select 1) one left join pg_stat_ssl s on s.pid = pg_backend_pid()";
    let before = jiff::Timestamp::now().as_duration().as_secs_f64();
    let mut facts: Vec<ServerFacts> = tx.rows("server facts", sql, &[]).await?;
    let after = jiff::Timestamp::now().as_duration().as_secs_f64();
    let mut facts = facts.pop().ok_or_else(|| {
        Fault::new(
            crate::outcome::Cause::Unparseable,
            "the server says nothing about itself",
        )
    })?;
    // Anything between the two readings is no skew.
    facts.ahead = if facts.clock < before {
        facts.clock - before
    } else {
        (facts.clock - after).max(0.0)
    };
    facts.link = tx.link().cloned();
    Ok(facts)
}

/// Checksums and collations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HealthFacts {
    /// `data_checksums` and failures seen, per database.
    checksums: Option<Looked<Vec<Value>>>,
    /// Objects whose collation has another version now.
    collations: Option<Looked<Vec<String>>>,
    /// Bytes of the database.
    size: Option<Looked<Option<f64>>>,
}

/// Asks for checksums and collations.
pub(super) async fn observe_health(
    spec: &Postgres,
    server: &ServerFacts,
    tx: &mut Transaction<'_>,
) -> Result<HealthFacts, Fault> {
    let checksums = if spec.checksums {
        let sql = "select current_setting('data_checksums') as state, coalesce(sum(checksum_failures), 0)::bigint as failures from pg_stat_database";
        Some(tx.look("checksums", sql, &[]).await?)
    } else {
        None
    };
    let collations = if spec.collations {
        // Databases have a version since 15; below, only collations themselves do.
        let database = if server.version_num >= 150_000 {
            "select 'database ' || datname as name from pg_database where datname = current_database()
   and datcollversion is not null and datcollversion is distinct from pg_database_collation_actual_version(oid)
 union all "
        } else {
            ""
        };
        let sql = format!(
            "{database}select 'collation ' || collname as name from pg_collation c where collversion is not null
   and collversion is distinct from pg_collation_actual_version(c.oid)
   and exists (select from pg_depend d where d.refclassid = 'pg_collation'::regclass and d.refobjid = c.oid)"
        );
        let rows = tx.look::<Value>("collations", &sql, &[]).await?;
        Some(rows.map(names))
    } else {
        None
    };
    let size = if spec.max_database_size.is_some() {
        let sql = "select pg_database_size(current_database())::float8 as size";
        let rows = tx.look::<Value>("database size", sql, &[]).await?;
        Some(rows.map(|rows| rows.first().and_then(|row| row["size"].as_f64())))
    } else {
        None
    };
    Ok(HealthFacts {
        checksums,
        collations,
        size,
    })
}

/// The `name` of every row.
#[expect(clippy::needless_pass_by_value, reason = "maps an answer")]
pub(super) fn names(rows: Vec<Value>) -> Vec<String> {
    rows.iter()
        .map(|row| row["name"].as_str().unwrap_or("?").to_owned())
        .collect()
}

/// When the table below was compiled.
const TABLE_DATE: &str = "2026-05-14";
/// Major version, last day of maintenance, oldest minor without the security holes known then.
const SUPPORT: &[(u64, &str, u64)] = &[
    (10, "2022-11-10", 23),
    (11, "2023-11-09", 22),
    (12, "2024-11-21", 22),
    (13, "2025-11-13", 23),
    (14, "2026-11-12", 23),
    (15, "2027-11-11", 18),
    (16, "2028-11-09", 14),
    (17, "2029-11-08", 10),
    (18, "2030-11-14", 4),
];

/// Judges everything about the server.
pub(super) fn judge(spec: &Postgres, facts: &Facts, cx: &JudgeContext, out: &mut Vec<Finding>) {
    let server = &facts.server;
    out.push(Finding::pass(
        "connection",
        "answers",
        format!(
            "PostgreSQL {}, database {}, role {}",
            short(&server.version),
            server.database,
            server.role
        ),
    ));
    judge_version(spec, server, cx, out);
    if let Some(tls) = spec.tls {
        judge_tls(tls, server, out);
    }
    if let Some(part) = spec.role {
        let (wanted, is) = (
            if part == Part::Primary {
                "primary"
            } else {
                "standby"
            },
            if server.standby { "standby" } else { "primary" },
        );
        out.push(if wanted == is {
            Finding::pass("role", wanted, is)
        } else {
            Finding::fail(
                "PG-04",
                "role",
                wanted,
                is,
                format!("this server is a {is}, expected a {wanted}"),
            )
        });
    }
    if let Some(settings) = &facts.settings {
        super::settings::judge(spec, server, settings, out);
    }
    judge_health(&facts.health, out);
    if let (Some(most), Some(size)) = (spec.max_database_size, &facts.health.size) {
        out.push(judge_size(most, size));
    }
    if let Some(most) = spec.max_clock_skew {
        let (expected, seen) = (format!("at most {most}"), span(server.ahead.abs()));
        out.push(if server.ahead.abs() <= most.0.as_secs_f64() {
            Finding::pass("clock skew", expected, seen)
        } else {
            let message =
                format!("the clocks of the database and of this machine differ by {seen}");
            Finding::fail("PG-31", "clock skew", expected, seen, message)
        });
    }
}

/// The version without the distribution's remarks.
fn short(version: &str) -> &str {
    version.split_whitespace().next().unwrap_or(version)
}

/// Version bounds and maintenance.
fn judge_version(spec: &Postgres, server: &ServerFacts, cx: &JudgeContext, out: &mut Vec<Finding>) {
    let shown = short(&server.version);
    let Ok(version) = server.version.parse::<Version>() else {
        out.push(
            Finding::fail(
                "PG-51",
                "version",
                "a version number",
                shown,
                "the server's version cannot be understood",
            )
            .as_unknown(),
        );
        return;
    };
    if let Some(min) = &spec.min_version {
        let expected = format!("at least {min}");
        out.push(if version >= *min {
            Finding::pass("version", expected, shown)
        } else {
            let message = format!("PostgreSQL {shown} is older than {min}");
            Finding::fail("PG-51", "version", expected, shown, message)
        });
    }
    if let Some(max) = &spec.max_version {
        let expected = format!("at most {max}");
        // `17` means every 17.x.
        let bare = !max.to_string().contains('.');
        out.push(
            if version <= *max || bare && version.major() == max.major() {
                Finding::pass("version", expected, shown)
            } else {
                let message = format!("PostgreSQL {shown} is newer than {max}");
                Finding::fail("PG-51", "version", expected, shown, message)
            },
        );
    }
    if spec.supported {
        out.push(judge_support(server, cx));
    }
}

/// End of life and known security holes, by a table that carries its date.
fn judge_support(server: &ServerFacts, cx: &JudgeContext) -> Finding {
    let shown = short(&server.version);
    let (major, minor) = (server.version_num / 10_000, server.version_num % 10_000);
    let today = cx.now.to_zoned(TimeZone::UTC).date();
    let expected = format!("maintained, with the security fixes of {TABLE_DATE}");
    let Some((_, last_day, floor)) = SUPPORT.iter().find(|(known, ..)| *known == major) else {
        if major < 10 {
            return Finding::fail(
                "PG-03",
                "support",
                expected,
                shown,
                format!("PostgreSQL {shown} has not been maintained for years"),
            );
        }
        let stale = TABLE_DATE
            .parse::<Date>()
            .is_ok_and(|date| (today - date).get_days() > 3 * 365);
        let note = format!("{shown}, newer than readyctl's table of {TABLE_DATE}");
        return if stale {
            let message =
                "readyctl's table of maintained versions is too old to know; update readyctl";
            Finding::fail("PG-03", "support", expected, note, message).as_unknown()
        } else {
            Finding::pass("support", expected, note)
        };
    };
    if last_day.parse::<Date>().is_ok_and(|date| today > date) {
        return Finding::fail(
            "PG-03",
            "support",
            expected,
            format!("{shown}, not maintained since {last_day}"),
            format!("PostgreSQL {major} has not been maintained since {last_day}"),
        );
    }
    if minor < *floor {
        return Finding::fail(
            "PG-03",
            "support",
            expected,
            shown,
            format!(
                "PostgreSQL {shown} has known security holes, fixed in {major}.{floor} ({TABLE_DATE})"
            ),
        );
    }
    Finding::pass(
        "support",
        expected,
        format!("{shown}, maintained until {last_day}"),
    )
}

/// Our hop, the server's hop, and what the DSN would put up with.
fn judge_tls(tls: Tls, server: &ServerFacts, out: &mut Vec<Finding>) {
    let Some(link) = &server.link else {
        out.push(
            Finding::fail(
                "PG-02",
                "TLS",
                "known",
                "unknown",
                "how the session is protected is not known",
            )
            .as_unknown(),
        );
        return;
    };
    let expected = match tls {
        Tls::Require => "encrypted",
        Tls::Verify => "encrypted, certificate and name verified",
    };
    if link.local_socket {
        out.push(Finding::pass(
            "TLS",
            expected,
            "Unix socket: nothing leaves the machine",
        ));
        return;
    }
    let mode = link.mode.name();
    let version = server.ssl_version.as_deref().unwrap_or("TLS");
    if !link.encrypted {
        let message = format!(
            "the connection to {} is not encrypted (sslmode={mode})",
            link.place
        );
        out.push(Finding::fail(
            "PG-02",
            "TLS",
            expected,
            format!("plaintext, sslmode={mode}"),
            message,
        ));
        return;
    }
    let seen = format!("{version}, sslmode={mode}");
    if tls == Tls::Verify && link.mode != SslMode::VerifyFull {
        let message = format!(
            "sslmode={mode} encrypts without verifying who answers: anybody in between can pose as the database"
        );
        out.push(Finding::fail("PG-02", "TLS", expected, seen, message));
    } else if link.mode < SslMode::Require {
        let message =
            format!("encrypted now, but sslmode={mode} falls back to plaintext without a word");
        out.push(Finding::fail("PG-02", "TLS", expected, seen, message).as_warning());
    } else {
        out.push(Finding::pass("TLS", expected, seen));
    }
    // The server sees another port than ours: a pooler or proxy stands in between.
    let between = server.client_port != link.local_port.map(i64::from);
    let local = server.client_addr.as_deref().is_none_or(|address| {
        address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
    });
    match server.ssl {
        Some(true) => {}
        Some(false) if local => out.push(Finding::pass(
            "TLS behind the pooler",
            "encrypted, or on one machine",
            "on one machine",
        )),
        Some(false) => {
            let message = "the hop between pooler and server is not encrypted";
            out.push(Finding::fail(
                "PG-02",
                "TLS behind the pooler",
                "encrypted, or on one machine",
                "plaintext",
                message,
            ));
        }
        None if between => out.push(
            Finding::fail(
                "PG-02",
                "TLS behind the pooler",
                "encrypted, or on one machine",
                "unknown",
                "the server does not say how the pooler's hop is protected",
            )
            .as_unknown(),
        ),
        None => {}
    }
}

/// Checksums and collations.
fn judge_health(health: &HealthFacts, out: &mut Vec<Finding>) {
    match &health.checksums {
        None => {}
        Some(Looked::Hidden(fault)) => {
            out.push(hidden("PG-19", "checksums", "on, no failure", fault));
        }
        Some(Looked::Seen(rows)) => {
            let row = rows.first();
            let state = row.and_then(|r| r["state"].as_str()).unwrap_or("unknown");
            let failures = row.and_then(|r| r["failures"].as_i64());
            let seen = format!(
                "{state}, {} failures",
                failures.map_or("unknown".to_owned(), |n| n.to_string())
            );
            out.push(match (state, failures) {
                ("on", Some(0)) => Finding::pass("checksums", "on, no failure", seen),
                ("on", Some(_)) => Finding::fail(
                    "PG-19",
                    "checksums",
                    "on, no failure",
                    seen,
                    "data pages were read whose checksum is wrong: storage is damaging data",
                ),
                _ => Finding::fail(
                    "PG-19",
                    "checksums",
                    "on, no failure",
                    seen,
                    "data checksums are off: damaged pages go unnoticed",
                ),
            });
        }
    }
    if let Some(collations) = &health.collations {
        out.push(
            Nothing {
                code: "PG-20",
                subject: "collations",
                expected: "built with the versions of this operating system",
                message: "the operating system sorts text differently than when indexes were built, so they may be corrupt",
            }
            .judge(collations),
        );
    }
}

/// Size of the database.
fn judge_size(most: ByteSize, size: &Looked<Option<f64>>) -> Finding {
    let expected = format!("at most {most}");
    match size {
        Looked::Hidden(fault) => hidden("PG-29", "database size", &expected, fault),
        Looked::Seen(None) => Finding::fail(
            "PG-29",
            "database size",
            expected,
            "unknown",
            "the server does not say how large the database is",
        )
        .as_unknown(),
        Looked::Seen(Some(bytes)) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a size is not negative after max"
            )]
            let size = ByteSize(bytes.max(0.0) as u64);
            if size.0 <= most.0 {
                Finding::pass("database size", expected, size.to_string())
            } else {
                Finding::fail(
                    "PG-29",
                    "database size",
                    expected,
                    size.to_string(),
                    format!("the database is {size}, more than {most}"),
                )
            }
        }
    }
}

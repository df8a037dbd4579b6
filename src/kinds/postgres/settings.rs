//! Settings: what they must be, bounds with units, settings that risk data, pending restarts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Postgres;
use super::server::ServerFacts;
use super::support::{Empty as Nothing, millis, needs_monitor};
use crate::expect::{ByteSize, Ordered, TimeSpan};
use crate::kinds::SpecProblem;
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// Bounds of a numeric setting. A setting that is switched off or unlimited (-1, or 0 for a timeout) is outside of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Bounds {
    /// Smallest value accepted: a number, a size (`64MiB`) or a time (`30s`).
    #[serde(default)]
    min: Option<Quantity>,
    /// Largest value accepted: a number, a size (`64MiB`) or a time (`30s`).
    #[serde(default)]
    max: Option<Quantity>,
}

/// A number, a size or a time.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(with = "String")]
pub(super) struct Quantity {
    /// As written.
    text: String,
    /// In bytes, milliseconds, or as it is.
    value: f64,
    /// What it is.
    dimension: Dimension,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    /// Things.
    Plain,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Time,
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::expect::text::scalar(deserializer)?;
        let (value, dimension) = if let Ok(number) = text.parse::<f64>() {
            (number, Dimension::Plain)
        } else if let Ok(span) = text.parse::<TimeSpan>() {
            (span.0.as_secs_f64() * 1000.0, Dimension::Time)
        } else if let Ok(size) = text.parse::<ByteSize>() {
            #[expect(
                clippy::cast_precision_loss,
                reason = "sizes of settings are far below 2^52"
            )]
            (size.0 as f64, Dimension::Bytes)
        } else {
            return Err(serde::de::Error::custom(
                "expected a number, a size or a time; help: write it like `100`, `64MiB` or `30s`",
            ));
        };
        Ok(Self {
            text,
            value,
            dimension,
        })
    }
}

/// Bounds that bound nothing, or nothing could satisfy.
pub(super) fn problems(bounds: &Ordered<Bounds>, problems: &mut Vec<SpecProblem>) {
    for (name, bounds) in bounds.iter() {
        let field = format!("bounds.{name}");
        match (&bounds.min, &bounds.max) {
            (None, None) => problems.push(SpecProblem::at(
                field,
                "no bound here: it could never fail",
                "add `min:` or `max:`",
            )),
            (Some(min), Some(max)) if min.dimension == max.dimension && min.value > max.value => {
                problems.push(SpecProblem::at(field, "`min` is above `max`", "swap them"));
            }
            _ => {}
        }
    }
}

/// One setting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setting {
    /// Name.
    name: String,
    /// As `SHOW` prints it.
    shown: Option<String>,
    /// With which sessions start, in `unit`.
    reset: Option<String>,
    /// `kB`, `8kB`, `ms`.
    unit: Option<String>,
    /// Whether a change waits for a restart.
    pending_restart: bool,
}

/// Settings the spec asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SettingsFacts {
    /// Those the role sees.
    seen: Vec<Setting>,
    /// Names of those that wait for a restart.
    pending: Vec<String>,
}

/// Settings that must be safe: name, healthy values, code, why.
const SAFE: &[(&str, &[&str], &str, &str)] = &[
    (
        "fsync",
        &["on"],
        "PG-18",
        "a crash can corrupt the whole database",
    ),
    (
        "full_page_writes",
        &["on"],
        "PG-18",
        "a crash can leave torn pages behind",
    ),
    (
        "synchronous_commit",
        &["on", "local", "remote_write", "remote_apply"],
        "PG-18",
        "a crash loses transactions that were reported as committed",
    ),
    (
        "zero_damaged_pages",
        &["off"],
        "PG-18",
        "damaged pages are silently emptied",
    ),
    (
        "ignore_checksum_failure",
        &["off"],
        "PG-18",
        "damaged pages are silently used",
    ),
    (
        "password_encryption",
        &["scram-sha-256"],
        "PG-06",
        "new passwords are stored as MD5",
    ),
];

/// Time limits that this session changed for itself: their own value says nothing.
const OWN: &[&str] = &[
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_read_only",
    "application_name",
];

/// Asks for the settings the spec mentions.
pub(super) async fn observe(
    spec: &Postgres,
    tx: &mut Transaction<'_>,
) -> Result<Option<SettingsFacts>, Fault> {
    let mut names: Vec<&str> = spec.settings.iter().map(|(name, _)| name).collect();
    names.extend(spec.bounds.iter().map(|(name, _)| name));
    if spec.safe_settings {
        names.extend(SAFE.iter().map(|(name, ..)| *name));
    }
    if spec.vacuum.is_some() {
        names.extend(["autovacuum", "track_counts"]);
    }
    if spec.observability {
        names.extend([
            "log_min_duration_statement",
            "log_min_duration_sample",
            "log_lock_waits",
            "track_io_timing",
        ]);
    }
    if names.is_empty() && !spec.no_pending_restart {
        return Ok(None);
    }
    let names = serde_json::to_string(&names).unwrap_or_default();
    let sql = "select name, case when name = any(array['archive_command', 'restore_command', 'primary_conninfo']) then null else current_setting(name, true) end as shown, case when name = any(array['archive_command', 'restore_command', 'primary_conninfo']) then null else reset_val end as reset, unit, pending_restart
from pg_settings where lower(name) in (select lower(json_array_elements_text($1::json)))";
    let seen = tx.rows("settings", sql, &[&names]).await?;
    let pending: Vec<Value> = tx
        .rows(
            "pending settings",
            "select name from pg_settings where pending_restart",
            &[],
        )
        .await?;
    let pending = pending
        .iter()
        .filter_map(|row| row["name"].as_str().map(str::to_owned))
        .collect();
    Ok(Some(SettingsFacts { seen, pending }))
}

impl SettingsFacts {
    /// The setting of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        self.seen
            .iter()
            .find(|setting| setting.name.eq_ignore_ascii_case(name))
    }
}

impl Setting {
    /// As `SHOW` prints it to a new session.
    pub(super) fn value(&self) -> Option<String> {
        if OWN.contains(&self.name.as_str()) {
            let reset = self.reset.as_deref()?;
            return Some(match (self.unit.as_deref(), reset.parse::<u64>()) {
                (Some("ms"), Ok(0)) => "0".to_owned(),
                (Some("ms"), Ok(ms)) => [
                    (86_400_000, "d"),
                    (3_600_000, "h"),
                    (60_000, "min"),
                    (1_000, "s"),
                ]
                .iter()
                .find(|(size, _)| ms.is_multiple_of(*size))
                .map_or_else(
                    || format!("{ms}ms"),
                    |(size, unit)| format!("{}{unit}", ms / size),
                ),
                _ => reset.to_owned(),
            });
        }
        self.shown.clone()
    }

    /// In bytes, milliseconds, or as it is; negative numbers stay, they mean "off".
    fn number(&self) -> Option<(f64, Dimension)> {
        let raw: f64 = self.reset.as_deref()?.trim().parse().ok()?;
        let unit = self.unit.as_deref().unwrap_or("");
        if raw < 0.0 {
            return Some((raw, Dimension::Plain));
        }
        if let Some(ms) = millis(&format!("1{unit}")).filter(|_| !unit.is_empty()) {
            return Some((raw * ms, Dimension::Time));
        }
        let digits: String = unit.chars().take_while(char::is_ascii_digit).collect();
        let factor = digits.parse::<f64>().unwrap_or(1.0);
        let size = match &unit[digits.len()..] {
            "B" => 1.0,
            "kB" => 1024.0,
            "MB" => 1024.0 * 1024.0,
            _ => return Some((raw, Dimension::Plain)),
        };
        Some((raw * factor * size, Dimension::Bytes))
    }
}

/// Own settings, bounds, safe settings, pending restarts.
pub(super) fn judge(
    spec: &Postgres,
    server: &ServerFacts,
    facts: &SettingsFacts,
    out: &mut Vec<Finding>,
) {
    for (name, matcher) in spec.settings.iter() {
        let Some(setting) = facts.get(name) else {
            out.push(absent(name, &matcher.to_string(), "PG-54", server));
            continue;
        };
        let value = setting.value();
        out.push(match matcher.check_text(value.as_deref()) {
            Ok(()) => Finding::pass(name, matcher.to_string(), value.unwrap_or_default()),
            Err(mismatch) => {
                let message = format!(
                    "setting {name} is {}, expected {}",
                    mismatch.actual, mismatch.expected
                );
                Finding::fail("PG-54", name, mismatch.expected, mismatch.actual, message)
            }
        });
    }
    for (name, bounds) in spec.bounds.iter() {
        out.push(match facts.get(name) {
            Some(setting) => judge_bounds(name, bounds, setting),
            None => absent(name, &bounds_shown(bounds), "PG-54", server),
        });
    }
    if spec.safe_settings {
        for (name, healthy, code, why) in SAFE {
            let expected = healthy.join(" or ");
            let Some(value) = facts.get(name).and_then(Setting::value) else {
                out.push(absent(name, &expected, code, server));
                continue;
            };
            out.push(if healthy.contains(&value.as_str()) {
                Finding::pass(*name, expected, value)
            } else {
                let message = format!("{name} is {value}: {why}");
                Finding::fail(code, *name, expected, value, message)
            });
        }
    }
    if spec.no_pending_restart {
        let rule = Nothing {
            code: "PG-34",
            subject: "pending restart",
            expected: "no setting waits for a restart",
            message: "changed settings are not in effect until the server restarts",
        };
        out.push(if facts.pending.is_empty() && !server.sees_settings {
            needs_monitor(rule.code, rule.subject, rule.expected, "some settings")
        } else {
            rule.judge(&Looked::Seen(facts.pending.clone()))
        });
    }
}

/// A setting that is not in `pg_settings`: hidden from the role, or unknown to the server.
pub(super) fn absent(
    name: &str,
    expected: &str,
    code: &'static str,
    server: &ServerFacts,
) -> Finding {
    if server.sees_settings {
        let message = format!("this server has no setting {name}");
        Finding::fail(code, name, expected, "no such setting", message)
    } else {
        needs_monitor(code, name, expected, &format!("setting {name}"))
    }
}

/// The bounds in words.
fn bounds_shown(bounds: &Bounds) -> String {
    match (&bounds.min, &bounds.max) {
        (Some(min), Some(max)) => format!("from {} to {}", min.text, max.text),
        (Some(min), None) => format!("at least {}", min.text),
        (None, Some(max)) => format!("at most {}", max.text),
        (None, None) => String::new(),
    }
}

/// A numeric setting against its bounds, in the same unit.
fn judge_bounds(name: &str, bounds: &Bounds, setting: &Setting) -> Finding {
    let expected = bounds_shown(bounds);
    let shown = setting.value().unwrap_or_else(|| "nothing".to_owned());
    let fail = |message: String| Finding::fail("PG-54", name, &expected, &shown, message);
    let Some((value, dimension)) = setting.number() else {
        return fail(format!("setting {name} is not a number"));
    };
    if value < 0.0 || value == 0.0 && name.ends_with("_timeout") {
        return fail(format!(
            "setting {name} is {shown}, which means off or unlimited"
        ));
    }
    for bound in [&bounds.min, &bounds.max].into_iter().flatten() {
        if bound.dimension != dimension {
            return fail(format!(
                "setting {name} and the bound {} have different units",
                bound.text
            ))
            .as_unknown();
        }
    }
    let low = bounds.min.as_ref().is_some_and(|min| value < min.value);
    let high = bounds.max.as_ref().is_some_and(|max| value > max.value);
    if low || high {
        return fail(format!("setting {name} is {shown}, expected {expected}"));
    }
    Finding::pass(name, expected, shown)
}

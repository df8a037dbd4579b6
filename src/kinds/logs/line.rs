//! What one line of a log says about itself: level and time.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Levels, from the least important.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Every step.
    Trace,
    /// For developers.
    Debug,
    /// What happens normally.
    Info,
    /// Noteworthy.
    Notice,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
    /// The program cannot go on.
    Fatal,
}

impl Level {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level that a word means.
    fn of_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "trace" | "verbose" | "silly" | "finest" => Self::Trace,
            "debug" | "dbug" | "fine" => Self::Debug,
            "info" | "information" | "informational" | "log" => Self::Info,
            "notice" => Self::Notice,
            "warn" | "warning" => Self::Warn,
            "error" | "err" | "severe" => Self::Error,
            "fatal" | "critical" | "crit" | "panic" | "alert" | "emerg" | "emergency" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// The level that a number of pino and bunyan means.
    fn of_number(number: u64) -> Option<Self> {
        Some(match number {
            10 => Self::Trace,
            20 => Self::Debug,
            30 => Self::Info,
            40 => Self::Warn,
            50 => Self::Error,
            60 => Self::Fatal,
            _ => return None,
        })
    }

    /// The level that a severity number of OpenTelemetry means.
    fn of_severity(number: u64) -> Option<Self> {
        Some(match number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => return None,
        })
    }
}

/// A level in a line of text.
static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|PANIC)\b|\b(?i:level|severity|lvl)=\x22?([A-Za-z]+)").ok()
});

/// The level of a line.
pub(super) fn level(text: &str, object: Option<&Map<String, Value>>) -> Option<Level> {
    if let Some(object) = object {
        if let Some(number) =
            field(object, "severity_number|severityNumber|SeverityNumber").and_then(Value::as_u64)
        {
            return Level::of_severity(number);
        }
        let value = field(
            object,
            "level|severity|lvl|levelname|log.level|loglevel|log_level|severity_text|severityText",
        )?;
        return match value {
            Value::String(word) => Level::of_word(word),
            Value::Number(number) => number.as_u64().and_then(Level::of_number),
            _ => None,
        };
    }
    let groups = WORD.as_ref()?.captures(text)?;
    Level::of_word(groups.get(1).or(groups.get(2))?.as_str())
}

/// The first of several fields (`a|b`, a dot goes inside) that is there and not empty.
pub(super) fn field<'a>(object: &'a Map<String, Value>, names: &str) -> Option<&'a Value> {
    names.split('|').find_map(|name| {
        let direct = object.get(name);
        let value = direct.or_else(|| {
            let mut parts = name.split('.');
            let first = object.get(parts.next()?)?;
            name.contains('.')
                .then(|| parts.try_fold(first, |value, part| value.get(part)))?
        })?;
        let empty = value.is_null()
            || value
                .as_str()
                .is_some_and(|text| text.trim().is_empty() || text == "-");
        (!empty).then_some(value)
    })
}

/// The time of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// An instant.
    At(Timestamp),
    /// A time of day without a zone: two places on earth read it differently.
    Zoneless,
    /// None, or none that can be read.
    Missing,
}

/// The time of a line.
pub(super) fn time(text: &str, object: Option<&Map<String, Value>>) -> Time {
    if let Some(object) = object {
        return match field(
            object,
            "timestamp|time|ts|@timestamp|t|asctime|datetime|date|Timestamp",
        ) {
            Some(Value::String(text)) => of_text(text.trim()),
            Some(Value::Number(number)) => number.as_f64().map_or(Time::Missing, of_number),
            _ => Time::Missing,
        };
    }
    let text = text.trim_start_matches('[');
    let mut words = text.splitn(3, char::is_whitespace);
    let (first, second) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let end = |word: &str| word.trim_end_matches([']', ':']).to_owned();
    match of_text(&end(first)) {
        Time::Missing => of_text(&format!("{first} {}", end(second))),
        seen => seen,
    }
}

/// A time in words.
fn of_text(text: &str) -> Time {
    let text = text.replace(',', ".");
    if let Ok(time) = text.parse::<Timestamp>() {
        return Time::At(time);
    }
    if let Ok(number) = text.parse::<f64>() {
        return of_number(number);
    }
    // A date alone is no time.
    if text.len() >= 16 && text.parse::<DateTime>().is_ok() {
        Time::Zoneless
    } else {
        Time::Missing
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told by their size.
fn of_number(number: f64) -> Time {
    let seconds = match number {
        n if (1e8..1e11).contains(&n) => n,
        n if (1e11..1e14).contains(&n) => n / 1e3,
        n if (1e14..1e17).contains(&n) => n / 1e6,
        n if (1e17..1e20).contains(&n) => n / 1e9,
        _ => return Time::Missing,
    };
    let nanoseconds = std::time::Duration::from_secs_f64(seconds).as_nanos();
    i128::try_from(nanoseconds)
        .ok()
        .and_then(|n| Timestamp::from_nanosecond(n).ok())
        .map_or(Time::Missing, Time::At)
}

//! Words that every part of the kind says the same way.

use crate::outcome::{Fault, Finding};
use crate::postgres::Looked;

/// Schemas of the server itself.
pub(super) const NOT_SYSTEM: &str = "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg\\_temp\\_%' and n.nspname not like 'pg\\_toast\\_temp\\_%'";

/// `a, b, c and 4 more`.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A statement that could not be judged because it could not be looked at.
pub(super) fn hidden(code: &'static str, subject: &str, expected: &str, fault: &Fault) -> Finding {
    let hint = fault.hint.as_deref().unwrap_or_default();
    Finding::fail(
        code,
        subject,
        expected,
        "not visible",
        format!("{}; {hint}", fault.message),
    )
    .as_unknown()
}

/// A statement hidden from a role without `pg_monitor`.
pub(super) fn needs_monitor(
    code: &'static str,
    subject: &str,
    expected: &str,
    what: &str,
) -> Finding {
    Finding::fail(
        code,
        subject,
        expected,
        format!("{what} hidden from this role"),
        format!("{what} cannot be seen by this role, so nothing is known about it; GRANT pg_monitor to the audit's role"),
    )
    .as_unknown()
}

/// One statement about a list that must be empty.
pub(super) struct Empty<'a> {
    /// Code when it is not.
    pub(super) code: &'static str,
    /// What was looked at.
    pub(super) subject: &'a str,
    /// What would be healthy.
    pub(super) expected: &'a str,
    /// What the presence means, as the end of "… : ".
    pub(super) message: &'a str,
}

impl Empty<'_> {
    /// Green when the list is empty, red when not, unknown when it was hidden.
    pub(super) fn judge(&self, looked: &Looked<Vec<String>>) -> Finding {
        match looked {
            Looked::Hidden(fault) => hidden(self.code, self.subject, self.expected, fault),
            Looked::Seen(names) if names.is_empty() => {
                // "none" would read as if there were no primary keys at all.
                Finding::pass(self.subject, self.expected, self.expected)
            }
            Looked::Seen(names) => Finding::fail(
                self.code,
                self.subject,
                self.expected,
                listed(names),
                format!("{}: {}", self.message, listed(names)),
            ),
        }
    }
}

/// `3 m 20 s` of seconds that may be fractions.
pub(super) fn span(seconds: f64) -> String {
    let seconds = if seconds.is_finite() {
        seconds.max(0.0)
    } else {
        0.0
    };
    let rounded = if seconds >= 1.0 {
        seconds.round()
    } else {
        seconds
    };
    let millis = std::time::Duration::try_from_secs_f64(rounded).unwrap_or_default();
    crate::expect::TimeSpan::millis(u64::try_from(millis.as_millis()).unwrap_or(u64::MAX))
        .to_string()
}

/// Milliseconds of a PostgreSQL time setting: `30000`, `30s`, `5min`.
pub(super) fn millis(text: &str) -> Option<f64> {
    let text = text.trim().trim_matches('\'');
    let at = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let factor = match unit.trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

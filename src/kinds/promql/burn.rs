//! Error budgets: how fast they burn, what is left, and whether samples are kept long enough.

use super::Promql;
use super::api::seconds;
use super::facts::Facts;
use super::judge::unread;
use super::judge_queries::{of, single, span};
use super::spec::{Ask, BurnRate, Window};
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// A length of time as PromQL reads it.
pub(super) fn promql_span(span: TimeSpan) -> String {
    let seconds = span.as_secs();
    for (unit, size) in [("d", 86_400), ("h", 3600), ("m", 60)] {
        if seconds >= size && seconds.is_multiple_of(size) {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{seconds}s")
}

/// An expression with its window filled in.
fn filled(expr: &str, window: TimeSpan) -> String {
    let window = promql_span(window);
    expr.replace("[window]", &format!("[{window}]"))
        .replace("[window:", &format!("[{window}:"))
}

impl BurnRate {
    /// The expression of the part, `errors` or `good`.
    fn part(&self) -> &str {
        self.errors
            .as_deref()
            .or(self.good.as_deref())
            .unwrap_or_default()
    }

    /// Every window that is looked at.
    fn spans(&self) -> Vec<TimeSpan> {
        let pairs = self
            .windows
            .iter()
            .flat_map(|window| [window.long, window.short]);
        pairs
            .chain(self.min_remaining.map(|_| self.period))
            .collect()
    }

    /// What is sent.
    pub(super) fn asks(&self) -> impl Iterator<Item = Ask> {
        self.spans().into_iter().flat_map(|window| {
            [self.part(), self.total.as_str()].map(|expr| Ask::instant(filled(expr, window)))
        })
    }

    /// The expressions over the shortest window, with their name.
    pub(super) fn shortest(&self) -> Vec<(String, String)> {
        let shortest = self.spans().into_iter().min();
        let fill = |window| {
            [self.part(), self.total.as_str()]
                .map(|expr| (self.title.clone(), filled(expr, window)))
                .to_vec()
        };
        shortest.map(fill).unwrap_or_default()
    }

    /// How many times faster than evenly the budget burns in a window, and how many events there
    /// were.
    ///
    /// # Errors
    /// The finding that says why that is not known.
    fn burn(&self, facts: &Facts, window: TimeSpan) -> Result<(f64, f64), Box<Finding>> {
        let subject = format!("{} over {window}", self.title);
        let total = single(&subject, of(facts, &filled(&self.total, window)))?;
        let Some(total) = total else {
            let message = format!("{}: the rate of all events gives nothing", self.title);
            return Err(Box::new(Finding::fail(
                "MET-10", subject, "a rate", "nothing", message,
            )));
        };
        let seconds = if self.total.contains("increase") {
            1.0
        } else {
            window.0.as_secs_f64()
        };
        let events = total * seconds;
        if events <= 0.0 {
            return Ok((0.0, 0.0));
        }
        let part = single(&subject, of(facts, &filled(self.part(), window)))?;
        let part = match part {
            Some(part) => part,
            None if self.errors.is_some() && self.no_errors_is_zero => 0.0,
            None if self.good.is_some() => 0.0,
            None => {
                let message = format!(
                    "{}: the rate of errors gives nothing: either there was none since the start, or its labels are wrong (`no_errors_is_zero: true` takes it for none)",
                    self.title
                );
                let finding = Finding::fail("MET-10", subject, "a rate", "nothing", message);
                return Err(Box::new(finding.as_unknown()));
            }
        };
        if part < 0.0 || part > total * 1.01 {
            let actual = format!("{part} of {total}");
            let message = format!(
                "{}: the part is larger than the whole, so the expressions do not fit each other",
                self.title
            );
            let finding = Finding::fail("MET-10", subject, "a part of all events", actual, message);
            return Err(Box::new(finding.as_unknown()));
        }
        let share = if self.errors.is_some() {
            part / total
        } else {
            1.0 - part / total
        };
        Ok((share / (1.0 - self.slo / 100.0), events))
    }
}

/// Judges the budgets.
pub(super) fn budgets(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in &promql.burn_rate {
        findings.extend(rule.windows.iter().map(|window| pair(rule, window, facts)));
        findings.extend(
            rule.min_remaining
                .map(|least| remaining(rule, least, facts)),
        );
    }
    findings
}

/// The finding of too little traffic.
fn too_few(rule: &BurnRate, subject: String, events: f64) -> Finding {
    let expected = format!("at least {} events", rule.min_events);
    let actual = format!("{} events", events.round());
    let message = format!("{}: {actual} are too few to judge a share of", rule.title);
    Finding::fail("MET-13", subject, expected, actual, message).as_unknown()
}

/// Judges a pair of windows.
fn pair(rule: &BurnRate, window: &Window, facts: &Facts) -> Finding {
    let subject = format!("{} over {} and {}", rule.title, window.long, window.short);
    let expected = format!("burns at most {} times too fast", window.factor);
    let (long, events) = match rule.burn(facts, window.long) {
        Ok(burn) => burn,
        Err(finding) => return *finding,
    };
    if events < rule.min_events {
        return too_few(rule, subject, events);
    }
    let (short, now) = match rule.burn(facts, window.short) {
        Ok(burn) => burn,
        Err(finding) => return *finding,
    };
    let actual = format!(
        "{long:.2} times, and {short:.2} times lately ({} events)",
        events.round()
    );
    if long > window.factor && (short > window.factor || now <= 0.0) {
        let message = format!(
            "the error budget of {}% burns {long:.1} times faster than it may, over {} and still over {}",
            rule.slo, window.long, window.short
        );
        return Finding::fail("MET-12", subject, expected, actual, message);
    }
    Finding::pass(subject, expected, actual)
}

/// Judges what is left of a budget.
fn remaining(rule: &BurnRate, least: f64, facts: &Facts) -> Finding {
    let subject = format!("budget of {} over {}", rule.title, rule.period);
    let (burn, events) = match rule.burn(facts, rule.period) {
        Ok(burn) => burn,
        Err(finding) => return *finding,
    };
    if events < rule.min_events {
        return too_few(rule, subject, events);
    }
    let left = (1.0 - burn) * 100.0;
    let expected = format!("at least {least}% left");
    let actual = format!("{left:.1}% left");
    if left >= least {
        return Finding::pass(subject, expected, actual);
    }
    let message = format!(
        "{actual} of the error budget of {}: release later, or repair first",
        rule.title
    );
    Finding::fail("MET-12", subject, expected, actual, message)
}

/// Judges how long samples are kept.
pub(super) fn retention(promql: &Promql, facts: &Facts) -> Option<Finding> {
    let windows = promql.burn_rate.iter().flat_map(BurnRate::spans).max();
    let wanted = promql.retention.max(windows)?;
    let subject = "retention";
    let expected = format!("at least {wanted}");
    let said = match &facts.runtime {
        Some(Ok(runtime)) => runtime.retention.as_deref().unwrap_or_default(),
        Some(Err(fault)) if promql.retention.is_some() => {
            return Some(unread("MET-20", subject, fault));
        }
        // A server without this figure (Thanos, Mimir) keeps samples elsewhere.
        _ => return None,
    };
    let time = said.split(" or ").find_map(seconds);
    Some(match time {
        Some(kept) if kept >= wanted.0.as_secs_f64() => Finding::pass(subject, expected, said),
        Some(kept) => {
            let message = format!(
                "samples are kept for {}: a longer window shows only a part of it",
                span(kept)
            );
            Finding::fail("MET-20", subject, expected, said, message)
        }
        None => {
            let message = "the server does not say how long it keeps samples, only how many";
            let actual = if said.is_empty() { "not said" } else { said };
            Finding::fail("MET-20", subject, expected, actual, message).as_unknown()
        }
    })
}

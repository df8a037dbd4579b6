//! Judges what the servers said, one subject after the other.

use super::facts::Facts;
use super::{Promql, alertmanager, burn, judge_alerts, judge_queries, judge_targets};
use crate::expect::TimeSpan;
use crate::outcome::{Fault, Finding};

/// Every statement.
pub(super) fn judge(promql: &Promql, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(clock(promql, facts));
    findings.extend(judge_targets::targets(promql, facts));
    findings.extend(judge_queries::presence(promql, facts));
    findings.extend(judge_queries::queries(promql, facts));
    findings.extend(judge_queries::windows(promql, facts));
    findings.extend(judge_queries::buckets(promql, facts));
    findings.extend(judge_alerts::rules(promql, facts));
    findings.extend(judge_alerts::alerts(promql, facts));
    findings.extend(burn::budgets(promql, facts));
    findings.extend(burn::retention(promql, facts));
    findings.extend(alertmanager::judge(promql, facts));
    findings.extend(alertmanager::dead_man(promql, facts));
    findings
}

/// The finding of something that could not be read.
pub(super) fn unread(code: &'static str, subject: &str, fault: &Fault) -> Finding {
    Finding::fail(code, subject, "an answer", "none", fault.message.clone()).as_unknown()
}

/// Judges the server's clock.
fn clock(promql: &Promql, facts: &Facts) -> Option<Finding> {
    let bound = promql.max_clock_skew?;
    let subject = "clock of the server";
    let expected = format!("at most {bound} from ours");
    let Some(ahead) = facts.ahead_ms else {
        let message = "the server did not tell its time";
        return Some(Finding::fail("MET-19", subject, expected, "none", message).as_unknown());
    };
    let apart = TimeSpan::millis(ahead.unsigned_abs());
    let actual = format!("{apart} {}", if ahead < 0 { "behind" } else { "ahead" });
    Some(if apart <= bound {
        Finding::pass(subject, expected, actual)
    } else {
        let message = format!("the clocks of the server and of this machine are {apart} apart");
        Finding::fail("MET-19", subject, expected, actual, message)
    })
}

//! Judges everything that was seen: answers one by one, then samples, addresses and versions
//! together.

use jiff::Timestamp;
use serde_json::Value;

use super::facts::{Exchange, Exposure, Facts};
use super::spec::VersionRule;
use super::{Call, Http, answer, content, security};
use crate::expect::matcher::show;
use crate::outcome::{Finding, Judged};

/// Headers that must survive the way through a CDN.
const CARRIED: &[&str] = &[
    "strict-transport-security",
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
];

/// Why an answer says nothing about its path.
const BUSY: &str = "the service is too busy or too broken to answer, so nothing is known about this path; look at its log";

/// Judges the facts of a check.
pub(super) fn judge(http: &Http, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let calls = http.calls();
    let mut findings = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        let of_call: Vec<&Exchange> = facts.exchanges.iter().filter(|e| e.call == index).collect();
        for group in by_address(&of_call) {
            findings.extend(judge_samples(http, call, &group, &of_call, now));
        }
        if let Some(rule) = &call.expect.version {
            findings.extend(judge_version(rule, call, &of_call));
        }
    }
    if let Some(exchange) = &facts.missing_page {
        findings.extend(judge_missing_page(http, exchange));
    }
    findings.extend(judge_exposed(&facts.exposed));
    if let (Some(behind), Some(front)) = (&facts.behind, facts.exchanges.first()) {
        findings.extend(judge_behind(front, behind));
    }
    findings
}

/// Whether a step is as expected, so that the journey goes on. Warnings do not stop it.
pub(super) fn is_green(call: &Call<'_>, exchange: &Exchange, now: Timestamp) -> bool {
    !answer::judge(call, exchange, now).iter().any(is_bad)
}

/// Whether a finding makes its answer unhealthy.
fn is_bad(finding: &Finding) -> bool {
    matches!(finding.verdict, Judged::Fail | Judged::Error)
}

/// The exchanges of one call, grouped by the address that was asked.
fn by_address<'a>(exchanges: &[&'a Exchange]) -> Vec<Vec<&'a Exchange>> {
    let mut groups: Vec<Vec<&Exchange>> = Vec::new();
    for exchange in exchanges {
        match groups
            .iter_mut()
            .find(|g| g.first().is_some_and(|e| e.address == exchange.address))
        {
            Some(group) => group.push(exchange),
            None => groups.push(vec![exchange]),
        }
    }
    groups
}

/// Judges all samples of one request to one address.
fn judge_samples(
    http: &Http,
    call: &Call<'_>,
    group: &[&Exchange],
    all: &[&Exchange],
    now: Timestamp,
) -> Vec<Finding> {
    let (late, group): (Vec<&Exchange>, Vec<&Exchange>) =
        group.iter().partition(|exchange| exchange.is_late());
    let group = group.as_slice();
    let mut judged: Vec<Vec<Finding>> = group
        .iter()
        .map(|exchange| match &exchange.fault {
            Some(_) => vec![no_answer(exchange, all)],
            None => answer::judge(call, exchange, now),
        })
        .collect();
    let total = judged.len();
    let bad: Vec<usize> = (0..total)
        .filter(|i| judged[*i].iter().any(is_bad))
        .collect();
    let shown = bad.first().copied().unwrap_or(0);
    let healthy = total - bad.len();
    let mut findings = Vec::new();
    if !late.is_empty() {
        let message =
            "the time of the check was over before every sample was sent; raise its `timeout:`";
        let expected = format!("{} samples", total + late.len());
        let finding = Finding::fail("HTTP-26", "samples", expected, total.to_string(), message);
        findings.push(finding.as_unknown());
    }
    if total > 1 && healthy > 0 {
        let needed = http
            .min_healthy
            .map_or(total, |min| (min as usize).min(total));
        let cold_only = bad == [0] && only_slow_cold(group, &judged[0]);
        findings.push(stability(
            healthy,
            total,
            needed,
            cold_only,
            group,
            &judged[shown],
        ));
        if healthy >= needed && !bad.is_empty() {
            // Enough samples are healthy: what the others lacked is advice.
            let advice = judged.swap_remove(shown);
            findings.extend(
                advice
                    .into_iter()
                    .map(|f| if is_bad(&f) { f.as_warning() } else { f }),
            );
            return label(findings, call, group);
        }
        if cold_only {
            let rest = judged.swap_remove(shown);
            findings.extend(rest.into_iter().filter(|f| !is_bad(f)));
            return label(findings, call, group);
        }
    }
    if !judged.is_empty() {
        findings.extend(judged.swap_remove(shown));
    }
    label(findings, call, group)
}

/// Whether the only thing wrong is that the first request, which had to connect, was too slow.
fn only_slow_cold(group: &[&Exchange], findings: &[Finding]) -> bool {
    let cold = group
        .first()
        .and_then(|exchange| exchange.response.as_ref())
        .is_some_and(|response| response.cold);
    cold && findings
        .iter()
        .filter(|f| is_bad(f))
        .all(|f| f.code.as_deref() == Some("HTTP-52"))
}

/// The finding about all samples together.
fn stability(
    healthy: usize,
    total: usize,
    needed: usize,
    cold_only: bool,
    group: &[&Exchange],
    worst: &[Finding],
) -> Finding {
    let times: Vec<u64> = group
        .iter()
        .filter(|e| e.response.is_some())
        .map(|e| e.latency_ms)
        .collect();
    let spread = match (times.iter().min(), times.iter().max()) {
        (Some(min), Some(max)) => format!(", {min} to {max} ms"),
        _ => String::new(),
    };
    let expected = format!("{needed} of {total} as expected");
    let actual = format!("{healthy} of {total}{spread}");
    if healthy == total {
        return Finding::pass("samples", expected, actual);
    }
    let why = worst
        .iter()
        .find(|f| is_bad(f))
        .map(|f| f.message.as_str())
        .unwrap_or_default();
    if cold_only {
        return Finding::fail(
            "HTTP-25",
            "first request",
            "within the limit on a new connection too",
            actual,
            format!("only requests on an open connection are fast enough: {why}"),
        );
    }
    let bad = total - healthy;
    let finding = Finding::fail(
        "HTTP-26",
        "samples",
        expected,
        actual,
        format!("{bad} of {total} samples failed: {why}"),
    );
    if healthy >= needed {
        finding.as_warning()
    } else {
        finding
    }
}

/// The finding for a request without answer. When another address of the same host answers, this
/// one is dead; else nothing is known.
fn no_answer(exchange: &Exchange, all: &[&Exchange]) -> Finding {
    let message = exchange
        .fault
        .as_ref()
        .map(|f| f.message.clone())
        .unwrap_or_default();
    let expected = "an answer";
    let is_v6 = |e: &Exchange| e.address.as_deref().is_some_and(|a| a.contains(':'));
    let elsewhere: Vec<&&Exchange> = all
        .iter()
        .filter(|e| e.fault.is_none() && e.address != exchange.address)
        .collect();
    if let (Some(address), false) = (&exchange.address, elsewhere.is_empty()) {
        if is_v6(exchange) && elsewhere.iter().any(|e| !is_v6(e)) {
            return Finding::fail(
                "HTTP-16",
                "answer",
                expected,
                "none",
                format!("IPv6 ({address}) does not work while IPv4 does: {message}"),
            );
        }
        return Finding::fail(
            "HTTP-15",
            "answer",
            expected,
            "none",
            format!("{address} does not answer while other addresses of the host do: {message}"),
        );
    }
    let mut finding = Finding::fail("HTTP-14", "answer", expected, "none", message).as_unknown();
    finding.code = exchange.fault.as_ref().and_then(|fault| fault.code.clone());
    finding
}

/// Puts the name of the request, and the address, before subjects and messages.
fn label(findings: Vec<Finding>, call: &Call<'_>, group: &[&Exchange]) -> Vec<Finding> {
    let mut prefix = call.name.clone();
    if let Some(address) = group.first().and_then(|exchange| exchange.address.as_ref()) {
        if !prefix.is_empty() {
            prefix.push(' ');
        }
        prefix.push_str(&format!("[{address}]"));
    }
    labelled(findings, &prefix)
}

/// Puts a prefix before subjects and messages.
fn labelled(mut findings: Vec<Finding>, prefix: &str) -> Vec<Finding> {
    if prefix.is_empty() {
        return findings;
    }
    for finding in &mut findings {
        finding.subject = format!("{prefix}: {}", finding.subject);
        if !finding.message.is_empty() {
            finding.message = format!("{prefix}: {}", finding.message);
        }
    }
    findings
}

/// The release: the expected one, and one only.
fn judge_version(rule: &VersionRule, call: &Call<'_>, exchanges: &[&Exchange]) -> Vec<Finding> {
    let mut seen: Vec<Value> = Vec::new();
    let mut findings = Vec::new();
    for exchange in exchanges {
        let Some(response) = &exchange.response else {
            continue;
        };
        let value = match (&rule.json, &rule.header) {
            (Some(path), _) => match exchange.json.select(path).as_deref() {
                Some([one]) if !one.is_null() => Some((*one).clone()),
                _ => None,
            },
            (None, Some(name)) => response
                .header(name)
                .filter(|v| !v.is_empty())
                .map(Value::from),
            (None, None) => None,
        };
        let value = value.unwrap_or(Value::Null);
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    let subject = if call.name.is_empty() {
        "version".to_owned()
    } else {
        format!("{}: version", call.name)
    };
    let shown: Vec<String> = seen.iter().map(show).collect();
    for value in &seen {
        let typed = Some(value).filter(|value| !value.is_null());
        let expected = rule
            .is
            .as_ref()
            .map_or_else(|| "a version".to_owned(), ToString::to_string);
        let fits = match (&rule.is, typed) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(matcher), Some(Value::String(text))) => {
                matcher.check(Some(value)).is_ok() || matcher.check_text(Some(text)).is_ok()
            }
            (Some(matcher), Some(_)) => matcher.check(Some(value)).is_ok(),
        };
        findings.push(if fits {
            Finding::pass(&subject, expected, show(value))
        } else if typed.is_none() {
            Finding::fail(
                "HTTP-17",
                &subject,
                expected,
                "none",
                "the answer does not say its version",
            )
        } else {
            Finding::fail(
                "HTTP-17",
                &subject,
                &expected,
                show(value),
                format!(
                    "another release answers: {} instead of {expected}",
                    show(value)
                ),
            )
        });
    }
    if seen.len() > 1 {
        findings.push(Finding::fail(
            "HTTP-17",
            &subject,
            "one version",
            shown.join(", "),
            "several releases answer at the same time",
        ));
    }
    findings
}

/// The page that cannot exist.
fn judge_missing_page(http: &Http, exchange: &Exchange) -> Vec<Finding> {
    let prefix = "page that does not exist";
    let Some(response) = &exchange.response else {
        let message = exchange
            .fault
            .as_ref()
            .map(|f| f.message.clone())
            .unwrap_or_default();
        return vec![
            Finding::fail("HTTP-23", prefix, "404 or 410", "no answer", message).as_unknown(),
        ];
    };
    let status = response.status.to_string();
    let mut findings = vec![match response.status {
        429 => Finding::fail("HTTP-23", "status", "404 or 410", status, BUSY).as_unknown(),
        400..=499 => Finding::pass("status", "404 or 410", status),
        500..=599 => Finding::fail(
            "HTTP-51",
            "status",
            "404 or 410",
            status,
            "asking for a page that does not exist makes the service fail",
        ),
        _ => Finding::fail(
            "HTTP-23",
            "status",
            "404 or 410",
            &status,
            format!(
                "a page that does not exist answers {status}: broken links and typos look healthy"
            ),
        ),
    }];
    findings.extend(content::judge_leaks(exchange, response));
    if let Some(rules) = &http.expect.security {
        findings.extend(security::judge_headers(rules, response));
    }
    labelled(findings, prefix)
}

/// What must not be public.
fn judge_exposed(exposed: &[Exposure]) -> Vec<Finding> {
    if exposed.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for item in exposed {
        match (item.status, &item.fault) {
            (Some(status @ 200..=299), _) if item.genuine => findings.push(Finding::fail(
                "HTTP-20",
                &item.path,
                "not public",
                status.to_string(),
                format!("{} can be read by anybody", item.path),
            )),
            (Some(status @ (429 | 500..=599)), _) => findings.push(
                Finding::fail(
                    "HTTP-20",
                    &item.path,
                    "not public",
                    status.to_string(),
                    BUSY,
                )
                .as_unknown(),
            ),
            (None, fault) => {
                let message = fault
                    .as_ref()
                    .map(|f| f.message.clone())
                    .unwrap_or_default();
                findings.push(
                    Finding::fail("HTTP-20", &item.path, "not public", "no answer", message)
                        .as_unknown(),
                );
            }
            _ => {}
        }
    }
    if findings.is_empty() {
        let asked: Vec<&str> = exposed.iter().map(|item| item.path.as_str()).collect();
        findings.push(Finding::pass(
            "public files",
            "none",
            format!("none of {}", asked.join(", ")),
        ));
    }
    findings
}

/// Security headers that the server sends and that do not arrive.
fn judge_behind(front: &Exchange, behind: &Exchange) -> Vec<Finding> {
    let subject = "headers on the way";
    let (Some(front), Some(origin)) = (&front.response, &behind.response) else {
        let message = behind
            .fault
            .as_ref()
            .map(|f| f.message.clone())
            .unwrap_or_default();
        return vec![
            Finding::fail(
                "HDR-15",
                subject,
                "an answer from the server behind",
                "none",
                message,
            )
            .as_unknown(),
        ];
    };
    let sent: Vec<&str> = CARRIED
        .iter()
        .copied()
        .filter(|name| origin.header(name).is_some())
        .collect();
    if sent.is_empty() {
        return vec![
            Finding::fail(
                "HDR-15",
                subject,
                "security headers from the server behind",
                "none",
                "the server behind sends no security header, so none can be compared",
            )
            .as_unknown(),
        ];
    }
    let lost: Vec<&str> = sent
        .iter()
        .copied()
        .filter(|name| front.header(name).is_none())
        .collect();
    if lost.is_empty() {
        return vec![Finding::pass(subject, "all arrive", sent.join(", "))];
    }
    vec![Finding::fail(
        "HDR-15",
        subject,
        format!("all arrive: {}", sent.join(", ")),
        format!("lost: {}", lost.join(", ")),
        format!(
            "the server sends {}, but the CDN or proxy in front removes it",
            lost.join(", ")
        ),
    )]
}

//! Judging what sampled operations answered.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

use super::Sample;
use super::facts::{Answer, Asked, Filled, LeftOut, Purpose, Sampled};
use crate::outcome::Finding;

/// What became of one request: findings, whether it conforms, why it says nothing.
enum Verdict {
    /// As described.
    Conforms,
    /// Something else is to be told.
    Told(Vec<Finding>),
    /// It says nothing, and nobody promised that it would.
    Silent(String),
}

/// Judges everything that was asked.
pub(in crate::kinds::openapi) fn judge(
    sample: &Sample,
    sampled: &Sampled,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut left_out = sampled.left_out.clone();
    let mut conforming = Vec::new();
    let mut refused = 0;
    for asked in &sampled.asked {
        let answer = match &asked.answer {
            Ok(answer) => answer,
            Err(fault) => {
                findings.push(tell("API-05", asked, "an answer", &fault.message).as_unknown());
                continue;
            }
        };
        if answer.status == 429 {
            let why = "the service limits requests: raise `pause`, or ask for less";
            findings.push(tell("API-05", asked, "an answer", why).as_unknown());
            continue;
        }
        match asked.purpose {
            Purpose::Conform => match conforms(asked, answer) {
                Verdict::Conforms => {
                    conforming.push(asked.operation.clone());
                    findings.extend(doubts(asked, answer));
                    findings.extend(sunset(asked, answer, now));
                }
                Verdict::Told(more) => findings.extend(more),
                Verdict::Silent(why) => left_out.push(LeftOut {
                    operation: asked.operation.clone(),
                    why,
                }),
            },
            Purpose::WithoutCredentials => match refuses(asked, answer) {
                Some(finding) => findings.push(finding),
                None => refused += 1,
            },
            Purpose::Error => findings.extend(error(asked, answer)),
            Purpose::Page(size) => findings.extend(page(asked, answer, size)),
            Purpose::Unsupported => findings.extend(unsupported(asked, answer)),
        }
    }
    if refused > 0 {
        let actual = format!("{refused} refuse");
        findings.push(Finding::pass(
            "operations without credentials",
            "refused",
            actual,
        ));
    }
    if let Some(why) = &sampled.stopped {
        let message = format!("asking ended early: {why}");
        let expected = "all operations asked";
        let finding = Finding::fail("API-05", "sampling", expected, &**why, message);
        findings.push(finding.as_unknown());
    }
    findings.push(enough(sample, &conforming, &left_out));
    findings
}

/// A finding of one request.
fn tell(code: &'static str, asked: &Asked, expected: &str, actual: &str) -> Finding {
    let message = format!("{}: {actual}", asked.operation);
    Finding::fail(code, &*asked.operation, expected, actual, message)
}

/// Whether enough was found to conform to say anything.
fn enough(sample: &Sample, conforming: &[String], left_out: &[LeftOut]) -> Finding {
    let expected = format!("at least {} conform", sample.at_least);
    let mut actual = format!("{} conform", conforming.len());
    if !left_out.is_empty() {
        let reasons: Vec<String> = left_out
            .iter()
            .take(5)
            .map(|one| format!("{} ({})", one.operation, one.why))
            .collect();
        let more = match left_out.len() - reasons.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        actual.push_str(&format!("; not judged: {}{more}", reasons.join(", ")));
    }
    let count = u32::try_from(conforming.len()).unwrap_or(u32::MAX);
    if count >= sample.at_least {
        return Finding::pass("sampled operations", expected, actual);
    }
    let message = format!("too few operations could be judged: {actual}");
    Finding::fail("API-05", "sampled operations", expected, actual, message).as_unknown()
}

/// Judges an answer that should be as described.
fn conforms(asked: &Asked, answer: &Answer) -> Verdict {
    let status = answer.status;
    let by_number = answer.described.as_deref() == Some(&status.to_string());
    let told = |finding: Finding| Verdict::Told(vec![finding]);
    let unknown = |why: String| {
        told(tell("API-05", asked, "an answer that can be judged", &why).as_unknown())
    };
    match status {
        401 | 403 if !asked.credentials => {
            if status == 401 && !asked.secured && answer.described.is_none() {
                let actual = "status 401, although the document says that it needs no credentials";
                return told(tell(
                    "API-07",
                    asked,
                    "an answer without credentials",
                    actual,
                ));
            }
            return unknown(format!("status {status}: it needs credentials, see `auth`"));
        }
        401 | 403 => return unknown(format!("status {status} with the credentials of the check")),
        404 | 410 => return nothing_there(asked, answer, by_number),
        405 => {
            let actual = "status 405: the document describes a GET that does not exist";
            return told(tell("API-04", asked, "the described operation", actual));
        }
        502..=504 if !by_number => {
            return unknown(format!("status {status}: it may answer at another time"));
        }
        500.. if !by_number || status < 502 => {
            let actual = format!("status {status}");
            return told(tell("API-53", asked, "no error of the server", &actual));
        }
        300..400 if !by_number && (answer.elsewhere || asked.secured) => {
            return unknown(format!("status {status} to {}", target(answer)));
        }
        400 | 422 if asked.filled == Filled::Document => {
            return Verdict::Silent(format!("status {status} for the document's own example"));
        }
        400..500 if answer.described.is_some() => {
            return unknown(format!("status {status}: it refuses the request"));
        }
        _ => {}
    }
    let findings = as_described(asked, answer, ("API-05", "API-06"));
    if findings.is_empty() {
        Verdict::Conforms
    } else {
        Verdict::Told(findings)
    }
}

/// Where an answer redirects to.
fn target(answer: &Answer) -> &str {
    answer.location.as_deref().unwrap_or("nowhere")
}

/// Judges a 404.
fn nothing_there(asked: &Asked, answer: &Answer, by_number: bool) -> Verdict {
    let actual = format!("status {}", answer.status);
    if asked.filled == Filled::Document {
        return Verdict::Silent(format!("{actual} for the document's own example"));
    }
    let finding = if asked.filled == Filled::Given {
        let actual = format!("{actual}: nothing is there for the given `parameters`");
        tell("API-04", asked, "the described operation", &actual).as_unknown()
    } else if asked.secured && !asked.credentials || by_number {
        tell("API-04", asked, "the described operation", &actual).as_unknown()
    } else {
        let actual = format!("{actual}: it is described, and not there");
        tell("API-04", asked, "the described operation", &actual)
    };
    Verdict::Told(vec![finding])
}

/// Status, media type and body of an answer.
fn as_described(
    asked: &Asked,
    answer: &Answer,
    (of_kind, of_body): (&'static str, &'static str),
) -> Vec<Finding> {
    let status = answer.status;
    if answer.described.is_none() {
        let actual = match &answer.location {
            Some(target) => format!("status {status} to {target}, which is not described"),
            None => format!("status {status}, which is not described"),
        };
        return vec![tell("API-05", asked, "a status of the document", &actual)];
    }
    if !answer.media_fits {
        let kind = answer.content_type.as_deref().unwrap_or("no media type");
        let actual = format!("{kind} with status {status}");
        let expected = answer.media.join(" or ");
        return vec![tell(of_kind, asked, &expected, &actual)];
    }
    let expected = "a body as described";
    let mut list: Vec<Finding> = answer
        .faults
        .iter()
        .take(5)
        .map(|fault| tell(of_body, asked, expected, fault))
        .collect();
    let unknown = answer.unknown.iter().take(3);
    list.extend(unknown.map(|why| tell(of_body, asked, expected, why).as_unknown()));
    list
}

/// What may be wrong with a body.
fn doubts(asked: &Asked, answer: &Answer) -> Vec<Finding> {
    let expected = "a body as described";
    let doubts = answer.doubts.iter().take(3);
    doubts
        .map(|doubt| tell("API-06", asked, expected, doubt).as_warning())
        .collect()
}

/// Judges an answer to nobody in particular.
fn refuses(asked: &Asked, answer: &Answer) -> Option<Finding> {
    let expected = "refused without credentials";
    let actual = format!("status {} without credentials", answer.status);
    match answer.status {
        200..300 => Some(tell("API-07", asked, expected, &actual)),
        300..=399 | 401 | 403 => None,
        _ => Some(tell("API-07", asked, expected, &actual).as_unknown()),
    }
}

/// Judges an error that was asked for.
fn error(asked: &Asked, answer: &Answer) -> Vec<Finding> {
    let expected = "an error as described";
    if !(400..500).contains(&answer.status) || matches!(answer.status, 401 | 403) {
        let actual = format!(
            "status {}, which is not the error to be judged",
            answer.status
        );
        return vec![tell("API-12", asked, expected, &actual).as_unknown()];
    }
    let findings = as_described(asked, answer, ("API-12", "API-12"));
    if findings.is_empty() {
        let kind = answer.content_type.as_deref().unwrap_or("no body");
        let actual = format!("status {}, {kind}", answer.status);
        return vec![Finding::pass(&*asked.operation, expected, actual)];
    }
    findings
}

/// Judges how much a page holds.
fn page(asked: &Asked, answer: &Answer, size: u64) -> Option<Finding> {
    let expected = format!("at most {size} items in a page");
    match (answer.status, answer.items) {
        (200, Some(items)) if items > size => {
            let actual = format!("{items} items where {size} are the most");
            Some(tell("API-13", asked, &expected, &actual))
        }
        (200, Some(items)) => {
            let actual = format!("{items} items");
            Some(Finding::pass(&*asked.operation, expected, actual))
        }
        (400 | 422, _) => Some(Finding::pass(&*asked.operation, expected, "refused")),
        (status, _) => {
            let actual = format!("status {status}: the page cannot be judged");
            Some(tell("API-13", asked, &expected, &actual).as_unknown())
        }
    }
}

/// Judges the answer to a method that is not described.
fn unsupported(asked: &Asked, answer: &Answer) -> Option<Finding> {
    let expected = format!("405 with `Allow: {}`", asked.methods.join(", "));
    let status = answer.status;
    Some(match status {
        200..300 => {
            let actual = format!("status {status} for a GET that is not described");
            tell("API-04", asked, &expected, &actual)
        }
        405 => {
            let allow = answer.allow.as_deref().unwrap_or_default();
            let allowed: Vec<String> = allow
                .split(',')
                .map(|method| method.trim().to_ascii_uppercase())
                .collect();
            let missing: Vec<&str> = asked
                .methods
                .iter()
                .filter(|method| !allowed.contains(method))
                .map(String::as_str)
                .collect();
            if missing.is_empty() {
                return Some(Finding::pass(&*asked.operation, expected, allow));
            }
            let actual = match &answer.allow {
                None => "405 without Allow".to_owned(),
                Some(allow) => format!("405 with `Allow: {allow}`, without {}", missing.join(", ")),
            };
            tell("API-08", asked, &expected, &actual)
        }
        401 | 403 | 404 => Finding::pass(&*asked.operation, expected, format!("status {status}")),
        500.. => tell("API-08", asked, &expected, &format!("status {status}")).as_unknown(),
        _ => tell("API-08", asked, &expected, &format!("status {status}")),
    })
}

/// Judges an operation that is on its way out.
fn sunset(asked: &Asked, answer: &Answer, now: Timestamp) -> Option<Finding> {
    let announced = answer.sunset.as_deref().or(asked.sunset.as_deref());
    if !asked.deprecated && announced.is_none() {
        return None;
    }
    let expected = "a Sunset that is to come";
    let Some(text) = announced else {
        let actual = "deprecated, and nothing says until when";
        return Some(tell("API-09", asked, expected, actual).as_warning());
    };
    Some(match moment(text) {
        None => {
            let actual = "a Sunset that is no date";
            tell("API-09", asked, expected, actual)
        }
        Some(end) if end < now => {
            let actual = format!("it was to end on {text}, and still answers");
            tell("API-09", asked, expected, &actual)
        }
        Some(_) => Finding::pass(&*asked.operation, expected, text),
    })
}

/// The moment that a `Sunset` names, as HTTP or as documents write it.
fn moment(text: &str) -> Option<Timestamp> {
    let http = DateTimeParser::new().parse_timestamp(text).ok();
    http.or_else(|| text.parse().ok()).or_else(|| {
        let day: Date = text.parse().ok()?;
        let end = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(end.timestamp())
    })
}

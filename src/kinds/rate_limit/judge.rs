//! What the burst says about the limit, and the refusal about itself.

use jiff::Timestamp;

use super::after::asked_wait;
use super::facts::{Attempt, End, Facts, Refusal, Try};
use super::headers::{RetryAfter, retry_after};
use super::{Mode, Need, RateLimit};
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// Accepted answers faster than this are no expensive work, in milliseconds.
const EXPENSIVE_MS: u64 = 100;

/// Every statement.
pub(super) fn judge(spec: &RateLimit, facts: &Facts, _now: Timestamp) -> Vec<Finding> {
    let mut list = vec![limit(spec, facts)];
    list.extend(measured(spec, facts));
    list.extend(announced(spec, facts));
    if let Some(refusal) = facts.refusal.as_ref().filter(|_| facts.end == End::Limited) {
        list.push(wait(spec, refusal));
        list.extend(reset(refusal));
        list.push(cacheable(refusal));
        list.push(explained(spec, refusal));
        list.extend(late(facts, refusal));
    }
    list.extend(
        facts
            .tries
            .iter()
            .map(|attempt| tried(spec, facts, attempt)),
    );
    list
}

/// Whether there is a limit at all.
fn limit(spec: &RateLimit, facts: &Facts) -> Finding {
    let code = if spec.sensitive { "RL-12" } else { "RL-01" };
    let expected = format!("{} within {} requests", spec.expect_status, facts.needed);
    let seen = format!(
        "{} accepted of {} sent in {} ms, {}",
        facts.accepted,
        facts.sent,
        facts.elapsed_ms,
        facts.announced.shown()
    );
    let fail = |code, message: String| {
        Finding::fail(code, "limit", expected.clone(), seen.clone(), message)
    };
    match &facts.end {
        End::Limited => Finding::pass(
            "limit",
            expected,
            format!("{} after {}", spec.expect_status, seen),
        ),
        End::Unlimited if facts.from_cache => fail(
            "RL-54",
            "a cache answered, so the limiter behind it was not reached; choose a route that is not cached".to_owned(),
        )
        .as_unknown(),
        End::Unlimited => fail(
            code,
            match facts.announced.limit() {
                Some((limit, _)) if limit < i64::from(facts.sent) => format!("no refusal after {} requests although a limit of {limit} is announced: it is not enforced", facts.sent),
                Some((limit, _)) => format!("no refusal after {} requests: a limit of {limit} is announced, far above the intended one", facts.sent),
                None => format!("no refusal after {} requests: nothing limits this caller", facts.sent),
            },
        ),
        End::OtherRefusal => {
            let status = facts.refusal.as_ref().map_or(0, |r| r.status);
            fail(
                "RL-03",
                format!("the limiter answers {status} instead of {}: clients do not understand that they should slow down", spec.expect_status),
            )
        }
        End::Challenged(firewall) => fail(
            "RL-53",
            format!("{firewall} challenged the requests: what its limits are says nothing about the application's"),
        )
        .as_unknown(),
        End::Aborted(why) => fail(
            "RL-52",
            format!("given up, {why}: nothing is known about the limit"),
        )
        .as_unknown(),
        End::Budget => fail(
            "RL-54",
            format!("the budget of {} requests is too small to tell: {} are needed; raise `max_requests:`", facts.budget, facts.needed),
        )
        .as_unknown(),
        End::Time => fail(
            "RL-54",
            format!("the time was too short to tell: {} requests are needed, {} were sent; raise `timeout:` of the check", facts.needed, facts.sent),
        )
        .as_unknown(),
        End::Passive if facts.announced.is_empty() => fail(
            "RL-54",
            "nothing is announced, so only a burst (`mode: burst`) can tell whether there is a limit".to_owned(),
        )
        .as_unknown(),
        End::Passive => Finding::pass("limit", "announced", facts.announced.shown()),
    }
}

/// Whether the limit lies where it was meant to.
fn measured(spec: &RateLimit, facts: &Facts) -> Vec<Finding> {
    let mut list = Vec::new();
    let window = spec.window;
    let announced = announced_in_window(spec, facts);
    let known = match (&facts.end, announced) {
        (End::Limited | End::OtherRefusal, _) if spec.mode == Mode::Burst => {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a burst")]
            let windows = facts.elapsed_ms as f64 / 1000.0 / window.0.as_secs_f64();
            let through = f64::from(facts.accepted) / (1.0 + windows);
            Some((
                through,
                format!("{} requests passed before the refusal", facts.accepted),
            ))
        }
        _ => None,
    };
    let told = announced.map(|limit| (limit, format!("{limit:.0} requests in {window} announced")));
    if facts.accepted == 0 && facts.end == End::Limited {
        return vec![
            Finding::fail(
                "RL-51",
                "measured limit",
                "a caller with an unused allowance",
                "refused from the first request",
                "this caller was limited already, so the limit cannot be measured; run again when nothing else uses the same allowance",
            )
            .as_unknown(),
        ];
    }
    if let Some(max) = spec.ceiling() {
        let worst = [&known, &told]
            .into_iter()
            .flatten()
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let expected = format!("at most {max} requests in {window}");
        match worst {
            Some((through, shown)) if *through > f64::from(max) => list.push(Finding::fail(
                "RL-02",
                "upper bound",
                expected,
                shown,
                format!("the limit lies far above the intended one: {shown}"),
            )),
            Some((_, shown)) => list.push(Finding::pass("upper bound", expected, shown)),
            None => {}
        }
    }
    let declared = spec
        .min_limit
        .or_else(|| spec.least().map(|least| least / 2));
    if let Some(min) = declared.filter(|min| *min > 0) {
        let expected = format!("at least {min} requests in {window}");
        // What was announced is the limit; what passed may be less because others used some of it.
        match told.as_ref().or(known.as_ref()) {
            Some((through, shown)) if through.round() < f64::from(min) => {
                let finding = Finding::fail(
                    "RL-51",
                    "lower bound",
                    expected,
                    shown,
                    format!(
                        "the limit lies below the intended one, or something else used up part of it: {shown}"
                    ),
                );
                list.push(if spec.min_limit.is_some() {
                    finding
                } else {
                    finding.as_warning()
                });
            }
            Some((_, shown)) => list.push(Finding::pass("lower bound", expected, shown)),
            None => {}
        }
    }
    list
}

/// The announced limit, converted to the window of the check.
pub(super) fn announced_in_window(spec: &RateLimit, facts: &Facts) -> Option<f64> {
    let (limit, window) = facts.announced.limit()?;
    let limit = f64::from(u32::try_from(limit).ok()?);
    let window = u32::try_from(window.unwrap_or(0)).unwrap_or(0);
    Some(if window == 0 {
        limit
    } else {
        limit * spec.window.0.as_secs_f64() / f64::from(window)
    })
}

/// Whether the announcements make sense.
fn announced(spec: &RateLimit, facts: &Facts) -> Vec<Finding> {
    if facts.announced.is_empty() {
        return Vec::new();
    }
    let mut list = Vec::new();
    let shown = facts.announced.shown();
    list.push(match facts.announced.contradiction() {
        Some(why) => Finding::fail(
            "RL-14",
            "announced limits",
            "one number",
            why.clone(),
            format!("the announced limits contradict each other: {why}"),
        ),
        None => Finding::pass("announced limits", "no contradiction", shown),
    });
    let left: Vec<i64> = facts.remaining.iter().flatten().copied().collect();
    let Some(first) = left.first().copied() else {
        return list;
    };
    let numbers: Vec<String> = left.iter().take(10).map(ToString::to_string).collect();
    let shown = numbers.join(", ");
    let fail = |message: &str| {
        Finding::fail(
            "RL-13",
            "announced remainder",
            "falls with every request, between 0 and the limit",
            shown.clone(),
            message,
        )
    };
    let limit = facts.announced.tightest().and_then(|one| one.limit);
    let lowest = left.iter().min().copied().unwrap_or(first);
    if lowest < 0 {
        list.push(fail("the announced remainder is negative"));
    } else if limit.is_some_and(|limit| left.iter().any(|n| *n > limit)) {
        list.push(fail("the announced remainder is larger than the limit"));
    } else if left.len() > 1 && lowest >= first {
        let finding = fail("the announced remainder does not fall although requests are made");
        list.push(if refills(spec, facts, limit) {
            finding.as_warning()
        } else {
            finding
        });
    } else {
        list.push(Finding::pass(
            "announced remainder",
            "falls with every request, between 0 and the limit",
            shown,
        ));
    }
    list
}

/// Whether the window may have given back requests as fast as they were made.
fn refills(spec: &RateLimit, facts: &Facts, limit: Option<i64>) -> bool {
    let Some(limit) = limit.and_then(|limit| u32::try_from(limit).ok()) else {
        return false;
    };
    let window = facts
        .announced
        .tightest()
        .and_then(|one| one.window)
        .and_then(|w| u64::try_from(w).ok())
        .unwrap_or(spec.window.as_secs())
        .max(1);
    // One request or more given back a request made.
    u64::from(limit) * facts.elapsed_ms / 1000 / window >= u64::from(facts.sent.max(1))
}

/// Whether the refusal says when to come back.
fn wait(spec: &RateLimit, refusal: &Refusal) -> Finding {
    let max = spec.max_retry_after;
    let expected = format!("Retry-After of at most {max}");
    let Some(text) = refusal.retry_after.first() else {
        let finding = Finding::fail(
            "RL-04",
            "Retry-After",
            expected.clone(),
            "none",
            "the refusal does not say when to come back",
        );
        return match spec.retry_after {
            Some(Need::Required) => finding,
            Some(Need::Optional) => Finding::pass("Retry-After", "optional", "none"),
            None => finding.as_warning(),
        };
    };
    let fail =
        |why: String| Finding::fail("RL-05", "Retry-After", expected.clone(), text.clone(), why);
    match retry_after(text, refusal.at) {
        RetryAfter::Malformed => fail("Retry-After is neither whole seconds nor a date".to_owned()),
        RetryAfter::Past(seconds) => fail(format!(
            "Retry-After names a moment {} ago",
            TimeSpan::seconds(seconds.unsigned_abs())
        )),
        RetryAfter::Seconds(seconds) => {
            let asked = TimeSpan::seconds(seconds.unsigned_abs());
            if asked > max {
                return fail(format!("Retry-After asks to wait {asked}"));
            }
            Finding::pass("Retry-After", expected, text)
        }
    }
}

/// Whether coming back as told is early.
fn reset(refusal: &Refusal) -> Option<Finding> {
    let reset = refusal.limits.reset()?;
    let text = refusal.retry_after.first()?;
    let RetryAfter::Seconds(asked) = retry_after(text, refusal.at) else {
        return None;
    };
    let expected = format!("not before the reset in {reset} s");
    let actual = format!("Retry-After: {asked}");
    // Both are rounded to seconds.
    Some(if asked + 1 < reset {
        Finding::fail(
            "RL-06",
            "Retry-After and reset",
            expected,
            actual,
            format!(
                "Retry-After says {asked} s but the announced reset is {reset} s away: who comes back as told is refused again"
            ),
        )
    } else {
        Finding::pass("Retry-After and reset", expected, actual)
    })
}

/// Whether a cache may keep the refusal.
fn cacheable(refusal: &Refusal) -> Finding {
    let shown = refusal.cache_control.join(", ");
    let directives: Vec<String> = shown
        .split(',')
        .map(|d| d.trim().to_ascii_lowercase())
        .collect();
    let has = |name: &str| directives.iter().any(|d| d == name);
    let lifetime = directives.iter().any(|d| {
        let age = d
            .strip_prefix("s-maxage=")
            .or_else(|| d.strip_prefix("max-age="));
        age.and_then(|age| age.parse::<u64>().ok())
            .is_some_and(|age| age > 0)
    });
    let actual = if shown.is_empty() {
        "no Cache-Control".to_owned()
    } else {
        format!("Cache-Control: {shown}")
    };
    let fail = |message: &str| {
        Finding::fail(
            "RL-15",
            "caching of refusals",
            "not cached",
            actual.clone(),
            message,
        )
    };
    if refusal.from_cache {
        return fail("a cache handed out the refusal");
    }
    if !has("no-store") && !has("private") && (has("public") || lifetime) {
        return fail("caches may keep the refusal and hand it to other callers");
    }
    if !has("no-store") && !has("no-cache") && refusal.validator {
        return fail("the refusal has a validator or an expiry, which invites caches to keep it")
            .as_warning();
    }
    Finding::pass("caching of refusals", "not cached", actual)
}

/// Whether the body says what happened.
fn explained(spec: &RateLimit, refusal: &Refusal) -> Finding {
    let expected = "a body in the API's own format";
    let fail = |actual: &str, message: &str| {
        let finding = Finding::fail("RL-17", "body of refusals", expected, actual, message);
        if spec.explain {
            finding
        } else {
            finding.as_warning()
        }
    };
    if spec.method == "HEAD" {
        return Finding::pass("body of refusals", "none for HEAD", "none");
    }
    if refusal.excerpt.trim().is_empty() {
        return fail("empty", "the refusal has no body that explains it");
    }
    if refusal.is_html() && !refusal.site_is_html {
        return fail(
            &refusal.content_type,
            "the refusal is a web page, which clients of this API cannot read",
        );
    }
    Finding::pass("body of refusals", expected, &refusal.content_type)
}

/// Whether refusing takes as long as answering.
fn late(facts: &Facts, refusal: &Refusal) -> Option<Finding> {
    if facts.typical_ms < EXPENSIVE_MS || facts.accepted == 0 {
        return None;
    }
    let actual = format!(
        "refused in {} ms, answered in {} ms",
        refusal.ms, facts.typical_ms
    );
    let expected = "refused before the work is done";
    Some(
        if refusal.ms.saturating_mul(5) >= facts.typical_ms.saturating_mul(4) {
            Finding::fail(
                "RL-21",
                "time of refusals",
                expected,
                actual,
                "a refusal takes as long as an answer: the limit may be applied after the work",
            )
            .as_warning()
        } else {
            Finding::pass("time of refusals", expected, actual)
        },
    )
}

/// What an attempt showed.
fn tried(spec: &RateLimit, facts: &Facts, attempt: &Try) -> Finding {
    let what = &attempt.what;
    let (code, subject, expected) = match attempt.attempt {
        Attempt::Exempt => ("RL-18", what.clone(), "answers while the caller is limited"),
        Attempt::ForgedAddress => ("RL-08", format!("forged {what}"), "still limited"),
        Attempt::Spelling => ("RL-09", what.clone(), "still limited"),
        Attempt::SecondIdentity => ("RL-11", what.clone(), "not limited by the first"),
        Attempt::Page => (
            "RL-16",
            format!("refusal to a page of {what}"),
            "readable by scripts",
        ),
        Attempt::Recovery => ("RL-07", "recovery".to_owned(), "passes after the wait"),
    };
    let statuses: Vec<String> = attempt.statuses.iter().map(ToString::to_string).collect();
    let actual = match (&attempt.skipped, statuses.is_empty()) {
        (Some(why), _) => why.clone(),
        (None, true) => "not tried".to_owned(),
        (None, false) => format!("status {}", statuses.join(", ")),
    };
    let fail =
        |message: String| Finding::fail(code, subject.clone(), expected, actual.clone(), message);
    let pass = || Finding::pass(subject.clone(), expected, actual.clone());
    let unknown = |message: String| fail(message).as_unknown();
    let last = attempt.statuses.last().copied().unwrap_or(0);
    if let Some(why) = &attempt.skipped {
        return unknown(format!("could not be tried: {why}"));
    }
    let refused = last == spec.expect_status || last == 429;
    match attempt.attempt {
        Attempt::Exempt if refused => fail(format!("{what} is limited too: probes and monitoring go blind under load")),
        Attempt::Exempt if (200..300).contains(&last) => pass(),
        Attempt::Exempt => unknown(format!("{what} answers {last}, which says nothing about the limiter")),
        Attempt::ForgedAddress | Attempt::Spelling => {
            let around = attempt.statuses.len() > 1
                && attempt.same_type
                && attempt.statuses.iter().all(|status| *status == facts.normal);
            match (around, attempt.attempt) {
                (true, Attempt::ForgedAddress) => fail(format!("the limit is gone when {what} is made up: anybody can get around it")),
                (true, _) => fail(format!("the limit is gone with {what}: it counts spellings separately")),
                _ if last == 0 => unknown("there was no answer".to_owned()),
                _ if last >= 500 && !refused => unknown(format!("{what} is answered {last}: the service broke, which says nothing about the limiter")),
                _ => pass(),
            }
        }
        Attempt::SecondIdentity if refused => fail("a second caller is limited by the requests of the first: all callers share one counter".to_owned()),
        Attempt::SecondIdentity if spec.accepts(last) => pass(),
        Attempt::SecondIdentity => unknown(format!("the second caller is answered {last}, which says nothing about the limiter; check its credential")),
        Attempt::Page if !refused => unknown("the window moved on before it could be seen".to_owned()),
        Attempt::Page if attempt.allow_origin.len() == 1 && attempt.allow_origin.iter().all(|o| o == "*" || o == what) => pass(),
        Attempt::Page => fail(format!("pages of {what} cannot read the refusal: it has no matching Access-Control-Allow-Origin")),
        Attempt::Recovery if refused => fail(format!(
            "still limited after waiting {}{}",
            TimeSpan::seconds(attempt.waited),
            facts.refusal.as_ref().and_then(asked_wait).map_or(String::new(), |_| ", longer than the refusal asked for".to_owned()),
        )),
        Attempt::Recovery if spec.accepts(last) => pass(),
        Attempt::Recovery => unknown(format!("after the wait the answer is {last}")),
    }
}

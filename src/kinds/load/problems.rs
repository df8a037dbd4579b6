//! Contradictions inside a check that its types cannot express.

use http::{HeaderName, Method};

use super::spec::Expect;
use super::{Caps, LOAD, Load, SpecProblem};
use crate::expect::TimeSpan;

/// Requests a check may list.
const MAX_ITEMS: usize = 20;

/// Every problem.
pub(super) fn of(load: &Load) -> Vec<SpecProblem> {
    let mut found = Vec::new();
    addresses(load, &mut found);
    methods(load, &mut found);
    amounts(load, &mut found);
    limits(load, &mut found);
    names(load, &mut found);
    expect("expect", &load.expect, &mut found);
    for (index, item) in load.requests.iter().enumerate() {
        if let Some(rules) = &item.expect {
            expect(&format!("requests[{index}].expect"), rules, &mut found);
        }
    }
    whole_run(load, &mut found);
    found
}

/// Where requests go.
fn addresses(load: &Load, found: &mut Vec<SpecProblem>) {
    if load.base().is_none() {
        found.push(SpecProblem::at(
            "url",
            "this is not an http or https URL",
            "write it in full, for example `https://api.example.com/health`",
        ));
        return;
    }
    let items = load
        .requests
        .iter()
        .enumerate()
        .map(|(index, item)| (format!("requests[{index}].url"), &item.url));
    let memory = load
        .memory
        .iter()
        .map(|m| ("memory.url".to_owned(), &m.url));
    for (field, url) in items.chain(memory) {
        if load.resolve(url).is_none() {
            found.push(SpecProblem::at(
                field,
                format!("`{url}` is not on the host of `url`"),
                "write a path, `/api/v1/search`; another host needs a check of its own",
            ));
        }
    }
    if load.requests.len() > MAX_ITEMS {
        found.push(SpecProblem::at(
            "requests",
            format!("{} requests are more than {MAX_ITEMS}", load.requests.len()),
            "split the check",
        ));
    }
}

/// What requests do to the target.
fn methods(load: &Load, found: &mut Vec<SpecProblem>) {
    for target in load.targets() {
        if !load.unsafe_method && !matches!(*target.method, Method::GET | Method::HEAD) {
            found.push(SpecProblem::at(
                "method",
                format!("{} may change the target, many times", target.method),
                "add `unsafe_method: true` if it does no harm however often it is sent",
            ));
        }
        if target.body.is_some() && matches!(*target.method, Method::GET | Method::HEAD) {
            found.push(SpecProblem::at(
                "body",
                format!("a {} has no body", target.method),
                "add `method: POST`, or leave the body out",
            ));
        }
    }
    if load.body.is_some() && !load.requests.is_empty() {
        found.push(SpecProblem::at(
            "body",
            "the body stands beside a list of requests and would not be used",
            "give each request its own body",
        ));
    }
    let memory = load.memory.iter().flat_map(|memory| memory.headers.iter());
    for (name, _) in load.headers.iter().chain(memory) {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            found.push(SpecProblem::at(
                "headers",
                format!("`{name}` is not a header name"),
                "letters, digits and dashes only",
            ));
        }
    }
}

/// How much is to be sent.
fn amounts(load: &Load, found: &mut Vec<SpecProblem>) {
    if load.samples.is_some() && load.duration.is_some() {
        found.push(SpecProblem::at(
            "duration",
            "`samples` and `duration` both say when to end",
            "keep one",
        ));
    }
    let nothing = [
        ("samples", load.samples == Some(0)),
        ("concurrency", load.concurrency == Some(0)),
        ("duration", load.duration == Some(TimeSpan::default())),
        ("request_timeout", load.request_timeout.0.is_zero()),
        ("warm_up", load.warm_up == Some(0)),
        (
            "rate",
            load.rate.is_some_and(|rate| rate.is_nan() || rate <= 0.0),
        ),
        (
            "min_throughput",
            load.min_throughput
                .is_some_and(|rate| rate.is_nan() || rate <= 0.0),
        ),
    ];
    for (field, wrong) in nothing {
        if wrong {
            found.push(SpecProblem::at(
                field,
                format!("`{field}` must be more than nothing"),
                "leave it out for the default",
            ));
        }
    }
    if load.rate.is_none() && load.concurrency.is_some() && !load.allow_load {
        found.push(SpecProblem::at(
            "concurrency",
            "clients that ask as fast as they are answered are a load test",
            "add `rate:`, or `allow_load: true` where that does no harm",
        ));
    }
}

/// What is too much.
fn limits(load: &Load, found: &mut Vec<SpecProblem>) {
    let caps = load.caps();
    let help = |limit: &dyn Fn(&Caps) -> String| {
        if load.allow_load {
            "use a tool for load tests, and judge its report".to_owned()
        } else {
            format!(
                "measure less, or write `allow_load: true` for at most {}",
                limit(&LOAD)
            )
        }
    };
    let mut over = |field: &str, wrong: bool, limit: &dyn Fn(&Caps) -> String| {
        if wrong {
            found.push(SpecProblem::at(
                field,
                format!("more than {} is too much", limit(caps)),
                help(limit),
            ));
        }
    };
    let total = load.total().unwrap_or(0);
    let field = if load.duration.is_some() {
        "duration"
    } else {
        "samples"
    };
    over(field, total > caps.requests, &|caps| {
        format!("{} requests", caps.requests)
    });
    let fast = load.rate.is_some_and(|rate| rate > caps.rate);
    over("rate", fast, &|caps| format!("{} a second", caps.rate));
    let many = load.concurrency.is_some_and(|n| n > caps.concurrency);
    over("concurrency", many, &|caps| {
        format!("{} at once", caps.concurrency)
    });
    let rounds = load.warm_up.is_some_and(|n| n > caps.warm_up);
    over("warm_up", rounds, &|caps| {
        format!("{} rounds", caps.warm_up)
    });
    let seconds = match (load.duration, load.pace()) {
        (Some(duration), _) => duration.0.as_secs_f64(),
        (None, Some(rate)) if rate > 0.0 => f64::from(total) / rate,
        _ => 0.0,
    };
    #[expect(clippy::cast_precision_loss, reason = "an hour at most")]
    over(field, seconds > caps.seconds as f64, &|caps| {
        TimeSpan::seconds(caps.seconds).to_string()
    });
}

/// What the requests are called.
fn names(load: &Load, found: &mut Vec<SpecProblem>) {
    let mut known: Vec<String> = Vec::new();
    for (index, target) in load.targets().into_iter().enumerate() {
        if known.contains(&target.name) {
            found.push(SpecProblem::at(
                format!("requests[{index}]"),
                format!("two requests are called `{}`", target.name),
                "give each a `name:`",
            ));
        }
        known.push(target.name);
    }
}

/// What must hold for one request.
fn expect(at: &str, rules: &Expect, found: &mut Vec<SpecProblem>) {
    for (time, share) in rules.within.iter() {
        let wrong = match time.parse::<TimeSpan>() {
            Err(why) => Some(why),
            Ok(_) if share.0 <= 0.0 => Some("a share of nothing never fails".to_owned()),
            Ok(_) => None,
        };
        if let Some(message) = wrong {
            found.push(SpecProblem::at(
                format!("{at}.within"),
                message,
                "write it like `{ 500ms: 99.9% }`",
            ));
        }
    }
    if rules.max_error_rate.is_some_and(|share| share.0 >= 1.0)
        || rules.min_success_rate.is_some_and(|share| share.0 <= 0.0)
    {
        found.push(SpecProblem::at(
            at,
            "every request may fail: this could never be red",
            "allow fewer errors",
        ));
    }
    if rules
        .max_slowdown
        .is_some_and(|factor| !factor.is_finite() || factor < 1.0)
    {
        found.push(SpecProblem::at(
            format!("{at}.max_slowdown"),
            "with several at once nothing becomes faster",
            "write a factor of 1 or more, for example `2`",
        ));
    }
    let bounds = [
        ("p50", rules.p50),
        ("p95", rules.p95),
        ("p99", rules.p99),
        ("p999", rules.p999),
        ("max", rules.max),
    ];
    let mut last: Option<(&str, TimeSpan)> = None;
    for (name, bound) in bounds.into_iter().filter_map(|(n, b)| b.map(|b| (n, b))) {
        if let Some((lower, below)) = last.filter(|(_, below)| *below > bound) {
            found.push(SpecProblem::at(
                format!("{at}.{name}"),
                format!("`{name}` ({bound}) is below `{lower}` ({below}), which could then never fail alone"),
                "swap the two, or leave one out",
            ));
        }
        last = Some((name, bound));
    }
}

/// What must hold for all requests together.
fn whole_run(load: &Load, found: &mut Vec<SpecProblem>) {
    if let (Some(outage), Some(rate)) = (load.max_outage, load.pace())
        && !outage.0.is_zero()
        && outage.0.as_secs_f64() * rate < 1.0
    {
        found.push(SpecProblem::at(
            "max_outage",
            "requests are further apart than this: the shortest outage seen is longer",
            "raise `rate`, or write `0s` for no failed request",
        ));
    }
    let asked = load.rate.is_some() || load.concurrency.is_some();
    if load.min_throughput.is_some() && !asked {
        found.push(SpecProblem::at(
            "min_throughput",
            "nothing says how fast to ask",
            "add a `rate` above it, or `concurrency`",
        ));
    }
    if let (Some(least), Some(rate)) = (load.min_throughput, load.rate)
        && least >= rate
    {
        found.push(SpecProblem::at(
            "min_throughput",
            "no service can answer more than it is asked",
            "raise `rate` above it",
        ));
    }
}

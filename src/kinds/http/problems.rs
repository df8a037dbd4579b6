//! Contradictions inside a check that its types cannot express.

use reqwest::Method;
use url::Url;

use super::spec::{Expect, Step};
use super::template::{names, names_in_json};
use super::{Http, SpecProblem};
use crate::kinds::auth::{Auth, url_problem};

/// Most samples of one check.
const MAX_SAMPLES: u32 = 100;
/// Most redirects that may be followed.
const MAX_REDIRECTS: u32 = 20;

/// Every problem.
pub(super) fn of(http: &Http) -> Vec<SpecProblem> {
    let mut found = Vec::new();
    url(http, &mut found);
    numbers(http, &mut found);
    request(
        "",
        &http.method.0,
        http.unsafe_method,
        http.auth.as_ref(),
        http.body.is_some() && http.json.is_some(),
        &mut found,
    );
    expect("expect", &http.expect, http, &mut found);
    if !http.steps.is_empty() && !http.requests.is_empty() {
        found.push(SpecProblem::at(
            "steps",
            "`steps` and `requests` are both given",
            "`steps` depend on each other, `requests` do not: keep one",
        ));
    }
    if !http.requests.is_empty() || !http.steps.is_empty() {
        let sends = http.method.0 != Method::GET || http.body.is_some() || http.json.is_some();
        if sends {
            found.push(SpecProblem::at(
                "",
                "method and body stand beside a list of requests and would not be used",
                "give each request its own method and body",
            ));
        }
    }
    for (index, step) in http.requests.iter().enumerate() {
        item(http, step, &format!("requests[{index}]"), &mut found);
        if !step.capture.is_empty() {
            found.push(SpecProblem::at(
                format!("requests[{index}].capture"),
                "values are kept in `steps` only",
                "use `steps` when a request needs what another one gave",
            ));
        }
    }
    let mut known: Vec<&str> = Vec::new();
    for (index, step) in http.steps.iter().enumerate() {
        let at = format!("steps[{index}]");
        item(http, step, &at, &mut found);
        placeholders(step, &known, &at, &mut found);
        for (name, capture) in step.capture.iter() {
            if capture.sources() != 1 {
                found.push(SpecProblem::at(
                    format!("{at}.capture.{name}"),
                    "a captured value has exactly one source",
                    "name one of `json`, `header`, `cookie`, `regex`",
                ));
            }
            known.push(name);
        }
    }
    found
}

/// The URL of the check.
fn url(http: &Http, found: &mut Vec<SpecProblem>) {
    if let Some(problem) = url_problem("url", &http.url, "https://api.example.com/health") {
        found.push(problem);
        return;
    }
    let Ok(url) = Url::parse(&http.url) else {
        return;
    };
    if !http.addresses.is_empty() && url.domain().is_none() {
        found.push(SpecProblem::at(
            "addresses",
            "the URL holds an address already, so others cannot be asked",
            "write the host name in `url`",
        ));
    }
    if http.expect.redirect_to_https && url.scheme() != "http" {
        found.push(SpecProblem::at(
            "expect.redirect_to_https",
            "the URL is https already: nothing would be shown about http",
            "write the `http://` URL",
        ));
    }
}

/// Counts and sizes.
fn numbers(http: &Http, found: &mut Vec<SpecProblem>) {
    if http.samples == 0 || http.samples > MAX_SAMPLES {
        found.push(SpecProblem::at(
            "samples",
            "the number of samples is out of range",
            format!("write a number from 1 to {MAX_SAMPLES}"),
        ));
    }
    if http
        .min_healthy
        .is_some_and(|min| min == 0 || min > http.samples)
    {
        found.push(SpecProblem::at(
            "min_healthy",
            "this is not between 1 and the number of samples",
            "write how many of `samples` must be as expected",
        ));
    }
    if http.follow_redirects > MAX_REDIRECTS {
        found.push(SpecProblem::at(
            "follow_redirects",
            "more redirects than any browser follows",
            format!("write a number from 0 to {MAX_REDIRECTS}"),
        ));
    }
    if http.max_body.0 == 0 || http.max_body.0 > 64 << 20 {
        found.push(SpecProblem::at(
            "max_body",
            "this size is out of range",
            "write a size from 1B to 64MiB",
        ));
    }
    if http.addresses.len() > super::MAX_ADDRESSES as usize {
        found.push(SpecProblem::at(
            "addresses",
            "more addresses than one check may ask",
            format!("name at most {}", super::MAX_ADDRESSES),
        ));
    }
}

/// Method, credentials and body of a request.
fn request(
    at: &str,
    method: &Method,
    allowed: bool,
    auth: Option<&Auth>,
    two_bodies: bool,
    found: &mut Vec<SpecProblem>,
) {
    let field = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        }
    };
    if !allowed && !matches!(*method, Method::GET | Method::HEAD) {
        found.push(SpecProblem::at(
            field("method"),
            format!("{method} may change the target"),
            "add `unsafe_method: true` if it may be sent to every environment this profile audits",
        ));
    }
    found.extend(auth.and_then(|auth| auth.problem(&field("auth"))));
    if two_bodies {
        found.push(SpecProblem::at(
            field("json"),
            "`body` and `json` are both given",
            "keep one of them",
        ));
    }
}

/// One of `requests` or `steps`.
fn item(http: &Http, step: &Step, at: &str, found: &mut Vec<SpecProblem>) {
    request(
        at,
        &step.method.0,
        http.unsafe_method || step.unsafe_method,
        step.auth.as_ref(),
        step.body.is_some() && step.json.is_some(),
        found,
    );
    if let Some(rules) = &step.expect {
        expect(&format!("{at}.expect"), rules, http, found);
    }
    let joined = http.joined(step.url.as_deref().unwrap_or_default());
    if !joined.starts_with("{{") && Url::parse(&joined).is_err() {
        found.push(SpecProblem::at(
            format!("{at}.url"),
            "this gives no URL",
            "a path begins with `/`, a URL with `https://`",
        ));
    }
}

/// Placeholders that no earlier step fills.
fn placeholders(step: &Step, known: &[&str], at: &str, found: &mut Vec<SpecProblem>) {
    let mut used: Vec<&str> = names(step.url.as_deref().unwrap_or_default());
    used.extend(
        step.headers
            .iter()
            .flat_map(|(_, value)| names(value.expose())),
    );
    used.extend(
        step.cookies
            .iter()
            .flat_map(|(_, value)| names(value.expose())),
    );
    used.extend(step.body.iter().flat_map(|text| names(text.expose())));
    used.extend(
        step.json
            .iter()
            .flat_map(|payload| names_in_json(&payload.0)),
    );
    if let Some(auth) = &step.auth {
        used.extend(auth.bearer.iter().flat_map(|token| names(token.expose())));
        used.extend(
            auth.header
                .iter()
                .flat_map(|header| names(header.value.expose())),
        );
    }
    for name in used {
        if !known.contains(&name) {
            found.push(SpecProblem::at(
                at,
                format!("no earlier step captures `{name}`"),
                crate::profile::node::suggest(name, known.iter().copied()),
            ));
        }
    }
}

/// Expectations that contradict each other or could never fail.
fn expect(at: &str, rules: &Expect, http: &Http, found: &mut Vec<SpecProblem>) {
    if rules
        .security
        .as_ref()
        .is_some_and(super::spec::Security::is_empty)
    {
        found.push(SpecProblem::at(
            format!("{at}.security"),
            "nothing is looked at",
            "name at least one, for example `nosniff: true`",
        ));
    }
    if let Some(version) = &rules.version {
        if version.json.is_some() == version.header.is_some() {
            found.push(SpecProblem::at(
                format!("{at}.version"),
                "a version has exactly one source",
                "write `json: $.version` or `header: X-Version`",
            ));
        }
        if version.is.is_none() && http.samples < 2 {
            found.push(SpecProblem::at(
                format!("{at}.version"),
                "one sample cannot differ from itself",
                "add `is:` with the version, or `samples: 5` to the check",
            ));
        }
    }
    if http.method.0 == Method::HEAD && at == "expect" && rules.needs_body() {
        found.push(SpecProblem::at(
            "method",
            "the answer to HEAD has no body to be judged",
            "use GET, or leave out what reads the body",
        ));
    }
    if rules.final_url.is_some() && http.follow_redirects == 0 {
        found.push(SpecProblem::at(
            format!("{at}.final_url"),
            "no redirect is followed, so the final URL is the one asked",
            "add `follow_redirects: 5` to the check, or use `location`",
        ));
    }
    if http.follow_redirects > 0 && (rules.location.is_some() || rules.redirect_to_https) {
        found.push(SpecProblem::at(
            "follow_redirects",
            "a redirect that is followed cannot be judged by `location` or `redirect_to_https`",
            "leave `follow_redirects` out",
        ));
    }
    if rules.requires_auth.0.is_some() && rules.status.is_some() {
        found.push(SpecProblem::at(
            format!("{at}.requires_auth"),
            "`status` and `requires_auth` both say the status",
            "write `requires_auth: { status: [401] }`",
        ));
    }
}

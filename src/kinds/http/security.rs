//! Judges security headers by the rules browsers apply, not by their presence.

use url::Url;

use super::content::cache_directives;
use super::csp::{csp, framing};
use super::facts::{Exchange, Resource};
use super::security_spec::{CrossOrigin, Hsts, Referrer, Security};
use crate::exchange::ResponseFacts;
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// One year, what browsers' preload lists require.
const YEAR: u64 = 31_536_000;

/// Judges all that is named.
pub(super) fn judge(
    rules: &Security,
    exchange: &Exchange,
    response: &ResponseFacts,
) -> Vec<Finding> {
    let mut findings = judge_headers(rules, response);
    if rules.no_mixed_content {
        findings.extend(mixed_content(&exchange.resources, response));
    }
    findings
}

/// Judges what is named, as far as it stands in headers; for error pages too.
pub(super) fn judge_headers(rules: &Security, response: &ResponseFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(rule) = &rules.hsts.0 {
        findings.extend(hsts(rule, response));
    }
    if rules.nosniff {
        findings.push(nosniff(response));
    }
    if let Some(rule) = &rules.framing.0 {
        findings.extend(framing(rule, response));
    }
    if let Some(rule) = &rules.referrer_policy.0 {
        findings.push(referrer_policy(rule, response));
    }
    if let Some(rule) = &rules.csp.0 {
        findings.extend(csp(rule, response));
    }
    if rules.no_disclosure {
        findings.extend(disclosure(response));
    }
    if rules.cache_control {
        findings.push(cache_control(response));
    }
    if rules.no_obsolete {
        findings.extend(obsolete(response));
    }
    if let Some(rule) = &rules.cross_origin.0 {
        findings.extend(cross_origin(rule, response));
    }
    findings
}

/// The answer to http must send the client to the same place over https, at once and for good.
pub(super) fn judge_upgrade(response: &ResponseFacts, target: Option<&Url>) -> Finding {
    let subject = "redirect to https";
    let from = Url::parse(&response.url).ok();
    let expected = match from.as_ref().and_then(Url::host_str) {
        Some(host) => format!("301 or 308 to https://{host}, same path"),
        None => "301 or 308 to https".to_owned(),
    };
    let actual = match target {
        Some(url) => format!("{} to {url}", response.status),
        None => format!("{} without redirect", response.status),
    };
    let fault = |message: String| Finding::fail("HDR-01", subject, &expected, &actual, message);
    let (Some(from), Some(to)) = (from, target) else {
        return fault("plain http is answered instead of being redirected to https".to_owned());
    };
    if to.scheme() != "https" {
        return fault(format!("the redirect stays on {}", to.scheme()));
    }
    if to.host_str() != from.host_str() {
        return fault("the redirect leaves the host before it is on https: HSTS for this host can never be learned".to_owned());
    }
    if to.path() != from.path() || to.query() != from.query() {
        return fault("the redirect loses the path or the query".to_owned());
    }
    if !matches!(response.status, 301 | 308) {
        return fault(format!(
            "a {} is not permanent: every visit begins on http again",
            response.status
        ))
        .as_warning();
    }
    Finding::pass(subject, expected, actual)
}

/// `Strict-Transport-Security` as a browser reads it.
struct HstsHeader {
    /// Seconds.
    max_age: u64,
    /// `includeSubDomains` is there.
    subdomains: bool,
    /// `preload` is there.
    preload: bool,
}

/// Reads the header; the text says why a browser ignores it.
fn parse_hsts(value: &str) -> Result<HstsHeader, String> {
    let mut max_age = None;
    let (mut subdomains, mut preload) = (false, false);
    let mut names: Vec<String> = Vec::new();
    for directive in value.split(';').map(str::trim).filter(|d| !d.is_empty()) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim().to_ascii_lowercase();
        if names.contains(&name) {
            return Err(format!("{name} stands twice in it"));
        }
        match name.as_str() {
            "max-age" => {
                let digits = value.trim().trim_matches('"');
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err("its max-age is no number".to_owned());
                }
                max_age = Some(digits.parse().unwrap_or(u64::MAX));
            }
            "includesubdomains" => subdomains = true,
            "preload" => preload = true,
            _ => {}
        }
        names.push(name);
    }
    Ok(HstsHeader {
        max_age: max_age.ok_or("it has no max-age")?,
        subdomains,
        preload,
    })
}

/// `Strict-Transport-Security`.
fn hsts(rule: &Hsts, response: &ResponseFacts) -> Vec<Finding> {
    let subject = "header Strict-Transport-Security";
    let expected = format!("max-age of at least {}", rule.min_age);
    let lines = response.header_lines("strict-transport-security");
    let actual = if lines.is_empty() {
        "missing".to_owned()
    } else {
        lines.join(", ")
    };
    let fault = |code: &'static str, message: String| {
        Finding::fail(code, subject, expected.clone(), actual.clone(), message)
    };
    let Some(first) = lines.first() else {
        return vec![fault(
            "HDR-02",
            "browsers are not told to use https only".to_owned(),
        )];
    };
    if response.url.starts_with("http://") {
        return vec![fault(
            "HDR-02",
            "the header came over plain http, where browsers ignore it; ask the https URL"
                .to_owned(),
        )];
    }
    let header = match parse_hsts(first) {
        Ok(header) => header,
        Err(why) => {
            return vec![fault(
                "HDR-02",
                format!("browsers ignore the header: {why}"),
            )];
        }
    };
    let mut findings = Vec::new();
    if lines.len() > 1 {
        findings.push(fault(
            "HDR-02",
            "the header is sent twice: only the first one counts".to_owned(),
        ));
    }
    if header.max_age == 0 {
        findings.push(fault(
            "HDR-02",
            "max-age=0 tells browsers to forget https".to_owned(),
        ));
    } else if header.max_age < rule.min_age.as_secs() {
        let age = TimeSpan::seconds(header.max_age);
        findings.push(fault(
            "HDR-02",
            format!("max-age is {age}, at least {} is wanted", rule.min_age),
        ));
    }
    match rule.include_subdomains {
        Some(true) if !header.subdomains => {
            findings.push(fault("HDR-02", "includeSubDomains is missing".to_owned()));
        }
        Some(false) if header.subdomains => {
            findings.push(fault(
                "HDR-02",
                "includeSubDomains is there, against the policy".to_owned(),
            ));
        }
        _ => {}
    }
    if header.preload && (header.max_age < YEAR || !header.subdomains) {
        findings.push(fault(
            "HDR-03",
            "preload is announced, but the lists require one year and includeSubDomains".to_owned(),
        ));
    }
    match rule.preload {
        Some(true) if !header.preload => {
            findings.push(fault("HDR-03", "preload is missing".to_owned()));
        }
        Some(false) if header.preload => findings.push(fault(
            "HDR-03",
            "preload is there, against the policy".to_owned(),
        )),
        _ => {}
    }
    if findings.is_empty() {
        findings.push(Finding::pass(subject, expected.clone(), actual.clone()));
    }
    findings
}

/// `X-Content-Type-Options`: the first value counts.
fn nosniff(response: &ResponseFacts) -> Finding {
    let subject = "header X-Content-Type-Options";
    let value = response.header("x-content-type-options");
    let first = value.and_then(|v| v.split(',').next()).map(str::trim);
    if first.is_some_and(|v| v.eq_ignore_ascii_case("nosniff")) {
        return Finding::pass(subject, "nosniff", value.unwrap_or_default());
    }
    Finding::fail(
        "HDR-05",
        subject,
        "nosniff",
        value.unwrap_or("missing"),
        "browsers may take the answer for another type, a script for example",
    )
}

/// `Referrer-Policy`: the last value that browsers know counts.
fn referrer_policy(rule: &Referrer, response: &ResponseFacts) -> Finding {
    const SAFE: &[&str] = &[
        "no-referrer",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
    ];
    const UNSAFE: &[&str] = &[
        "unsafe-url",
        "origin",
        "origin-when-cross-origin",
        "no-referrer-when-downgrade",
    ];
    let subject = "header Referrer-Policy";
    let value = response.header_lines("referrer-policy").join(", ");
    let effective = value
        .split(',')
        .map(|v| v.trim().to_ascii_lowercase())
        .rfind(|v| SAFE.contains(&v.as_str()) || UNSAFE.contains(&v.as_str()));
    let fine = |policy: &str| {
        if rule.one_of.is_empty() {
            SAFE.contains(&policy)
        } else {
            rule.one_of
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(policy))
        }
    };
    let expected = if rule.one_of.is_empty() {
        SAFE.join(" or ")
    } else {
        rule.one_of.join(" or ")
    };
    match effective {
        Some(policy) if fine(&policy) => Finding::pass(subject, expected, policy),
        Some(policy) => {
            let message = format!(
                "{policy} is not the policy wanted: other sites may learn addresses of this one"
            );
            Finding::fail("HDR-07", subject, expected, policy, message)
        }
        None if value.is_empty() => Finding::fail(
            "HDR-07",
            subject,
            expected,
            "missing",
            "what other sites learn is left to each browser's default",
        ),
        None => Finding::fail(
            "HDR-07",
            subject,
            expected,
            value,
            "browsers know none of these policies",
        ),
    }
}

/// Product versions and frameworks.
fn disclosure(response: &ResponseFacts) -> Vec<Finding> {
    const TELLING: &[&str] = &[
        "x-powered-by",
        "x-aspnet-version",
        "x-aspnetmvc-version",
        "x-generator",
        "x-runtime-version",
    ];
    let mut findings: Vec<Finding> = response
        .headers
        .iter()
        .filter(|(name, value)| {
            TELLING.contains(&name.as_str())
                || (name == "server"
                    && value.contains('/')
                    && value.bytes().any(|b| b.is_ascii_digit()))
        })
        .map(|(name, value)| {
            let message = format!("{name}: {value} tells attackers which known holes to try");
            Finding::fail(
                "HDR-08",
                format!("header {name}"),
                "no product or version",
                value,
                message,
            )
        })
        .collect();
    if findings.is_empty() {
        let seen = response.header("server").unwrap_or("nothing");
        findings.push(Finding::pass("disclosure", "no product version", seen));
    }
    findings
}

/// `Cache-Control` of an answer that is not for everybody.
fn cache_control(response: &ResponseFacts) -> Finding {
    let subject = "header Cache-Control";
    let expected = "no-store, private or no-cache";
    let directives = cache_directives(response);
    let private = directives.iter().any(|d| {
        matches!(
            d.split('=').next(),
            Some("no-store" | "private" | "no-cache")
        )
    });
    let public = directives
        .iter()
        .any(|d| d == "public" || d.starts_with("s-maxage"));
    let actual = response.header("cache-control").unwrap_or("missing");
    if private && !public {
        return Finding::pass(subject, expected, actual);
    }
    Finding::fail(
        "HDR-11",
        subject,
        expected,
        actual,
        "a shared cache may give one user's answer to another",
    )
}

/// Headers that browsers dropped, some of them because they did harm.
fn obsolete(response: &ResponseFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(value) = response
        .header("x-xss-protection")
        .filter(|v| v.trim_start().starts_with('1'))
    {
        findings.push(Finding::fail(
            "HDR-12",
            "header X-XSS-Protection",
            "absent or 0",
            value,
            "the old filter can be turned against the page; remove it and use a CSP",
        ));
    }
    for name in ["public-key-pins", "expect-ct"] {
        if let Some(value) = response.header(name) {
            findings.push(Finding::fail(
                "HDR-12",
                format!("header {name}"),
                "absent",
                value,
                format!("{name} is obsolete and does nothing good"),
            ));
        }
    }
    let allow_from = response
        .header("x-frame-options")
        .filter(|v| v.to_ascii_uppercase().contains("ALLOW-FROM"));
    if let Some(value) = allow_from {
        findings.push(Finding::fail(
            "HDR-13",
            "header X-Frame-Options",
            "DENY or SAMEORIGIN",
            value,
            "browsers ignore ALLOW-FROM; use frame-ancestors",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::pass("obsolete headers", "none", "none"));
    }
    findings
}

/// The `Cross-Origin-…` headers.
fn cross_origin(rule: &CrossOrigin, response: &ResponseFacts) -> Vec<Finding> {
    let table: [(&str, &[&str], Option<&crate::expect::Matcher>); 3] = [
        (
            "Cross-Origin-Opener-Policy",
            &[
                "unsafe-none",
                "same-origin-allow-popups",
                "same-origin",
                "noopener-allow-popups",
            ],
            rule.opener.as_ref(),
        ),
        (
            "Cross-Origin-Embedder-Policy",
            &["unsafe-none", "require-corp", "credentialless"],
            rule.embedder.as_ref(),
        ),
        (
            "Cross-Origin-Resource-Policy",
            &["same-site", "same-origin", "cross-origin"],
            rule.resource.as_ref(),
        ),
    ];
    let mut findings = Vec::new();
    for (name, tokens, matcher) in table {
        let value = response
            .header(name)
            .map(|v| v.split(';').next().unwrap_or(v).trim());
        let subject = format!("header {name}");
        if let Some(value) = value.filter(|v| !tokens.contains(v)) {
            let message = format!("browsers do not know {value:?} and ignore the header");
            findings.push(Finding::fail(
                "HDR-14",
                subject,
                tokens.join(" or "),
                value,
                message,
            ));
            continue;
        }
        findings.push(match matcher.map(|m| (m, m.check_text(value))) {
            Some((_, Err(wrong))) => Finding::fail(
                "HDR-14",
                subject,
                wrong.expected,
                wrong.actual,
                format!("{name} is not as expected"),
            ),
            Some((m, Ok(()))) => Finding::pass(subject, m.to_string(), value.unwrap_or("absent")),
            None => Finding::pass(subject, "valid, if sent", value.unwrap_or("absent")),
        });
    }
    findings
}

/// What an https page loads over http, and foreign scripts without `integrity`.
fn mixed_content(resources: &[Resource], response: &ResponseFacts) -> Vec<Finding> {
    let Ok(page) = Url::parse(&response.url) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for item in resources {
        let Ok(url) = page.join(&item.url) else {
            continue;
        };
        if page.scheme() == "https" && url.scheme() == "http" {
            let message =
                format!("the page loads {url} over http: browsers block it, attackers replace it");
            findings.push(Finding::fail(
                "HDR-10",
                item.tag.clone(),
                "https",
                &item.url,
                message,
            ));
        } else if item.tag == "script"
            && url.host_str() != page.host_str()
            && url.has_host()
            && !item.integrity
        {
            let message = format!("the script {url} of another site runs without `integrity`");
            findings.push(Finding::fail(
                "HDR-10",
                "script",
                "with integrity",
                &item.url,
                message,
            ));
        }
    }
    if findings.is_empty() {
        let seen = format!("{} things loaded", resources.len());
        findings.push(Finding::pass("mixed content", "none", seen));
    }
    findings
}

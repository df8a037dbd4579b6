//! Judges `Content-Security-Policy` and framing.

use super::security_spec::{Csp, Framing, FramingLevel};
use crate::exchange::ResponseFacts;
use crate::outcome::Finding;

/// A policy of `Content-Security-Policy`: directives in lower case with their sources.
type Policy = Vec<(String, Vec<String>)>;

/// The policies of a header, each enforced on its own.
fn policies(response: &ResponseFacts, header: &str) -> Vec<Policy> {
    response
        .header_lines(header)
        .iter()
        .flat_map(|line| line.split(','))
        .map(|text| {
            let mut policy: Policy = Vec::new();
            for directive in text.split(';') {
                let mut words = directive
                    .split_ascii_whitespace()
                    .map(str::to_ascii_lowercase);
                let Some(name) = words.next() else { continue };
                // A directive that stands twice counts the first time.
                if !policy.iter().any(|(known, _)| *known == name) {
                    policy.push((name, words.collect()));
                }
            }
            policy
        })
        .filter(|policy| !policy.is_empty())
        .collect()
}

/// The sources of a directive, or of what stands in for it.
fn sources<'a>(policy: &'a Policy, names: &[&str]) -> Option<&'a [String]> {
    names
        .iter()
        .find_map(|name| policy.iter().find(|(known, _)| known == name))
        .map(|(_, sources)| sources.as_slice())
}

/// Who may frame the page under one list of sources.
fn frame_level(sources: &[String]) -> Option<FramingLevel> {
    if sources.is_empty() || sources.iter().all(|s| s == "'none'") {
        return Some(FramingLevel::Deny);
    }
    if sources
        .iter()
        .any(|s| s == "*" || s.ends_with(':') || s.ends_with("://*"))
    {
        return None;
    }
    if sources.iter().all(|s| s == "'self'") {
        return Some(FramingLevel::SameOrigin);
    }
    Some(FramingLevel::Listed)
}

/// Framing: `frame-ancestors` decides where it is given, else `X-Frame-Options`.
pub(super) fn framing(rule: &Framing, response: &ResponseFacts) -> Vec<Finding> {
    let subject = "framing";
    let expected = match rule.allow {
        FramingLevel::Deny => "by nobody",
        FramingLevel::SameOrigin => "by the site itself at most",
        FramingLevel::Listed => "by named sites at most",
    };
    let csp = policies(response, "content-security-policy");
    let ancestors: Vec<&[String]> = csp
        .iter()
        .filter_map(|p| sources(p, &["frame-ancestors"]))
        .collect();
    let options: Vec<String> = response
        .header_lines("x-frame-options")
        .iter()
        .flat_map(|line| line.split(','))
        .map(|value| value.trim().to_ascii_uppercase())
        .collect();
    let (level, actual) = if ancestors.is_empty() {
        let shown = if options.is_empty() {
            "no restriction".to_owned()
        } else {
            format!("X-Frame-Options: {}", options.join(", "))
        };
        let level = match options.as_slice() {
            [] => None,
            list if list.iter().any(|o| o == "DENY") => Some(FramingLevel::Deny),
            list if list.iter().all(|o| o == "SAMEORIGIN") => Some(FramingLevel::SameOrigin),
            _ => None,
        };
        (level, shown)
    } else {
        let level = ancestors.iter().filter_map(|list| frame_level(list)).max();
        let shown: Vec<String> = ancestors.iter().map(|list| list.join(" ")).collect();
        (level, format!("frame-ancestors {}", shown.join(", ")))
    };
    if level.is_some_and(|level| level >= rule.allow) {
        return vec![Finding::pass(subject, expected, actual)];
    }
    if ancestors.is_empty() && options.iter().any(|o| o.starts_with("ALLOW-FROM")) {
        return vec![Finding::fail(
            "HDR-13",
            subject,
            expected,
            actual,
            "browsers ignore ALLOW-FROM, so any site may put the page into a frame; use frame-ancestors",
        )];
    }
    let message = if level.is_some() {
        "more sites may put the page into a frame than the policy allows"
    } else {
        "any site may put the page into a frame and trick users into clicking"
    };
    vec![Finding::fail("HDR-06", subject, expected, actual, message)]
}

/// `Content-Security-Policy`. Several policies add up: one that forbids is enough.
pub(super) fn csp(rule: &Csp, response: &ResponseFacts) -> Vec<Finding> {
    let subject = "header Content-Security-Policy";
    let list = policies(response, "content-security-policy");
    let shown = crate::exchange::cut(
        &response.header_lines("content-security-policy").join(", "),
        300,
    )
    .to_owned();
    if list.is_empty() {
        let report_only = response
            .header("content-security-policy-report-only")
            .is_some();
        let (actual, message) = if report_only {
            ("report-only", "the policy is only reported, not enforced")
        } else {
            ("missing", "nothing stops a script that an attacker injects")
        };
        return vec![Finding::fail(
            "HDR-04",
            subject,
            "an enforced policy",
            actual,
            message,
        )];
    }
    let faults = weaknesses(rule, &list, response);
    let mut findings: Vec<Finding> = faults
        .into_iter()
        .map(|why| {
            Finding::fail(
                "HDR-04",
                subject,
                "a policy that stops injected scripts",
                &shown,
                why,
            )
        })
        .collect();
    for (name, matcher) in rule.directives.iter() {
        let wanted = name.to_ascii_lowercase();
        let value = list
            .iter()
            .find_map(|p| sources(p, &[&wanted]))
            .map(|s| s.join(" "));
        let subject = format!("CSP {name}");
        findings.push(match matcher.check_text(value.as_deref()) {
            Ok(()) => Finding::pass(subject, matcher.to_string(), value.unwrap_or_default()),
            Err(wrong) => Finding::fail(
                "HDR-04",
                subject,
                wrong.expected,
                wrong.actual,
                format!("the directive {name} is not as expected"),
            ),
        });
    }
    if findings.is_empty() {
        findings.push(Finding::pass(
            subject,
            "a policy that stops injected scripts",
            shown,
        ));
    }
    findings
}

/// Why the policies do not stop an injected script.
fn weaknesses(rule: &Csp, list: &[Policy], response: &ResponseFacts) -> Vec<&'static str> {
    let any = |holds: &dyn Fn(&Policy) -> bool| list.iter().any(holds);
    let scripts = |p: &Policy| sources(p, &["script-src", "default-src"]).map(<[String]>::to_vec);
    let none = |s: &[String]| s.is_empty() || s.iter().all(|s| s == "'none'");
    let no_scripts = any(&|p| scripts(p).is_some_and(|s| none(&s)));
    let mut faults: Vec<&'static str> = Vec::new();
    if !any(&|p| scripts(p).is_some()) {
        faults.push("neither script-src nor default-src is given, so any script runs");
    } else if !no_scripts {
        if !rule.allow_unsafe_inline && !any(&|p| scripts(p).is_some_and(|s| !inline_runs(&s))) {
            faults.push("'unsafe-inline' lets injected scripts run");
        }
        if !any(&|p| scripts(p).is_some_and(|s| !is_broad(&s))) {
            faults.push("scripts may come from anywhere");
        }
        if !rule.allow_unsafe_eval
            && !any(&|p| scripts(p).is_some_and(|s| !s.iter().any(|s| s == "'unsafe-eval'")))
        {
            faults.push("'unsafe-eval' turns text into code");
        }
        if !any(&|p| sources(p, &["base-uri"]).is_some()) {
            faults.push("base-uri is missing: an injected <base> redirects scripts");
        }
    }
    if !any(&|p| sources(p, &["object-src", "default-src"]).is_some_and(|s| !is_broad(s))) {
        faults.push("object-src is missing: plugins may run code");
    }
    let framed = framing(&Framing::default(), response)
        .iter()
        .any(|f| f.code.is_some());
    if framed && !any(&|p| sources(p, &["frame-ancestors"]).is_some()) {
        faults.push("frame-ancestors is missing: any site may frame the page");
    }
    faults
}

/// Whether inline scripts run: browsers ignore `'unsafe-inline'` beside a nonce or hash.
fn inline_runs(sources: &[String]) -> bool {
    let guarded = sources
        .iter()
        .any(|s| s == "'strict-dynamic'" || s.starts_with("'nonce-") || s.starts_with("'sha"));
    !guarded && sources.iter().any(|s| s == "'unsafe-inline'")
}

/// Whether sources name no one in particular.
fn is_broad(sources: &[String]) -> bool {
    let dynamic = sources.iter().any(|s| s == "'strict-dynamic'");
    !dynamic
        && sources.iter().any(|s| {
            matches!(
                s.as_str(),
                "*" | "http:" | "https:" | "data:" | "blob:" | "http://*" | "https://*"
            )
        })
}

//! Judging the document, its differences from the committed one, and the documentation page.

use jiff::Timestamp;
use url::Url;

use super::changes::{Change, Level};
use super::docs::Page;
use super::document::Unreadable;
use super::facts::{Comparison, Facts, Served};
use super::outline::{Listed, Outline};
use super::route::Route;
use super::sample;
use super::servers::is_local;
use super::{Compare, Openapi, Presence};
use crate::outcome::{Fault, Finding};

/// Most findings of one sort; what is beyond is counted.
const MAX_FINDINGS: usize = 20;

/// Statuses of a service that is there, but not for now.
const LATER: &[u16] = &[429, 502, 503, 504];

/// Judges everything.
pub(super) fn judge(spec: &Openapi, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(served) = &facts.served {
        match spec.expect {
            Presence::Absent => findings.push(hidden(served)),
            Presence::Present => findings.extend(present(spec, served)),
        }
    }
    match &facts.comparison {
        Some(Ok(comparison)) => findings.extend(compared(spec, comparison)),
        Some(Err(fault)) => findings.push(not_compared(spec, fault)),
        None => {}
    }
    if let (Some(wanted), Some(sampled)) = (&spec.sample, &facts.sampled) {
        findings.extend(sample::judge(wanted, sampled, now));
    }
    if let (Some(page), Some(docs)) = (&facts.docs, &spec.docs) {
        findings.push(page_finding(page, docs.expect));
    }
    findings
}

/// The status of an answer in a few words.
fn status_words(status: u16, redirect: Option<&str>, content_type: Option<&str>) -> String {
    match (redirect, content_type) {
        (Some(target), _) => format!("status {status} to {target}"),
        (None, Some(kind)) => format!("status {status}, {kind}"),
        (None, None) => format!("status {status}"),
    }
}

/// The status of the document's address in a few words.
fn answer(served: &Served) -> String {
    status_words(
        served.status,
        served.redirect.as_deref(),
        served.content_type.as_deref(),
    )
}

/// Whether nobody can read the document.
fn hidden(served: &Served) -> Finding {
    let subject = format!("document {}", served.url);
    let expected = "not to be read without credentials";
    let actual = answer(served);
    if let Some(outline) = &served.outline {
        let actual = format!(
            "OpenAPI {} with {} operations",
            outline.openapi,
            outline.operations.len()
        );
        let message = format!("{} gives everybody the document of the API", served.url);
        return Finding::fail("API-10", subject, expected, actual, message);
    }
    let unknown = match &served.unreadable {
        Some(Unreadable::Wrong(why) | Unreadable::TooMuch(why)) => Some(why.as_str()),
        _ if served.status == 200 || !LATER.contains(&served.status) && served.status < 500 => None,
        _ => Some("the service may give it at another time"),
    };
    match unknown {
        None => Finding::pass(subject, expected, actual),
        Some(why) => {
            let message = format!("{}: {actual}: {why}", served.url);
            Finding::fail("API-10", subject, expected, actual, message).as_unknown()
        }
    }
}

/// Judges the document itself.
fn present(spec: &Openapi, served: &Served) -> Vec<Finding> {
    let subject = format!("document {}", served.url);
    let expected = "a valid OpenAPI document";
    let Some(outline) = &served.outline else {
        let actual = match &served.unreadable {
            Some(why) => format!("{}; {}", answer(served), why.words()),
            None => answer(served),
        };
        let message = format!("{}: {actual}", served.url);
        let finding = Finding::fail("API-01", subject, expected, actual, message);
        let not_seen = matches!(served.unreadable, Some(Unreadable::TooMuch(_)))
            || matches!(served.status, 401 | 403)
            || LATER.contains(&served.status);
        return vec![if not_seen {
            finding.as_unknown()
        } else {
            finding
        }];
    };
    let count = outline.operations.len();
    let actual = format!("OpenAPI {}, {count} operations", outline.openapi);
    let mut findings = problems(outline, &subject, expected);
    if count == 0 {
        let message = "the document describes no operation";
        findings.push(Finding::fail(
            "API-01",
            &*subject,
            "operations",
            "none",
            message,
        ));
    }
    if let Some(why) = &outline.incomplete {
        let finding = Finding::fail("API-01", &*subject, expected, why, why);
        findings.push(finding.as_unknown());
    }
    if findings.is_empty() {
        findings.push(Finding::pass(subject, expected, actual));
    }
    findings.extend(version(spec, outline));
    findings.extend(documents(spec, outline));
    if spec.described {
        findings.push(described(outline));
    }
    if let Some(public) = &spec.public {
        findings.push(secured(public, outline));
    }
    findings.extend(servers(spec, served, outline));
    findings
}

/// What is wrong with the document.
fn problems(outline: &Outline, subject: &str, expected: &str) -> Vec<Finding> {
    let mut list: Vec<Finding> = outline
        .problems
        .iter()
        .take(MAX_FINDINGS)
        .map(|problem| {
            let code = match problem.code.as_str() {
                "API-14" => "API-14",
                "API-15" => "API-15",
                _ => "API-01",
            };
            let expected = match code {
                "API-14" => "a reference inside of the document",
                "API-15" => "an operationId of its own",
                _ => expected,
            };
            let message = format!("{}: {}", problem.place, problem.what);
            Finding::fail(code, &*problem.place, expected, &*problem.what, message)
        })
        .collect();
    let more = outline.wrong.saturating_sub(list.len());
    if more > 0 {
        let message = format!("{more} more mistakes in the document");
        list.push(Finding::fail(
            "API-01", subject, expected, &*message, &*message,
        ));
    }
    list
}

/// The version of the API.
fn version(spec: &Openapi, outline: &Outline) -> Option<Finding> {
    let matcher = spec.version.as_ref()?;
    Some(match matcher.check_text(outline.version.as_deref()) {
        Ok(()) => Finding::pass(
            "info.version",
            matcher.to_string(),
            outline.version.clone().unwrap_or_default(),
        ),
        Err(wrong) => {
            let message = format!(
                "the document is of version {}, not {}",
                wrong.actual, wrong.expected
            );
            Finding::fail(
                "API-02",
                "info.version",
                wrong.expected,
                wrong.actual,
                message,
            )
        }
    })
}

/// Whether a route of a profile means an operation of the document.
fn means(route: &Route, operation: &Listed) -> bool {
    let paths = [Some(&operation.path), operation.full_path.as_ref()];
    paths
        .into_iter()
        .flatten()
        .any(|path| route.means(&operation.method, path))
}

/// The operations that must be described.
fn documents(spec: &Openapi, outline: &Outline) -> Vec<Finding> {
    let described = |route: &&Route| outline.operations.iter().any(|one| means(route, one));
    let (there, missing): (Vec<&Route>, Vec<&Route>) = spec.documents.iter().partition(described);
    let mut findings = Vec::new();
    if !there.is_empty() {
        let actual = format!("{} described", there.len());
        findings.push(Finding::pass(
            "declared operations",
            "in the document",
            actual,
        ));
    }
    for route in missing {
        let message = format!("{route} is not in the document");
        let subject = route.to_string();
        findings.push(Finding::fail(
            "API-04",
            subject,
            "in the document",
            "missing",
            message,
        ));
    }
    findings
}

/// At most ten of a list, in one line.
fn some<T: AsRef<str>>(list: &[T]) -> String {
    let shown: Vec<&str> = list.iter().take(10).map(AsRef::as_ref).collect();
    match list.len().checked_sub(10) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// Whether every operation says what it is for.
fn described(outline: &Outline) -> Finding {
    let expected = "a summary or description each";
    let bare: Vec<String> = outline
        .operations
        .iter()
        .filter(|operation| !operation.described)
        .map(Listed::name)
        .collect();
    if bare.is_empty() {
        let actual = format!("{} described", outline.operations.len());
        return Finding::pass("operations", expected, actual);
    }
    let actual = format!("{} without: {}", bare.len(), some(&bare));
    let message = format!("nothing says what these are for: {}", some(&bare));
    Finding::fail("API-52", "operations", expected, actual, message)
}

/// Whether every operation that is not public declares what credentials it needs.
fn secured(public: &[Route], outline: &Outline) -> Finding {
    let expected = "security declared, public ones aside";
    let open: Vec<String> = outline
        .operations
        .iter()
        .filter(|operation| !operation.secured)
        .filter(|operation| !public.iter().any(|route| means(route, operation)))
        .map(Listed::name)
        .collect();
    if open.is_empty() {
        let secured = outline.operations.iter().filter(|one| one.secured).count();
        let actual = format!("{secured} of {} declare it", outline.operations.len());
        return Finding::pass("security of operations", expected, actual);
    }
    let actual = format!("{} declare none: {}", open.len(), some(&open));
    let message = format!(
        "the document says that these need no credentials: {}",
        some(&open)
    );
    Finding::fail(
        "API-07",
        "security of operations",
        expected,
        actual,
        message,
    )
}

/// The servers that the document names.
fn servers(spec: &Openapi, served: &Served, outline: &Outline) -> Vec<Finding> {
    if outline.servers.is_empty() {
        let actual = "none named: where the document is served";
        return vec![Finding::pass("servers", "reachable for clients", actual)];
    }
    let mut findings = Vec::new();
    for server in &outline.servers {
        let subject = format!("server {server}");
        let own = server.trim_end_matches('/');
        let foreign = spec
            .servers
            .as_ref()
            .is_some_and(|list| !list.iter().any(|one| one.trim_end_matches('/') == own));
        if foreign {
            let expected = some(spec.servers.as_deref().unwrap_or_default());
            let message = format!("the document sends clients to {server}");
            findings.push(Finding::fail(
                "API-11", subject, expected, &**server, message,
            ));
        } else if is_local(server) && !spec.local_servers && spec.servers.is_none() {
            let expected = "an address that clients can reach";
            let message =
                format!("the document sends clients to {server}, which is their own machine");
            findings.push(Finding::fail(
                "API-11", subject, expected, &**server, message,
            ));
        } else if served.url.starts_with("https:") && server.starts_with("http:") {
            let expected = "https, as the document itself";
            let message = format!("the document sends clients to {server} without TLS");
            findings
                .push(Finding::fail("API-11", subject, expected, &**server, message).as_warning());
        }
    }
    if findings.is_empty() {
        let actual = some(&outline.servers);
        findings.push(Finding::pass("servers", "reachable for clients", actual));
    }
    findings
}

/// The committed document could not be read.
fn not_compared(spec: &Openapi, fault: &Fault) -> Finding {
    let file = spec.committed.as_deref().unwrap_or_default();
    Finding::fail(
        "API-03",
        format!("committed {file}"),
        "to be compared",
        &*fault.message,
        &*fault.message,
    )
    .as_unknown()
}

/// Judges how the documents differ.
fn compared(spec: &Openapi, comparison: &Comparison) -> Vec<Finding> {
    let subject = format!("committed {}", comparison.file);
    if let Some(why) = &comparison.unreadable {
        let actual = why.words();
        let message = format!("{} cannot be compared: {actual}", comparison.file);
        let finding = Finding::fail("API-03", subject, "an OpenAPI document", actual, message);
        return vec![finding.as_unknown()];
    }
    let same = spec.compare == Compare::Same;
    let mut findings = Vec::new();
    let told = |change: &&Change| match change.level {
        Level::Breaking | Level::Unjudged => true,
        Level::Doubtful => !same,
        Level::Compatible => false,
    };
    let all: Vec<&Change> = comparison.changes.iter().filter(told).collect();
    findings.extend(all.iter().take(MAX_FINDINGS).map(|change| changed(change)));
    let more = all.len().saturating_sub(MAX_FINDINGS) + comparison.more;
    if more > 0 {
        let message = format!("{more} more changes of the document");
        let finding = Finding::fail("API-03", &*subject, "no such change", &*message, &*message);
        findings.push(finding.as_warning());
    }
    if let Some(differences) = &comparison.differences {
        findings.push(if differences.is_empty() {
            Finding::pass(&*subject, "the same as served", "the same")
        } else {
            let actual = some(differences);
            let message = format!("{} is not what is served: {actual}", comparison.file);
            Finding::fail("API-54", &*subject, "the same as served", actual, message)
        });
    } else if !all.iter().any(|change| change.level >= Level::Unjudged) {
        let new: Vec<String> = comparison
            .changes
            .iter()
            .filter(|change| change.level == Level::Compatible)
            .map(|change| {
                format!("{} {}", change.operation, change.place)
                    .trim()
                    .to_owned()
            })
            .collect();
        let actual = if new.is_empty() {
            "kept".to_owned()
        } else {
            format!("kept; different without harm: {}", some(&new))
        };
        findings.push(Finding::pass(subject, "all promises kept", actual));
    }
    findings
}

/// The finding of one change.
fn changed(change: &Change) -> Finding {
    let subject = if change.place.is_empty() {
        change.operation.clone()
    } else {
        format!("{}, {}", change.operation, change.place)
    };
    let message = format!("{subject}: {}", change.what);
    let finding = Finding::fail("API-03", subject, "as committed", &*change.what, message);
    match change.level {
        Level::Breaking => finding,
        Level::Unjudged => finding.as_unknown(),
        Level::Doubtful | Level::Compatible => finding.as_warning(),
    }
}

/// Judges the documentation page.
fn page_finding(page: &Page, expect: Presence) -> Finding {
    let address = Url::parse(&page.url)
        .map_or_else(|_| page.url.clone(), |url| crate::exchange::shown_url(&url));
    let subject = format!("documentation page {address}");
    let (code, expected) = match expect {
        Presence::Present => ("API-51", "a documentation page"),
        Presence::Absent => ("API-10", "no documentation page for everybody"),
    };
    let seen = match &page.seen {
        Ok(seen) => seen,
        Err(fault) => {
            let actual = &*fault.message;
            return Finding::fail(code, subject, expected, actual, actual).as_unknown();
        }
    };
    let actual = match &seen.tool {
        Some(tool) => tool.clone(),
        None => status_words(
            seen.status,
            seen.redirect.as_deref(),
            seen.content_type.as_deref(),
        ),
    };
    let later = LATER.contains(&seen.status);
    match (expect, &seen.tool) {
        (Presence::Present, Some(_)) => Finding::pass(subject, expected, actual),
        (Presence::Present, None) => {
            let message = format!("{address} is no documentation page: {actual}");
            let finding = Finding::fail(code, subject, expected, actual, message);
            if later || matches!(seen.status, 401 | 403) {
                finding.as_unknown()
            } else {
                finding
            }
        }
        (Presence::Absent, Some(_)) => {
            let message = format!("{address} shows everybody the documentation of the API");
            Finding::fail(code, subject, expected, actual, message)
        }
        (Presence::Absent, None) => {
            let unknown = if seen.status == 200 {
                (seen.answers_everything != Some(true)).then_some("a page of an unknown sort")
            } else {
                (later || seen.status >= 500).then_some("it may be there at another time")
            };
            match unknown {
                None => Finding::pass(subject, expected, actual),
                Some(why) => {
                    let message = format!("{address}: {actual}: {why}");
                    Finding::fail(code, subject, expected, actual, message).as_unknown()
                }
            }
        }
    }
}

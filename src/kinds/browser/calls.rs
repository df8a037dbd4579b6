//! Judges what a page asked for: assets, calls, and whom it talked to.

use std::net::IpAddr;

use url::{Host, Url};

use super::facts::Request;
use super::judge::Case;
use super::spec::Call;
use crate::outcome::Finding;

/// Most findings of one sort about one page.
const MOST: usize = 5;

/// Statuses of redirects.
const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];

/// What a call that must be made was answered.
pub(super) fn declared(case: &Case<'_>, call: &Call) -> Finding {
    let pattern = call.url.0.as_str();
    let subject = case.subject(&format!("call {pattern}"));
    let good = |request: &Request| match (&call.status, request.status) {
        (_, None) => false,
        (Some(matcher), Some(status)) => matcher.check(Some(&status.into())).is_ok(),
        (None, Some(status)) => (200..300).contains(&status) || status == 304,
    };
    let expected = format!(
        "at least {} answered {}",
        call.min,
        call.status
            .as_ref()
            .map_or_else(|| "200 to 299".to_owned(), ToString::to_string)
    );
    let made: Vec<&Request> = case
        .page
        .requests
        .iter()
        .filter(|request| call.url.0.is_match(&request.url) && !request.cancelled)
        .filter(|request| match &call.method {
            Some(method) => request.method.eq_ignore_ascii_case(method),
            None => request.method != "OPTIONS",
        })
        // A redirect is followed by the request that counts.
        .filter(|request| {
            let hop = request
                .status
                .is_some_and(|status| REDIRECTS.contains(&status));
            !hop || good(request)
        })
        .collect();
    if let Some(bad) = made
        .iter()
        .find(|request| !good(request) || request.failure.is_some())
    {
        let actual = answer(bad);
        let message = format!("{}: {} {} {actual}", case.page.name, bad.method, bad.url);
        return Finding::fail("WEB-52", subject, expected, actual, message);
    }
    let actual = format!("{} made", made.len());
    if (made.len() as u64) < u64::from(call.min) {
        let message = format!(
            "{} does not call {pattern} often enough: {actual}",
            case.page.name
        );
        return Finding::fail("WEB-52", subject, expected, actual, message);
    }
    Finding::pass(subject, expected, actual)
}

/// What came of a request, in words.
fn answer(request: &Request) -> String {
    match (&request.failure, request.status) {
        (_, Some(status)) if status >= 400 => format!("answers {status}"),
        (Some(failure), _) => format!("failed: {failure}"),
        (None, Some(status)) => format!("answers {status}"),
        (None, None) => "is not answered".to_owned(),
    }
}

/// What is wrong with the media type of an answer that was meant to be a script or style sheet.
fn wrong_type(request: &Request, quirks: bool) -> Option<String> {
    let mime = request.mime.to_ascii_lowercase();
    let html = matches!(mime.as_str(), "text/html" | "application/xhtml+xml");
    let wrong = match request.kind.as_str() {
        "Script" => html,
        "Stylesheet" => html || !quirks && !mime.is_empty() && mime != "text/css",
        "Font" | "Image" => html,
        _ => false,
    };
    wrong.then(|| format!("is {mime}, not a {}", request.kind.to_lowercase()))
}

/// Assets and calls that failed.
pub(super) fn requests(case: &Case<'_>) -> Vec<Finding> {
    let quirks = case
        .page
        .document
        .as_ref()
        .is_some_and(|document| document.quirks);
    let mut list: Vec<Finding> = case
        .page
        .requests
        .iter()
        .filter(|request| !request.blocked_here)
        .filter(|request| !Case::allowed(&case.expect.allow_failed, &request.url))
        .filter_map(|request| judge_request(case, request, quirks))
        .take(2 * MOST)
        .collect();
    if list.is_empty() {
        let actual = format!("{} requests", case.page.requests.len());
        list.push(Finding::pass(
            case.subject("requests"),
            "none fails",
            actual,
        ));
    }
    list
}

/// Judges one request; nothing when it is as it should be.
fn judge_request(case: &Case<'_>, request: &Request, quirks: bool) -> Option<Finding> {
    let page = case.page;
    // What a policy blocked is told as that.
    let by_policy = request
        .failure
        .as_deref()
        .is_some_and(|failure| failure.starts_with("blocked"));
    let failed = request.failure.is_some() && !by_policy && !request.cancelled
        || request.status.is_some_and(|status| status >= 400);
    let wrong = match (failed, wrong_type(request, quirks)) {
        (true, _) => answer(request),
        (false, Some(wrong)) if !by_policy => wrong,
        (false, _) => return None,
    };
    let message = format!("{}: {} {wrong}", page.name, request.url);
    let find = |code, what: &str, expected: &str| {
        Finding::fail(
            code,
            case.subject(what),
            expected,
            format!("{} {wrong}", request.url),
            message.clone(),
        )
    };
    match request.kind.as_str() {
        "Script" | "Stylesheet" => Some(find("WEB-03", "asset", "arrives as what it is")),
        // Browsers ask for this one by themselves.
        "Other" if request.url.ends_with("/favicon.ico") => None,
        "Image" | "Font" | "Media" | "Manifest" | "TextTrack" | "Frame" | "Other" => {
            let finding = find("WEB-03", "asset", "arrives as what it is");
            Some(if same_site(&request.url, &page.final_url) {
                finding
            } else {
                finding.as_warning()
            })
        }
        "XHR" | "Fetch" | "EventSource" => {
            let finding = find("WEB-52", "call", "succeeds");
            // Nobody is logged in here: a page may ask who the visitor is and be told that.
            Some(if matches!(request.status, Some(401 | 403)) {
                finding.as_warning()
            } else {
                finding
            })
        }
        _ => None,
    }
}

/// Whether two addresses belong to one site, as far as names tell: the same host, or the same two
/// last labels.
fn same_site(a: &str, b: &str) -> bool {
    let host = |text: &str| Url::parse(text).ok()?.host().map(|host| host.to_owned());
    match (host(a), host(b)) {
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => {
            let site = |name: &str| {
                let labels: Vec<&str> = name.rsplit('.').take(2).collect();
                labels.join(".")
            };
            site(&a) == site(&b)
        }
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Where a host is, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// On the machine of whoever looks.
    Here,
    /// In a private network.
    Private,
    /// Anywhere else.
    Elsewhere,
}

/// Where the host of an address is.
fn place(url: &Url) -> Place {
    let of_address = |address: IpAddr| match address {
        _ if address.is_loopback() || address.is_unspecified() => Place::Here,
        IpAddr::V4(v4) if v4.is_private() => Place::Private,
        IpAddr::V6(v6) if v6.is_unique_local() => Place::Private,
        _ => Place::Elsewhere,
    };
    match url.host() {
        Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
            Place::Here
        }
        Some(Host::Ipv4(v4)) => of_address(v4.into()),
        Some(Host::Ipv6(v6)) => of_address(v6.into()),
        _ => Place::Elsewhere,
    }
}

/// Host and port, for telling one server from another.
fn server(url: &Url) -> String {
    crate::net::host_key(url).unwrap_or_default()
}

/// Whether a host is meant by one of the list's entries.
fn listed(hosts: &[String], url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default();
    let with_port = server(url);
    hosts.iter().any(|entry| match entry.strip_prefix("*.") {
        Some(domain) => name == domain || name.ends_with(&format!(".{domain}")),
        None => entry.eq_ignore_ascii_case(name) || entry.eq_ignore_ascii_case(&with_port),
    })
}

/// Whom the page talked to, and must not.
pub(super) fn hosts(case: &Case<'_>) -> Vec<Finding> {
    let expect = case.expect;
    let own = Url::parse(&case.page.final_url).or_else(|_| Url::parse(&case.page.url));
    let own_place = own.as_ref().map_or(Place::Elsewhere, place);
    let own_server = own.as_ref().map(server).unwrap_or_default();
    let mut told: Vec<String> = Vec::new();
    let mut list = Vec::new();
    for request in case
        .page
        .requests
        .iter()
        .filter(|request| request.kind != "Document")
    {
        let Ok(url) = Url::parse(&request.url) else {
            continue;
        };
        let at = server(&url);
        let wrong = if Case::allowed(&expect.forbidden_urls, &request.url) {
            "must not be asked"
        } else if at == own_server || listed(&expect.hosts, &url) {
            continue;
        } else {
            match place(&url) {
                Place::Here if !expect.localhost.unwrap_or(own_place == Place::Here) => {
                    "is the visitor's own machine"
                }
                Place::Private if own_place == Place::Elsewhere => "is in a private network",
                Place::Here if expect.localhost == Some(true) => continue,
                _ if !expect.hosts.is_empty() => "is not one of the hosts that are allowed",
                _ => continue,
            }
        };
        if told.contains(&at) || list.len() >= MOST {
            continue;
        }
        told.push(at.clone());
        list.push(Finding::fail(
            "WEB-05",
            case.subject("hosts"),
            "talks to the right servers only",
            request.url.clone(),
            format!(
                "{} asks for {}, and {at} {wrong}",
                case.page.name, request.url
            ),
        ));
    }
    let judged = !expect.hosts.is_empty()
        || !expect.forbidden_urls.is_empty()
        || !expect.localhost.unwrap_or(own_place == Place::Here);
    if list.is_empty() && judged {
        list.push(Finding::pass(
            case.subject("hosts"),
            "talks to the right servers only",
            "no other",
        ));
    }
    list
}

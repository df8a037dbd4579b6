//! What the pages showed, in; findings, out.

use url::Url;

use super::facts::{Document, Facts, PageFacts, Rule};
use super::record::MAX_NAVIGATIONS;
use super::spec::{Browser, Element, Expect};
use super::{budgets, calls};
use crate::expect::{Matcher, Pattern};
use crate::outcome::{Finding, Judged};

/// Most findings of one sort about one page.
const MOST: usize = 5;

/// A page under judgement.
pub(super) struct Case<'a> {
    /// What it showed.
    pub(super) page: &'a PageFacts,
    /// What must hold.
    pub(super) expect: &'a Expect,
}

impl Case<'_> {
    /// What a finding is about.
    pub(super) fn subject(&self, what: &str) -> String {
        format!("{} {what}", self.page.name)
    }

    /// A finding that time alone may have caused: when the page did not get all of its time, nothing
    /// is known.
    pub(super) fn in_time(&self, finding: Finding) -> Finding {
        if self.page.cut_short && finding.verdict == Judged::Fail {
            finding.as_unknown()
        } else {
            finding
        }
    }

    /// Whether one of the patterns is found in the text.
    pub(super) fn allowed(patterns: &[Pattern], text: &str) -> bool {
        patterns.iter().any(|pattern| pattern.0.is_match(text))
    }

    /// Judges text against a matcher.
    pub(super) fn text(
        &self,
        code: &'static str,
        what: &str,
        matcher: &Matcher,
        seen: Option<&str>,
        message: &str,
    ) -> Finding {
        match matcher.check_text(seen) {
            Ok(()) => Finding::pass(
                self.subject(what),
                matcher.to_string(),
                seen.unwrap_or("nothing"),
            ),
            Err(mismatch) => Finding::fail(
                code,
                self.subject(what),
                mismatch.expected,
                mismatch.actual,
                format!("{} {message}", self.page.name),
            ),
        }
    }
}

/// Judges all pages.
pub(super) fn judge(spec: &Browser, facts: &Facts) -> Vec<Finding> {
    let visits = spec.visits();
    let mut findings: Vec<Finding> = visits
        .iter()
        .zip(&facts.pages)
        .flat_map(|(visit, page)| {
            judge_page(&Case {
                page,
                expect: &visit.expect,
            })
        })
        .collect();
    for missing in visits.iter().skip(facts.pages.len()) {
        findings.push(
            Finding::fail(
                "WEB-51",
                format!("{} page", missing.name),
                "opened",
                "not looked at",
                format!("{} was not opened", missing.name),
            )
            .as_unknown(),
        );
    }
    findings
}

/// Whether everything that may come later is there, so that nothing has to be waited for.
pub(super) fn shows_what_is_expected(expect: &Expect, page: &PageFacts) -> bool {
    let case = Case { page, expect };
    let Some(document) = &page.document else {
        return false;
    };
    let painted = (expect.max_fcp.is_none() || document.fcp_ms.is_some())
        && (expect.max_lcp.is_none() || document.lcp_ms.is_some());
    page.loaded
        && painted
        && awaited(&case, document)
            .iter()
            .all(|finding| finding.verdict == Judged::Pass)
}

/// What is waited for: something to see, elements, calls, the address.
fn awaited(case: &Case<'_>, document: &Document) -> Vec<Finding> {
    let mut list = vec![blank(case, document)];
    list.extend(address(case));
    list.extend(
        case.expect
            .elements
            .iter()
            .flat_map(|(selector, element)| elements(case, document, selector, element)),
    );
    list.extend(
        case.expect
            .calls
            .iter()
            .map(|call| calls::declared(case, call)),
    );
    list.into_iter()
        .map(|finding| case.in_time(finding))
        .collect()
}

/// Judges one page.
fn judge_page(case: &Case<'_>) -> Vec<Finding> {
    let page = case.page;
    if let Some(error) = &page.error {
        return vec![not_opened(case, error)];
    }
    if page.navigations > MAX_NAVIGATIONS {
        return vec![finished(case)];
    }
    let status = status(case);
    if status.verdict != Judged::Pass {
        return vec![status];
    }
    let mut findings = vec![finished(case), status];
    findings.extend(console(case));
    findings.extend(calls::requests(case));
    findings.extend(refused(case));
    findings.extend(calls::hosts(case));
    if let Some(document) = &page.document {
        findings.extend(awaited(case, document));
        findings.extend(budgets::about(case, document));
    }
    findings.extend(budgets::weight(case));
    if let Some(why) = &page.failed_step {
        let failed = Finding::fail(
            "WEB-10",
            case.subject("steps"),
            "every step can be done",
            format!("{} done, then {why}", page.steps_done),
            format!("{} {why}", page.name),
        );
        findings.push(case.in_time(failed));
    } else if page.steps_done > 0 {
        let done = format!("{} done", page.steps_done);
        findings.push(Finding::pass(
            case.subject("steps"),
            "every step can be done",
            done,
        ));
    }
    if case.expect.production_build == Some(true) {
        findings.extend(development(case));
    }
    findings
}

/// Whether an error of the browser says that the page could not be reached at all, which says
/// nothing about the page.
pub(super) fn is_network(error: &str) -> bool {
    const WORDS: &[&str] = &[
        "NAME_",
        "CONNECTION",
        "TIMED_OUT",
        "ADDRESS",
        "CERT",
        "SSL",
        "INTERNET",
        "NETWORK",
        "PROXY",
        "SOCKET",
        "TUNNEL",
        "DNS",
    ];
    WORDS.iter().any(|word| error.contains(word))
}

/// The finding of a page that did not come.
fn not_opened(case: &Case<'_>, error: &str) -> Finding {
    let page = case.page;
    let subject = case.subject("page");
    if error.contains("TOO_MANY_REDIRECTS") {
        let message = format!("{} is redirected in a circle", page.name);
        return Finding::fail("WEB-13", subject, "arrives somewhere", error, message);
    }
    let message = format!("{} cannot be opened: {error}", page.name);
    let finding = Finding::fail("WEB-51", subject, "opens", error, message);
    if is_network(error) {
        finding.as_unknown()
    } else {
        finding
    }
}

/// Status of the document.
fn status(case: &Case<'_>) -> Finding {
    let seen = case.page.status;
    let subject = case.subject("status");
    let value = seen.map(serde_json::Value::from);
    let (expected, good) = match &case.expect.status {
        Some(matcher) => (matcher.to_string(), matcher.check(value.as_ref()).is_ok()),
        None => (
            "200 to 299".to_owned(),
            seen.is_some_and(|status| (200..300).contains(&status)),
        ),
    };
    let actual = seen.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    if good {
        return Finding::pass(subject, expected, actual);
    }
    let message = match seen {
        Some(_) => format!("{} answers {actual}", case.page.name),
        None => format!("{} gives no answer", case.page.name),
    };
    let finding = Finding::fail("WEB-51", subject, expected, actual, message);
    if seen.is_none() {
        case.in_time(finding)
    } else {
        finding
    }
}

/// Whether the page came to an end.
fn finished(case: &Case<'_>) -> Finding {
    let page = case.page;
    let subject = case.subject("page");
    let fail = |code, actual: &str, message: String| {
        Finding::fail(code, subject.clone(), "finishes loading", actual, message)
    };
    if page.navigations > MAX_NAVIGATIONS {
        let actual = format!("{} documents, one after the other", page.navigations);
        return fail(
            "WEB-13",
            &actual,
            format!("{} goes on to another page again and again", page.name),
        );
    }
    if page.crashed {
        return fail(
            "WEB-51",
            "the tab crashed",
            format!("{} makes the browser's tab crash", page.name),
        );
    }
    if page.too_much {
        let message = format!(
            "{} loads more than readyctl is willing to: {} requests, {} bytes",
            page.name,
            page.requests.len(),
            page.bytes
        );
        return fail("WEB-51", "stopped", message).as_unknown();
    }
    if !page.loaded || page.document.is_none() {
        let waited = format!("not within {} ms", page.waited_ms);
        let what = if page.loaded {
            "is so busy that it answers nothing"
        } else {
            "does not finish loading"
        };
        return case.in_time(fail("WEB-51", &waited, format!("{} {what}", page.name)));
    }
    let load = page.document.as_ref().and_then(|document| document.load_ms);
    let actual = format!(
        "loaded{} with {} requests",
        load.map_or_else(String::new, |ms| format!(" in {ms:.0} ms")),
        page.requests.len()
    );
    Finding::pass(subject, "finishes loading", actual)
}

/// Whether there is something to see.
fn blank(case: &Case<'_>, document: &Document) -> Finding {
    let root = case.expect.root.as_deref();
    let what = root.map_or_else(|| "the page".to_owned(), |root| format!("`{root}`"));
    let subject = case.subject("content");
    let fail = |actual: &str, message: String| {
        Finding::fail(
            "WEB-01",
            subject.clone(),
            format!("{what} shows something"),
            actual,
            message,
        )
    };
    if !document.root_found {
        return fail(
            "no such element",
            format!("{} has no {what}", case.page.name),
        );
    }
    if document.text == 0 && document.visible == 0 {
        let message = format!(
            "{} is blank: {what} shows nothing after loading",
            case.page.name
        );
        return fail("empty", message);
    }
    let actual = format!(
        "{} characters, {} pictures and fields",
        document.text, document.visible
    );
    Finding::pass(subject.clone(), format!("{what} shows something"), actual)
}

/// Where the page ended up.
fn address(case: &Case<'_>) -> Vec<Finding> {
    let page = case.page;
    let mut list = Vec::new();
    let told = "ends at another address";
    if let Some(matcher) = &case.expect.final_url {
        list.push(case.text(
            "WEB-53",
            "final address",
            matcher,
            Some(&page.final_url),
            told,
        ));
    }
    if let Some(matcher) = &case.expect.final_path {
        let path = Url::parse(&page.final_url)
            .map(|url| url.path().to_owned())
            .ok();
        list.push(case.text("WEB-53", "final path", matcher, path.as_deref(), told));
    }
    list
}

/// Judges one element.
fn elements(
    case: &Case<'_>,
    document: &Document,
    selector: &str,
    element: &Element,
) -> Vec<Finding> {
    let subject = |what: &str| case.subject(&format!("`{selector}`{what}"));
    let Some(found) = document.elements.get(selector) else {
        let message = format!("{}: `{selector}` was not looked for", case.page.name);
        return vec![
            Finding::fail("WEB-54", subject(""), "looked for", "nothing", message).as_unknown(),
        ];
    };
    if let Some(error) = &found.error {
        let message = format!("`{selector}` is no selector: {error}");
        return vec![
            Finding::fail(
                "WEB-54",
                subject(""),
                "a CSS selector",
                error.clone(),
                message,
            )
            .as_unknown(),
        ];
    }
    let count = serde_json::Value::from(found.count);
    let (expected, good) = match &element.count {
        Some(matcher) => (matcher.to_string(), matcher.check(Some(&count)).is_ok()),
        None => ("at least 1".to_owned(), found.count > 0),
    };
    if !good {
        let message = format!("{} has {} of `{selector}`", case.page.name, found.count);
        return vec![Finding::fail(
            "WEB-54",
            subject(""),
            expected,
            found.count.to_string(),
            message,
        )];
    }
    let mut list = vec![Finding::pass(
        subject(""),
        expected,
        found.count.to_string(),
    )];
    if let Some(wanted) = element.visible {
        let words = |visible: bool| if visible { "visible" } else { "not visible" };
        let seen = found.count > 0 && found.visible;
        list.push(if seen == wanted {
            Finding::pass(subject(""), words(wanted), words(seen))
        } else {
            let message = format!("{}: `{selector}` is {}", case.page.name, words(seen));
            Finding::fail("WEB-54", subject(""), words(wanted), words(seen), message)
        });
    }
    let mut say = |what: String, matcher: &Matcher, seen: Option<&str>| {
        let told = format!("has another {what} at `{selector}`");
        let about = format!("`{selector}` {what}");
        list.push(case.text("WEB-54", &about, matcher, seen, &told));
    };
    let there = found.count > 0;
    if let Some(matcher) = &element.text {
        say(
            "text".to_owned(),
            matcher,
            Some(found.text.as_str()).filter(|_| there),
        );
    }
    for (name, matcher) in element.attributes.iter() {
        say(
            format!("attribute {name}"),
            matcher,
            found.attributes.get(name).map(String::as_str),
        );
    }
    for (name, matcher) in element.style.iter() {
        say(
            format!("style {name}"),
            matcher,
            found.style.get(name).map(String::as_str),
        );
    }
    list
}

/// Error messages and exceptions.
fn console(case: &Case<'_>) -> Vec<Finding> {
    let subject = case.subject("console");
    let list: Vec<_> = case
        .page
        .console
        .iter()
        .filter(|complaint| {
            let whole = format!("{} {}", complaint.text, complaint.url);
            !Case::allowed(&case.expect.allow_console, &whole)
        })
        .collect();
    if list.is_empty() {
        return vec![Finding::pass(subject, "no errors", "no errors")];
    }
    list.iter()
        .take(MOST)
        .map(|complaint| {
            let what = if complaint.uncaught {
                "throws an error that nobody catches"
            } else {
                "reports an error"
            };
            let message = format!("{} {what}: {}", case.page.name, complaint.text);
            let actual = format!("{} ({} in all)", complaint.text, list.len());
            Finding::fail("WEB-02", subject.clone(), "no errors", actual, message)
        })
        .collect()
}

/// What the browser refused.
fn refused(case: &Case<'_>) -> Vec<Finding> {
    let mut list: Vec<Finding> = case
        .page
        .refused
        .iter()
        .filter(|refused| !Case::allowed(&case.expect.allow_failed, &refused.what))
        .take(2 * MOST)
        .map(|refused| {
            let name = &case.page.name;
            let (code, what, expected, message) = match refused.rule {
                Rule::MixedContent => (
                    "WEB-04",
                    "mixed content",
                    "everything over HTTPS",
                    format!(
                        "{name} is served over HTTPS and asks for {} without",
                        refused.what
                    ),
                ),
                Rule::Csp => (
                    "WEB-06",
                    "content security policy",
                    "nothing of the page's own is blocked",
                    format!("{name} is kept by its own policy from {}", refused.what),
                ),
                Rule::Cors => (
                    "WEB-06",
                    "CORS",
                    "the page may read what it asks for",
                    format!("{name} may not read the answer of {}", refused.what),
                ),
            };
            let finding = Finding::fail(
                code,
                case.subject(what),
                expected,
                refused.what.clone(),
                message,
            );
            if refused.only_reported {
                finding.as_warning()
            } else {
                finding
            }
        })
        .collect();
    if list.is_empty() {
        list.push(Finding::pass(
            case.subject("refusals"),
            "the browser blocks nothing",
            "nothing blocked",
        ));
    }
    list
}

/// Marks of a development build.
fn development(case: &Case<'_>) -> Vec<Finding> {
    let subject = case.subject("build");
    if case.page.development.is_empty() {
        return vec![Finding::pass(
            subject,
            "for production",
            "no development server or build",
        )];
    }
    case.page
        .development
        .iter()
        .take(MOST)
        .map(|mark| {
            let message = format!("{} shows {mark}", case.page.name);
            Finding::fail(
                "WEB-07",
                subject.clone(),
                "for production",
                mark.clone(),
                message,
            )
        })
        .collect()
}

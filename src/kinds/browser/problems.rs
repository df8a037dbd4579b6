//! What cannot be meant, told before anything is contacted.

use url::Url;

use super::page::is_inside;
use super::spec::{Browser, Expect, Step};
use crate::kinds::SpecProblem;

/// Most pages of one check.
const MAX_PAGES: usize = 50;

/// Every problem of a check.
pub(super) fn of(spec: &Browser) -> Vec<SpecProblem> {
    let mut list = Vec::new();
    if !is_web(&spec.url) {
        list.push(SpecProblem::at(
            "url",
            "this is not an http or https URL without credentials",
            "write it in full, for example `https://app.example.com/`",
        ));
    }
    for visit in spec.visits().iter().filter(|_| is_web(&spec.url)) {
        if !is_web(&visit.url) {
            list.push(SpecProblem::at(
                "pages",
                format!("{} is no page of the web", visit.name),
                "write a path like `/ci`, or a full http or https URL",
            ));
        }
    }
    if spec.pages.len() > MAX_PAGES {
        list.push(SpecProblem::at(
            "pages",
            format!("{} pages are more than {MAX_PAGES}", spec.pages.len()),
            "split the check",
        ));
    }
    let mut names: Vec<String> = spec.visits().into_iter().map(|visit| visit.name).collect();
    names.sort();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        list.push(SpecProblem::at(
            "pages",
            format!("two pages are called {}", twice[0]),
            "give each a `name`",
        ));
    }
    if spec.max_wait.0.is_zero() {
        list.push(SpecProblem::at(
            "max_wait",
            "without waiting no page can load",
            "write a time, for example `10s`",
        ));
    }
    if !(200..=4000).contains(&spec.width) || !(200..=4000).contains(&spec.height) {
        list.push(SpecProblem::at(
            "width",
            "width and height lie between 200 and 4000 pixels",
            "write for example `width: 320`",
        ));
    }
    if spec
        .screenshots
        .as_ref()
        .is_some_and(|folder| !is_inside(folder))
    {
        list.push(SpecProblem::at(
            "screenshots",
            "pictures are only written below the working directory",
            "write a folder like `evidence/pages`",
        ));
    }
    expect_problems(&spec.expect, "expect", &mut list);
    for (at, page) in spec.pages.iter().enumerate() {
        expect_problems(&page.expect, &format!("pages[{at}].expect"), &mut list);
        for (number, step) in page.steps.iter().enumerate() {
            step_problems(
                spec,
                step,
                &format!("pages[{at}].steps[{number}]"),
                &mut list,
            );
        }
    }
    list
}

/// Whether this is an address that may be opened. Credentials in it would be shown by the browser.
fn is_web(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// Expectations that contradict each other or can never be met.
fn expect_problems(expect: &Expect, place: &str, list: &mut Vec<SpecProblem>) {
    if expect.final_url.is_some() && expect.final_path.is_some() {
        list.push(SpecProblem::at(
            format!("{place}.final_path"),
            "`final_url` says the path already",
            "keep one of the two",
        ));
    }
    if expect
        .max_cls
        .is_some_and(|most| !most.is_finite() || most < 0.0)
    {
        list.push(SpecProblem::at(
            format!("{place}.max_cls"),
            "a layout shift is a number from 0 on",
            "0.1 is good",
        ));
    }
    for (at, call) in expect.calls.iter().enumerate() {
        if call.url.0.as_str().is_empty() || call.min == 0 {
            list.push(SpecProblem::at(
                format!("{place}.calls[{at}]"),
                "this can never fail: it is true of a page that calls nothing",
                "write a pattern in `url`, and `min: 1` or more",
            ));
        }
    }
    for (field, patterns) in [
        ("allow_console", &expect.allow_console),
        ("allow_failed", &expect.allow_failed),
        ("forbidden_urls", &expect.forbidden_urls),
    ] {
        if patterns.iter().any(|pattern| pattern.0.as_str().is_empty()) {
            list.push(SpecProblem::at(
                format!("{place}.{field}"),
                "an empty pattern is found everywhere",
                "write a part of the message or address",
            ));
        }
    }
}

/// Steps that say nothing, too much, or what was not allowed.
fn step_problems(spec: &Browser, step: &Step, place: &str, list: &mut Vec<SpecProblem>) {
    let ways = [&step.wait_for, &step.click, &step.fill];
    if ways.iter().filter(|way| way.is_some()).count() != 1 {
        list.push(SpecProblem::at(
            place,
            "a step does exactly one thing",
            "write `wait_for`, `click`, or `fill` with `text`",
        ));
        return;
    }
    if step.fill.is_some() != step.text.is_some() {
        list.push(SpecProblem::at(
            place,
            "`fill` and `text` belong together",
            "write `{ fill: \"#name\", text: … }`",
        ));
    }
    if step.wait_for.is_none() && !spec.unsafe_steps {
        list.push(SpecProblem::at(
            place,
            "clicking and typing may change the target",
            "add `unsafe_steps: true` to the check when that does no harm here",
        ));
    }
}

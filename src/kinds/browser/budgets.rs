//! Judges what a page says about itself, how heavy it is and how long it takes.

use super::facts::Document;
use super::judge::Case;
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// Title, language, viewport, search engines, width and times.
pub(super) fn about(case: &Case<'_>, document: &Document) -> Vec<Finding> {
    let expect = case.expect;
    let mut list = Vec::new();
    if let Some(matcher) = &expect.title {
        let seen = document.title.as_deref();
        list.push(case.text("WEB-12", "title", matcher, seen, "has another title"));
    }
    if let Some(matcher) = &expect.lang {
        let seen = document.lang.as_deref();
        list.push(case.text("WEB-12", "language", matcher, seen, "says another language"));
    }
    if let Some(wanted) = expect.viewport {
        let there = document.viewport.is_some();
        list.push(stated(
            case,
            "viewport",
            wanted,
            there,
            document.viewport.as_deref(),
        ));
    }
    if let Some(wanted) = expect.noindex {
        let says = [
            document.robots.as_deref(),
            case.page.robots_header.as_deref(),
        ];
        let there = says.iter().flatten().any(|text| keeps_out(text));
        let shown = says.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let shown = Some(shown).filter(|text| !text.is_empty());
        list.push(stated(case, "noindex", wanted, there, shown.as_deref()));
    }
    if expect.fits_width == Some(true) {
        list.push(fits(case, document));
    }
    let times = [
        ("load event", expect.max_load, document.load_ms),
        ("first contentful paint", expect.max_fcp, document.fcp_ms),
        ("largest contentful paint", expect.max_lcp, document.lcp_ms),
    ];
    for (what, most, seen) in times {
        if let Some(most) = most {
            list.push(time(case, what, most, seen));
        }
    }
    if let Some(most) = expect.max_cls {
        let seen = document.cls.map(|cls| (cls, format!("{cls:.3}")));
        list.push(budget(
            case,
            "layout shift",
            &format!("at most {most}"),
            most,
            seen,
        ));
    }
    list
}

/// Whether words for search engines tell them to stay away.
fn keeps_out(words: &str) -> bool {
    words.split([',', ':', ' ']).any(|word| {
        matches!(
            word.trim().to_ascii_lowercase().as_str(),
            "noindex" | "none"
        )
    })
}

/// Something that must be there, or must not.
fn stated(case: &Case<'_>, what: &str, wanted: bool, there: bool, shown: Option<&str>) -> Finding {
    let words = |there: bool| if there { "present" } else { "absent" };
    let actual = shown.unwrap_or_else(|| words(there));
    if wanted == there {
        return Finding::pass(case.subject(what), words(wanted), actual);
    }
    let message = format!("{}: {what} is {}", case.page.name, words(there));
    Finding::fail("WEB-12", case.subject(what), words(wanted), actual, message)
}

/// Whether nothing sticks out to the side.
fn fits(case: &Case<'_>, document: &Document) -> Finding {
    let subject = case.subject("width");
    let expected = format!("at most {} pixels", document.window_width);
    let actual = format!("{} pixels", document.content_width);
    if document.window_width == 0 {
        let message = format!("{} does not say its width", case.page.name);
        return Finding::fail("WEB-17", subject, expected, actual, message).as_unknown();
    }
    if document.content_width <= document.window_width {
        return Finding::pass(subject, expected, actual);
    }
    let message = format!("{} is wider than the window", case.page.name);
    Finding::fail("WEB-17", subject, expected, actual, message)
}

/// A time against its bound.
fn time(case: &Case<'_>, what: &str, most: TimeSpan, seen: Option<f64>) -> Finding {
    let seen = seen.map(|ms| (ms, format!("{ms:.0} ms")));
    budget(
        case,
        what,
        &format!("at most {most}"),
        most.0.as_secs_f64() * 1e3,
        seen,
    )
}

/// A number against its bound; one that was not measured is not known to be small.
fn budget(
    case: &Case<'_>,
    what: &str,
    expected: &str,
    most: f64,
    seen: Option<(f64, String)>,
) -> Finding {
    let subject = case.subject(what);
    let name = &case.page.name;
    match seen {
        None => {
            let message = format!("{name}: {what} was not measured");
            Finding::fail("WEB-11", subject, expected, "not measured", message).as_unknown()
        }
        Some((number, shown)) if number.is_finite() && number <= most => {
            Finding::pass(subject, expected, shown)
        }
        Some((_, shown)) => {
            let message = format!("{name}: {what} {shown}, {expected} is allowed");
            Finding::fail("WEB-11", subject, expected, shown, message)
        }
    }
}

/// Bytes and requests.
pub(super) fn weight(case: &Case<'_>) -> Vec<Finding> {
    let page = case.page;
    let mut list = Vec::new();
    #[expect(clippy::cast_precision_loss, reason = "sizes of pages are small")]
    let number = |value: u64| value as f64;
    if let Some(most) = case.expect.max_bytes {
        let seen = Some((number(page.bytes), format!("{} bytes", page.bytes)));
        list.push(budget(
            case,
            "bytes",
            &format!("at most {most}"),
            number(most.0),
            seen,
        ));
    }
    if let Some(most) = case.expect.max_requests {
        let count = page.requests.len() as u64;
        let seen = Some((number(count), format!("{count} requests")));
        list.push(budget(
            case,
            "number of requests",
            &format!("at most {most}"),
            most.into(),
            seen,
        ));
    }
    list
}

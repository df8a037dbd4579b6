//! Whether foreign origins may read: the root cause first, its consequences folded into it.

use super::facts::{Access, Answer, Form, Seen};
use super::judge::{View, is_passing_trouble};
use super::origins::Class;
use crate::outcome::Finding;

/// The classes that resemble allowed origins, in the order of their findings.
const RESEMBLING: &[Class] = &[
    Class::Contains,
    Class::Prefix,
    Class::Suffix,
    Class::Truncated,
    Class::Dot,
    Class::Subdomain,
    Class::Insecure,
    Class::Port,
    Class::Special,
    Class::Userinfo,
    Class::Case,
    Class::Shared,
    Class::Developer,
    Class::Denied,
];

/// Judges every foreign origin asked as.
pub(super) fn judge(view: &View<'_>) -> Vec<Finding> {
    let mut list = Vec::new();
    if view.spec.private {
        list.push(private(view));
        return list;
    }
    let everyone = arbitrary(view, &mut list);
    if everyone {
        list.extend(as_the_user(view));
        return list;
    }
    list.push(of_class(view, Class::Null, &[]));
    let hit = |class| {
        view.answered()
            .any(|(seen, answer)| seen.class == class && may_read(seen, answer) >= Access::Named)
    };
    let suffix_of_site = suffix_hits(view).any(|origin| !is_sibling(view, origin));
    let mut consequences: Vec<Class> = Vec::new();
    if hit(Class::Contains) {
        consequences.extend([
            Class::Prefix,
            Class::Suffix,
            Class::Special,
            Class::Userinfo,
            Class::Subdomain,
            Class::Insecure,
            Class::Port,
        ]);
    }
    if hit(Class::Prefix) {
        consequences.extend([Class::Special, Class::Userinfo, Class::Port]);
    }
    if suffix_of_site {
        consequences.extend([Class::Subdomain, Class::Insecure, Class::Dot]);
    } else if hit(Class::Subdomain) || view.spec.subdomains {
        // The made-up host that only prolongs the first label is a subdomain of the site as well.
        consequences.push(Class::Suffix);
    }
    if view.spec.subdomains {
        consequences.push(Class::Subdomain);
    }
    for class in RESEMBLING {
        if view.seen.iter().any(|seen| seen.class == *class) {
            list.push(of_class(view, *class, &consequences));
        }
    }
    list
}

/// Where anybody may read without credentials, some origins may still read as the signed-in user.
fn as_the_user(view: &View<'_>) -> Vec<Finding> {
    let credentialed = |class: Class| {
        view.answered().any(|(seen, answer)| {
            seen.class == class && may_read(seen, answer) == Access::Credentialed
        })
    };
    if credentialed(Class::Arbitrary) {
        return Vec::new();
    }
    std::iter::once(&Class::Null)
        .chain(RESEMBLING)
        .filter(|class| credentialed(**class))
        .map(|class| of_class(view, *class, &[]))
        .collect()
}

/// What a page of the probe's origin may do.
fn may_read(seen: &Seen, answer: &Answer) -> Access {
    if matches!(seen.form, Form::Socket | Form::ErrorPath) {
        return Access::None;
    }
    answer.access(seen.origin.as_deref().unwrap_or_default())
}

/// The suffix probes that were let in.
fn suffix_hits<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a str> {
    view.answered()
        .filter(|(seen, answer)| {
            seen.class == Class::Suffix && may_read(seen, answer) >= Access::Named
        })
        .filter_map(|(seen, _)| seen.origin.as_deref())
}

/// Whether the origin is a subdomain of the site that a made-up subdomain also stands under.
fn is_sibling(view: &View<'_>, origin: &str) -> bool {
    view.seen
        .iter()
        .filter(|seen| seen.class == Class::Subdomain)
        .filter_map(|seen| seen.origin.as_deref()?.split_once("://readyctl-probe"))
        .any(|(_, site)| origin.ends_with(site))
}

/// Judges the origin that resembles nothing; tells whether it may read, so that all others may.
fn arbitrary(view: &View<'_>, list: &mut Vec<Finding>) -> bool {
    let foreign: Vec<(&Seen, &Answer)> = view
        .answered()
        .filter(|(seen, _)| {
            seen.class == Class::Arbitrary && !matches!(seen.form, Form::Socket | Form::ErrorPath)
        })
        .collect();
    let best = foreign
        .iter()
        .max_by_key(|(seen, answer)| may_read(seen, answer));
    let access = best.map_or(Access::None, |(seen, answer)| may_read(seen, answer));
    let star = foreign
        .iter()
        .find(|(seen, answer)| may_read(seen, answer) == Access::Anyone);
    if let Some((_, answer)) = star {
        list.extend(wildcard(view, answer));
    }
    let (Some((seen, answer)), true) = (best, access >= Access::Named) else {
        if star.is_none() {
            list.push(of_class(view, Class::Arbitrary, &[]));
        }
        return star.is_some();
    };
    let subject = view.subject("foreign origin");
    let shown = format!("{} ({})", answer.shown(), how(seen));
    list.push(if access == Access::Credentialed {
        Finding::fail(
            "CORS-03",
            subject,
            "not echoed",
            shown,
            "any page on the web may read this API as the signed-in user: the server echoes every Origin and permits credentials",
        )
    } else if view.spec.public {
        Finding::pass(subject, "may read without credentials", shown)
    } else {
        Finding::fail(
            "CORS-02",
            subject,
            "not echoed",
            shown,
            "any page on the web may read this API: the server echoes every Origin",
        )
    });
    true
}

/// What `*` means here.
fn wildcard(view: &View<'_>, answer: &Answer) -> Vec<Finding> {
    let mut list = Vec::new();
    if view.spec.public {
        list.push(Finding::pass(
            view.subject("wildcard"),
            "`*`, the API is declared public",
            answer.shown(),
        ));
    } else {
        list.push(Finding::fail(
            "CORS-51",
            view.subject("wildcard"),
            "named origins",
            answer.shown(),
            "the answer on the wire is `*`: any page may read this API without credentials, and it is not declared public",
        ));
    }
    if answer.credentials_allowed() {
        let finding = Finding::fail(
            "CORS-04",
            view.subject("wildcard with credentials"),
            "`*` without Access-Control-Allow-Credentials",
            answer.shown(),
            "`*` and credentials together: browsers refuse requests with credentials",
        );
        // Nothing breaks where nobody sends credentials.
        list.push(if view.spec.public {
            finding.as_warning()
        } else {
            finding
        });
    }
    list
}

/// How the probe was sent.
fn how(seen: &Seen) -> &'static str {
    match (seen.form, seen.cookie) {
        (Form::Preflight, _) => "preflight",
        (_, true) => "GET with a cookie",
        _ => "GET",
    }
}

/// One statement about all probes of a class; a class in `accepted` explains itself by another.
fn of_class(view: &View<'_>, class: Class, accepted: &[Class]) -> Finding {
    let probes = || {
        view.seen.iter().filter(|seen| {
            seen.class == class && !matches!(seen.form, Form::Socket | Form::ErrorPath)
        })
    };
    let mut names: Vec<&str> = probes().filter_map(|seen| seen.origin.as_deref()).collect();
    names.dedup();
    let subject = view.subject(class.words());
    let expected = format!("{} may not read", names.join(", "));
    let best = view
        .answered()
        .filter(|(seen, _)| seen.class == class)
        .map(|(seen, answer)| (may_read(seen, answer), seen, answer))
        .max_by_key(|(access, ..)| *access);
    if let Some((access, seen, answer)) = best
        && access >= Access::Named
    {
        let origin = seen.origin.as_deref().unwrap_or_default();
        let shown = format!("{} ({})", answer.shown(), how(seen));
        if accepted.contains(&class) {
            let why = if view.spec.subdomains && matches!(class, Class::Subdomain | Class::Suffix) {
                "subdomains are declared allowed"
            } else {
                "follows from another fault"
            };
            return Finding::pass(subject, expected, format!("{shown}; {why}"));
        }
        let with = if access == Access::Credentialed {
            " with credentials"
        } else {
            ""
        };
        // No browser sends an origin in upper case, and nginx maps never tell the two apart.
        if class == Class::Case {
            let shown = format!("{shown}; no browser sends this");
            return Finding::pass(subject, expected, shown);
        }
        return Finding::fail(
            class.code(),
            subject,
            expected,
            shown,
            format!("{origin} may read this API{with}: {}", why(class)),
        );
    }
    let unclear = probes().find(|seen| {
        let asked = seen.form != Form::Preflight || view.spec.needs_preflight();
        asked && !is_conclusive(view, seen)
    });
    if let Some(seen) = unclear {
        let shown = seen.answer.as_ref().map_or_else(
            || seen.error.clone().unwrap_or_else(|| "no answer".to_owned()),
            Answer::shown,
        );
        return Finding::fail(
            class.code(),
            subject,
            expected,
            shown,
            "the probe was not answered by the service itself, so nothing is known about this origin",
        )
        .as_unknown();
    }
    Finding::pass(subject, expected, shown_denied(view, class))
}

/// Why a class is let in.
fn why(class: Class) -> &'static str {
    match class {
        Class::Null => "every sandboxed frame has the origin `null`",
        Class::Prefix => "only the beginning of the origin is compared",
        Class::Suffix => "only the end of the origin is compared",
        Class::Contains => "it is enough to have the allowed name inside",
        Class::Truncated => "it is enough to be a piece of the allow-list",
        Class::Dot => "a dot of the pattern stands for any character",
        Class::Subdomain => "any subdomain is allowed, also one that does not exist",
        Class::Insecure => "the http:// variant is allowed, which the network can forge",
        Class::Port => "the port is not compared",
        Class::Special => "the pattern stops at a special character",
        Class::Userinfo => "the pattern stops at the user information",
        Class::Case => "letter case is not compared",
        Class::Shared => "anybody can publish under this hosting domain",
        Class::Developer => "pages of any local program are allowed in production",
        Class::Denied => "the profile denies it",
        Class::Arbitrary | Class::Allowed | Class::NoOrigin => "every origin is allowed",
    }
}

/// The statuses a denied class got, for a person.
fn shown_denied(view: &View<'_>, class: Class) -> String {
    view.answered()
        .find(|(seen, _)| seen.class == class)
        .map_or_else(|| "no answer".to_owned(), |(_, answer)| answer.shown())
}

/// Whether "no permission" in this answer means that the origin is refused, and not that the
/// service was limited, overloaded or broken at that moment.
fn is_conclusive(view: &View<'_>, seen: &Seen) -> bool {
    let Some(answer) = &seen.answer else {
        return false;
    };
    if is_passing_trouble(answer.status) {
        return false;
    }
    // Some frameworks answer 500 to origins they refuse; then the allowed ones get something else.
    answer.status < 500
        || view.answered().any(|(other, answer)| {
            other.form == seen.form && other.class == Class::Allowed && answer.status < 500
        })
}

/// An internal service: nobody at all.
fn private(view: &View<'_>) -> Finding {
    let subject = view.subject("any page");
    let expected = "no page may read an internal service";
    let open = view.answered().find(|(seen, answer)| {
        let foreign = matches!(seen.class, Class::Arbitrary | Class::Null);
        (foreign && may_read(seen, answer) != Access::None)
            || answer.allowed_origin().as_deref() == Some("*")
    });
    if let Some((seen, answer)) = open {
        return Finding::fail(
            "CORS-27",
            subject,
            expected,
            format!("{} ({})", answer.shown(), how(seen)),
            "any page that somebody inside the network opens may read this internal service",
        );
    }
    let unclear = view.seen.iter().find(|seen| {
        seen.form == Form::Actual
            && matches!(seen.class, Class::Arbitrary | Class::Null)
            && seen
                .answer
                .as_ref()
                .is_none_or(|answer| is_passing_trouble(answer.status))
    });
    if let Some(seen) = unclear {
        return Finding::fail(
            "CORS-27",
            subject,
            expected,
            seen.answer.as_ref().map_or_else(
                || seen.error.clone().unwrap_or_else(|| "no answer".to_owned()),
                Answer::shown,
            ),
            "a foreign origin got no answer of the service, so nothing is known about it",
        )
        .as_unknown();
    }
    let plain = view
        .answered()
        .find(|(seen, _)| seen.class == Class::NoOrigin)
        .map(|(_, answer)| answer);
    match plain {
        Some(answer) if answer.status != 404 && answer.status < 500 && answer.status != 429 => {
            Finding::pass(subject, expected, answer.shown())
        }
        answer => Finding::fail(
            "CORS-27",
            subject,
            expected,
            answer.map_or_else(|| "no answer".to_owned(), Answer::shown),
            "the route does not answer properly, so nothing is known about it; name one that does",
        )
        .as_unknown(),
    }
}

//! Judging the chain: whether it is trusted, complete and in order, and whom it is for.

use super::describe::Certificate;
use super::judge::{moment, of, state};
use super::observe::Seen;
use super::verifier::Trust;
use crate::outcome::Finding;

/// Whether the chain leads to a trusted authority, and is well made.
pub(super) fn trust(
    seen: &Seen,
    leaf: &Certificate,
    now: i64,
    several: bool,
    own_ca: bool,
) -> Finding {
    let subject = of("chain", seen, several);
    let expected = "complete and trusted";
    let broken = match seen.trust.as_ref() {
        Some(Trust::Trusted) => None,
        None => {
            let message = "the chain could not be judged";
            return Finding::fail("TLS-05", subject, expected, "unknown", message).as_unknown();
        }
        // Its own signature, weak or not, convinces nobody.
        Some(Trust::WeakSignature | Trust::Other(_)) if leaf.self_issued => {
            Some(unknown_issuer(seen, leaf, own_ca))
        }
        Some(Trust::UnknownIssuer) => Some(unknown_issuer(seen, leaf, own_ca)),
        Some(Trust::Expired | Trust::NotYetValid) => {
            let outdated = |c: &&Certificate| c.not_after < now || now < c.not_before;
            let actual = seen.chain.iter().skip(1).find(outdated).map_or_else(
                || "a certificate of the chain is out of date".to_owned(),
                |c| {
                    let (from, until) = (moment(c.not_before), moment(c.not_after));
                    format!("{}: {from} to {until}", c.subject)
                },
            );
            let message = format!("the chain is broken by dates: {actual}");
            Some(("TLS-03", actual, message))
        }
        Some(Trust::WeakSignature) => Some((
            "TLS-12",
            "a signature is not accepted".to_owned(),
            "a certificate of the chain has a signature or key that is no longer accepted"
                .to_owned(),
        )),
        Some(Trust::Other(words)) => Some((
            "TLS-04",
            words.clone(),
            format!("the chain is not acceptable: {words}"),
        )),
    };
    if let Some((code, actual, message)) = broken {
        return Finding::fail(code, subject, expected, actual, message);
    }
    // Trusted, but clients that do not sort would stumble.
    let last = seen.chain.len().saturating_sub(1);
    let in_order =
        |(at, certificate): (usize, &Certificate)| at >= last || certificate.next_is_issuer;
    if !seen.chain.iter().enumerate().all(in_order) {
        let message = "the certificates are not sent in order, or some do not belong there";
        let actual = "disordered or superfluous";
        return Finding::fail("TLS-04", subject, expected, actual, message).as_warning();
    }
    Finding::pass(subject, expected, format!("issued by {}", leaf.issuer))
}

/// Why no authority was reached: self-signed, an intermediate is missing, or nobody known.
fn unknown_issuer(seen: &Seen, leaf: &Certificate, own_ca: bool) -> (&'static str, String, String) {
    let issuer = &leaf.issuer;
    if leaf.self_issued {
        let message = format!("the certificate of {} is self-signed", leaf.subject);
        return ("TLS-05", "self-signed".to_owned(), message);
    }
    let sent = seen.chain.len();
    let missing = !seen.chain.iter().skip(1).any(|c| c.subject == *issuer);
    // A private authority may sign leaves itself; then its name alone does not say whether it is
    // an intermediate. Public leaves say where their issuer can be fetched.
    if missing && (leaf.names_issuer_url || own_ca || sent > 1) {
        let actual = format!("{sent} certificates, none of {issuer}");
        let message = format!(
            "the server does not send the intermediate {issuer}, or it is an authority not known here"
        );
        return ("TLS-04", actual, message);
    }
    let top = seen.chain.last().map_or(issuer, |top| &top.issuer);
    let message =
        format!("no trusted authority is behind the certificate: {top} is not known here");
    ("TLS-05", format!("issued by {top}"), message)
}

/// Names that must be covered.
pub(super) fn names(seen: &Seen, leaf: &Certificate, several: bool) -> Vec<Finding> {
    let shown: Vec<&str> = leaf.names.iter().take(10).map(String::as_str).collect();
    let actual = if shown.is_empty() {
        "the certificate lists no name".to_owned()
    } else {
        format!("covers {}", shown.join(", "))
    };
    seen.names
        .iter()
        .map(|(name, covered)| {
            state(
                *covered,
                "TLS-06",
                of(&format!("name {name}"), seen, several),
                "covered",
                if *covered {
                    "covered".to_owned()
                } else {
                    actual.clone()
                },
                format!("the certificate is not for {name}"),
            )
        })
        .collect()
}

/// A demanded revocation status.
pub(super) fn staple(seen: &Seen, leaf: &Certificate, several: bool) -> Option<Finding> {
    leaf.must_staple.then(|| {
        state(
            seen.stapled,
            "TLS-14",
            of("stapled status", seen, several),
            "present, the certificate demands it",
            if seen.stapled { "present" } else { "missing" },
            "the certificate demands a stapled revocation status and the server sends none",
        )
    })
}

//! Judging what was presented.

use jiff::Timestamp;

use super::describe::Certificate;
use super::hello::{Offer, Reply};
use super::judge_chain::{names, staple, trust};
use super::lifetimes;
use super::observe::{Facts, Seen};
use super::verifier::Trust;
use super::{LifetimeCap, Tls};
use crate::expect::TimeSpan;
use crate::outcome::{Finding, Judged};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Longest lifetime of certificates that are surely renewed by a program.
const AUTOMATED: i64 = 100 * DAY;

/// A share of the lifetime never asks for more than this.
const MOST_BY_FRACTION: i64 = 30 * DAY;

/// A moment as a day and time.
pub(super) fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "a date beyond the calendar".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// A number of seconds as people say it.
fn span(seconds: i64) -> TimeSpan {
    TimeSpan::seconds(u64::try_from(seconds).unwrap_or(0))
}

/// One statement.
pub(super) fn state(
    good: bool,
    code: &'static str,
    subject: String,
    expected: impl Into<String>,
    actual: impl Into<String>,
    message: impl Into<String>,
) -> Finding {
    if good {
        Finding::pass(subject, expected, actual)
    } else {
        Finding::fail(code, subject, expected, actual, message)
    }
}

/// The subject, with the address when there are several.
pub(super) fn of(what: &str, seen: &Seen, several: bool) -> String {
    if several {
        format!("{what} at {}", seen.address)
    } else {
        what.to_owned()
    }
}

impl Tls {
    /// Every statement.
    pub(super) fn findings(&self, facts: &Facts, now: Timestamp) -> Vec<Finding> {
        let now = now.as_second();
        let several = facts.seen.len() > 1;
        let mut findings = Vec::new();
        for seen in &facts.seen {
            if let Some(fault) = &seen.nothing {
                let subject = of("certificate", seen, several);
                // Where only old versions are spoken, the offers below say so.
                let finding = Finding::fail(
                    "TLS-53",
                    subject,
                    "presented in a handshake",
                    fault.message.clone(),
                    fault.message.clone(),
                );
                findings.push(if several {
                    finding
                } else {
                    finding.as_unknown()
                });
                continue;
            }
            let Some(leaf) = seen.chain.first() else {
                findings.push(
                    Finding::fail(
                        "TLS-05",
                        of("certificate", seen, several),
                        "readable",
                        "not readable",
                        "the server's certificate cannot be read",
                    )
                    .as_unknown(),
                );
                continue;
            };
            let before = findings.len();
            findings.extend(self.dates(seen, leaf, now, several));
            findings.push(trust(seen, leaf, now, several, self.ca_file().is_some()));
            findings.extend(names(seen, leaf, several));
            findings.extend(self.strength(seen, several));
            findings.extend(self.lifetime(seen, leaf, several));
            findings.extend(staple(seen, leaf, several));
            let red = findings
                .iter()
                .skip(before)
                .any(|finding| finding.verdict == Judged::Fail);
            findings.extend(self.session(seen, several, red));
        }
        findings.extend(self.sameness(facts));
        findings.extend(self.offered(facts));
        findings
    }

    /// Dates of the leaf and its intermediates.
    fn dates(&self, seen: &Seen, leaf: &Certificate, now: i64, several: bool) -> Vec<Finding> {
        let subject = of("validity", seen, several);
        let until = moment(leaf.not_after);
        if now < leaf.not_before {
            let actual = format!("valid from {}", moment(leaf.not_before));
            // An authority's certificate is older than what it signs.
            if seen
                .chain
                .iter()
                .skip(1)
                .any(|issuer| now < issuer.not_before)
            {
                return vec![Finding::fail(
                    "TLS-18",
                    subject,
                    "valid now",
                    actual,
                    format!("the clock of this machine says {}, before even the authority's certificate begins", moment(now)),
                ).as_unknown()];
            }
            let message = format!(
                "the certificate is not valid before {}; check the clocks",
                moment(leaf.not_before)
            );
            return vec![Finding::fail(
                "TLS-01",
                subject,
                "valid now",
                actual,
                message,
            )];
        }
        if now > leaf.not_after {
            let message = format!("the certificate expired on {until}");
            return vec![Finding::fail(
                "TLS-01",
                subject,
                "valid now",
                format!("expired on {until}"),
                message,
            )];
        }
        let lifetime = leaf.not_after - leaf.not_before;
        let left = leaf.not_after - now;
        let needed = self.needed(lifetime);
        let actual = format!("{} left, until {until}", span(left));
        let mut findings = vec![state(
            left >= needed,
            "TLS-02",
            subject,
            format!("at least {} left", span(needed)),
            actual.clone(),
            format!("the certificate expires on {until}, in {}", span(left)),
        )];
        if left >= needed {
            findings.extend(self.renewal(seen, leaf, now, several));
        }
        findings.extend(self.intermediates(seen, leaf, now, several));
        findings
    }

    /// Seconds that must be left of a lifetime.
    fn needed(&self, lifetime: i64) -> i64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "a share of a lifetime, to the second"
        )]
        let share = (lifetime as f64 * self.min_fraction_left) as i64;
        let floor = i64::try_from(self.min_left.as_secs()).unwrap_or(i64::MAX);
        share.min(MOST_BY_FRACTION).max(floor)
    }

    /// Whether a renewal is overdue.
    fn renewal(&self, seen: &Seen, leaf: &Certificate, now: i64, several: bool) -> Option<Finding> {
        let lifetime = leaf.not_after - leaf.not_before;
        if self.renewed_after_fraction.is_none() && lifetime > AUTOMATED {
            return None;
        }
        let allowed = self.renewed_after_fraction.unwrap_or(0.7);
        #[expect(clippy::cast_precision_loss, reason = "a share, shown in percent")]
        let used = (now - leaf.not_before) as f64 / lifetime.max(1) as f64;
        let expected = format!(
            "renewed before {:.0}% of {}",
            allowed * 100.0,
            span(lifetime)
        );
        let actual = format!("{:.0}% used", used * 100.0);
        let finding = state(
            used <= allowed,
            "TLS-17",
            of("renewal", seen, several),
            expected,
            actual.clone(),
            format!(
                "{actual} of the certificate's {}: the automatic renewal has not run",
                span(lifetime)
            ),
        );
        Some(if used > allowed && self.renewed_after_fraction.is_none() {
            finding.as_warning()
        } else {
            finding
        })
    }

    /// Whether the chain holds as long as the leaf does.
    fn intermediates(
        &self,
        seen: &Seen,
        leaf: &Certificate,
        now: i64,
        several: bool,
    ) -> Option<Finding> {
        if seen.trust != Some(Trust::Trusted) {
            return None;
        }
        let subject = of("intermediates", seen, several);
        let expected = "valid as long as the certificate";
        let others = seen.chain.iter().skip(1).filter(|c| !c.self_issued);
        let Some(earliest) = others
            .filter(|issuer| issuer.not_after < leaf.not_after)
            .min_by_key(|issuer| issuer.not_after)
        else {
            return Some(Finding::pass(subject, expected, "they are"));
        };
        let left = earliest.not_after - now;
        let until = moment(earliest.not_after);
        let actual = format!("{} ends on {until}", earliest.subject);
        if seen.trust_at_end == Some(Trust::Trusted) {
            // An expired cross-sign that clients do not need.
            let message = format!("{actual}, but the chain holds without it: stop sending it");
            return Some(Finding::fail("TLS-03", subject, expected, actual, message).as_warning());
        }
        let message = format!("the intermediate {actual}, before the certificate itself");
        let finding = Finding::fail("TLS-03", subject, expected, actual, message);
        let lifetime = leaf.not_after - leaf.not_before;
        Some(if left < self.needed(lifetime) {
            finding
        } else {
            finding.as_warning()
        })
    }

    /// Keys and signatures, roots aside: nobody checks the signature of a root.
    fn strength(&self, seen: &Seen, several: bool) -> Vec<Finding> {
        let subject = of("key and signature", seen, several);
        let expected = format!("RSA {} or EC 256 bits, no SHA-1", self.min_rsa_bits);
        let mut findings = Vec::new();
        for (at, certificate) in seen.chain.iter().enumerate() {
            if at > 0 && certificate.self_issued {
                continue;
            }
            let least = match certificate.key.as_str() {
                "RSA" => self.min_rsa_bits,
                "EC" => 256,
                _ => 0,
            };
            let actual = format!(
                "{} {} bits, {}",
                certificate.key, certificate.key_bits, certificate.signature
            );
            if certificate.key_bits < least || certificate.weak_signature {
                let message = format!(
                    "{} has a weak key or signature: {actual}",
                    certificate.subject
                );
                findings.push(Finding::fail(
                    "TLS-12",
                    subject.clone(),
                    expected.clone(),
                    actual,
                    message,
                ));
            } else if at == 0 {
                findings.push(Finding::pass(subject.clone(), expected.clone(), actual));
            }
        }
        findings
    }

    /// Whether the lifetime is allowed to a public certificate of its day of issue.
    fn lifetime(&self, seen: &Seen, leaf: &Certificate, several: bool) -> Option<Finding> {
        let judged = match self.lifetime_cap {
            LifetimeCap::Never => false,
            LifetimeCap::Always => true,
            LifetimeCap::Public => seen.public,
        };
        let (days, since) = judged.then(|| lifetimes::cap(leaf.not_before)).flatten()?;
        let lifetime = leaf.not_after - leaf.not_before;
        let expected = format!("at most {days} days for certificates issued since {since}");
        let actual = format!("{} days", lifetime / DAY);
        Some(state(
            lifetime <= days * DAY,
            "TLS-15",
            of("lifetime", seen, several),
            expected,
            actual.clone(),
            format!("the certificate lives {actual}, browsers accept {days}"),
        ))
    }

    /// Version, protocol, client certificates.
    fn session(&self, seen: &Seen, several: bool, already_red: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(wanted) = self.client_certificate {
            let word = |asks: bool| if asks { "asked for" } else { "not asked for" };
            findings.push(state(
                seen.asks_client == wanted || (seen.failed.is_some() && already_red),
                "TLS-52",
                of("client certificate", seen, several),
                word(wanted),
                word(seen.asks_client),
                format!("a client certificate is {}", word(seen.asks_client)),
            ));
        }
        if let Some(failed) = &seen.failed {
            // A server that asks for a client certificate ends the handshake without one.
            if !seen.asks_client && !already_red {
                findings.push(Finding::fail(
                    if seen.refused.is_some() {
                        "TLS-05"
                    } else {
                        "TLS-53"
                    },
                    of("handshake", seen, several),
                    "completed",
                    failed.clone(),
                    failed.clone(),
                ));
            }
            return findings;
        }
        let version = seen.version.as_deref().unwrap_or("unknown");
        let subject = of("TLS 1.3", seen, several);
        match self.require_tls13 {
            Some(false) => {
                let cipher = seen.cipher.as_deref().unwrap_or("an unknown cipher");
                let actual = format!("TLS {version}, {cipher}");
                findings.push(Finding::pass(
                    of("handshake", seen, several),
                    "completed",
                    actual,
                ));
            }
            required => {
                let finding = state(
                    version == "1.3",
                    "TLS-10",
                    subject,
                    "spoken",
                    format!("TLS {version}"),
                    format!("the server speaks TLS {version} with a client that offers 1.3"),
                );
                findings.push(if version != "1.3" && required.is_none() {
                    finding.as_warning()
                } else {
                    finding
                });
            }
        }
        if !self.alpn.is_empty() {
            let chosen = seen.alpn.as_deref().unwrap_or("none");
            findings.push(state(
                self.alpn.iter().any(|wanted| wanted == chosen),
                "TLS-51",
                of("application protocol", seen, several),
                format!("one of {}", self.alpn.join(", ")),
                chosen,
                format!(
                    "the server chose {chosen} of the protocols {}",
                    self.alpn.join(", ")
                ),
            ));
        }
        findings
    }

    /// Whether all addresses, and clients without a name, get the same certificate.
    fn sameness(&self, facts: &Facts) -> Vec<Finding> {
        let mut findings = Vec::new();
        let prints: Vec<(&str, &str)> = facts
            .seen
            .iter()
            .filter_map(|seen| {
                Some((
                    seen.address.as_str(),
                    seen.chain.first()?.fingerprint.as_str(),
                ))
            })
            .collect();
        let short = |print: &str| print.chars().take(16).collect::<String>();
        if let [(_, first), rest @ ..] = prints.as_slice()
            && !rest.is_empty()
            && self.same_certificate != Some(false)
        {
            let differ = rest.iter().any(|(_, print)| print != first);
            let actual: Vec<String> = prints
                .iter()
                .map(|(address, print)| format!("{address} {}", short(print)))
                .collect();
            let finding = state(
                !differ,
                "TLS-07",
                "certificates of all addresses".to_owned(),
                "the same",
                if differ {
                    actual.join(", ")
                } else {
                    "the same".to_owned()
                },
                format!(
                    "the addresses of {} present different certificates",
                    facts.name
                ),
            );
            findings.push(if differ && self.same_certificate.is_none() {
                finding.as_warning()
            } else {
                finding
            });
        }
        if self.same_without_name {
            let named = prints.first().map(|(_, print)| *print);
            let nameless = facts.without_name.as_deref();
            findings.push(state(
                nameless.is_some() && nameless == named,
                "TLS-08",
                "certificate without a name".to_owned(),
                "the same",
                nameless.map_or_else(|| "none".to_owned(), short),
                "a client that names no server gets another certificate, or none",
            ));
        }
        findings
    }

    /// Replies to offers that must be turned down.
    fn offered(&self, facts: &Facts) -> Vec<Finding> {
        facts
            .offers
            .iter()
            .map(|(offer, reply)| {
                let code = match offer {
                    Offer::Tls10 | Offer::Tls11 | Offer::Tls12 => "TLS-09",
                    Offer::WeakCiphers | Offer::NoForwardSecrecy => "TLS-11",
                };
                let subject = format!("offer of {}", offer.words());
                let actual = match reply {
                    Reply::Accepted => "accepted",
                    Reply::Refused => "refused",
                    Reply::Unknown => "no clear answer",
                };
                let message = format!("{} accepts an offer of {}", facts.target, offer.words());
                let finding = state(
                    *reply == Reply::Refused,
                    code,
                    subject,
                    "refused",
                    actual,
                    message,
                );
                match (reply, offer) {
                    (Reply::Unknown, _) => finding.as_unknown(),
                    (Reply::Accepted, Offer::NoForwardSecrecy) => finding.as_warning(),
                    _ => finding,
                }
            })
            .collect()
    }
}

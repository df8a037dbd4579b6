//! Answers in; findings, out.

use std::net::IpAddr;

use super::facts::{Answer, Facts};
use super::{Dns, Wanted};
use crate::outcome::Finding;

/// Most mechanisms of an SPF policy that ask another name (RFC 7208).
const MOST_LOOKUPS: usize = 10;

/// Judges everything.
pub(super) fn judge(spec: &Dns, facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts
        .answers
        .iter()
        .flat_map(|answer| judge_answer(spec, answer))
        .collect();
    findings.extend(agreement(spec, facts));
    findings.extend(reached(spec, facts));
    if let Some(issuer) = &spec.expect.issuer {
        findings.push(caa(issuer, facts));
    }
    if let Some(answer) = &facts.wildcard {
        findings.push(wildcard(answer));
    }
    if let Some(answer) = &facts.dmarc {
        findings.push(dmarc(answer));
    }
    findings
}

/// Judges the answer of one server.
fn judge_answer(spec: &Dns, answer: &Answer) -> Vec<Finding> {
    let subject = format!("{} {} at {}", spec.r#type, answer.name, answer.server);
    if let Some(finding) = unknown(answer, &subject) {
        return vec![finding];
    }
    let code = answer.code.as_deref().unwrap_or_default();
    let nothing = answer.records.is_empty();
    let seen = words(answer);
    if spec.expect.answer == Wanted::Nothing {
        let there = nothing && matches!(code, "NOERROR" | "NXDOMAIN");
        return vec![if there {
            Finding::pass(subject, "nothing", seen)
        } else {
            let message = format!("{} must not be there: {seen}", answer.name);
            Finding::fail("DNS-51", subject, "nothing", seen, message)
        }];
    }
    let fail = |code, message: String| {
        vec![Finding::fail(
            code,
            subject.clone(),
            "at least one record",
            seen.clone(),
            message,
        )]
    };
    let dangling = answer.aliases.last().filter(|_| nothing);
    match (code, dangling) {
        ("NOERROR", None) if nothing => {
            return fail(
                "DNS-02",
                format!("{} is there, without any {}", answer.name, spec.r#type),
            );
        }
        ("NOERROR", Some(target)) if answer.authoritative => {
            let message = format!(
                "{} is an alias of {target}, which this server does not follow: ask a resolver",
                answer.name
            );
            return fail("DNS-08", message)
                .into_iter()
                .map(Finding::as_unknown)
                .collect();
        }
        ("NOERROR" | "NXDOMAIN", Some(target)) => {
            return fail(
                "DNS-08",
                format!(
                    "{} is an alias of {target}, and that leads nowhere",
                    answer.name
                ),
            );
        }
        ("NOERROR", _) => {}
        ("NXDOMAIN", None) => return fail("DNS-01", format!("there is no {}", answer.name)),
        (other, _) => {
            let message = format!("{} answers {other} about {}", answer.server, answer.name);
            return fail("DNS-01", message);
        }
    }
    let mut list = vec![Finding::pass(subject.clone(), "at least one record", seen)];
    list.extend(values(spec, answer, &subject));
    list.extend(ttl(spec, answer, &subject));
    if spec.expect.public {
        list.push(public(answer, &subject));
    }
    if spec.expect.spf {
        list.push(spf(answer, &subject));
    }
    list
}

/// The finding of a server that said nothing.
fn unknown(answer: &Answer, subject: &str) -> Option<Finding> {
    let why = answer.failure.as_ref()?;
    let message = format!(
        "{} does not answer about {}: {why}",
        answer.server, answer.name
    );
    Some(Finding::fail("DNS-01", subject, "an answer", why.clone(), message).as_unknown())
}

/// What an answer says, in words.
fn words(answer: &Answer) -> String {
    let code = answer.code.as_deref().unwrap_or("no answer");
    if answer.records.is_empty() {
        return format!("{code}, no record");
    }
    let values: Vec<&str> = answer
        .records
        .iter()
        .map(|r| r.value.as_str())
        .take(8)
        .collect();
    values.join(", ")
}

/// Whether two values are the same; case means nothing in names.
fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches('.').to_lowercase();
    a == b || plain(a) == plain(b)
}

/// Which values there are, and how many.
fn values(spec: &Dns, answer: &Answer, subject: &str) -> Vec<Finding> {
    let expect = &spec.expect;
    let has = |wanted: &str| {
        answer
            .records
            .iter()
            .any(|record| same(&record.value, wanted))
    };
    let mut list = Vec::new();
    let mut say = |good: bool, code, expected: String, message: String| {
        list.push(if good {
            Finding::pass(subject, expected, words(answer))
        } else {
            Finding::fail(code, subject, expected, words(answer), message)
        });
    };
    for wanted in expect.values.iter().chain(&expect.include) {
        let message = format!(
            "{} does not give {wanted} for {}",
            answer.server, answer.name
        );
        say(
            has(wanted),
            "DNS-03",
            format!("{wanted} among them"),
            message,
        );
    }
    if !expect.values.is_empty() {
        for record in &answer.records {
            let known = expect
                .values
                .iter()
                .any(|wanted| same(&record.value, wanted));
            if !known {
                let message = format!(
                    "{} gives {}, which nobody expects, for {}",
                    answer.server, record.value, answer.name
                );
                say(
                    false,
                    "DNS-03",
                    format!("only {}", expect.values.join(", ")),
                    message,
                );
            }
        }
    }
    for unwanted in &expect.exclude {
        let message = format!(
            "{} still gives {unwanted} for {}",
            answer.server, answer.name
        );
        say(
            !has(unwanted),
            "DNS-03",
            format!("{unwanted} not among them"),
            message,
        );
    }
    if let Some(matcher) = &expect.each {
        for record in &answer.records {
            let good = matcher.check_text(Some(&record.value)).is_ok();
            let message = format!("{} has the record {}", answer.name, record.value);
            say(good, "DNS-03", format!("each {matcher}"), message);
        }
    }
    list.extend(count(spec, answer, subject));
    list
}

/// How many records there are; a single name server is too few unless that is allowed.
fn count(spec: &Dns, answer: &Answer, subject: &str) -> Option<Finding> {
    let servers = spec.r#type.eq_ignore_ascii_case("NS");
    let count = answer.records.len();
    let number = serde_json::Value::from(count);
    let (good, expected) = match &spec.expect.count {
        Some(matcher) => (
            matcher.check(Some(&number)).is_ok(),
            format!("number of records {matcher}"),
        ),
        None if servers => (count > 1, "at least 2 name servers".to_owned()),
        None => return None,
    };
    let code = if servers { "DNS-12" } else { "DNS-03" };
    let message = format!("{} has {count} {} records", answer.name, spec.r#type);
    Some(if good {
        Finding::pass(subject, expected, words(answer))
    } else {
        Finding::fail(code, subject, expected, words(answer), message)
    })
}

/// How long records may be kept. A resolver tells only how much of that is left.
fn ttl(spec: &Dns, answer: &Answer, subject: &str) -> Vec<Finding> {
    let (min, max) = (spec.expect.min_ttl, spec.expect.max_ttl);
    let mut list = Vec::new();
    for (bound, least) in [(min, true), (max, false)] {
        let Some(bound) = bound else { continue };
        let seconds = answer.records.iter().map(|record| u64::from(record.ttl));
        let seen = if least { seconds.min() } else { seconds.max() }.unwrap_or(0);
        let good = if least {
            seen >= bound.as_secs()
        } else {
            seen <= bound.as_secs()
        };
        let what = if least { "at least" } else { "at most" };
        let (expected, actual) = (format!("TTL {what} {bound}"), format!("{seen} s"));
        // More than allowed, or at least as much as needed, is left: that much is known for sure.
        let sure = answer.authoritative || good == least;
        list.push(if good && sure {
            Finding::pass(subject, expected, actual)
        } else {
            let message = format!("{} may be kept for {actual}", answer.name);
            let finding = Finding::fail("DNS-06", subject, expected, actual, message);
            if sure { finding } else { finding.as_unknown() }
        });
    }
    list
}

/// Whether an address can be reached from the whole internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b)))
        }
        // What is not 2000::/3 was never given to anyone; 2001:db8::/32 is for documents.
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            (a & 0xe000) == 0x2000 && !(a == 0x2001 && b == 0xdb8)
        }
    }
}

/// Whether all addresses are public.
fn public(answer: &Answer, subject: &str) -> Finding {
    let expected = "public addresses only";
    let private = answer.records.iter().find(|record| {
        record
            .value
            .parse()
            .is_ok_and(|address| !is_public(address))
    });
    match private {
        None => Finding::pass(subject, expected, words(answer)),
        Some(record) => {
            let message = format!(
                "{} leads to {}, which is nobody's address on the internet",
                answer.name, record.value
            );
            Finding::fail("DNS-04", subject, expected, words(answer), message)
        }
    }
}

/// Whether all servers that answered say the same.
fn agreement(spec: &Dns, facts: &Facts) -> Option<Finding> {
    let answered: Vec<&Answer> = facts.answers.iter().filter(|a| a.code.is_some()).collect();
    let first = answered.first().filter(|_| answered.len() > 1)?;
    if spec.expect.agree == Some(false) {
        return None;
    }
    let said = |answer: &Answer| -> Vec<String> {
        let mut values: Vec<String> = answer
            .records
            .iter()
            .map(|record| record.value.to_lowercase())
            .collect();
        values.dedup();
        values
    };
    let subject = format!("{} {} everywhere", spec.r#type, facts.name);
    let other = answered.iter().find(|answer| said(answer) != said(first));
    Some(match other {
        None => Finding::pass(subject, "the same at every server", words(first)),
        Some(other) => {
            let actual = format!(
                "{}: {}; {}: {}",
                first.server,
                words(first),
                other.server,
                words(other)
            );
            let message = format!(
                "{} and {} disagree about {}",
                first.server, other.server, facts.name
            );
            Finding::fail(
                "DNS-07",
                subject,
                "the same at every server",
                actual,
                message,
            )
        }
    })
}

/// Whether every address accepts connections.
fn reached(spec: &Dns, facts: &Facts) -> Vec<Finding> {
    let Some(port) = spec.expect.port else {
        return Vec::new();
    };
    let mut list = Vec::new();
    for reached in &facts.reached {
        let subject = format!("port {}", reached.address);
        let v6 = reached.address.starts_with('[');
        let code = if v6 { "DNS-05" } else { "DNS-03" };
        let message = format!(
            "{} leads to {}: {}",
            facts.name, reached.address, reached.words
        );
        list.push(if reached.open {
            Finding::pass(subject, "open", "open")
        } else {
            let finding = Finding::fail(code, subject, "open", reached.words.clone(), message);
            if reached.no_route {
                finding.as_unknown()
            } else {
                finding
            }
        });
    }
    let found = facts
        .answers
        .iter()
        .any(|answer| !answer.records.is_empty());
    if list.is_empty() && found {
        let message = format!("no address of {} was connected to", facts.name);
        let finding = Finding::fail(
            "DNS-03",
            format!("port {port}"),
            "open",
            "not tried",
            message,
        );
        list.push(finding.as_unknown());
    }
    list
}

/// Whether an authority may issue certificates, by the nearest CAA records (RFC 8659).
fn caa(issuer: &str, facts: &Facts) -> Finding {
    let subject = format!("CAA of {}", facts.name);
    let expected = format!("{issuer} may issue");
    if let Some(broken) = facts
        .caa
        .iter()
        .find(|answer| !matches!(answer.code.as_deref(), Some("NOERROR" | "NXDOMAIN")))
    {
        let why = broken.failure.clone().unwrap_or_else(|| words(broken));
        let message = format!(
            "{} says nothing about CAA of {}: {why}",
            broken.server, broken.name
        );
        return Finding::fail("DNS-09", subject, expected, why, message).as_unknown();
    }
    let deciding = facts.caa.iter().find(|answer| !answer.records.is_empty());
    let issuers: Vec<&str> = deciding
        .iter()
        .flat_map(|answer| &answer.records)
        .filter_map(|record| record.value.split_once(' '))
        .filter_map(|(_, rest)| rest.split_once(' '))
        .filter(|(tag, _)| tag.eq_ignore_ascii_case("issue"))
        .map(|(_, value)| value.split(';').next().unwrap_or_default().trim())
        .collect();
    let actual = deciding.map_or_else(|| "no CAA record".to_owned(), words);
    if issuers.iter().any(|listed| same(listed, issuer)) {
        return Finding::pass(subject, expected, actual);
    }
    let message = if issuers.is_empty() {
        format!("any authority may issue certificates for {}", facts.name)
    } else {
        format!("{issuer} may not issue certificates for {}", facts.name)
    };
    Finding::fail("DNS-09", subject, expected, actual, message)
}

/// Whether a name that nobody made resolves.
fn wildcard(answer: &Answer) -> Finding {
    let subject = format!("{} at {}", answer.name, answer.server);
    if let Some(finding) = unknown(answer, &subject) {
        return finding;
    }
    let message = format!("a wildcard answers for {}", answer.name);
    let expected = "no such name";
    match answer.code.as_deref() {
        Some("NOERROR") if !answer.records.is_empty() || !answer.aliases.is_empty() => {
            Finding::fail("DNS-14", subject, expected, words(answer), message)
        }
        Some("NOERROR" | "NXDOMAIN") => Finding::pass(subject, expected, words(answer)),
        _ => Finding::fail("DNS-14", subject, expected, words(answer), message).as_unknown(),
    }
}

/// Whether there is one sound SPF policy.
fn spf(answer: &Answer, subject: &str) -> Finding {
    let policies: Vec<String> = answer
        .records
        .iter()
        .map(|record| record.value.to_lowercase())
        .filter(|text| text == "v=spf1" || text.starts_with("v=spf1 "))
        .collect();
    let expected = "one SPF policy that ends in -all or ~all";
    let fail =
        |message: String| Finding::fail("DNS-13", subject, expected, policies.join(" | "), message);
    let [policy] = policies.as_slice() else {
        return fail(format!(
            "{} has {} SPF policies",
            answer.name,
            policies.len()
        ));
    };
    let terms: Vec<&str> = policy.split_whitespace().skip(1).collect();
    let asks = |term: &&&str| {
        let name = term.trim_start_matches(['+', '-', '~', '?']);
        let name = name.split([':', '/', '=']).next().unwrap_or_default();
        matches!(name, "include" | "a" | "mx" | "ptr" | "exists" | "redirect")
    };
    let lookups = terms.iter().filter(asks).count();
    let ends = terms
        .iter()
        .any(|term| matches!(*term, "-all" | "~all") || term.starts_with("redirect="));
    if terms.iter().any(|term| matches!(*term, "all" | "+all")) {
        fail(format!("everyone may send mail as {}", answer.name))
    } else if lookups > MOST_LOOKUPS {
        fail(format!(
            "the SPF policy of {} asks {lookups} names, {MOST_LOOKUPS} are allowed",
            answer.name
        ))
    } else if !ends {
        fail(format!("the SPF policy of {} forbids nobody", answer.name))
    } else {
        Finding::pass(subject, expected, policy.clone())
    }
}

/// Whether there is one DMARC policy that does something.
fn dmarc(answer: &Answer) -> Finding {
    let subject = format!("TXT {} at {}", answer.name, answer.server);
    if let Some(finding) = unknown(answer, &subject) {
        return finding;
    }
    let expected = "one policy, quarantine or reject";
    let policies: Vec<&str> = answer
        .records
        .iter()
        .map(|record| record.value.as_str())
        .filter(|text| text.starts_with("v=DMARC1"))
        .collect();
    let fail = |message: String| {
        Finding::fail("DNS-13", subject.clone(), expected, words(answer), message)
    };
    if !matches!(answer.code.as_deref(), Some("NOERROR" | "NXDOMAIN")) {
        return fail(format!("{} cannot be looked up", answer.name)).as_unknown();
    }
    let [policy] = policies.as_slice() else {
        return fail(format!(
            "{} has {} DMARC policies",
            answer.name,
            policies.len()
        ));
    };
    let does = policy
        .split(';')
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.trim() == "p")
        .map(|(_, value)| value.trim().to_lowercase());
    match does.as_deref() {
        Some("quarantine" | "reject") => Finding::pass(subject, expected, *policy),
        Some("none") => fail(format!("{} only watches", answer.name)).as_warning(),
        _ => fail(format!("{} says no policy", answer.name)),
    }
}

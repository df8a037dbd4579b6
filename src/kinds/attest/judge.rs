//! Which signatures count.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Attest, Demand, Evidence, Facts, SECONDS_OF_A_DAY, Seen};
use crate::outcome::Finding;

/// What stands in templates where a name or evidence belongs.
const TEMPLATES: &[&str] = &[
    "a link",
    "approver",
    "evidence",
    "example",
    "file",
    "fill in",
    "fill me in",
    "firstname lastname",
    "full name",
    "handle",
    "here",
    "link",
    "link here",
    "link or file",
    "n a",
    "n n",
    "na",
    "name",
    "name here",
    "name or handle",
    "nil",
    "nobody",
    "no one",
    "none",
    "not applicable",
    "null",
    "path",
    "pending",
    "person",
    "person s name",
    "placeholder",
    "the name",
    "the person",
    "the person s name",
    "the person s name or handle",
    "to be decided",
    "to be defined",
    "to be determined",
    "to be done",
    "unassigned",
    "undefined",
    "unknown",
    "url",
    "your handle",
    "your name",
    "your name here",
];
/// Words that mark a text as not filled in, wherever they stand.
const MARKS: &[&str] = &["tbd", "tba", "tbc", "todo", "fixme", "xxx", "changeme"];

/// Whether a text is nothing, or what a template holds until somebody fills it in.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let wrapped = [("<", ">"), ("{", "}"), ("[", "]"), ("${", "}")]
        .iter()
        .any(|(open, close)| text.starts_with(open) && text.ends_with(close));
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    wrapped
        || words.is_empty()
        || TEMPLATES.contains(&words.join(" ").as_str())
        || (!text.contains("://") && words.iter().any(|word| MARKS.contains(word)))
}

/// Judges every role.
pub(super) fn judge(spec: &Attest, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let wanted = format!("signed: {}", spec.statement);
    let judge = Judge {
        spec,
        commit: facts.commit.as_deref(),
        wanted: &wanted,
        today,
    };
    if spec.roles.is_empty() {
        return vec![judge.role("anyone", facts.sign_offs.iter().collect()).0];
    }
    let mut findings = Vec::new();
    let mut signers: Vec<(&str, String)> = Vec::new();
    for role in &spec.roles {
        let of_role = facts
            .sign_offs
            .iter()
            .filter(|seen| seen.sign_off.is_for(&seen.sign_off.check, role))
            .collect();
        let (finding, signer) = judge.role(role, of_role);
        findings.push(finding);
        signers.extend(signer.map(|seen| (role.as_str(), person(&seen.sign_off.by))));
    }
    if spec.distinct {
        findings.push(different_people(&signers));
    }
    findings
}

/// Whether no person signed twice.
fn different_people(signers: &[(&str, String)]) -> Finding {
    let expected = "a different person for each role";
    for (index, (role, person)) in signers.iter().enumerate() {
        if let Some((first, _)) = signers.iter().take(index).find(|(_, p)| p == person) {
            return Finding::fail(
                "ATT-09",
                "people",
                expected,
                format!("{person} for {first} and {role}"),
                format!("{person} signed for {first} and for {role}"),
            );
        }
    }
    Finding::pass("people", expected, format!("{} people", signers.len()))
}

/// A name for comparing.
fn person(by: &str) -> String {
    by.trim().trim_start_matches('@').to_lowercase()
}

/// What signatures are measured by.
struct Judge<'a> {
    /// What the profile says.
    spec: &'a Attest,
    /// The commit they must be for.
    commit: Option<&'a str>,
    /// What is expected, in words.
    wanted: &'a str,
    /// The day of the audit.
    today: Date,
}

impl Judge<'_> {
    /// The best of a role's signatures decides; of those that do not count the latest is shown.
    fn role<'a>(&self, role: &str, mut seen: Vec<&'a Seen>) -> (Finding, Option<&'a Seen>) {
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.sign_off.on));
        let mut first = None;
        for seen in seen {
            match self.fault_of(role, seen) {
                None => {
                    let finding = Finding::pass(role, self.wanted, shown(seen));
                    return (finding, Some(seen));
                }
                Some(finding) => first = first.or(Some(finding)),
            }
        }
        let finding = first.unwrap_or_else(|| {
            Finding::fail(
                "ATT-01",
                role,
                self.wanted,
                "no signature",
                format!("{role} has not signed off: {}", self.spec.statement),
            )
        });
        (finding, None)
    }

    /// Why a signature does not count; `None` when it does.
    fn fault_of(&self, role: &str, seen: &Seen) -> Option<Finding> {
        self.who_and_when(role, seen)
            .or_else(|| self.commit(role, seen))
            .or_else(|| self.evidence(role, seen))
    }

    /// Judges name and date.
    fn who_and_when(&self, role: &str, seen: &Seen) -> Option<Finding> {
        let sign_off = &seen.sign_off;
        if is_placeholder(&sign_off.by) {
            return Some(Finding::fail(
                "ATT-08",
                role,
                self.wanted,
                format!("signed by \"{}\"", sign_off.by),
                format!("\"{}\" is not the name of a person", sign_off.by),
            ));
        }
        if sign_off.on > self.today {
            return Some(Finding::fail(
                "ATT-03",
                role,
                self.wanted,
                shown(seen),
                format!(
                    "the signature of {} is dated {}, which has not come yet",
                    sign_off.by, sign_off.on
                ),
            ));
        }
        let valid = [self.spec.valid_for, sign_off.valid_for]
            .into_iter()
            .flatten()
            .min()?;
        let age = age_in_days(sign_off.on, self.today);
        (age > valid.as_secs() / SECONDS_OF_A_DAY).then(|| {
            Finding::fail(
                "ATT-02",
                role,
                format!("{}, at most {valid} ago", self.wanted),
                format!("{}, {age} days ago", shown(seen)),
                format!("the signature of {} has expired", sign_off.by),
            )
        })
    }

    /// Judges which commit was signed.
    fn commit(&self, role: &str, seen: &Seen) -> Option<Finding> {
        let released = self.commit?;
        let expected = format!("{}, for commit {}", self.wanted, short(released));
        let fail = |actual: String, message: String| {
            Finding::fail("ATT-05", role, expected.clone(), actual, message)
        };
        if !crate::profile::sign_off::is_commit(released) {
            let message = "it is not known which commit is released: `commit` of the check is none";
            return Some(fail(format!("\"{}\"", short(released)), message.to_owned()).as_unknown());
        }
        let Some(signed) = &seen.sign_off.commit else {
            let message = format!("the signature of {} names no commit", seen.sign_off.by);
            return Some(fail(format!("{}, for no commit", shown(seen)), message));
        };
        let same = signed.starts_with(released) || released.starts_with(signed.as_str());
        (!same).then(|| {
            fail(
                format!("{}, for commit {}", shown(seen), short(signed)),
                format!(
                    "{} looked at {}, released is {}",
                    seen.sign_off.by,
                    short(signed),
                    short(released)
                ),
            )
        })
    }

    /// Judges the evidence.
    fn evidence(&self, role: &str, seen: &Seen) -> Option<Finding> {
        let text = seen.sign_off.evidence.as_deref().unwrap_or_default();
        let recorded = seen.sign_off.sha256.as_deref();
        match &seen.evidence_now {
            Evidence::Gone { why } => Some(self.lost(role, seen, why)),
            Evidence::Unreadable { why } => Some(self.lost(role, seen, why).as_unknown()),
            Evidence::File { sha256 } if recorded.is_some_and(|old| old != sha256) => {
                Some(Finding::fail(
                    "ATT-06",
                    role,
                    format!("{text} as it was signed, SHA-256 {}", short(recorded?)),
                    format!("SHA-256 {}", short(sha256)),
                    format!("{text} has changed since {} signed", seen.sign_off.by),
                ))
            }
            now => {
                let (good, form) = match self.spec.evidence {
                    Demand::None => (true, ""),
                    Demand::Any => (*now != Evidence::Nothing, "evidence"),
                    Demand::File => (
                        matches!(now, Evidence::File { .. }) && recorded.is_some(),
                        "a file and its hash as evidence",
                    ),
                    Demand::Link => (*now == Evidence::Link, "a link as evidence"),
                    Demand::Commit => (*now == Evidence::Commit, "a commit as evidence"),
                };
                let actual = if text.trim().is_empty() {
                    format!("{}, without evidence", shown(seen))
                } else {
                    format!("{}, with \"{text}\"", shown(seen))
                };
                (!good).then(|| {
                    Finding::fail(
                        "ATT-04",
                        role,
                        format!("{}, with {form}", self.wanted),
                        actual,
                        format!(
                            "the signature of {} does not point at {form}",
                            seen.sign_off.by
                        ),
                    )
                })
            }
        }
    }

    /// The finding of evidence that cannot be read.
    fn lost(&self, role: &str, seen: &Seen, why: &str) -> Finding {
        let text = seen.sign_off.evidence.as_deref().unwrap_or_default();
        Finding::fail(
            "ATT-07",
            role,
            format!("{}, with {text}", self.wanted),
            why,
            format!("the evidence of {}: {why}", seen.sign_off.by),
        )
    }
}

/// A signature in words.
fn shown(seen: &Seen) -> String {
    format!("signed by {} on {}", seen.sign_off.by, seen.sign_off.on)
}

/// The beginning of a commit or hash.
fn short(id: &str) -> &str {
    crate::exchange::cut(id, 12)
}

/// Whole days from one date to another, 0 when it lies ahead.
fn age_in_days(from: Date, to: Date) -> u64 {
    let days = (to - from).get_days();
    u64::try_from(days).unwrap_or(0)
}

//! Turns the lines of a log into counts and places.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::facts::{Facts, Seen};
use super::line::{Level, Time, field, level, time};
use super::source::Log;
use super::{Expect, Logs};
use crate::leaks::{Class, Hit, Place, Scanner};
use crate::redact::Redactor;

/// The most secrets that are listed.
const MAX_HITS: usize = 100;
/// Shortest known secret that is looked for: shorter ones are words.
pub(super) const SHORTEST: usize = 8;

/// Digests a log.
pub(super) fn digest(spec: &Logs, log: &Log, redactor: &Redactor, now: Timestamp) -> Facts {
    let expect = &spec.expect;
    let mut facts = Facts {
        source: log.source.clone(),
        cut: log.cut,
        written: log.written,
        mode: log.mode,
        missing: expect
            .fields
            .iter()
            .map(|name| (name.clone(), Seen::default()))
            .collect(),
        forbidden: vec![Seen::default(); expect.forbid.len()],
        required: vec![Seen::default(); expect.require.len()],
        newest: log.newest,
        ..Facts::default()
    };
    let skew = SignedDuration::try_from(expect.skew().0).unwrap_or(SignedDuration::MAX);
    // Canaries in every form the redactor knows them in.
    let declared = Redactor::default();
    for canary in &expect.canaries {
        if canary.expose().chars().count() < SHORTEST {
            facts.short_canaries += 1;
        } else {
            declared.add(canary.expose());
        }
    }
    let mut before: Option<Timestamp> = None;
    for (number, line) in (1_u64..).zip(log.text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        let parsed: Option<Value> = serde_json::from_str(line).ok();
        let object = parsed.as_ref().and_then(Value::as_object);
        facts.form(expect, number, line, object);
        facts.level(expect, number, line, object);
        facts.messages(expect, number, line);
        match time(line, object) {
            Time::At(at) => {
                if at.duration_since(now) > skew {
                    facts.ahead.add(number);
                }
                if before.is_some_and(|before| before.duration_since(at) > skew) {
                    facts.disordered.add(number);
                }
                before = Some(before.map_or(at, |before| before.max(at)));
            }
            Time::Zoneless => facts.zoneless.add(number),
            Time::Missing => facts.timeless.add(number),
        }
        if expect.secrets && redactor.holds(line, SHORTEST) {
            facts.known.add(number);
        }
        if !expect.canaries.is_empty() && declared.holds(line, SHORTEST) {
            facts.canaries.add(number);
        }
    }
    facts.newest = facts.newest.max(before);
    facts.hits = hits(expect, &log.text);
    facts
}

/// Secrets and personal data, as far as they are asked for.
fn hits(expect: &Expect, text: &str) -> Vec<Hit> {
    if !(expect.secrets || expect.personal || expect.addresses) {
        return Vec::new();
    }
    let scanner = Scanner {
        personal: expect.personal,
        addresses: expect.addresses,
        ignored: expect.ignore.clone(),
    };
    let mut hits = scanner.scan(text, Place::log(), MAX_HITS).hits;
    if !expect.secrets {
        hits.retain(|hit| matches!(hit.class, Class::Personal | Class::Address));
    }
    hits
}

impl Facts {
    /// Counts a line, and what is odd about its form.
    fn form(
        &mut self,
        expect: &Expect,
        number: u64,
        line: &str,
        object: Option<&Map<String, Value>>,
    ) {
        self.lines += 1;
        let size = line.len() as u64;
        self.longest = self.longest.max(size);
        if expect.max_line.is_some_and(|limit| size > limit.0) {
            self.long.add(number);
        }
        if line.chars().any(|c| c.is_control() && c != '\t') {
            self.injected.add(number);
        }
        let Some(object) = object else {
            self.plain.add(number);
            return;
        };
        for (name, seen) in &mut self.missing {
            if field(object, name).is_none() {
                seen.add(number);
            }
        }
    }

    /// Counts the level of a line.
    fn level(
        &mut self,
        expect: &Expect,
        number: u64,
        line: &str,
        object: Option<&Map<String, Value>>,
    ) {
        let Some(level) = level(line, object) else {
            return;
        };
        *self.levels.entry(level.name().to_owned()).or_default() += 1;
        if expect.min_level.is_some_and(|least| level < least) {
            self.below.add(number);
        }
        if level >= Level::Error {
            self.errors.add(number);
        }
    }

    /// Counts forbidden and required messages.
    fn messages(&mut self, expect: &Expect, number: u64, line: &str) {
        for (pattern, seen) in expect.forbid.iter().zip(&mut self.forbidden) {
            if pattern.0.is_match(line) {
                seen.add(number);
            }
        }
        for (pattern, seen) in expect.require.iter().zip(&mut self.required) {
            if pattern.0.is_match(line) {
                seen.add(number);
            }
        }
    }
}

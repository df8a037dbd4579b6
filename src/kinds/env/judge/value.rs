//! A variable that is set against its rule.

use jiff::Timestamp;

use super::items::{judge_item, weakness};
use super::unknown;
use crate::dotenv::known::Mode;
use crate::dotenv::shape::Shape;
use crate::dotenv::values::ValueType;
use crate::kinds::env::Env;
use crate::kinds::env::facts::{List, Variable};
use crate::kinds::env::rule::{ListForm, ListRule, Rule, Words};
use crate::outcome::Finding;

/// A variable that is set, with its rule.
pub(super) struct Judged<'a> {
    /// The check.
    pub(super) spec: &'a Env,
    /// Its rule.
    pub(super) rule: &'a Rule,
    /// What was seen.
    pub(super) seen: &'a Variable,
    /// What it looks like.
    pub(super) shape: &'a Shape,
    /// What a finding shows of it.
    pub(super) actual: String,
}

impl Judged<'_> {
    /// A fault of this variable.
    fn fault(&self, code: &'static str, expected: impl Into<String>, message: String) -> Finding {
        Finding::fail(
            code,
            &self.seen.name,
            expected,
            self.actual.clone(),
            message,
        )
    }

    /// Placeholders, published defaults and the example's value; whether there was one: nothing
    /// else matters then.
    pub(super) fn published(&self, findings: &mut Vec<Finding>) -> bool {
        let name = &self.seen.name;
        let asked = |rule: Option<bool>| rule.unwrap_or(self.seen.secret);
        if asked(self.rule.not_placeholder)
            && let Some(why) = &self.shape.placeholder
        {
            let message = format!("{name} is still a placeholder: {why}");
            findings.push(self.fault("ENV-03", "a real value", message));
            return true;
        }
        if asked(self.rule.not_default)
            && let Some(whose) = &self.shape.published
        {
            let message = format!("{name} is a published default ({whose})");
            findings.push(self.fault("ENV-04", "a secret of its own", message));
            return true;
        }
        if asked(self.rule.not_example) && self.seen.same_as_example {
            let message = format!("{name} has the value that the example file shows");
            findings.push(self.fault("ENV-07", "a secret of its own", message));
            return true;
        }
        false
    }

    /// Its type, and what no value should carry.
    pub(super) fn form(&self, findings: &mut Vec<Finding>) {
        let name = &self.seen.name;
        let pem = matches!(
            self.rule.kind,
            Some(ValueType::Pem | ValueType::Certificate | ValueType::PrivateKey)
        );
        if let Some(kind) = self.rule.kind
            && self.rule.list.is_none()
            && !self.shape.fits.contains(&kind)
        {
            let expected = kind.expected();
            let (code, message) = if pem && self.shape.pem_escaped {
                (
                    "ENV-21",
                    format!("{name} is PEM whose line ends are written as \\n"),
                )
            } else if kind == ValueType::Origin && self.seen.shown.as_deref() == Some("*") {
                ("ENV-12", format!("{name} is a wildcard"))
            } else if kind == ValueType::Origin && self.shape.url.is_some() {
                ("ENV-11", format!("{name} is a URL but not an origin"))
            } else if self.shape.quoted {
                (
                    "ENV-18",
                    format!("{name} is not {expected}: quotes are part of its value"),
                )
            } else if self.shape.padded {
                (
                    "ENV-19",
                    format!("{name} is not {expected}: it begins or ends with a blank"),
                )
            } else {
                ("ENV-20", format!("{name} is not {expected}"))
            };
            findings.push(self.fault(code, expected, message));
            return;
        }
        if self.shape.quoted && self.rule.kind != Some(ValueType::Json) {
            let message = format!("{name} carries its quotes as part of the value");
            findings.push(self.fault("ENV-18", "a value without quotes", message));
        }
        if let Some(what) = &self.shape.invisible {
            let message = format!("{name} holds an invisible character ({what})");
            findings.push(self.fault("ENV-19", "visible characters", message));
        } else if self.shape.padded {
            let message = format!("{name} begins or ends with a blank or a line end");
            let finding = self.fault("ENV-19", "no blanks at the ends", message);
            findings.push(if self.seen.secret {
                finding
            } else {
                finding.as_warning()
            });
        }
    }

    /// What the text must be.
    pub(super) fn text(&self, findings: &mut Vec<Finding>) {
        let (name, rule, answers) = (&self.seen.name, self.rule, &self.seen.answers);
        let words = |words: &Option<Words>| words.as_ref().map(ToString::to_string);
        let pattern =
            |p: &Option<crate::expect::Pattern>| p.as_ref().map(|p| format!("/{}/", p.0.as_str()));
        for (asked, holds) in [
            (words(&rule.equals), answers.equals),
            (
                words(&rule.not_equals).map(|w| format!("not {w}")),
                answers.not_equals,
            ),
            (words(&rule.one_of), answers.one_of),
            (
                pattern(&rule.matches).map(|p| format!("matches {p}")),
                answers.matches,
            ),
            (
                pattern(&rule.not_matches).map(|p| format!("does not match {p}")),
                answers.not_matches,
            ),
            (rule.value.as_ref().map(ToString::to_string), answers.value),
        ] {
            let Some(asked) = asked else { continue };
            match holds {
                Some(true) => {}
                Some(false) => {
                    let message = format!("{name} is not as the profile says");
                    findings.push(self.fault("ENV-51", asked, message));
                }
                None => findings.push(unknown(
                    name,
                    "this was not asked when the facts were recorded",
                )),
            }
        }
        if let Some(max) = rule.max_length
            && self.shape.length > max
        {
            let message = format!("{name} is longer than {max} characters");
            findings.push(self.fault("ENV-51", format!("at most {max} characters"), message));
        }
        if rule.forbid_local
            && self.shape.url.is_none()
            && let Some(host) = &self.seen.shown
            && let Some(what) = crate::dotenv::shape::local_host(host)
        {
            let message = format!("{name} is {what}");
            findings.push(self.fault("ENV-09", "a host that others reach", message));
        }
    }

    /// How hard it is to guess.
    pub(super) fn strength(&self, findings: &mut Vec<Finding>) {
        let name = &self.seen.name;
        if let Some(finding) = weakness(
            name,
            self.shape,
            self.rule.min_length,
            self.rule.min_entropy_bits,
            self.actual.clone(),
        ) {
            findings.push(finding);
            return;
        }
        if let Some(min) = self.rule.min_unique
            && self.shape.unique < min
        {
            let message = format!("{name} has too few different characters");
            findings.push(self.fault(
                "ENV-05",
                format!("at least {min} different characters"),
                message,
            ));
        } else if self.spec.production
            && self.seen.secret
            && self.rule.min_entropy_bits.is_none()
            && self.rule.min_length.is_none()
            && self.shape.url.is_none()
            && self.shape.entropy_bits < 64.0
        {
            // Nobody declared a minimum, so this is advice.
            let message = format!("{name} looks easy to guess");
            findings.push(
                self.fault("ENV-05", "at least 64 bits of entropy", message)
                    .as_warning(),
            );
        }
    }

    /// Bounds of numbers and durations.
    pub(super) fn numbers(&self, findings: &mut Vec<Finding>) {
        let name = &self.seen.name;
        for (bound, word, holds) in [
            (
                self.rule.min,
                "at least",
                (|n, bound| n >= bound) as fn(f64, f64) -> bool,
            ),
            (self.rule.max, "at most", |n, bound| n <= bound),
        ] {
            let Some(bound) = bound else { continue };
            let expected = format!("{word} {bound}");
            match self.shape.number {
                Some(number) if holds(number, bound) => {}
                Some(_) => {
                    let message = format!("{name} is not {expected}");
                    findings.push(self.fault("ENV-51", expected, message));
                }
                None => {
                    let message = format!("{name} is no number");
                    findings.push(self.fault("ENV-20", expected, message));
                }
            }
        }
        for (bound, word, longer) in [
            (self.rule.min_duration, "at least", true),
            (self.rule.max_duration, "at most", false),
        ] {
            let Some(bound) = bound else { continue };
            let expected = format!("{word} {bound}");
            match self.shape.duration_ms {
                Some(ms) if ms == bound.as_millis() || (ms > bound.as_millis()) == longer => {}
                Some(_) => {
                    let message = format!("{name} is not {expected}");
                    findings.push(self.fault("ENV-51", expected, message));
                }
                None => {
                    let message = format!("{name} is no duration with unit");
                    findings.push(self.fault("ENV-20", expected, message));
                }
            }
        }
    }

    /// How it relates to other variables.
    pub(super) fn relations(&self, findings: &mut Vec<Finding>) {
        let name = &self.seen.name;
        for other in &self.seen.answers.equals_to {
            let message = format!("{name} and {other} have the same value");
            findings.push(self.fault("ENV-06", format!("another value than {other}"), message));
        }
        for other in &self.seen.same_secret_as {
            // Reported once a pair, and not where the profile judges it already.
            if *other > *name && !self.seen.answers.equals_to.contains(other) {
                let message = format!("{name} and {other} are the same secret");
                let finding = self.fault("ENV-06", "one secret a purpose", message);
                findings.push(finding.as_warning());
            }
        }
        for other in &self.seen.answers.differs_from {
            let message = format!("{name} and {other} differ");
            findings.push(self.fault("ENV-51", format!("the value of {other}"), message));
        }
        if let Some(other) = &self.rule.certificate {
            match self.seen.fits_certificate {
                Some(true) => {}
                Some(false) => {
                    let message = format!("{name} is not the key of the certificate in {other}");
                    findings.push(self.fault("ENV-21", format!("the key of {other}"), message));
                }
                None => {
                    let message = format!("{name} or {other} is no readable key or certificate");
                    findings.push(self.fault("ENV-21", format!("the key of {other}"), message));
                }
            }
        }
        let wanted = self
            .rule
            .mode
            .or_else(|| self.spec.production.then_some(Mode::Live));
        if let (Some(wanted), Some((provider, mode))) = (wanted, &self.shape.provider)
            && matches!(
                (wanted, mode),
                (Mode::Live, Mode::Test) | (Mode::Test, Mode::Live)
            )
        {
            let (is, should) = match mode {
                Mode::Test => ("test", "live"),
                _ => ("live", "test"),
            };
            let message = format!("{name} is a {is} key of {provider}");
            findings.push(self.fault("ENV-22", format!("a {should} key"), message));
        }
    }

    /// Whether a token or certificate inside is valid, and for how long.
    pub(super) fn expiry(&self, now: Timestamp, findings: &mut Vec<Finding>) {
        let name = &self.seen.name;
        let Some((at, what)) = &self.shape.expires else {
            if let Some(span) = self.rule.valid_for {
                let message = format!("{name} holds no token or certificate with an end");
                findings.push(self.fault("ENV-20", format!("valid for {span}"), message));
            }
            return;
        };
        let left = at.as_second() - now.as_second();
        let day = at.strftime("%Y-%m-%d");
        if left <= 0 {
            let message = format!("the {what} in {name} expired on {day}");
            findings.push(self.fault("ENV-23", "not expired", message));
            return;
        }
        if let Some(span) = self.rule.valid_for
            && u64::try_from(left).is_ok_and(|left| left < span.as_secs())
        {
            let message = format!("the {what} in {name} expires on {day}");
            findings.push(self.fault("ENV-23", format!("valid for {span}"), message));
        }
    }

    /// A list and its items.
    pub(super) fn list(&self, rule: &ListRule, findings: &mut Vec<Finding>) {
        let name = &self.seen.name;
        let Some(list) = &self.seen.list else {
            findings.push(unknown(name, "its items were not recorded"));
            return;
        };
        if let Some(problem) = &list.problem {
            let message = format!("{name} cannot be read as a list: {problem}");
            findings.push(self.fault("ENV-20", "a list", message));
            return;
        }
        let bounds = match rule.max {
            Some(max) => format!("{} to {max} items", rule.min),
            None => format!("at least {} items", rule.min),
        };
        if list.count < rule.min || rule.max.is_some_and(|max| list.count > max) {
            let message = format!("{name} has {} items", list.count);
            findings.push(self.fault("ENV-52", bounds, message));
        }
        if list.count > list.items.len() {
            findings.push(unknown(name, "it has more items than readyctl looks at"));
        }
        self.list_form(list, findings);
        for (index, item) in list.items.iter().enumerate() {
            let subject = format!("{name}[{}]", index + 1);
            judge_item(&subject, item, rule.each.as_ref(), findings);
        }
    }

    /// What programs read differently.
    fn list_form(&self, list: &List, findings: &mut Vec<Finding>) {
        let name = &self.seen.name;
        if list.form == ListForm::Separated
            && let Some(at) = list.items.iter().position(|item| item.padded)
        {
            let message = format!(
                "item {} of {name} has blanks around it, which some programs keep",
                at + 1
            );
            findings.push(
                self.fault("ENV-53", "items without blanks", message)
                    .as_warning(),
            );
        }
        if let Some(at) = list.items.iter().position(|item| item.repeated) {
            let message = format!("item {} of {name} stands there twice", at + 1);
            findings.push(self.fault("ENV-53", "each item once", message).as_warning());
        }
    }
}

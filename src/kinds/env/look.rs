//! Looks at the variables and keeps their shapes.

use std::collections::{BTreeMap, BTreeSet};

use super::Env;
use super::facts::{Answers, Condition, Facts, Item, List, State, Variable};
use super::rule::{ItemRule, ListForm, ListRule, Rule, Words};
use crate::context::Context;
use crate::dotenv::dialect::{Dialect, Value};
use crate::dotenv::shape::Shape;
use crate::dotenv::values::ValueType;
use crate::dotenv::{self, expired, known};
use crate::outcome::{Cause, Fault};
use crate::redact::looks_secret;

/// Items of a list that are looked at.
const MAX_ITEMS: usize = 200;
/// Longest text that is shown or recorded.
const MAX_SHOWN: usize = 120;

/// Every variable, with where it came from.
#[derive(Default)]
struct Variables {
    /// Name to value and origin.
    all: BTreeMap<String, (String, String)>,
    /// Names whose values are the output of commands.
    commands: BTreeSet<String>,
}

impl Variables {
    /// The value of a variable.
    fn get(&self, name: &str) -> Option<&str> {
        self.all.get(name).map(|(value, _)| value.as_str())
    }

    /// Whether it is there.
    fn state(&self, name: &str) -> State {
        match self.get(name) {
            _ if self.commands.contains(name) => State::Command,
            None => State::Absent,
            Some(value) if value.trim().is_empty() => State::Empty,
            Some(_) => State::Set,
        }
    }

    /// The value unless it is empty.
    fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.trim().is_empty())
    }
}

/// Looks.
pub(super) fn look(spec: &Env, cx: &Context) -> Result<Facts, Fault> {
    let (source, variables) = variables(spec, cx)?;
    let example = example(spec, cx)?;
    let rules = spec.each_rule();
    for (name, (value, _)) in &variables.all {
        let ruled = rules
            .iter()
            .any(|(ruled, rule)| ruled == name && rule.is_secret(name));
        // What everybody knows is no secret, and masking it would mask words of the report.
        let public = Shape::of(value);
        if (ruled || looks_secret(name))
            && public.placeholder.is_none()
            && public.published.is_none()
        {
            cx.redactor.add(value);
        }
    }
    let secrets: Vec<&str> = rules
        .iter()
        .filter(|(name, rule)| rule.is_secret(name))
        .map(|(name, _)| *name)
        .collect();
    let see = |name: &str, rule: &Rule| see(name, rule, &variables, &secrets, &example);
    let facts = Facts {
        source,
        variables: rules.iter().map(|(n, rule)| see(n, rule)).collect(),
        conditions: spec
            .conditions
            .iter()
            .map(|condition| Condition {
                applies: condition
                    .when
                    .iter()
                    .all(|(name, matcher)| matcher.check_text(variables.filled(name)).is_ok()),
                variables: condition
                    .rules
                    .iter()
                    .map(|(n, rule)| see(n, rule))
                    .collect(),
            })
            .collect(),
        states: names(spec)
            .into_iter()
            .map(|name| (name.to_owned(), variables.state(name)))
            .collect(),
        switches: variables
            .all
            .iter()
            .filter(|(name, (value, _))| spec.production && known::is_dev_switch(name, value))
            .map(|(name, _)| name.clone())
            .collect(),
        values: values_for_assert(spec, &variables),
    };
    Ok(facts)
}

/// Every name the check mentions.
fn names(spec: &Env) -> BTreeSet<&str> {
    let groups = [
        &spec.require_one_of,
        &spec.together,
        &spec.mutually_exclusive,
    ];
    let mut names: BTreeSet<&str> = groups
        .into_iter()
        .flatten()
        .flatten()
        .chain(&spec.vars)
        .map(String::as_str)
        .collect();
    names.extend(spec.each_rule().into_iter().map(|(name, _)| name));
    for condition in &spec.conditions {
        names.extend(condition.when.iter().map(|(name, _)| name));
        names.extend(condition.rules.iter().map(|(name, _)| name));
        names.extend(condition.require.iter().map(String::as_str));
        names.extend(condition.forbid.iter().map(String::as_str));
    }
    names
}

/// What `assert:` may see: what the check names, and what does not look like a secret.
fn values_for_assert(spec: &Env, variables: &Variables) -> BTreeMap<String, String> {
    let named = names(spec);
    variables
        .all
        .iter()
        .filter(|(name, _)| named.contains(name.as_str()) || !looks_secret(name))
        .map(|(name, (value, _))| (name.clone(), value.clone()))
        .collect()
}

/// The variables of the environment or of the file.
fn variables(spec: &Env, cx: &Context) -> Result<(String, Variables), Fault> {
    let Some(path) = &spec.file else {
        let all = cx
            .environment
            .iter()
            .map(|(name, value)| {
                let origin = cx
                    .environment
                    .origin(name)
                    .map(ToString::to_string)
                    .unwrap_or_default();
                (name.to_owned(), (value.to_owned(), origin))
            })
            .collect();
        return Ok((
            "the environment".to_owned(),
            Variables {
                all,
                commands: BTreeSet::new(),
            },
        ));
    };
    let shown = path.display().to_string();
    let bytes = dotenv::read(&cx.folder.join(path))?;
    let variables = match spec.loader {
        Some(loader) => read_as(loader, &shown, &bytes)?,
        None => Variables {
            all: dotenv::entries(&shown, &bytes, &|_| None)?
                .into_iter()
                .map(|e| {
                    (
                        e.name,
                        (e.value, format!("{shown}:{}:{}", e.line, e.column)),
                    )
                })
                .collect(),
            commands: BTreeSet::new(),
        },
    };
    Ok((shown, variables))
}

/// The variables as one loader reads them.
fn read_as(loader: Dialect, shown: &str, bytes: &[u8]) -> Result<Variables, Fault> {
    dotenv::text::decode(bytes).map_err(|error| error.fault(shown))?;
    let reading = loader.read(bytes);
    if let Some((line, why)) = reading.refused {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{shown}:{line}: {} refuses this file: {why}", loader.name()),
        )
        .code("ENV-26")
        .hint("correct the line; `readyctl env FILE` shows every such place"));
    }
    let mut variables = Variables::default();
    for (name, value) in reading.values {
        match value {
            Value::Text(text) => {
                variables.all.insert(name, (text, shown.to_owned()));
            }
            Value::Command => {
                variables.commands.insert(name);
            }
        }
    }
    Ok(variables)
}

/// The values of the example file.
fn example(spec: &Env, cx: &Context) -> Result<BTreeMap<String, String>, Fault> {
    let Some(path) = &spec.example else {
        return Ok(BTreeMap::new());
    };
    let bytes = dotenv::read(&cx.folder.join(path))?;
    Ok(
        dotenv::entries(&path.display().to_string(), &bytes, &|_| None)?
            .into_iter()
            .map(|entry| (entry.name, entry.value))
            .collect(),
    )
}

/// A variable as its rule sees it.
fn see(
    name: &str,
    rule: &Rule,
    variables: &Variables,
    secrets: &[&str],
    example: &BTreeMap<String, String>,
) -> Variable {
    let state = variables.state(name);
    let value = variables.get(name).filter(|_| state != State::Command);
    let secret = rule.is_secret(name) || (rule.secret.is_none() && value.is_some_and(holds_secret));
    let mut shape = value.map(Shape::of);
    if secret && let Some(shape) = &mut shape {
        shape.hide();
    }
    let same = |other: &str| {
        variables
            .filled(other)
            .zip(variables.filled(name))
            .is_some_and(|(a, b)| a == b)
    };
    Variable {
        name: name.to_owned(),
        origin: variables.all.get(name).map(|(_, origin)| origin.clone()),
        state,
        secret,
        shown: value.filter(|_| !secret).map(cut),
        shape,
        answers: value
            .map(|value| answers(rule, value, &same))
            .unwrap_or_default(),
        list: value
            .zip(rule.list.as_ref())
            .map(|(value, list)| read_list(value, list, secret)),
        same_secret_as: secrets
            .iter()
            .filter(|other| secret && **other != name && same(other))
            .map(|other| (*other).to_owned())
            .collect(),
        same_as_example: variables
            .filled(name)
            .is_some_and(|value| example.get(name).is_some_and(|e| e == value)),
        fits_certificate: rule
            .certificate
            .as_ref()
            .zip(value)
            .and_then(|(other, key)| expired::key_fits_certificate(key, variables.get(other)?)),
    }
}

/// Whether the text itself is a secret, whatever its name.
fn holds_secret(value: &str) -> bool {
    let provider = known::provider_key(value).is_some() && !known::is_publishable(value);
    provider
        || ValueType::Jwt.fits(value)
        || value.contains("PRIVATE KEY-----")
        || value
            .split([',', ' ', '"'])
            .any(|part| url::Url::parse(part).is_ok_and(|url| url.password().is_some()))
}

/// What a value answers to its rule.
fn answers(rule: &Rule, value: &str, same: &dyn Fn(&str) -> bool) -> Answers {
    let among = |words: &Option<Words>| {
        words
            .as_ref()
            .map(|words| words.contain(value, rule.ignore_case))
    };
    let names = |words: &Option<Words>, equal: bool| -> Vec<String> {
        words
            .iter()
            .flat_map(|words| words.0.clone())
            .filter(|other| same(other) == equal)
            .collect()
    };
    Answers {
        equals: among(&rule.equals),
        not_equals: among(&rule.not_equals).map(|found| !found),
        one_of: among(&rule.one_of),
        matches: rule.matches.as_ref().map(|p| p.0.is_match(value)),
        not_matches: rule.not_matches.as_ref().map(|p| !p.0.is_match(value)),
        value: rule
            .value
            .as_ref()
            .map(|matcher| matcher.check_text(Some(value)).is_ok()),
        differs_from: names(&rule.same_as, false),
        equals_to: names(&rule.not_same_as, true),
    }
}

/// Reads a list: a JSON array of texts, or texts between separators.
fn read_list(value: &str, rule: &ListRule, secret: bool) -> List {
    let json = value.trim_start().starts_with('[');
    let form = if json {
        ListForm::Json
    } else {
        ListForm::Separated
    };
    let mut list = List {
        form,
        problem: None,
        count: 0,
        items: Vec::new(),
    };
    let mut texts: Vec<String> = if json && rule.form != ListForm::Separated {
        match serde_json::from_str::<Vec<serde_json::Value>>(value) {
            Ok(items) => items
                .into_iter()
                .map(|item| match item {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                })
                .collect(),
            Err(error) => {
                list.problem = Some(format!(
                    "it begins like a JSON array and is none (column {})",
                    error.column()
                ));
                return list;
            }
        }
    } else {
        value
            .split(rule.separator.as_str())
            .map(str::to_owned)
            .collect()
    };
    if json && rule.form == ListForm::Separated {
        list.problem = Some("it is a JSON array, which the program does not read".to_owned());
    } else if !json && rule.form == ListForm::Json {
        list.problem = Some("it is no JSON array, and the program reads nothing else".to_owned());
    }
    // A separator at the very end is a habit, not an item.
    if !json && texts.last().is_some_and(|last| last.trim().is_empty()) {
        texts.pop();
    }
    list.count = texts.len();
    let mut earlier = BTreeSet::new();
    for text in texts.iter().take(MAX_ITEMS) {
        let repeated = !earlier.insert(text.trim().to_owned());
        list.items
            .push(item(text, rule.each.as_ref(), secret, repeated));
        if rule.trims
            && let Some(item) = list.items.last_mut()
        {
            item.padded = false;
        }
    }
    list
}

/// An item of a list.
fn item(text: &str, rule: Option<&ItemRule>, secret: bool, repeated: bool) -> Item {
    let trimmed = text.trim();
    let mut shape = Shape::of(trimmed);
    if secret {
        shape.hide();
    }
    let among = |words: Option<&Words>| words.map(|words| words.contain(trimmed, false));
    Item {
        shown: (!secret).then(|| cut(trimmed)),
        shape,
        wildcard: trimmed == "*" || trimmed.contains("://*") || trimmed == ".*",
        padded: trimmed != text,
        repeated,
        not: among(rule.and_then(|r| r.not.as_ref())).map(|found| !found),
        one_of: among(rule.and_then(|r| r.one_of.as_ref())),
        matches: rule
            .and_then(|r| r.matches.as_ref())
            .map(|pattern| pattern.0.is_match(trimmed)),
    }
}

/// A text short enough to be shown.
fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_SHOWN {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(MAX_SHOWN).collect();
    cut.push('…');
    cut
}

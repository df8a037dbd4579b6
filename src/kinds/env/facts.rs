//! What was seen of the variables: shapes and answers, no secret values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule::ListForm;
use crate::dotenv::shape::Shape;

/// What was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Where the variables came from: the environment, or a file.
    pub(super) source: String,
    /// The variables with rules, in the order of the rules.
    pub(super) variables: Vec<Variable>,
    /// Whether each condition applies, and the variables of its rules.
    pub(super) conditions: Vec<Condition>,
    /// Every variable that is named anywhere, and whether it is set.
    pub(super) states: BTreeMap<String, State>,
    /// Variables that switch a program to development, and are set so.
    pub(super) switches: Vec<String>,
    /// The values in memory, for `assert:` only.
    #[serde(skip)]
    pub(super) values: BTreeMap<String, String>,
}

/// Whether a variable is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Not at all.
    Absent,
    /// Set to nothing or to blanks.
    Empty,
    /// Set.
    Set,
    /// Its value would be the output of a command.
    Command,
}

/// A condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Condition {
    /// Whether it applies.
    pub(super) applies: bool,
    /// The variables of its rules.
    pub(super) variables: Vec<Variable>,
}

/// A variable as its rule sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// Where its value came from.
    pub(super) origin: Option<String>,
    /// Whether it is there.
    pub(super) state: State,
    /// Whether its value must not be shown.
    pub(super) secret: bool,
    /// Its value, cut, unless it is a secret.
    pub(super) shown: Option<String>,
    /// What it looks like.
    pub(super) shape: Option<Shape>,
    /// Answers to the rule's questions that only the value can answer.
    pub(super) answers: Answers,
    /// Its items when the rule says that it is a list.
    pub(super) list: Option<List>,
    /// Other named secrets with the same value.
    pub(super) same_secret_as: Vec<String>,
    /// Whether it is the example's value.
    pub(super) same_as_example: bool,
    /// Whether it is the key of the certificate that the rule names.
    pub(super) fits_certificate: Option<bool>,
}

/// Answers of the value to the rule; `None` when the rule does not ask.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answers {
    /// `equals`.
    pub(super) equals: Option<bool>,
    /// `not_equals`: whether it is none of them.
    pub(super) not_equals: Option<bool>,
    /// `one_of`.
    pub(super) one_of: Option<bool>,
    /// `matches`.
    pub(super) matches: Option<bool>,
    /// `not_matches`: whether it is not found.
    pub(super) not_matches: Option<bool>,
    /// `value`.
    pub(super) value: Option<bool>,
    /// The variables of `same_as` that differ.
    pub(super) differs_from: Vec<String>,
    /// The variables of `not_same_as` that are the same.
    pub(super) equals_to: Vec<String>,
}

/// A list in a variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct List {
    /// How it is written.
    pub(super) form: ListForm,
    /// Why it cannot be read as a list.
    pub(super) problem: Option<String>,
    /// How many items there are; the first 200 are looked at.
    pub(super) count: usize,
    /// The items.
    pub(super) items: Vec<Item>,
}

/// An item of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Its text, cut, unless the list is a secret.
    pub(super) shown: Option<String>,
    /// What it looks like.
    pub(super) shape: Shape,
    /// Whether it is `*` or holds one where a host belongs.
    pub(super) wildcard: bool,
    /// Whether blanks stood around it.
    pub(super) padded: bool,
    /// Whether an earlier item is the same.
    pub(super) repeated: bool,
    /// Whether it is none of `not`.
    pub(super) not: Option<bool>,
    /// Whether it is one of `one_of`.
    pub(super) one_of: Option<bool>,
    /// Whether `matches` is found.
    pub(super) matches: Option<bool>,
}

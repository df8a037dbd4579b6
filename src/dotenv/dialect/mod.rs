//! What six loaders read from the same bytes.
//!
//! Each model was written from the loader's source and measured against the loader itself where it
//! could be run: Docker CLI 28.2, dotenv (Node) 18.0, python-dotenv 1.2, dash 0.5. Compose follows
//! compose-go 2.13 and Ruby dotenv 3.2, from their sources only. Variables of the process are not
//! consulted: what is compared is what the file alone says.

mod compose;
mod docker;
mod node;
mod python;
mod ruby;
mod shell;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A loader of `.env` files.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dialect {
    /// Docker Compose: `.env` and `env_file:`.
    Compose,
    /// `docker run --env-file`.
    Docker,
    /// `dotenv` of Node.
    Node,
    /// `python-dotenv`, which pydantic-settings, Flask and uvicorn use.
    Python,
    /// `dotenv` of Ruby.
    Ruby,
    /// A POSIX shell: `set -a; . ./.env`.
    Shell,
}

impl Dialect {
    /// All of them.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Compose,
        Self::Docker,
        Self::Node,
        Self::Python,
        Self::Ruby,
        Self::Shell,
    ];

    /// What a person calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compose => "Compose",
            Self::Docker => "docker run",
            Self::Node => "Node dotenv",
            Self::Python => "python-dotenv",
            Self::Ruby => "Ruby dotenv",
            Self::Shell => "a shell",
        }
    }

    /// What this loader reads from the bytes of a file.
    pub(crate) fn read(self, bytes: &[u8]) -> Reading {
        match self {
            Self::Compose => compose::read(bytes),
            Self::Docker => docker::read(bytes),
            Self::Node => node::read(bytes),
            Self::Python => python::read(bytes),
            Self::Ruby => ruby::read(bytes),
            Self::Shell => shell::read(bytes),
        }
    }
}

/// What a loader makes of one variable.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// This text.
    Text(String),
    /// The output of a command, which readyctl does not run.
    Command,
}

impl std::fmt::Debug for Value {
    /// Without the text outside of tests: it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) if cfg!(test) => write!(f, "{text:?}"),
            Self::Text(_) => f.write_str(crate::redact::MASK),
            Self::Command => f.write_str("$(…)"),
        }
    }
}

/// What a loader reads from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The variables; the last assignment wins in all six.
    pub(crate) values: BTreeMap<String, Value>,
    /// Why it refuses the file and loads nothing, with the line.
    pub(crate) refused: Option<(u32, String)>,
}

impl Reading {
    /// A loader that stops with an error.
    fn refused(line: usize, why: impl Into<String>) -> Self {
        Self {
            values: BTreeMap::new(),
            refused: Some((u32::try_from(line).unwrap_or(u32::MAX), why.into())),
        }
    }

    /// Sets a variable.
    fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), Value::Text(value.into()));
    }

    /// The text of a variable, empty when it is not one or not known.
    fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}

#[cfg(test)]
mod tests;

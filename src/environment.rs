//! The variables of the audited environment: `--env-file` files and the process.

use std::collections::BTreeMap;

/// Where a variable's value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The environment of this process.
    Process,
    /// A file given with `--env-file`, and the line.
    File(String, u32),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Process => f.write_str("process environment"),
            Self::File(file, line) => write!(f, "{file}:{line}"),
        }
    }
}

/// Variables with their origin. A variable of the process wins over one of a file, as everywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// Name to value and origin.
    variables: BTreeMap<String, (String, Origin)>,
}

impl Environment {
    /// The environment of this process; names or values that are not UTF-8 are left out.
    pub(crate) fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((
                    name.into_string().ok()?,
                    (value.into_string().ok()?, Origin::Process),
                ))
            })
            .collect();
        Self { variables }
    }

    /// Adds a variable of a file; an existing one stays.
    pub(crate) fn add_from_file(&mut self, name: &str, value: &str, file: &str, line: u32) {
        self.variables
            .entry(name.to_owned())
            .or_insert_with(|| (value.to_owned(), Origin::File(file.to_owned(), line)));
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|(value, _)| value.as_str())
    }

    /// Where a variable came from.
    pub(crate) fn origin(&self, name: &str) -> Option<&Origin> {
        self.variables.get(name).map(|(_, origin)| origin)
    }

    /// Every variable, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, (value, _))| (name.as_str(), value.as_str()))
    }
}

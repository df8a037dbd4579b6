//! Variables of the audited environment, or of a file.

mod facts;
mod faults;
mod judge;
mod look;
mod rule;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::dotenv::dialect::Dialect;
use crate::expect::{Matcher, Ordered};
use crate::outcome::{Fault, Finding};

use facts::Facts;
use rule::{Rule, SameRule};

/// Judges environment variables: set, well-formed, strong enough, fit for production.
///
/// The environment is that of readyctl itself, with the files of `--env-file` behind it; with
/// `file:` it is one file instead. Values of secrets are never shown and never recorded: facts hold
/// their shape (length, entropy, types). In `assert:`, `env.NAME` is the text of a variable: of
/// every one named in this check, and of every other whose name does not look like a secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Env {
    /// Variables and what each must be: `API_KEY: { min_entropy_bits: 128 }`.
    #[serde(default)]
    rules: Ordered<Rule>,
    /// The same rule for several variables, also by input: `[{ names: "${secrets}", rule: {
    /// min_entropy_bits: 128 } }]`. A variable with a rule of its own keeps that.
    #[serde(default)]
    same_rule: Vec<SameRule>,
    /// Names of further variables that `assert:` looks at although their names look like secrets.
    #[serde(default)]
    vars: Vec<String>,
    /// A `.env` file to judge instead of the environment.
    #[serde(default)]
    file: Option<PathBuf>,
    /// The loader that reads `file`; by default readyctl's own reading, which resolves quotes,
    /// escapes and `${NAME}`.
    #[serde(default)]
    loader: Option<Dialect>,
    /// The example file: secrets must not have the values written there.
    #[serde(default)]
    example: Option<PathBuf>,
    /// Whether this is a production environment; default false. Then switches of development in any
    /// variable (`DEBUG=true`, `NODE_ENV=development`) and test keys of providers are faults, and
    /// local addresses in variables with rules are advice.
    #[serde(default)]
    production: bool,
    /// Variables, by name, that may be set as in development although this is production.
    #[serde(default)]
    accept_switches: Vec<String>,
    /// Groups of which at least one variable must be set: `[[DATABASE_URL, POSTGRES_HOST]]`.
    #[serde(default)]
    require_one_of: Vec<Vec<String>>,
    /// Groups that must be set all or not at all: `[[SMTP_HOST, SMTP_PASSWORD]]`.
    #[serde(default)]
    together: Vec<Vec<String>>,
    /// Groups of which at most one variable may be set.
    #[serde(default)]
    mutually_exclusive: Vec<Vec<String>>,
    /// What must hold when some variables have certain values.
    #[serde(default)]
    conditions: Vec<Condition>,
}

/// What must hold when some variables have certain values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// When it applies: variables and what each must be, all of them. An empty variable counts as
    /// not set: `{ ENABLE_TRACING: true }`, `{ SMTP_HOST: { exists: true } }`.
    when: Ordered<Matcher>,
    /// Variables that must then be set.
    #[serde(default)]
    require: Vec<String>,
    /// Variables that must then not be set.
    #[serde(default)]
    forbid: Vec<String>,
    /// Rules that apply then.
    #[serde(default)]
    rules: Ordered<Rule>,
}

impl Env {
    /// Every variable with its rule: those of `rules`, then those of `same_rule`, each once.
    fn each_rule(&self) -> Vec<(&str, &Rule)> {
        let mut all: Vec<(&str, &Rule)> = self.rules.iter().collect();
        for same in &self.same_rule {
            for name in &same.names.0 {
                if !all.iter().any(|(known, _)| known == name) {
                    all.push((name, &same.rule));
                }
            }
        }
        all
    }
}

impl Kind for Env {
    const NAME: &'static str = "env";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Passive
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut found = Vec::new();
        let nothing = self.rules.is_empty()
            && self.same_rule.is_empty()
            && self.vars.is_empty()
            && !self.production
            && self.require_one_of.is_empty()
            && self.together.is_empty()
            && self.mutually_exclusive.is_empty()
            && self.conditions.is_empty();
        if nothing {
            found.push(SpecProblem::at(
                "",
                "nothing is asked of any variable",
                "add `rules:` with at least one variable",
            ));
        }
        if self.loader.is_some() && self.file.is_none() {
            found.push(SpecProblem::at(
                "loader",
                "a loader reads a file, and there is none",
                "add `file:`",
            ));
        }
        for (name, rule) in self.rules.iter() {
            rule.problems(&format!("rules.{name}"), name, &mut found);
        }
        for (index, same) in self.same_rule.iter().enumerate() {
            let at = format!("same_rule.{index}.rule");
            let name = same.names.0.first().map_or("", String::as_str);
            same.rule.problems(&at, name, &mut found);
        }
        for (field, groups) in [
            ("require_one_of", &self.require_one_of),
            ("together", &self.together),
            ("mutually_exclusive", &self.mutually_exclusive),
        ] {
            let least = if field == "require_one_of" { 1 } else { 2 };
            if groups.iter().any(|group| group.len() < least) {
                found.push(SpecProblem::at(
                    field,
                    "a group with too few variables can never be red",
                    format!("write a list of lists with at least {least} names each"),
                ));
            }
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let at = format!("conditions.{index}");
            if condition.when.is_empty() {
                found.push(SpecProblem::at(
                    at.clone(),
                    "this condition has no `when`",
                    "name a variable, or move its rules to `rules:`",
                ));
            }
            if condition.require.is_empty()
                && condition.forbid.is_empty()
                && condition.rules.is_empty()
            {
                found.push(SpecProblem::at(
                    at.clone(),
                    "nothing follows from this condition",
                    "add `require`, `forbid` or `rules`",
                ));
            }
            for (name, rule) in condition.rules.iter() {
                rule.problems(&format!("{at}.rules.{name}"), name, &mut found);
            }
        }
        found
    }

    fn plan(&self) -> Vec<Planned> {
        let files = self.file.iter().chain(&self.example);
        let mut plan: Vec<Planned> = files
            .map(|path| Planned::once(format!("read {}", path.display())))
            .collect();
        if self.file.is_none() {
            plan.push(Planned::once("read the environment"));
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        look::look(self, cx)
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }

    fn for_assert(facts: &Facts) -> serde_json::Value {
        let shown = facts
            .variables
            .iter()
            .filter_map(|v| Some((v.name.clone(), v.shown.clone()?)));
        // The values in memory win over what a recording holds.
        shown
            .chain(facts.values.clone())
            .map(|(name, value)| (name, serde_json::Value::String(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

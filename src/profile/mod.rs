//! YAML to a validated profile: load, compose, interpolate, diagnose.
//!
//! [`load`] reads the named profiles with everything they extend, resolves their inputs, instantiates
//! packs and `for_each`, and decodes every check. It contacts nothing and reports every problem.

pub(crate) mod check;
pub(crate) mod compose;
pub(crate) mod decode;
pub(crate) mod diagnose;
mod for_each;
pub(crate) mod inputs;
pub(crate) mod interpolate;
mod mistake;
pub(crate) mod node;
mod packs;
pub(crate) mod schema;
pub(crate) mod sign_edit;
pub(crate) mod sign_off;
pub(crate) mod source;
pub(crate) mod yaml;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::checklist::Checklist;
use crate::environment::Environment;
use crate::redact::Redactor;
use check::{Check, Defaults, Origin, instantiate};
use compose::{Composed, Composer};
use decode::decode;
use inputs::{Given, Input, InputDecl};
use interpolate::Scope;
use node::{Node, Place, Problems, Sources, suggest};
use packs::use_pack;
pub(crate) use sign_off::SignOff;

/// A calendar day.
fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    crate::expect::text::scalar(deserializer)?
        .parse()
        .map_err(|_| serde::de::Error::custom("expected a date; help: write it like `2026-11-30`"))
}

/// An accepted failure, until a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiver {
    /// Id of the check; the id without `[item]` covers every item of a `for_each`.
    pub(crate) check: String,
    /// Why the failure is accepted.
    pub(crate) reason: String,
    /// Who accepted it.
    pub(crate) approved_by: String,
    /// Last day on which it counts, `YYYY-MM-DD`, UTC. An expired waiver makes its check red.
    #[serde(deserialize_with = "day")]
    #[schemars(with = "String")]
    pub(crate) expires: Date,
}

/// A use of a pack.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "some fields are read from the located tree and stand here for the schema"
)]
pub(crate) struct PackUse {
    /// Name of the pack, or path of its file.
    #[serde(rename = "use")]
    pub(crate) name: String,
    /// Values for the pack's inputs.
    #[serde(default)]
    pub(crate) with: crate::expect::Ordered<serde_json::Value>,
    /// Ids of checks to leave out.
    #[serde(default)]
    pub(crate) except: Vec<String>,
    /// Ids of the only checks to take.
    #[serde(default)]
    pub(crate) only: Vec<String>,
    /// Prefix for the ids, needed to use a pack twice: `as: eu` gives `eu.tls-expiry`.
    #[serde(default, rename = "as")]
    pub(crate) prefix: Option<String>,
    /// Whether the pack applies, in CEL; false skips all of its checks with the reason.
    #[serde(default)]
    pub(crate) when: Option<crate::expect::Expression>,
    /// Changes to checks of the pack by id, merged field by field.
    #[serde(default, rename = "override")]
    pub(crate) overrides: crate::expect::Ordered<serde_json::Value>,
}

/// What to load and with what.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// Names or paths.
    pub(crate) profiles: &'a [String],
    /// Variables for `from: env:…` and `${env:…}`.
    pub(crate) environment: &'a Environment,
    /// `--set INPUT=VALUE`.
    pub(crate) set: &'a [(String, String)],
    /// `--target`.
    pub(crate) target: Option<&'a str>,
    /// Whether a missing value is a problem: an audit needs them, linting does not.
    pub(crate) strict: bool,
    /// Learns every secret.
    pub(crate) redactor: &'a Redactor,
}

/// A profile, ready to be planned.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Its name; several are joined by `+`.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: String,
    /// Its inputs with their values.
    pub(crate) inputs: Vec<Input>,
    /// Names of its targets.
    pub(crate) targets: Vec<String>,
    /// Every check, packs first within their order, then its own.
    pub(crate) checks: Vec<Check>,
    /// Waivers with their places.
    pub(crate) waivers: Vec<(Waiver, Place)>,
    /// Sign-offs with their places.
    pub(crate) sign_offs: Vec<(SignOff, Place)>,
    /// Where `readyctl sign` keeps sign-offs; the file need not exist.
    pub(crate) sign_off_file: std::path::PathBuf,
    /// Checklists whose items its checks judge.
    pub(crate) checklists: Vec<Checklist>,
    /// Names of the packs used.
    pub(crate) packs: Vec<String>,
    /// Ids of all checks as they are written, of those with mistakes too.
    pub(crate) declared: Vec<String>,
}

/// Loads profiles. Problems are added to the list; `None` when nothing usable could be read.
pub(crate) fn load(
    request: &Request<'_>,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Profile> {
    let composed = Composer { sources, problems }.profiles(request.profiles)?;
    let inputs = resolve_inputs(&composed, request, problems);
    let scope = Scope {
        names: inputs
            .iter()
            .map(|input| (input.name.clone(), input.bound()))
            .collect(),
        environment: request.environment,
        redactor: request.redactor,
        strict: request.strict,
    };
    let defaults = scope.apply(&composed.defaults, problems);
    let defaults = decode(&defaults, problems).map_or_else(Defaults::default, |read: Defaults| {
        check::bounds(read.timeout, read.retry, &defaults, problems);
        read
    });
    let values = as_json(&inputs);
    let origin = Origin {
        scope: &scope,
        inputs: &values,
        target: request.target,
        group: &composed.name,
        defaults,
        skip: None,
        used_at: None,
    };
    let mut checks = Vec::new();
    let mut packs = Vec::new();
    let mut declared = Vec::new();
    for raw in &composed.packs {
        packs.extend(raw.get("use").and_then(Node::as_str).map(str::to_owned));
        checks.extend(use_pack(raw, &origin, sources, problems, &mut declared));
    }
    for raw in &composed.checks {
        declared.extend(raw.get("id").and_then(Node::as_str).map(str::to_owned));
        checks.extend(instantiate(raw, &origin, problems));
    }
    let located = |list: &[Node], problems: &mut Problems| {
        list.iter()
            .map(|node| {
                // The id says best which one is meant.
                let at = node.get("check").map_or(node.at, |id| id.at);
                (scope.apply(node, problems), at)
            })
            .collect::<Vec<_>>()
    };
    let waivers = located(&composed.waivers, problems)
        .iter()
        .filter_map(|(node, at)| Some((decode(node, problems)?, *at)))
        .collect();
    let sign_offs = located(&composed.sign_offs, problems)
        .iter()
        .filter_map(|(node, at)| Some((decode(node, problems)?, *at)))
        .collect();
    let checklists: Vec<Checklist> = composed
        .checklists
        .iter()
        .filter_map(|node| decode(&scope.apply(node, problems), problems))
        .collect();
    known_items(&checks, &checklists, problems);
    if checks.is_empty() && declared.is_empty() && problems.is_empty() {
        problems.add_global(
            format!(
                "the profile `{}` has no check: it could never fail",
                composed.name
            ),
            "add checks or use a pack",
        );
    }
    let targets = keys(&composed.targets);
    problems.dedupe(sources);
    Some(Profile {
        name: composed.name,
        description: composed.description,
        inputs,
        targets,
        checks,
        waivers,
        sign_offs,
        sign_off_file: composed.sign_off_file,
        checklists,
        packs,
        declared,
    })
}

/// A short name in `covers:` must be one of a checklist's, where the profile has checklists.
fn known_items(checks: &[Check], checklists: &[Checklist], problems: &mut Problems) {
    let known: Vec<&str> = checklists
        .iter()
        .flat_map(|list| list.items.iter().map(|(name, _)| name))
        .collect();
    if known.is_empty() {
        return;
    }
    for check in checks {
        for covers in &check.fields.covers {
            if !covers.contains('#') && !known.contains(&covers.as_str()) {
                problems.add(
                    check.id_at,
                    format!("`{covers}` under `covers:` is no item of `checklists:`"),
                    suggest(covers, known.iter().copied()),
                );
            }
        }
    }
}

/// Inputs as expressions see them.
fn as_json(inputs: &[Input]) -> Map<String, serde_json::Value> {
    inputs
        .iter()
        .map(|input| (input.name.clone(), input.json()))
        .collect()
}

/// The keys of a mapping.
fn keys(node: &Node) -> Vec<String> {
    node.as_map()
        .unwrap_or_default()
        .iter()
        .filter_map(|(key, _)| key.as_str().map(str::to_owned))
        .collect()
}

/// `--set` and targets give values to declared inputs only.
fn known_inputs(composed: &Composed, request: &Request<'_>, problems: &mut Problems) {
    let known = keys(&composed.inputs);
    for (name, _) in request.set.iter().filter(|(name, _)| !known.contains(name)) {
        if name.is_empty() {
            problems.add_global(
                "`--set` needs a name and a value",
                "write `--set INPUT=VALUE`",
            );
            continue;
        }
        problems.add_global(
            format!(
                "`--set {name}=…` names no input of the profile `{}`",
                composed.name
            ),
            suggest(name, known.iter().map(String::as_str)),
        );
    }
    for (name, values) in composed.targets.as_map().unwrap_or_default() {
        if values.as_map().is_none() {
            problems.add(
                values.at,
                format!(
                    "the target `{}` is a mapping of inputs, this is {}",
                    name.scalar_text().unwrap_or_default(),
                    values.type_name()
                ),
                "write `{ input: value }`",
            );
        }
        for (key, _) in values.as_map().unwrap_or_default() {
            let name = key.scalar_text().unwrap_or_default();
            if !known.contains(&name) {
                problems.add(
                    key.at,
                    format!("`{name}` is no input of this profile"),
                    suggest(&name, known.iter().map(String::as_str)),
                );
            }
        }
    }
}

/// The inputs of a profile: `--set`, then the target, then their sources, then their defaults.
fn resolve_inputs(
    composed: &Composed,
    request: &Request<'_>,
    problems: &mut Problems,
) -> Vec<Input> {
    known_inputs(composed, request, problems);
    let target = request.target.and_then(|name| {
        let values = composed.targets.get(name);
        if values.is_none() {
            let targets = keys(&composed.targets);
            problems.add_global(
                format!("the profile `{}` has no target `{name}`", composed.name),
                suggest(name, targets.iter().map(String::as_str)),
            );
        }
        values
    });
    let mut scope = Scope {
        names: Default::default(),
        environment: request.environment,
        redactor: request.redactor,
        strict: request.strict,
    };
    let mut inputs: Vec<Input> = Vec::new();
    for (key, value) in composed.inputs.as_map().unwrap_or_default() {
        let name = key.scalar_text().unwrap_or_default();
        let Some(decl) = decode::<InputDecl>(value, problems) else {
            inputs::register_raw(value, &scope);
            let input = Input::missing(&name, InputDecl::default());
            scope.names.insert(name, input.bound());
            inputs.push(input);
            continue;
        };
        let set = request
            .set
            .iter()
            .rev()
            .find(|(set, _)| *set == name)
            .map(|(_, text)| Given {
                node: Node::string(key.at, text.clone()),
                provenance: "--set".to_owned(),
            });
        let given = set.or_else(|| {
            let node = target?.get(&name)?;
            let node = scope.apply(node, problems);
            Some(Given {
                node,
                provenance: format!("target {}", request.target.unwrap_or_default()),
            })
        });
        if !inputs::is_name(&name) {
            problems.add(
                key.at,
                format!("`{name}` cannot be the name of an input"),
                "use letters, digits and `_`, so that `${name}` and `inputs.name` can refer to it",
            );
        }
        if !request.strict {
            other_targets(composed, request, (&name, value), &scope, problems);
        }
        let input = inputs::resolve((&name, key.at, value), decl, given, &scope, problems);
        scope.names.insert(name, input.bound());
        inputs.push(input);
    }
    inputs
}

/// When linting, the values of targets that were not chosen must fit too.
fn other_targets(
    composed: &Composed,
    request: &Request<'_>,
    (name, raw): (&str, &Node),
    scope: &Scope<'_>,
    problems: &mut Problems,
) {
    for (key, values) in composed.targets.as_map().unwrap_or_default() {
        let target = key.scalar_text().unwrap_or_default();
        if request.target == Some(target.as_str()) {
            continue;
        }
        if let (Some(value), Some(decl)) = (
            values.get(name),
            decode::<InputDecl>(raw, &mut Problems::default()),
        ) {
            let given = Given {
                node: scope.apply(value, problems),
                provenance: format!("target {target}"),
            };
            inputs::resolve((name, key.at, raw), decl, Some(given), scope, problems);
        }
    }
}

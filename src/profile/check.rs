//! One check: the fields every check has, and turning a raw entry into steps of a plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::decode;
use super::for_each::{Item, product};
use super::interpolate::{Bound, Scope};
use super::node::{Node, Place, Problems, Value, suggest};
use crate::expect::{Expression, Ordered, TimeSpan};
use crate::kinds::{DynKind, KINDS, entry};
use crate::outcome::Severity;

/// Trying again after an observation failed for a transient cause (refused, timeout, DNS, reset).
/// Repeats looking, never judging; a check that needed it says so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// How often to look at most, the first time included; 1 to 10.
    pub(crate) attempts: u32,
    /// Pause before the second attempt, `500ms` by default.
    #[serde(default = "default_delay")]
    pub(crate) delay: TimeSpan,
    /// Factor by which the pause grows each time, 1 by default.
    #[serde(default = "default_backoff")]
    pub(crate) backoff: f64,
}

/// Default of [`Retry::delay`].
fn default_delay() -> TimeSpan {
    TimeSpan::millis(500)
}

/// Default of [`Retry::backoff`].
fn default_backoff() -> f64 {
    1.0
}

/// What checks get that do not say it themselves.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    /// Longest time one observation may take; 10s when nothing is said.
    #[serde(default)]
    pub(crate) timeout: Option<TimeSpan>,
    /// How to try again.
    #[serde(default)]
    pub(crate) retry: Option<Retry>,
    /// How long to wait for a target that is not up yet.
    #[serde(default)]
    pub(crate) wait_for: Option<TimeSpan>,
    /// Severity of checks that name none.
    #[serde(default)]
    pub(crate) severity: Option<Severity>,
}

/// The fields every check has, besides exactly one kind key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "some fields are read from the located tree and stand here for the schema"
)]
pub(crate) struct CheckFields {
    /// Unique id: small letters, digits, `-`, `_` and `.`.
    pub(crate) id: String,
    /// What a person calls it; made from the id when absent.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Heading under which it stands; the pack's title, else the profile's name, when absent.
    #[serde(default)]
    pub(crate) group: Option<String>,
    /// How much it matters, `high` when absent.
    #[serde(default)]
    pub(crate) severity: Option<Severity>,
    /// Words to select it by: `--only tag:health`.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Checklist items it judges, `FILE.md#anchor` or a key.
    #[serde(default)]
    pub(crate) covers: Vec<String>,
    /// Whether it applies, in CEL over `inputs` and `target`; false means *skip*, with the reason.
    #[serde(default)]
    pub(crate) when: Option<Expression>,
    /// Checks that must be green before this one runs.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// What to do when it is red.
    #[serde(default)]
    pub(crate) remedy: Option<String>,
    /// Longest time one observation may take.
    #[serde(default)]
    pub(crate) timeout: Option<TimeSpan>,
    /// How to try again.
    #[serde(default)]
    pub(crate) retry: Option<Retry>,
    /// How long to wait until it is green: for targets that are still starting.
    #[serde(default)]
    pub(crate) wait_for: Option<TimeSpan>,
    /// One check an item: `for_each: { module: [ci, calendar] }` with `${module}` inside.
    #[serde(default)]
    pub(crate) for_each: Option<Ordered<serde_json::Value>>,
    /// Whether it may replace the kind of the check it overrides.
    #[serde(default, rename = "override")]
    pub(crate) replace: bool,
}

/// Names of the fields of [`CheckFields`], for splitting them from the kind key.
const FIELDS: &[&str] = &[
    "id", "title", "group", "severity", "tags", "covers", "when", "needs", "remedy", "timeout",
    "retry", "wait_for", "for_each", "override",
];

/// A check ready to be run, or to be skipped.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// Its fields.
    pub(crate) fields: CheckFields,
    /// The id before `for_each` added the item.
    pub(crate) base_id: String,
    /// Name of the kind.
    pub(crate) kind: &'static str,
    /// The decoded kind; `None` when the check is skipped.
    pub(crate) spec: Option<Arc<dyn DynKind>>,
    /// `assert:` expressions of the kind's block.
    pub(crate) asserts: Vec<Expression>,
    /// Inputs as expressions see them.
    pub(crate) inputs: serde_json::Value,
    /// Why it does not apply.
    pub(crate) skip: Option<String>,
    /// Where it stands.
    pub(crate) at: Place,
    /// Where its id stands.
    pub(crate) id_at: Place,
    /// Where the pack that it comes from is used.
    pub(crate) used_at: Option<Place>,
    /// Where each of its `needs` stands.
    pub(crate) needs_at: Vec<Place>,
}

/// Where raw checks come from and what they may refer to.
pub(crate) struct Origin<'a> {
    /// Names for `${…}`.
    pub(crate) scope: &'a Scope<'a>,
    /// Inputs for expressions.
    pub(crate) inputs: &'a serde_json::Map<String, serde_json::Value>,
    /// Name of the target, for expressions.
    pub(crate) target: Option<&'a str>,
    /// Heading of checks that name none.
    pub(crate) group: &'a str,
    /// Defaults of the profile.
    pub(crate) defaults: Defaults,
    /// Why nothing of this origin applies (`when` of a pack).
    pub(crate) skip: Option<&'a str>,
    /// Where the pack is used.
    pub(crate) used_at: Option<Place>,
}

/// Turns a raw entry into its checks: one, or one an item of `for_each`.
pub(crate) fn instantiate(raw: &Node, origin: &Origin<'_>, problems: &mut Problems) -> Vec<Check> {
    let mut raw = raw.clone();
    let Some((_, for_each)) = raw.take("for_each") else {
        return one(&raw, None, origin, problems).into_iter().collect();
    };
    let for_each = origin.scope.apply(&for_each, problems);
    let Some(items) = product(&for_each, problems) else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| one(&raw, Some(item), origin, problems))
        .collect()
}

/// One check, for one item.
fn one(
    raw: &Node,
    item: Option<&Item>,
    origin: &Origin<'_>,
    problems: &mut Problems,
) -> Option<Check> {
    let mut names: BTreeMap<String, Bound> = origin.scope.names.clone();
    let mut inputs = origin.inputs.clone();
    for (name, value) in item.iter().flat_map(|item| &item.variables) {
        names.insert(
            name.clone(),
            Bound {
                value: Some(value.clone()),
                help: String::new(),
                reported: false,
            },
        );
        inputs.insert(name.clone(), value.to_json());
    }
    let mut scope = Scope {
        names,
        ..origin.scope.clone()
    };
    let skip = match (
        origin.skip,
        skip_reason(raw, &inputs, origin.target, scope.strict, problems),
    ) {
        (Some(reason), _) => Some(reason.to_owned()),
        (None, reason) => reason,
    };
    // What does not apply need not have its inputs.
    scope.strict &= skip.is_none();
    let node = scope.apply(raw, problems);
    let (common, kinds) = split(&node, problems);
    let fields: Option<CheckFields> = decode(&common, problems);
    let kind = the_kind(&node, &kinds, problems);
    // The kind's block is decoded even when other fields are wrong: every problem at once.
    let decoded = kind.map(|(name, block)| {
        let mut block = block.clone();
        let asserts = take_asserts(&mut block, name, problems);
        let spec = if skip.is_some() {
            None
        } else {
            decode_spec(name, &block, problems)
        };
        (name, asserts, spec)
    });
    let mut fields = fields?;
    let (kind, asserts, spec) = decoded?;
    check_id(&common, &fields.id, problems);
    bounds(fields.timeout, fields.retry, &common, problems);
    let place_of = |name: &str| common.get(name).map_or(node.at, |node| node.at);
    let id_at = place_of("id");
    let needs_at = match common.get("needs").map(|node| &node.value) {
        Some(Value::Seq(items)) => items.iter().map(|item| item.at).collect(),
        _ => vec![place_of("needs"); fields.needs.len()],
    };
    let base_id = fields.id.clone();
    if let Some(item) = item {
        fields.id = format!("{}[{}]", fields.id, item.label);
        if fields.title.as_ref().is_some()
            && raw
                .get("title")
                .and_then(Node::as_str)
                .is_some_and(|title| !title.contains("${"))
        {
            fields.title = fields
                .title
                .map(|title| format!("{title} [{}]", item.label));
        }
    }
    fill_in(&mut fields, origin);
    Some(Check {
        fields,
        base_id,
        kind,
        spec,
        asserts,
        inputs: inputs.into(),
        skip,
        at: node.at,
        id_at,
        used_at: origin.used_at,
        needs_at,
    })
}

/// Reports times and counts with which nothing could be seen, or that nobody would wait for.
pub(crate) fn bounds(
    timeout: Option<TimeSpan>,
    retry: Option<Retry>,
    fields: &Node,
    problems: &mut Problems,
) {
    let place = |path: &[&str]| {
        path.iter()
            .fold(fields, |node, name| node.get(name).unwrap_or(node))
            .at
    };
    if timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        problems.add(
            place(&["timeout"]),
            "a timeout of nothing leaves no time to look",
            "write it like `5s`, or remove it for the default of 10s",
        );
    }
    let Some(retry) = retry else { return };
    for (name, good) in [
        ("attempts", (1..=10).contains(&retry.attempts)),
        ("backoff", (1.0..=10.0).contains(&retry.backoff)),
    ] {
        if !good {
            problems.add(
                place(&["retry", name]),
                format!("`{name}` is out of range"),
                "write 1 to 10",
            );
        }
    }
}

/// Defaults for what the check left out.
fn fill_in(fields: &mut CheckFields, origin: &Origin<'_>) {
    let defaults = origin.defaults;
    fields.severity = fields
        .severity
        .or(defaults.severity)
        .or(Some(Severity::default()));
    fields.timeout = fields.timeout.or(defaults.timeout);
    fields.retry = fields.retry.or(defaults.retry);
    fields.wait_for = fields.wait_for.or(defaults.wait_for);
    if fields.group.is_none() {
        fields.group = Some(origin.group.to_owned());
    }
    if fields.title.is_none() {
        let words = fields.id.replace(['-', '_'], " ");
        let mut letters = words.chars();
        fields.title = Some(
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect())
                .unwrap_or_default(),
        );
    }
}

/// The kind's block decoded, with the contradictions its types cannot express.
fn decode_spec(
    kind: &'static str,
    block: &Node,
    problems: &mut Problems,
) -> Option<Arc<dyn DynKind>> {
    let decode = entry(kind)?.decode;
    let spec = decode(block, problems)?;
    let found = spec.problems();
    // When linting, a contradiction counts that does not depend on the values nobody gave.
    let elsewhere = (!found.is_empty() && block.any(&|node| node.unknown)).then(|| {
        let other = decode(&otherwise(block), &mut Problems::default());
        other.map(|spec| spec.problems()).unwrap_or_default()
    });
    for problem in found {
        if elsewhere.as_ref().is_some_and(|others| {
            !others
                .iter()
                .any(|other| other.field == problem.field && other.message == problem.message)
        }) {
            continue;
        }
        let place = problem
            .field
            .split('.')
            .filter(|part| !part.is_empty())
            .try_fold(block, |node, part| node.get(part))
            .unwrap_or(block);
        if place.any(&|node| node.unknown) {
            continue;
        }
        problems.add(place.at, problem.message, problem.help.unwrap_or_default());
    }
    Some(spec)
}

/// The same tree with other values where the real ones are not known.
fn otherwise(node: &Node) -> Node {
    let value = match &node.value {
        Value::Seq(items) => Value::Seq(items.iter().map(otherwise).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), otherwise(value)))
                .collect(),
        ),
        Value::Str(text) if node.unknown => Value::Str(match text.as_str() {
            "1s" => "2s".to_owned(),
            "1B" => "2B".to_owned(),
            text => text
                .replace("https://", "http://")
                .replace("unset", "other"),
        }),
        Value::Int(number) if node.unknown => Value::Int(number + 1),
        Value::Bool(truth) if node.unknown => Value::Bool(!truth),
        other => other.clone(),
    };
    Node {
        value,
        ..node.clone()
    }
}

/// The reason for which `when` says that a check does not apply. When linting, everything applies.
pub(crate) fn skip_reason(
    raw: &Node,
    inputs: &serde_json::Map<String, serde_json::Value>,
    target: Option<&str>,
    strict: bool,
    problems: &mut Problems,
) -> Option<String> {
    let node = raw.get("when")?;
    // A list or a mapping is reported when the fields are decoded.
    let text = node.scalar_text()?;
    let expression = match Expression::new(&text) {
        Ok(expression) => expression,
        Err(message) => {
            let (message, help) = message.split_once("; help: ").unwrap_or((&message, ""));
            problems.add(node.at, message, help);
            return None;
        }
    };
    if let Some(unknown) = expression
        .variables()
        .iter()
        .find(|name| !matches!(name.as_str(), "inputs" | "target"))
    {
        problems.add(
            node.at,
            format!("`{unknown}` is not known in `when`"),
            "expressions see `inputs` and `target`: write `inputs.name`",
        );
        return None;
    }
    let variables = serde_json::Map::from_iter([
        (
            "inputs".to_owned(),
            serde_json::Value::Object(inputs.clone()),
        ),
        (
            "target".to_owned(),
            target.map_or(serde_json::Value::Null, Into::into),
        ),
    ]);
    match expression.holds(&variables) {
        Ok(true) => None,
        Ok(false) if strict => Some(format!("`when: {expression}` is false")),
        Ok(false) => None,
        // When linting, inputs without a value are null and need not compare; what cannot be decided
        // with values either is wrong anyway.
        Err(error) if !strict && !is_certain(&error) => None,
        Err(error) => {
            problems.add(
                node.at,
                format!("`when` cannot be decided: {error}"),
                "name declared inputs only, and compare them with values of their type",
            );
            None
        }
    }
}

/// Whether an expression fails whatever the values are.
fn is_certain(error: &str) -> bool {
    error.contains("No such key")
        || error.contains("ndeclared reference")
        || (error.contains("instead of true or false") && !error.contains("Null"))
}

/// The common fields as one mapping, and the entries whose key is a kind.
fn split<'a>(
    node: &'a Node,
    problems: &mut Problems,
) -> (Node, Vec<(&'static str, &'a Node, Place)>) {
    let mut common = Vec::new();
    let mut kinds = Vec::new();
    for (key, value) in node.as_map().unwrap_or_default() {
        let name = key.scalar_text().unwrap_or_default();
        if FIELDS.contains(&name.as_str()) {
            common.push((key.clone(), value.clone()));
        } else if let Some(kind) = entry(&name) {
            kinds.push((kind.name, value, key.at));
        } else {
            let known = FIELDS
                .iter()
                .copied()
                .chain(KINDS.iter().map(|kind| kind.name));
            let near = suggest(&name, known);
            let help = if near.starts_with("did you mean") {
                near
            } else {
                let mut fields: Vec<String> =
                    FIELDS.iter().map(|field| format!("`{field}`")).collect();
                fields.sort();
                format!(
                    "`readyctl list kinds` shows the kinds; the fields of a check are {}",
                    fields.join(", ")
                )
            };
            problems.add(
                key.at,
                format!("`{name}` is neither a field of a check nor a kind"),
                help,
            );
        }
    }
    (
        Node {
            at: node.at,
            value: Value::Map(common),
            secret: false,
            unknown: false,
        },
        kinds,
    )
}

/// The one kind of a check.
fn the_kind<'a>(
    node: &Node,
    kinds: &[(&'static str, &'a Node, Place)],
    problems: &mut Problems,
) -> Option<(&'static str, &'a Node)> {
    match kinds {
        [(name, block, _)] => Some((name, block)),
        [] => {
            let id = node
                .get("id")
                .and_then(Node::as_str)
                .unwrap_or("this check");
            let unknown = node.as_map().is_some_and(|entries| {
                entries.iter().any(|(key, _)| {
                    !FIELDS.contains(&key.scalar_text().unwrap_or_default().as_str())
                })
            });
            if !unknown {
                problems.add(
                    node.at,
                    format!("`{id}` has no kind: it would check nothing"),
                    "add exactly one kind, for example `http:`; `readyctl list kinds` shows all",
                );
            }
            None
        }
        [(first, _, first_at), (second, _, second_at), ..] => {
            problems.add_with(
                *second_at,
                format!("a check has exactly one kind, this one has `{first}` and `{second}`"),
                (*first_at, "the first".to_owned()),
                "make two checks of it",
            );
            None
        }
    }
}

/// Ids are short and can be typed.
pub(crate) fn is_id(id: &str) -> bool {
    id.chars()
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && id
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
        && id.len() <= 80
}

/// What to say about an id that is none.
pub(crate) const ID_HELP: &str =
    "use small letters, digits, `-`, `_` and `.`, beginning with a letter or digit";

/// Reports an id that is none.
fn check_id(common: &Node, id: &str, problems: &mut Problems) {
    if !is_id(id) {
        let at = common.get("id").map_or(common.at, |node| node.at);
        problems.add(at, format!("`{id}` cannot be an id"), ID_HELP);
    }
}

/// Takes `assert:` out of a kind's block: one expression or a list.
fn take_asserts(block: &mut Node, kind: &str, problems: &mut Problems) -> Vec<Expression> {
    let Some((_, node)) = block.take("assert") else {
        return Vec::new();
    };
    let items = match node.value {
        Value::Seq(items) if items.is_empty() => {
            problems.add(
                node.at,
                "this list of assertions is empty: it could never fail",
                "add an expression or remove the field",
            );
            return Vec::new();
        }
        Value::Seq(items) => items,
        _ => vec![node],
    };
    let known = ["facts", kind, "inputs", "now"];
    let mut expressions = Vec::new();
    for item in &items {
        let Some(expression) = decode::<Expression>(item, problems) else {
            continue;
        };
        let unknown = expression
            .variables()
            .into_iter()
            .find(|name| !known.contains(&name.as_str()));
        if let Some(unknown) = unknown {
            problems.add(
                item.at,
                format!("`{unknown}` is not known in `assert`"),
                format!("expressions here see `{kind}` or `facts` (what was observed), `inputs` and `now`"),
            );
        }
        expressions.push(expression);
    }
    expressions
}

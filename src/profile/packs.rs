//! Uses of packs: their inputs, which of their checks are taken, and what is changed about them.

use super::check::{Check, ID_HELP, Origin, instantiate, is_id, skip_reason};
use super::compose::{Composed, Composer};
use super::decode::decode;
use super::inputs::{self, Given, Input, InputDecl};
use super::interpolate::{EXPRESSIONS, Scope};
use super::node::{Node, Place, Problems, Sources, Value, suggest};
use super::{PackUse, as_json, keys};

/// The checks of one use of a pack.
pub(super) fn use_pack(
    raw: &Node,
    origin: &Origin<'_>,
    sources: &mut Sources,
    problems: &mut Problems,
    declared: &mut Vec<String>,
) -> Vec<Check> {
    let mut fields = raw.clone();
    let with = fields
        .take("with")
        .map_or_else(|| Node::empty_map(raw.at), |(_, node)| node);
    let overrides = fields
        .take("override")
        .map_or_else(|| Node::empty_map(raw.at), |(_, node)| node);
    let Some(usage) = decode::<PackUse>(&fields, problems) else {
        return Vec::new();
    };
    let Some(name) = raw.get("use") else {
        return Vec::new();
    };
    let Some(pack) = (Composer { sources, problems }).pack(name) else {
        return Vec::new();
    };
    let ids: Vec<String> = pack
        .checks
        .iter()
        .filter_map(|check| check.get("id")?.as_str().map(str::to_owned))
        .collect();
    if let Some(prefix) = usage.prefix.as_ref().filter(|prefix| !is_id(prefix)) {
        let at = raw.get("as").map_or(raw.at, |node| node.at);
        problems.add(
            at,
            format!("`{prefix}` cannot be the beginning of an id"),
            ID_HELP,
        );
        return Vec::new();
    }
    known_ids(raw, &usage, &overrides, &ids, problems);
    let skip = origin.skip.map(str::to_owned).or_else(|| {
        skip_reason(
            raw,
            origin.inputs,
            origin.target,
            origin.scope.strict,
            problems,
        )
    });
    let mut outer = origin.scope.clone();
    outer.strict &= skip.is_none();
    let inputs = pack_inputs(&pack, (&with, name.at), &outer, problems);
    let scope = Scope {
        names: inputs
            .iter()
            .map(|input| (input.name.clone(), input.bound()))
            .collect(),
        ..outer.clone()
    };
    let values = as_json(&inputs);
    let group = usage.prefix.as_ref().map_or_else(
        || pack.title.clone(),
        |prefix| format!("{} ({prefix})", pack.title),
    );
    let inner = Origin {
        scope: &scope,
        inputs: &values,
        group: &group,
        skip: skip.as_deref(),
        used_at: Some(name.at),
        ..*origin
    };
    let mut checks = Vec::new();
    for raw_check in &pack.checks {
        let id = raw_check
            .get("id")
            .and_then(Node::as_str)
            .unwrap_or_default();
        if usage.except.iter().any(|left_out| left_out == id)
            || (!usage.only.is_empty() && !usage.only.iter().any(|taken| taken == id))
        {
            continue;
        }
        let mut check = raw_check.clone();
        if let Some(over) = overrides.get(id) {
            let over = literal(outer.apply(over, problems));
            Composer { sources, problems }.merge_fields(&mut check, over, id);
        }
        prefix_ids(&mut check, usage.prefix.as_deref(), &ids);
        declared.extend(check.get("id").and_then(Node::as_str).map(str::to_owned));
        checks.extend(instantiate(&check, &inner, problems));
    }
    checks
}

/// Reports ids of a use that the pack does not have, and changes of ids.
fn known_ids(
    raw: &Node,
    usage: &PackUse,
    overrides: &Node,
    ids: &[String],
    problems: &mut Problems,
) {
    for (field, list) in [("except", &usage.except), ("only", &usage.only)] {
        for unknown in list.iter().filter(|id| !ids.contains(id)) {
            let list = raw.get(field).unwrap_or(raw);
            let at = list
                .find(&|item| item.as_str() == Some(unknown))
                .unwrap_or(list)
                .at;
            problems.add(
                at,
                format!("the pack `{}` has no check `{unknown}`", usage.name),
                suggest(unknown, ids.iter().map(String::as_str)),
            );
        }
    }
    for (key, changes) in overrides.as_map().unwrap_or_default() {
        if let Some((id, _)) = changes.entry("id") {
            problems.add(
                id.at,
                "the id of a pack's check cannot be changed",
                "leave the check out with `except:` and write your own, or use the pack with `as:`",
            );
        }
        let id = key.scalar_text().unwrap_or_default();
        if !ids.contains(&id) {
            problems.add(
                key.at,
                format!("the pack `{}` has no check `{id}`", usage.name),
                suggest(&id, ids.iter().map(String::as_str)),
            );
        }
    }
}

/// The inputs of a pack: `with` of the use, then its own sources and defaults.
fn pack_inputs(
    pack: &Composed,
    (with, at): (&Node, Place),
    outer: &Scope<'_>,
    problems: &mut Problems,
) -> Vec<Input> {
    let known = keys(&pack.inputs);
    for (key, _) in with.as_map().unwrap_or_default() {
        let name = key.scalar_text().unwrap_or_default();
        if !known.contains(&name) {
            problems.add(
                key.at,
                format!("the pack `{}` has no input `{name}`", pack.name),
                suggest(&name, known.iter().map(String::as_str)),
            );
        }
    }
    let mut scope = Scope {
        names: Default::default(),
        ..outer.clone()
    };
    let mut inputs = Vec::new();
    for (key, value) in pack.inputs.as_map().unwrap_or_default() {
        let name = key.scalar_text().unwrap_or_default();
        let Some(decl) = decode::<InputDecl>(value, problems) else {
            inputs::register_raw(value, &scope);
            let input = Input::missing(&name, InputDecl::default());
            scope.names.insert(name, input.bound());
            inputs.push(input);
            continue;
        };
        let given = with
            .get(&name)
            .and_then(|node| match unset_reference(node, outer) {
                // An input without a value hands on "no value", so that the pack's default applies.
                true => None,
                false => Some(Given {
                    node: outer.apply(node, problems),
                    provenance: "with".to_owned(),
                }),
            });
        let given = given.filter(|given| !matches!(given.node.value, Value::Null));
        let required = decl.required && given.is_none() && decl.default.is_none();
        if required && outer.strict {
            if with
                .get(&name)
                .is_some_and(|node| reported_reference(node, outer))
            {
                inputs.push(Input::missing(&name, decl));
                scope
                    .names
                    .extend(inputs.last().map(|input| (name, input.bound())));
                continue;
            }
            let help = match with.get(&name) {
                Some(node) => unset_help(node, outer),
                None => format!("write `with: {{ {name}: … }}`"),
            };

            let place = with.get(&name).map_or(at, |node| node.at);
            problems.add(
                place,
                format!("the pack `{}` needs its input `{name}`", pack.name),
                help,
            );
            let input = Input::missing(&name, decl);
            scope.names.insert(name, input.bound());
            inputs.push(input);
            continue;
        }
        let input = inputs::resolve((&name, key.at, value), decl, given, &scope, problems);
        scope.names.insert(name, input.bound());
        inputs.push(input);
    }
    inputs
}

/// Whether a node is a lone `${name}` of an input that has no value.
fn unset_reference(node: &Node, scope: &Scope<'_>) -> bool {
    lone_reference(node)
        .and_then(|name| scope.names.get(name))
        .is_some_and(|bound| bound.value.is_none())
}

/// Whether a node is a lone `${name}` of an input whose lack of a value was reported already.
fn reported_reference(node: &Node, scope: &Scope<'_>) -> bool {
    lone_reference(node)
        .and_then(|name| scope.names.get(name))
        .is_some_and(|bound| bound.reported)
}

/// How to give the input behind a lone `${name}` a value.
fn unset_help(node: &Node, scope: &Scope<'_>) -> String {
    lone_reference(node)
        .and_then(|name| scope.names.get(name))
        .map(|bound| bound.help.clone())
        .unwrap_or_default()
}

/// The name inside a scalar that is `${name}` and nothing else.
fn lone_reference(node: &Node) -> Option<&str> {
    let name = node.as_str()?.strip_prefix("${")?.strip_suffix('}')?;
    (!name.contains(['$', '{', ':', '.'])).then_some(name)
}

/// Puts the prefix before the id of a pack's check, and before the ids of the same pack it needs.
fn prefix_ids(check: &mut Node, prefix: Option<&str>, ids: &[String]) {
    let Some(prefix) = prefix else { return };
    let with_prefix = |node: &Node| {
        Node::string(
            node.at,
            format!("{prefix}.{}", node.as_str().unwrap_or_default()),
        )
    };
    if let Some((key, id)) = check.take("id") {
        let id = with_prefix(&id);
        check.set(key, id);
    }
    if let Some((key, mut needs)) = check.take("needs") {
        if let Value::Seq(items) = &mut needs.value {
            for item in items.iter_mut().filter(|item| {
                item.as_str()
                    .is_some_and(|id| ids.iter().any(|own| own == id))
            }) {
                *item = with_prefix(item);
            }
        }
        check.set(key, needs);
    }
}

/// A tree whose text stays as it is when it is interpolated again.
fn literal(node: Node) -> Node {
    let value = match node.value {
        Value::Str(text) => Value::Str(text.replace("${", "$${")),
        Value::Seq(items) => Value::Seq(items.into_iter().map(literal).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    // Expressions are never interpolated.
                    let expression = key.as_str().is_some_and(|name| EXPRESSIONS.contains(&name));
                    let value = if expression { value } else { literal(value) };
                    (literal(key), value)
                })
                .collect(),
        ),
        other => other,
    };
    Node { value, ..node }
}

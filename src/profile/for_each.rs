//! `for_each`: one check for every combination of items.

use super::inputs::is_name;
use super::node::{Node, Problems, Value};

/// One combination of `for_each` variables.
pub(super) struct Item {
    /// What stands in the brackets of the id.
    pub(super) label: String,
    /// Variables and values.
    pub(super) variables: Vec<(String, Node)>,
}

/// Every combination of the lists of a `for_each`; `None` after adding a problem.
pub(super) fn product(for_each: &Node, problems: &mut Problems) -> Option<Vec<Item>> {
    let help = "write `for_each: { name: [a, b] }`";
    if for_each.unknown {
        return None;
    }
    if for_each.as_map().is_some_and(<[_]>::is_empty) {
        problems.add(
            for_each.at,
            "this `for_each` is empty: the check would silently disappear",
            help,
        );
        return None;
    }
    let Some(entries) = for_each.as_map() else {
        problems.add(
            for_each.at,
            format!(
                "`for_each` is a mapping of lists, this is {}",
                for_each.type_name()
            ),
            help,
        );
        return None;
    };
    let mut items = vec![Item {
        label: String::new(),
        variables: Vec::new(),
    }];
    for (name, list) in entries {
        let variable = name.scalar_text().unwrap_or_default();
        if !is_name(&variable) {
            problems.add(
                name.at,
                format!("`{variable}` cannot be the name of a variable"),
                "use letters, digits and `_`",
            );
            return None;
        }
        if list.unknown {
            return None;
        }
        let Value::Seq(values) = &list.value else {
            problems.add(
                list.at,
                format!(
                    "an entry of `for_each` is a list, this is {}",
                    list.type_name()
                ),
                help,
            );
            return None;
        };
        if values.is_empty() {
            problems.add(
                list.at,
                "this list is empty: the check would silently disappear",
                "add an item or remove the check",
            );
            return None;
        }
        if items.len() * values.len() > 500 {
            problems.add(
                list.at,
                "this gives more than 500 checks",
                "use fewer items",
            );
            return None;
        }
        items = combined(&items, &variable, values);
    }
    Some(items)
}

/// Every item with every value of one more variable.
fn combined(items: &[Item], variable: &str, values: &[Node]) -> Vec<Item> {
    items
        .iter()
        .flat_map(|item| {
            values.iter().enumerate().map(move |(index, value)| {
                let word = value
                    .scalar_text()
                    .or_else(|| {
                        ["id", "name", "path"]
                            .iter()
                            .find_map(|field| value.get(field)?.scalar_text())
                    })
                    .unwrap_or_else(|| index.to_string());
                let label = if item.label.is_empty() {
                    word
                } else {
                    format!("{},{word}", item.label)
                };
                let variables = item
                    .variables
                    .iter()
                    .cloned()
                    .chain([(variable.to_owned(), value.clone())])
                    .collect();
                Item { label, variables }
            })
        })
        .collect()
}

//! Reads a profile with everything it extends into one tree per section, before interpolation.

use std::path::{Path, PathBuf};

use super::node::{Node, Place, Problems, Sources, Value, suggest};
use super::source::{Library, parse};
use crate::kinds::entry;

/// Fields of a profile, in the order of the documentation.
pub(crate) const PROFILE_FIELDS: &[&str] = &[
    "version",
    "name",
    "description",
    "extends",
    "inputs",
    "targets",
    "defaults",
    "packs",
    "checks",
    "waivers",
    "sign_offs",
    "checklists",
];
/// Fields of a pack.
pub(crate) const PACK_FIELDS: &[&str] = &[
    "version",
    "name",
    "title",
    "description",
    "inputs",
    "checks",
];

/// Most files one profile may be made of, those that are extended twice counted twice.
const MAX_FILES: usize = 256;

/// A profile with its parents merged in, or a pack.
#[derive(Clone, Debug)]
pub(crate) struct Composed {
    /// Its name.
    pub(crate) name: String,
    /// Heading of a pack.
    pub(crate) title: String,
    /// What it is for.
    pub(crate) description: String,
    /// Input declarations by name.
    pub(crate) inputs: Node,
    /// Named sets of inputs.
    pub(crate) targets: Node,
    /// Defaults for checks.
    pub(crate) defaults: Node,
    /// Uses of packs.
    pub(crate) packs: Vec<Node>,
    /// Checks, merged by id.
    pub(crate) checks: Vec<Node>,
    /// Waivers.
    pub(crate) waivers: Vec<Node>,
    /// Sign-offs.
    pub(crate) sign_offs: Vec<Node>,
    /// The file beside it for more of them.
    pub(crate) sign_off_file: PathBuf,
    /// Checklists.
    pub(crate) checklists: Vec<Node>,
}

/// Reads files and merges them.
pub(crate) struct Composer<'a> {
    /// Every file read.
    pub(crate) sources: &'a mut Sources,
    /// What is wrong.
    pub(crate) problems: &'a mut Problems,
}

impl Composer<'_> {
    /// A profile by name or path, its parents merged under it.
    pub(crate) fn profile(&mut self, name: &str) -> Option<Composed> {
        let mut composed = self.compose(name, None, &mut Vec::new())?;
        self.add_sign_off_file(&mut composed);
        Some(composed)
    }

    /// Several profiles as one: as if a profile extended them all, in order.
    pub(crate) fn profiles(&mut self, names: &[String]) -> Option<Composed> {
        let mut all: Option<Composed> = None;
        for name in names {
            let next = self.profile(name);
            all = match (all, next) {
                (Some(mut base), Some(over)) => {
                    let joined = format!("{}+{}", base.name, over.name);
                    let file = over.sign_off_file.clone();
                    self.merge(&mut base, over);
                    base.name = joined;
                    base.sign_off_file = file;
                    Some(base)
                }
                (base, next) => base.or(next),
            };
        }
        all
    }

    /// One profile; `trail` holds the names being composed, to find cycles.
    fn compose(
        &mut self,
        name: &str,
        from: Option<(Place, &Path)>,
        trail: &mut Vec<(PathBuf, Place)>,
    ) -> Option<Composed> {
        let index = match Library::Profiles.open(name, from.map(|(_, folder)| folder), self.sources)
        {
            Ok(index) => index,
            Err((message, help)) => {
                match from {
                    Some((at, _)) => self.problems.add(at, message, help),
                    None => self.problems.add_global(message, help),
                }
                return None;
            }
        };
        let shown = self.sources.files.get(index)?.name.clone();
        let at = from.map_or(
            Place {
                file: index,
                line: 1,
                column: 1,
                len: 1,
            },
            |(at, _)| at,
        );
        if self.sources.files.len() > MAX_FILES {
            self.problems.add(
                at,
                format!("this profile is made of more than {MAX_FILES} files"),
                "extend fewer profiles, and none of them in a circle",
            );
            return None;
        }
        let identity = std::fs::canonicalize(&shown).unwrap_or_else(|_| PathBuf::from(&shown));
        if let Some((_, first)) = trail.iter().find(|(file, _)| *file == identity) {
            let first = *first;
            self.problems.add_with(
                at,
                format!("`{name}` extends itself"),
                (first, "through this".to_owned()),
                "take one `extends:` out of the circle",
            );
            return None;
        }
        let root = parse(index, self.sources, self.problems)?;
        let own = self.read(&root, PROFILE_FIELDS, "profile", stem_of(&shown))?;
        trail.push((identity, at));
        let folder = Path::new(&shown)
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default();
        let mut base: Option<Composed> = None;
        for parent in self.names(root.get("extends")) {
            let Some(parent_name) = parent.as_str() else {
                continue;
            };
            let composed = self.compose(parent_name, Some((parent.at, &folder)), trail);
            base = match (base, composed) {
                (Some(mut base), Some(next)) => {
                    self.merge(&mut base, next);
                    Some(base)
                }
                (base, next) => base.or(next),
            };
        }
        trail.pop();
        let Some(mut merged) = base else {
            return Some(own);
        };
        merged.name.clone_from(&own.name);
        merged.sign_off_file.clone_from(&own.sign_off_file);
        self.merge(&mut merged, own);
        Some(merged)
    }

    /// A pack by name or path.
    pub(crate) fn pack(&mut self, name: &Node) -> Option<Composed> {
        let text = name.as_str()?;
        let shown = self
            .sources
            .files
            .get(name.at.file)
            .map(|file| file.name.clone())
            .unwrap_or_default();
        let folder = Path::new(&shown).parent().map(PathBuf::from);
        let index = match Library::Packs.open(text, folder.as_deref(), self.sources) {
            Ok(index) => index,
            Err((message, help)) => {
                self.problems.add(name.at, message, help);
                return None;
            }
        };
        let root = parse(index, self.sources, self.problems)?;
        self.read(&root, PACK_FIELDS, "pack", text.to_owned())
    }

    /// A pack by name alone, for listing and explaining.
    pub(crate) fn pack_named(&mut self, name: &str) -> Option<Composed> {
        self.pack(&Node::string(
            Place {
                file: usize::MAX,
                ..Place::default()
            },
            name,
        ))
    }

    /// The sections of one file, its shape checked.
    pub(crate) fn read(
        &mut self,
        root: &Node,
        fields: &[&str],
        noun: &str,
        fallback: String,
    ) -> Option<Composed> {
        let Some(entries) = root.as_map() else {
            self.problems.add(
                root.at,
                format!("a {noun} is a mapping, this is {}", root.type_name()),
                if noun == "sign-off file" {
                    "begin with `version: 1` and `sign_offs:`".to_owned()
                } else {
                    format!("begin with `version: 1` and `name: my-{noun}`")
                },
            );
            return None;
        };
        for (key, _) in entries {
            let name = key.scalar_text().unwrap_or_default();
            if !fields.contains(&name.as_str()) {
                self.problems.add(
                    key.at,
                    format!("unknown field `{name}` of a {noun}"),
                    suggest(&name, fields.iter().copied()),
                );
            }
        }
        match root.get("version").map(|node| (&node.value, node.at)) {
            Some((Value::Int(1), _)) => {}
            Some((_, at)) => self.problems.add(
                at,
                format!("this version of the {noun} format is not known"),
                "write `version: 1`",
            ),
            None => self.problems.add(
                root.at,
                "the field `version` is missing",
                "add `version: 1` at the top",
            ),
        }
        for field in ["name", "title", "description"] {
            if let Some(node) = root.get(field)
                && node.as_str().is_none()
            {
                self.problems.add(
                    node.at,
                    format!("`{field}` is text, this is {}", node.type_name()),
                    "put it in quotes",
                );
            }
        }
        let text = |name: &str| root.get(name).and_then(Node::as_str).map(str::to_owned);
        let name = text("name").unwrap_or(fallback);
        let composed = Composed {
            title: text("title").unwrap_or_else(|| name.clone()),
            description: text("description").unwrap_or_default(),
            inputs: self.mapping(root, "inputs"),
            targets: self.mapping(root, "targets"),
            defaults: self.mapping(root, "defaults"),
            packs: self.list(root, "packs"),
            checks: self.list(root, "checks"),
            waivers: self.list(root, "waivers"),
            sign_offs: self.list(root, "sign_offs"),
            sign_off_file: self
                .sources
                .files
                .get(root.at.file)
                .map(|file| super::sign_off::file_of(&file.name))
                .unwrap_or_default(),
            checklists: self.list(root, "checklists"),
            name,
        };
        self.unique_ids(&composed.checks);
        Some(composed)
    }

    /// A section that is a mapping; an absent one is empty.
    fn mapping(&mut self, root: &Node, field: &str) -> Node {
        match root.get(field) {
            None => Node::empty_map(root.at),
            Some(node) if matches!(node.value, Value::Map(_)) => node.clone(),
            Some(node) => {
                self.problems.add(
                    node.at,
                    format!("`{field}` is a mapping, this is {}", node.type_name()),
                    "write one `name: …` a line below it",
                );
                Node::empty_map(node.at)
            }
        }
    }

    /// A section that is a list of mappings; an absent one is empty, an empty one is a mistake.
    fn list(&mut self, root: &Node, field: &str) -> Vec<Node> {
        let Some(node) = root.get(field) else {
            return Vec::new();
        };
        match &node.value {
            Value::Seq(items) if items.is_empty() && field == "checks" => {
                self.problems.add(
                    node.at,
                    "this list of checks is empty: it could never fail",
                    "add a check or remove the field",
                );
                Vec::new()
            }
            Value::Seq(items) => items
                .iter()
                .filter(|item| {
                    let fits = matches!(item.value, Value::Map(_));
                    if !fits {
                        self.problems.add(
                            item.at,
                            format!(
                                "an entry of `{field}` is a mapping, this is {}",
                                item.type_name()
                            ),
                            "see `readyctl schema profile`",
                        );
                    }
                    fits
                })
                .cloned()
                .collect(),
            Value::Null => Vec::new(),
            _ => {
                self.problems.add(
                    node.at,
                    format!("`{field}` is a list, this is {}", node.type_name()),
                    "begin each entry with `- `",
                );
                Vec::new()
            }
        }
    }

    /// One name or a list of names.
    fn names(&mut self, node: Option<&Node>) -> Vec<Node> {
        let Some(node) = node else { return Vec::new() };
        let items = match &node.value {
            Value::Seq(items) => items.clone(),
            _ => vec![node.clone()],
        };
        for item in items.iter().filter(|item| item.as_str().is_none()) {
            self.problems.add(
                item.at,
                format!(
                    "a profile to extend is named by text, this is {}",
                    item.type_name()
                ),
                "write `extends: [base]`",
            );
        }
        items
    }

    /// Two checks of one file must not share an id.
    fn unique_ids(&mut self, checks: &[Node]) {
        let mut seen: Vec<(&str, Place)> = Vec::new();
        for id in checks.iter().filter_map(|check| check.get("id")) {
            let Some(text) = id.as_str() else { continue };
            match seen.iter().find(|(other, _)| *other == text) {
                Some((_, first)) => self.problems.add_with(
                    id.at,
                    format!("the id `{text}` is used twice"),
                    (*first, "first used here".to_owned()),
                    "give each check its own id",
                ),
                None => seen.push((text, id.at)),
            }
        }
    }

    /// Merges `over` onto `base`: later wins, per id and field.
    fn merge(&mut self, base: &mut Composed, over: Composed) {
        base.inputs.merge(over.inputs);
        base.targets.merge(over.targets);
        base.defaults.merge(over.defaults);
        if !over.description.is_empty() {
            base.description = over.description;
        }
        base.title = over.title;
        for pack in over.packs {
            merge_by(&mut base.packs, pack, &["use", "as"]);
        }
        for check in over.checks {
            self.merge_check(&mut base.checks, check);
        }
        for waiver in over.waivers {
            merge_by(&mut base.waivers, waiver, &["check"]);
        }
        super::sign_off::replace(&mut base.sign_offs, over.sign_offs);
        for checklist in over.checklists {
            merge_by(&mut base.checklists, checklist, &["file"]);
        }
    }

    /// A check over one of the same id: field by field; another kind needs `override: true`.
    fn merge_check(&mut self, checks: &mut Vec<Node>, over: Node) {
        let id = over.get("id").and_then(Node::as_str).map(str::to_owned);
        let Some(base) = checks
            .iter_mut()
            .find(|check| id.is_some() && check.get("id").and_then(Node::as_str) == id.as_deref())
        else {
            checks.push(over);
            return;
        };
        self.merge_fields(base, over, &id.unwrap_or_default());
    }

    /// Changes of a check over it, field by field; another kind needs `override: true`.
    pub(crate) fn merge_fields(&mut self, base: &mut Node, mut over: Node, id: &str) {
        let replace = over
            .take("override")
            .is_some_and(|(_, value)| matches!(value.value, Value::Bool(true)));
        let old = kind_key(base);
        if let (Some((old_name, old_at)), Some((new_name, new_at))) = (old, kind_key(&over)) {
            if replace {
                base.take(&old_name);
            } else if old_name != new_name {
                self.problems.add_with(
                    new_at,
                    format!("this changes the kind of `{id}` from {old_name} to {new_name}",),
                    (old_at, "it is defined here".to_owned()),
                    "add `override: true` if that is meant, or give the check another id",
                );
                return;
            }
        }
        base.merge(over);
    }
}

/// Name and place of a check's kind key.
pub(crate) fn kind_key(check: &Node) -> Option<(String, Place)> {
    check.as_map()?.iter().find_map(|(key, _)| {
        key.as_str()
            .filter(|name| entry(name).is_some())
            .map(|name| (name.to_owned(), key.at))
    })
}

/// Merges an entry onto the one with the same identity, or appends it.
fn merge_by(list: &mut Vec<Node>, over: Node, identity: &[&str]) {
    let same = |a: &Node| {
        identity.iter().all(|field| {
            a.get(field).and_then(Node::scalar_text) == over.get(field).and_then(Node::scalar_text)
        })
    };
    match list.iter().position(same) {
        Some(at) => list[at].merge(over),
        None => list.push(over),
    }
}

/// File name without folder and ending.
fn stem_of(shown: &str) -> String {
    Path::new(shown)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

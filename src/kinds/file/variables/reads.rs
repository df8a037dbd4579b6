//! Which variables a source file reads, by its language.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::documents::markdown::Lines;
use crate::dotenv::reads::{is_system, reads_of};
use crate::yaml_doc::{Yaml, YamlValue, parse_all};

/// Variables that shells set themselves.
const SHELL: &[&str] = &[
    "IFS",
    "OPTARG",
    "OPTIND",
    "RANDOM",
    "UID",
    "EUID",
    "LINENO",
    "SECONDS",
    "PPID",
    "OLDPWD",
    "PIPESTATUS",
    "FUNCNAME",
    "REPLY",
    "BASH_SOURCE",
    "BASH_VERSION",
    "HOSTTYPE",
    "OSTYPE",
];

/// A pattern that is compiled once.
macro_rules! pattern {
    ($name:ident, $source:expr, $doc:literal) => {
        #[doc = $doc]
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($source).ok());
    };
}

pattern!(
    EXPANSION,
    r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[-?=+])?|\$([A-Z_][A-Z0-9_]*)",
    "`${NAME}`, `${NAME:-default}`, `$NAME`."
);
pattern!(
    ASSIGNED,
    r"(?m)(?:^|[;&|(\s])(?:export\s+|local\s+|readonly\s+|declare\s+(?:-\w+\s+)?)?([A-Z_][A-Z0-9_]*)\+?=|\bfor\s+([A-Z_][A-Z0-9_]*)\s+in\b|\bread\s+(?:-\w+\s+)*([A-Z_][A-Z0-9_]*)",
    "Assignments, loops and `read` of a shell script."
);
pattern!(
    DESTRUCTURED,
    r"(?s)\{([^{}]*)\}\s*=\s*(?:process\.env|import\.meta\.env)\b",
    "`const { A, B: b } = process.env`."
);
pattern!(
    ATTRIBUTE,
    r#"\benv\s*=\s*"([A-Z_][A-Z0-9_]*)""#,
    "`#[arg(env = \"NAME\")]`."
);
pattern!(
    PYTHON,
    r#"\b(?:environ|getenv|env|config)(?:\.(?:str|int|bool|float|list|json|url|get))?\s*[\[(]\s*["']([A-Z_][A-Z0-9_]*)["']"#,
    "`getenv(\"NAME\")`, `environ[\"NAME\"]`, django-environ and decouple."
);
pattern!(
    SETTINGS,
    r"^class\s+\w+\s*\([^)]*\b\w*Settings\b[^)]*\)\s*:",
    "A settings class of pydantic."
);
pattern!(
    FIELD,
    r"^\s+([A-Za-z][A-Za-z0-9_]*)\s*:\s*[^=]+(?:=\s*(.*))?$",
    "A field of a class."
);
pattern!(
    ALIAS,
    r#"\b(?:validation_alias|alias|env)\s*=\s*(?:AliasChoices\()?\s*((?:["'][A-Za-z0-9_]+["']\s*,?\s*)+)"#,
    "Other names of a field."
);
pattern!(
    PREFIX,
    r#"\benv_prefix\s*[=:]\s*["']([A-Za-z0-9_]*)["']"#,
    "The prefix of a settings class."
);
pattern!(
    QUOTED,
    r#"["']([A-Za-z_][A-Za-z0-9_]*)["']"#,
    "A name in quotes."
);

/// The variables that a file reads, with their lines.
pub(super) fn of_file(path: &str, text: &str) -> Vec<(String, usize)> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let mut found = match end {
        "yml" | "yaml" => compose(text),
        "sh" | "bash" | "ksh" | "zsh" => shell(text),
        _ if text.starts_with("#!") && text.lines().next().is_some_and(|l| l.contains("sh")) => {
            shell(text)
        }
        _ => {
            let mut found = reads_of(text);
            match end {
                "py" => {
                    matches(&PYTHON, text, &mut found);
                    settings(text, &mut found);
                }
                "js" | "ts" | "mjs" | "cjs" | "jsx" | "tsx" | "vue" | "svelte" => {
                    destructured(text, &mut found);
                }
                "rs" => matches(&ATTRIBUTE, text, &mut found),
                _ => {}
            }
            found
        }
    };
    let built_in = ["MODE", "DEV", "PROD", "SSR", "BASE_URL", "NODE_ENV"];
    let script = matches!(
        end,
        "js" | "ts" | "mjs" | "cjs" | "jsx" | "tsx" | "vue" | "svelte"
    );
    let built_in = |name: &str| script && built_in.contains(&name);
    found.retain(|(name, _)| !is_system(name) && !built_in(name));
    found
}

/// A source file with its lines known: a file of one long line, or of many hits, costs no more.
struct Source {
    /// Where its lines begin.
    lines: Lines,
    /// Which of its lines are comments, by their numbers less one.
    comments: Vec<bool>,
}

impl Source {
    /// A source file.
    fn of(text: &str) -> Self {
        let comments = text.lines().map(|line| {
            let line = line.trim_start();
            (line.starts_with('#') && !line.starts_with("#["))
                || line.starts_with("//")
                || line.starts_with("* ")
        });
        Self {
            lines: Lines::of(text),
            comments: comments.collect(),
        }
    }

    /// The line of an offset; `None` in a comment.
    fn line(&self, at: usize) -> Option<usize> {
        let line = self.lines.at(at);
        let comment = self.comments.get(line - 1).copied().unwrap_or_default();
        (!comment).then_some(line)
    }
}

/// Adds the first group of each match that is not in a comment.
fn matches(pattern: &LazyLock<Option<Regex>>, text: &str, found: &mut Vec<(String, usize)>) {
    let source = Source::of(text);
    for hit in pattern
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text))
    {
        if let Some(name) = hit.get(1)
            && let Some(line) = source.line(name.start())
        {
            found.push((name.as_str().to_owned(), line));
        }
    }
}

/// Names taken out of `process.env` at once.
fn destructured(text: &str, found: &mut Vec<(String, usize)>) {
    let lines = Lines::of(text);
    for hit in DESTRUCTURED
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text))
    {
        let Some(list) = hit.get(1) else { continue };
        let mut at = list.start();
        for part in list.as_str().split(',') {
            let name = part.split([':', '=']).next().unwrap_or_default();
            let begins = at + name.len() - name.trim_start().len();
            let name = name.trim();
            let usable = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if usable {
                found.push((name.to_owned(), lines.at(begins)));
            }
            at += part.len() + 1;
        }
    }
}

/// Fields of pydantic settings classes: `db_host: str` is read from `DB_HOST`.
fn settings(text: &str, found: &mut Vec<(String, usize)>) {
    if !text.contains("Settings") {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let is_class = SETTINGS
            .as_ref()
            .is_some_and(|class| class.is_match(lines[at]));
        at += 1;
        if !is_class {
            continue;
        }
        let start = at;
        while at < lines.len()
            && (lines[at].trim().is_empty() || lines[at].starts_with([' ', '\t', ')']))
        {
            at += 1;
        }
        class(&lines[start..at], start + 1, found);
    }
}

/// The fields of one settings class.
fn class(lines: &[&str], first: usize, found: &mut Vec<(String, usize)>) {
    let prefix = PREFIX
        .as_ref()
        .and_then(|prefix| {
            prefix
                .captures(&lines.join("\n"))?
                .get(1)
                .map(|p| p.as_str().to_owned())
        })
        .unwrap_or_default();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let Some(own) = lines
        .iter()
        .find(|line| !line.trim().is_empty())
        .map(|line| indent(line))
    else {
        return;
    };
    for (number, line) in (first..).zip(lines) {
        // Methods, nested classes and continued lines are deeper; comments are none.
        if indent(line) != own || line.trim_start().starts_with(['#', '@', '"', '\'']) {
            continue;
        }
        let Some(field) = FIELD.as_ref().and_then(|field| field.captures(line)) else {
            continue;
        };
        let name = field.get(1).map_or("", |name| name.as_str());
        let word = line
            .trim_start()
            .split([' ', '('])
            .next()
            .unwrap_or_default();
        let keywords = [
            "model_config",
            "class",
            "def",
            "if",
            "else",
            "return",
            "for",
            "with",
            "try",
        ];
        if keywords.contains(&name) || keywords.contains(&word) || line.contains("ClassVar") {
            continue;
        }
        // A field may go on below: its aliases stand before the next line of the same depth.
        let rest = lines.iter().skip(number - first + 1);
        let more: Vec<&str> = rest
            .take_while(|next| indent(next) > own || next.trim_start().starts_with(')'))
            .copied()
            .collect();
        let whole = format!("{line}\n{}", more.join("\n"));
        let aliases = ALIAS.as_ref().and_then(|alias| {
            alias
                .captures(&whole)?
                .get(1)
                .map(|a| a.as_str().to_owned())
        });
        match aliases {
            Some(aliases) => found.extend(
                QUOTED
                    .iter()
                    .flat_map(|quoted| quoted.captures_iter(&aliases))
                    .filter_map(|hit| hit.get(1))
                    .map(|alias| (alias.as_str().to_uppercase(), number)),
            ),
            None => found.push((format!("{prefix}{name}").to_uppercase(), number)),
        }
    }
}

/// What a shell script takes from its environment: with a default always, else unless it is assigned
/// in the script.
fn shell(text: &str) -> Vec<(String, usize)> {
    let assigned: HashSet<&str> = ASSIGNED
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text))
        .filter_map(|hit| hit.iter().skip(1).flatten().next())
        .map(|name| name.as_str())
        .collect();
    let source = Source::of(text);
    let mut found = Vec::new();
    for hit in EXPANSION
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text))
    {
        let Some(name) = hit.get(1).or_else(|| hit.get(3)) else {
            continue;
        };
        let text_of = name.as_str();
        let upper = text_of.len() > 1 && !text_of.contains(|c: char| c.is_ascii_lowercase());
        let asks = hit.get(2).is_some();
        if upper
            && (asks || !assigned.contains(text_of))
            && !SHELL.contains(&text_of)
            && let Some(line) = source.line(name.start())
        {
            found.push((text_of.to_owned(), line));
        }
    }
    found
}

/// What a Compose file takes from its environment: `${NAME}`, and names passed on without a value.
fn compose(text: &str) -> Vec<(String, usize)> {
    let source = Source::of(text);
    let mut found = Vec::new();
    for hit in EXPANSION
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text))
    {
        let (Some(whole), Some(name)) = (hit.get(0), hit.get(1).or_else(|| hit.get(3))) else {
            continue;
        };
        let escaped = text
            .get(..whole.start())
            .is_some_and(|before| before.ends_with('$'));
        if !escaped && let Some(line) = source.line(whole.start()) {
            found.push((name.as_str().to_owned(), line));
        }
    }
    for document in parse_all(text).unwrap_or_default() {
        let services = document.get("services").and_then(Yaml::as_map);
        for (_, service) in services.into_iter().flatten() {
            passed_on(service.get("environment"), &mut found);
        }
    }
    found
}

/// Names of an `environment` that have no value of their own.
fn passed_on(environment: Option<&Yaml>, found: &mut Vec<(String, usize)>) {
    let Some(environment) = environment else {
        return;
    };
    match &environment.value {
        YamlValue::Seq(items) => found.extend(
            items
                .iter()
                .filter_map(|item| Some((item.as_str()?.to_owned(), item.line as usize)))
                .filter(|(name, _)| !name.contains(['=', '$', ' '])),
        ),
        YamlValue::Map(entries) => found.extend(
            entries
                .iter()
                .filter(|(_, value)| value.is_null() && value.tag.is_none())
                .filter_map(|(key, _)| Some((key.as_str()?.to_owned(), key.line as usize))),
        ),
        _ => {}
    }
}

//! Guesses the check that an item of a checklist asks for: a starting point that a person reads.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::{Item, Section};
use crate::redact::looks_secret;

/// A check for an item, as far as its words say one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Guess {
    /// Name of the kind.
    pub(crate) kind: &'static str,
    /// The kind's block.
    pub(crate) block: Value,
    /// Inputs that it needs, by name.
    pub(crate) inputs: Vec<&'static str>,
}

/// Declarations of the inputs that guesses use, as they stand in a profile.
pub(crate) const INPUTS: &[(&str, &str)] = &[
    (
        "base_url",
        "{ type: url, required: true, from: env:BASE_URL, description: Base URL of the service }",
    ),
    (
        "frontends",
        "{ type: list, required: true, from: env:FRONTEND_ORIGINS, description: Origins that may call the service from a browser }",
    ),
    (
        "host",
        "{ type: host, required: true, from: env:HOST, description: Host name whose certificate browsers see }",
    ),
    (
        "database_url",
        "{ type: postgres_url, required: true, secret: true, from: env:DATABASE_URL, description: The database }",
    ),
    (
        "backups",
        "{ type: path, required: true, from: env:BACKUPS, description: Folder with the backups }",
    ),
];

/// A regular expression of this file; one that does not compile finds nothing, and its test fails.
struct Words(LazyLock<Option<Regex>>);

impl Words {
    /// The groups of the first match.
    fn find<'t>(&self, text: &'t str) -> Option<regex::Captures<'t>> {
        self.0.as_ref()?.captures(text)
    }

    /// Whether it matches.
    fn are_in(&self, text: &str) -> bool {
        self.find(text).is_some()
    }
}

/// Declares regular expressions.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $pattern:literal;)*) => {
        $($(#[$doc])* static $name: Words = Words(LazyLock::new(|| Regex::new($pattern).ok()));)*
        /// Each of them, for the test that they compile.
        #[cfg(test)]
        static ALL: &[&Words] = &[$(&$name),*];
    };
}

words! {
    /// `NAME=value`, the value optional.
    VARIABLE = r#"^(?:export\s+)?([A-Z][A-Z0-9_]{2,})(?:\s*=\s*["']?([^"'\s]*)["']?)?$"#;
    /// An address or a path.
    ADDRESS = r"^(?:(?:GET|HEAD)\s+)?(?:https?://[^/\s]+)?(/[A-Za-z0-9._~/{}-]*)$";
    /// A request that changes something.
    WRITES = r"\b(?:POST|PUT|PATCH|DELETE)\b";
    /// What a plain request cannot judge.
    SOCKET = r"(?i)\bwebsockets?\b|\bgRPC\b";
    /// A status with a word before it.
    STATUS = r"(?i)\b(?:http|status|code|returns?|answers?|expected:?)\s+(?:http\s+)?([1-5]\d\d)\b";
    /// What a path is expected to do.
    ANSWERS = r"(?i)\b(?:respond|responds|responding|endpoint|answers?|reachable|returns?|reports?|reporting|expected|loads|lists|url)\b";
    /// A longest time.
    LATENCY = r"(?i)(?:<|<=|under|below|within|at most)\s*(\d+(?:\.\d+)?)\s*(ms|milliseconds|s|sec|seconds)\b";
    /// The refusal of too many requests.
    LIMITED = r"\b429\b";
    /// How many requests make it.
    REQUESTS = r"(?i)\b(\d{1,4})\+?\s+(?:rapid\s+)?requests\b";
    /// Other origins.
    CORS = r"\bCORS\b";
    /// Certificates.
    CERTIFICATE = r"(?i)\b(?:certificates?|TLS|SSL)\b";
    /// Oldest PostgreSQL.
    POSTGRES = r"(?i)\bpostgres(?:ql)?\b[^.;]*?(?:version[^0-9]{0,12})?(?:>=\s*|at least\s+)?\b(\d{1,2}(?:\.\d+)?)(\+| or (?:newer|later))?";
    /// Any of the words that make the number a lower bound.
    AT_LEAST = r"(?i)>=|at least|minimum|\d\+| or newer| or later|required";
    /// An extension by name.
    EXTENSION = r"(?i)\bcreate extension\s+(?:if not exists\s+)?([a-z_][a-z0-9_]*)|extname\s*=\s*'([a-z_][a-z0-9_]*)'|\b([a-z]+_[a-z0-9_]+|postgis|hstore|citext|vector|timescaledb|unaccent|ltree) extension\b";
    /// Backups of any form.
    BACKUP = r"(?i)\b(?:backups?|snapshots?)\b";
    /// How often.
    DAILY = r"(?i)\bdaily\b|\bevery day\b|\bnightly\b|\b24 ?h(?:ours)?\b";
    /// How often, in hours.
    HOURLY = r"(?i)\bhourly\b|\bevery hour\b";
    /// How long they are kept.
    RETENTION = r"(?i)\b(\d{1,4})[ -]days?\b";
    /// Fewest characters.
    LENGTH = r"(?i)\b(\d{1,3})\+?\s*(?:chars?|characters)\b";
    /// Fewest bytes of a random value.
    BYTES = r"(?i)\b(\d{1,3})\+?\s*bytes?\b";
    /// A role and what it says.
    ROLE = r"^([A-Za-z][A-Za-z /&-]{1,40}?):\s+\S";
    /// Headings of signatures.
    SIGNATURES = r"(?i)sign-?-?off|approval";
    /// A value that stands for another one.
    VAGUE = r"^(?:$|\.\.\.|…|<.*>|\$\{?.*|your.*|xxx.*)$";
}

/// What an item asks for; a signature when no machine is named that could tell.
pub(crate) fn recognise(item: &Item, section: &Section) -> Guess {
    let all = std::iter::once(&item.text)
        .chain(&item.details)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n");
    variables(item, &all)
        .or_else(|| limits(item, &all))
        .or_else(|| cors(&all))
        .or_else(|| request(item, &all))
        .or_else(|| database(&all))
        .or_else(|| backups(&all))
        .or_else(|| certificate(&all))
        .unwrap_or_else(|| signature(item, section))
}

/// A block and its inputs.
fn guess(kind: &'static str, block: Value, inputs: &[&'static str]) -> Option<Guess> {
    Some(Guess {
        kind,
        block,
        inputs: inputs.to_vec(),
    })
}

/// Variables with the values that the item names.
fn variables(item: &Item, all: &str) -> Option<Guess> {
    let mut rules: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for code in &item.code {
        let Some(found) = VARIABLE.find(code) else {
            // `LOG_LEVEL=WARNING` or `ERROR`: another value of the variable before it.
            continue;
        };
        let (name, value) = (
            found[1].to_owned(),
            found.get(2).map(|value| value.as_str()),
        );
        let named = code.contains('_') || value.is_some() || all.contains("env") || code.len() > 3;
        if !named || name == "GET" || name == "HEAD" {
            continue;
        }
        // A lone word right after `NAME=value` and "or" is a value, not a variable.
        if value.is_none()
            && !name.contains('_')
            && let Some(last) = order.last()
            && all.contains(&format!("or {name}"))
            && rules.get(last).is_some_and(|values| !values.is_empty())
        {
            rules.entry(last.clone()).or_default().push(name);
            continue;
        }
        if !rules.contains_key(&name) {
            order.push(name.clone());
        }
        let said = value.is_none().then(|| said_value(&name, item)).flatten();
        let values = rules.entry(name).or_default();
        values.extend(said);
        values.extend(
            value
                .filter(|value| !VAGUE.are_in(value))
                .map(str::to_owned),
        );
    }
    if order.is_empty() {
        return None;
    }
    let number = |words: &Words| words.find(all)?.get(1)?.as_str().parse::<u32>().ok();
    let mut block = Map::new();
    for name in order {
        let mut rule = Map::new();
        rule.insert("required".to_owned(), true.into());
        let values = rules.remove(&name).unwrap_or_default();
        if looks_secret(&name) {
            rule.insert("secret".to_owned(), true.into());
            if let Some(length) = number(&LENGTH) {
                rule.insert("min_length".to_owned(), length.into());
            } else if let Some(bytes) = number(&BYTES).filter(|bytes| *bytes <= 64) {
                rule.insert("min_entropy_bits".to_owned(), (bytes * 4).into());
            }
        } else if values.len() == 1 {
            rule.insert("equals".to_owned(), values[0].clone().into());
        } else if !values.is_empty() {
            rule.insert("one_of".to_owned(), values.into());
        }
        block.insert(name, rule.into());
    }
    guess("env", json!({ "rules": block }), &[])
}

/// The value that the words behind a variable's name give it: `NAME` set to `value`.
fn said_value(name: &str, item: &Item) -> Option<String> {
    let (_, behind) = item.text.split_once(name)?;
    let behind = behind.trim_start();
    let value = ["set to ", "is ", "to ", "must be "]
        .iter()
        .find_map(|word| behind.strip_prefix(word))?;
    // Only what is written as code: "set to a random value" names none.
    item.code
        .iter()
        .find(|code| value.starts_with(code.as_str()) && !code.is_empty())
        .cloned()
}

/// Too many requests.
fn limits(item: &Item, all: &str) -> Option<Guess> {
    if !LIMITED.are_in(all) {
        return None;
    }
    let path = path_of(item).unwrap_or_else(|| "/".to_owned());
    let mut block = Map::new();
    block.insert("url".to_owned(), format!("${{base_url}}{path}").into());
    // So many requests must meet a refusal; without a number a person has to name the limit.
    let count = REQUESTS
        .find(all)
        .and_then(|found| found[1].parse::<u32>().ok())
        .filter(|count| (1..=200).contains(count))
        .unwrap_or(100);
    block.insert("max_limit".to_owned(), count.into());
    guess("rate_limit", block.into(), &["base_url"])
}

/// Origins.
fn cors(all: &str) -> Option<Guess> {
    if !CORS.are_in(all) {
        return None;
    }
    guess(
        "cors",
        json!({ "url": "${base_url}/", "allowed": "${frontends}" }),
        &["base_url", "frontends"],
    )
}

/// The first path in the item's code.
fn path_of(item: &Item) -> Option<String> {
    item.code
        .iter()
        .find_map(|code| Some(ADDRESS.find(code.trim())?.get(1)?.as_str().to_owned()))
        .filter(|path| !path.contains('{') && !path.ends_with(".md"))
}

/// A request and what must come back.
fn request(item: &Item, all: &str) -> Option<Guess> {
    let path = path_of(item)?;
    if WRITES.are_in(all) || SOCKET.are_in(all) || !ANSWERS.are_in(all) {
        return None;
    }
    let status: u16 = STATUS
        .find(all)
        .and_then(|found| found[1].parse().ok())
        .unwrap_or(200);
    let mut expect = Map::new();
    expect.insert("status".to_owned(), status.into());
    if let Some(latency) = latency(all) {
        expect.insert("max_latency".to_owned(), latency.into());
    }
    let body = item
        .code
        .iter()
        .find_map(|code| serde_json::from_str::<Map<String, Value>>(code).ok());
    let body: Map<String, Value> = body
        .into_iter()
        .flatten()
        .filter(|(key, value)| {
            !value.is_null() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
        .map(|(key, value)| (format!("$.{key}"), json!({ "eq": value })))
        .collect();
    if !body.is_empty() {
        expect.insert("json".to_owned(), body.into());
    }
    guess(
        "http",
        json!({ "url": format!("${{base_url}}{path}"), "expect": expect }),
        &["base_url"],
    )
}

/// `200ms` in the words of the profile language.
fn latency(all: &str) -> Option<String> {
    let found = LATENCY.find(all)?;
    let unit = if found[2].to_lowercase().starts_with('m') {
        "ms"
    } else {
        "s"
    };
    Some(format!("{}{unit}", &found[1]))
}

/// PostgreSQL and its extensions.
fn database(all: &str) -> Option<Guess> {
    if all.to_lowercase().contains("pgvector") {
        return guess(
            "pgvector",
            json!({ "url": "${database_url}" }),
            &["database_url"],
        );
    }
    let mut block = Map::new();
    block.insert("url".to_owned(), "${database_url}".into());
    let extension = EXTENSION
        .find(all)
        .and_then(|found| found.get(1).or(found.get(2)).or(found.get(3)))
        .map(|name| name.as_str().to_lowercase());
    if let Some(name) = extension {
        if name == "vector" {
            return guess("pgvector", block.into(), &["database_url"]);
        }
        block.insert("extensions".to_owned(), json!({ name: {} }));
    }
    if let Some(found) = POSTGRES.find(all)
        && AT_LEAST.are_in(all)
    {
        block.insert("min_version".to_owned(), found[1].into());
    }
    (block.len() > 1)
        .then(|| guess("postgres", block.into(), &["database_url"]))
        .flatten()
}

/// Backups with an age or a retention.
fn backups(all: &str) -> Option<Guess> {
    if !BACKUP.are_in(all) {
        return None;
    }
    let mut expect = Map::new();
    if HOURLY.are_in(all) {
        expect.insert("max_age".to_owned(), "2h".into());
    } else if DAILY.are_in(all) {
        expect.insert("max_age".to_owned(), "26h".into());
    }
    if let Some(days) = RETENTION.find(all) {
        expect.insert("min_retention".to_owned(), format!("{}d", &days[1]).into());
    }
    if expect.is_empty() {
        return None;
    }
    guess(
        "backup",
        json!({ "files": { "path": "${backups}" }, "expect": expect }),
        &["backups"],
    )
}

/// Certificates.
fn certificate(all: &str) -> Option<Guess> {
    if !CERTIFICATE.are_in(all) || !all.to_lowercase().contains("certificate") {
        return None;
    }
    guess("tls", json!({ "host": "${host}" }), &["host"])
}

/// A person's word.
fn signature(item: &Item, section: &Section) -> Guess {
    let mut block = Map::new();
    block.insert("statement".to_owned(), item.text.clone().into());
    if SIGNATURES.are_in(&section.title)
        && let Some(role) = ROLE.find(&item.text)
    {
        let role = super::anchor::slug(&role[1]);
        block.insert("roles".to_owned(), json!([role]));
    }
    Guess {
        kind: "attest",
        block: block.into(),
        inputs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(markdown: &str) -> Guess {
        let document = crate::checklist::read(markdown);
        let (at, item) = document.items().next().unwrap();
        recognise(item, &document.sections[at])
    }

    #[test]
    fn every_pattern_compiles() {
        assert!(ALL.iter().all(|words| words.0.is_some()));
    }

    #[test]
    fn what_an_item_names_becomes_a_check() {
        let cases = [
            (
                "- `ENVIRONMENT` set: `ENVIRONMENT=production`",
                "env",
                json!({"rules": {"ENVIRONMENT": {"required": true, "equals": "production"}}}),
            ),
            (
                "- `LOG_LEVEL=WARNING` or `ERROR`",
                "env",
                json!({"rules": {"LOG_LEVEL": {"required": true, "one_of": ["WARNING", "ERROR"]}}}),
            ),
            (
                "- Set `APP_JWT_SECRET` (minimum 32 chars)",
                "env",
                json!({"rules": {"APP_JWT_SECRET": {"required": true, "secret": true, "min_length": 32}}}),
            ),
            (
                "1. Health\n   - URL: `https://api.x.org/health`\n   - Expected: HTTP 200, `{\"status\": \"ok\"}`",
                "http",
                json!({"url": "${base_url}/health", "expect": {"status": 200, "json": {"$.status": {"eq": "ok"}}}}),
            ),
            (
                "- [ ] `/ready` answers in < 200ms",
                "http",
                json!({"url": "${base_url}/ready", "expect": {"status": 200, "max_latency": "200ms"}}),
            ),
            (
                "- 65+ requests give 429",
                "rate_limit",
                json!({"url": "${base_url}/", "max_limit": 65}),
            ),
            (
                "- PostgreSQL 18+ is required",
                "postgres",
                json!({"url": "${database_url}", "min_version": "18"}),
            ),
            (
                "- `CREATE EXTENSION pg_trgm;` done",
                "postgres",
                json!({"url": "${database_url}", "extensions": {"pg_trgm": {}}}),
            ),
            (
                "- pgvector is there",
                "pgvector",
                json!({"url": "${database_url}"}),
            ),
            (
                "- Snapshots at least daily, kept 30 days",
                "backup",
                json!({"files": {"path": "${backups}"}, "expect": {"max_age": "26h", "min_retention": "30d"}}),
            ),
            (
                "- Valid SSL certificates installed",
                "tls",
                json!({"host": "${host}"}),
            ),
            (
                "- Threat model reviewed",
                "attest",
                json!({"statement": "Threat model reviewed"}),
            ),
            (
                "## Sign-off\n- **Product Owner:** features verified",
                "attest",
                json!({"statement": "Product Owner: features verified", "roles": ["product-owner"]}),
            ),
            (
                "- `POST /orders` returns 201",
                "attest",
                json!({"statement": "POST /orders returns 201"}),
            ),
        ];
        for (markdown, kind, block) in cases {
            let guess = of(markdown);
            assert_eq!((guess.kind, guess.block), (kind, block), "{markdown}");
        }
    }
}

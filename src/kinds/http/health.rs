//! Health documents of every dialect, read into one shape and judged.

use serde_json::Value;

use super::body::{is_html, why_a_page};
use super::facts::{Document, Exchange};
use super::spec::{Degraded, Dialect, Health};
use super::words;
use crate::exchange::{ResponseFacts, cut};
use crate::outcome::Finding;

/// Deepest nesting of components that is read.
const MAX_DEPTH: usize = 8;
/// Lines of a plain text that are read.
const MAX_LINES: usize = 200;
/// Keys under which documents list components, each of which must say its state.
const CONTAINERS: &[&str] = &[
    "components",
    "checks",
    "services",
    "dependencies",
    "entries",
    "results",
    "subsystems",
];
/// Words that mean "down" wherever they stand, beside a state or in free details.
const CLEARLY_DOWN: &[&str] = &[
    "down",
    "unhealthy",
    "fail",
    "failed",
    "failing",
    "error",
    "unavailable",
    "not_ready",
    "not ready",
    "disconnected",
    "out_of_service",
    "out of service",
    "unreachable",
    "unready",
    "failure",
    "not ok",
    "not connected",
];
/// Keys that say the state of what they stand in, best first.
const STATES: &[&str] = &[
    "status", "state", "health", "healthy", "ready", "ok", "up", "alive", "live",
];
/// Words in component names that a liveness endpoint should not look at.
const DEPENDENCIES: &[&str] = &[
    "database",
    "db",
    "postgres",
    "postgresql",
    "mysql",
    "redis",
    "cache",
    "queue",
    "kafka",
    "rabbitmq",
    "mongo",
    "mongodb",
    "elasticsearch",
    "s3",
    "storage",
];

/// A state, whatever the dialect calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Healthy.
    Up,
    /// Working, but not as it should.
    Degraded,
    /// Not healthy, in the document's own word.
    Down,
    /// A word nobody knows: not healthy.
    Strange,
    /// null, or nothing that says a state.
    Absent,
}

/// Something a document tells the state of.
#[derive(Debug)]
struct Part {
    /// Its name, nested names joined by a slash.
    name: String,
    /// Its state.
    state: State,
    /// As written.
    word: String,
}

/// A health document.
#[derive(Debug)]
struct Report {
    /// How it is written.
    dialect: &'static str,
    /// The state of the whole.
    overall: State,
    /// As written.
    word: String,
    /// Everything below.
    parts: Vec<Part>,
}

/// What a word means.
pub(super) fn state_of(word: &str) -> State {
    match word
        .trim()
        .trim_end_matches(['.', '!'])
        .to_ascii_lowercase()
        .replace([' ', '-'], "_")
        .as_str()
    {
        "ok" | "up" | "pass" | "passed" | "passing" | "healthy" | "ready" | "alive" | "live"
        | "serving" | "success" | "true" | "available" | "connected" | "online" | "operational"
        | "running" | "good" | "green" | "active" | "enabled" | "reachable" | "pong" => State::Up,
        "warn" | "warning" | "degraded" | "partial" | "yellow" => State::Degraded,
        "fail" | "failed" | "failing" | "failure" | "error" | "down" | "unhealthy"
        | "out_of_service" | "critical" | "not_ready" | "unready" | "unavailable"
        | "not_serving" | "disconnected" | "false" | "offline" | "dead" | "red" | "unreachable"
        | "timeout" | "not_ok" | "not_connected" => State::Down,
        "" | "null" => State::Absent,
        _ => State::Strange,
    }
}

/// The state a value says, with its word.
fn read_state(value: &Value) -> (State, String) {
    match value {
        Value::Null => (State::Absent, "null".to_owned()),
        Value::Bool(up) => (if *up { State::Up } else { State::Down }, up.to_string()),
        Value::String(word) => (state_of(word), cut(word, 80).to_owned()),
        Value::Object(map) => {
            let mut said = STATES
                .iter()
                .filter_map(|key| map.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)));
            let Some((_, first)) = said.next() else {
                return (State::Absent, "no state".to_owned());
            };
            let (state, word) = read_state(first);
            // `"status": "UP"` beside `"healthy": false`: what denies it counts.
            let denied = said.find(|(key, inner)| {
                !key.eq_ignore_ascii_case("live")
                    && !inner.is_object()
                    && read_state(inner).0 == State::Down
            });
            match denied {
                Some((key, inner)) if state == State::Up => {
                    (State::Down, format!("{word}, but {key} {inner}"))
                }
                _ => (state, word),
            }
        }
        Value::Array(_) | Value::Number(_) => (State::Absent, "no state".to_owned()),
    }
}

/// Reads a JSON health document.
fn read(document: &Value, rule: &Health) -> Option<Report> {
    let map = document.as_object()?;
    let (overall, word) = if rule.liveness {
        // Alive and not ready is what liveness is there to tell apart.
        let mut alive = map.clone();
        alive.retain(|key, _| !key.eq_ignore_ascii_case("ready") || map.len() == 1);
        read_state(&Value::Object(alive))
    } else {
        read_state(document)
    };
    let mut collector = Collector {
        wanted: &rule.components,
        parts: Vec::new(),
    };
    collector.inside(document, "", 0);
    let checks = map.get("checks");
    let dialect = match rule.dialect {
        Dialect::Spring => "spring",
        Dialect::Inadarei => "inadarei",
        Dialect::Microprofile => "microprofile",
        Dialect::Aspnet => "aspnet",
        Dialect::Auto | Dialect::Plain => {
            if checks.is_some_and(Value::is_array) {
                "microprofile"
            } else if checks
                .and_then(Value::as_object)
                .is_some_and(|c| c.values().any(Value::is_array))
            {
                "inadarei"
            } else if map.contains_key("components") {
                "spring"
            } else {
                "json"
            }
        }
    };
    Some(Report {
        dialect,
        overall,
        word,
        parts: collector.parts,
    })
}

/// Reads the components of a document.
struct Collector<'a> {
    /// Components the profile requires: these must say their state wherever they stand.
    wanted: &'a [String],
    /// What was found.
    parts: Vec<Part>,
}

impl Collector<'_> {
    /// Reads what stands in `value`: containers list components, anything else may be one.
    fn inside(&mut self, value: &Value, prefix: &str, depth: usize) {
        let Some(map) = value.as_object().filter(|_| depth < MAX_DEPTH) else {
            return;
        };
        for (key, inner) in map {
            let container = CONTAINERS.iter().any(|c| key.eq_ignore_ascii_case(c));
            match inner {
                Value::Object(entries) if container => {
                    for (name, entry) in entries {
                        self.component(name, entry, prefix, depth, true);
                    }
                }
                Value::Array(entries) if container => {
                    for (index, entry) in entries.iter().enumerate() {
                        let name = ["name", "id", "component", "componentId"]
                            .iter()
                            .find_map(|key| entry.get(key)?.as_str())
                            .map_or_else(|| index.to_string(), str::to_owned);
                        self.component(&name, entry, prefix, depth, true);
                    }
                }
                _ if STATES.iter().any(|s| key.eq_ignore_ascii_case(s)) => {}
                // Free details group components without being one.
                Value::Object(_) if matches!(key.as_str(), "details" | "info" | "data") => {
                    self.inside(inner, prefix, depth + 1);
                }
                _ => {
                    let wanted = self.wanted.iter().any(|w| w.eq_ignore_ascii_case(key));
                    self.component(key, inner, prefix, depth, wanted);
                }
            }
        }
    }

    /// Notes one component and what is inside it. `certain`: it must say its state; elsewhere only
    /// what clearly is a state counts.
    fn component(&mut self, name: &str, value: &Value, prefix: &str, depth: usize, certain: bool) {
        let full = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/{name}")
        };
        if let Value::Array(entries) = value {
            for entry in entries.iter().filter(|entry| certain || entry.is_object()) {
                self.component(name, entry, prefix, depth + 1, certain);
            }
            if certain && entries.is_empty() {
                self.note(full, State::Absent, "an empty list".to_owned());
            }
            return;
        }
        let (state, word) = read_state(value);
        let clear = match value {
            Value::String(text) => match state {
                State::Up | State::Degraded => true,
                State::Down => {
                    is_dependency(name)
                        || CLEARLY_DOWN.contains(&text.to_ascii_lowercase().as_str())
                }
                State::Strange | State::Absent => false,
            },
            Value::Object(_) => matches!(state, State::Up | State::Degraded | State::Down),
            _ => false,
        };
        // A group without a state of its own is as healthy as what is in it.
        let group = state == State::Absent
            && value.as_object().is_some_and(|map| {
                map.iter()
                    .any(|(k, v)| CONTAINERS.contains(&k.as_str()) && !v.is_null())
            });
        if clear || (certain && !group) {
            self.note(full.clone(), state, word);
        }
        self.inside(value, &full, depth + 1);
    }

    /// Adds a component.
    fn note(&mut self, name: String, state: State, word: String) {
        self.parts.push(Part { name, state, word });
    }
}

/// Whether a component of the document is the one meant: the whole name, its last part, or what
/// stands before the colon in `component:measurement`.
fn is_named(part: &Part, wanted: &str) -> bool {
    let last = part.name.rsplit('/').next().unwrap_or(&part.name);
    [
        part.name.as_str(),
        last,
        last.split(':').next().unwrap_or(last),
    ]
    .iter()
    .any(|name| name.eq_ignore_ascii_case(wanted))
}

/// Judges a health answer.
pub(super) fn judge(rule: &Health, exchange: &Exchange, response: &ResponseFacts) -> Vec<Finding> {
    let report = match report_of(rule, exchange, response) {
        Ok(report) => report,
        Err(finding) => return vec![*finding],
    };
    let mut findings = vec![overall(rule, &report, response)];
    if let Some(path) = exchange.json.duplicate() {
        findings.push(Finding::fail(
            "HTTP-12",
            "health document",
            "every key once",
            path,
            format!("{path} occurs twice: readers disagree on which one counts"),
        ));
    }
    for part in &report.parts {
        if let Some(finding) = judge_part(rule, &report, part) {
            findings.push(finding);
        }
    }
    for wanted in &rule.components {
        let found: Vec<&Part> = report
            .parts
            .iter()
            .filter(|part| is_named(part, wanted))
            .collect();
        let subject = format!("component {wanted}");
        if found.is_empty() {
            let listed: Vec<&str> = report
                .parts
                .iter()
                .map(|part| part.name.as_str())
                .take(12)
                .collect();
            let seen = if listed.is_empty() {
                "no components".to_owned()
            } else {
                listed.join(", ")
            };
            findings.push(Finding::fail(
                "HTTP-05",
                subject,
                "listed with a state",
                seen,
                format!("the health document does not mention the component {wanted}"),
            ));
        } else if found.iter().all(|part| part.state == State::Up) {
            findings.push(Finding::pass(subject, "healthy", &found[0].word));
        }
    }
    findings
}

/// The document, or why there is none.
fn report_of(
    rule: &Health,
    exchange: &Exchange,
    response: &ResponseFacts,
) -> Result<Report, Box<Finding>> {
    let text = exchange.text.as_deref().unwrap_or(&response.excerpt).trim();
    let content_type = response
        .header("content-type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let wrong = |code, actual: String, message: &str| {
        Box::new(Finding::fail(
            code,
            "health document",
            "a health document",
            actual,
            message,
        ))
    };
    if is_html(&content_type, text) {
        return Err(wrong(
            "HTTP-01",
            format!("a web page ({})", response.status),
            &format!(
                "a web page came instead of a health document: {}",
                why_a_page(response.status)
            ),
        ));
    }
    match &exchange.json {
        Document::Whole { value, .. } if value.is_object() && rule.dialect != Dialect::Plain => {
            return read(value, rule).ok_or_else(|| {
                wrong(
                    "HTTP-12",
                    "JSON of another shape".to_owned(),
                    "the body is no health document",
                )
            });
        }
        Document::Whole {
            value: Value::String(word),
            ..
        } => return Ok(plain("plain", word)),
        Document::Selected { .. } => {
            let finding = wrong(
                "HTTP-12",
                format!("{} bytes", response.size),
                "the health document is too large to be judged",
            );
            return Err(Box::new(finding.as_unknown()));
        }
        Document::Invalid(why)
            if matches!(
                rule.dialect,
                Dialect::Spring | Dialect::Inadarei | Dialect::Microprofile
            ) || text.starts_with('{') =>
        {
            return Err(wrong(
                "HTTP-12",
                cut(why, 200).to_owned(),
                "the health document is not valid JSON",
            ));
        }
        _ => {}
    }
    if text.is_empty() && rule.liveness && response.status / 100 == 2 {
        // That it answers is all that liveness has to say.
        return Ok(plain("status only", "ok"));
    }
    if text.is_empty() {
        return Err(wrong(
            "HTTP-12",
            "an empty body".to_owned(),
            "the health document is empty",
        ));
    }
    let dialect = if matches!(text, "Healthy" | "Degraded" | "Unhealthy") {
        "aspnet"
    } else {
        "plain"
    };
    Ok(plain(dialect, text))
}

/// A document of one word. The first line counts, `OK` and `OK - 3 workers` alike, unless a
/// further line `name: word` says that something is down.
fn plain(dialect: &'static str, text: &str) -> Report {
    let line = text.lines().next().unwrap_or_default().trim();
    let parts = text.lines().skip(1).take(MAX_LINES).filter_map(|line| {
        let (name, word) = line.split_once([':', '='])?;
        let word = word.trim();
        let down = CLEARLY_DOWN.contains(&word.to_ascii_lowercase().as_str());
        down.then(|| Part {
            name: cut(name.trim(), 80).to_owned(),
            state: State::Down,
            word: cut(word, 80).to_owned(),
        })
    });
    Report {
        dialect,
        overall: words::state_of_line(line),
        word: cut(line, 80).to_owned(),
        parts: parts.collect(),
    }
}

/// The state of the whole against the status code.
fn overall(rule: &Health, report: &Report, response: &ResponseFacts) -> Finding {
    let subject = format!("health ({})", report.dialect);
    let success = (200..400).contains(&response.status);
    let seen = format!("{} with status {}", report.word, response.status);
    match (&report.overall, success) {
        (State::Up, true) => Finding::pass(subject, "healthy", seen),
        (State::Up, false) => Finding::fail(
            "HTTP-03",
            subject,
            "healthy with a success status",
            seen,
            format!(
                "the document says {}, but the status {} says the opposite",
                report.word, response.status
            ),
        ),
        (State::Degraded, _) => degraded(
            rule,
            subject,
            seen,
            "the service says it is degraded".to_owned(),
        ),
        (State::Absent, _) => Finding::fail(
            "HTTP-06",
            subject,
            "a state",
            seen,
            "the health document does not say whether the service is healthy",
        ),
        (State::Down | State::Strange, true) => Finding::fail(
            "HTTP-02",
            subject,
            "healthy",
            seen,
            format!(
                "the status is {}, but the document says {}",
                response.status, report.word
            ),
        ),
        (State::Down | State::Strange, false) => Finding::fail(
            "HTTP-02",
            subject,
            "healthy",
            seen,
            format!("the service says {}", report.word),
        ),
    }
}

/// Whether a component of this name is another service.
fn is_dependency(name: &str) -> bool {
    name.to_ascii_lowercase()
        .split([':', '_', '-', '.'])
        .any(|word| DEPENDENCIES.contains(&word))
}

/// A component that is not healthy.
fn judge_part(rule: &Health, report: &Report, part: &Part) -> Option<Finding> {
    let subject = format!("component {}", part.name);
    let last = part.name.rsplit('/').next().unwrap_or(&part.name);
    if rule.liveness && is_dependency(last) {
        return Some(
            Finding::fail(
                "HTTP-19",
                subject,
                "not looked at by liveness",
                &part.word,
                format!("liveness looks at {}: when that is down, every instance is restarted for nothing", part.name),
            )
            .as_warning(),
        );
    }
    match part.state {
        State::Up => None,
        State::Degraded => {
            let message = format!("{} is degraded", part.name);
            Some(degraded(rule, subject, part.word.clone(), message))
        }
        State::Absent => Some(Finding::fail(
            "HTTP-06",
            subject,
            "a state",
            &part.word,
            format!("{} is listed without a state", part.name),
        )),
        State::Down | State::Strange if report.overall == State::Up => Some(Finding::fail(
            "HTTP-07",
            subject,
            "healthy",
            &part.word,
            format!(
                "{} says {} although the whole says {}",
                part.name, part.word, report.word
            ),
        )),
        State::Down | State::Strange => Some(Finding::fail(
            "HTTP-02",
            subject,
            "healthy",
            &part.word,
            format!("{} says {}", part.name, part.word),
        )),
    }
}

/// Degraded, judged as the check wants it.
fn degraded(rule: &Health, subject: String, seen: String, message: String) -> Finding {
    match rule.degraded {
        Degraded::Pass => Finding::pass(subject, "healthy or degraded", seen),
        Degraded::Warn => Finding::fail("HTTP-04", subject, "healthy", seen, message).as_warning(),
        Degraded::Fail => Finding::fail("HTTP-04", subject, "healthy", seen, message),
    }
}

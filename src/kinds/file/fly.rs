//! The section `fly`: configuration of apps on Fly.io.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{FaultDoc, Planned, SpecProblem};
use super::literal::literal;
use super::manifests::{counted, pass_unless, targets};
use super::section::Section;
use super::tree::Tree;
use crate::context::JudgeContext;
use crate::outcome::{Cause, Fault, Finding};

/// `fly.toml` files. Several are several apps, whose names must differ.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fly {
    /// The files: `[fly.toml]`, or those of staging and production.
    files: Vec<String>,
    /// The paths that health checks must ask: `[/health/live, /health/ready]`. Without paths any
    /// check of HTTP will do.
    #[serde(default)]
    check_paths: Vec<String>,
    /// Whether HTTP must be redirected to HTTPS; default true.
    #[serde(default = "yes")]
    force_https: bool,
    /// The least number of machines that stay up.
    #[serde(default)]
    min_machines_running: Option<u64>,
    /// What `auto_stop_machines` must be: `off`, `stop` or `suspend`.
    #[serde(default)]
    auto_stop: Option<AutoStop>,
}

/// What becomes of idle machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AutoStop {
    /// They stay.
    Off,
    /// They are stopped.
    Stop,
    /// They are suspended.
    Suspend,
}

/// The default of `force_https`.
fn yes() -> bool {
    true
}

/// What was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// One entry a file.
    apps: Vec<App>,
}

/// One app.
#[derive(Debug, Serialize, Deserialize)]
struct App {
    /// Its file.
    file: String,
    /// Its name.
    name: Option<String>,
    /// Paths of its HTTP checks.
    checks: Vec<String>,
    /// Whether it serves HTTP by `http_service` or `services`.
    serves: bool,
    /// Whether HTTPS is forced everywhere it serves.
    force_https: bool,
    /// The least machines that stay up.
    machines: u64,
    /// What becomes of idle machines.
    auto_stop: AutoStop,
    /// Variables with secrets: name, sort.
    secrets: Vec<(String, String)>,
}

impl Section for Fly {
    const FAULTS: &'static [FaultDoc] = FAULTS;
    type Facts = Facts;

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.files.is_empty() {
            problems.push(SpecProblem::at(
                "files",
                "no file is named",
                "write `files: [fly.toml]`",
            ));
        }
        if self.check_paths.iter().any(|path| !path.starts_with('/')) {
            problems.push(SpecProblem::at(
                "check_paths",
                "a path begins with `/`",
                "write it like `/health/ready`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        self.files
            .iter()
            .map(|file| Planned::once(format!("read {file}")))
            .collect()
    }

    fn observe(&self, tree: &Tree) -> Result<Facts, Fault> {
        let mut apps = Vec::new();
        for file in targets(tree, &self.files, &[])? {
            apps.push(app(tree, file)?);
        }
        Ok(Facts { apps })
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        let mut findings = Vec::new();
        for app in &facts.apps {
            self.judge_app(app, &mut findings);
        }
        self.judge_names(facts, &mut findings);
        let seen = counted(facts.apps.len(), "app");
        for (asked, code, subject, expected) in [
            (true, "FLY-51", "health checks", "asked over HTTP"),
            (
                self.min_machines_running.is_some(),
                "FLY-52",
                "machines",
                "enough stay up",
            ),
            (
                self.auto_stop.is_some(),
                "FLY-53",
                "idle machines",
                "as declared",
            ),
            (self.force_https, "FLY-54", "HTTPS", "forced"),
            (true, "FLY-55", "names", "one for each app"),
            (true, "FLY-56", "secrets", "none in [env]"),
        ] {
            if asked {
                pass_unless(
                    &mut findings,
                    &[code],
                    subject,
                    expected,
                    format!("{seen} checked"),
                );
            }
        }
        findings
    }
}

/// A list of tables, or one table as a list.
fn tables<'a>(json: &'a Value, key: &str) -> Vec<&'a Value> {
    match json.get(key) {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Object(map)) if key == "checks" => map.values().collect(),
        Some(table @ Value::Object(_)) => vec![table],
        _ => Vec::new(),
    }
}

/// Reads one file.
fn app(tree: &Tree, file: String) -> Result<App, Fault> {
    let text = tree.text(&file)?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error
            .span()
            .map_or("", |span| text.get(..span.start).unwrap_or_default());
        let line = before.matches('\n').count() + 1;
        Fault::new(
            Cause::Unparseable,
            format!("{file}:{line}: {}", error.message()),
        )
        .hint("correct the TOML on this line")
    })?;
    let json = serde_json::to_value(&table).unwrap_or_default();
    let mut services = tables(&json, "http_service");
    services.extend(tables(&json, "services"));
    if services.is_empty() && json.get("app").is_none() {
        return Err(Fault::new(
            Cause::Unparseable,
            format!("{file}: has no `app` and no service"),
        )
        .hint("this is no fly.toml; see whether it is the right file, and whole"));
    }
    let mut checks = Vec::new();
    let mut all: Vec<&Value> = services
        .iter()
        .flat_map(|service| {
            let mut found = tables(service, "checks");
            found.extend(tables(service, "http_checks"));
            found
        })
        .collect();
    all.extend(tables(&json, "checks"));
    for check in all {
        let http = check
            .get("type")
            .and_then(Value::as_str)
            .is_none_or(|kind| kind == "http");
        if let Some(path) = check.get("path").and_then(Value::as_str).filter(|_| http) {
            checks.push(path.to_owned());
        }
    }
    let machines = services
        .iter()
        .filter_map(|service| service.get("min_machines_running").and_then(Value::as_u64))
        .min();
    let idle = services
        .iter()
        .find_map(|service| service.get("auto_stop_machines"));
    let secrets = json
        .get("env")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let sort = literal(name, &text, &tree.redactor)?;
            Some((name.clone(), sort.to_owned()))
        })
        .collect();
    Ok(App {
        name: json.get("app").and_then(Value::as_str).map(str::to_owned),
        force_https: services.iter().all(|service| forces(service)),
        serves: !services.is_empty(),
        machines: machines.unwrap_or(0),
        auto_stop: match idle {
            Some(Value::Bool(true)) => AutoStop::Stop,
            Some(Value::String(word)) if word == "stop" => AutoStop::Stop,
            Some(Value::String(word)) if word == "suspend" => AutoStop::Suspend,
            _ => AutoStop::Off,
        },
        checks,
        secrets,
        file,
    })
}

/// Whether a service redirects HTTP to HTTPS; one without HTTP has nothing to redirect.
fn forces(service: &Value) -> bool {
    let on = |table: &Value| table.get("force_https").and_then(Value::as_bool) == Some(true);
    let ports = tables(service, "ports");
    if ports.is_empty() {
        return on(service);
    }
    let speaks = |port: &Value, handler: &str| {
        port.get("handlers")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|one| one.as_str() == Some(handler)))
    };
    ports
        .iter()
        .all(|port| !speaks(port, "http") || speaks(port, "tls") || on(port))
}

impl Fly {
    /// Judges one app.
    fn judge_app(&self, app: &App, findings: &mut Vec<Finding>) {
        let file = &app.file;
        if self.check_paths.is_empty() && app.checks.is_empty() {
            findings.push(Finding::fail(
                "FLY-51",
                file,
                "a health check over HTTP",
                "none",
                "Fly routes to machines that cannot answer, and calls every deployment a success",
            ));
        }
        for path in self
            .check_paths
            .iter()
            .filter(|path| !app.checks.contains(path))
        {
            findings.push(Finding::fail(
                "FLY-51",
                file,
                format!("a health check of {path}"),
                if app.checks.is_empty() {
                    "none".to_owned()
                } else {
                    app.checks.join(", ")
                },
                format!("no health check asks {path}"),
            ));
        }
        if let Some(least) = self
            .min_machines_running
            .filter(|least| app.machines < *least)
        {
            findings.push(Finding::fail(
                "FLY-52",
                file,
                format!("min_machines_running at least {least}"),
                app.machines.to_string(),
                "the first request after a quiet time waits for a machine to start",
            ));
        }
        if let Some(wanted) = self.auto_stop.filter(|wanted| *wanted != app.auto_stop) {
            findings.push(Finding::fail(
                "FLY-53",
                file,
                format!("auto_stop_machines {wanted:?}").to_lowercase(),
                format!("{:?}", app.auto_stop).to_lowercase(),
                "idle machines are treated in another way than declared",
            ));
        }
        if self.force_https && app.serves && !app.force_https {
            findings.push(Finding::fail(
                "FLY-54",
                file,
                "force_https = true",
                "not set",
                "passwords and tokens travel in the clear when somebody types http://",
            ));
        }
        for (name, sort) in &app.secrets {
            findings.push(Finding::fail(
                "FLY-56",
                format!("{file} env.{name}"),
                "`fly secrets set`",
                sort,
                format!("{name} holds {sort}: everybody with the repository has it"),
            ));
        }
    }

    /// Judges the names of the apps.
    fn judge_names(&self, facts: &Facts, findings: &mut Vec<Finding>) {
        for (index, app) in facts.apps.iter().enumerate() {
            let Some(name) = &app.name else {
                if facts.apps.len() > 1 {
                    findings.push(Finding::fail(
                        "FLY-55",
                        &app.file,
                        "`app` with a name of its own",
                        "none",
                        "which app this is deployed to depends on who deploys",
                    ));
                }
                continue;
            };
            let earlier = facts
                .apps
                .iter()
                .take(index)
                .find(|other| other.name.as_ref() == Some(name));
            if let Some(other) = earlier {
                findings.push(Finding::fail(
                    "FLY-55",
                    &app.file,
                    format!("another app than {}", other.file),
                    name,
                    format!(
                        "{} and {} are the same app: a deployment of one replaces the other",
                        other.file, app.file
                    ),
                ));
            }
        }
    }
}

/// In the order of their codes.
const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "FLY-51",
        "no health check of the app",
        "Fly then routes to machines that cannot answer, and calls every deployment a success.",
        "Add `[[http_service.checks]]` with the paths of liveness and readiness.",
    ),
    FaultDoc::caught(
        "FLY-52",
        "too few machines stay up",
        "With none, the first request after a quiet time waits for a machine to start.",
        "Set `min_machines_running`.",
    ),
    FaultDoc::caught(
        "FLY-53",
        "idle machines are treated differently",
        "Background work ends when Fly stops the machine.",
        "Set `auto_stop_machines`.",
    ),
    FaultDoc::caught(
        "FLY-54",
        "HTTPS not forced",
        "Passwords and tokens travel in the clear when somebody types http://.",
        "Set `force_https = true`.",
    ),
    FaultDoc::caught(
        "FLY-55",
        "two files deploy the same app",
        "A deployment to staging replaces production.",
        "Give each file an `app` of its own.",
    ),
    FaultDoc::caught(
        "FLY-56",
        "secret in fly.toml",
        "Everybody with the repository has it.",
        "Change the secret and store it with `fly secrets set`.",
    ),
];

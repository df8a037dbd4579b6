//! Extensions: available, created, preloaded, usable — and what needs them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Postgres;
use super::support::hidden;
use crate::context::Context;
use crate::expect::{Ordered, Version};
use crate::kinds::SpecProblem;
use crate::outcome::{Fault, Finding};
use crate::postgres::{Dsn, Looked, Transaction};

/// What an extension must be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Oldest version accepted.
    #[serde(default)]
    min_version: Option<Version>,
    /// Whether its version must be that of the installed package (no `ALTER EXTENSION … UPDATE` waits).
    #[serde(default)]
    latest: bool,
    /// A `select` that only works when the extension does; readyctl knows one for pg_stat_statements, vector, pg_trgm, pgcrypto, uuid-ossp, postgis, hstore, citext, ltree and unaccent.
    #[serde(default)]
    probe: Option<String>,
}

/// Something that changes the database, tried in a transaction that is rolled back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SmokeTest {
    /// `CREATE EXTENSION` of this name must succeed; one that exists already is fine.
    create_extension: String,
}

impl SmokeTest {
    /// What is run.
    pub(super) fn statement(&self) -> String {
        format!(
            "CREATE EXTENSION \"{}\"",
            self.create_extension.replace('"', "\"\"")
        )
    }

    /// Runs it and rolls back. `None` when the extension exists already.
    pub(super) async fn run(&self, cx: &Context, dsn: &Dsn) -> Result<Smoke, Fault> {
        let mut tx = cx.postgres.begin(cx, dsn, true).await?;
        let sql = "select extname as name from pg_extension where extname = $1";
        let existing: Vec<Value> = tx.rows("extension", sql, &[&self.create_extension]).await?;
        let result = if existing.is_empty() {
            tx.execute("smoke test", &self.statement()).await?.err()
        } else {
            None
        };
        tx.finish().await;
        Ok(Smoke {
            existed: !existing.is_empty(),
            fault: result,
        })
    }
}

/// What became of the smoke test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Smoke {
    /// The extension was there already.
    existed: bool,
    /// Why it failed.
    fault: Option<Fault>,
}

/// An extension.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Extension {
    /// Name.
    name: String,
    /// Version of the installed package.
    available: Option<String>,
    /// Version created in this database.
    created: Option<String>,
    /// Schema it is in.
    schema: Option<String>,
    /// Result of its probe, when it has one and is created.
    #[serde(default)]
    probe: Option<Looked<bool>>,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ExtensionFacts {
    /// Those asked for.
    extensions: Vec<Extension>,
    /// The smoke test.
    smoke: Option<Smoke>,
}

/// Statements that only work when the extension does; `{}` is its schema.
const PROBES: &[(&str, &str)] = &[
    (
        "pg_stat_statements",
        "select count(*) >= 0 as ok from (select 1 from {}.pg_stat_statements limit 1) x",
    ),
    (
        "vector",
        "select ('[1,2]'::{}.vector operator({}.<=>) '[2,1]'::{}.vector) is not null as ok",
    ),
    (
        "pg_trgm",
        "select {}.similarity('ready', 'ready') = 1 as ok",
    ),
    (
        "pgcrypto",
        "select {}.digest('a', 'sha256') is not null as ok",
    ),
    ("uuid-ossp", "select {}.uuid_nil() is not null as ok"),
    (
        "postgis",
        "select {}.postgis_lib_version() is not null as ok",
    ),
    ("hstore", "select 'a=>1'::{}.hstore is not null as ok"),
    ("citext", "select 'a'::{}.citext is not null as ok"),
    ("ltree", "select 'a.b'::{}.ltree is not null as ok"),
    ("unaccent", "select {}.unaccent('a') = 'a' as ok"),
];

/// The quoted schema of an extension; `None` when it is not created in this database.
pub(super) async fn schema_of(
    name: &str,
    tx: &mut Transaction<'_>,
) -> Result<Option<String>, Fault> {
    let sql = "select quote_ident(n.nspname) as name from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = $1";
    let rows: Vec<Value> = tx.rows("extension", sql, &[name]).await?;
    Ok(rows
        .first()
        .and_then(|row| row["name"].as_str())
        .map(str::to_owned))
}

/// Probes that would act on the server.
pub(super) fn problems(wanted: &Ordered<Wanted>, problems: &mut Vec<SpecProblem>) {
    for (name, wanted) in wanted.iter() {
        if let Some(function) = wanted.probe.as_deref().and_then(super::queries::acting) {
            problems.push(SpecProblem::at(
                format!("extensions.{name}.probe"),
                format!("`{function}` acts on the server, and a probe may only look"),
                "take it out: an audit changes nothing",
            ));
        }
    }
}

/// Asks for the extensions and probes them.
pub(super) async fn observe(
    spec: &Postgres,
    smoke: Option<Smoke>,
    tx: &mut Transaction<'_>,
) -> Result<ExtensionFacts, Fault> {
    let mut names: Vec<&str> = spec.extensions.iter().map(|(name, _)| name).collect();
    if spec.observability && !names.contains(&"pg_stat_statements") {
        names.push("pg_stat_statements");
    }
    if names.is_empty() {
        return Ok(ExtensionFacts {
            extensions: Vec::new(),
            smoke,
        });
    }
    let names = serde_json::to_string(&names).unwrap_or_default();
    let sql = "select a.name, x.default_version as available, e.extversion as created, quote_ident(n.nspname) as schema
from (select json_array_elements_text($1::json) as name) a left join pg_available_extensions x on x.name = a.name
left join pg_extension e on e.extname = a.name left join pg_namespace n on n.oid = e.extnamespace";
    let mut extensions: Vec<Extension> = tx.rows("extensions", sql, &[&names]).await?;
    for extension in &mut extensions {
        let Some(schema) = &extension.schema else {
            continue;
        };
        let own = spec
            .extensions
            .get(&extension.name)
            .and_then(|wanted| wanted.probe.clone());
        let known = PROBES
            .iter()
            .find(|(name, _)| *name == extension.name)
            .map(|(_, sql)| sql.replace("{}", schema));
        if let Some(sql) = own.or(known) {
            let rows = tx
                .look::<Value>(&format!("probe of {}", extension.name), &sql, &[])
                .await?;
            extension.probe = Some(rows.map(|rows| {
                rows.first()
                    .is_some_and(|row| row.get("ok").is_none_or(|ok| *ok == Value::Bool(true)))
            }));
        }
    }
    Ok(ExtensionFacts { extensions, smoke })
}

/// Judges extensions, observability and the smoke test.
pub(super) fn judge(spec: &Postgres, facts: &super::Facts, out: &mut Vec<Finding>) {
    judge_wanted(&spec.extensions, &facts.extensions, out);
    if let (Some(test), Some(smoke)) = (&spec.smoke_test, &facts.extensions.smoke) {
        let subject = format!("create extension {}", test.create_extension);
        out.push(match &smoke.fault {
            None if smoke.existed => Finding::pass(subject, "succeeds", "exists already"),
            None => Finding::pass(subject, "succeeds", "succeeded, rolled back"),
            Some(fault) => Finding::fail(
                "PG-58",
                subject,
                "succeeds",
                "failed",
                format!("the extension cannot be created: {}", fault.message),
            ),
        });
    }
    if !spec.observability {
        return;
    }
    if let Some(extension) = facts
        .extensions
        .extensions
        .iter()
        .find(|e| e.name == "pg_stat_statements")
    {
        out.push(judge_created("PG-32", extension));
    }
    let setting = |name: &str| {
        facts
            .settings
            .as_ref()
            .and_then(|s| s.get(name))
            .and_then(super::settings::Setting::value)
    };
    let slow = ["log_min_duration_statement", "log_min_duration_sample"]
        .iter()
        .any(|name| setting(name).is_some_and(|value| value != "-1"));
    out.push(if slow {
        Finding::pass("slow statements", "logged", "logged")
    } else {
        Finding::fail(
            "PG-32",
            "slow statements",
            "logged",
            "not logged",
            "slow statements are not logged (log_min_duration_statement)",
        )
    });
    for name in ["log_lock_waits", "track_io_timing"] {
        let value = setting(name).unwrap_or_else(|| "unknown".to_owned());
        out.push(if value == "on" {
            Finding::pass(name, "on", "on")
        } else {
            Finding::fail(
                "PG-32",
                name,
                "on",
                &value,
                format!("{name} is {value}: its evidence will be missing when it is needed"),
            )
            .as_warning()
        });
    }
}

/// The extensions of the spec.
fn judge_wanted(wanted: &Ordered<Wanted>, facts: &ExtensionFacts, out: &mut Vec<Finding>) {
    for (name, wanted) in wanted.iter() {
        let Some(extension) = facts.extensions.iter().find(|e| e.name == name) else {
            continue;
        };
        out.push(judge_created("PG-30", extension));
        let Some(created) = &extension.created else {
            continue;
        };
        if let Some(min) = &wanted.min_version {
            let subject = format!("version of {name}");
            let expected = format!("at least {min}");
            out.push(match created.parse::<Version>() {
                Ok(version) if version >= *min => Finding::pass(subject, expected, created),
                Ok(_) => Finding::fail(
                    "PG-30",
                    subject,
                    expected,
                    created,
                    format!("extension {name} {created} is older than {min}"),
                ),
                Err(_) => Finding::fail(
                    "PG-30",
                    subject,
                    expected,
                    created,
                    "the version cannot be understood",
                )
                .as_unknown(),
            });
        }
        if wanted.latest {
            let subject = format!("update of {name}");
            out.push(match &extension.available {
                Some(available) if available == created => Finding::pass(subject, "none waits", created),
                Some(available) => Finding::fail("PG-30", subject, "none waits", created, format!("the package of {name} is {available}, the database still has {created}: ALTER EXTENSION {name} UPDATE")),
                None => Finding::fail("PG-30", subject, "none waits", created, format!("the package of {name} is no longer installed on the server")),
            });
        }
    }
}

/// Created in this database, and working.
fn judge_created(code: &'static str, extension: &Extension) -> Finding {
    let name = &extension.name;
    let subject = format!("extension {name}");
    let expected = if extension.probe.is_some() {
        "created and usable"
    } else {
        "created"
    };
    match (&extension.created, &extension.available) {
        (None, None) => Finding::fail(
            code,
            subject,
            expected,
            "not available",
            format!("extension {name} is not installed on the server"),
        ),
        (None, Some(version)) => Finding::fail(
            code,
            subject,
            expected,
            format!("{version} available, not created"),
            format!("extension {name} is not created in this database: CREATE EXTENSION"),
        ),
        (Some(version), _) => match &extension.probe {
            None => Finding::pass(subject, expected, version),
            Some(Looked::Seen(true)) => {
                Finding::pass(subject, expected, format!("{version}, usable"))
            }
            Some(Looked::Seen(false)) => Finding::fail(
                code,
                subject,
                expected,
                format!("{version}, not usable"),
                format!("the probe of extension {name} did not return what it should"),
            ),
            Some(Looked::Hidden(fault))
                if fault.cause == crate::outcome::Cause::Denied
                    || fault.cause == crate::outcome::Cause::Timeout =>
            {
                hidden(code, &subject, expected, fault)
            }
            Some(Looked::Hidden(fault)) => Finding::fail(
                code,
                subject,
                expected,
                format!("{version}, not usable"),
                format!(
                    "extension {name} is created but does not work: {}",
                    fault.message
                ),
            ),
        },
    }
}

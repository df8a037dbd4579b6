//! The extension itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Facts, Pgvector};
use crate::expect::Version;
use crate::outcome::{Cause, Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// The extension in this database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Extension {
    /// Version of the package on the server.
    available: Option<String>,
    /// Version created in this database.
    pub(super) created: Option<String>,
    /// Schema it is in, quoted.
    schema: Option<String>,
    /// Whether the schema is on the role's search path.
    on_path: bool,
    /// Whether the role may use the schema.
    usable: bool,
    /// Version of the code that is loaded, when the server can tell (PostgreSQL 18).
    #[serde(default)]
    pub(super) loaded: Option<String>,
    /// A distance of two constants.
    #[serde(default)]
    smoke: Option<Looked<bool>>,
    /// Settings of searches, as this role's sessions start with.
    #[serde(default)]
    pub(super) settings: Settings,
}

/// Settings of searches.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    /// `hnsw.ef_search`.
    #[serde(default)]
    pub(super) ef_search: Option<String>,
    /// `hnsw.iterative_scan`.
    #[serde(default)]
    pub(super) hnsw_iterative: Option<String>,
    /// `ivfflat.probes`.
    #[serde(default)]
    pub(super) probes: Option<String>,
    /// `ivfflat.iterative_scan`.
    #[serde(default)]
    pub(super) ivfflat_iterative: Option<String>,
}

impl Extension {
    /// Schema of the extension, when it is created.
    pub(super) fn schema(&self) -> Option<&str> {
        self.created.as_ref().and(self.schema.as_deref())
    }
}

/// Asks for the extension.
pub(super) async fn observe(tx: &mut Transaction<'_>) -> Result<Extension, Fault> {
    let sql = "select (select default_version from pg_available_extensions where name = 'vector') as available, e.extversion as created,
 quote_ident(n.nspname) as schema, coalesce(n.nspname = any(current_schemas(true)), false) as on_path, coalesce(has_schema_privilege(n.oid, 'USAGE'), false) as usable
from (select 1) one left join pg_extension e on e.extname = 'vector' left join pg_namespace n on n.oid = e.extnamespace";
    let mut rows: Vec<Extension> = tx.rows("extension vector", sql, &[]).await?;
    let mut extension = rows.pop().ok_or_else(|| {
        Fault::new(
            Cause::Unparseable,
            "the server says nothing about its extensions",
        )
    })?;
    let Some(schema) = extension.schema().map(str::to_owned) else {
        return Ok(extension);
    };
    let sql = format!(
        "select (('[1,2]'::{schema}.vector operator({schema}.<=>) '[2,1]'::{schema}.vector) between 0.19 and 0.21) as ok"
    );
    extension.smoke = Some(
        tx.look::<Value>("distance of two vectors", &sql, &[])
            .await?
            .map(|rows| rows.first().is_some_and(|row| row["ok"] == true)),
    );
    // The library is loaded now, so its settings are known.
    let sql = "select current_setting('hnsw.ef_search', true) as ef_search, current_setting('hnsw.iterative_scan', true) as hnsw_iterative,
 current_setting('ivfflat.probes', true) as probes, current_setting('ivfflat.iterative_scan', true) as ivfflat_iterative";
    let mut settings: Vec<Settings> = tx.rows("settings of searches", sql, &[]).await?;
    extension.settings = settings.pop().unwrap_or_default();
    // Only PostgreSQL 18 knows the version of loaded code; elsewhere the function does not exist.
    let sql = "select version from pg_get_loaded_modules() where module_name = 'vector' or file_name ~ '^vector\\.'";
    if let Looked::Seen(rows) = tx.look::<Value>("loaded modules", sql, &[]).await? {
        extension.loaded = rows
            .first()
            .and_then(|row| row["version"].as_str())
            .map(str::to_owned);
    }
    Ok(extension)
}

/// When the table below was compiled.
const TABLE_DATE: &str = "2026-11-20";
/// From, up to and without, what is wrong there.
const KNOWN_FAULTS: &[(&str, &str, &str)] = &[
    (
        "0",
        "0.3.1",
        "IVFFlat indexes can be silently corrupt (fixed in 0.3.1; recreate them)",
    ),
    (
        "0.6.0",
        "0.8.2",
        "a parallel HNSW build can overflow a buffer (CVE-2026-3172, fixed in 0.8.2)",
    ),
    (
        "0.5.0",
        "0.8.3",
        "vacuum can corrupt HNSW indexes (fixed in 0.8.3; reindex them)",
    ),
];

/// Judges the extension.
pub(super) fn judge(spec: &Pgvector, facts: &Facts, out: &mut Vec<Finding>) {
    let extension = &facts.extension;
    let expected = if spec.available {
        "available"
    } else {
        "created in this database"
    };
    match (&extension.created, &extension.available) {
        (None, None) => {
            return out.push(Finding::fail(
                "VEC-01",
                "extension vector",
                expected,
                "not available",
                "pgvector is not installed on this server",
            ));
        }
        (None, Some(version)) if spec.available => {
            out.push(Finding::pass("extension vector", expected, version));
        }
        (None, Some(version)) => {
            return out.push(Finding::fail(
                "VEC-02",
                "extension vector",
                expected,
                format!("{version} available, not created"),
                "pgvector is installed but not created in this database: CREATE EXTENSION vector",
            ));
        }
        (Some(version), _) => out.push(Finding::pass("extension vector", expected, version)),
    }
    judge_versions(spec, extension, out);
    if extension.created.is_none() {
        return;
    }
    let schema = extension.schema.as_deref().unwrap_or("?");
    out.push(if !extension.usable {
        Finding::fail("VEC-03", "schema", "usable by this role", "no USAGE", format!("this role may not use schema {schema}, in which pgvector lives"))
    } else if !extension.on_path {
        Finding::fail("VEC-03", "schema", "on the search path", format!("{schema} is not"), format!("pgvector lives in schema {schema}, which is not on this role's search path: its operators are not found"))
    } else {
        Finding::pass("schema", "on the search path", schema)
    });
    out.push(match &extension.smoke {
        Some(Looked::Seen(true)) => {
            Finding::pass("distance of two vectors", "computed", "computed")
        }
        Some(Looked::Seen(false)) => Finding::fail(
            "VEC-18",
            "distance of two vectors",
            "about 0.2",
            "another value",
            "pgvector computes a wrong distance",
        ),
        Some(Looked::Hidden(fault)) => Finding::fail(
            "VEC-18",
            "distance of two vectors",
            "computed",
            "failed",
            format!("pgvector is created but does not work: {}", fault.message),
        ),
        None => Finding::fail(
            "VEC-18",
            "distance of two vectors",
            "computed",
            "not tried",
            "the distance was not computed",
        )
        .as_unknown(),
    });
}

/// Version bounds, known faults, waiting updates.
fn judge_versions(spec: &Pgvector, extension: &Extension, out: &mut Vec<Finding>) {
    let created = extension
        .created
        .as_deref()
        .or(extension.available.as_deref())
        .unwrap_or("?");
    let parsed = created.parse::<Version>();
    if let Some(min) = &spec.min_version {
        let expected = format!("at least {min}");
        out.push(match &parsed {
            Ok(version) if version >= min => Finding::pass("version", expected, created),
            Ok(_) => Finding::fail(
                "VEC-04",
                "version",
                expected,
                created,
                format!("pgvector {created} is older than {min}"),
            ),
            Err(_) => Finding::fail(
                "VEC-04",
                "version",
                expected,
                created,
                "the version cannot be understood",
            )
            .as_unknown(),
        });
    }
    if !spec.allow_known_faults {
        out.push(judge_faults(extension, created));
    }
    if spec.latest
        && let (Some(created), Some(available)) = (&extension.created, &extension.available)
    {
        out.push(if created == available {
            Finding::pass("update", "none waits", created)
        } else {
            Finding::fail("VEC-06", "update", "none waits", format!("{created}, package {available}"), format!("the package is {available}, the database still has {created}: ALTER EXTENSION vector UPDATE"))
        });
    }
}

/// Known faults are in the code, whose version only newer servers tell.
fn judge_faults(extension: &Extension, created: &str) -> Finding {
    let expected = format!("no fault known on {TABLE_DATE}");
    let (text, which) = match &extension.loaded {
        Some(loaded) => (loaded.as_str(), "loaded code"),
        // The package on disk is what new sessions load.
        None => match &extension.available {
            Some(available) => (available.as_str(), "installed package"),
            None => (created, "extension"),
        },
    };
    let seen = format!("{text} ({which})");
    let Ok(version) = text.parse::<Version>() else {
        return Finding::fail(
            "VEC-05",
            "known faults",
            expected,
            seen,
            "the version cannot be understood",
        )
        .as_unknown();
    };
    let inside = |from: &str, to: &str| {
        from.parse::<Version>().is_ok_and(|from| version >= from)
            && to.parse::<Version>().is_ok_and(|to| version < to)
    };
    let faults: Vec<&str> = KNOWN_FAULTS
        .iter()
        .filter(|(from, to, _)| inside(from, to))
        .map(|(.., what)| *what)
        .collect();
    if faults.is_empty() {
        return Finding::pass("known faults", expected, seen);
    }
    let message = format!("pgvector {text}: {}", faults.join("; "));
    Finding::fail("VEC-05", "known faults", expected, seen, message)
}

//! Migrations: what was applied against what the repository holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::support::{hidden, listed};
use crate::context::Context;
use crate::expect::Matcher;
use crate::kinds::SpecProblem;
use crate::outcome::{Cause, Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// Whether the applied migrations are those of the repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Migrations {
    /// The tool that applies them.
    tool: Tool,
    /// Table in which the tool keeps what was applied; the tool's own by default, required for `table`.
    #[serde(default)]
    table: Option<String>,
    /// Column with the version; required for `table`.
    #[serde(default)]
    column: Option<String>,
    /// Folder with the migration files (for alembic the one with the revision files). Its content must have been applied, all of it and nothing else.
    #[serde(default)]
    folder: Option<PathBuf>,
    /// What the newest applied version must be, when there is no folder to compare with.
    #[serde(default)]
    expected: Option<Matcher>,
}

/// Tools that keep what they applied in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tool {
    /// Alembic: `alembic_version` must hold the heads of the folder.
    Alembic,
    /// sqlx: `_sqlx_migrations`, files `20240101_name.sql`.
    Sqlx,
    /// Prisma: `_prisma_migrations`, a folder a migration.
    Prisma,
    /// Flyway: `flyway_schema_history`, files `V1__name.sql`.
    Flyway,
    /// golang-migrate: `schema_migrations`, files `1_name.up.sql`.
    GolangMigrate,
    /// Rails: `schema_migrations`, files `20240101000000_name.rb`.
    Rails,
    /// Diesel: `__diesel_schema_migrations`, a folder a migration.
    Diesel,
    /// Refinery: `refinery_schema_history`, files `V1__name.sql`.
    Refinery,
    /// Knex: `knex_migrations`, files with any name.
    Knex,
    /// Any other: `table` and `column` say where the version is.
    Table,
}

/// How a tool keeps its books.
struct Books {
    /// Table.
    table: &'static str,
    /// Expression of the version, as text.
    version: &'static str,
    /// Condition under which a migration failed half-way.
    dirty: &'static str,
    /// Condition under which a row counts at all.
    counts: &'static str,
    /// Takes the version out of a file's or folder's name.
    file: &'static str,
    /// Whether a migration is a folder.
    folders: bool,
}

impl Tool {
    /// The tool's habits.
    fn books(self) -> Books {
        let books = |table, version, file| Books {
            table,
            version,
            dirty: "false",
            counts: "true",
            file,
            folders: false,
        };
        match self {
            Self::Alembic => books("alembic_version", "version_num", r"^(.+)\.py$"),
            Self::Sqlx => Books {
                dirty: "not success",
                ..books("_sqlx_migrations", "version", r"^(\d+)_.*?(?:\.up)?\.sql$")
            },
            Self::Prisma => Books {
                dirty: "finished_at is null and rolled_back_at is null",
                counts: "rolled_back_at is null",
                folders: true,
                ..books("_prisma_migrations", "migration_name", r"^(\d+.*)$")
            },
            Self::Flyway => Books {
                dirty: "not success",
                counts: "version is not null",
                ..books(
                    "flyway_schema_history",
                    "version",
                    r"^V([0-9._]+?)__.*\.(?:sql|java)$",
                )
            },
            Self::GolangMigrate => Books {
                dirty: "dirty",
                ..books("schema_migrations", "version", r"^(\d+)_.*\.up\.[a-z]+$")
            },
            Self::Rails => books("schema_migrations", "version", r"^(\d+)_.*\.rb$"),
            Self::Diesel => Books {
                folders: true,
                ..books(
                    "__diesel_schema_migrations",
                    "replace(version, '-', '')",
                    r"^([0-9-]+)_.*$",
                )
            },
            Self::Refinery => books(
                "refinery_schema_history",
                "version",
                r"^[VU](\d+)__.*\.(?:sql|rs)$",
            ),
            Self::Knex => books("knex_migrations", "name", r"^(.+\.(?:js|ts|cjs|mjs))$"),
            Self::Table => books("", "", r"^$"),
        }
    }

    /// Whether the table holds only the newest version instead of all.
    fn newest_only(self) -> bool {
        matches!(self, Self::Alembic | Self::GolangMigrate)
    }
}

impl Migrations {
    /// What cannot work.
    pub(super) fn problems(&self, problems: &mut Vec<SpecProblem>) {
        if self.tool == Tool::Table && (self.table.is_none() || self.column.is_none()) {
            problems.push(SpecProblem::at(
                "migrations",
                "`tool: table` does not say where the version is",
                "add `table:` and `column:`",
            ));
        }
        if self.tool == Tool::Table && self.folder.is_some() {
            problems.push(SpecProblem::at(
                "migrations.folder",
                "`tool: table` does not know how versions stand in file names",
                "use `expected:`",
            ));
        }
        if self.folder.is_none() && self.expected.is_none() {
            problems.push(SpecProblem::at("migrations", "nothing to compare with: a migration that is missing would not be noticed", "add `folder:` with the repository's migrations, or `expected:` with the newest version"));
        }
    }

    /// Table, as the user or the tool names it.
    fn table(&self) -> &str {
        self.table.as_deref().unwrap_or(self.tool.books().table)
    }
}

/// One applied migration.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Applied {
    /// Version.
    version: Option<String>,
    /// Failed half-way.
    dirty: bool,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MigrationFacts {
    /// Whether the table exists.
    table: bool,
    /// What was applied.
    applied: Looked<Vec<Applied>>,
    /// What the repository holds.
    repository: Option<Vec<String>>,
}

impl Migrations {
    /// Reads table and folder.
    pub(super) async fn observe(
        &self,
        cx: &Context,
        tx: &mut Transaction<'_>,
    ) -> Result<MigrationFacts, Fault> {
        let repository = match &self.folder {
            Some(folder) => Some(self.versions(&cx.folder.join(folder))?),
            None => None,
        };
        let books = self.tool.books();
        let found: Vec<Value> = tx
            .rows(
                "table of migrations",
                "select to_regclass($1)::oid::regclass::text as name, to_regclass($1) is not null as found",
                &[self.table()],
            )
            .await?;
        let row = found.first();
        let name = row.and_then(|row| row["name"].as_str());
        let (Some(name), true) = (name, row.is_some_and(|row| row["found"] == true)) else {
            return Ok(MigrationFacts {
                table: false,
                applied: Looked::Seen(Vec::new()),
                repository,
            });
        };
        let version = match &self.column {
            Some(column) => format!("\"{}\"", column.replace('"', "\"\"")),
            None => books.version.to_owned(),
        };
        let sql = format!(
            "select ({version})::text as version, coalesce({}, false) as dirty from {name} where {} order by {version} limit 5001",
            books.dirty, books.counts
        );
        Ok(MigrationFacts {
            table: true,
            applied: tx.look("applied migrations", &sql, &[]).await?,
            repository,
        })
    }

    /// The versions in the repository: all, or alembic's heads, or the newest.
    fn versions(&self, folder: &Path) -> Result<Vec<String>, Fault> {
        let books = self.tool.books();
        let pattern = Regex::new(books.file)
            .map_err(|error| Fault::new(Cause::Internal, error.to_string()))?;
        let entries =
            std::fs::read_dir(folder).map_err(|error| crate::net::file_fault(folder, &error))?;
        let mut versions = BTreeSet::new();
        let mut heads = Heads::default();
        for entry in entries.take(20_000).flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder != books.folders || name == "__init__.py" {
                continue;
            }
            let Some(version) = pattern.captures(&name).and_then(|found| found.get(1)) else {
                continue;
            };
            if self.tool == Tool::Alembic {
                heads.read(&entry.path())?;
            } else {
                versions.insert(normal(version.as_str(), self.tool));
            }
        }
        let mut versions: Vec<String> = if self.tool == Tool::Alembic {
            heads.heads()
        } else {
            versions.into_iter().collect()
        };
        if self.tool == Tool::GolangMigrate {
            versions.sort_by_key(|version| version.parse::<u64>().unwrap_or(0));
            versions = versions.split_off(versions.len().saturating_sub(1));
        }
        if versions.is_empty() {
            return Err(Fault::new(
                Cause::Missing,
                format!("{} holds no migration of {:?}", folder.display(), self.tool),
            )
            .hint(
                "name the folder with the migration files themselves (for alembic: …/versions)",
            ));
        }
        Ok(versions)
    }
}

/// A version as the table writes it.
fn normal(version: &str, tool: Tool) -> String {
    match tool {
        Tool::Sqlx | Tool::GolangMigrate | Tool::Refinery => {
            let trimmed = version.trim_start_matches('0');
            if trimmed.is_empty() { "0" } else { trimmed }.to_owned()
        }
        Tool::Flyway => version.replace('_', "."),
        Tool::Diesel => version.replace('-', ""),
        _ => version.to_owned(),
    }
}

/// Collects alembic's revisions and what they follow.
#[derive(Default)]
struct Heads {
    /// Revisions.
    revisions: BTreeSet<String>,
    /// Those that others follow.
    followed: BTreeSet<String>,
}

impl Heads {
    /// Reads one revision file.
    fn read(&mut self, path: &Path) -> Result<(), Fault> {
        let text =
            std::fs::read_to_string(path).map_err(|error| crate::net::file_fault(path, &error))?;
        let value = |name: &str| {
            // `down_revision: Union[str, None] = ("a", "b")`, over several lines when in brackets.
            Regex::new(&format!(
                r#"(?m)^{name}\s*(?::[^=\n]*)?=\s*(\([^)]*\)|\[[^\]]*\]|["'][^"'\n]*["'])"#
            ))
            .ok()
            .and_then(|pattern| pattern.captures(&text).map(|found| found[1].to_owned()))
        };
        let quoted = |text: &str| -> Vec<String> {
            Regex::new(r#"["']([^"']+)["']"#).map_or_else(
                |_| Vec::new(),
                |pattern| {
                    pattern
                        .captures_iter(text)
                        .map(|found| found[1].to_owned())
                        .collect()
                },
            )
        };
        if let Some(revision) = value("revision") {
            self.revisions.extend(quoted(&revision));
        }
        for name in ["down_revision", "depends_on"] {
            if let Some(followed) = value(name) {
                self.followed.extend(quoted(&followed));
            }
        }
        Ok(())
    }

    /// Revisions that nobody follows.
    fn heads(self) -> Vec<String> {
        self.revisions.difference(&self.followed).cloned().collect()
    }
}

impl Migrations {
    /// Judges what was applied.
    pub(super) fn judge(&self, facts: &MigrationFacts, out: &mut Vec<Finding>) {
        let subject = "migrations";
        let table = self.table();
        if !facts.table {
            out.push(Finding::fail(
                "PG-27",
                subject,
                "applied",
                format!("no table {table}"),
                format!("table {table} does not exist: no migration ran in this database"),
            ));
            return;
        }
        let applied = match &facts.applied {
            Looked::Hidden(fault) => return out.push(hidden("PG-27", subject, "applied", fault)),
            Looked::Seen(applied) => applied,
        };
        let dirty: Vec<&str> = applied
            .iter()
            .filter(|row| row.dirty)
            .map(|row| row.version.as_deref().unwrap_or("?"))
            .collect();
        if !dirty.is_empty() {
            out.push(Finding::fail(
                "PG-27",
                subject,
                "all succeeded",
                format!("failed: {}", listed(&dirty)),
                format!("a migration failed half-way: {}", listed(&dirty)),
            ));
        }
        let done: BTreeSet<String> = applied
            .iter()
            .filter(|row| !row.dirty)
            .filter_map(|row| row.version.as_deref())
            .map(|v| normal(v, self.tool))
            .collect();
        if done.is_empty() {
            out.push(Finding::fail(
                "PG-27",
                subject,
                "applied",
                "none",
                format!("table {table} is empty: no migration was applied"),
            ));
            return;
        }
        if let Some(repository) = &facts.repository {
            self.judge_repository(repository, &done, out);
        }
        if let Some(matcher) = &self.expected {
            out.push(judge_newest(matcher, &done));
        }
    }

    /// Pending ones, and those the repository does not know.
    fn judge_repository(
        &self,
        repository: &[String],
        done: &BTreeSet<String>,
        out: &mut Vec<Finding>,
    ) {
        let repository: BTreeSet<String> = repository.iter().cloned().collect();
        let what = if self.tool.newest_only() {
            "at the repository's head"
        } else {
            "all of the repository's"
        };
        let pending: Vec<&String> = repository.difference(done).collect();
        let unknown: Vec<&String> = done.difference(&repository).collect();
        let seen = |prefix: &str, names: &[&String]| format!("{prefix} {}", listed(names));
        if !pending.is_empty() {
            let at: Vec<&String> = done.iter().rev().take(1).collect();
            let message = format!(
                "migrations are pending: {} (the database is at {})",
                listed(&pending),
                listed(&at)
            );
            out.push(Finding::fail(
                "PG-27",
                "migrations",
                what,
                seen("pending:", &pending),
                message,
            ));
        }
        if !unknown.is_empty() && (!self.tool.newest_only() || pending.is_empty()) {
            let message = format!(
                "the database has migrations that the repository does not know: {}",
                listed(&unknown)
            );
            out.push(Finding::fail(
                "PG-27",
                "migrations",
                what,
                seen("unknown:", &unknown),
                message,
            ));
        }
        if pending.is_empty() && unknown.is_empty() {
            out.push(Finding::pass(
                "migrations",
                what,
                format!("{} applied", done.len()),
            ));
        }
    }
}

/// The newest version: the highest number, or the last text.
fn judge_newest(matcher: &Matcher, done: &BTreeSet<String>) -> Finding {
    let newest = done
        .iter()
        .max_by(|a, b| match (a.parse::<i128>(), b.parse::<i128>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(b),
        })
        .map(String::as_str);
    match matcher.check_text(newest) {
        Ok(()) => Finding::pass(
            "schema version",
            matcher.to_string(),
            newest.unwrap_or_default(),
        ),
        Err(m) => {
            let message = format!(
                "the database is at schema version {}, expected {}",
                m.actual, m.expected
            );
            Finding::fail("PG-27", "schema version", m.expected, m.actual, message)
        }
    }
}

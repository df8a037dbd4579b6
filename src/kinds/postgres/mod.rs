//! PostgreSQL: one read-only transaction a check, catalogue views only, estimates instead of counts.
//!
//! Every expectation is optional and answered on its own: what the role may not see is an error of
//! that one expectation and never an empty answer.

mod activity;
mod catalogue;
mod extensions;
mod maintenance;
mod migrations;
mod queries;
mod replication;
mod roles;
mod schema;
mod server;
mod settings;
mod statements;
mod support;
mod tables;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{ByteSize, Matcher, Ordered, Secret, TimeSpan, Version};
use crate::outcome::{Fault, Finding};
use crate::postgres::Dsn;

/// Audits a PostgreSQL server and database, in a read-only transaction that is rolled back.
///
/// Every expectation is optional; without any the check says whether the database answers. The best
/// role for audits may log in and is a member of `pg_monitor`: a plain role does not see other
/// sessions and some settings, and what it does not see is reported as an error, never as healthy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Postgres {
    /// Where to connect, as the application writes it: a `postgres://` URL (also in the forms of SQLAlchemy, Prisma and JDBC) or libpq's `host=… dbname=…`. TLS is used and verified exactly as its `sslmode` says.
    url: Secret,
    /// Oldest server version accepted, for example `"15"` or `"15.18"`.
    #[serde(default)]
    min_version: Option<Version>,
    /// Newest server version accepted; `"17"` accepts every 17.x.
    #[serde(default)]
    max_version: Option<Version>,
    /// Whether the major version must still be maintained and the minor must have the security fixes readyctl knows of.
    #[serde(default)]
    supported: bool,
    /// How the connection must be protected.
    #[serde(default)]
    tls: Option<server::Tls>,
    /// Which part in replication the server must play.
    #[serde(default)]
    role: Option<server::Part>,
    /// What a role (the connected one unless named) must not be able to do.
    #[serde(default)]
    application_role: Option<roles::ApplicationRole>,
    /// Time limits with which sessions of a role must start.
    #[serde(default)]
    timeouts: Option<roles::Timeouts>,
    /// Settings by name and what they must be, compared as `SHOW` prints them (`on`, `replica`, `64MB`).
    #[serde(default)]
    settings: Ordered<Matcher>,
    /// Numeric settings by name and their bounds, with units: `maintenance_work_mem: { min: 64MiB }`.
    #[serde(default)]
    bounds: Ordered<settings::Bounds>,
    /// Whether settings that risk data must be safe: fsync, full_page_writes, synchronous_commit, zero_damaged_pages, ignore_checksum_failure, password_encryption.
    #[serde(default)]
    safe_settings: bool,
    /// Whether every changed setting must be in effect already (none waits for a restart).
    #[serde(default)]
    no_pending_restart: bool,
    /// Whether data checksums must be on and must never have failed.
    #[serde(default)]
    checksums: bool,
    /// Whether the collation versions that indexes were built with must be those of the operating system.
    #[serde(default)]
    collations: bool,
    /// Whether problems can be found afterwards: pg_stat_statements works, slow statements and lock waits are logged.
    #[serde(default)]
    observability: bool,
    /// Bounds on connections.
    #[serde(default)]
    connections: Option<activity::Connections>,
    /// How long transactions may last.
    #[serde(default)]
    long_transactions: Option<activity::LongTransactions>,
    /// How long two-phase transactions may wait for their end.
    #[serde(default)]
    prepared_transactions: Option<activity::PreparedTransactions>,
    /// How long sessions may wait for locks.
    #[serde(default)]
    locks: Option<activity::Locks>,
    /// How far transaction ids may be used up.
    #[serde(default)]
    transaction_ids: Option<maintenance::TransactionIds>,
    /// Whether autovacuum keeps up.
    #[serde(default)]
    vacuum: Option<maintenance::Vacuum>,
    /// Replication slots.
    #[serde(default)]
    slots: Option<replication::Slots>,
    /// Standbys and their lag.
    #[serde(default)]
    replication: Option<replication::Replication>,
    /// Archiving of write-ahead log, without which there is no point-in-time recovery.
    #[serde(default)]
    archiving: Option<replication::Archiving>,
    /// Largest size of the database accepted: what the capacity plan allows.
    #[serde(default)]
    max_database_size: Option<ByteSize>,
    /// Largest difference accepted between the clocks of the server and of this machine.
    #[serde(default)]
    max_clock_skew: Option<TimeSpan>,
    /// Tables (or views) that must exist: `orders`, `public.orders`.
    #[serde(default)]
    tables: Vec<String>,
    /// Tables by name and how many rows they must have.
    #[serde(default)]
    rows: Ordered<tables::RowBounds>,
    /// Faults of the schema that must not be there.
    #[serde(default)]
    schema: Option<schema::SchemaRules>,
    /// Row-level security.
    #[serde(default)]
    row_level_security: Option<schema::RowLevelSecurity>,
    /// Whether the applied migrations are those of the repository.
    #[serde(default)]
    migrations: Option<migrations::Migrations>,
    /// Extensions that must be created in this database, by name.
    #[serde(default)]
    extensions: Ordered<extensions::Wanted>,
    /// Mean time of the statements that run often, from pg_stat_statements.
    #[serde(default)]
    slow_statements: Option<statements::SlowStatements>,
    /// Sequential scans over large tables.
    #[serde(default)]
    sequential_scans: Option<statements::SequentialScans>,
    /// Own read-only queries and what they must return.
    #[serde(default)]
    queries: Vec<queries::Query>,
    /// Tries something that changes the database, in a transaction that is rolled back. Needs `--allow disruptive`.
    #[serde(default)]
    smoke_test: Option<extensions::SmokeTest>,
}

/// What was seen, one part for each expectation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The server, the session and its rights.
    server: server::ServerFacts,
    /// Settings asked for.
    settings: Option<settings::SettingsFacts>,
    /// Checksums and collations.
    health: server::HealthFacts,
    /// Roles.
    roles: roles::RoleFacts,
    /// Sessions, locks, transaction ids.
    activity: activity::ActivityFacts,
    /// Transaction ids and vacuum.
    maintenance: maintenance::MaintenanceFacts,
    /// Replication and archiving.
    replication: replication::ReplicationFacts,
    /// Tables and their rows.
    tables: tables::TableFacts,
    /// Faults of the schema.
    schema: schema::SchemaFacts,
    /// Migrations applied and those of the repository.
    migrations: Option<migrations::MigrationFacts>,
    /// Extensions.
    extensions: extensions::ExtensionFacts,
    /// Statement statistics.
    statements: statements::StatementFacts,
    /// Results of the own queries.
    queries: Vec<queries::QueryFacts>,
}

impl Kind for Postgres {
    const NAME: &'static str = "postgres";
    const FAULTS: &'static [FaultDoc] = catalogue::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        if self.smoke_test.is_some() {
            Impact::Disruptive
        } else {
            Impact::Normal
        }
    }

    fn hosts(&self) -> Vec<String> {
        Dsn::parse(self.url.expose()).map_or_else(|_| Vec::new(), |dsn| dsn.keys())
    }

    fn exclusive(&self) -> Option<String> {
        let dsn = Dsn::parse(self.url.expose()).ok()?;
        Some(format!("postgres {}@{}", dsn.user_shown(), dsn.shown()))
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if let (Some(min), Some(max)) = (&self.min_version, &self.max_version)
            && min > max
        {
            problems.push(SpecProblem::at(
                "min_version",
                "`min_version` is above `max_version`",
                "swap them, or remove one",
            ));
        }
        settings::problems(&self.bounds, &mut problems);
        extensions::problems(&self.extensions, &mut problems);
        if let Some(role) = &self.application_role {
            role.problems(&mut problems);
        }
        if let Some(timeouts) = &self.timeouts {
            timeouts.problems(&mut problems);
        }
        if let Some(connections) = &self.connections {
            connections.problems(&mut problems);
        }
        if let Some(rules) = &self.schema {
            rules.problems(&mut problems);
        }
        if let Some(security) = &self.row_level_security {
            security.problems(&mut problems);
        }
        if let Some(migrations) = &self.migrations {
            migrations.problems(&mut problems);
        }
        for (i, query) in self.queries.iter().enumerate() {
            query.problems(i, &mut problems);
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let mut planned = vec![
            Planned::once("SQL BEGIN READ ONLY … ROLLBACK, with statement and lock timeouts"),
            Planned {
                what: "SQL select from catalogue and statistics views".to_owned(),
                at_most: 40,
            },
        ];
        for query in &self.queries {
            planned.push(Planned::once(format!("SQL {}", query.shown())));
        }
        for (table, _) in self.rows.iter() {
            planned.push(Planned::once(format!(
                "SQL bounded count of at most {} rows of {table}",
                tables::MAX_COUNTED
            )));
        }
        if let Some(test) = &self.smoke_test {
            planned.push(Planned::once(format!(
                "SQL BEGIN; {}; ROLLBACK",
                test.statement()
            )));
        }
        planned
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let dsn = Dsn::parse(self.url.expose())?;
        cx.redactor.add(self.url.expose());
        let smoke = match &self.smoke_test {
            Some(test) => Some(test.run(cx, &dsn).await?),
            None => None,
        };
        let mut tx = cx.postgres.begin(cx, &dsn, false).await?;
        let server = server::observe(&mut tx).await?;
        let facts = Facts {
            settings: settings::observe(self, &mut tx).await?,
            health: server::observe_health(self, &server, &mut tx).await?,
            roles: roles::observe(self, &dsn, &mut tx).await?,
            activity: activity::observe(self, &server, &mut tx).await?,
            maintenance: maintenance::observe(self, &mut tx).await?,
            replication: replication::observe(self, &server, &mut tx).await?,
            tables: tables::observe(self, &mut tx).await?,
            schema: schema::observe(self, &mut tx).await?,
            migrations: match &self.migrations {
                Some(migrations) => Some(migrations.observe(cx, &mut tx).await?),
                None => None,
            },
            extensions: extensions::observe(self, smoke, &mut tx).await?,
            statements: statements::observe(self, &mut tx).await?,
            queries: queries::observe(&self.queries, &mut tx).await?,
            server,
        };
        tx.finish().await;
        Ok(facts)
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        let mut out = Vec::new();
        server::judge(self, facts, cx, &mut out);
        roles::judge(self, &facts.roles, &mut out);
        activity::judge(self, facts, &mut out);
        maintenance::judge(self, facts, &mut out);
        replication::judge(self, facts, &mut out);
        tables::judge(self, &facts.tables, &mut out);
        schema::judge(self, &facts.schema, &mut out);
        if let (Some(migrations), Some(facts)) = (&self.migrations, &facts.migrations) {
            migrations.judge(facts, &mut out);
        }
        extensions::judge(self, facts, &mut out);
        statements::judge(self, &facts.statements, &mut out);
        queries::judge(&self.queries, &facts.queries, &mut out);
        out
    }
}

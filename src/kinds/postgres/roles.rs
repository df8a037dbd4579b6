//! Roles: what the application may do, and the time limits of its sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Postgres;
use super::support::{hidden, listed, millis, span};
use crate::expect::TimeSpan;
use crate::kinds::SpecProblem;
use crate::outcome::{Fault, Finding};
use crate::postgres::{Dsn, Looked, Transaction};

/// What the application's role must not be able to do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationRole {
    /// Name of the role; the connected one when left out.
    #[serde(default)]
    name: Option<String>,
    /// Not a superuser, nor a member of one or of a role that may run programs or read and write files of the server. Default true.
    #[serde(default = "yes")]
    not_superuser: bool,
    /// May not create roles. Default true.
    #[serde(default = "yes")]
    not_createrole: bool,
    /// May not create databases. Default false.
    #[serde(default)]
    not_createdb: bool,
    /// Does not bypass row-level security. Default true.
    #[serde(default = "yes")]
    not_bypassrls: bool,
    /// May not replicate, which reads everything. Default true.
    #[serde(default = "yes")]
    not_replication: bool,
    /// Owns no table, so that it can neither drop nor alter one. Default false: many applications run their own migrations.
    #[serde(default)]
    owns_no_tables: bool,
}

/// Default of the expectations that always make sense.
fn yes() -> bool {
    true
}

impl ApplicationRole {
    /// A block that expects nothing.
    pub(super) fn problems(&self, problems: &mut Vec<SpecProblem>) {
        let any = self.not_superuser
            || self.not_createrole
            || self.not_createdb
            || self.not_bypassrls
            || self.not_replication
            || self.owns_no_tables;
        if !any {
            problems.push(SpecProblem::at(
                "application_role",
                "everything is switched off: it could never fail",
                "remove the block, or leave one expectation on",
            ));
        }
    }
}

/// The longest time limits accepted; a limit that is off (0) is red.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Timeouts {
    /// Name of the role; the connected one when left out.
    #[serde(default)]
    role: Option<String>,
    /// Longest `statement_timeout` accepted.
    #[serde(default)]
    statement: Option<TimeSpan>,
    /// Longest `idle_in_transaction_session_timeout` accepted.
    #[serde(default)]
    idle_in_transaction: Option<TimeSpan>,
    /// Longest `lock_timeout` accepted.
    #[serde(default)]
    lock: Option<TimeSpan>,
}

impl Timeouts {
    /// The limits asked for, by the setting's name.
    fn wanted(&self) -> Vec<(&'static str, TimeSpan)> {
        [
            ("statement_timeout", self.statement),
            (
                "idle_in_transaction_session_timeout",
                self.idle_in_transaction,
            ),
            ("lock_timeout", self.lock),
        ]
        .into_iter()
        .filter_map(|(name, span)| span.map(|span| (name, span)))
        .collect()
    }

    /// A block that expects nothing.
    pub(super) fn problems(&self, problems: &mut Vec<SpecProblem>) {
        if self.wanted().is_empty() {
            problems.push(SpecProblem::at(
                "timeouts",
                "no time limit here: it could never fail",
                "add `statement:`, `idle_in_transaction:` or `lock:`",
            ));
        }
    }
}

/// A role and what it can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Role {
    /// Name.
    name: String,
    /// Attributes.
    superuser: bool,
    /// May create roles.
    createrole: bool,
    /// May create databases.
    createdb: bool,
    /// Ignores row-level security.
    bypassrls: bool,
    /// May replicate.
    replication: bool,
    /// Powerful roles it can become.
    powerful: Vec<String>,
    /// Tables it owns, the first ones.
    owns: Vec<String>,
}

/// The levels at which a time limit may be set, the strongest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Limit {
    /// Setting.
    name: String,
    /// For the role in this database.
    role_in_database: Option<String>,
    /// For the role.
    role: Option<String>,
    /// For the database.
    database: Option<String>,
    /// For everyone.
    everyone: Option<String>,
    /// With which this session started.
    session: Option<String>,
    /// Whether the role in question is the session's.
    own: bool,
    /// Whether this session's value comes from settings of its own role or database.
    session_is_special: bool,
    /// What the DSN sets for its sessions.
    #[serde(default)]
    dsn: Option<String>,
}

/// What was seen of roles.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RoleFacts {
    /// The role; an empty list when there is none of this name.
    role: Option<Looked<Vec<Role>>>,
    /// Its time limits; an empty list when there is no such role.
    limits: Option<Looked<Vec<Limit>>>,
}

/// Asks for the role and its limits.
pub(super) async fn observe(
    spec: &Postgres,
    dsn: &Dsn,
    tx: &mut Transaction<'_>,
) -> Result<RoleFacts, Fault> {
    let role = match &spec.application_role {
        None => None,
        Some(wanted) => {
            let sql = "select r.rolname as name, r.rolsuper as superuser, r.rolcreaterole as createrole, r.rolcreatedb as createdb,
  r.rolbypassrls as bypassrls, r.rolreplication as replication,
  coalesce((select json_agg(m.rolname order by m.rolname) from pg_roles m where m.oid <> r.oid and not r.rolsuper and pg_has_role(r.oid, m.oid, 'MEMBER')
    and (m.rolsuper or m.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))), '[]') as powerful,
  coalesce((select json_agg(x.t) from (select format('%I.%I', n.nspname, c.relname) as t from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relowner = r.oid and c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%' order by 1 limit 20) x), '[]') as owns
from pg_roles r where r.rolname = coalesce(nullif($1, ''), current_user)";
            let name = wanted.name.as_deref().unwrap_or("");
            Some(tx.look("role", sql, &[name]).await?)
        }
    };
    let limits = match &spec.timeouts {
        None => None,
        Some(timeouts) => Some(observe_limits(timeouts, dsn, tx).await?),
    };
    Ok(RoleFacts { role, limits })
}

/// Where each limit is set.
async fn observe_limits(
    timeouts: &Timeouts,
    dsn: &Dsn,
    tx: &mut Transaction<'_>,
) -> Result<Looked<Vec<Limit>>, Fault> {
    let sql = "with r as (select oid, rolname from pg_roles where rolname = coalesce(nullif($1, ''), current_user)),
 d as (select oid from pg_database where datname = current_database()),
 me as (select oid from pg_roles where rolname = session_user),
 c as (select x.setrole, x.setdatabase, split_part(e, '=', 1) as name, substr(e, strpos(e, '=') + 1) as value
   from pg_db_role_setting x, unnest(x.setconfig) e)
select s.name,
 (select value from c where c.name = s.name and c.setrole = r.oid and c.setdatabase = d.oid) as role_in_database,
 (select value from c where c.name = s.name and c.setrole = r.oid and c.setdatabase = 0) as role,
 (select value from c where c.name = s.name and c.setrole = 0 and c.setdatabase = d.oid) as database,
 (select value from c where c.name = s.name and c.setrole = 0 and c.setdatabase = 0) as everyone,
 s.reset_val as session, r.oid = me.oid as own,
 exists (select from c where c.name = s.name and (c.setrole = me.oid or c.setrole = 0) and (c.setdatabase = d.oid or c.setdatabase = 0)) as session_is_special
from pg_settings s, r, d, me where s.name in (select json_array_elements_text($2::json))";
    let names: Vec<&str> = timeouts.wanted().iter().map(|(name, _)| *name).collect();
    let names = serde_json::to_string(&names).unwrap_or_default();
    let role = timeouts.role.as_deref().unwrap_or("");
    let mut limits = tx
        .look::<Limit>("time limits", sql, &[role, &names])
        .await?;
    if let Looked::Seen(limits) = &mut limits {
        for limit in limits.iter_mut().filter(|limit| limit.own) {
            limit.dsn = dsn.setting(&limit.name).map(str::to_owned);
        }
    }
    Ok(limits)
}

impl Limit {
    /// The value with which sessions of the role start, and where it comes from. `None` when it
    /// cannot be told from this session.
    fn effective(&self) -> Option<(&str, &'static str)> {
        if let Some(value) = &self.dsn {
            return Some((value, "the DSN"));
        }
        if self.own {
            return self
                .session
                .as_deref()
                .map(|value| (value, "the session's start"));
        }
        for (value, from) in [
            (&self.role_in_database, "the role in this database"),
            (&self.role, "the role"),
            (&self.database, "the database"),
            (&self.everyone, "all roles"),
        ] {
            if let Some(value) = value {
                return Some((value, from));
            }
        }
        if self.session_is_special {
            return None;
        }
        self.session.as_deref().map(|value| (value, "the server"))
    }
}

/// Judges role and limits.
pub(super) fn judge(spec: &Postgres, facts: &RoleFacts, out: &mut Vec<Finding>) {
    if let (Some(wanted), Some(role)) = (&spec.application_role, &facts.role) {
        judge_role(wanted, role, out);
    }
    let (Some(timeouts), Some(limits)) = (&spec.timeouts, &facts.limits) else {
        return;
    };
    for (name, most) in timeouts.wanted() {
        let expected = format!("from 1ms to {most}");
        out.push(match limits {
            Looked::Hidden(fault) => hidden("PG-08", name, &expected, fault),
            Looked::Seen(limits) => judge_limit(name, most, limits),
        });
    }
}

/// One time limit.
fn judge_limit(name: &str, most: TimeSpan, limits: &[Limit]) -> Finding {
    let expected = format!("from 1ms to {most}");
    let Some(limit) = limits.iter().find(|limit| limit.name == name) else {
        return Finding::fail(
            "PG-08",
            name,
            expected,
            "no such role",
            "there is no role of this name",
        );
    };
    let Some((value, from)) = limit.effective() else {
        return Finding::fail(
            "PG-08",
            name,
            expected,
            "unknown",
            "the server's own value is not visible behind the settings of the audit's role",
        )
        .as_unknown();
    };
    match millis(value) {
        Some(ms) if ms <= 0.0 => Finding::fail(
            "PG-08",
            name,
            expected,
            format!("off, from {from}"),
            format!("{name} is off for the application's role"),
        ),
        #[expect(
            clippy::cast_precision_loss,
            reason = "time limits are far below 2^52 ms"
        )]
        Some(ms) if ms <= most.as_millis() as f64 => Finding::pass(
            name,
            expected,
            format!("{}, from {from}", span(ms / 1000.0)),
        ),
        Some(ms) => Finding::fail(
            "PG-08",
            name,
            expected,
            format!("{}, from {from}", span(ms / 1000.0)),
            format!("{name} is longer than {most}"),
        ),
        None => Finding::fail(
            "PG-08",
            name,
            expected,
            value,
            "the limit cannot be understood",
        )
        .as_unknown(),
    }
}

/// What the role can do.
fn judge_role(wanted: &ApplicationRole, role: &Looked<Vec<Role>>, out: &mut Vec<Finding>) {
    let role = match role {
        Looked::Hidden(fault) => {
            out.push(hidden(
                "PG-05",
                "application role",
                "least privilege",
                fault,
            ));
            return;
        }
        Looked::Seen(roles) => match roles.first() {
            Some(role) => role,
            None => {
                let name = wanted.name.as_deref().unwrap_or("the connected one");
                out.push(Finding::fail(
                    "PG-05",
                    "application role",
                    "exists",
                    "no such role",
                    format!("there is no role {name}"),
                ));
                return;
            }
        },
    };
    for (asked, can, what) in [
        (wanted.not_superuser, role.superuser, "superuser"),
        (
            wanted.not_createrole,
            role.createrole || role.superuser,
            "create roles",
        ),
        (
            wanted.not_createdb,
            role.createdb || role.superuser,
            "create databases",
        ),
        (
            wanted.not_bypassrls,
            role.bypassrls || role.superuser,
            "bypass row-level security",
        ),
        (
            wanted.not_replication,
            role.replication || role.superuser,
            "replicate",
        ),
    ] {
        if !asked {
            continue;
        }
        let subject = format!("role {}: {what}", role.name);
        out.push(if can {
            let verb = if what == "superuser" { "is" } else { "can" };
            let message = format!("the application's role {} {verb} {what}", role.name);
            Finding::fail("PG-05", subject, "no", "yes", message)
        } else {
            Finding::pass(subject, "no", "no")
        });
    }
    if wanted.not_superuser && !role.superuser {
        let subject = format!("role {}: powerful memberships", role.name);
        out.push(if role.powerful.is_empty() {
            Finding::pass(subject, "none", "none")
        } else {
            let seen = listed(&role.powerful);
            let message = format!("the application's role {} can become {seen}", role.name);
            Finding::fail("PG-05", subject, "none", seen, message)
        });
    }
    if wanted.owns_no_tables {
        let subject = format!("role {}: owns tables", role.name);
        out.push(if role.owns.is_empty() {
            Finding::pass(subject, "none", "none")
        } else {
            let seen = listed(&role.owns);
            let message = format!(
                "the application's role {} owns tables and can drop them: {seen}",
                role.name
            );
            Finding::fail("PG-05", subject, "none", seen, message)
        });
    }
}

//! Faults of the schema that catalogue views tell: indexes, constraints, sequences, keys, row-level
//! security, functions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Postgres;
use super::server::names;
use super::support::{Empty as Nothing, NOT_SYSTEM, hidden, listed};
use crate::kinds::SpecProblem;
use crate::outcome::{Fault, Finding};
use crate::postgres::{Looked, Transaction};

/// Faults of the schema that must not be there. Objects of extensions are left out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaRules {
    /// Only these schemas; all but the server's own when empty.
    #[serde(default)]
    schemas: Vec<String>,
    /// Tables that are accepted as they are, by name without schema.
    #[serde(default)]
    except: Vec<String>,
    /// No index that is invalid or not ready (a failed CREATE INDEX CONCURRENTLY).
    #[serde(default)]
    valid_indexes: bool,
    /// No constraint that was never validated, and no disabled trigger.
    #[serde(default)]
    validated_constraints: bool,
    /// Most that a sequence may have used of what its column can hold, in percent.
    #[serde(default)]
    max_sequence_percent: Option<f64>,
    /// Every table has a primary key.
    #[serde(default)]
    primary_keys: bool,
    /// Every foreign key has an index that begins with its columns.
    #[serde(default)]
    indexed_foreign_keys: bool,
    /// No SECURITY DEFINER function without a fixed search_path, and nobody but its owner creates objects in schema public.
    #[serde(default)]
    safe_functions: bool,
    /// No unlogged table: a crash empties it.
    #[serde(default)]
    no_unlogged_tables: bool,
}

impl SchemaRules {
    /// A block that expects nothing.
    pub(super) fn problems(&self, problems: &mut Vec<SpecProblem>) {
        let any = self.valid_indexes
            || self.validated_constraints
            || self.max_sequence_percent.is_some()
            || self.primary_keys
            || self.indexed_foreign_keys
            || self.safe_functions
            || self.no_unlogged_tables;
        if !any {
            problems.push(SpecProblem::at(
                "schema",
                "no rule is switched on: it could never fail",
                "add for example `valid_indexes: true`",
            ));
        }
    }
}

/// Row-level security.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RowLevelSecurity {
    /// Schemas whose tables must all have it.
    #[serde(default)]
    schemas: Vec<String>,
    /// Tables that must have it: `orders`, `public.orders`.
    #[serde(default)]
    tables: Vec<String>,
    /// Tables left out, by name without schema.
    #[serde(default)]
    except: Vec<String>,
    /// Whether it must also hold for the tables' owners (FORCE ROW LEVEL SECURITY).
    #[serde(default)]
    forced: bool,
}

impl RowLevelSecurity {
    /// A block that names no table.
    pub(super) fn problems(&self, problems: &mut Vec<SpecProblem>) {
        if self.schemas.is_empty() && self.tables.is_empty() {
            problems.push(SpecProblem::at(
                "row_level_security",
                "no table is named: it could never fail",
                "add `schemas:` or `tables:`",
            ));
        }
    }
}

/// A sequence and what its column can hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sequence {
    /// Name, with the column.
    name: String,
    /// Whether the role may read it: without, its last value looks unused.
    readable: bool,
    /// Percent used.
    percent: Option<f64>,
}

/// A table and its row-level security.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Secured {
    /// Table.
    name: String,
    /// Name without schema.
    relation: String,
    /// Schema.
    schema: String,
    /// Switched on.
    enabled: bool,
    /// Holds for the owner too.
    forced: bool,
    /// Policies.
    policies: i64,
    /// Policies that let everybody write everything.
    open: Vec<String>,
}

/// What was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct SchemaFacts {
    /// Invalid indexes.
    invalid: Option<Looked<Vec<String>>>,
    /// Constraints never validated, triggers disabled.
    unvalidated: Option<Looked<Vec<String>>>,
    /// Sequences.
    sequences: Option<Looked<Vec<Sequence>>>,
    /// Tables without primary key.
    keyless: Option<Looked<Vec<String>>>,
    /// Foreign keys without index.
    unindexed: Option<Looked<Vec<String>>>,
    /// Functions and grants.
    functions: Option<Looked<Vec<String>>>,
    /// Unlogged tables.
    unlogged: Option<Looked<Vec<String>>>,
    /// Row-level security.
    secured: Option<Looked<Vec<Secured>>>,
}

/// Which tables `t` (in schema `n`) are meant: `$1` schemas, `$2` exceptions.
fn scope(class: &str) -> String {
    format!("{NOT_SYSTEM} and ($1::jsonb = '[]'::jsonb or $1::jsonb ? n.nspname::text) and not $2::jsonb ? {class}.relname::text
 and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = {class}.oid and e.deptype = 'e')")
}

/// Asks what the rules need.
pub(super) async fn observe(
    spec: &Postgres,
    tx: &mut Transaction<'_>,
) -> Result<SchemaFacts, Fault> {
    let mut facts = SchemaFacts::default();
    if let Some(security) = &spec.row_level_security {
        facts.secured = Some(observe_security(security, tx).await?);
    }
    let Some(rules) = &spec.schema else {
        return Ok(facts);
    };
    let schemas = serde_json::to_string(&rules.schemas).unwrap_or_default();
    let except = serde_json::to_string(&rules.except).unwrap_or_default();
    let parameters = [schemas.as_str(), except.as_str()];
    let table = scope("t");
    if rules.valid_indexes {
        let sql = format!("select format('%I.%I', n.nspname, c.relname) as name from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
 join pg_namespace n on n.oid = t.relnamespace where not (i.indisvalid and i.indisready) and {table}
 and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid) limit 100");
        facts.invalid = Some(
            tx.look::<Value>("indexes", &sql, &parameters)
                .await?
                .map(names),
        );
    }
    if rules.validated_constraints {
        let sql = format!("select format('%I on %I.%I', o.conname, n.nspname, t.relname) as name from pg_constraint o join pg_class t on t.oid = o.conrelid
 join pg_namespace n on n.oid = t.relnamespace where not o.convalidated and {table}
 union all select format('trigger %I on %I.%I', g.tgname, n.nspname, t.relname) from pg_trigger g join pg_class t on t.oid = g.tgrelid
 join pg_namespace n on n.oid = t.relnamespace where g.tgenabled = 'D' and {table} limit 100");
        facts.unvalidated = Some(
            tx.look::<Value>("constraints", &sql, &parameters)
                .await?
                .map(names),
        );
    }
    if rules.max_sequence_percent.is_some() {
        facts.sequences = Some(
            tx.look("sequences", &sequences(&table), &parameters)
                .await?,
        );
    }
    if rules.primary_keys {
        let sql = format!("select format('%I.%I', n.nspname, t.relname) as name from pg_class t join pg_namespace n on n.oid = t.relnamespace
 where t.relkind in ('r', 'p') and not t.relispartition and {table} and not exists (select from pg_constraint o where o.conrelid = t.oid and o.contype = 'p') order by 1 limit 100");
        facts.keyless = Some(
            tx.look::<Value>("primary keys", &sql, &parameters)
                .await?
                .map(names),
        );
    }
    if rules.indexed_foreign_keys {
        let sql = format!("select format('%I on %I.%I', o.conname, n.nspname, t.relname) as name from pg_constraint o join pg_class t on t.oid = o.conrelid
 join pg_namespace n on n.oid = t.relnamespace where o.contype = 'f' and o.conparentid = 0 and {table} and not exists (select from pg_index i where i.indrelid = o.conrelid and i.indisvalid and i.indpred is null
   and (i.indkey::int2[])[0:cardinality(o.conkey) - 1] @> o.conkey) order by 1 limit 100");
        facts.unindexed = Some(
            tx.look::<Value>("foreign keys", &sql, &parameters)
                .await?
                .map(names),
        );
    }
    if rules.safe_functions {
        let sql = format!("select format('function %I.%I', n.nspname, p.proname) as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where p.prosecdef and {NOT_SYSTEM} and ($1::jsonb = '[]'::jsonb or $1::jsonb ? n.nspname::text) and not $2::jsonb ? p.proname::text
 and not exists (select from unnest(p.proconfig) c where c like 'search_path=%')
 and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
 union all select 'everybody may create objects in schema public' from pg_namespace n where n.nspname = 'public' and has_schema_privilege('public', n.oid, 'CREATE') limit 100");
        facts.functions = Some(
            tx.look::<Value>("functions", &sql, &parameters)
                .await?
                .map(names),
        );
    }
    if rules.no_unlogged_tables {
        let sql = format!("select format('%I.%I', n.nspname, t.relname) as name from pg_class t join pg_namespace n on n.oid = t.relnamespace
 where t.relkind in ('r', 'p') and t.relpersistence = 'u' and {table} order by 1 limit 100");
        facts.unlogged = Some(
            tx.look::<Value>("unlogged tables", &sql, &parameters)
                .await?
                .map(names),
        );
    }
    Ok(facts)
}

/// Sequences with the column they feed: by ownership (serial, identity) or by a default.
fn sequences(table: &str) -> String {
    format!("with fed as (
  select d.objid as seq, d.refobjid as rel, d.refobjsubid as num from pg_depend d where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
  union select d.refobjid, a.adrelid, a.adnum from pg_depend d join pg_attrdef a on a.oid = d.objid where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid in (select seqrelid from pg_sequence))
select format('%I.%I.%I', n.nspname, t.relname, c.attname) as name, r.readable,
 case when r.readable then coalesce(v.last_value, 0) * 100.0 / least(s.seqmax, case c.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 else 9223372036854775807 end) end::float8 as percent
from pg_sequence s join fed f on f.seq = s.seqrelid join pg_class t on t.oid = f.rel join pg_namespace n on n.oid = t.relnamespace
join pg_attribute c on c.attrelid = f.rel and c.attnum = f.num join pg_class q on q.oid = s.seqrelid join pg_namespace m on m.oid = q.relnamespace
left join pg_sequences v on v.schemaname = m.nspname and v.sequencename = q.relname
cross join lateral (select has_sequence_privilege(s.seqrelid, 'SELECT') or has_sequence_privilege(s.seqrelid, 'USAGE') as readable) r
where s.seqincrement > 0 and not s.seqcycle and {table} order by percent desc nulls first limit 300")
}

/// Asks for row-level security.
async fn observe_security(
    security: &RowLevelSecurity,
    tx: &mut Transaction<'_>,
) -> Result<Looked<Vec<Secured>>, Fault> {
    let sql = format!("select format('%I.%I', n.nspname, t.relname) as name, t.relname as relation, n.nspname as schema, t.relrowsecurity as enabled, t.relforcerowsecurity as forced,
 (select count(*) from pg_policy p where p.polrelid = t.oid) as policies,
 coalesce((select json_agg(p.polname) from pg_policy p where p.polrelid = t.oid and p.polpermissive and p.polcmd <> 'r'
   and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid)) = 'true'), '[]') as open
from pg_class t join pg_namespace n on n.oid = t.relnamespace
where t.relkind in ('r', 'p') and {NOT_SYSTEM} and not $2::jsonb ? t.relname::text
 and ($1::jsonb ? n.nspname::text or $3::jsonb ? (n.nspname || '.' || t.relname) or ($3::jsonb ? t.relname::text and pg_table_is_visible(t.oid)))
 and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = t.oid and e.deptype = 'e') order by 1 limit 500");
    let json = |names: &[String]| serde_json::to_string(names).unwrap_or_default();
    let (schemas, except, tables) = (
        json(&security.schemas),
        json(&security.except),
        json(&security.tables),
    );
    tx.look("row-level security", &sql, &[&schemas, &except, &tables])
        .await
}

/// Judges the schema.
pub(super) fn judge(spec: &Postgres, facts: &SchemaFacts, out: &mut Vec<Finding>) {
    let rules: [(&Option<Looked<Vec<String>>>, Nothing); 6] = [
        (
            &facts.invalid,
            Nothing {
                code: "PG-21",
                subject: "indexes",
                expected: "all valid",
                message: "indexes are invalid and not used, yet slow down writes",
            },
        ),
        (
            &facts.unvalidated,
            Nothing {
                code: "PG-22",
                subject: "constraints",
                expected: "all validated, triggers on",
                message: "constraints were never validated or triggers are disabled, so existing rows may break them",
            },
        ),
        (
            &facts.keyless,
            Nothing {
                code: "PG-24",
                subject: "primary keys",
                expected: "every table has one",
                message: "tables have no primary key",
            },
        ),
        (
            &facts.unindexed,
            Nothing {
                code: "PG-24",
                subject: "foreign keys",
                expected: "every one has an index",
                message: "foreign keys have no index, so deleting in the referenced table reads the whole referencing one",
            },
        ),
        (
            &facts.functions,
            Nothing {
                code: "PG-26",
                subject: "functions",
                expected: "no way to run code with another role's rights",
                message: "whoever can create objects can run code with another role's rights",
            },
        ),
        (
            &facts.unlogged,
            Nothing {
                code: "PG-28",
                subject: "unlogged tables",
                expected: "none",
                message: "unlogged tables are empty after a crash and missing on standbys",
            },
        ),
    ];
    for (looked, rule) in rules {
        if let Some(looked) = looked {
            out.push(rule.judge(looked));
        }
    }
    if let (Some(percent), Some(looked)) = (
        spec.schema.as_ref().and_then(|s| s.max_sequence_percent),
        &facts.sequences,
    ) {
        out.push(judge_sequences(percent, looked));
    }
    if let (Some(security), Some(looked)) = (&spec.row_level_security, &facts.secured) {
        judge_security(security, looked, out);
    }
}

/// Sequences near the end of what their columns hold.
fn judge_sequences(percent: f64, looked: &Looked<Vec<Sequence>>) -> Finding {
    let subject = "sequences";
    let expected = format!("at most {percent} % used");
    let sequences = match looked {
        Looked::Hidden(fault) => return hidden("PG-23", subject, &expected, fault),
        Looked::Seen(sequences) => sequences,
    };
    let full: Vec<String> = sequences
        .iter()
        .filter_map(|s| {
            s.percent
                .filter(|used| *used > percent)
                .map(|used| format!("{} ({used:.1} %)", s.name))
        })
        .collect();
    if !full.is_empty() {
        return Finding::fail(
            "PG-23",
            subject,
            expected,
            listed(&full),
            format!(
                "sequences are nearly used up, then inserts fail: {}",
                listed(&full)
            ),
        );
    }
    let unknown: Vec<&str> = sequences
        .iter()
        .filter(|s| !s.readable || s.percent.is_none())
        .map(|s| s.name.as_str())
        .collect();
    if !unknown.is_empty() {
        return Finding::fail("PG-23", subject, expected, "not visible", format!("this role may not read sequences, so nothing is known about them: {}; GRANT SELECT ON SEQUENCE", listed(&unknown))).as_unknown();
    }
    let most = sequences
        .iter()
        .filter_map(|s| s.percent)
        .fold(0.0, f64::max);
    Finding::pass(
        subject,
        expected,
        format!("{} sequences, at most {most:.1} %", sequences.len()),
    )
}

/// Row-level security of the tables named.
fn judge_security(spec: &RowLevelSecurity, looked: &Looked<Vec<Secured>>, out: &mut Vec<Finding>) {
    let expected = "on, with policies";
    let tables = match looked {
        Looked::Hidden(fault) => {
            return out.push(hidden("PG-25", "row-level security", expected, fault));
        }
        Looked::Seen(tables) => tables,
    };
    for wanted in &spec.tables {
        let found = tables
            .iter()
            .any(|t| t.relation == *wanted || format!("{}.{}", t.schema, t.relation) == *wanted);
        if !found {
            out.push(Finding::fail(
                "PG-25",
                format!("table {wanted}"),
                expected,
                "missing",
                format!("there is no table {wanted}"),
            ));
        }
    }
    for schema in &spec.schemas {
        if !tables.iter().any(|t| t.schema == *schema) {
            out.push(
                Finding::fail(
                    "PG-25",
                    format!("schema {schema}"),
                    expected,
                    "no tables",
                    format!("schema {schema} has no tables, so nothing was judged"),
                )
                .as_unknown(),
            );
        }
    }
    for table in tables {
        let subject = format!("row-level security of {}", table.name);
        let fail =
            |seen: &str, message: String| Finding::fail("PG-25", &subject, expected, seen, message);
        out.push(match (table.enabled, table.policies) {
            (false, 0) => fail("off", format!("{} has no row-level security", table.name)),
            (false, n) => fail(
                "off",
                format!(
                    "{} has {n} policies but row-level security is off, so they do nothing",
                    table.name
                ),
            ),
            (true, 0) => fail(
                "on, no policy",
                format!(
                    "{} has row-level security without a policy: nobody but its owner sees a row",
                    table.name
                ),
            )
            .as_warning(),
            _ if spec.forced && !table.forced => fail(
                "not forced",
                format!(
                    "row-level security of {} does not hold for its owner",
                    table.name
                ),
            ),
            _ if !table.open.is_empty() => fail(
                "open for writes",
                format!(
                    "policies of {} let everybody write everything: {}",
                    table.name,
                    listed(&table.open)
                ),
            ),
            (true, n) => Finding::pass(&subject, expected, format!("on, {n} policies")),
        });
    }
}

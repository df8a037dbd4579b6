//! What is broken about the database.

use super::twin::Twin;
use super::{Audit, Break, assert_broken, assert_healthy};
use crate::support::pgtree::Tree;
use crate::support::postgres::Postgres;

/// Statements that break the database, and those that mend it.
pub(super) const TABLE: &[Break] = &[
    (
        "CAL-3.1",
        &[
            "alter table caliber_note rename to note",
            "alter table note rename to caliber_note",
        ],
        &["schema-exists", "embeddings-indexed", "search-latency"],
    ),
    (
        "CAL-3.2",
        &[
            "delete from caliber_schema_version where version = 8",
            "insert into caliber_schema_version values (8)",
        ],
        &["schema-version"],
    ),
    (
        "CAL-3.2",
        &[
            "insert into caliber_schema_version values (9)",
            "delete from caliber_schema_version where version = 9",
        ],
        &["schema-version"],
    ),
    (
        "CAL-3.2",
        &[
            "create table kept as table caliber_schema_version; delete from caliber_schema_version",
            "insert into caliber_schema_version table kept; drop table kept",
        ],
        &["schema-version"],
    ),
    (
        "CAL-3.2",
        &[
            "revoke all on caliber_schema_version from caliber",
            "grant select on caliber_schema_version to caliber",
        ],
        &["schema-version"],
    ),
    (
        "CAL-14.2",
        &[
            "drop index caliber_note_embedding_idx",
            "create index caliber_note_embedding_idx on caliber_note using hnsw (embedding vector_cosine_ops)",
        ],
        &["embeddings-indexed"],
    ),
    (
        "CAL-14.2",
        &[
            "drop index caliber_note_embedding_idx; create index caliber_note_embedding_idx on caliber_note using hnsw (embedding vector_l2_ops)",
            "drop index caliber_note_embedding_idx; create index caliber_note_embedding_idx on caliber_note using hnsw (embedding vector_cosine_ops)",
        ],
        &["embeddings-indexed", "search-latency"],
    ),
    (
        "CAL-14.2",
        &[
            "create table caliber_turn (id integer, embedding vector(8))",
            "drop table caliber_turn",
        ],
        &["embeddings-indexed"],
    ),
];

/// Breaks of the server, in the tests below.
pub(super) const SERVERS: &[Break] = &[
    ("CAL-2.1", &["an older server"], &["database-version"]),
    (
        "CAL-2.2",
        &["a server without pgvector"],
        &["pgvector-available"],
    ),
    (
        "CAL-2.4",
        &["the extension was dropped"],
        &["extension-installed", "extension-smoke-test"],
    ),
    (
        "CAL-2.6",
        &["a migration of the extension fails"],
        &["extension-smoke-test"],
    ),
    ("CAL-14.1", &["pgvector was never created"], &["pgvector"]),
    (
        "CAL-14.3",
        &["a hundred thousand rows and no index"],
        &["embeddings-indexed", "search-latency"],
    ),
    (
        "CAL-14.4",
        &["most connections are taken"],
        &["connections"],
    ),
];

/// Every check that asks the database.
fn asking(twin: &Twin) -> Audit {
    let audit = twin.audit();
    audit
        .only("kind:postgres")
        .only("kind:pgvector")
        .only("health-ready")
}

#[test]
fn statements_break_it() {
    let twin = Twin::with_database();
    let server = twin.database.as_ref().unwrap();
    let audit = asking(&twin);
    assert_healthy(&audit.run(), 12);
    for (item, statements, checks) in TABLE {
        server.sql_in("caliber", statements[0]);
        assert_broken(&audit.run(), &format!("{item} {}", statements[0]), checks);
        server.sql_in("caliber", statements[1]);
    }
    assert_healthy(&audit.run(), 12);

    let held: Vec<_> = (0..75)
        .map(|_| {
            server
                .session(
                    "postgres",
                    crate::support::pgtree::SUPERUSER_PASSWORD,
                    "postgres",
                )
                .unwrap()
        })
        .collect();
    assert_broken(&audit.run(), SERVERS[6].0, SERVERS[6].2);
    drop(held);

    server.sql_in(
        "caliber",
        "drop index caliber_note_embedding_idx;
         insert into caliber_note (tenant_id, embedding) select gen_random_uuid(), array[n, 1, 2, 3, 4, 5, 6, 7]::real[]::vector from generate_series(1, 100000) n;
         analyze caliber_note",
    );
    let quick = audit.clone().set("search_within", "1ms");
    assert_broken(&quick.run(), SERVERS[5].0, SERVERS[5].2);
}

#[test]
fn servers_break_it() {
    let twin = Twin::with_database();
    let server = twin.database.as_ref().unwrap();

    // Another database of the same server, on which the extension is not created yet.
    server.sql("create database fresh");
    server.sql_in("fresh", "create extension vector");
    let smoke = twin
        .audit()
        .set("admin_url", server.superuser_url("fresh"))
        .only("extension-smoke-test");
    assert_healthy(&smoke.run(), 1);
    assert!(
        server
            .sql_in(
                "fresh",
                "select from pg_extension where extname = 'caliber_pg'"
            )
            .is_empty()
    );
    server.sql("alter database fresh set caliber.broken = 'on'");
    assert_broken(&smoke.run(), SERVERS[3].0, SERVERS[3].2);
    let never = twin
        .audit()
        .set("database_url", server.superuser_url("postgres"))
        .only("pgvector");
    assert_broken(&never.run(), SERVERS[4].0, SERVERS[4].2);

    // The tables stay when the extension goes.
    let members = "do $$ declare member record; begin
        for member in select objid::regclass::text as name from pg_depend
            where refclassid = 'pg_extension'::regclass and deptype = 'e' and classid = 'pg_class'::regclass
            and refobjid = (select oid from pg_extension where extname = 'caliber_pg')
            and objid in (select oid from pg_class where relkind = 'r')
        loop execute 'alter extension caliber_pg drop table ' || member.name; end loop; end $$; drop extension caliber_pg";
    server.sql_in("caliber", members);
    assert_broken(&asking(&twin).run(), SERVERS[2].0, SERVERS[2].2);

    let older = Postgres::builder().tree(Tree::fetched(15)).start();
    let audit = twin
        .audit()
        .set("database_url", older.superuser_url("postgres"))
        .only("database-version");
    assert_broken(&audit.run(), SERVERS[0].0, SERVERS[0].2);
    let bare = Postgres::builder().without_vector().start();
    let audit = twin
        .audit()
        .set("database_url", bare.superuser_url("postgres"))
        .only("pgvector-available");
    assert_broken(&audit.run(), SERVERS[1].0, SERVERS[1].2);
}

/// A database that cannot be looked at is an error: neither green nor red.
#[test]
fn unreachable_is_an_error() {
    let twin = Twin::with_database();
    let server = twin.database.as_ref().unwrap();
    let errors = |audit: &Audit| {
        let run = audit.clone().skip("health-ready").run();
        for check in run.checks() {
            let blocked = ["embeddings-indexed", "search-latency"];
            let id = check["id"].as_str().unwrap();
            let wanted = if blocked.contains(&id) {
                "skip"
            } else {
                "error"
            };
            assert_eq!(check["verdict"], wanted, "{check}");
        }
        run.assert_exit(3);
    };
    let wrong = |name: &str| {
        let mut url = url::Url::parse(&server.superuser_url("caliber")).unwrap();
        url.set_password(Some(&format!("wrong-{name}"))).unwrap();
        url.to_string()
    };
    let audit = asking(&twin);
    errors(
        &audit
            .clone()
            .env("CALIBER_DB_PASSWORD", "wrong")
            .set("monitor_url", wrong("monitor"))
            .set("admin_url", wrong("admin")),
    );
    server.stop();
    errors(&audit);
    let run = audit.only("health-ready").run();
    assert_eq!(run.verdict("health-ready"), "fail", "{run}");
}

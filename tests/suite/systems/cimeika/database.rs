//! The database: where it is, who may do what, what it holds, how fast it is.

use std::fs;
use std::time::{Duration, SystemTime};

use super::{
    Named, PASSWORD, Row, TABLES, WATCHER, assert_rows, database, deployment, dsn, items_of,
};
use crate::support::certificates::DAY;
use crate::support::postgres::{Postgres, Session};
use crate::support::process::{command, output};
use crate::support::scratch::Scratch;
use crate::systems::{Audit, Repository, assert_broken, assert_healthy};

/// A break of the database, and what undoes it.
struct Sql {
    broken: &'static str,
    mended: &'static str,
}

impl std::fmt::Display for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.broken)
    }
}

/// Breaks by statements.
const STATEMENTS: &[Row<Sql>] = &[
    (
        &["CIM-D.1", "CIM-D.7"],
        Sql {
            broken: "alter table malya_ideas rename to malya_thoughts",
            mended: "alter table malya_thoughts rename to malya_ideas",
        },
        &["database-tables"],
    ),
    (
        &["CIM-D.7"],
        Sql {
            broken: "update alembic_version set version_num = '0001_modules'",
            mended: "update alembic_version set version_num = '0002_calendar'",
        },
        &["database-migrations"],
    ),
    (
        &["CIM-D.9"],
        Sql {
            broken: "alter role cimeika superuser",
            mended: "alter role cimeika nosuperuser",
        },
        &["postgres-application-role"],
    ),
    (
        &["CIM-D.9"],
        Sql {
            broken: "alter role cimeika createrole",
            mended: "alter role cimeika nocreaterole",
        },
        &["postgres-application-role"],
    ),
    (
        &["CIM-T.15", "CIM-O.7"],
        Sql {
            broken: "drop extension pg_stat_statements",
            mended: "create extension pg_stat_statements",
        },
        // What ran cannot be seen: an error.
        &["database-statements", "postgres-observability"],
    ),
    (
        &["CIM-T.15", "CIM-P.4", "CIM-O.7"],
        Sql {
            broken: "set pg_stat_statements.track = 'all'; \
                     do $$ begin for i in 1..21 loop perform pg_sleep(0.12); end loop; end $$",
            mended: "select pg_stat_statements_reset(); \
                     set pg_stat_statements.track = 'all'; \
                     do $$ begin for i in 1..25 loop perform count(*) from ci_entities; end loop; end $$",
        },
        &["database-statements"],
    ),
    (
        &["CIM-T.15", "CIM-O.7"],
        Sql {
            broken: "create table visits (id bigint primary key, who text); \
                     insert into visits select n, 'x' from generate_series(1, 110000) n; \
                     do $$ begin for i in 1..110 loop perform from visits where who = 'y' limit 1; end loop; end $$; \
                     analyze visits; select pg_stat_force_next_flush()",
            mended: "drop table visits",
        },
        &["database-scans"],
    ),
];

/// Breaks of the connection string.
const STRINGS: &[Row<&str>] = &[
    (&["CIM-D.9"], "?sslmode=disable", &["postgres-tls"]),
    (&["CIM-D.9"], "?sslmode=prefer", &["postgres-tls"]),
];

/// Breaks that need a server of their own or sessions that stay.
const OTHERS: &[&str] = &["CIM-D.8", "CIM-P.7"];

/// What is done to the dumps.
type Spoil = Named<fn(&Dumps)>;

/// Breaks of backups.
const BACKUPS: &[Row<Spoil>] = &[
    (
        &["CIM-D.2", "CIM-B.1"],
        Named {
            name: "no dump for two days",
            make: |dumps| {
                dumps.remove(0);
                dumps.remove(1);
            },
        },
        &["backup-fresh"],
    ),
    (
        &["CIM-D.2"],
        Named {
            name: "the newest dump is empty",
            make: |dumps| dumps.cut(0, 0),
        },
        &[
            "backup-fresh",
            "backup-kept",
            "backup-regular",
            "backup-whole",
        ],
    ),
    (
        &["CIM-B.1"],
        Named {
            name: "two days were left out",
            make: |dumps| {
                dumps.remove(2);
                dumps.remove(3);
            },
        },
        &["backup-regular"],
    ),
    (
        &["CIM-B.2"],
        Named {
            name: "dumps are kept for three weeks",
            make: |dumps| {
                for day in 21..=KEPT {
                    dumps.remove(day);
                }
            },
        },
        &["backup-kept"],
    ),
    (
        &["CIM-B.3"],
        Named {
            name: "the newest dump is cut off",
            make: |dumps| dumps.cut(0, 90),
        },
        &["backup-whole"],
    ),
    (
        &["CIM-B.3"],
        Named {
            name: "the restore test failed",
            make: |dumps| dumps.restored("failed", Duration::ZERO),
        },
        &["restore-tested"],
    ),
    (
        &["CIM-B.3"],
        Named {
            name: "the last restore test is old",
            make: |dumps| dumps.restored("ok", 100 * DAY),
        },
        &["restore-tested"],
    ),
];

/// Items that are broken here.
pub(super) fn items() -> Vec<&'static str> {
    [
        items_of(STATEMENTS),
        items_of(STRINGS),
        OTHERS.to_vec(),
        items_of(BACKUPS),
    ]
    .concat()
}

/// The audit of a database.
fn audit(postgres: &Postgres, repository: &Repository) -> Audit {
    deployment()
        .set("repo", repository.shown())
        .set("database_url", dsn(postgres, "cimeika", PASSWORD))
        .set("monitor_url", dsn(postgres, "watcher", WATCHER))
        .only("kind:postgres")
}

#[test]
fn broken_databases_are_red() {
    let postgres = database();
    let repository = Repository::from_tree("cimeika");
    let audit = audit(&postgres, &repository);
    assert_healthy(&audit.run(), 11);
    // Without a DSN the variables make one, whatever characters the password has.
    let generated = "aZ/4+c9@d:e=Xq%7#w";
    postgres.sql(&format!("alter role cimeika password '{generated}'"));
    let made = deployment()
        .env("POSTGRES_HOST", "localhost")
        .env("POSTGRES_PORT", postgres.port().to_string())
        .env("POSTGRES_PASSWORD", generated)
        .only("database-tables");
    assert_healthy(&made.run(), 2);
    postgres.sql(&format!("alter role cimeika password '{PASSWORD}'"));
    // One role for both is fine when it may see what sessions do.
    postgres.sql("grant pg_monitor to cimeika");
    let own = audit
        .clone()
        .set("monitor_url", dsn(&postgres, "cimeika", PASSWORD));
    assert_healthy(&own.run(), 11);
    postgres.sql("revoke pg_monitor from cimeika");
    assert_rows(STATEMENTS, |sql| {
        postgres.sql_in("cimeika", sql.broken);
        let run = audit.run();
        postgres.sql_in("cimeika", sql.mended);
        run
    });
    assert_rows(STRINGS, |parameters| {
        let url = postgres.url("cimeika", PASSWORD, "cimeika");
        audit
            .clone()
            .set("database_url", format!("{url}{parameters}"))
            .run()
    });
    let held: Vec<Session> = (0..22)
        .map(|_| postgres.session("cimeika", PASSWORD, "cimeika").unwrap())
        .collect();
    // What else is asked needs connections itself.
    let few = audit
        .clone()
        .skip("database-*,postgres-t*,postgres-a*,postgres-version,postgres-observability");
    assert_broken(&few.run(), "CIM-D.8, CIM-P.7", &["postgres-connections"]);
    drop(held);
    unreachable(&postgres, &audit);
}

/// What cannot be asked is an error, and nothing is green.
fn unreachable(postgres: &Postgres, audit: &Audit) {
    let unknown = |audit: &Audit, why: &str| {
        let run = audit.run();
        for check in run.checks() {
            let verdict = check["verdict"].as_str().unwrap();
            assert!(matches!(verdict, "error" | "skip"), "{why}: {check}\n{run}");
        }
        assert_eq!(run.verdict("postgres-reachable"), "error", "{why}\n{run}");
        run.assert_exit(3);
    };
    let wrong = audit
        .clone()
        .set("database_url", dsn(postgres, "cimeika", "another"))
        .set("monitor_url", dsn(postgres, "watcher", "another"));
    unknown(&wrong, "wrong password");
    postgres.stop();
    unknown(audit, "database down");
}

/// How many days the oldest dump goes back.
const KEPT: u64 = 34;

/// A folder with a dump for each day, and the record of the last restore.
struct Dumps {
    scratch: Scratch,
}

impl Dumps {
    /// Copies of one dump, dated back.
    fn of(dump: &[u8]) -> Self {
        let dumps = Self {
            scratch: Scratch::new("dumps"),
        };
        for day in 0..=KEPT {
            dumps.write(day, dump);
        }
        dumps.restored("ok", 10 * DAY);
        dumps
    }

    /// The name of the dump so many days ago.
    fn name(day: u64) -> String {
        format!("dumps/cimeika-{day:02}-days-ago.dump")
    }

    /// Writes one, dated back.
    fn write(&self, day: u64, content: &[u8]) {
        let path = self.scratch.write(&Self::name(day), content);
        let then =
            SystemTime::now() - Duration::from_secs(3 * 3600) - DAY * u32::try_from(day).unwrap();
        fs::File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_modified(then))
            .unwrap();
    }

    /// Cuts one off, at so many percent of its length.
    fn cut(&self, day: u64, percent: usize) {
        let whole = fs::read(self.scratch.join(Self::name(day))).unwrap();
        self.write(day, &whole[..whole.len() * percent / 100]);
    }

    /// Removes one.
    fn remove(&self, day: u64) {
        fs::remove_file(self.scratch.join(Self::name(day))).unwrap();
    }

    /// Records a restore test.
    fn restored(&self, result: &str, ago: Duration) {
        let then = jiff::Timestamp::try_from(SystemTime::now() - ago).unwrap();
        self.scratch.write(
            "restore.json",
            format!("{{\"time\": \"{then}\", \"result\": \"{result}\"}}"),
        );
    }

    /// How they are audited.
    fn audit(&self) -> Audit {
        deployment()
            .set("backups", self.scratch.join("dumps").display().to_string())
            .set(
                "restore_record",
                self.scratch.join("restore.json").display().to_string(),
            )
            .only("kind:backup")
    }
}

#[test]
fn broken_backups_are_red() {
    let postgres = database();
    for table in TABLES {
        postgres.sql_in(
            "cimeika",
            &format!(
                "insert into {table} (title) select md5(n::text) from generate_series(1, 500) n"
            ),
        );
    }
    let path = postgres.data().join("cimeika.dump");
    output(
        command(&postgres.pg_dump_path(), &postgres.data())
            .args(["--format", "custom", "--file"])
            .arg(&path)
            .arg(postgres.superuser_url("cimeika")),
    );
    let dump = fs::read(path).unwrap();
    let healthy = Dumps::of(&dump);
    assert_healthy(&healthy.audit().run(), 5);
    // Seven for the days, four for the weeks before.
    for day in (0..=KEPT).filter(|day| *day > 6 && *day % 7 != 6) {
        healthy.remove(day);
    }
    assert_healthy(&healthy.audit().run(), 5);
    assert_rows(BACKUPS, |row| {
        let dumps = Dumps::of(&dump);
        (row.make)(&dumps);
        dumps.audit().run()
    });
}

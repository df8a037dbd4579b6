//! The kind `postgres` against real servers: each fault is made, and its healthy twin stays green.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::cli::{Run, audit, audit_command};
use crate::support::dead::{ClosedPort, SilentPort, UNRESOLVABLE};
use crate::support::pgbouncer::PgBouncer;
use crate::support::pgtree::SUPERUSER_PASSWORD;
use crate::support::postgres::Postgres;
use crate::support::process::wait_for;
use crate::support::verdicts::{assert_green, assert_red};

/// How long a server may take to notice something.
const SOON: Duration = Duration::from_secs(20);

/// A password that must never be printed.
const CANARY: &str = "canary-4f9A-pw";

/// Waits for a server to notice something.
fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    wait_for(what, SOON, || happened().then_some(()));
}

/// A profile of one check.
fn profile(url: &str, block: &str) -> String {
    let block: String = block
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    format!(
        "version: 1\nname: t\ninputs:\n  dsn: {{ type: string, secret: true, default: {} }}\nchecks:\n  - id: db\n    title: Database\n    timeout: 10s\n    postgres:\n      url: \"${{dsn}}\"\n{block}",
        serde_json::to_string(url).unwrap()
    )
}

/// Audits a database with one check.
fn look(url: &str, block: &str) -> Run {
    audit(&profile(url, block))
}

/// The fault of a check that could not look.
#[track_caller]
fn fault(run: &Run) -> Value {
    let check = run.check("db");
    assert_eq!(check["verdict"], "error", "{run}");
    run.assert_exit(3);
    check["fault"].clone()
}

/// Fails unless the check could not look, for this cause, with a hint, and without the secret.
#[track_caller]
fn assert_fault(run: &Run, cause: &str, word: &str) {
    let fault = fault(run);
    assert_eq!(fault["cause"], cause, "{run}");
    assert_eq!(fault["code"], "PG-01", "{run}");
    let text = format!("{} {}", fault["message"], fault["hint"]);
    assert!(text.contains(word), "{text} lacks {word}");
    assert!(
        !fault["hint"].as_str().unwrap_or_default().is_empty(),
        "{run}"
    );
    assert_no_secret(run);
}

/// Fails when a password was printed.
#[track_caller]
fn assert_no_secret(run: &Run) {
    for secret in [CANARY, SUPERUSER_PASSWORD] {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "{run}"
        );
    }
}

/// Fails unless a statement of the check is unknown, with this code.
#[track_caller]
fn assert_unknown(run: &Run, code: &str) {
    let check = run.check("db");
    assert_eq!(check["verdict"], "error", "{run}");
    let found = check["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|finding| finding["code"] == code && finding["verdict"] == "error");
    assert!(found, "no unknown {code}\n{run}");
}

#[test]
fn pg_01_every_way_of_not_getting_in_has_its_own_words() {
    let server = Postgres::builder()
        .hba("host forbidden all 127.0.0.1/32 reject")
        .start();
    server.create_database("forbidden");
    server.create_role("app", CANARY, "");
    server.create_role("full", CANARY, "connection limit 0");
    server.create_role("nologin", CANARY, "");
    server.sql("alter role nologin nologin");
    let good = server.url("app", CANARY, "postgres");
    let run = look(&good, "");
    assert_green(&run);
    assert_no_secret(&run);

    let url = |user: &str, password: &str, database: &str| server.url(user, password, database);
    for (url, cause, word) in [
        (
            url("app", "wrong-password-1", "postgres"),
            "auth",
            "password",
        ),
        (url("app", CANARY, "nowhere"), "missing", "nowhere"),
        (url("app", CANARY, "forbidden"), "auth", "pg_hba.conf"),
        (url("full", CANARY, "postgres"), "refused", "connection"),
        (url("nologin", CANARY, "postgres"), "auth", "log in"),
        (format!("{good}?sslmode=require"), "tls", "TLS"),
        (format!("{good}?sslmod=require"), "unparseable", "sslmod"),
    ] {
        assert_fault(&look(&url, ""), cause, word);
    }
}

#[test]
fn pg_01_dead_targets() {
    let closed = ClosedPort::new();
    let url = format!("postgres://app:{CANARY}@127.0.0.1:{}/x", closed.port());
    assert_fault(&look(&url, ""), "refused", "listens");

    let url = format!("postgres://app:{CANARY}@{UNRESOLVABLE}/x");
    assert_fault(&look(&url, ""), "dns", "resolve");

    let silent = SilentPort::new();
    let url = format!("postgres://app:{CANARY}@127.0.0.1:{}/x", silent.port());
    let started = Instant::now();
    let run = audit(
        &profile(&url, "").replace("timeout: 10s", "timeout: 1s\n    retry: { attempts: 1 }"),
    );
    assert_fault(&run, "timeout", "no answer");
    assert!(started.elapsed() < Duration::from_secs(8), "{run}");
}

#[test]
fn pg_01_a_server_that_is_not_postgresql() {
    let nginx = crate::support::nginx::Nginx::builder()
        .server("listen {listen:main}; return 200;")
        .start();
    let url = format!("postgres://app:{CANARY}@127.0.0.1:{}/x", nginx.port("main"));
    let run = look(&url, "");
    let fault = fault(&run);
    assert!(
        matches!(fault["cause"].as_str(), Some("protocol" | "unreachable")),
        "{run}"
    );
    assert_no_secret(&run);
}

#[test]
fn pg_01_the_second_of_two_hosts_is_tried() {
    let server = Postgres::start();
    let closed = ClosedPort::new();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", closed.port(), server.port());
    let url = format!("postgres://postgres:{SUPERUSER_PASSWORD}@{hosts}/postgres");
    assert_green(&look(&url, ""));
    let standby = format!("{url}?target_session_attrs=standby");
    assert_fault(&look(&standby, ""), "refused", "primary");
}

#[test]
fn unix_sockets_and_keyword_strings_work() {
    let server = Postgres::start();
    let url = format!(
        "host={} port={} user=postgres password='{SUPERUSER_PASSWORD}' dbname=postgres",
        server.socket_folder().display(),
        server.port()
    );
    let run = look(&url, "tls: verify");
    assert_green(&run);
    assert_no_secret(&run);
}

#[test]
fn pg_02_plaintext_and_unverified_tls() {
    let server = Postgres::builder().tls().start();
    let url = server.superuser_url("postgres");
    let ca = server.ca_path().display();
    let full = format!("{url}?sslmode=verify-full&sslrootcert={ca}");
    assert_green(&look(&full, "tls: verify"));
    assert_green(&look(&format!("{url}?sslmode=require"), "tls: require"));
    assert_green(&look(&format!("{url}?sslmode=require"), ""));
    assert_red(
        &look(&format!("{url}?sslmode=disable"), "tls: require"),
        "db",
        "PG-02",
    );
    assert_red(
        &look(&format!("{url}?sslmode=require"), "tls: verify"),
        "db",
        "PG-02",
    );
    let ca_only = format!("{url}?sslmode=verify-ca&sslrootcert={ca}");
    assert_green(&look(&ca_only, "tls: require"));
    assert_red(&look(&ca_only, "tls: verify"), "db", "PG-02");
    // Encrypted today, but nothing keeps it so.
    let prefer = look(&url, "tls: require");
    assert_eq!(prefer.verdict("db"), "warn", "{prefer}");
    assert_eq!(prefer.codes("db"), ["PG-02"]);

    let by_address = full.replace("localhost", "127.0.0.1");
    assert_fault(&look(&by_address, ""), "tls", "name");
    assert_green(&look(
        &ca_only.replace("localhost", "127.0.0.1"),
        "tls: require",
    ));
    assert_fault(
        &look(&format!("{url}?sslmode=verify-full"), ""),
        "tls",
        "sslrootcert",
    );
    let plain = Postgres::start();
    let prefer = look(&plain.superuser_url("postgres"), "tls: require");
    assert_red(&prefer, "db", "PG-02");
}

#[test]
fn pg_04_a_primary_where_a_standby_is_expected() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    assert_green(&look(&url, "role: primary"));
    assert_red(&look(&url, "role: standby"), "db", "PG-04");
}

#[test]
fn pg_05_an_application_role_with_too_much_power() {
    let server = Postgres::start();
    for (name, options) in [
        ("app", ""),
        ("bypass", "bypassrls"),
        ("creator", "createrole"),
        ("replicator", "replication"),
    ] {
        server.create_role(name, CANARY, options);
    }
    server.create_role("files", CANARY, "");
    server.sql("grant pg_execute_server_program to files; create schema own; create table own.t (); alter table own.t owner to creator");
    let block = "application_role: { owns_no_tables: true }";
    let of = |user: &str| look(&server.url(user, CANARY, "postgres"), block);
    assert_green(&of("app"));
    for role in ["bypass", "creator", "replicator", "files"] {
        assert_red(&of(role), "db", "PG-05");
    }
    let url = server.superuser_url("postgres");
    assert_red(&look(&url, block), "db", "PG-05");
    // Judged from outside, by name.
    assert_green(&look(&url, "application_role: { name: app }"));
    assert_red(
        &look(&url, "application_role: { name: bypass }"),
        "db",
        "PG-05",
    );
    assert_red(
        &look(&url, "application_role: { name: nobody }"),
        "db",
        "PG-05",
    );
}

#[test]
fn pg_06_and_pg_18_settings_that_risk_data() {
    let safe = |name: &str| {
        let builder = Postgres::builder();
        ["fsync", "full_page_writes", "synchronous_commit"]
            .into_iter()
            .filter(|setting| *setting != name)
            .fold(builder, |builder, setting| builder.setting(setting, "on"))
    };
    let healthy = safe("").start();
    assert_green(&look(
        &healthy.superuser_url("postgres"),
        "safe_settings: true",
    ));
    healthy.create_role("plain", CANARY, "");
    assert_green(&look(
        &healthy.url("plain", CANARY, "postgres"),
        "safe_settings: true",
    ));
    let broken = safe("fsync").start();
    assert_red(
        &look(&broken.superuser_url("postgres"), "safe_settings: true"),
        "db",
        "PG-18",
    );
    let md5 = safe("").setting("password_encryption", "md5").start();
    assert_red(
        &look(&md5.superuser_url("postgres"), "safe_settings: true"),
        "db",
        "PG-06",
    );
}

#[test]
fn pg_07_connections_nearly_used_up() {
    let server = Postgres::builder().setting("max_connections", "13").start();
    let url = server.superuser_url("postgres");
    let block = "connections: { max_used_percent: 60 }";
    assert_green(&look(&url, block));
    let held: Vec<_> = (0..7)
        .map(|_| {
            server
                .session("postgres", SUPERUSER_PASSWORD, "postgres")
                .unwrap()
        })
        .collect();
    assert_red(&look(&url, block), "db", "PG-07");
    drop(held);
}

#[test]
fn pg_07_the_limit_of_the_role_counts_too() {
    let server = Postgres::start();
    server.create_role("app", CANARY, "connection limit 3");
    let url = server.url("app", CANARY, "postgres");
    let block = "connections: { max_used_percent: 80 }";
    assert_green(&look(&url, block));
    let held: Vec<_> = (0..2)
        .map(|_| server.session("app", CANARY, "postgres").unwrap())
        .collect();
    assert_red(&look(&url, block), "db", "PG-07");
    drop(held);
}

#[test]
fn pg_08_no_time_limit_for_the_application() {
    let server = Postgres::start();
    server.create_role("app", CANARY, "");
    server.create_role("limited", CANARY, "");
    server.sql("alter role limited set statement_timeout = '20s'; alter role limited in database postgres set idle_in_transaction_session_timeout = 30000; alter role limited set lock_timeout = '5s'");
    let block = "timeouts: { statement: 30s, idle_in_transaction: 1m, lock: 10s }";
    let app = server.url("app", CANARY, "postgres");
    assert_green(&look(&server.url("limited", CANARY, "postgres"), block));
    assert_red(&look(&app, block), "db", "PG-08");
    // A limit that is longer than allowed, and one that only the DSN sets.
    assert_red(
        &look(
            &server.url("limited", CANARY, "postgres"),
            "timeouts: { statement: 10s }",
        ),
        "db",
        "PG-08",
    );
    assert_green(&look(
        &format!("{app}?options=-c%20statement_timeout%3D5s"),
        "timeouts: { statement: 10s }",
    ));
    // Judged from outside, by name.
    let url = server.superuser_url("postgres");
    assert_green(&look(
        &url,
        "timeouts: { role: limited, statement: 30s, idle_in_transaction: 1m }",
    ));
    assert_red(
        &look(&url, "timeouts: { role: app, statement: 30s }"),
        "db",
        "PG-08",
    );
}

#[test]
fn pg_09_idle_in_transaction_and_pg_10_long_transactions() {
    let server = Postgres::start();
    server.create_role("plain", CANARY, "");
    server.create_role("monitor", CANARY, "in role pg_monitor");
    let (plain, monitor) = (
        server.url("plain", CANARY, "postgres"),
        server.url("monitor", CANARY, "postgres"),
    );
    let idle = "connections: { max_idle_in_transaction: 0, idle_in_transaction_older_than: 100ms }";
    let long = "long_transactions: { max_age: 100ms }";
    assert_green(&look(&monitor, &format!("{idle}\n{long}")));
    let session = server
        .session("postgres", SUPERUSER_PASSWORD, "postgres")
        .unwrap();
    session.sql("begin; select 1").unwrap();
    wait_until("the transaction to age", || {
        server.value("select count(*) from pg_stat_activity where state = 'idle in transaction' and state_change < now() - interval '200ms'") == "1"
    });
    assert_red(&look(&monitor, idle), "db", "PG-09");
    assert_red(&look(&monitor, long), "db", "PG-10");
    // The same server seen by a role that sees nothing: unknown, not healthy.
    assert_unknown(&look(&plain, idle), "PG-09");
    assert_unknown(&look(&plain, long), "PG-10");
}

#[test]
fn pg_11_a_prepared_transaction_left_behind() {
    let server = Postgres::builder()
        .setting("max_prepared_transactions", "5")
        .start();
    let url = server.superuser_url("postgres");
    let block = "prepared_transactions: { max_age: 1ms }";
    assert_green(&look(&url, block));
    server.sql("create table t (a int)");
    server.sql("begin; insert into t values (1); prepare transaction 'left'");
    assert_red(&look(&url, block), "db", "PG-11");
    server.sql("rollback prepared 'left'");
}

#[test]
fn pg_12_a_session_that_waits_for_a_lock() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    server.sql("create table t (a int)");
    assert_green(&look(&url, "locks: { max_wait: 50ms }"));
    let holder = server
        .session("postgres", SUPERUSER_PASSWORD, "postgres")
        .unwrap();
    holder.sql("begin; lock table t").unwrap();
    let waiter = server
        .session("postgres", SUPERUSER_PASSWORD, "postgres")
        .unwrap();
    let waiting = std::thread::spawn(move || waiter.sql("select * from t"));
    wait_until("the wait", || {
        server.value("select count(*) from pg_locks where not granted and waitstart < now() - interval '150ms'") == "1"
    });
    assert_red(&look(&url, "locks: { max_wait: 50ms }"), "db", "PG-12");
    holder.sql("rollback").unwrap();
    waiting.join().unwrap().unwrap();
}

#[test]
fn pg_13_transaction_ids() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    assert_green(&look(&url, "transaction_ids: { max_age_percent: 50 }"));
    // Two billion transactions take too long; a bound below the age of a new server does not.
    assert_red(
        &look(&url, "transaction_ids: { max_age_percent: 0.0000001 }"),
        "db",
        "PG-13",
    );
}

#[test]
fn pg_14_vacuum_that_does_not_keep_up() {
    let server = Postgres::builder()
        .setting("autovacuum_naptime", "1d")
        .start();
    let url = server.superuser_url("postgres");
    server.sql("create table t (a int); insert into t select generate_series(1, 2000)");
    let block = "vacuum: { max_dead_percent: 30, min_rows: 1000 }";
    assert_red(&look(&url, block), "db", "PG-14");
    server.sql("analyze t");
    assert_green(&look(&url, block));
    server.sql("update t set a = a + 1");
    wait_until("the statistics", || {
        server.value("select n_dead_tup > 1500 from pg_stat_user_tables where relname = 't'") == "t"
    });
    assert_red(&look(&url, block), "db", "PG-14");
    server.sql("vacuum t");
    wait_until("the statistics", || {
        server.value("select n_dead_tup from pg_stat_user_tables where relname = 't'") == "0"
    });
    assert_green(&look(&url, block));
    server.sql("alter table t set (autovacuum_enabled = false)");
    assert_red(&look(&url, block), "db", "PG-14");
    let off = Postgres::builder().setting("autovacuum", "off").start();
    assert_red(&look(&off.superuser_url("postgres"), block), "db", "PG-14");
}

#[test]
fn pg_15_a_slot_nobody_reads_from() {
    let server = Postgres::builder()
        .setting("max_slot_wal_keep_size", "1GB")
        .start();
    let url = server.superuser_url("postgres");
    assert_green(&look(&url, "slots: {}"));
    server.sql("select pg_create_physical_replication_slot('forgotten', true)");
    assert_red(&look(&url, "slots: {}"), "db", "PG-15");
}

#[test]
fn pg_16_standbys_missing_and_pg_35_writes_that_hang() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    assert_green(&look(&url, "replication: { min_standbys: 0 }"));
    assert_red(
        &look(&url, "replication: { min_standbys: 1 }"),
        "db",
        "PG-16",
    );
    let waiting = Postgres::builder()
        .setting("synchronous_standby_names", "*")
        .setting("synchronous_commit", "on")
        .start();
    assert_red(
        &look(
            &waiting.superuser_url("postgres"),
            "replication: { min_standbys: 0 }",
        ),
        "db",
        "PG-35",
    );
}

#[test]
fn pg_17_archiving_that_never_succeeded() {
    let off = Postgres::start();
    assert_red(
        &look(&off.superuser_url("postgres"), "archiving: {}"),
        "db",
        "PG-17",
    );
    let with = |command: &str| {
        Postgres::builder()
            .setting("archive_mode", "on")
            .setting("archive_command", command)
            .start()
    };
    let failing = with("false");
    let url = failing.superuser_url("postgres");
    // Neither a success nor a failure yet: that is not healthy either.
    assert_red(&look(&url, "archiving: {}"), "db", "PG-17");
    failing.sql("create table t (a int); select pg_switch_wal()");
    wait_until("the archiver to fail", || {
        failing.value("select failed_count > 0 from pg_stat_archiver") == "t"
    });
    let run = look(&url, "archiving: {}");
    assert_red(&run, "db", "PG-17");
    assert!(run.stdout.contains("never succeeded"), "{run}");

    let discarding = with("/bin/true");
    assert_red(
        &look(&discarding.superuser_url("postgres"), "archiving: {}"),
        "db",
        "PG-17",
    );

    let secret = format!("test -n '{CANARY}' && cp %p /dev/null");
    let healthy = with(&secret);
    healthy.sql("create table t (a int); select pg_switch_wal()");
    wait_until("the archiver to succeed", || {
        healthy.value("select archived_count > 0 from pg_stat_archiver") == "t"
    });
    let run = look(&healthy.superuser_url("postgres"), "archiving: {}");
    assert_green(&run);
    assert_no_secret(&run);
    assert_red(
        &look(
            &healthy.superuser_url("postgres"),
            "archiving: { max_age: 1ms }",
        ),
        "db",
        "PG-17",
    );
}

#[test]
fn pg_20_collations_of_another_operating_system() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    assert_green(&look(&url, "collations: true"));
    server.sql("update pg_database set datcollversion = '1.0' where datname = 'postgres'");
    assert_red(&look(&url, "collations: true"), "db", "PG-20");
}

#[test]
fn pg_21_to_28_faults_of_the_schema() {
    for (code, rule, broken, mended) in [
        (
            "PG-21",
            "valid_indexes: true",
            "create table t (id int primary key, a int); create index i on t (a); update pg_index set indisvalid = false where indexrelid = 'i'::regclass",
            "reindex index i",
        ),
        (
            "PG-22",
            "validated_constraints: true",
            "create table t (id int primary key, a int); alter table t add constraint positive check (a > 0) not valid",
            "alter table t validate constraint positive",
        ),
        (
            "PG-22",
            "validated_constraints: true",
            "create table t (id int primary key); create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger g before insert on t for each row execute function f(); alter table t disable trigger g",
            "alter table t enable trigger g",
        ),
        (
            "PG-23",
            "max_sequence_percent: 80",
            "create table t (id serial primary key); select setval('t_id_seq', 2000000000)",
            "select setval('t_id_seq', 20000)",
        ),
        (
            "PG-23",
            "max_sequence_percent: 80",
            "create sequence s; create table t (id int primary key default nextval('s')); select setval('s', 2000000000)",
            "alter table t alter id type bigint",
        ),
        (
            "PG-24",
            "primary_keys: true",
            "create table t (id int)",
            "alter table t add primary key (id)",
        ),
        (
            "PG-24",
            "indexed_foreign_keys: true",
            "create table p (id int primary key); create table t (id int primary key, b int, p int references p); create index wrong on t (b, p)",
            "create index on t (p, b)",
        ),
        (
            "PG-26",
            "safe_functions: true",
            "create function f() returns int language sql security definer as 'select 1'",
            "alter function f() set search_path = pg_catalog",
        ),
        (
            "PG-26",
            "safe_functions: true",
            "grant create on schema public to public",
            "revoke create on schema public from public",
        ),
        (
            "PG-28",
            "no_unlogged_tables: true",
            "create unlogged table t (id int primary key)",
            "alter table t set logged",
        ),
    ] {
        let server = shared();
        let database = fresh_database(server);
        let url = server.superuser_url(&database);
        let block = format!("schema: {{ {rule} }}");
        assert_green(&look(&url, &block));
        server.sql_in(&database, broken);
        assert_red(&look(&url, &block), "db", code);
        server.sql_in(&database, mended);
        assert_green(&look(&url, &block));
    }
}

/// One server for all tests that only need a database of their own.
fn shared() -> &'static Postgres {
    static SHARED: std::sync::OnceLock<Postgres> = std::sync::OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

/// A database of one's own.
fn fresh_database(server: &Postgres) -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("own_{number}");
    server.create_database(&name);
    name
}

#[test]
fn pg_23_a_sequence_hidden_from_the_role_is_not_unused() {
    let server = Postgres::start();
    server.create_role("plain", CANARY, "");
    server.sql("create table t (id serial primary key); select setval('t_id_seq', 2000000000)");
    let url = server.url("plain", CANARY, "postgres");
    assert_unknown(&look(&url, "schema: { max_sequence_percent: 80 }"), "PG-23");
    server.sql("grant select on sequence t_id_seq to plain");
    assert_red(
        &look(&url, "schema: { max_sequence_percent: 80 }"),
        "db",
        "PG-23",
    );
}

#[test]
fn pg_25_row_level_security() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    let block = "row_level_security: { schemas: [public] }";
    assert_unknown(&look(&url, block), "PG-25");
    server.sql("create table t (id int primary key, tenant text)");
    assert_red(&look(&url, block), "db", "PG-25");
    server.sql("create policy p on t using (tenant = current_user)");
    assert_red(&look(&url, block), "db", "PG-25");
    server.sql("alter table t enable row level security");
    assert_green(&look(&url, block));
    assert_red(
        &look(&url, "row_level_security: { tables: [t], forced: true }"),
        "db",
        "PG-25",
    );
    server.sql("create policy q on t for insert with check (true)");
    assert_red(&look(&url, block), "db", "PG-25");
    assert_red(
        &look(&url, "row_level_security: { tables: [nowhere] }"),
        "db",
        "PG-25",
    );
}

#[test]
fn pg_27_migrations_of_alembic() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    let block = "migrations: { tool: alembic, folder: versions }";
    let look = || {
        audit_command(&profile(&url, block))
            .file(
                "versions/a.py",
                "revision: str = 'aaa'\ndown_revision: Union[str, None] = None\n",
            )
            .file(
                "versions/b.py",
                "revision = \"bbb\"\ndown_revision = \"aaa\"\n",
            )
            .file(
                "versions/c.py",
                "revision = \"ccc\"\ndown_revision = (\n  'bbb',\n)\n",
            )
            .file("versions/__init__.py", "")
            .run()
    };
    // No table, an empty table, an old head, a head nobody knows.
    assert_red(&look(), "db", "PG-27");
    server.sql("create table alembic_version (version_num varchar(32) not null)");
    assert_red(&look(), "db", "PG-27");
    server.sql("insert into alembic_version values ('bbb')");
    assert_red(&look(), "db", "PG-27");
    server.sql("update alembic_version set version_num = 'ccc'");
    assert_green(&look());
    server.sql("update alembic_version set version_num = 'zzz'");
    assert_red(&look(), "db", "PG-27");
}

#[test]
fn pg_27_migrations_of_sqlx() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    let look = || {
        audit_command(&profile(
            &url,
            "migrations: { tool: sqlx, folder: migrations }",
        ))
        .file("migrations/0001_first.sql", "select 1")
        .file("migrations/0002_second.up.sql", "select 1")
        .file("migrations/0002_second.down.sql", "select 1")
        .run()
    };
    server.sql("create table _sqlx_migrations (version bigint primary key, success boolean not null); insert into _sqlx_migrations values (1, true)");
    assert_red(&look(), "db", "PG-27");
    server.sql("insert into _sqlx_migrations values (2, false)");
    assert_red(&look(), "db", "PG-27");
    server.sql("update _sqlx_migrations set success = true");
    assert_green(&look());
    server.sql("insert into _sqlx_migrations values (3, true)");
    assert_red(&look(), "db", "PG-27");
}

#[test]
fn pg_27_a_schema_version_in_a_table() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    server.sql(
        "create table schema_version (version int); insert into schema_version values (9), (10)",
    );
    let block = |expected: u32| {
        format!(
            "migrations: {{ tool: table, table: schema_version, column: version, expected: {expected} }}"
        )
    };
    assert_green(&look(&url, &block(10)));
    assert_red(&look(&url, &block(11)), "db", "PG-27");
    assert_red(&look(&url, &block(9)), "db", "PG-27");
}

#[test]
fn pg_30_an_extension_created_but_not_preloaded() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    let block = "extensions: { pg_stat_statements: {} }";
    assert_red(&look(&url, block), "db", "PG-30");
    server.sql("create extension pg_stat_statements");
    assert_red(&look(&url, block), "db", "PG-30");
    let preloaded = Postgres::builder().preload("pg_stat_statements").start();
    preloaded.sql("create extension pg_stat_statements");
    assert_green(&look(&preloaded.superuser_url("postgres"), block));
    assert_red(&look(&url, "extensions: { nonsense: {} }"), "db", "PG-30");
    assert_red(
        &look(&url, "extensions: { plpgsql: { min_version: \"99\" } }"),
        "db",
        "PG-30",
    );
}

#[test]
fn pg_32_observability() {
    let block = "observability: true";
    let healthy = Postgres::builder()
        .preload("pg_stat_statements")
        .setting("log_min_duration_statement", "500")
        .setting("log_lock_waits", "on")
        .setting("track_io_timing", "on")
        .start();
    healthy.sql("create extension pg_stat_statements");
    assert_green(&look(&healthy.superuser_url("postgres"), block));
    let plain = Postgres::start();
    assert_red(
        &look(&plain.superuser_url("postgres"), block),
        "db",
        "PG-32",
    );
}

#[test]
fn pg_34_a_setting_that_waits_for_a_restart() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    server.create_role("plain", CANARY, "");
    assert_green(&look(&url, "no_pending_restart: true"));
    // A role that does not see all settings cannot say that none waits.
    assert_unknown(
        &look(
            &server.url("plain", CANARY, "postgres"),
            "no_pending_restart: true",
        ),
        "PG-34",
    );
    server.sql("alter system set max_connections = 55");
    server.sql("select pg_reload_conf()");
    wait_until("the reload", || {
        server.value("select count(*) from pg_settings where pending_restart") == "1"
    });
    assert_red(&look(&url, "no_pending_restart: true"), "db", "PG-34");
}

#[test]
fn pg_51_version_bounds() {
    let server = shared();
    let url = server.superuser_url("postgres");
    let major = server.value("select current_setting('server_version_num')::int / 10000");
    let above = major.parse::<u32>().unwrap() + 1;
    assert_green(&look(
        &url,
        &format!("min_version: \"{major}\"\nmax_version: \"{major}\""),
    ));
    assert_red(
        &look(&url, &format!("min_version: \"{above}\"")),
        "db",
        "PG-51",
    );
    assert_red(&look(&url, "max_version: \"9\""), "db", "PG-51");
}

#[test]
fn pg_52_tables_and_pg_53_rows() {
    let server = shared();
    let database = fresh_database(server);
    let url = server.superuser_url(&database);
    server.sql_in(
        &database,
        "create table tenants (id int); create schema app; create table app.\"Users\" (id int)",
    );
    assert_green(&look(&url, "tables: [tenants, public.tenants, app.Users]"));
    assert_red(&look(&url, "tables: [Users]"), "db", "PG-52");
    assert_green(&look(&format!("{url}?schema=app"), "tables: [Users]"));
    assert_red(&look(&url, "rows: { tenants: { min: 1 } }"), "db", "PG-53");
    server.sql_in(&database, "insert into tenants values (1)");
    assert_green(&look(&url, "rows: { tenants: { min: 1 } }"));
    assert_red(&look(&url, "rows: { tenants: { min: 2 } }"), "db", "PG-53");
    // An estimate that was never made is not zero.
    assert_unknown(&look(&url, "rows: { tenants: { min: 100000 } }"), "PG-53");
}

#[test]
fn pg_54_settings_and_bounds() {
    let server = Postgres::builder()
        .setting("maintenance_work_mem", "32MB")
        .setting("statement_timeout", "7s")
        .start();
    let url = server.superuser_url("postgres");
    server.create_role("plain", CANARY, "");
    let plain = server.url("plain", CANARY, "postgres");
    assert_green(&look(
        &url,
        "settings: { wal_level: replica, statement_timeout: 7s, max_connections: { gte: 10 } }",
    ));
    assert_red(
        &look(&url, "settings: { wal_level: logical }"),
        "db",
        "PG-54",
    );
    assert_red(
        &look(&url, "settings: { no_such_setting: 1 }"),
        "db",
        "PG-54",
    );
    assert_green(&look(
        &url,
        "bounds: { maintenance_work_mem: { min: 32MiB, max: 64MiB }, statement_timeout: { max: 10s } }",
    ));
    assert_red(
        &look(&url, "bounds: { maintenance_work_mem: { min: 64MiB } }"),
        "db",
        "PG-54",
    );
    assert_red(
        &look(&url, "bounds: { lock_timeout: { max: 10s } }"),
        "db",
        "PG-54",
    );
    // What a plain role does not see is not "unset".
    assert_unknown(
        &look(&plain, "settings: { shared_preload_libraries: \"\" }"),
        "PG-54",
    );
    assert_green(&look(&url, "settings: { shared_preload_libraries: \"\" }"));
}

#[test]
fn pg_55_own_queries() {
    let server = shared();
    let database = fresh_database(server);
    let url = server.superuser_url(&database);
    server.sql_in(
        &database,
        "create table t (a int, state text); insert into t values (1, 'ok'), (2, 'ok')",
    );
    let query = |sql: &str, expect: &str| {
        look(
            &url,
            &format!(
                "queries:\n  - sql: {}\n    expect: {expect}",
                serde_json::to_string(sql).unwrap()
            ),
        )
    };
    assert_green(&query(
        "select count(*) from t;",
        "{ value: 2, rows: 1, max_latency: 5s }",
    ));
    assert_green(&query(
        "select * from t order by a",
        "{ rows: { gte: 2 }, json: { \"$[*].state\": ok, \"$[0].a\": 1 } }",
    ));
    assert_green(&query("select * from t where a > 5", "{ rows: 0 }"));
    for (sql, expect) in [
        ("select count(*) from t", "{ value: 3 }"),
        ("select * from t", "{ value: 2 }"),
        ("select null as a", "{ value: { gte: 0 } }"),
        (
            "select * from t where a > 5",
            "{ json: { \"$[*].state\": ok } }",
        ),
        ("select * from t where a > 5", "{ max_latency: 5s }"),
        ("select * from t", "{ json: { \"$[*].a\": 1 } }"),
        ("select pg_sleep(0.05)", "{ max_latency: 1ms }"),
        // What cannot be asked is an error, and changes nothing.
        ("select * from nowhere", "{ rows: 0 }"),
        ("delete from t", "{ rows: 0 }"),
        (
            "with d as (delete from t returning 1) select * from d",
            "{ rows: 2 }",
        ),
        ("select 1) t; delete from t; --", "{ rows: 1 }"),
        ("select 1; delete from t", "{ rows: 1 }"),
        ("select nextval('s')", "{ rows: 1 }"),
        (
            "select set_config('transaction_read_only', 'off', true)",
            "{ rows: 1 }",
        ),
        ("select generate_series(1, 6000)", "{ rows: { gte: 1 } }"),
        ("select repeat('x', 100000) as x", "{ rows: 1 }"),
        (
            "select repeat('x', 20000) as x from generate_series(1, 1000)",
            "{ rows: 1000 }",
        ),
    ] {
        assert_red(&query(sql, expect), "db", "PG-55");
    }
    assert_eq!(
        server.sql_in(&database, "select count(*) from t")[0][0],
        "2"
    );
}

#[test]
fn pg_55_a_query_that_never_ends_is_cancelled_at_the_server() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    let block = "queries: [{ sql: \"select pg_sleep(100)\", expect: { rows: 1 } }]";
    let run = audit(
        &profile(&url, block).replace("timeout: 10s", "timeout: 1s\n    retry: { attempts: 1 }"),
    );
    assert_eq!(run.verdict("db"), "error", "{run}");
    assert!(run.duration < Duration::from_secs(10), "{run}");
    wait_until("the query to end", || {
        server.value("select count(*) from pg_stat_activity where query like '%pg_sleep(100)%' and pid <> pg_backend_pid()") == "0"
    });
}

#[test]
fn pg_56_slow_statements() {
    let server = Postgres::builder().preload("pg_stat_statements").start();
    let url = server.superuser_url("postgres");
    let block = "slow_statements: { max_mean: 50ms, min_calls: 2 }";
    assert_unknown(&look(&url, block), "PG-56");
    server.sql("create extension pg_stat_statements");
    assert_unknown(
        &look(
            &url,
            "slow_statements: { max_mean: 50ms, min_calls: 100000 }",
        ),
        "PG-56",
    );
    for _ in 0..3 {
        server.sql("select 41 + 1");
    }
    assert_green(&look(&url, block));
    for _ in 0..3 {
        server.sql("select pg_sleep(0.1)");
    }
    assert_red(&look(&url, block), "db", "PG-56");
}

#[test]
fn pg_57_sequential_scans_are_advice() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    let block = "sequential_scans: { min_rows: 1000, min_scans: 5 }";
    server.sql("create table t (id int primary key, a int); insert into t select g, g from generate_series(1, 2000) g; analyze t");
    assert_green(&look(&url, block));
    for _ in 0..8 {
        server.sql("select * from t where a = 5");
    }
    wait_until("the statistics", || {
        server.value("select seq_scan >= 8 and n_live_tup >= 1000 from pg_stat_user_tables where relname = 't'") == "t"
    });
    let run = look(&url, block);
    assert_eq!(run.verdict("db"), "warn", "{run}");
    assert_eq!(run.codes("db"), ["PG-57"]);
}

#[test]
fn pg_58_the_smoke_test_leaves_nothing_behind() {
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    let block = |name: &str| format!("smoke_test: {{ create_extension: {name} }}");
    assert_green(&look(&url, &block("pg_trgm")));
    assert_eq!(
        server.value("select count(*) from pg_extension where extname = 'pg_trgm'"),
        "0"
    );
    assert_red(&look(&url, &block("nonsense")), "db", "PG-58");
    server.create_role("plain", CANARY, "");
    assert_red(
        &look(&server.url("plain", CANARY, "postgres"), &block("dblink")),
        "db",
        "PG-58",
    );
}

#[test]
fn everything_works_through_a_pooler_in_transaction_mode() {
    let server = Postgres::start();
    server.create_role("app", CANARY, "");
    let pooler = PgBouncer::in_front_of(&server).user("app", CANARY).start();
    let url = pooler.url("app", CANARY, "postgres");
    let block = "role: primary\nsettings: { wal_level: replica }\nqueries: [{ sql: select 1 as a, expect: { value: 1 } }]\napplication_role: {}\nconnections: { max_used_percent: 90 }";
    let run = look(
        &format!("{url}?pgbouncer=true&connection_limit=5&options=-c%20statement_timeout%3D5s"),
        block,
    );
    assert_green(&run);
    assert_no_secret(&run);
    // Time limits were set for the transaction only: the next user of the connection has none.
    let session = server.session("app", CANARY, "postgres").unwrap();
    assert_eq!(session.sql("show statement_timeout").unwrap()[0][0], "0");
    assert_fault(
        &look(&pooler.url("app", "wrong-password-1", "postgres"), ""),
        "auth",
        "password",
    );
    assert_fault(
        &look(&pooler.url("stranger", CANARY, "postgres"), ""),
        "auth",
        "pooler",
    );
    server.stop();
    let run = audit(
        &profile(&url, "").replace("timeout: 10s", "timeout: 2s\n    retry: { attempts: 1 }"),
    );
    assert_eq!(run.verdict("db"), "error", "{run}");
    assert_no_secret(&run);
}

#[test]
fn checks_of_one_target_share_one_session() {
    let server = Postgres::builder().setting("log_connections", "on").start();
    server.create_role("single", CANARY, "connection limit 1");
    let url = server.url("single", CANARY, "postgres");
    let one = profile(&url, "");
    let (_, check) = one.split_once("checks:\n").unwrap();
    let more: String = (0..6)
        .map(|i| check.replace("id: db", &format!("id: db{i}")))
        .collect();
    let run = audit(&format!("{one}{more}"));
    assert_green(&run);
    assert_eq!(run.checks().len(), 7);
}

#[test]
fn a_session_that_was_lost_between_two_checks_is_opened_again() {
    let server = Postgres::start();
    server.create_role("app", CANARY, "");
    let app = server.url("app", CANARY, "postgres");
    let root = server.superuser_url("postgres");
    // Between the two checks an administrator ends the session of the first.
    server.sql(
        "create function end_of_session() returns boolean language sql as
         $$ select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app' $$",
    );
    let run = audit(&format!(
        "version: 1
name: t
checks:
  - id: first
    postgres: {{ url: {app:?} }}
  - id: terminate
    needs: [first]
    postgres:
      url: {root:?}
      queries: [{{ sql: select end_of_session() as done, expect: {{ rows: 1, value: true }} }}]
  - id: second
    needs: [terminate]
    postgres: {{ url: {app:?} }}
"
    ));
    assert_green(&run);
}

#[test]
fn pg_29_a_database_larger_than_planned_and_pg_31_clocks() {
    let url = shared().superuser_url("postgres");
    assert_green(&look(&url, "max_database_size: 1GiB\nmax_clock_skew: 5s"));
    assert_red(&look(&url, "max_database_size: 1KiB"), "db", "PG-29");
}

#[test]
fn expectations_that_could_never_fail_are_refused() {
    for block in [
        "connections: {}",
        "timeouts: {}",
        "schema: {}",
        "rows: { t: { min: 0 } }",
        "bounds: { work_mem: {} }",
        "queries: [{ sql: select 1, expect: {} }]",
        "migrations: { tool: alembic }",
        "row_level_security: {}",
        "application_role: { not_superuser: false, not_createrole: false, not_bypassrls: false, not_replication: false }",
        "min_version: \"18\"\nmax_version: \"15\"",
        "unknown_word: 1",
    ] {
        let run = look("postgres://u@127.0.0.1:1/d", block);
        assert_eq!(run.exit, 2, "{block}\n{run}");
    }
}

#[test]
fn the_pack_judges_a_healthy_server_green_and_names_what_is_wrong() {
    let server = Postgres::builder()
        .tls()
        .preload("pg_stat_statements")
        .setting("fsync", "on")
        .setting("full_page_writes", "on")
        .setting("synchronous_commit", "on")
        .setting("log_min_duration_statement", "500")
        .setting("log_lock_waits", "on")
        .setting("track_io_timing", "on")
        .setting("archive_mode", "on")
        .setting("archive_command", "cp %p /dev/null")
        .start();
    server.create_role("monitor", CANARY, "in role pg_monitor");
    server.create_role("app", CANARY, "");
    server.sql("alter role app set statement_timeout = '30s'; alter role app set idle_in_transaction_session_timeout = '1min'; create extension pg_stat_statements; create table t (id bigserial primary key); grant select on sequence t_id_seq to monitor; select pg_switch_wal()");
    wait_until("the archiver to succeed", || {
        server.value("select archived_count > 0 from pg_stat_archiver") == "t"
    });
    for _ in 0..25 {
        server.sql("select 41 + 1");
    }
    let run = |application: &str| {
        let tls = format!(
            "?sslmode=verify-full&sslrootcert={}",
            server.ca_path().display()
        );
        audit(&format!(
            "version: 1\nname: t\npacks:\n  - use: postgres\n    with:\n      url: {:?}\n      application_url: {:?}\n",
            server.url("monitor", CANARY, "postgres") + &tls,
            format!("{application}{tls}"),
        ))
    };
    let healthy = run(&server.url("app", CANARY, "postgres"));
    assert_green(&healthy);
    assert_no_secret(&healthy);
    let broken = run(&server.superuser_url("postgres"));
    assert_eq!(
        broken.verdict("postgres-application-role"),
        "fail",
        "{broken}"
    );
    assert_eq!(broken.verdict("postgres-time-limits"), "fail", "{broken}");
    assert_eq!(broken.verdict("postgres-tls"), "pass", "{broken}");
    assert_no_secret(&broken);
}

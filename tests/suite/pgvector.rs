//! The kind `pgvector` against real servers: each fault is made, and its healthy twin stays green.

use crate::support::cli::{Run, audit};
use crate::support::postgres::Postgres;
use crate::support::verdicts::{assert_green, assert_red};

/// A password that must never be printed.
const CANARY: &str = "canary-7c1B-pw";

/// Audits a database with one check.
fn look(url: &str, block: &str) -> Run {
    let block: String = block
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    audit(&format!(
        "version: 1\nname: t\nchecks:\n  - id: vectors\n    title: Vectors\n    timeout: 20s\n    pgvector:\n      url: {}\n{block}",
        serde_json::to_string(url).unwrap()
    ))
}

/// One server for all tests that only need a database of their own.
fn shared() -> &'static Postgres {
    static SHARED: std::sync::OnceLock<Postgres> = std::sync::OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

/// A database with the extension, and its URL.
fn database(statements: &str) -> (String, String) {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let server = shared();
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("vectors_{number}");
    server.create_database(&name);
    server.sql_in(&name, "create extension vector");
    server.sql_in(&name, statements);
    let url = server.superuser_url(&name);
    (name, url)
}

/// Fails unless a statement is unknown, with this code.
#[track_caller]
fn assert_unknown(run: &Run, code: &str) {
    assert_eq!(run.verdict("vectors"), "error", "{run}");
    assert!(
        run.codes("vectors").iter().any(|found| found == code),
        "no {code}\n{run}"
    );
}

/// Fails unless the check only warns, with this code.
#[track_caller]
fn assert_warns(run: &Run, code: &str) {
    assert_eq!(run.verdict("vectors"), "warn", "{run}");
    assert!(
        run.codes("vectors").iter().any(|found| found == code),
        "no {code}\n{run}"
    );
}

#[test]
fn vec_01_not_installed_and_vec_02_not_created() {
    let without = Postgres::builder().without_vector().start();
    assert_red(
        &look(&without.superuser_url("postgres"), ""),
        "vectors",
        "VEC-01",
    );
    assert_red(
        &look(&without.superuser_url("postgres"), "available: true"),
        "vectors",
        "VEC-01",
    );
    let server = Postgres::start();
    let url = server.superuser_url("postgres");
    assert_red(&look(&url, ""), "vectors", "VEC-02");
    assert_green(&look(&url, "available: true"));
    server.sql("create extension vector");
    assert_green(&look(&url, ""));
}

#[test]
fn vec_03_a_schema_out_of_reach() {
    let server = Postgres::start();
    server.create_role("app", CANARY, "");
    server.sql("create schema hidden; create extension vector schema hidden");
    let url = server.url("app", CANARY, "postgres");
    assert_red(&look(&url, ""), "vectors", "VEC-03");
    server.sql("grant usage on schema hidden to app");
    assert_red(&look(&url, ""), "vectors", "VEC-03");
    server.sql("alter role app set search_path = public, hidden");
    assert_green(&look(&url, ""));
}

#[test]
fn vec_04_too_old_vec_05_known_faults_vec_06_update_waits() {
    let (name, url) = database("select 1");
    assert_green(&look(&url, "min_version: \"0.5\"\nlatest: true"));
    assert_red(&look(&url, "min_version: \"99\""), "vectors", "VEC-04");
    shared().sql_in(
        &name,
        "update pg_extension set extversion = '0.8.0' where extname = 'vector'",
    );
    assert_red(&look(&url, "latest: true"), "vectors", "VEC-06");
}

#[test]
fn vec_07_a_column_that_is_not_there() {
    let (_, url) = database("create table docs (id int, text text, embedding vector(3))");
    let of = |column: &str| format!("columns: [{{ table: docs, column: {column} }}]");
    assert_green(&look(&url, &of("embedding")));
    assert_red(&look(&url, &of("missing")), "vectors", "VEC-07");
    assert_red(&look(&url, &of("text")), "vectors", "VEC-07");
    assert_red(
        &look(&url, "columns: [{ table: nowhere, column: embedding }]"),
        "vectors",
        "VEC-07",
    );
}

#[test]
fn vec_08_dimensions_that_do_not_fit() {
    let (_, url) = database("create table docs (a vector(3), b vector)");
    let of = |column: &str, dimensions: u32| {
        format!("columns: [{{ table: docs, column: {column}, dimensions: {dimensions} }}]")
    };
    assert_green(&look(&url, &of("a", 3)));
    assert_red(&look(&url, &of("a", 4)), "vectors", "VEC-08");
    assert_red(&look(&url, &of("b", 3)), "vectors", "VEC-08");
}

#[test]
fn vec_09_no_index_vec_11_wrong_operator_class_vec_12_invalid() {
    let (name, url) = database(
        "create table docs (embedding vector(3)); insert into docs select array[random(), random(), random()]::vector from generate_series(1, 50)",
    );
    let sql = |statement: &str| shared().sql_in(&name, statement);
    let block = "columns: [{ table: docs, column: embedding, dimensions: 3, metric: cosine, index: required }]";
    assert_red(&look(&url, block), "vectors", "VEC-09");
    assert_green(&look(
        &url,
        &block.replace(
            "index: required",
            "index: required, min_rows_for_index: 100",
        ),
    ));
    assert_red(
        &look(
            &url,
            &block.replace("index: required", "index: required, min_rows_for_index: 20"),
        ),
        "vectors",
        "VEC-09",
    );
    assert_red(
        &look(&url, "all_columns_indexed: true"),
        "vectors",
        "VEC-09",
    );
    // Index without a named class, as many write it: it serves another distance.
    sql("create index wrong on docs using ivfflat (embedding) with (lists = 1)");
    let ivfflat = look(&url, block);
    assert!(
        ivfflat.codes("vectors").contains(&"VEC-11".to_owned()),
        "{ivfflat}"
    );
    assert_eq!(ivfflat.verdict("vectors"), "fail");
    sql("drop index wrong; create index right_l2 on docs using hnsw (embedding vector_l2_ops)");
    assert_red(&look(&url, block), "vectors", "VEC-11");
    sql("create index right_one on docs using hnsw (embedding vector_cosine_ops)");
    assert_green(&look(&url, block));
    assert_green(&look(&url, &block.replace("required", "hnsw")));
    assert_red(
        &look(&url, &block.replace("required", "ivfflat")),
        "vectors",
        "VEC-09",
    );
    assert_green(&look(&url, "all_columns_indexed: true"));
    sql(
        "drop index right_l2; update pg_index set indisvalid = false where indexrelid = 'right_one'::regclass",
    );
    assert_red(&look(&url, block), "vectors", "VEC-12");
    assert_red(
        &look(&url, "all_columns_indexed: true"),
        "vectors",
        "VEC-12",
    );
}

#[test]
fn vec_10_too_many_dimensions_for_an_index() {
    let (name, url) = database("create table docs (embedding vector(3072))");
    let block = "columns: [{ table: docs, column: embedding, metric: cosine, index: required }]";
    assert_red(&look(&url, block), "vectors", "VEC-10");
    shared().sql_in(
        &name,
        "create index on docs using hnsw ((embedding::halfvec(3072)) halfvec_cosine_ops)",
    );
    assert_green(&look(&url, block));
}

#[test]
fn vec_13_lists_that_do_not_fit_and_vec_14_one_probe() {
    let (name, url) = database(
        "create table docs (embedding vector(3)); insert into docs select array[random(), random(), random()]::vector from generate_series(1, 200); create index on docs using ivfflat (embedding vector_cosine_ops) with (lists = 100); analyze docs",
    );
    let block = "columns: [{ table: docs, column: embedding, metric: cosine, index: ivfflat }]";
    assert_warns(&look(&url, block), "VEC-13");
    assert_warns(&look(&url, block), "VEC-14");
    shared().sql_in(&name, "drop index docs_embedding_idx; create index on docs using ivfflat (embedding vector_cosine_ops) with (lists = 1)");
    shared().sql(&format!("alter database {name} set ivfflat.probes = 5"));
    assert_green(&look(&url, block));
}

#[test]
fn vec_14_limit_above_ef_search_and_vec_15_filters() {
    let (name, url) = database(
        "create table docs (embedding vector(3)); create index on docs using hnsw (embedding vector_cosine_ops)",
    );
    let block = |limit: u32| {
        format!("columns: [{{ table: docs, column: embedding, search_limit: {limit} }}]")
    };
    let filtered = "columns: [{ table: docs, column: embedding, filtered: true }]";
    assert_green(&look(&url, &block(20)));
    assert_red(&look(&url, &block(100)), "vectors", "VEC-14");
    assert_red(&look(&url, filtered), "vectors", "VEC-15");
    shared().sql(&format!(
        "alter database {name} set hnsw.iterative_scan = relaxed_order"
    ));
    assert_green(&look(&url, filtered));
    assert_green(&look(&url, &block(100)));
}

#[test]
fn vec_16_missing_and_malformed_embeddings() {
    let (name, url) = database("create table docs (embedding vector(2))");
    let sql = |statement: &str| shared().sql_in(&name, statement);
    let block =
        "columns: [{ table: docs, column: embedding, metric: cosine, max_null_percent: 5 }]";
    assert_unknown(&look(&url, block), "VEC-16");
    sql("insert into docs select '[3,4]' from generate_series(1, 100)");
    assert_green(&look(&url, block));
    let ip = block.replace("cosine", "inner_product");
    assert_warns(&look(&url, &ip), "VEC-16");
    sql("update docs set embedding = l2_normalize(embedding)");
    assert_green(&look(&url, &ip));
    sql("insert into docs select null from generate_series(1, 10)");
    assert_red(&look(&url, block), "vectors", "VEC-16");
    sql("update docs set embedding = '[0,0]' where embedding is null");
    assert_red(&look(&url, block), "vectors", "VEC-16");
}

#[test]
fn vec_16_a_large_table_is_sampled() {
    let (name, url) = database(
        "create table docs (embedding vector(2)); insert into docs select '[3,4]' from generate_series(1, 60000); analyze docs",
    );
    let block = "columns: [{ table: docs, column: embedding, max_null_percent: 5 }]";
    assert_green(&look(&url, block));
    shared().sql_in(
        &name,
        "update docs set embedding = null where ctid::text like '%1)'; analyze docs",
    );
    assert_red(&look(&url, block), "vectors", "VEC-16");
}

#[test]
fn vec_17_different_models_in_one_column() {
    let (name, url) =
        database("create table docs (embedding vector); insert into docs values ('[1,2]')");
    let block = "columns: [{ table: docs, column: embedding }]";
    assert_green(&look(&url, block));
    shared().sql_in(&name, "insert into docs values ('[1,2,3]')");
    assert_red(&look(&url, block), "vectors", "VEC-17");
}

#[test]
fn vec_18_an_extension_that_does_not_work() {
    let (name, _) = database("select 1");
    let server = shared();
    server.create_role("unlucky", CANARY, "");
    let url = server.url("unlucky", CANARY, &name);
    assert_green(&look(&url, ""));
    server.sql_in(
        &name,
        "revoke execute on function cosine_distance(vector, vector) from public",
    );
    assert_red(&look(&url, ""), "vectors", "VEC-18");
}

#[test]
fn vec_23_recall_and_vec_52_latency() {
    let (name, url) = database("create table docs (embedding vector(8)); select setseed(0.5);
 insert into docs select (select array_agg(random()) from generate_series(1, 8) where g > 0)::vector from generate_series(1, 3000) g; analyze docs");
    let sql = |statement: &str| shared().sql_in(&name, statement);
    let block = "columns: [{ table: docs, column: embedding, metric: l2, max_latency: 5s, recall: { min: 0.9 } }]";
    sql("create index on docs using hnsw (embedding vector_l2_ops)");
    assert_green(&look(&url, block));
    assert_red(
        &look(&url, &block.replace("5s", "1us").replace("1us", "0.001ms")),
        "vectors",
        "VEC-52",
    );
    sql(
        "drop index docs_embedding_idx; create index on docs using ivfflat (embedding vector_l2_ops) with (lists = 200)",
    );
    let run = look(&url, block);
    assert!(run.codes("vectors").contains(&"VEC-23".to_owned()), "{run}");
    assert_eq!(run.verdict("vectors"), "fail");
}

#[test]
fn vec_51_too_few_rows() {
    let (name, url) = database("create table docs (embedding vector(2))");
    let block = "columns: [{ table: docs, column: embedding, min_rows: 2 }]";
    assert_red(&look(&url, block), "vectors", "VEC-51");
    shared().sql_in(&name, "insert into docs values ('[1,2]'), ('[2,1]')");
    assert_green(&look(&url, block));
}

#[test]
fn columns_hidden_from_the_role_are_not_empty() {
    let (name, _) =
        database("create table docs (embedding vector(2)); insert into docs values ('[1,2]')");
    let server = shared();
    server.create_role("blind", CANARY, "");
    let url = server.url("blind", CANARY, &name);
    let run = look(
        &url,
        "columns: [{ table: docs, column: embedding, max_null_percent: 5 }]",
    );
    assert_unknown(&run, "VEC-16");
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
    server.sql_in(&name, "grant select on docs to blind");
    assert_green(&look(
        &url,
        "columns: [{ table: docs, column: embedding, max_null_percent: 5 }]",
    ));
}

#[test]
fn the_pack_judges_one_column() {
    let (name, url) = database(
        "create table docs (embedding vector(3)); insert into docs select array[random() + 0.1, random(), random()]::vector from generate_series(1, 50)",
    );
    let run = || {
        audit(&format!(
            "version: 1\nname: t\npacks:\n  - use: pgvector\n    with: {{ url: {url:?}, table: docs, dimensions: 3, max_latency: 10s }}\n"
        ))
    };
    let broken = run();
    assert_eq!(broken.verdict("pgvector-index"), "fail", "{broken}");
    assert_eq!(broken.verdict("pgvector-extension"), "pass", "{broken}");
    shared().sql_in(
        &name,
        "create index on docs using hnsw (embedding vector_cosine_ops)",
    );
    assert_green(&run());
}

//! PostgreSQL's archiver.

use super::*;
use crate::support::dead::{ClosedPort, SilentPort};
use crate::support::postgres::{Postgres, postgres_url};
use crate::support::process::wait_for;
use crate::support::scratch::Scratch;
use crate::support::verdicts::{assert_green, assert_red};

/// A server that archives with this command.
fn server(command: &str, more: &[(&str, &str)]) -> Postgres {
    let mut builder = Postgres::builder()
        .setting("archive_mode", "on")
        .setting("archive_command", command);
    for (name, value) in more {
        builder = builder.setting(name, value);
    }
    builder.start()
}

fn of(url: &str, expect: &str) -> Run {
    let url = serde_json::to_string(url).unwrap();
    look(&format!("archiver: {{ url: {url} }}\n{expect}"))
}

/// Fills a segment and waits until the counter moves.
fn switch(server: &Postgres, counter: &str) {
    server.sql(
        "create table if not exists t (i int); insert into t values (1); select pg_switch_wal()",
    );
    wait_for("the archiver to act", Duration::from_secs(30), || {
        let count = server.value(&format!("select {counter} from pg_stat_archiver"));
        (count != "0").then_some(())
    });
}

#[test]
fn bak_11_archiving_is_off() {
    let off = Postgres::start();
    assert_red(&of(&off.superuser_url("postgres"), ""), "b", "BAK-11");
    let archive = Scratch::new("archive");
    let on = server(&format!("cp %p {}/%f", archive.path().display()), &[]);
    switch(&on, "archived_count");
    assert_green(&of(
        &on.superuser_url("postgres"),
        "expect: { max_age: 1h }",
    ));
    on.create_role("plain", "plain-Pw-77", "");
    assert_green(&of(&on.url("plain", "plain-Pw-77", "postgres"), ""));
}

#[test]
fn bak_11_archiving_has_never_succeeded() {
    let broken = server("false", &[]);
    switch(&broken, "failed_count");
    assert_red(&of(&broken.superuser_url("postgres"), ""), "b", "BAK-11");
}

#[test]
fn bak_11_the_last_attempt_failed() {
    let archive = Scratch::new("archive");
    let folder = archive.folder("there");
    let server = server(&format!("cp %p {}/%f", folder.display()), &[]);
    switch(&server, "archived_count");
    let url = server.superuser_url("postgres");
    assert_green(&of(&url, ""));
    std::fs::remove_dir_all(folder).unwrap();
    switch(&server, "failed_count");
    assert_red(&of(&url, ""), "b", "BAK-11");
}

#[test]
fn bak_11_nothing_is_known_right_after_a_reset() {
    let server = server("cp %p /dev/shm/never-called", &[]);
    let run = of(&server.superuser_url("postgres"), "");
    assert_eq!(run.verdict("b"), "error", "{run}");
}

#[test]
fn bak_12_a_command_that_keeps_nothing() {
    for command in ["/bin/true", "cp %p /dev/null"] {
        let server = server(command, &[]);
        switch(&server, "archived_count");
        let url = server.superuser_url("postgres");
        assert_red(&of(&url, "expect: { max_age: 1h }"), "b", "BAK-12");
    }
}

#[test]
fn bak_12_a_command_that_was_taken_away() {
    let archive = Scratch::new("archive");
    let server = server(&format!("cp %p {}/%f", archive.path().display()), &[]);
    switch(&server, "archived_count");
    let url = server.superuser_url("postgres");
    assert_green(&of(&url, ""));
    server.sql("alter system set archive_command = ''");
    server.sql("select pg_reload_conf()");
    wait_for("the setting to change", Duration::from_secs(10), || {
        (server.value("show archive_command").is_empty()).then_some(())
    });
    assert_red(&of(&url, ""), "b", "BAK-12");
}

#[test]
fn servers_that_do_not_answer_are_errors() {
    let (refused, silent) = (ClosedPort::new(), SilentPort::new());
    for (port, cause) in [(refused.port(), "refused"), (silent.port(), "timeout")] {
        let url = postgres_url("127.0.0.1", port, "canary", "Canary-Pw-4711", "postgres");
        let run = of(&url, "");
        assert_error(&run, cause);
        assert!(!format!("{run}").contains("Canary-Pw-4711"), "{run}");
    }
}

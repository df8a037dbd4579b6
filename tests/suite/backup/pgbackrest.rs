//! A real pgBackRest stanza.

use serde_json::{Value, json};

use super::*;
use crate::support::pgbackrest::{PgBackRest, STANZA};
use crate::support::verdicts::{assert_green, assert_red};

/// Asks pgBackRest itself.
fn of(config: &Path, stanza: &str, expect: &str) -> Run {
    look(&format!(
        "pgbackrest: {{ stanza: {stanza}, config: {} }}\nexpect: {{ {expect} }}",
        config.display()
    ))
}

/// Judges a report.
fn report(info: &Value, expect: &str) -> Run {
    prepare(&format!(
        "pgbackrest: {{ stanza: {STANZA}, report: info.json }}\nexpect: {{ {expect} }}"
    ))
    .file("info.json", info.to_string())
    .run()
}

#[test]
fn one_stanza_through_its_life() {
    let stanza = PgBackRest::stanza();
    let config = stanza.config();
    // BAK-01: a stanza without backups.
    assert_red(&of(&config, STANZA, "max_age: 1d"), "b", "BAK-01");
    stanza.backup();
    stanza.run(&["--type=incr", "backup"]);
    let expect = "max_age: 1d, full_max_age: 7d, min_count: 2, min_locations: 1";
    assert_green(&of(&config, STANZA, expect));
    // BAK-13: a stanza that does not exist, for which pgBackRest exits with 0.
    assert_red(&of(&config, "other", "max_age: 1d"), "b", "BAK-13");
    let id = stanza
        .postgres()
        .value("select system_identifier::text from pg_control_system()");
    assert_green(&of(&config, STANZA, &format!("system_id: '{id}'")));
    assert_red(
        &of(&config, STANZA, "system_id: '7000000000000000001'"),
        "b",
        "BAK-13",
    );
    // BAK-15, BAK-16: this repository is not encrypted, and alone.
    assert_red(&of(&config, STANZA, "encrypted: true"), "b", "BAK-15");
    assert_red(&of(&config, STANZA, "min_locations: 2"), "b", "BAK-16");
    // BAK-14: a second repository that nobody ever made a stanza in.
    let folder = Folder::new();
    let text = std::fs::read_to_string(&config).unwrap();
    let second = format!(
        "repo2-path={}\n[{STANZA}]",
        folder.path().join("second").display()
    );
    let two = folder.put(
        "two.conf",
        text.replace(&format!("[{STANZA}]"), &second),
        HOUR,
    );
    assert_red(&of(&two, STANZA, "max_age: 1d"), "b", "BAK-14");
    reports(&stanza.info());
    // BAK-10: the log that the backup needs is gone from the repository.
    let archive = config.with_file_name("repository/archive").join(STANZA);
    for entry in std::fs::read_dir(archive).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    assert_red(&of(&config, STANZA, "max_age: 1d"), "b", "BAK-10");
}

/// What can only be seen in a report of a repository that is worse off than one can make it.
fn reports(info: &Value) {
    let expect = "max_age: 1d, full_max_age: 7d";
    assert_green(&report(info, expect));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut info = info.clone();
        change(&mut info[0]);
        info
    };
    let flagged = changed(&|stanza| stanza["backup"][1]["error"] = json!(true));
    assert_red(&report(&flagged, expect), "b", "BAK-07");
    let no_full = changed(&|stanza| {
        stanza["backup"].as_array_mut().unwrap().remove(0);
    });
    assert_red(&report(&no_full, "max_age: 1d"), "b", "BAK-08");
    assert_red(&report(&no_full, expect), "b", "BAK-08");
    let old_full = changed(&|stanza| {
        let stop = stanza["backup"][0]["timestamp"]["stop"].as_i64().unwrap();
        stanza["backup"][0]["timestamp"]["stop"] = json!(stop - 8 * 86_400);
    });
    assert_red(&report(&old_full, expect), "b", "BAK-08");
    let upgraded = changed(&|stanza| {
        let mut newer = stanza["db"][0].clone();
        newer["id"] = json!(2);
        stanza["db"].as_array_mut().unwrap().push(newer);
    });
    assert_red(&report(&upgraded, expect), "b", "BAK-13");
    let later =
        changed(&|stanza| stanza["archive"][0]["max"] = stanza["archive"][0]["min"].clone());
    assert_red(&report(&later, expect), "b", "BAK-10");
    assert_red(&report(&json!([]), expect), "b", "BAK-01");
    assert_error(&report(&json!({"error": "no"}), expect), "unparseable");
}

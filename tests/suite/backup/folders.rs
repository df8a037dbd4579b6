//! Folders of files.

use super::*;
use crate::support::verdicts::{assert_green, assert_red};

#[test]
fn bak_01_an_empty_folder() {
    let folder = Folder::new();
    assert_red(&folder.look("", "max_age: 1d"), "b", "BAK-01");
    folder.put("notes.txt", "x", HOUR);
    assert_red(
        &folder.look("pattern: '*.gz'", "max_age: 1d"),
        "b",
        "BAK-01",
    );
    folder.put("a.gz", gzip(), HOUR);
    assert_green(&folder.look("pattern: '*.gz'", "max_age: 1d"));
}

#[test]
fn bak_02_the_newest_is_too_old() {
    let folder = Folder::new();
    let path = folder.put("a.gz", gzip(), 25 * HOUR);
    folder.put("b.gz", gzip(), 49 * HOUR);
    assert_green(&folder.look("", "max_age: 26h"));
    set_age(&path, 27 * HOUR);
    assert_red(&folder.look("", "max_age: 26h"), "b", "BAK-02");
}

#[test]
fn bak_02_by_the_time_in_the_name_not_that_of_the_copy() {
    let folder = Folder::new();
    let name = |age: Duration| {
        let time = jiff::Timestamp::try_from(SystemTime::now() - age).unwrap();
        format!("app-{}.gz", time.strftime("%Y%m%dT%H%M%S"))
    };
    let options = "time_format: '%Y%m%dT%H%M%S'\ntime_zone: UTC";
    let old = folder.put(&name(40 * HOUR), gzip(), HOUR);
    assert_red(&folder.look(options, "max_age: 26h"), "b", "BAK-02");
    std::fs::rename(old, folder.path().join(name(20 * HOUR))).unwrap();
    assert_green(&folder.look(options, "max_age: 26h"));
}

#[test]
fn bak_03_unfinished_files_do_not_count() {
    let folder = Folder::new();
    folder.put("a.gz", gzip(), 30 * HOUR);
    let unfinished = folder.put("b.gz.tmp", gzip(), HOUR);
    assert_red(
        &folder.look("pattern: '*.gz'", "max_age: 26h"),
        "b",
        "BAK-03",
    );
    std::fs::rename(unfinished, folder.path().join("b.gz")).unwrap();
    assert_green(&folder.look("pattern: '*.gz'", "max_age: 26h"));
    let only = Folder::new();
    only.put(".a.gz.8fk2", gzip(), HOUR);
    assert_red(&only.look("", "max_age: 26h"), "b", "BAK-03");
}

#[test]
fn bak_04_empty_too_small_or_shrunk() {
    let folder = Folder::new();
    let newest = folder.put("z.bin", text(1000), HOUR);
    for day in 1..6 {
        folder.put(&format!("{day}.bin"), text(1000), DAY * day);
    }
    let expect = "min_size: 1KiB, max_shrink: 30";
    assert_green(&folder.look("", expect));
    std::fs::write(&newest, text(500)).unwrap();
    assert_red(&folder.look("", expect), "b", "BAK-04");
    std::fs::write(&newest, text(10)).unwrap();
    assert_red(&folder.look("", "min_size: 1KiB"), "b", "BAK-04");
    std::fs::write(&newest, "").unwrap();
    assert_red(&folder.look("", "max_age: 1d"), "b", "BAK-04");
}

#[test]
fn bak_04_a_gzip_of_nothing() {
    let folder = Folder::new();
    let nothing = through("gzip", &["-c"], b"");
    assert_eq!(nothing.len(), 20, "what `false | gzip` leaves");
    let path = folder.put("a.sql.gz", nothing, HOUR);
    assert_red(&folder.look("", "max_age: 1d"), "b", "BAK-04");
    std::fs::write(&path, gzip()).unwrap();
    assert_green(&folder.look("", "max_age: 1d, min_content: 10KiB"));
    assert_red(&folder.look("", "min_content: 10MiB"), "b", "BAK-04");
}

#[test]
fn bak_09_restore_points_and_retention() {
    let folder = Folder::new();
    for day in 0..5 {
        folder.put(&format!("{day}.gz"), gzip(), DAY * day + HOUR);
    }
    let policy = "min_count: 5, min_retention: 4d, max_retention: 30d";
    assert_green(&folder.look("", policy));
    let old = folder.put("old.gz", gzip(), DAY * 31);
    assert_red(&folder.look("", policy), "b", "BAK-09");
    std::fs::remove_file(old).unwrap();
    std::fs::remove_file(folder.path().join("4.gz")).unwrap();
    assert_red(&folder.look("", "min_count: 5"), "b", "BAK-09");
    assert_red(&folder.look("", "min_retention: 4d"), "b", "BAK-09");
}

#[test]
fn bak_19_restores_are_tested() {
    let folder = Folder::new();
    let record = folder.path().join("restore.json");
    let block = format!(
        "restore_test: {{ file: {}, max_age: 90d, max_duration: 1h }}",
        record.display()
    );
    assert_red(&look(&block), "b", "BAK-19");
    let write = |age: Duration, rest: &str| {
        let time = jiff::Timestamp::try_from(SystemTime::now() - age).unwrap();
        std::fs::write(&record, format!("{{\"time\": \"{time}\", {rest}}}")).unwrap();
    };
    write(DAY, r#""result": "ok", "duration_seconds": 600"#);
    assert_green(&look(&block));
    write(DAY, r#""result": "failed", "duration_seconds": 600"#);
    assert_red(&look(&block), "b", "BAK-19");
    write(DAY, r#""duration_seconds": 600"#);
    assert_red(&look(&block), "b", "BAK-19");
    write(91 * DAY, r#""result": "ok", "duration_seconds": 600"#);
    assert_red(&look(&block), "b", "BAK-19");
    std::fs::write(&record, "restored fine").unwrap();
    assert_red(&look(&block), "b", "BAK-19");
}

#[test]
fn bak_52_a_restore_that_takes_too_long() {
    let folder = Folder::new();
    let record = folder.path().join("restore.json");
    let block = format!(
        "restore_test: {{ file: {}, max_age: 90d, max_duration: 1h }}",
        record.display()
    );
    for (seconds, green) in [("3599", true), ("3700", false)] {
        let now = jiff::Timestamp::now();
        let text = format!(
            "{{\"time\":\"{now}\",\"result\":\"failed\"}}\n{{\"time\":\"{now}\",\"result\":\"passed\",\"duration_seconds\":{seconds}}}\n"
        );
        std::fs::write(&record, text).unwrap();
        let run = look(&block);
        if green {
            assert_green(&run);
        } else {
            assert_red(&run, "b", "BAK-52");
        }
    }
}

#[test]
fn bak_20_a_database_without_backups() {
    let folder = Folder::new();
    for name in [
        "app-20260102.gz",
        "app_test-20260102.gz",
        "billing-20260102.gz",
    ] {
        folder.put(name, gzip(), HOUR);
    }
    assert_green(&folder.look("", "max_age: 1d, sets: [app, billing]"));
    assert_red(
        &folder.look("", "max_age: 1d, sets: [app, orders]"),
        "b",
        "BAK-20",
    );
    set_age(&folder.path().join("billing-20260102.gz"), DAY * 3);
    assert_red(
        &folder.look("", "max_age: 1d, sets: [app, billing]"),
        "b",
        "BAK-02",
    );
    let by_pattern = "set: '^(\\w+)-'";
    assert_red(&folder.look(by_pattern, "max_age: 1d"), "b", "BAK-02");
}

#[test]
fn bak_23_dated_in_the_future() {
    let folder = Folder::new();
    folder.put("a.gz", gzip(), HOUR);
    assert_green(&folder.look("", "max_age: 1d"));
    let path = folder.put("b.gz", gzip(), HOUR);
    File::open(path)
        .unwrap()
        .set_modified(SystemTime::now() + DAY)
        .unwrap();
    assert_red(&folder.look("", "max_age: 1d"), "b", "BAK-23");
}

#[test]
fn bak_51_days_without_a_backup() {
    let folder = Folder::new();
    for day in [0, 1, 2, 3, 4] {
        folder.put(&format!("{day}.gz"), gzip(), DAY * day + HOUR);
    }
    let expect = "max_gap: 1d, gap_window: 7d";
    assert_green(&folder.look("", expect));
    std::fs::remove_file(folder.path().join("2.gz")).unwrap();
    assert_red(&folder.look("", expect), "b", "BAK-51");
}

#[test]
fn bak_53_checksums_are_written_down_and_match() {
    let folder = Folder::new();
    let path = folder.put("a.gz", gzip(), HOUR);
    assert_red(&folder.look("", "checksum: true"), "b", "BAK-53");
    let sum = through("sha256sum", &[], &gzip());
    let sum = String::from_utf8(sum).unwrap().replace(" -", " a.gz");
    folder.put("a.gz.sha256", &sum, HOUR);
    assert_green(&folder.look("", "checksum: true"));
    // Another whole archive, which only the checksum gives away.
    std::fs::write(&path, through("gzip", &["-c"], &text(4999))).unwrap();
    assert_red(&folder.look("", "checksum: true"), "b", "BAK-05");
}

#[test]
fn bak_54_names_without_a_readable_time() {
    let folder = Folder::new();
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let options = "time_format: '%Y-%m-%d'\ntime_zone: UTC";
    folder.put(&format!("a-{today}.gz"), gzip(), HOUR);
    assert_green(&folder.look(options, "max_age: 2d"));
    folder.put("a-final.gz", gzip(), HOUR);
    assert_red(&folder.look(options, "max_age: 2d"), "b", "BAK-54");
}

#[test]
fn bak_55_a_link_that_points_nowhere() {
    let folder = Folder::new();
    folder.put("a.gz", gzip(), HOUR);
    let link = folder.path().join("latest");
    std::os::unix::fs::symlink("a.gz", &link).unwrap();
    // The link is no second backup.
    assert_red(&folder.look("", "min_count: 2"), "b", "BAK-09");
    assert_green(&folder.look("", "min_count: 1"));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("gone.gz", &link).unwrap();
    let run = folder.look("", "min_count: 1");
    assert_eq!(run.verdict("b"), "warn", "{run}");
    assert_eq!(run.codes("b"), ["BAK-55"], "{run}");
}

#[test]
fn folders_as_backups() {
    let folder = Folder::new();
    folder.put("base-1/base.tar.gz", gzip(), HOUR);
    folder.put("base-1/backup_label", "START\n", HOUR);
    folder.put("base-2.tmp/base.tar.gz", gzip(), HOUR);
    let options = "entries: folders";
    assert_green(&folder.look(options, "max_age: 1d, min_size: 10KiB, verify: auto"));
    assert_red(&folder.look(options, "min_count: 2"), "b", "BAK-09");
    let cut = gzip();
    folder.put("base-1/pg_wal.tar.gz", &cut[..cut.len() * 6 / 10], HOUR);
    assert_red(&folder.look(options, "max_age: 1d"), "b", "BAK-05");
}

#[test]
fn a_place_that_cannot_be_listed_is_an_error() {
    let folder = Folder::new();
    let file = folder.put("a.gz", gzip(), HOUR);
    let missing = folder.path().join("not-mounted");
    let block = |path: &Path| {
        format!(
            "files: {{ path: {} }}\nexpect: {{ max_age: 1d }}",
            path.display()
        )
    };
    assert_error(&look(&block(&missing)), "missing");
    assert_error(&look(&block(&file)), "missing");
    std::os::unix::fs::symlink("nowhere", &missing).unwrap();
    assert_error(&look(&block(&missing)), "missing");
}

#[test]
fn a_file_larger_than_allowed_is_not_taken_for_whole() {
    let folder = Folder::new();
    folder.put("a.gz", gzip(), HOUR);
    let run = folder.look("", "verify: gzip, max_read: 1KiB");
    assert_eq!(run.verdict("b"), "error", "{run}");
    run.assert_exit(3);
}

#[test]
fn contradictions_are_found_before_anything_is_looked_at() {
    for block in [
        "files: { path: . }\nreport: { file: x }",
        "expect: { max_age: 1d }",
        "files: { path: ., time_format: '%Y-%m-%d' }",
        "files: { path: ., time_format: '%Q', time_zone: UTC }",
        "files: { path: ., pattern: '[' }",
        "files: { path: . }\nexpect: { min_count: 0 }",
        "files: { path: . }\nexpect: { max_shrink: 200 }",
        "files: { path: . }\nexpect: { private: true }",
        "files: { path: . }\nexpect: { min_retention: 30d, max_retention: 7d }",
        "s3: { bucket: b, endpoint: 'http://127.0.0.1:1' }",
        "restic: {}",
        "command: { argv: [] }",
    ] {
        let run = look(block);
        run.assert_exit(2);
        assert!(run.stderr.contains("help"), "{block}\n{run}");
    }
}

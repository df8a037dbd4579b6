//! Missing, stale, broken and hostile files; what ties a report to the release.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;

const SUITE: &str = "<testsuite name=\"s\"><testcase name=\"a\"/></testsuite>";

fn set_age(path: &Path, hours: u64) {
    let at = SystemTime::now() - Duration::from_secs(hours * 3600);
    File::open(path).unwrap().set_modified(at).unwrap();
}

/// A suite that says when it ran.
fn dated(when: &str) -> String {
    SUITE.replace("name=\"s\"", &format!("name=\"s\" timestamp=\"{when}\""))
}

#[test]
fn rep_01_a_missing_report_and_a_pattern_that_matches_nothing() {
    assert_green(&look("junit.xml", SUITE, &json!({})));
    assert_unknown(&prepare(&json!({ "path": "junit.xml" })).run(), "REP-01");
    assert_unknown(
        &prepare(&json!({ "path": "**/junit*.xml" })).run(),
        "REP-01",
    );
    assert_unknown(
        &prepare(&json!({ "path": "junit.xml", "root": "gone" })).run(),
        "REP-01",
    );
    let block =
        json!({ "path": "junit.xml", "baseline": "before.xml", "tests": { "max_drop": 5 } });
    assert_unknown(&prepare(&block).file("junit.xml", SUITE).run(), "REP-01");
}

#[test]
fn rep_02_old_by_its_file() {
    let run = |hours, more: &Value| {
        let run = prepare(&block("junit.xml", more)).file("junit.xml", SUITE);
        set_age(&run.folder().join("junit.xml"), hours);
        run.run()
    };
    assert_green(&run(1, &json!({})));
    assert_red(&run(25, &json!({})), "r", "REP-02");
    assert_green(&run(25, &json!({ "max_age": "2d" })));
    assert_red(&run(1, &json!({ "max_age": "30m" })), "r", "REP-02");
    assert_red(&run(3, &json!({ "not_before": ago(2) })), "r", "REP-02");
    assert_green(&run(3, &json!({ "not_before": ago(4) })));
}

#[test]
fn rep_02_old_by_what_it_says() {
    // A cache gives every file a new time.
    assert_green(&look("junit.xml", dated(&ago(1)), &json!({})));
    let run = look("junit.xml", dated(&ago(30)), &json!({}));
    assert_red(&run, "r", "REP-02");
    assert!(run.stdout.contains("it says it was written"), "{run}");
    // Without a zone it may be hours off, but not days.
    assert_green(&look(
        "junit.xml",
        dated(&ago(30).replace('Z', "")),
        &json!({}),
    ));
    assert_red(
        &look("junit.xml", dated(&ago(48).replace('Z', "")), &json!({})),
        "r",
        "REP-02",
    );
    assert_red(
        &look("junit.xml", dated(&ago(-3)), &json!({})),
        "r",
        "REP-02",
    );
}

#[test]
fn rep_02_older_than_what_was_built() {
    let run = |built| {
        let block = json!({ "path": "junit.xml", "newer_than": "app.bin" });
        let run = prepare(&block)
            .file("junit.xml", SUITE)
            .file("app.bin", "x");
        set_age(&run.folder().join("app.bin"), built);
        set_age(&run.folder().join("junit.xml"), 2);
        run.run()
    };
    assert_green(&run(3));
    assert_red(&run(1), "r", "REP-02");
}

#[test]
fn rep_02_of_another_commit() {
    let commit = "3f786850e387550fdab836ed7e6dc881de23001b";
    let own = SUITE.replace(
        "<testcase",
        &format!(
            "<properties><property name=\"git.commit\" value=\"{commit}\"/></properties><testcase"
        ),
    );
    for wanted in [commit, "3F78685"] {
        assert_green(&look("junit.xml", &own, &json!({ "commit": wanted })));
    }
    let other = json!({ "commit": "89e6c98d92887913cadf06b2adb97f26cde4849b" });
    assert_red(&look("junit.xml", &own, &other), "r", "REP-02");
    let silent = look("junit.xml", SUITE, &json!({ "commit": commit }));
    assert_unknown(&silent, "REP-02");
    let beside = |text: &str| {
        let block = json!({ "path": "junit.xml", "commit": commit, "commit_file": "junit.commit" });
        prepare(&block)
            .file("junit.xml", SUITE)
            .file("junit.commit", text)
            .run()
    };
    assert_green(&beside(&format!("{commit}\n")));
    assert_red(
        &beside("89e6c98d92887913cadf06b2adb97f26cde4849b\n"),
        "r",
        "REP-02",
    );
    assert_red(&beside("3f7\n"), "r", "REP-02");
}

#[test]
fn rep_07_what_cannot_be_read() {
    let whole = "<testsuites><testsuite name=\"s\"><testcase name=\"a\"/><testcase name=\"b\"/></testsuite></testsuites>";
    assert_green(&look("r", whole, &json!({})));
    // Cut off anywhere, it is not green.
    for end in [1, 12, 40, 60, 75, 90, whole.len() - 1] {
        let run = look("r", &whole[..end], &json!({}));
        assert_unknown(&run, "REP-07");
    }
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(whole.bytes().flat_map(|b| [b, 0]))
        .collect();
    for content in [
        b"".to_vec(),
        b"  \n".to_vec(),
        b"ok".to_vec(),
        b"<html><body>502 Bad Gateway</body></html>".to_vec(),
        b"<testsuites></testsuite>".to_vec(),
        b"<testsuites><testsuite></testsuites>".to_vec(),
        b"<testsuites/><testsuites/>".to_vec(),
        b"<testsuites/>garbage".to_vec(),
        b"<testsuite a='1' a='2'/>".to_vec(),
        b"<testsuite failures='many'/>".to_vec(),
        b"{}".to_vec(),
        b"{\"version\": \"2.1.0\", \"runs\": [".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"{\"total\": NaN}".to_vec(),
        b"\x00\x01\x02".to_vec(),
        utf16,
    ] {
        let shown = String::from_utf8_lossy(&content).into_owned();
        let run = look("r", content, &json!({}));
        assert_unknown(&run, "REP-07");
        assert!(run.duration < Duration::from_secs(5), "{shown}\n{run}");
    }
    let pinned = look("r", whole, &json!({ "format": "sarif" }));
    assert_unknown(&pinned, "REP-07");
    let other = look("r", whole, &json!({ "coverage": { "min_lines": 5 } }));
    assert_unknown(&other, "REP-07");
    assert!(other.stdout.contains("it is junit"), "{other}");
}

#[test]
fn rep_07_too_large_too_deep_and_no_file_at_all() {
    let sparse = prepare(&json!({ "path": "big.xml" })).file("big.xml", "<testsuites>");
    let file = File::options()
        .write(true)
        .open(sparse.folder().join("big.xml"))
        .unwrap();
    file.set_len(200 << 20).unwrap();
    let deep_json = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let deep_xml = "<testsuite>".repeat(10_000);
    let runs = [
        sparse.run(),
        look("r", "[".repeat(100_000), &json!({})),
        look("r", deep_json, &json!({ "format": "sarif" })),
        look("r", deep_xml, &json!({})),
        prepare(&json!({ "path": "folder" }))
            .file("folder/x", "")
            .run(),
        look("r", SUITE, &json!({ "max_size": "10B" })),
    ];
    for run in runs {
        assert_unknown(&run, "REP-07");
        assert!(run.duration < Duration::from_secs(5), "{run}");
    }
    let fifo = prepare(&json!({ "path": "pipe" }));
    let made = std::process::Command::new("mkfifo")
        .arg(fifo.folder().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    let run = fifo.run();
    assert_unknown(&run, "REP-07");
    assert!(run.duration < Duration::from_secs(5), "{run}");
}

#[test]
fn a_long_report_is_read_in_time() {
    let cases = "<testcase classname=\"some.class.of.tests\" name=\"one of many\" time=\"0.001\"></testcase>\n".repeat(250_000);
    let run = look(
        "r",
        format!("<testsuite name=\"s\">{cases}</testsuite>"),
        &json!({}),
    );
    assert_green(&run);
    assert!(run.duration < Duration::from_secs(20), "{:?}", run.duration);
}

#[test]
fn rep_19_entities() {
    // What coverage tools declare is harmless, and is not fetched.
    let declared = format!("<!DOCTYPE testsuite SYSTEM \"http://127.0.0.1:1/x.dtd\">{SUITE}");
    assert_green(&look("r", declared, &json!({})));
    assert_green(&look(
        "r",
        SUITE.replace("name=\"a\"", "name=\"a &lt;&#65;&gt; &amp;\""),
        &json!({}),
    ));
    let laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]><testsuite name=\"&c;\"><testcase name=\"a\"/></testsuite>";
    let external = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><testsuite name=\"s\"><testcase name=\"a\">&a;</testcase></testsuite>";
    let undeclared = SUITE.replace("name=\"a\"", "name=\"&a;\"");
    let in_text = SUITE.replace("/></testsuite>", ">&a;</testcase></testsuite>");
    for hostile in [laughs, external, &undeclared, &in_text] {
        let run = look("r", hostile, &json!({}));
        assert_unknown(&run, "REP-19");
        assert!(!run.stdout.contains("root:"), "{run}");
    }
}

#[test]
fn rep_57_nothing_outside_of_the_root_is_read() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.xml"), SUITE).unwrap();
    let link = |to: &Path, path: &str| {
        let run = prepare(&json!({ "path": path, "root": "root" })).file("root/own.xml", SUITE);
        symlink(to, run.folder().join("root/link.xml")).unwrap();
        run.run()
    };
    assert_unknown(
        &link(&outside.path().join("secret.xml"), "link.xml"),
        "REP-57",
    );
    assert_unknown(&link(&outside.path().join("secret.xml"), "*.xml"), "REP-57");
    assert_green(&link(Path::new("own.xml"), "link.xml"));
    assert_unknown(&link(Path::new("link.xml"), "link.xml"), "REP-01");
    let up = prepare(&json!({ "path": "../own.xml", "root": "root" }))
        .file("own.xml", SUITE)
        .file("root/x", "");
    assert_unknown(&up.run(), "REP-57");
    let absolute =
        prepare(&json!({ "path": outside.path().join("secret.xml").display().to_string() }));
    assert_unknown(&absolute.run(), "REP-57");
    // A folder that is a link to elsewhere is not entered.
    let linked = prepare(&json!({ "path": "**/secret.xml" })).file("x", "");
    symlink(outside.path(), linked.folder().join("sub")).unwrap();
    assert_unknown(&linked.run(), "REP-01");
}

#[test]
fn what_could_never_fail_is_refused() {
    for block in [
        json!({ "path": "" }),
        json!({ "path": "[" }),
        json!({ "path": "r", "format": "lcov" }),
        json!({ "path": "r", "format": "k6" }),
        json!({ "path": "r", "format": "scorecard" }),
        json!({ "path": "r", "coverage": {} }),
        json!({ "path": "r", "score": {} }),
        json!({ "path": "r", "tests": {}, "scan": {} }),
        json!({ "path": "r", "format": "junit", "scan": {} }),
        json!({ "path": "r", "tests": { "max_drop": 5 } }),
        json!({ "path": "r", "baseline": "r", "tests": { "max_drop": 5 } }),
        json!({ "path": "r", "baseline": "b", "tests": {} }),
        json!({ "path": "r", "tests": { "quarantine": ["*"] } }),
        json!({ "path": "r", "coverage": { "min_lines": 101 } }),
        json!({ "path": "r", "coverage": { "min_changed": 80 } }),
        json!({ "path": "r", "sbom": { "complete": [] } }),
        json!({ "path": "r", "commit": "main" }),
        json!({ "path": "r", "commit_file": "x" }),
        json!({ "path": "r", "not_before": "yesterday" }),
        json!({ "path": "r", "max_size": "1TB" }),
    ] {
        let run = prepare(&block).file("r", SUITE).run();
        assert_eq!(run.exit, 2, "{block}\n{run}");
    }
}

//! Coverage.

use super::*;

const LCOV: &str = "TN:\nSF:src/auth/login.rs\nFN:1,login\nFNDA:1,login\nFNF:1\nFNH:1\nDA:1,5\nDA:2,5\nDA:3,0\nDA:4,1\nBRDA:2,0,0,5\nBRDA:2,0,1,-\nBRF:2\nBRH:1\nLF:4\nLH:3\nend_of_record\nSF:src/main.rs\nDA:1,0\nDA:2,1\nDA:3,1\nDA:4,1\nLF:4\nLH:3\nend_of_record\n";

fn cobertura() -> String {
    let at = jiff::Timestamp::now().as_millisecond();
    format!(
        "<?xml version=\"1.0\" ?>\n<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\">\n<coverage version=\"7.6.1\" timestamp=\"{at}\" lines-valid=\"4\" lines-covered=\"4\" line-rate=\"1\" branches-covered=\"1\" branches-valid=\"2\" branch-rate=\"0.5\" complexity=\"0\">\n<sources><source>/app</source></sources>\n<packages><package name=\".\" line-rate=\"1\" branch-rate=\"0.5\" complexity=\"0\"><classes><class name=\"app.py\" filename=\"app.py\" complexity=\"0\" line-rate=\"1\" branch-rate=\"0.5\"><methods/><lines>\n<line number=\"1\" hits=\"1\"/><line number=\"2\" hits=\"1\" branch=\"true\" condition-coverage=\"50% (1/2)\" missing-branches=\"4\"/><line number=\"3\" hits=\"1\"/><line number=\"4\" hits=\"0\"/>\n</lines></class></classes></package></packages></coverage>\n"
    )
}

fn jacoco() -> String {
    let at = jiff::Timestamp::now().as_millisecond();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><!DOCTYPE report PUBLIC \"-//JACOCO//DTD Report 1.1//EN\" \"report.dtd\"><report name=\"app\"><sessioninfo id=\"host-1\" start=\"{at}\" dump=\"{at}\"/><package name=\"com/example\"><class name=\"com/example/App\" sourcefilename=\"App.java\"><method name=\"run\" desc=\"()V\" line=\"3\"><counter type=\"LINE\" missed=\"9\" covered=\"1\"/></method></class><sourcefile name=\"App.java\"><line nr=\"3\" mi=\"0\" ci=\"3\" mb=\"1\" cb=\"1\"/><line nr=\"4\" mi=\"0\" ci=\"2\" mb=\"0\" cb=\"0\"/><line nr=\"5\" mi=\"0\" ci=\"2\" mb=\"0\" cb=\"0\"/><line nr=\"6\" mi=\"2\" ci=\"0\" mb=\"0\" cb=\"0\"/><counter type=\"LINE\" missed=\"1\" covered=\"3\"/><counter type=\"BRANCH\" missed=\"1\" covered=\"1\"/></sourcefile></package><counter type=\"LINE\" missed=\"0\" covered=\"4\"/></report>"
    )
}

fn llvm_cov() -> String {
    json!({ "data": [{ "files": [{ "filename": "/build/src/main.rs", "segments": [[1, 1, 3, true, true, false]],
        "summary": { "lines": { "count": 4, "covered": 3, "percent": 75.0 }, "branches": { "count": 2, "covered": 1, "notcovered": 1, "percent": 50.0 },
            "functions": { "count": 1, "covered": 1, "percent": 100.0 }, "regions": { "count": 4, "covered": 3, "notcovered": 1, "percent": 75.0 } } }],
        "totals": { "lines": { "count": 4, "covered": 4, "percent": 100.0 } } }], "type": "llvm.coverage.json.export", "version": "2.0.1" })
    .to_string()
}

fn coverage_py() -> String {
    json!({ "meta": { "format": 3, "version": "7.6.1", "timestamp": ago(1).replace('Z', ".5"), "branch_coverage": true, "show_contexts": false },
        "files": { "app.py": { "executed_lines": [1, 2, 3], "missing_lines": [4], "excluded_lines": [],
            "summary": { "covered_lines": 3, "num_statements": 4, "percent_covered": 66.7, "missing_lines": 1, "num_branches": 2, "covered_branches": 1 } } },
        "totals": { "covered_lines": 4, "num_statements": 4, "percent_covered": 100.0 } })
    .to_string()
}

fn with(content: impl AsRef<[u8]>, expect: &Value) -> Run {
    look("coverage", content, &json!({ "coverage": expect }))
}

#[test]
fn rep_09_every_format_is_computed_from_its_lines() {
    for (format, content) in [
        ("lcov", LCOV.to_owned()),
        ("cobertura", cobertura()),
        ("jacoco", jacoco()),
        ("llvm_cov", llvm_cov()),
        ("coverage_py", coverage_py()),
    ] {
        let healthy = with(
            &content,
            &json!({ "min_lines": 75, "min_branches": 50, "branches_tracked": true }),
        );
        assert_green(&healthy);
        assert_eq!(
            healthy.check("r")["facts"]["reports"][0]["format"],
            format,
            "{healthy}"
        );
        assert_red(
            &with(&content, &json!({ "min_lines": 75.1 })),
            "r",
            "REP-09",
        );
        assert_red(
            &with(&content, &json!({ "min_branches": 51 })),
            "r",
            "REP-09",
        );
    }
}

#[test]
fn rep_09_nothing_measured_is_not_everything_covered() {
    let empty = "<coverage lines-valid=\"0\" line-rate=\"1\"><packages/></coverage>";
    assert_red(&with(empty, &json!({ "min_lines": 1 })), "r", "REP-09");
    assert_red(
        &with(
            "TN:\nSF:a\nLF:0\nLH:0\nend_of_record\n",
            &json!({ "min_lines": 0 }),
        ),
        "r",
        "REP-09",
    );
    let lines_only = LCOV.replace("BRDA:2,0,0,5\nBRDA:2,0,1,-\nBRF:2\nBRH:1\n", "");
    assert_red(
        &with(&lines_only, &json!({ "branches_tracked": true })),
        "r",
        "REP-09",
    );
    assert_green(&with(&lines_only, &json!({ "min_lines": 75 })));
    // 74.99… is not 75.
    let almost = format!(
        "SF:a\n{}end_of_record\n",
        (1..=10_000)
            .map(|n| format!("DA:{n},{}\n", u8::from(n > 2501)))
            .collect::<String>()
    );
    let run = with(&almost, &json!({ "min_lines": 75 }));
    assert_red(&run, "r", "REP-09");
    assert!(run.stdout.contains("74.99 %"), "{run}");
}

#[test]
fn rep_10_falling_coverage() {
    let compare = |now: &str, before: &str, drop: f64| {
        let block =
            json!({ "path": "now", "baseline": "before", "coverage": { "max_drop": drop } });
        prepare(&block)
            .file("now", now)
            .file("before", before)
            .run()
    };
    let worse = LCOV.replace("DA:4,1", "DA:4,0");
    assert_green(&compare(LCOV, LCOV, 0.0));
    assert_green(&compare(LCOV, &worse, 0.0));
    assert_red(&compare(&worse, LCOV, 0.0), "r", "REP-10");
    assert_green(&compare(&worse, LCOV, 30.0));
    let branches = LCOV.replace("BRDA:2,0,0,5", "BRDA:2,0,0,0");
    assert_red(&compare(&branches, LCOV, 0.0), "r", "REP-10");
    let unmeasured = "SF:a\nLF:0\nLH:0\nend_of_record\n";
    assert_red(&compare(unmeasured, LCOV, 0.0), "r", "REP-10");
}

#[test]
fn rep_10_changed_lines() {
    let changed = |report: &str, added: &str| {
        let diff = format!(
            "diff --git a/src/main.rs b/src/main.rs\n--- a/src/main.rs\n+++ b/src/main.rs\n@@ -1,1 +1,2 @@\n {added}"
        );
        let block = json!({ "path": "now", "coverage": { "diff": "d.patch", "min_changed": 80 } });
        prepare(&block)
            .file("now", report)
            .file("d.patch", diff)
            .run()
    };
    assert_green(&changed(LCOV, "fn main() {\n+    run();\n"));
    // Line 1 did not run.
    let first = "fn a()\n+    b();\n".to_owned();
    let uncovered = LCOV.replace(
        "SF:src/main.rs\nDA:1,0\nDA:2,1",
        "SF:src/main.rs\nDA:1,1\nDA:2,0",
    );
    let run = changed(&uncovered, &first);
    assert_red(&run, "r", "REP-10");
    assert!(run.stdout.contains("src/main.rs:2"), "{run}");
    // Sums alone do not tell.
    let sums = "SF:src/main.rs\nLF:4\nLH:4\nend_of_record\n";
    assert_unknown(&changed(sums, &first), "REP-10");
    assert_unknown(&changed(LCOV, "cut off"), "REP-07");
}

#[test]
fn rep_11_critical_code() {
    let critical = |pattern: &str, least: u8| json!({ "critical": { pattern: least } });
    assert_green(&with(LCOV, &critical("src/auth/**", 75)));
    assert_green(&with(LCOV, &critical("auth/*.rs", 75)));
    assert_red(&with(LCOV, &critical("src/auth/**", 90)), "r", "REP-11");
    assert_red(&with(LCOV, &critical("src/billing/**", 1)), "r", "REP-11");
    let emptied = LCOV
        .replace("DA:1,5\nDA:2,5\nDA:3,0\nDA:4,1\n", "")
        .replacen("LF:4\nLH:3", "LF:0\nLH:0", 1);
    assert_red(&with(emptied, &critical("src/auth/**", 0)), "r", "REP-11");
}

#[test]
fn shards_are_united_not_added() {
    let first = "SF:src/a.rs\nDA:1,1\nDA:2,0\nend_of_record\n";
    let second = "SF:src/a.rs\nDA:1,0\nDA:2,1\nend_of_record\n";
    let run = |a: &str, b: &str, least: u8| {
        let block = json!({ "path": "shard-*.info", "coverage": { "min_lines": least } });
        prepare(&block)
            .file("shard-1.info", a)
            .file("shard-2.info", b)
            .run()
    };
    let both = run(first, second, 100);
    assert_green(&both);
    assert_eq!(
        both.check("r")["facts"]["seen"]["coverage"]["lines"]["total"],
        2,
        "{both}"
    );
    assert_red(&run(first, first, 51), "r", "REP-09");
    let sums = "SF:src/a.rs\nLF:2\nLH:2\nend_of_record\n";
    assert_unknown(&run(sums, sums, 50), "REP-07");
}

#[test]
fn rep_07_broken_coverage() {
    for content in [
        &LCOV[..LCOV.len() - 20],
        "TN:\nDA:1,1\n",
        "TN:\nSF:a\nDA:one,1\nend_of_record\n",
        "TN:\nSF:a\nDA:1\nend_of_record\n",
        "SF:a\nSF:b\nend_of_record\n",
    ] {
        assert_unknown(&with(content, &json!({ "min_lines": 1 })), "REP-07");
    }
    for (from, to) in [
        ("hits=\"1\"", "hits=\"x\""),
        ("number=\"1\" ", ""),
        ("(1/2)", "(half)"),
        ("</coverage>", ""),
    ] {
        assert_unknown(
            &with(cobertura().replace(from, to), &json!({ "min_lines": 1 })),
            "REP-07",
        );
    }
    for (from, to) in [
        ("\"missing_lines\":[4]", "\"missing_lines\":null"),
        ("[1,2,3]", "[\"1\"]"),
    ] {
        assert_unknown(
            &with(coverage_py().replace(from, to), &json!({ "min_lines": 1 })),
            "REP-07",
        );
    }
    assert_unknown(
        &with(
            llvm_cov().replace("\"covered\":3", "\"covered\":null"),
            &json!({ "min_lines": 1 }),
        ),
        "REP-07",
    );
    assert_unknown(
        &with(jacoco().replace("ci=\"2\"", ""), &json!({ "min_lines": 1 })),
        "REP-07",
    );
    let clover = "<coverage generated=\"1\" clover=\"3.2.0\"><project/></coverage>";
    assert_unknown(&with(clover, &json!({ "min_lines": 1 })), "REP-07");
}

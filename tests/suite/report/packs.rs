//! The packs over reports.

use super::*;

const SUITE: &str = "<testsuite name=\"unit\"><testcase name=\"a\"/></testsuite>";
const LCOV: &str = "SF:a\nDA:1,1\nDA:2,1\nDA:3,1\nDA:4,0\nBRDA:1,0,0,1\nend_of_record\n";

fn pack(name: &str, with: &Value, files: &[(&str, &str)]) -> Run {
    let yaml = json!({ "version": 1, "name": "t", "packs": [{ "use": name, "with": with }] });
    let run = audit_command(&yaml.to_string());
    files
        .iter()
        .fold(run, |run, (path, content)| run.file(path, content))
        .run()
}

#[test]
fn pack_test_reports() {
    let with = json!({ "required_suites": ["unit"], "min_lines": 75, "folder": "out" });
    let healthy = [
        ("out/sub/junit-unit.xml", SUITE),
        ("out/coverage.xml", LCOV),
        ("out/coverage-before.xml", LCOV),
    ];
    assert_green(&pack("test-reports", &with, &healthy));
    let failed = SUITE.replace("/></testsuite>", "><failure/></testcase></testsuite>");
    let run = pack(
        "test-reports",
        &with,
        &[("out/junit.xml", &failed), healthy[1], healthy[2]],
    );
    assert_eq!(run.verdict("tests-pass"), "fail", "{run}");
    let other = SUITE.replace("unit", "smoke");
    let run = pack(
        "test-reports",
        &with,
        &[("out/junit.xml", &other), healthy[1], healthy[2]],
    );
    assert_red(&run, "tests-required", "REP-08");
    let flaky = SUITE.replace("/></testsuite>", "><flakyFailure/></testcase></testsuite>");
    let run = pack(
        "test-reports",
        &with,
        &[("out/junit.xml", &flaky), healthy[1], healthy[2]],
    );
    assert_eq!(run.verdict("tests-reliable"), "fail", "{run}");
    let worse = LCOV.replace("DA:3,1", "DA:3,0");
    let run = pack(
        "test-reports",
        &with,
        &[healthy[0], ("out/coverage.xml", &worse), healthy[2]],
    );
    assert_eq!(run.verdict("coverage-lines"), "fail", "{run}");
    assert_eq!(run.verdict("coverage-not-falling"), "fail", "{run}");
    let unmeasured = LCOV.replace("BRDA:1,0,0,1\n", "");
    let run = pack(
        "test-reports",
        &with,
        &[
            healthy[0],
            ("out/coverage.xml", &unmeasured),
            ("out/coverage-before.xml", &unmeasured),
        ],
    );
    assert_eq!(run.codes("coverage-branches"), ["REP-09"], "{run}");
}

#[test]
fn pack_security_reports() {
    let dependencies =
        json!({ "database": { "last-updated": ago(2) }, "lockfile": { "dependency-count": 3 },
        "vulnerabilities": { "found": false, "count": 0, "list": [] }, "warnings": {} })
        .to_string();
    let image = json!({ "matches": [], "source": { "type": "image", "target": { "userInput": "app" } },
        "descriptor": { "name": "grype", "timestamp": ago(1), "db": { "status": { "built": ago(20), "valid": true } } } }).to_string();
    let code = json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": "CodeQL" } }, "results": [], "invocations": [{ "executionSuccessful": true }] }] }).to_string();
    let sbom = json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": { "timestamp": ago(1) },
        "components": [{ "type": "library", "name": "a", "version": "1", "licenses": [{ "license": { "id": "MIT" } }] }] }).to_string();
    let scorecard = json!({ "date": ago(1), "repo": { "name": "x" }, "scorecard": {}, "score": 7.5, "checks": [] }).to_string();
    let all = |broken: Option<(&str, &str)>| {
        let files = [
            ("dependencies.json", dependencies.as_str()),
            ("image.json", &image),
            ("deep/code.sarif", &code),
            ("gitleaks.json", "[]"),
            ("sbom.cdx.json", &sbom),
            ("scorecard.json", &scorecard),
        ];
        let files = files.map(|(path, content)| match broken {
            Some((name, other)) if name == path => (path, other),
            _ => (path, content),
        });
        pack("security-reports", &json!({}), &files)
    };
    assert_green(&all(None));
    for (file, from, to, check) in [
        (
            "dependencies.json",
            "\"list\":[]",
            "\"list\":[{\"advisory\":{\"id\":\"RUSTSEC-1\"},\"package\":{\"name\":\"a\"}}]",
            "dependencies-no-known-vulnerability",
        ),
        (
            "image.json",
            "\"matches\":[]",
            "\"matches\":[{\"vulnerability\":{\"id\":\"CVE-1\",\"severity\":\"High\",\"fix\":{\"state\":\"fixed\"}},\"artifact\":{\"name\":\"a\"}}]",
            "image-no-known-vulnerability",
        ),
        (
            "image.json",
            &ago(20),
            &ago(24 * 9),
            "image-database-recent",
        ),
        ("deep/code.sarif", "true", "false", "code-no-finding"),
        ("sbom.cdx.json", "MIT", "SSPL-1.0", "sbom-complete"),
        ("scorecard.json", "7.5", "5.5", "scorecard"),
    ] {
        let healthy = [
            ("dependencies.json", &dependencies),
            ("image.json", &image),
            ("deep/code.sarif", &code),
            ("sbom.cdx.json", &sbom),
            ("scorecard.json", &scorecard),
        ];
        let (_, content) = healthy.iter().find(|(name, _)| *name == file).unwrap();
        let broken = content.replace(from, to);
        assert_ne!(&broken, *content, "{file}");
        let run = all(Some((file, &broken)));
        // `low` is below what makes an audit fail.
        assert!(
            ["fail", "warn"].contains(&run.verdict(check).as_str()),
            "{check}\n{run}"
        );
    }
    let leak =
        "[{\"RuleID\": \"key\", \"File\": \"a\", \"StartLine\": 1, \"Secret\": \"REDACTED\"}]";
    assert_eq!(
        all(Some(("gitleaks.json", leak))).verdict("secrets-none"),
        "fail"
    );
}

#[test]
fn pack_load_reports() {
    let csv = |p95: u32| {
        format!(
            "Type,Name,Request Count,Failure Count,Requests/s,50%,95%,99%\n,Aggregated,5000,1,100,20,{p95},900\n"
        )
    };
    let with = json!({ "summary": "stats.csv", "before": "before.csv" });
    let run = |now: u32| {
        pack(
            "load-reports",
            &with,
            &[("stats.csv", &csv(now)), ("before.csv", &csv(300))],
        )
    };
    assert_green(&run(310));
    let slower = run(400);
    assert_red(&slower, "load-no-slower", "REP-53");
    let slow = run(600);
    assert_eq!(slow.verdict("load-within-limits"), "fail", "{slow}");
}

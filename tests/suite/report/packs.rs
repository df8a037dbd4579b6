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

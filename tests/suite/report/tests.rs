//! JUnit.

use super::*;

/// A report as pytest writes it, with these test cases.
fn pytest(cases: &str) -> String {
    let written = ago(1).replace('Z', ".123456");
    let tests = cases.matches("<testcase").count();
    let failures = cases.matches("<failure").count();
    let skipped = cases.matches("<skipped").count();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite name=\"pytest\" errors=\"0\" failures=\"{failures}\" skipped=\"{skipped}\" tests=\"{tests}\" time=\"0.042\" timestamp=\"{written}\" hostname=\"runner\">{cases}</testsuite></testsuites>"
    )
}

/// A test that passed.
fn passed(name: &str) -> String {
    format!("<testcase classname=\"tests.test_app\" name=\"{name}\" time=\"0.001\" />")
}

/// A test with something inside.
fn with(name: &str, inner: &str) -> String {
    format!(
        "<testcase classname=\"tests.test_app\" name=\"{name}\" time=\"0.001\">{inner}</testcase>"
    )
}

const FAILURE: &str = "<failure message=\"assert 1 == 2\">trace\nof it</failure>";
const SKIPPED: &str = "<skipped type=\"pytest.skip\" message=\"no database\" />";

fn junit(content: impl AsRef<[u8]>, tests: &Value) -> Run {
    look("junit.xml", content, &json!({ "tests": tests }))
}

#[test]
fn rep_03_no_tests_or_fewer() {
    assert_green(&junit(pytest(&passed("a")), &json!({})));
    assert_red(&junit(pytest(""), &json!({})), "r", "REP-03");
    assert_red(&junit("<testsuites/>", &json!({})), "r", "REP-03");
    assert_red(
        &junit(pytest(&passed("a")), &json!({ "min": 2 })),
        "r",
        "REP-03",
    );
    let many: String = (0..10).map(|n| passed(&format!("t{n}"))).collect();
    let before = |now: String| {
        let block =
            json!({ "path": "junit.xml", "baseline": "before.xml", "tests": { "max_drop": 10 } });
        prepare(&block)
            .file("before.xml", pytest(&many))
            .file("junit.xml", now)
            .run()
    };
    assert_green(&before(pytest(
        &(0..9).map(|n| passed(&format!("t{n}"))).collect::<String>(),
    )));
    assert_red(&before(pytest(&passed("a"))), "r", "REP-03");
}

#[test]
fn rep_04_failures_wherever_they_stand() {
    let healthy = format!(
        "<testsuites><testsuite name=\"outer\"><testsuite name=\"inner\">{}</testsuite></testsuite></testsuites>",
        passed("a")
    );
    assert_green(&junit(&healthy, &json!({})));
    let nested = healthy.replace(&passed("a"), &with("a", FAILURE));
    let run = junit(&nested, &json!({}));
    assert_red(&run, "r", "REP-04");
    assert!(
        run.stdout.contains("tests.test_app.a: assert 1 == 2"),
        "{run}"
    );
    for broken in [
        // An error without a message, in a report without any attribute.
        healthy.replace(&passed("a"), &with("a", "<error/>")),
        // The attributes know of a failure that no test shows.
        healthy.replace("name=\"outer\"", "name=\"outer\" failures=\"1\""),
        healthy.replace("name=\"inner\"", "name=\"inner\" errors=\"2\""),
        // A suite whose set-up failed.
        healthy.replace(
            "</testsuite></testsuite>",
            "<error message=\"no database\"/></testsuite></testsuite>",
        ),
        healthy.replace("name=\"a\"", "name=\"a\" status=\"failed\""),
    ] {
        assert_red(&junit(&broken, &json!({})), "r", "REP-04");
    }
    // Tests that only attributes count.
    assert_advice(
        &junit(
            healthy.replace("name=\"outer\"", "name=\"outer\" tests=\"9\""),
            &json!({}),
        ),
        "REP-04",
    );
}

#[test]
fn rep_05_skipped_is_not_passed() {
    let all = pytest(&with("a", SKIPPED).repeat(3));
    assert_red(&junit(&all, &json!({})), "r", "REP-05");
    for dialect in [
        "<testsuite name=\"g\"><testcase name=\"a\" status=\"notrun\"/></testsuite>",
        "<testsuite name=\"g\"><testcase name=\"a\"><skipped/></testcase></testsuite>",
        "<testsuite name=\"g\"><testcase name=\"a\" result=\"suppressed\"/></testsuite>",
    ] {
        assert_red(&junit(dialect, &json!({})), "r", "REP-05");
    }
    let some = pytest(&format!("{}{}", with("a", SKIPPED), passed("b").repeat(3)));
    assert_green(&junit(&some, &json!({})));
    assert_green(&junit(&some, &json!({ "max_skipped": 25 })));
    assert_red(&junit(&some, &json!({ "max_skipped": 20 })), "r", "REP-05");
}

#[test]
fn rep_06_flaky_tests_and_the_quarantine() {
    // As nextest and Surefire write it.
    let flaky = with(
        "wobbles",
        "<flakyFailure message=\"timed out\" type=\"test failure\"/>",
    );
    let report = pytest(&format!("{}{flaky}", passed("a")));
    assert_advice(&junit(&report, &json!({})), "REP-06");
    assert_red(&junit(&report, &json!({ "max_flaky": 0 })), "r", "REP-06");
    assert_green(&junit(&report, &json!({ "max_flaky": 1 })));
    assert_green(&junit(
        &report,
        &json!({ "max_flaky": 0, "quarantine": ["*.wobbles"] }),
    ));
    // It failed in the end.
    let failed = with(
        "wobbles",
        &format!("{FAILURE}<rerunFailure message=\"x\" type=\"y\"/>"),
    );
    let report = pytest(&format!("{}{failed}", passed("a")));
    assert_red(&junit(&report, &json!({})), "r", "REP-04");
    let other = pytest(&format!("{}{failed}", with("a", FAILURE)));
    assert_red(
        &junit(&other, &json!({ "quarantine": ["*wobbles"] })),
        "r",
        "REP-04",
    );
}

#[test]
fn rep_06_what_fails_in_quarantine_is_advice() {
    let report = format!(
        "<testsuite name=\"s\">{}{}</testsuite>",
        passed("a"),
        with("wobbles", FAILURE)
    );
    assert_advice(
        &junit(report, &json!({ "quarantine": ["*wobbles"] })),
        "REP-06",
    );
}

#[test]
fn rep_08_required_suites() {
    let security = passed("test_login").replace("tests.test_app", "tests.security.test_auth");
    let report = pytest(&format!("{}{security}", passed("a")));
    let require = json!({ "require": ["*security*"] });
    assert_green(&junit(&report, &require));
    assert_red(&junit(pytest(&passed("a")), &require), "r", "REP-08");
    // Skipped is not run.
    let skipped = with("t", SKIPPED).replace("tests.test_app", "tests.security");
    assert_red(
        &junit(pytest(&format!("{}{skipped}", passed("a"))), &require),
        "r",
        "REP-08",
    );
    // One suite of many.
    let only = json!({ "only": ["*security*"] });
    assert_green(&junit(
        pytest(&format!("{}{security}", with("a", FAILURE))),
        &only,
    ));
    let failing = with("t", FAILURE).replace("tests.test_app", "tests.security");
    assert_red(
        &junit(pytest(&format!("{}{failing}", passed("a"))), &only),
        "r",
        "REP-04",
    );
    let none = junit(pytest(&passed("a")), &only);
    assert_red(&none, "r", "REP-08");
}

#[test]
fn rep_20_one_name_with_two_outcomes() {
    let twice = pytest(&format!("{}{}", passed("a"), passed("a")));
    assert_green(&junit(twice, &json!({})));
    let both = pytest(&format!("{}{}", with("a", FAILURE), passed("a")));
    assert_red(&junit(both, &json!({})), "r", "REP-20");
}

#[test]
fn several_reports_are_judged_as_one() {
    let block = json!({ "path": "out/**/TEST-*.xml", "tests": { "min": 2 } });
    let suite = |inner: &str| format!("<testsuite name=\"s\">{inner}</testsuite>");
    let run = |second: String| {
        prepare(&block)
            .file("out/TEST-a.xml", suite(&passed("a")))
            .file("out/deep/er/TEST-b.xml", suite(&second))
            .file("out/other.xml", "<broken")
            .run()
    };
    assert_green(&run(passed("b")));
    assert_red(&run(with("b", FAILURE)), "r", "REP-04");
    assert_red(&run(String::new()), "r", "REP-03");
}

#[test]
fn what_nextest_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |path: &str, text: &str| {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), text).unwrap();
    };
    let written = |failing: bool| {
        let case = if failing { " failing" } else { "" };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nextest-run\" tests=\"1\" failures=\"{n}\" errors=\"0\" uuid=\"7f0c0f5a-0000-4000-8000-000000000000\" timestamp=\"{at}\" time=\"0.010\">\n    <testsuite name=\"app{case}\" tests=\"1\" disabled=\"0\" errors=\"0\" failures=\"{n}\">\n        <testcase name=\"tests::works\" classname=\"app\" timestamp=\"{at}\" time=\"0.006\">\n{inner}        </testcase>\n    </testsuite>\n</testsuites>\n",
            n = u8::from(failing),
            at = ago(0).replace('Z', ".000+00:00"),
            inner = if failing {
                "            <failure type=\"test failure with exit code 101\" message=\"thread panicked at src/lib.rs:3:5\">&lt;b&gt;thread &apos;x&apos;</failure>\n"
            } else {
                ""
            },
        )
    };
    write("junit.xml", &written(false));
    let block = |path: &str| json!({ "path": path, "root": root.display().to_string() });
    let run = prepare(&block("junit.xml")).run();
    assert_green(&run);
    assert_eq!(
        run.check("r")["facts"]["reports"][0]["format"],
        "junit",
        "{run}"
    );
    write("junit.xml", &written(true));
    assert_red(&prepare(&block("junit.xml")).run(), "r", "REP-04");
}

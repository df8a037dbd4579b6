//! What is wrong with the evidence: reports, backups, the log, the host, GitHub.

use std::fs;
use std::time::Duration;

use super::twin::{Hub, Twin, sarif_with_finding};
use super::{Break, assert_broken, assert_healthy};

/// Files, what they hold instead (`gone`, `old`, `empty` for every file alike), and what turns red.
pub(super) const TABLE: &[Break] = &[
    ("CAL-1.2", &["reports/junit.xml", "gone"], &["tests-pass"]),
    ("CAL-1.2", &["reports/junit.xml", "old"], &["tests-pass"]),
    ("CAL-1.2", &["reports/junit.xml", "empty"], &["tests-pass"]),
    (
        "CAL-1.2",
        &[
            "reports/junit.xml",
            "<testsuites><testsuite name=\"a\" tests=\"1\" failures=\"1\"><testcase classname=\"a\" name=\"b\"><failure message=\"no\"/></testcase></testsuite></testsuites>",
        ],
        &["tests-pass"],
    ),
    (
        "CAL-1.2",
        &[
            "reports/junit.xml",
            "<testsuites><testsuite name=\"a\" tests=\"0\"/></testsuites>",
        ],
        &["tests-pass"],
    ),
    (
        "CAL-1.3",
        &["reports/clippy.json", "gone"],
        &["clippy-clean"],
    ),
    (
        "CAL-1.3",
        &[
            "reports/clippy.json",
            "{\"reason\":\"build-finished\",\"success\":false}\n",
        ],
        &["clippy-clean"],
    ),
    (
        "CAL-1.3",
        &[
            "reports/clippy.json",
            "{\"reason\":\"compiler-message\",\"package_id\":\"caliber-api 0.5.0\",\"target\":{\"name\":\"caliber-api\"},\"message\":{\"message\":\"useless use of format\",\"code\":{\"code\":\"clippy::useless_format\"},\"level\":\"warning\",\"spans\":[{\"file_name\":\"src/lib.rs\",\"line_start\":3,\"is_primary\":true}]}}\n{\"reason\":\"build-finished\",\"success\":true}\n",
        ],
        &["clippy-clean"],
    ),
    (
        "CAL-2.3",
        &[
            "pgrx/config.toml",
            "[configs]\npg17 = \"/usr/lib/postgresql/17/bin/pg_config\"\n",
        ],
        &["pgrx-initialised"],
    ),
    (
        "CAL-2.3",
        &["pgrx/config.toml", "gone"],
        &["pgrx-initialised"],
    ),
    (
        "CAL-2.5",
        &["reports/pgrx.xml", "gone"],
        &["extension-tests"],
    ),
    (
        "CAL-2.5",
        &[
            "reports/pgrx.xml",
            "<testsuites><testsuite name=\"a\" tests=\"1\" errors=\"1\"><testcase classname=\"a\" name=\"b\"><error message=\"no\"/></testcase></testsuite></testsuites>",
        ],
        &["extension-tests"],
    ),
    (
        "CAL-6.1",
        &[
            "api.log",
            "2026-01-01T00:00:00Z  INFO caliber_api: Starting\n2026-01-01T00:00:00Z  INFO caliber_api: Started\n",
        ],
        &["logs-structured"],
    ),
    (
        "CAL-6.1",
        &[
            "api.log",
            "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"level\":\"DEBUG\",\"fields\":{\"message\":\"pool\"}}\n",
        ],
        &["logs-structured"],
    ),
    ("CAL-6.1", &["api.log", "empty"], &["logs-structured"]),
    ("CAL-6.1", &["api.log", "gone"], &["logs-structured"]),
    (
        "CAL-9.1",
        &["backups/caliber.dump", "old"],
        &["backup-fresh"],
    ),
    (
        "CAL-9.1",
        &["backups/caliber.dump", "empty"],
        &["backup-fresh"],
    ),
    (
        "CAL-9.1",
        &["backups/caliber.dump", "gone"],
        &["backup-fresh"],
    ),
    (
        "CAL-9.3",
        &[
            "restore.json",
            "{\"time\":\"2020-01-01T00:00:00Z\",\"result\":\"ok\"}",
        ],
        &["restore-tested"],
    ),
    ("CAL-9.3", &["restore.json", "gone"], &["restore-tested"]),
    (
        "CAL-10.4",
        &[
            "reports/gitleaks.json",
            "[{\"RuleID\":\"generic-api-key\",\"Description\":\"key\",\"File\":\"src/a.rs\",\"StartLine\":1,\"Commit\":\"abc\",\"Fingerprint\":\"abc:src/a.rs:generic-api-key:1\"}]",
        ],
        &["scan-gitleaks"],
    ),
    (
        "CAL-10.4",
        &["reports/gitleaks.json", "gone"],
        &["scan-gitleaks"],
    ),
    (
        "CAL-10.4",
        &[
            "reports/osv.json",
            "{\"results\":[{\"source\":{\"path\":\"Cargo.lock\",\"type\":\"lockfile\"},\"packages\":[{\"package\":{\"name\":\"tokio\",\"version\":\"1.0.0\",\"ecosystem\":\"crates.io\"},\"vulnerabilities\":[{\"id\":\"RUSTSEC-2021-0001\",\"summary\":\"race\"}],\"groups\":[{\"ids\":[\"RUSTSEC-2021-0001\"],\"max_severity\":\"9.8\"}]}]}]}",
        ],
        &["scan-osv"],
    ),
    (
        "CAL-10.4",
        &["reports/scorecard.json", "gone"],
        &["scan-scorecard"],
    ),
    (
        "CAL-10.4",
        &["reports/codeql.sarif", "finding of CodeQL"],
        &["scan-codeql"],
    ),
    (
        "CAL-10.4",
        &["reports/semgrep.sarif", "finding of Semgrep OSS"],
        &["scan-semgrep"],
    ),
    (
        "CAL-10.4",
        &["reports/semgrep.sarif", "old"],
        &["scan-semgrep"],
    ),
    (
        "CAL-12.1",
        &["preview.env", "CALIBER_DB_HOST=\"db.internal\"\n"],
        &["preview-variables"],
    ),
    (
        "CAL-12.1",
        &["production.env", "gone"],
        &["preview-variables"],
    ),
];

/// Breaks on GitHub, in the test below.
pub(super) const GITHUB: &[Break] = &[
    ("CAL-10.4", &["a scan failed"], &["scans-green"]),
    (
        "CAL-11.2",
        &["a secret of staging is missing"],
        &["fly-secrets"],
    ),
    ("CAL-11.2", &["there is no staging"], &["fly-secrets"]),
    ("CAL-11.4", &["nobody approves"], &["production-protected"]),
    (
        "CAL-12.2",
        &["no check is required"],
        &["green-before-vercel"],
    ),
    (
        "CAL-13.2",
        &["the documents are old"],
        &["sdk-docs-published"],
    ),
];

#[test]
fn files_break_it() {
    let twin = Twin::complete();
    let dump = twin.files.path("backups/caliber.dump");
    let kept = fs::read(&dump).unwrap();
    let audit = ["report", "logs", "backup", "dotenv"]
        .iter()
        .fold(twin.audit(), |audit, kind| {
            audit.only(&format!("kind:{kind}"))
        })
        .only("pgrx-initialised");
    let healthy = 13;
    assert_healthy(&audit.run(), healthy);
    for (item, change, checks) in TABLE {
        let (file, how) = (change[0], change[1]);
        match how {
            "gone" => fs::remove_file(twin.files.path(file)).unwrap(),
            "old" => twin.files.age(file, Duration::from_hours(30 * 24)),
            "empty" => twin.files.write(file, ""),
            _ => match how.strip_prefix("finding of ") {
                Some(tool) => twin.files.write(file, &sarif_with_finding(tool)),
                None => twin.files.write(file, how),
            },
        }
        assert_broken(&audit.run(), &format!("{item} {change:?}"), checks);
        twin.files.heal();
        fs::write(&dump, &kept).unwrap();
    }
    assert_healthy(&audit.run(), healthy);
}

#[test]
fn github_breaks_it() {
    let twin = Twin::with_repository();
    let hub = Hub::start();
    let audit = hub.audit(twin.audit()).only("kind:github");
    assert_healthy(&audit.run(), 5);
    let breaks: [&dyn Fn(); 6] = [
        &|| hub.check_runs("failure"),
        &|| hub.secrets("staging", &["FLY_API_TOKEN"]),
        &|| hub.environments(&["production"], 1),
        &|| hub.environments(&["staging", "production"], 0),
        &|| hub.required(&["build"]),
        &|| hub.documents_ran(24 * 20),
    ];
    for ((item, what, checks), make) in GITHUB.iter().zip(breaks) {
        make();
        assert_broken(&audit.run(), &format!("{item} {what:?}"), checks);
        hub.heal();
    }
    assert_healthy(&audit.run(), 5);
}

//! Breaks of what is handed in: reports, backups, variables, signatures.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{JWT_REFRESH_SECRET, JWT_SECRET, of_files, reports, rounds};
use crate::support::scratch::Scratch;
use crate::systems::{Audit, Repository, assert_broken, assert_healthy};

/// Item, file, text, what stands there instead, checks that turn red.
const REPORTS: &[(&str, &str, &str, &str, &[&str])] = &[
    (
        "ASE-D.5",
        "restore-test.json",
        r#""result": "ok""#,
        r#""result": "failed""#,
        &["restore-tested"],
    ),
    (
        "ASE-T.1",
        "junit.xml",
        r#"name="lists" time="0.1"/>"#,
        r#"name="lists" time="0.1"><failure message="no"/></testcase>"#,
        &["tests"],
    ),
    (
        "ASE-T.1",
        "junit.xml",
        r#"name="lists" time="0.1"/>"#,
        r#"name="lists" time="0.1"><flakyFailure message="at first"/></testcase>"#,
        &["tests"],
    ),
    (
        "ASE-T.2",
        "coverage/lcov.info",
        "DA:4,1\nDA:5,0\nLF:5\nLH:4",
        "DA:4,0\nDA:5,0\nLF:5\nLH:3",
        &["coverage"],
    ),
    (
        "ASE-T.2",
        "coverage/lcov.info",
        "BRDA:2,0,0,1\nBRDA:2,0,1,0\nBRF:2\nBRH:1\n",
        "",
        &["coverage"],
    ),
    (
        "ASE-P.2",
        "load-test.json",
        r#""p(95)":400"#,
        r#""p(95)":1400"#,
        &["load-baseline", "load-tested"],
    ),
    (
        "ASE-P.2",
        "load-test.json",
        r#""rate":0.001"#,
        r#""rate":0.05"#,
        &["load-tested"],
    ),
    (
        "ASE-P.2",
        "load-baseline.json",
        r#""med":105"#,
        r#""med":60"#,
        &["load-baseline"],
    ),
    (
        "ASE-S.4",
        "npm-audit.json",
        r#""severity":"low""#,
        r#""severity":"critical""#,
        &["dependencies-scanned"],
    ),
    (
        "ASE-S.4",
        "sbom.json",
        r#""name":"pg","version":"8.23.1","#,
        r#""name":"pg","#,
        &["sbom"],
    ),
];

/// File that is missing, checks that cannot be judged then.
const MISSING: &[(&str, &[&str])] = &[
    ("junit.xml", &["tests"]),
    ("coverage/lcov.info", &["coverage"]),
    ("load-test.json", &["load-baseline", "load-tested"]),
    ("load-baseline.json", &["load-baseline"]),
    ("npm-audit.json", &["dependencies-scanned"]),
    ("sbom.json", &["sbom"]),
    ("restore-test.json", &["restore-tested"]),
];

/// What a person must sign.
const SIGNED: [&str; 4] = [
    "reconnection-verified",
    "error-budget",
    "input-audited",
    "rollout-documented",
];

/// The items that are broken here.
pub(super) fn items() -> impl Iterator<Item = &'static str> {
    REPORTS.iter().map(|(item, ..)| *item)
}

/// An audit of what is handed in.
fn handed_in(repository: &Repository, folder: &Path) -> Audit {
    ["kind:report", "kind:backup", "kind:env", "kind:attest"]
        .into_iter()
        .fold(of_files(repository, folder), Audit::only)
        .env("JWT_SECRET", JWT_SECRET)
        .env("JWT_REFRESH_SECRET", JWT_REFRESH_SECRET)
}

#[test]
fn breaks_of_the_evidence_are_noticed() {
    let repository = Repository::new(&[("README.md", "# ASEMB\n")]);
    let scratch = Scratch::new("evidence");
    let folder = scratch.path();
    reports(folder);
    let audit = handed_in(&repository, folder);
    assert_healthy(&audit.run(), 11);
    for round in rounds(REPORTS, |(.., checks)| checks) {
        let checks: Vec<&str> = round
            .iter()
            .flat_map(|(.., checks)| *checks)
            .copied()
            .collect();
        for (_, file, from, to, _) in &round {
            let path = folder.join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{file} does not hold {from}");
            fs::write(&path, text.replace(from, to)).unwrap();
        }
        assert_broken(&audit.run(), &format!("{checks:?}"), &checks);
        reports(folder);
    }
    // A flaky test in quarantine is known.
    let flaky = REPORTS[2];
    let path = folder.join(flaky.1);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(flaky.2, flaky.3)).unwrap();
    let run = audit.clone().set("quarantine", "*lists*").run();
    assert_ne!(run.verdict("tests"), "fail", "{run}");
    fs::write(&path, &text).unwrap();
    for round in rounds(MISSING, |(_, checks)| checks) {
        let checks: Vec<&str> = round
            .iter()
            .flat_map(|(_, checks)| *checks)
            .copied()
            .collect();
        for (file, _) in round {
            fs::remove_file(folder.join(file)).unwrap();
        }
        let run = audit.run();
        assert_broken(&run, "reports are missing", &checks);
        reports(folder);
    }
    for file in ["junit.xml", "sbom.json"] {
        let old = SystemTime::now() - Duration::from_secs(9 * 86_400);
        let opened = fs::File::options().append(true).open(folder.join(file));
        opened.unwrap().set_modified(old).unwrap();
    }
    assert_broken(&audit.run(), "old reports", &["sbom", "tests"]);
}

#[test]
fn breaks_of_backups_are_noticed() {
    let repository = Repository::new(&[("README.md", "# ASEMB\n")]);
    let scratch = Scratch::new("evidence");
    reports(scratch.path());
    let dumps = scratch.folder("dumps");
    let audit = handed_in(&repository, scratch.path()).set("backups", dumps.display().to_string());
    let none = audit.run();
    assert_ne!(none.verdict("backup-files-fresh"), "pass", "{none}");
    let dump = dumps.join("asemb.sql");
    let body = "create table a (b int);\n".repeat(200);
    let whole = format!(
        "--\n-- PostgreSQL database dump\n--\n{body}--\n-- PostgreSQL database dump complete\n--\n"
    );
    fs::write(&dump, &whole).unwrap();
    for days in 1..5 {
        let earlier = dumps.join(format!("asemb-{days}.sql"));
        fs::write(&earlier, &whole).unwrap();
        let then = SystemTime::now() - Duration::from_secs(days * 86_400);
        let opened = fs::File::options().append(true).open(&earlier).unwrap();
        opened.set_modified(then).unwrap();
    }
    assert_healthy(&audit.run(), 13);
    fs::write(&dump, whole.replace("dump complete", "dump")).unwrap();
    assert_broken(&audit.run(), "ASE-D.5 cut off", &["backup-files-whole"]);
    fs::write(&dump, &whole).unwrap();
    for days in 1..3 {
        fs::remove_file(dumps.join(format!("asemb-{days}.sql"))).unwrap();
    }
    fs::remove_file(&dump).unwrap();
    assert_broken(&audit.run(), "ASE-D.5 old", &["backup-files-fresh"]);
}

#[test]
fn weak_secrets_and_missing_signatures_are_noticed() {
    let repository = Repository::new(&[("README.md", "# ASEMB\n")]);
    let scratch = Scratch::new("evidence");
    reports(scratch.path());
    let audit = handed_in(&repository, scratch.path());
    for broken in [
        audit.clone().env("JWT_SECRET", "secret"),
        audit
            .clone()
            .env("JWT_SECRET", "your-super-secret-jwt-key-change-me"),
        audit.clone().env("JWT_SECRET", JWT_REFRESH_SECRET),
        audit.clone().unset("JWT_SECRET"),
        audit.clone().unset("JWT_REFRESH_SECRET"),
        audit.clone().env("OPENAI_API_KEY", "sk-your-key-here"),
    ] {
        assert_broken(&broken.run(), "ASE-S.1", &["secrets-strong"]);
    }
    // Elsewhere than in the deployment's environment nothing can be said.
    let run = audit
        .clone()
        .unset("JWT_SECRET")
        .unset("JWT_REFRESH_SECRET")
        .run();
    assert_healthy(&run, 10);
    assert_eq!(run.verdict("secrets-strong"), "skip", "{run}");
    let unsigned = SIGNED
        .iter()
        .fold(audit.clone(), |audit, check| audit.unsigned(check));
    assert_broken(&unsigned.run(), "nobody signed", &SIGNED);
    let elsewhere = audit.set("alerting", "elsewhere");
    assert_healthy(&elsewhere.run(), 12);
    let run = elsewhere.unsigned("alerts-elsewhere").run();
    assert_broken(&run, "ASE-R.3", &["alerts-elsewhere"]);
}

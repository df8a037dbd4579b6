//! Scanners.

use super::*;

/// A SARIF log with a run of CodeQL.
fn sarif(results: &Value, more: &Value) -> String {
    let mut run = json!({ "tool": { "driver": { "name": "CodeQL", "semanticVersion": "2.19.0", "rules": [
            { "id": "js/sql-injection", "defaultConfiguration": { "level": "error" }, "properties": { "security-severity": "8.8" } },
            { "id": "js/unused", "defaultConfiguration": { "level": "note" } } ] } },
        "invocations": [{ "executionSuccessful": true, "endTimeUtc": ago(1) }],
        "automationDetails": { "id": "/language:javascript/" },
        "versionControlProvenance": [{ "repositoryUri": "https://example.org/app", "revisionId": "3f786850e387550fdab836ed7e6dc881de23001b" }],
        "results": results });
    for (key, value) in more.as_object().unwrap() {
        run[key] = value.clone();
    }
    json!({ "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run] }).to_string()
}

fn result(rule: &str, more: &Value) -> Value {
    let mut result = json!({ "ruleId": rule, "message": { "text": "found\nmore" },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "src/db.js" }, "region": { "startLine": 7 } } }] });
    for (key, value) in more.as_object().unwrap() {
        result[key] = value.clone();
    }
    result
}

/// A log with one result of a rule that is no note.
fn one(more: &Value) -> String {
    sarif(&json!([result("x/other", more)]), &json!({}))
}

fn scan(content: impl AsRef<[u8]>, expect: &Value) -> Run {
    look("scan.json", content, &json!({ "scan": expect }))
}

#[test]
fn rep_12_a_sarif_run_that_was_none() {
    let clean = sarif(&json!([]), &json!({}));
    assert_green(&scan(&clean, &json!({})));
    for more in [
        json!({ "invocations": [{ "executionSuccessful": false }] }),
        json!({ "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": [{ "level": "error", "message": { "text": "out of memory" } }] }] }),
        json!({ "invocations": [{ "executionSuccessful": true, "toolConfigurationNotifications": [{ "level": "error", "message": { "text": "bad rule" } }] }] }),
        json!({ "results": null }),
    ] {
        assert_red(&scan(sarif(&json!([]), &more), &json!({})), "r", "REP-12");
    }
    let no_runs = json!({ "version": "2.1.0", "runs": [] }).to_string();
    assert_red(&scan(no_runs, &json!({})), "r", "REP-12");
    assert_green(&scan(&clean, &json!({ "tools": ["CodeQL"] })));
    assert_red(
        &scan(&clean, &json!({ "tools": ["CodeQL", "Semgrep OSS"] })),
        "r",
        "REP-12",
    );
    for broken in [
        "{\"version\": \"2.1.0\"}",
        "{\"version\": \"2.1.0\", \"runs\": {}}",
        "{\"version\": \"1.0.0\", \"runs\": []}",
    ] {
        assert_unknown(&scan(broken, &json!({})), "REP-07");
    }
}

#[test]
fn rep_13_results() {
    assert_green(&scan(one(&json!({ "level": "warning" })), &json!({})));
    assert_red(
        &scan(
            one(&json!({ "level": "warning" })),
            &json!({ "fail_at": "medium" }),
        ),
        "r",
        "REP-13",
    );
    let run = scan(one(&json!({ "level": "error" })), &json!({}));
    assert_red(&run, "r", "REP-13");
    assert!(run.stdout.contains("src/db.js:7"), "{run}");
    // What a rule checked and found in order.
    assert_green(&scan(
        one(&json!({ "level": "error", "kind": "pass" })),
        &json!({}),
    ));
    assert_red(
        &scan(
            one(&json!({ "level": "error", "kind": "open" })),
            &json!({}),
        ),
        "r",
        "REP-13",
    );
    assert_green(&scan(
        one(&json!({ "level": "error", "baselineState": "absent" })),
        &json!({}),
    ));
}

#[test]
fn rep_13_suppressions() {
    let with = |suppression: Value| {
        scan(
            one(&json!({ "level": "error", "suppressions": [suppression] })),
            &json!({}),
        )
    };
    let good = json!({ "kind": "external", "status": "accepted", "justification": "test data" });
    assert_green(&with(good.clone()));
    assert_green(&with(json!({ "kind": "inSource" })));
    assert_red(&with(json!({ "kind": "external" })), "r", "REP-13");
    assert_red(
        &with(json!({ "kind": "external", "status": "rejected", "justification": "no" })),
        "r",
        "REP-13",
    );
    assert_red(
        &with(json!({ "kind": "external", "status": "underReview", "justification": "?" })),
        "r",
        "REP-13",
    );
    let mut dated = good;
    dated["properties"] = json!({ "expiryUtc": ago(-48) });
    assert_green(&with(dated.clone()));
    dated["properties"] = json!({ "expiryUtc": ago(48) });
    assert_red(&with(dated), "r", "REP-13");
    // An empty list suppresses nothing.
    assert_red(
        &scan(
            one(&json!({ "level": "error", "suppressions": [] })),
            &json!({}),
        ),
        "r",
        "REP-13",
    );
}

#[test]
fn rep_13_only_new_findings() {
    let new_only = json!({ "new_only": true });
    assert_green(&scan(
        one(&json!({ "level": "error", "baselineState": "unchanged" })),
        &new_only,
    ));
    assert_red(
        &scan(
            one(&json!({ "level": "error", "baselineState": "new" })),
            &new_only,
        ),
        "r",
        "REP-13",
    );
    assert_unknown_or_red(&scan(one(&json!({ "level": "error" })), &new_only));
    let compare = |now: &str, before: &str| {
        let block = json!({ "path": "now", "baseline": "before", "scan": { "new_only": true } });
        prepare(&block)
            .file("now", now)
            .file("before", before)
            .run()
    };
    let clean = sarif(&json!([]), &json!({}));
    let known = one(&json!({ "level": "error" }));
    assert_green(&compare(&known, &known));
    assert_red(&compare(&known, &clean), "r", "REP-13");
    // The same finding further down is the same.
    assert_green(&compare(
        &known.replace("\"startLine\":7", "\"startLine\":90"),
        &known,
    ));
}

#[track_caller]
fn assert_unknown_or_red(run: &Run) {
    assert!(matches!(run.exit, 1 | 3), "{run}");
}

#[test]
fn rep_14_the_level_of_the_rule() {
    let injection = |more: &Value| sarif(&json!([result("js/sql-injection", more)]), &json!({}));
    assert_red(&scan(injection(&json!({})), &json!({})), "r", "REP-14");
    let by_index = json!({ "ruleIndex": 0 });
    let mut anonymous = result("", &by_index);
    anonymous.as_object_mut().unwrap().remove("ruleId");
    assert_red(
        &scan(sarif(&json!([anonymous]), &json!({})), &json!({})),
        "r",
        "REP-14",
    );
    assert_red(
        &scan(
            sarif(
                &json!([result("js/sql-injection/2", &json!({}))]),
                &json!({}),
            ),
            &json!({}),
        ),
        "r",
        "REP-14",
    );
    let note = sarif(&json!([result("js/unused", &json!({}))]), &json!({}));
    assert_green(&scan(&note, &json!({ "fail_at": "medium" })));
    assert_red(&scan(&note, &json!({ "fail_at": "low" })), "r", "REP-14");
    // Neither the result nor a rule says it: a warning.
    assert_red(
        &scan(one(&json!({})), &json!({ "fail_at": "medium" })),
        "r",
        "REP-13",
    );
    // A rule of an extension.
    let extension = json!({ "tool": { "driver": { "name": "CodeQL" }, "extensions": [{ "name": "own", "rules": [
        { "id": "own/x", "defaultConfiguration": { "level": "error" } }] }] } });
    assert_red(
        &scan(
            sarif(&json!([result("own/x", &json!({}))]), &extension),
            &json!({}),
        ),
        "r",
        "REP-14",
    );
}

#[test]
fn rep_02_18_sarif_says_when_of_which_commit_and_about_what() {
    let clean = sarif(&json!([]), &json!({}));
    let commit = "3f786850e387550fdab836ed7e6dc881de23001b";
    let ties = |more: Value| look("s.sarif", &clean, &more);
    assert_green(&ties(
        json!({ "commit": commit, "subject": "/language:javascript/" }),
    ));
    assert_red(
        &ties(json!({ "commit": "89e6c98d92887913cadf06b2adb97f26cde4849b" })),
        "r",
        "REP-02",
    );
    assert_red(
        &ties(json!({ "subject": "/language:python/" })),
        "r",
        "REP-18",
    );
    let old = sarif(
        &json!([]),
        &json!({ "invocations": [{ "executionSuccessful": true, "endTimeUtc": ago(50) }] }),
    );
    assert_red(&look("s.sarif", old, &json!({})), "r", "REP-02");
    let silent = json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": "x" } }, "results": [] }] }).to_string();
    assert_unknown(
        &look("s.sarif", silent, &json!({ "subject": "a" })),
        "REP-18",
    );
}

/// A report of each scanner of dependencies: with one vulnerability, and clean.
fn dependency_reports() -> Vec<(&'static str, Value, Value)> {
    let cargo = |list: Value| {
        json!({ "database": { "advisory-count": 700, "last-commit": "1f", "last-updated": ago(20) },
        "lockfile": { "dependency-count": 12 }, "settings": { "ignore": [] },
        "vulnerabilities": { "found": list != json!([]), "count": 1, "list": list }, "warnings": {} })
    };
    let npm = |vulnerabilities: Value| {
        json!({ "auditReportVersion": 2, "vulnerabilities": vulnerabilities,
        "metadata": { "vulnerabilities": { "info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0, "total": 0 }, "dependencies": { "prod": 9, "total": 9 } } })
    };
    let pip = |vulns: Value| json!({ "dependencies": [{ "name": "jinja2", "version": "3.0.0", "vulns": vulns }, { "name": "idna", "version": "3.10", "vulns": [] }], "fixes": [] });
    let osv = |packages: Value| json!({ "results": packages, "experimental_config": { "licenses": { "summary": false, "allowlist": null } } });
    let trivy = |vulnerabilities: Value| {
        json!({ "SchemaVersion": 2, "CreatedAt": ago(1), "ArtifactName": "registry.example.org/app:1.2", "ArtifactType": "container_image",
        "Metadata": { "OS": { "Family": "debian", "Name": "12.8" }, "ImageID": "sha256:aa", "RepoDigests": ["registry.example.org/app@sha256:bb"] },
        "Results": [{ "Target": "app (debian 12.8)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": vulnerabilities }] })
    };
    let grype = |matches: Value| {
        json!({ "matches": matches, "source": { "type": "image", "target": { "userInput": "app:1.2", "imageID": "sha256:aa", "repoDigests": [] } },
        "distro": { "name": "debian" }, "descriptor": { "name": "grype", "version": "0.90.0", "timestamp": ago(1), "db": { "status": { "built": ago(20), "valid": true } } } })
    };
    vec![
        (
            "cargo_audit",
            cargo(
                json!([{ "advisory": { "id": "RUSTSEC-2020-0071", "package": "time", "title": "Potential segfault", "aliases": ["CVE-2020-26235"], "cvss": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H" },
            "versions": { "patched": [">=0.2.23"], "unaffected": [] }, "package": { "name": "time", "version": "0.1.42" } }]),
            ),
            cargo(json!([])),
        ),
        (
            "npm_audit",
            npm(
                json!({ "lodash": { "name": "lodash", "severity": "high", "isDirect": true, "via": [{ "source": 1, "name": "lodash", "title": "Command injection", "url": "https://github.com/advisories/GHSA-35jh-r3h4-6jhm", "severity": "high", "range": "<4.17.21" }], "effects": [], "range": "<4.17.21", "nodes": [], "fixAvailable": true } }),
            ),
            npm(json!({})),
        ),
        (
            "pip_audit",
            pip(
                json!([{ "id": "PYSEC-2021-66", "fix_versions": ["3.1.3"], "aliases": ["CVE-2020-28493"], "description": "x" }]),
            ),
            pip(json!([])),
        ),
        (
            "osv_scanner",
            osv(
                json!([{ "source": { "path": "/src/go.mod", "type": "lockfile" }, "packages": [{ "package": { "name": "github.com/gogo/protobuf", "version": "1.3.1", "ecosystem": "Go" },
            "vulnerabilities": [{ "id": "GHSA-c3h9-896r-86jm", "aliases": ["CVE-2021-3121"], "summary": "Index out of range", "affected": [{ "ranges": [{ "events": [{ "introduced": "0" }, { "fixed": "1.3.2" }] }] }] }],
            "groups": [{ "ids": ["GHSA-c3h9-896r-86jm"], "aliases": ["CVE-2021-3121"], "max_severity": "8.6" }] }] }]),
            ),
            osv(json!([])),
        ),
        (
            "trivy",
            trivy(
                json!([{ "VulnerabilityID": "CVE-2024-1", "PkgName": "openssl", "InstalledVersion": "3.0.1", "FixedVersion": "3.0.2", "Status": "fixed", "Severity": "HIGH", "Title": "Overflow" }]),
            ),
            trivy(json!([])),
        ),
        (
            "grype",
            grype(
                json!([{ "vulnerability": { "id": "CVE-2024-1", "severity": "High", "fix": { "versions": ["3.0.2"], "state": "fixed" } }, "relatedVulnerabilities": [], "artifact": { "name": "openssl", "version": "3.0.1", "purl": "pkg:deb/debian/openssl@3.0.1" } }]),
            ),
            grype(json!([])),
        ),
    ]
}

#[test]
fn rep_17_known_vulnerabilities() {
    for (format, vulnerable, clean) in dependency_reports() {
        let pinned = json!({ "format": format });
        let healthy = look("scan.json", clean.to_string(), &pinned);
        assert_green(&healthy);
        let run = look("scan.json", vulnerable.to_string(), &json!({}));
        assert_red(&run, "r", "REP-17");
        assert_eq!(
            run.check("r")["facts"]["reports"][0]["format"],
            format,
            "{run}"
        );
        // pip-audit rates nothing, and what is not rated is never mild.
        let critical = scan(vulnerable.to_string(), &json!({ "fail_at": "critical" }));
        if format == "pip_audit" {
            assert_red(&critical, "r", "REP-17");
        } else {
            assert_green(&critical);
        }
        assert_unknown(&look("scan.json", "{}", &pinned), "REP-07");
    }
}

#[test]
fn rep_17_what_can_be_fixed() {
    let trivy = |fixed: &str| {
        let (_, report, _) = dependency_reports().remove(4);
        report
            .to_string()
            .replace("\"FixedVersion\":\"3.0.2\",", fixed)
    };
    let fixable = json!({ "fixable_only": true });
    assert_red(
        &scan(trivy("\"FixedVersion\":\"3.0.2\","), &fixable),
        "r",
        "REP-17",
    );
    assert_green(&scan(trivy(""), &fixable));
    assert_red(&scan(trivy(""), &json!({})), "r", "REP-17");
    let unknown = trivy("").replace("\"HIGH\"", "\"UNKNOWN\"");
    assert_red(
        &scan(unknown, &json!({ "fail_at": "critical" })),
        "r",
        "REP-17",
    );
    let ended = trivy("").replace("\"Name\":\"12.8\"", "\"Name\":\"9\",\"EOSL\":true");
    assert_red(&scan(ended, &fixable), "r", "REP-17");
}

#[test]
fn rep_17_an_old_database() {
    for index in [0, 5] {
        let (_, _, clean) = dependency_reports().remove(index);
        assert_green(&scan(
            clean.to_string(),
            &json!({ "max_database_age": "3d" }),
        ));
        assert_red(
            &scan(clean.to_string(), &json!({ "max_database_age": "2h" })),
            "r",
            "REP-17",
        );
    }
    let (_, _, trivy) = dependency_reports().remove(4);
    assert_unknown(
        &scan(trivy.to_string(), &json!({ "max_database_age": "3d" })),
        "REP-17",
    );
    let (_, _, grype) = dependency_reports().remove(5);
    let invalid = grype
        .to_string()
        .replace("\"valid\":true", "\"valid\":false");
    assert_red(&scan(invalid, &json!({})), "r", "REP-12");
}

#[test]
fn rep_17_vex() {
    let (_, vulnerable, _) = dependency_reports().remove(5);
    let statement = |status: &str, more: &str| {
        format!(
            "{{\"@context\": \"https://openvex.dev/ns/v0.2.0\", \"@id\": \"x\", \"author\": \"security\", \"timestamp\": \"2026-01-01T00:00:00Z\", \"version\": 1, \"statements\": [{{\"vulnerability\": {{\"name\": \"CVE-2024-1\"}}, \"products\": [{{\"@id\": \"pkg:oci/app\"{more}}}], \"status\": \"{status}\"}}]}}"
        )
    };
    let run = |vex: String| {
        let block = json!({ "path": "scan.json", "scan": { "vex": ["vex.json"] } });
        prepare(&block)
            .file("scan.json", vulnerable.to_string())
            .file("vex.json", vex)
            .run()
    };
    let because = |vex: String| {
        vex.replace(
            "\"status\"",
            "\"justification\": \"vulnerable_code_not_in_execute_path\", \"status\"",
        )
    };
    assert_green(&run(because(statement("not_affected", ""))));
    assert_green(&run(because(statement(
        "not_affected",
        ", \"subcomponents\": [{\"@id\": \"pkg:deb/debian/openssl@3.0.1\"}]",
    ))));
    assert_red(
        &run(because(statement(
            "not_affected",
            ", \"subcomponents\": [{\"@id\": \"pkg:deb/debian/zlib@1\"}]",
        ))),
        "r",
        "REP-17",
    );
    assert_red(&run(statement("not_affected", "")), "r", "REP-17");
    assert_red(&run(statement("under_investigation", "")), "r", "REP-17");
    assert_red(&run(statement("affected", "")), "r", "REP-17");
    assert_unknown(&run("{}".to_owned()), "REP-07");
}

#[test]
fn rep_12_scans_that_looked_at_nothing() {
    let (_, _, cargo) = dependency_reports().remove(0);
    let run = scan(cargo.to_string().replace(":12}", ":0}"), &json!({}));
    assert_unknown(&run, "REP-12");
    let npm = json!({ "error": { "code": "ENOLOCK", "summary": "This command requires an existing lockfile." } }).to_string();
    assert_unknown(
        &look("scan.json", npm, &json!({ "format": "npm_audit" })),
        "REP-12",
    );
    let trivy =
        json!({ "SchemaVersion": 2, "CreatedAt": ago(1), "ArtifactName": "empty" }).to_string();
    assert_unknown(&scan(trivy, &json!({})), "REP-12");
    let pip = json!({ "dependencies": [{ "name": "own", "skip_reason": "not on PyPI" }, { "name": "a", "version": "1", "vulns": [] }], "fixes": [] }).to_string();
    assert_advice(&scan(pip, &json!({})), "REP-12");
    let semgrep = |errors: Value, scanned: Value| {
        json!({ "version": "1.100.0", "results": [], "errors": errors, "paths": { "scanned": scanned } }).to_string()
    };
    assert_green(&scan(semgrep(json!([]), json!(["a.py"])), &json!({})));
    assert_unknown(&scan(semgrep(json!([]), json!([])), &json!({})), "REP-12");
    let error = json!([{ "level": "error", "type": "Fatal", "message": "timed out" }]);
    assert_red(
        &scan(semgrep(error, json!(["a.py"])), &json!({})),
        "r",
        "REP-12",
    );
    let warning =
        json!([{ "level": "warn", "type": "Syntax error", "message": "a.py cannot be parsed" }]);
    assert_advice(
        &scan(semgrep(warning, json!(["a.py"])), &json!({})),
        "REP-12",
    );
}

#[test]
fn rep_13_secrets_are_found_and_never_shown() {
    let gitleaks = |content: &str| look("gitleaks.json", content, &json!({ "format": "gitleaks" }));
    assert_green(&gitleaks("[]"));
    let leak = json!([{ "RuleID": "aws-access-token", "Description": "AWS", "StartLine": 3, "Match": "key = Canary-Leak-4711", "Secret": "Canary-Leak-4711", "File": "conf/dev.py", "Commit": "3f7", "Fingerprint": "x" }]);
    let run = gitleaks(&leak.to_string());
    assert_red(&run, "r", "REP-13");
    assert!(run.stdout.contains("conf/dev.py:3"), "{run}");
    assert!(!format!("{run}").contains("Canary"), "{run}");
    for broken in ["", "null", "{}", "[{}]"] {
        assert_unknown(&gitleaks(broken), "REP-07");
    }
    // Unpinned, an empty list may be anything.
    assert_unknown(&look("x.json", "[]", &json!({})), "REP-07");
}

#[test]
fn rep_13_semgrep_results() {
    let semgrep = |severity: &str, more: Value| {
        json!({ "version": "1.100.0", "errors": [], "paths": { "scanned": ["a.py"] },
        "results": [{ "check_id": "python.eval", "path": "a.py", "start": { "line": 3, "col": 1 }, "extra": { "severity": severity, "message": "eval", "is_ignored": more } }] }).to_string()
    };
    assert_red(
        &scan(semgrep("ERROR", json!(false)), &json!({})),
        "r",
        "REP-13",
    );
    assert_green(&scan(semgrep("WARNING", json!(false)), &json!({})));
    assert_green(&scan(semgrep("ERROR", json!(true)), &json!({})));
}

/// Lines of JSON.
fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

#[test]
fn rep_13_compiler_and_policy() {
    let artifact = json!({ "reason": "compiler-artifact", "package_id": "path+file:///app#0.1.0", "target": { "name": "app" } });
    let warning = json!({ "reason": "compiler-message", "package_id": "path+file:///app#0.1.0", "message": { "level": "warning", "code": { "code": "clippy::needless_return" }, "message": "unneeded `return`", "spans": [{ "file_name": "src/lib.rs", "line_start": 2 }] } });
    let finished = |success: bool| json!({ "reason": "build-finished", "success": success });
    let denied = json!({ "fail_at": "low" });
    assert_green(&scan(lines(&[artifact.clone(), finished(true)]), &denied));
    let run = scan(
        lines(&[artifact.clone(), warning.clone(), finished(true)]),
        &denied,
    );
    assert_red(&run, "r", "REP-13");
    assert!(run.stdout.contains("clippy::needless_return"), "{run}");
    assert_green(&scan(
        lines(&[artifact.clone(), warning.clone(), finished(true)]),
        &json!({}),
    ));
    assert_red(
        &scan(lines(&[artifact.clone(), finished(false)]), &json!({})),
        "r",
        "REP-12",
    );
    assert_unknown(
        &scan(lines(&[artifact.clone(), warning]), &json!({})),
        "REP-07",
    );
    assert_unknown(&scan(lines(&[finished(true)]), &json!({})), "REP-12");

    let summary = json!({ "type": "summary", "fields": { "advisories": { "errors": 0, "warnings": 0, "notes": 0, "helps": 0 } } });
    let diagnostic = |severity: &str| json!({ "type": "diagnostic", "fields": { "severity": severity, "code": "banned", "message": "crate 'openssl = 0.10' is explicitly banned", "graphs": [] } });
    let deny = |values: &[Value]| {
        look(
            "deny.json",
            lines(values),
            &json!({ "format": "cargo_deny" }),
        )
    };
    assert_green(&deny(std::slice::from_ref(&summary)));
    assert_green(&deny(&[diagnostic("warning"), summary.clone()]));
    assert_red(&deny(&[diagnostic("error"), summary]), "r", "REP-13");
    assert_unknown(&deny(&[diagnostic("warning")]), "REP-07");
}

#[test]
fn rep_56_scores() {
    let scorecard = |total: f64, branch: f64| {
        json!({ "date": ago(1), "repo": { "name": "github.com/x/app", "commit": "3f786850e387550fdab836ed7e6dc881de23001b" },
        "scorecard": { "version": "v5.0.0", "commit": "1f" }, "score": total, "checks": [{ "name": "Branch-Protection", "score": branch, "reason": "x" }], "metadata": null }).to_string()
    };
    let score = |content: String, expect: Value| {
        look(
            "scorecard.json",
            content,
            &json!({ "score": expect, "commit": "3f786850" }),
        )
    };
    let expect = json!({ "min": 7, "checks": { "Branch-Protection": 5 } });
    assert_green(&score(scorecard(7.1, 5.0), expect.clone()));
    assert_red(&score(scorecard(6.9, 5.0), expect.clone()), "r", "REP-56");
    assert_red(&score(scorecard(7.1, 4.0), expect.clone()), "r", "REP-56");
    assert_unknown(&score(scorecard(7.1, -1.0), expect), "REP-56");
    assert_red(
        &score(scorecard(7.1, 5.0), json!({ "checks": { "Fuzzing": 1 } })),
        "r",
        "REP-56",
    );
}

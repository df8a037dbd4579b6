//! GitHub: a server whose answers have the documented shapes of its REST API.

use serde_json::{Value, json};

use crate::support::cli::{Run, audit_command};
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

pub(crate) const SHA: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
pub(crate) const TOKEN: &str = "ghp_canary0123456789canary0123456789";

/// A time, so many hours ago.
fn hours_ago(hours: i64) -> String {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
    jiff::Timestamp::from_second(then.as_second())
        .unwrap()
        .to_string()
}

/// Answers a path with JSON.
fn answer(hub: &Origin, path: &str, body: Value) {
    hub.route(&format!("/repos/acme/shop{path}"), move |_| {
        Response::json(200, &body)
    });
}

/// A check run.
fn check_run(name: &str, status: &str, conclusion: Option<&str>) -> Value {
    json!({"id": 4, "name": name, "head_sha": SHA, "status": status, "conclusion": conclusion, "started_at": hours_ago(2), "completed_at": hours_ago(1), "app": {"slug": "github-actions"}})
}

/// Answers with these check runs.
fn checks(hub: &Origin, runs: &[Value]) {
    answer(
        hub,
        &format!("/commits/{SHA}/check-runs"),
        json!({"total_count": runs.len(), "check_runs": runs}),
    );
}

/// Answers with the newest runs of a workflow.
pub(crate) fn workflow_runs(hub: &Origin, file: &str, runs: &[Value]) {
    answer(
        hub,
        &format!("/actions/workflows/{file}/runs"),
        json!({"total_count": runs.len(), "workflow_runs": runs}),
    );
}

/// A workflow run.
pub(crate) fn workflow_run(number: u64, event: &str, conclusion: &str, hours: i64) -> Value {
    json!({"id": number, "name": "CI", "run_number": number, "run_attempt": 1, "event": event, "status": "completed", "conclusion": conclusion, "head_sha": SHA, "head_branch": "main", "created_at": hours_ago(hours), "run_started_at": hours_ago(hours)})
}

/// A repository in which all is well.
pub(crate) fn healthy() -> Origin {
    let hub = Origin::start();
    answer(
        &hub,
        "",
        json!({"id": 1, "full_name": "acme/shop", "private": true, "default_branch": "main"}),
    );
    answer(
        &hub,
        &format!("/commits/{SHA}/status"),
        json!({"state": "success", "sha": SHA, "total_count": 1, "statuses": [{"context": "deploy/preview", "state": "success", "updated_at": hours_ago(1)}]}),
    );
    checks(
        &hub,
        &[
            check_run("build", "completed", Some("success")),
            check_run("test", "completed", Some("success")),
        ],
    );
    workflow_runs(
        &hub,
        "ci.yml",
        &[
            workflow_run(7, "push", "success", 1),
            workflow_run(6, "push", "failure", 3),
        ],
    );
    answer(
        &hub,
        "/branches/main",
        json!({"name": "main", "protected": true}),
    );
    answer(
        &hub,
        "/rules/branches/main",
        json!([
            {"type": "deletion", "ruleset_source_type": "Repository", "ruleset_source": "acme/shop", "ruleset_id": 42},
            {"type": "non_fast_forward", "ruleset_id": 42},
            {"type": "pull_request", "ruleset_id": 42, "parameters": {"required_approving_review_count": 1, "require_code_owner_review": true, "dismiss_stale_reviews_on_push": true, "require_last_push_approval": false, "required_review_thread_resolution": false}},
            {"type": "required_status_checks", "ruleset_id": 42, "parameters": {"strict_required_status_checks_policy": true, "required_status_checks": [{"context": "build", "integration_id": 15368}, {"context": "test"}]}},
        ]),
    );
    hub.route("/repos/acme/shop/branches/main/protection", |_| {
        Response::json(
            404,
            json!({"message": "Branch not protected", "status": "404"}),
        )
    });
    around_a_deployment(&hub);
    hub
}

/// Environments, credentials, releases, schedules and alerts of a healthy repository.
fn around_a_deployment(hub: &Origin) {
    answer(
        hub,
        "/environments",
        json!({"total_count": 1, "environments": [environment(1, true)]}),
    );
    answer(
        hub,
        "/environments/production/secrets",
        json!({"total_count": 1, "secrets": [{"name": "FLY_API_TOKEN", "created_at": hours_ago(900), "updated_at": hours_ago(100)}]}),
    );
    answer(
        hub,
        "/environments/production/variables",
        json!({"total_count": 1, "variables": [{"name": "FLY_APP", "value": "shop-production", "updated_at": hours_ago(100)}]}),
    );
    answer(
        hub,
        "/actions/secrets",
        json!({"total_count": 1, "secrets": [{"name": "NPM_TOKEN", "updated_at": hours_ago(100)}]}),
    );
    answer(
        hub,
        "/actions/organization-secrets",
        json!({"total_count": 1, "secrets": [{"name": "ORG_TOKEN", "updated_at": hours_ago(100)}]}),
    );
    answer(
        hub,
        "/releases/latest",
        release(&json!([asset("shop.tar.gz", "uploaded", 9)])),
    );
    answer(
        hub,
        "/actions/workflows/nightly.yml",
        json!({"id": 9, "name": "Nightly", "path": ".github/workflows/nightly.yml", "state": "active"}),
    );
    workflow_runs(
        hub,
        "nightly.yml",
        &[
            workflow_run(31, "schedule", "success", 10),
            workflow_run(30, "schedule", "failure", 34),
        ],
    );
    for source in ["code-scanning", "secret-scanning", "dependabot"] {
        answer(hub, &format!("/{source}/alerts"), json!([]));
    }
}

/// An environment with reviewers, restricted to protected branches.
fn environment(reviewers: usize, restricted: bool) -> Value {
    let reviewer = json!({"type": "Team", "reviewer": {"id": 1, "slug": "release"}});
    let policy = if restricted {
        json!({"protected_branches": true, "custom_branch_policies": false})
    } else {
        Value::Null
    };
    json!({"id": 1, "name": "production", "can_admins_bypass": false, "deployment_branch_policy": policy, "protection_rules": [
        {"id": 1, "type": "wait_timer", "wait_timer": 5},
        {"id": 2, "type": "required_reviewers", "prevent_self_review": true, "reviewers": vec![reviewer; reviewers]},
        {"id": 3, "type": "branch_policy"},
    ]})
}

/// A release with these files.
fn release(assets: &Value) -> Value {
    json!({"id": 1, "tag_name": "v1.2.0", "name": "1.2.0", "draft": false, "prerelease": false, "published_at": hours_ago(5), "assets": assets})
}

/// A file of a release.
fn asset(name: &str, state: &str, size: u64) -> Value {
    json!({"id": 1, "name": name, "state": state, "size": size, "digest": format!("sha256:{}", "0".repeat(64))})
}

const COMMIT: &str = "commit: { ref: 6dcb09b5b57875f334f61aebed695e2e4193db5e, checks: [build, test, deploy/preview] }";
const ALL: &str = "commit: { ref: 6dcb09b5b57875f334f61aebed695e2e4193db5e, all: true }";
const WORKFLOW: &str =
    "commit: { ref: 6dcb09b5b57875f334f61aebed695e2e4193db5e, workflows: [ci.yml] }";
const BRANCH: &str = "branch: { name: main, required_checks: [build, test], up_to_date: true, reviews: 1, code_owners: true }";
const ENVIRONMENT: &str = "environments: { production: { reviewers: 1, prevent_self_review: true, restricted_branches: true, no_bypass: true, wait: 5m, secrets: [FLY_API_TOKEN], variables: [FLY_APP] } }";
const SECRETS: &str = "secrets: [NPM_TOKEN, ORG_TOKEN], secrets_max_age: 30d";
const RELEASE: &str = "release: { assets: [\"*.tar.gz\"], digests: true, max_age: 7d }";
const SCHEDULE: &str = "schedules: { nightly.yml: 26h }";
const ALERTS: &str =
    "alerts: { code_scanning: 0, secret_scanning: 0, dependabot: 0, severity: high }";

/// An audit of one check.
fn audit(hub: &Origin, what: &str) -> Run {
    let profile = format!(
        "version: 1\nname: t\ninputs: {{ token: {{ from: env:GITHUB_TOKEN, secret: true }} }}\nchecks:\n  - id: hub\n    retry: {{ attempts: 1 }}\n    github: {{ repo: acme/shop, api_url: \"{}\", token: \"${{token}}\", {what} }}\n",
        hub.url("")
    );
    let run = audit_command(&profile).env("GITHUB_TOKEN", TOKEN).run();
    assert!(
        !run.to_string().contains("canary"),
        "the token got out\n{run}"
    );
    run
}

#[test]
fn everything_is_green_where_all_is_well() {
    let hub = healthy();
    for what in [
        COMMIT,
        ALL,
        WORKFLOW,
        BRANCH,
        ENVIRONMENT,
        SECRETS,
        RELEASE,
        SCHEDULE,
        ALERTS,
    ] {
        assert_green(&audit(&hub, what));
    }
    for request in hub.requests() {
        assert_eq!(request.method, "GET");
        assert_eq!(
            request.header("authorization"),
            Some(format!("Bearer {TOKEN}").as_str())
        );
        assert_eq!(request.header("x-github-api-version"), Some("2022-11-28"));
    }
}

#[test]
fn gh_51_a_required_check_did_not_run() {
    let hub = healthy();
    checks(&hub, &[check_run("build", "completed", Some("success"))]);
    assert_red(&audit(&hub, COMMIT), "hub", "GH-51");
    // Nothing ran at all, or nothing but what was skipped.
    answer(
        &hub,
        &format!("/commits/{SHA}/status"),
        json!({"state": "pending", "sha": SHA, "total_count": 0, "statuses": []}),
    );
    checks(&hub, &[]);
    assert_red(&audit(&hub, ALL), "hub", "GH-51");
    checks(&hub, &[check_run("build", "completed", Some("skipped"))]);
    assert_red(&audit(&hub, ALL), "hub", "GH-51");
}

#[test]
fn gh_52_a_required_check_failed() {
    let hub = healthy();
    for conclusion in ["failure", "timed_out", "action_required", "startup_failure"] {
        checks(
            &hub,
            &[
                check_run("build", "completed", Some("success")),
                check_run("test", "completed", Some(conclusion)),
            ],
        );
        assert_red(&audit(&hub, COMMIT), "hub", "GH-52");
        assert_red(&audit(&hub, ALL), "hub", "GH-52");
    }
    // One of two checks of the same name is enough.
    checks(
        &hub,
        &[
            check_run("build", "completed", Some("success")),
            check_run("test", "completed", Some("success")),
            check_run("test", "completed", Some("failure")),
        ],
    );
    assert_red(&audit(&hub, COMMIT), "hub", "GH-52");
    // Statuses count like check runs.
    let hub = healthy();
    answer(
        &hub,
        &format!("/commits/{SHA}/status"),
        json!({"state": "failure", "sha": SHA, "total_count": 1, "statuses": [{"context": "deploy/preview", "state": "error"}]}),
    );
    assert_red(&audit(&hub, COMMIT), "hub", "GH-52");
}

#[test]
fn gh_53_a_required_check_says_nothing() {
    let hub = healthy();
    for (status, conclusion) in [
        ("completed", Some("skipped")),
        ("completed", Some("neutral")),
        ("completed", Some("stale")),
        ("completed", Some("cancelled")),
        ("completed", None),
        ("in_progress", None),
        ("queued", None),
        // A conclusion of what has not ended does not count.
        ("in_progress", Some("success")),
    ] {
        checks(
            &hub,
            &[
                check_run("build", "completed", Some("success")),
                check_run("test", status, conclusion),
            ],
        );
        assert_red(&audit(&hub, COMMIT), "hub", "GH-53");
    }
}

#[test]
fn gh_54_the_newest_run_of_the_workflow_is_not_green() {
    let hub = healthy();
    workflow_runs(
        &hub,
        "ci.yml",
        &[
            workflow_run(7, "push", "success", 3),
            workflow_run(8, "push", "failure", 1),
        ],
    );
    assert_red(&audit(&hub, WORKFLOW), "hub", "GH-54");
    workflow_runs(&hub, "ci.yml", &[]);
    assert_red(&audit(&hub, WORKFLOW), "hub", "GH-54");
    // A server that ignores `head_sha`: the run is of another commit.
    let mut other = workflow_run(9, "push", "success", 1);
    other["head_sha"] = "a".repeat(40).into();
    workflow_runs(&hub, "ci.yml", &[other]);
    assert_red(&audit(&hub, WORKFLOW), "hub", "GH-54");
}

#[test]
fn gh_55_to_58_protection_of_a_branch() {
    let hub = healthy();
    let rules = |rules: Value| answer(&hub, "/rules/branches/main", rules);
    rules(json!([]));
    assert_red(&audit(&hub, BRANCH), "hub", "GH-55");
    let classic = |force: bool, reviews: u64, contexts: &[&str]| json!({"required_status_checks": {"strict": true, "contexts": contexts, "checks": []}, "enforce_admins": {"enabled": true}, "required_pull_request_reviews": {"require_code_owner_reviews": true, "required_approving_review_count": reviews}, "allow_force_pushes": {"enabled": force}, "allow_deletions": {"enabled": false}});
    for (force, reviews, contexts, code) in [
        (false, 1, &["build", "test"][..], None),
        (false, 1, &["build"], Some("GH-56")),
        (false, 0, &["build", "test"], Some("GH-57")),
        (true, 1, &["build", "test"], Some("GH-58")),
    ] {
        answer(
            &hub,
            "/branches/main/protection",
            classic(force, reviews, contexts),
        );
        let run = audit(&hub, BRANCH);
        match code {
            Some(code) => assert_red(&run, "hub", code),
            None => assert_green(&run),
        }
    }
    // What administrators may pass over.
    let mut lax = classic(false, 1, &["build", "test"]);
    lax["enforce_admins"]["enabled"] = false.into();
    answer(&hub, "/branches/main/protection", lax);
    assert_green(&audit(&hub, BRANCH));
    assert_red(
        &audit(&hub, "branch: { name: main, enforce_admins: true }"),
        "hub",
        "GH-58",
    );
}

#[test]
fn a_protection_that_cannot_be_read_is_neither_green_nor_red() {
    let hub = healthy();
    hub.route("/repos/acme/shop/branches/main/protection", |_| {
        Response::json(
            403,
            json!({"message": "Resource not accessible by personal access token"}),
        )
    });
    // Rulesets say all that is asked.
    assert_green(&audit(&hub, BRANCH));
    answer(&hub, "/rules/branches/main", json!([]));
    let run = audit(&hub, BRANCH);
    assert_eq!(run.verdict("hub"), "error", "{run}");
    run.assert_exit(3);
}

#[test]
fn gh_59_and_60_environments() {
    let hub = healthy();
    for (environment, code) in [
        (environment(0, true), "GH-60"),
        (environment(1, false), "GH-60"),
    ] {
        answer(
            &hub,
            "/environments",
            json!({"total_count": 1, "environments": [environment]}),
        );
        assert_red(&audit(&hub, ENVIRONMENT), "hub", code);
    }
    answer(
        &hub,
        "/environments",
        json!({"total_count": 0, "environments": []}),
    );
    assert_red(&audit(&hub, ENVIRONMENT), "hub", "GH-59");
}

#[test]
fn gh_61_a_secret_or_variable_is_missing_and_gh_69_is_old() {
    let hub = healthy();
    answer(
        &hub,
        "/environments/production/variables",
        json!({"total_count": 0, "variables": []}),
    );
    assert_red(&audit(&hub, ENVIRONMENT), "hub", "GH-61");
    answer(
        &hub,
        "/actions/organization-secrets",
        json!({"total_count": 0, "secrets": []}),
    );
    assert_red(&audit(&hub, SECRETS), "hub", "GH-61");
    let hub = healthy();
    answer(
        &hub,
        "/actions/secrets",
        json!({"total_count": 1, "secrets": [{"name": "NPM_TOKEN", "updated_at": hours_ago(900)}]}),
    );
    assert_red(&audit(&hub, SECRETS), "hub", "GH-69");
    // The value of a variable is not kept.
    let hub = healthy();
    let run = audit(&hub, ENVIRONMENT);
    assert!(!run.stdout.contains("shop-production"), "{run}");
}

#[test]
fn gh_62_and_63_releases() {
    let hub = healthy();
    let mut draft = release(&json!([asset("shop.tar.gz", "uploaded", 9)]));
    draft["prerelease"] = true.into();
    answer(&hub, "/releases/latest", draft);
    assert_red(&audit(&hub, RELEASE), "hub", "GH-62");
    hub.route("/repos/acme/shop/releases/latest", |_| {
        Response::json(404, json!({"message": "Not Found"}))
    });
    assert_red(&audit(&hub, RELEASE), "hub", "GH-62");
    let mut bare = asset("shop.tar.gz", "uploaded", 9);
    bare["digest"] = Value::Null;
    for file in [
        asset("shop.zip", "uploaded", 9),
        asset("shop.tar.gz", "starter", 9),
        asset("shop.tar.gz", "uploaded", 0),
        bare,
    ] {
        answer(&hub, "/releases/latest", release(&json!([file])));
        assert_red(&audit(&hub, RELEASE), "hub", "GH-63");
    }
}

#[test]
fn gh_64_and_65_schedules() {
    let hub = healthy();
    for runs in [
        vec![],
        vec![workflow_run(31, "schedule", "success", 30)],
        vec![
            workflow_run(31, "schedule", "failure", 3),
            workflow_run(30, "schedule", "success", 12),
        ],
        // Run by hand: the schedule itself did nothing.
        vec![workflow_run(31, "workflow_dispatch", "success", 3)],
    ] {
        workflow_runs(&hub, "nightly.yml", &runs);
        assert_red(&audit(&hub, SCHEDULE), "hub", "GH-65");
    }
    answer(
        &hub,
        "/actions/workflows/nightly.yml",
        json!({"id": 9, "state": "disabled_inactivity"}),
    );
    assert_red(&audit(&hub, SCHEDULE), "hub", "GH-64");
    hub.route("/repos/acme/shop/actions/workflows/nightly.yml", |_| {
        Response::json(404, json!({"message": "Not Found"}))
    });
    assert_red(&audit(&hub, SCHEDULE), "hub", "GH-64");
}

#[test]
fn gh_66_open_alerts() {
    let hub = healthy();
    let code = |level: Value| json!([{"number": 1, "state": "open", "rule": {"id": "r", "severity": "warning", "security_severity_level": level}}]);
    for (level, red) in [
        (json!("critical"), true),
        (json!("high"), true),
        (json!("medium"), false),
        (Value::Null, false),
    ] {
        answer(&hub, "/code-scanning/alerts", code(level));
        let run = audit(&hub, ALERTS);
        if red {
            assert_red(&run, "hub", "GH-66");
        } else {
            assert_green(&run);
        }
    }
    answer(
        &hub,
        "/dependabot/alerts",
        json!([{"number": 1, "state": "open", "security_advisory": {"severity": "high"}}]),
    );
    assert_red(&audit(&hub, ALERTS), "hub", "GH-66");
    answer(&hub, "/dependabot/alerts", json!([]));
    answer(
        &hub,
        "/secret-scanning/alerts",
        json!([{"number": 1, "state": "open", "secret_type": "x", "secret": "sk_canary_of_an_alert"}]),
    );
    assert_red(&audit(&hub, ALERTS), "hub", "GH-66");
    let asked = hub.requests_to("/repos/acme/shop/secret-scanning/alerts");
    assert!(
        asked
            .iter()
            .all(|request| request.query.contains("hide_secret=true"))
    );
}

#[test]
fn gh_67_what_cannot_be_seen_is_an_error() {
    let hub = healthy();
    for (status, message) in [
        (404, "no analysis found"),
        (403, "Code scanning is not enabled for this repository."),
        (401, "Bad credentials"),
    ] {
        hub.route("/repos/acme/shop/code-scanning/alerts", move |_| {
            Response::json(status, json!({"message": message}))
        });
        let run = audit(&hub, ALERTS);
        assert_eq!(run.verdict("hub"), "error", "{run}");
        assert_eq!(run.check("hub")["fault"]["code"], "GH-67", "{run}");
        assert!(run.stdout.contains(message), "{run}");
    }
    // The repository itself is not there, or hidden.
    hub.route("/repos/acme/shop", |_| {
        Response::json(404, json!({"message": "Not Found"}))
    });
    let run = audit(&hub, ENVIRONMENT);
    assert_eq!(run.check("hub")["fault"]["code"], "GH-67", "{run}");
    for body in [
        "",
        "<html>",
        "{}",
        "[]",
        "null",
        "{\"total_count\": 3, \"check_runs\": []}",
        "{\"total_count\": 1, \"check_runs\": null}",
    ] {
        let hub = healthy();
        hub.route(
            &format!("/repos/acme/shop/commits/{SHA}/check-runs"),
            move |_| Response::json(200, body),
        );
        let run = audit(&hub, ALL);
        assert_eq!(run.verdict("hub"), "error", "{body}\n{run}");
    }
}

#[test]
fn gh_68_rate_limits_are_honoured() {
    let hub = healthy();
    let limited = |status: u16, header: &'static str, value: &'static str| {
        hub.route("/repos/acme/shop/code-scanning/alerts", move |_| {
            Response::json(status, json!({"message": "API rate limit exceeded"}))
                .header(header, value)
        });
    };
    limited(403, "x-ratelimit-reset", "4102444800");
    let run = audit(&hub, ALERTS);
    assert_eq!(run.check("hub")["fault"]["code"], "GH-68", "{run}");
    assert!(run.stdout.contains("2100-01-01T00:00:00Z"), "{run}");
    limited(429, "retry-after", "60");
    let run = audit(&hub, ALERTS);
    assert_eq!(run.check("hub")["fault"]["code"], "GH-68", "{run}");
    assert!(run.stdout.contains("in 60s"), "{run}");
    // None is left: no further request is sent.
    hub.route("/repos/acme/shop", |_| {
        Response::json(200, json!({"full_name": "acme/shop"}))
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", "4102444800")
    });
    hub.forget();
    let run = audit(&hub, ALERTS);
    assert_eq!(run.check("hub")["fault"]["code"], "GH-68", "{run}");
    assert_eq!(hub.requests().len(), 1);
}

#[test]
fn every_page_counts_and_there_is_an_end() {
    let hub = healthy();
    let path = format!("/repos/acme/shop/commits/{SHA}/check-runs");
    let page = |hub: &Origin, last: usize| {
        let (base, path) = (hub.url(""), path.clone());
        hub.route(&path.clone(), move |request| {
            let number: usize = request.query.split('&').find_map(|part| part.strip_prefix("page=")).map_or(1, |n| n.parse().unwrap());
            let (name, conclusion) = if number == last { ("test", "failure") } else { ("build", "success") };
            let mut answer = Response::json(200, json!({"total_count": last, "check_runs": [check_run(name, "completed", Some(conclusion))]}));
            if number < last {
                answer = answer.header("link", &format!("<{base}{path}?page={}>; rel=\"next\", <{base}{path}?page={last}>; rel=\"last\"", number + 1));
            }
            answer
        });
    };
    page(&hub, 3);
    assert_red(&audit(&hub, COMMIT), "hub", "GH-52");
    page(&hub, 11);
    hub.forget();
    let run = audit(&hub, COMMIT);
    assert_eq!(run.verdict("hub"), "error", "{run}");
    assert_eq!(hub.hits(&path), 10);
}

#[test]
fn the_token_stays_with_its_host() {
    let (hub, elsewhere) = (healthy(), Origin::start());
    elsewhere.may_be_unused();
    // A renamed repository: its new name is used from then on.
    let base = hub.url("");
    hub.route("/repos/acme/old", move |_| {
        Response::redirect(301, &format!("{base}/repositories/1"))
    });
    hub.route("/repositories/1", |_| {
        Response::json(200, json!({"full_name": "acme/shop"}))
    });
    let profile = |what: &str| {
        format!(
            "version: 1\nname: t\nchecks:\n  - id: hub\n    github: {{ repo: acme/old, api_url: \"{}\", token: \"${{env:GITHUB_TOKEN}}\", {what} }}\n",
            hub.url("")
        )
    };
    let run = audit_command(&profile(COMMIT))
        .env("GITHUB_TOKEN", TOKEN)
        .run();
    assert_green(&run);
    // To another host nothing is sent.
    let away = elsewhere.url("/repos/acme/shop");
    hub.route("/repos/acme/old", move |_| Response::redirect(301, &away));
    let run = audit_command(&profile(COMMIT))
        .env("GITHUB_TOKEN", TOKEN)
        .run();
    assert_eq!(run.check("hub")["fault"]["code"], "GH-67", "{run}");
    assert!(elsewhere.requests().is_empty());
    // Neither by the address of a next page.
    let away = elsewhere.url("/next");
    let hub = healthy();
    hub.route(&format!("/repos/acme/shop/commits/{SHA}/check-runs"), move |_| {
        Response::json(200, json!({"total_count": 200, "check_runs": [check_run("build", "completed", Some("success"))]})).header("link", &format!("<{away}>; rel=\"next\""))
    });
    let run = audit(&hub, ALL);
    assert_eq!(run.verdict("hub"), "error", "{run}");
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_dry_run_names_every_request_and_contacts_nothing() {
    let hub = healthy();
    hub.may_be_unused();
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: hub\n    github: {{ repo: acme/shop, api_url: \"{}\", {COMMIT}, {} }}\n",
        hub.url(""),
        ALERTS
    );
    let dry = audit_command(&profile).args(["--dry-run"]).run();
    dry.assert_exit(0);
    assert!(hub.requests().is_empty());
    audit_command(&profile).run().assert_exit(0);
    let planned = dry.stdout.clone();
    for request in hub.requests() {
        assert!(
            planned.contains(&request.path),
            "{} is not planned\n{planned}",
            request.path
        );
    }
}

#[test]
fn what_means_nothing_or_leaks_is_refused() {
    for (spec, complaint) in [
        ("repo: acme/shop", "could never fail"),
        ("repo: shop, secrets: [A]", "owner/name"),
        (
            "repo: acme/shop, commit: { ref: main }",
            "nothing is asked of the commit",
        ),
        ("repo: acme/shop, alerts: {}", "no kind of alert"),
        (
            "repo: acme/shop, secrets: [A], token: x, api_url: \"http://github.test\"",
            "clear text",
        ),
    ] {
        let run = audit_command(&format!(
            "version: 1\nname: t\nchecks:\n  - {{ id: hub, github: {{ {spec} }} }}\n"
        ))
        .run();
        run.assert_exit(2);
        assert!(run.stderr.contains(complaint), "{spec}\n{run}");
    }
}

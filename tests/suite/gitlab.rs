//! GitLab: a server whose answers have the documented shapes of its REST API.

use serde_json::{Value, json};

use crate::support::cli::{Run, audit_command};
use crate::support::origin::{Origin, Response};
use crate::support::verdicts::{assert_green, assert_red};

const SHA: &str = "6104942438c14ec7bd21c6cd5bd995272b3faff6";
const TOKEN: &str = "glpat-canary0123456789canary";

/// A time, so many hours ago.
fn hours_ago(hours: i64) -> String {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
    jiff::Timestamp::from_second(then.as_second())
        .unwrap()
        .to_string()
}

/// Answers a path of the project with JSON.
fn answer(lab: &Origin, path: &str, body: Value) {
    lab.route(&format!("/api/v4/projects/7{path}"), move |_| {
        Response::json(200, &body)
    });
}

/// The project itself, by path and by number.
fn project(lab: &Origin, must_succeed: bool) {
    let body = json!({"id": 7, "path_with_namespace": "acme/shop", "only_allow_merge_if_pipeline_succeeds": must_succeed, "allow_merge_on_skipped_pipeline": false});
    lab.route("/api/v4/projects/acme%2Fshop", move |_| {
        Response::json(200, &body)
    });
}

/// Answers with pipelines of the commit: number and state.
fn pipelines(lab: &Origin, all: &[(u64, &str)]) {
    let all: Vec<Value> = all
        .iter()
        .map(|(id, status)| json!({"id": id, "iid": id, "project_id": 7, "sha": SHA, "ref": "main", "status": status, "source": "push"}))
        .collect();
    answer(lab, "/pipelines", all.into());
}

/// Answers with jobs of the newest pipeline: name and state.
fn jobs(lab: &Origin, all: &[(&str, &str)]) {
    let all: Vec<Value> = all
        .iter()
        .enumerate()
        .map(|(id, (name, status))| json!({"id": id, "name": name, "stage": "test", "status": status, "allow_failure": false}))
        .collect();
    answer(lab, "/pipelines/47/jobs", all.into());
}

/// A protected branch: who may push, and whether with force.
fn protected(lab: &Origin, level: u64, force: bool) {
    answer(
        lab,
        "/protected_branches",
        json!([{"id": 1, "name": "main", "push_access_levels": [{"id": 1, "access_level": level, "access_level_description": "Developers + Maintainers"}], "merge_access_levels": [{"access_level": 40}], "allow_force_push": force, "code_owner_approval_required": false}]),
    );
}

/// A variable.
fn variable(value: &str, masked: bool, protected: bool, scope: &str) -> Value {
    json!({"variable_type": "env_var", "key": "FLY_API_TOKEN", "value": value, "protected": protected, "masked": masked, "hidden": false, "raw": false, "environment_scope": scope})
}

/// The schedule, with its last pipeline.
fn schedule(lab: &Origin, active: bool, status: &str, hours: i64) {
    let own = json!({"id": 13, "description": "Nightly", "ref": "refs/heads/main", "cron": "0 3 * * *", "active": active});
    answer(lab, "/pipeline_schedules", json!([own]));
    let mut full = own;
    full["last_pipeline"] = json!({"id": 332, "sha": SHA, "ref": "main", "status": status});
    answer(lab, "/pipeline_schedules/13", full);
    answer(
        lab,
        "/pipelines/332",
        json!({"id": 332, "status": status, "created_at": hours_ago(hours)}),
    );
}

/// A project in which all is well.
fn healthy() -> Origin {
    let lab = Origin::start();
    project(&lab, true);
    answer(
        &lab,
        &format!("/repository/commits/{SHA}"),
        json!({"id": SHA, "short_id": "61049424"}),
    );
    pipelines(&lab, &[(46, "failed"), (47, "success")]);
    jobs(&lab, &[("build", "success"), ("test", "success")]);
    answer(
        &lab,
        "/repository/branches/main",
        json!({"name": "main", "protected": true}),
    );
    protected(&lab, 0, false);
    answer(
        &lab,
        "/environments",
        json!([{"id": 1, "name": "production", "state": "available", "tier": "production"}]),
    );
    answer(
        &lab,
        "/variables",
        json!([variable("fly_canary_value", true, true, "production")]),
    );
    answer(
        &lab,
        "/releases/v1.2.0",
        json!({"tag_name": "v1.2.0", "released_at": hours_ago(5), "upcoming_release": false, "assets": {"count": 1, "sources": [], "links": [{"id": 1, "name": "shop.tar.gz", "url": "https://x.test/shop.tar.gz"}]}}),
    );
    schedule(&lab, true, "success", 10);
    lab
}

const COMMIT: &str =
    "commit: { ref: 6104942438c14ec7bd21c6cd5bd995272b3faff6, jobs: [build, test] }";
const BRANCH: &str = "branch: { name: main }";
const ENVIRONMENTS: &str = "environments: [production]";
const VARIABLES: &str =
    "variables: { FLY_API_TOKEN: { masked: true, protected: true, environment: production } }";
const RELEASE: &str = "release: { tag: v1.2.0, assets: [shop.tar.gz], max_age: 7d }";
const SCHEDULE: &str = "schedules: { Nightly: 26h }";

/// An audit of one check.
fn audit(lab: &Origin, what: &str) -> Run {
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: lab\n    retry: {{ attempts: 1 }}\n    gitlab: {{ project: acme/shop, api_url: \"{}\", token: \"${{env:GITLAB_TOKEN}}\", {what} }}\n",
        lab.url("/api/v4")
    );
    let run = audit_command(&profile).env("GITLAB_TOKEN", TOKEN).run();
    assert!(
        !run.to_string().contains("canary"),
        "a secret got out\n{run}"
    );
    run
}

#[test]
fn everything_is_green_where_all_is_well() {
    let lab = healthy();
    for what in [COMMIT, BRANCH, ENVIRONMENTS, VARIABLES, RELEASE, SCHEDULE] {
        assert_green(&audit(&lab, what));
    }
    for request in lab.requests() {
        assert_eq!(request.method, "GET");
        assert_eq!(request.header("private-token"), Some(TOKEN));
    }
}

#[test]
fn gl_51_no_pipeline_and_gl_52_not_successful() {
    let lab = healthy();
    pipelines(&lab, &[]);
    assert_red(&audit(&lab, COMMIT), "lab", "GL-51");
    for state in [
        "failed",
        "canceled",
        "skipped",
        "running",
        "pending",
        "manual",
        "scheduled",
    ] {
        pipelines(&lab, &[(46, "success"), (47, state)]);
        assert_red(&audit(&lab, COMMIT), "lab", "GL-52");
    }
}

#[test]
fn gl_53_a_job_did_not_run_and_gl_54_is_not_green() {
    let lab = healthy();
    jobs(&lab, &[("build", "success")]);
    assert_red(&audit(&lab, COMMIT), "lab", "GL-53");
    for state in ["failed", "manual", "skipped", "canceled", "created"] {
        jobs(&lab, &[("build", "success"), ("test", state)]);
        assert_red(&audit(&lab, COMMIT), "lab", "GL-54");
    }
    // The newest of a name counts.
    jobs(
        &lab,
        &[
            ("build", "success"),
            ("test", "success"),
            ("test", "failed"),
        ],
    );
    assert_red(&audit(&lab, COMMIT), "lab", "GL-54");
}

#[test]
fn gl_55_not_protected_and_gl_56_a_way_around() {
    let lab = healthy();
    protected(&lab, 30, false);
    assert_red(&audit(&lab, BRANCH), "lab", "GL-56");
    assert_green(&audit(&lab, "branch: { name: main, allow_push: true }"));
    protected(&lab, 0, true);
    assert_red(&audit(&lab, BRANCH), "lab", "GL-56");
    protected(&lab, 0, false);
    project(&lab, false);
    assert_red(&audit(&lab, BRANCH), "lab", "GL-56");
    answer(&lab, "/protected_branches", json!([]));
    assert_red(&audit(&lab, BRANCH), "lab", "GL-55");
}

#[test]
fn gl_57_environments() {
    let lab = healthy();
    answer(
        &lab,
        "/environments",
        json!([{"id": 1, "name": "production", "state": "stopped"}]),
    );
    assert_red(&audit(&lab, ENVIRONMENTS), "lab", "GL-57");
    answer(&lab, "/environments", json!([]));
    assert_red(&audit(&lab, ENVIRONMENTS), "lab", "GL-57");
}

#[test]
fn gl_58_variables_missing_and_gl_59_not_masked() {
    let lab = healthy();
    for (found, code) in [
        (json!([]), "GL-58"),
        (json!([variable("", true, true, "production")]), "GL-58"),
        (
            json!([variable("x_canary", true, true, "staging")]),
            "GL-58",
        ),
        (
            json!([variable("x_canary", false, true, "production")]),
            "GL-59",
        ),
        (json!([variable("x_canary", true, false, "*")]), "GL-59"),
    ] {
        answer(&lab, "/variables", found);
        assert_red(&audit(&lab, VARIABLES), "lab", code);
    }
    answer(
        &lab,
        "/variables",
        json!([variable("x_canary", true, true, "prod*")]),
    );
    assert_green(&audit(&lab, VARIABLES));
}

#[test]
fn gl_60_releases() {
    let lab = healthy();
    answer(
        &lab,
        "/releases/v1.2.0",
        json!({"tag_name": "v1.2.0", "released_at": hours_ago(5), "assets": {"links": []}}),
    );
    assert_red(&audit(&lab, RELEASE), "lab", "GL-60");
    answer(
        &lab,
        "/releases/v1.2.0",
        json!({"tag_name": "v1.2.0", "released_at": hours_ago(500), "assets": {"links": [{"name": "shop.tar.gz"}]}}),
    );
    assert_red(&audit(&lab, RELEASE), "lab", "GL-60");
    lab.route("/api/v4/projects/7/releases/v1.2.0", |_| {
        Response::json(404, json!({"message": "404 Not Found"}))
    });
    assert_red(&audit(&lab, RELEASE), "lab", "GL-60");
}

#[test]
fn gl_61_and_62_schedules() {
    let lab = healthy();
    schedule(&lab, true, "success", 40);
    assert_red(&audit(&lab, SCHEDULE), "lab", "GL-62");
    schedule(&lab, true, "failed", 2);
    assert_red(&audit(&lab, SCHEDULE), "lab", "GL-62");
    schedule(&lab, false, "success", 2);
    assert_red(&audit(&lab, SCHEDULE), "lab", "GL-61");
    answer(&lab, "/pipeline_schedules", json!([]));
    assert_red(&audit(&lab, SCHEDULE), "lab", "GL-61");
}

#[test]
fn gl_63_what_cannot_be_seen_and_gl_64_rate_limits_are_errors() {
    let lab = healthy();
    for (status, code) in [
        (401, "GL-63"),
        (403, "GL-63"),
        (404, "GL-63"),
        (429, "GL-64"),
    ] {
        lab.route("/api/v4/projects/7/variables", move |_| {
            Response::json(status, json!({"message": "no"})).header("ratelimit-reset", "4102444800")
        });
        let run = audit(&lab, VARIABLES);
        assert_eq!(run.verdict("lab"), "error", "{run}");
        assert_eq!(run.check("lab")["fault"]["code"], code, "{run}");
    }
    assert!(audit(&lab, VARIABLES).stdout.contains("2100-01-01"));
}

#[test]
fn a_dry_run_names_the_requests_and_nonsense_is_refused() {
    let lab = healthy();
    lab.may_be_unused();
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: lab\n    gitlab: {{ project: acme/shop, api_url: \"{}\", {COMMIT}, {SCHEDULE} }}\n",
        lab.url("/api/v4")
    );
    let dry = audit_command(&profile).args(["--dry-run"]).run();
    dry.assert_exit(0);
    assert!(
        lab.requests().is_empty() && dry.stdout.contains("/pipeline_schedules"),
        "{dry}"
    );
    for (spec, complaint) in [
        ("project: acme/shop", "could never fail"),
        ("project: a b, environments: [x]", "this is no project"),
        (
            "project: a/b, environments: [x], token: x, api_url: \"http://gitlab.test\"",
            "clear text",
        ),
    ] {
        let run = audit_command(&format!(
            "version: 1\nname: t\nchecks:\n  - {{ id: lab, gitlab: {{ {spec} }} }}\n"
        ))
        .run();
        run.assert_exit(2);
        assert!(run.stderr.contains(complaint), "{spec}\n{run}");
    }
}

//! Workflows.

use super::{assert_change, borrowed, changed, look};
use crate::support::verdicts::{assert_green, assert_red};

const SECTION: &str = "pipeline:
  pinned: tag
  permissions: true
  triggers: [schedule, pull_request]
  commands: [cargo clippy, 'pytest.*--cov-fail-under', { run: publish-docs, on: [schedule, release] }]
  deploy:
    runs: flyctl deploy
    after: [test, lint, trivy]
    environment: ^production$
    strategy: canary
    rollback: rollback";

const CI: &str = "name: CI
on:
  push: { branches: [main] }
  pull_request:
permissions: { contents: read }
jobs:
  lint:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: cargo clippy -- -D warnings
  test:
    needs: lint
    runs-on: ubuntu-24.04
    services:
      db: { image: 'postgres:16', env: { POSTGRES_PASSWORD: postgres } }
    steps:
      - uses: actions/checkout@v4
      - run: ./scripts/test.sh
      - run: pytest --cov-fail-under=80
        working-directory: backend
      - name: scan
        uses: aquasecurity/trivy-action@0.28.0
      - name: logs
        if: failure()
        run: docker logs db || true
  build:
    needs: [test]
    runs-on: ubuntu-24.04
    steps:
      - uses: docker/build-push-action@v6
        with: { context: ., file: Dockerfile }
  deploy:
    needs: build
    environment: { name: production }
    runs-on: ubuntu-24.04
    steps:
      - run: flyctl deploy --strategy canary
        env: { FLY_API_TOKEN: '${{ secrets.FLY_API_TOKEN }}' }
      - if: failure()
        run: ./scripts/rollback.sh
";

const DOCS: &str = "on:
  schedule: [ { cron: '0 3 * * *' } ]
permissions: {}
jobs:
  docs: { runs-on: ubuntu-24.04, steps: [ { run: make publish-docs } ] }
";

const FILES: &[(&str, &str)] = &[
    (".github/workflows/ci.yml", CI),
    (".github/workflows/docs.yml", DOCS),
    ("scripts/test.sh", "true\n"),
    ("scripts/rollback.sh", "true\n"),
    ("backend/app.py", "\n"),
    ("Dockerfile", "FROM scratch\n"),
];

const FILE: &str = ".github/workflows/ci.yml";

#[test]
fn ci_a_pipeline_with_gates_is_green() {
    assert_green(&look(SECTION, FILES));
}

#[test]
fn ci_51_steps_that_cannot_fail() {
    let plain = "pipeline: {}";
    for (from, to) in [
        ("run: ./scripts/test.sh", "run: ./scripts/test.sh || true"),
        (
            "- run: ./scripts/test.sh",
            "- run: ./scripts/test.sh\n        continue-on-error: true",
        ),
        (
            "run: ./scripts/test.sh",
            "run: |\n          set +e\n          ./scripts/test.sh",
        ),
        (
            "run: ./scripts/test.sh",
            "run: |\n          ./scripts/test.sh\n          exit 0",
        ),
        (
            "    needs: lint\n",
            "    needs: lint\n    continue-on-error: true\n",
        ),
    ] {
        assert_change(plain, FILES, (FILE, from, to), "CI-51");
    }
    let files = changed(
        FILES,
        FILE,
        "run: ./scripts/test.sh",
        "run: ./scripts/test.sh || true",
    );
    assert_green(&look(
        "pipeline: { tolerated: ['scripts/test'] }",
        &borrowed(&files),
    ));
}

#[test]
fn ci_52_files_that_are_not_there() {
    for (from, to) in [
        ("./scripts/test.sh", "./scripts/missing.sh"),
        ("working-directory: backend", "working-directory: api"),
        ("file: Dockerfile", "file: docker/Dockerfile"),
        ("run: ./scripts/test.sh", "uses: ./.github/actions/test"),
        (
            "run: ./scripts/test.sh",
            "run: docker build -f Dockerfile.prod .",
        ),
        (
            "run: ./scripts/test.sh",
            "run: pip install -r requirements-dev.txt",
        ),
    ] {
        assert_change(SECTION, FILES, (FILE, from, to), "CI-52");
    }
    for to in [
        "curl -fsSo install.sh https://example.com && bash install.sh",
        "cd backend && python app.py",
        "./target/release/app.sh",
        "bash $HOME/x.sh",
    ] {
        let files = changed(FILES, FILE, "./scripts/test.sh", to);
        assert_green(&look(SECTION, &borrowed(&files)));
    }
}

#[test]
fn ci_53_a_deployment_that_waits_for_nothing() {
    for (from, to) in [
        ("    needs: build\n", ""),
        ("    needs: [test]\n", ""),
        ("    needs: build\n", "    needs: build\n    if: always()\n"),
    ] {
        assert_change(SECTION, FILES, (FILE, from, to), "CI-53");
    }
    // A scan that cannot fail gates nothing, even where it is tolerated.
    let files = changed(
        FILES,
        FILE,
        "uses: aquasecurity/trivy-action@0.28.0",
        "uses: aquasecurity/trivy-action@0.28.0\n        continue-on-error: true",
    );
    let run = look(
        &format!("{SECTION}\n  tolerated: [trivy]"),
        &borrowed(&files),
    );
    assert_red(&run, "it", "CI-53");
    let files = changed(
        FILES,
        FILE,
        "    needs: build\n",
        "    needs: build\n    if: ${{ always() && needs.build.result == 'success' }}\n",
    );
    assert_green(&look(SECTION, &borrowed(&files)));
}

#[test]
fn ci_54_56_63_64_how_it_is_deployed() {
    assert_change(
        SECTION,
        FILES,
        (FILE, "flyctl deploy --strategy", "make it --strategy"),
        "CI-54",
    );
    assert_change(
        SECTION,
        FILES,
        (
            FILE,
            "environment: { name: production }",
            "environment: staging",
        ),
        "CI-56",
    );
    assert_change(
        SECTION,
        FILES,
        (FILE, "    environment: { name: production }\n", ""),
        "CI-56",
    );
    assert_change(
        SECTION,
        FILES,
        (FILE, "--strategy canary", "--now"),
        "CI-63",
    );
    assert_change(
        SECTION,
        FILES,
        (FILE, "run: ./scripts/rollback.sh", "run: echo failed"),
        "CI-64",
    );
    let none = look(
        "pipeline: { deploy: { jobs: ship, environment: production } }",
        FILES,
    );
    assert_red(&none, "it", "CI-54");
}

#[test]
fn ci_55_57_58_trust() {
    let file = FILE;
    assert_change(
        SECTION,
        FILES,
        (file, "trivy-action@0.28.0", "trivy-action@master"),
        "CI-55",
    );
    let sha = SECTION.replace("pinned: tag", "pinned: sha");
    assert_red(&look(&sha, FILES), "it", "CI-55");
    let trusted = "pipeline: { pinned: sha, trusted: [actions/, docker/, aquasecurity/] }";
    assert_green(&look(trusted, FILES));
    assert_change(
        SECTION,
        FILES,
        (file, "permissions: { contents: read }\n", ""),
        "CI-57",
    );
    assert_change(
        "pipeline: {}",
        FILES,
        (file, "{ contents: read }", "write-all"),
        "CI-57",
    );
    assert_change(
        SECTION,
        FILES,
        (file, "'${{ secrets.FLY_API_TOKEN }}'", "Zk4pQ9vXw2Lm7cB1"),
        "CI-58",
    );
    let files = changed(
        FILES,
        file,
        "'${{ secrets.FLY_API_TOKEN }}'",
        "Zk4pQ9vXw2Lm7cB1",
    );
    let run = look(SECTION, &borrowed(&files));
    assert!(!format!("{run}").contains("Zk4pQ9vXw2Lm7cB1"), "{run}");
}

#[test]
fn ci_59_events_that_start_nothing() {
    let docs = ".github/workflows/docs.yml";
    let scheduled = "pipeline: { triggers: [schedule] }";
    assert_change(
        scheduled,
        FILES,
        (docs, "[ { cron: '0 3 * * *' } ]", "[]"),
        "CI-59",
    );
    assert_change(
        scheduled,
        FILES,
        (docs, "schedule: [ { cron: '0 3 * * *' } ]", "push:"),
        "CI-59",
    );
}

#[test]
fn ci_60_commands_that_run_nowhere() {
    assert_change(
        SECTION,
        FILES,
        (FILE, "cargo clippy -- -D warnings", "cargo build"),
        "CI-60",
    );
    assert_change(
        SECTION,
        FILES,
        (
            FILE,
            "run: cargo clippy -- -D warnings",
            "run: |\n          # cargo clippy\n          cargo build",
        ),
        "CI-60",
    );
    assert_change(SECTION, FILES, (FILE, " --cov-fail-under=80", ""), "CI-60");
    let docs = ".github/workflows/docs.yml";
    let published = "pipeline: { commands: [ { run: publish-docs, on: [schedule, release] } ] }";
    assert_change(
        published,
        FILES,
        (docs, "schedule: [ { cron: '0 3 * * *' } ]", "push:"),
        "CI-60",
    );
}

#[test]
fn a_mistake_in_a_command_is_told_as_such() {
    let run = look("pipeline: { commands: [ { run: a, onn: [push] } ] }", FILES);
    run.assert_exit(2);
    assert!(run.stderr.contains("`onn`"), "{run}");
    let run = look("pipeline: { commands: [ 3.5 ] }", FILES);
    run.assert_exit(2);
    assert!(run.stderr.contains("a mapping with `run`"), "{run}");
}

#[test]
fn a_command_alone_is_judged_without_the_rest() {
    let section = "pipeline: { general: false, commands: [ migrat ] }";
    let workflow = "on: push\npermissions: write-all\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: npm run lint || true\n      - run: ./missing.sh\n      - run: npm run migrate\n";
    let files = [(".github/workflows/a.yml", workflow)];
    assert_green(&look(section, &files));
    assert_change(section, &files, (files[0].0, "migrate", "build"), "CI-60");
    let change = (files[0].0, "run migrate", "run migrate || true");
    assert_change(section, &files, change, "CI-60");
    // Nothing would be left to judge.
    look("pipeline: { general: false }", &files).assert_exit(2);
}

#[test]
fn ci_61_62_strangers() {
    let target = "on:\n  pull_request_target:\npermissions: { contents: read }\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n        with: { fetch-depth: 1 }\n      - run: echo \"$TITLE\"\n";
    let files = [(".github/workflows/a.yml", target)];
    assert_green(&look("pipeline: {}", &files));
    let change = (
        files[0].0,
        "fetch-depth: 1",
        "ref: '${{ github.event.pull_request.head.sha }}'",
    );
    assert_change("pipeline: {}", &files, change, "CI-61");
    let change = (
        files[0].0,
        "$TITLE",
        "${{ github.event.pull_request.title }}",
    );
    assert_change("pipeline: {}", &files, change, "CI-62");
}

const GITLAB: &str = "stages: [check, deploy]
include: [ { local: /ci/lint.yml } ]
.base: { image: 'python:3.12', tags: [x] }
test: { extends: .base, stage: check, script: [ pytest ] }
deploy: { extends: .base, stage: deploy, script: [ ./scripts/deploy.sh ], environment: { name: production } }
";

#[test]
fn ci_gitlab_stages_gate_and_allow_failure_does_not() {
    let section = "pipeline:
  paths: [.gitlab-ci.yml]
  deploy: { after: [test, lint], environment: production }";
    let files = [
        (".gitlab-ci.yml", GITLAB),
        (
            "ci/lint.yml",
            "lint: { stage: check, script: [ ruff check . ] }\n",
        ),
        ("scripts/deploy.sh", "true\n"),
    ];
    assert_green(&look(section, &files));
    let file = ".gitlab-ci.yml";
    assert_change(
        section,
        &files,
        (
            file,
            "stage: deploy, script",
            "stage: deploy, needs: [lint], script",
        ),
        "CI-53",
    );
    for (from, to) in [
        ("[ pytest ]", "[ 'pytest || true' ]"),
        (
            "script: [ pytest ]",
            "script: [ pytest ], allow_failure: true",
        ),
    ] {
        let files = changed(&files, file, from, to);
        let run = look(section, &borrowed(&files));
        assert_red(&run, "it", "CI-51");
        assert_red(&run, "it", "CI-53");
    }
}

#[test]
fn ci_what_is_no_workflow_is_an_error() {
    for (text, words) in [
        ("a: 1\n", "has no `on`"),
        ("on: push\n", "has no `jobs`"),
        ("on: push\njobs: {}\n", "has no `jobs`"),
        ("on: push\njobs: [\n", "x.yml:"),
        ("", "holds nothing"),
    ] {
        let run = look("pipeline: {}", &[(".github/workflows/x.yml", text)]);
        assert_eq!(run.verdict("it"), "error", "{text}\n{run}");
        assert!(run.stdout.contains(words), "{run}");
    }
    let run = look("pipeline: {}", &[]);
    assert_eq!(run.check("it")["fault"]["cause"], "missing", "{run}");
}

//! Repositories: secrets, data, what is tracked and what is not, and nothing of theirs is run.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::support::cli::{Run, audit_command};
use crate::support::repository::Repository;
use crate::support::verdicts::{assert_green, assert_red};

/// What no one may ever see: put together here so that no scanner finds it in this file.
fn token() -> String {
    format!("gh{}{}", "p_", "q7Rk2mXv9TzL4wYb8NpJ5sHd3FgC6uEa1QxZ")
}

/// Audits a folder with one check of the kind `git`.
fn look_at(folder: &Path, block: &str) -> Run {
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: g\n    timeout: 50s\n    retry: {{ attempts: 1 }}\n    git: {{ path: {}, {block} }}\n",
        folder.display()
    );
    let run = audit_command(&profile).run();
    for secret in [&token()[8..], "Xk3vQ9zT7mL2", "PJ5sHd3FgC6u"] {
        assert!(
            !format!("{run}").contains(secret),
            "a secret is shown\n{run}"
        );
    }
    run
}

fn look(repository: &Repository, block: &str) -> Run {
    look_at(repository.path(), block)
}

#[test]
fn git_51_tokens_keys_and_literals_in_tracked_files() {
    let clean = Repository::with(&[
        ("src/a.py", "token = os.environ['TOKEN']\n"),
        ("README.md", "x\n"),
    ]);
    assert_green(&look(&clean, "secrets: {}"));
    let key = format!(
        "-----BEGIN {} KEY-----\n{}\n",
        "PRIVATE", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    );
    for (path, content) in [
        ("src/a.py", format!("x = 1\nclient = f(\"{}\")\n", token())),
        ("deploy/server.pem", key),
        (
            "src/b.ts",
            "const jwtSecret = 'q7Rk2mXv9TzL4wYb8NpJ5sHd';\n".to_owned(),
        ),
        (
            "config/prod.yaml",
            "db:\n  password: PJ5sHd3FgC6uEa1Q\n".to_owned(),
        ),
    ] {
        let repository = Repository::with(&[("README.md", "x\n"), (path, &content)]);
        let run = look(&repository, "secrets: {}");
        assert_red(&run, "g", "GIT-51");
        assert!(run.stdout.contains(path), "{run}");
        assert_green(&look(
            &repository,
            &format!("secrets: {{ exclude: [{path}] }}"),
        ));
    }
    // A key store is one whatever is inside.
    let store = Repository::with(&[("release.keystore", "\0\0")]);
    assert_red(&look(&store, "secrets: {}"), "g", "GIT-51");
}

#[test]
fn git_51_what_is_committed_counts_not_only_what_lies_in_the_folder() {
    let leak = format!("TOKEN={}\n", token());
    let repository = Repository::with(&[("a.env", &leak), ("b.env", &leak), ("README.md", "x\n")]);
    repository.write("a.env", "TOKEN=\n");
    fs::remove_file(repository.path().join("b.env")).unwrap();
    let run = look(&repository, "secrets: {}");
    assert_red(&run, "g", "GIT-51");
    assert!(run.stdout.contains("a.env:1:7 as committed"), "{run}");
    assert!(run.stdout.contains("b.env:1:7 as committed"), "{run}");
    repository.commit("gone");
    assert_green(&look(&repository, "secrets: {}"));
    // What is not tracked is not committed.
    repository.write("c.env", &leak);
    assert_green(&look(&repository, "secrets: {}"));
}

#[test]
fn git_51_files_that_are_not_read_are_not_green() {
    let repository = Repository::with(&[("big.txt", &"x ".repeat(3000)), ("README.md", "x\n")]);
    assert_green(&look(&repository, "secrets: {}"));
    let run = look(&repository, "secrets: { max_file: 1KiB }");
    assert_red(&run, "g", "GIT-51");
    assert_eq!(run.verdict("g"), "error", "{run}");
    // UTF-16, as some editors save it.
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(
            format!("K={}", token())
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    repository.write("wide.txt", wide);
    repository.commit("wide");
    assert_red(&look(&repository, "secrets: {}"), "g", "GIT-51");
}

#[test]
fn git_52_connection_strings_with_a_real_password() {
    let strong = "Xk3vQ9zT7mL2";
    let repository = Repository::with(&[
        (
            "README.md",
            "Set `DATABASE_URL=postgresql://user:pass@localhost/db` first.\n",
        ),
        (
            "docker-compose.yml",
            "DATABASE_URL: postgres://app:${DB_PASSWORD}@db:5432/app\n",
        ),
        (
            ".env.example",
            "DATABASE_URL=postgres://postgres:postgres@localhost:5432/app\n",
        ),
        (
            "tests/conftest.py",
            "URL = 'postgres://postgres:postgres@localhost/test'\n",
        ),
    ]);
    assert_green(&look(&repository, "secrets: {}"));
    repository.write(
        "src/db.py",
        format!("URL = os.getenv('DATABASE_URL', 'postgres://app:{strong}@db.prod/app')\n"),
    );
    repository.commit("leak");
    let run = look(&repository, "secrets: {}");
    assert_red(&run, "g", "GIT-52");
    assert!(run.stdout.contains("src/db.py:1:"), "{run}");
}

#[test]
fn git_53_well_known_credentials_as_a_fallback() {
    let repository = Repository::with(&[(
        "src/db.py",
        "URL = os.getenv('DATABASE_URL', 'postgresql://postgres:postgres@localhost/app')\n",
    )]);
    assert_red(&look(&repository, "secrets: {}"), "g", "GIT-53");
    let advice = look(&repository, "secrets: { default_credentials: warn }");
    assert_eq!(advice.verdict("g"), "warn", "{advice}");
    assert_green(&look(
        &repository,
        "secrets: { default_credentials: ignore }",
    ));
}

#[test]
fn git_54_environment_files_are_committed() {
    let block = "not_tracked: [.env, .env.*, '!.env.example']";
    let repository = Repository::with(&[(".env.example", "A=\n"), (".gitignore", ".env\n")]);
    repository.write(".env", "A=1\n");
    assert_green(&look(&repository, block));
    repository.git(&["add", "--force", ".env"]);
    assert_red(&look(&repository, block), "g", "GIT-54");
    let nested = Repository::with(&[("backend/.env.production", "A=1\n")]);
    assert_red(&look(&nested, block), "g", "GIT-54");
}

#[test]
fn git_55_databases_dumps_and_large_files() {
    let repository = Repository::with(&[("src/a.py", "x = 1\n")]);
    assert_green(&look(&repository, "data: {}"));
    for (path, content) in [
        ("app.db", &b"SQLite format 3\0rest"[..]),
        ("notes.txt", b"SQLite format 3\0rest"),
        ("backup", b"PGDMP\x01"),
        ("prod.sql", b"--\n-- PostgreSQL database dump\n--\n"),
        ("seed.dump", b"x"),
    ] {
        let repository = Repository::with(&[("src/a.py", "x = 1\n")]);
        repository.write(path, content);
        repository.commit("data");
        let run = look(&repository, "data: {}");
        assert_red(&run, "g", "GIT-55");
        assert_green(&look(
            &repository,
            &format!("data: {{ exclude: [{path}] }}"),
        ));
    }
    repository.write("big.bin", vec![b'x'; 3000]);
    repository.commit("big");
    assert_green(&look(&repository, "data: {}"));
    assert_red(
        &look(&repository, "data: { max_size: 2KiB }"),
        "g",
        "GIT-55",
    );
}

#[test]
fn git_56_what_belongs_in_the_repository_is_in_it() {
    let block = "tracked: [migrations/, package-lock.json]";
    let repository = Repository::with(&[
        ("migrations/1.sql", "select 1;\n"),
        ("web/package-lock.json", "{}\n"),
    ]);
    assert_green(&look(&repository, block));
    // A new migration that nobody added.
    let new = repository.write("migrations/2.sql", "select 2;\n");
    let run = look(&repository, block);
    assert_red(&run, "g", "GIT-56");
    assert!(run.stdout.contains("migrations/2.sql"), "{run}");
    fs::remove_file(new).unwrap();
    repository.git(&["rm", "--quiet", "web/package-lock.json"]);
    assert_red(&look(&repository, block), "g", "GIT-56");
    let ignored = Repository::with(&[
        (".gitignore", "migrations/\n"),
        ("package-lock.json", "{}\n"),
    ]);
    ignored.write("migrations/1.sql", "select 1;\n");
    assert_red(&look(&ignored, block), "g", "GIT-56");
}

#[test]
fn git_56_files_of_a_revision() {
    let repository = Repository::with(&[("docs/CHECKLIST.md", "x\n")]);
    repository.git(&["tag", "v1.0.0"]);
    let block = "at: { revision: v1.0.0, files: [docs/CHECKLIST.md] }";
    assert_green(&look(&repository, block));
    assert_red(
        &look(
            &repository,
            "at: { revision: v1.0.0, files: [docs/RUNBOOK.md] }",
        ),
        "g",
        "GIT-56",
    );
    let unknown = look(&repository, "at: { revision: v9, files: [a] }");
    assert_red(&unknown, "g", "GIT-62");
    assert_eq!(unknown.verdict("g"), "error", "{unknown}");
}

#[test]
fn git_57_paths_are_ignored_by_the_repository_itself() {
    let block = "ignored: [.env, backend/.env.local]";
    let repository = Repository::with(&[(".gitignore", ".env\n.env.*\n!.env.example\n")]);
    assert_green(&look(&repository, block));
    assert_red(&look(&repository, "ignored: [.env.example]"), "g", "GIT-57");
    let open = Repository::with(&[("README.md", "x\n")]);
    assert_red(&look(&open, block), "g", "GIT-57");
    // A rule that only this machine has.
    open.write(".git/info/exclude", ".env\n.env.*\n");
    let run = look(&open, block);
    assert_red(&run, "g", "GIT-57");
    assert!(run.stdout.contains("on this machine only"), "{run}");
}

#[test]
fn git_58_a_working_tree_that_differs() {
    let repository = Repository::with(&[("a.txt", "1\n")]);
    assert_green(&look(&repository, "clean: all"));
    repository.write("b.txt", "2\n");
    assert_green(&look(&repository, "clean: tracked"));
    assert_red(&look(&repository, "clean: all"), "g", "GIT-58");
    repository.write("a.txt", "3\n");
    assert_red(&look(&repository, "clean: tracked"), "g", "GIT-58");
}

#[test]
fn git_59_the_tag_of_a_release() {
    let block = "tag: { matches: '^v[0-9]+' }";
    let repository = Repository::with(&[("a.txt", "1\n")]);
    assert_red(&look(&repository, block), "g", "GIT-59");
    repository.git(&["tag", "nightly"]);
    assert_red(&look(&repository, block), "g", "GIT-59");
    repository.git(&["tag", "v1.2.0"]);
    assert_green(&look(&repository, block));
    repository.write("a.txt", "2\n");
    repository.commit("later");
    assert_red(&look(&repository, block), "g", "GIT-59");
}

#[test]
fn git_60_a_checklist_older_than_the_pipeline() {
    let block = "not_older: [{ path: docs/CHECKLIST.md, than: .github/workflows, by: 30d }]";
    let day = 86_400;
    let repository = Repository::new();
    repository.write("docs/CHECKLIST.md", "x\n");
    repository.commit_at("checklist", 1_700_000_000);
    repository.write(".github/workflows/ci.yml", "x\n");
    repository.commit_at("pipeline", 1_700_000_000 + 29 * day);
    assert_green(&look(&repository, block));
    repository.write(".github/workflows/ci.yml", "y\n");
    repository.commit_at("pipeline again", 1_700_000_000 + 31 * day);
    assert_red(&look(&repository, block), "g", "GIT-60");
    repository.write("docs/CHECKLIST.md", "y\n");
    repository.commit_at("checklist again", 1_700_000_000 + 32 * day);
    assert_green(&look(&repository, &block.replace(", by: 30d", "")));
    let missing = block.replace("CHECKLIST", "NONE");
    assert_red(&look(&repository, &missing), "g", "GIT-60");
    // A shallow clone shows no ages.
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repository.path().display());
    let into = clone.path().join("c");
    repository.git(&[
        "clone",
        "--quiet",
        "--depth=1",
        &from,
        into.to_str().unwrap(),
    ]);
    let run = look_at(&into, block);
    assert_eq!(run.verdict("g"), "error", "{run}");
    assert!(run.stdout.contains("shallow"), "{run}");
}

#[test]
fn git_61_a_secret_in_the_history() {
    let repository = Repository::with(&[("src/a.py", "a = 1\nb = 2\n")]);
    assert_green(&look(&repository, "secrets: { history: 100 }"));
    repository.write("src/a.py", format!("a = 1\nkey = '{}'\nb = 2\n", token()));
    repository.commit("leak");
    repository.write("src/a.py", "a = 1\nb = 2\n");
    repository.commit("hide");
    assert_green(&look(&repository, "secrets: {}"));
    let run = look(&repository, "secrets: { history: 100 }");
    assert_red(&run, "g", "GIT-61");
    assert!(run.stdout.contains("src/a.py:2"), "{run}");
    assert_green(&look(&repository, "secrets: { history: 1 }"));
}

#[test]
fn git_62_what_is_no_repository_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path(), &folder.path().join("none")] {
        let run = look_at(path, "secrets: {}");
        assert_eq!(run.verdict("g"), "error", "{run}");
        assert_eq!(run.check("g")["fault"]["code"], "GIT-62", "{run}");
    }
    let empty = Repository::new();
    assert_red(&look(&empty, "secrets: {}"), "g", "GIT-62");
    let bare = tempfile::tempdir().unwrap();
    empty.git(&["init", "--quiet", "--bare", bare.path().to_str().unwrap()]);
    assert_eq!(
        look_at(bare.path(), "secrets: {}").check("g")["fault"]["code"],
        "GIT-62"
    );
    // No git at all.
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: g\n    git: {{ path: {}, secrets: {{}} }}\n",
        empty.path().display()
    );
    let run = audit_command(&profile).env("PATH", folder.path()).run();
    assert!(run.stdout.contains("git is not installed here"), "{run}");
    assert_eq!(run.verdict("g"), "error", "{run}");
}

#[test]
fn git_63_personal_data() {
    let repository = Repository::with(&[
        ("seed.csv", "ada.l@mail.acme.io,4539 1488 0343 6467\n"),
        ("README.md", "write to a@example.com\n"),
    ]);
    assert_green(&look(&repository, "secrets: {}"));
    assert_red(
        &look(&repository, "secrets: { personal: true }"),
        "g",
        "GIT-63",
    );
}

#[test]
fn git_nothing_that_a_repository_names_is_run() {
    let traces = tempfile::tempdir().unwrap();
    let trap = traces.path().join("trap");
    fs::write(
        &trap,
        format!(
            "#!/bin/sh\necho \"$0 $*\" >> {}/sprung\ncat\n",
            traces.path().display()
        ),
    )
    .unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    let trap = trap.display().to_string();
    let repository = Repository::with(&[
        ("a.txt", "1\n"),
        ("b.bin", "2\n"),
        (
            ".gitattributes",
            "* filter=evil diff=evil\n*.bin filter=e=v.il\n",
        ),
    ]);
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.alternateRefsCommand",
        "pager.log",
        "pager.status",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "filter.e=v.il.clean",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "gpg.program",
        "credential.helper",
        "interactive.diffFilter",
        "uploadpack.packObjectsHook",
    ] {
        repository.git(&["config", key, &trap]);
    }
    repository.git(&["config", "log.showSignature", "true"]);
    repository.git(&["config", "filter.evil.required", "true"]);
    repository.git(&["config", "core.hooksPath", traces.path().to_str().unwrap()]);
    for hook in [
        "post-index-change",
        "fsmonitor-watchman",
        "post-checkout",
        "reference-transaction",
    ] {
        symlink(&trap, traces.path().join(hook)).unwrap();
        symlink(&trap, repository.path().join(".git/hooks").join(hook)).unwrap();
    }
    // Changed, so that a comparison must read it and would filter it.
    repository.write("a.txt", "3\n");
    repository.write("b.bin", "3\n");
    let before = fs::read(repository.path().join(".git/index")).unwrap();
    let all = "secrets: { history: 10 }, data: {}, tracked: [a.txt], not_tracked: [.env], ignored: [.env], clean: all, tag: { exists: true }, at: { revision: HEAD, files: [a.txt] }, not_older: [{ path: a.txt, than: b.bin }]";
    let run = look(&repository, all);
    assert_eq!(run.check("g")["fault"], serde_json::Value::Null, "{run}");
    assert!(run.codes("g").contains(&"GIT-58".to_owned()), "{run}");
    let sprung = fs::read_to_string(traces.path().join("sprung")).unwrap_or_default();
    assert_eq!(sprung, "", "a program of the repository was run");
    assert_eq!(
        before,
        fs::read(repository.path().join(".git/index")).unwrap(),
        "the index was written"
    );
    // The trap works: git itself steps into it, and fails.
    let mut git = std::process::Command::new(crate::support::process::program("git"));
    git.arg("-C")
        .arg(repository.path())
        .args(["-c", "safe.directory=*", "status"]);
    git.output().unwrap();
    assert!(traces.path().join("sprung").exists(), "the trap is none");
}

#[test]
fn git_runs_only_when_allowed_and_says_what_before() {
    let repository = Repository::with(&[("a.txt", "1\n")]);
    let profile = format!(
        "version: 1\nname: t\nchecks:\n  - id: g\n    git: {{ path: {}, secrets: {{ history: 5 }} }}\n",
        repository.path().display()
    );
    let run = crate::support::cli::Readyctl::new()
        .args(["audit", "--format", "json", "--no-progress"])
        .profile(&profile)
        .run();
    assert_ne!(run.verdict("g"), "pass", "{run}");
    let run = audit_command(&profile).args(["--dry-run"]).run();
    assert!(
        run.stdout
            .contains("run git log --all --patch --max-count=5"),
        "{run}"
    );
}

#[test]
fn git_many_files_are_judged_quickly() {
    let repository = Repository::new();
    for folder in 0..20 {
        for file in 0..100 {
            repository.write(
                &format!("src/{folder}/{file}.py"),
                format!("def f{file}(token, url='https://acme.io/{file}'):\n    return token\n")
                    .repeat(20),
            );
        }
    }
    repository.commit("many");
    let run = look(&repository, "secrets: {}, data: {}");
    assert_green(&run);
    assert!(run.duration.as_secs() < 20, "{:?}", run.duration);
}

#[test]
fn pack_repository() {
    let files = [
        (".gitignore", ".env\n.env.*\n!.env.example\n"),
        (".env.example", "A=\n"),
        ("src/a.py", "x = 1\n"),
        ("migrations/1.sql", "select 1;\n"),
    ];
    let repository = Repository::with(&files);
    let audit = |more: &str| {
        let profile = format!(
            "version: 1\nname: t\npacks:\n  - use: repository\n    with: {{ path: {}{more} }}\n",
            repository.path().display()
        );
        audit_command(&profile).args(["--fail-on", "info"]).run()
    };
    assert_green(&audit(", required: [migrations/]"));
    repository.write("src/a.py", format!("x = '{}'\n", token()));
    repository.write("app.sqlite", "SQLite format 3\0");
    repository.git(&["add", "--all"]);
    repository.git(&["rm", "--quiet", "--cached", ".gitignore"]);
    fs::remove_file(repository.path().join(".gitignore")).unwrap();
    repository.write(".env", "A=1\n");
    repository.commit("all wrong");
    let run = audit(", required: [docs/]");
    for (check, code) in [
        ("repository-secrets", "GIT-51"),
        ("repository-data", "GIT-55"),
        ("repository-env-files", "GIT-54"),
        ("repository-env-ignored", "GIT-57"),
        ("repository-required", "GIT-56"),
    ] {
        assert!(
            run.codes(check).contains(&code.to_owned()),
            "{check}\n{run}"
        );
    }
}

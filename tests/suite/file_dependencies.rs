//! Files of a repository: the sections `pins` and `variables` of the kind `file`, and how fast it is.

use std::time::Duration;

use crate::file::{judged, twins};
use crate::support::cli::audit_command;
use crate::support::verdicts::{assert_green, assert_red};

#[test]
fn dep_51_not_pinned() {
    let fields = "pins: { files: [backend/requirements.txt] }";
    let path = "backend/requirements.txt";
    let healthy = [
        (
            path,
            "-r base.txt\nfastapi==0.110.0\nuvicorn[standard]==0.29.0  # server\n",
        ),
        ("backend/base.txt", "pydantic==2.7.0\n"),
    ];
    for broken in [
        "fastapi>=0.110\n",
        "fastapi\n",
        "fastapi==0.*\n",
        "git+https://example.com/x@main\n",
        "# nothing\n",
    ] {
        twins(fields, "DEP-51", &healthy, &[(path, broken)]);
    }
    // What is included is judged too, and each line is named.
    let included = [
        healthy[0],
        (
            "backend/base.txt",
            "pydantic==2.7.0\nhttpx~=0.27\nredis>=5\n",
        ),
    ];
    let run = judged(fields, &included);
    assert_red(&run, "it", "DEP-51");
    assert_eq!(run.codes("it"), ["DEP-51", "DEP-51"], "{run}");
    assert!(run.stdout.contains("backend/base.txt:2 httpx"), "{run}");
    assert_green(&judged(
        "pins: { files: [requirements.txt], allow: [redis] }",
        &[("requirements.txt", "redis>=5\na==1\n")],
    ));
}

/// A package with a lock file that has all of it.
const PACKAGE: (&str, &str) = (
    "web/package.json",
    "{\"dependencies\": {\"react\": \"^18.2.0\"}, \"devDependencies\": {\"vite\": \"5.2.0\"}}",
);
/// Its lock file.
const PACKAGE_LOCK: (&str, &str) = (
    "web/package-lock.json",
    "{\"lockfileVersion\": 3, \"packages\": {\"\": {\"dependencies\": {\"react\": \"^18.2.0\"}, \"devDependencies\": {\"vite\": \"5.2.0\"}}, \"node_modules/react\": {}, \"node_modules/vite\": {}}}",
);
/// A crate.
const CRATE: (&str, &str) = (
    "Cargo.toml",
    "[package]\nname = \"x\"\n[dependencies]\nserde = \"1\"\njson = { package = \"serde_json\", version = \"1\" }\n",
);
/// Its lock file.
const CRATE_LOCK: (&str, &str) = (
    "Cargo.lock",
    "version = 4\n[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n[[package]]\nname = \"serde_json\"\nversion = \"1.0.0\"\n",
);

#[test]
fn dep_52_lock_file_missing() {
    for (file, lock) in [
        (PACKAGE, PACKAGE_LOCK),
        (CRATE, CRATE_LOCK),
        (
            ("go.mod", "module m\nrequire x/y v1.2.3\n"),
            ("go.sum", "x/y v1.2.3 h1:x=\n"),
        ),
        (
            (
                "pyproject.toml",
                "[project]\ndependencies = [\"httpx>=0.27\"]\n",
            ),
            ("uv.lock", "version = 1\n[[package]]\nname = \"httpx\"\n"),
        ),
    ] {
        let fields = format!("pins: {{ files: [{}] }}", file.0);
        twins(&fields, "DEP-52", &[file, lock], &[file]);
    }
    twins(
        "pins: { files: [\"**/Cargo.toml\"] }",
        "DEP-52",
        &[CRATE, CRATE_LOCK],
        &[("a.txt", "x")],
    );
    // The lock file of a workspace lies above.
    assert_green(&judged(
        "pins: { files: [app/Cargo.toml] }",
        &[("app/Cargo.toml", CRATE.1), CRATE_LOCK],
    ));
}

#[test]
fn dep_53_lock_file_out_of_step() {
    let fields = "pins: { files: [web/package.json] }";
    for broken in [
        PACKAGE_LOCK.1.replace("^18.2.0", "^17.0.0"),
        PACKAGE_LOCK.1.replace("vite", "webpack"),
    ] {
        let lock = ("web/package-lock.json", broken.as_str());
        twins(fields, "DEP-53", &[PACKAGE, PACKAGE_LOCK], &[PACKAGE, lock]);
    }
    let fewer = (
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n",
    );
    twins(
        "pins: { files: [Cargo.toml] }",
        "DEP-53",
        &[CRATE, CRATE_LOCK],
        &[CRATE, fewer],
    );
    let exact = "pins: { files: [web/package.json], exact: true }";
    assert_red(&judged(exact, &[PACKAGE, PACKAGE_LOCK]), "it", "DEP-51");
}

#[test]
fn dep_54_without_hash() {
    let fields = "pins: { files: [requirements.txt], hashes: true }";
    twins(
        fields,
        "DEP-54",
        &[("requirements.txt", "a==1 \\\n    --hash=sha256:00\n")],
        &[("requirements.txt", "a==1\n")],
    );
}

#[test]
fn dep_55_unreadable() {
    for (path, text) in [
        ("package.json", "{"),
        ("Cargo.toml", "[x"),
        ("Gemfile", "gem 'x'\n"),
        ("package.json", ""),
    ] {
        let run = judged(&format!("pins: {{ files: [{path}] }}"), &[(path, text)]);
        assert_red(&run, "it", "DEP-55");
        run.assert_exit(3);
    }
    let broken = [
        PACKAGE,
        ("web/package-lock.json", "{\"lockfileVersion\": 3, \"pack"),
    ];
    assert_red(
        &judged("pins: { files: [web/package.json] }", &broken),
        "it",
        "DEP-55",
    );
}

/// A service that reads three variables.
const APP: (&str, &str) = (
    "backend/app.py",
    "import os\nPORT = os.getenv('PORT', '8000')\nURL = os.environ['DATABASE_URL']\n",
);
/// Its settings.
const SETTINGS: (&str, &str) = (
    "backend/settings.py",
    "class Settings(BaseSettings):\n    log_level: str = 'INFO'\n",
);
/// What documents them.
const EXAMPLE: (&str, &str) = (
    ".env.example",
    "PORT=8000\nDATABASE_URL=\n# LOG_LEVEL=INFO\n",
);

#[test]
fn var_51_read_and_not_documented() {
    let fields = "variables: { sources: [\"backend/**/*.py\"] }";
    let fewer = (".env.example", "PORT=8000\nDATABASE_URL=\n");
    twins(
        fields,
        "VAR-51",
        &[APP, SETTINGS, EXAMPLE],
        &[APP, SETTINGS, fewer],
    );
    let run = judged(fields, &[APP, SETTINGS, fewer]);
    assert!(
        run.stdout.contains("backend/settings.py:2 LOG_LEVEL"),
        "{run}"
    );
    let ignoring = "variables: { sources: [\"backend/**/*.py\"], ignore: [\"LOG_*\"] }";
    assert_green(&judged(ignoring, &[APP, SETTINGS, fewer]));
    let tests =
        "variables: { sources: [\"backend/**/*.py\"], except: [\"**/Settings*\"], unread: false }";
    assert_green(&judged(tests, &[APP, SETTINGS, fewer]));
    let markdown = "variables: { sources: [\"backend/*.py\"], documented_in: [docs/c.md] }";
    let table = (
        "docs/c.md",
        "| Variable | Use |\n|---|---|\n| `PORT` | x |\n| `DATABASE_URL` | x |\n| `LOG_LEVEL` | x |\n",
    );
    assert_green(&judged(markdown, &[APP, SETTINGS, table]));
}

#[test]
fn var_52_documented_and_not_read() {
    let fields = "variables: { sources: [\"backend/**/*.py\"] }";
    let more = (
        ".env.example",
        "PORT=8000\nDATABASE_URL=\nLOG_LEVEL=INFO\nSENTRY_DSN=\n",
    );
    twins(
        fields,
        "VAR-52",
        &[APP, SETTINGS, EXAMPLE],
        &[APP, SETTINGS, more],
    );
    let run = judged(fields, &[APP, SETTINGS, more]);
    assert_eq!(run.codes("it"), ["VAR-52"], "{run}");
    assert!(run.stdout.contains(".env.example:4 SENTRY_DSN"), "{run}");
    for fine in ["read_elsewhere: [SENTRY_DSN]", "unread: false"] {
        let fields = format!("variables: {{ sources: [\"backend/**/*.py\"], {fine} }}");
        assert_green(&judged(&fields, &[APP, SETTINGS, more]));
    }
}

#[test]
fn var_53_nothing_to_compare_is_an_error() {
    for (sources, files) in [
        ("nowhere/*.py", &[APP, EXAMPLE][..]),
        ("backend/*.py", &[APP]),
        ("backend/*.py", &[("backend/a.py", "print(1)\n"), EXAMPLE]),
        ("backend/*.py", &[APP, (".env.example", "# nothing\n")]),
    ] {
        let run = judged(&format!("variables: {{ sources: [\"{sources}\"] }}"), files);
        assert_red(&run, "it", "VAR-53");
        run.assert_exit(3);
    }
}

#[test]
fn file_a_repository_of_many_files_is_judged_quickly() {
    let yaml = "version: 1\nname: t\nchecks: [{ id: it, file: { root: repo, files: [{ path: \"**/*.pem\", absent: true }, { path: \"**/needle.txt\" }] } }]";
    let run = audit_command(yaml).file("repo/a/b/needle.txt", "x");
    for folder in 0..100 {
        let folder = run.folder().join(format!("repo/{folder}"));
        std::fs::create_dir(&folder).unwrap();
        for file in 0..100 {
            std::fs::File::create(folder.join(format!("{file}.rs"))).unwrap();
        }
    }
    let run = run.run();
    assert_green(&run);
    // 10 000 files twice; generous, because other tests share the machine.
    assert!(run.duration < Duration::from_secs(10), "{:?}", run.duration);
}

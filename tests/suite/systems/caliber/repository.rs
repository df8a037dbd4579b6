//! What is missing or wrong in the repository.

use super::twin::{Twin, programs};
use super::{Break, Repository, assert_broken, assert_healthy};

/// What is done: `- PATH` removes a file, `PATH | OLD | NEW` changes one, `+ PATH | CONTENT` adds one.
pub(super) const TABLE: &[Break] = &[
    (
        "CAL-1.1",
        &["caliber-api/src/lib.rs | .parse().ok() | .parse().okay()"],
        &["rust-build"],
    ),
    (
        "CAL-1.1",
        &["Cargo.lock |  \"caliber-core\",\n | "],
        &["rust-build"],
    ),
    (
        "CAL-1.5",
        &["caliber-api/src/lib.rs |     env::var(name) |  env::var(name)"],
        &["rust-format"],
    ),
    ("CAL-1.5", &["- rustfmt.toml"], &["rustfmt-config"]),
    ("CAL-1.6", &["- deny.toml"], &["dependency-policy"]),
    (
        "CAL-1.6",
        &["deny.toml | deny = [] | deny = [\"caliber-core\"]"],
        &["rust-policy"],
    ),
    (
        "CAL-1.7",
        &["docs/OPERATIONS.md | 1.85 | stable"],
        &["build-matrix-rust"],
    ),
    (
        "CAL-1.7",
        &["docs/OPERATIONS.md | PostgreSQL | 18      | PostgreSQL | newest"],
        &["build-matrix-postgres"],
    ),
    (
        "CAL-1.7",
        &["docs/OPERATIONS.md | 0.16.1 | newest"],
        &["build-matrix-pgrx"],
    ),
    (
        "CAL-8.1",
        &["- .env.example"],
        &["presets", "variables-documented"],
    ),
    (
        "CAL-8.1",
        &[".env.example | CALIBER_RATE_LIMIT_BURST=10 | CALIBER_RATE_LIMIT_BURST="],
        &["presets"],
    ),
    (
        "CAL-8.2",
        &["caliber-api/src/lib.rs | CALIBER_REQUIRE_TENANT_HEADER | CALIBER_TENANT_REQUIRED"],
        &["variables-documented"],
    ),
    (
        "CAL-10.1",
        &["+ .env | CALIBER_JWT_SECRET=Qm7vX2pL9sT4wK8zR3nB6yH1cJ5dF0gA7uE2iO4x\n"],
        &["repository-env-files", "repository-secrets"],
    ),
    (
        "CAL-10.1",
        &["+ deploy/token.txt | ghp_1aB2cD3eF4gH5iJ6kL7mN8oP9qR0sT1uV2wX\n"],
        &["repository-secrets"],
    ),
    (
        "CAL-10.1",
        &[
            "+ backup.sql | -- PostgreSQL database dump\nCREATE TABLE caliber_note (id uuid);\nCOPY public.caliber_note (id) FROM stdin;\n\\.\n",
        ],
        &["repository-data"],
    ),
    (
        "CAL-11.3",
        &["fly.api.toml | /health/ready | /health/ping"],
        &["fly-health-checks"],
    ),
    ("CAL-11.3", &["- fly.api.toml"], &["fly-health-checks"]),
    (
        "CAL-11.4",
        &["- .github/workflows/fly-deploy.yml"],
        &["fly-deploy-workflow"],
    ),
    (
        "CAL-11.4",
        &[".github/workflows/fly-deploy.yml |     environment: production\n | "],
        &["fly-deploy-environment"],
    ),
    (
        "CAL-13.1",
        &["openapi.json | \"0.5.0\" | \"0.4.4\""],
        &["openapi-committed", "openapi-same"],
    ),
    (
        "CAL-13.1",
        &["- openapi.json"],
        &["openapi-committed", "openapi-same"],
    ),
    (
        "CAL-13.1",
        &["openapi.json | /api/v1/notes | /api/v1/remarks"],
        &["openapi-same"],
    ),
    (
        "CAL-13.2",
        &["- .github/workflows/openapi-docs.yml"],
        &["sdk-docs-workflow"],
    ),
    (
        "CAL-13.2",
        &[".github/workflows/openapi-docs.yml |   schedule:\n    - cron: \"0 7 * * 1\"\n | "],
        &["sdk-docs-workflow"],
    ),
];

/// Changes that a healthy repository may have.
const VARIANTS: &[&[&str]] = &[
    &[
        "- rustfmt.toml",
        "+ .rustfmt.toml | edition = \"2021\"\nmax_width = 100\n",
    ],
    &[
        "docs/OPERATIONS.md | 1.85 | stable",
        "+ CONTRIBUTING.md | Needs rustc 1.86 (MSRV).\n",
    ],
    &["fly.api.toml | force_https = true | force_https = false"],
    &[".github/workflows/fly-deploy.yml | flyctl deploy | fly deploy --remote-only"],
    &[
        ".github/workflows/fly-deploy.yml | environment: production | environment: ${{ inputs.environment }}",
    ],
    &[
        ".github/workflows/openapi-docs.yml |   schedule:\n    - cron: \"0 7 * * 1\"\n |   release:\n    types: [published]\n",
    ],
    &[".env.example | CALIBER_RATE_LIMIT_BURST=10 | # CALIBER_RATE_LIMIT_BURST=10"],
    &["+ tests/fixtures/token.md | The key looks like ghp_… and is never committed.\n"],
];

/// Does one of these.
fn change(repository: &Repository, what: &str) {
    if let Some(path) = what.strip_prefix("- ") {
        return repository.remove(path);
    }
    if let Some(added) = what.strip_prefix("+ ") {
        let (path, content) = added.split_once(" | ").unwrap();
        return repository.write(path, content);
    }
    let (path, rest) = what.split_once(" | ").unwrap();
    let (old, new) = rest.rsplit_once(" | ").unwrap();
    // A cell of a table has the separator too.
    match rest.split(" | ").collect::<Vec<_>>()[..] {
        [a, b, c, d] => repository.replace(path, &format!("{a} | {b}"), &format!("{c} | {d}")),
        _ => repository.replace(path, old, new),
    }
}

#[test]
fn changes_break_it() {
    let twin = Twin::with_repository();
    let repository = twin.repository.as_ref().unwrap();
    let (_programs, path) = programs();
    let audit = ["command", "file", "git", "openapi"]
        .iter()
        .fold(twin.audit().env("PATH", path), |audit, kind| {
            audit.only(&format!("kind:{kind}"))
        });
    let healthy = 21;
    assert_healthy(&audit.run(), healthy);
    let heal = || {
        repository.git(&["reset", "--hard", "--quiet", "HEAD^"]);
    };
    for changes in VARIANTS {
        changes.iter().for_each(|what| change(repository, what));
        repository.commit("variant");
        assert_healthy(&audit.run(), healthy);
        heal();
    }
    for (item, changes, checks) in TABLE {
        changes.iter().for_each(|what| change(repository, what));
        repository.git(&["add", "--all", "--force", "--", ".", ":!target"]);
        repository.commit("break");
        assert_broken(&audit.run(), &format!("{item} {changes:?}"), checks);
        heal();
    }
}

//! `readyctl import`: a checklist becomes a profile, and stays one when the checklist is edited.

use std::fs;

use crate::support::cli::{Readyctl, Run};

const LIST: &str = "# Go live

## Settings

- [ ] `API_KEY` is set (minimum 32 characters)
- [ ] `MODE=live`, and \"${nothing}\" is interpolated

## Service

1. **Health**
   - URL: `https://api.example.com/health`
   - Expected: HTTP 200, `{\"status\": \"ok\"}`
2. **Limits**
   - 65 requests give HTTP 429

## Sign-off

- **Security:** has looked
- [ ] Привіт
- [ ] - \"quotes\": #and colons
";

fn import(run: Readyctl, list: &str) -> Run {
    run.args(["import", "docs/GO-LIVE.md"])
        .file("docs/GO-LIVE.md", list)
        .run()
}

fn profile(run: &Run) -> String {
    fs::read_to_string(run.folder().join("profiles/go-live.yaml")).unwrap()
}

fn again(existing: &str, list: &str) -> Run {
    import(
        Readyctl::new().file("profiles/go-live.yaml", existing),
        list,
    )
}

#[test]
fn a_checklist_becomes_a_profile_that_lints_and_covers_every_item() {
    let run = import(Readyctl::new(), LIST);
    run.assert_exit(0);
    let yaml = profile(&run);
    for piece in [
        "env: { rules: { API_KEY: { required: true, secret: true, min_length: 32 } } }",
        "MODE: { required: true, equals: live }",
        "http: { url: \"${base_url}/health\", expect: { status: 200, json: { $.status: { eq: ok } } } }",
        "rate_limit: { url: \"${base_url}/\", max_limit: 65 }",
        "attest: { statement: \"Security: has looked\", roles: [security] }",
        "$${nothing}",
    ] {
        assert!(yaml.contains(piece), "{piece}\n{yaml}");
    }
    let with = |args: &[&str]| {
        Readyctl::new()
            .args(args)
            .file("profiles/go-live.yaml", &yaml)
            .file("docs/GO-LIVE.md", LIST)
            .run()
    };
    with(&["lint", "go-live"]).assert_exit(0);
    with(&[
        "coverage",
        "docs/GO-LIVE.md",
        "-p",
        "go-live",
        "--min",
        "100%",
    ])
    .assert_exit(0);
}

#[test]
fn importing_again_adds_what_is_new_and_keeps_what_people_wrote() {
    let first = profile(&import(Readyctl::new(), LIST));
    let mine = first.replace(
        "    env: { rules: { MODE: { required: true, equals: live } } }\n",
        "    severity: critical # we learnt that\n    env: { rules: { MODE: { one_of: [live, canary] } } }\n",
    ) + "\nwaivers: []\n# the end\n";
    assert_ne!(mine, first);
    let unchanged = again(&mine, LIST);
    unchanged.assert_exit(0);
    assert_eq!(profile(&unchanged), mine);
    let edited = LIST
        .replace("minimum 32", "minimum 48")
        .replace("## Service", "- [ ] Snapshots at least daily\n\n## Service")
        .replace("- [ ] Привіт\n", "");
    let run = again(&mine, &edited);
    run.assert_exit(0);
    let yaml = profile(&run);
    assert!(
        yaml.contains("severity: critical # we learnt that"),
        "{yaml}"
    );
    assert!(yaml.ends_with("\nwaivers: []\n# the end\n"), "{yaml}");
    assert_eq!(
        yaml.matches("- id:").count(),
        mine.matches("- id:").count() + 1
    );
    assert!(
        yaml.contains("backup: { files: { path: \"${backups}\" }"),
        "{yaml}"
    );
    assert!(yaml.contains("\n  backups: { type: path"), "{yaml}");
    assert!(run.stderr.contains("1 new item, 1 renewed"), "{run}");
    assert!(run.stderr.contains("changed since it was covered"), "{run}");
    assert!(
        run.stderr.contains("names no item of GO-LIVE.md any more"),
        "{run}"
    );
    let settled = again(&yaml, &edited);
    assert_eq!(profile(&settled), yaml);
    assert!(
        settled.stderr.contains("0 new items, 0 renewed"),
        "{settled}"
    );
}

#[test]
fn what_cannot_be_imported_leaves_no_file() {
    let run = import(Readyctl::new(), "# Title\n\nProse.\n");
    run.assert_exit(2);
    assert!(!run.folder().join("profiles").exists());
    let broken = again("version: 1\nchecks: [{ id: x, htp: {} }]\n", LIST);
    broken.assert_exit(2);
    assert!(profile(&broken).contains("htp"), "{broken}");
    let shown = import(Readyctl::new().args(["--color", "never"]), LIST);
    shown.assert_exit(0);
    let stdout = Readyctl::new()
        .args(["import", "docs/GO-LIVE.md", "--output", "-"])
        .file("docs/GO-LIVE.md", LIST)
        .run();
    assert!(
        stdout.stdout.starts_with("# What GO-LIVE.md asks for."),
        "{stdout}"
    );
    assert!(!stdout.folder().join("profiles").exists());
}

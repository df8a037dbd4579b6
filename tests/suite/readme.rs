//! The README is run: its table, its profiles, its commands.

use crate::support::cli::Readyctl;
use crate::support::origin::{Origin, Response};
use serde_json::json;

/// The README.
fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    readme()
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// A folder with the README's own profile and a `.env`, and the service it is about.
fn shop(origin: &Origin) -> Readyctl {
    let fragment = blocks("yaml").remove(1).replace(
        "extends: [base]",
        "version: 1\nname: fragment\nextends: [shop]",
    );
    let fragment = fragment.replace("check: hsts", "check: module-responds");
    let fragment = fragment
        .replace("signed-off-by-security,", "signed-off,")
        .replace(
            "waivers:",
            "  - { id: signed-off, attest: { statement: Reviewed } }\nwaivers:",
        );
    Readyctl::new()
        .file("profiles/shop.yaml", &blocks("yaml")[0])
        .file("profiles/fragment.yaml", &fragment)
        .file(".env", "PORT=8080\n")
        .file("docs/PRODUCTION.md", "## Health\n\n- [ ] It is ready\n")
        .file(".env.example", "PORT=8080\n")
        .env("API_URL", origin.url(""))
}

/// The service of the README, healthy.
fn service() -> Origin {
    let origin = Origin::start();
    origin.fallback(|_| Response::json(200, json!({"checks": {"database": "ok"}})));
    origin.may_be_unused();
    origin
}

/// Verdict and title of each row.
fn rows(table: &str) -> Vec<String> {
    table
        .lines()
        .filter(|line| line.starts_with(" pass") || line.starts_with(" FAIL"))
        .map(|line| {
            let columns: Vec<&str> = line
                .split("  ")
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect();
            columns[..2].join(": ")
        })
        .collect()
}

#[test]
fn the_table_is_what_the_demo_prints() {
    let shown = blocks("text").remove(0);
    let run = Readyctl::new()
        .env("COLUMNS", "104")
        .args([
            "demo",
            "--break",
            "cors-null",
            "--only",
            "listening,ready,cors,rate-limit,backups",
        ])
        .run();
    run.assert_exit(1);
    assert_eq!(rows(&shown), rows(&run.stdout), "{}", run.stdout);
    let details = |text: &str| -> Vec<String> {
        let from = text.find("\nFAIL").unwrap();
        text[from..]
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with("  "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(details(&shown), details(&run.stdout));
}

#[test]
fn the_profile_of_ones_own_is_short_and_works() {
    assert!(blocks("yaml")[0].lines().count() <= 12);
    let origin = service();
    shop(&origin).args(["lint", "shop"]).run().assert_exit(0);
    let run = shop(&origin)
        .args([
            "audit",
            "--profile",
            "shop",
            "--only",
            "ready",
            "--format",
            "json",
        ])
        .run();
    run.assert_exit(0);
    origin.route("/ready", |_| {
        Response::json(200, json!({"checks": {"database": "down"}}))
    });
    let run = shop(&origin)
        .args([
            "audit",
            "--profile",
            "shop",
            "--only",
            "ready",
            "--format",
            "json",
        ])
        .run();
    run.assert_exit(1);
    assert_eq!(run.verdict("ready"), "fail");
}

#[test]
fn the_tour_of_the_language_lints() {
    let origin = service();
    let run = shop(&origin).args(["lint", "fragment"]).run();
    // Its waiver and its sign-off carry dates; nothing else may be wrong, today or later.
    let wrong: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("error") && !line.contains("expired"))
        .collect();
    assert!(wrong.is_empty(), "{}", run.stderr);
}

#[test]
fn every_command_is_one() {
    let origin = service();
    let url = origin.url("");
    let mut commands: Vec<String> = blocks("console")
        .iter()
        .flat_map(|block| block.lines())
        .map(str::to_owned)
        .collect();
    // Those in running text, `readyctl explain http`, and the one of the pipeline.
    let text = readme();
    commands.extend(
        text.split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.starts_with("readyctl ") && !code.contains('\n'))
            .map(str::to_owned),
    );
    let mut run = 0;
    for command in commands {
        let command = command.split("  #").next().unwrap().trim();
        let command = command.replace("https://shop.example.com", &url);
        let words: Vec<&str> = command.split_whitespace().collect();
        let arguments: Vec<&str> = match words.as_slice() {
            ["cargo", "run", "--release", "--", rest @ ..] | ["readyctl", rest @ ..] => {
                rest.to_vec()
            }
            [assignment, "readyctl", rest @ ..] if assignment.starts_with("API_URL=") => {
                rest.to_vec()
            }
            ["tests/run"] | ["cargo", "install", ..] | [] => continue,
            other => panic!("the README has a command that no test runs: {other:?}"),
        };
        let outcome = shop(&origin).args(arguments).run();
        assert!(
            matches!(outcome.exit, 0 | 1),
            "`{command}` exits {}: {}",
            outcome.exit,
            outcome.stderr
        );
        run += 1;
    }
    assert!(run > 8, "only {run} commands were found");
}

#[test]
fn it_is_short() {
    assert!(readme().lines().count() < 250);
}

//! What a profile means when nothing is wrong with it: extending, packs, items, conditions, inputs.

use serde_json::Value;

use super::support::cli::{Readyctl, Run};

/// An audit of `profile.yaml` among other files.
fn audit(profile: &str, files: &[(&str, &str)], arguments: &[&str]) -> Run {
    command("audit", profile, files, arguments, &[])
}

/// The same with variables.
fn audit_in(profile: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    command("audit", profile, &[], arguments, variables)
}

fn command(
    name: &str,
    profile: &str,
    files: &[(&str, &str)],
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Run {
    let mut readyctl = Readyctl::new().args([name]);
    for (path, content) in files {
        readyctl = readyctl.file(path, content);
    }
    for (name, value) in variables {
        readyctl = readyctl.env(name, value);
    }
    let readyctl = match name {
        "audit" => readyctl.profile(profile).args(["--format", "json"]),
        _ => readyctl
            .file("profile.yaml", profile)
            .args(["profile.yaml"]),
    };
    readyctl.args(arguments).run()
}

/// The ids of all checks, in the order of the report.
fn ids(run: &Run) -> Vec<String> {
    run.checks().iter().map(|check| text(check, "id")).collect()
}

fn text(check: &Value, field: &str) -> String {
    check[field].as_str().unwrap_or_default().to_owned()
}

/// What the check `id` states, as the unsigned statement shows it.
#[track_caller]
fn statement(run: &Run, id: &str) -> String {
    let message = text(&run.check(id), "message");
    message
        .strip_prefix("anyone has not signed off: ")
        .unwrap_or_else(|| panic!("{message}\n{run}"))
        .to_owned()
}

/// A profile of one unsigned statement.
fn stating(inputs: &str, statement: &str) -> String {
    format!("version: 1\n{inputs}\nchecks:\n  - id: x\n    attest: {{ statement: {statement} }}\n")
}

/// A signature from the year 2000: good for any check without `valid_for`.
fn signed(checks: &[&str]) -> String {
    checks.iter().fold("sign_offs:\n".to_owned(), |all, check| {
        format!("{all}  - {{ check: {check}, role: any, by: someone, on: 2000-01-01 }}\n")
    })
}

const BASE: &str = "version: 1\nname: base\ndescription: Base\ninputs: { level: { default: low } }\ndefaults: { severity: medium }\nchecks:\n  - id: a\n    title: A of base\n    severity: critical\n    tags: [one]\n    remedy: base remedy\n    attest: { statement: base a, roles: [dev] }\n  - id: b\n    attest: { statement: base b }\n";

#[test]
fn extends_merges_by_id_and_field_and_later_wins() {
    let run = audit(
        "version: 1\nname: top\nextends: [base]\nchecks:\n  - id: c\n    attest: { statement: top c }\n  - id: a\n    severity: low\n    tags: [two]\n    attest: { statement: top a }\n",
        &[("profiles/base.yaml", BASE)],
        &[],
    );
    assert_eq!(
        ids(&run),
        ["a", "b", "c"],
        "the base's order, then what is new"
    );
    let a = run.check("a");
    assert_eq!(a["severity"], "low", "{run}");
    assert_eq!(a["title"], "A of base", "{run}");
    assert_eq!(a["remedy"], "base remedy", "{run}");
    assert_eq!(
        a["tags"],
        serde_json::json!(["two"]),
        "lists are replaced\n{run}"
    );
    assert_eq!(
        text(&a, "message"),
        "dev has not signed off: top a",
        "{run}"
    );
    assert_eq!(
        run.check("c")["severity"],
        "medium",
        "defaults are inherited\n{run}"
    );
    assert_eq!(run.json()["profile"], "top");
}

#[test]
fn extends_two_profiles_and_the_later_one_wins() {
    let second = "version: 1\nchecks:\n  - { id: a, attest: { statement: second a } }\n";
    let run = audit(
        "version: 1\nextends: [base, ./parents/second.yaml]\n",
        &[
            ("profiles/base.yaml", BASE),
            ("parents/second.yaml", second),
        ],
        &[],
    );
    assert_eq!(
        text(&run.check("a"), "message"),
        "dev has not signed off: second a"
    );
}

#[test]
fn paths_of_extends_and_packs_start_at_the_file_that_names_them() {
    let run = audit(
        "version: 1\nextends: deep/er/mid.yaml\n",
        &[
            (
                "deep/er/mid.yaml",
                "version: 1\nextends: ../low.yaml\npacks: [{ use: ./pack.yaml }]\n",
            ),
            (
                "deep/low.yaml",
                "version: 1\nchecks: [{ id: low, attest: { statement: l } }]\n",
            ),
            (
                "deep/er/pack.yaml",
                "version: 1\nchecks: [{ id: packed, attest: { statement: p } }]\n",
            ),
        ],
        &[],
    );
    assert_eq!(ids(&run), ["packed", "low"], "{run}");
}

#[test]
fn several_profiles_are_one_audit() {
    let run = audit(
        "version: 1\nname: top\nchecks:\n  - { id: b, title: B of top, attest: { statement: t } }\n",
        &[("profiles/base.yaml", BASE)],
        &["--profile", "base"],
    );
    assert_eq!(run.json()["profile"], "top+base");
    assert_eq!(ids(&run), ["b", "a"], "{run}");
    assert_eq!(run.check("b")["title"], "B of top");
    assert_eq!(
        statement(&run, "b"),
        "base b",
        "the profile named later wins"
    );
}

#[test]
fn override_true_replaces_the_kind() {
    let run = audit(
        "version: 1\nextends: base\nchecks:\n  - id: a\n    override: true\n    tcp: { address: \"localhost:1\" }\n",
        &[("profiles/base.yaml", BASE)],
        &["--dry-run"],
    );
    assert_eq!(run.checks()[0]["kind"], "tcp", "{run}");
}

const PACK: &str = "version: 1\nname: p\ntitle: Pack P\ninputs:\n  who: { required: true }\n  depth: { type: integer, default: 3 }\nchecks:\n  - id: p-one\n    title: One\n    severity: high\n    attest: { statement: \"one ${who} ${depth}\" }\n  - id: p-two\n    needs: [p-one]\n    attest: { statement: two }\n  - id: p-three\n    attest: { statement: three }\n";

#[test]
fn a_pack_takes_inputs_and_gives_its_title_as_heading() {
    let run = audit(
        "version: 1\ninputs: { me: { default: someone } }\npacks:\n  - use: p\n    with: { who: \"${me}!\" }\nchecks:\n  - { id: own, attest: { statement: x } }\n",
        &[("checks/p.yaml", PACK)],
        &[],
    );
    assert_eq!(ids(&run), ["p-one", "p-two", "p-three", "own"]);
    assert_eq!(statement(&run, "p-one"), "one someone! 3");
    assert_eq!(run.check("p-one")["group"], "Pack P");
    assert_eq!(run.check("own")["group"], "profile");
}

#[test]
fn except_only_and_as_choose_and_name_a_packs_checks() {
    let run = audit(
        "version: 1\npacks:\n  - { use: p, with: { who: a }, except: [p-three] }\n  - { use: p, as: eu, with: { who: b, depth: 9 }, only: [p-one, p-two] }\n",
        &[("checks/p.yaml", PACK)],
        &[],
    );
    assert_eq!(ids(&run), ["p-one", "p-two", "eu.p-one", "eu.p-two"]);
    assert_eq!(statement(&run, "eu.p-one"), "one b 9");
    assert_eq!(run.check("eu.p-one")["group"], "Pack P (eu)");
    // `needs` inside a pack follow its prefix.
    assert_eq!(
        run.check("eu.p-two")["skipped_because"],
        "blocked by `eu.p-one`"
    );
}

#[test]
fn an_override_of_a_packs_check_merges_field_by_field() {
    let run = audit(
        "version: 1\ninputs: { level: { default: critical } }\npacks:\n  - use: p\n    with: { who: a }\n    override:\n      p-one: { severity: \"${level}\", attest: { statement: \"$${who} is literal\" } }\n",
        &[("checks/p.yaml", PACK)],
        &[],
    );
    assert_eq!(run.check("p-one")["severity"], "critical");
    assert_eq!(run.check("p-one")["title"], "One");
    assert_eq!(
        statement(&run, "p-one"),
        "${who} is literal",
        "interpolated once only"
    );
}

#[test]
fn a_value_is_never_interpolated_again() {
    let profile = "version: 1\ninputs: { v: { from: env:V } }\npacks:\n  - use: p\n    with: { who: \"${v}\" }\n    override: { p-three: { attest: { statement: \"${v}\" } } }\nchecks:\n  - { id: x, attest: { statement: \"<${v}>\" } }\n  - { id: y, for_each: { item: [\"${v}\"] }, attest: { statement: \"${item}\" } }\n";
    let run = command(
        "audit",
        profile,
        &[("checks/p.yaml", PACK)],
        &[],
        &[("V", "${env:OTHER}"), ("OTHER", "leaked")],
    );
    assert_eq!(statement(&run, "x"), "<${env:OTHER}>");
    assert_eq!(statement(&run, "p-one"), "one ${env:OTHER} 3");
    assert_eq!(statement(&run, "p-three"), "${env:OTHER}");
    assert!(!run.stdout.contains("leaked"), "{run}");
}

#[test]
fn override_true_replaces_the_kind_of_a_packs_check() {
    let run = audit(
        "version: 1\npacks:\n  - use: p\n    with: { who: a }\n    override: { p-one: { override: true, tcp: { address: \"localhost:1\" } } }\n",
        &[("checks/p.yaml", PACK)],
        &["--dry-run"],
    );
    assert_eq!(run.checks()[0]["kind"], "tcp", "{run}");
}

#[test]
fn when_of_a_pack_skips_all_of_it_with_the_reason_and_asks_for_no_inputs() {
    let run = audit(
        &format!(
            "version: 1\ninputs: {{ db: {{}} }}\npacks:\n  - use: p\n    when: inputs.db != null\n    with: {{ who: \"${{db}}\" }}\nchecks:\n  - {{ id: own, attest: {{ statement: x }} }}\n{}",
            signed(&["own"])
        ),
        &[("checks/p.yaml", PACK)],
        &[],
    );
    for id in ["p-one", "p-two", "p-three"] {
        assert_eq!(run.check(id)["verdict"], "skip");
        assert_eq!(
            run.check(id)["skipped_because"],
            "`when: inputs.db != null` is false"
        );
    }
    run.assert_exit(0);
}

#[test]
fn when_decides_with_inputs_and_target() {
    let profile = "version: 1\ninputs: { url: { default: \"http://a\" } }\ntargets: { staging: { url: \"https://b\" } }\nchecks:\n  - { id: tls, when: 'inputs.url.startsWith(\"https\")', attest: { statement: x } }\n  - { id: target, when: target == \"staging\", attest: { statement: x } }\n  - { id: item, for_each: { n: [1, 2] }, when: inputs.n > 1, attest: { statement: x } }\n";
    let verdicts = |run: &Run| -> Vec<String> {
        run.checks()
            .iter()
            .map(|check| text(check, "verdict"))
            .collect()
    };
    assert_eq!(
        verdicts(&audit(profile, &[], &[])),
        ["skip", "skip", "skip", "fail"]
    );
    let staging = audit(profile, &[], &["--target", "staging"]);
    assert_eq!(verdicts(&staging), ["fail", "fail", "skip", "fail"]);
    assert_eq!(staging.json()["target"], "staging");
}

#[test]
fn an_audit_in_which_nothing_applied_is_not_ready() {
    let run = audit(
        &stating("", "x").replace("attest", "when: \"false\"\n    attest"),
        &[],
        &[],
    );
    assert_eq!(
        run.json()["readiness"],
        "undetermined",
        "nothing was looked at\n{run}"
    );
    run.assert_exit(3);
}

#[test]
fn for_each_makes_one_check_an_item() {
    let run = audit(
        "version: 1\nchecks:\n  - id: m\n    title: Module\n    for_each: { module: [ci, kazkar] }\n    attest: { statement: \"/${module}/\" }\n  - id: pair\n    for_each: { a: [x, y], b: [1, 2] }\n    attest: { statement: \"${a}${b}\" }\n  - id: svc\n    title: \"Service ${s.name}\"\n    for_each:\n      s:\n        - { name: api, port: 80 }\n        - { name: web, port: 81 }\n    attest: { statement: \"${s.name}:${s.port}\" }\n",
        &[],
        &[],
    );
    assert_eq!(
        ids(&run),
        [
            "m[ci]",
            "m[kazkar]",
            "pair[x,1]",
            "pair[x,2]",
            "pair[y,1]",
            "pair[y,2]",
            "svc[api]",
            "svc[web]"
        ]
    );
    assert_eq!(statement(&run, "m[kazkar]"), "/kazkar/");
    assert_eq!(statement(&run, "pair[y,1]"), "y1");
    assert_eq!(statement(&run, "svc[web]"), "web:81");
    assert_eq!(run.check("m[ci]")["title"], "Module [ci]");
    assert_eq!(run.check("svc[api]")["title"], "Service api");
}

#[test]
fn for_each_takes_a_list_from_an_input() {
    let profile = "version: 1\ninputs: { modules: { type: list, from: env:MODULES } }\nchecks:\n  - id: m\n    for_each: { module: \"${modules}\" }\n    attest: { statement: \"${module}\" }\n";
    for value in ["ci, kazkar", "[\"ci\", \"kazkar\"]"] {
        let run = audit_in(profile, &[("MODULES", value)], &[]);
        assert_eq!(ids(&run), ["m[ci]", "m[kazkar]"], "{run}");
    }
}

#[test]
fn an_id_without_item_means_every_item() {
    let run = audit(
        &format!(
            "version: 1\nchecks:\n  - id: m\n    for_each: {{ n: [a, b] }}\n    attest: {{ statement: x }}\n  - id: after\n    needs: [m]\n    attest: {{ statement: y }}\n{}",
            signed(&["m", "after"])
        ),
        &[],
        &[],
    );
    run.assert_exit(0);
    let waived = audit(
        "version: 1\nchecks:\n  - id: m\n    for_each: { n: [a, b] }\n    attest: { statement: x }\nwaivers:\n  - { check: m, reason: known, approved_by: me, expires: 2999-01-01 }\n",
        &[],
        &[],
    );
    assert_eq!(waived.verdict("m[a]"), "waived");
    waived.assert_exit(0);
}

#[test]
fn inputs_come_from_set_then_target_then_sources_then_default() {
    let profile = stating(
        "inputs: { v: { from: [env:FIRST, env:SECOND], default: default } }\ntargets: { t: { v: target } }",
        "\"${v}\"",
    );
    let all = [("FIRST", "first"), ("SECOND", "second")];
    for (variables, arguments, expected) in [
        (&all[..0], &[][..], "default"),
        (&all[1..], &[], "second"),
        (&all, &[], "first"),
        (&[("FIRST", ""), ("SECOND", "second")], &[], "second"),
        (&all, &["--target", "t"], "target"),
        (&all, &["--target", "t", "--set", "v=set"], "set"),
        (&all, &["--set", "v=set", "--set", "v=again=1"], "again=1"),
    ] {
        let run = audit_in(&profile, variables, arguments);
        assert_eq!(statement(&run, "x"), expected, "{arguments:?}\n{run}");
    }
}

#[test]
fn all_targets_are_audited_side_by_side() {
    let run = audit(
        &format!(
            "version: 1\ninputs: {{ v: {{ required: true }} }}\ntargets: {{ one: {{ v: 1 }}, two: {{ v: 2 }} }}\nchecks:\n  - {{ id: a, attest: {{ statement: \"${{v}}\" }} }}\n  - {{ id: b, needs: [a], attest: {{ statement: b }} }}\n{}",
            signed(&["b"])
        ),
        &[],
        &["--all-targets"],
    );
    assert_eq!(ids(&run), ["one/a", "one/b", "two/a", "two/b"]);
    assert_eq!(statement(&run, "two/a"), "2");
    assert_eq!(run.check("two/b")["skipped_because"], "blocked by `two/a`");
    assert_eq!(run.json()["target"], "one, two");
}

#[test]
fn variables_of_env_files_count_after_those_of_the_process() {
    let profile = stating("inputs: { v: { from: env:V } }", "\"${v} ${env:W}\"");
    let run = command(
        "audit",
        &profile,
        &[("a.env", "V=a\nW=a\n"), ("b.env", "V=b\n")],
        &["--env-file", "a.env", "--env-file", "b.env"],
        &[("W", "process")],
    );
    assert_eq!(statement(&run, "x"), "a process", "{run}");
    assert!(
        run.stderr.contains("note: W of a.env:2 is ignored"),
        "{run}"
    );
    let missing = command("audit", &profile, &[], &["--env-file", "no.env"], &[]);
    missing.assert_exit(2);
    assert!(missing.stderr.contains("no.env"), "{missing}");
}

#[test]
fn every_form_of_interpolation() {
    for (written, expected) in [
        ("\"${env:SET}\"", "value"),
        ("\"${env:EMPTY:-fallback}\"", "fallback"),
        ("\"${env:UNSET:-}\"", ""),
        ("\"${env:UNSET:-a:-b}\"", "a:-b"),
        ("\"${env:SET:?why}\"", "value"),
        ("\"$${env:SET}\"", "${env:SET}"),
        ("\"a ${env:SET} b ${ env:SET } c\"", "a value b value c"),
        ("\"costs $5 {x} $x\"", "costs $5 {x} $x"),
    ] {
        let run = audit_in(
            &stating("", written),
            &[("SET", "value"), ("EMPTY", "")],
            &[],
        );
        assert_eq!(statement(&run, "x"), expected, "{written}\n{run}");
    }
}

#[test]
fn a_file_is_read_without_its_last_line_break() {
    let run = audit(
        &stating("", "\"<${file:note.txt}>\""),
        &[("note.txt", "no secret, but masked\n\n")],
        &[],
    );
    assert_eq!(
        statement(&run, "x"),
        "<[redacted]>",
        "what comes from a file is a secret\n{run}"
    );
}

#[test]
fn a_lone_reference_keeps_its_type() {
    let run = audit_in(
        "version: 1\ninputs:\n  port: { type: port, from: env:PORT }\n  roles: { type: list, default: [dev, ops] }\n  evidence: { type: boolean, from: env:EVIDENCE }\n  days: { type: duration, default: 3d }\nchecks:\n  - id: port\n    tcp: { host: localhost, port: \"${port}\" }\n  - id: roles\n    attest: { statement: x, roles: \"${roles}\", evidence: \"${evidence}\", valid_for: \"${days}\" }\n",
        &[("PORT", "1"), ("EVIDENCE", "true")],
        &["--only", "roles"],
    );
    assert_eq!(
        run.check("roles")["findings"].as_array().unwrap().len(),
        2,
        "{run}"
    );
}

#[test]
fn yaml_in_a_value_stays_text() {
    for hostile in [
        "x }\n  - id: y",
        "{ a: b }",
        "[1]",
        "!!tag",
        "&a",
        "*a",
        "\"",
        "a: b",
        "null",
        "---",
    ] {
        let run = audit_in(
            &stating("inputs: { v: { from: env:V } }", "\"<${v}>\""),
            &[("V", hostile)],
            &[],
        );
        assert_eq!(ids(&run), ["x"], "{run}");
        let finding = &run.check("x")["findings"][0];
        assert_eq!(
            text(finding, "expected"),
            format!("signed: <{hostile}>"),
            "{run}"
        );
    }
}

#[test]
fn defaults_apply_to_what_a_check_does_not_say() {
    let run = command(
        "explain",
        "",
        &[(
            "p.yaml",
            "version: 1\ninputs: { t: { type: duration, default: 7s } }\ndefaults: { timeout: \"${t}\", severity: low }\nchecks:\n  - { id: a, attest: { statement: x } }\n  - { id: b, timeout: 2s, severity: critical, attest: { statement: x } }\n",
        )],
        &[],
        &[],
    );
    drop(run);
    let explain = |id: &str| {
        Readyctl::new()
            .file("p.yaml", "version: 1\ninputs: { t: { type: duration, default: 7s } }\ndefaults: { timeout: \"${t}\", severity: low }\nchecks:\n  - { id: a, attest: { statement: x } }\n  - { id: b, timeout: 2s, severity: critical, attest: { statement: x } }\n")
            .args(["explain", id, "--profile", "p.yaml"])
            .run()
            .stdout
    };
    let line =
        |text: &str, words: [&str; 2]| text.lines().any(|line| line.split_whitespace().eq(words));
    assert!(line(&explain("a"), ["timeout", "7s"]) && line(&explain("a"), ["severity", "low"]));
    assert!(
        line(&explain("b"), ["timeout", "2s"]) && line(&explain("b"), ["severity", "critical"])
    );
}

#[test]
fn local_files_hide_those_of_the_binary_by_name() {
    let local = "version: 1\nchecks: [{ id: mine, attest: { statement: x } }]\n";
    for folder in ["profiles", ".readyctl"] {
        let run = Readyctl::new()
            .file(&format!("{folder}/demo.yaml"), local)
            .args(["audit", "--profile", "demo", "--format", "json"])
            .run();
        assert_eq!(ids(&run), ["mine"], "{run}");
    }
    let config = Readyctl::new().file("conf/readyctl/profiles/demo.yml", local);
    let folder = config.folder().join("conf");
    let run = config
        .env("XDG_CONFIG_HOME", folder)
        .args(["audit", "--profile", "demo", "--format", "json"])
        .run();
    assert_eq!(ids(&run), ["mine"], "{run}");
}

#[test]
fn explain_says_where_the_values_of_inputs_come_from() {
    let run = command(
        "explain",
        "version: 1\nname: top\ninputs:\n  a: { from: env:A, description: From a file }\n  b: { from: env:B, required: true }\n  c: { type: integer, default: 3 }\n  d: { secret: true, from: env:D }\n  e: { default: x }\ntargets: { t: { e: target } }\nchecks: [{ id: x, attest: { statement: x } }]\n",
        &[("a.env", "# first\nA=file\n")],
        &["--env-file", "a.env", "--set", "c=4", "--target", "t"],
        &[("D", "canary-d")],
    );
    run.assert_exit(0);
    for line in [
        "now \"file\" (env:A (a.env:2))",
        "now not set",
        "now 4 (--set)",
        "now [redacted] (env:D (process environment))",
        "now \"target\" (target t)",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{run}");
    }
}

#[test]
fn linting_asks_for_no_values() {
    let run = command(
        "lint",
        "version: 1\ninputs:\n  need: { type: url, required: true, from: env:NEED }\n  may: { type: postgres_url, from: env:MAY }\n  free: { required: true }\nchecks:\n  - { id: a, attest: { statement: \"${need} ${env:UNSET} ${file:/nowhere}\" } }\n  - { id: b, when: inputs.may != null, attest: { statement: \"${may}\" } }\n  - { id: c, timeout: \"${env:UNSET}\", tcp: { address: \"${free}\" } }\n  - { id: d, needs: [c], tcp: { url: \"${may}\" } }\n",
        &[],
        &[],
        &[],
    );
    run.assert_exit(0);
    assert!(run.stderr.contains("needs a value for need, free"), "{run}");
}

//! Every diagnostic of the profile language, with its exact text: `invalid/NAME.yaml` is a broken
//! profile and `invalid/NAME.stderr` is what readyctl says about it.
//!
//! Each is linted and audited; both must say the same, exit 2 and contact nothing. A first line
//! `# audit` limits a profile to audits (what is missing there is nothing to lint), `# lint` to
//! linting, and `args: …` in it adds arguments. `READYCTL_UPDATE_EXPECTED=1` writes what readyctl says
//! now; look at the difference before you keep it.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;

use super::support::cli::{Readyctl, Run};

/// The folder of the broken profiles.
fn invalid() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "suite", "invalid"]
        .iter()
        .collect()
}

/// A port that notices when it is contacted: `${env:ORIGIN}` of the broken profiles.
struct Tripwire(TcpListener);

impl Tripwire {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let error = self.0.accept().map(drop).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::WouldBlock,
            "something was contacted"
        );
    }
}

/// One command over a broken profile, with the packs and profiles it may refer to.
fn refused(command: &[&str], profile: &str, arguments: &[&str]) -> Run {
    let tripwire = Tripwire::new();
    let mut readyctl = Readyctl::new()
        .file("profile.yaml", profile)
        .env("ORIGIN", tripwire.address());
    for folder in ["checks", "profiles"] {
        for entry in fs::read_dir(invalid().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            readyctl = readyctl.file(&name, fs::read(&path).unwrap());
        }
    }
    let run = readyctl.args(command).args(arguments).run();
    tripwire.assert_untouched();
    assert_eq!(run.stdout, "", "a refused profile has no report\n{run}");
    run.assert_exit(2);
    run
}

/// Lints and audits `invalid/NAME.yaml` and compares what is said with `invalid/NAME.stderr`.
fn case(name: &str) {
    let profile = fs::read_to_string(invalid().join(format!("{name}.yaml"))).unwrap();
    let directive = profile
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# "))
        .unwrap_or_default();
    let (only, arguments) = directive.split_once("args: ").unwrap_or((directive, ""));
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let commands: [(&str, &[&str]); 2] = [
        ("lint", &["lint", "profile.yaml"]),
        ("audit", &["audit", "--profile", "profile.yaml"]),
    ];
    let path = invalid().join(format!("{name}.stderr"));
    for (command, words) in commands {
        if !only.trim().is_empty() && only.trim() != command {
            continue;
        }
        let run = refused(words, &profile, &arguments);
        if std::env::var_os("READYCTL_UPDATE_EXPECTED").is_some() {
            fs::write(&path, &run.stderr).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            run.stderr, expected,
            "{command} of {name} says something else"
        );
    }
}

macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test] fn $name() { case(stringify!($name)); })*

        #[test]
        fn every_broken_profile_is_tested() {
            let known = [$(stringify!($name)),*];
            for entry in fs::read_dir(invalid()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                assert!(path.is_dir() || known.contains(&name.as_str()), "{name} is in no list");
            }
        }
    };
}

cases! {
    all_targets_repeat_no_problem
    assert_broken
    assert_empty
    assert_unknown_name
    bad_id
    checks_empty
    checks_holds_text
    checks_is_a_mapping
    checks_nothing
    default_that_needs_an_unset_variable
    defaults_unknown_field
    duplicate_id
    duplicate_id_of_a_pack_and_the_profile
    duplicate_id_of_for_each_items
    duration_in_months
    duration_negative
    duration_nobody_understands
    duration_without_unit
    everything_at_once
    extends_a_broken_profile
    extends_changes_the_kind
    extends_in_a_circle
    extends_in_a_circle_of_paths
    extends_is_no_text
    extends_itself
    extends_unknown
    file_does_not_exist
    for_each_empty
    for_each_empty_list
    for_each_name_cannot_be_used
    for_each_not_a_list
    for_each_not_a_mapping
    for_each_same_mistake_once
    for_each_too_many
    http_two_mistakes
    id_that_is_a_number
    input_does_not_match_its_pattern
    input_is_no_mapping
    input_name_cannot_be_used
    input_none_of_the_allowed
    input_one_of_nothing
    input_required_and_not_set
    input_source_unknown
    input_unknown_field
    input_unknown_type
    input_values_of_the_wrong_type
    input_without_a_value_used
    inputs_is_a_list
    interpolation_inside_text
    interpolation_not_closed
    interpolation_of_a_list_inside_text
    interpolation_of_an_unknown_field
    interpolation_of_an_unknown_input
    interpolation_without_any_input
    json_expectations_empty
    json_path_broken
    matcher_bad_version_range
    matcher_between_upside_down
    matcher_contains_nothing
    matcher_empty
    matcher_one_of_nothing
    matcher_two_mistakes
    matcher_unknown_operator
    matcher_unknown_type
    missing_field_of_a_kind
    missing_id
    misspelt_kind
    name_is_no_text
    needs_a_broken_check
    needs_in_a_circle
    needs_itself
    needs_unknown
    no_checks
    no_kind
    no_targets_at_all
    number_out_of_range
    pack_except_unknown
    pack_input_handed_on_without_a_value
    pack_input_of_the_wrong_type
    pack_missing_input
    pack_only_unknown
    pack_override_of_a_reference
    pack_override_of_the_id
    pack_override_of_the_kind
    pack_override_unknown
    pack_override_unknown_field
    pack_path_does_not_exist
    pack_prefix_bad
    pack_that_is_broken
    pack_unknown
    pack_unknown_input
    pack_use_missing
    pack_use_unknown_field
    pack_used_twice
    pack_with_nothing_left
    regular_expression_broken
    retry_attempts_out_of_range
    retry_backoff_out_of_range
    retry_of_the_defaults_out_of_range
    set_of_an_unknown_input
    set_of_the_wrong_type
    sign_off_of_a_check_that_needs_none
    sign_off_of_an_unknown_check
    sign_off_with_a_bad_date
    target_is_no_mapping
    target_not_chosen_with_a_wrong_value
    target_unknown
    target_with_a_value_of_the_wrong_type
    target_with_an_unknown_input
    timeout_of_zero
    two_kinds
    unknown_field_of_a_check
    unknown_field_of_a_kind
    unknown_kind
    unknown_top_level_field
    unknown_top_level_field_without_a_near_one
    unknown_word
    unknown_word_of_a_kind
    variable_not_set
    variable_not_set_with_a_reason
    version_as_text
    version_missing
    version_unknown
    waiver_of_an_unknown_check
    waiver_twice
    waiver_with_a_bad_date
    waiver_with_an_empty_reason
    waiver_without_reason
    when_broken
    when_is_a_list
    when_is_no_truth_value
    when_of_a_pack_broken
    when_unknown_function
    when_unknown_input
    when_unknown_name
    wrong_type_number_for_text
    wrong_type_of_a_nested_field
    wrong_type_text_for_a_list
    wrong_type_text_for_a_mapping
    yaml_aliases_that_explode
    yaml_bad_indentation
    yaml_colon_inside
    yaml_duplicate_key
    yaml_empty
    yaml_is_a_list
    yaml_nested_too_deep
    yaml_quote_not_closed
    yaml_tab
    yaml_two_documents
    yaml_unknown_anchor
}

/// A profile with one port check and a waiver for it that ends `days` from now.
fn waived_for(days: i64) -> String {
    let today = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        / 86_400;
    format!(
        "version: 1\nchecks:\n  - id: port\n    tcp: {{ address: \"${{env:ORIGIN}}\" }}\nwaivers:\n  \
         - {{ check: port, reason: known, approved_by: me, expires: {} }}\n",
        date(i64::try_from(today).unwrap() + days)
    )
}

/// The civil date of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
pub(super) fn date(days: i64) -> String {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[test]
fn an_expired_waiver_is_a_problem_when_linting() {
    let run = refused(&["lint", "profile.yaml"], &waived_for(-1), &[]);
    let expected = format!(
        "error: the waiver of `port` expired on {0}\n --> profile.yaml:6:14\n  |\n6 |   - {{ check: port, reason: known, approved_by: me, expires: {0} }}\n  |              ^^^^\n  |\n  = help: fix what it covers, or renew it with a new reason\n\n1 problem; nothing was contacted\n",
        waived_for(-1)
            .rsplit("expires: ")
            .next()
            .unwrap()
            .trim_end_matches(" }\n")
    );
    assert_eq!(run.stderr, expected);
}

#[test]
fn a_waiver_counts_on_its_last_day() {
    let run = Readyctl::new()
        .file("profile.yaml", waived_for(0))
        .env("ORIGIN", "localhost:1")
        .args(["lint", "profile.yaml"])
        .run();
    run.assert_exit(0);
}

#[test]
fn a_profile_that_does_not_exist() {
    for (name, message, help) in [
        (
            "./nowhere.yaml",
            "there is no profile `./nowhere.yaml`",
            "check the path",
        ),
        ("bsae", "there is no profile `bsae`", "did you mean `base`?"),
        ("profiles", "there is no profile `profiles`", ""),
    ] {
        for command in [&["lint"][..], &["audit", "--profile"]] {
            let run = refused(command, "", &[name]);
            assert!(
                run.stderr.contains(message) && run.stderr.contains(help),
                "{run}"
            );
        }
    }
}

#[test]
fn a_profile_that_cannot_be_read() {
    for (content, message) in [
        (vec![0xff, 0xfe], "profile.yaml is not UTF-8 text"),
        (
            vec![b'#'; (1 << 20) + 1],
            "profile.yaml is larger than 1 MiB",
        ),
    ] {
        let run = Readyctl::new()
            .file("profile.yaml", content)
            .args(["lint", "profile.yaml"])
            .run();
        run.assert_exit(2);
        assert!(run.stderr.contains(message), "{run}");
    }
}

#[test]
fn one_broken_profile_does_not_hide_the_problems_of_another() {
    let run = Readyctl::new()
        .file("a.yaml", "version: 1\ncheks: []\n")
        .file("b.yaml", "version: 3\n")
        .args(["lint", "a.yaml", "b.yaml"])
        .run();
    run.assert_exit(2);
    assert!(
        run.stderr.contains("a.yaml:2:1") && run.stderr.contains("b.yaml:1:10"),
        "{run}"
    );
}

#[test]
fn profiles_that_extend_each_other_twice_end() {
    // Two to the power of twelve files, were every path through the diamonds followed.
    let mut readyctl = Readyctl::new().file(
        "l12.yaml",
        "version: 1\nchecks: [{ id: x, attest: { statement: X } }]\n",
    );
    for level in 0..12 {
        let next = level + 1;
        readyctl = readyctl
            .file(
                &format!("l{level}.yaml"),
                format!("version: 1\nextends: [a{level}.yaml, b{level}.yaml]\n"),
            )
            .file(
                &format!("a{level}.yaml"),
                format!("version: 1\nextends: l{next}.yaml\n"),
            )
            .file(
                &format!("b{level}.yaml"),
                format!("version: 1\nextends: l{next}.yaml\n"),
            );
    }
    let run = readyctl.args(["lint", "l0.yaml"]).run();
    run.assert_exit(2);
    assert!(run.stderr.contains("more than 256 files"), "{run}");
}

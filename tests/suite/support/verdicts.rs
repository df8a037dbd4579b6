//! The two claims that nearly every test makes: all green, or red for exactly this reason.

use super::cli::Run;

/// Fails the test unless the run is ready and every check of it passed.
#[track_caller]
pub(crate) fn assert_green(run: &Run) {
    let checks = run.checks();
    assert!(
        !checks.is_empty(),
        "a run without checks proves nothing\n{run}"
    );
    for check in checks {
        assert_eq!(
            check["verdict"], "pass",
            "{} is not green\n{run}",
            check["id"]
        );
    }
    run.assert_exit(0);
}

/// Fails the test unless the check `id` failed, or could not be observed, with the finding `code`,
/// and every other check of the run passed.
#[track_caller]
pub(crate) fn assert_red(run: &Run, id: &str, code: &str) {
    let verdict = run.verdict(id);
    assert!(
        matches!(verdict.as_str(), "fail" | "error"),
        "{id} is not red: {verdict}\n{run}"
    );
    let codes = run.codes(id);
    assert!(
        codes.iter().any(|found| found == code),
        "{id} has {codes:?}, not {code}\n{run}"
    );
    for check in run.checks() {
        let green = check["id"] == id || check["verdict"] == "pass";
        assert!(green, "{} is not green\n{run}", check["id"]);
    }
    assert!(
        matches!(run.exit, 1 | 3),
        "a red check leaves exit code {}\n{run}",
        run.exit
    );
}

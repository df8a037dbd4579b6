//! JUnit XML in all its dialects.

use tokio::time::Instant;

use super::content::{Case, Outcome, Stamp, Tests, moment};
use super::files::{Source, wrong};
use super::xml::{Element, Step, walk};
use crate::outcome::Fault;

/// A suite whose end has not come yet.
#[derive(Debug, Default)]
struct Suite {
    /// Its name.
    name: String,
    /// Failures and errors by its attributes.
    declared: u64,
    /// Tests by its attribute.
    tests: u64,
    /// Failed tests met inside.
    met: u64,
    /// Tests met inside.
    cases: u64,
}

/// Names of properties that tell the commit.
const COMMITS: [&str; 6] = [
    "commit",
    "git.commit",
    "git_commit",
    "git.commit.id",
    "revision",
    "sha",
];

/// Reads a report.
///
/// # Errors
/// When it is broken.
pub(super) fn read(source: &Source, deadline: Instant) -> Result<(Stamp, Tests), Fault> {
    let mut stamp = Stamp::default();
    let mut tests = Tests::default();
    let mut suites: Vec<Suite> = Vec::new();
    let mut case: Option<Case> = None;
    walk(source, deadline, |step| {
        match step {
            Step::Open(element) => match element.name.as_str() {
                "testsuites" | "testsuite" => {
                    if let Some(time) = element.get("timestamp").filter(|text| !text.is_empty()) {
                        stamp.written_at(moment(time));
                    }
                    suites.push(suite(&element, source)?);
                }
                "testcase" => {
                    if suites.is_empty() {
                        return Err(wrong(source, "it has a test outside of any suite"));
                    }
                    case = Some(begin(&element, &suites));
                }
                "property" => {
                    if let (Some(name), Some(value)) = (element.get("name"), element.get("value"))
                        && COMMITS.contains(&name.to_ascii_lowercase().as_str())
                    {
                        stamp.commits.push(value.to_owned());
                    }
                }
                _ => mark(&element, case.as_mut(), &suites, &mut tests),
            },
            Step::Close(name) => match name.as_str() {
                "testcase" => {
                    if let Some(case) = case.take() {
                        let failed = u64::from(case.outcome == Outcome::Failed);
                        for suite in &mut suites {
                            suite.met += failed;
                            suite.cases += 1;
                        }
                        tests.cases.push(case);
                    }
                }
                "testsuites" | "testsuite" => {
                    if let Some(suite) = suites.pop() {
                        close(&suite, &mut tests);
                    }
                }
                _ => {}
            },
        }
        Ok(())
    })?;
    Ok((stamp, tests))
}

/// Reads the attributes of a suite.
fn suite(element: &Element, source: &Source) -> Result<Suite, Fault> {
    let number = |name| element.number(name, source).map(Option::unwrap_or_default);
    Ok(Suite {
        name: element.get("name").unwrap_or_default().to_owned(),
        declared: number("failures")?.saturating_add(number("errors")?),
        tests: number("tests")?,
        ..Suite::default()
    })
}

/// A test that begins: green until something says otherwise.
fn begin(element: &Element, suites: &[Suite]) -> Case {
    let name_of = |key| element.get(key).unwrap_or_default().to_owned();
    let not_run = ["status", "result"]
        .iter()
        .filter_map(|key| element.get(key))
        .any(|state| {
            matches!(
                state.to_ascii_lowercase().as_str(),
                "notrun" | "skipped" | "disabled" | "suppressed" | "ignored"
            )
        });
    let failed = element
        .get("status")
        .is_some_and(|state| matches!(state.to_ascii_lowercase().as_str(), "failed" | "error"));
    Case {
        suite: suites
            .iter()
            .map(|suite| suite.name.as_str())
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>()
            .join(" / "),
        class: name_of("classname"),
        name: name_of("name"),
        outcome: match (failed, not_run) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Skipped,
            (false, false) => Outcome::Passed,
        },
        flaky: false,
        message: String::new(),
    }
}

/// What an element inside a test, or directly inside a suite, says.
fn mark(element: &Element, case: Option<&mut Case>, suites: &[Suite], tests: &mut Tests) {
    let message = || {
        let text = element.get("message").or(element.get("type"));
        let line = text.unwrap_or_default().lines().next().unwrap_or_default();
        line.chars().take(200).collect::<String>()
    };
    match (element.name.as_str(), case) {
        ("failure" | "error", Some(case)) => {
            case.outcome = Outcome::Failed;
            if case.message.is_empty() {
                case.message = message();
            }
        }
        // Outside of a test: the suite itself could not be set up.
        ("failure" | "error", None) => {
            let name = suites.last().map(|suite| suite.name.clone());
            tests
                .suite_errors
                .push(format!("{}: {}", name.unwrap_or_default(), message()));
        }
        ("skipped", Some(case)) if case.outcome != Outcome::Failed => {
            case.outcome = Outcome::Skipped;
        }
        ("flakyFailure" | "flakyError" | "rerunFailure" | "rerunError", Some(case)) => {
            case.flaky = true;
            if case.message.is_empty() {
                case.message = message();
            }
        }
        _ => {}
    }
}

/// A suite that ends: what its attributes say beyond its tests.
fn close(suite: &Suite, tests: &mut Tests) {
    if suite.declared > suite.met && tests.suite_errors.is_empty() {
        tests.undeclared.push(format!(
            "{} says {} failures or errors, {} of its tests failed",
            if suite.name.is_empty() {
                "the suite"
            } else {
                &suite.name
            },
            suite.declared,
            suite.met
        ));
    }
    // The counts of outer suites have those of inner ones in them.
    tests.absent = tests.absent.max(suite.tests.saturating_sub(suite.cases));
}

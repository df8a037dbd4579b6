//! Programs: what they print, how they end.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::exchange::{cut, millis};
use crate::expect::json::JsonExpectations;
use crate::expect::matcher::Mismatch;
use crate::expect::{Matcher, Ordered, Secret, TimeSpan};
use crate::outcome::{Cause, Fault, Finding};
use crate::program::{Program, Ran, declared};

mod faults;

/// Runs a program and requires how it ends and what it prints. Needs `--allow command`.
///
/// It gets `PATH`, `HOME` and the variables declared here, nothing else of the environment. What it
/// prints is judged before its exit code, because programs exit with 0 after they failed. When the
/// check's `timeout` is over, or the program has ended, everything it started is killed. It is never
/// run twice: `retry` does nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    /// Program and arguments, `[cargo, fmt, --check]`, found along `PATH`. No shell is involved.
    /// Keep secrets out of here, other users of the machine can see them: use `env`.
    argv: Vec<String>,
    /// Whether the one entry of `argv` is a line for `sh -c`; default false.
    #[serde(default)]
    shell: bool,
    /// The folder it runs in; the working directory by default.
    #[serde(default)]
    cwd: Option<String>,
    /// Variables of the program besides `PATH` and `HOME`. Their values are masked everywhere.
    #[serde(default)]
    env: Ordered<Secret>,
    /// What is expected; exit code 0 by default.
    #[serde(default)]
    expect: Expect,
}

/// What is expected of a program.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The exit code; 0 by default. `{ one_of: [0, 2] }` accepts several. What a signal ended has none.
    #[serde(default)]
    exit: Option<Matcher>,
    /// What it prints to standard output, without the white space at both ends. Numbers are compared as
    /// numbers.
    #[serde(default)]
    stdout: Option<Matcher>,
    /// What it prints to standard error, without the white space at both ends and with known secrets
    /// masked. `{ empty: true }` wants none.
    #[serde(default)]
    stderr: Option<Matcher>,
    /// Standard output as JSON: JSONPath to what must be there.
    #[serde(default)]
    json: JsonExpectations,
    /// Longest time it may take.
    #[serde(default)]
    max_duration: Option<TimeSpan>,
}

/// What a shell exits with when it does not find a program, or may not run it.
const SHELL_FAILURES: [(i32, &str); 2] = [
    (127, "the shell did not find a command"),
    (126, "the shell may not run a command"),
];
/// What programs say that are told to run a part of theirs that is not installed.
const MISSING_PARTS: [(&str, &str); 6] = [
    ("cargo", "no such command: `"),
    ("git", "is not a git command"),
    ("docker", "is not a docker command"),
    ("docker", "unknown command: docker"),
    ("kubectl", "unknown command \""),
    ("python", "No module named "),
];
/// How much of each output's end is kept.
const TAIL: usize = 600;

/// What the program did.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Its name.
    program: String,
    /// Its exit code; null when a signal ended it.
    exit: Option<i32>,
    /// The signal that ended it.
    signal: Option<i32>,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// How much it printed, in bytes.
    stdout_bytes: usize,
    /// The end of what it printed.
    stdout_tail: String,
    /// The end of what it complained about.
    stderr_tail: String,
    /// What it printed beside what was expected of it. The texts themselves are not kept: they are
    /// long, and nobody knows what is in them.
    outputs: Vec<Output>,
}

/// One expectation on what was printed.
#[derive(Debug, Serialize, Deserialize)]
struct Output {
    /// `stdout`, `stderr`, or a JSONPath.
    subject: String,
    /// What was expected.
    expected: String,
    /// What was there, masked and shortened.
    actual: String,
    /// How the two compare.
    compared: Compared,
}

/// How an output compares with its expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compared {
    /// As expected.
    Fits,
    /// Not as expected.
    Differs,
    /// It cannot be compared: not JSON, or too long to be kept.
    Unusable,
}

impl Kind for Command {
    const NAME: &'static str = "command";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Command
    }

    fn repeatable(&self) -> bool {
        false
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.argv.first().is_none_or(|name| name.trim().is_empty()) {
            problems.push(SpecProblem::at(
                "argv",
                "there is no program to run",
                "write the program and its arguments, for example `[cargo, fmt, --check]`",
            ));
        }
        if self.shell && self.argv.len() > 1 {
            problems.push(SpecProblem::at(
                "argv",
                "with `shell: true` there is one entry, the line for the shell",
                "write the whole line as one entry, or leave out `shell`",
            ));
        }
        if self.argv.iter().any(|word| word.contains('\0')) {
            problems.push(SpecProblem::at(
                "argv",
                "an argument cannot hold the character U+0000",
                "remove it",
            ));
        }
        for (name, _) in self.env.iter() {
            if name.is_empty() || name.contains(['=', '\0']) {
                problems.push(SpecProblem::at(
                    "env",
                    format!("`{}` cannot be the name of a variable", name.escape_debug()),
                    "write names like `DATABASE_URL`",
                ));
            }
        }
        if self
            .expect
            .max_duration
            .is_some_and(|most| most.0.is_zero())
        {
            problems.push(SpecProblem::at(
                "expect.max_duration",
                "no program takes no time",
                "write a time, for example `30s`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let place = self
            .cwd
            .as_ref()
            .map_or_else(String::new, |cwd| format!(" in {cwd}"));
        vec![Planned::once(format!(
            "run {}{place}",
            self.words().join(" ")
        ))]
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let started = Instant::now();
        let words = self.words();
        let ran = Program {
            argv: words.clone(),
            cwd: self
                .cwd
                .as_ref()
                .map_or_else(|| cx.folder.clone(), |cwd| cx.folder.join(cwd)),
            env: declared(&self.env),
        }
        .run(cx)
        .await
        .map_err(|fault| self.explained(fault))?;
        let stdout = String::from_utf8_lossy(&ran.stdout);
        Ok(Facts {
            program: words.first().cloned().unwrap_or_default(),
            exit: ran.code,
            signal: ran.signal,
            duration_ms: millis(started.elapsed()),
            stdout_bytes: ran.stdout.len(),
            stdout_tail: tail(&cx.redactor.text(end(stdout.trim(), 16 * TAIL))),
            stderr_tail: tail(end(&ran.stderr, 16 * TAIL)),
            outputs: self.compare(&ran, stdout.trim(), cx),
        })
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        let mut findings: Vec<Finding> = facts.outputs.iter().map(judge_output).collect();
        findings.push(self.judge_exit(facts));
        if let Some(most) = self.expect.max_duration {
            let expected = format!("≤ {most}");
            let took = TimeSpan::millis(facts.duration_ms);
            findings.push(if u128::from(facts.duration_ms) <= most.0.as_millis() {
                Finding::pass("duration", expected, took.to_string())
            } else {
                Finding::fail(
                    "CMD-57",
                    "duration",
                    expected,
                    took.to_string(),
                    format!("`{}` took {took}", facts.program),
                )
            });
        }
        findings
    }
}

impl Command {
    /// The program and its arguments as they are started.
    fn words(&self) -> Vec<String> {
        if self.shell {
            let shell = ["sh", "-c"].map(str::to_owned);
            return shell.into_iter().chain(self.argv.clone()).collect();
        }
        self.argv.clone()
    }

    /// Whether a shell runs the command, so that its exit code may be the shell's own.
    fn is_shell(&self) -> bool {
        let name = self.argv.first().map_or("", String::as_str);
        let name = name.rsplit('/').next().unwrap_or(name);
        self.shell || matches!(name, "sh" | "bash" | "dash" | "zsh" | "ksh")
    }

    /// Gives the fault of a program that did not run to its end its code.
    fn explained(&self, fault: Fault) -> Fault {
        let whole_line = |name: &String| !self.shell && name.contains(' ');
        match fault.cause {
            Cause::Timeout => Fault {
                hint: Some(
                    "run it by hand and see what it waits for; `timeout:` of the check allows more time"
                        .to_owned(),
                ),
                ..fault
            }
            .code("CMD-58"),
            Cause::Missing if self.argv.first().is_some_and(whole_line) => fault
                .code("CMD-59")
                .hint("write each word as an entry of `argv`, or set `shell: true`"),
            Cause::Missing | Cause::Denied | Cause::Internal => fault.code("CMD-59"),
            Cause::TooLarge => fault.code("CMD-60"),
            _ => fault,
        }
    }

    /// Compares what was printed with what was expected.
    fn compare(&self, ran: &Ran, stdout: &str, cx: &Context) -> Vec<Output> {
        let mut outputs = Vec::new();
        let expect = &self.expect;
        if !expect.json.0.is_empty() {
            match serde_json::from_slice(ran.stdout.trim_ascii()) {
                Ok(document) => outputs.extend(self.compare_json(&document, cx)),
                Err(error) => outputs.push(Output {
                    subject: "stdout".to_owned(),
                    expected: "JSON".to_owned(),
                    actual: format!("not JSON: {error}"),
                    compared: Compared::Unusable,
                }),
            }
        }
        let text = |subject: &str, matcher: &Matcher, raw: &str, masked: &str| Output {
            subject: subject.to_owned(),
            expected: matcher.to_string(),
            actual: match matcher.check_text(Some(masked)) {
                Err(mismatch) => mismatch.actual,
                Ok(()) => format!("{} characters", raw.chars().count()),
            },
            compared: if matcher.check_text(Some(raw)).is_ok() {
                Compared::Fits
            } else {
                Compared::Differs
            },
        };
        if let Some(matcher) = &expect.stdout {
            let masked = cx.redactor.text(stdout);
            outputs.push(text("stdout", matcher, stdout, &masked));
        }
        if let Some(matcher) = &expect.stderr {
            let mut output = text("stderr", matcher, &ran.stderr, &ran.stderr);
            if ran.stderr_cut {
                output.compared = Compared::Unusable;
                "too long to be compared".clone_into(&mut output.actual);
            }
            outputs.push(output);
        }
        outputs
    }

    /// Compares a JSON document. What is shown of it comes from a masked copy: shortening a secret
    /// would hide it from being masked.
    fn compare_json(&self, document: &serde_json::Value, cx: &Context) -> Vec<Output> {
        let mut masked = document.clone();
        cx.redactor.json(&mut masked);
        let shown = self.expect.json.judge(&masked);
        let judged = self.expect.json.judge(document);
        let matchers = self.expect.json.0.iter().map(|(_, matcher)| matcher);
        judged
            .into_iter()
            .zip(shown)
            .zip(matchers)
            .map(|(((path, judged), (_, shown)), matcher)| Output {
                subject: path.to_string(),
                expected: matcher.to_string(),
                actual: match shown {
                    Ok(actual) | Err(Mismatch { actual, .. }) => actual,
                },
                compared: if judged.is_ok() {
                    Compared::Fits
                } else {
                    Compared::Differs
                },
            })
            .collect()
    }

    /// Judges how the program ended.
    fn judge_exit(&self, facts: &Facts) -> Finding {
        let default = Matcher::equals(0);
        let matcher = self.expect.exit.as_ref().unwrap_or(&default);
        let name = &facts.program;
        let complaint = last_line(&facts.stderr_tail)
            .or_else(|| last_line(&facts.stdout_tail))
            .unwrap_or("it said nothing");
        let Some(code) = facts.exit else {
            let signal = facts.signal.map_or_else(
                || "a signal".to_owned(),
                |signal| format!("signal {signal}"),
            );
            return Finding::fail(
                "CMD-56",
                "exit code",
                matcher.to_string(),
                format!("ended by {signal}"),
                format!("`{name}` was ended by {signal}: {complaint}"),
            );
        };
        if matcher.check(Some(&code.into())).is_ok() {
            return Finding::pass("exit code", matcher.to_string(), code.to_string());
        }
        let failure = SHELL_FAILURES
            .iter()
            .find(|(of_shell, _)| *of_shell == code && self.is_shell());
        if let Some((_, what)) = failure {
            return Finding::fail(
                "CMD-59",
                "exit code",
                matcher.to_string(),
                code.to_string(),
                format!("{what}: {complaint}"),
            )
            .as_unknown();
        }
        if let Some(what) = self.missing_part(facts) {
            return Finding::fail(
                "CMD-59",
                "exit code",
                matcher.to_string(),
                code.to_string(),
                format!("a part of `{name}` is not installed, so nothing was looked at: {what}"),
            )
            .as_unknown();
        }
        Finding::fail(
            "CMD-51",
            "exit code",
            matcher.to_string(),
            code.to_string(),
            format!("`{name}` exited with {code}: {complaint}"),
        )
    }

    /// The line in which a program says that the part of it that `argv` names is not installed.
    fn missing_part<'a>(&self, facts: &'a Facts) -> Option<&'a str> {
        if self.is_shell() {
            return None;
        }
        let name = self.argv.first()?.rsplit('/').next()?;
        let says = |line: &str| {
            MISSING_PARTS.iter().any(|(program, text)| {
                name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') == *program
                    && line.contains(text)
                    // A module that the program itself imports is missing for another reason.
                    && !line.contains("Error: ")
            })
        };
        facts
            .stderr_tail
            .lines()
            .map(str::trim)
            .find(|line| says(line))
    }
}

/// Judges one output.
fn judge_output(output: &Output) -> Finding {
    let Output {
        subject,
        expected,
        actual,
        compared,
    } = output;
    let code = match (subject.as_str(), compared) {
        (_, Compared::Fits) => return Finding::pass(subject, expected, actual),
        ("stdout", Compared::Differs) => "CMD-52",
        ("stderr", _) => "CMD-53",
        (_, Compared::Differs) => "CMD-54",
        (_, Compared::Unusable) => "CMD-55",
    };
    let message = format!("{subject} is {actual}, expected {expected}");
    let finding = Finding::fail(code, subject, expected, actual, message);
    if *compared == Compared::Unusable {
        finding.as_unknown()
    } else {
        finding
    }
}

/// The last `limit` bytes of a text, cut between characters.
fn end(text: &str, limit: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(limit));
    &text[from..]
}

/// What is kept of an output.
fn tail(text: &str) -> String {
    let kept = end(text, TAIL);
    if kept.len() < text.len() {
        format!("…{kept}")
    } else {
        kept.to_owned()
    }
}

/// The last line with something in it, shortened.
fn last_line(text: &str) -> Option<&str> {
    let line = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(cut(line.trim(), 300))
}

//! The engine with kinds that misbehave in every way a kind can.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;

use super::*;
use crate::environment::Environment;
use crate::kinds::{Planned, SpecProblem};
use crate::outcome::{Finding, Location};
use crate::profile::check::Check;
use crate::profile::node::Place;
use crate::redact::Redactor;

/// What a fake kind does when it looks.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Sees what it wants to see.
    Pass,
    /// Panics with the text of a secret in the message.
    Panic,
    /// Judges nothing at all.
    Nothing,
    /// Never ends, whatever its deadline is.
    Hang,
    /// Fails in a way that looking again does not help.
    Denied,
    /// Never ends the way another look might.
    Refused,
    /// A failure and a statement that nobody could judge.
    FailAndUnknown,
}

/// A kind of these tests.
#[derive(Debug)]
struct Fake {
    /// What it does.
    act: Act,
    /// Its impact.
    impact: Impact,
    /// How often it looked.
    looks: AtomicU32,
}

impl DynKind for Fake {
    fn impact(&self) -> Impact {
        self.impact
    }
    fn exhausting(&self) -> bool {
        false
    }
    fn hosts(&self) -> Vec<String> {
        vec!["host:1".to_owned()]
    }
    fn exclusive(&self) -> Option<String> {
        None
    }
    fn repeatable(&self) -> bool {
        true
    }
    fn problems(&self) -> Vec<SpecProblem> {
        Vec::new()
    }
    fn plan(&self) -> Vec<Planned> {
        Vec::new()
    }
    fn run<'a>(
        &'a self,
        cx: &'a Context,
        _judge: &'a JudgeContext,
    ) -> BoxFuture<'a, Result<Observed, Fault>> {
        Box::pin(async move {
            self.looks.fetch_add(1, Ordering::SeqCst);
            let pass = Finding::pass("x", "1", "1");
            let fail = Finding::fail("ASSERT-01", "x", "1", "2", "differs");
            let findings = match self.act {
                Act::Pass => vec![pass],
                Act::Nothing => Vec::new(),
                Act::FailAndUnknown => vec![fail.clone(), fail.as_unknown()],
                Act::Denied => return Err(Fault::new(Cause::Denied, "not for you")),
                Act::Refused => return Err(Fault::new(Cause::Refused, "nobody there")),
                Act::Hang => std::future::pending().await,
                Act::Panic => {
                    cx.redactor.add("canary-in-a-panic");
                    panic!("with canary-in-a-panic inside")
                }
            };
            Ok(Observed {
                facts: Value::Null,
                for_assert: Value::Null,
                findings,
            })
        })
    }
}

/// A step `id` that acts so; `more` are further fields of the check, as JSON.
fn step(id: &str, act: Act, more: &Value) -> Step {
    let mut fields = serde_json::json!({ "id": id });
    for (name, value) in more.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    Step {
        check: Check {
            fields: serde_json::from_value(fields).unwrap(),
            base_id: id.to_owned(),
            kind: "fake",
            spec: Some(Arc::new(Fake {
                act,
                impact: Impact::Normal,
                looks: AtomicU32::new(0),
            })),
            asserts: Vec::new(),
            inputs: Value::Null,
            skip: None,
            at: Place::default(),
            id_at: Place::default(),
            used_at: None,
            needs_at: Vec::new(),
        },
        location: Location {
            file: "p.yaml".to_owned(),
            line: 1,
            column: 1,
        },
        needs: Vec::new(),
        waiver: None,
        sign_offs: Arc::from([]),
    }
}

/// The results of these steps.
async fn results(steps: Vec<Step>) -> Vec<CheckResult> {
    let plan = Plan {
        profile: "p".to_owned(),
        target: None,
        steps,
    };
    let environment = Arc::new(Environment::default());
    let context = Context::template(Redactor::default(), environment, Timestamp::now()).unwrap();
    let limits = Limits {
        concurrency: 4,
        per_host: 4,
        deadline: None,
        allowed: Allowed::default(),
        fail_on: Severity::Medium,
    };
    run(&plan, &context, limits, |_| {}).await.results
}

#[tokio::test]
async fn a_panic_in_one_kind_is_that_checks_error_and_leaks_nothing() {
    let none = serde_json::json!({});
    let mut dependent = step("dependent", Act::Pass, &none);
    dependent.needs = vec![0];
    let steps = vec![
        step("bad", Act::Panic, &none),
        step("good", Act::Pass, &none),
        dependent,
    ];
    let results = results(steps).await;
    assert_eq!(results[0].verdict, Verdict::Error);
    assert_eq!(
        results[0].fault.as_ref().map(|fault| fault.cause),
        Some(Cause::Internal)
    );
    assert!(results[0].message.contains("with [redacted] inside"));
    assert!(!format!("{:?}", results[0]).contains("canary"));
    assert_eq!(results[1].verdict, Verdict::Pass);
    assert_eq!(
        results[2].skipped_because.as_deref(),
        Some("blocked by `bad`")
    );
}

#[tokio::test]
async fn what_judges_nothing_is_no_pass() {
    let results = results(vec![step("x", Act::Nothing, &serde_json::json!({}))]).await;
    assert_eq!(results[0].verdict, Verdict::Error);
}

#[tokio::test]
async fn a_kind_that_ignores_its_deadline_is_cut_off() {
    let begun = Instant::now();
    let short = serde_json::json!({ "timeout": "200ms" });
    let results = results(vec![step("short", Act::Hang, &short)]).await;
    for result in &results {
        let cause = result.fault.as_ref().map(|fault| fault.cause);
        assert_eq!(cause, Some(Cause::Timeout), "{}", result.id);
    }
    assert!((200..2_000).contains(&results[0].duration_ms));
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn pauses_between_attempts_grow_and_only_transient_faults_are_tried_again() {
    let retry = serde_json::json!({ "retry": { "attempts": 4, "delay": "50ms", "backoff": 2 } });
    let begun = Instant::now();
    let results = results(vec![
        step("refused", Act::Refused, &retry),
        step("denied", Act::Denied, &retry),
    ])
    .await;
    assert_eq!((results[0].attempts, results[1].attempts), (4, 1));
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(350) && took < Duration::from_secs(3),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_waiver_does_not_accept_what_nobody_could_judge() {
    let waived = |act| {
        let mut step = step("x", act, &serde_json::json!({}));
        step.waiver = Some(crate::profile::Waiver {
            check: "x".to_owned(),
            reason: "known".to_owned(),
            approved_by: "me".to_owned(),
            expires: jiff::civil::date(9999, 1, 1),
        });
        step
    };
    assert_eq!(
        results(vec![waived(Act::FailAndUnknown)]).await[0].verdict,
        Verdict::Fail
    );
    assert_eq!(
        results(vec![waived(Act::Denied)]).await[0].verdict,
        Verdict::Error
    );
    assert_eq!(
        results(vec![waived(Act::Pass)]).await[0].verdict,
        Verdict::Pass
    );
}

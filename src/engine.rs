//! The only concurrency: limits, deadlines, retries, dependencies, cancellation.
//!
//! Every step runs in a task of its own, so that a panic in one kind is that check's *error* and not
//! the end of the audit. Results come back in plan order, whatever finished first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::context::{Context, JudgeContext, timed_out};
use crate::kinds::{DynKind, Impact, Observed};
use crate::outcome::{Cause, CheckResult, Fault, Severity, Verdict};
use crate::pace::Waited;
use crate::plan::{Plan, Step};
use crate::verdict;

/// How long one observation may take when nobody says otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than a kind's own deadline, so that the kind can say what it was waiting for.
const GRACE: Duration = Duration::from_millis(250);
/// Pause between looks while waiting for a target.
const POLL: Duration = Duration::from_millis(250);

/// What the operator allowed besides reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed {
    /// Bursts and load.
    pub(crate) disruptive: bool,
    /// Running programs.
    pub(crate) command: bool,
}

/// Limits of an audit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Checks at once.
    pub(crate) concurrency: usize,
    /// Checks at once on one host.
    pub(crate) per_host: usize,
    /// Longest time for everything.
    pub(crate) deadline: Option<Duration>,
    /// What may be done.
    pub(crate) allowed: Allowed,
    /// From which severity a failure is red.
    pub(crate) fail_on: Severity,
}

/// What happens while an audit runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// A step began to look.
    Started(usize),
    /// A step is done.
    Finished(usize, &'a CheckResult),
}

/// What an audit gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// One result a step, in plan order.
    pub(crate) results: Vec<CheckResult>,
    /// Whether a signal ended it.
    pub(crate) interrupted: bool,
}

/// Limits shared by the tasks.
struct Gates {
    /// Checks at once.
    global: Arc<Semaphore>,
    /// Checks at once, by host.
    hosts: HashMap<String, Arc<Semaphore>>,
    /// Sessions of which there is one.
    sessions: HashMap<String, Arc<Semaphore>>,
    /// Size of each of `hosts`.
    per_host: u32,
}

/// How a step is doing, for those that need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Not done.
    Pending,
    /// Done, and whether those that need it may be looked at: it is green or does not apply.
    Done(bool),
}

/// Runs the plan. `context` is the template from which each step's own context is made.
pub(crate) async fn run(
    plan: &Plan,
    context: &Context,
    limits: Limits,
    mut on: impl FnMut(Event<'_>),
) -> Outcome {
    let steps: Vec<Arc<Step>> = plan.steps.iter().cloned().map(Arc::new).collect();
    let channels: Vec<_> = steps
        .iter()
        .map(|_| watch::channel(Progress::Pending))
        .collect();
    let receivers: Vec<_> = channels
        .iter()
        .map(|(_, receiver)| receiver.clone())
        .collect();
    let (started_tx, mut started_rx) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let mut index_of = HashMap::new();
    for (index, task) in tasks_of(&steps, &receivers, context, limits)
        .into_iter()
        .enumerate()
    {
        let started = started_tx.clone();
        let handle = tasks.spawn(async move {
            let on_start = || {
                let _receiver_gone = started.send(index);
            };
            (index, task.run(on_start).await)
        });
        index_of.insert(handle.id(), index);
    }
    drop(started_tx);
    let mut results: Vec<Option<CheckResult>> = steps.iter().map(|_| None).collect();
    let mut interrupted = false;
    let deadline = limits.deadline.map(|limit| Instant::now() + limit);
    let mut signal = std::pin::pin!(stop_signal());
    loop {
        tokio::select! {
            Some(index) = started_rx.recv() => on(Event::Started(index)),
            next = tasks.join_next_with_id() => {
                let (index, result) = match next {
                    None => break,
                    Some(Ok((_, (index, result)))) => (index, result),
                    Some(Err(error)) => {
                        let index = index_of.get(&error.id()).copied().unwrap_or_default();
                        (index, verdict::of_fault(&steps[index], panic_fault(error), 0, 1, &context.redactor))
                    }
                };
                // What does not apply says nothing against those that need it: they are looked at.
                let free = result.verdict.is_green() || steps[index].check.skip.is_some();
                let _no_receiver = channels[index].0.send(Progress::Done(free));
                on(Event::Finished(index, &result));
                results[index] = Some(result);
            }
            () = &mut signal => {
                interrupted = true;
                break;
            }
            () = until(deadline) => break,
        }
    }
    tasks.abort_all();
    let rest = || {
        if interrupted {
            Fault::new(
                Cause::Interrupted,
                "the audit was interrupted before this check was done",
            )
            .hint("run it again")
        } else {
            Fault::new(
                Cause::Deadline,
                "the audit ran out of time before this check was done",
            )
            .hint("raise `--deadline`, or select fewer checks with `--only`")
        }
    };
    let results = results
        .into_iter()
        .zip(&steps)
        .map(|(result, step)| {
            result.unwrap_or_else(|| verdict::of_fault(step, rest(), 0, 0, &context.redactor))
        })
        .collect();
    Outcome {
        results,
        interrupted,
    }
}

/// One task a step: what it needs, what it comes after, what it shares with the others.
fn tasks_of(
    steps: &[Arc<Step>],
    receivers: &[watch::Receiver<Progress>],
    context: &Context,
    limits: Limits,
) -> Vec<Task> {
    let gates = Arc::new(Gates::new(steps, limits));
    let stages = stages(steps);
    let before = |stage: Stage| -> Arc<[watch::Receiver<Progress>]> {
        let earlier = receivers.iter().zip(&stages).filter(|(_, s)| **s < stage);
        earlier.map(|(receiver, _)| receiver.clone()).collect()
    };
    let after = Stage::ALL.map(|stage| (stage, before(stage)));
    let needs = |step: &Step| {
        let needs = step.needs.iter();
        needs
            .map(|need| {
                (
                    steps[*need].check.fields.id.clone(),
                    receivers[*need].clone(),
                )
            })
            .collect()
    };
    steps
        .iter()
        .zip(&stages)
        .map(|(step, stage)| Task {
            step: Arc::clone(step),
            context: Context {
                check: step.check.fields.id.clone(),
                sign_offs: Arc::clone(&step.sign_offs),
                ..context.clone()
            },
            gates: Arc::clone(&gates),
            limits,
            needs: needs(step),
            after: after
                .iter()
                .find(|(of, _)| of == stage)
                .map_or_else(|| Arc::from([]), |(_, after)| Arc::clone(after)),
        })
        .collect()
}

/// Never, when there is no deadline.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C or a polite kill.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// When a step may run: after everything of the stages before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// At once.
    Calm,
    /// When nobody measures anything that it would disturb.
    Disruptive,
    /// Last: it may leave a target, and all that stands before the same limiter, refusing requests.
    Exhausting,
}

impl Stage {
    /// Every stage.
    const ALL: [Self; 3] = [Self::Calm, Self::Disruptive, Self::Exhausting];

    /// The stage of a step for its own sake.
    fn of(step: &Step) -> Self {
        match &step.check.spec {
            Some(spec) if spec.exhausting() => Self::Exhausting,
            Some(spec) if spec.impact() == Impact::Disruptive => Self::Disruptive,
            _ => Self::Calm,
        }
    }
}

/// The stage of each step: its own, or the latest of those that it needs.
fn stages(steps: &[Arc<Step>]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = steps.iter().map(|step| Stage::of(step)).collect();
    loop {
        let later: Vec<(usize, Stage)> = (0..steps.len())
            .filter_map(|index| {
                let latest = steps[index].needs.iter().map(|need| stages[*need]).max()?;
                (latest > stages[index]).then_some((index, latest))
            })
            .collect();
        if later.is_empty() {
            return stages;
        }
        for (index, stage) in later {
            stages[index] = stage;
        }
    }
}

/// The fault of a task that ended without a result.
fn panic_fault(error: tokio::task::JoinError) -> Fault {
    let message = match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned()),
        Err(_) => "the task was cancelled".to_owned(),
    };
    Fault::new(
        Cause::Internal,
        format!("readyctl itself failed here: {message}"),
    )
    .hint("this is a defect of readyctl: please report it with the profile")
}

impl Gates {
    /// Semaphores for every host and session of the plan.
    fn new(steps: &[Arc<Step>], limits: Limits) -> Self {
        let per_host = limits.per_host.max(1);
        let specs = || steps.iter().filter_map(|step| step.check.spec.as_ref());
        Self {
            global: Arc::new(Semaphore::new(limits.concurrency.max(1))),
            hosts: specs()
                .flat_map(|spec| spec.hosts())
                .map(|host| (host, Arc::new(Semaphore::new(per_host))))
                .collect(),
            sessions: specs()
                .filter_map(|spec| spec.exclusive())
                .map(|key| (key, Arc::new(Semaphore::new(1))))
                .collect(),
            per_host: u32::try_from(per_host).unwrap_or(u32::MAX),
        }
    }

    /// Waits for a turn: first the session, then the hosts in order, then a place among all.
    /// Everybody takes them in this order, so nobody waits in a circle.
    async fn enter(&self, spec: &dyn DynKind) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::new();
        if let Some(session) = spec
            .exclusive()
            .and_then(|key| self.sessions.get(&key).cloned())
        {
            permits.extend(session.acquire_owned().await);
        }
        let mut hosts = spec.hosts();
        hosts.sort();
        hosts.dedup();
        // A burst has its host to itself.
        let share = if spec.impact() == Impact::Disruptive {
            self.per_host
        } else {
            1
        };
        for host in hosts {
            if let Some(gate) = self.hosts.get(&host).cloned() {
                permits.extend(gate.acquire_many_owned(share).await);
            }
        }
        permits.extend(Arc::clone(&self.global).acquire_owned().await);
        permits
    }
}

/// One step on its way.
struct Task {
    /// The step.
    step: Arc<Step>,
    /// Its context; the deadline is set anew for each observation.
    context: Context,
    /// The limits it shares.
    gates: Arc<Gates>,
    /// The audit's limits.
    limits: Limits,
    /// Steps that must be green first, or not apply, by id.
    needs: Vec<(String, watch::Receiver<Progress>)>,
    /// Steps that must be done first, green or not.
    after: Arc<[watch::Receiver<Progress>]>,
}

impl Task {
    /// From waiting for others to a result.
    async fn run(mut self, started: impl Fn()) -> CheckResult {
        let redactor = self.context.redactor.clone();
        if let Some(reason) = &self.step.check.skip {
            return verdict::of_skip(&self.step, reason, &redactor);
        }
        let Some(spec) = self.step.check.spec.clone() else {
            return verdict::of_fault(
                &self.step,
                Fault::new(Cause::Internal, "this check was never decoded"),
                0,
                0,
                &redactor,
            );
        };
        if let Some(fault) = self.not_allowed(spec.impact()) {
            return verdict::of_fault(&self.step, fault, 0, 0, &redactor);
        }
        for (id, receiver) in &mut self.needs {
            if !done(receiver).await {
                return verdict::of_skip(&self.step, &format!("blocked by `{id}`"), &redactor);
            }
        }
        for receiver in self.after.iter() {
            done(&mut receiver.clone()).await;
        }
        let _permits = self.gates.enter(spec.as_ref()).await;
        started();
        let begun = Instant::now();
        let (result, attempts) = self.look(spec.as_ref()).await;
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(observed) => verdict::of_observation(
                &self.step,
                observed,
                self.limits.fail_on,
                self.context.now,
                (millis, attempts),
                &redactor,
            ),
            Err(fault) => verdict::of_fault(&self.step, fault, millis, attempts, &redactor),
        }
    }

    /// The fault of a check that the operator did not allow.
    fn not_allowed(&self, impact: Impact) -> Option<Fault> {
        let (word, what) = match impact {
            Impact::Disruptive if !self.limits.allowed.disruptive => {
                ("disruptive", "it sends bursts of requests")
            }
            Impact::Command if !self.limits.allowed.command => ("command", "it runs a program"),
            _ => return None,
        };
        Some(
            Fault::new(
                Cause::NotAllowed,
                format!("not looked at: {what}, which needs `--allow {word}`"),
            )
            .hint(format!(
                "add `--allow {word}`, or leave the check out with `--skip {}`",
                self.step.check.fields.id
            )),
        )
    }

    /// Looks, as often as `retry` and `wait_for` say. Gives the last look and how many there were.
    async fn look(&self, spec: &dyn DynKind) -> (Result<Observed, Fault>, u32) {
        let fields = &self.step.check.fields;
        let up_to = fields.wait_for.map(|limit| Instant::now() + limit.0);
        let mut attempts = 0;
        let mut delay = fields.retry.map_or(Duration::ZERO, |retry| retry.delay.0);
        loop {
            attempts += 1;
            let result = self.look_once(spec).await;
            let transient = matches!(&result, Err(fault) if fault.cause.is_transient());
            if let Some(retry) = fields
                .retry
                .filter(|retry| transient && attempts < retry.attempts && spec.repeatable())
            {
                tokio::time::sleep(delay).await;
                delay = delay
                    .mul_f64(retry.backoff.clamp(1.0, 10.0))
                    .min(Duration::from_secs(60));
                continue;
            }
            let green = matches!(&result, Ok(observed) if verdict::is_green(&observed.findings));
            match up_to {
                Some(limit) if !green && Instant::now() + POLL < limit => {
                    tokio::time::sleep(POLL).await;
                }
                Some(limit) if !green => {
                    return (
                        result.map_err(|fault| waited(fault, limit, fields.wait_for)),
                        attempts,
                    );
                }
                _ => return (result, attempts),
            }
        }
    }

    /// One observation within its deadline, and its assertions.
    async fn look_once(&self, spec: &dyn DynKind) -> Result<Observed, Fault> {
        let timeout = self
            .step
            .check
            .fields
            .timeout
            .map_or(DEFAULT_TIMEOUT, |timeout| timeout.0);
        let begun = Instant::now();
        let context = Context {
            deadline: begun + timeout,
            waited: Waited::default(),
            ..self.context.clone()
        };
        let judge = JudgeContext { now: context.now };
        let mut run = std::pin::pin!(spec.run(&context, &judge));
        let mut observed = loop {
            let end = context.end() + GRACE;
            match tokio::time::timeout_at(end, &mut run).await {
                Ok(result) => break result?,
                // It waited for a rate limiter meanwhile.
                Err(_) if context.end() + GRACE > end => {}
                Err(_) => return Err(timed_out("the target", begun.elapsed())),
            }
        };
        let check = &self.step.check;
        if !check.asserts.is_empty() {
            let variables = Map::from_iter([
                ("facts".to_owned(), observed.facts.clone()),
                (
                    check.kind.to_owned(),
                    std::mem::take(&mut observed.for_assert),
                ),
                ("inputs".to_owned(), check.inputs.clone()),
                (
                    "now".to_owned(),
                    Value::String(self.context.now.to_string()),
                ),
            ]);
            observed.findings.extend(
                check
                    .asserts
                    .iter()
                    .map(|expression| verdict::of_assertion(expression, &variables)),
            );
        }
        Ok(observed)
    }
}

/// Waits until a step is done; whether those that need it may be looked at.
async fn done(receiver: &mut watch::Receiver<Progress>) -> bool {
    match receiver
        .wait_for(|progress| *progress != Progress::Pending)
        .await
    {
        Ok(progress) => *progress == Progress::Done(true),
        Err(_) => false,
    }
}

/// Says which of the two words for time applied.
fn waited(fault: Fault, _limit: Instant, wait_for: Option<crate::expect::TimeSpan>) -> Fault {
    let waited = wait_for.unwrap_or_default();
    Fault {
        message: format!("{}; gave up after `wait_for: {waited}`", fault.message),
        ..fault
    }
}

/// A point in time for reports, RFC 3339, whole seconds, UTC.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether every result is as good as a pipeline needs.
pub(crate) fn counts(results: &[CheckResult]) -> crate::outcome::Counts {
    let verdicts: Vec<Verdict> = results.iter().map(|result| result.verdict).collect();
    crate::outcome::Counts::of(&verdicts)
}

#[cfg(test)]
mod tests;

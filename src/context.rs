//! What a kind may use while it looks, and while it judges.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::environment::Environment;
use crate::net::Http;
use crate::outcome::{Cause, Fault};
use crate::pace::{Pace, Waited};
use crate::profile::SignOff;
use crate::redact::Redactor;

/// Everything an observation may use. One a check; the parts behind `Arc` are shared by the audit.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Id of the check, for run ids and messages.
    pub(crate) check: String,
    /// When this observation must be over, but for the time it waits for rate limiters: [`Context::end`].
    pub(crate) deadline: Instant,
    /// How long it has waited for them.
    pub(crate) waited: Waited,
    /// Whom they refused; shared by the audit.
    pub(crate) pace: Pace,
    /// When the audit began: "now" for ages and expiries.
    pub(crate) now: Timestamp,
    /// Register every secret met while looking.
    pub(crate) redactor: Redactor,
    /// Variables of the audited environment: `--env-file` and the process.
    pub(crate) environment: Arc<Environment>,
    /// HTTP clients, one a set of TLS options.
    pub(crate) http: Http,
    /// PostgreSQL sessions, one a target.
    pub(crate) postgres: crate::postgres::Sessions,
    /// Folder against which relative paths are resolved: the working directory.
    pub(crate) folder: PathBuf,
    /// The sign-offs given for this check.
    pub(crate) sign_offs: Arc<[SignOff]>,
}

impl Context {
    /// The context from which those of the checks are made.
    ///
    /// # Errors
    /// When the working directory is gone.
    pub(crate) fn template(
        redactor: Redactor,
        environment: Arc<Environment>,
        now: Timestamp,
    ) -> std::io::Result<Self> {
        Ok(Self {
            check: String::new(),
            deadline: Instant::now(),
            waited: Waited::default(),
            pace: Pace::default(),
            now,
            redactor,
            environment,
            http: Http::default(),
            postgres: crate::postgres::Sessions::default(),
            folder: std::env::current_dir()?,
            sign_offs: Arc::from([]),
        })
    }

    /// When this observation must be over. Time spent in obeying a rate limiter is not the target's:
    /// it is added.
    pub(crate) fn end(&self) -> Instant {
        self.deadline + self.waited.time()
    }

    /// Time left for this observation; zero when it is over.
    pub(crate) fn remaining(&self) -> Duration {
        self.end().saturating_duration_since(Instant::now())
    }

    /// Waits for `future`, at most until the deadline of this observation.
    ///
    /// # Errors
    /// A timeout fault that names what was waited for: `what` finishes "no answer from …".
    pub(crate) async fn within<T>(
        &self,
        what: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        let started = Instant::now();
        let mut future = std::pin::pin!(future);
        loop {
            let end = self.end();
            match tokio::time::timeout_at(end, &mut future).await {
                Ok(value) => return Ok(value),
                Err(_) if self.end() > end => {}
                Err(_) => return Err(timed_out(what, started.elapsed())),
            }
        }
    }
}

/// The fault of a wait that ran into its deadline.
pub(crate) fn timed_out(what: &str, after: Duration) -> Fault {
    let after = crate::expect::TimeSpan(after);
    Fault::new(Cause::Timeout, format!("no answer from {what} within {after}"))
        .hint("see whether the target is up and reachable from here; `timeout:` of the check allows more time")
}

/// What judging may look at besides the facts.
#[derive(Clone, Debug)]
pub(crate) struct JudgeContext {
    /// When the audit began.
    pub(crate) now: Timestamp,
}

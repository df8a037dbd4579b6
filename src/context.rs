//! What a kind may use while it looks, and while it judges.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::environment::Environment;
use crate::net::Http;
use crate::outcome::{Cause, Fault};
use crate::profile::SignOff;
use crate::redact::Redactor;

/// Everything an observation may use. One a check; the parts behind `Arc` are shared by the audit.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Id of the check, for run ids and messages.
    pub(crate) check: String,
    /// When this observation must be over.
    pub(crate) deadline: Instant,
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
            now,
            redactor,
            environment,
            http: Http::default(),
            postgres: crate::postgres::Sessions::default(),
            folder: std::env::current_dir()?,
            sign_offs: Arc::from([]),
        })
    }

    /// Time left for this observation; zero when it is over.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
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
        tokio::time::timeout_at(self.deadline, future)
            .await
            .map_err(|_| timed_out(what, started.elapsed()))
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

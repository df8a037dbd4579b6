//! Sends a request with ids of its own and waits until the log tells of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::facts::ProbeSeen;
use super::source::{self, Log, get, parse};
use super::{Logs, Probe};
use crate::context::Context;
use crate::exchange::millis;
use crate::expect::{Ordered, Secret};
use crate::outcome::Fault;

/// How often the log is looked at.
const POLL: Duration = Duration::from_millis(500);
/// The most of the probe's answer that is read.
const MAX_ANSWER: u64 = 64 << 10;

/// How often the log is read at most.
pub(super) fn looks(probe: &Probe) -> u32 {
    u32::try_from(probe.wait.0.as_millis() / POLL.as_millis() + 2).unwrap_or(u32::MAX)
}

/// Sends the request and reads the log until it tells of it, or the time is over.
///
/// # Errors
/// When nobody answers, or the log cannot be read.
pub(super) async fn send_and_find(
    spec: &Logs,
    probe: &Probe,
    cx: &Context,
) -> Result<(Log, ProbeSeen), Fault> {
    let random = unique();
    let (trace, request) = (&random[..32], format!("readyctl-{}", &random[32..52]));
    let name = probe.header.as_deref().unwrap_or("X-Request-Id");
    let headers = Ordered(vec![
        (
            "traceparent".to_owned(),
            format!("00-{trace}-{}-01", &random[48..64]),
        ),
        (name.to_owned(), request.clone()),
    ]);
    // These ids are no secrets: they go out with a redactor of their own.
    let mut own = cx.clone();
    own.redactor = crate::redact::Redactor::default();
    let headers = Ordered(
        headers
            .0
            .into_iter()
            .map(|(name, value)| (name, Secret::new(value)))
            .collect(),
    );
    let answer = get(parse(&probe.url)?, &headers, MAX_ANSWER, &own).await?;
    let started = Instant::now();
    // A tenth is kept back, so that "not found" is told before the check's time is over.
    let patience = probe.wait.0.min(cx.remaining().mul_f64(0.9));
    loop {
        let log = source::read(spec, cx).await?;
        let found = log.text.contains(&request) || log.text.contains(trace);
        if found || started.elapsed() >= patience {
            let seen = ProbeSeen {
                status: answer.status,
                found,
                waited_ms: millis(started.elapsed()),
            };
            return Ok((log, seen));
        }
        sleep(POLL.min(patience.saturating_sub(started.elapsed()))).await;
    }
}

/// 64 hexadecimal digits that no other probe uses.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = format!(
        "{} {} {}",
        jiff::Timestamp::now().as_nanosecond(),
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    Sha256::digest(seed.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

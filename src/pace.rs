//! Patience with rate limiters. Who is told by a 429 when to come back comes back then, and nobody of
//! the audit is in the way meanwhile: a limiter that lets ten requests through at once must not look
//! like a service that is broken.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// Longest single wait that is obeyed. Windows of a minute are longer: there a refusal is told.
const LONGEST: Duration = Duration::from_secs(10);
/// Longest time that one observation waits for its turns, all taken together.
const IN_ALL: Duration = Duration::from_mins(2);
/// Refusals in a row after which an origin is not waited for any more: somebody else uses up its
/// allowance, or it lies.
const TRIES: u32 = 5;

/// How long an answer asks to wait, when that is short enough to be obeyed.
pub(crate) fn asked_wait(status: u16, retry_after: Option<&str>) -> Option<Duration> {
    if status != 429 {
        return None;
    }
    let seconds = retry_after?.trim().parse().ok()?;
    // A second is how `Retry-After` counts; 0 means at once, which a moment satisfies.
    let wait = Duration::from_secs(seconds).max(Duration::from_millis(100));
    (wait <= LONGEST).then_some(wait)
}

/// The origins that refused somebody of this audit. One for all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    /// By origin.
    queues: Arc<Mutex<HashMap<String, Arc<Queue>>>>,
}

/// Those who ask one origin, one after the other.
#[derive(Debug, Default)]
struct Queue {
    /// Who has it may send.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether waiting was of no use.
    hopeless: AtomicBool,
}

/// How long one observation has waited for its turns: that time is not the target's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waited(Arc<AtomicU64>);

impl Waited {
    /// The time so far.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed)).min(IN_ALL)
    }

    /// Counts time that began then.
    fn since(&self, begun: Instant) {
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// Whether there is patience left for as long as this.
    fn allows(&self, wait: Duration) -> bool {
        Duration::from_millis(self.0.load(Ordering::Relaxed)) + wait <= IN_ALL
    }
}

/// The requests of one exchange: the first, and those that repeat it because it was refused.
pub(crate) struct Turn<'a> {
    /// All queues.
    pace: &'a Pace,
    /// The time that waiting takes.
    waited: &'a Waited,
    /// The origin.
    origin: String,
    /// Its queue, when it ever refused somebody.
    queue: Option<Arc<Queue>>,
    /// Held while it is this exchange's turn.
    held: Option<OwnedMutexGuard<()>>,
    /// Refusals since then.
    refused: u32,
}

impl Pace {
    /// Waits for a turn, where there is a queue.
    pub(crate) async fn turn<'a>(&'a self, waited: &'a Waited, origin: &str) -> Turn<'a> {
        let known = self.queues.lock().ok();
        let queue = known.and_then(|queues| queues.get(origin).cloned());
        let mut turn = Turn {
            pace: self,
            waited,
            origin: origin.to_owned(),
            queue,
            held: None,
            refused: 0,
        };
        turn.stand_in_line().await;
        turn
    }

    /// The queue of an origin, made when it is the first refusal.
    fn queue(&self, origin: &str) -> Option<Arc<Queue>> {
        let mut queues = self.queues.lock().ok()?;
        Some(Arc::clone(queues.entry(origin.to_owned()).or_default()))
    }
}

impl Turn<'_> {
    /// Waits until nobody else is before this one, at most as long as there is patience.
    async fn stand_in_line(&mut self) {
        let Some(queue) = self.queue.clone().filter(|_| self.held.is_none()) else {
            return;
        };
        if queue.hopeless.load(Ordering::Relaxed) {
            return;
        }
        let begun = Instant::now();
        let left = IN_ALL.saturating_sub(self.waited.time());
        self.held = tokio::time::timeout(left, Arc::clone(&queue.turn).lock_owned())
            .await
            .ok();
        self.waited.since(begun);
    }

    /// Was refused and asked to wait as long as this. Whether the request is to be sent again now.
    pub(crate) async fn again(&mut self, wait: Duration) -> bool {
        if self.queue.is_none() {
            self.queue = self.pace.queue(&self.origin);
        }
        let hopeless = |queue: &Arc<Queue>| queue.hopeless.load(Ordering::Relaxed);
        if self.queue.as_ref().is_none_or(hopeless) || !self.waited.allows(wait) {
            return false;
        }
        let begun = Instant::now();
        self.stand_in_line().await;
        self.refused += 1;
        if self.refused > TRIES {
            if let Some(queue) = &self.queue {
                queue.hopeless.store(true, Ordering::Relaxed);
            }
            return false;
        }
        // While this one stood in line, others waited as the origin asks.
        let rest = wait.saturating_sub(begun.elapsed());
        let begun = Instant::now();
        tokio::time::sleep(rest).await;
        self.waited.since(begun);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_waits_are_obeyed() {
        for (status, header, wait) in [
            (429, Some("1"), Some(1_000)),
            (429, Some(" 10 "), Some(10_000)),
            (429, Some("0"), Some(100)),
            (429, Some("11"), None),
            (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
            (429, Some("-1"), None),
            (429, Some("99999999999999999999"), None),
            (429, None, None),
            (503, Some("1"), None),
            (200, Some("1"), None),
        ] {
            let expected = wait.map(Duration::from_millis);
            assert_eq!(asked_wait(status, header), expected, "{status} {header:?}");
        }
    }

    #[tokio::test]
    async fn patience_ends() {
        let (pace, waited) = (Pace::default(), Waited::default());
        let moment = Duration::from_millis(20);
        let mut turn = pace.turn(&waited, "http://a").await;
        for _ in 0..TRIES {
            assert!(turn.again(moment).await);
        }
        assert!(!turn.again(moment).await);
        drop(turn);
        // Nobody waits there any more, elsewhere one does.
        assert!(!pace.turn(&waited, "http://a").await.again(moment).await);
        assert!(waited.time() >= moment * TRIES);
        assert!(pace.turn(&waited, "http://b").await.again(moment).await);
        // All of it together has an end.
        waited.0.store(119_990, Ordering::Relaxed);
        assert!(!pace.turn(&waited, "http://b").await.again(moment).await);
        waited.0.store(1_000_000, Ordering::Relaxed);
        assert_eq!(waited.time(), IN_ALL);
    }

    #[tokio::test]
    async fn one_waits_and_the_others_stand_in_line() {
        let pace = Pace::default();
        let one = |millis: u64| {
            let pace = pace.clone();
            async move {
                let waited = Waited::default();
                let mut turn = pace.turn(&waited, "http://a").await;
                assert!(turn.again(Duration::from_millis(millis)).await);
                waited.time().as_millis()
            }
        };
        let (first, second) = tokio::join!(one(200), one(300));
        // It stood in line before it was refused itself, and that time counts.
        assert!((199..290).contains(&first), "{first}");
        assert!((499..700).contains(&second), "{second}");
    }
}

//! A token bucket per client: what the sample service limits requests with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests a client may send at once.
pub(super) const CAPACITY: u32 = 20;

/// How long an empty bucket takes to fill. Slow enough that a sluggish client still sees the limit,
/// fast enough that a second later there is room again.
pub(super) const WINDOW: Duration = Duration::from_secs(20);

/// Clients remembered at most; beyond that all are forgotten, as a bound on memory.
const MAX_CLIENTS: usize = 1_000;

/// The buckets of all clients.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// Client to bucket.
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// The state of one client.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Requests left; fractions while refilling.
    tokens: f64,
    /// When `tokens` was true.
    at: Instant,
}

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    /// Whether the request may pass.
    pub(super) allowed: bool,
    /// Requests left after this one.
    pub(super) remaining: u32,
    /// Whole seconds until there is more.
    pub(super) reset: u64,
}

impl Limiter {
    /// Takes one token of `client`, if it has one.
    pub(super) fn take(&self, client: &str, now: Instant) -> Quota {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CLIENTS && !buckets.contains_key(client) {
            buckets.clear();
        }
        let capacity = f64::from(CAPACITY);
        let rate = capacity / WINDOW.as_secs_f64();
        let bucket = buckets.entry(client.to_owned()).or_insert(Bucket {
            tokens: capacity,
            at: now,
        });
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * rate).min(capacity);
        bucket.at = now;
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        // The next token is at most a second away.
        Quota {
            allowed,
            remaining: (0..=CAPACITY)
                .rev()
                .find(|whole| f64::from(*whole) <= bucket.tokens)
                .unwrap_or(0),
            reset: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_its_burst_then_waits_then_goes_on() {
        let limiter = Limiter::default();
        let start = Instant::now();
        for left in (0..CAPACITY).rev() {
            let quota = limiter.take("a", start);
            assert!(quota.allowed && quota.remaining == left, "{quota:?}");
        }
        assert!(!limiter.take("a", start).allowed);
        assert!(limiter.take("b", start).allowed, "another client is free");
        let later = start + Duration::from_secs(limiter.take("a", start).reset);
        assert!(limiter.take("a", later).allowed);
    }
}

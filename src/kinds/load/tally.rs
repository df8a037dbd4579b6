//! Counting the answers of one declared request as they come.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Target;
use super::facts::Entry;
use super::series::Latencies;
use crate::exchange::{BodyEnd, Response};
use crate::expect::TimeSpan;
use crate::outcome::{Cause, Fault};

/// Addresses told apart.
const MAX_ADDRESSES: usize = 8;

/// One request that is over.
pub(super) struct Shot {
    /// Which of the declared ones.
    pub(super) entry: usize,
    /// When it was due.
    pub(super) due: Instant,
    /// When it was sent.
    pub(super) started: Instant,
    /// When it was over.
    pub(super) over: Instant,
    /// Whether the end of the check cut it short.
    pub(super) cut: bool,
    /// What came back.
    pub(super) answer: Result<Response, Fault>,
}

/// What the answer was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it should be.
    Success,
    /// Nothing, or not all of it, in the time allowed.
    Timeout,
    /// Something else, in a few words; the flag says whether it was a complete answer.
    Failure(String, bool),
}

impl Shot {
    /// What the answer was, in the eyes of this target.
    pub(super) fn kind(&self, target: &Target<'_>) -> Kind {
        match &self.answer {
            Err(fault) if fault.cause == Cause::Timeout => Kind::Timeout,
            Err(fault) => Kind::Failure(words(fault.cause).to_owned(), false),
            Ok(response) if !target.expect.accepts(response.status) => {
                Kind::Failure(format!("status {}", response.status), true)
            }
            Ok(response) => match &response.end {
                BodyEnd::Complete => Kind::Success,
                BodyEnd::Stalled => Kind::Timeout,
                BodyEnd::Capped => Kind::Failure("body too large to read".to_owned(), false),
                BodyEnd::Broken(_) => Kind::Failure("body broken off".to_owned(), false),
            },
        }
    }
}

/// A few words for a request that was not answered.
fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::Dns => "name not resolved",
        Cause::Refused => "connection refused",
        Cause::Unreachable => "connection broken",
        Cause::Tls => "TLS failed",
        _ => "no valid answer",
    }
}

/// Counters of one declared request.
pub(super) struct Tally {
    /// Numbers and words; the series are filled in at the end.
    entry: Entry,
    /// The declared times of shares.
    bounds: Vec<TimeSpan>,
    /// See [`Entry::alone`].
    alone: Latencies,
    /// See [`Entry::counted`].
    counted: Latencies,
    /// See [`Entry::answered`].
    answered: Latencies,
    /// See [`Entry::with_errors`].
    with_errors: Latencies,
    /// See [`Entry::service`].
    service: Latencies,
    /// See [`Entry::first_byte`].
    first_byte: Latencies,
    /// See [`Entry::addresses`].
    addresses: BTreeMap<String, Latencies>,
}

impl Tally {
    /// Nothing counted yet.
    pub(super) fn new(target: &Target<'_>) -> Self {
        let bounds: Vec<TimeSpan> = target.expect.shares().map(|(time, _)| time).collect();
        Self {
            entry: Entry {
                name: target.name.clone(),
                done: 0,
                ok: 0,
                failures: BTreeMap::new(),
                timeouts: 0,
                statuses: BTreeMap::new(),
                cold_ms: None,
                alone: super::series::Series::default(),
                counted: super::series::Series::default(),
                answered: super::series::Series::default(),
                with_errors: super::series::Series::default(),
                service: super::series::Series::default(),
                first_byte: super::series::Series::default(),
                within: vec![0; bounds.len()],
                groups: None,
                addresses: BTreeMap::new(),
                cached: 0,
                largest: 0,
            },
            bounds,
            alone: Latencies::new(),
            counted: Latencies::new(),
            answered: Latencies::new(),
            with_errors: Latencies::new(),
            service: Latencies::new(),
            first_byte: Latencies::new(),
            addresses: BTreeMap::new(),
        }
    }

    /// Takes a request of the warm-up.
    pub(super) fn warm(&mut self, shot: &Shot, target: &Target<'_>) {
        let took = shot.over.duration_since(shot.started);
        let cold = matches!(&shot.answer, Ok(response) if response.cold);
        if cold {
            self.entry.cold_ms = Some(took.as_secs_f64() * 1000.0);
        } else if shot.kind(target) == Kind::Success {
            self.alone.add(took);
        }
    }

    /// Takes a measured request; says whether it was a success.
    pub(super) fn take(&mut self, shot: &Shot, target: &Target<'_>, patience: Duration) -> bool {
        let since_due = shot.over.duration_since(shot.due);
        let took = shot.over.duration_since(shot.started);
        let kind = shot.kind(target);
        self.entry.done += 1;
        if let Ok(response) = &shot.answer {
            *self.entry.statuses.entry(response.status).or_default() += 1;
            let size = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
            self.entry.largest = self.entry.largest.max(size);
        }
        match &kind {
            Kind::Success => self.success(shot, since_due, took),
            Kind::Timeout => {
                self.entry.timeouts += 1;
                self.counted.add(since_due.max(patience));
                self.service.add(took.max(patience));
                self.with_errors.add(since_due.max(patience));
                *self.entry.failures.entry("timeout".to_owned()).or_default() += 1;
            }
            Kind::Failure(words, answered) => {
                if *answered {
                    self.with_errors.add(since_due);
                }
                *self.entry.failures.entry(words.clone()).or_default() += 1;
            }
        }
        kind == Kind::Success
    }

    /// Takes a success.
    fn success(&mut self, shot: &Shot, since_due: Duration, took: Duration) {
        self.entry.ok += 1;
        for latencies in [&mut self.counted, &mut self.answered, &mut self.with_errors] {
            latencies.add(since_due);
        }
        self.service.add(took);
        for (count, bound) in self.entry.within.iter_mut().zip(&self.bounds) {
            *count += u32::from(since_due <= bound.0);
        }
        let Ok(response) = &shot.answer else { return };
        let waited = shot.started.duration_since(shot.due);
        self.first_byte.add(waited + response.first_byte);
        self.entry.cached += u32::from(crate::kinds::rate_limit::from_cache(response));
        if let Some(address) = response.address {
            let address = address.to_string();
            if self.addresses.len() < MAX_ADDRESSES || self.addresses.contains_key(&address) {
                self.addresses
                    .entry(address)
                    .or_insert_with(Latencies::new)
                    .add(since_due);
            }
        }
    }

    /// Requests over so far, and those of them that failed.
    pub(super) fn so_far(&self) -> (u32, u32) {
        (self.entry.done, self.entry.failed())
    }

    /// What is known at the end.
    pub(super) fn into_entry(self) -> Entry {
        Entry {
            alone: self.alone.series(),
            counted: self.counted.series(),
            answered: self.answered.series(),
            with_errors: self.with_errors.series(),
            service: self.service.series(),
            first_byte: self.first_byte.series(),
            groups: self.answered.groups(),
            addresses: self
                .addresses
                .iter()
                .map(|(address, latencies)| (address.clone(), latencies.series().p50_ms))
                .collect(),
            ..self.entry
        }
    }
}

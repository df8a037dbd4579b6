//! What a measurement saw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::series::{Groups, Series};

/// What was sent, and what came back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Requests that were to be measured; `null` when only the duration was given.
    pub(super) planned: Option<u32>,
    /// Requests that were sent, the warm-up not counted.
    pub(super) sent: u32,
    /// Why it ended.
    pub(super) end: End,
    /// How long it took, the warm-up not counted, in milliseconds.
    pub(super) elapsed_ms: u64,
    /// Requests a second that were to be started; `null` when as many as possible were.
    pub(super) rate: Option<f64>,
    /// Requests a second that were started; `null` for fewer than two.
    pub(super) achieved_rate: Option<f64>,
    /// Successful answers a second.
    pub(super) throughput: f64,
    /// How late this program itself was: sending, and waking up.
    pub(super) lag: Series,
    /// Requests that started late because too many were under way.
    pub(super) held_back: u32,
    /// One entry a declared request.
    pub(super) entries: Vec<Entry>,
    /// Stretches in which requests failed.
    pub(super) outage: Outage,
    /// Memory before and after.
    pub(super) memory: Option<MemoryFacts>,
    /// The earlier run, by the name of the entry.
    pub(super) baseline: Option<BTreeMap<String, Series>>,
}

/// Why a measurement ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// Everything was sent and answered, or given up on.
    Complete,
    /// 429; the text is what `Retry-After` said.
    Limited(Option<String>),
    /// A firewall wants to know whether this is a browser; the text says which.
    Challenged(String),
    /// Too many errors to go on.
    Errors,
    /// The time of the check was over.
    Time,
    /// More bytes than this program is willing to read.
    Bytes,
}

/// What became of one declared request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// Requests that were answered or given up on.
    pub(super) done: u32,
    /// Answers that are no errors.
    pub(super) ok: u32,
    /// The others, by what was wrong with them.
    pub(super) failures: BTreeMap<String, u32>,
    /// The failures that are timeouts.
    pub(super) timeouts: u32,
    /// How often each status came.
    pub(super) statuses: BTreeMap<u16, u32>,
    /// The first request of all, connecting included, in milliseconds.
    pub(super) cold_ms: Option<f64>,
    /// One request at a time, before the run.
    pub(super) alone: Series,
    /// What is judged: successes and timeouts, from when each was to be sent to its last byte.
    pub(super) counted: Series,
    /// The same without the timeouts.
    pub(super) answered: Series,
    /// The same with answers that are errors.
    pub(super) with_errors: Series,
    /// `counted` from when each was really sent.
    pub(super) service: Series,
    /// Successes, from when each was to be sent to the headers.
    pub(super) first_byte: Series,
    /// Successes within each declared time, in the order declared.
    pub(super) within: Vec<u32>,
    /// The two groups, when the times of the successes form two.
    pub(super) groups: Option<Groups>,
    /// Median of the successes by the address that answered, in milliseconds.
    pub(super) addresses: BTreeMap<String, Option<f64>>,
    /// Successes of which a cache says that it answered.
    pub(super) cached: u32,
    /// Largest body, in bytes.
    pub(super) largest: u64,
}

impl Entry {
    /// Requests that failed.
    pub(super) fn failed(&self) -> u32 {
        self.done.saturating_sub(self.ok)
    }
}

/// Stretches of failed requests: from the start of the first that failed to that of the next that
/// did not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outage {
    /// How many.
    pub(super) count: u32,
    /// The longest, in milliseconds.
    pub(super) longest_ms: u64,
    /// When the longest began, in milliseconds from the start of the run.
    pub(super) began_ms: u64,
    /// Whether the last request failed too: nobody saw the end.
    pub(super) lasts: bool,
}

impl Outage {
    /// Finds the outages in requests in any order, each with the milliseconds of its start, in a run
    /// of `elapsed_ms`.
    pub(super) fn of(mut shots: Vec<(u64, bool)>, elapsed_ms: u64) -> Self {
        shots.sort_unstable();
        let mut outage = Self::default();
        let mut since: Option<u64> = None;
        let end = |outage: &mut Self, began: u64, at: u64| {
            // A lone failure is an outage too, however short.
            let length = at.saturating_sub(began).max(1);
            if length > outage.longest_ms {
                outage.longest_ms = length;
                outage.began_ms = began;
            }
        };
        for (at, ok) in shots {
            match (ok, since) {
                (false, None) => {
                    since = Some(at);
                    outage.count += 1;
                }
                (true, Some(began)) => {
                    end(&mut outage, began, at);
                    since = None;
                }
                _ => {}
            }
        }
        if let Some(began) = since {
            outage.lasts = true;
            end(&mut outage, began, elapsed_ms);
        }
        outage
    }
}

/// Memory of the service before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct MemoryFacts {
    /// Bytes after the warm-up.
    pub(super) before: f64,
    /// Bytes after the run; `null` when they could not be read.
    pub(super) after: Option<f64>,
    /// Why not.
    pub(super) trouble: Option<String>,
    /// Whether the process is another one than before.
    pub(super) restarted: bool,
}

//! Latencies as histograms, and what is kept of them: percentiles by nearest rank.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longest latency told apart from longer ones, in microseconds: ten minutes.
const LONGEST_US: u64 = 600_000_000;
/// Requests that it takes to see two groups.
pub(super) const GROUPS_NEED: u32 = 20;
/// Least share of requests that make a group.
const GROUP_SHARE: f64 = 0.1;
/// How many times slower the slow group is.
const GROUP_FACTOR: f64 = 2.5;
/// Least distance of two groups, in milliseconds.
const GROUP_GAP_MS: f64 = 20.0;

/// A percentile that may be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantile {
    /// The median.
    P50,
    /// 95 %.
    P95,
    /// 99 %.
    P99,
    /// 99.9 %.
    P999,
}

impl Quantile {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::P50, Self::P95, Self::P99, Self::P999];

    /// As a fraction.
    pub(super) fn fraction(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
            Self::P999 => 0.999,
        }
    }

    /// As written in YAML.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p999",
        }
    }

    /// Requests that it takes to speak of this percentile.
    pub(super) fn needed(self) -> u32 {
        needed(self.fraction())
    }
}

/// Requests that it takes so that the slowest exceeds the true percentile with 95 % confidence:
/// 1 - qⁿ is at least 0.95.
pub(super) fn needed(fraction: f64) -> u32 {
    if fraction <= 0.0 || fraction >= 1.0 {
        return 1;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturating"
    )]
    let n = (0.05_f64.ln() / fraction.ln()).ceil() as u32;
    n
}

/// What is kept of many latencies: enough to judge them again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Series {
    /// How many.
    pub(super) n: u64,
    /// Median, in milliseconds; `null` without any.
    pub(super) p50_ms: Option<f64>,
    /// 95th percentile.
    pub(super) p95_ms: Option<f64>,
    /// 99th percentile.
    pub(super) p99_ms: Option<f64>,
    /// 99.9th percentile.
    pub(super) p999_ms: Option<f64>,
    /// The longest.
    pub(super) max_ms: Option<f64>,
    /// Where p50, p95 and p99 lie with 95 % confidence.
    pub(super) confidence_ms: Vec<(f64, f64)>,
}

impl Series {
    /// A percentile, in milliseconds.
    pub(super) fn at(&self, quantile: Quantile) -> Option<f64> {
        match quantile {
            Quantile::P50 => self.p50_ms,
            Quantile::P95 => self.p95_ms,
            Quantile::P99 => self.p99_ms,
            Quantile::P999 => self.p999_ms,
        }
    }

    /// Where a percentile lies with 95 % confidence; `None` when there are too few to say so.
    pub(super) fn confidence(&self, quantile: Quantile) -> Option<(f64, f64)> {
        if self.n < u64::from(quantile.needed()) {
            return None;
        }
        let index = Quantile::ALL.iter().position(|other| *other == quantile)?;
        self.confidence_ms.get(index).copied()
    }
}

/// Two groups of latencies with nothing in between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Groups {
    /// Slowest of the fast group, in milliseconds.
    pub(super) fast_ms: f64,
    /// Fastest of the slow group, in milliseconds.
    pub(super) slow_ms: f64,
    /// Share of requests in the slow group.
    pub(super) slow_share: f64,
}

/// Latencies as they are collected, in memory that does not grow with their number.
#[derive(Debug)]
pub(super) struct Latencies(Option<Histogram<u32>>);

impl Latencies {
    /// None yet.
    pub(super) fn new() -> Self {
        // Three significant digits: an error of a thousandth at most.
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).ok())
    }

    /// Adds one.
    pub(super) fn add(&mut self, latency: std::time::Duration) {
        if let Some(histogram) = &mut self.0 {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US);
            histogram.saturating_record(micros.clamp(1, LONGEST_US));
        }
    }

    /// What is kept.
    pub(super) fn series(&self) -> Series {
        let Some(histogram) = self.0.as_ref().filter(|histogram| !histogram.is_empty()) else {
            return Series::default();
        };
        let n = histogram.len();
        let at = |quantile: Quantile| Some(at_rank(histogram, rank(n, quantile.fraction())));
        Series {
            n,
            p50_ms: at(Quantile::P50),
            p95_ms: at(Quantile::P95),
            p99_ms: at(Quantile::P99),
            p999_ms: at(Quantile::P999),
            max_ms: Some(at_rank(histogram, n)),
            confidence_ms: [Quantile::P50, Quantile::P95, Quantile::P99]
                .map(|quantile| {
                    let (low, high) = confidence_ranks(n, quantile.fraction());
                    (at_rank(histogram, low), at_rank(histogram, high))
                })
                .to_vec(),
        }
    }

    /// The two groups, if there are two.
    pub(super) fn groups(&self) -> Option<Groups> {
        let histogram = self.0.as_ref()?;
        let n = as_f64(histogram.len());
        let mut below = 0.0;
        let mut last: Option<f64> = None;
        let mut widest: Option<Groups> = None;
        for step in histogram.iter_recorded() {
            let here = as_f64(step.value_iterated_to()) / 1000.0;
            if let Some(fast) = last {
                let slow_share = 1.0 - below / n;
                let apart = here >= fast * GROUP_FACTOR && here - fast >= GROUP_GAP_MS;
                let both = (GROUP_SHARE..=1.0 - GROUP_SHARE).contains(&slow_share);
                let wider = widest
                    .as_ref()
                    .is_none_or(|found| here / fast > found.slow_ms / found.fast_ms);
                if apart && both && wider {
                    widest = Some(Groups {
                        fast_ms: fast,
                        slow_ms: here,
                        slow_share,
                    });
                }
            }
            below += as_f64(step.count_since_last_iteration());
            last = Some(here);
        }
        widest
    }
}

/// Counts and microseconds as numbers to compute with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and microseconds lie far below 2^53"
)]
pub(super) fn as_f64(n: u64) -> f64 {
    n as f64
}

/// The nearest rank of a fraction among `n`, from 1.
fn rank(n: u64, fraction: f64) -> u64 {
    super::share::Share(fraction).of(n).clamp(1, n.max(1))
}

/// The milliseconds at a rank.
fn at_rank(histogram: &Histogram<u32>, rank: u64) -> f64 {
    // In the middle of the rank, so that rounding cannot choose a neighbour.
    let fraction = (as_f64(rank) - 0.5) / as_f64(histogram.len().max(1));
    as_f64(histogram.value_at_quantile(fraction)) / 1000.0
}

/// Ranks between which the true percentile lies with 95 % confidence.
fn confidence_ranks(n: u64, fraction: f64) -> (u64, u64) {
    let spread = 1.96 * (as_f64(n) * fraction * (1.0 - fraction)).sqrt();
    let middle = as_f64(n) * fraction;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is clamped to the number of requests"
    )]
    let (low, high) = (
        (middle - spread).floor() as u64,
        (middle + spread).ceil() as u64 + 1,
    );
    (low.clamp(1, n.max(1)), high.clamp(1, n.max(1)))
}

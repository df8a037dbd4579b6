//! Counts what is read, and stops at limits.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{Broken, Limits, State, broken};
use crate::expect::ByteSize;

/// What all readers of one file counted together.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Bytes of the file.
    read: AtomicU64,
    /// Bytes that came out of the innermost compression.
    content: AtomicU64,
    /// Whether there was any compression.
    compressed: AtomicU64,
    /// Which limit stopped the reading. Kept here because decoders wrap or lose the error.
    tripped: Mutex<Option<(State, String)>>,
}

impl Tally {
    /// Bytes of the file read so far.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes of the innermost layer.
    pub(super) fn content(&self) -> u64 {
        if self.compressed.load(Ordering::Relaxed) == 0 {
            return self.read();
        }
        self.content.load(Ordering::Relaxed)
    }

    /// A further compression begins: what is counted inside it is the content.
    pub(super) fn restart_content(&self) {
        self.compressed.fetch_add(1, Ordering::Relaxed);
        self.content.store(0, Ordering::Relaxed);
    }

    /// Everything was read to the end: an error a reader reported for a limit no longer matters.
    pub(super) fn settle(&self) {
        if let Ok(mut tripped) = self.tripped.lock() {
            *tripped = None;
        }
    }

    /// The limit that stopped the reading, if one did.
    pub(super) fn tripped(&self) -> Option<(State, String)> {
        self.tripped.lock().ok().and_then(|tripped| tripped.clone())
    }

    /// Remembers the limit and makes the error.
    fn trip(&self, state: State, detail: String) -> io::Error {
        if let Ok(mut tripped) = self.tripped.lock() {
            tripped.get_or_insert((state, detail.clone()));
        }
        broken(state, detail)
    }
}

/// Which of the two counters a meter feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Bytes of the file.
    File,
    /// Bytes out of a compression; `usize` is how deep it stands.
    Content(u64),
}

/// A reader that counts and stops.
pub(super) struct Meter<R> {
    /// What is read.
    inner: R,
    /// How far reading may go.
    limits: Limits,
    /// Where the counts go.
    tally: Arc<Tally>,
    /// Which count.
    side: Side,
    /// Bytes that passed through this meter.
    passed: u64,
}

impl<R: Read> Meter<R> {
    /// Meters the file itself.
    pub(super) fn of_file(inner: R, limits: Limits, tally: Arc<Tally>) -> Self {
        Self {
            inner,
            limits,
            tally,
            side: Side::File,
            passed: 0,
        }
    }

    /// Meters what comes out of a compression.
    pub(super) fn of_content(inner: R, limits: Limits, tally: Arc<Tally>) -> Self {
        let depth = tally.compressed.load(Ordering::Relaxed);
        Self {
            inner,
            limits,
            tally,
            side: Side::Content(depth),
            passed: 0,
        }
    }

    /// The error of a limit that is reached.
    fn over_limit(&self) -> Option<io::Error> {
        if self.limits.stop.load(Ordering::Relaxed) {
            return Some(
                self.tally
                    .trip(State::Limit, "reading was stopped".to_owned()),
            );
        }
        if Instant::now() >= self.limits.until {
            return Some(self.tally.trip(
                State::Limit,
                format!(
                    "reading it took too long: {} were read",
                    ByteSize(self.tally.read())
                ),
            ));
        }
        let (limit, what) = match self.side {
            Side::File => (self.limits.bytes, "it is larger than"),
            Side::Content(_) => (self.limits.content, "its content is larger than"),
        };
        (self.passed > limit).then(|| {
            self.tally
                .trip(State::Limit, format!("{what} {}", ByteSize(limit)))
        })
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.over_limit() {
            return Err(error);
        }
        let count = self.inner.read(buffer).map_err(|error| {
            let known = error
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Broken>);
            if self.side == Side::File && !known && error.kind() != io::ErrorKind::Interrupted {
                // A disk that fails is not an archive that is broken.
                return self.tally.trip(State::Unreadable, error.to_string());
            }
            error
        })?;
        let counted = count as u64;
        self.passed = self.passed.saturating_add(counted);
        match self.side {
            Side::File => {
                self.tally.read.fetch_add(counted, Ordering::Relaxed);
            }
            // Outer compressions pass the bytes of the file inside them, not content.
            Side::Content(depth) if depth == self.tally.compressed.load(Ordering::Relaxed) => {
                self.tally.content.store(self.passed, Ordering::Relaxed);
            }
            Side::Content(_) => {}
        }
        Ok(count)
    }
}

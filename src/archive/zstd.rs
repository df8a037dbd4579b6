//! Zstandard: all frames, skippable ones too, each to its last block and against its checksum.

use std::io::{self, BufRead as _, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Layer, State, broken};

/// How a frame of data begins.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bytes decoded in one go.
const STEP: usize = 1 << 17;

/// Whether the bytes begin with a frame.
pub(super) fn is_start(head: &[u8]) -> bool {
    head.starts_with(&MAGIC) || is_skippable(head)
}

/// Frames for other data, which decoders pass over: `50 2A 4D 18` to `5F 2A 4D 18`.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// The content of all frames.
pub(super) struct Frames<'a> {
    /// The compressed bytes.
    input: Layer<'a>,
    /// The decoder, kept for its buffers.
    decoder: FrameDecoder,
    /// Whether a frame is open.
    open: bool,
    /// Checksum of the open frame's content so far.
    hash: Xxh64,
}

impl<'a> Frames<'a> {
    /// Decodes from the start.
    pub(super) fn new(input: Layer<'a>) -> Self {
        Self {
            input,
            decoder: FrameDecoder::new(),
            open: false,
            hash: Xxh64::default(),
        }
    }

    /// Opens the next frame; false at the end of the input.
    fn open_next(&mut self) -> io::Result<bool> {
        loop {
            let mut magic = Vec::with_capacity(4);
            self.input.by_ref().take(4).read_to_end(&mut magic)?;
            if magic.is_empty() {
                return Ok(false);
            }
            if magic.len() < 4 {
                return Err(broken(State::Truncated, "it ends inside a zstd frame mark"));
            }
            if is_skippable(&magic) {
                let mut length = [0_u8; 4];
                self.input.read_exact(&mut length)?;
                let length = u64::from(u32::from_le_bytes(length));
                let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
                if skipped < length {
                    return Err(broken(State::Truncated, "it ends inside a zstd frame"));
                }
                continue;
            }
            if magic != MAGIC {
                return Err(broken(
                    State::Corrupt,
                    "there are bytes after the last zstd frame",
                ));
            }
            let whole = MAGIC.as_slice().chain(&mut self.input);
            self.decoder.reset(whole).map_err(io::Error::other)?;
            self.open = true;
            self.hash = Xxh64::default();
            return Ok(true);
        }
    }

    /// Compares the checksum at the end of a frame.
    fn close(&mut self) -> io::Result<()> {
        self.open = false;
        match self.decoder.get_checksum_from_data() {
            Some(stated) if stated != self.hash.low_half() => Err(broken(
                State::Corrupt,
                "the checksum of a zstd frame is not that of its content",
            )),
            _ => Ok(()),
        }
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.open && !self.open_next()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                if self.input.fill_buf()?.is_empty() {
                    return Err(broken(State::Truncated, "it ends inside a zstd frame"));
                }
                self.decoder
                    .decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBytes(STEP))
                    .map_err(io::Error::other)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                self.hash.update(buffer.get(..count).unwrap_or_default());
                return Ok(count);
            }
            self.close()?;
        }
    }
}

/// XXH64 with seed 0, the checksum of zstd frames.
#[derive(Clone, Debug)]
struct Xxh64 {
    /// The four lanes.
    lanes: [u64; 4],
    /// Bytes that do not fill a stripe yet.
    rest: Vec<u8>,
    /// Bytes hashed.
    total: u64,
}

/// The algorithm's constants.
const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

impl Default for Xxh64 {
    fn default() -> Self {
        Self {
            lanes: [
                PRIMES[0].wrapping_add(PRIMES[1]),
                PRIMES[1],
                0,
                0_u64.wrapping_sub(PRIMES[0]),
            ],
            rest: Vec::with_capacity(32),
            total: 0,
        }
    }
}

/// One round of a lane.
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIMES[1]))
        .rotate_left(31)
        .wrapping_mul(PRIMES[0])
}

/// Eight bytes as a little-endian number; missing ones are zero.
fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

impl Xxh64 {
    /// Adds bytes.
    fn update(&mut self, mut bytes: &[u8]) {
        self.total = self.total.wrapping_add(bytes.len() as u64);
        if !self.rest.is_empty() {
            let wanted = (32 - self.rest.len()).min(bytes.len());
            let (first, others) = bytes.split_at(wanted);
            self.rest.extend_from_slice(first);
            bytes = others;
            if self.rest.len() == 32 {
                let stripe = std::mem::take(&mut self.rest);
                self.stripe(&stripe);
            }
        }
        let mut stripes = bytes.chunks_exact(32);
        for stripe in stripes.by_ref() {
            self.stripe(stripe);
        }
        self.rest.extend_from_slice(stripes.remainder());
    }

    /// Mixes 32 bytes.
    fn stripe(&mut self, stripe: &[u8]) {
        for (lane, bytes) in self.lanes.iter_mut().zip(stripe.chunks_exact(8)) {
            *lane = round(*lane, word(bytes));
        }
    }

    /// The lower 32 bits of the hash, which is what a frame stores.
    fn low_half(&self) -> u32 {
        let mut hash = if self.total >= 32 {
            let [a, b, c, d] = self.lanes;
            let mut hash = a
                .rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18));
            for lane in self.lanes {
                hash = (hash ^ round(0, lane))
                    .wrapping_mul(PRIMES[0])
                    .wrapping_add(PRIMES[3]);
            }
            hash
        } else {
            PRIMES[4]
        };
        hash = hash.wrapping_add(self.total);
        let mut words = self.rest.chunks_exact(8);
        for bytes in words.by_ref() {
            hash = (hash ^ round(0, word(bytes)))
                .rotate_left(27)
                .wrapping_mul(PRIMES[0])
                .wrapping_add(PRIMES[3]);
        }
        let mut rest = words.remainder();
        if let Some((four, others)) = rest.split_at_checked(4) {
            hash = (hash ^ word(four).wrapping_mul(PRIMES[0]))
                .rotate_left(23)
                .wrapping_mul(PRIMES[1])
                .wrapping_add(PRIMES[2]);
            rest = others;
        }
        for byte in rest {
            hash = (hash ^ u64::from(*byte).wrapping_mul(PRIMES[4]))
                .rotate_left(11)
                .wrapping_mul(PRIMES[0]);
        }
        hash = (hash ^ hash >> 33).wrapping_mul(PRIMES[1]);
        hash = (hash ^ hash >> 29).wrapping_mul(PRIMES[2]);
        hash ^= hash >> 32;
        let bytes = hash.to_le_bytes();
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

//! tar: every header's checksum, every member's length, and the blocks that end the archive.

use std::io::{self, Read};

use super::{State, broken};

/// Everything in a tar archive is a multiple of this.
const BLOCK: usize = 512;
/// A member's extended header may be this long; a real one has a few hundred bytes.
const MAX_EXTENDED: u64 = 1 << 20;

/// Whether the bytes begin with a tar header.
pub(super) fn is_start(head: &[u8]) -> bool {
    head.get(..BLOCK).is_some_and(|block| {
        block.iter().any(|byte| *byte != 0) && checksum_holds(block) && block[0] != 0
    })
}

/// Reads members up to the end mark; what follows it is padding.
pub(super) fn walk(input: &mut dyn Read) -> io::Result<()> {
    let mut members = 0_u64;
    let mut size_from_extension = None;
    loop {
        let mut block = [0_u8; BLOCK];
        let got = fill(input, &mut block)?;
        if got < BLOCK {
            let what = if got == 0 {
                format!("the end mark after {members} members is missing")
            } else {
                format!("it ends inside the header after {members} members")
            };
            return Err(broken(State::Truncated, what));
        }
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        if !checksum_holds(&block) {
            return Err(broken(
                State::Corrupt,
                format!("the header after {members} members has a wrong checksum"),
            ));
        }
        let kind = block[156];
        let stated = number(&block[124..136]).ok_or_else(|| {
            broken(
                State::Corrupt,
                format!("member {} states no length", members + 1),
            )
        })?;
        // A length in an extended header is that of the member which follows it.
        let size = match kind {
            b'x' | b'g' | b'L' | b'K' => stated,
            _ => size_from_extension.take().unwrap_or(stated),
        };
        if kind == b'x' {
            size_from_extension = extended_size(input, size)?;
        } else {
            skip(input, padded(size)?, members)?;
        }
        if !matches!(kind, b'x' | b'g' | b'L' | b'K') {
            members += 1;
        }
    }
    if members == 0 {
        return Err(broken(State::Empty, "the tar archive has no members"));
    }
    Ok(())
}

/// Reads as much as there is.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// A length rounded up to whole blocks.
fn padded(size: u64) -> io::Result<u64> {
    size.checked_next_multiple_of(BLOCK as u64)
        .ok_or_else(|| broken(State::Corrupt, "a member states an impossible length"))
}

/// Passes over a member's bytes.
fn skip(input: &mut dyn Read, bytes: u64, members: u64) -> io::Result<()> {
    let copied = io::copy(&mut input.take(bytes), &mut io::sink())?;
    if copied < bytes {
        return Err(broken(
            State::Truncated,
            format!("it ends inside member {}", members + 1),
        ));
    }
    Ok(())
}

/// The `size` record of a pax header.
fn extended_size(input: &mut dyn Read, size: u64) -> io::Result<Option<u64>> {
    if size > MAX_EXTENDED {
        return Err(broken(
            State::Corrupt,
            "an extended header is absurdly long",
        ));
    }
    let bytes = padded(size)?;
    let mut records = Vec::new();
    input.take(bytes).read_to_end(&mut records)?;
    if (records.len() as u64) < bytes {
        return Err(broken(
            State::Truncated,
            "it ends inside an extended header",
        ));
    }
    let text = String::from_utf8_lossy(&records);
    Ok(text.lines().find_map(|line| {
        let (_, record) = line.split_once(' ')?;
        record.strip_prefix("size=")?.parse().ok()
    }))
}

/// Whether the header's checksum is that of its bytes.
fn checksum_holds(block: &[u8]) -> bool {
    let Some(stated) = block.get(148..156).and_then(number) else {
        return false;
    };
    let sum = |signed: bool| -> i64 {
        block
            .iter()
            .take(BLOCK)
            .enumerate()
            .map(|(at, byte)| match at {
                148..156 => i64::from(b' '),
                // Some old programs summed signed bytes.
                _ if signed => i64::from(i8::from_ne_bytes([*byte])),
                _ => i64::from(*byte),
            })
            .sum()
    };
    i64::try_from(stated).is_ok_and(|stated| stated == sum(false) || stated == sum(true))
}

/// A number field: octal digits, or binary when its first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let mut value = u64::from(field[0] & 0x7f);
        for byte in &field[1..] {
            value = value.checked_mul(256)?.checked_add(u64::from(*byte))?;
        }
        return Some(value);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(|c| c == ' ' || c == '\0');
    if digits.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(digits, 8).ok()
}

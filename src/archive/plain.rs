//! Dumps as SQL: the line at the end that says the program got there.

use std::io::{self, Read};

use super::{State, broken};

/// What dumps begin with, somewhere in their first lines.
const STARTS: [&str; 4] = [
    "PostgreSQL database dump",
    "PostgreSQL database cluster dump",
    "-- MySQL dump",
    "-- MariaDB dump",
];
/// What the same programs write last.
const ENDS: [&str; 3] = [
    "-- PostgreSQL database dump complete",
    "-- PostgreSQL database cluster dump complete",
    "-- Dump completed",
];
/// The mark is not always the last line: newer versions write `\unrestrict TOKEN` after it.
const TAIL: usize = 1024;

/// Whether the bytes begin like a dump.
pub(super) fn is_start(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    STARTS.iter().any(|start| head.contains(start))
}

/// Reads to the end and looks for the mark in the last lines.
pub(super) fn walk(input: &mut dyn Read) -> io::Result<()> {
    let mut tail: Vec<u8> = Vec::with_capacity(TAIL * 2);
    let mut buffer = vec![0_u8; 1 << 16];
    let mut cluster = None;
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let chunk = buffer.get(..count).unwrap_or_default();
        if cluster.is_none() {
            let head = String::from_utf8_lossy(chunk.get(..TAIL).unwrap_or(chunk));
            cluster = Some(head.contains(STARTS[1]));
        }
        tail.extend_from_slice(chunk.get(count.saturating_sub(TAIL)..).unwrap_or(chunk));
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&tail);
    // A cluster dump holds database dumps, each with its own mark: only the outermost counts.
    let marked = match cluster {
        Some(true) => text.contains(ENDS[1]),
        _ => ENDS.iter().any(|end| text.contains(end)),
    };
    if marked {
        return Ok(());
    }
    Err(broken(
        State::NoMarker,
        "its last lines do not say that the dump is complete",
    ))
}

//! The readers against files of the real programs, whole and broken.

use std::io::{Cursor, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;

/// Limits nothing here reaches.
fn limits() -> Limits {
    Limits {
        bytes: 1 << 30,
        content: 1 << 30,
        until: Instant::now() + Duration::from_secs(60),
        stop: Arc::default(),
    }
}

/// The outcome for these bytes.
fn state(bytes: &[u8], format: Format) -> State {
    verify(Cursor::new(bytes), format, &limits()).state
}

/// Sends bytes through a program.
fn through(program: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    assert!(output.status.success());
    output.stdout
}

/// Text that compresses, but not to nothing.
fn text() -> Vec<u8> {
    let mut state = 1_u32;
    (0..60_000)
        .flat_map(|line| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("{line} {state:x}\n").into_bytes()
        })
        .collect()
}

#[test]
fn gzip_and_zstd_are_read_to_their_last_byte() {
    for (program, format) in [("gzip", Format::Gzip), ("zstd", Format::Zstd)] {
        let whole = through(program, &["-c"], &text());
        assert_eq!(state(&whole, Format::Auto), State::Complete, "{program}");
        assert_eq!(state(&whole, format), State::Complete, "{program}");
        for keep in [60, 90, 99] {
            let cut = &whole[..whole.len() * keep / 100];
            assert_eq!(state(cut, format), State::Truncated, "{program} {keep} %");
        }
        let cut = &whole[..whole.len() - 1];
        assert_eq!(state(cut, format), State::Truncated, "{program} last byte");
        for at in [whole.len() / 2, whole.len() - 3] {
            let mut bad = whole.clone();
            bad[at] ^= 0x55;
            assert_ne!(state(&bad, format), State::Complete, "{program} byte {at}");
        }
        let twice = [whole.clone(), whole].concat();
        assert_eq!(state(&twice, format), State::Complete, "{program} twice");
        let nothing = through(program, &["-c"], b"");
        assert_eq!(
            state(&nothing, format),
            State::Empty,
            "{program} of nothing"
        );
    }
}

#[test]
fn content_is_counted_inside_the_innermost_compression() {
    let text = text();
    let twice = through("zstd", &["-c"], &through("gzip", &["-c"], &text));
    let seen = verify(Cursor::new(&twice), Format::Auto, &limits());
    assert_eq!(seen.layers, ["zstd", "gzip"]);
    assert_eq!(
        (seen.content, seen.state),
        (text.len() as u64, State::Complete)
    );
}

#[test]
fn tar_needs_its_end_mark_and_sound_headers() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), text()).unwrap();
    std::fs::write(folder.path().join("b"), "small").unwrap();
    let path = folder.path().to_str().unwrap();
    for dialect in ["gnu", "pax", "ustar"] {
        let whole = through("tar", &["-cC", path, "-H", dialect, "a", "b"], b"");
        assert_eq!(state(&whole, Format::Tar), State::Complete, "{dialect}");
        assert_eq!(
            state(&whole[..whole.len() * 6 / 10], Format::Tar),
            State::Truncated
        );
        let end = whole.iter().rposition(|byte| *byte != 0).unwrap() / 512 * 512 + 512;
        assert_eq!(
            state(&whole[..end], Format::Tar),
            State::Truncated,
            "no end mark"
        );
        let zipped = through("gzip", &["-c"], &whole[..end]);
        assert_eq!(
            state(&zipped, Format::Auto),
            State::Truncated,
            "inside gzip"
        );
    }
    let empty = through("tar", &["-cT", "/dev/null"], b"");
    assert_ne!(state(&empty, Format::Tar), State::Complete);
}

#[test]
fn plain_dumps_need_their_mark_near_the_end() {
    let dump = |end: &str| format!("--\n-- PostgreSQL database dump\n--\n\nselect 1;\n{end}");
    let marked = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abcDEF\n\n";
    assert_eq!(
        state(dump(marked).as_bytes(), Format::Auto),
        State::Complete
    );
    assert_eq!(state(dump("").as_bytes(), Format::Auto), State::NoMarker);
    let long = dump(&format!("{marked}{}", "insert\n".repeat(1000)));
    assert_eq!(state(long.as_bytes(), Format::Auto), State::NoMarker);
    let cluster = format!("-- PostgreSQL database cluster dump\n{}", dump(marked));
    assert_eq!(state(cluster.as_bytes(), Format::Auto), State::NoMarker);
}

#[test]
fn other_and_unknown_formats_are_said() {
    let zipped = through("gzip", &["-c"], &text());
    assert_eq!(state(&zipped, Format::PgDumpCustom), State::OtherFormat);
    assert_eq!(state(b"something else", Format::Auto), State::Unrecognised);
    assert_eq!(state(b"", Format::Auto), State::Empty);
}

#[test]
fn limits_stop_the_reading() {
    let zipped = through("gzip", &["-c"], &text());
    for limits in [
        Limits {
            bytes: 10_000,
            ..limits()
        },
        Limits {
            content: 10_000,
            ..limits()
        },
        Limits {
            until: Instant::now(),
            ..limits()
        },
        Limits {
            stop: Arc::new(AtomicBool::new(true)),
            ..limits()
        },
    ] {
        let seen = verify(Cursor::new(&zipped), Format::Auto, &limits);
        assert_eq!(seen.state, State::Limit, "{seen:?}");
    }
}

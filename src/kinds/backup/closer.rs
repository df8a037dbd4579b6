//! Opinions on what reading the newest backup showed.

use super::facts::{Checksum, Closer, Item};
use super::judge::SeriesJudge;
use super::spec::Verify;
use crate::archive::{Integrity, State};
use crate::expect::ByteSize;
use crate::outcome::Finding;

/// Judges what was seen of the newest backup of a series.
pub(super) fn judge(judge: &SeriesJudge<'_>, newest: &Item, findings: &mut Vec<Finding>) {
    let closer = judge
        .facts
        .newest
        .iter()
        .find(|closer| closer.name == newest.name);
    let seen = closer.and_then(|closer| closer.integrity.as_ref());
    let asked = judge
        .expect
        .verify
        .is_some_and(|verify| verify != Verify::None);
    match seen {
        Some(seen) => findings.extend(integrity(judge, closer, seen, asked)),
        None if asked => findings.push(
            Finding::fail(
                "BAK-05",
                judge.subject("content"),
                "readable to its end",
                "not read",
                "the newest backup holds no archive of a known format, or was not read",
            )
            .as_unknown(),
        ),
        None => {}
    }
    if let Some(least) = judge.expect.min_content {
        findings.push(content(judge, seen, least));
    }
    if judge.expect.checksum {
        findings.push(checksum(judge, closer.and_then(|c| c.checksum.as_ref())));
    }
}

/// Judges whether the archive is whole.
fn integrity(
    judge: &SeriesJudge<'_>,
    closer: Option<&Closer>,
    seen: &Integrity,
    asked: bool,
) -> Option<Finding> {
    let subject = judge.subject("content");
    let wanted = "readable to its end".to_owned();
    let layers = seen.layers.join(" > ");
    let inside = closer
        .and_then(|closer| closer.file.as_deref())
        .map(|file| format!("{file}: "))
        .unwrap_or_default();
    let shown = if layers.is_empty() {
        format!("{inside}{}", seen.detail)
    } else {
        format!("{inside}{layers}, {}", seen.detail)
    };
    let fail = |code, message: &str| {
        Finding::fail(
            code,
            subject.clone(),
            wanted.clone(),
            shown.clone(),
            message,
        )
    };
    Some(match seen.state {
        State::Complete => Finding::pass(
            subject,
            wanted,
            format!("{layers}, {} read", ByteSize(seen.read)),
        ),
        State::Empty => fail("BAK-04", "the newest backup is a valid archive of nothing"),
        State::Truncated => fail("BAK-05", "the newest backup is cut off and cannot be restored whole"),
        State::Corrupt => fail("BAK-05", "the newest backup is corrupt"),
        State::OtherFormat => fail("BAK-05", "the newest backup is not of the expected format"),
        State::NoMarker => fail("BAK-06", "the dump was not written to its end"),
        // Nobody asked, so nothing is claimed.
        State::Unrecognised if !asked => return None,
        State::Limit if !asked => fail(
            "BAK-05",
            "the newest backup was not read to its end; raise `max_read` and the check's `timeout`, or write `verify: none` if something else reads it",
        )
        .as_warning(),
        State::Unrecognised if judge.expect.verify != Some(Verify::Auto) => {
            fail("BAK-05", "the newest backup is not of the expected format")
        }
        State::Unrecognised => fail("BAK-05", "the format of the newest backup is not known here").as_unknown(),
        State::Limit => fail(
            "BAK-05",
            "the newest backup could not be read to its end within the limits; raise `max_read` or the check's `timeout`",
        )
        .as_unknown(),
        State::Unreadable => fail("BAK-05", "the newest backup cannot be read").as_unknown(),
    })
}

/// Judges how much is inside.
fn content(judge: &SeriesJudge<'_>, seen: Option<&Integrity>, least: ByteSize) -> Finding {
    let subject = judge.subject("content size");
    let wanted = format!("at least {least}");
    match seen {
        Some(seen) if seen.content >= least.0 => {
            Finding::pass(subject, wanted, ByteSize(seen.content).to_string())
        }
        Some(seen) if matches!(seen.state, State::Limit | State::Unreadable) => Finding::fail(
            "BAK-04",
            subject,
            wanted,
            format!("{} read", ByteSize(seen.content)),
            "the newest backup was not read far enough to tell",
        )
        .as_unknown(),
        Some(seen) => Finding::fail(
            "BAK-04",
            subject,
            wanted,
            ByteSize(seen.content).to_string(),
            "there is too little inside the newest backup",
        ),
        None => Finding::fail(
            "BAK-04",
            subject,
            wanted,
            "unknown",
            "the newest backup was not read",
        )
        .as_unknown(),
    }
}

/// Judges the checksum file.
fn checksum(judge: &SeriesJudge<'_>, seen: Option<&Checksum>) -> Finding {
    let subject = judge.subject("checksum");
    let wanted = "matches the file next to it";
    match seen {
        Some(Checksum::Matches) => Finding::pass(subject, wanted, "matches"),
        Some(Checksum::Differs) => Finding::fail(
            "BAK-05",
            subject,
            wanted,
            "differs",
            "the newest backup is not what was written: its SHA-256 differs",
        ),
        Some(Checksum::Absent) => Finding::fail(
            "BAK-53",
            subject,
            wanted,
            "no checksum file",
            "nothing was written down to compare the newest backup with",
        ),
        Some(Checksum::Unreadable) => Finding::fail(
            "BAK-53",
            subject,
            wanted,
            "no usable checksum",
            "the checksum file, or the backup, cannot be read",
        )
        .as_unknown(),
        Some(Checksum::TooLarge) => Finding::fail(
            "BAK-53",
            subject,
            wanted,
            "too large to compare",
            "the newest backup is too large to compare within the limits; raise `max_read` or the check's `timeout`",
        )
        .as_unknown(),
        None => Finding::fail("BAK-53", subject, wanted, "not compared", "the newest backup was not compared")
            .as_unknown(),
    }
}

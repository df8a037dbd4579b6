//! The kind `report` on reports in the shape that the tools write.

mod coverage;
mod files;
mod load;
mod packs;
mod sbom;
mod scans;
mod tests;

use serde_json::{Value, json};

use crate::support::cli::{Readyctl, Run, audit_command};
use crate::support::verdicts::{assert_green, assert_red};

/// An audit of one check with this block, not run yet.
fn prepare(block: &Value) -> Readyctl {
    let check = json!({ "id": "r", "timeout": "20s", "report": block });
    audit_command(&json!({ "version": 1, "name": "t", "checks": [check] }).to_string())
}

/// An audit of one report with further fields of the block.
fn look(file: &str, content: impl AsRef<[u8]>, more: &Value) -> Run {
    prepare(&block(file, more)).file(file, content).run()
}

/// The block for a file with further fields.
fn block(file: &str, more: &Value) -> Value {
    let mut block = json!({ "path": file });
    for (key, value) in more.as_object().unwrap() {
        block[key] = value.clone();
    }
    block
}

/// Fails the test unless the check could not be judged, with this code.
#[track_caller]
fn assert_unknown(run: &Run, code: &str) {
    assert_red(run, "r", code);
    assert_eq!(run.verdict("r"), "error", "{run}");
    run.assert_exit(3);
}

/// Fails the test unless the check is advice, with this code.
#[track_caller]
fn assert_advice(run: &Run, code: &str) {
    assert_eq!(run.verdict("r"), "warn", "{run}");
    assert!(run.codes("r").contains(&code.to_owned()), "{run}");
}

/// Some moments ago, as RFC 3339.
fn ago(hours: i64) -> String {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

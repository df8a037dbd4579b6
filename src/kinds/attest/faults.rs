//! The faults of sign-offs.

use super::FaultDoc;

/// In the order of the catalogue.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "ATT-01",
        "not signed off",
        "Nobody took responsibility for a statement that no machine can judge.",
        "Have the named role verify the statement and record it with `readyctl sign`.",
    ),
    FaultDoc::caught(
        "ATT-02",
        "signature expired",
        "What was true when it was signed may not be true any more.",
        "Verify the statement again and renew the sign-off with `readyctl sign`.",
    ),
    FaultDoc::caught(
        "ATT-03",
        "signature dated in the future",
        "A date that has not come cannot be the day somebody verified something.",
        "Correct the date of the sign-off.",
    ),
    FaultDoc::caught(
        "ATT-04",
        "evidence missing",
        "A signature without evidence cannot be followed up, and words that any template holds are none.",
        "Sign again with `--evidence` and a link, a file or a commit.",
    ),
    FaultDoc::caught(
        "ATT-05",
        "signed for another commit",
        "Somebody looked at other code than what is released. A signature that names no commit is for none.",
        "Verify the released commit and sign with `--commit`.",
    ),
    FaultDoc::caught(
        "ATT-06",
        "evidence changed since it was signed",
        "The file is not the one that the person saw: what it says now was never signed.",
        "Look at what changed in the file, verify it and sign again.",
    ),
    FaultDoc::caught(
        "ATT-07",
        "evidence file is not there",
        "The signature rests on a file that nobody can read any more.",
        "Bring the file back (paths start at the working directory), or sign again with other evidence.",
    ),
    FaultDoc::caught(
        "ATT-08",
        "not signed by a person",
        "A placeholder of a template, or nothing, stands where a name belongs: nobody took responsibility.",
        "Put the name or handle of the person who verified the statement.",
    ),
    FaultDoc::caught(
        "ATT-09",
        "one person signed for several roles",
        "Several roles are asked because several people must look.",
        "Have each role signed for by another person.",
    ),
];

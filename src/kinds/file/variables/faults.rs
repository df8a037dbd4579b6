//! The catalogue of the section `variables`.

use super::super::super::FaultDoc;

/// Faults of variables.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "VAR-51",
        "code reads a variable that nobody documents",
        "Whoever deploys does not know of it, so that a default of the code decides.",
        "Add the variable to the example or the document, or name it under `ignore`.",
    ),
    FaultDoc::caught(
        "VAR-52",
        "documented variable that nothing reads",
        "People set it and believe that it does something.",
        "Remove it, or name it under `read_elsewhere` when a library reads it.",
    ),
    FaultDoc::caught(
        "VAR-53",
        "variables cannot be compared",
        "A source or document is missing or unreadable, or nothing was found in it: nothing is known.",
        "Correct the patterns, or let readyctl read the files.",
    ),
];

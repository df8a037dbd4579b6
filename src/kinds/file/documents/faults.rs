//! The catalogue of the section `documents`.

use super::super::super::FaultDoc;

/// Faults of documents.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "DOC-51",
        "required document is missing",
        "Whoever is on call has to find out everything alone.",
        "Write the document, or correct its path in the profile.",
    ),
    FaultDoc::caught(
        "DOC-52",
        "required section is missing",
        "The document exists, but does not speak about what it is needed for.",
        "Add the section under a heading of its own.",
    ),
    FaultDoc::caught(
        "DOC-53",
        "document or section without substance",
        "A heading with nothing or only TODO below it looks like documentation until somebody needs it.",
        "Write what a person has to do, with commands.",
    ),
    FaultDoc::caught(
        "DOC-54",
        "document is too old, or its age is not known",
        "Instructions that nobody reviews describe a system that no longer exists.",
        "Review the document and write the date of the review into it.",
    ),
    FaultDoc::caught(
        "DOC-55",
        "link leads nowhere",
        "Readers end at a missing page, usually in the middle of an outage.",
        "Correct the link or its anchor, or restore what it led to.",
    ),
    FaultDoc::caught(
        "DOC-56",
        "document is not linked from where people look",
        "A runbook that nobody finds is as good as none.",
        "Link it from the document that the finding names.",
    ),
    FaultDoc::caught(
        "DOC-57",
        "document does not say what it must",
        "A number, contact or decision that must be written down is not.",
        "Write it into the document.",
    ),
    FaultDoc::caught(
        "DOC-58",
        "no diagram",
        "The parts of a system and the way of its data are understood fastest from a drawing.",
        "Add a picture or a `mermaid` block.",
    ),
    FaultDoc::caught(
        "DOC-59",
        "document cannot be read",
        "Nothing is known about what it says: it is damaged, too large, not Markdown, or leads out of the repository.",
        "Each finding says what is in the way.",
    ),
];

//! The catalogue of the section `files`.

use super::super::super::FaultDoc;

/// Faults of single files.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "FILE-51",
        "required file is missing",
        "What the file is for does not happen, and nobody finds it when it is needed.",
        "Add the file, or correct the path in the profile.",
    ),
    FaultDoc::caught(
        "FILE-52",
        "file that must not be there",
        "Everybody with the repository has it: secrets, databases and backups do not belong there.",
        "Remove the file; what was secret in it must be changed, because history keeps it.",
    ),
    FaultDoc::caught(
        "FILE-53",
        "file is too old, or its age is not known",
        "What nobody looks after no longer describes what runs.",
        "Bring the file up to date, with its date.",
    ),
    FaultDoc::caught(
        "FILE-54",
        "file has not the expected size",
        "An empty or tiny file only looks like what it is named after; a huge one is often committed by mistake.",
        "Write the content, or remove what does not belong there.",
    ),
    FaultDoc::caught(
        "FILE-55",
        "file has the wrong permissions",
        "Others on the machine read a secret or change what is run; a script that is not executable does not start.",
        "chmod 600 for secrets, chmod +x for scripts.",
    ),
    FaultDoc::caught(
        "FILE-56",
        "text is not as expected",
        "Something that must stand in the file is missing, or something stands there that must not.",
        "Each finding names the pattern and the line.",
    ),
    FaultDoc::caught(
        "FILE-57",
        "value is not as expected",
        "The setting is missing or has another value than production needs.",
        "Each finding names the path inside the file.",
    ),
    FaultDoc::caught(
        "FILE-58",
        "file cannot be read",
        "Nothing is known about its content: it is damaged, of another format, too large, not text, or leads out of the repository.",
        "Each finding says what is in the way.",
    ),
];

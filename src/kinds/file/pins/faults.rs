//! The catalogue of the section `pins`.

use super::super::super::FaultDoc;

/// Faults of dependency files.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "DEP-51",
        "dependency is not pinned",
        "The next build takes another version than the one that was tested.",
        "Write one exact version (`name==1.2.3`), or compile the file with pip-compile or uv.",
    ),
    FaultDoc::caught(
        "DEP-52",
        "dependency file or its lock file is missing",
        "Every machine resolves the ranges anew and gets other versions.",
        "Create the lock file and commit it.",
    ),
    FaultDoc::caught(
        "DEP-53",
        "lock file is out of step",
        "A strict install fails, and any other one silently changes versions.",
        "Run the package manager's lock or install command and commit the result.",
    ),
    FaultDoc::caught(
        "DEP-54",
        "dependency without hash",
        "A package that was replaced in the index is installed without notice.",
        "Compile the file with hashes: pip-compile --generate-hashes.",
    ),
    FaultDoc::caught(
        "DEP-55",
        "dependency file cannot be read",
        "Nothing is known about its dependencies.",
        "Each finding says what is in the way.",
    ),
];

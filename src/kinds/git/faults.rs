//! The faults that the kind `git` finds.

use crate::kinds::FaultDoc;

/// In the order of their codes.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "GIT-51",
        "secret in a tracked file",
        "Everybody who can read the repository, a fork or an old clone can use it, and scanners find it within minutes once it is public.",
        "Revoke the secret and issue a new one, then take it out of the file. Removing the line alone leaves it in the history. A line that is harmless can be marked with `readyctl:allow`.",
    ),
    FaultDoc::caught(
        "GIT-52",
        "connection string with a password in a tracked file",
        "The address and the password together open the database or service to everybody with a clone.",
        "Change the password, read the connection string from the environment, and fail at the start when it is missing.",
    ),
    FaultDoc::caught(
        "GIT-53",
        "well-known credentials as a literal default",
        "When the variable is missing in production, the program starts all the same and tries a password that everybody knows; and a server that accepts it is open.",
        "Leave out the default, so that a missing variable stops the program. In documentation and tests such literals are no finding.",
    ),
    FaultDoc::caught(
        "GIT-54",
        "a file is committed that must not be",
        "Environment files and the like hold secrets sooner or later, and a commit cannot be taken back from clones.",
        "Run `git rm --cached FILE`, add it to .gitignore, and replace every secret that it held.",
    ),
    FaultDoc::caught(
        "GIT-55",
        "data is committed",
        "Databases and dumps hold personal data and password hashes, grow with every commit, and stay in the history.",
        "Remove the file, keep such data in backups, and rewrite the history when it held personal data.",
    ),
    FaultDoc::caught(
        "GIT-56",
        "a file that belongs in the repository is not in it",
        "A deployment from the repository lacks it, and nobody can tell what ran before.",
        "Add the file and commit it; see whether a .gitignore rule catches it.",
    ),
    FaultDoc::caught(
        "GIT-57",
        "a path is not ignored",
        "One `git add .` commits it.",
        "Add the path to the repository's .gitignore; rules in .git/info/exclude count on one machine only.",
    ),
    FaultDoc::caught(
        "GIT-58",
        "the working tree differs from the last commit",
        "What is built from it is in no commit: it can be neither reviewed nor built again.",
        "Commit the changes or discard them, and build from a fresh clone.",
    ),
    FaultDoc::caught(
        "GIT-59",
        "the last commit has not the expected tag",
        "A release without its tag cannot be found again.",
        "Tag the commit that is released, and fetch tags where the check runs.",
    ),
    FaultDoc::caught(
        "GIT-60",
        "a path has not kept up with another",
        "A checklist older than the pipeline it describes, or a schema older than its migrations, no longer says what is done.",
        "Go through the older file and commit what changed, or confirm it with a commit.",
    ),
    FaultDoc::caught(
        "GIT-61",
        "secret in the history",
        "It was removed from the file, not from the clones: whoever has the history has it.",
        "Revoke the secret. Rewriting the history helps against the next reader only.",
    ),
    FaultDoc::caught(
        "GIT-62",
        "the repository cannot be looked at",
        "No repository, a bare one, a shallow clone, or no git: then nothing is known, and nothing is green.",
        "Run readyctl in a full clone of the repository, where git is installed.",
    ),
    FaultDoc::caught(
        "GIT-63",
        "personal data in a tracked file",
        "Addresses and card numbers of real persons in a repository are a breach of their privacy.",
        "Replace them by made-up data: addresses under example.com, card numbers that processors publish for tests.",
    ),
];

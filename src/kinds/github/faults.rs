//! The faults of a repository on GitHub.

use crate::kinds::FaultDoc;

/// In the order of the catalogue.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "GH-51",
        "required check did not run",
        "Nobody looked: a renamed job or a path filter makes a check vanish without a word.",
        "Run the pipeline for this commit; correct the name of the check.",
    ),
    FaultDoc::caught(
        "GH-52",
        "required check failed",
        "The commit does not pass its own checks.",
        "Fix what the check found and release the commit that passes.",
    ),
    FaultDoc::caught(
        "GH-53",
        "required check says nothing",
        "Skipped, neutral, stale, cancelled or still running is not green: nothing was proven.",
        "Let the check run to its end for this commit.",
    ),
    FaultDoc::caught(
        "GH-54",
        "workflow not successful for the commit",
        "The newest run of the workflow for this commit failed, has not ended, or there is none.",
        "Run the workflow for the commit that is released, and see its log.",
    ),
    FaultDoc::caught(
        "GH-55",
        "branch not protected",
        "Anybody with write access changes what is released, with no review and no check.",
        "Protect the branch with a ruleset.",
    ),
    FaultDoc::caught(
        "GH-56",
        "checks not required",
        "A red pipeline does not keep a change out.",
        "Add the checks to `Require status checks to pass` of the branch.",
    ),
    FaultDoc::caught(
        "GH-57",
        "reviews not required",
        "One person alone changes what is released.",
        "Require approving reviews for the branch.",
    ),
    FaultDoc::caught(
        "GH-58",
        "protection can be walked around",
        "A force push rewrites what was reviewed, a deletion loses it, and rules that administrators pass over hold nobody.",
        "Block force pushes and deletions; allow nobody to bypass the rules.",
    ),
    FaultDoc::caught(
        "GH-59",
        "environment missing",
        "A workflow that names an environment that does not exist creates one without any protection.",
        "Create the environment with its rules before the first deployment.",
    ),
    FaultDoc::caught(
        "GH-60",
        "environment not protected",
        "Whoever can push a workflow can deploy.",
        "Set required reviewers and deployment branches for the environment.",
    ),
    FaultDoc::caught(
        "GH-61",
        "secret or variable missing",
        "A missing secret is an empty text to a workflow: the deployment fails late, or half.",
        "Add it under Settings, Secrets and variables, for this environment or repository.",
    ),
    FaultDoc::caught(
        "GH-62",
        "release missing",
        "What should be released is not there, is a draft, or is old.",
        "Publish the release.",
    ),
    FaultDoc::caught(
        "GH-63",
        "file of the release missing or incomplete",
        "Users cannot get it, or cannot tell whether it is whole.",
        "Upload the file again in the release workflow and see its log.",
    ),
    FaultDoc::caught(
        "GH-64",
        "scheduled workflow switched off",
        "GitHub disables schedules after 60 days without activity in a public repository; nothing fails, it just stops.",
        "Enable the workflow again.",
    ),
    FaultDoc::caught(
        "GH-65",
        "scheduled workflow does not run",
        "What should happen regularly has not happened for too long, or failed the last time.",
        "See the runs of the workflow and its `schedule` on the default branch.",
    ),
    FaultDoc::caught(
        "GH-66",
        "open security alerts",
        "Known weaknesses are being released.",
        "Fix or dismiss the alerts, with a reason.",
    ),
    FaultDoc::caught(
        "GH-67",
        "may not look",
        "The token has expired, lacks a permission, or the feature is off: nothing is known.",
        "Give the token read access to what is asked for, or switch the feature on.",
    ),
    FaultDoc::caught(
        "GH-68",
        "too many requests",
        "GitHub answers no more for now: nothing is known.",
        "Run again after the time given, or use a token with a higher limit.",
    ),
    FaultDoc::caught(
        "GH-69",
        "secret not rotated",
        "The longer a secret lives, the more places it has leaked to.",
        "Rotate the secret and set the new one.",
    ),
];

//! The faults of a project on GitLab.

use crate::kinds::FaultDoc;

/// In the order of the catalogue.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "GL-51",
        "no pipeline for the commit",
        "Nobody looked: rules that match nothing make a pipeline vanish without a word.",
        "Run the pipeline for this commit; see `workflow: rules:`.",
    ),
    FaultDoc::caught(
        "GL-52",
        "pipeline not successful",
        "The newest pipeline of the commit failed, was cancelled or skipped, waits for somebody, or still runs.",
        "See the pipeline's log and release the commit that passes.",
    ),
    FaultDoc::caught(
        "GL-53",
        "required job did not run",
        "A pipeline is green without the jobs that its rules left out.",
        "Correct the job's `rules:` or its name.",
    ),
    FaultDoc::caught(
        "GL-54",
        "required job not successful",
        "A job that may fail, is manual or was skipped leaves its pipeline green although it proved nothing.",
        "Run the job to its end, and take out `allow_failure`.",
    ),
    FaultDoc::caught(
        "GL-55",
        "branch not protected",
        "Every developer changes what is released, with no merge request and no pipeline.",
        "Protect the branch.",
    ),
    FaultDoc::caught(
        "GL-56",
        "protection can be walked around",
        "A direct push or a force push gets past review, and a merge without a successful pipeline past the tests.",
        "Allow nobody to push, no force push, and set `Pipelines must succeed`.",
    ),
    FaultDoc::caught(
        "GL-57",
        "environment missing or stopped",
        "What should be deployed there is not.",
        "Deploy to the environment, or correct its name.",
    ),
    FaultDoc::caught(
        "GL-58",
        "variable missing",
        "A missing variable is an empty text to a job: the deployment fails late, or half.",
        "Add it under Settings, CI/CD, Variables, for this environment.",
    ),
    FaultDoc::caught(
        "GL-59",
        "variable not masked or not protected",
        "Its value is printed in logs, or handed to the jobs of any branch.",
        "Mask and protect the variable.",
    ),
    FaultDoc::caught(
        "GL-60",
        "release missing or incomplete",
        "What should be released is not there, is old, or lacks a file.",
        "Publish the release with its assets.",
    ),
    FaultDoc::caught(
        "GL-61",
        "schedule switched off or missing",
        "GitLab switches a schedule off when its owner leaves or its branch goes; nothing fails, it just stops.",
        "Take over the schedule and activate it.",
    ),
    FaultDoc::caught(
        "GL-62",
        "scheduled pipeline does not run",
        "What should happen regularly has not happened for too long, or failed the last time.",
        "See the last pipelines of the schedule.",
    ),
    FaultDoc::caught(
        "GL-63",
        "may not look",
        "The token has expired, lacks a scope or a role: nothing is known.",
        "Use a token with `read_api` and, for variables, the role Maintainer.",
    ),
    FaultDoc::caught(
        "GL-64",
        "too many requests",
        "GitLab answers no more for now: nothing is known.",
        "Run again after the time given.",
    ),
];

//! The faults of workflows.

use super::super::super::FaultDoc;

/// In the order of their codes.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "CI-51",
        "step that cannot fail",
        "A test or scan behind `|| true`, `continue-on-error` or `allow_failure` is green whatever it finds.",
        "Let it fail, or name it under `tolerated` when it is no gate.",
    ),
    FaultDoc::caught(
        "CI-52",
        "step names a file that does not exist",
        "The step fails when it is needed, or was never run.",
        "Correct the path, or commit the file.",
    ),
    FaultDoc::caught(
        "CI-53",
        "deployment does not wait for a gate",
        "What has not been tested and scanned reaches production.",
        "Name the job in `needs`, and take away what lets the deployment run after its failure.",
    ),
    FaultDoc::caught(
        "CI-54",
        "no job deploys",
        "Releases are made by hand, each one differently.",
        "Add a job that deploys, or name it under `jobs`.",
    ),
    FaultDoc::caught(
        "CI-55",
        "action not pinned",
        "Branches and tags move: whoever takes over the action runs code with the job's secrets.",
        "Write the full SHA of a commit behind `@`.",
    ),
    FaultDoc::caught(
        "CI-56",
        "deployment without environment",
        "Only an environment has reviewers, branch rules and secrets of its own.",
        "Add `environment: production` to the job and protect that environment.",
    ),
    FaultDoc::caught(
        "CI-57",
        "token with too many permissions",
        "An action that was taken over could push code and publish packages.",
        "Write `permissions: { contents: read }` at the top, and more only where a job needs it.",
    ),
    FaultDoc::caught(
        "CI-58",
        "secret in a workflow",
        "Everybody with the repository or its history has it.",
        "Change the secret and store it with the system: `${{ secrets.NAME }}`.",
    ),
    FaultDoc::caught(
        "CI-59",
        "event starts nothing",
        "What should run by itself, a scan every night for example, never does.",
        "Add the event to `on`; a schedule needs `cron`.",
    ),
    FaultDoc::caught(
        "CI-60",
        "required command does not run",
        "What no step runs, or only one that cannot fail, guards nothing.",
        "Add a step that runs it and can fail.",
    ),
    FaultDoc::caught(
        "CI-61",
        "code of strangers runs with secrets",
        "`pull_request_target` has the secrets of the repository, and the code is anybody's.",
        "Use `pull_request`, or do not check out the head.",
    ),
    FaultDoc::caught(
        "CI-62",
        "text of strangers becomes a command",
        "Titles and branch names are put into the script before a shell reads it.",
        "Give it to the step as a variable under `env` and quote it.",
    ),
    FaultDoc::caught(
        "CI-63",
        "no gradual rollout",
        "A bad release reaches everybody at once.",
        "Deploy as canary or blue/green.",
    ),
    FaultDoc::caught(
        "CI-64",
        "no rollback step",
        "Nobody wants to find out how to go back while production is down.",
        "Add a step or workflow that brings the former release back.",
    ),
];

//! Sign-offs: what no machine can judge.

mod evidence;
mod faults;
mod head;
mod judge;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FaultDoc, Impact, Kind, Planned, SpecProblem, Statement};
use crate::context::{Context, JudgeContext};
use crate::expect::TimeSpan;
use crate::outcome::{Fault, Finding};
use crate::profile::SignOff;
use evidence::{Demand, Evidence};
pub(crate) use evidence::{Form, form, sum_of_file};
pub(crate) use head::head;

/// Requires that a person signed off what no machine can judge.
///
/// The signatures stand under `sign_offs:` of the profile, or in `NAME.signoffs.yaml` beside it
/// (`./.readyctl/NAME.signoffs.yaml` for a profile of the binary), bound to this check by its id.
/// `readyctl sign` writes them, `readyctl list sign-offs` shows what is due. An evidence file is read
/// again in every audit; a link is not opened. Whoever may change the file may sign: review it like
/// code.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attest {
    /// What is being signed: one sentence that is true or not.
    statement: String,
    /// Who must sign: every role listed must have a signature that counts. Empty means anyone.
    #[serde(default)]
    roles: Vec<String>,
    /// Whether every role must be signed for by another person.
    #[serde(default)]
    distinct: bool,
    /// How long a signature counts, unless it says a shorter time itself. Without it a signature
    /// that says none counts for ever.
    #[serde(default)]
    valid_for: Option<TimeSpan>,
    /// Whether each signature must point at evidence, and at which: `true` takes any (a ticket, a
    /// link, a file), `file` a file whose hash was recorded, `link` a URL, `commit` a commit.
    #[serde(default)]
    evidence: Demand,
    /// The commit that is released, as `${commit}`: each signature must be for it.
    #[serde(default)]
    commit: Option<String>,
    /// Folder of a Git repository: each signature must be for the commit that is checked out there.
    /// Committing a sign-off makes a new commit: with this, keep the sign-off file out of that
    /// repository, or give the commit that was looked at as `commit`.
    #[serde(default)]
    repo: Option<PathBuf>,
}

/// The signatures found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// As written, with what became of the evidence of each.
    sign_offs: Vec<Seen>,
    /// The commit that signatures must be for.
    commit: Option<String>,
}

/// A signature and its evidence today.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    /// As written.
    #[serde(flatten)]
    sign_off: SignOff,
    /// What the evidence is now.
    evidence_now: Evidence,
}

impl Kind for Attest {
    const NAME: &'static str = "attest";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Passive
    }

    fn statement(&self) -> Option<Statement> {
        Some(Statement {
            text: self.statement.clone(),
            roles: self.roles.clone(),
            valid_for: self.valid_for,
        })
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, message: &str, help: &str| {
            problems.push(SpecProblem::at(field, message, help));
        };
        if self.roles.iter().any(|role| role.trim().is_empty()) {
            wrong("roles", "a role has no name", "name it, or remove it");
        }
        let mut roles: Vec<String> = self.roles.iter().map(|r| r.trim().to_lowercase()).collect();
        roles.sort();
        roles.dedup();
        if roles.len() < self.roles.len() {
            wrong(
                "roles",
                "a role is named twice: one signature would count for both",
                "name each role once",
            );
        }
        if self.distinct && roles.len() < 2 {
            wrong(
                "distinct",
                "one role cannot be signed for by different people",
                "name two roles or more, or leave out `distinct`",
            );
        }
        if self
            .valid_for
            .is_some_and(|valid| valid.as_secs() < SECONDS_OF_A_DAY)
        {
            wrong(
                "valid_for",
                "a signature is dated by its day and counts for a day at least",
                "write days, for example `90d`",
            );
        }
        if self.commit.is_some() && self.repo.is_some() {
            wrong(
                "repo",
                "`commit` and `repo` both say which commit must be signed",
                "keep one of the two",
            );
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let mut planned = vec![
            Planned::once("read the profile's sign-offs"),
            Planned {
                what: "read an evidence file, at most 64 MiB".to_owned(),
                at_most: MAX_EVIDENCE_FILES,
            },
        ];
        if let Some(repo) = &self.repo {
            planned.push(Planned::once(format!(
                "read the checked-out commit of {}",
                repo.display()
            )));
        }
        planned
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let commit = match (&self.commit, &self.repo) {
            (Some(commit), _) => Some(commit.trim().to_lowercase()),
            (None, Some(repo)) => Some(head(&cx.folder.join(repo))?),
            (None, None) => None,
        };
        let sign_offs: Vec<SignOff> = cx.sign_offs.to_vec();
        let folder = cx.folder.clone();
        let until = std::time::Instant::now() + cx.remaining().mul_f32(0.9);
        // Files of a slow disk or a dead network mount must not hold up the other checks.
        let looking = tokio::task::spawn_blocking(move || {
            let mut budget = MAX_EVIDENCE_FILES;
            sign_offs
                .into_iter()
                .map(|sign_off| Seen {
                    evidence_now: evidence::look(&sign_off, &folder, until, &mut budget),
                    sign_off,
                })
                .collect::<Vec<_>>()
        });
        let sign_offs = cx
            .within("the evidence files", looking)
            .await?
            .map_err(|error| {
                Fault::new(
                    crate::outcome::Cause::Internal,
                    format!("the evidence was not read: {error}"),
                )
            })?;
        Ok(Facts { sign_offs, commit })
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }
}

/// Most evidence files one check reads.
const MAX_EVIDENCE_FILES: u32 = 50;
/// How long a day is.
const SECONDS_OF_A_DAY: u64 = 86_400;

#[cfg(test)]
mod tests;

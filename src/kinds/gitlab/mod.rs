//! GitLab: what ran for a commit, and what stands in the way of a mistake.

mod facts;
mod faults;
mod judge;
mod observe;
mod spec;

use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::outcome::{Fault, Finding};
pub(crate) use spec::Gitlab;

impl Kind for Gitlab {
    const NAME: &'static str = "gitlab";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = facts::Facts;

    fn hosts(&self) -> Vec<String> {
        url::Url::parse(&self.api_url)
            .ok()
            .and_then(|url| crate::net::host_key(&url))
            .into_iter()
            .collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        spec::problems(self)
    }

    fn plan(&self) -> Vec<Planned> {
        spec::plan(self)
    }

    async fn observe(&self, cx: &Context) -> Result<facts::Facts, Fault> {
        observe::observe(self, cx).await
    }

    fn judge(&self, facts: &facts::Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }
}

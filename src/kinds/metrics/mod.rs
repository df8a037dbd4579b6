//! A page of metrics: valid, complete, moving, bounded, and not public.

mod facts;
mod faults;
mod judge;
mod judge_page;
mod judge_process;
mod judge_values;
mod observe;
mod problems;
mod spec;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::auth::Auth;
use super::http::Switch;
use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{ByteSize, Ordered, TimeSpan};
use crate::exposition::Selector;
use crate::outcome::{Fault, Finding};

use facts::Facts;
pub(crate) use judge_values::number;
pub(crate) use spec::OnEmpty;
use spec::{
    Cardinality, FamilyRule, ProcessRule, QuantileRule, RatioRule, SampleRule, SecondScrape,
    VersionRule,
};

/// Scrapes a Prometheus or OpenMetrics endpoint as a collector would, and judges the page.
///
/// The page is always checked against the format, because a collector refuses all of it for one bad
/// line: syntax, types, duplicate series, histograms. Everything else is looked at when named. One
/// GET; a second one with `second_scrape`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    /// The page, `https://api.example.com/metrics`.
    url: String,
    /// Credentials to send.
    #[serde(default)]
    auth: Option<Auth>,
    /// A PEM file of certificate authorities trusted besides the system's; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Allows link-local addresses, where clouds keep their metadata services.
    #[serde(default)]
    allow_link_local: bool,
    /// Largest page that is read, after decompression; 8 MiB by default.
    #[serde(default = "spec::max_body")]
    max_body: ByteSize,
    /// Longest time until the page was read.
    #[serde(default)]
    max_latency: Option<TimeSpan>,
    /// Families that must have at least one series, by name. The same as in `families`, shorter.
    #[serde(default)]
    require: Vec<String>,
    /// Families by name, and what they must be: a type (`counter`, `gauge`, `histogram`,
    /// `summary`), `true` for any, or a mapping of rules.
    #[serde(default)]
    families: Ordered<Switch<FamilyRule>>,
    /// What single series must be.
    #[serde(default)]
    samples: Vec<SampleRule>,
    /// Quotients of two sums of series: error rate, hit rate, saturation.
    #[serde(default)]
    ratios: Vec<RatioRule>,
    /// How many observations of a histogram must be below a bound.
    #[serde(default)]
    quantiles: Vec<QuantileRule>,
    /// Scrapes again after a while: counters must move and never fall, memory must not grow.
    #[serde(default)]
    second_scrape: Option<SecondScrape>,
    /// The figures of the process itself: open descriptors, memory, uptime.
    #[serde(default)]
    process: Option<ProcessRule>,
    /// How many series there may be: `true`, or limits of one's own.
    #[serde(default)]
    cardinality: Switch<Cardinality>,
    /// Label values must hold no key, token, connection string or e-mail address.
    #[serde(default)]
    no_secrets: bool,
    /// Without credentials the page must not be given. With `auth` that is a second request; without
    /// `auth` it is all that this check looks at.
    #[serde(default)]
    refuses_anonymous: bool,
    /// The release that runs, from a label of a series like `app_build_info`.
    #[serde(default)]
    version: Option<VersionRule>,
}

impl Kind for Metrics {
    const NAME: &'static str = "metrics";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        Url::parse(&self.url)
            .ok()
            .and_then(|url| crate::net::host_key(&url))
            .into_iter()
            .collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::of(self)
    }

    fn plan(&self) -> Vec<Planned> {
        let mut plan = Vec::new();
        if !self.only_anonymous() {
            let scrapes = 1 + u32::from(self.second_scrape.is_some());
            plan.push(Planned {
                what: format!("GET {}", self.url),
                at_most: scrapes,
            });
        }
        if self.refuses_anonymous {
            plan.push(Planned::once(format!(
                "GET {} (without credentials)",
                self.url
            )));
        }
        let between = self
            .second_scrape
            .iter()
            .flat_map(|rule| rule.request.iter());
        plan.extend(between.map(|path| Planned::once(format!("GET {}", self.joined(path)))));
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        observe::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }
}

impl Metrics {
    /// Whether nothing but the refusal is looked at.
    fn only_anonymous(&self) -> bool {
        self.refuses_anonymous && self.auth.is_none()
    }

    /// A path of the same origin made absolute.
    fn joined(&self, path: &str) -> String {
        Url::parse(&self.url)
            .and_then(|base| base.join(path))
            .map_or_else(|_| path.to_owned(), String::from)
    }

    /// Every family that an expectation names, with its rule if it has one.
    fn named_families(&self) -> Vec<(&str, Option<&FamilyRule>)> {
        let listed = self.require.iter().map(|name| (name.as_str(), None));
        let ruled = self
            .families
            .iter()
            .map(|(name, rule)| (name, rule.0.as_ref()));
        listed.chain(ruled).collect()
    }

    /// Every selector whose values an expectation reads.
    fn selectors(&self) -> Vec<&Selector> {
        let samples = self.samples.iter().map(|rule| &rule.select);
        let ratios = self.ratios.iter().flat_map(|rule| [&rule.of, &rule.to]);
        let second = self.second_scrape.iter().flat_map(SecondScrape::selectors);
        let version = self.version.iter().map(|rule| &rule.select);
        samples.chain(ratios).chain(second).chain(version).collect()
    }
}

//! A Prometheus server: what it knows of the targets, and whether its alerts would reach anybody.

mod alertmanager;
mod api;
mod burn;
mod facts;
mod faults;
mod judge;
mod judge_alerts;
mod judge_queries;
mod judge_targets;
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
use crate::expect::TimeSpan;
use crate::exposition::Selector;
use crate::outcome::{Fault, Finding};

use facts::Facts;
use spec::{
    Alertmanager, Alerts, Ask, BucketRule, BurnRate, DeadMan, QueryRule, RulesRule, TargetsRule,
};

/// Asks a Prometheus server (or one with its API) and its Alertmanager: expressions, targets, rules,
/// alerts, burn rates of an error budget, retention.
///
/// Only GET requests to the HTTP API, two at a time. An expression that gives nothing, NaN or a
/// warning is never green by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promql {
    /// The server, `https://prometheus.internal:9090`, with its path prefix if it has one.
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
    /// Series that must exist now: `node_cpu_seconds_total`, `pg_up{job="postgres"}`.
    #[serde(default)]
    series: Vec<Selector>,
    /// Expressions, and what they must give.
    #[serde(default)]
    queries: Vec<QueryRule>,
    /// Targets that must be up and freshly scraped: `true` for all, or rules.
    #[serde(default)]
    targets: Switch<TargetsRule>,
    /// Rules must be loaded, healthy and evaluated: `true`, or more rules.
    #[serde(default)]
    rules: Switch<RulesRule>,
    /// Alerting rules that must exist, and alerts that must not fire.
    #[serde(default)]
    alerts: Option<Alerts>,
    /// Error budgets that must not burn too fast.
    #[serde(default)]
    burn_rate: Vec<BurnRate>,
    /// How long samples must be kept at least.
    #[serde(default)]
    retention: Option<TimeSpan>,
    /// Histograms that must have a bucket edge at a threshold.
    #[serde(default)]
    buckets: Vec<BucketRule>,
    /// How far the server's clock may be from that of this machine.
    #[serde(default)]
    max_clock_skew: Option<TimeSpan>,
    /// The Alertmanager that must be reachable and notify somebody.
    #[serde(default)]
    alertmanager: Option<Alertmanager>,
    /// An alert that always fires must be there, so that its absence can be noticed: `true` for the
    /// usual names (`Watchdog`, `DeadMansSwitch`), or its name.
    #[serde(default)]
    dead_mans_switch: Switch<DeadMan>,
}

impl Kind for Promql {
    const NAME: &'static str = "promql";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        let other = self
            .alertmanager
            .iter()
            .filter_map(|rule| rule.url.as_ref());
        let mut hosts: Vec<String> = std::iter::once(&self.url)
            .chain(other)
            .filter_map(|url| Url::parse(url).ok())
            .filter_map(|url| crate::net::host_key(&url))
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::of(self)
    }

    fn plan(&self) -> Vec<Planned> {
        let base = self.url.trim_end_matches('/');
        let mut plan: Vec<Planned> = self
            .asks()
            .iter()
            .map(|ask| {
                let path = if ask.range.is_some() {
                    "query_range"
                } else {
                    "query"
                };
                Planned::once(format!("GET {base}/api/v1/{path} {ask}"))
            })
            .collect();
        let parts = [
            ("targets", self.needs_targets()),
            ("rules", self.needs_rules()),
            ("status/runtimeinfo", self.needs_runtime()),
            ("alertmanagers", self.alertmanager.is_some()),
        ];
        plan.extend(
            parts
                .into_iter()
                .filter(|(_, needed)| *needed)
                .map(|(path, _)| Planned::once(format!("GET {base}/api/v1/{path}"))),
        );
        if let Some(url) = self
            .alertmanager
            .as_ref()
            .and_then(|rule| rule.url.as_ref())
        {
            let base = url.trim_end_matches('/');
            plan.extend(
                ["status", "receivers", "silences", "alerts"]
                    .map(|path| Planned::once(format!("GET {base}/api/v2/{path}"))),
            );
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        observe::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, _cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}

impl Promql {
    /// Every expression that an expectation needs, each once.
    fn asks(&self) -> Vec<Ask> {
        let mut asks: Vec<Ask> = Vec::new();
        if self.needs_time() {
            asks.push(Ask::instant("time()"));
        }
        asks.extend(self.series.iter().map(presence));
        for query in &self.queries {
            asks.push(query.ask());
            asks.extend(query.exists.iter().map(presence));
        }
        asks.extend(self.buckets.iter().map(BucketRule::ask));
        asks.extend(self.burn_rate.iter().flat_map(BurnRate::asks));
        let mut seen = std::collections::HashSet::new();
        asks.retain(|ask| seen.insert(ask.to_string()));
        asks
    }

    /// Whether the server's own time is needed, to tell ages without regard to our clock.
    fn needs_time(&self) -> bool {
        self.targets.0.is_some() || self.rules.0.is_some() || self.max_clock_skew.is_some()
    }

    /// Whether the list of targets is needed, for themselves or for the scrape interval.
    fn needs_targets(&self) -> bool {
        self.targets.0.is_some() || self.rules.0.is_some() || !self.windows().is_empty()
    }

    /// Whether the list of rules is needed.
    fn needs_rules(&self) -> bool {
        self.rules.0.is_some() || self.alerts.is_some() || self.dead_mans_switch.0.is_some()
    }

    /// Whether the state of the server is needed.
    fn needs_runtime(&self) -> bool {
        self.retention.is_some() || !self.burn_rate.is_empty() || self.rules.0.is_some()
    }

    /// Expressions of the profile that compute a rate over a window.
    fn windows(&self) -> Vec<(String, String)> {
        self.queries
            .iter()
            .map(|query| (query.title(), query.expr.clone()))
            .chain(self.burn_rate.iter().flat_map(BurnRate::shortest))
            .filter(|(_, expr)| judge_queries::rate_window(expr).is_some())
            .collect()
    }
}

/// Counts the series of a selector.
fn presence(selector: &Selector) -> Ask {
    Ask::instant(format!("count({selector})"))
}

//! Pages in a real browser: what a visitor would get.

mod budgets;
mod calls;
mod cdp;
mod facts;
mod faults;
mod judge;
mod launch;
mod page;
mod problems;
mod record;
mod spec;
#[cfg(test)]
mod tests;

use tokio::time::Instant;
use url::Url;

use super::dial::{Endpoint, connect};
use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::exchange::shown_url;
use crate::net::host_key;
use crate::outcome::{Cause, Fault, Finding};

use facts::Facts;
pub(crate) use spec::Browser;

impl Kind for Browser {
    const NAME: &'static str = "browser";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        // A page sends whatever it likes, and a browser takes a machine's memory.
        Impact::Disruptive
    }

    fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .visits()
            .iter()
            .filter_map(|visit| Url::parse(&visit.url).ok())
            .filter_map(|url| host_key(&url))
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    fn exclusive(&self) -> Option<String> {
        // One browser at a time, whatever it looks at.
        Some("browser".to_owned())
    }

    fn repeatable(&self) -> bool {
        !self.unsafe_steps
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::of(self)
    }

    fn plan(&self) -> Vec<Planned> {
        let mut plan: Vec<Planned> = self
            .hosts()
            .iter()
            .map(|host| Planned::once(format!("connect to {host} and hang up")))
            .collect();
        for visit in self.visits() {
            let url =
                Url::parse(&visit.url).map_or_else(|_| visit.url.clone(), |url| shown_url(&url));
            plan.push(Planned::once(format!("GET {url} in a browser")));
            plan.push(Planned {
                what: format!(
                    "requests that {} makes by itself, {} MiB in all",
                    visit.name,
                    record::MAX_BYTES >> 20
                ),
                at_most: u32::try_from(record::MAX_REQUESTS).unwrap_or(u32::MAX),
            });
            for step in visit.steps {
                let what = match (&step.click, &step.fill) {
                    (Some(selector), _) => format!("click `{selector}` on {}", visit.name),
                    (_, Some(selector)) => format!("type into `{selector}` on {}", visit.name),
                    _ => continue,
                };
                plan.push(Planned::once(what));
            }
            if let Some(folder) = &self.screenshots {
                plan.push(Planned::once(format!(
                    "write a picture of {} to {}",
                    visit.name,
                    folder.display()
                )));
            }
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        // A tenth is kept back for ending the browser and for telling what never came.
        let until = Instant::now() + cx.remaining().mul_f64(0.9);
        self.reach(cx).await?;
        let mut browser = launch::Browser::start(cx, until).await?;
        let looked = self.look(cx, &mut browser, until).await;
        let version = browser.version.clone();
        browser.end().await;
        let pages = looked?;
        let facts = Facts {
            browser: version,
            pages,
        };
        match unreachable(&facts) {
            Some(fault) => Err(fault),
            None => Ok(facts),
        }
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}

impl Browser {
    /// Connects once to each host, because a refused connection needs no browser to be told. Where a
    /// proxy is between, only the browser can tell.
    async fn reach(&self, cx: &Context) -> Result<(), Fault> {
        let proxied = ["http_proxy", "https_proxy", "all_proxy"]
            .iter()
            .any(|name| {
                let set = |name: &str| {
                    cx.environment
                        .get(name)
                        .is_some_and(|value| !value.is_empty())
                };
                set(name) || set(&name.to_uppercase())
            });
        for host in self.hosts() {
            let endpoint = Endpoint::parse(&host, None).ok_or_else(|| {
                Fault::new(Cause::Unparseable, format!("{host} is no host and port"))
            })?;
            if !proxied {
                drop(connect(cx, &endpoint).await?);
            }
        }
        Ok(())
    }

    /// Visits the pages, each with its share of the time that is left.
    async fn look(
        &self,
        cx: &Context,
        browser: &mut launch::Browser,
        until: Instant,
    ) -> Result<Vec<facts::PageFacts>, Fault> {
        let visits = self.visits();
        let mut pages = Vec::new();
        for (at, visit) in visits.iter().enumerate() {
            let left = u32::try_from(visits.len() - at).unwrap_or(u32::MAX);
            let share = until.saturating_duration_since(Instant::now()) / left;
            let full = share >= self.max_wait.0;
            let end = Instant::now() + share.min(self.max_wait.0);
            pages.push(page::visit(self, visit, browser, end, full, cx).await?);
        }
        Ok(pages)
    }
}

/// The fault when not one page could be reached: nothing is known of any.
fn unreachable(facts: &Facts) -> Option<Fault> {
    let first = facts.pages.first()?;
    let error = first.error.as_deref()?;
    let all = facts
        .pages
        .iter()
        .all(|page| page.error.as_deref().is_some_and(judge::is_network));
    let cause = match error {
        _ if !all => return None,
        "net::ERR_NAME_NOT_RESOLVED" => Cause::Dns,
        "net::ERR_CONNECTION_REFUSED" => Cause::Refused,
        "net::ERR_TIMED_OUT" | "net::ERR_CONNECTION_TIMED_OUT" => Cause::Timeout,
        _ if error.contains("CERT") || error.contains("SSL") => Cause::Tls,
        _ => Cause::Unreachable,
    };
    let fault = Fault::new(
        cause,
        format!("the browser cannot open {}: {error}", first.url),
    );
    Some(match cause {
        Cause::Tls => fault.hint(
            "the browser trusts public authorities only; see the certificate with a `tls` check",
        ),
        _ => fault.hint("see whether the target is up and reachable from here"),
    })
}

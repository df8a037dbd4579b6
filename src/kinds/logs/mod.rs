//! Logs: their structure, their freshness, what they must not say, and whether a request is found again.

mod digest;
mod facts;
mod faults;
mod judge;
mod line;
mod probe;
mod source;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use self::facts::Facts;
use self::line::Level;
use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::exchange::shown_url;
use crate::expect::{ByteSize, Ordered, Pattern, Secret, TimeSpan};
use crate::net::host_key;
use crate::outcome::{Fault, Finding};

/// Requires that a log is structured, fresh and free of secrets.
///
/// Name one source. At most `max_bytes` of it are read, from the end; no line of it is ever shown,
/// only rule, line and column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logs {
    /// A file.
    #[serde(default)]
    file: Option<FileSource>,
    /// A program that prints the log: `docker logs`, `kubectl logs`, `journalctl`.
    #[serde(default)]
    command: Option<CommandSource>,
    /// A Loki server.
    #[serde(default)]
    loki: Option<LokiSource>,
    /// An address that answers with the log as text.
    #[serde(default)]
    http: Option<HttpSource>,
    /// How much is read at most; default 4 MiB, up to 64 MiB.
    #[serde(default = "four_mebibytes")]
    max_bytes: ByteSize,
    /// What is expected.
    #[serde(default)]
    expect: Expect,
    /// A request whose id must be found in the log.
    #[serde(default)]
    probe: Option<Probe>,
}

/// Default of `max_bytes`.
fn four_mebibytes() -> ByteSize {
    ByteSize(4 << 20)
}

/// A log file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileSource {
    /// The file.
    path: PathBuf,
    /// How many rotated neighbours (`app.log.1`, `app.log.2.gz`) are read as well, 0 to 20.
    #[serde(default)]
    rotated: u32,
}

/// A program that prints a log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandSource {
    /// Program and arguments; no shell.
    argv: Vec<String>,
    /// Its folder; the working directory by default.
    #[serde(default)]
    cwd: Option<PathBuf>,
    /// Its variables besides `PATH` and `HOME`.
    #[serde(default)]
    env: Ordered<Secret>,
}

/// A Loki server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LokiSource {
    /// Its address: `http://loki:3100`.
    url: String,
    /// The LogQL query: `{app="api"}`.
    query: String,
    /// How far back; default 1h.
    #[serde(default = "one_hour")]
    since: TimeSpan,
    /// Lines that are asked for at most; default 1000.
    #[serde(default = "thousand")]
    limit: u32,
    /// Request headers: `Authorization`, `X-Scope-OrgID`.
    #[serde(default)]
    headers: Ordered<Secret>,
}

/// Default of `since`.
fn one_hour() -> TimeSpan {
    TimeSpan::seconds(3600)
}

/// Default of `limit`.
fn thousand() -> u32 {
    1000
}

/// An address that answers with a log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpSource {
    /// The address.
    url: String,
    /// Request headers.
    #[serde(default)]
    headers: Ordered<Secret>,
}

/// What is expected of the log.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Least share of lines that are JSON objects, in percent.
    #[serde(default)]
    structured: Option<f64>,
    /// Fields that every JSON line must have, not empty; `a|b` for either: `request_id|trace_id`.
    #[serde(default)]
    fields: Vec<String>,
    /// Every line has a time with a zone, none lies in the future, and they are in order.
    #[serde(default)]
    timestamps: bool,
    /// How far a clock may be ahead, and how far lines may be out of order; default 1m.
    #[serde(default)]
    max_skew: Option<TimeSpan>,
    /// No line has a lower level than this: `info` forbids `debug` and `trace`.
    #[serde(default)]
    min_level: Option<Level>,
    /// The newest line may be so old.
    #[serde(default)]
    max_age: Option<TimeSpan>,
    /// Largest share of lines with the level `error` or above, in percent; lines without a level do
    /// not count.
    #[serde(default)]
    max_errors: Option<f64>,
    /// Messages that must not be there: warnings at the start, stack traces.
    #[serde(default)]
    forbid: Vec<Pattern>,
    /// Messages that must be there.
    #[serde(default)]
    require: Vec<Pattern>,
    /// No line holds a secret: tokens, keys, passwords, headers with credentials, connection strings,
    /// or a secret that this audit was given.
    #[serde(default)]
    secrets: bool,
    /// No line holds an e-mail address or a card number.
    #[serde(default)]
    personal: bool,
    /// No line holds an address of a public network.
    #[serde(default)]
    addresses: bool,
    /// Ids of rules for secrets and personal data that are not used.
    #[serde(default)]
    ignore: Vec<String>,
    /// Values that must not appear in the log in any encoding: `["${jwt_secret}"]`.
    #[serde(default)]
    canaries: Vec<Secret>,
    /// No line holds control characters: escape sequences or carriage returns that an attacker put in.
    #[serde(default)]
    no_injection: bool,
    /// Longest line.
    #[serde(default)]
    max_line: Option<ByteSize>,
    /// The file is not readable by everybody.
    #[serde(default)]
    private: bool,
}

/// A request that must be found in the log.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    /// Where one GET is sent, with a new `X-Request-Id` and `traceparent`.
    url: String,
    /// Another header than `X-Request-Id`.
    #[serde(default)]
    header: Option<String>,
    /// How long to wait for the line; default 5s.
    #[serde(default = "five_seconds")]
    wait: TimeSpan,
}

/// Default of `wait`.
fn five_seconds() -> TimeSpan {
    TimeSpan::seconds(5)
}

impl Kind for Logs {
    const NAME: &'static str = "logs";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn impact(&self) -> Impact {
        if self.command.is_some() {
            Impact::Command
        } else if self.file.is_some() && self.probe.is_none() {
            Impact::Passive
        } else {
            Impact::Normal
        }
    }

    fn hosts(&self) -> Vec<String> {
        [
            self.loki.as_ref().map(|source| &source.url),
            self.http.as_ref().map(|source| &source.url),
            self.probe.as_ref().map(|probe| &probe.url),
        ]
        .into_iter()
        .flatten()
        .filter_map(|url| host_key(&url::Url::parse(url).ok()?))
        .collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, message: &str, help: &str| {
            problems.push(SpecProblem::at(field, message, help));
        };
        let sources = [
            self.file.is_some(),
            self.command.is_some(),
            self.loki.is_some(),
            self.http.is_some(),
        ];
        if sources.iter().filter(|given| **given).count() != 1 {
            problem(
                "",
                "exactly one source is needed",
                "write `file:`, `command:`, `loki:` or `http:`",
            );
        }
        if self.expect.is_empty() && self.probe.is_none() {
            problem(
                "expect",
                "no expectation here: it could never fail",
                "write for example `expect: { structured: 100, secrets: true }`",
            );
        }
        for (field, share) in [
            ("expect.structured", self.expect.structured),
            ("expect.max_errors", self.expect.max_errors),
        ] {
            let range = if field == "expect.structured" {
                0.0..=100.0
            } else {
                0.0..=99.999
            };
            if share.is_some_and(|share| !range.contains(&share))
                || (field == "expect.structured" && share == Some(0.0))
            {
                problem(
                    field,
                    "this share can never fail, or never hold",
                    "write percent, `99.5`",
                );
            }
        }
        if self
            .command
            .as_ref()
            .is_some_and(|source| source.argv.is_empty())
        {
            problem(
                "command.argv",
                "no program is named",
                "write `argv: [docker, logs, api]`",
            );
        }
        if self.file.as_ref().is_some_and(|source| source.rotated > 20) {
            problem(
                "file.rotated",
                "at most 20 neighbours are read",
                "write a smaller number",
            );
        }
        if self.expect.private && self.file.is_none() {
            problem(
                "expect.private",
                "only a file has permissions",
                "leave it out",
            );
        }
        if self.max_bytes.0 == 0 || self.max_bytes.0 > 64 << 20 {
            problem(
                "max_bytes",
                "so much cannot be read",
                "write a size up to `64MiB`",
            );
        }
        if self
            .loki
            .as_ref()
            .is_some_and(|source| !(1..=5000).contains(&source.limit))
        {
            problem(
                "loki.limit",
                "Loki answers with 1 to 5000 lines",
                "write such a number",
            );
        }
        problems.extend(self.expect.ignore_problems());
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let looks = self.probe.as_ref().map_or(1, probe::looks);
        let mut plan = Vec::new();
        if let Some(probe) = &self.probe {
            plan.push(Planned::once(format!("GET {}", shown(&probe.url))));
        }
        let what = if let Some(source) = &self.file {
            format!(
                "read the last {} of {}",
                self.max_bytes,
                source.path.display()
            )
        } else if let Some(source) = &self.command {
            format!("run {}", source.argv.join(" "))
        } else if let Some(source) = &self.loki {
            format!(
                "GET {}{} {}",
                shown(&source.url),
                source::LOKI_PATH,
                source.query
            )
        } else {
            format!(
                "GET {}",
                self.http
                    .as_ref()
                    .map_or_else(String::new, |source| shown(&source.url))
            )
        };
        plan.push(Planned {
            what,
            at_most: looks,
        });
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        for canary in &self.expect.canaries {
            cx.redactor.add(canary.expose());
        }
        let (log, probe) = match &self.probe {
            None => (source::read(self, cx).await?, None),
            Some(probe) => {
                let (log, seen) = probe::send_and_find(self, probe, cx).await?;
                (log, Some(seen))
            }
        };
        let spec = self.clone();
        let (redactor, now) = (cx.redactor.clone(), cx.now);
        let digested =
            tokio::task::spawn_blocking(move || digest::digest(&spec, &log, &redactor, now));
        let mut facts = cx
            .within("the log", digested)
            .await?
            .map_err(|_| Fault::new(crate::outcome::Cause::Internal, "reading the log failed"))?;
        facts.probe = probe;
        Ok(facts)
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }
}

impl Expect {
    /// Whether nothing is expected.
    fn is_empty(&self) -> bool {
        self.structured.is_none()
            && self.fields.is_empty()
            && !self.timestamps
            && self.min_level.is_none()
            && self.max_age.is_none()
            && self.max_errors.is_none()
            && self.forbid.is_empty()
            && self.require.is_empty()
            && !self.secrets
            && !self.personal
            && !self.addresses
            && self.canaries.is_empty()
            && !self.no_injection
            && self.max_line.is_none()
            && !self.private
    }

    /// Rules to be ignored that do not exist.
    fn ignore_problems(&self) -> Vec<SpecProblem> {
        let unknown = |id: &str| !crate::leaks::ids().any(|own| own == id);
        self.ignore
            .iter()
            .enumerate()
            .filter(|(_, id)| unknown(id))
            .map(|(at, id)| {
                SpecProblem::at(
                    format!("expect.ignore[{at}]"),
                    format!("there is no rule `{id}`"),
                    crate::profile::node::suggest(id, crate::leaks::ids()),
                )
            })
            .collect()
    }

    /// How far a clock may be ahead and lines out of order.
    fn skew(&self) -> TimeSpan {
        self.max_skew.unwrap_or(TimeSpan::seconds(60))
    }
}

/// A URL without what may be secret in it.
fn shown(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| "an unreadable URL".to_owned(),
        |url| shown_url(&url).trim_end_matches('/').to_owned(),
    )
}

#[cfg(test)]
mod tests;

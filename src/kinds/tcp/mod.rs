//! Ports: open where they must be, closed where they must not.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::dial::{Dialed, Endpoint, dial, is_no_route, resolve};
use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{Matcher, Secret, TimeSpan};
use crate::outcome::{Cause, Fault, Finding};

/// Requires that a declared port is open, or that it is closed, as seen from this machine.
///
/// It connects once to each address and listens; it sends nothing. Write where to look as `host:`
/// and `port:`, as `address: host:port`, or as `url:`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tcp {
    /// Host name or IP address; together with `port`.
    #[serde(default)]
    host: Option<String>,
    /// Port, 1 to 65535; together with `host`.
    #[serde(default)]
    port: Option<u16>,
    /// `host:port` in one, `[::1]:6379` for IPv6.
    #[serde(default)]
    address: Option<String>,
    /// A URL or DSN whose host and port to use, for example a Sentry DSN. Nothing else of it is used.
    #[serde(default)]
    url: Option<Secret>,
    /// What the port must be; `open` by default.
    #[serde(default)]
    expect: Expect,
    /// What the first line must be that the server sends by itself (SSH, SMTP, MySQL do). Only with
    /// `expect: open`.
    #[serde(default)]
    banner: Option<Matcher>,
    /// Longest time a connection may take to be accepted. Only with `expect: open`.
    #[serde(default)]
    max_latency: Option<TimeSpan>,
    /// How long to wait before an address counts as not answering; `3s` by default. The check's
    /// `timeout` may shorten it.
    #[serde(default = "default_patience")]
    no_answer_after: TimeSpan,
    /// How long an accepted connection must stay open by itself; `300ms` by default, `0s` turns
    /// this off.
    #[serde(default = "default_hold")]
    hold: TimeSpan,
    /// Whether `each` address of the name is judged (the default) or the `first` only.
    #[serde(default)]
    addresses: Addresses,
}

/// What a port must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Expect {
    /// Connections are accepted.
    #[default]
    Open,
    /// Nobody accepts a connection: refused, or no answer.
    Closed,
}

/// Which addresses of a name are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Addresses {
    /// All of them, at most eight: behind one name each can be broken by itself.
    #[default]
    Each,
    /// The first one the resolver gives.
    First,
}

/// Default of `no_answer_after`.
const fn default_patience() -> TimeSpan {
    TimeSpan::seconds(3)
}

/// Default of `hold`.
const fn default_hold() -> TimeSpan {
    TimeSpan::millis(300)
}

/// Most bytes of a banner that are read.
const BANNER_BYTES: usize = 512;

/// What the port did.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Where, as declared.
    target: String,
    /// One entry an address.
    attempts: Vec<Attempt>,
}

/// What one address did.
#[derive(Debug, Serialize, Deserialize)]
struct Attempt {
    /// Address and port.
    address: String,
    /// The answer.
    answer: Answer,
    /// How long the answer took, in milliseconds.
    latency_ms: f64,
    /// Our own address, the vantage point; only known for an open port.
    from: Option<String>,
    /// The first line the server sent by itself.
    banner: Option<String>,
    /// Whether the server closed the connection by itself while we listened.
    closed_early: bool,
    /// How long we listened, in milliseconds.
    listened_ms: u64,
    /// The operating system's words when the connection failed.
    detail: Option<String>,
}

/// The answer to a connection attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// Accepted.
    Open,
    /// Refused: a machine is there, nothing listens.
    Refused,
    /// Nothing came back: filtered, or no such machine.
    Silent,
    /// Reset while connecting, or a router says the host cannot be reached.
    Unreachable,
    /// This machine has no route (no IPv6, for example): nothing can be said.
    NoRoute,
}

impl Answer {
    /// Words for a report.
    fn words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Silent => "no answer",
            Self::Unreachable => "unreachable",
            Self::NoRoute => "no route from here",
        }
    }
}

impl Kind for Tcp {
    const NAME: &'static str = "tcp";
    const FAULTS: &'static [FaultDoc] = &[
        FaultDoc::caught(
            "TCP-01",
            "port does not accept connections",
            "Whoever needs this service gets an error. *Refused* means that nothing listens, *no answer* that a firewall drops the packets or no such machine exists.",
            "Refused: start the service or correct the port. No answer: correct the address, or open the firewall for this machine.",
        ),
        FaultDoc::caught(
            "TCP-02",
            "accepts and closes at once",
            "A load balancer or proxy accepts although the service behind it is gone, or the service turns this client away.",
            "Look at the service behind the proxy and at its list of allowed clients.",
        ),
        FaultDoc::caught(
            "TCP-03",
            "another protocol than expected",
            "Something listens, but it greets differently from the declared service, or not at all.",
            "See which process owns the port; correct host and port.",
        ),
        FaultDoc::caught(
            "TCP-04",
            "a port that must be closed is open",
            "Databases, caches and admin interfaces that answer from outside are found by scanners within hours.",
            "Bind the service to a private address or close the port in the firewall; in Compose, drop its `ports:` entry.",
        ),
        FaultDoc::caught(
            "TCP-05",
            "connecting takes too long",
            "Every request that opens a connection waits at least this long.",
            "Look at the distance to the service, packet loss, and whether its accept queue overflows.",
        ),
    ];
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        self.endpoint().iter().map(ToString::to_string).collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = self.place_problems();
        let open_only = [
            ("banner", self.banner.is_some()),
            ("max_latency", self.max_latency.is_some()),
        ];
        for (field, given) in open_only {
            if given && self.expect == Expect::Closed {
                problems.push(SpecProblem::at(
                    field,
                    format!("`{field}` says nothing about a closed port"),
                    format!("leave out `{field}`, or write `expect: open`"),
                ));
            }
        }
        if self.no_answer_after.0.is_zero() {
            problems.push(SpecProblem::at(
                "no_answer_after",
                "without waiting nobody can answer",
                "write a time, for example `3s`",
            ));
        }
        problems
    }

    fn plan(&self) -> Vec<Planned> {
        let target = self
            .endpoint()
            .map_or_else(String::new, |endpoint| endpoint.to_string());
        vec![Planned {
            what: format!("connect to {target} and listen, sending nothing"),
            at_most: match self.addresses {
                Addresses::Each => 8,
                Addresses::First => 1,
            },
        }]
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        if let Some(url) = &self.url {
            cx.redactor.add(url.expose());
        }
        let endpoint = self.endpoint().ok_or_else(|| {
            Fault::new(Cause::Unparseable, "the `url` names no host and port")
                .hint("write a URL with a host, for example `https://host/`")
        })?;
        let mut addresses = resolve(cx, &endpoint).await?;
        if self.addresses == Addresses::First {
            addresses.truncate(1);
        }
        // A tenth of the time is kept back: an answer that never comes is a fact here, and has to
        // be told before the engine calls the whole observation a timeout.
        let budget = cx.remaining().mul_f64(0.9);
        let attempts = futures_util::future::join_all(
            addresses
                .into_iter()
                .map(|address| self.attempt(address, budget)),
        )
        .await;
        Ok(Facts {
            target: endpoint.to_string(),
            attempts,
        })
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        let mut findings: Vec<Finding> = facts
            .attempts
            .iter()
            .filter(|attempt| attempt.answer != Answer::NoRoute)
            .flat_map(|attempt| match self.expect {
                Expect::Open => self.judge_open(&facts.target, attempt),
                // Silence means closed only after the whole wait: a shorter `timeout` shows nothing.
                Expect::Closed
                    if matches!(attempt.answer, Answer::Silent)
                        && attempt.latency_ms + 50.0
                            < self.no_answer_after.0.as_secs_f64() * 1e3 =>
                {
                    vec![cut_short(&facts.target, self.no_answer_after)]
                }
                Expect::Closed => vec![judge_closed(&facts.target, attempt)],
            })
            .collect();
        if findings.is_empty() {
            findings.push(
                Finding::fail(
                    "TCP-01",
                    format!("port {}", facts.target),
                    self.expect_words(),
                    "no route from here",
                    format!("this machine has no route to {}", facts.target),
                )
                .as_unknown(),
            );
        }
        findings
    }
}

/// The finding of a wait that `timeout` ended before silence meant anything.
fn cut_short(target: &str, wait: TimeSpan) -> Finding {
    Finding::fail(
        "TCP-04",
        format!("port {target}"),
        format!("closed: no answer for {wait}"),
        "no answer, but the wait was cut short",
        format!("the check's `timeout` ended before {wait} of silence: raise it, or lower `no_answer_after`"),
    )
    .as_unknown()
}

impl Tcp {
    /// Where to look; `None` only when the spec is wrong.
    fn endpoint(&self) -> Option<Endpoint> {
        match (&self.host, self.port, &self.address, &self.url) {
            (Some(host), Some(port), None, None) => Some(Endpoint::new(host, port)),
            (None, None, Some(address), None) => Endpoint::parse(address, None),
            (None, None, None, Some(url)) => Endpoint::of_url(url.expose()),
            _ => None,
        }
        .filter(|endpoint| !endpoint.host.is_empty() && endpoint.port != 0)
    }

    /// What is wrong with `host`, `port`, `address` and `url`.
    fn place_problems(&self) -> Vec<SpecProblem> {
        let ways = usize::from(self.host.is_some() || self.port.is_some())
            + usize::from(self.address.is_some())
            + usize::from(self.url.is_some());
        if ways != 1 {
            return vec![SpecProblem::at(
                "",
                "exactly one way to say where to look is needed",
                "write `host:` and `port:`, or `address: host:port`, or `url:`",
            )];
        }
        if self.endpoint().is_some() || self.url.is_some() {
            // A URL comes from the environment of the run and is judged there: its value may not
            // be shown here.
            return Vec::new();
        }
        let (field, message) = match (&self.host, self.port) {
            (Some(_), None) => ("host", "`host` needs `port`"),
            (None, Some(_)) => ("port", "`port` needs `host`"),
            (Some(_), Some(_)) => ("host", "host and port cannot be empty or zero"),
            (None, None) => ("address", "expected `host:port`"),
        };
        vec![SpecProblem::at(
            field,
            message,
            "write it like `host: db.internal` with `port: 5432`, or `address: db.internal:5432`",
        )]
    }

    /// The expectation in words.
    fn expect_words(&self) -> &'static str {
        match self.expect {
            Expect::Open => "open",
            Expect::Closed => "closed",
        }
    }

    /// Connects to one address and listens.
    async fn attempt(&self, address: SocketAddr, budget: Duration) -> Attempt {
        let started = Instant::now();
        let mut attempt = Attempt {
            address: address.to_string(),
            answer: Answer::Silent,
            latency_ms: 0.0,
            from: None,
            banner: None,
            closed_early: false,
            listened_ms: 0,
            detail: None,
        };
        match dial(address, self.no_answer_after.0.min(budget)).await {
            Dialed::Open(stream, latency) => {
                attempt.answer = Answer::Open;
                attempt.latency_ms = latency.as_secs_f64() * 1000.0;
                attempt.from = stream.local_addr().ok().map(|own| own.ip().to_string());
                let left = budget.saturating_sub(started.elapsed());
                if self.expect == Expect::Open {
                    self.listen(stream, left, &mut attempt).await;
                }
            }
            Dialed::Failed(error) => {
                attempt.latency_ms = started.elapsed().as_secs_f64() * 1000.0;
                attempt.answer = match error.kind() {
                    _ if is_no_route(&error) => Answer::NoRoute,
                    io::ErrorKind::ConnectionRefused => Answer::Refused,
                    _ => Answer::Unreachable,
                };
                attempt.detail = Some(error.to_string());
            }
            Dialed::Silent(after) => attempt.latency_ms = after.as_secs_f64() * 1000.0,
        }
        attempt
    }

    /// Waits for the banner when one is expected, else only whether the peer hangs up.
    async fn listen(&self, mut stream: TcpStream, left: Duration, attempt: &mut Attempt) {
        let wait = match &self.banner {
            Some(_) => self.no_answer_after.0,
            None => self.hold.0,
        }
        .min(left);
        let started = Instant::now();
        let mut seen: Vec<u8> = Vec::new();
        let reading = async {
            let mut part = [0_u8; BANNER_BYTES];
            while seen.len() < BANNER_BYTES && !seen.contains(&b'\n') {
                match stream.read(&mut part).await {
                    Ok(0) | Err(_) => return true,
                    Ok(n) => seen.extend(part.iter().take(n)),
                }
            }
            false
        };
        attempt.closed_early = tokio::time::timeout(wait, reading).await.unwrap_or(false);
        attempt.listened_ms = TimeSpan(started.elapsed()).as_millis();
        if !seen.is_empty() {
            let line = seen.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = line.get(..BANNER_BYTES).unwrap_or(line);
            attempt.banner = Some(String::from_utf8_lossy(line).trim_end().to_owned());
        }
    }

    /// Judges an address that must accept connections.
    fn judge_open(&self, target: &str, attempt: &Attempt) -> Vec<Finding> {
        let subject = subject(target, attempt);
        if attempt.answer != Answer::Open {
            let waited = TimeSpan(Duration::from_secs_f64(
                attempt.latency_ms.max(0.0) / 1000.0,
            ));
            let (actual, message) = match attempt.answer {
                Answer::Silent => (
                    format!("no answer within {waited}"),
                    format!(
                        "nothing answers at {target}: filtered by a firewall, or no such machine"
                    ),
                ),
                Answer::Refused => ("refused".to_owned(), format!("nothing listens at {target}")),
                other => (
                    other.words().to_owned(),
                    format!(
                        "{target} cannot be reached: {}",
                        attempt.detail.as_deref().unwrap_or("no reason given")
                    ),
                ),
            };
            return vec![Finding::fail("TCP-01", subject, "open", actual, message)];
        }
        let mut findings = Vec::new();
        if attempt.closed_early && attempt.banner.is_none() {
            findings.push(Finding::fail(
                "TCP-02",
                subject.clone(),
                "open",
                format!("closed by the server after {}ms", attempt.listened_ms),
                format!("{target} accepts connections and closes them without a word"),
            ));
        } else {
            findings.push(Finding::pass(&subject, "open", "open"));
            findings.extend(self.judge_banner(target, attempt));
        }
        findings.extend(self.judge_latency(target, attempt));
        findings
    }

    /// Judges the greeting.
    fn judge_banner(&self, target: &str, attempt: &Attempt) -> Option<Finding> {
        let banner = self.banner.as_ref()?;
        let subject = format!("banner of {target}");
        Some(match banner.check_text(attempt.banner.as_deref()) {
            Ok(()) => Finding::pass(
                subject,
                banner.to_string(),
                attempt
                    .banner
                    .clone()
                    .unwrap_or_else(|| "nothing".to_owned()),
            ),
            Err(mismatch) if attempt.banner.is_none() => Finding::fail(
                "TCP-03",
                subject,
                mismatch.expected,
                format!("nothing within {}ms", attempt.listened_ms),
                format!("{target} does not greet: this is not the expected service"),
            ),
            Err(mismatch) => Finding::fail(
                "TCP-03",
                subject,
                mismatch.expected,
                mismatch.actual,
                format!("{target} greets differently: this is not the expected service"),
            ),
        })
    }

    /// Judges the time to connect.
    fn judge_latency(&self, target: &str, attempt: &Attempt) -> Option<Finding> {
        let bound = self.max_latency?;
        let subject = format!("time to connect to {}", attempt.address);
        let expected = format!("at most {bound}");
        let actual = format!("{:.1}ms", attempt.latency_ms);
        let allowed = bound.0.as_secs_f64() * 1000.0;
        Some(if attempt.latency_ms <= allowed {
            Finding::pass(subject, expected, actual)
        } else {
            let message = format!("{target} took {actual} to accept the connection");
            Finding::fail("TCP-05", subject, expected, actual, message)
        })
    }
}

/// What the finding is about: the declared target, with the address when it is a name.
fn subject(target: &str, attempt: &Attempt) -> String {
    if attempt.address == target {
        format!("port {target}")
    } else {
        format!("port {target} ({})", attempt.address)
    }
}

/// Judges an address that must not accept connections.
fn judge_closed(target: &str, attempt: &Attempt) -> Finding {
    let subject = subject(target, attempt);
    if attempt.answer == Answer::Open {
        let from = attempt.from.as_deref().unwrap_or("this machine");
        return Finding::fail(
            "TCP-04",
            subject,
            "closed",
            "open",
            format!("{target} accepts connections from here ({from}) although it must be closed"),
        );
    }
    Finding::pass(
        subject,
        "closed",
        format!("{} from here", attempt.answer.words()),
    )
}

#[cfg(test)]
mod tests;

//! Sending: first a few requests one by one, then more at once until the first refusal.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use tokio::time::Instant;
use url::Url;

use super::facts::{End, Facts, KEPT, Refusal, challenge, from_cache, millis};
use super::headers::Limits;
use super::judge::announced_in_window;
use super::{Mode, OPENING, RateLimit, after, with_margin};
use crate::context::Context;
use crate::exchange::{Request, Response, Session, SessionOptions};
use crate::net::TlsOptions;
use crate::outcome::{Cause, Fault};

/// Bytes of a body that are read at most.
const BODY: u64 = 16 * 1024;
/// An answer slower than three times the typical one and this much more is distress.
const PATIENCE_MS: u64 = 500;
/// Time kept for what follows the burst.
const RESERVE: Duration = Duration::from_millis(300);

/// Sends requests of one check.
pub(super) struct Sender<'a> {
    /// The check.
    pub(super) spec: &'a RateLimit,
    /// The observation.
    pub(super) cx: &'a Context,
    /// Its connections.
    session: Session,
    /// The target.
    pub(super) url: Url,
}

impl Sender<'_> {
    /// The plain request: the check's own headers and nothing that names another client.
    pub(super) fn plain(&self) -> Result<Request, Fault> {
        self.request(self.url.clone(), &self.spec.headers, true)
    }

    /// A request with these headers, with or without the check's credential.
    pub(super) fn request(
        &self,
        url: Url,
        headers: &BTreeMap<String, crate::expect::Secret>,
        auth: bool,
    ) -> Result<Request, Fault> {
        let method = Method::from_bytes(self.spec.method.as_bytes()).unwrap_or(Method::GET);
        let mut request = Request::new(method, url);
        request.max_body = BODY;
        for (name, value) in headers {
            request.header(name, value.expose())?;
        }
        let credential = self
            .spec
            .auth
            .as_ref()
            .filter(|secret| !secret.expose().is_empty());
        if let Some(secret) = credential.filter(|_| auth) {
            let name = self.spec.auth_header.as_deref().unwrap_or("Authorization");
            request.header(name, secret.expose())?;
        }
        if let Some(body) = &self.spec.body {
            request.body = Some(body.expose().as_bytes().to_vec());
            if !request.headers.contains_key("content-type") {
                request.header("Content-Type", "application/json")?;
            }
        }
        Ok(request)
    }

    /// Sends a request.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Fault> {
        // Refusals are what is looked for: none of them is waited out.
        self.session.send_before(self.cx.end(), request).await
    }

    /// Whether this answer is the refusal that was expected.
    pub(super) fn is_refusal(&self, response: &Response) -> bool {
        response.status == self.spec.expect_status && challenge(response).is_none()
    }
}

/// Looks.
pub(super) async fn observe(spec: &RateLimit, cx: &Context) -> Result<Facts, Fault> {
    let secrets = spec.auth.iter().chain(&spec.body);
    let mapped = spec.headers.values().chain(spec.second_identity.values());
    for secret in secrets.chain(mapped) {
        cx.redactor.add(secret.expose());
    }
    let url = spec.target().ok_or_else(|| {
        Fault::new(
            Cause::Unparseable,
            "the address is not an http or https URL",
        )
    })?;
    let options = SessionOptions {
        tls: TlsOptions {
            ca_file: spec
                .ca_file
                .as_ref()
                .filter(|path| !path.as_os_str().is_empty())
                .map(|path| cx.folder.join(path)),
        },
        allow_link_local: spec.allow_link_local,
        ..SessionOptions::default()
    };
    let sender = Sender {
        spec,
        cx,
        session: Session::new(cx, &options)?,
        url,
    };
    let mut burst = Burst::new(spec);
    burst.open(&sender).await?;
    if let Some(wait) = burst.patience(&sender) {
        // Something used up the allowance before, perhaps another check of this audit.
        tokio::time::sleep(wait).await;
        burst = Burst::new(spec);
        burst.open(&sender).await?;
    }
    if burst.end.is_none() {
        burst.go_on(&sender).await?;
    }
    let mut facts = burst.into_facts();
    if facts.end == End::Limited && spec.mode == Mode::Burst {
        after::try_everything(&sender, &mut facts).await;
    }
    Ok(facts)
}

/// A burst under way.
struct Burst<'a> {
    /// The check.
    spec: &'a RateLimit,
    /// When it began.
    started: Instant,
    /// What is known so far.
    facts: Facts,
    /// Milliseconds of accepted answers.
    times: Vec<u64>,
    /// Whether accepted answers are web pages.
    html: bool,
    /// Whether an accepted answer speaks of rate limits anyway.
    speaks_of_limits: bool,
    /// Requests that must be sent to go beyond the announced limit.
    announced_goal: Option<u32>,
    /// Why it is over.
    end: Option<End>,
}

impl<'a> Burst<'a> {
    /// Nothing sent yet.
    fn new(spec: &'a RateLimit) -> Self {
        Self {
            spec,
            started: Instant::now(),
            facts: Facts {
                budget: spec.budget(),
                sent: 0,
                accepted: 0,
                normal: 0,
                statuses: BTreeMap::new(),
                elapsed_ms: 0,
                typical_ms: 0,
                needed: spec.goal().unwrap_or(OPENING),
                announced: Limits::default(),
                remaining: Vec::new(),
                from_cache: false,
                end: End::Passive,
                refusal: None,
                tries: Vec::new(),
                blast_radius: String::new(),
            },
            times: Vec::new(),
            html: false,
            speaks_of_limits: false,
            announced_goal: None,
            end: None,
        }
    }

    /// A few requests one by one: what is normal here, and what is announced.
    async fn open(&mut self, sender: &Sender<'_>) -> Result<(), Fault> {
        let request = sender.plain()?;
        for n in 0..OPENING {
            let response = sender.send(&request).await?;
            if n == 0 {
                self.facts.announced = Limits::read(&response.headers, sender.cx.now);
                self.look_at_first(&response, &request.what())?;
            }
            self.take(sender, &response);
            if self.end.is_some() {
                return Ok(());
            }
        }
        if self.spec.mode == Mode::Passive {
            self.end = Some(End::Passive);
        }
        Ok(())
    }

    /// Whether the first answer shows that nothing can be measured here.
    fn look_at_first(&self, response: &Response, what: &str) -> Result<(), Fault> {
        let status = response.status;
        if self.spec.accepts(status)
            || status == self.spec.expect_status
            || challenge(response).is_some()
        {
            return Ok(());
        }
        let fault = |cause, why: &str, hint: &str| {
            Err(Fault::new(cause, format!("{what} is answered {status}: {why}")).hint(hint))
        };
        match status {
            // A limiter in front of authentication announces itself.
            401 | 403 if !self.facts.announced.is_empty() => Ok(()),
            401 | 403 => fault(
                Cause::Auth,
                "refused before the limiter, so nothing about the limit can be seen",
                "give a credential with `auth:`, or `accept_status: [401]` if that is how this route answers",
            ),
            404 | 405 => fault(
                Cause::Missing,
                "there is no such route to measure",
                "correct `url` or `method`",
            ),
            500.. => fault(
                Cause::Unparseable,
                "the service is in trouble already, so nothing was measured",
                "repair the route first",
            ),
            _ => fault(
                Cause::Unparseable,
                "that is not how a route answers that works",
                "correct the request, or add the status to `accept_status:`",
            ),
        }
    }

    /// How long to wait before starting over, when the very first request was refused and the wait
    /// it asks for is acceptable.
    fn patience(&self, sender: &Sender<'_>) -> Option<Duration> {
        if self.end != Some(End::Limited) || self.facts.accepted > 0 {
            return None;
        }
        let asked = self.facts.refusal.as_ref().and_then(after::asked_wait)?;
        let wait = Duration::from_secs(asked.saturating_add(1));
        let allowed = wait <= self.spec.max_recovery_wait.0 && wait * 2 < sender.cx.remaining();
        (allowed && self.spec.mode == Mode::Burst).then_some(wait)
    }

    /// More at once, until the first refusal.
    async fn go_on(&mut self, sender: &Sender<'_>) -> Result<(), Fault> {
        let request = sender.plain()?;
        while self.end.is_none() {
            self.facts.needed = self.needed();
            // A budget of the profile's own says how far to look for the actual limit.
            let far = self.spec.max_requests.is_none() || self.facts.sent >= self.facts.budget;
            if self.facts.sent >= self.facts.needed && far {
                self.end = Some(End::Unlimited);
            } else if self.facts.sent >= self.facts.budget {
                self.end = Some(End::Budget);
            } else if sender.cx.remaining() < RESERVE {
                self.end = Some(End::Time);
            }
            if self.end.is_some() {
                break;
            }
            let until = match self.spec.max_requests {
                Some(_) => self.facts.budget,
                None => self.facts.needed.min(self.facts.budget),
            };
            let left = until.saturating_sub(self.facts.sent);
            let wave = (0..left.min(self.spec.concurrency)).map(|_| sender.send(&request));
            let answers = join_all(wave).await;
            let fastest = answers.iter().flatten().map(millis).min();
            for answer in answers {
                match answer {
                    Ok(response) => self.take(sender, &response),
                    Err(fault) => {
                        self.facts.sent += 1;
                        self.stop(End::Aborted(fault.message));
                    }
                }
            }
            let typical = self.typical();
            if let Some(fastest) = fastest
                && fastest > typical.saturating_mul(3).saturating_add(PATIENCE_MS)
            {
                self.stop(End::Aborted(format!(
                    "answers became slow: {fastest} ms instead of {typical} ms"
                )));
            }
        }
        Ok(())
    }

    /// How many requests must have been sent before "there is no limit" may be said. Requests that
    /// the window gave back meanwhile are counted in, and an announced limit is taken at its word.
    fn needed(&self) -> u32 {
        let goal = self.spec.goal().unwrap_or(0);
        let limit = self.spec.limit.or(self.spec.max_limit).unwrap_or(0);
        let windows = self.started.elapsed().as_secs_f64() / self.spec.window.0.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and both factors are positive"
        )]
        let refilled = (f64::from(limit) * (1.0 + windows) + f64::from(self.spec.burst)) as u32;
        let declared = goal.max(refilled.saturating_add(5));
        if limit == 0 {
            // Nobody says what is intended: below what is announced, no refusal means nothing.
            let announced = self.facts.announced.limit().map_or(0, |(limit, _)| limit);
            let announced = u32::try_from(announced).unwrap_or(0);
            return declared.max(announced);
        }
        // Few a minute in a longer window of its own: more than was meant may pass at once, up to
        // what is announced.
        let within = self
            .facts
            .announced
            .limit()
            .is_some_and(|(limit, _)| i64::from(self.facts.sent) <= limit);
        let fits = announced_in_window(self.spec, &self.facts)
            .zip(self.spec.ceiling())
            .is_some_and(|(announced, ceiling)| announced <= f64::from(ceiling));
        match self.announced_goal {
            Some(announced) if fits && within => announced,
            Some(announced) => declared.min(announced),
            None => declared,
        }
    }

    /// Typical milliseconds of an accepted answer: the median.
    fn typical(&self) -> u64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(0)
    }

    /// Ends the burst, unless it is over already.
    fn stop(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// Takes an answer into account.
    fn take(&mut self, sender: &Sender<'_>, response: &Response) {
        let status = response.status;
        self.facts.sent += 1;
        *self.facts.statuses.entry(status).or_default() += 1;
        let keep = |burst: &mut Self| {
            if burst.facts.refusal.is_none() {
                let refusal = Refusal::new(response, sender.cx.now, burst.html);
                burst.facts.refusal = Some(refusal);
            }
        };
        if let Some(firewall) = challenge(response) {
            self.stop(End::Challenged(firewall.to_owned()));
            keep(self);
        } else if status == self.spec.expect_status {
            keep(self);
            self.stop(End::Limited);
        } else if self.is_other_refusal(response) {
            self.stop(End::OtherRefusal);
            keep(self);
        } else if status >= 500 {
            self.stop(End::Aborted(format!(
                "status {status} after {} accepted requests",
                self.facts.accepted
            )));
            keep(self);
        } else if self.spec.accepts(status) || !self.facts.announced.is_empty() {
            self.facts.accepted += 1;
            self.times.push(millis(response));
            self.facts.from_cache |= from_cache(response);
            self.html |= response
                .header("content-type")
                .is_some_and(|kind| kind.contains("html"));
            if self.facts.accepted == 1 {
                self.facts.normal = status;
                self.speaks_of_limits = speaks_of_limits(response);
            }
            let left = Limits::read(&response.headers, sender.cx.now).remaining();
            if self.facts.remaining.len() < KEPT {
                self.facts.remaining.push(left);
            }
            // Once nothing is left the goal stands: a refusal is due.
            if let Some(left) = left.and_then(|left| u32::try_from(left).ok())
                && left > 0
            {
                self.announced_goal = Some(self.facts.sent.saturating_add(with_margin(left)));
            }
        } else {
            self.stop(End::Aborted(format!(
                "status {status} after {} accepted requests",
                self.facts.accepted
            )));
            keep(self);
        }
    }

    /// Whether an answer is a refusal of a limiter that does not say so by its status: requests
    /// just like it were accepted, and it bears the marks of a limiter.
    fn is_other_refusal(&self, response: &Response) -> bool {
        let body = response.text().to_ascii_lowercase();
        let told = !self.speaks_of_limits && speaks_of_limits(response);
        let exhausted = Limits::read(&response.headers, jiff::Timestamp::UNIX_EPOCH)
            .remaining()
            .is_some_and(|left| left <= 0)
            || response.header("retry-after").is_some();
        // nginx makes this page itself when a limit is hit; upstream trouble is 502 or 504.
        let nginx = response
            .header("server")
            .is_some_and(|server| server.to_ascii_lowercase().contains("nginx"))
            && body.contains("503 service temporarily unavailable")
            && body.contains("<center>nginx");
        match response.status {
            200..400 => self.facts.accepted > 0 && response.body.len() < 2048 && told,
            429 => true,
            403 => self.facts.accepted > 0,
            503 => self.facts.accepted > 0 && (told || exhausted || nginx),
            _ => self.facts.accepted > 0 && (told || exhausted),
        }
    }

    /// What is known when it is over.
    fn into_facts(self) -> Facts {
        let typical_ms = self.typical();
        let mut facts = self.facts;
        facts.end = self.end.unwrap_or(End::Passive);
        facts.typical_ms = typical_ms;
        facts.elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        facts
    }
}

/// Whether the body speaks of rate limits.
fn speaks_of_limits(response: &Response) -> bool {
    let body = response.text().to_ascii_lowercase();
    [
        "rate limit",
        "ratelimit",
        "rate_limit",
        "too many requests",
        "quota exceeded",
    ]
    .iter()
    .any(|word| body.contains(word))
}

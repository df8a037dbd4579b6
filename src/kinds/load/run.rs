//! Sending: a warm-up one by one, then requests at a steady rate or by a fixed number of clients.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::facts::{End, Facts, MemoryFacts, Outage};
use super::series::Latencies;
use super::spec::Connections;
use super::tally::{Shot, Tally};
use super::{Load, Target, baseline, memory};
use crate::context::Context;
use crate::exchange::{Request, Session, SessionOptions, cut, millis};
use crate::expect::TimeSpan;
use crate::kinds::rate_limit::challenge;
use crate::net::TlsOptions;
use crate::outcome::{Cause, Fault};

/// Bytes of a body that are read at most.
const BODY: u64 = 8 << 20;
/// Time kept for telling the result.
const RESERVE: Duration = Duration::from_millis(150);
/// How often this program looks how late it is itself.
const TICK: Duration = Duration::from_millis(20);
/// Requests after which the share of errors means something.
const FIRST_OPINION: u32 = 10;
/// Share of errors that ends a run.
const TOO_MANY: f64 = 0.2;

/// Looks.
pub(super) async fn observe(spec: &Load, cx: &Context) -> Result<Facts, Fault> {
    let secrets = spec.headers.iter().map(|(_, secret)| secret);
    let of_memory = spec.memory.iter().flat_map(|memory| memory.headers.iter());
    for secret in secrets.chain(of_memory.map(|(_, secret)| secret)) {
        cx.redactor.add_credentials(secret.expose());
    }
    let targets = spec.targets();
    for body in targets.iter().filter_map(|target| target.body) {
        cx.redactor.add(body.expose());
    }
    let baseline = match &spec.baseline {
        Some(file) => Some(baseline::read(cx, file).await?),
        None => None,
    };
    let mut runner = Runner::new(spec, cx, &targets)?;
    runner.enough_time()?;
    runner.warm_up().await?;
    let before = match &spec.memory {
        Some(wanted) => {
            Some(memory::read(cx, &runner.session, &spec.resolve(&wanted.url), wanted).await?)
        }
        None => None,
    };
    if runner.end.is_none() {
        runner.measure().await;
    }
    let memory = match (&spec.memory, before) {
        (Some(wanted), Some(before)) => {
            tokio::time::sleep(wanted.settle.0.min(cx.remaining() / 2)).await;
            let url = spec.resolve(&wanted.url);
            let after = memory::read(cx, &runner.session, &url, wanted).await;
            Some(memory_facts(&before, after))
        }
        _ => None,
    };
    let mut facts = runner.into_facts();
    facts.memory = memory;
    facts.baseline = baseline;
    Ok(facts)
}

/// Memory before and after; that it cannot be read any more says nothing about the rest.
fn memory_facts(before: &memory::Reading, after: Result<memory::Reading, Fault>) -> MemoryFacts {
    match after {
        Ok(after) => MemoryFacts {
            before: before.bytes,
            after: Some(after.bytes),
            trouble: None,
            restarted: matches!((before.started, after.started), (Some(a), Some(b)) if (a - b).abs() > 1.0),
        },
        Err(fault) => MemoryFacts {
            before: before.bytes,
            after: None,
            trouble: Some(fault.message),
            restarted: false,
        },
    }
}

/// A run under way.
struct Runner<'a> {
    /// The check.
    spec: &'a Load,
    /// The observation.
    cx: &'a Context,
    /// What is asked.
    targets: &'a [Target<'a>],
    /// The same, ready to be sent.
    requests: Vec<Arc<Request>>,
    /// Its connections.
    session: Session,
    /// Counters of each target.
    tallies: Vec<Tally>,
    /// How late this program itself was.
    lag: Latencies,
    /// When each request started, in milliseconds from the beginning, and whether it succeeded.
    shots: Vec<(u64, bool)>,
    /// Requests sent.
    sent: u32,
    /// Requests that were due while too many were under way.
    held_back: u32,
    /// Bytes of bodies read.
    bytes: u64,
    /// When the run began.
    begun: Instant,
    /// When the last request was sent.
    last_start: Instant,
    /// When the run was over.
    over: Instant,
    /// When everything must be over.
    stop: Instant,
    /// Why it is over.
    end: Option<End>,
}

impl<'a> Runner<'a> {
    /// Nothing sent yet.
    fn new(spec: &'a Load, cx: &'a Context, targets: &'a [Target<'a>]) -> Result<Self, Fault> {
        let ca_file = spec
            .ca_file
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty());
        let session = Session::new(
            cx,
            &SessionOptions {
                tls: TlsOptions {
                    ca_file: ca_file.map(|path| cx.folder.join(path)),
                },
                allow_link_local: spec.allow_link_local,
                idle: Some(match spec.connections {
                    Connections::Reused => spec.in_flight(),
                    Connections::New => 0,
                }),
                ..SessionOptions::default()
            },
        )?;
        let requests = targets
            .iter()
            .map(|target| request(spec, target).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let now = Instant::now();
        let after = spec.memory.as_ref().map_or(Duration::ZERO, |memory| {
            memory.settle.0 + Duration::from_millis(500)
        });
        Ok(Self {
            spec,
            cx,
            targets,
            requests,
            session,
            tallies: targets.iter().map(Tally::new).collect(),
            lag: Latencies::new(),
            shots: Vec::new(),
            sent: 0,
            held_back: 0,
            bytes: 0,
            begun: now,
            last_start: now,
            over: now,
            stop: cx.deadline.checked_sub(RESERVE + after).unwrap_or(now),
            end: None,
        })
    }

    /// Refuses to send anything when the run cannot be finished in time.
    fn enough_time(&self) -> Result<(), Fault> {
        let needed = match (self.spec.pace(), self.spec.total(), self.spec.duration) {
            (Some(rate), Some(total), _) => {
                let seconds = f64::from(total) / rate.max(f64::MIN_POSITIVE);
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
            (_, _, Some(duration)) => duration.0,
            _ => Duration::ZERO,
        };
        let left = self.stop.saturating_duration_since(Instant::now());
        if needed <= left {
            return Ok(());
        }
        let (needed, asked) = (TimeSpan(needed), TimeSpan(self.cx.remaining()));
        Err(Fault::new(
            Cause::Timeout,
            format!("the run takes {needed} and the check's `timeout` allows {asked}: nothing was sent"),
        )
        .hint("raise `timeout:` of the check to the length of the run and some seconds more, or measure less"))
    }

    /// One request at a time: connects, fills caches, shows what one client sees.
    async fn warm_up(&mut self) -> Result<(), Fault> {
        for _ in 0..self.spec.rounds() {
            for entry in 0..self.requests.len() {
                let shot = self.shoot(entry, Instant::now()).await;
                if let (Err(fault), 0) = (&shot.answer, self.sent) {
                    // Nobody answers at all: there is nothing to measure.
                    return Err(fault.clone());
                }
                self.sent += 1;
                self.notice(&shot);
                let (Some(tally), Some(target)) =
                    (self.tallies.get_mut(entry), self.targets.get(entry))
                else {
                    continue;
                };
                tally.warm(&shot, target);
                if self.stop <= Instant::now() {
                    self.end.get_or_insert(End::Time);
                }
                if self.end.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends one request and waits for it.
    fn shoot(&self, entry: usize, due: Instant) -> impl Future<Output = Shot> + Send + 'static {
        let session = self.session.clone();
        let request = self.requests.get(entry).cloned();
        let (stop, patience) = (self.stop, self.spec.request_timeout.0);
        async move {
            let started = Instant::now();
            let patient = started + patience;
            let answer = match &request {
                Some(request) => session.send_before(patient.min(stop), request).await,
                None => Err(Fault::new(Cause::Internal, "no such request")),
            };
            let over = Instant::now();
            Shot {
                entry,
                due,
                started,
                over,
                cut: over >= stop && patient > stop,
                answer,
            }
        }
    }

    /// When the next request is due: at once for a client that waits for answers.
    fn due(&self, now: Instant) -> Instant {
        match self.spec.pace() {
            Some(rate) => {
                let seconds = f64::from(self.sent) / rate.max(f64::MIN_POSITIVE);
                let offset = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                self.begun.checked_add(offset).unwrap_or(self.stop)
            }
            None => now,
        }
    }

    /// Whether another request is to be sent.
    fn goes_on(&self, now: Instant) -> bool {
        self.end.is_none()
            && match self.spec.total() {
                Some(total) => self.sent < total,
                None => {
                    let time = self.spec.duration.unwrap_or_default().0;
                    self.sent < self.spec.caps().requests && now.duration_since(self.begun) < time
                }
            }
    }

    /// The run itself.
    async fn measure(&mut self) {
        self.sent = 0;
        self.begun = Instant::now();
        self.last_start = self.begun;
        let most = self.spec.in_flight();
        let mut flying = JoinSet::new();
        let mut held = false;
        let mut free_since = self.begun;
        let mut tick = self.begun + TICK;
        loop {
            let now = Instant::now();
            let more = self.goes_on(now);
            if self.end.is_some() || !more && flying.is_empty() {
                break;
            }
            let due = self.due(now);
            let room = flying.len() < most;
            if more && due <= now && room {
                if held {
                    (held, free_since) = (false, now);
                }
                self.lag.add(now.duration_since(due.max(free_since)));
                self.held_back += u32::from(due < free_since);
                flying.spawn(self.shoot(self.sent as usize % self.requests.len(), due));
                self.sent += 1;
                self.last_start = now;
                while let Some(joined) = flying.try_join_next() {
                    self.take(joined.ok());
                }
                continue;
            }
            held |= more && due <= now && self.spec.pace().is_some();
            tokio::select! {
                biased;
                Some(joined) = flying.join_next(), if !flying.is_empty() => self.take(joined.ok()),
                () = sleep_until(due), if more && room => {}
                () = sleep_until(tick) => {
                    let now = Instant::now();
                    self.lag.add(now.duration_since(tick));
                    tick = now + TICK;
                }
                () = sleep_until(self.stop) => {
                    self.end.get_or_insert(End::Time);
                }
            }
        }
        self.over = Instant::now();
        flying.abort_all();
    }

    /// Takes an answer into account.
    fn take(&mut self, shot: Option<Shot>) {
        let Some(shot) = shot else {
            return;
        };
        if shot.cut {
            self.end.get_or_insert(End::Time);
            return;
        }
        self.notice(&shot);
        if self.refused() {
            return;
        }
        let (Some(tally), Some(target)) = (
            self.tallies.get_mut(shot.entry),
            self.targets.get(shot.entry),
        ) else {
            return;
        };
        let ok = tally.take(&shot, target, self.spec.request_timeout.0);
        let (done, failed) = tally.so_far();
        let started = millis(shot.started.saturating_duration_since(self.begun));
        self.shots.push((started, ok));
        let allowed = target
            .expect
            .allowed_errors(false)
            .map_or(0.0, |share| share.0)
            .max(TOO_MANY);
        // Errors are quick: those still under way may become successes.
        let each = self.sent / u32::try_from(self.targets.len()).unwrap_or(1).max(1);
        let too_many = f64::from(failed) > f64::from(done.max(each)) * allowed;
        if self.spec.max_outage.is_none() && done >= FIRST_OPINION && too_many {
            self.end.get_or_insert(End::Errors);
        }
    }

    /// Whether somebody in between refuses to go on.
    fn refused(&self) -> bool {
        matches!(self.end, Some(End::Limited(_) | End::Challenged(_)))
    }

    /// Sees in an answer that the run must end.
    fn notice(&mut self, shot: &Shot) {
        let Ok(response) = &shot.answer else { return };
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(response.body.len()).unwrap_or(u64::MAX));
        if let Some(firewall) = challenge(response) {
            self.end.get_or_insert(End::Challenged(firewall.to_owned()));
        } else if response.status == 429 {
            let wait = response.header("retry-after");
            let wait = wait.map(|text| cut(text, 60).to_owned());
            self.end.get_or_insert(End::Limited(wait));
        } else if self.bytes > self.spec.caps().bytes {
            self.end.get_or_insert(End::Bytes);
        }
    }

    /// What is known when it is over.
    fn into_facts(self) -> Facts {
        let elapsed = self.over.duration_since(self.begun);
        let seconds = elapsed.as_secs_f64();
        let starting = self.last_start.duration_since(self.begun).as_secs_f64();
        let entries: Vec<_> = self.tallies.into_iter().map(Tally::into_entry).collect();
        let ok: u32 = entries.iter().map(|entry| entry.ok).sum();
        Facts {
            planned: self.spec.total(),
            sent: self.sent,
            end: self.end.unwrap_or(End::Complete),
            elapsed_ms: millis(elapsed),
            rate: self.spec.pace(),
            achieved_rate: (self.sent > 1 && starting > 0.0)
                .then(|| f64::from(self.sent - 1) / starting),
            throughput: if seconds > 0.0 {
                f64::from(ok) / seconds
            } else {
                0.0
            },
            lag: self.lag.series(),
            held_back: self.held_back,
            entries,
            outage: Outage::of(self.shots, millis(elapsed)),
            memory: None,
            baseline: None,
        }
    }
}

/// A request, ready to be sent.
fn request(spec: &Load, target: &Target<'_>) -> Result<Request, Fault> {
    let url = target.url.clone().ok_or_else(|| {
        Fault::new(
            Cause::Unparseable,
            "the address is not an http or https URL of the same host as `url`",
        )
    })?;
    let mut request = Request::new(target.method.clone(), url);
    request.max_body = BODY;
    add_headers(&mut request, &spec.headers)?;
    if let Some(body) = target.body {
        request.body = Some(body.expose().as_bytes().to_vec());
        if !request.headers.contains_key("content-type") {
            request.header("Content-Type", "application/json")?;
        }
    }
    Ok(request)
}

/// Adds headers; those with an empty value are not sent.
pub(super) fn add_headers(
    request: &mut Request,
    headers: &crate::expect::Ordered<crate::expect::Secret>,
) -> Result<(), Fault> {
    for (name, value) in headers.iter() {
        if !value.expose().is_empty() {
            request.header(name, value.expose())?;
        }
    }
    Ok(())
}

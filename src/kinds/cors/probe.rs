//! The matrix of requests, and sending it.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{StreamExt as _, stream};
use http::Method;
use url::Url;

use super::Cors;
use super::facts::{Answer, Facts, Form, Seen};
use super::origins::{Class, Foreign, derived};
use crate::context::Context;
use crate::exchange::{Request, Session, SessionOptions, shown_url};
use crate::kinds::Planned;
use crate::net::TlsOptions;
use crate::outcome::Fault;

/// The cookie that stands for a session: it is nobody's.
const COOKIE: &str = "readyctl=1";
/// Requests under way at once: more would look like a burst to a rate limiter.
const AT_ONCE: usize = 4;
/// Bytes of a body that are read at most: only the headers matter.
const BODY: u64 = 64 * 1024;

/// One request to be sent.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// Without the cache-busting query.
    url: Url,
    /// What is recorded, answer still missing.
    pub(super) seen: Seen,
}

impl Probe {
    /// A GET as this origin.
    fn get(url: &Url, class: Class, origin: Option<&str>) -> Self {
        Self {
            url: url.clone(),
            seen: Seen {
                path: url.path().to_owned(),
                form: Form::Actual,
                class,
                origin: origin.map(str::to_owned),
                method: "GET".to_owned(),
                cookie: false,
                auth: false,
                shared: false,
                answer: None,
                error: None,
            },
        }
    }

    /// A preflight as this origin, for this method.
    fn preflight(url: &Url, class: Class, origin: &str, method: &str) -> Self {
        let mut probe = Self::get(url, class, Some(origin));
        probe.seen.form = Form::Preflight;
        probe.seen.method = method.to_owned();
        probe
    }

    /// The same with a cookie.
    fn cookie(mut self, cookie: bool) -> Self {
        self.seen.cookie = cookie;
        self
    }

    /// The same with the profile's credential, if it has one.
    fn auth(mut self, spec: &Cors) -> Self {
        self.seen.auth = spec.credential().is_some();
        self
    }

    /// The same at a URL that several origins ask.
    fn shared(mut self) -> Self {
        self.seen.shared = true;
        self
    }

    /// The same in another form.
    fn form(mut self, form: Form) -> Self {
        self.seen.form = form;
        self
    }
}

/// The origins that must be able to read: of a public API, anybody stands for everybody.
pub(super) fn readers(spec: &Cors) -> Vec<String> {
    if spec.allowed.is_empty() && spec.public {
        return vec![Foreign::arbitrary().origin];
    }
    spec.allowed.iter().map(|o| o.as_str().to_owned()).collect()
}

/// Asked one after the other at the same URL, so that what a cache keeps for one shows up in the
/// next.
pub(super) fn in_order(spec: &Cors, url: &Url) -> Vec<Probe> {
    let mut list = vec![Probe::get(url, Class::NoOrigin, None).shared()];
    for origin in readers(spec).iter().take(2) {
        list.push(Probe::get(url, Class::Allowed, Some(origin)).shared());
    }
    list
}

/// Asked at URLs of their own, several at once.
pub(super) fn at_once(spec: &Cors, url: &Url) -> Vec<Probe> {
    let mut list = Vec::new();
    let readers = readers(spec);
    for (n, origin) in readers.iter().enumerate() {
        // What a route accepts does not depend on which allowed origin asks.
        let methods = if n == 0 { spec.methods.len() } else { 1 };
        if spec.needs_preflight() {
            for method in spec.methods.iter().take(methods) {
                list.push(Probe::preflight(url, Class::Allowed, origin, method));
            }
        }
        list.push(
            Probe::get(url, Class::Allowed, Some(origin))
                .cookie(spec.credentials)
                .auth(spec),
        );
    }
    let method = spec.methods.first().map_or("GET", String::as_str);
    for foreign in [Foreign::arbitrary(), Foreign::null()] {
        let Foreign { class, origin } = &foreign;
        list.push(Probe::preflight(url, *class, origin, method));
        list.push(Probe::get(url, *class, Some(origin)).auth(spec));
        list.push(
            Probe::get(url, *class, Some(origin))
                .cookie(true)
                .auth(spec),
        );
    }
    list
}

/// The foreign origins that resemble allowed ones, in the form in which an allowed one was
/// answered: what a server never answers to anybody says nothing.
pub(super) fn resembling(spec: &Cors, url: &Url, readable: bool) -> Vec<Probe> {
    if spec.public {
        return Vec::new();
    }
    let method = spec.methods.first().map_or("GET", String::as_str);
    derived(&spec.allowed, &spec.denied)
        .into_iter()
        .map(|Foreign { class, origin }| {
            if readable {
                Probe::get(url, class, Some(&origin))
                    .cookie(true)
                    .auth(spec)
            } else {
                Probe::preflight(url, class, &origin, method)
            }
        })
        .collect()
}

/// Paths besides the routes themselves.
pub(super) fn besides(spec: &Cors) -> Vec<Probe> {
    let Some(base) = spec.base() else {
        return Vec::new();
    };
    let mut list = Vec::new();
    let readers = readers(spec);
    if let Some(origin) = readers.first() {
        for path in &spec.error_paths {
            if let Ok(url) = base.join(path) {
                list.push(Probe::get(&url, Class::Allowed, Some(origin)).form(Form::ErrorPath));
            }
        }
    }
    if let Some(url) = spec
        .websocket
        .as_ref()
        .and_then(|path| base.join(path).ok())
    {
        if let Some(origin) = readers.first() {
            list.push(Probe::get(&url, Class::Allowed, Some(origin)).form(Form::Socket));
        }
        let foreign = Foreign::arbitrary();
        list.push(Probe::get(&url, foreign.class, Some(&foreign.origin)).form(Form::Socket));
    }
    list
}

/// What would be sent, path by path.
pub(super) fn plan(spec: &Cors) -> Vec<Planned> {
    let mut counts: Vec<(String, u32)> = Vec::new();
    let mut add = |probe: &Probe| {
        let method = match probe.seen.form {
            Form::Preflight => "OPTIONS",
            _ => "GET",
        };
        let what = format!("{method} {}", shown_url(&probe.url));
        match counts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => counts.push((what, 1)),
        }
    };
    for url in spec.targets() {
        in_order(spec, &url).iter().for_each(&mut add);
        at_once(spec, &url).iter().for_each(&mut add);
        resembling(spec, &url, true).iter().for_each(&mut add);
    }
    besides(spec).iter().for_each(&mut add);
    counts
        .into_iter()
        .map(|(what, at_most)| Planned { what, at_most })
        .collect()
}

/// Sends everything.
pub(super) async fn observe(spec: &Cors, cx: &Context) -> Result<Facts, Fault> {
    for secret in [&spec.auth, &spec.with_cookie].into_iter().flatten() {
        cx.redactor.add(secret.expose());
    }
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
        run: u32::from_ne_bytes(cx.now.subsec_nanosecond().to_ne_bytes()),
        count: AtomicU32::new(0),
    };
    let mut facts = Facts::default();
    for url in spec.targets() {
        let shared = sender.next();
        for probe in in_order(spec, &url) {
            facts.probes.push(sender.send(probe, &shared).await?);
        }
        let first = sender.send_all(at_once(spec, &url)).await?;
        let readable = first.iter().any(|seen| {
            seen.form == Form::Actual
                && seen.class == Class::Allowed
                && seen
                    .answer
                    .as_ref()
                    .is_some_and(|answer| !answer.allow_origin.is_empty())
        });
        facts.probes.extend(first);
        let more = sender.send_all(resembling(spec, &url, readable)).await?;
        facts.probes.extend(more);
    }
    facts.probes.extend(sender.send_all(besides(spec)).await?);
    Ok(facts)
}

/// Sends probes over one session.
struct Sender<'a> {
    /// What to send.
    spec: &'a Cors,
    /// The observation.
    cx: &'a Context,
    /// Its connections.
    session: Session,
    /// Tells the URLs of this run from those of another.
    run: u32,
    /// Tells the URLs of this run from each other.
    count: AtomicU32,
}

impl Sender<'_> {
    /// A query value never used before.
    fn next(&self) -> String {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:x}-{n}", self.run)
    }

    /// Sends probes that do not depend on each other.
    async fn send_all(&self, probes: Vec<Probe>) -> Result<Vec<Seen>, Fault> {
        stream::iter(probes)
            .map(|probe| async move { self.send(probe, &self.next()).await })
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect()
    }

    /// Sends one probe. That a foreign origin gets no answer is told in the facts; that an allowed
    /// one gets none means that nothing can be seen here.
    async fn send(&self, probe: Probe, bust: &str) -> Result<Seen, Fault> {
        let Probe { url, mut seen } = probe;
        let request = self.request(url, &seen, bust)?;
        match self.session.send(self.cx, &request).await {
            Ok(response) => seen.answer = Some(Answer::new(response.status, &response.headers)),
            Err(fault) if matches!(seen.class, Class::Allowed | Class::NoOrigin) => {
                return Err(fault);
            }
            Err(fault) => seen.error = Some(fault.message),
        }
        Ok(seen)
    }

    /// The request of a probe.
    fn request(&self, mut url: Url, seen: &Seen, bust: &str) -> Result<Request, Fault> {
        url.query_pairs_mut().append_pair("readyctl", bust);
        let method = match seen.form {
            Form::Preflight => Method::OPTIONS,
            Form::Actual | Form::ErrorPath | Form::Socket => Method::GET,
        };
        let mut request = Request::new(method, url);
        request.max_body = BODY;
        if let Some(origin) = &seen.origin {
            request.header("Origin", origin)?;
        }
        if !seen.shared {
            request.header("Cache-Control", "no-cache")?;
        }
        match seen.form {
            Form::Preflight => {
                request.header("Access-Control-Request-Method", &seen.method)?;
                let names = self.spec.unsafe_headers();
                if !names.is_empty() {
                    request.header("Access-Control-Request-Headers", &names.join(","))?;
                }
            }
            Form::Socket => {
                request.header("Connection", "Upgrade")?;
                request.header("Upgrade", "websocket")?;
                request.header("Sec-WebSocket-Version", "13")?;
                request.header("Sec-WebSocket-Key", "cmVhZHljdGwtcHJvYmUtMQ==")?;
            }
            Form::Actual | Form::ErrorPath => {}
        }
        let auth_header = self.spec.auth_header.as_deref().unwrap_or("Authorization");
        // A credential that is a cookie takes the place of the made-up one.
        if seen.cookie && !(seen.auth && auth_header.eq_ignore_ascii_case("cookie")) {
            let own = self.spec.with_cookie.as_ref();
            request.header("Cookie", own.map_or(COOKIE, |cookie| cookie.expose()))?;
        }
        if let Some(auth) = self.spec.credential().filter(|_| seen.auth) {
            request.header(auth_header, auth.expose())?;
        }
        Ok(request)
    }
}

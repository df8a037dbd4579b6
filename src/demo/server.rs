//! The sample web service: HTTP/1.1 on loopback, read-only, a few routes.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::cors::{self, put};
use super::limiter::{CAPACITY, Limiter, WINDOW};
use super::{Break, RELEASE};

/// Bodies are small and known at once.
pub(super) type Body = Full<Bytes>;

/// How long the broken health endpoint takes.
const SLOW: Duration = Duration::from_millis(3_500);

/// Paths that exist, for telling 404 from 405.
const PATHS: &[&str] = &[
    "/",
    "/health/live",
    "/health/ready",
    "/api/v1/items",
    "/api/v1/private",
    "/api/v1/tags",
    "/metrics",
    "/version",
];

/// The start page. No script and no style: the content policy forbids both.
const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>readyctl demo</title>
<h1>The sample deployment of readyctl</h1>
<p>It lives as long as the command that started it.</p>
<ul>
<li><a href=\"/health/live\">/health/live</a>
<li><a href=\"/health/ready\">/health/ready</a>
<li><a href=\"/version\">/version</a>
<li><a href=\"/metrics\">/metrics</a>
<li><a href=\"/api/v1/items\">/api/v1/items</a>
</ul>
</html>
";

/// What all connections share.
#[derive(Debug)]
pub(super) struct App {
    /// How it is broken.
    breaks: Vec<Break>,
    /// Limits `/api/v1/items`.
    limiter: Limiter,
}

impl App {
    /// A service broken in these ways.
    pub(super) fn new(breaks: &[Break]) -> Self {
        Self {
            breaks: breaks.to_vec(),
            limiter: Limiter::default(),
        }
    }

    /// Whether it is broken in this way.
    pub(super) fn is_broken(&self, how: Break) -> bool {
        self.breaks.contains(&how)
    }
}

/// Serves connections until aborted, which ends them too.
pub(super) async fn serve(listener: TcpListener, app: Arc<App>) {
    let mut connections = JoinSet::new();
    loop {
        // Out of file descriptors, mostly: waiting is all that helps.
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let app = Arc::clone(&app);
        connections.spawn(async move {
            let service = service_fn(|request| {
                let app = Arc::clone(&app);
                async move { Ok::<_, Infallible>(answer(&app, &request, peer.ip()).await) }
            });
            // A client that hangs up is no concern of the sample.
            let _ended = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// One request, one answer, with the headers that every answer carries.
async fn answer<T>(app: &App, request: &Request<T>, peer: IpAddr) -> Response<Body> {
    let path = request.uri().path();
    let mut response = match cors::preflight(request) {
        Some(response) => response,
        None => route(app, request, path, peer).await,
    };
    cors::decorate(app, request.headers(), path, &mut response);
    protect(app, response.headers_mut());
    response
}

/// The security headers. Strict-Transport-Security is missing because it means nothing on `http:`.
fn protect(app: &App, headers: &mut HeaderMap) {
    let framing = app.is_broken(Break::FramingAllowed);
    if !app.is_broken(Break::MissingNosniff) {
        put(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    }
    if !framing {
        put(headers, header::X_FRAME_OPTIONS, "DENY");
    }
    if !app.is_broken(Break::ReferrerLeak) {
        put(headers, header::REFERRER_POLICY, "no-referrer");
    }
    let mut policy =
        String::from("default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'");
    if !framing {
        policy.push_str("; frame-ancestors 'none'");
    }
    put(headers, header::CONTENT_SECURITY_POLICY, &policy);
    if app.is_broken(Break::VersionDisclosed) {
        put(headers, header::SERVER, "Apache/2.4.41 (Ubuntu)");
        put(
            headers,
            HeaderName::from_static("x-powered-by"),
            "PHP/7.4.3",
        );
    }
}

/// Finds the page.
async fn route<T>(app: &App, request: &Request<T>, path: &str, peer: IpAddr) -> Response<Body> {
    // Counted before anything else, in any spelling, or a second slash would be a way around.
    let limited = path
        .to_ascii_lowercase()
        .split('/')
        .filter(|part| !part.is_empty())
        .eq(["api", "v1", "items"]);
    let quota = (limited && !app.is_broken(Break::NoRateLimit)).then(|| {
        app.limiter
            .take(&client(app, request.headers(), peer), Instant::now())
    });
    if let Some(quota) = quota
        && !quota.allowed
    {
        return too_many(app, quota.reset);
    }
    if path == "/.env" && app.is_broken(Break::EnvServed) {
        return text("text/plain", "APP_ENV=production\nSESSION_SECRET=demo\n");
    }
    if !PATHS.contains(&path) {
        return match app.is_broken(Break::SoftNotFound) {
            true => text("text/html; charset=utf-8", PAGE),
            false => error(StatusCode::NOT_FOUND, "not_found", "there is no such page"),
        };
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return wrong_method(request.method());
    }
    let mut response = match path {
        "/" => start_page(app),
        "/health/live" => live(app),
        "/health/ready" => ready(app).await,
        "/version" => version(app),
        "/metrics" => metrics(app),
        "/api/v1/private" => private(app, request.headers()),
        "/api/v1/tags" => tags(),
        _ => items(app),
    };
    if let Some(quota) = quota {
        announce(response.headers_mut(), quota.remaining, quota.reset);
    }
    response
}

/// Whom a request counts for: the peer's address, never a header that the client writes itself.
fn client(app: &App, headers: &HeaderMap, peer: IpAddr) -> String {
    let claimed = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok())
        .filter(|_| app.is_broken(Break::RateLimitXffBypass));
    claimed.map_or_else(|| peer.to_string(), str::to_owned)
}

/// The answer above the limit.
fn too_many(app: &App, reset: u64) -> Response<Body> {
    let status = match app.is_broken(Break::RateLimitWrongStatus) {
        true => StatusCode::FORBIDDEN,
        false => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut response = error(
        status,
        "too_many_requests",
        "the limit is 20 requests at once, then one a second",
    );
    announce(response.headers_mut(), 0, reset);
    if !app.is_broken(Break::RateLimitNoRetryAfter) {
        put(
            response.headers_mut(),
            header::RETRY_AFTER,
            &reset.to_string(),
        );
    }
    response
}

/// Says how much of the quota is left.
fn announce(headers: &mut HeaderMap, remaining: u32, reset: u64) {
    for (name, value) in [
        ("ratelimit-limit", CAPACITY.to_string()),
        ("ratelimit-remaining", remaining.to_string()),
        ("ratelimit-reset", reset.to_string()),
        (
            "ratelimit-policy",
            format!("{CAPACITY};w={}", WINDOW.as_secs()),
        ),
    ] {
        put(headers, HeaderName::from_static(name), &value);
    }
}

/// The answer to anything but GET and HEAD.
fn wrong_method(method: &Method) -> Response<Body> {
    let mut response = if method == Method::OPTIONS {
        let mut empty = Response::new(Body::default());
        *empty.status_mut() = StatusCode::NO_CONTENT;
        empty
    } else {
        error(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this page is read-only",
        )
    };
    put(response.headers_mut(), header::ALLOW, "GET, HEAD, OPTIONS");
    response
}

/// The start page, which opens a session.
fn start_page(app: &App) -> Response<Body> {
    let mut response = text("text/html; charset=utf-8", PAGE);
    let cookie = match app.is_broken(Break::CookieInsecure) {
        true => "session=demo; Path=/",
        false => "session=demo; Path=/; Secure; HttpOnly; SameSite=Lax",
    };
    put(response.headers_mut(), header::SET_COOKIE, cookie);
    put(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    response
}

/// Liveness: the process answers, whatever it depends on.
fn live(app: &App) -> Response<Body> {
    let state = match app.is_broken(Break::LiveSaysDown) {
        true => "fail",
        false => "pass",
    };
    json(&json!({"status": state, "version": RELEASE}))
}

/// Readiness: every dependency with its state.
async fn ready(app: &App) -> Response<Body> {
    if app.is_broken(Break::SlowHealth) {
        tokio::time::sleep(SLOW).await;
    }
    if app.is_broken(Break::ReadinessHtml) {
        return text("text/html; charset=utf-8", PAGE);
    }
    let down = app.is_broken(Break::HealthDown) || app.is_broken(Break::HealthSaysDownWith200);
    let state = if down { "fail" } else { "pass" };
    // The shape of draft-inadarei-api-health-check: each component has a list of measurements.
    let mut checks = json!({
        "database": [{"componentType": "datastore", "status": state}],
        "cache": [{"componentType": "datastore", "status": "pass"}],
        "queue": [{"componentType": "component", "status": "pass"}],
    });
    if let Some(checks) = checks.as_object_mut() {
        if app.is_broken(Break::ReadinessMissingComponent) {
            checks.remove("cache");
        }
        if app.is_broken(Break::ReadinessNullComponent) {
            checks.insert("cache".to_owned(), json!([{"status": null}]));
        }
        if app.is_broken(Break::ReadinessPartlyDown) {
            checks.insert("queue".to_owned(), json!([{"status": "fail"}]));
        }
    }
    let mut response = json(&json!({"status": state, "version": RELEASE, "checks": checks}));
    if app.is_broken(Break::HealthDown) {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    if app.is_broken(Break::HealthCacheable) {
        put(
            response.headers_mut(),
            header::CACHE_CONTROL,
            "public, max-age=3600",
        );
    }
    response
}

/// What the service is for.
fn items(app: &App) -> Response<Body> {
    let mut items = vec![
        json!({"id": 1, "title": "Try readyctl on a deployment of your own"}),
        json!({"id": 2, "title": "Break this one: readyctl demo --break list"}),
    ];
    if app.is_broken(Break::ItemsEmpty) {
        items.clear();
    }
    json(&json!({"items": items}))
}

/// A list that changes so rarely that caches may keep it.
fn tags() -> Response<Body> {
    let mut response = json(&json!({"tags": ["work", "home"]}));
    put(
        response.headers_mut(),
        header::CACHE_CONTROL,
        "public, max-age=60",
    );
    response
}

/// Which release runs.
fn version(app: &App) -> Response<Body> {
    let running = match app.is_broken(Break::OldRelease) {
        true => "1.3.9",
        false => RELEASE,
    };
    json(&json!({"version": running, "commit": "5f0c1e2"}))
}

/// A small exposition.
fn metrics(app: &App) -> Response<Body> {
    if app.is_broken(Break::MetricsMissing) {
        return error(StatusCode::NOT_FOUND, "not_found", "metrics are turned off");
    }
    text(
        "text/plain; version=0.0.4; charset=utf-8",
        "# HELP demo_http_requests_total Requests answered.\n\
         # TYPE demo_http_requests_total counter\n\
         demo_http_requests_total{code=\"200\"} 1024\n\
         demo_http_requests_total{code=\"500\"} 0\n\
         # HELP demo_up Whether the service is up.\n\
         # TYPE demo_up gauge\n\
         demo_up 1\n",
    )
}

/// A route behind a bearer token. Nobody has one: the sample never issues any.
fn private(app: &App, headers: &HeaderMap) -> Response<Body> {
    if app.is_broken(Break::PrivateOpen) {
        return json(&json!({"owner": "someone else"}));
    }
    let detail = match headers.contains_key(header::AUTHORIZATION) {
        true => "the token is not known",
        false => "a bearer token is needed",
    };
    let mut response = error(StatusCode::UNAUTHORIZED, "unauthorized", detail);
    if !app.is_broken(Break::NoChallenge) {
        put(
            response.headers_mut(),
            header::WWW_AUTHENTICATE,
            "Bearer realm=\"demo\"",
        );
    }
    response
}

/// An error in the service's one shape.
fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let mut response = json(&json!({"error": {"code": code, "message": message}}));
    *response.status_mut() = status;
    response
}

/// A JSON answer that no cache keeps.
fn json(value: &Value) -> Response<Body> {
    let mut response = text("application/json", &value.to_string());
    put(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    response
}

/// An answer of this type.
fn text(content_type: &str, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    put(response.headers_mut(), header::CONTENT_TYPE, content_type);
    response
}

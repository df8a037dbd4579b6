//! The API: axum with tower-http's CORS in front of a limiter in front of authentication, as CALIBER
//! stacks them. It runs in the process of the test; words break it while it runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The key that the audit uses.
pub(crate) const KEY: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";
/// A key that was replaced.
pub(crate) const OLD_KEY: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
/// The tenant that the audit may read.
pub(crate) const TENANT: &str = "0190a000-0000-7000-8000-000000000001";

/// How many requests pass: so many a minute, so many of them at once.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    /// Refilled evenly.
    pub(crate) per_minute: u32,
    /// What a rested caller may send at once.
    pub(crate) burst: u32,
}

/// What the handlers share with the test.
struct Shared {
    words: Mutex<BTreeSet<String>>,
    origins: Mutex<Vec<String>>,
    limit: Mutex<Limit>,
    /// When each caller's allowance is whole again.
    full_at: Mutex<HashMap<String, Instant>>,
    /// Requests by method, path and status.
    counts: Mutex<BTreeMap<(String, String, u16), u64>>,
    database: Option<tokio_postgres::Config>,
}

type Api = State<Arc<Shared>>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

impl Shared {
    fn is(&self, word: &str) -> bool {
        self.words.lock().unwrap().contains(word)
    }

    /// Whether one more request of this caller passes, else after how many seconds.
    fn admit(&self, caller: &str) -> Result<(), u64> {
        let limit = *self.limit.lock().unwrap();
        let each = Duration::from_mins(1) / limit.per_minute;
        let mut full_at = self.full_at.lock().unwrap();
        let now = Instant::now();
        let full = full_at.get(caller).copied().unwrap_or(now).max(now);
        let wait = (full + each).saturating_duration_since(now + each * limit.burst);
        if !wait.is_zero() {
            return Err(wait.as_secs().max(1));
        }
        full_at.insert(caller.to_owned(), full + each);
        Ok(())
    }

    fn lets_in(&self, origin: &str) -> bool {
        let origins = self.origins.lock().unwrap();
        let listed = origins.iter().any(|known| known == origin);
        if self.is("cors-none") {
            false
        } else if self.is("cors-echo") {
            true
        } else if self.is("cors-suffix") {
            listed || origin.ends_with("example.com")
        } else {
            listed
        }
    }
}

/// The running service; gone when dropped.
pub(crate) struct Service {
    shared: Arc<Shared>,
    port: u16,
    runtime: Option<Runtime>,
}

impl Service {
    /// Starts it on a free loopback port; readiness looks at this database.
    pub(crate) fn start(database: Option<&str>) -> Self {
        Self::with(database, false)
    }

    /// The same as it is without configured origins: any page may read it.
    pub(crate) fn for_any_origin(database: Option<&str>) -> Self {
        Self::with(database, true)
    }

    fn with(database: Option<&str>, any_origin: bool) -> Self {
        let shared = Arc::new(Shared {
            words: Mutex::default(),
            origins: Mutex::new(vec!["https://app.example.com".to_owned()]),
            limit: Mutex::new(Limit {
                per_minute: 1000,
                burst: 200,
            }),
            full_at: Mutex::default(),
            counts: Mutex::default(),
            database: database.map(|url| url.parse().expect("a connection URL")),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let app = router(&shared, any_origin).into_make_service_with_connect_info::<SocketAddr>();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("loopback has a free port");
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            shared,
            port,
            runtime: Some(runtime),
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Breaks it with these words and no others; everybody's allowance is whole again.
    pub(crate) fn breaks(&self, words: &[&str]) {
        *self.shared.words.lock().unwrap() = words.iter().map(|&word| word.to_owned()).collect();
        self.rested();
    }

    /// Nobody has sent anything lately.
    pub(crate) fn rested(&self) {
        self.shared.full_at.lock().unwrap().clear();
    }

    /// Lets these origins in.
    pub(crate) fn origins(&self, origins: &[&str]) {
        *self.shared.origins.lock().unwrap() =
            origins.iter().map(|&origin| origin.to_owned()).collect();
    }

    /// Another limit.
    pub(crate) fn limit(&self, per_minute: u32, burst: u32) {
        *self.shared.limit.lock().unwrap() = Limit { per_minute, burst };
        self.rested();
    }

    /// Ends it: nobody listens any more.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

fn router(shared: &Arc<Shared>, any_origin: bool) -> Router {
    let state = || Arc::clone(shared);
    let api = Router::new()
        .route("/trajectories", get(trajectories))
        .route("/ws", get(websocket))
        .route("/mcp/initialize", post(versioned_mcp).get(versioned_mcp))
        .route("/mcp/tools/list", get(versioned_mcp))
        .layer(from_fn_with_state(state(), authenticate));
    let mcp = Router::new()
        .route("/initialize", post(mcp_initialize))
        .route("/tools/list", get(mcp_tools))
        .layer(from_fn_with_state(state(), mcp_switch));
    let origins = if any_origin {
        AllowOrigin::any()
    } else {
        let shared = state();
        AllowOrigin::predicate(move |origin: &HeaderValue, _: &_| {
            origin.to_str().is_ok_and(|origin| shared.lets_in(origin))
        })
    };
    let cors = CorsLayer::new()
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::HeaderName::from_static("x-api-key"),
            header::HeaderName::from_static("x-tenant-id"),
        ])
        .max_age(Duration::from_hours(1))
        .allow_origin(origins);
    Router::new()
        .nest("/api/v1", api)
        .nest("/mcp", mcp)
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi_json))
        .route("/swagger-ui/", get(swagger_ui))
        .route(
            "/auth/dev/token",
            post(development_token).get(development_token_get),
        )
        .route("/auth/workos/webhooks", post(webhook).get(webhook_get))
        .route("/collector/v1/traces", post(collector))
        .route("/backend/traces", get(traces))
        .layer(from_fn_with_state(state(), limiter))
        .layer(from_fn_with_state(state(), observe))
        .layer(cors)
        .with_state(state())
}

/// An answer in the service's own words for trouble.
fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "code": code, "message": message }))).into_response()
}

fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

// In front of every route -----------------------------------------------------------------------

/// Counts every answer, refusals of the limiter included.
async fn observe(State(api): Api, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let key = (method, path, response.status().as_u16());
    *api.counts.lock().unwrap().entry(key).or_default() += 1;
    response
}

/// One allowance for each address, whatever is asked for.
async fn limiter(
    State(api): Api,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let stand_in = ["/collector/", "/backend/"];
    if api.is("no-limit") || stand_in.iter().any(|p| request.uri().path().starts_with(p)) {
        return next.run(request).await;
    }
    let Err(seconds) = api.admit(&from.ip().to_string()) else {
        let mut response = next.run(request).await;
        let limit = api.limit.lock().unwrap().per_minute;
        response
            .headers_mut()
            .insert("x-ratelimit-limit", HeaderValue::from(limit));
        return response;
    };
    let mut response = refuse(
        StatusCode::TOO_MANY_REQUESTS,
        "TOO_MANY_REQUESTS",
        "Too many requests",
    );
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A key, and a tenant.
async fn authenticate(State(api): Api, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let of = |name: &str| {
        let value = headers.get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let ws = request.uri().path().ends_with("/ws");
    let key = of("x-api-key");
    let known = match key.as_deref() {
        Some(KEY) => true,
        Some(OLD_KEY) => api.is("old-key"),
        _ => false,
    };
    let open = api.is("open") || (ws && api.is("ws-open"));
    let tenantless = api.is("tenantless") || (ws && api.is("ws-tenantless")) || open;
    let tenant = of("x-tenant-id").is_some_and(|id| id.len() == TENANT.len());
    let mut response = if !known && !open {
        let message = if key.is_some() {
            "Invalid API key"
        } else {
            "Authentication required: provide X-API-Key or Authorization header"
        };
        let leak =
            "at caliber_api::auth (src/auth.rs:42), postgres://caliber:s3cr3t-w0rd@db/caliber";
        let message = if api.is("leaky") { leak } else { message };
        refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    } else if !tenant && !tenantless {
        let message = "X-Tenant-ID header is required";
        refuse(StatusCode::BAD_REQUEST, "MISSING_FIELD", message)
    } else {
        next.run(request).await
    };
    let caching = if api.is("cached") {
        "public, max-age=600"
    } else {
        "no-store"
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

// Routes ----------------------------------------------------------------------------------------

async fn trajectories(State(api): Api) -> Response {
    if api.is("no-rest") {
        return not_found();
    }
    if api.is("rest-fails") {
        return refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_ERROR",
            "Pool exhausted",
        );
    }
    Json(json!({ "trajectories": [], "total": 0 })).into_response()
}

async fn websocket(State(api): Api, upgrade: Upgrade) -> Response {
    if api.is("no-ws") {
        return not_found();
    }
    match upgrade {
        Ok(upgrade) => upgrade.on_upgrade(echo),
        Err(refused) => refused.into_response(),
    }
}

/// Sends back what comes; the library answers pings and goodbyes.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(_) = message
            && socket.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn mcp_switch(State(api): Api, request: Request, next: Next) -> Response {
    if api.is("no-mcp") {
        return not_found();
    }
    next.run(request).await
}

async fn mcp_initialize() -> Json<Value> {
    Json(
        json!({ "protocol_version": "2024-11-05", "server_info": { "name": "caliber", "version": "0.5.0" } }),
    )
}

async fn mcp_tools() -> Json<Value> {
    Json(json!({ "tools": [{ "name": "trajectory_create" }] }))
}

async fn versioned_mcp(State(api): Api) -> Response {
    if api.is("versioned-mcp") {
        return mcp_initialize().await.into_response();
    }
    not_found()
}

async fn live(State(api): Api) -> Response {
    if api.is("dead") {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "DEAD", "Deadlocked");
    }
    Json(json!({ "status": "healthy", "message": "Process is alive" })).into_response()
}

async fn ready(State(api): Api) -> Response {
    let database = match &api.database {
        None => Ok(()),
        Some(config) => ask(config).await,
    };
    let state = |up: bool| if up { "healthy" } else { "unhealthy" };
    let mut body = json!({ "status": state(database.is_ok()), "details": {
        "database": { "status": state(database.is_ok()), "latency_ms": 1 }, "version": "0.5.0", "uptime_seconds": 60 } });
    if api.is("blind-readiness") {
        body = json!({ "status": "healthy" });
    }
    if api.is("lying-readiness") {
        body["details"]["database"] =
            json!({ "status": "unhealthy", "error": "Connection refused" });
    }
    let status = if database.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

/// Whether the database answers.
async fn ask(config: &tokio_postgres::Config) -> Result<(), tokio_postgres::Error> {
    let mut config = config.clone();
    config.connect_timeout(Duration::from_secs(2));
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client.simple_query("select 1").await.map(|_| ())
}

async fn metrics(State(api): Api) -> Response {
    if api.is("no-metrics") {
        return not_found();
    }
    let mut page = String::new();
    if api.is("metrics-page") {
        page.push_str("<!doctype html><title>Metrics</title>\n");
    }
    if !api.is("other-metrics") {
        page.push_str("# HELP caliber_http_requests_total Total number of HTTP requests\n# TYPE caliber_http_requests_total counter\n");
        for ((method, path, status), count) in &*api.counts.lock().unwrap() {
            page.push_str(&format!(
                "caliber_http_requests_total{{method=\"{method}\",path=\"{path}\",status=\"{status}\"}} {count}\n"
            ));
        }
        if api.is("errors") {
            // As many again as all others together, ten times over: the rate shows it too.
            let count = 10 * api.counts.lock().unwrap().values().sum::<u64>();
            page.push_str(&format!(
                "caliber_http_requests_total{{method=\"POST\",path=\"/api/v1/notes\",status=\"503\"}} {count}\n"
            ));
        }
    }
    page.push_str("# HELP caliber_websocket_connections Current number of active WebSocket connections\n# TYPE caliber_websocket_connections gauge\ncaliber_websocket_connections 0\n");
    if !api.is("untimed") {
        let labels = "operation=\"get\",entity=\"trajectory\"";
        let name = "caliber_db_operation_duration_seconds";
        page.push_str(&format!(
            "# HELP {name} Database operation duration in seconds\n# TYPE {name} histogram\n\
             {name}_bucket{{{labels},le=\"0.01\"}} 6\n{name}_bucket{{{labels},le=\"+Inf\"}} 7\n\
             {name}_sum{{{labels}}} 0.041\n{name}_count{{{labels}}} 7\n"
        ));
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], page).into_response()
}

/// The document that the service serves and the repository holds.
pub(crate) fn openapi() -> Value {
    let operation = |summary: &str| {
        json!({ "get": { "summary": summary, "operationId": summary.to_lowercase().replace(' ', "_"),
            "responses": { "200": { "description": "OK" }, "401": { "description": "Unauthorized" } } } })
    };
    json!({ "openapi": "3.1.0", "info": { "title": "CALIBER API", "version": "0.5.0" }, "paths": {
        "/api/v1/trajectories": operation("List trajectories"),
        "/api/v1/notes": operation("List notes"),
        "/health/live": operation("Liveness") } })
}

async fn openapi_json(State(api): Api) -> Response {
    let mut document = openapi();
    if api.is("no-openapi") {
        return not_found();
    }
    if api.is("old-openapi") {
        document["info"]["version"] = "0.4.4".into();
    }
    if api.is("dangling-openapi") {
        document["paths"]["/api/v1/notes"]["get"]["responses"]["200"]["content"] =
            json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Note" } } });
    }
    if api.is("empty-openapi") {
        document["paths"] = json!({});
    }
    Json(document).into_response()
}

async fn swagger_ui(State(api): Api) -> Response {
    if api.is("swagger") {
        let page = "<!doctype html><title>Swagger UI</title><div id=\"swagger-ui\"></div>";
        return ([(header::CONTENT_TYPE, "text/html")], page).into_response();
    }
    not_found()
}

async fn development_token(State(api): Api) -> Response {
    if api.is("development") {
        return Json(json!({ "token_type": "Bearer" })).into_response();
    }
    not_found()
}

/// Where the route is compiled in, it wants POST.
async fn development_token_get(State(api): Api) -> Response {
    if api.is("development") {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    not_found()
}

/// Nobody in these tests can sign, so that everything is refused by whoever verifies.
async fn webhook(State(api): Api, headers: HeaderMap) -> Response {
    let signed = headers.contains_key("workos-signature");
    if api.is("webhook-unverified") || (signed && api.is("webhook-stale")) {
        return StatusCode::OK.into_response();
    }
    if api.is("allowlist") {
        return refuse(StatusCode::FORBIDDEN, "FORBIDDEN", "Not from here");
    }
    let message = "Invalid WorkOS signature";
    refuse(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
}

async fn webhook_get(State(api): Api) -> Response {
    if api.is("allowlist") {
        return refuse(StatusCode::FORBIDDEN, "FORBIDDEN", "Not from here");
    }
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

// What stands beside the API --------------------------------------------------------------------

/// The collector of traces.
async fn collector(State(api): Api) -> Response {
    if api.is("no-collector") {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(json!({ "partialSuccess": {} })).into_response()
}

/// The tracing backend's list of recent traces.
async fn traces(State(api): Api) -> Json<Value> {
    if api.is("no-traces") {
        return Json(json!({ "data": [] }));
    }
    Json(json!({ "data": [{ "traceID": "4bf92f3577b34da6a3ce929d0e0e4736", "spans": [] }] }))
}

//! Cross-origin rules of the sample service: one trusted origin, credentials allowed.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};

use super::server::{App, Body};
use super::{Break, FRONTEND};

/// The answer to a preflight; `None` when the request is none.
pub(super) fn preflight<T>(request: &Request<T>) -> Option<Response<Body>> {
    let asks = request
        .headers()
        .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && request.headers().contains_key(header::ORIGIN);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        put(response.headers_mut(), name, value);
    }
    Some(response)
}

/// Adds what every answer carries, errors included.
pub(super) fn decorate(
    app: &App,
    request_headers: &HeaderMap,
    path: &str,
    response: &mut Response<Body>,
) {
    let origin = request_headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let status = response.status();
    let headers = response.headers_mut();
    if !app.is_broken(Break::CorsNoVary) {
        put(headers, header::VARY, "Origin");
    }
    if app.is_broken(Break::CorsMissingOnErrors) && status.is_client_error() {
        return;
    }
    if app.is_broken(Break::CorsCredentialsWildcard) {
        put(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        put(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        return;
    }
    let Some(origin) = origin else { return };
    let trusted = origin == FRONTEND && !app.is_broken(Break::CorsFrontendRefused)
        || app.is_broken(Break::CorsAnyOrigin) && origin != "null"
        || app.is_broken(Break::CorsNull) && origin == "null"
        || app.is_broken(Break::CorsPrefix) && origin.starts_with(FRONTEND);
    if !trusted {
        return;
    }
    put(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    put(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    if path.starts_with("/api/") {
        put(
            headers,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After",
        );
    }
}

/// Sets a header; a value that cannot stand in one is left out.
pub(super) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

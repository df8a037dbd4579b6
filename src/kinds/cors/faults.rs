//! The catalogue: what can be wrong with cross-origin access.

use crate::kinds::FaultDoc;

/// Every fault of the kind.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "CORS-01",
        "allowed origin not allowed",
        "A page of that origin gets a network error instead of the answer: the application is broken for its users.",
        "Add the origin, exactly as the browser sends it, to the allow-list the running service reads; restart it if needed.",
    ),
    FaultDoc::caught(
        "CORS-02",
        "any origin allowed by echo",
        "The server copies whatever Origin it is sent, so every page on the web may read what the API tells an anonymous visitor of that network.",
        "Compare the whole Origin with a list of allowed ones, or answer `*` if the API is public on purpose.",
    ),
    FaultDoc::caught(
        "CORS-03",
        "any origin allowed with credentials",
        "Every page on the web may act as the signed-in user who visits it and read the answers.",
        "Never combine an echoed Origin with Access-Control-Allow-Credentials: compare with a list. Some frameworks echo as soon as `*` and credentials are both configured.",
    ),
    FaultDoc::caught(
        "CORS-04",
        "`*` together with credentials",
        "Browsers refuse `*` for requests with credentials, so these fail; and the configuration means two things at once.",
        "List the origins when credentials are needed, or drop Access-Control-Allow-Credentials.",
    ),
    FaultDoc::caught(
        "CORS-05",
        "`null` origin allowed",
        "Any page can get the origin `null`, with a sandboxed frame: trusting it is trusting everybody.",
        "Remove `null` from the allow-list.",
    ),
    FaultDoc::caught(
        "CORS-06",
        "origin compared by its beginning",
        "Whoever registers a domain under which the allowed name is a subdomain is let in.",
        "Compare the whole Origin for equality; end patterns with `$`.",
    ),
    FaultDoc::caught(
        "CORS-07",
        "origin compared by its end",
        "Whoever registers a domain that ends in the same letters is let in.",
        "Compare the whole Origin for equality; begin patterns with `^https://` and keep the dot.",
    ),
    FaultDoc::caught(
        "CORS-08",
        "origin compared by containment",
        "An origin that merely has the allowed name inside, or is itself a piece of the allow-list's text, is let in.",
        "Compare the whole Origin for equality, item by item of the list.",
    ),
    FaultDoc::caught(
        "CORS-09",
        "dot in a pattern not escaped",
        "In a regular expression `.` stands for any character, so a different domain that somebody can register fits.",
        "Escape the dots (`\\.`) or compare for equality.",
    ),
    FaultDoc::caught(
        "CORS-10",
        "any subdomain allowed",
        "One forgotten or taken-over subdomain, or one with a script injection, may read the API.",
        "List the subdomains that need access, or declare `subdomains: true` if it is meant.",
    ),
    FaultDoc::caught(
        "CORS-11",
        "plain http variant allowed",
        "Whoever sits in the network path can forge a page of the http:// origin and read the API through it.",
        "Allow the https:// origin only.",
    ),
    FaultDoc::caught(
        "CORS-12",
        "other port allowed",
        "Another service on the same host, however unimportant, may read the API.",
        "Compare scheme, host and port.",
    ),
    FaultDoc::caught(
        "CORS-13",
        "host with a special character allowed",
        "Some browsers resolve host names with such characters; a pattern that stops at them lets a foreign domain in.",
        "Compare the whole Origin for equality instead of with a pattern.",
    ),
    FaultDoc::caught(
        "CORS-14",
        "origin compared loosely",
        "User information is no part of an origin: accepting it shows that the comparison is not exact, and another domain stands behind the `@`.",
        "Compare the Origin byte for byte.",
    ),
    FaultDoc::caught(
        "CORS-15",
        "strangers on a shared hosting domain allowed",
        "Anybody can publish a page under the suffix of a hosting platform within minutes.",
        "List the exact names of your deployments; do not allow a pattern of the platform's domain.",
    ),
    FaultDoc::caught(
        "CORS-16",
        "developer's machine allowed",
        "Any program that listens on a port of the user's machine may serve pages that read the production API.",
        "Keep localhost origins out of the production allow-list.",
    ),
    FaultDoc::caught(
        "CORS-17",
        "preflight refused",
        "Browsers send preflights without credentials and accept neither redirects nor error statuses: the request itself is never made.",
        "Answer OPTIONS with 2xx before authentication, redirects and rate limits are applied.",
    ),
    FaultDoc::caught(
        "CORS-18",
        "preflight lacks a method or header",
        "The browser does not send the request because the preflight does not permit what the application needs. `*` never covers Authorization.",
        "Add the method (case matters) or header to the service's allowed ones.",
    ),
    FaultDoc::caught(
        "CORS-19",
        "`*` methods or headers with credentials",
        "For requests with credentials `*` is a literal name and permits nothing.",
        "List methods and headers by name.",
    ),
    FaultDoc::caught(
        "CORS-20",
        "malformed CORS header",
        "Browsers compare byte for byte: a list, a repeated header, a trailing slash or `True` permits nothing.",
        "Send one Access-Control-Allow-Origin with exactly the request's origin, from one layer only (proxy or application), and `true` in lower case.",
    ),
    FaultDoc::caught(
        "CORS-21",
        "no Vary: Origin",
        "The answer depends on the Origin but does not say so: a cache may hand one origin's answer to another, which then fails or leaks.",
        "Send `Vary: Origin` on every answer of the route, also without an Origin and to foreign ones.",
    ),
    FaultDoc::caught(
        "CORS-22",
        "Vary overwritten",
        "Setting Vary for CORS dropped what was in it, so that caches mix up encodings or languages.",
        "Append to Vary instead of replacing it.",
    ),
    FaultDoc::caught(
        "CORS-23",
        "error answers without CORS headers",
        "Scripts cannot read the status: users see a network error instead of `please sign in` or `slow down`.",
        "Let the CORS layer wrap authentication, rate limiting and error handling; nginx needs `always` on add_header.",
    ),
    FaultDoc::caught(
        "CORS-24",
        "cache hands out another origin's answer",
        "What an allowed origin gets depends on who asked before at the same URL, or on the node that answers.",
        "Send `Vary: Origin` and make the cache honour it; configure all nodes alike.",
    ),
    FaultDoc::caught(
        "CORS-25",
        "needed response header not exposed",
        "Scripts see only a few response headers unless the others are named.",
        "Name it in Access-Control-Expose-Headers.",
    ),
    FaultDoc::caught(
        "CORS-26",
        "preflight kept too short or too long",
        "Without Access-Control-Max-Age nearly every request pays a second round trip; above a day no browser follows.",
        "Send a value between a few minutes and 86400 seconds.",
    ),
    FaultDoc::caught(
        "CORS-27",
        "internal service readable by any page",
        "Any page an employee opens can read a service that only the network protects.",
        "Remove the CORS headers from services that no page needs.",
    ),
    FaultDoc::caught(
        "CORS-28",
        "WebSocket accepts a foreign origin",
        "Browsers do not restrict WebSockets: without a check of its own the server lets any page talk as the signed-in user.",
        "Compare Origin with the allow-list during the handshake and answer 403 otherwise.",
    ),
    FaultDoc::caught(
        "CORS-29",
        "answer lacks the permission its preflight had",
        "The preflight passes and the request is made, but the page may not read the answer.",
        "Send Access-Control-Allow-Origin on the answer too, not only on OPTIONS.",
    ),
    FaultDoc::caught(
        "CORS-51",
        "`*` on an API that is not declared public",
        "Every page may read what the API tells without credentials. The configuration may list origins: what counts is what is sent.",
        "List the origins, or declare `public: true` if it is meant.",
    ),
    FaultDoc::caught(
        "CORS-52",
        "credentials not permitted",
        "The application sends credentials, and browsers withhold the answer without Access-Control-Allow-Credentials: true.",
        "Enable credentials for the allowed origins.",
    ),
    FaultDoc::caught(
        "CORS-53",
        "denied origin allowed",
        "The profile says that this origin must not read the API, and it may.",
        "Remove it from the allow-list.",
    ),
];

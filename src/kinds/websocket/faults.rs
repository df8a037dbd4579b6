//! The fault catalogue of the kind.

use super::FaultDoc;

/// What is caught.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "WS-01",
        "not upgraded to WebSocket",
        "The server answers the handshake with something else than 101: no client gets a connection. A page with status 200 at this path looks alive and is not.",
        "Pass `Upgrade` and `Connection` through every proxy with HTTP/1.1 (nginx: proxy_http_version 1.1), and see that the path and the credentials are right.",
    ),
    FaultDoc::caught(
        "WS-02",
        "handshake answered wrongly",
        "Without the right Sec-WebSocket-Accept, Upgrade and Connection headers every browser drops the connection; something answers 101 that does not speak WebSocket, or a cache did.",
        "See which server or proxy answers 101 here, and take hand-written handshakes out.",
    ),
    FaultDoc::caught(
        "WS-03",
        "foreign origins may connect",
        "Browsers send cookies with WebSocket handshakes of any site and CORS does not apply: a hostile page can speak in the name of your user.",
        "Compare the Origin header with a list of your own origins during the handshake, exactly and in full, and answer 403 to others.",
    ),
    FaultDoc::caught(
        "WS-04",
        "the own origin is refused",
        "Handshakes without Origin pass and those of the frontend do not: it works in tests and not in browsers.",
        "Add the frontend's origin, with scheme and port, to the allowed origins of the WebSocket endpoint.",
    ),
    FaultDoc::caught(
        "WS-05",
        "connects without credentials",
        "Anybody may open a connection that is meant for signed-in users or one tenant.",
        "Check credentials and tenant before the upgrade, and answer 401 or 403 when they are missing.",
    ),
    FaultDoc::caught(
        "WS-06",
        "subprotocol not agreed on",
        "Client and server would read each other's messages differently; browsers drop a connection whose subprotocol was not offered.",
        "Let the server choose one of the offered subprotocols, and pass Sec-WebSocket-Protocol through proxies.",
    ),
    FaultDoc::caught(
        "WS-07",
        "first message missing or wrong",
        "The connection stands, but what is behind it does not do its work.",
        "Look at what feeds the socket: subscription, message broker, permissions.",
    ),
    FaultDoc::caught(
        "WS-08",
        "ping not answered",
        "Every endpoint must answer a ping. Without it nobody can tell a dead connection from a quiet one.",
        "Use a WebSocket library that answers pings, and do not block its reading loop.",
    ),
    FaultDoc::caught(
        "WS-09",
        "quiet connections are cut",
        "A proxy or load balancer closes connections on which nothing is said for a while; clients lose messages until they notice.",
        "Raise the idle timeout (nginx: proxy_read_timeout), or let the server ping more often than that.",
    ),
    FaultDoc::caught(
        "WS-10",
        "connects without encryption",
        "Credentials and messages can be read on the way; there is no HSTS before the first visit.",
        "Refuse or redirect the handshake on the plain port.",
    ),
    FaultDoc::caught(
        "WS-12",
        "closed abnormally",
        "The server ended the conversation with an error or without the closing handshake: clients reconnect in a loop, and messages are lost.",
        "Look into the server's log at this time; 1011 is an exception in the handler, 1006 a connection that was cut.",
    ),
    FaultDoc::caught(
        "WS-13",
        "an extension that nobody offered",
        "A server that compresses without having been asked sends frames that clients must refuse.",
        "Let the library negotiate extensions, and keep proxies from caching or adding Sec-WebSocket-Extensions.",
    ),
    FaultDoc::caught(
        "WS-51",
        "slow handshake",
        "Every reconnect waits at least this long, and all clients reconnect at once after a deployment.",
        "Look at what the handshake waits for: authentication, a database, TLS.",
    ),
];

//! The catalogue: what can be wrong with a rate limit.

use crate::kinds::FaultDoc;

/// Every fault of the kind.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "RL-01",
        "no limit",
        "One caller can use up the service for all others.",
        "Enable the limiter on this route; see that it is not in a dry-run mode and that this caller is not on its allow-list.",
    ),
    FaultDoc::caught(
        "RL-02",
        "limit far above the intended one",
        "A counter kept in each process or replica allows the limit times the number of them.",
        "Count in a shared store, or divide the limit by the number of replicas.",
    ),
    FaultDoc::caught(
        "RL-03",
        "refusal with the wrong status",
        "Clients retry a 503 at once, give up on a 403 and take a 200 for data: only 429 tells them to slow down.",
        "Answer 429; in nginx `limit_req_status 429;`.",
    ),
    FaultDoc::caught(
        "RL-04",
        "no Retry-After",
        "Clients do not know when to come back and keep asking.",
        "Send Retry-After with every refusal; nginx needs `add_header Retry-After … always`.",
    ),
    FaultDoc::caught(
        "RL-05",
        "Retry-After without sense",
        "A malformed, past or absurd value makes clients retry at once, or never.",
        "Send whole seconds until the limit allows more.",
    ),
    FaultDoc::caught(
        "RL-06",
        "Retry-After earlier than the reset",
        "Clients that come back as told are refused again.",
        "Send at least the seconds until the window resets.",
    ),
    FaultDoc::caught(
        "RL-07",
        "still limited after the wait",
        "A limit that does not reset, or that every refused request prolongs, locks callers out.",
        "Do not count refused requests; check that the counter expires.",
    ),
    FaultDoc::caught(
        "RL-08",
        "forged client address gets around the limit",
        "Anybody can send X-Forwarded-For: with another value each time there is no limit.",
        "Trust forwarding headers from your own proxies only, and let them overwrite what clients send.",
    ),
    FaultDoc::caught(
        "RL-09",
        "another spelling of the URL gets around the limit",
        "The limiter counts each spelling separately, so the limit can be multiplied at will.",
        "Normalise the path and leave the query out of the key.",
    ),
    FaultDoc::unseen(
        "RL-10",
        "IPv6 addresses counted one by one",
        "A single line has 2^64 addresses.",
        "Count by /64 or /56 prefixes.",
        "needs requests from many addresses of one prefix",
    ),
    FaultDoc::caught(
        "RL-11",
        "all callers share one counter",
        "One busy caller shuts out everybody, as happens when the proxy's address is the key.",
        "Count by key, user or the real client address.",
    ),
    FaultDoc::caught(
        "RL-12",
        "login without a limit",
        "Passwords and one-time codes can be guessed at full speed.",
        "Limit attempts by account and by address.",
    ),
    FaultDoc::caught(
        "RL-13",
        "announced remainder makes no sense",
        "Clients that pace themselves by it run into refusals, or wait for nothing.",
        "Announce what the limiter really counts, between 0 and the limit.",
    ),
    FaultDoc::caught(
        "RL-14",
        "announced limits contradict each other",
        "Two limiters or two layers announce different numbers; clients believe the wrong one.",
        "Let one layer announce.",
    ),
    FaultDoc::caught(
        "RL-15",
        "refusal may be cached",
        "A shared cache would hand one caller's refusal to everybody; the standard forbids it.",
        "Send `Cache-Control: no-store` with refusals.",
    ),
    FaultDoc::caught(
        "RL-16",
        "refusal without CORS headers",
        "Pages see a network error instead of 429 and cannot tell users to wait.",
        "Let the CORS layer wrap the limiter.",
    ),
    FaultDoc::caught(
        "RL-17",
        "refusal does not explain itself",
        "An empty or HTML body breaks clients that parse answers, and tells nobody what to do.",
        "Answer in the API's own error format.",
    ),
    FaultDoc::caught(
        "RL-18",
        "health or metrics limited too",
        "Busy callers make the load balancer take the service out of rotation and monitoring go blind.",
        "Exempt health, readiness and metrics routes from the limiter.",
    ),
    FaultDoc::unseen(
        "RL-19",
        "limiter fails open",
        "While its store is down there is no limit.",
        "Decide and test what happens when the store is unreachable.",
        "needs the limiter's store to be stopped; record the test as a sign-off",
    ),
    FaultDoc::unseen(
        "RL-20",
        "WebSocket or upload without a limit",
        "The expensive routes are the ones worth limiting.",
        "Limit messages and bytes as well as requests.",
        "a burst of messages or uploads is a load test; record the test as a sign-off",
    ),
    FaultDoc::caught(
        "RL-21",
        "limit applied after the work",
        "A refusal that takes as long as an answer does not protect the service.",
        "Put the limiter in front of the expensive work.",
    ),
    FaultDoc::caught(
        "RL-51",
        "limit below the intended one",
        "Honest callers are refused.",
        "Raise the limit; see that nothing else uses up the same counter.",
    ),
    FaultDoc::caught(
        "RL-52",
        "burst given up",
        "The service showed distress before a limit could be seen, so nothing is known about the limit.",
        "Look at the service first; if the status is how its limiter refuses, say so with `expect_status:`.",
    ),
    FaultDoc::caught(
        "RL-53",
        "challenged by a web firewall",
        "What refused the requests was not the application's limiter, so nothing is known about it.",
        "Audit from an address the firewall lets through, or against the origin behind it.",
    ),
    FaultDoc::caught(
        "RL-54",
        "too few requests to tell",
        "The budget or the time ended before the limit was due.",
        "Raise `max_requests:` or `timeout:`, or measure on a test key with a lower limit.",
    ),
];

//! The fault catalogue of the kind.

use super::FaultDoc;

/// What is caught.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "LAT-01",
        "slower than the objective",
        "More requests than agreed take longer than agreed: users wait.",
        "Trace one slow request; look at its database queries, at the CPU of the service, and at pools that everybody waits for.",
    ),
    FaultDoc::caught(
        "LAT-02",
        "more errors than the budget allows",
        "Every answer that is not a success, every broken body and every timeout is a request that failed for somebody.",
        "Look into the log of the service for the statuses named in the finding.",
    ),
    FaultDoc::caught(
        "LAT-03",
        "fast errors hide slow successes",
        "With the errors counted in, the percentile looks fine, because refusing is quick. Those who are served wait too long.",
        "Repair the errors first, then the time of the successes.",
    ),
    FaultDoc::caught(
        "LAT-04",
        "only without the timeouts fast enough",
        "Requests that never came back are the slowest of all; a percentile over the answers alone leaves them out.",
        "Find out what the hanging requests wait for: locks, an exhausted pool, a dead backend.",
    ),
    FaultDoc::caught(
        "LAT-05",
        "two speeds: one backend is slow",
        "The times form two groups with nothing in between. Behind a load balancer that is a slow instance, which averages hide.",
        "Compare the instances one by one; look for another version, a cold cache or a throttled CPU.",
    ),
    FaultDoc::caught(
        "LAT-06",
        "slow cold start",
        "The first request after a pause or a deployment takes much longer: the first user pays for it.",
        "Keep an instance warm, open pools at startup, and let readiness wait for them.",
    ),
    FaultDoc::caught(
        "LAT-07",
        "stalls that a waiting client would not notice",
        "While the service stood still, requests that were due could not be sent. A client that waits for each answer measures one slow request; users who arrive meanwhile all wait.",
        "Look for garbage collection, compaction, checkpoints or a lock at the time of the stall.",
    ),
    FaultDoc::caught(
        "LAT-08",
        "quick headers, slow body",
        "The first byte comes in time and the last does not: the page is late although time to first byte looks fine.",
        "Look at the size of the answer, at streaming from the database and at buffering in the proxy.",
    ),
    FaultDoc::caught(
        "LAT-09",
        "much slower with several at once",
        "Requests queue behind each other: one worker, one lock or one connection serves them all.",
        "Raise workers and pool sizes, or remove the lock that they share.",
    ),
    FaultDoc::caught(
        "LAT-10",
        "too few requests to say so",
        "A percentile of a handful of requests is an anecdote: the statement is neither true nor false.",
        "Measure more: `samples: 60` for p95, 300 for p99, 3000 for p99.9, and a `timeout` that leaves time for them.",
    ),
    FaultDoc::caught(
        "LAT-11",
        "this machine could not send as planned",
        "The requests went out later or more seldom than declared, so the run says little about the service.",
        "Raise `concurrency`, lower `rate`, or measure from a machine with nothing else to do.",
    ),
    FaultDoc::caught(
        "LAT-12",
        "a limiter or firewall answered instead",
        "Refusals by a rate limit or a firewall say nothing about the service, and sending on would make it worse. The run was stopped.",
        "Use a key that is not limited, exempt this address, or lower `rate`.",
    ),
    FaultDoc::caught(
        "LAT-13",
        "a cache answered, not the service",
        "What was measured is the cache. The requests that reach the service may be slow.",
        "Ask a route that is not cached, vary the query, or say `cached: allowed` if the cache is what is meant.",
    ),
    FaultDoc::caught(
        "LAT-14",
        "slower than the earlier run",
        "The difference is larger than chance and the tolerance explain: something made the service slower.",
        "Compare the two versions: queries, dependencies, configuration. If the change is accepted, store the new report as the baseline.",
    ),
    FaultDoc::caught(
        "LAT-16",
        "answers larger than they should be",
        "Large answers are slow for users far away and cost transfer and memory; often a limit or a page size is missing.",
        "Page the list, select fewer fields, or compress.",
    ),
    FaultDoc::caught(
        "LAT-51",
        "memory grows under load",
        "A service that keeps memory with every request ends when the machine has none left.",
        "Take a heap profile before and after; look for caches without a limit and for lists that only grow.",
    ),
    FaultDoc::caught(
        "LAT-52",
        "restarted under load",
        "The process that answers at the end is not the one of the beginning: it crashed or was killed, perhaps for its memory.",
        "Look at the last log lines of the process that ended and at the orchestrator's reason.",
    ),
    FaultDoc::caught(
        "LAT-53",
        "interrupted for longer than allowed",
        "During a roll-out or failover requests failed for this long: it is not free of downtime.",
        "Let the old instance finish its requests, start routing when readiness is green, and stop routing before stopping.",
    ),
    FaultDoc::caught(
        "LAT-54",
        "less throughput than the target",
        "Work arrives faster than it is done: a queue grows, or users are turned away.",
        "Find what is used up first (CPU, pool, lock), and add instances or workers there.",
    ),
];

//! The faults a `promql` check can find.

use crate::kinds::FaultDoc;

/// In the order of the catalogue; from 61 on the profile's own expectations.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "MET-08",
        "target down or not scraped",
        "Nothing is known of a target that is down or that nobody scrapes, and most alerts over its metrics stay silent.",
        "Look at the error of the last scrape; correct the job, the service discovery, or the network between them.",
    ),
    FaultDoc::caught(
        "MET-09",
        "last scrape is old",
        "The values shown are those of then; the server may be overloaded or its scraping stuck.",
        "Look at the load and the log of the server, and at the duration of scrapes.",
    ),
    FaultDoc::caught(
        "MET-10",
        "expression gives nothing, NaN, or only a part",
        "Nothing looks like quiet, comparisons with NaN are false, and an answer with warnings may lack the part that is broken.",
        "See whether the metric exists and has traffic; correct the labels; look at the warning.",
    ),
    FaultDoc::caught(
        "MET-11",
        "expression gives another shape than meant",
        "A window of raw samples has no single value, and of several series any one could be the broken one.",
        "Aggregate with sum() or max(), and use a function over a window.",
    ),
    FaultDoc::caught(
        "MET-12",
        "error budget burns too fast",
        "If this goes on, the objective is missed before the period ends.",
        "Find what fails now; roll back what was released last.",
    ),
    FaultDoc::caught(
        "MET-13",
        "too little counted to judge",
        "With a handful of events one failure is a disaster and none proves nothing.",
        "Wait for traffic, send synthetic requests, or lower the minimum knowingly.",
    ),
    FaultDoc::caught(
        "MET-14",
        "alert rules missing, failing or firing",
        "An alert that does not exist or cannot be evaluated never wakes anybody, and one that fires now says that the service is not ready.",
        "Load the rule file, correct the expression (`promtool check rules`), or repair what the alert is about.",
    ),
    FaultDoc::caught(
        "MET-15",
        "alerts reach nobody",
        "The rules fire, and the message ends in an Alertmanager that is gone, has no receiver, or is silenced.",
        "Configure `alerting.alertmanagers`, a receiver with an integration, and end silences that cover everything.",
    ),
    FaultDoc::caught(
        "MET-16",
        "no dead man's switch",
        "When Prometheus or Alertmanager itself stops, no alert comes, which looks like health.",
        "Add an alert `Watchdog` with `expr: vector(1)`, and let a service outside raise an alarm when it stops arriving.",
    ),
    FaultDoc::caught(
        "MET-17",
        "window of a rate is too short",
        "A rate needs two samples inside its window: below twice the scrape interval it gives nothing, and an alert over it never fires.",
        "Use a window of at least four scrape intervals.",
    ),
    FaultDoc::caught(
        "MET-18",
        "bucket edges do not fit the threshold",
        "A quantile is computed between two edges and never above the largest: whether the objective is met cannot be told.",
        "Add a bucket whose edge is exactly the threshold of the objective.",
    ),
    FaultDoc::caught(
        "MET-19",
        "clocks differ",
        "Ages and the order of events across machines are wrong by as much.",
        "Run NTP on both machines.",
    ),
    FaultDoc::caught(
        "MET-20",
        "samples are not kept long enough",
        "An objective over 30 days that is computed from 15 days of samples shows only half of the truth.",
        "Raise `--storage.tsdb.retention.time`, or send the samples to long-term storage and ask that.",
    ),
    FaultDoc::caught(
        "MET-61",
        "value of an expression not as expected",
        "The profile says what the expression must give, and it gives something else.",
        "Look at the graph of the expression over the last hours.",
    ),
    FaultDoc::caught(
        "MET-62",
        "number of series not as expected",
        "More or fewer things exist than the profile says: instances, queues, failing parts.",
        "Look at the labels of the series.",
    ),
    FaultDoc::caught(
        "MET-63",
        "configuration could not be loaded",
        "The server goes on with an old configuration: new targets and alerts are missing, and the next restart fails.",
        "Run `promtool check config` on the file, correct it, and reload.",
    ),
];

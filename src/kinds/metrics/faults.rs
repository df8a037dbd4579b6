//! The faults a `metrics` check can find.

use crate::kinds::FaultDoc;

/// In the order of the catalogue; from 51 on the profile's own expectations.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "MET-01",
        "no metrics in a format a collector reads",
        "A collector refuses the whole page for one line it cannot read, for a web page, an error status, or an OpenMetrics page without its end: every series is missing from then on.",
        "Point at the page that is scraped, and let a client library write it; `promtool check metrics` shows the same lines.",
    ),
    FaultDoc::caught(
        "MET-02",
        "required metric or label absent",
        "Dashboards and alerts over a metric that does not exist show nothing, which looks like quiet.",
        "Register the metric at start-up so that it is there before the first event, with the labels that alerts and dashboards use.",
    ),
    FaultDoc::caught(
        "MET-03",
        "page contradicts itself",
        "A wrong TYPE, a series that stands twice, buckets that do not add up or a counter that falls make rates and quantiles wrong without any error.",
        "Register every metric once, with one type; never set a counter; run one registry a process.",
    ),
    FaultDoc::caught(
        "MET-04",
        "counter does not move",
        "Requests are served and not counted: error rates and alerts over this counter stay silent for ever.",
        "See whether the middleware that counts is in place on this route, and whether several workers share one registry.",
    ),
    FaultDoc::caught(
        "MET-05",
        "too many series",
        "Labels with a value for every user or request grow without bound, until the collector runs out of memory or drops the target.",
        "Use route templates instead of paths, classes instead of ids, and put ids into logs or traces.",
    ),
    FaultDoc::caught(
        "MET-06",
        "secret or personal data in a label",
        "Metrics are kept for months, copied into dashboards and read by many.",
        "Remove the label, rotate the secret, and delete the series from the collector.",
    ),
    FaultDoc::caught(
        "MET-07",
        "metrics are public",
        "They tell anybody the routes, tenants, versions, load and error rates of the service.",
        "Serve the page on an internal port, or ask for credentials; in the proxy, do not route it.",
    ),
    FaultDoc::caught(
        "MET-21",
        "another release runs",
        "The deployment did not arrive, or not everywhere: what is audited is not what is meant.",
        "Look at the roll-out; export the version of the build in a label of a `…_build_info` series.",
    ),
    FaultDoc::caught(
        "MET-51",
        "value of a series not as expected",
        "The profile says what this series must be, and it is not, or it is no number.",
        "Look at the service behind the series.",
    ),
    FaultDoc::caught(
        "MET-52",
        "share not as expected",
        "The quotient of two sums since the process started is outside what the profile allows.",
        "Look at what the part counts: failed requests, cache misses, connections in use.",
    ),
    FaultDoc::caught(
        "MET-53",
        "too many observations beyond the bound",
        "Fewer observations than demanded stayed within the bound, counted in whole buckets since the process started.",
        "Find the slow operations; see whether the start-up is among them.",
    ),
    FaultDoc::caught(
        "MET-54",
        "file descriptors nearly used up",
        "At the limit every new connection, file and DNS query fails, often with a misleading error.",
        "Raise the limit (`ulimit -n`, `LimitNOFILE=`), and see whether connections or files are left open.",
    ),
    FaultDoc::caught(
        "MET-55",
        "process uses too much memory",
        "Close to the limit of its container the process is killed without a word in its log.",
        "Look for caches without bounds; raise the limit if the use is as meant.",
    ),
    FaultDoc::caught(
        "MET-56",
        "page takes too long",
        "Beyond the scrape timeout of the collector the target counts as down.",
        "Compute expensive figures in the background, not while the page is written.",
    ),
    FaultDoc::caught(
        "MET-57",
        "process started only just now",
        "A process that restarts again and again looks healthy whenever it is asked.",
        "See why it ended: its log, its exit code, and whether it was killed for its memory.",
    ),
    FaultDoc::caught(
        "MET-58",
        "changes too much between two scrapes",
        "Memory or a queue that grows while nothing happens goes on growing.",
        "Watch it for longer; profile what is allocated and not freed.",
    ),
];

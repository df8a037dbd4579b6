//! The faults that the kind `logs` finds.

use crate::kinds::FaultDoc;

/// In the order of their codes.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "LOG-01",
        "lines are not structured",
        "Lines that are no JSON objects cannot be searched by field; a stack trace in text becomes one event a line.",
        "Switch the logger, and those of the libraries and the server in front, to JSON; log exceptions as a field.",
    ),
    FaultDoc::caught(
        "LOG-02",
        "required fields are missing",
        "Without its request id or level a line cannot be joined with the others of the same request, or found at all.",
        "Add the field in the logger's configuration or in a middleware, so that every line has it.",
    ),
    FaultDoc::caught(
        "LOG-03",
        "times are missing, without zone, in the future or out of order",
        "What happened first cannot be told, least of all across machines and at the end of summer time.",
        "Log RFC 3339 times in UTC, and keep the clocks in step.",
    ),
    FaultDoc::caught(
        "LOG-04",
        "level too low for production",
        "Debug output is slow, expensive, and tells what was meant for developers only.",
        "Set the level to info, for the libraries too.",
    ),
    FaultDoc::caught(
        "LOG-05",
        "too many errors",
        "An error rate above the usual means that users see failures.",
        "Read the errors, the most frequent message first.",
    ),
    FaultDoc::caught(
        "LOG-06",
        "no recent line",
        "The service is silent or its log no longer arrives: an alert on its errors cannot fire.",
        "See whether the service runs, where it logs to, and whether the shipper keeps up.",
    ),
    FaultDoc::caught(
        "LOG-07",
        "secret in the log",
        "Logs are read by more people than the service is, are kept for long, and are sent to third parties.",
        "Revoke the secret, mask it where it is logged, and remove the lines from every copy.",
    ),
    FaultDoc::caught(
        "LOG-08",
        "a declared secret appears in the log",
        "The very value that the service is configured with can be read in its log.",
        "Replace the secret, and find the code that logs its configuration or its requests.",
    ),
    FaultDoc::unseen(
        "LOG-09",
        "request and response bodies are logged",
        "Bodies hold whatever users enter.",
        "Log sizes and ids instead of bodies.",
        "A body has no form of its own: what it must not hold is looked for as secrets and personal data.",
    ),
    FaultDoc::caught(
        "LOG-10",
        "control characters in the log",
        "Escape sequences and carriage returns from users forge lines and attack the terminal of whoever reads them.",
        "Log as JSON, or escape control characters.",
    ),
    FaultDoc::caught(
        "LOG-11",
        "everybody on the machine can read the log",
        "Every account, also that of a service broken into, reads what users did.",
        "Set the mode to 0640 in the logger and in the rotation (`create 0640`).",
    ),
    FaultDoc::caught(
        "LOG-12",
        "a request is not found in the log",
        "When a user reports an error with its id, nobody finds it.",
        "Take X-Request-Id or traceparent over into the logging context, and log every request.",
    ),
    FaultDoc::caught(
        "LOG-13",
        "lines are too long",
        "Shippers cut or drop long lines, and with them the fields at the end.",
        "Leave out bodies and dumps of objects.",
    ),
    FaultDoc::caught(
        "LOG-51",
        "forbidden message",
        "The log says itself what is not fit for production.",
        "Read the message at the line named, and do what it says.",
    ),
    FaultDoc::caught(
        "LOG-52",
        "expected message is missing",
        "What should have happened, and be told, is not told: an audit trail with gaps proves nothing.",
        "See whether the event happened, and whether its level is logged.",
    ),
    FaultDoc::caught(
        "LOG-53",
        "personal data in the log",
        "E-mail addresses, card numbers and network addresses make a log subject to data protection, deletion included.",
        "Log an internal id instead, or mask the value.",
    ),
    FaultDoc::caught(
        "LOG-54",
        "the log cannot be read, or is empty",
        "Then nothing is known, and nothing is green.",
        "Correct the source; look at a time at which the service was used.",
    ),
];

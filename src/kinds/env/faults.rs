//! The fault catalogue of variables. Codes of files (13 to 19, 24, 26) belong to the kind `dotenv`.

use crate::kinds::FaultDoc;

/// The catalogue.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "ENV-01",
        "required variable not set",
        "The program stops, or goes on with a default that nobody chose.",
        "Set the variable where the deployment gets its environment from.",
    ),
    FaultDoc::caught(
        "ENV-02",
        "required variable is empty",
        "An empty value passes every test for presence and configures nothing.",
        "Give it a value; often an undefined ${NAME} in a file above it is the cause.",
    ),
    FaultDoc::caught(
        "ENV-03",
        "placeholder where a value belongs",
        "The example's text was deployed: it is public, and what it stands for does not work.",
        "Replace it by the real value.",
    ),
    FaultDoc::caught(
        "ENV-04",
        "published default secret",
        "The value stands in documentation or images, so attackers try it first.",
        "Generate a secret: openssl rand -base64 32.",
    ),
    FaultDoc::caught(
        "ENV-05",
        "secret too weak",
        "It is short, repetitive or made of words, so that guessing it is feasible.",
        "Generate a secret: openssl rand -base64 32.",
    ),
    FaultDoc::caught(
        "ENV-06",
        "one secret for two purposes",
        "Whoever learns it in one place holds the other as well, and neither can be rotated alone.",
        "Generate one secret for each purpose.",
    ),
    FaultDoc::caught(
        "ENV-07",
        "secret is the example's value",
        "The example file is in the repository, so the secret is known to everybody who can read it.",
        "Generate a secret and keep the example's value a placeholder.",
    ),
    FaultDoc::caught(
        "ENV-08",
        "switch of development is on",
        "Debug modes show source, settings and secrets to visitors, and slow the service down.",
        "Set the variable to its production value, or remove it.",
    ),
    FaultDoc::caught(
        "ENV-09",
        "address of the local machine",
        "In production localhost is the container itself: nothing listens there.",
        "Write the address of the real service.",
    ),
    FaultDoc::caught(
        "ENV-10",
        "connection without encryption",
        "Credentials and data cross the network readable and changeable.",
        "Use https, rediss, amqps or sslmode=verify-full.",
    ),
    FaultDoc::caught(
        "ENV-11",
        "not an origin",
        "Browsers send scheme, host and port only; an entry with a path or a final slash never matches.",
        "Remove the path and the final slash, write the host in small letters and leave out a default port.",
    ),
    FaultDoc::caught(
        "ENV-12",
        "wildcard where names belong",
        "Every site, or every host name, is accepted.",
        "List the hosts or origins that are meant.",
    ),
    FaultDoc::caught(
        "ENV-20",
        "value of the wrong type",
        "The program fails at start, or silently falls back to its default.",
        "Write a value of the type that the rule names.",
    ),
    FaultDoc::caught(
        "ENV-21",
        "PEM with written line ends, or a key of another certificate",
        "Libraries refuse a key whose line ends are the two characters backslash and n, and TLS fails with a key that does not belong to its certificate.",
        "Keep PEM in a file or with real line ends, and deploy key and certificate together.",
    ),
    FaultDoc::caught(
        "ENV-22",
        "provider key of the wrong mode",
        "With a test key payments and mails only seem to work; with a live key a test moves real money.",
        "Use the provider's key for this environment.",
    ),
    FaultDoc::caught(
        "ENV-23",
        "expired credential",
        "The token or certificate is refused from its end on.",
        "Issue a new one and automate its renewal.",
    ),
    FaultDoc::caught(
        "ENV-25",
        "variables contradict each other",
        "One is set without the other it needs, or together with one that excludes it.",
        "Set or remove the variables so that the configuration is complete.",
    ),
    FaultDoc::caught(
        "ENV-51",
        "unexpected value",
        "The value is not one of those the profile allows.",
        "Set the value that the rule names.",
    ),
    FaultDoc::caught(
        "ENV-52",
        "list with too few or too many items",
        "An empty list often means everything or nothing, depending on the program.",
        "Write the items that are meant.",
    ),
    FaultDoc::caught(
        "ENV-53",
        "list that programs read differently",
        "Some loaders keep blanks around items, and an item written twice is a forgotten edit.",
        "Write the items without blanks, each once.",
    ),
    FaultDoc::caught(
        "ENV-54",
        "forbidden variable is set",
        "The profile says that this environment must not have it.",
        "Remove the variable.",
    ),
];

//! The ways to break the sample deployment, and what an audit must say about each.

use serde::Serialize;

/// One way to break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Nothing answers on the service's port.
    ServiceDown,
    /// Liveness answers 200 while its body says fail.
    LiveSaysDown,
    /// Readiness answers 503.
    HealthDown,
    /// Readiness answers 200 while its body says fail.
    HealthSaysDownWith200,
    /// One component fails below a status that says pass.
    ReadinessPartlyDown,
    /// Readiness forgets a component.
    ReadinessMissingComponent,
    /// A component has no status.
    ReadinessNullComponent,
    /// Readiness answers with the start page.
    ReadinessHtml,
    /// Readiness takes too long.
    SlowHealth,
    /// Caches may keep the readiness answer.
    HealthCacheable,
    /// An older release runs.
    OldRelease,
    /// The list of items is empty.
    ItemsEmpty,
    /// The metrics page is missing.
    MetricsMissing,
    /// Any origin is trusted.
    CorsAnyOrigin,
    /// `*` together with credentials.
    CorsCredentialsWildcard,
    /// Answers do not vary by origin.
    CorsNoVary,
    /// The origin `null` is trusted.
    CorsNull,
    /// Origins that begin like the trusted one are trusted.
    CorsPrefix,
    /// The trusted origin is refused.
    CorsFrontendRefused,
    /// Errors carry no CORS headers.
    CorsMissingOnErrors,
    /// No limit at all.
    NoRateLimit,
    /// 429 does not say when to come back.
    RateLimitNoRetryAfter,
    /// Above the limit comes 403.
    RateLimitWrongStatus,
    /// The limit counts by a header that clients write.
    RateLimitXffBypass,
    /// Content types may be guessed.
    MissingNosniff,
    /// Other sites may frame the pages.
    FramingAllowed,
    /// Addresses leak through the Referer header.
    ReferrerLeak,
    /// Headers tell which software runs.
    VersionDisclosed,
    /// The session cookie is unprotected.
    CookieInsecure,
    /// The private route answers everybody.
    PrivateOpen,
    /// 401 does not say how to authenticate.
    NoChallenge,
    /// Pages that do not exist answer 200.
    SoftNotFound,
    /// The settings can be downloaded.
    EnvServed,
    /// Something listens on the debug port.
    DebugPortOpen,
    /// The newest backup is days old.
    BackupOld,
    /// The newest backup ends in the middle.
    BackupTruncated,
    /// The newest backup is a whole archive of an unfinished dump.
    BackupUnfinished,
    /// The newest backup is an archive of nothing.
    BackupEmpty,
    /// There are no backups.
    BackupMissing,
    /// A secret is a placeholder.
    EnvPlaceholder,
    /// A secret is empty.
    EnvEmptySecret,
    /// A secret is too short.
    EnvShortSecret,
    /// A required variable is not set.
    EnvMissingKey,
    /// Debug mode is on.
    EnvDebugOn,
    /// Any origin is configured.
    EnvWildcardCors,
    /// A port that cannot be one.
    EnvBadPort,
    /// A variable is set twice.
    EnvDuplicateKey,
    /// The example names a variable that is not set.
    EnvDrift,
    /// Everybody may read the settings.
    EnvReadableByAll,
}

/// What there is to know about a break.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct BreakInfo {
    /// Which one.
    #[serde(skip)]
    pub(crate) is: Break,
    /// Stable name, for the command line.
    pub(crate) name: &'static str,
    /// What is wrong, in one line.
    pub(crate) what: &'static str,
    /// The checks of the profile `demo` that turn red; all others stay as they are.
    pub(crate) turns_red: &'static [&'static str],
    /// A code that the first of these checks reports.
    pub(crate) code: &'static str,
}

impl Break {
    /// The break of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        BREAKS
            .iter()
            .find(|info| info.name == name)
            .map(|info| info.is)
    }
}

/// Shorthand for the table below.
const fn info(
    is: Break,
    name: &'static str,
    turns_red: &'static [&'static str],
    code: &'static str,
    what: &'static str,
) -> BreakInfo {
    BreakInfo {
        is,
        name,
        what,
        turns_red,
        code,
    }
}

/// Every way to break it, in the order of the profile.
#[rustfmt::skip]
pub(super) static BREAKS: &[BreakInfo] = &[
    info(Break::ServiceDown, "service-down", &["listening"], "TCP-01", "nothing answers on the service's port"),
    info(Break::LiveSaysDown, "live-says-down", &["live"], "HTTP-02", "liveness answers 200 while its body says fail"),
    info(Break::HealthDown, "health-down", &["ready"], "HTTP-51", "readiness answers 503 because the database is down"),
    info(Break::HealthSaysDownWith200, "health-says-down-with-200", &["ready"], "HTTP-02", "readiness answers 200 while its body says fail"),
    info(Break::ReadinessPartlyDown, "readiness-partly-down", &["ready"], "HTTP-07", "the queue is down, yet readiness says pass"),
    info(Break::ReadinessMissingComponent, "readiness-missing-component", &["ready"], "HTTP-05", "readiness does not look at the cache"),
    info(Break::ReadinessNullComponent, "readiness-null-component", &["ready"], "HTTP-06", "readiness knows nothing about the cache"),
    info(Break::ReadinessHtml, "readiness-html", &["ready"], "HTTP-01", "readiness answers with the start page, as single-page apps do"),
    info(Break::SlowHealth, "slow-health", &["ready"], "HTTP-52", "readiness takes three and a half seconds"),
    info(Break::HealthCacheable, "health-cacheable", &["ready"], "HTTP-11", "caches may keep the readiness answer for an hour"),
    info(Break::OldRelease, "old-release", &["release"], "HTTP-17", "the previous release is still running"),
    info(Break::ItemsEmpty, "items-empty", &["items"], "HTTP-54", "the API answers 200 with an empty list"),
    info(Break::MetricsMissing, "metrics-missing", &["metrics"], "HTTP-51", "the page that Prometheus scrapes is gone"),
    info(Break::CorsAnyOrigin, "cors-any-origin", &["cors"], "CORS-03", "every origin is reflected, with credentials"),
    info(Break::CorsCredentialsWildcard, "cors-credentials-wildcard", &["cors"], "CORS-04", "`*` together with credentials"),
    info(Break::CorsNoVary, "cors-no-vary", &["cors"], "CORS-21", "answers differ by origin, but do not say so to caches"),
    info(Break::CorsNull, "cors-null", &["cors"], "CORS-05", "the origin `null` is trusted"),
    info(Break::CorsPrefix, "cors-prefix", &["cors"], "CORS-06", "origins that begin like the trusted one are trusted"),
    info(Break::CorsFrontendRefused, "cors-frontend-refused", &["cors", "rate-limit"], "CORS-01", "the service's own frontend is refused"),
    info(Break::CorsMissingOnErrors, "cors-missing-on-errors", &["cors", "rate-limit"], "CORS-23", "errors carry no CORS headers, so scripts cannot read them"),
    info(Break::NoRateLimit, "no-rate-limit", &["rate-limit"], "RL-01", "the API takes any number of requests"),
    info(Break::RateLimitNoRetryAfter, "rate-limit-no-retry-after", &["rate-limit"], "RL-04", "429 does not say when to come back"),
    info(Break::RateLimitWrongStatus, "rate-limit-wrong-status", &["rate-limit"], "RL-03", "above the limit comes 403 instead of 429"),
    info(Break::RateLimitXffBypass, "rate-limit-xff-bypass", &["rate-limit"], "RL-08", "a made-up X-Forwarded-For is a way around the limit"),
    info(Break::MissingNosniff, "missing-nosniff", &["security-headers"], "HDR-05", "browsers may guess content types"),
    info(Break::FramingAllowed, "framing-allowed", &["security-headers"], "HDR-06", "other sites may show the pages in a frame"),
    info(Break::ReferrerLeak, "referrer-leak", &["security-headers"], "HDR-07", "addresses leak to other sites through Referer"),
    info(Break::VersionDisclosed, "version-disclosed", &["security-headers"], "HDR-08", "headers tell which software runs, with its version"),
    info(Break::CookieInsecure, "cookie-insecure", &["session-cookie"], "HDR-09", "the session cookie has no Secure, HttpOnly or SameSite"),
    info(Break::PrivateOpen, "private-open", &["private"], "HTTP-21", "a private route answers 200 without credentials"),
    info(Break::NoChallenge, "no-challenge", &["private"], "HTTP-21", "401 does not say how to authenticate"),
    info(Break::SoftNotFound, "soft-not-found", &["unknown-page"], "HTTP-23", "pages that do not exist answer 200"),
    info(Break::EnvServed, "env-served", &["nothing-exposed"], "HTTP-20", "the settings can be downloaded at /.env"),
    info(Break::DebugPortOpen, "debug-port-open", &["debug-port"], "TCP-04", "a debugger listens on a port that must be closed"),
    info(Break::BackupOld, "backup-old", &["backups"], "BAK-02", "the nightly backup has not run for days"),
    info(Break::BackupTruncated, "backup-truncated", &["backups"], "BAK-05", "the newest backup ends in the middle"),
    info(Break::BackupUnfinished, "backup-unfinished", &["backups"], "BAK-06", "the newest backup is a whole archive of an unfinished dump"),
    info(Break::BackupEmpty, "backup-empty", &["backups"], "BAK-04", "the newest backup is an archive of nothing"),
    info(Break::BackupMissing, "backup-missing", &["backups"], "BAK-01", "the backup folder is empty"),
    info(Break::EnvPlaceholder, "env-placeholder", &["settings", "env-file"], "ENV-03", "a secret still has its placeholder"),
    info(Break::EnvEmptySecret, "env-empty-secret", &["settings"], "ENV-02", "a secret is set, to nothing"),
    info(Break::EnvShortSecret, "env-short-secret", &["settings"], "ENV-05", "a secret is short enough to guess"),
    info(Break::EnvMissingKey, "env-missing-key", &["settings"], "ENV-01", "a required variable is not set"),
    info(Break::EnvDebugOn, "env-debug-on", &["settings"], "ENV-08", "debug mode is on in production"),
    info(Break::EnvWildcardCors, "env-wildcard-cors", &["settings"], "ENV-12", "any origin is configured as trusted"),
    info(Break::EnvBadPort, "env-bad-port", &["settings"], "ENV-20", "a port above 65535"),
    info(Break::EnvDuplicateKey, "env-duplicate-key", &["env-file"], "ENV-13", "a variable is set twice, and loaders disagree which counts"),
    info(Break::EnvDrift, "env-drift", &["env-file"], "ENV-15", "the example names a variable that is not set"),
    info(Break::EnvReadableByAll, "env-readable-by-all", &["env-file"], "ENV-24", "every user of the machine may read the secrets"),
];

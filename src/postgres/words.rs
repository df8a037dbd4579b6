//! Words of DSNs that say nothing about the target, and words that cannot be honoured.

/// Words that tune pools, caches and clients and change nothing of what an audit sees.
pub(super) const HARMLESS: &[&str] = &[
    "application_name",
    "applicationname",
    "async_fallback",
    "binary_parameters",
    "client_encoding",
    "command_timeout",
    "connect_timeout",
    "connecttimeout",
    "connection_timeout",
    "default_query_exec_mode",
    "fallback_application_name",
    "gssdelegation",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "logintimeout",
    "max_conn_lifetime",
    "max_overflow",
    "pgbouncer",
    "pool_max_conn_idle_time",
    "pool_max_conn_lifetime",
    "pool_max_conns",
    "pool_min_conns",
    "pool_mode",
    "pool_pre_ping",
    "pool_recycle",
    "pool_size",
    "pool_timeout",
    "preparethreshold",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "prepared_statements",
    "reconnect",
    "serverversion",
    "charset",
    "single_use_connections",
    "socket_timeout",
    "sockettimeout",
    "sslcompression",
    "sslsni",
    "statement-cache-capacity",
    "statement_cache_capacity",
    "statement_cache_size",
    "tcp_user_timeout",
    "tcpkeepalive",
    "timezone",
    "uselibpqcompat",
];

/// Words that change who is trusted and that readyctl cannot honour: pretending would be a lie.
pub(super) const UNSUPPORTED: &[(&str, &str)] = &[
    (
        "sslcrl",
        "revocation lists are not supported; audit without it and check revocation elsewhere",
    ),
    (
        "sslcrldir",
        "revocation lists are not supported; audit without it and check revocation elsewhere",
    ),
    (
        "sslpassword",
        "encrypted client keys are not supported; give the audit an unencrypted key of its own",
    ),
    (
        "sslidentity",
        "PKCS#12 files are not supported; use `sslcert=` and `sslkey=` with PEM files",
    ),
    (
        "require_auth",
        "the authentication method cannot be pinned; remove it from the audit's DSN",
    ),
    (
        "requirepeer",
        "the peer's user cannot be pinned; remove it from the audit's DSN",
    ),
    (
        "service",
        "service files are not read; write host, user and database into the DSN",
    ),
    (
        "servicefile",
        "service files are not read; write host, user and database into the DSN",
    ),
    (
        "passfile",
        "password files are not read; give the password through a secret input",
    ),
    (
        "ssl_max_protocol_version",
        "readyctl speaks TLS 1.2 and 1.3 only; remove it from the audit's DSN",
    ),
    (
        "replication",
        "replication connections cannot be audited; use an ordinary one",
    ),
];

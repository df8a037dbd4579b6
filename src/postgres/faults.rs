//! PostgreSQL's errors in plain words, each with its own next step.

use std::error::Error as _;

use tokio_postgres::error::{DbError, SqlState};

use super::dsn::Dsn;
use crate::net;
use crate::outcome::{Cause, Fault};
use crate::redact::Redactor;

/// A fault with the code of "cannot connect".
fn connect(cause: Cause, message: String, hint: impl Into<String>) -> Fault {
    Fault::new(cause, message).code("PG-01").hint(hint)
}

/// Why no session with `place` could be opened.
pub(super) fn connecting(
    place: &str,
    dsn: &Dsn,
    error: &tokio_postgres::Error,
    redactor: &Redactor,
) -> Fault {
    if let Some(db) = error.as_db_error() {
        return refused_by_server(place, dsn, db, redactor);
    }
    let detail = error.source().map(ToString::to_string).unwrap_or_default();
    let shown = error.to_string();
    if detail.contains("server does not support TLS") {
        return connect(
            Cause::Tls,
            format!(
                "{place} does not offer TLS, and `sslmode={}` requires it",
                dsn.ssl.name()
            ),
            "turn on `ssl` at the server (ssl_cert_file, ssl_key_file, reload), or at the pooler (client_tls_sslmode)",
        );
    }
    if detail.contains("password missing") {
        return connect(
            Cause::Auth,
            format!("{place} asks for a password and the DSN has none"),
            "add the password to the DSN, through an input with `secret: true`",
        );
    }
    if detail.contains("channel binding") {
        return connect(
            Cause::Auth,
            format!("{place} cannot bind the login to the TLS channel, and the DSN requires it"),
            "use TLS with SCRAM passwords at the server, or remove `channel_binding=require`",
        );
    }
    if shown.contains("TLS handshake") || shown.contains("communicating") || error.is_closed() {
        if let Some(source) = error.source() {
            return tls_words(net::error_fault(&format!("PostgreSQL at {place}"), source));
        }
        return connect(
            Cause::Unreachable,
            format!("{place} closed the connection early"),
            "see the server's log; a proxy or another service may listen on this port",
        );
    }
    if shown.contains("authentication") {
        return connect(
            Cause::Auth,
            format!("{place} asks for a way to log in that is not supported: {detail}"),
            "use scram-sha-256 for the audit's role in pg_hba.conf",
        );
    }
    connect(
        Cause::Protocol,
        format!("{place} does not speak PostgreSQL's protocol"),
        "see whether host and port belong to PostgreSQL or its pooler",
    )
}

/// A network fault with the DSN's words instead of those of HTTP checks.
pub(super) fn tls_words(mut fault: Fault) -> Fault {
    fault.hint = fault.hint.map(|hint| {
        hint.replace(
            "name the authority with `ca_file:`",
            "name the authority with `sslrootcert=` in the DSN",
        )
    });
    fault.code("PG-01")
}

/// The server, or a pooler before it, answered with an error instead of a session.
fn refused_by_server(place: &str, dsn: &Dsn, db: &DbError, redactor: &Redactor) -> Fault {
    let said = server_message(db, redactor);
    let text = db.message().to_ascii_lowercase();
    let (user, database) = (dsn.user_shown(), dsn.database_shown());
    let code = db.code();
    let is_pooler = *code == SqlState::PROTOCOL_VIOLATION;
    if *code == SqlState::INVALID_PASSWORD
        || text.contains("password authentication failed")
        || text.contains("sasl authentication failed")
        || (is_pooler && text.contains("auth"))
    {
        return connect(
            Cause::Auth,
            format!("{place} refused the password of role {user}"),
            "correct the password in the DSN; with SCRAM an unknown role looks the same, and a pooler knows only the roles in its own user list",
        );
    }
    if text.contains("pg_hba.conf") {
        let plain = text.contains("no encryption") || text.contains("ssl off");
        return connect(
            Cause::Auth,
            format!(
                "{place} has no rule in pg_hba.conf that lets role {user} into database {database} from here ({said})"
            ),
            if plain {
                "the server may accept this role only with TLS: set `sslmode=require` or stronger, or add a rule for this address"
            } else {
                "add a `hostssl` rule for this role, database and address to pg_hba.conf and reload"
            },
        );
    }
    if *code == SqlState::INVALID_CATALOG_NAME || text.contains("no such database") {
        return connect(
            Cause::Missing,
            format!("{place} has no database {database}"),
            "create the database, or correct its name in the DSN (or in the pooler's configuration)",
        );
    }
    if text.contains("role") && text.contains("does not exist") || text.contains("no such user") {
        return connect(
            Cause::Auth,
            format!("{place} has no role {user}"),
            "create the role, or correct the user in the DSN",
        );
    }
    if *code == SqlState::TOO_MANY_CONNECTIONS
        || text.contains("too many")
        || text.contains("no more connections")
        || text.contains("connection slots")
    {
        return connect(
            Cause::Refused,
            format!("{place} has no connection left for role {user} ({said})"),
            "see who holds the connections (pg_stat_activity), put a pooler in front or raise the limit of the server, database or role",
        );
    }
    if *code == SqlState::CANNOT_CONNECT_NOW || *code == SqlState::ADMIN_SHUTDOWN {
        return connect(
            Cause::Unreachable,
            format!("{place} is not accepting connections now ({said})"),
            "wait until start-up, recovery or shutdown is over; see the server's log when it does not end",
        );
    }
    if text.contains("permission denied for database") || *code == SqlState::INSUFFICIENT_PRIVILEGE
    {
        return connect(
            Cause::Denied,
            format!("role {user} may not connect to database {database} at {place}"),
            format!("GRANT CONNECT ON DATABASE {database} TO {user}"),
        );
    }
    if text.contains("not permitted to log in") {
        return connect(
            Cause::Auth,
            format!("role {user} at {place} is not allowed to log in"),
            "ALTER ROLE … LOGIN, or use another role",
        );
    }
    if text.contains("server login") || text.contains("cannot connect") || text.contains("connect")
    {
        return connect(
            Cause::Unreachable,
            format!("the pooler at {place} does not reach its server ({said})"),
            "see the pooler's log and the server behind it",
        );
    }
    connect(
        Cause::Auth,
        format!("{place} refused the session ({said})"),
        "see the server's log",
    )
}

/// What the server said, in one line, without secrets.
pub(crate) fn server_message(db: &DbError, redactor: &Redactor) -> String {
    let message: String = db
        .message()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    format!("{} [{}]", redactor.text(&message), db.code().code())
}

/// Why one statement of a running session failed.
pub(super) fn statement(what: &str, db: &DbError, redactor: &Redactor) -> Fault {
    let said = server_message(db, redactor);
    let code = db.code();
    let (cause, hint) = if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        (
            Cause::Denied,
            "give the audit's role the privilege; `GRANT pg_monitor TO …` covers the statistics views",
        )
    } else if *code == SqlState::QUERY_CANCELED {
        (
            Cause::Timeout,
            "the statement ran into its time limit: make it cheaper or raise the check's `timeout:`",
        )
    } else if *code == SqlState::LOCK_NOT_AVAILABLE {
        (
            Cause::Timeout,
            "another session holds a lock on the object; look again when it is gone",
        )
    } else if *code == SqlState::UNDEFINED_TABLE
        || *code == SqlState::UNDEFINED_COLUMN
        || *code == SqlState::UNDEFINED_FUNCTION
        || *code == SqlState::UNDEFINED_OBJECT
    {
        (
            Cause::Missing,
            "correct the name, create the object, or qualify it with its schema",
        )
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        (
            Cause::NotAllowed,
            "audits only read: write a query that changes nothing",
        )
    } else if *code == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE {
        (
            Cause::Missing,
            "a library may be missing from shared_preload_libraries",
        )
    } else {
        (Cause::Unparseable, "correct the statement")
    };
    Fault::new(cause, format!("{what}: {said}")).hint(hint)
}

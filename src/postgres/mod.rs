//! Talking to PostgreSQL: DSNs as people write them, TLS as their `sslmode` says, one session a
//! target shared by all checks of an audit, read-only transactions, errors in plain words.

mod connect;
mod dsn;
mod faults;
mod parse;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod words;

pub(crate) use connect::Link;
pub(crate) use dsn::{Dsn, SslMode};
pub(crate) use session::{Looked, Sessions, Transaction};

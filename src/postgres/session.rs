//! Sessions: one a target, shared by the checks of an audit, each check in its own read-only
//! transaction that is rolled back.
//!
//! Works through a pooler in transaction mode: no start-up options, settings are `SET LOCAL`, and no
//! prepared statement has a name. Every query is wrapped, so that the protocol allows one statement
//! only, data-modifying CTEs are refused, all types come back as JSON, and size is bounded.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_postgres::types::{ToSql, Type};

use super::connect::{Link, Live, cancel, open};
use super::dsn::Dsn;
use super::faults;
use crate::context::Context;
use crate::outcome::{Cause, Fault};

/// At most this many rows of one query are read.
pub(crate) const MAX_ROWS: usize = 5000;
/// A row whose JSON is longer is not read.
const MAX_ROW_BYTES: usize = 32 * 1024;
/// What comes after so many bytes of one query is not read.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a statement may wait for a lock.
const LOCK_TIMEOUT: &str = "200ms";

/// The sessions of one audit. Clones share.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    /// One slot a target; whoever holds the slot's lock has the session for itself.
    slots: Arc<Mutex<HashMap<String, Slot>>>,
}

/// A session at rest, or none.
type Slot = Arc<tokio::sync::Mutex<Option<Live>>>;

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(..)")
    }
}

/// What a question of a check brought: an answer, or the reason why there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Looked<T> {
    /// The answer.
    Seen(T),
    /// Permission, timeout, a missing view: never to be mistaken for an empty answer.
    Hidden(Fault),
}

impl<T> Looked<T> {
    /// The same obstacle, or the mapped answer.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Looked<U> {
        match self {
            Self::Seen(value) => Looked::Seen(f(value)),
            Self::Hidden(fault) => Looked::Hidden(fault),
        }
    }
}

/// A transaction of one check. It must be finished; dropped, it takes its session down with it, so
/// that no statement goes on unwatched.
pub(crate) struct Transaction<'a> {
    /// The check.
    cx: &'a Context,
    /// The slot, locked.
    slot: tokio::sync::OwnedMutexGuard<Option<Live>>,
    /// The session; `None` after the end.
    live: Option<Live>,
}

impl Sessions {
    /// Begins the read-only transaction of a check on the session of this target, opening the
    /// session when there is none. A session that was lost meanwhile is opened once more.
    ///
    /// # Errors
    /// Why there is no session, with code `PG-01`.
    pub(crate) async fn begin<'a>(
        &self,
        cx: &'a Context,
        dsn: &Dsn,
        writable: bool,
    ) -> Result<Transaction<'a>, Fault> {
        if let Some(password) = &dsn.password {
            cx.redactor.add(password.expose());
        }
        let key = key_of(dsn);
        let slot = {
            let mut slots = self
                .slots
                .lock()
                .map_err(|_| Fault::new(Cause::Internal, "the sessions are gone after a panic"))?;
            Arc::clone(slots.entry(key).or_default())
        };
        let mut slot = cx
            .within(
                &format!("the session with {}", dsn.shown()),
                slot.lock_owned(),
            )
            .await?;
        let mut reused = true;
        let mut live = match slot.take().filter(|live| !live.client.is_closed()) {
            Some(live) => live,
            None => {
                reused = false;
                open(cx, dsn).await?
            }
        };
        let begin = begin_words(cx, writable);
        loop {
            let what = format!("{} (BEGIN)", live.link.place);
            match cx.within(&what, live.client.batch_execute(&begin)).await? {
                Ok(()) => break,
                Err(error) => {
                    let fault = faults::connecting(&live.link.place, dsn, &error, &cx.redactor);
                    drop(live);
                    if !reused {
                        return Err(fault);
                    }
                    reused = false;
                    live = open(cx, dsn).await?;
                }
            }
        }
        let mut transaction = Transaction {
            cx,
            slot,
            live: Some(live),
        };
        if let Some(path) = &dsn.search_path {
            transaction
                .rows::<Value>(
                    "search_path",
                    "select set_config('search_path', $1, true)",
                    &[path],
                )
                .await?;
        }
        Ok(transaction)
    }
}

/// Different credentials are different sessions.
fn key_of(dsn: &Dsn) -> String {
    use sha2::{Digest, Sha256};
    let password = dsn.password.as_ref().map_or("", |p| p.expose());
    format!(
        "{} {} {:?} {:?} {:?} {:x?}",
        dsn.shown(),
        dsn.user_shown(),
        dsn.ssl,
        dsn.roots,
        dsn.identity,
        Sha256::digest(password)
    )
}

/// What begins a transaction: time limits hold for it alone, which poolers respect.
fn begin_words(cx: &Context, writable: bool) -> String {
    let left = u64::try_from(cx.remaining().as_millis()).unwrap_or(u64::MAX);
    // A little earlier than our own deadline, so that the server says what took so long.
    let limit = (left / 10 * 9).clamp(50, 600_000);
    let access = if writable { "READ WRITE" } else { "READ ONLY" };
    format!(
        "BEGIN {access}; SET LOCAL statement_timeout = '{limit}ms'; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL idle_in_transaction_session_timeout = '{}ms'",
        limit.saturating_add(1_000)
    )
}

/// The JSON of every row of `sql`, bounded in number and size. The line break keeps a comment at
/// the end of the statement from swallowing the rest.
fn wrapped(sql: &str) -> String {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    format!(
        "select case when octet_length(j) > {MAX_ROW_BYTES} or sum(octet_length(j)) over (rows unbounded preceding) > {MAX_BYTES} then null else j end from (select row_to_json(t)::text as j from (\n{sql}\n) t limit {}) w",
        MAX_ROWS + 1
    )
}

impl Transaction<'_> {
    /// How the session is protected.
    pub(crate) fn link(&self) -> Option<&Link> {
        self.live.as_ref().map(|live| &live.link)
    }

    /// The rows of a query, typed. Parameters are text; cast them in the statement.
    ///
    /// # Errors
    /// The fault of the statement or of the session; the transaction is of no more use.
    pub(crate) async fn rows<T: DeserializeOwned>(
        &mut self,
        what: &str,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Vec<T>, Fault> {
        match self.ask(what, sql, parameters).await? {
            Ok(rows) => typed(what, rows),
            Err(fault) => Err(fault),
        }
    }

    /// The rows of a query as JSON objects. A statement that fails leaves the transaction usable
    /// and says why.
    ///
    /// # Errors
    /// Only when the session is lost or the check's time is over.
    pub(crate) async fn look<T: DeserializeOwned>(
        &mut self,
        what: &str,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Looked<Vec<T>>, Fault> {
        let Some(live) = &self.live else {
            return Err(closed());
        };
        let (sql, parameters) = (wrapped(sql), text(parameters));
        // All three travel together: one round trip instead of three.
        let all = futures_util::future::join3(
            live.client.batch_execute("SAVEPOINT look"),
            live.client.query_typed(&sql, &parameters),
            live.client.batch_execute("RELEASE SAVEPOINT look"),
        );
        let place = format!("{} ({what})", live.link.place);
        let (saved, rows, released) = self.cx.within(&place, all).await?;
        if let Err(error) = saved {
            return Err(self.sort(what, &error).unwrap_or_else(|lost| lost));
        }
        let looked = match rows {
            Ok(rows) => objects(what, &rows).and_then(|rows| typed(what, rows)),
            Err(error) => Err(self.sort(what, &error)?),
        };
        if released.is_err() {
            self.batch(what, "ROLLBACK TO SAVEPOINT look").await?;
        }
        Ok(match looked {
            Ok(rows) => Looked::Seen(rows),
            Err(fault) => Looked::Hidden(fault),
        })
    }

    /// Runs the one statement that an explicit smoke test asks for.
    ///
    /// # Errors
    /// Outer: the session is lost. Inner: the server refused the statement.
    pub(crate) async fn execute(
        &mut self,
        what: &str,
        sql: &str,
    ) -> Result<Result<(), Fault>, Fault> {
        let Some(live) = &self.live else {
            return Err(closed());
        };
        let done = live.client.execute_typed(sql, &[]);
        match self.cx.within(&live.link.place, done).await? {
            Ok(_) => Ok(Ok(())),
            Err(error) => self.sort(what, &error).map(Err),
        }
    }

    /// Runs words that bring no rows.
    async fn batch(&self, what: &str, sql: &str) -> Result<(), Fault> {
        let Some(live) = &self.live else {
            return Err(closed());
        };
        let done = live.client.batch_execute(sql);
        match self.cx.within(&live.link.place, done).await? {
            Ok(()) => Ok(()),
            Err(error) => Err(self.sort(what, &error).unwrap_or_else(|lost| lost)),
        }
    }

    /// Outer error: the session. Inner error: the statement.
    async fn ask(
        &self,
        what: &str,
        sql: &str,
        parameters: &[&str],
    ) -> Result<Result<Vec<Map<String, Value>>, Fault>, Fault> {
        let Some(live) = &self.live else {
            return Err(closed());
        };
        let (sql, parameters) = (wrapped(sql), text(parameters));
        let place = format!("{} ({what})", live.link.place);
        let asked = live.client.query_typed(&sql, &parameters);
        match self.cx.within(&place, asked).await? {
            Ok(rows) => Ok(objects(what, &rows)),
            Err(error) => self.sort(what, &error).map(Err),
        }
    }

    /// Whether the statement failed (`Ok`) or the session (`Err`).
    fn sort(&self, what: &str, error: &tokio_postgres::Error) -> Result<Fault, Fault> {
        let place = self.live.as_ref().map_or("", |live| &live.link.place);
        match error.as_db_error() {
            // Class 57P: the session was ended by somebody.
            Some(db) if !db.code().code().starts_with("57P") => {
                Ok(faults::statement(what, db, &self.cx.redactor))
            }
            Some(db) => Err(Fault::new(
                Cause::Unreachable,
                format!(
                    "{place} ended the session: {}",
                    faults::server_message(db, &self.cx.redactor)
                ),
            )
            .code("PG-01")
            .hint("see the server's log")),
            None => Err(Fault::new(
                Cause::Unreachable,
                format!("the session with {place} was lost during {what}"),
            )
            .code("PG-01")
            .hint("see the server's log; a pooler may have closed the session")),
        }
    }

    /// Rolls back and gives the session to the next check.
    pub(crate) async fn finish(mut self) {
        let Some(live) = &self.live else { return };
        let rollback = live.client.batch_execute("ROLLBACK");
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(1), rollback).await
            && let Some(live) = self.live.take()
        {
            *self.slot = Some(live);
        }
    }
}

impl Drop for Transaction<'_> {
    /// A transaction that was not finished may still have a statement running at the server.
    fn drop(&mut self) {
        let Some(live) = self.live.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(Duration::from_secs(2), cancel(&live)).await;
            });
        }
    }
}

/// Text parameters with their type, so that the server need not be asked for it.
fn text<'a>(parameters: &'a [&'a str]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    parameters
        .iter()
        .map(|text| (text as &(dyn ToSql + Sync), Type::TEXT))
        .collect()
}

/// The JSON objects of a wrapped query's rows.
fn objects(what: &str, rows: &[tokio_postgres::Row]) -> Result<Vec<Map<String, Value>>, Fault> {
    if rows.len() > MAX_ROWS {
        return Err(Fault::new(
            Cause::TooLarge,
            format!("{what}: more than {MAX_ROWS} rows"),
        )
        .hint("aggregate in SQL, or add a LIMIT"));
    }
    rows.iter()
        .map(|row| {
            let text: Option<&str> = row.try_get(0).map_err(|_| unreadable(what))?;
            let text = text.ok_or_else(|| {
                Fault::new(
                    Cause::TooLarge,
                    format!("{what}: a row is larger than {MAX_ROW_BYTES} bytes, or all rows together are larger than {MAX_BYTES}"),
                )
                .hint("select fewer or shorter columns")
            })?;
            serde_json::from_str(text).map_err(|_| unreadable(what))
        })
        .collect()
}

/// The rows as `T`.
fn typed<T: DeserializeOwned>(what: &str, rows: Vec<Map<String, Value>>) -> Result<Vec<T>, Fault> {
    rows.into_iter()
        .map(|row| serde_json::from_value(Value::Object(row)).map_err(|_| unreadable(what)))
        .collect()
}

/// The server answered something that cannot be understood.
fn unreadable(what: &str) -> Fault {
    Fault::new(
        Cause::Unparseable,
        format!("{what}: the server's answer cannot be understood"),
    )
    .hint("this server may not be PostgreSQL, or a version readyctl does not know")
}

/// Used after its end.
fn closed() -> Fault {
    Fault::new(Cause::Internal, "the transaction is over")
}

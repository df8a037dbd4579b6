//! Questions beyond INFO: what strangers may do, what the user may do, which keys exist.

use ::redis::Value;

use super::facts::{
    Anonymous, Facts, Found, KeysSeen, May, Permission, Plaintext, PlaintextAnswer, Reading,
    Refusal,
};
use super::observe::{command, number_of, reading, text_of};
use super::session::{Session, explained};
use super::target::{Place, Target, parse};
use super::{Keys, Redis};
use crate::context::Context;
use crate::kinds::Planned;
use crate::kinds::dial::Endpoint;
use crate::net::TlsOptions;
use crate::outcome::{Cause, Fault};

/// Keys asked for at once by SCAN.
const SCAN_STEP: u32 = 500;

/// Arguments that make a command complete, so that `ACL DRYRUN` does not stumble over their number.
fn dry_arguments(name: &str) -> &'static [&'static str] {
    match name {
        "keys" => &["*"],
        "config" => &["SET", "dir", "/"],
        "debug" => &["SLEEP", "0"],
        "module" => &["LOAD", "/none.so"],
        "eval" => &["return 1", "0"],
        "script" => &["FLUSH"],
        "function" => &["FLUSH"],
        "acl" => &["SETUSER", "readyctl"],
        "client" => &["KILL", "ID", "0"],
        "replicaof" | "slaveof" => &["NO", "ONE"],
        "swapdb" => &["0", "1"],
        "migrate" => &["127.0.0.1", "1", "k", "0", "1"],
        "cluster" => &["RESET"],
        "psync" => &["?", "-1"],
        "restore" => &["k", "0", "v"],
        "sort" => &["k"],
        "rename" => &["k", "k"],
        _ => &[],
    }
}

impl Redis {
    /// What connections without credentials, and without TLS, may do.
    pub(super) async fn probe_strangers(
        &self,
        cx: &Context,
        target: &Target,
        tls: &TlsOptions,
        facts: &mut Facts,
    ) -> Result<(), Fault> {
        if self.auth_required || self.protected {
            facts.anonymous = Some(anonymous(cx, target, tls).await?);
        }
        if let (Some(port), Place::Tcp(endpoint)) = (self.plaintext_port, &target.place) {
            let place = Endpoint::new(&endpoint.host, port);
            facts.plaintext = Some(plaintext(cx, place).await?);
        }
        Ok(())
    }

    /// Who the user is and whether it may run the forbidden commands.
    pub(super) async fn probe_permissions(
        &self,
        cx: &Context,
        session: &mut Session,
        tls: &TlsOptions,
        facts: &mut Facts,
    ) -> Result<(), Fault> {
        if self.forbidden_commands.is_empty() {
            return Ok(());
        }
        let whoami = session.ask(cx, &command(&["ACL", "WHOAMI"])).await?;
        let declared = self.target()?.user;
        let user = match reading(whoami, text_of) {
            // A user that may not ask for its name: the URL says it.
            Reading::Refused(refusal) => declared.map_or(Reading::Refused(refusal), Reading::Known),
            known => known,
        };
        let mut admin = match &self.admin_url {
            Some(url) => {
                cx.redactor.add(url.expose());
                Some(Session::open(cx, &parse(url.expose())?, tls).await?)
            }
            None => None,
        };
        for name in &self.forbidden_commands {
            let name = name.to_ascii_lowercase();
            let asked = match &user {
                Reading::Known(user) => {
                    may_run(cx, admin.as_mut().unwrap_or(session), user, &name).await?
                }
                Reading::Refused(refusal) => Reading::Refused(refusal.clone()),
            };
            // A command that does not exist cannot be run by anybody; ACL DRYRUN may be unknown
            // or forbidden while COMMAND INFO is not.
            let may = match asked {
                Reading::Refused(refusal) if is_absent(cx, session, &name).await? => {
                    let _no_need_to_know = refusal;
                    Reading::Known(May::Absent)
                }
                other => other,
            };
            facts.permissions.push(Permission { command: name, may });
        }
        facts.user = Some(user);
        Ok(())
    }
}

/// Asks `ACL DRYRUN`: nothing is run.
async fn may_run(
    cx: &Context,
    session: &mut Session,
    user: &str,
    name: &str,
) -> Result<Reading<May>, Fault> {
    let mut words = vec!["ACL", "DRYRUN", user, name];
    words.extend(dry_arguments(name));
    Ok(match session.ask(cx, &command(&words)).await? {
        Ok(Value::Okay) => Reading::Known(May::Yes),
        Ok(value) => match text_of(&value) {
            Some(text) if text == "OK" => Reading::Known(May::Yes),
            Some(text) if text.contains("no permissions") || text.contains("can't run") => {
                Reading::Known(May::No)
            }
            other => Reading::Refused(Refusal {
                code: "SHAPE".to_owned(),
                text: other.unwrap_or_default(),
            }),
        },
        Err(refusal) if refusal.text.contains("not found") && refusal.text.contains("ommand") => {
            Reading::Known(May::Absent)
        }
        Err(refusal) => Reading::Refused(refusal),
    })
}

/// Whether COMMAND INFO says that there is no such command.
async fn is_absent(cx: &Context, session: &mut Session, name: &str) -> Result<bool, Fault> {
    let answer = session
        .ask(cx, &command(&["COMMAND", "INFO", name]))
        .await?;
    Ok(matches!(answer, Ok(Value::Array(items)) if matches!(items.as_slice(), [Value::Nil])))
}

/// Connects without credentials and sees how far that leads.
async fn anonymous(cx: &Context, target: &Target, tls: &TlsOptions) -> Result<Anonymous, Fault> {
    let mut stranger = Session::connect(cx, target, tls).await?;
    let turned_away = |refusal| Anonymous {
        refused: Some(refusal),
        reads_info: false,
        administers: false,
    };
    match stranger.ask(cx, &command(&["PING"])).await {
        // NOAUTH and DENIED turn strangers away; anything else is an answer to a stranger.
        Ok(Err(refusal)) if matches!(refusal.code.as_str(), "NOAUTH" | "DENIED" | "NOPERM") => {
            return Ok(turned_away(refusal));
        }
        Ok(_) => {}
        Err(fault) => {
            // Protected mode says so and hangs up, which can overtake our PING.
            let fault = explained(cx, target, fault).await;
            if fault.cause == Cause::Denied && fault.code.is_none() {
                return Ok(turned_away(Refusal {
                    code: "DENIED".to_owned(),
                    text: fault.message,
                }));
            }
            return Err(fault);
        }
    }
    let reads_info = stranger
        .ask(cx, &command(&["INFO", "server"]))
        .await?
        .is_ok();
    let dry = may_run(cx, &mut stranger, "default", "flushall").await?;
    Ok(Anonymous {
        refused: None,
        reads_info,
        administers: dry.known() == Some(&May::Yes),
    })
}

/// Sends a PING in plaintext and sees whether Redis answers.
async fn plaintext(cx: &Context, endpoint: Endpoint) -> Result<Plaintext, Fault> {
    let place = endpoint.to_string();
    let target = Target {
        place: Place::Tcp(endpoint),
        tls: false,
        user: None,
        password: None,
        db: 0,
        ca_file: None,
    };
    let seen = |answer, detail: String| {
        Ok(Plaintext {
            place: place.clone(),
            answer,
            detail,
        })
    };
    let fault = match Session::connect(cx, &target, &TlsOptions::default()).await {
        Ok(mut session) => match session.ask(cx, &command(&["PING"])).await {
            Ok(Ok(_)) => return seen(PlaintextAnswer::Redis, "PING was answered".to_owned()),
            Ok(Err(refusal)) => return seen(PlaintextAnswer::Redis, refusal.to_string()),
            Err(fault) => fault,
        },
        Err(fault) => fault,
    };
    match fault.cause {
        Cause::Refused | Cause::Unreachable | Cause::Protocol => {
            seen(PlaintextAnswer::Closed, fault.message)
        }
        _ => seen(PlaintextAnswer::Unknown, fault.message),
    }
}

impl Keys {
    /// Whether the pattern is a plain key.
    fn is_plain(&self) -> bool {
        !self.pattern.contains(['*', '?', '[', '\\'])
    }

    /// See [`crate::kinds::Kind::plan`].
    pub(super) fn planned(&self) -> Planned {
        if self.is_plain() {
            Planned::once(format!("EXISTS {}", self.pattern))
        } else {
            Planned {
                what: format!("SCAN … MATCH {} COUNT {SCAN_STEP}", self.pattern),
                at_most: self.steps(),
            }
        }
    }

    /// Most SCAN calls.
    fn steps(&self) -> u32 {
        self.scan_at_most.div_ceil(SCAN_STEP).max(1)
    }

    /// Looks for one such key.
    pub(super) async fn look(
        &self,
        cx: &Context,
        session: &mut Session,
    ) -> Result<KeysSeen, Fault> {
        let seen = if self.is_plain() {
            let answer = session
                .ask(cx, &command(&["EXISTS", &self.pattern]))
                .await?;
            reading(answer, |value| {
                number_of(value).map(|count| Found {
                    any: count > 0,
                    looked_at: 1,
                    complete: true,
                })
            })
        } else {
            self.scan(cx, session).await?
        };
        Ok(KeysSeen {
            pattern: self.pattern.clone(),
            seen,
        })
    }

    /// A bounded SCAN, ended by the first match.
    async fn scan(&self, cx: &Context, session: &mut Session) -> Result<Reading<Found>, Fault> {
        let mut cursor = "0".to_owned();
        let step = SCAN_STEP.to_string();
        let mut looked_at = 0_u64;
        for _ in 0..self.steps() {
            let words = ["SCAN", &cursor, "MATCH", &self.pattern, "COUNT", &step];
            let page = match session.ask(cx, &command(&words)).await? {
                Ok(Value::Array(page)) => page,
                Ok(_) => Vec::new(),
                Err(refusal) => return Ok(Reading::Refused(refusal)),
            };
            let (Some(next), Some(Value::Array(keys))) =
                (page.first().and_then(text_of), page.get(1))
            else {
                return Ok(reading(Ok(Value::Nil), |_| None));
            };
            looked_at += u64::from(SCAN_STEP);
            let any = !keys.is_empty();
            let complete = next == "0";
            if any || complete {
                return Ok(Reading::Known(Found {
                    any,
                    looked_at,
                    complete,
                }));
            }
            cursor = next;
        }
        Ok(Reading::Known(Found {
            any: false,
            looked_at,
            complete: false,
        }))
    }
}

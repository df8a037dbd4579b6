//! Judging who may connect, how, and what the user may do.

use super::facts::{May, PlaintextAnswer, Reading};
use super::judge::Judging;

impl Judging<'_> {
    /// Authentication, encryption, exposure.
    pub(super) fn security(&mut self) {
        if self.spec.auth_required {
            self.authentication();
        }
        if self.spec.tls_required {
            self.encryption();
        }
        if self.spec.protected {
            self.exposure();
        }
    }

    /// What a stranger may do.
    fn authentication(&mut self) {
        let (subject, expected) = ("a connection without credentials", "is turned away");
        let Some(anonymous) = &self.facts.anonymous else {
            self.unknown("RED-01", subject, expected, "it was not tried");
            return;
        };
        if let Some(refusal) = &anonymous.refused {
            let actual = format!("is turned away ({})", refusal.code);
            self.pass(subject, expected, &actual);
            return;
        }
        let place = &self.facts.place;
        if anonymous.administers {
            self.fail(
                "RED-02",
                subject,
                expected,
                "may run every command, FLUSHALL included",
                format!("whoever reaches {place} may read, change and delete everything"),
            );
        } else {
            let actual = if anonymous.reads_info {
                "is answered and may read INFO"
            } else {
                "is answered"
            };
            let message = format!("{place} answers without a password");
            self.fail("RED-01", subject, expected, actual, message);
        }
    }

    /// Whether the connection is encrypted, and plaintext is not offered besides.
    fn encryption(&mut self) {
        let (subject, expected) = ("encryption", "TLS or a local socket");
        if self.facts.socket {
            self.pass(subject, expected, "Unix socket");
        } else {
            let actual = if self.facts.tls { "TLS" } else { "plaintext" };
            self.check(self.facts.tls, "RED-03", subject, expected, actual, || {
                "passwords and data cross the network in plaintext".to_owned()
            });
        }
        if self.spec.plaintext_port.is_none() {
            return;
        }
        let Some(seen) = &self.facts.plaintext else {
            if !self.facts.socket {
                self.unknown("RED-03", "plaintext port", "closed", "it was not tried");
            }
            return;
        };
        let (subject, expected) = (format!("plaintext at {}", seen.place), "no Redis");
        match seen.answer {
            PlaintextAnswer::Redis => {
                let message = format!("Redis answers in plaintext at {}", seen.place);
                self.fail("RED-03", &subject, expected, &seen.detail, message);
            }
            PlaintextAnswer::Closed => self.pass(&subject, expected, "no Redis in plaintext"),
            PlaintextAnswer::Unknown => {
                self.unknown("RED-03", &subject, expected, &seen.detail);
            }
        }
    }

    /// Whether the configuration lets the world in.
    fn exposure(&mut self) {
        let (subject, expected) = ("exposure", "protected mode, private bind or authentication");
        if let Some(refusal) = self
            .facts
            .anonymous
            .as_ref()
            .and_then(|a| a.refused.as_ref())
        {
            let actual = format!("strangers are turned away ({})", refusal.code);
            self.pass(subject, expected, &actual);
            return;
        }
        let (Some(mode), Some(bind)) = (self.config("protected-mode"), self.config("bind")) else {
            let why = self.no_config("protected-mode");
            self.unknown("RED-04", subject, expected, &why);
            return;
        };
        let actual = format!("protected-mode {mode}, bind {bind:?}, no authentication");
        let good = mode == "yes" || !binds_widely(bind);
        self.check(good, "RED-04", subject, expected, &actual, || {
            "the server accepts everybody from every network it is attached to".to_owned()
        });
    }

    /// Commands that the user must not be able to run.
    pub(super) fn permissions(&mut self) {
        let user = match &self.facts.user {
            Some(Reading::Known(user)) => user.clone(),
            _ => "the user".to_owned(),
        };
        for permission in &self.facts.permissions {
            let command = permission.command.to_ascii_uppercase();
            let (subject, expected) = (format!("{command} by {user}"), "not permitted");
            match &permission.may {
                Reading::Known(May::Yes) => {
                    let message =
                        format!("{user} may run {command}: one injection or bug suffices");
                    self.fail("RED-21", &subject, expected, "permitted", message);
                }
                Reading::Known(May::No) => self.pass(&subject, expected, "not permitted"),
                Reading::Known(May::Absent) => self.pass(&subject, expected, "no such command"),
                Reading::Refused(refusal) => {
                    let why = format!(
                        "ACL DRYRUN: {refusal}; give `admin_url:` of a user that may ask (Redis 7 or newer)"
                    );
                    self.unknown("RED-21", &subject, expected, &why);
                }
            }
        }
    }
}

/// Whether `bind` includes every interface.
fn binds_widely(bind: &str) -> bool {
    bind.trim().is_empty()
        || bind
            .split_whitespace()
            .map(|address| address.trim_start_matches('-'))
            .any(|address| matches!(address, "0.0.0.0" | "::" | "*" | "::*"))
}

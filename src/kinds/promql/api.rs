//! The HTTP APIs of Prometheus and Alertmanager.

use serde_json::Value;
use url::Url;

use crate::context::Context;
use crate::exchange::{BodyEnd, Request, Session, cut};
use crate::expect::ByteSize;
use crate::kinds::auth::Auth;
use crate::outcome::{Cause, Fault};

/// Largest answer that is read.
const MAX_ANSWER: u64 = 8 << 20;

/// One server with what is needed to ask it.
pub(super) struct Api<'a> {
    /// Connections.
    pub(super) session: &'a Session,
    /// Of the check.
    pub(super) cx: &'a Context,
    /// Its address.
    pub(super) base: &'a str,
    /// Credentials.
    pub(super) auth: Option<&'a Auth>,
}

/// What Prometheus answers.
pub(super) struct Reply {
    /// The data.
    pub(super) data: Value,
    /// Warnings that came along.
    pub(super) warnings: Vec<String>,
    /// Why there is no data.
    pub(super) error: Option<String>,
}

impl Api<'_> {
    /// Sends one GET and reads JSON, whatever the status: Prometheus explains errors in JSON.
    async fn json(&self, path: &str, query: &[(&str, &str)]) -> Result<(u16, Value), Fault> {
        let text = format!("{}/{path}", self.base.trim_end_matches('/'));
        let mut url = Url::parse(&text)
            .map_err(|_| Fault::new(Cause::Unparseable, format!("`{text}` is no URL")))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::get(url);
        request.max_body = MAX_ANSWER;
        request.header("accept", "application/json")?;
        if let Some(auth) = self.auth {
            auth.apply(&mut request, self.cx, |text| Ok(text.to_owned()))?;
        }
        let what = request.what();
        let response = self.session.send(self.cx, &request).await?;
        match &response.end {
            BodyEnd::Complete => {}
            BodyEnd::Capped => {
                let size = ByteSize(MAX_ANSWER);
                return Err(
                    Fault::new(Cause::TooLarge, format!("{what}: more than {size}"))
                        .hint("ask for less: aggregate in the expression"),
                );
            }
            BodyEnd::Stalled => {
                return Err(Fault::new(
                    Cause::Timeout,
                    format!("{what}: the answer stopped half way"),
                )
                .hint("`timeout:` of the check allows more time"));
            }
            BodyEnd::Broken(why) => {
                return Err(Fault::new(Cause::Protocol, format!("{what}: {why}")));
            }
        }
        match response.status {
            401 => {
                return Err(Fault::new(Cause::Auth, format!("{what}: status 401"))
                    .hint("set `auth` with credentials that may query"));
            }
            403 => {
                return Err(Fault::new(Cause::Denied, format!("{what}: status 403"))
                    .hint("give these credentials the right to query"));
            }
            _ => {}
        }
        let json = serde_json::from_slice(&response.body).map_err(|_| {
            Fault::new(
                Cause::Unparseable,
                format!("{what}: status {}, and no JSON", response.status),
            )
            .hint("see whether `url` is the server itself, with its path prefix")
        })?;
        Ok((response.status, json))
    }

    /// Asks Prometheus.
    ///
    /// # Errors
    /// When there is no answer of its API. A refused expression is no error.
    pub(super) async fn prometheus(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Reply, Fault> {
        let (status, mut json) = self.json(&format!("api/v1/{path}"), query).await?;
        let error = match json["status"].as_str() {
            Some("success") => None,
            Some("error") => {
                let text = json["error"].as_str().unwrap_or("no reason given");
                Some(cut(text, 300).to_owned())
            }
            _ => {
                return Err(Fault::new(
                    Cause::Unparseable,
                    format!(
                        "{}: status {status}, and no answer of Prometheus' API",
                        self.base
                    ),
                )
                .hint("see whether `url` is the server itself, with its path prefix"));
            }
        };
        let warnings = json["warnings"]
            .as_array()
            .into_iter()
            .flatten()
            .take(5)
            .map(|text| cut(text.as_str().unwrap_or("a warning"), 300).to_owned())
            .collect();
        Ok(Reply {
            data: json["data"].take(),
            warnings,
            error,
        })
    }

    /// Asks Prometheus for a part of its state.
    ///
    /// # Errors
    /// When there is no answer, and when it is refused.
    pub(super) async fn state(&self, path: &str) -> Result<Value, Fault> {
        let reply = self.prometheus(path, &[]).await?;
        match reply.error {
            None => Ok(reply.data),
            Some(why) => Err(Fault::new(
                Cause::Denied,
                format!("{} does not tell its {path}: {why}", self.base),
            )),
        }
    }

    /// Asks an Alertmanager.
    ///
    /// # Errors
    /// When there is no answer of its API.
    pub(super) async fn alertmanager(&self, path: &str) -> Result<Value, Fault> {
        let (status, json) = self.json(&format!("api/v2/{path}"), &[]).await?;
        if status == 200 {
            return Ok(json);
        }
        Err(Fault::new(
            Cause::Unparseable,
            format!("{}: status {status} for its {path}", self.base),
        )
        .hint("see whether `alertmanager.url` is the Alertmanager itself"))
    }
}

/// A length of time as Prometheus writes it, `1m30s`, in seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "y" => 31_536_000.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Some(total)
}

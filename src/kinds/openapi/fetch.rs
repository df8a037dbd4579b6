//! Asking for a page, its redirects on the same host followed.

use url::Url;

use super::{Openapi, REDIRECTS};
use crate::context::Context;
use crate::exchange::{BodyEnd, Request, Response, Session, shown_url};
use crate::outcome::{Cause, Fault};

/// How an address is asked.
pub(super) struct Asker<'a> {
    /// Connections.
    pub(super) session: &'a Session,
    /// Of the check.
    pub(super) cx: &'a Context,
    /// What is asked for.
    pub(super) spec: &'a Openapi,
}

impl Asker<'_> {
    /// A request with the headers of the check, and with its credentials if wished.
    ///
    /// # Errors
    /// When one of them cannot be sent.
    pub(super) fn request(&self, url: Url, credentials: bool) -> Result<Request, Fault> {
        let mut request = Request::get(url);
        for (name, value) in self.spec.headers.iter() {
            if !value.expose().is_empty() {
                request.header(name, value.expose())?;
            }
        }
        if let Some(auth) = self.spec.auth.as_ref().filter(|_| credentials) {
            auth.apply(&mut request, self.cx, |text| Ok(text.to_owned()))?;
        }
        Ok(request)
    }

    /// Asks for a page. A redirect to another host is an answer: what is there is not this service.
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) async fn page(
        &self,
        url: &Url,
        credentials: bool,
        max_body: u64,
    ) -> Result<Response, Fault> {
        let mut url = url.clone();
        for _ in 0..REDIRECTS {
            let mut request = self.request(url.clone(), credentials)?;
            request.max_body = max_body;
            if !request.headers.contains_key("accept") {
                request.header("accept", "application/json, text/html;q=0.9, */*;q=0.8")?;
            }
            let response = self.session.send(self.cx, &request).await?;
            let next = (300..400)
                .contains(&response.status)
                .then(|| response.header("location"))
                .flatten()
                .and_then(|location| url.join(location).ok());
            match next {
                Some(next) if next.origin() == url.origin() => url = next,
                _ => return Ok(response),
            }
        }
        Err(Fault::new(
            Cause::Protocol,
            format!("{} redirects again and again", shown_url(&url)),
        )
        .hint("ask for the address that the redirects are meant to lead to"))
    }
}

/// The body of a page, if all of it came.
///
/// # Errors
/// When it did not.
pub(super) fn complete(response: &Response) -> Result<&[u8], Fault> {
    let what = format!("GET {}", shown_url(&response.url));
    Err(match &response.end {
        BodyEnd::Complete => return Ok(&response.body),
        BodyEnd::Capped => Fault::new(
            Cause::TooLarge,
            format!("{what}: the answer is larger than is read"),
        )
        .hint("see why it is that large; `max_size` of the check bounds documents"),
        BodyEnd::Stalled => Fault::new(
            Cause::Timeout,
            format!("{what}: the answer stopped half way"),
        )
        .hint("`timeout:` of the check allows more time"),
        BodyEnd::Broken(why) => Fault::new(Cause::Protocol, format!("{what}: {why}"))
            .hint("see the logs of the service and of the proxies before it"),
    })
}

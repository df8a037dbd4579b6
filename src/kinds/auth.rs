//! URLs and credentials of HTTP requests, the same words in every kind that sends some.

use base64::Engine as _;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::SpecProblem;
use crate::context::Context;
use crate::exchange::Request;
use crate::expect::Secret;
use crate::outcome::Fault;

/// What is wrong with the URL in `field`, if anything; `example` shows how one looks.
pub(crate) fn url_problem(field: &str, text: &str, example: &str) -> Option<SpecProblem> {
    let help = format!("write it like `{example}`");
    match Url::parse(text) {
        Err(_) => Some(SpecProblem::at(field, "this is not an absolute URL", help)),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Some(SpecProblem::at(
            field,
            "the URL is neither http nor https",
            help,
        )),
        Ok(url) if url.password().is_some() || !url.username().is_empty() => Some(SpecProblem::at(
            field,
            "the URL holds credentials",
            "write `auth: { basic: { user: …, password: … } }`",
        )),
        Ok(_) => None,
    }
}

/// Credentials; exactly one of the forms.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    /// Token for `Authorization: Bearer`.
    #[serde(default)]
    pub(super) bearer: Option<Secret>,
    /// User and password for `Authorization: Basic`.
    #[serde(default)]
    pub(super) basic: Option<Basic>,
    /// A header of its own, for example `X-API-Key`.
    #[serde(default)]
    pub(super) header: Option<HeaderAuth>,
}

/// User and password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basic {
    /// The user.
    pub(super) user: Secret,
    /// The password.
    pub(super) password: Secret,
}

/// A header that carries a credential.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderAuth {
    /// Name of the header.
    pub(super) name: String,
    /// Its value.
    pub(super) value: Secret,
}

impl Auth {
    /// Adds the credentials to a request, each filled in by `fill`, and makes them known to the
    /// redactor.
    ///
    /// # Errors
    /// When a value cannot be filled in or sent.
    pub(crate) fn apply(
        &self,
        request: &mut Request,
        cx: &Context,
        fill: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<(), Fault> {
        if let Some(token) = &self.bearer {
            let token = fill(token.expose())?;
            cx.redactor.add(&token);
            request.header("authorization", &format!("Bearer {token}"))?;
        }
        if let Some(basic) = &self.basic {
            let user = fill(basic.user.expose())?;
            let password = fill(basic.password.expose())?;
            cx.redactor.add(&password);
            let pair = format!("{user}:{password}");
            cx.redactor.add(&pair);
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            request.header("authorization", &format!("Basic {encoded}"))?;
        }
        if let Some(header) = &self.header {
            let value = fill(header.value.expose())?;
            cx.redactor.add(&value);
            request.header(&header.name, &value)?;
        }
        Ok(())
    }

    /// Not exactly one form; `field` is where the credentials stand.
    pub(crate) fn problem(&self, field: &str) -> Option<SpecProblem> {
        let forms = usize::from(self.bearer.is_some())
            + usize::from(self.basic.is_some())
            + usize::from(self.header.is_some());
        (forms != 1).then(|| {
            SpecProblem::at(
                field,
                "credentials have exactly one form",
                "write one of `bearer`, `basic`, `header`",
            )
        })
    }
}

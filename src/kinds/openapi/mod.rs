//! OpenAPI: the document that a service serves, the one that is committed, and what the service does.

mod changes;
mod docs;
mod document;
mod facts;
mod faults;
mod fetch;
mod judge;
mod observe;
mod operation;
mod outline;
mod problems;
mod refs;
mod route;
mod same;
mod sample;
mod servers;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::auth::Auth;
use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::exchange::shown_url;
use crate::expect::{ByteSize, Matcher, Ordered, Secret};
use crate::outcome::{Fault, Finding};

use facts::Facts;
use route::Route;
use sample::Sample;

/// Most redirects that are followed, on the same host only.
const REDIRECTS: u32 = 5;

/// Judges the OpenAPI document of a service (2.0, 3.0, 3.1, 3.2; JSON or YAML), compares it with the
/// committed one and with what the service answers, and looks for the documentation page.
///
/// The document must be valid: structure, path parameters, references, operation ids, security
/// schemes. References to other documents are never followed. At least one of `url` and `docs` is
/// needed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Openapi {
    /// Where the service serves its document, `https://api.example.com/openapi.json`.
    #[serde(default)]
    url: Option<String>,
    /// Whether the document must be `present` (the default) or `absent`: nobody without credentials
    /// may read it then.
    #[serde(default)]
    expect: Presence,
    /// Credentials for the document, the documentation page and the sampled operations.
    #[serde(default)]
    auth: Option<Auth>,
    /// More headers of every request, `X-Tenant-ID: "${tenant}"`. Empty values are not sent.
    #[serde(default)]
    headers: Ordered<Secret>,
    /// What `info.version` must be, for example the version of the release.
    #[serde(default)]
    version: Option<Matcher>,
    /// The committed document, JSON or YAML, below `root`. What it promises must still hold.
    #[serde(default)]
    committed: Option<String>,
    /// The folder that `committed` is relative to and must stay in; the working directory by default.
    #[serde(default = "here")]
    root: String,
    /// How the served document may differ from the committed one: `compatible` (the default) or
    /// `same`.
    #[serde(default)]
    compare: Compare,
    /// Operations (`GET /health`) and paths (`/api/v1/items/{id}`) that the document must describe,
    /// with or without the path of its server. Names of parameters do not matter.
    #[serde(default)]
    documents: Vec<Route>,
    /// Whether every operation needs a summary or a description.
    #[serde(default)]
    described: bool,
    /// Operations that may be called without credentials: `GET /health`, `/public/**`; `*` stands for
    /// one segment. When this is given, every other operation must declare its `security`.
    #[serde(default)]
    public: Option<Vec<Route>>,
    /// The only servers that the document may name, in full: `[https://api.example.com/v1]`. Without
    /// this any server will do that is not this machine itself (localhost, 127.0.0.1, 0.0.0.0).
    #[serde(default)]
    servers: Option<Vec<String>>,
    /// Whether the document may name localhost as a server: that of a developer's machine may.
    #[serde(default)]
    local_servers: bool,
    /// Asks operations that only read, and holds their answers against the document: `sample: {}`.
    #[serde(default)]
    sample: Option<Sample>,
    /// The documentation page: Swagger UI, ReDoc, RapiDoc, Scalar or Elements, told by its content.
    #[serde(default)]
    docs: Option<Docs>,
    /// Largest document that is read; `16MiB` by default and at most.
    #[serde(default = "default_size")]
    max_size: ByteSize,
    /// A PEM file of certificate authorities to trust besides the system's; empty means none.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Whether link-local addresses may be asked, where clouds keep their metadata services.
    #[serde(default)]
    allow_link_local: bool,
}

/// A documentation page.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Docs {
    /// Its address, `https://api.example.com/docs`.
    url: String,
    /// Whether it must be `present` (the default) or `absent`. A page of the application that answers
    /// to every path is no documentation page.
    #[serde(default)]
    expect: Presence,
}

/// Whether something must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Presence {
    /// It must.
    #[default]
    Present,
    /// It must not.
    Absent,
}

/// How two documents may differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Compare {
    /// In everything that breaks no client of the committed one. Removed operations, new required
    /// parameters, narrower requests, wider answers and more credentials do break clients.
    #[default]
    Compatible,
    /// In `servers`, and in the order of things, only.
    Same,
}

/// Default of `root`.
fn here() -> String {
    ".".to_owned()
}

/// Default of `max_size`.
fn default_size() -> ByteSize {
    ByteSize(16 << 20)
}

impl Openapi {
    /// Whether the document is read and judged, not only looked for.
    fn reads_document(&self) -> bool {
        self.url.is_some() && self.expect == Presence::Present
    }

    /// Every URL that is asked.
    fn urls(&self) -> impl Iterator<Item = Url> {
        let docs = self.docs.as_ref().map(|docs| docs.url.as_str());
        let pages = [self.url.as_deref(), docs];
        pages
            .into_iter()
            .flatten()
            .filter_map(|text| Url::parse(text).ok())
    }
}

impl Kind for Openapi {
    const NAME: &'static str = "openapi";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        let base = self
            .sample
            .as_ref()
            .and_then(|sample| Url::parse(sample.base_url.as_deref()?).ok());
        let mut hosts: Vec<String> = self
            .urls()
            .chain(base)
            .filter_map(|url| crate::net::host_key(&url))
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    fn problems(&self) -> Vec<SpecProblem> {
        problems::problems(self)
    }

    fn plan(&self) -> Vec<Planned> {
        let mut list: Vec<Planned> = self
            .urls()
            .map(|url| Planned {
                what: format!("GET {}, redirects on its host followed", shown_url(&url)),
                at_most: 1 + REDIRECTS,
            })
            .collect();
        if let Some(docs) = self
            .docs
            .as_ref()
            .filter(|docs| docs.expect == Presence::Absent)
            && let Some(probe) = docs::made_up(&docs.url)
        {
            list.push(Planned::once(format!(
                "GET {}, to know a page that answers everything",
                shown_url(&probe)
            )));
        }
        if let Some(path) = &self.committed {
            list.push(Planned::once(format!("read {path} below {}", self.root)));
        }
        if let Some(sample) = &self.sample {
            let requests = sample.requests();
            list.extend(requests.into_iter().map(|(what, at_most)| Planned {
                what: what.to_owned(),
                at_most,
            }));
        }
        list
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        observe::observe(self, cx).await
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts, cx.now)
    }
}

//! Documentation pages, told by their content.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use url::Url;

use super::fetch::{Asker, complete};
use super::{Docs, Presence};
use crate::exchange::{Response, cut, shown_url};
use crate::outcome::{Cause, Fault};

/// Most bytes of a page that are read.
const MAX_PAGE: u64 = 4 << 20;

/// Names of the tools that make such pages, and what only their pages hold.
const TOOLS: &[(&str, &[&str])] = &[
    (
        "Swagger UI",
        &[
            "id=\"swagger-ui\"",
            "id='swagger-ui'",
            "swagger-ui-bundle",
            "swaggeruibundle",
            "swagger-ui.css",
        ],
    ),
    ("ReDoc", &["<redoc", "redoc.standalone", "redoc.init("]),
    ("RapiDoc", &["<rapi-doc", "rapidoc-min.js"]),
    ("Scalar", &["@scalar/api-reference", "id=\"api-reference\""]),
    ("Stoplight Elements", &["<elements-api"]),
];

/// Words that the title of such a page has.
const TITLES: &[(&str, &str)] = &[
    ("swagger", "Swagger UI"),
    ("redoc", "ReDoc"),
    ("rapidoc", "RapiDoc"),
];

/// What is at the address of a documentation page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Page {
    /// The address, as declared.
    pub(super) url: String,
    /// What is there.
    pub(super) seen: Result<PageSeen, Fault>,
}

/// An answer of a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PageSeen {
    /// The status.
    pub(super) status: u16,
    /// The media type.
    pub(super) content_type: Option<String>,
    /// Where it redirects to, on another host.
    pub(super) redirect: Option<String>,
    /// The tool that made it.
    pub(super) tool: Option<String>,
    /// Whether the same page answers an address that was made up; `None` when nobody asked.
    pub(super) answers_everything: Option<bool>,
}

/// Looks at a documentation page.
pub(super) async fn look(asker: &Asker<'_>, docs: &Docs) -> Page {
    Page {
        url: docs.url.clone(),
        seen: seen(asker, docs).await,
    }
}

/// Asks for the page, and for one that is not there when it cannot be told what it is.
async fn seen(asker: &Asker<'_>, docs: &Docs) -> Result<PageSeen, Fault> {
    let url = Url::parse(&docs.url)
        .map_err(|_| Fault::new(Cause::Unparseable, format!("`{}` is no URL", docs.url)))?;
    let absent = docs.expect == Presence::Absent;
    let response = asker.page(&url, !absent, MAX_PAGE).await?;
    let found = response.status == 200;
    let body = if found { complete(&response)? } else { &[] };
    let tool = tool(&String::from_utf8_lossy(body)).map(str::to_owned);
    let answers_everything = match made_up(&docs.url) {
        Some(other) if absent && found && tool.is_none() => {
            let other = asker.page(&other, false, MAX_PAGE).await?;
            Some(other.status == 200 && digest(complete(&other)?) == digest(body))
        }
        _ => None,
    };
    Ok(PageSeen {
        status: response.status,
        content_type: response
            .header("content-type")
            .map(|text| cut(text, 100).to_owned()),
        redirect: redirect(&response),
        tool,
        answers_everything,
    })
}

/// Where an answer redirects to.
pub(super) fn redirect(response: &Response) -> Option<String> {
    let location = response.header("location")?;
    let target = response.url.join(location).ok()?;
    (300..400)
        .contains(&response.status)
        .then(|| shown_url(&target))
}

/// The tool that made a page.
pub(super) fn tool(page: &str) -> Option<&'static str> {
    let page = page.to_ascii_lowercase();
    if !page.contains("<html") && !page.contains("<!doctype") && !page.contains("<head") {
        return None;
    }
    let title = page
        .split_once("<title")
        .and_then(|(_, rest)| rest.split_once('>'))
        .and_then(|(_, rest)| rest.split_once("</title"))
        .map_or("", |(title, _)| title);
    let by_content = TOOLS
        .iter()
        .find(|(_, marks)| marks.iter().any(|mark| page.contains(mark)))
        .map(|(name, _)| *name);
    by_content.or_else(|| {
        TITLES
            .iter()
            .find(|(word, _)| title.contains(word))
            .map(|(_, name)| *name)
    })
}

/// An address beside another one, at which nothing is.
pub(super) fn made_up(beside: &str) -> Option<Url> {
    let mut url = Url::parse(beside).ok()?;
    let path = url.path().trim_end_matches('/');
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let made_up = format!("{folder}/readyctl-no-such-page");
    url.set_path(&made_up);
    url.set_query(None);
    Some(url)
}

/// A number by which two pages are told apart.
fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

//! Looks: fetches the document and the page, reads the committed file, takes both apart.

use std::sync::Arc;

use url::Url;

use super::changes;
use super::docs;
use super::document::Document;
use super::facts::{Comparison, Facts, Served};
use super::fetch::{Asker, complete};
use super::outline::outline;
use super::same;
use super::sample;
use super::{Compare, Openapi, Presence};
use crate::context::Context;
use crate::exchange::{Response, Session, cut, shown_url};
use crate::kinds::file::Tree;
use crate::outcome::{Cause, Fault};

/// Looks at everything that the check is about.
///
/// # Errors
/// When the service gives no answer.
pub(super) async fn observe(spec: &Openapi, cx: &Context) -> Result<Facts, Fault> {
    let session = Session::trusting(cx, spec.ca_file.as_ref(), spec.allow_link_local, None)?;
    let asker = Asker {
        session: &session,
        cx,
        spec,
    };
    let mut facts = Facts::default();
    if let Some(url) = &spec.url {
        let url = Url::parse(url)
            .map_err(|_| Fault::new(Cause::Unparseable, format!("`{url}` is no URL")))?;
        let (served, document) = served(&asker, &url).await.map_err(coded)?;
        facts.served = Some(served);
        let document = document.map(Arc::new);
        if let (Some(path), Some(document)) = (&spec.committed, &document) {
            facts.comparison = Some(compare(spec, cx, path, Arc::clone(document)).await?);
        }
        if let (Some(wanted), Some(document)) = (&spec.sample, document) {
            facts.sampled = Some(sample::ask(&asker, wanted, document, &url).await?);
        }
    }
    if let Some(wanted) = &spec.docs {
        facts.docs = Some(docs::look(&asker, wanted).await);
    }
    Ok(facts)
}

/// A fault of looking for the document.
fn coded(fault: Fault) -> Fault {
    if fault.code.is_some() {
        return fault;
    }
    fault.code("API-01")
}

/// Fetches the document.
async fn served(asker: &Asker<'_>, url: &Url) -> Result<(Served, Option<Document>), Fault> {
    let present = asker.spec.expect == Presence::Present;
    let response = asker.page(url, present, asker.spec.max_size.0).await?;
    if response.status == 200 {
        complete(&response)?;
    }
    let cx = asker.cx;
    let seen = Served {
        url: shown_url(url),
        status: response.status,
        content_type: response
            .header("content-type")
            .map(|text| cut(text, 100).to_owned()),
        redirect: docs::redirect(&response),
        size: response.body.len(),
        outline: None,
        unreadable: None,
    };
    let taking_apart = tokio::task::spawn_blocking(move || take_apart(seen, &response));
    cx.within("taking the document apart", taking_apart)
        .await?
        .map_err(ended)
}

/// Reads off a document what is judged of it alone.
fn take_apart(mut seen: Served, response: &Response) -> (Served, Option<Document>) {
    if seen.status != 200 {
        return (seen, None);
    }
    match Document::parse(&response.body) {
        Ok(document) => {
            seen.outline = Some(outline(&document));
            (seen, Some(document))
        }
        Err(why) => {
            seen.unreadable = Some(why);
            (seen, None)
        }
    }
}

/// Compares the committed document with the one that is served.
async fn compare(
    spec: &Openapi,
    cx: &Context,
    path: &str,
    served: Arc<Document>,
) -> Result<Result<Comparison, Fault>, Fault> {
    let tree = Tree::of(cx, &spec.root);
    let (path, same) = (path.to_owned(), spec.compare == Compare::Same);
    let comparing = tokio::task::spawn_blocking(move || {
        let text = tree.opened()?.text(&path)?;
        let mut comparison = Comparison {
            file: path,
            unreadable: None,
            changes: Vec::new(),
            more: 0,
            differences: None,
        };
        match Document::parse(text.as_bytes()) {
            Err(why) => comparison.unreadable = Some(why),
            Ok(committed) => {
                (comparison.changes, comparison.more) = changes::compare(&committed, &served);
                comparison.differences =
                    same.then(|| same::differences(&committed.root, &served.root));
            }
        }
        Ok(comparison)
    });
    cx.within("comparing the documents", comparing)
        .await?
        .map_err(ended)
}

/// A thread that did not come back.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn ended(error: tokio::task::JoinError) -> Fault {
    Fault::new(Cause::Internal, format!("reading ended early: {error}"))
}

//! Asking sampled operations, one after the other.

use std::sync::Arc;

use tokio::time::Instant;
use url::Url;

use super::Sample;
use super::choose::{Choice, Place, choose, fill, without_get};
use super::facts::{Answer, Asked, Filled, LeftOut, Purpose, Sampled};
use super::hold::hold;
use crate::exchange::shown_url;
use crate::kinds::openapi::document::Document;
use crate::kinds::openapi::fetch::Asker;
use crate::kinds::openapi::operation::text;
use crate::kinds::openapi::outline::is_deprecated;
use crate::kinds::openapi::route::Route;
use crate::outcome::{Cause, Fault};

/// Asks everything that the check asks for. It ends early when the service limits requests.
///
/// # Errors
/// When a request cannot be made at all.
pub(in crate::kinds::openapi) async fn ask(
    asker: &Asker<'_>,
    sample: &Sample,
    document: Arc<Document>,
    document_url: &Url,
) -> Result<Sampled, Fault> {
    let place = Place {
        document_url,
        sample,
    };
    let (chosen, left_out) = choose(&document, &place);
    let mut run = Run {
        asker,
        sample,
        document: Arc::clone(&document),
        sampled: Sampled {
            left_out,
            ..Sampled::default()
        },
        first: true,
    };
    let has_credentials = asker.spec.auth.is_some();
    for choice in &chosen {
        let secured = document
            .operations()
            .get(choice.index)
            .is_some_and(super::super::operation::Operation::is_secured);
        if secured && sample.without_credentials {
            run.one(choice, Purpose::WithoutCredentials, None).await?;
        }
        if secured && !has_credentials {
            run.leave_out(&choice.name, "it needs credentials, and there is no `auth`");
            continue;
        }
        run.one(choice, Purpose::Conform, None).await?;
        if sample.limits {
            run.pages(choice).await?;
        }
    }
    for path in &sample.errors {
        match error_choice(&document, &place, path) {
            Some(choice) => run.one(&choice, Purpose::Error, None).await?,
            None => run.leave_out(&format!("GET {path}"), "no operation has this path"),
        }
    }
    if sample.unsupported {
        for choice in unsupported(&document, &place) {
            run.one(&choice, Purpose::Unsupported, None).await?;
        }
    }
    Ok(run.sampled)
}

/// The request for a path that must be an error.
fn error_choice(document: &Document, place: &Place<'_>, path: &str) -> Option<Choice> {
    let operations = document.operations();
    let bare = path.split('?').next().unwrap_or_default();
    // A path without parameters is meant before one with.
    let mut fitting: Vec<usize> = (0..operations.len())
        .filter(|n| {
            let operation = &operations[*n];
            operation.method == "get" && template_fits(operation.path, bare)
        })
        .collect();
    fitting.sort_by_key(|n| operations[*n].path.matches('{').count());
    let index = *fitting.first()?;
    let operation = operations.get(index)?;
    Some(Choice {
        index,
        name: format!("GET {path}"),
        url: place.address(operation, path)?,
        headers: Vec::new(),
        filled: Filled::Given,
        page: None,
    })
}

/// Whether a path is one that a template stands for.
fn template_fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(part, own)| part == own || part.starts_with('{') && !own.is_empty())
}

/// The requests for paths that have no GET.
fn unsupported(document: &Document, place: &Place<'_>) -> Vec<Choice> {
    let operations = document.operations();
    let most = usize::try_from(place.sample.at_most).unwrap_or(usize::MAX);
    without_get(document)
        .into_iter()
        .filter_map(|(index, _)| {
            let operation = operations.get(index)?;
            let skipped = |route: &Route| super::choose::means(route, operation);
            if place.sample.skip.iter().any(skipped) {
                return None;
            }
            let mut choice = fill(operation, index, place).ok()?;
            choice.name = format!("GET {}", operation.path);
            Some(choice)
        })
        .take(most)
        .collect()
}

/// Asking that is under way.
struct Run<'a> {
    /// How to ask.
    asker: &'a Asker<'a>,
    /// What to ask.
    sample: &'a Sample,
    /// The document.
    document: Arc<Document>,
    /// What was seen so far.
    sampled: Sampled,
    /// Whether nothing was asked yet.
    first: bool,
}

impl Run<'_> {
    /// Notes an operation that is not asked.
    fn leave_out(&mut self, operation: &str, why: &str) {
        self.sampled.left_out.push(LeftOut {
            operation: operation.to_owned(),
            why: why.to_owned(),
        });
    }

    /// Asks with page sizes at the ends of what the document allows.
    async fn pages(&mut self, choice: &Choice) -> Result<(), Fault> {
        let Some((name, least, most)) = &choice.page else {
            return Ok(());
        };
        let fine = |asked: &Asked| {
            let answer = asked.answer.as_ref();
            answer.is_ok_and(|answer| answer.status == 200 && answer.items.is_some())
        };
        if !self.sampled.asked.last().is_some_and(fine) {
            return Ok(());
        }
        let largest = most.and_then(|most| most.checked_add(1));
        for value in [Some(*least), largest].into_iter().flatten() {
            let allowed = most.map_or(value, |most| value.min(most));
            let page = Some((name.as_str(), value));
            self.one(choice, Purpose::Page(allowed), page).await?;
        }
        Ok(())
    }

    /// Makes one request and holds the answer against the document.
    async fn one(
        &mut self,
        choice: &Choice,
        purpose: Purpose,
        page: Option<(&str, u64)>,
    ) -> Result<(), Fault> {
        if self.sampled.stopped.is_some() {
            return Ok(());
        }
        let cx = self.asker.cx;
        if !std::mem::take(&mut self.first) {
            cx.within(
                "the pause between two operations",
                tokio::time::sleep(self.sample.pause.0),
            )
            .await?;
        }
        let credentials = purpose != Purpose::WithoutCredentials;
        let mut url = choice.url.clone();
        if let Some((name, value)) = page {
            let others: Vec<(String, String)> = url
                .query_pairs()
                .filter(|(key, _)| key != name)
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect();
            let pairs = others
                .into_iter()
                .chain([(name.to_owned(), value.to_string())]);
            url.query_pairs_mut().clear().extend_pairs(pairs);
        }
        let mut request = self.asker.request(url, credentials)?;
        for (name, value) in &choice.headers {
            request.header(name, value)?;
        }
        if !request.headers.contains_key("accept") {
            request.header("accept", "application/json, */*;q=0.8")?;
        }
        let until = (Instant::now() + self.sample.each_within.0).min(cx.deadline);
        let answer = match self.asker.session.send_before(until, &request).await {
            Ok(response) => {
                if response.status == 429 {
                    self.sampled.stopped = Some(format!("{} answered 429", choice.name));
                }
                let (document, index) = (Arc::clone(&self.document), choice.index);
                let holding = tokio::task::spawn_blocking(move || {
                    let operations = document.operations();
                    operations
                        .get(index)
                        .map(|operation| hold(operation, &response))
                });
                cx.within("judging an answer", holding)
                    .await?
                    .map_err(|error| Fault::new(Cause::Internal, format!("judging ended: {error}")))
                    .map(Option::unwrap_or_default)
            }
            Err(fault) => Err(fault),
        };
        self.note(choice, purpose, &request.url, answer);
        Ok(())
    }

    /// Keeps what came back.
    fn note(
        &mut self,
        choice: &Choice,
        purpose: Purpose,
        url: &Url,
        answer: Result<Answer, Fault>,
    ) {
        let operations = self.document.operations();
        let Some(operation) = operations.get(choice.index) else {
            return;
        };
        let methods = operations
            .iter()
            .filter(|other| other.path == operation.path)
            .map(|other| other.method.to_ascii_uppercase())
            .collect();
        self.sampled.asked.push(Asked {
            operation: choice.name.clone(),
            purpose,
            url: shown_url(url),
            secured: operation.is_secured(),
            credentials: purpose != Purpose::WithoutCredentials && self.asker.spec.auth.is_some(),
            filled: choice.filled,
            deprecated: is_deprecated(operation),
            sunset: text(operation.value, "x-sunset").map(str::to_owned),
            methods,
            answer,
        });
    }
}

//! What was seen.

use serde::{Deserialize, Serialize};

use super::changes::Change;
use super::docs::Page;
use super::document::Unreadable;
use super::outline::Outline;
use super::sample::facts::Sampled;
use crate::outcome::Fault;

/// What a check saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The document that is served.
    pub(super) served: Option<Served>,
    /// How it differs from the committed one.
    pub(super) comparison: Option<Result<Comparison, Fault>>,
    /// What sampled operations answered.
    pub(super) sampled: Option<Sampled>,
    /// The documentation page.
    pub(super) docs: Option<Page>,
}

/// What is at the address of the document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Served {
    /// The address, as declared, without its query.
    pub(super) url: String,
    /// The status.
    pub(super) status: u16,
    /// The media type.
    pub(super) content_type: Option<String>,
    /// Where it redirects to, on another host.
    pub(super) redirect: Option<String>,
    /// Bytes of the body.
    pub(super) size: usize,
    /// The document in short.
    pub(super) outline: Option<Outline>,
    /// Why what came is no document.
    pub(super) unreadable: Option<Unreadable>,
}

/// The committed document and the served one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Comparison {
    /// The committed file.
    pub(super) file: String,
    /// Why the committed file is no document.
    pub(super) unreadable: Option<Unreadable>,
    /// What is different for clients.
    pub(super) changes: Vec<Change>,
    /// Changes that were counted but not kept.
    pub(super) more: usize,
    /// Places at which the two differ at all; only with `compare: same`.
    pub(super) differences: Option<Vec<String>>,
}

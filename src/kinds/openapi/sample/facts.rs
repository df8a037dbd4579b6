//! What sampled operations did.

use serde::{Deserialize, Serialize};

use crate::outcome::Fault;

/// What sampling saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::kinds::openapi) struct Sampled {
    /// Every request, in its order.
    pub(super) asked: Vec<Asked>,
    /// Operations that were left out, each with the reason.
    pub(super) left_out: Vec<LeftOut>,
    /// Why asking ended early.
    pub(super) stopped: Option<String>,
}

/// An operation that was not asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeftOut {
    /// `GET /items/{id}`.
    pub(super) operation: String,
    /// Why not.
    pub(super) why: String,
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// To see whether the answer is as described.
    Conform,
    /// To see whether it is refused without credentials.
    WithoutCredentials,
    /// To see whether an error is as described.
    Error,
    /// To see whether a page holds no more than this.
    Page(u64),
    /// To see whether a method that is not described is refused.
    Unsupported,
}

/// Where the values of parameters came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Filled {
    /// There are none.
    Nothing,
    /// From the profile.
    Given,
    /// From the document, or some of them.
    Document,
}

/// One request and its answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// `GET /items/{id}`.
    pub(super) operation: String,
    /// What it was for.
    pub(super) purpose: Purpose,
    /// The address without its query.
    pub(super) url: String,
    /// Whether the document says that credentials are needed.
    pub(super) secured: bool,
    /// Whether credentials were sent.
    pub(super) credentials: bool,
    /// Where the parameters came from.
    pub(super) filled: Filled,
    /// Whether the document says that the operation is on its way out.
    pub(super) deprecated: bool,
    /// Until when, as the document says.
    pub(super) sunset: Option<String>,
    /// Methods that the document describes for the path.
    pub(super) methods: Vec<String>,
    /// What came back.
    pub(super) answer: Result<Answer, Fault>,
}

/// An answer held against the document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The media type.
    pub(super) content_type: Option<String>,
    /// Where it redirects to.
    pub(super) location: Option<String>,
    /// Whether that is another host.
    pub(super) elsewhere: bool,
    /// What the document calls the answer: `200`, `2XX`, `default`.
    pub(super) described: Option<String>,
    /// The media types that the document describes for it.
    pub(super) media: Vec<String>,
    /// Whether the media type is one of them.
    pub(super) media_fits: bool,
    /// What is wrong with the body.
    pub(super) faults: Vec<String>,
    /// What may be wrong with it.
    pub(super) doubts: Vec<String>,
    /// Why that cannot be told.
    pub(super) unknown: Vec<String>,
    /// How many items a page holds.
    pub(super) items: Option<u64>,
    /// The header `Sunset`.
    pub(super) sunset: Option<String>,
    /// The header `Allow`.
    pub(super) allow: Option<String>,
}

//! Sampling: operations that only read are asked, and what they answer is held against the document.

mod ask;
mod choose;
pub(super) mod facts;
mod formats;
mod hold;
mod judge;
mod keywords;
mod problems;
#[cfg(test)]
mod tests;
mod validate;

use schemars::JsonSchema;
use serde::Deserialize;

use super::route::Route;
use crate::expect::{Ordered, Secret, TimeSpan};

pub(super) use ask::ask;
pub(super) use judge::judge;
pub(super) use problems::problems;

/// Most operations of one check.
const MOST: u32 = 200;
/// Most error paths of one check.
const MOST_ERRORS: usize = 20;

/// Which operations are asked, and how.
///
/// Only GET operations are, never one that takes a body, streams, or has a name like `logout` or
/// `delete` in its path (unless `only` names it). A parameter that must be sent takes its value from
/// `parameters`, or from an example, a default or the listed values of the document; an operation for
/// which there is none is left out, and said so. Operations that need credentials are asked without
/// any first.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sample {
    /// Where the operations are; by default the host of `url` with the path of the document's first
    /// server. Credentials are sent there and nowhere else.
    #[serde(default)]
    pub(super) base_url: Option<String>,
    /// Only these: `GET /items`, `/public/**`.
    #[serde(default)]
    only: Vec<Route>,
    /// None of these.
    #[serde(default)]
    skip: Vec<Route>,
    /// Values of parameters by name: `{ item_id: 42 }`. Optional ones are sent only if given here.
    #[serde(default)]
    parameters: Ordered<Secret>,
    /// Most operations that are asked; 20 by default, 200 at most.
    #[serde(default = "default_most")]
    at_most: u32,
    /// Operations that must be found to conform, or nothing is known; 1 by default.
    #[serde(default = "default_least")]
    at_least: u32,
    /// How long to wait between two requests; `100ms` by default.
    #[serde(default = "default_pause")]
    pause: TimeSpan,
    /// How long one operation may take; `5s` by default.
    #[serde(default = "default_patience")]
    each_within: TimeSpan,
    /// Whether operations that declare credentials are asked without any, and must refuse; true by
    /// default.
    #[serde(default = "yes")]
    without_credentials: bool,
    /// Paths that must be answered with an error as the document describes it: `/items/none`.
    #[serde(default)]
    errors: Vec<String>,
    /// Whether page sizes (`limit`, `page_size` and the like) are tried out: with one item, and with
    /// one more than the document's maximum.
    #[serde(default)]
    limits: bool,
    /// Whether paths without a GET in the document are asked with GET: that must not work, and
    /// `Allow` must name the methods that do.
    #[serde(default)]
    unsupported: bool,
}

/// Default of `at_most`.
const fn default_most() -> u32 {
    20
}

/// Default of `at_least`.
const fn default_least() -> u32 {
    1
}

/// Default of `pause`.
const fn default_pause() -> TimeSpan {
    TimeSpan::millis(100)
}

/// Default of `each_within`.
const fn default_patience() -> TimeSpan {
    TimeSpan::seconds(5)
}

/// Default of what is on unless turned off.
const fn yes() -> bool {
    true
}

impl Sample {
    /// Most requests of each sort, for a plan.
    pub(super) fn requests(&self) -> Vec<(&'static str, u32)> {
        let errors = u32::try_from(self.errors.len()).unwrap_or(u32::MAX);
        let mut list = vec![("GET of sampled operations", self.at_most)];
        if self.without_credentials {
            list.push(("GET of the same without credentials", self.at_most));
        }
        if errors > 0 {
            list.push(("GET of paths that must be errors", errors));
        }
        if self.limits {
            list.push(("GET of the same with other page sizes", 2 * self.at_most));
        }
        if self.unsupported {
            list.push(("GET of paths that have none", self.at_most));
        }
        list
    }
}

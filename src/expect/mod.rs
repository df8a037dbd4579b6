//! Shared typed expectations: matchers, durations, sizes, versions, JSONPath, CEL.
//!
//! The same words mean the same in every kind. Each type here is parser, schema and description at
//! once, and each refuses at load time what could never fail (an empty list of alternatives).

pub(crate) mod cel;
pub(crate) mod json;
pub(crate) mod matcher;
pub(crate) mod ordered;
pub(crate) mod text;
pub(crate) mod units;
pub(crate) mod version;

pub(crate) use cel::Expression;
pub(crate) use json::JsonPath;
pub(crate) use matcher::Matcher;
pub(crate) use ordered::Ordered;
pub(crate) use text::{Pattern, Secret};
pub(crate) use units::{ByteSize, TimeSpan};
pub(crate) use version::Version;

//! What name servers said.

use serde::{Deserialize, Serialize};

/// Everything that was asked.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The name.
    pub(super) name: String,
    /// One answer a server.
    pub(super) answers: Vec<Answer>,
    /// What connecting to the declared port of each address gave.
    pub(super) reached: Vec<Reached>,
    /// Answers about CAA, from the name upwards; the last one decides.
    pub(super) caa: Vec<Answer>,
    /// Answer about a name that nobody made.
    pub(super) wildcard: Option<Answer>,
    /// Answer about the DMARC policy.
    pub(super) dmarc: Option<Answer>,
}

/// The answer of one server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    /// Who was asked.
    pub(super) server: String,
    /// Which name.
    pub(super) name: String,
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL` …; nothing when there was no answer.
    pub(super) code: Option<String>,
    /// Why there was no answer.
    pub(super) failure: Option<String>,
    /// Whether the server is responsible for the name, so that nothing comes from a cache.
    pub(super) authoritative: bool,
    /// Records of the type that was asked for.
    pub(super) records: Vec<Record>,
    /// Targets of the aliases on the way.
    pub(super) aliases: Vec<String>,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its value as in a zone file; names in lower case without the last dot, text joined.
    pub(super) value: String,
    /// Seconds it may be kept.
    pub(super) ttl: u32,
}

/// What connecting to an address gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Address and port.
    pub(super) address: String,
    /// Whether it accepted.
    pub(super) open: bool,
    /// Whether this machine cannot even try.
    pub(super) no_route: bool,
    /// What happened.
    pub(super) words: String,
}

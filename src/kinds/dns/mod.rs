//! Names: what the name servers say, whether they agree, and whether what they name is there.

mod ask;
mod facts;
mod faults;
mod judge;

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::time::Duration;

use hickory_resolver::proto::rr::{Name, RecordType};
use schemars::JsonSchema;
use serde::Deserialize;

use super::dial::{Dialed, Endpoint, dial, is_no_route, resolve};
use super::{FaultDoc, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::expect::{Matcher, TimeSpan};
use crate::outcome::{Cause, Fault, Finding};

use facts::{Answer, Facts, Reached};

/// Most servers that are asked.
const MAX_SERVERS: usize = 8;
/// Most addresses that are connected to.
const MAX_ADDRESSES: usize = 8;
/// How long an address has to accept.
const PATIENCE: Duration = Duration::from_secs(3);
/// A label that nobody made.
const NOBODY: &str = "readyctl-asks-for-a-name-that-nobody-made";

/// Asks name servers for the records of a name and judges them: missing names, wrong or dead
/// addresses, servers that disagree, TTL, CAA, SPF and DMARC.
///
/// Every server is asked directly, without a cache of this machine's, and over TCP when the answer
/// is too long for UDP. Also without `expect`, there must be at least one record and all servers
/// must give the same ones. `assert:` sees `dns.answers`, each with `server`, `code` and `records`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dns {
    /// The name, `app.example.com`.
    name: String,
    /// Type of the records: `A` (default), `AAAA`, `CNAME`, `MX`, `NS`, `TXT`, `SOA`, `SRV` …
    #[serde(default = "address")]
    r#type: String,
    /// Servers to ask, `host` or `host:port`; those of this machine by default. Name resolvers and
    /// authoritative servers together to see that they agree.
    #[serde(default)]
    servers: Vec<String>,
    /// What they must answer.
    #[serde(default)]
    expect: Expect,
}

/// What must be answered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// `records` (default), or `nothing` for a name or type that must not be there.
    #[serde(default)]
    answer: Wanted,
    /// Exactly these values, in any order. Names without the last dot; MX as `10 mail.example.com`.
    #[serde(default)]
    values: Vec<String>,
    /// Values that must be among them.
    #[serde(default)]
    include: Vec<String>,
    /// Values that must not be among them, such as the address of a server that is gone.
    #[serde(default)]
    exclude: Vec<String>,
    /// What must be true of every value.
    #[serde(default)]
    each: Option<Matcher>,
    /// How many there must be; a single name server is a fault unless this allows it.
    #[serde(default)]
    count: Option<Matcher>,
    /// Requires addresses that the whole internet can reach: none private, loopback or reserved.
    #[serde(default)]
    public: bool,
    /// Port that every address must accept connections on.
    #[serde(default)]
    port: Option<u16>,
    /// Least time a record may be kept. Only an authoritative server can tell.
    #[serde(default)]
    min_ttl: Option<TimeSpan>,
    /// Longest time a record may be kept, for example before a move. Only an authoritative server
    /// can tell.
    #[serde(default)]
    max_ttl: Option<TimeSpan>,
    /// Whether all servers must give the same records; true by default.
    #[serde(default)]
    agree: Option<bool>,
    /// Requires CAA records, of the name or above it, that let this authority issue certificates:
    /// `letsencrypt.org`.
    #[serde(default)]
    issuer: Option<String>,
    /// Requires that a name nobody made does not resolve: a wildcard hides misspelt names.
    #[serde(default)]
    no_wildcard: bool,
    /// Requires one sound SPF policy; with `type: TXT`.
    #[serde(default)]
    spf: bool,
    /// Requires one DMARC policy under `_dmarc` of the name.
    #[serde(default)]
    dmarc: bool,
}

/// What kind of answer is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    /// At least one record.
    #[default]
    Records,
    /// No such name, or no record of this type.
    Nothing,
}

/// Default of `type`.
fn address() -> String {
    "A".to_owned()
}

impl Kind for Dns {
    const NAME: &'static str = "dns";
    const FAULTS: &'static [FaultDoc] = faults::FAULTS;
    type Facts = Facts;

    fn hosts(&self) -> Vec<String> {
        self.servers
            .iter()
            .filter_map(|server| Endpoint::parse(server, Some(53)))
            .map(|endpoint| endpoint.to_string())
            .collect()
    }

    fn problems(&self) -> Vec<SpecProblem> {
        let mut list = Vec::new();
        if self.name.is_empty() || Name::from_str(&self.name).is_err() {
            list.push(SpecProblem::at(
                "name",
                "this is no domain name",
                "write it like `app.example.com`",
            ));
        }
        let kind = self.kind();
        if kind.is_none_or(|kind| matches!(kind, RecordType::ANY | RecordType::AXFR)) {
            list.push(SpecProblem::at(
                "type",
                format!(
                    "`{}` is no type of record that is asked for here",
                    self.r#type
                ),
                "write A, AAAA, CNAME, MX, NS, TXT, SOA, SRV, CAA, PTR or HTTPS",
            ));
        }
        let bad = |server: &String| Endpoint::parse(server, Some(53)).is_none();
        if self.servers.len() > MAX_SERVERS || self.servers.iter().any(bad) {
            list.push(SpecProblem::at(
                "servers",
                format!("at most {MAX_SERVERS} servers, each `host` or `host:port`"),
                "write for example `ns1.example.com` or `127.0.0.1:5353`",
            ));
        }
        list.extend(self.expect_problems(kind));
        list
    }

    fn plan(&self) -> Vec<Planned> {
        let servers = match self.servers.len() {
            0 => "each name server of this machine".to_owned(),
            _ => self.servers.join(", "),
        };
        let count = u32::try_from(self.servers.len()).unwrap_or(0);
        let of_all = if count == 0 { 3 } else { count } * 3;
        let mut plan = vec![Planned {
            what: format!("DNS {} {} at {servers}", self.r#type, self.name),
            at_most: of_all,
        }];
        let mut once = |what: String, at_most| plan.push(Planned { what, at_most });
        if self.expect.issuer.is_some() {
            let labels = u32::try_from(self.name.split('.').count()).unwrap_or(1);
            once(format!("DNS CAA {} and above", self.name), labels * 3);
        }
        if self.expect.no_wildcard {
            once(format!("DNS {} {}", self.r#type, self.nobody()), 3);
        }
        if self.expect.dmarc {
            once(format!("DNS TXT _dmarc.{}", self.name), 3);
        }
        if let Some(port) = self.expect.port {
            let most = u32::try_from(MAX_ADDRESSES).unwrap_or(1);
            once(format!("connect to port {port} of each address"), most);
        }
        plan
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let kind = self.kind().ok_or_else(|| {
            Fault::new(Cause::Unparseable, format!("`{}` is no type", self.r#type))
        })?;
        let servers = self.addresses(cx).await?;
        let asked = servers
            .iter()
            .map(|server| ask::ask(*server, &self.name, kind));
        let answers = cx
            .within("the name servers", futures_util::future::join_all(asked))
            .await?;
        let mut facts = Facts {
            name: self.name.clone(),
            answers,
            ..Facts::default()
        };
        let first = servers[0];
        let more = async {
            if self.expect.issuer.is_some() {
                facts.caa = self.climb(first).await;
            }
            if self.expect.no_wildcard {
                facts.wildcard = Some(ask::ask(first, &self.nobody(), kind).await);
            }
            if self.expect.dmarc {
                let name = format!("_dmarc.{}", self.name);
                facts.dmarc = Some(ask::ask(first, &name, RecordType::TXT).await);
            }
            if let Some(port) = self.expect.port {
                facts.reached = reach(&facts.answers, port).await;
            }
        };
        cx.within("the name servers", more).await?;
        Ok(facts)
    }

    fn judge(&self, facts: &Facts, _: &JudgeContext) -> Vec<Finding> {
        judge::judge(self, facts)
    }
}

impl Dns {
    /// The type that is asked for.
    fn kind(&self) -> Option<RecordType> {
        RecordType::from_str(&self.r#type.to_uppercase()).ok()
    }

    /// A name below this one that nobody made.
    fn nobody(&self) -> String {
        format!("{NOBODY}.{}", self.name)
    }

    /// Expectations that can never fail or never be met.
    fn expect_problems(&self, kind: Option<RecordType>) -> Vec<SpecProblem> {
        let expect = &self.expect;
        let mut list = Vec::new();
        let mut say = |field: &str, message: &str, help: &str| {
            list.push(SpecProblem::at(format!("expect.{field}"), message, help));
        };
        let addresses = matches!(kind, Some(RecordType::A | RecordType::AAAA));
        if (expect.public || expect.port.is_some()) && !addresses {
            say(
                "public",
                "only addresses can be public or have a port",
                "write `type: A` or `type: AAAA`",
            );
        }
        if expect.port == Some(0) {
            say("port", "there is no port 0", "write 1 to 65535");
        }
        if expect.spf && kind != Some(RecordType::TXT) {
            say("spf", "SPF stands in TXT records", "write `type: TXT`");
        }
        let of_records = !expect.values.is_empty()
            || !expect.include.is_empty()
            || expect.each.is_some()
            || expect.count.is_some()
            || expect.public
            || expect.port.is_some()
            || expect.spf;
        if expect.answer == Wanted::Nothing && of_records {
            say(
                "answer",
                "nothing is wanted, and something is said about it",
                "leave out one of the two",
            );
        }
        if matches!((expect.min_ttl, expect.max_ttl), (Some(min), Some(max)) if min > max) {
            say("min_ttl", "`min_ttl` is above `max_ttl`", "swap the two");
        }
        list
    }

    /// Addresses of the servers to ask.
    async fn addresses(&self, cx: &Context) -> Result<Vec<SocketAddr>, Fault> {
        let mut list: Vec<SocketAddr> = Vec::new();
        for server in &self.servers {
            let endpoint = Endpoint::parse(server, Some(53)).ok_or_else(|| {
                Fault::new(Cause::Unparseable, format!("{server} is no name server"))
            })?;
            list.extend(resolve(cx, &endpoint).await?.first());
        }
        if self.servers.is_empty() {
            let (config, _) =
                hickory_resolver::system_conf::read_system_conf().map_err(|error| {
                    Fault::new(
                        Cause::Missing,
                        format!("this machine names no name server: {error}"),
                    )
                    .hint("name one in `servers`")
                })?;
            let of_system = config.name_servers().iter();
            list.extend(of_system.map(|server| SocketAddr::new(server.ip, 53)));
            list.dedup();
            list.truncate(3);
        }
        if list.is_empty() {
            return Err(Fault::new(Cause::Missing, "there is no name server to ask")
                .hint("name one in `servers`"));
        }
        Ok(list)
    }

    /// CAA of the name, else of what is above it, until there is some.
    async fn climb(&self, server: SocketAddr) -> Vec<Answer> {
        let mut list = Vec::new();
        let mut name = self.name.trim_end_matches('.');
        loop {
            let answer = ask::ask(server, name, RecordType::CAA).await;
            let decided = !answer.records.is_empty() || answer.failure.is_some();
            list.push(answer);
            match name.split_once('.') {
                Some((_, above)) if !decided => name = above,
                _ => return list,
            }
        }
    }
}

/// Connects once to every address.
async fn reach(answers: &[Answer], port: u16) -> Vec<Reached> {
    let mut addresses: Vec<IpAddr> = answers
        .iter()
        .flat_map(|answer| &answer.records)
        .filter_map(|record| record.value.parse().ok())
        .filter(|address| !crate::net::is_link_local(*address))
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses.truncate(MAX_ADDRESSES);
    let each = addresses.into_iter().map(|address| async move {
        let address = SocketAddr::new(address, port);
        let (open, no_route, words) = match dial(address, PATIENCE).await {
            Dialed::Open(..) => (true, false, "open".to_owned()),
            Dialed::Failed(error) => (false, is_no_route(&error), error.to_string()),
            Dialed::Silent(_) => (false, false, "no answer".to_owned()),
        };
        Reached {
            address: address.to_string(),
            open,
            no_route,
            words,
        }
    });
    futures_util::future::join_all(each).await
}

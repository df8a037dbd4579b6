//! Names, asked of a name server of the test's own, and of servers that say nothing.

use std::net::UdpSocket;

use serde_json::{Value, json};

use crate::support::cli::{Run, audit, audit_command};
use crate::support::dead::{ClosedPort, SilentPort};
use crate::support::process::{Launch, Server, free_port, on_free_ports, program};
use crate::support::scratch::Scratch;
use crate::support::verdicts::{assert_green, assert_red};

/// Records of `shop.test` besides those that every zone needs.
const RECORDS: &str = "
@       IN NS ns1
@       IN NS ns2
ns1     IN A 192.0.2.1
ns2     IN A 192.0.2.2
app     IN A 127.0.0.1
two     IN A 127.0.0.1
two     IN A 127.0.0.9
six     IN AAAA ::1
public  IN A 9.9.9.9
private IN A 10.1.2.3
brief   60 IN A 127.0.0.1
alias   IN CNAME gone
@       IN CAA 0 issue \"letsencrypt.org\"
@       IN TXT \"v=spf1 include:mail.example -all\"
_dmarc  IN TXT \"v=DMARC1; p=reject\"
open    IN TXT \"v=spf1 +all\"
_dmarc.open IN TXT \"v=DMARC1\"
twice   IN TXT \"v=spf1 -all\"
twice   IN TXT \"v=spf1 ~all\"
*.wild  IN A 127.0.0.1
";

/// An NSD with the zones `shop.test` and `lonely.test`.
struct Nsd {
    _server: Server,
    _scratch: Scratch,
    port: u16,
}

impl Nsd {
    fn start(records: &str) -> Self {
        let scratch = Scratch::new("nsd");
        let soa = "$TTL 3600\n@ IN SOA ns1 admin 1 3600 600 86400 300\n";
        scratch.write("shop.zone", format!("$ORIGIN shop.test.\n{soa}{records}"));
        scratch.write(
            "lonely.zone",
            format!("$ORIGIN lonely.test.\n{soa}@ IN NS ns1\nns1 IN A 192.0.2.1\n"),
        );
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            let dir = scratch.path().display();
            let zone =
                |name: &str| format!("zone:\n  name: {name}.test\n  zonefile: {name}.zone\n");
            let config = format!(
                "server:\n  ip-address: 127.0.0.1@{port}\n  do-ip6: no\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{dir}\"\n  \
                 database: \"\"\n  pidfile: \"{dir}/pid\"\n  xfrdfile: \"{dir}/xfrd\"\n  zonelistfile: \"{dir}/zones\"\n  \
                 xfrdir: \"{dir}\"\n  server-count: 1\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n{}{}",
                zone("shop"),
                zone("lonely"),
            );
            let config = scratch.write("nsd.conf", config);
            let args = ["-d".into(), "-c".into(), config.into_os_string()];
            Server::start(Launch::new(program("nsd"), args, "nsd started"), &scratch)
                .map(|server| (port, server))
        });
        Self {
            _server: server,
            _scratch: scratch,
            port,
        }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// One check of a name at these servers.
fn check(id: &str, name: &str, kind: &str, servers: &[String], expect: &Value) -> Value {
    json!({ "id": id, "dns": { "name": name, "type": kind, "servers": servers, "expect": expect } })
}

/// A profile of checks.
fn profile(checks: &[Value]) -> String {
    json!({
        "version": 1, "name": "test", "checks": checks,
        "defaults": { "timeout": "20s", "retry": { "attempts": 1 } },
    })
    .to_string()
}

/// Audits pairs of a red check and its healthy twins, all at once, and claims the codes.
#[track_caller]
fn assert_table(servers: &[String], table: &[(&str, &str, Value, &str)]) -> Run {
    let id = |at: usize| format!("check-{at}");
    let checks: Vec<Value> = table
        .iter()
        .enumerate()
        .map(|(at, (name, kind, expect, _))| check(&id(at), name, kind, servers, expect))
        .collect();
    let run = audit(&profile(&checks));
    let wrong: Vec<String> = table
        .iter()
        .enumerate()
        .map(|(at, (name, kind, _, code))| (format!("{kind} {name}"), *code, run.codes(&id(at))))
        .filter(|(_, code, codes)| match *code {
            "" => !codes.is_empty(),
            code => !codes.iter().any(|found| found == code),
        })
        .map(|(what, code, codes)| format!("{what}: {codes:?}, not {code:?}"))
        .collect();
    assert!(wrong.is_empty(), "{run}\n{}", wrong.join("\n"));
    run
}

#[test]
fn dns_01_02_03_05_51_names_and_addresses() {
    let nsd = Nsd::start(RECORDS);
    let servers = [nsd.address()];
    let open = SilentPort::new();
    let closed = ClosedPort::new();
    let none = || json!({});
    let run = assert_table(
        &servers,
        &[
            ("app.shop.test", "A", none(), ""),
            ("nobody.shop.test", "A", none(), "DNS-01"),
            ("app.other.test", "A", none(), "DNS-01"),
            ("nobody.shop.test", "A", json!({ "answer": "nothing" }), ""),
            ("app.shop.test", "AAAA", none(), "DNS-02"),
            ("app.shop.test", "AAAA", json!({ "answer": "nothing" }), ""),
            (
                "app.shop.test",
                "A",
                json!({ "answer": "nothing" }),
                "DNS-51",
            ),
            (
                "two.shop.test",
                "A",
                json!({ "values": ["127.0.0.9", "127.0.0.1"] }),
                "",
            ),
            (
                "two.shop.test",
                "A",
                json!({ "values": ["127.0.0.9"] }),
                "DNS-03",
            ),
            (
                "two.shop.test",
                "A",
                json!({ "values": ["127.0.0.1"] }),
                "DNS-03",
            ),
            (
                "two.shop.test",
                "A",
                json!({ "include": ["127.0.0.3"] }),
                "DNS-03",
            ),
            (
                "two.shop.test",
                "A",
                json!({ "exclude": ["127.0.0.1"] }),
                "DNS-03",
            ),
            (
                "two.shop.test",
                "A",
                json!({ "exclude": ["127.0.0.3"], "count": 2 }),
                "",
            ),
            (
                "two.shop.test",
                "A",
                json!({ "each": { "ends_with": ".1" } }),
                "DNS-03",
            ),
            ("app.shop.test", "A", json!({ "port": open.port() }), ""),
            (
                "two.shop.test",
                "A",
                json!({ "port": open.port() }),
                "DNS-03",
            ),
            (
                "six.shop.test",
                "AAAA",
                json!({ "port": closed.port() }),
                "DNS-05",
            ),
        ],
    );
    assert!(run.stdout.contains("REFUSED"), "{run}");
}

#[test]
fn dns_04_06_08_09_12_13_14_rules() {
    let nsd = Nsd::start(RECORDS);
    let servers = [nsd.address()];
    let none = || json!({});
    assert_table(
        &servers,
        &[
            ("public.shop.test", "A", json!({ "public": true }), ""),
            (
                "private.shop.test",
                "A",
                json!({ "public": true }),
                "DNS-04",
            ),
            ("ns1.shop.test", "A", json!({ "public": true }), "DNS-04"),
            (
                "brief.shop.test",
                "A",
                json!({ "max_ttl": "5m", "min_ttl": "30s" }),
                "",
            ),
            ("app.shop.test", "A", json!({ "max_ttl": "5m" }), "DNS-06"),
            ("brief.shop.test", "A", json!({ "min_ttl": "5m" }), "DNS-06"),
            ("alias.shop.test", "A", none(), "DNS-08"),
            (
                "app.shop.test",
                "A",
                json!({ "issuer": "letsencrypt.org" }),
                "",
            ),
            (
                "app.shop.test",
                "A",
                json!({ "issuer": "sectigo.com" }),
                "DNS-09",
            ),
            ("shop.test", "NS", none(), ""),
            ("lonely.test", "NS", none(), "DNS-12"),
            (
                "shop.test",
                "TXT",
                json!({ "spf": true, "dmarc": true }),
                "",
            ),
            ("open.shop.test", "TXT", json!({ "spf": true }), "DNS-13"),
            ("twice.shop.test", "TXT", json!({ "spf": true }), "DNS-13"),
            ("open.shop.test", "TXT", json!({ "dmarc": true }), "DNS-13"),
            ("app.shop.test", "A", json!({ "dmarc": true }), "DNS-13"),
            ("app.shop.test", "A", json!({ "no_wildcard": true }), ""),
            ("x.wild.shop.test", "A", none(), ""),
            ("wild.shop.test", "TXT", json!({ "answer": "nothing" }), ""),
        ],
    );
    let wild = json!({ "answer": "nothing", "no_wildcard": true });
    assert_table(&servers, &[("wild.shop.test", "A", wild, "DNS-14")]);
}

#[test]
fn dns_07_servers_that_disagree() {
    let (one, same) = (Nsd::start(RECORDS), Nsd::start(RECORDS));
    let other = Nsd::start(&RECORDS.replace("app     IN A 127.0.0.1", "app IN A 127.0.0.8"));
    let app = |servers: &[String], expect: Value| {
        audit(&profile(&[check(
            "app",
            "app.shop.test",
            "A",
            servers,
            &expect,
        )]))
    };
    assert_green(&app(&[one.address(), same.address()], json!({})));
    let both = [one.address(), other.address()];
    assert_red(&app(&both, json!({})), "app", "DNS-07");
    assert_green(&app(&both, json!({ "agree": false })));
}

#[test]
fn dns_01_a_server_that_says_nothing_is_an_error() {
    let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let servers = [silent.local_addr().unwrap().to_string()];
    for expect in [json!({}), json!({ "answer": "nothing" })] {
        let run = audit(&profile(&[check(
            "app",
            "app.shop.test",
            "A",
            &servers,
            &expect,
        )]));
        assert_eq!(run.verdict("app"), "error", "{run}");
        assert_eq!(run.codes("app"), ["DNS-01"], "{run}");
        run.assert_exit(3);
    }
}

#[test]
fn pack_dns() {
    let nsd = Nsd::start(RECORDS);
    let open = SilentPort::new();
    let pack = |host: &str| {
        let with = json!({ "host": host, "servers": [nsd.address()], "port": open.port() });
        let profile = json!({
            "version": 1, "name": "test", "packs": [{ "use": "dns", "with": with }],
            "defaults": { "retry": { "attempts": 1 } },
        });
        audit_command(&profile.to_string()).run()
    };
    assert_green(&pack("app.shop.test"));
    let run = pack("two.shop.test");
    assert_eq!(run.verdict("dns-addresses"), "fail", "{run}");
    assert_eq!(run.codes("dns-addresses"), ["DNS-03"], "{run}");
    assert_eq!(run.verdict("dns-no-wildcard"), "skip", "{run}");
}

//! Redis, healthy and not, as a check of the kind `redis` sees it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::cli::{Run, audit, audit_command};
use crate::support::dead::{ClosedPort, SilentPort, UNRESOLVABLE};
use crate::support::nginx::Nginx;
use crate::support::process::{Launch, Server, free_port, on_free_ports, program, wait_for};
use crate::support::redis::Redis;
use crate::support::scratch::Scratch;
use crate::support::verdicts::{assert_green, assert_red};

/// How long a state may take to come about on a loaded machine.
const SOON: Duration = Duration::from_secs(30);

/// A profile with one check of the kind `redis`.
fn profile(url: &str, more: &str) -> String {
    format!(
        "version: 1\nname: t\nchecks:\n  - id: redis\n    timeout: 10s\n    retry: {{ attempts: 1 }}\n    redis: {{ url: \"{url}\"{more} }}\n"
    )
}

/// The check of one server.
fn check(redis: &Redis, more: &str) -> Run {
    audit(&profile(&redis.url(), more))
}

/// With the same expectation the good server is green and the bad one red with this code.
fn judge(good: &Redis, bad: &Redis, more: &str, code: &str) {
    assert_green(&check(good, more));
    assert_red(&check(bad, more), "redis", code);
}

/// A server with these lines of configuration.
fn with(lines: &[&str]) -> Redis {
    lines
        .iter()
        .fold(Redis::builder(), |builder, line| builder.config(line))
        .start()
}

/// A raw connection that has sent some commands and got an answer to the first.
fn client(redis: &Redis, commands: &str) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    socket.write_all(commands.as_bytes()).unwrap();
    socket
}

/// Waits until a field of INFO has a value.
fn wait_for_info(redis: &Redis, wanted: &str) {
    wait_for(wanted, SOON, || {
        redis.cli(&["INFO"]).contains(wanted).then_some(())
    });
}

#[test]
fn red_01_answers_without_a_password() {
    let good = Redis::builder().password("word").start();
    let bad = with(&["user default on nopass -@all +ping +info +select"]);
    judge(&good, &bad, ", auth_required: true", "RED-01");
}

#[test]
fn red_01_the_password_of_the_url_is_not_asked_for() {
    let open = Redis::start();
    let url = format!("redis://:word@127.0.0.1:{}", open.port());
    let run = audit(&profile(&url, ""));
    assert_eq!(run.check("redis")["fault"]["code"], "RED-01", "{run}");
    run.assert_exit(3);
}

#[test]
fn red_02_strangers_have_full_rights() {
    let good = Redis::builder().password("word").start();
    judge(&good, &Redis::start(), ", auth_required: true", "RED-02");
}

#[test]
fn red_03_plaintext() {
    let (good, bad) = (Redis::builder().tls().start(), Redis::start());
    let ca = good.ca_path().display();
    let more = format!(", tls_required: true, ca_file: {ca}");
    judge(&good, &bad, &more, "RED-03");
    let besides = |port| format!("{more}, plaintext_port: {port}");
    assert_green(&check(&good, &besides(good.port())));
    assert_red(&check(&good, &besides(bad.port())), "redis", "RED-03");
}

#[test]
fn red_04_open_to_every_network() {
    let bad = with(&["bind 0.0.0.0", "protected-mode no"]);
    let good = with(&["bind 0.0.0.0", "protected-mode no", "requirepass word"]);
    let url = format!("redis://:word@127.0.0.1:{}", good.port());
    assert_green(&audit(&profile(&url, ", protected: true")));
    judge(&Redis::start(), &bad, ", protected: true", "RED-04");
}

#[test]
fn red_05_no_memory_limit() {
    let good = with(&["maxmemory 100mb"]);
    judge(&good, &Redis::start(), ", max_memory_set: true", "RED-05");
}

#[test]
fn red_06_policy_does_not_fit_the_role() {
    let cache = with(&["maxmemory 100mb", "maxmemory-policy allkeys-lru"]);
    let plain = with(&["maxmemory 100mb", "appendonly yes"]);
    judge(&cache, &plain, ", role: cache", "RED-06");
    let evicting = with(&["maxmemory-policy allkeys-lru", "appendonly yes"]);
    judge(&plain, &evicting, ", role: queue", "RED-06");
}

#[test]
fn red_07_memory_almost_used_up() {
    let good = with(&["maxmemory 1gb"]);
    let bad = Redis::start();
    let info = bad.cli(&["INFO", "memory"]);
    let used = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    let used: u64 = used.unwrap().trim().parse().unwrap();
    bad.cli(&["CONFIG", "SET", "maxmemory", &(used * 11 / 10).to_string()]);
    judge(&good, &bad, ", max_memory_used: 60", "RED-07");
}

#[test]
fn red_08_keys_are_evicted_right_now() {
    let bad = with(&["maxmemory 3mb", "maxmemory-policy allkeys-random"]);
    let done = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (done, mut socket) = (done.clone(), client(&bad, ""));
        move || {
            let value = "x".repeat(10_000);
            for n in 0_u64.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let set = format!("SET k{n} {value}\r\n");
                socket.write_all(set.as_bytes()).unwrap();
                socket.read_exact(&mut [0; 5]).unwrap();
            }
        }
    });
    wait_for("evictions", SOON, || {
        (!bad.cli(&["INFO", "stats"]).contains("evicted_keys:0\r")).then_some(())
    });
    let run = check(&bad, ", no_evictions: true, watch: 500ms");
    done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert_red(&run, "redis", "RED-08");
    assert_green(&check(
        &Redis::start(),
        ", no_evictions: true, watch: 200ms",
    ));
}

#[test]
fn red_09_nothing_survives_a_restart() {
    let good = with(&["appendonly yes"]);
    judge(&good, &Redis::start(), ", role: queue", "RED-09");
    let lazy = with(&["appendonly yes", "appendfsync no"]);
    judge(&good, &lazy, ", persistence: aof", "RED-09");
}

#[test]
fn red_10_a_fresh_start_is_not_a_save() {
    // Without save points the last save looks as fresh as the restart.
    let bad = Redis::start();
    bad.server().restart();
    let good = with(&["save 3600 1"]);
    judge(&good, &bad, ", max_save_age: 1h", "RED-10");
}

#[test]
fn red_10_changes_wait_too_long() {
    let good = with(&["save 3600 1"]);
    let bad = with(&["save 3600 100"]);
    bad.cli(&["SET", "k", "v"]);
    wait_for_info(&bad, "rdb_changes_since_last_save:1");
    wait_for_info(&bad, "uptime_in_seconds:3");
    judge(&good, &bad, ", max_save_age: 1s", "RED-10");
}

#[test]
fn red_10_saving_fails() {
    let good = with(&["save 3600 1"]);
    let bad = with(&["save 3600 1", "dir /proc"]);
    bad.cli(&["SET", "k", "v"]);
    bad.cli(&["BGSAVE"]);
    wait_for_info(&bad, "rdb_last_bgsave_status:err");
    let run = check(&bad, "");
    assert_red(&run, "redis", "RED-10");
    assert!(run.stdout.contains("MISCONF"), "{run}");
    assert_green(&check(&good, ""));
}

#[test]
fn red_11_a_replica_where_writes_go() {
    let primary = Redis::start();
    let replica = Redis::builder().replica_of(&primary).start();
    judge(&primary, &replica, ", server_role: master", "RED-11");
    judge(&replica, &primary, ", server_role: replica", "RED-11");
}

#[test]
fn red_12_replication_is_broken() {
    let primary = Redis::start();
    let replica = Redis::builder().replica_of(&primary).start();
    wait_for_info(&primary, "state=online");
    judge(&primary, &Redis::start(), ", min_replicas: 1", "RED-12");
    let safe = with(&["min-replicas-to-write 1"]);
    judge(&safe, &primary, ", min_replicas_to_write: 1", "RED-12");
    assert_green(&check(&replica, ""));
    primary.server().stop();
    wait_for_info(&replica, "master_link_status:down");
    assert_red(&check(&replica, ""), "redis", "RED-12");
    replica.cli(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    let run = check(&replica, "");
    assert_red(&run, "redis", "RED-12");
    assert!(run.stdout.contains("MASTERDOWN"), "{run}");
}

#[test]
fn red_13_cluster_does_not_cover_its_slots() {
    let (good, bad) = (
        with(&["cluster-enabled yes"]),
        with(&["cluster-enabled yes"]),
    );
    good.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    wait_for("the cluster", SOON, || {
        good.cli(&["CLUSTER", "INFO"])
            .contains("cluster_state:ok")
            .then_some(())
    });
    judge(&good, &bad, ", mode: cluster", "RED-13");
    judge(&good, &Redis::start(), ", mode: cluster", "RED-13");
}

#[test]
fn red_13_sentinel_sees_its_master_down() {
    let primary = Redis::start();
    let scratch = Scratch::new("sentinel");
    let (port, _sentinel) = on_free_ports(|| {
        let port = free_port();
        let config = scratch.write(
            "sentinel.conf",
            format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 300\n",
                primary.port()
            ),
        );
        let args = [config.as_os_str(), "--sentinel".as_ref()];
        let launch = Launch::new(program("redis-server"), args, "+monitor master main");
        Server::start(launch, &scratch).map(|server| (port, server))
    });
    let yaml = profile(&format!("redis://127.0.0.1:{port}"), ", mode: sentinel");
    assert_green(&audit(&yaml));
    let lonely = yaml.replace("mode: sentinel", "mode: sentinel, min_sentinels: 3");
    assert_red(&audit(&lonely), "redis", "RED-13");
    primary.server().stop();
    let run = wait_for("the sentinel to notice", SOON, || {
        let run = audit(&yaml);
        (run.exit != 0).then_some(run)
    });
    assert_red(&run, "redis", "RED-13");
}

#[test]
fn red_14_clients_at_their_limit() {
    let (good, bad) = (with(&["maxclients 5"]), with(&["maxclients 5"]));
    let _held: Vec<TcpStream> = (0..3)
        .map(|_| {
            let mut held = client(&bad, "PING\r\n");
            held.read_exact(&mut [0; 7]).unwrap();
            held
        })
        .collect();
    judge(&good, &bad, ", max_clients_used: 60", "RED-14");
    let _one_more = {
        let mut held = client(&bad, "PING\r\n");
        held.read_exact(&mut [0; 7]).unwrap();
        held
    };
    let _last = client(&bad, "BLPOP none 0\r\n");
    let run = wait_for("a full server", SOON, || {
        let run = check(&bad, "");
        (run.exit != 0).then_some(run)
    });
    assert_eq!(run.check("redis")["fault"]["code"], "RED-14", "{run}");
}

#[test]
fn red_14_clients_are_turned_away() {
    let full = with(&["maxclients 2"]);
    let held = client(&full, "PING\r\n");
    let held_too = client(&full, "PING\r\n");
    let mut rejected = client(&full, "PING\r\n");
    let mut answer = String::new();
    let _reset = rejected.read_to_string(&mut answer);
    drop((held, held_too));
    let run = wait_for("room for a client", SOON, || {
        let run = check(&full, ", no_rejected_connections: true, watch: 100ms");
        (run.verdict("redis") != "error").then_some(run)
    });
    assert_eq!(run.codes("redis"), ["RED-14"], "{run}");
}

#[test]
fn red_15_slow_commands_were_logged() {
    let good = Redis::start();
    let bad = with(&["slowlog-log-slower-than 0"]);
    bad.cli(&["SET", "k", "v"]);
    judge(&good, &bad, ", max_slowlog: 0", "RED-15");
}

#[test]
fn red_15_ping_takes_too_long() {
    let redis = Redis::start();
    assert_green(&check(&redis, ", max_latency: 5s"));
    assert_red(&check(&redis, ", max_latency: 1us"), "redis", "RED-15");
}

#[test]
fn red_16_keys_never_expire() {
    let (good, bad) = (Redis::start(), Redis::start());
    good.cli(&["SET", "k", "v", "EX", "600"]);
    bad.cli(&["SET", "k", "v"]);
    judge(&good, &bad, ", max_keys_without_ttl: 10", "RED-16");
}

#[test]
fn red_17_version_with_known_flaws() {
    let redis = Redis::start();
    let more = ", no_known_vulnerabilities: true";
    let run = check(&redis, more);
    assert_red(&run, "redis", "RED-17");
    // A distribution that patches says so nowhere: people do.
    let patched = format!(
        "{more}, accepted_vulnerabilities: [CVE-2024-31449, cve-2025-49844, CVE-2026-63639]"
    );
    assert_green(&check(&redis, &patched));
    assert_red(&check(&redis, ", min_version: \"99\""), "redis", "RED-17");
}

#[test]
fn red_19_still_loading() {
    let scratch = Scratch::new("dump");
    let folder = format!("dir {}", scratch.path().display());
    let writer = with(&[&folder, "rdbcompression no"]);
    for n in 0..60 {
        writer.cli(&["SET", &format!("k{n}"), &"x".repeat(3000)]);
    }
    writer.cli(&["SAVE"]);
    assert_green(&check(&writer, ""));
    drop(writer);
    // Half a second for each key: it says that it is loading all the while.
    let (port, _loading) = on_free_ports(|| {
        let port = free_port();
        let config = scratch.write(
            "slow.conf",
            format!("port {port}\nbind 127.0.0.1\n{folder}\nkey-load-delay 500000\nloading-process-events-interval-bytes 1024\n"),
        );
        let launch = Launch::new(program("redis-server"), [config], "Server initialized");
        Server::start(launch, &scratch).map(|server| (port, server))
    });
    let run = audit(&profile(&format!("redis://127.0.0.1:{port}"), ""));
    assert_red(&run, "redis", "RED-19");
}

#[test]
fn red_20_foreign_keys_and_wrong_databases() {
    let (good, bad) = (Redis::start(), Redis::start());
    good.cli(&["SET", "prod:1", "v"]);
    bad.cli(&["SET", "staging:1", "v"]);
    judge(&good, &bad, ", keys: [{ pattern: \"prod:*\" }]", "RED-20");
    judge(
        &good,
        &bad,
        ", keys: [{ pattern: \"staging:*\", exists: false }]",
        "RED-20",
    );
    judge(&good, &bad, ", keys: [{ pattern: \"prod:1\" }]", "RED-20");
    let run = audit(&profile(&format!("{}99", good.url()), ""));
    assert_eq!(run.check("redis")["fault"]["code"], "RED-20", "{run}");
}

#[test]
fn red_20_a_search_that_was_cut_short_proves_nothing() {
    let redis = Redis::start();
    let mut socket = client(&redis, "");
    let sets: String = (0..5000).map(|n| format!("SET a{n} v\r\n")).collect();
    socket.write_all(sets.as_bytes()).unwrap();
    socket.read_exact(&mut vec![0; 5 * 5000]).unwrap();
    let run = check(
        &redis,
        ", keys: [{ pattern: \"b*\", exists: false, scan_at_most: 500 }]",
    );
    assert_eq!(run.verdict("redis"), "error", "{run}");
    assert_green(&check(
        &redis,
        ", keys: [{ pattern: \"b*\", exists: false }]",
    ));
}

#[test]
fn red_21_dangerous_commands() {
    let redis = Redis::builder()
        .password("word")
        .acl_user("app", "on >pw ~* &* +@all -@dangerous -@admin +info")
        .acl_user("boss", "on >pw ~* &* +@all")
        .start();
    let more = format!(
        ", forbidden_commands: [flushall, config, debug, keys], admin_url: \"{}\"",
        redis.url()
    );
    assert_green(&audit(&profile(&redis.url_as("app", "pw"), &more)));
    assert_red(
        &audit(&profile(&redis.url_as("boss", "pw"), &more)),
        "redis",
        "RED-21",
    );
    // Without an administrator nobody can tell: not green.
    let run = audit(&profile(
        &redis.url_as("app", "pw"),
        ", forbidden_commands: [flushall]",
    ));
    assert_eq!(run.verdict("redis"), "error", "{run}");
}

#[test]
fn red_22_dead_connections_stay() {
    let bad = with(&["timeout 0", "tcp-keepalive 0"]);
    judge(
        &Redis::start(),
        &bad,
        ", dead_connections_closed: true",
        "RED-22",
    );
}

#[test]
fn red_23_unlimited_buffers_of_subscribers() {
    let bad = with(&["client-output-buffer-limit pubsub 0 0 0"]);
    judge(
        &Redis::start(),
        &bad,
        ", subscriber_buffers_limited: true",
        "RED-23",
    );
}

#[test]
fn red_51_low_hit_rate() {
    let (good, bad) = (Redis::start(), Redis::start());
    for redis in [&good, &bad] {
        redis.cli(&["SET", "k", "v"]);
    }
    let gets = |redis: &Redis, key: &str, answer: usize| {
        let mut socket = client(redis, &format!("GET {key}\r\n").repeat(100));
        socket.read_exact(&mut vec![0; answer * 100]).unwrap();
    };
    gets(&good, "k", 7);
    gets(&bad, "none", 5);
    judge(
        &good,
        &bad,
        ", min_hit_rate: 0.6, min_lookups: 100",
        "RED-51",
    );
    // Too few lookups say nothing.
    let run = check(&good, ", min_hit_rate: 0.6");
    assert_eq!(run.verdict("redis"), "error", "{run}");
}

#[test]
fn red_54_info_is_not_as_declared() {
    let (good, bad) = (with(&["databases 16"]), Redis::start());
    good.cli(&["SET", "k", "v"]);
    judge(
        &good,
        &bad,
        ", info: { db0: { contains: keys=1 } }",
        "RED-54",
    );
}

#[test]
fn red_55_nobody_consumes() {
    let (good, bad) = (Redis::start(), Redis::start());
    for redis in [&good, &bad] {
        redis.cli(&["XADD", "jobs", "*", "a", "b"]);
        redis.cli(&["XGROUP", "CREATE", "jobs", "workers", "0"]);
    }
    good.cli(&[
        "XREADGROUP",
        "GROUP",
        "workers",
        "one",
        "COUNT",
        "1",
        "STREAMS",
        "jobs",
        ">",
    ]);
    judge(
        &good,
        &bad,
        ", consumers: [{ stream: jobs, group: workers }]",
        "RED-55",
    );
    judge(&good, &bad, ", consumers: [{ stream: jobs }]", "RED-55");
    let _subscriber = client(&good, "SUBSCRIBE news\r\n");
    let _worker = client(&good, "BLPOP queue 0\r\n");
    wait_for_info(&good, "blocked_clients:1");
    wait_for("the subscriber", SOON, || {
        good.cli(&["PUBSUB", "NUMSUB", "news"])
            .contains('1')
            .then_some(())
    });
    judge(&good, &bad, ", consumers: [{ channel: news }]", "RED-55");
    judge(&good, &bad, ", consumers: [{ list: queue }]", "RED-55");
}

#[test]
fn red_56_consumers_do_not_keep_up() {
    let (good, bad) = (Redis::start(), Redis::start());
    bad.cli(&["RPUSH", "queue", "a", "b", "c"]);
    let more = ", consumers: [{ list: queue, max_waiting: 2, min_consumers: 0 }]";
    judge(&good, &bad, more, "RED-56");
}

#[test]
fn redis_a_user_that_may_only_read_info_is_enough() {
    let redis = Redis::builder()
        .password("word")
        .config("maxmemory 100mb")
        .acl_user("auditor", "on >pw -@all +info +ping")
        .start();
    let url = redis.url_as("auditor", "pw");
    let more = ", max_memory_set: true, eviction_policy: noeviction, auth_required: true";
    assert_green(&audit(&profile(&url, more)));
    // What INFO does not say and CONFIG may not is unknown, not green.
    let run = audit(&profile(&url, ", persistence: rdb"));
    assert_eq!(run.verdict("redis"), "error", "{run}");
    assert_eq!(run.codes("redis"), ["RED-09"], "{run}");
    run.assert_exit(3);
}

#[test]
fn redis_what_cannot_be_seen_is_an_error_with_its_cause() {
    let locked = Redis::builder().password("word").start();
    let (plain, secured) = (Redis::start(), Redis::builder().tls().start());
    let frozen = Redis::start();
    frozen.server().freeze();
    let (closed, silent) = (ClosedPort::new(), SilentPort::new());
    let web = Nginx::builder()
        .server("listen {listen:main};\nreturn 200;")
        .start();
    let blind = Redis::builder().acl_user("blind", "on >pw -@all").start();
    let at = |port: u16| format!("redis://127.0.0.1:{port}");
    for (url, cause) in [
        (at(closed.port()), "refused"),
        (format!("redis://{UNRESOLVABLE}"), "dns"),
        (at(silent.port()), "timeout"),
        (at(frozen.port()), "timeout"),
        (at(locked.port()), "auth"),
        (
            format!("redis://:canary0123456789@127.0.0.1:{}", locked.port()),
            "auth",
        ),
        (blind.url_as("blind", "pw"), "denied"),
        (format!("rediss://localhost:{}", plain.port()), "tls"),
        (format!("rediss://localhost:{}", secured.port()), "tls"),
        (at(web.port("main")), "protocol"),
        (
            "redis://:canary0123456789@h/0?flavour=1".to_owned(),
            "unparseable",
        ),
        ("unix:///nowhere/redis.sock".to_owned(), "missing"),
    ] {
        let yaml = profile(&url, "").replace("timeout: 10s", "timeout: 2s");
        let run = audit(&yaml);
        assert_eq!(run.verdict("redis"), "error", "{url}\n{run}");
        assert_eq!(run.check("redis")["fault"]["cause"], cause, "{url}\n{run}");
        assert!(
            run.check("redis")["fault"]["hint"].is_string(),
            "{url}\n{run}"
        );
        assert!(run.duration < Duration::from_secs(20), "{url}\n{run}");
        run.assert_exit(3);
    }
    // Plaintext to a TLS port: the server hangs up or answers with an alert.
    let run = audit(&profile(&at(secured.port()), ""));
    assert_eq!(run.verdict("redis"), "error", "{run}");
    assert!(run.stdout.contains("rediss://"), "{run}");
}

#[test]
fn redis_secrets_never_appear() {
    let redis = Redis::builder().password("canary0123456789").start();
    let yaml = "version: 1\nname: t\ninputs:\n  url: { type: redis_url, from: env:REDIS_URL, secret: true, required: true }\nchecks:\n  - id: redis\n    redis: { url: \"${url}\", auth_required: true }\n";
    for url in [
        redis.url(),
        redis.url().replace("9@", "x@"),
        redis.url().replace("9@", "9?"),
    ] {
        let run = audit_command(yaml).env("REDIS_URL", &url).run();
        assert!(!format!("{run}").contains("canary012345678"), "{run}");
    }
    assert_green(&audit_command(yaml).env("REDIS_URL", redis.url()).run());
}

#[test]
fn redis_by_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let socket = folder.path().join("r.sock");
    let redis = with(&[
        &format!("unixsocket {}", socket.display()),
        "unixsocketperm 777",
    ]);
    redis.cli(&["SET", "k", "v"]);
    let url = format!("unix://{}?db=0", socket.display());
    let run = audit(&profile(
        &url,
        ", tls_required: true, keys: [{ pattern: k }]",
    ));
    assert_green(&run);
}

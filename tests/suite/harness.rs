//! The helpers tested themselves: a server that is not what it seems would make other tests lie.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStore, ObjectStoreExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_json::json;

use crate::support::certificates::{Authority, DAY, Identity, Leaf};
use crate::support::cli::{Readyctl, Run, audit};
use crate::support::dead::{ClosedPort, DroppingPort, SilentPort, UNRESOLVABLE};
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Response};
use crate::support::pgbackrest::PgBackRest;
use crate::support::pgbouncer::PgBouncer;
use crate::support::pgtree::SUPERUSER_PASSWORD;
use crate::support::postgres::{Postgres, Session};
use crate::support::process::{on_free_ports, wait_for};
use crate::support::redis::Redis;
use crate::support::restic::Restic;
use crate::support::s3::{ACCESS_KEY, S3, SECRET_KEY};
use crate::support::scratch::Scratch;
use crate::support::twin::Twin;
use crate::support::verdicts::{assert_green, assert_red};

const SOON: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(300);

/// Whether `act` fails its test.
fn fails<T>(act: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

/// A client's TLS configuration that trusts one authority.
fn trusting(authority: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
        .unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Shakes hands with the server for `localhost` on `port`.
fn handshake(port: u16, config: ClientConfig) -> std::io::Result<()> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(SOON))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(())
}

/// Sends bytes and gives all that comes back until the server closes the connection.
fn exchange(port: u16, request: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A server that closes with bytes unread resets the connection: what came before counts.
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(port: u16, path: &str) -> String {
    exchange(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    )
}

/// Whether a server still says nothing after a moment.
fn is_silent(port: u16, request: &str) -> bool {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(MOMENT)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    socket
        .read(&mut [0])
        .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn postgres_has_pgvector() {
    let postgres = Postgres::start();
    postgres.sql("create extension vector");
    assert_eq!(
        postgres.value("select '[1,2]'::vector <-> '[1,4]'::vector"),
        "2"
    );
}

#[test]
fn postgres_without_pgvector_has_everything_else() {
    let postgres = Postgres::builder()
        .without_vector()
        .preload("pg_stat_statements")
        .start();
    let names = "select name from pg_available_extensions order by 1";
    let names: Vec<String> = postgres.sql(names).concat();
    assert!(!names.contains(&"vector".to_owned()));
    assert!(names.contains(&"pgcrypto".to_owned()));
    postgres.sql("create extension pg_stat_statements");
    assert_ne!(
        postgres.value("select count(*) from pg_stat_statements"),
        "0"
    );
}

#[test]
fn postgres_speaks_tls_for_localhost_only() {
    let postgres = Postgres::builder()
        .tls()
        .hba("hostnossl all all all reject")
        .start();
    let authority = fs::read_to_string(postgres.ca_path()).unwrap();
    let config = trusting(&authority);
    let tls = tokio_postgres_rustls::MakeRustlsConnect::new(config);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let connect = |host: &str| {
        let url = format!("{}?sslmode=require", postgres.superuser_url("postgres"));
        runtime.block_on(tokio_postgres::connect(
            &url.replace("localhost", host),
            tls.clone(),
        ))
    };
    assert!(connect("localhost").is_ok());
    let error = connect("127.0.0.1").err().unwrap().to_string();
    assert!(error.contains("TLS"), "{error}");
    let mut plain: tokio_postgres::Config = postgres.superuser_url("postgres").parse().unwrap();
    plain.ssl_mode(tokio_postgres::config::SslMode::Disable);
    let refusal = Session::open(&plain).err().unwrap();
    assert!(
        refusal.contains("pg_hba.conf rejects connection"),
        "{refusal}"
    );
}

#[test]
fn postgres_takes_settings_roles_and_databases() {
    let postgres = Postgres::builder().setting("max_connections", "17").start();
    assert_eq!(postgres.value("show max_connections"), "17");
    postgres.create_role("app", "it's @ secret", "nosuperuser");
    postgres.create_database("shop");
    let mut config: tokio_postgres::Config = postgres.url("app", "p/w:?", "shop").parse().unwrap();
    assert_eq!(config.get_password(), Some(b"p/w:?".as_slice()));
    assert!(
        Session::open(&config)
            .err()
            .unwrap()
            .contains("authentication failed")
    );
    postgres.sql("alter role app password 'p/w:?'");
    let session = Session::open(config.application_name("held")).unwrap();
    assert_eq!(
        session.sql("select current_user, null").unwrap(),
        [["app", ""]]
    );
    let held = "select count(*) from pg_stat_activity where application_name = 'held'";
    assert_eq!(postgres.value(held), "1");
    assert_eq!(
        postgres.sql_in("shop", "select current_database()"),
        [["shop"]]
    );
}

#[test]
fn postgres_is_dumped_by_its_own_tool() {
    let postgres = Postgres::start();
    postgres.sql("create table kept (id int)");
    let dump = Command::new(postgres.pg_dump_path())
        .arg(postgres.superuser_url("postgres"))
        .output()
        .unwrap();
    let dump = String::from_utf8(dump.stdout).unwrap();
    assert!(
        dump.contains("CREATE TABLE public.kept") && dump.contains("dump complete"),
        "{dump}"
    );
}

#[test]
fn postgres_stops_freezes_and_restarts() {
    let postgres = Postgres::start();
    postgres.sql("create table kept (id int)");
    postgres.server().freeze();
    assert!(is_silent(postgres.port(), "x"));
    postgres.server().thaw();
    assert_eq!(postgres.value("select count(*) from kept"), "0");
    postgres.stop();
    assert!(TcpStream::connect(("127.0.0.1", postgres.port())).is_err());
    postgres.server().restart();
    assert_eq!(postgres.value("select count(*) from kept"), "0");
}

#[test]
fn a_lost_race_for_a_port_is_run_again() {
    let mut tries = 0;
    let mut start = |log: &str| {
        on_free_ports(|| {
            tries += 1;
            if tries < 3 {
                Err(log.to_owned())
            } else {
                Ok(tries)
            }
        })
    };
    assert!(fails(|| start("bad configuration")));
    assert_eq!(start("bind(): Address already in use"), 3);
}

/// Names the file in which a killed test process says what it started.
const HOLD: &str = "READYCTL_TEST_HOLD";

#[test]
fn a_server_that_is_held() {
    let Some(file) = std::env::var_os(HOLD) else {
        return;
    };
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let session = postgres
        .session("postgres", SUPERUSER_PASSWORD, "postgres")
        .unwrap();
    fs::write(&file, format!("{} {}.", postgres.port(), redis.port())).unwrap();
    thread::sleep(SOON);
    drop(session);
}

#[test]
fn servers_die_with_a_killed_test_process() {
    let folder = Scratch::new("held");
    let file = folder.join("ports");
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "harness::a_server_that_is_held"])
        .env(HOLD, &file)
        // What it can no longer remove is removed with this folder.
        .envs(["TMPDIR", "READYCTL_TEST_SCRATCH"].map(|name| (name, folder.path())))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ports = wait_for("the other test's servers", SOON, || {
        fs::read_to_string(&file)
            .ok()?
            .strip_suffix('.')
            .map(ToOwned::to_owned)
    });
    test.kill().unwrap();
    test.wait().unwrap();
    for port in ports.split(' ') {
        let port: u16 = port.parse().unwrap();
        wait_for("a server's end", SOON, || {
            TcpStream::connect(("127.0.0.1", port)).err()
        });
    }
}

#[test]
fn pgbouncer_pools_transactions() {
    let postgres = Postgres::start();
    postgres.create_role("app", "secret", "");
    let pooler = PgBouncer::in_front_of(&postgres)
        .user("app", "secret")
        .setting("default_pool_size", "1")
        .start();
    let config: tokio_postgres::Config = pooler.url("app", "secret", "postgres").parse().unwrap();
    let clients = [(); 2].map(|()| Session::open(&config).unwrap());
    let pids = clients.map(|client| client.sql("select pg_backend_pid()").unwrap());
    assert_eq!(
        pids[0], pids[1],
        "two clients share the only server connection"
    );
}

#[test]
fn redis_asks_for_passwords() {
    let redis = Redis::builder()
        .password("secret")
        .acl_user("reader", "on >word ~app:* +get")
        .config("maxmemory-policy noeviction")
        .start();
    assert_eq!(redis.cli(&["PING"]), "PONG");
    assert_eq!(
        redis.cli(&["CONFIG", "GET", "maxmemory-policy"]),
        "maxmemory-policy\nnoeviction"
    );
    assert!(exchange(redis.port(), "PING\r\nQUIT\r\n").starts_with("-NOAUTH"));
    redis.cli(&["SET", "app:1", "one"]);
    assert_eq!(redis.cli_as("reader", "word", &["GET", "app:1"]), "one");
    assert!(fails(|| redis.cli_as(
        "reader",
        "word",
        &["SET", "app:1", "two"]
    )));
    assert_eq!(
        redis.url(),
        format!("redis://:secret@127.0.0.1:{}/", redis.port())
    );
}

#[test]
fn redis_speaks_tls_and_nothing_else() {
    let redis = Redis::builder().tls().start();
    assert_eq!(redis.cli(&["PING"]), "PONG");
    assert!(!exchange(redis.port(), "PING\r\n").contains("PONG"));
    assert!(redis.url().starts_with("rediss://localhost:"));
}

#[test]
fn redis_replicates() {
    let primary = Redis::builder().password("secret").start();
    let replica = Redis::builder().replica_of(&primary).start();
    primary.cli(&["SET", "key", "value"]);
    wait_for("the key", SOON, || {
        (replica.cli(&["GET", "key"]) == "value").then_some(())
    });
}

#[test]
fn nginx_limits_the_rate_to_an_origin() {
    let origin = Origin::start();
    origin.route("/api", |_| Response::json(200, json!({"ok": true})));
    let nginx = Nginx::builder()
        .http("limit_req_zone $binary_remote_addr zone=api:1m rate=1r/m;")
        .proxy(
            &origin.url(""),
            "limit_req zone=api burst=2 nodelay; limit_req_status 429;",
        )
        .server("listen {listen:other};\nadd_header X-Main {port:main};\nreturn 204;")
        .start();
    let statuses: Vec<String> = (0..5)
        .map(|_| get(nginx.port("main"), "/api")[9..12].to_owned())
        .collect();
    assert_eq!(statuses, ["200", "200", "200", "429", "429"]);
    assert_eq!(origin.hits("/api"), 3);
    wait_for("the access log", SOON, || {
        (nginx.accesses().len() == 5).then_some(())
    });
    assert_eq!(nginx.accesses()[4], "429 GET /api");
    let other = get(nginx.port("other"), "/");
    assert!(
        other.contains(&format!("X-Main: {}\r\n", nginx.port("main"))),
        "{other}"
    );
}

#[test]
fn nginx_shows_certificates_of_every_kind() {
    let root = Authority::root();
    let under = root.intermediate();
    let answer = "return 200 fine;";
    let nginx = Nginx::builder()
        .tls("good", &under.issue(&Leaf::localhost()), answer)
        .tls(
            "short",
            &root.issue(&Leaf::localhost().ending_in(3 * DAY)),
            answer,
        )
        .tls("expired", &root.issue(&Leaf::localhost().expired()), answer)
        .tls(
            "future",
            &root.issue(&Leaf::localhost().not_yet_valid()),
            answer,
        )
        .tls("self", &Identity::self_signed(&Leaf::localhost()), answer)
        .tls("name", &root.issue(&Leaf::named(&["other.test"])), answer)
        .tls(
            "chain",
            &under.issue(&Leaf::localhost()).without_intermediates(),
            answer,
        )
        .start();
    let handshake = |name| handshake(nginx.port(name), trusting(root.pem()));
    assert!(handshake("good").is_ok() && handshake("short").is_ok());
    for (name, complaint) in [
        ("expired", "expired"),
        ("future", "not valid yet"),
        ("self", "UnknownIssuer"),
        ("name", "not valid for name"),
        ("chain", "UnknownIssuer"),
    ] {
        let error = handshake(name).unwrap_err().to_string();
        assert!(error.contains(complaint), "{name}: {error}");
    }
}

#[test]
fn origin_answers_counts_and_changes() {
    let origin = Origin::start();
    origin
        .route("/health", |_| Response::text(200, "fine"))
        .route("/echo", |request| {
            Response::json(201, json!([request.method, request.query, request.text()]))
                .header("x-agent", request.header("User-Agent").unwrap_or("none"))
        });
    let body = "POST /echo?a=1 HTTP/1.1\r\nUser-Agent: me\r\nContent-Length: 2\r\n\r\nhi";
    let chunked = "PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                   2\r\nho\r\n0\r\n\r\n";
    let answer = exchange(origin.port(), &format!("{body}{chunked}"));
    assert!(answer.contains(r#"x-agent: me"#) && answer.contains(r#"["POST","a=1","hi"]"#));
    assert!(
        answer.contains(r#"["PUT","","ho"]"#),
        "both answers on one connection: {answer}"
    );
    assert!(get(origin.port(), "/health").ends_with("fine"));
    origin.route("/health", |_| Response::status(503));
    assert!(get(origin.port(), "/health").starts_with("HTTP/1.1 503"));
    assert!(get(origin.port(), "/none").starts_with("HTTP/1.1 404"));
    assert_eq!((origin.hits("/health"), origin.hits("/echo")), (2, 2));
    let peers: Vec<_> = origin
        .requests_to("/echo")
        .iter()
        .map(|request| request.peer)
        .collect();
    assert_eq!(peers[0], peers[1]);
    origin.fallback(|_| Response::redirect(302, "/health"));
    assert!(get(origin.port(), "/none").contains("location: /health"));
    let head = exchange(
        origin.port(),
        "HEAD /echo HTTP/1.0\r\nConnection: close\r\n\r\n",
    );
    assert!(head.ends_with("\r\n\r\n"), "no body after HEAD: {head}");
}

#[test]
fn origin_misbehaves() {
    let origin = Origin::start();
    let pause = Duration::from_millis(20);
    origin
        .route("/never", |_| Response::never())
        .route("/close", |_| Response::close())
        .route("/raw", |_| Response::raw("SSH-2.0-nonsense\r\n"))
        .route("/stall", |_| {
            Response::text(200, "0123456789").stalling_after(4)
        })
        .route("/drip", move |_| {
            Response::text(200, "0123456789").dripping(1, pause)
        })
        .route("/long", |_| {
            Response::text(200, "short").claiming_length(99)
        })
        .route("/late", |_| Response::text(200, "late").delay(MOMENT))
        .route("/bomb", |_| Response::gzip_bomb(8));
    assert!(is_silent(origin.port(), "GET /never HTTP/1.1\r\n\r\n"));
    assert_eq!(get(origin.port(), "/close"), "");
    assert_eq!(get(origin.port(), "/raw"), "SSH-2.0-nonsense\r\n");
    let started = Instant::now();
    assert!(get(origin.port(), "/drip").ends_with("0123456789"));
    assert!(started.elapsed() > 9 * pause);
    let long = get(origin.port(), "/long");
    assert!(
        long.contains("content-length: 99") && long.ends_with("short"),
        "{long}"
    );
    let started = Instant::now();
    assert!(get(origin.port(), "/late").ends_with("late") && started.elapsed() >= MOMENT);
    let bomb = get(origin.port(), "/bomb");
    assert!(bomb.contains("content-encoding: gzip") && bomb.len() < 32 << 10);
    let mut socket = TcpStream::connect(("127.0.0.1", origin.port())).unwrap();
    socket.set_read_timeout(Some(MOMENT)).unwrap();
    socket.write_all(b"GET /stall HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    assert!(
        socket.read_to_end(&mut answer).is_err(),
        "the body never ends"
    );
    assert!(answer.ends_with(b"\r\n\r\n0123"));
}

#[test]
fn origin_serves_hundreds_at_a_time() {
    const CLIENTS: usize = 300;
    let origin = Origin::start();
    let gate = Arc::new(std::sync::Barrier::new(CLIENTS));
    origin.route("/", move |_| {
        gate.wait();
        Response::text(200, "all here")
    });
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| assert!(get(origin.port(), "/").ends_with("all here")));
        }
    });
    assert_eq!(origin.hits("/"), CLIENTS);
}

#[test]
fn origin_objects_to_being_unused() {
    assert!(fails(|| drop(Origin::start())));
    Origin::start().may_be_unused();
}

#[test]
fn dead_ends_are_dead() {
    let (closed, silent, dropping) = (ClosedPort::new(), SilentPort::new(), DroppingPort::new());
    let refused = TcpStream::connect(("127.0.0.1", closed.port())).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(is_silent(silent.port(), "hello"));
    let address = ([127, 0, 0, 1], dropping.port()).into();
    let dropped = TcpStream::connect_timeout(&address, MOMENT).unwrap_err();
    assert_eq!(dropped.kind(), std::io::ErrorKind::TimedOut);
    assert!((UNRESOLVABLE, 80).to_socket_addrs().is_err());
}

fn bucket(s3: &S3, secret: &str) -> AmazonS3 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    AmazonS3Builder::new()
        .with_endpoint(s3.endpoint())
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("backups")
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(secret)
        .build()
        .unwrap()
}

#[test]
fn s3_lists_pages_and_checks_signatures() {
    const OBJECTS: usize = 1005;
    let s3 = S3::start();
    s3.create_bucket("backups");
    s3.put_aged("backups", "old/dump", b"old", 3 * DAY);
    for number in 1..OBJECTS {
        s3.put("backups", &format!("new/{number}"), b"new");
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = bucket(&s3, SECRET_KEY);
    let path = |text: &str| object_store::path::Path::from(text);
    let listed: Vec<_> = runtime.block_on(store.list(None).try_collect()).unwrap();
    assert_eq!(listed.len(), OBJECTS, "two pages");
    let age = |object: &object_store::ObjectMeta| object.last_modified.timestamp();
    let old = listed
        .iter()
        .find(|object| object.location == path("old/dump"))
        .unwrap();
    let new = listed
        .iter()
        .find(|object| object.location == path("new/7"))
        .unwrap();
    let days = (age(new) - age(old)) as u64 / DAY.as_secs();
    assert_eq!(days, 3);
    runtime
        .block_on(store.put(&path("sent"), "signed".into()))
        .unwrap();
    let sent = runtime.block_on(store.head(&path("sent"))).unwrap();
    assert_eq!(sent.size, 6);
    let forged = bucket(&s3, "wrong");
    let refused = runtime
        .block_on(forged.list(None).try_collect::<Vec<_>>())
        .unwrap_err();
    assert!(
        refused.to_string().contains("SignatureDoesNotMatch"),
        "{refused}"
    );
}

#[test]
fn restic_keeps_snapshots() {
    let restic = Restic::repository();
    assert_eq!(restic.snapshots(), json!([]));
    restic.backup_aged("content", 3 * DAY);
    restic.backup("newer content");
    let snapshots = restic.snapshots();
    let time = |index: usize| -> jiff::Timestamp {
        snapshots[index]["time"].as_str().unwrap().parse().unwrap()
    };
    let apart = (time(1) - time(0)).total(jiff::Unit::Hour).unwrap();
    assert!((71.9..72.1).contains(&apart), "{snapshots}");
}

#[test]
fn pgbackrest_backs_up_a_server() {
    let pgbackrest = PgBackRest::stanza();
    assert_eq!(
        pgbackrest.info()[0]["status"]["message"],
        "no valid backups"
    );
    pgbackrest.backup();
    pgbackrest.postgres().sql("select pg_switch_wal()");
    let info = pgbackrest.info();
    assert_eq!(info[0]["status"]["code"], 0, "{info}");
    assert_eq!(info[0]["backup"][0]["error"], false, "{info}");
}

#[test]
fn readyctl_runs_in_clean_surroundings() {
    let run = Readyctl::of("/bin/sh")
        .args([
            "-c",
            "env | sort | cut -d= -f1; cat; cat a/b; pwd >out; echo \"$X\" >&2; exit 7",
        ])
        .file("a/b", " and file")
        .stdin("stdin")
        .env("X", "seen")
        .run();
    run.assert_exit(7);
    assert_eq!(run.stdout, "HOME\nPATH\nPWD\nX\nstdin and file");
    assert_eq!(run.stderr, "seen\n");
    assert_eq!(
        run.read("out").trim(),
        run.folder().canonicalize().unwrap().to_str().unwrap()
    );
    let slow = Readyctl::of("/bin/sh")
        .args(["-c", "sleep 60"])
        .limit(MOMENT);
    assert!(fails(|| slow.run()));
}

/// A report of a failed `broken` and of `other` with a verdict.
fn pretended(exit: i32, verdict: &str, other: &str) -> Run {
    let finding = |code: &str, verdict: &str| json!({"code": code, "verdict": verdict});
    let report = json!({"checks": [
        {"id": "broken", "verdict": verdict, "findings": [
            finding("HTTP-01", "pass"), finding("HTTP-02", verdict),
        ]},
        {"id": "other", "verdict": other, "findings": []},
    ]});
    Run::pretended(exit, &report.to_string())
}

#[test]
fn verdicts_are_judged_strictly() {
    assert_red(&pretended(1, "fail", "pass"), "broken", "HTTP-02");
    assert_red(&pretended(3, "error", "pass"), "broken", "HTTP-02");
    assert_green(&pretended(0, "pass", "pass"));
    assert_eq!(pretended(1, "fail", "pass").codes("broken"), ["HTTP-02"]);
    for (exit, verdict, other, id, code) in [
        (1, "fail", "pass", "broken", "HTTP-01"),
        (1, "fail", "pass", "other", "HTTP-02"),
        (1, "fail", "pass", "absent", "HTTP-02"),
        (1, "fail", "fail", "broken", "HTTP-02"),
        (1, "fail", "skip", "broken", "HTTP-02"),
        (0, "fail", "pass", "broken", "HTTP-02"),
        (0, "warn", "pass", "broken", "HTTP-02"),
        (0, "pass", "pass", "broken", "HTTP-02"),
    ] {
        let run = pretended(exit, verdict, other);
        assert!(
            fails(|| assert_red(&run, id, code)),
            "{verdict} {other} {id} {code}"
        );
    }
    for run in [
        pretended(1, "pass", "pass"),
        pretended(0, "pass", "skip"),
        pretended(0, "warn", "pass"),
        Run::pretended(0, "{\"checks\": []}"),
    ] {
        assert!(fails(|| assert_green(&run)), "{run}");
    }
}

#[test]
fn twins_in_python_and_node_answer() {
    for twin in [Twin::python("hello", &[]), Twin::node("hello", &[])] {
        let run = audit(&format!(
            "version: 1\nname: t\nchecks:\n  - id: up\n    http: {{ url: \"{}\", expect: {{ json: {{ $.status: ok }} }} }}\n",
            twin.url("/health")
        ));
        assert_green(&run);
    }
}

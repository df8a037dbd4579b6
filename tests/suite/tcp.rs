//! Ports, open and closed, and what listens there.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use crate::support::cli::{audit, audit_command};
use crate::support::dead::{ClosedPort, DroppingPort, SilentPort, UNRESOLVABLE};
use crate::support::verdicts::{assert_green, assert_red};

/// A profile with one check of the kind `tcp`.
fn profile(port: u16, more: &str) -> String {
    format!(
        "version: 1\nname: t\nchecks:\n  - id: port\n    retry: {{ attempts: 1 }}\n    tcp: {{ host: 127.0.0.1, port: {port}{more} }}\n"
    )
}

/// A server that writes `greeting` to every client and hangs up when it is empty.
fn greeter(greeting: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut client in listener.incoming().flatten() {
            if !greeting.is_empty() {
                client.write_all(greeting.as_bytes()).unwrap();
                held.push(client);
            }
        }
    });
    port
}

#[test]
fn tcp_01_refused() {
    let open = SilentPort::new();
    assert_green(&audit(&profile(open.port(), "")));
    let closed = ClosedPort::new();
    let run = audit(&profile(closed.port(), ""));
    assert_red(&run, "port", "TCP-01");
    assert!(run.stdout.contains("refused"), "{run}");
}

#[test]
fn tcp_01_no_answer_is_told_from_refused() {
    let dropping = DroppingPort::new();
    let run = audit(&profile(dropping.port(), ", no_answer_after: 500ms"));
    assert_red(&run, "port", "TCP-01");
    assert!(run.stdout.contains("no answer within"), "{run}");
}

#[test]
fn tcp_02_accepts_and_closes() {
    assert_green(&audit(&profile(greeter("hello\n"), "")));
    assert_red(&audit(&profile(greeter(""), "")), "port", "TCP-02");
}

#[test]
fn tcp_03_another_service_greets() {
    let ssh = ", banner: { starts_with: SSH-2.0 }";
    assert_green(&audit(&profile(greeter("SSH-2.0-OpenSSH_9\r\n"), ssh)));
    assert_red(
        &audit(&profile(greeter("220 mail\r\n"), ssh)),
        "port",
        "TCP-03",
    );
    let silent = SilentPort::new();
    let waiting = format!("{ssh}, no_answer_after: 300ms");
    assert_red(&audit(&profile(silent.port(), &waiting)), "port", "TCP-03");
}

#[test]
fn tcp_04_open_although_it_must_be_closed() {
    let closed = ClosedPort::new();
    assert_green(&audit(&profile(closed.port(), ", expect: closed")));
    let dropping = DroppingPort::new();
    let waiting = ", expect: closed, no_answer_after: 300ms";
    assert_green(&audit(&profile(dropping.port(), waiting)));
    let open = SilentPort::new();
    let run = audit(&profile(open.port(), ", expect: closed"));
    assert_red(&run, "port", "TCP-04");
    assert!(run.stdout.contains("from here (127.0.0.1)"), "{run}");
}

#[test]
fn tcp_05_slow_to_accept() {
    let open = SilentPort::new();
    assert_green(&audit(&profile(open.port(), ", max_latency: 5s")));
    let run = audit(&profile(open.port(), ", max_latency: 1us"));
    assert_red(&run, "port", "TCP-05");
}

#[test]
fn tcp_a_name_that_does_not_resolve_is_an_error_in_both_directions() {
    for expect in ["open", "closed"] {
        let run = audit(&format!(
            "version: 1\nname: t\nchecks:\n  - id: port\n    retry: {{ attempts: 1 }}\n    tcp: {{ address: \"{UNRESOLVABLE}:80\", expect: {expect} }}\n"
        ));
        assert_eq!(run.verdict("port"), "error", "{run}");
        assert_eq!(run.check("port")["fault"]["cause"], "dns", "{run}");
        run.assert_exit(3);
    }
}

#[test]
fn tcp_a_dsn_gives_host_and_port_and_is_never_shown() {
    let open = SilentPort::new();
    let yaml = "version: 1\nname: t\ninputs:\n  dsn: { type: string, from: env:DSN, secret: true, required: true }\nchecks:\n  - id: port\n    tcp: { url: \"${dsn}\" }\n";
    let run = audit_command(yaml)
        .env(
            "DSN",
            format!("https://canary0123456789@127.0.0.1:{}/42", open.port()),
        )
        .run();
    assert_green(&run);
    assert!(!format!("{run}").contains("canary0123456789"), "{run}");
}

//! Certificates, versions and ciphers, good and bad, behind a real server.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::certificates::{Authority, DAY, Identity, Leaf};
use crate::support::cli::{audit, audit_command};
use crate::support::dead::{ClosedPort, SilentPort, UNRESOLVABLE};
use crate::support::nginx::Nginx;
use crate::support::postgres::Postgres;
use crate::support::process::{command, output, program};
use crate::support::scratch::Scratch;
use crate::support::verdicts::{assert_green, assert_red};

/// What a current server is configured with.
const MODERN: &str =
    "ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;\nreturn 200;";

/// A profile with one check of the kind `tls` for `localhost`.
fn profile(port: u16, ca: Option<&Path>, more: &str) -> String {
    let ca = ca.map_or_else(String::new, |ca| format!(", ca_file: {}", ca.display()));
    format!(
        "version: 1\nname: t\nchecks:\n  - id: tls\n    timeout: 10s\n    retry: {{ attempts: 1 }}\n    tls: {{ host: localhost, port: {port}{ca}{more} }}\n"
    )
}

/// nginx with an identity on the port `main`.
fn serve(identity: &Identity, directives: &str) -> Nginx {
    Nginx::builder().tls("main", identity, directives).start()
}

/// A server with this identity is red with this code, and its healthy twin is green.
fn judge_identity(authority: &Authority, bad: &Identity, more: &str, code: &str) {
    let good = serve(&authority.issue(&Leaf::localhost()), MODERN);
    assert_green(&audit(&profile(
        good.port("main"),
        Some(authority.path()),
        more,
    )));
    let server = serve(bad, MODERN);
    let run = audit(&profile(server.port("main"), Some(authority.path()), more));
    assert_red(&run, "tls", code);
    assert_eq!(run.codes("tls"), [code], "{run}");
}

/// A server with these directives is red with this code, and a current one is green.
fn judge_directives(bad: &str, more: &str, code: &str) {
    let root = Authority::root();
    let identity = root.issue(&Leaf::localhost());
    let good = serve(&identity, MODERN);
    assert_green(&audit(&profile(good.port("main"), Some(root.path()), more)));
    let server = serve(&identity, bad);
    let run = audit(&profile(server.port("main"), Some(root.path()), more));
    assert_red(&run, "tls", code);
}

#[test]
fn tls_01_expired() {
    let root = Authority::root();
    let bad = root.issue(&Leaf::localhost().expired());
    judge_identity(&root, &bad, "", "TLS-01");
}

#[test]
fn tls_01_not_yet_valid() {
    let root = Authority::root();
    let bad = root.issue(&Leaf::localhost().not_yet_valid());
    judge_identity(&root, &bad, "", "TLS-01");
}

#[test]
fn tls_02_expires_soon() {
    let root = Authority::root();
    let bad = root.issue(&Leaf::localhost().ending_in(2 * DAY));
    judge_identity(&root, &bad, "", "TLS-02");
}

#[test]
fn tls_03_intermediate_expires_first() {
    let root = Authority::root();
    let ending = root.intermediate_with(|params| {
        params.not_after = (SystemTime::now() + 2 * DAY).into();
    });
    judge_identity(&root, &ending.issue(&Leaf::localhost()), "", "TLS-03");
    let ended = root.intermediate_with(|params| {
        params.not_after = (SystemTime::now() - DAY).into();
    });
    judge_identity(&root, &ended.issue(&Leaf::localhost()), "", "TLS-03");
}

#[test]
fn tls_04_missing_intermediate() {
    let root = Authority::root();
    let complete = root.intermediate().issue(&Leaf::localhost());
    let good = serve(&complete, MODERN);
    assert_green(&audit(&profile(good.port("main"), Some(root.path()), "")));
    judge_identity(&root, &complete.without_intermediates(), "", "TLS-04");
}

#[test]
fn tls_05_self_signed() {
    let root = Authority::root();
    let bad = Identity::self_signed(&Leaf::localhost());
    judge_identity(&root, &bad, "", "TLS-05");
}

#[test]
fn tls_05_authority_unknown_here() {
    let root = Authority::root();
    let server = serve(&root.issue(&Leaf::localhost()), MODERN);
    let known = profile(server.port("main"), Some(root.path()), "");
    assert_green(&audit(&known));
    let unknown = profile(server.port("main"), None, "");
    assert_red(&audit(&unknown), "tls", "TLS-05");
}

#[test]
fn tls_06_wrong_name() {
    let root = Authority::root();
    let bad = root.issue(&Leaf::named(&["example.com", "*.localhost"]));
    judge_identity(&root, &bad, "", "TLS-06");
}

#[test]
fn tls_06_a_declared_name_is_not_covered() {
    let root = Authority::root();
    let both = serve(
        &root.issue(&Leaf::named(&["localhost", "www.localhost"])),
        MODERN,
    );
    let names = ", names: [www.localhost]";
    assert_green(&audit(&profile(
        both.port("main"),
        Some(root.path()),
        names,
    )));
    let one = serve(&root.issue(&Leaf::localhost()), MODERN);
    let run = audit(&profile(one.port("main"), Some(root.path()), names));
    assert_red(&run, "tls", "TLS-06");
}

#[test]
fn tls_07_frontends_differ() {
    let root = Authority::root();
    let identity = root.issue(&Leaf::localhost());
    let (first, second) = (serve(&identity, MODERN), serve(&identity, MODERN));
    let forgotten = serve(&root.issue(&Leaf::localhost()), MODERN);
    let both = |other: &Nginx| {
        let more = format!(
            ", same_certificate: true, connect_to: [\"127.0.0.1:{}\", \"127.0.0.1:{}\"]",
            first.port("main"),
            other.port("main")
        );
        audit(&profile(443, Some(root.path()), &more))
    };
    assert_green(&both(&second));
    assert_red(&both(&forgotten), "tls", "TLS-07");
}

#[test]
fn tls_08_another_certificate_without_a_name() {
    let root = Authority::root();
    let (named, default) = (
        root.issue(&Leaf::localhost()),
        root.issue(&Leaf::named(&["example.com"])),
    );
    let server = Nginx::builder()
        .file("named.crt", &named.chain)
        .file("named.key", &named.key)
        .file("default.crt", &default.chain)
        .file("default.key", &default.key)
        .server(&format!("listen {{listen:main}} ssl default_server;\nssl_certificate {{dir}}/default.crt;\nssl_certificate_key {{dir}}/default.key;\n{MODERN}"))
        .server(&format!("listen {{listen:main}} ssl;\nserver_name localhost;\nssl_certificate {{dir}}/named.crt;\nssl_certificate_key {{dir}}/named.key;\n{MODERN}"))
        .start();
    let more = ", same_without_name: true";
    let run = audit(&profile(server.port("main"), Some(root.path()), more));
    assert_red(&run, "tls", "TLS-08");
    let good = serve(&named, MODERN);
    assert_green(&audit(&profile(good.port("main"), Some(root.path()), more)));
}

#[test]
fn tls_09_old_versions_accepted() {
    let bad = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers DEFAULT@SECLEVEL=0;\nreturn 200;";
    judge_directives(bad, "", "TLS-09");
    let only = "ssl_protocols TLSv1.1;\nssl_ciphers DEFAULT@SECLEVEL=0;\nreturn 200;";
    judge_directives(only, "", "TLS-09");
}

#[test]
fn tls_09_version_1_2_when_1_3_is_demanded() {
    let root = Authority::root();
    let identity = root.issue(&Leaf::localhost());
    let more = ", min_version: \"1.3\"";
    let new = serve(&identity, "ssl_protocols TLSv1.3;\nreturn 200;");
    assert_green(&audit(&profile(new.port("main"), Some(root.path()), more)));
    let both = serve(&identity, MODERN);
    let run = audit(&profile(both.port("main"), Some(root.path()), more));
    assert_red(&run, "tls", "TLS-09");
}

#[test]
fn tls_10_no_version_1_3() {
    let bad = "ssl_protocols TLSv1.2;\nssl_ciphers ECDHE+AESGCM;\nreturn 200;";
    judge_directives(bad, ", require_tls13: true", "TLS-10");
}

#[test]
fn tls_11_weak_cipher_accepted() {
    let bad = "ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers ECDHE+AESGCM:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0;\nreturn 200;";
    judge_directives(bad, "", "TLS-11");
}

#[test]
fn tls_12_short_key() {
    let scratch = Scratch::new("rsa");
    let pem = |bits: &str| {
        let mut openssl = command(&program("openssl"), scratch.path());
        openssl.args([
            "req",
            "-x509",
            "-nodes",
            "-days",
            "60",
            "-subj",
            "/CN=localhost",
        ]);
        openssl.args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=CA:FALSE",
        ]);
        openssl.args([
            "-newkey",
            &format!("rsa:{bits}"),
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ]);
        output(&mut openssl);
        let read = |name: &str| std::fs::read_to_string(scratch.join(name)).unwrap();
        let certificate = read("cert.pem");
        Identity {
            chain: certificate.clone(),
            certificate,
            key: read("key.pem"),
        }
    };
    let weak = "ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers ECDHE+AESGCM:@SECLEVEL=0;\nreturn 200;";
    for (bits, red) in [("1024", true), ("2048", false)] {
        let server = serve(&pem(bits), weak);
        let run = audit(&profile(server.port("main"), None, ""));
        let found = run.codes("tls").contains(&"TLS-12".to_owned());
        assert_eq!(found, red, "{bits} bits\n{run}");
    }
}

#[test]
fn tls_14_demanded_status_missing() {
    let root = Authority::root();
    let bad = root.issue(&Leaf::localhost().must_staple());
    judge_identity(&root, &bad, "", "TLS-14");
}

#[test]
fn tls_15_lives_longer_than_public_certificates_may() {
    let root = Authority::root();
    let bad = root.issue(&Leaf::localhost().ending_in(300 * DAY));
    judge_identity(&root, &bad, ", lifetime_cap: always", "TLS-15");
}

#[test]
fn tls_17_renewal_overdue() {
    let root = Authority::root();
    let bad = root.issue(&Leaf::localhost().begun(75 * DAY).ending_in(25 * DAY));
    judge_identity(&root, &bad, ", renewed_after_fraction: 0.7", "TLS-17");
}

#[test]
fn tls_18_the_clock_here_is_behind() {
    let root = Authority::root();
    let future = root.intermediate_with(|params| {
        params.not_before = (SystemTime::now() + DAY).into();
    });
    let server = serve(&future.issue(&Leaf::localhost().not_yet_valid()), MODERN);
    let run = audit(&profile(server.port("main"), Some(root.path()), ""));
    assert!(run.codes("tls").contains(&"TLS-18".to_owned()), "{run}");
    assert_ne!(run.exit, 0, "{run}");
}

#[test]
fn tls_51_no_http_2() {
    let root = Authority::root();
    let identity = root.issue(&Leaf::localhost());
    let h2 = Nginx::builder()
        .file("main.crt", &identity.chain)
        .file("main.key", &identity.key)
        .server(&format!("listen {{listen:main}} ssl http2;\nssl_certificate {{dir}}/main.crt;\nssl_certificate_key {{dir}}/main.key;\n{MODERN}"))
        .start();
    let more = ", alpn: [h2]";
    assert_green(&audit(&profile(h2.port("main"), Some(root.path()), more)));
    let h1 = serve(&identity, MODERN);
    let run = audit(&profile(h1.port("main"), Some(root.path()), more));
    assert_red(&run, "tls", "TLS-51");
}

#[test]
fn tls_52_client_certificates_are_not_asked_for() {
    let root = Authority::root();
    let identity = root.issue(&Leaf::localhost());
    let mutual = Nginx::builder()
        .file("ca.pem", root.pem())
        .tls(
            "main",
            &identity,
            &format!("ssl_verify_client on;\nssl_client_certificate {{dir}}/ca.pem;\n{MODERN}"),
        )
        .start();
    let more = ", client_certificate: true";
    assert_green(&audit(&profile(
        mutual.port("main"),
        Some(root.path()),
        more,
    )));
    let open = serve(&identity, MODERN);
    let run = audit(&profile(open.port("main"), Some(root.path()), more));
    assert_red(&run, "tls", "TLS-52");
}

#[test]
fn tls_53_one_of_two_frontends_is_down() {
    let root = Authority::root();
    let identity = root.issue(&Leaf::localhost());
    let (first, second) = (serve(&identity, MODERN), serve(&identity, MODERN));
    let down = ClosedPort::new();
    let both = |other: u16| {
        let more = format!(
            ", connect_to: [\"127.0.0.1:{}\", \"127.0.0.1:{other}\"]",
            first.port("main")
        );
        audit(&profile(443, Some(root.path()), &more))
    };
    assert_green(&both(second.port("main")));
    assert_red(&both(down.port()), "tls", "TLS-53");
}

#[test]
fn tls_begins_inside_postgres() {
    let secured = Postgres::builder().tls().start();
    let more = ", starttls: postgres, require_tls13: true";
    assert_green(&audit(&profile(
        secured.port(),
        Some(secured.ca_path()),
        more,
    )));
    let plain = Postgres::start();
    let run = audit(&profile(plain.port(), None, more));
    assert_eq!(run.check("tls")["fault"]["cause"], "tls", "{run}");
    run.assert_exit(3);
}

#[test]
fn tls_what_cannot_be_seen_is_an_error_with_its_cause() {
    let (closed, silent) = (ClosedPort::new(), SilentPort::new());
    let plain = Nginx::builder()
        .server("listen {listen:main};\nreturn 200;")
        .start();
    for (port, cause) in [
        (closed.port(), "refused"),
        (silent.port(), "timeout"),
        (plain.port("main"), "tls"),
    ] {
        let yaml = profile(port, None, "").replace("timeout: 10s", "timeout: 2s");
        let run = audit(&yaml);
        assert_eq!(run.verdict("tls"), "error", "{cause}\n{run}");
        assert_eq!(run.check("tls")["fault"]["cause"], cause, "{run}");
        assert!(run.check("tls")["fault"]["hint"].is_string(), "{run}");
        assert!(run.duration < Duration::from_secs(20), "{run}");
        run.assert_exit(3);
    }
    let unknown = format!(
        "version: 1\nname: t\nchecks:\n  - id: tls\n    retry: {{ attempts: 1 }}\n    tls: {{ host: {UNRESOLVABLE} }}\n"
    );
    assert_eq!(audit(&unknown).check("tls")["fault"]["cause"], "dns");
}

#[test]
fn tls_a_url_is_never_shown() {
    let root = Authority::root();
    let server = serve(&root.issue(&Leaf::localhost()), MODERN);
    let yaml = format!(
        "version: 1\nname: t\ninputs:\n  dsn: {{ type: string, from: env:DSN, secret: true, required: true }}\nchecks:\n  - id: tls\n    tls: {{ url: \"${{dsn}}\", ca_file: {} }}\n",
        root.path().display()
    );
    for scheme in ["https", "mailto"] {
        let dsn = format!(
            "{scheme}://someone:canary0123456789@localhost:{}/x",
            server.port("main")
        );
        let run = audit_command(&yaml).env("DSN", dsn).run();
        assert!(!format!("{run}").contains("canary0123456789"), "{run}");
    }
}

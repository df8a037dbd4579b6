//! An S3 server that checks signatures.

use super::*;
use crate::support::dead::{ClosedPort, SilentPort};
use crate::support::origin::{Origin, Response};
use crate::support::s3::{ACCESS_KEY, S3, SECRET_KEY};
use crate::support::verdicts::{assert_green, assert_red};

/// The check of a bucket.
fn block(endpoint: &str, bucket: &str, secret: &str, more: &str, expect: &str) -> String {
    let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "s3:\n  bucket: {bucket}\n  endpoint: {endpoint}\n  allow_http: true\n  \
         access_key: {ACCESS_KEY}\n  secret_key: {secret}\n{more}expect: {{ {expect} }}"
    )
}

fn of(server: &S3, more: &str, expect: &str) -> Run {
    look(&block(
        &server.endpoint(),
        "backups",
        SECRET_KEY,
        more,
        expect,
    ))
}

fn server() -> S3 {
    let server = S3::start();
    server.create_bucket("backups");
    server
}

#[test]
fn bak_01_02_03_04_in_a_bucket() {
    let server = server();
    server.put("backups", "other/x.gz", &gzip());
    let nightly = "prefix: nightly/\npattern: '*.gz'";
    assert_red(&of(&server, nightly, "max_age: 26h"), "b", "BAK-01");
    server.put_aged("backups", "nightly/z.gz", &gzip(), 30 * HOUR);
    assert_red(&of(&server, nightly, "max_age: 26h"), "b", "BAK-02");
    server.put("backups", "nightly/b.gz.part", &gzip());
    let run = of(&server, "prefix: nightly/", "max_age: 26h");
    assert_red(&run, "b", "BAK-03");
    // The newest by name is not the newest by time.
    server.put("backups", "nightly/a.gz", &gzip());
    let run = of(
        &server,
        nightly,
        "max_age: 26h, min_count: 2, min_size: 1KiB",
    );
    assert_green(&run);
    assert!(!format!("{run}").contains(SECRET_KEY), "{run}");
    server.put("backups", "nightly/a.gz", b"");
    assert_red(&of(&server, nightly, "max_age: 26h"), "b", "BAK-04");
}

#[test]
fn bak_05_objects_are_read_through_when_asked_to() {
    let server = server();
    server.put("backups", "a.gz", &gzip());
    assert_green(&of(&server, "", "verify: gzip, min_content: 10KiB"));
    let whole = gzip();
    server.put("backups", "a.gz", &whole[..whole.len() * 6 / 10]);
    assert_red(&of(&server, "", "verify: gzip"), "b", "BAK-05");
    server.put("backups", "a.gz", &through("gzip", &["-c"], b""));
    assert_red(&of(&server, "", "verify: auto"), "b", "BAK-04");
}

#[test]
fn bak_18_a_bucket_that_anyone_may_list() {
    let server = server();
    server.put("backups", "a.gz", &gzip());
    assert_green(&of(&server, "", "private: true"));
    // The same answers, from a server that does not look at signatures.
    let open = Origin::start();
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S.000Z")
        .to_string();
    let listing = format!(
        "<?xml version=\"1.0\"?><ListBucketResult><Name>backups</Name><IsTruncated>false</IsTruncated>\
         <Contents><Key>a.gz</Key><LastModified>{now}</LastModified><Size>5</Size></Contents></ListBucketResult>"
    );
    open.fallback(move |_| {
        Response::status(200)
            .header("content-type", "application/xml")
            .body(listing.clone())
    });
    let block = block(&open.url(""), "backups", SECRET_KEY, "", "private: true");
    assert_red(&look(&block), "b", "BAK-18");
}

#[test]
fn buckets_that_cannot_be_listed_are_errors() {
    let server = server();
    server.put("backups", "a.gz", &gzip());
    let of = |endpoint: &str, bucket: &str, secret: &str| {
        look(&block(endpoint, bucket, secret, "", "max_age: 1d"))
    };
    let run = of(&server.endpoint(), "backups", "Canary-Secret-4711");
    assert_eq!(run.verdict("b"), "error", "{run}");
    assert!(
        ["auth", "denied"].contains(&fault(&run).0.as_str()),
        "{run}"
    );
    assert!(!format!("{run}").contains("Canary-Secret-4711"), "{run}");
    assert_error(
        &of(&server.endpoint(), "no-such-bucket", SECRET_KEY),
        "missing",
    );
    let (closed, silent) = (ClosedPort::new(), SilentPort::new());
    let at = |port: u16| format!("http://127.0.0.1:{port}");
    assert_error(&of(&at(closed.port()), "backups", SECRET_KEY), "refused");
    assert_error(&of(&at(silent.port()), "backups", SECRET_KEY), "timeout");
    assert_error(
        &of("http://no-such-host.invalid", "backups", SECRET_KEY),
        "dns",
    );
}

#[test]
fn without_credentials_no_metadata_service_is_asked() {
    let server = server();
    let run = look(&format!(
        "s3: {{ bucket: backups, endpoint: '{}', allow_http: true }}",
        server.endpoint()
    ));
    assert_error(&run, "auth");
}

#[test]
fn credentials_of_the_environment() {
    let server = server();
    server.put("backups", "a.gz", &gzip());
    let run = prepare(&format!(
        "s3: {{ bucket: backups, endpoint: '{}', allow_http: true }}\nexpect: {{ max_age: 1d }}",
        server.endpoint()
    ))
    .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    .run();
    assert_green(&run);
}

//! DSNs as people write them.

use super::dsn::*;

fn parse(text: &str) -> Dsn {
    Dsn::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn every_way_of_writing_the_same_target_gives_the_same_target() {
    for text in [
        "postgres://app:s%40cret@db:6432/shop",
        "postgresql://app:s%40cret@db:6432/shop",
        "postgresql+asyncpg://app:s%40cret@db:6432/shop",
        "postgresql+psycopg2://app:s%40cret@db:6432/shop",
        "postgresql:///shop?host=db&port=6432&user=app&password=s%40cret",
        "jdbc:postgresql://db:6432/shop?user=app&password=s%40cret",
        "host=db port=6432 user=app password=s@cret dbname=shop",
        "host = 'db' port=6432 user=app password='s@cret' dbname=shop",
    ] {
        let dsn = parse(text);
        assert_eq!(dsn.shown(), "db:6432/shop", "{text}");
        assert_eq!(dsn.user_shown(), "app", "{text}");
        assert_eq!(dsn.password.unwrap().expose(), "s@cret", "{text}");
    }
}

#[test]
fn hosts_sockets_and_addresses() {
    for (text, keys) in [
        ("postgres://u@h/d", vec!["h:5432"]),
        ("postgres://u@[::1]:5433/d", vec!["[::1]:5433"]),
        ("postgres://u@a:1,b:2/d", vec!["a:1", "b:2"]),
        ("host=a,b port=7", vec!["a:7", "b:7"]),
        (
            "postgres://u@%2Ftmp%2Fpg:5433/d",
            vec!["/tmp/pg/.s.PGSQL.5433"],
        ),
        ("postgres:///d?host=/tmp/pg", vec!["/tmp/pg/.s.PGSQL.5432"]),
        (
            "postgres://u@localhost/d?host=/tmp/pg",
            vec!["/tmp/pg/.s.PGSQL.5432"],
        ),
        ("hostaddr=10.0.0.1 dbname=d", vec!["10.0.0.1:5432"]),
    ] {
        assert_eq!(parse(text).keys(), keys, "{text}");
    }
}

#[test]
fn tls_words_of_every_driver() {
    for (query, mode) in [
        ("", SslMode::Prefer),
        ("?sslmode=disable", SslMode::Disable),
        ("?sslmode=allow", SslMode::Allow),
        ("?sslmode=require", SslMode::Require),
        ("?sslmode=verify-ca", SslMode::VerifyCa),
        ("?sslmode=verify-full", SslMode::VerifyFull),
        ("?ssl=true", SslMode::VerifyFull),
        ("?ssl=require", SslMode::Require),
        ("?ssl=false", SslMode::Disable),
        ("?sslmode=no-verify", SslMode::Require),
        ("?sslrootcert=system", SslMode::VerifyFull),
        ("?sslmode=require&sslrootcert=/ca.pem", SslMode::VerifyCa),
        ("?sslmode=require&sslaccept=strict", SslMode::VerifyFull),
        (
            "?sslmode=require&sslaccept=accept_invalid_certs",
            SslMode::Require,
        ),
    ] {
        assert_eq!(
            parse(&format!("postgres://u@h/d{query}")).ssl,
            mode,
            "{query}"
        );
    }
    assert!(Dsn::parse("postgres://u@h/d?sslmode=require&sslrootcert=system").is_err());
}

#[test]
fn prisma_and_session_words() {
    let dsn = parse(
        "postgresql://u@h/d?schema=app&pgbouncer=true&connection_limit=5&statement_timeout=3000&options=-c%20lock_timeout%3D1s%20-csearch_path%3Dapp2",
    );
    assert_eq!(dsn.search_path.as_deref(), Some("app2"));
    assert_eq!(dsn.connection_limit, Some(5));
    assert_eq!(dsn.setting("statement_timeout"), Some("3000"));
    assert_eq!(dsn.setting("lock_timeout"), Some("1s"));
}

#[test]
fn what_cannot_be_honoured_is_named_and_no_password_is_shown() {
    for (text, named) in [
        ("postgres://u@h/d?sslmod=require", "sslmod"),
        ("postgres://u@h/d?sslcrl=/crl", "sslcrl"),
        ("postgres://u@h/d?sslmode=strict", "sslmode"),
        ("postgres://u@h:54x/d", "port"),
        ("postgres://u:p4ss@wo rd@h/d", "%40"),
        ("postgres://u:p4ss/word@h/d", "%2F"),
        ("postgres://u:p4ss#word@h/d", "percent"),
        ("mysql://u:p4ssword@h/d", "postgres://"),
        ("host=h password='p4ssword", "quote"),
        ("", "empty"),
        ("p4ssword", "DSN"),
        ("postgres://u@h/d?sslkey=/k", "sslkey"),
    ] {
        let fault = Dsn::parse(text).expect_err(text);
        let shown = format!("{} {}", fault.message, fault.hint.unwrap_or_default());
        assert!(shown.contains(named), "{text}: {shown}");
        assert!(
            !shown.contains("p4ss") && !shown.contains("word@"),
            "{shown}"
        );
    }
}

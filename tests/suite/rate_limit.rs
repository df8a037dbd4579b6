//! The kind `rate_limit`: limiters that are right, and ones that are wrong in every known way.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::support::cli::{Readyctl, Run, audit};
use crate::support::dead::{ClosedPort, SilentPort, UNRESOLVABLE};
use crate::support::nginx::Nginx;
use crate::support::origin::{Origin, Request, Response};
use crate::support::verdicts::{assert_green, assert_red};

const PATH: &str = "/v1/items";
/// What the limiters of these tests let through.
const LIMIT: u32 = 10;

fn profile(url: &str, more: &str) -> String {
    let more: String = more
        .lines()
        .map(|line| format!("      {}\n", line.trim_start()))
        .collect();
    format!(
        "version: 1\nname: test\nchecks:\n  - id: limit\n    timeout: 20s\n    rate_limit:\n      url: {url}\n      limit: {LIMIT}\n{more}"
    )
}

/// One check of a URL, with more lines of its block.
fn check(url: &str, more: &str) -> Run {
    audit(&profile(url, more))
}

/// Counts requests in fixed windows, by whatever key a test likes.
struct Limiter {
    limit: u32,
    window: Duration,
    counts: Mutex<HashMap<String, (Instant, u32)>>,
}

impl Limiter {
    fn new() -> Self {
        Self::of(LIMIT, Duration::from_secs(60))
    }

    fn of(limit: u32, window: Duration) -> Self {
        Self {
            limit,
            window,
            counts: Mutex::default(),
        }
    }

    /// Requests left, this one counted; `None` when it must be refused.
    fn take(&self, key: &str) -> Option<u32> {
        let mut counts = self.counts.lock().unwrap();
        let (since, count) = counts.entry(key.to_owned()).or_insert((Instant::now(), 0));
        if since.elapsed() > self.window {
            (*since, *count) = (Instant::now(), 0);
        }
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(self.limit - *count)
    }

    /// Answers as a good limiter would.
    fn respond(&self, key: &str) -> Response {
        let reset = self.window.as_secs().to_string();
        match self.take(key) {
            Some(left) => Response::json(200, "[]")
                .header("RateLimit-Limit", &self.limit.to_string())
                .header("RateLimit-Remaining", &left.to_string())
                .header("RateLimit-Reset", &reset),
            None => refusal(&reset),
        }
    }
}

/// A refusal that says all it should.
fn refusal(wait: &str) -> Response {
    Response::json(429, "{\"error\": \"slow down\"}")
        .header("Retry-After", wait)
        .header("Cache-Control", "no-store")
}

/// Starts a server of a limiter that counts all requests together.
fn limited(respond: impl Fn(&Limiter, &Request) -> Response + Send + Sync + 'static) -> Origin {
    limited_by(Limiter::new(), respond)
}

fn limited_by(
    limiter: Limiter,
    respond: impl Fn(&Limiter, &Request) -> Response + Send + Sync + 'static,
) -> Origin {
    let origin = Origin::start();
    origin.fallback(move |request| respond(&limiter, request));
    origin
}

/// A limiter whose refusals are these.
fn refusing(refusal: impl Fn() -> Response + Send + Sync + 'static) -> Origin {
    limited(move |limiter, _| match limiter.take("") {
        Some(_) => Response::json(200, "[]"),
        None => refusal(),
    })
}

/// The good limiter.
fn good() -> Origin {
    limited(|limiter, _| limiter.respond(""))
}

/// Green against the good limiter, red with `code` against the other.
#[track_caller]
fn red(code: &str, more: &str, bad: &Origin) {
    let good = good();
    assert_green(&check(&good.url(PATH), more));
    assert_red(&check(&bad.url(PATH), more), "limit", code);
}

#[test]
fn rl_01_no_limit() {
    let open = Origin::start();
    open.fallback(|_| Response::json(200, "[]"));
    red("RL-01", "", &open);
    assert_eq!(
        open.hits(PATH),
        17,
        "1.2 times the limit plus 5, and not one more"
    );
    // Announced, and not enforced.
    let lying = Origin::start();
    lying.fallback(|_| {
        Response::json(200, "[]")
            .header("X-RateLimit-Limit", "10")
            .header("X-RateLimit-Remaining", "9")
    });
    red("RL-01", "", &lying);
}

#[test]
fn a_budget_alone_asks_for_any_refusal() {
    let ask = |origin: &Origin| {
        let url = origin.url(PATH);
        audit(&format!(
            "version: 1\nname: test\nchecks:\n  - id: limit\n    rate_limit: {{ url: \"{url}\", max_requests: 40 }}\n"
        ))
    };
    let announced = |body| Response::json(200, body).header("X-RateLimit-Limit", "1000");
    // A thousand a minute, ten at once: what is announced is no intention.
    let bucket = limited(move |limiter, _| match limiter.take("") {
        Some(_) => announced("[]"),
        None => refusal("1"),
    });
    assert_green(&ask(&bucket));
    let open = Origin::start();
    open.fallback(|_| Response::json(200, "[]"));
    assert_red(&ask(&open), "limit", "RL-01");
    // More is announced than was sent: no refusal says nothing.
    let far = Origin::start();
    far.fallback(move |_| announced("[]"));
    let run = ask(&far);
    assert_eq!(run.verdict("limit"), "error", "{run}");
    assert_eq!(run.codes("limit"), ["RL-54"]);
}

#[test]
fn rl_01_no_limit_far_away() {
    // What the window gives back during a slow burst must not hide that there is no limit.
    let open = Origin::start();
    open.fallback(|_| Response::json(200, "[]").delay(Duration::from_millis(80)));
    let run = audit(&profile(&open.url(PATH), "").replace("limit: 10", "limit: 60"));
    assert_red(&run, "limit", "RL-01");
    assert_eq!(open.hits(PATH), 77);
    let run = audit(&profile(&open.url(PATH), "").replace("limit: 10", "max_limit: 20"));
    assert_red(&run, "limit", "RL-01");
}

#[test]
fn a_token_bucket_refuses_when_it_is_empty() {
    // A bucket of 4 that 100 requests a minute refill.
    let bucket = Origin::start();
    let limiter = Limiter::of(4, Duration::from_secs(60));
    bucket.route(PATH, move |_| match limiter.take("all") {
        Some(_) => Response::json(200, "[]"),
        None => refusal("1"),
    });
    let audit_of = |url: &str, more: &str| {
        audit(&format!(
            "version: 1\nname: t\nchecks:\n  - id: limit\n    timeout: 20s\n    rate_limit: {{ url: \"{url}\", limit: 100, {more} }}\n"
        ))
    };
    let fresh = || {
        let limiter = Limiter::of(4, Duration::from_secs(60));
        bucket.route(PATH, move |_| match limiter.take("all") {
            Some(_) => Response::json(200, "[]"),
            None => refusal("1"),
        });
    };
    assert_green(&audit_of(&bucket.url(PATH), "burst: 5"));
    fresh();
    for more in ["window: 1m", "burst: 20"] {
        fresh();
        let run = audit_of(&bucket.url(PATH), more);
        assert_eq!(run.verdict("limit"), "warn", "{run}");
        assert!(run.codes("limit").contains(&"RL-51".to_owned()), "{run}");
    }
    // A bucket on top of the limit lets both through, and no more.
    let both = |through: u32| {
        let limiter = Limiter::of(through, Duration::from_secs(60));
        bucket.route(PATH, move |_| match limiter.take("all") {
            Some(_) => Response::json(200, "[]"),
            None => refusal("1"),
        });
    };
    both(150);
    assert_green(&audit_of(&bucket.url(PATH), "burst: 50, max_requests: 400"));
    both(300);
    let run = audit_of(&bucket.url(PATH), "burst: 50, max_requests: 400");
    assert!(matches!(run.verdict("limit").as_str(), "fail"), "{run}");
}

#[test]
fn the_burst_stops_at_the_first_refusal() {
    let good = good();
    assert_green(&check(&good.url(PATH), "concurrency: 1"));
    assert_eq!(good.hits(PATH), 11);
    let forwarded = [
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "cf-connecting-ip",
    ];
    for request in good.requests() {
        assert!(forwarded.iter().all(|name| request.header(name).is_none()));
    }
}

#[test]
fn rl_02_far_above() {
    let replicas = refusing(|| refusal("60"));
    assert_green(&check(&replicas.url(PATH), "max_requests: 60"));
    let limiter = Limiter::of(4 * LIMIT, Duration::from_secs(60));
    let replicas = limited_by(limiter, |limiter, _| match limiter.take("") {
        Some(_) => Response::json(200, "[]"),
        None => refusal("60"),
    });
    red("RL-02", "max_requests: 60", &replicas);
}

#[test]
fn rl_03_wrong_status() {
    red(
        "RL-03",
        "",
        &refusing(|| Response::json(503, "{}").header("Retry-After", "1")),
    );
    red("RL-03", "", &refusing(|| Response::json(403, "{}")));
    red(
        "RL-03",
        "",
        &refusing(|| Response::json(200, "{\"error\": \"rate limit exceeded\"}")),
    );
}

/// nginx in front of an application, limiting to ten requests.
fn nginx(directives: &str) -> (Nginx, Origin) {
    let app = Origin::start();
    app.fallback(|_| Response::json(200, "[]"));
    let nginx = Nginx::builder()
        .http("limit_req_zone $binary_remote_addr zone=z:1m rate=1r/m;")
        .proxy(
            &app.url(""),
            &format!("limit_req zone=z burst=9 nodelay; {directives}"),
        )
        .start();
    (nginx, app)
}

#[test]
fn rl_03_nginx_default_status() {
    let (nginx_503, _app) = nginx("");
    let run = check(&nginx_503.url(PATH), "retry_after: optional");
    assert_red(&run, "limit", "RL-03");
    // With the right status all that is left is advice on the body.
    let (nginx_429, _app) = nginx("limit_req_status 429;");
    let run = check(&nginx_429.url(PATH), "retry_after: optional");
    assert_eq!(run.codes("limit"), ["RL-17"], "{run}");
    run.assert_exit(0);
    // The profile may know that its limiter answers 503.
    let (nginx_503, _app) = nginx("");
    let run = check(
        &nginx_503.url(PATH),
        "retry_after: optional\nexpect_status: 503",
    );
    run.assert_exit(0);
}

#[test]
fn rl_04_no_retry_after() {
    let (without, _app) = nginx("limit_req_status 429;");
    let run = check(&without.url(PATH), "retry_after: required");
    assert_eq!(run.verdict("limit"), "fail", "{run}");
    assert!(run.codes("limit").contains(&"RL-04".to_owned()), "{run}");
    let (with, _app) = nginx("limit_req_status 429; add_header Retry-After 60 always;");
    let run = check(&with.url(PATH), "retry_after: required");
    assert_eq!(run.codes("limit"), ["RL-17"], "{run}");
    red(
        "RL-04",
        "retry_after: required",
        &refusing(|| Response::json(429, "{\"error\": \"slow down\"}")),
    );
}

#[test]
fn rl_05_senseless_retry_after() {
    for value in ["soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "864000"] {
        red("RL-05", "", &refusing(move || refusal(value)));
    }
}

#[test]
fn rl_06_earlier_than_the_reset() {
    red(
        "RL-06",
        "",
        &refusing(|| refusal("2").header("RateLimit", "\"default\";r=0;t=50")),
    );
}

#[test]
fn rl_07_no_recovery() {
    let more = "recovery: true\nwindow: 2s\nmax_recovery_wait: 10s";
    let window = Duration::from_secs(2);
    let healthy = limited_by(Limiter::of(LIMIT, window), |limiter, _| limiter.respond(""));
    assert_green(&check(&healthy.url(PATH), more));
    let never = limited(|limiter, _| match limiter.take("") {
        Some(_) => Response::json(200, "[]"),
        None => refusal("1"),
    });
    assert_red(&check(&never.url(PATH), more), "limit", "RL-07");
    // A wait that is too long is not waited for, and nothing is said to be well.
    let good = good();
    let run = check(&good.url(PATH), "recovery: true\nmax_recovery_wait: 5s");
    assert_eq!(run.verdict("limit"), "error", "{run}");
    assert_eq!(run.codes("limit"), ["RL-07"], "{run}");
}

#[test]
fn rl_08_forged_addresses() {
    for name in [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "CF-Connecting-IP",
    ] {
        let trusting = limited(move |limiter, request| {
            limiter.respond(request.header(name).unwrap_or_default())
        });
        red("RL-08", "bypass: true", &trusting);
    }
}

#[test]
fn rl_09_spellings() {
    let by_path = limited(|limiter, request| limiter.respond(&request.path));
    red("RL-09", "variations: true", &by_path);
    let by_query = limited(|limiter, request| limiter.respond(&request.query));
    red("RL-09", "variations: true", &by_query);
}

#[test]
fn rl_11_shared_counter() {
    let more =
        "headers: { X-Api-Key: first-caller }\nsecond_identity: { X-Api-Key: second-caller }";
    let by_key = limited(|limiter, request| limiter.respond(request.header("x-api-key").unwrap()));
    assert_green(&check(&by_key.url(PATH), more));
    assert_red(&check(&good().url(PATH), more), "limit", "RL-11");
}

#[test]
fn rl_12_login_without_limit() {
    let more =
        "method: POST\nbody: '{\"user\": \"nobody\"}'\naccept_status: [401]\nsensitive: true";
    let login = |limiter: &Limiter, _: &Request| match limiter.take("") {
        Some(_) => Response::json(401, "{}"),
        None => refusal("60"),
    };
    assert_green(&check(&limited(login).url("/login"), more));
    let open = Origin::start();
    open.fallback(|request| {
        assert_eq!(request.method, "POST");
        Response::json(401, "{}")
    });
    assert_red(&check(&open.url("/login"), more), "limit", "RL-12");
}

#[test]
fn rl_13_senseless_remainder() {
    let announcing = |left: fn(u32) -> i64| {
        limited(move |limiter, _| match limiter.take("") {
            Some(n) => Response::json(200, "[]")
                .header("X-RateLimit-Limit", "10")
                .header("X-RateLimit-Remaining", &left(n).to_string()),
            None => refusal("60"),
        })
    };
    for left in [|_| 9, |n| i64::from(n) - 5, |n| i64::from(n) + 5] {
        red("RL-13", "", &announcing(left));
    }
}

#[test]
fn rl_14_contradictions() {
    let two = limited(|limiter, _| limiter.respond("").header("X-RateLimit-Limit", "100"));
    red("RL-14", "", &two);
    let policy = limited(|limiter, _| {
        limiter
            .respond("")
            .header("RateLimit-Policy", "\"a\";q=99;w=60")
    });
    red("RL-14", "", &policy);
}

#[test]
fn rl_15_cacheable_refusal() {
    let wrong = || Response::json(429, "{}").header("Retry-After", "60");
    red(
        "RL-15",
        "",
        &refusing(move || wrong().header("Cache-Control", "public, max-age=60")),
    );
    red("RL-15", "", &refusing(move || wrong().header("Age", "12")));
}

#[test]
fn rl_16_refusal_without_cors() {
    let more = "origin: https://app.example.com";
    let with = limited(|limiter, _| {
        limiter
            .respond("")
            .header("Access-Control-Allow-Origin", "https://app.example.com")
    });
    assert_green(&check(&with.url(PATH), more));
    assert_red(&check(&good().url(PATH), more), "limit", "RL-16");
}

#[test]
fn rl_17_refusal_that_explains_nothing() {
    for (kind, body) in [
        ("text/html", "<html><h1>429</h1></html>"),
        ("application/json", ""),
    ] {
        let bad = refusing(move || {
            Response::status(429)
                .header("Content-Type", kind)
                .header("Retry-After", "60")
                .body(body)
        });
        red("RL-17", "explain: true", &bad);
    }
}

#[test]
fn rl_18_health_limited_too() {
    let more = "exempt: [/health, /metrics]";
    let exempting = limited(|limiter, request| {
        if request.path == PATH {
            limiter.respond("")
        } else {
            Response::json(200, "{}")
        }
    });
    assert_green(&check(&exempting.url(PATH), more));
    assert_red(&check(&good().url(PATH), more), "limit", "RL-18");
}

#[test]
fn rl_21_refused_after_the_work() {
    let slow = |after: bool| {
        limited(move |limiter, _| {
            let response = limiter.respond("");
            let works = after || limiter.counts.lock().unwrap()[""].1 < LIMIT;
            response.delay(Duration::from_millis(if works { 250 } else { 0 }))
        })
    };
    let run = check(&slow(true).url(PATH), "");
    assert_eq!(run.codes("limit"), ["RL-21"], "{run}");
    assert_eq!(run.verdict("limit"), "warn", "{run}");
    let run = check(&slow(false).url(PATH), "concurrency: 1");
    assert_green(&run);
}

#[test]
fn rl_51_below_the_intended() {
    let tight = limited_by(Limiter::of(4, Duration::from_secs(60)), |limiter, _| {
        limiter.respond("")
    });
    red("RL-51", "min_limit: 8", &tight);
    // Used up before: nothing can be measured.
    let empty = limited_by(Limiter::of(0, Duration::from_secs(60)), |limiter, _| {
        limiter.respond("")
    });
    let run = check(&empty.url(PATH), "");
    assert_eq!(run.verdict("limit"), "error", "{run}");
}

#[test]
fn an_allowance_used_up_before_is_waited_for() {
    let window = Duration::from_secs(2);
    let origin = limited_by(Limiter::of(LIMIT, window), |limiter, _| limiter.respond(""));
    let both = profile(&origin.url(PATH), "window: 2s")
        + &profile(&origin.url(PATH), "window: 2s")
            .split_once("checks:\n")
            .unwrap()
            .1
            .replace("id: limit", "id: limit-again");
    assert_green(&audit(&both));
}

#[test]
fn rl_52_distress_ends_the_burst() {
    let failing = refusing(|| Response::text(500, "out of memory"));
    red("RL-52", "", &failing);
    assert!(failing.hits(PATH) <= 14, "{}", failing.hits(PATH));
    let closing = refusing(Response::close);
    red("RL-52", "", &closing);
    let slowing = refusing(|| Response::json(200, "[]").delay(Duration::from_secs(2)));
    red("RL-52", "", &slowing);
    // An overloaded upstream is not a limiter.
    let overloaded = refusing(|| Response::text(503, "no healthy upstream"));
    red("RL-52", "", &overloaded);
    let run = check(
        &refusing(|| Response::text(503, "no healthy upstream")).url(PATH),
        "",
    );
    run.assert_exit(3);
}

#[test]
fn rl_53_challenge_is_no_limiter() {
    for status in [403, 429, 503] {
        let firewall = refusing(move || {
            Response::text(status, "<title>Just a moment...</title>")
                .header("cf-mitigated", "challenge")
                .header("Server", "cloudflare")
        });
        red("RL-53", "", &firewall);
    }
}

#[test]
fn rl_54_budget_too_small_to_tell() {
    let good = refusing(|| refusal("60"));
    let run = check(&good.url(PATH), "max_requests: 8");
    assert_red(&run, "limit", "RL-54");
    run.assert_exit(3);
    assert_eq!(good.hits(PATH), 8);
    let message = run.check("limit")["message"].to_string();
    assert!(
        message.contains("17"),
        "says how many are needed: {message}"
    );
    // A cache that answers hides the limiter.
    let cached = Origin::start();
    cached.fallback(|_| Response::json(200, "[]").header("Age", "30"));
    assert_red(&check(&cached.url(PATH), ""), "limit", "RL-54");
}

#[test]
fn a_longer_window_may_let_more_through_at_once() {
    // 40 in ten minutes are fewer than 10 a minute, and 17 requests say nothing about them.
    let slow = || {
        limited_by(Limiter::of(40, Duration::from_secs(600)), |l, _| {
            l.respond("").header("RateLimit-Policy", "40;w=600")
        })
    };
    let run = check(&slow().url(PATH), "");
    assert_red(&run, "limit", "RL-54");
    run.assert_exit(3);
    let message = run.check("limit")["message"].to_string();
    assert!(message.contains("raise `max_requests:`"), "{message}");
    let far = slow();
    let declared = "limit: 40\nwindow: 10m\nmax_requests: 60";
    let yaml =
        profile(&far.url(PATH), declared).replacen(&format!("      limit: {LIMIT}\n"), "", 1);
    assert_green(&audit(&yaml));
}

#[test]
fn passive_reads_three_requests() {
    let passive = |url: &str| {
        Readyctl::new()
            .args(["audit", "--format", "json", "--no-progress"])
            .profile(&profile(url, "mode: passive"))
            .run()
    };
    let good = good();
    assert_green(&passive(&good.url(PATH)));
    assert_eq!(good.hits(PATH), 3);
    let wide = limited_by(Limiter::of(500, Duration::from_secs(60)), |l, _| {
        l.respond("")
    });
    assert_red(&passive(&wide.url(PATH)), "limit", "RL-02");
    let silent = Origin::start();
    silent.fallback(|_| Response::json(200, "[]"));
    assert_red(&passive(&silent.url(PATH)), "limit", "RL-54");
}

#[test]
fn a_burst_needs_permission() {
    let origin = Origin::start();
    origin.may_be_unused();
    let run = Readyctl::new()
        .args(["audit", "--format", "json", "--no-progress"])
        .profile(&profile(&origin.url(PATH), ""))
        .run();
    assert_ne!(run.verdict("limit"), "pass", "{run}");
    assert_eq!(origin.hits(PATH), 0);
}

#[test]
fn refused_before_the_limiter_is_an_error() {
    let locked = Origin::start();
    locked.fallback(|_| Response::json(401, "{}"));
    let run = check(&locked.url(PATH), "");
    let fault = run.check("limit")["fault"].clone();
    assert_eq!(fault["cause"], "auth", "{run}");
    assert!(
        fault["message"].to_string().contains("before the limiter"),
        "{run}"
    );
    assert_eq!(locked.hits(PATH), 1);
    run.assert_exit(3);
}

#[test]
fn a_target_that_does_not_answer_is_an_error() {
    let closed = ClosedPort::new();
    let silent = SilentPort::new();
    for (url, cause) in [
        (
            format!("http://127.0.0.1:{}{PATH}", closed.port()),
            "refused",
        ),
        (format!("http://{UNRESOLVABLE}{PATH}"), "dns"),
        (
            format!("http://127.0.0.1:{}{PATH}", silent.port()),
            "timeout",
        ),
    ] {
        let run = audit(&format!(
            "version: 1\nname: test\nchecks:\n  - id: limit\n    timeout: 1s\n    rate_limit: {{ url: '{url}', limit: 5 }}\n"
        ));
        let check = run.check("limit");
        assert_eq!(check["verdict"], "error", "{run}");
        assert_eq!(check["fault"]["cause"], cause, "{run}");
        assert!(check["fault"]["hint"].is_string(), "{run}");
        assert!(run.duration < Duration::from_secs(10), "{:?}", run.duration);
    }
}

#[test]
fn credentials_are_never_shown() {
    let canary = "canary-7Qd2x9";
    let echoing = limited(|limiter, request| match request.header("authorization") {
        Some(sent) if limiter.take("").is_none() => {
            refusal("60").body(format!("{{\"you\": \"{sent}\"}}"))
        }
        Some(_) => Response::json(200, "[]"),
        None => Response::json(401, "{}"),
    });
    let more = format!("auth: 'Bearer {canary}'\nheaders: {{ X-Trace: '{canary}' }}");
    let run = check(&echoing.url(PATH), &more);
    assert_eq!(run.verdict("limit"), "pass", "{run}");
    assert!(
        !run.stdout.contains(canary) && !run.stderr.contains(canary),
        "{run}"
    );
}

/// The pack as a profile uses it.
fn pack(origin: &Origin) -> Run {
    audit(&format!(
        "version: 1\nname: test\npacks:\n  - use: rate-limits\n    with: {{ url: '{}', limit: {LIMIT}, login_url: '{}', login_limit: 5 }}\n",
        origin.url(PATH),
        origin.url("/login"),
    ))
}

#[test]
fn the_pack_tells_good_limits_from_bad_ones() {
    let logins = Limiter::of(5, Duration::from_secs(60));
    let healthy = limited(move |limiter, request| match request.path.as_str() {
        PATH => limiter.respond(""),
        "/login" => match logins.take("") {
            Some(_) => Response::json(401, "{}"),
            None => refusal("60"),
        },
        _ => Response::json(200, "{}"),
    });
    assert_green(&pack(&healthy));
    let open = Origin::start();
    open.fallback(|_| Response::json(200, "[]"));
    let run = pack(&open);
    assert_eq!(run.codes("rate-limit-enforced"), ["RL-01"], "{run}");
    assert_eq!(run.codes("rate-limit-login"), ["RL-12"], "{run}");
    run.assert_exit(1);
}

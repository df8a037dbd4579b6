//! Fly.io apps.

use super::{assert_change, look};
use crate::support::verdicts::assert_green;

const SECTION: &str = "fly:
  files: [fly.api.toml, fly.staging.toml]
  check_paths: [/health/live, /health/ready]
  min_machines_running: 1
  auto_stop: 'off'";

const API: &str = "app = 'api'
[env]
LOG_LEVEL = 'info'
[http_service]
internal_port = 3000
force_https = true
auto_stop_machines = 'off'
min_machines_running = 1
[[http_service.checks]]
path = '/health/live'
[[http_service.checks]]
path = '/health/ready'
";

const STAGING: &str = "app = 'api-staging'
[[services]]
internal_port = 3000
auto_stop_machines = false
min_machines_running = 2
[[services.ports]]
port = 80
handlers = ['http']
force_https = true
[[services.ports]]
port = 443
handlers = ['tls', 'http']
[[services.http_checks]]
path = '/health/live'
[[services.http_checks]]
path = '/health/ready'
";

const FILES: &[(&str, &str)] = &[("fly.api.toml", API), ("fly.staging.toml", STAGING)];

#[test]
fn fly_apps_for_production_are_green() {
    assert_green(&look(SECTION, FILES));
}

#[test]
fn fly_51_to_56() {
    for (file, from, to, code) in [
        (
            "fly.api.toml",
            "'/health/ready'",
            "'/health/live'",
            "FLY-51",
        ),
        (
            "fly.staging.toml",
            "'/health/ready'",
            "'/health/ping'",
            "FLY-51",
        ),
        (
            "fly.api.toml",
            "min_machines_running = 1",
            "min_machines_running = 0",
            "FLY-52",
        ),
        ("fly.api.toml", "min_machines_running = 1\n", "", "FLY-52"),
        (
            "fly.api.toml",
            "auto_stop_machines = 'off'",
            "auto_stop_machines = 'suspend'",
            "FLY-53",
        ),
        (
            "fly.staging.toml",
            "auto_stop_machines = false",
            "auto_stop_machines = true",
            "FLY-53",
        ),
        ("fly.api.toml", "force_https = true\n", "", "FLY-54"),
        ("fly.staging.toml", "force_https = true\n", "", "FLY-54"),
        (
            "fly.staging.toml",
            "app = 'api-staging'",
            "app = 'api'",
            "FLY-55",
        ),
        ("fly.staging.toml", "app = 'api-staging'\n", "", "FLY-55"),
        (
            "fly.api.toml",
            "LOG_LEVEL = 'info'",
            "JWT_SECRET = 'Zk4pQ9vXw2Lm7c'",
            "FLY-56",
        ),
    ] {
        assert_change(SECTION, FILES, (file, from, to), code);
    }
}

#[test]
fn fly_what_cannot_be_read_is_an_error() {
    for (text, words) in [
        ("app = ", "fly.toml:1"),
        ("", "no `app`"),
        ("[package]\nname = 'x'\n", "no `app`"),
    ] {
        let run = look("fly: { files: [fly.toml] }", &[("fly.toml", text)]);
        assert_eq!(run.verdict("it"), "error", "{text}\n{run}");
        assert!(run.stdout.contains(words), "{run}");
    }
}

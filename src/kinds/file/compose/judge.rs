//! What is good and bad in a Compose model.

use super::super::image::{is_store, precision};
use super::super::manifests::{counted, pass_unless};
use super::super::serving::Workers;
use super::Compose;
use super::facts::{Facts, Port, Service};
use crate::outcome::Finding;

/// Judges the model.
pub(super) fn judge(spec: &Compose, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let judged: Vec<&Service> = facts
        .services
        .iter()
        .filter(|service| spec.services.is_empty() || spec.services.contains(&service.name))
        .filter(|service| !spec.built || service.dockerfile.is_some())
        .collect();
    for service in &judged {
        content(spec, facts, service, &mut findings);
        operation(spec, facts, service, &mut findings);
    }
    required(spec, facts, &mut findings);
    migrations(spec, facts, &mut findings);
    findings.extend(unbuilt(spec, facts, &judged));
    unknown_servers(spec, facts, &judged, &mut findings);
    let seen = counted(judged.len(), "service");
    for (asked, code, subject, expected) in [
        (
            !spec.source_mounts,
            "COMPOSE-51",
            "mounts",
            "no source code from the host",
        ),
        (true, "COMPOSE-52", "ports", "databases on loopback only"),
        (true, "COMPOSE-53", "images", spec.pinned.words()),
        (
            spec.healthcheck,
            "COMPOSE-54",
            "health checks",
            "one a service",
        ),
        (
            spec.restart,
            "COMPOSE-55",
            "restart policies",
            "one a service",
        ),
        (
            spec.limits,
            "COMPOSE-56",
            "limits",
            "CPU and memory of each service",
        ),
        (
            spec.reservations,
            "COMPOSE-64",
            "reservations",
            "CPU or memory of each service",
        ),
        (
            spec.healthcheck_asks.is_some(),
            "COMPOSE-63",
            "what health checks ask",
            "as expected",
        ),
        (true, "COMPOSE-57", "secrets", "none written down"),
        (true, "COMPOSE-58", "commands", "none of development"),
        (
            true,
            "COMPOSE-59",
            "Dockerfiles",
            "those that are named exist",
        ),
        (
            spec.min_workers.is_some(),
            "COMPOSE-61",
            "workers",
            "enough",
        ),
    ] {
        if asked && !judged.is_empty() {
            pass_unless(
                &mut findings,
                &[code],
                subject,
                expected,
                format!("{seen} checked"),
            );
        }
    }
    findings
}

/// Where only services that are built here are judged, there must be one.
fn unbuilt(spec: &Compose, facts: &Facts, judged: &[&Service]) -> Option<Finding> {
    (spec.built && judged.is_empty()).then(|| {
        Finding::fail(
            "COMPOSE-53",
            &facts.files,
            "a service that is built here",
            "none",
            "no service has a `build` with a Dockerfile of this repository, so that none can be judged",
        )
        .as_unknown()
    })
}

/// What a finding is about.
fn subject(facts: &Facts, service: &Service) -> String {
    format!("{} service {}", facts.files, service.name)
}

/// What is in the container.
fn content(spec: &Compose, facts: &Facts, service: &Service, findings: &mut Vec<Finding>) {
    let about = subject(facts, service);
    let name = &service.name;
    for mount in service
        .mounts
        .iter()
        .filter(|mount| mount.code && !spec.source_mounts)
    {
        findings.push(Finding::fail(
            "COMPOSE-51",
            &about,
            "no source code mounted from the host",
            format!("{}:{}", mount.source, mount.target),
            format!("`{name}` runs what lies in `{}` on the host, not what was built and tested; a later file removes a mount only with `volumes: !reset []` or `!override`", mount.source),
        ));
    }
    match (&service.image, &service.dockerfile) {
        (Some(image), None) if !spec.pinned.fits(precision(image)) => {
            findings.push(Finding::fail(
                "COMPOSE-53",
                &about,
                spec.pinned.words(),
                image,
                format!("the next pull may give `{name}` another image than the tested one"),
            ));
        }
        (None, None) if service.command.is_empty() => findings.push(
            Finding::fail(
                "COMPOSE-53",
                &about,
                "`image` or `build`",
                "a build that only the deployment knows, or none",
                format!("it cannot be seen what `{name}` runs"),
            )
            .as_unknown(),
        ),
        (_, Some((path, false))) => findings.push(Finding::fail(
            "COMPOSE-59",
            &about,
            format!("{path} exists"),
            "missing",
            format!("`{name}` cannot be built: there is no {path}"),
        )),
        _ => {}
    }
    for (variable, sort) in &service.secrets {
        findings.push(Finding::fail(
            "COMPOSE-57",
            format!("{about}: {variable}"),
            "a reference: `${NAME:?}`, a secret or an env file",
            sort.clone(),
            format!("{variable} of `{name}` holds {sort}: everybody with the repository has it"),
        ));
    }
    if let Some(part) = &service.development {
        findings.push(Finding::fail(
            "COMPOSE-58",
            &about,
            "a command of production",
            part,
            format!("`{name}` runs with `{part}`, which is for developers"),
        ));
    }
}

/// How it runs.
fn operation(spec: &Compose, facts: &Facts, service: &Service, findings: &mut Vec<Finding>) {
    let about = subject(facts, service);
    let name = &service.name;
    let awaited = facts.services.iter().any(|other| {
        other
            .waits_for
            .iter()
            .any(|(on, condition)| on == name && condition == "service_completed_successfully")
    });
    let migrates = spec
        .migrations
        .as_ref()
        .is_some_and(|pattern| pattern.0.is_match(&service.command));
    let ends = awaited || migrates;
    ports(spec, service, &about, findings);
    if spec.healthcheck && !ends && !service.healthcheck {
        findings.push(Finding::fail(
            "COMPOSE-54",
            &about,
            "a health check",
            "none",
            format!(
                "nobody notices when `{name}` hangs, and nothing can wait for it to be healthy"
            ),
        ));
    }
    if service.workers.is_some() && !ends {
        findings.extend(asks(spec, service, &about));
    }
    if spec.reservations && service.reserved.is_none() {
        findings.push(Finding::fail(
            "COMPOSE-64",
            &about,
            "a reservation of CPU or memory",
            "none",
            format!("`{name}` starts on a host that has no room for it"),
        ));
    }
    if spec.restart && !ends && service.restart.is_none() {
        findings.push(Finding::fail(
            "COMPOSE-55",
            &about,
            "a restart policy",
            "none",
            format!("`{name}` stays down after a crash or a restart of the host"),
        ));
    }
    if spec.limits {
        let (cpu, memory) = &service.limits;
        let missing: Vec<&str> = [("CPU", cpu), ("memory", memory)]
            .into_iter()
            .filter(|(_, limit)| limit.is_none())
            .map(|(what, _)| what)
            .collect();
        if !missing.is_empty() {
            findings.push(Finding::fail(
                "COMPOSE-56",
                &about,
                "limits of CPU and memory",
                format!("no limit of {}", missing.join(" and ")),
                format!("`{name}` can take all of the host from the other services"),
            ));
        }
    }
    if let (Some(least), Some(workers)) = (spec.min_workers, &service.workers) {
        findings.extend(too_few(least, workers, service, &about));
    }
}

/// Judges what the health check of a server asks.
fn asks(spec: &Compose, service: &Service, about: &str) -> Option<Finding> {
    let pattern = spec.healthcheck_asks.as_ref()?;
    let name = &service.name;
    let (actual, message) = if !service.healthcheck {
        (
            "no health check".to_owned(),
            format!("nothing asks `{name}` whether it can serve"),
        )
    } else if pattern.0.is_match(&service.health_command) {
        return None;
    } else {
        (
            service.health_command.clone(),
            format!("the health check of `{name}` does not ask what tells whether it can serve"),
        )
    };
    // A program of one's own asks whatever it asks.
    let hidden = service.healthcheck
        && !["http", "localhost", "127.0.0.1", "0.0.0.0", "::1"]
            .iter()
            .any(|address| service.health_command.contains(address));
    let finding = Finding::fail(
        "COMPOSE-63",
        about,
        format!("a health check with {}", pattern.0.as_str()),
        actual,
        message,
    );
    Some(if hidden {
        finding.as_unknown()
    } else {
        finding
    })
}

/// What is expected of servers can be said only when one is recognised.
fn unknown_servers(
    spec: &Compose,
    facts: &Facts,
    judged: &[&Service],
    findings: &mut Vec<Finding>,
) {
    if judged.is_empty() || judged.iter().any(|service| service.workers.is_some()) {
        return;
    }
    let expectations = [
        (
            spec.min_workers
                .map(|least| format!("at least {least} workers")),
            "COMPOSE-61",
        ),
        (
            spec.healthcheck_asks
                .as_ref()
                .map(|pattern| format!("a health check with {}", pattern.0.as_str())),
            "COMPOSE-63",
        ),
    ];
    for (expected, code) in expectations {
        if let Some(expected) = expected {
            findings.push(
                Finding::fail(
                    code,
                    &facts.files,
                    expected,
                    "no command with uvicorn, gunicorn, …",
                    "no service is known to be a server that starts workers",
                )
                .as_unknown(),
            );
        }
    }
}

/// Judges the number of workers.
fn too_few(least: u64, workers: &Workers, service: &Service, about: &str) -> Option<Finding> {
    let count = match workers {
        Workers::Count(count) => *count,
        Workers::Unset => 1,
        Workers::Dynamic(what) => {
            return Some(
                Finding::fail(
                    "COMPOSE-61",
                    about,
                    format!("at least {least} workers"),
                    what,
                    "the number of workers is known only where it runs: give the variable a default",
                )
                .as_unknown(),
            );
        }
    };
    let all = count.saturating_mul(service.replicas);
    (all < least).then(|| {
        Finding::fail(
            "COMPOSE-61",
            about,
            format!("at least {least} workers"),
            format!("{all}"),
            format!("one slow request of `{}` holds up the others", service.name),
        )
    })
}

/// Judges published ports.
fn ports(spec: &Compose, service: &Service, about: &str, findings: &mut Vec<Finding>) {
    let store = service.image.as_deref().is_some_and(is_store);
    let allowed = match &spec.published {
        Some(names) => names.contains(&service.name),
        None => !store,
    };
    for port in service
        .ports
        .iter()
        .filter(|port| !allowed && !is_loopback(port))
    {
        let unknown = port.address.contains('$');
        let finding = Finding::fail(
            "COMPOSE-52",
            about,
            "not published, or bound to 127.0.0.1",
            format!(
                "{}:{} to {}",
                if port.address.is_empty() {
                    "every address"
                } else {
                    &port.address
                },
                if port.published.is_empty() {
                    "a free port"
                } else {
                    &port.published
                },
                port.target
            ),
            format!(
                "port {} of `{}` is open to everybody who reaches the host; Docker's rules come before the firewall's",
                port.target, service.name
            ),
        );
        findings.push(if unknown {
            finding.as_unknown()
        } else {
            finding
        });
    }
}

/// Whether only the host itself reaches the port.
fn is_loopback(port: &Port) -> bool {
    port.address.starts_with("127.") || matches!(port.address.as_str(), "::1" | "localhost")
}

/// Judges variables that must be required.
fn required(spec: &Compose, facts: &Facts, findings: &mut Vec<Finding>) {
    for name in &spec.required {
        let subject = format!("{} variable {name}", facts.files);
        findings.push(match facts.variables.get(name) {
            Some(true) => Finding::pass(subject, format!("${{{name}:?…}}"), "required"),
            found => Finding::fail(
                "COMPOSE-60",
                subject,
                format!("every use is `${{{name}:?why}}`"),
                match found {
                    Some(_) => "used without `:?`",
                    None => "not used",
                },
                format!("without {name} the services start with nothing or a default instead of not at all"),
            ),
        });
    }
}

/// Judges the service that migrates the database.
fn migrations(spec: &Compose, facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(pattern) = &spec.migrations else {
        return;
    };
    let about = format!("{} migrations", facts.files);
    let expected = "a service of their own that another one waits for";
    let found: Vec<&Service> = facts
        .services
        .iter()
        .filter(|service| pattern.0.is_match(&service.command))
        .collect();
    let awaited = found.iter().find(|service| {
        facts.services.iter().any(|other| {
            other.waits_for.iter().any(|(on, condition)| {
                *on == service.name && condition == "service_completed_successfully"
            })
        })
    });
    findings.push(match (awaited, found.first()) {
        (Some(service), _) => Finding::pass(about, expected, format!("service {}", service.name)),
        (None, Some(service)) => Finding::fail(
            "COMPOSE-62",
            about,
            expected,
            format!("service {}, which nobody waits for", service.name),
            "the API starts while the database is being migrated: `depends_on` with `condition: service_completed_successfully`",
        ),
        (None, None) => Finding::fail(
            "COMPOSE-62",
            about,
            expected,
            format!("no service runs {}", pattern.0.as_str()),
            "no service migrates the database before the API starts",
        ),
    });
}

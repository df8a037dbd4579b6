//! What is good and bad in a Dockerfile.

use super::super::image::precision;
use super::super::manifests::{counted, pass_unless};
use super::super::serving::Workers;
use super::{Dockerfile, Facts, Image};
use crate::outcome::Finding;

/// Judges every Dockerfile.
pub(super) fn judge(spec: &Dockerfile, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for image in &facts.files {
        build(spec, image, &mut findings);
        run(spec, image, &mut findings);
    }
    let seen = counted(facts.files.len(), "Dockerfile");
    for (asked, code, subject, expected) in [
        (true, "IMG-51", "base images", spec.pinned.words()),
        (spec.non_root, "IMG-52", "users", "another user than root"),
        (spec.healthcheck, "IMG-53", "health checks", "one an image"),
        (true, "IMG-54", "commands", "none of development"),
        (spec.min_workers.is_some(), "IMG-55", "workers", "enough"),
        (true, "IMG-56", "secrets", "none in ENV, ARG and RUN"),
        (true, "IMG-57", "sources of COPY", "all exist"),
        (true, "IMG-58", ".env files", "none copied"),
    ] {
        if asked {
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

/// How it is built.
fn build(spec: &Dockerfile, image: &Image, findings: &mut Vec<Finding>) {
    let path = &image.path;
    for (line, base) in &image.bases {
        if base.contains('$') {
            findings.push(
                Finding::fail(
                    "IMG-51",
                    format!("{path}:{line} FROM"),
                    spec.pinned.words(),
                    base,
                    "the base image is a build argument without default: give it one",
                )
                .as_unknown(),
            );
        } else if !spec.pinned.fits(precision(base)) {
            findings.push(Finding::fail(
                "IMG-51",
                format!("{path}:{line} FROM"),
                spec.pinned.words(),
                base,
                format!("the next build may begin with another {base}"),
            ));
        }
    }
    for (line, name, sort) in &image.secrets {
        findings.push(Finding::fail(
            "IMG-56",
            format!("{path}:{line} {name}"),
            "no secret in the image",
            sort,
            format!("{name} holds {sort}; everybody who can pull the image can read it"),
        ));
    }
    for (line, source) in &image.missing {
        findings.push(Finding::fail(
            "IMG-57",
            format!("{path}:{line} COPY"),
            format!("{source} exists in the build context"),
            "missing, ignored or outside of it",
            format!("the image cannot be built: there is no {source} in the build context"),
        ));
    }
    for (line, file) in &image.dotenv {
        findings.push(Finding::fail(
            "IMG-58",
            format!("{path}:{line} COPY"),
            "no .env file in the image",
            file,
            format!(
                "{file} is copied into the image with everything in it: name it in .dockerignore"
            ),
        ));
    }
}

/// How it runs.
fn run(spec: &Dockerfile, image: &Image, findings: &mut Vec<Finding>) {
    let path = &image.path;
    if spec.non_root {
        findings.extend(root(image));
    }
    if spec.healthcheck && !image.healthcheck {
        findings.push(Finding::fail(
            "IMG-53",
            path,
            "HEALTHCHECK",
            "none",
            "Docker cannot tell a container that hangs from one that works",
        ));
    }
    if let Some(part) = &image.development {
        findings.push(Finding::fail(
            "IMG-54",
            path,
            "a command of production",
            part,
            format!("the image starts with `{part}`, which is for developers"),
        ));
    }
    let Some(least) = spec.min_workers else {
        return;
    };
    let expected = format!("at least {least} workers");
    match &image.workers {
        Some(Workers::Count(count)) if *count >= least => {}
        Some(Workers::Dynamic(what)) => findings.push(
            Finding::fail(
                "IMG-55",
                path,
                expected,
                what,
                "the number of workers is known only where it runs: give the variable a default",
            )
            .as_unknown(),
        ),
        Some(workers) => {
            let count = match workers {
                Workers::Count(count) => *count,
                _ => 1,
            };
            findings.push(Finding::fail(
                "IMG-55",
                path,
                expected,
                count.to_string(),
                "one slow request holds up the others",
            ));
        }
        None => findings.push(
            Finding::fail(
                "IMG-55",
                path,
                expected,
                if image.command.is_empty() {
                    "no command"
                } else {
                    &image.command
                },
                "the image starts no server that is known to have workers (uvicorn, gunicorn, …)",
            )
            .as_unknown(),
        ),
    }
}

/// Judges the user.
fn root(image: &Image) -> Option<Finding> {
    let expected = "a USER other than root";
    let message = "whoever breaks out of the process is root in the container";
    match &image.user {
        Some((line, user)) => {
            let name = user.split(':').next().unwrap_or(user).trim();
            let subject = format!("{}:{line} USER", image.path);
            if name.contains('$') {
                return Some(
                    Finding::fail(
                        "IMG-52",
                        subject,
                        expected,
                        user,
                        "the user is a build argument without default",
                    )
                    .as_unknown(),
                );
            }
            matches!(name, "root" | "0" | "")
                .then(|| Finding::fail("IMG-52", subject, expected, user, message))
        }
        // Some base images say so in their name.
        None if image.last_base.contains("nonroot")
            || image.last_base.contains("rootless")
            || image.last_base.contains("unprivileged") =>
        {
            None
        }
        None => Some(Finding::fail(
            "IMG-52",
            &image.path,
            expected,
            "none",
            message,
        )),
    }
}

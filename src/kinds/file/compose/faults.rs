//! The faults of Compose files.

use super::super::super::FaultDoc;

/// In the order of their codes.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "COMPOSE-51",
        "source code mounted in production",
        "What runs is a folder of the host and not the image that was built, scanned and tested.",
        "Take the mount out of the base file, or remove it in the production file with `volumes: !reset []`: an empty list removes nothing.",
    ),
    FaultDoc::caught(
        "COMPOSE-52",
        "port of a database published",
        "Docker opens published ports in front of the firewall, so that scanners find them within hours.",
        "Remove `ports`, since services reach each other without it, or bind it: `127.0.0.1:5432:5432`. In a later file only `!reset` or `!override` removes a port.",
    ),
    FaultDoc::caught(
        "COMPOSE-53",
        "image not pinned",
        "A tag such as `latest` gives another image after every release of its publisher.",
        "Name a release or a digest.",
    ),
    FaultDoc::caught(
        "COMPOSE-54",
        "no health check",
        "A process that hangs counts as running, and dependants start before it is ready.",
        "Add `healthcheck` with a test of the readiness endpoint.",
    ),
    FaultDoc::caught(
        "COMPOSE-55",
        "no restart policy",
        "After a crash or a reboot the service stays down until a person notices.",
        "Add `restart: unless-stopped`.",
    ),
    FaultDoc::caught(
        "COMPOSE-56",
        "no resource limits",
        "One service with a leak takes the host and every other service with it.",
        "Set `deploy.resources.limits` with `cpus` and `memory`.",
    ),
    FaultDoc::caught(
        "COMPOSE-57",
        "secret written into the file",
        "Everybody with the repository or its history has it; a default in `${NAME:-…}` counts too.",
        "Change the secret, and refer to it: `${NAME:?set it}`, `env_file` or `secrets`.",
    ),
    FaultDoc::caught(
        "COMPOSE-58",
        "command of development",
        "A reloader watches files, doubles memory and restarts under load.",
        "Give production a command without it.",
    ),
    FaultDoc::caught(
        "COMPOSE-59",
        "Dockerfile does not exist",
        "The deployment fails at its first build, or an old image runs on.",
        "Correct `build.context` and `build.dockerfile`.",
    ),
    FaultDoc::caught(
        "COMPOSE-60",
        "variable not required",
        "Compose puts in nothing for a variable that is not set, and only prints a warning.",
        "Write `${NAME:?why it is needed}`.",
    ),
    FaultDoc::caught(
        "COMPOSE-61",
        "too few workers",
        "One process uses one core, and one blocking request holds up all others.",
        "Start the server with `--workers`, set WEB_CONCURRENCY, or run replicas.",
    ),
    FaultDoc::caught(
        "COMPOSE-62",
        "migrations are no step of their own",
        "Replicas that migrate at their start race each other, or run against an old schema.",
        "Make a service that migrates, and let the API wait for it with `condition: service_completed_successfully`.",
    ),
    FaultDoc::caught(
        "COMPOSE-63",
        "health check asks the wrong thing",
        "A server whose health check does not look at what it needs gets requests that it cannot serve.",
        "Let the health check ask the readiness endpoint.",
    ),
    FaultDoc::caught(
        "COMPOSE-64",
        "nothing reserved",
        "Without a reservation it is started where there is no memory left for it.",
        "Set `deploy.resources.reservations` or `mem_reservation`.",
    ),
];

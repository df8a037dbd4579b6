//! The faults of Dockerfiles.

use super::super::super::FaultDoc;

/// In the order of their codes.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "IMG-51",
        "base image not pinned",
        "A tag such as `latest` makes tomorrow's build another image than the tested one.",
        "Name a release or a digest in FROM.",
    ),
    FaultDoc::caught(
        "IMG-52",
        "container runs as root",
        "A hole in the program is then a hole in the container, and often in the host.",
        "Create a user in the last stage and switch to it with USER.",
    ),
    FaultDoc::caught(
        "IMG-53",
        "no health check in the image",
        "Docker and Compose then take every running process for a healthy one.",
        "Add HEALTHCHECK with a request to the readiness endpoint.",
    ),
    FaultDoc::caught(
        "IMG-54",
        "image starts a development server",
        "A reloader watches files, doubles memory and restarts under load.",
        "Remove `--reload` or the like from CMD and ENTRYPOINT.",
    ),
    FaultDoc::caught(
        "IMG-55",
        "too few workers in the image",
        "One process uses one core, and one blocking request holds up all others.",
        "Add `--workers` to the command, or set WEB_CONCURRENCY.",
    ),
    FaultDoc::caught(
        "IMG-56",
        "secret in the image",
        "ENV and ARG stay in the image's history, where everybody who can pull it reads them.",
        "Change the secret; pass it at run time, or with `RUN --mount=type=secret` while building.",
    ),
    FaultDoc::caught(
        "IMG-57",
        "source of COPY missing",
        "The image cannot be built from what is in the repository.",
        "Correct the source, the build context, or .dockerignore.",
    ),
    FaultDoc::caught(
        "IMG-58",
        ".env file in the image",
        "The secrets of a developer or of production travel with every pull.",
        "Name `.env*` in .dockerignore, and copy single folders.",
    ),
];

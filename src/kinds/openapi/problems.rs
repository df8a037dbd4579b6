//! What a spec asks that contradicts itself or asks nothing.

use super::sample;
use super::{Openapi, Presence, default_size};
use crate::kinds::SpecProblem;
use crate::kinds::auth::url_problem;

/// What is wrong with the spec.
pub(super) fn problems(spec: &Openapi) -> Vec<SpecProblem> {
    let mut list = Vec::new();
    let mut wrong = |field: &str, message: &str, help: &str| {
        list.push(SpecProblem::at(field, message, help));
    };
    if spec.url.is_none() && spec.docs.is_none() {
        wrong(
            "",
            "there is nothing to look at",
            "write `url:` of the document, or `docs:` with the address of the documentation page",
        );
    }
    if !spec.reads_document() {
        let given = [
            ("version", spec.version.is_some()),
            ("committed", spec.committed.is_some()),
            ("documents", !spec.documents.is_empty()),
            ("described", spec.described),
            ("public", spec.public.is_some()),
            ("servers", spec.servers.is_some()),
            ("sample", spec.sample.is_some()),
        ];
        for (field, _) in given.iter().filter(|(_, given)| *given) {
            wrong(
                field,
                "without a document that must be present this judges nothing",
                "write `url:` of the document, and leave `expect: absent` out",
            );
        }
    }
    if spec.expect == Presence::Absent && spec.url.is_none() {
        wrong("expect", "there is no `url` to be absent", "write `url:`");
    }
    let absent = spec.expect == Presence::Absent;
    if absent && spec.auth.is_some() {
        wrong(
            "auth",
            "what must be absent is asked for without credentials",
            "leave `auth` out",
        );
    }
    if spec.servers.as_ref().is_some_and(Vec::is_empty) {
        wrong(
            "servers",
            "no server at all may be named then",
            "name the servers, or leave this out",
        );
    }
    for route in &spec.documents {
        if route.is_pattern() {
            let message = format!("`{route}` is a pattern: that one path matches says little");
            wrong("documents", &message, "name the paths one by one");
        }
    }
    if spec.max_size.0 == 0 || spec.max_size > default_size() {
        wrong(
            "max_size",
            "a document has more than no bytes, and at most 16 MiB are read",
            "write for example `4MiB`",
        );
    }
    let urls = [
        ("url", spec.url.as_deref()),
        ("docs.url", spec.docs.as_ref().map(|docs| docs.url.as_str())),
    ];
    for (field, url) in urls {
        let example = "https://api.example.com/openapi.json";
        list.extend(url.and_then(|url| url_problem(field, url, example)));
    }
    list.extend(spec.sample.iter().flat_map(sample::problems));
    list.extend(spec.auth.as_ref().and_then(|auth| auth.problem("auth")));
    list
}

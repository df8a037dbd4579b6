//! Contradictions that types cannot express, found before anything is contacted.

use super::Backup;
use super::series::globs;
use super::spec::{Expect, Fields, Verify};
use super::time::{NameTime, zone_of};
use crate::kinds::SpecProblem;

/// Every contradiction of a check.
pub(super) fn of(spec: &Backup) -> Vec<SpecProblem> {
    let mut problems = Vec::new();
    let given = spec.sources();
    if given.len() > 1 {
        problems.push(SpecProblem::at(
            given.get(1).copied().unwrap_or_default(),
            format!(
                "one check looks at one place, not at {}",
                given.join(" and ")
            ),
            "write a check for each",
        ));
    }
    if given.is_empty() && spec.restore_test.is_none() {
        problems.push(SpecProblem::at(
            "",
            "nothing says where the backups are",
            "add `files`, `s3`, `pgbackrest`, `restic`, `command`, `report`, `archiver` or `restore_test`",
        ));
    }
    if given.is_empty() && spec.expect.is_some() {
        problems.push(SpecProblem::at(
            "expect",
            "there is no source to expect anything of",
            "add a source such as `files`, or remove `expect`",
        ));
    }
    sources(spec, &mut problems);
    if let (Some(expect), Some(source)) = (&spec.expect, given.first()) {
        limits(expect, &mut problems);
        support(expect, source, &mut problems);
    }
    problems
}

/// Globs, time formats and programs of the sources.
fn sources(spec: &Backup, problems: &mut Vec<SpecProblem>) {
    let mut listing = |source: &str,
                       pattern: Option<&String>,
                       incomplete: &[String],
                       format: Option<&String>,
                       zone: Option<&String>| {
        let all = pattern.into_iter().chain(incomplete).map(String::as_str);
        if let Err(message) = globs(all) {
            problems.push(SpecProblem::at(
                format!("{source}.pattern"),
                format!("this is not a glob: {message}"),
                "write it like `*.dump` or `*/base.tar.gz`",
            ));
        }
        let zone = zone.map(String::as_str);
        let checked = match format {
            Some(format) => NameTime::new(format, zone).map(|_| ()),
            None => zone_of(zone).map(|_| ()),
        };
        if let Err((field, message, help)) = checked {
            problems.push(SpecProblem::at(format!("{source}.{field}"), message, help));
        }
    };
    if let Some(s) = &spec.files {
        listing(
            "files",
            s.pattern.as_ref(),
            &s.incomplete,
            s.time_format.as_ref(),
            s.time_zone.as_ref(),
        );
    }
    if let Some(s) = &spec.s3 {
        listing(
            "s3",
            s.pattern.as_ref(),
            &s.incomplete,
            s.time_format.as_ref(),
            s.time_zone.as_ref(),
        );
        let plain = s
            .endpoint
            .as_ref()
            .is_some_and(|endpoint| !endpoint.starts_with("https://"));
        if plain && !s.allow_http {
            problems.push(SpecProblem::at(
                "s3.endpoint",
                "this endpoint is not `https://`",
                "use TLS, or add `allow_http: true` if the network in between is trusted",
            ));
        }
        if s.access_key.is_some() != s.secret_key.is_some() {
            problems.push(SpecProblem::at(
                "s3",
                "only one of `access_key` and `secret_key` is given",
                "give both, or none to use the AWS_… variables",
            ));
        }
        if s.max_pages == Some(0) {
            problems.push(SpecProblem::at(
                "s3.max_pages",
                "without a LIST request nothing is seen",
                "write at least 1",
            ));
        }
    }
    programs(spec, problems);
}

/// Programs and the reports that stand in for them.
fn programs(spec: &Backup, problems: &mut Vec<SpecProblem>) {
    if let Some(s) = &spec.pgbackrest
        && s.report.is_some()
        && (s.command.is_some() || s.config.is_some())
    {
        problems.push(SpecProblem::at(
            "pgbackrest.report",
            "with a report no program is run",
            "remove `report`, or `command` and `config`",
        ));
    }
    if let Some(s) = &spec.restic {
        match (&s.report, &s.repository) {
            (None, None) => problems.push(SpecProblem::at(
                "restic",
                "neither a repository nor a report is given",
                "add `repository`, or `report` with the output of `restic snapshots --json`",
            )),
            (Some(_), Some(_)) => problems.push(SpecProblem::at(
                "restic.report",
                "with a report the repository is not asked",
                "remove one of `report` and `repository`",
            )),
            (Some(_), None) if s.max_lock_age.is_some() => problems.push(SpecProblem::at(
                "restic.max_lock_age",
                "a report says nothing of locks",
                "use `repository` instead of `report`, or remove `max_lock_age`",
            )),
            _ => {}
        }
    }
    let mut fields = |source: &str, fields: &Fields| {
        if let Err((field, message, help)) = zone_of(fields.time_zone.as_deref()) {
            problems.push(SpecProblem::at(
                format!("{source}.fields.{field}"),
                message,
                help,
            ));
        }
    };
    if let Some(s) = &spec.report {
        fields("report", &s.fields);
    }
    if let Some(s) = &spec.command {
        fields("command", &s.fields);
        if s.argv
            .first()
            .is_none_or(|program| program.trim().is_empty())
        {
            problems.push(SpecProblem::at(
                "command.argv",
                "there is no program to run",
                "write the program and its arguments as a list",
            ));
        }
    }
}

/// Numbers that cannot be right.
fn limits(expect: &Expect, problems: &mut Vec<SpecProblem>) {
    if expect
        .max_shrink
        .is_some_and(|percent| !(percent > 0.0 && percent < 100.0))
    {
        problems.push(SpecProblem::at(
            "expect.max_shrink",
            "this is no percentage that a backup could shrink by",
            "write a number between 0 and 100, for example 50",
        ));
    }
    if let (Some(least), Some(most)) = (expect.min_retention, expect.max_retention)
        && least > most
    {
        problems.push(SpecProblem::at(
            "expect.max_retention",
            "it is shorter than `min_retention`",
            "no set of backups can satisfy both",
        ));
    }
    if let (Some(gap), Some(window)) = (expect.max_gap, expect.gap_window)
        && window < gap
    {
        problems.push(SpecProblem::at(
            "expect.gap_window",
            "it is shorter than `max_gap`, so no gap could be seen",
            "write a longer window",
        ));
    }
    for (field, vacuous) in [
        ("min_count", expect.min_count == Some(0)),
        ("min_locations", expect.min_locations == Some(0)),
        ("min_size", expect.min_size.is_some_and(|size| size.0 == 0)),
        (
            "min_content",
            expect.min_content.is_some_and(|size| size.0 == 0),
        ),
    ] {
        if vacuous {
            problems.push(SpecProblem::at(
                format!("expect.{field}"),
                "zero could never fail",
                "write a larger number, or remove the field",
            ));
        }
    }
}

/// Expectations that a source can say nothing about.
fn support(expect: &Expect, source: &str, problems: &mut Vec<SpecProblem>) {
    let any = |names: &[&str]| names.contains(&source);
    let readable = any(&["files", "s3"]);
    let listing = any(&["files", "s3", "command", "report"]);
    let archiver = source == "archiver";
    let reads = expect.verify != Some(Verify::None);
    for (field, used, possible) in [
        ("verify", expect.verify.is_some(), readable),
        ("max_read", expect.max_read.is_some(), readable),
        (
            "min_content",
            expect.min_content.is_some(),
            readable && reads,
        ),
        ("checksum", expect.checksum, source == "files"),
        ("private", expect.private, source == "s3"),
        (
            "system_id",
            expect.system_id.is_some(),
            source == "pgbackrest",
        ),
        ("sets", !expect.sets.is_empty(), listing),
        ("immutable", expect.immutable, any(&["command", "report"])),
        (
            "encrypted",
            expect.encrypted,
            any(&["command", "report", "pgbackrest", "restic"]),
        ),
        (
            "min_locations",
            expect.min_locations.is_some(),
            any(&["command", "report", "pgbackrest"]),
        ),
        (
            "full_max_age",
            expect.full_max_age.is_some(),
            any(&["command", "report", "pgbackrest"]),
        ),
        ("min_size", expect.min_size.is_some(), !archiver),
        ("max_shrink", expect.max_shrink.is_some(), !archiver),
        ("min_count", expect.min_count.is_some(), !archiver),
        ("min_retention", expect.min_retention.is_some(), !archiver),
        ("max_retention", expect.max_retention.is_some(), !archiver),
        ("max_gap", expect.max_gap.is_some(), !archiver),
    ] {
        if used && !possible {
            problems.push(SpecProblem::at(
                format!("expect.{field}"),
                format!("`{source}` says nothing about this"),
                "remove it, or use another source",
            ));
        }
    }
}

//! `lint`: load and plan, contact nothing.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use super::Session;
use super::audit::environment;
use crate::cli::Lint;
use crate::outcome::exit;
use crate::plan::{Selection, plan};
use crate::profile::node::{Problems, Sources};
use crate::profile::source::Library;
use crate::profile::{Request, load};

/// Lints the named profiles, or every profile that can be found.
pub(super) fn run(options: &Lint, session: &Session) -> anyhow::Result<u8> {
    let environment = match environment(&options.values, session) {
        Ok(environment) => environment,
        Err(code) => return Ok(code),
    };
    let names = if options.profiles.is_empty() {
        Library::Profiles
            .list()
            .into_iter()
            .map(|found| found.name)
            .collect()
    } else {
        options.profiles.clone()
    };
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let mut code = exit::READY;
    let mut good = String::new();
    for name in names {
        let mut sources = Sources::default();
        let mut problems = Problems::default();
        let request = Request {
            profiles: std::slice::from_ref(&name),
            environment: &environment,
            set: &options.values.set,
            target: options.values.target.as_deref(),
            strict: false,
            redactor: &session.redactor,
        };
        let profile = load(&request, &mut sources, &mut problems);
        let summary = profile.map(|profile| {
            let unset: Vec<String> = profile
                .inputs
                .iter()
                .filter(|input| input.provenance == "stand-in")
                .map(|input| input.name.clone())
                .collect();
            let shown = profile.name.clone();
            let steps = plan(
                profile,
                &Selection::default(),
                Some(today),
                &sources,
                &mut problems,
            );
            (shown, steps.len(), unset)
        });
        if !problems.is_empty() {
            code = session.refuse(&problems, &sources);
            continue;
        }
        if let Some((shown, checks, unset)) = summary {
            let _infallible = writeln!(
                good,
                "{shown}: {checks} {}, no problem",
                if checks == 1 { "check" } else { "checks" }
            );
            if !unset.is_empty() {
                session.note(&format!(
                    "note: {shown} needs a value for {} when it is run",
                    unset.join(", ")
                ));
            }
        }
    }
    session.print(&good)?;
    Ok(code)
}

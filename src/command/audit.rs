//! `audit`: load, plan, run, report, exit.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::Session;
use crate::cli::{Allow, Audit, Running, Show, Values};
use crate::context::Context;
use crate::engine::{self, Allowed, Limits};
use crate::environment::Environment;
use crate::kinds::Planned;
use crate::outcome::{REPORT_SCHEMA, Report, exit};
use crate::plan::{Plan, Selection, Step, plan};
use crate::profile::node::{Problems, Sources};
use crate::profile::{Request, load};
use crate::progress::Progress;
use crate::report::{self, Format, Style};

/// Loads the profile, plans it, runs the plan, reports.
pub(super) fn run(options: &Audit, session: &Session) -> anyhow::Result<u8> {
    let environment = match environment(&options.values, session) {
        Ok(environment) => environment,
        Err(code) => return Ok(code),
    };
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let plan = make_plan(options, &environment, session, &mut sources, &mut problems);
    let Some(plan) = plan.filter(|_| problems.is_empty()) else {
        return Ok(session.refuse(&problems, &sources));
    };
    if let Some((k, n)) = options.shard.filter(|_| plan.steps.is_empty()) {
        session.note(&format!(
            "error: part {k} of {n} has no check: what needs each other stays together\n  help: use fewer parts"
        ));
        return Ok(exit::USAGE);
    }
    if options.dry_run {
        return dry_run(&plan, options.running.format, session);
    }
    let files = options.running.report.iter().map(|(_, path)| path);
    if let Some(code) = refuse_unwritable(files.chain(&options.record), session) {
        return Ok(code);
    }
    let report = carry_out(&plan, environment, &options.running, session)?;
    if let Some(path) = &options.record {
        let record = record(&plan, &report);
        std::fs::write(path, serde_json::to_vec_pretty(&record)?).map_err(|error| {
            anyhow::anyhow!("the record {} cannot be written: {error}", path.display())
        })?;
    }
    publish(&report, &options.running, session)
}

/// Finds out before anything is contacted whether the reports can be written.
fn refuse_unwritable<'a>(
    paths: impl Iterator<Item = &'a std::path::PathBuf>,
    session: &Session,
) -> Option<u8> {
    let mut code = None;
    for path in paths {
        // Opened to append: what an earlier audit wrote stays until there is something new.
        if let Err(error) = File::options().create(true).append(true).open(path) {
            session.note(&format!(
                "error: {} cannot be written: {error}\n  help: check the folder and its permissions; nothing was contacted",
                path.display()
            ));
            code = Some(exit::USAGE);
        }
    }
    code
}

/// The variables of the process and of `--env-file`.
///
/// # Errors
/// The exit code, after saying what is wrong.
pub(super) fn environment(values: &Values, session: &Session) -> Result<Environment, u8> {
    let mut environment = Environment::of_process();
    for path in &values.env_file {
        let shown = path.display().to_string();
        match crate::dotenv::load(path) {
            Ok(entries) => {
                for entry in entries {
                    if environment
                        .get(&entry.name)
                        .is_some_and(|own| own != entry.value)
                    {
                        session.note(&format!("note: {} of {shown}:{} is ignored: the environment of this process has another value", entry.name, entry.line));
                    }
                    environment.add_from_file(&entry.name, &entry.value, &shown, entry.line);
                }
            }
            Err(fault) => {
                session.note(&format!(
                    "error: {}\n  help: {}",
                    fault.message,
                    fault.hint.unwrap_or_default()
                ));
                return Err(exit::USAGE);
            }
        }
    }
    Ok(environment)
}

/// The steps of every target that is meant.
fn make_plan(
    options: &Audit,
    environment: &Environment,
    session: &Session,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Plan> {
    let selection = Selection {
        only: options.running.only.clone(),
        skip: options.running.skip.clone(),
    };
    let request = |target| Request {
        profiles: &options.profile,
        environment,
        set: &options.values.set,
        target,
        strict: true,
        redactor: &session.redactor,
    };
    if !options.all_targets {
        let target = options.values.target.as_deref();
        let profile = load(&request(target), sources, problems)?;
        let name = profile.name.clone();
        let steps = plan(profile, &selection, None, sources, problems);
        return Some(Plan {
            profile: name,
            target: target.map(str::to_owned),
            steps: shard(steps, options.shard),
        });
    }
    let lenient = load(
        &Request {
            strict: false,
            ..request(None)
        },
        sources,
        problems,
    )?;
    if lenient.targets.is_empty() {
        problems.add_global(
            format!("the profile `{}` has no targets", lenient.name),
            "add `targets:` to the profile, or leave out `--all-targets`",
        );
    }
    let mut steps: Vec<Step> = Vec::new();
    for target in &lenient.targets {
        let profile = load(&request(Some(target)), sources, problems)?;
        let base = steps.len();
        steps.extend(
            plan(profile, &selection, None, sources, problems)
                .into_iter()
                .map(|mut step| {
                    let fields = &mut step.check.fields;
                    fields.id = format!("{target}/{}", fields.id);
                    fields.group = Some(format!(
                        "{target}: {}",
                        fields.group.clone().unwrap_or_default()
                    ));
                    step.needs.iter_mut().for_each(|need| *need += base);
                    step
                }),
        );
    }
    Some(Plan {
        profile: lenient.name,
        target: Some(lenient.targets.join(", ")),
        steps: shard(steps, options.shard),
    })
}

/// The K-th of N parts. A step goes where the first step it needs goes, so that needs stay together.
fn shard(steps: Vec<Step>, part: Option<(usize, usize)>) -> Vec<Step> {
    let Some((k, n)) = part else { return steps };
    let mut home: Vec<usize> = (0..steps.len()).map(|index| index % n).collect();
    for _ in 0..steps.len() {
        let before = home.clone();
        for (index, step) in steps.iter().enumerate() {
            for need in &step.needs {
                let joint = home[index].min(home[*need]);
                home[index] = joint;
                home[*need] = joint;
            }
        }
        if before == home {
            break;
        }
    }
    let kept: Vec<usize> = (0..steps.len())
        .filter(|index| home[*index] == k - 1)
        .collect();
    let position: BTreeMap<usize, usize> = kept
        .iter()
        .enumerate()
        .map(|(new, old)| (*old, new))
        .collect();
    steps
        .into_iter()
        .enumerate()
        .filter(|(index, _)| position.contains_key(index))
        .map(|(_, mut step)| {
            step.needs = step
                .needs
                .iter()
                .filter_map(|need| position.get(need).copied())
                .collect();
            step
        })
        .collect()
}

/// What would be sent.
fn dry_run(plan: &Plan, format: Format, session: &Session) -> anyhow::Result<u8> {
    let planned = |step: &Step| -> Vec<Planned> {
        step.check
            .spec
            .as_ref()
            .map(|spec| spec.plan())
            .unwrap_or_default()
    };
    let total: u64 = plan
        .steps
        .iter()
        .flat_map(planned)
        .map(|item| u64::from(item.at_most))
        .sum();
    if format == Format::Json {
        let checks: Vec<_> = plan
            .steps
            .iter()
            .map(|step| {
                let clean = |text: &String| session.redactor.text(text);
                let planned: Vec<_> = planned(step)
                    .iter()
                    .map(|item| json!({ "what": clean(&item.what), "at_most": item.at_most }))
                    .collect();
                json!({
                    "id": clean(&step.check.fields.id), "kind": step.check.kind,
                    "skipped_because": step.check.skip.as_ref().map(clean),
                    "impact": step.check.spec.as_ref().map(|spec| spec.impact()), "planned": planned,
                })
            })
            .collect();
        let text = serde_json::to_string_pretty(
            &json!({ "profile": plan.profile, "target": plan.target, "at_most": total, "checks": checks }),
        )?;
        session.print_clean(format!("{text}\n").as_bytes())?;
        return Ok(exit::READY);
    }
    let mut text = String::new();
    for step in &plan.steps {
        text.push_str(&format!(
            "{}  ({})\n",
            step.check.fields.id, step.check.kind
        ));
        if let Some(reason) = &step.check.skip {
            text.push_str(&format!("     skipped: {reason}\n"));
        }
        for item in planned(step) {
            let times = if item.at_most == 1 {
                "  1x".to_owned()
            } else {
                format!("<={}x", item.at_most)
            };
            text.push_str(&format!("  {times:>6}  {}\n", item.what));
        }
    }
    text.push_str(&format!(
        "\n{} checks, at most {total} requests, statements and reads; nothing was contacted\n",
        plan.steps.len()
    ));
    session.print(&text)?;
    Ok(exit::READY)
}

/// Runs the plan with progress on stderr.
pub(super) fn carry_out(
    plan: &Plan,
    environment: Environment,
    options: &Running,
    session: &Session,
) -> anyhow::Result<Report> {
    let now = Timestamp::now();
    let begun = std::time::Instant::now();
    let context = Context::template(session.redactor.clone(), Arc::new(environment), now)?;
    let limits = Limits {
        concurrency: options.concurrency.into(),
        per_host: options.per_host.into(),
        deadline: options.deadline.map(|deadline| deadline.0),
        allowed: Allowed {
            disruptive: options.allow.contains(&Allow::Disruptive),
            command: options.allow.contains(&Allow::Command),
        },
        fail_on: options.fail_on,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut progress = Progress::new(plan, !options.no_progress && !options.quiet);
    let outcome = runtime.block_on(engine::run(plan, &context, limits, |event| {
        progress.on(&event);
    }));
    progress.finish();
    // Whatever still runs (a lookup in a blocking thread) must not hold up the answer.
    runtime.shutdown_background();
    let counts = engine::counts(&outcome.results);
    let report = Report {
        schema: REPORT_SCHEMA.to_owned(),
        readyctl: env!("CARGO_PKG_VERSION").to_owned(),
        profile: plan.profile.clone(),
        target: plan.target.clone(),
        started_at: engine::stamp(now),
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        readiness: counts.readiness(),
        exit_code: counts.exit_code(outcome.interrupted),
        summary: counts,
        checks: outcome.results,
    }
    .redacted(&session.redactor);
    Ok(report)
}

/// Facts for judging again, redacted like the report they come from.
fn record(plan: &Plan, report: &Report) -> serde_json::Value {
    let checks: Vec<_> = report.checks.iter().map(|check| json!({ "id": check.id, "kind": check.kind, "facts": check.facts, "fault": check.fault, "skipped_because": check.skipped_because })).collect();
    json!({ "schema": "readyctl.facts/1", "readyctl": report.readyctl, "profile": plan.profile, "target": plan.target, "started_at": report.started_at, "checks": checks })
}

/// Writes every report; the exit code was decided before.
pub(super) fn publish(report: &Report, options: &Running, session: &Session) -> anyhow::Result<u8> {
    let style = Style {
        colour: session.stdout.colour,
        width: session.stdout.width,
        failing_only: options.quiet || options.show == Show::Failing,
        verbose: options.verbose,
    };
    for (format, path) in &options.report {
        let plain = Style {
            colour: false,
            width: 120,
            ..style
        };
        let failed = |error: std::io::Error| {
            anyhow::anyhow!("the report {} cannot be written: {error}", path.display())
        };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        report::write(report, *format, plain, &mut file)
            .and_then(|()| file.flush())
            .map_err(failed)?;
    }
    let mut out = Vec::new();
    report::write(report, options.format, style, &mut out)?;
    session.print_clean(&out)?;
    Ok(report.exit_code)
}

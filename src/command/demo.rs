//! `demo`: the embedded sample deployment, audited.

use super::{Session, audit};
use crate::cli::{self, Allow, Audit, Values};
use crate::demo::{Break, Demo};
use crate::outcome::exit;
use crate::profile::node::nearest;
use crate::report::Format;

/// The profile in the binary, whatever `./profiles` holds.
const PROFILE: &str = "builtin:demo";

/// Starts the sample deployment, audits it, stops it.
pub(super) fn run(options: &cli::Demo, session: &Session) -> anyhow::Result<u8> {
    if options.faults.iter().any(|name| name == "list") {
        return list(options.running.format, session);
    }
    let mut breaks = Vec::new();
    for name in &options.faults {
        let Some(how) = Break::named(name) else {
            let near = nearest(name, Demo::breaks().iter().map(|info| info.name))
                .map(|near| format!("did you mean `{near}`? "))
                .unwrap_or_default();
            session.note(&format!(
                "error: the demo cannot be broken by `{name}`\n  help: {near}`readyctl demo --break list` shows the ways"
            ));
            return Ok(exit::USAGE);
        };
        breaks.push(how);
    }
    // A runtime of its own: the audit ends its runtime before the report is written.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let demo = runtime.block_on(Demo::start(&breaks))?;
    if options.serve {
        return serve(&runtime, &demo, session);
    }
    let mut running = options.running.clone();
    // Whom would it disturb?
    running.allow.push(Allow::Disruptive);
    let audit = Audit {
        profile: vec![PROFILE.to_owned()],
        values: Values {
            set: demo.inputs(),
            ..Values::default()
        },
        all_targets: false,
        running,
        dry_run: false,
        record: None,
        shard: None,
    };
    audit::run(&audit, session)
}

/// Leaves it running until interrupted.
fn serve(runtime: &tokio::runtime::Runtime, demo: &Demo, session: &Session) -> anyhow::Result<u8> {
    let set: String = demo
        .inputs()
        .iter()
        .map(|(name, value)| format!(" \\\n  --set {name}={value}"))
        .collect();
    session.print(&format!(
        "The sample deployment listens on {}. Ctrl-C stops it. To audit it:\n\n\
         readyctl audit --profile {PROFILE} --allow disruptive{set}\n",
        demo.url()
    ))?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    Ok(exit::READY)
}

/// Prints the ways to break it.
fn list(format: Format, session: &Session) -> anyhow::Result<u8> {
    let breaks = Demo::breaks();
    let text = match format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(breaks)?),
        _ => {
            let wide = |field: fn(&crate::demo::BreakInfo) -> &str| {
                breaks
                    .iter()
                    .map(|info| field(info).len())
                    .max()
                    .unwrap_or(0)
            };
            let (name, code) = (wide(|info| info.name), wide(|info| info.code));
            breaks
                .iter()
                .map(|info| format!("{:name$}  {:code$}  {}\n", info.name, info.code, info.what))
                .collect()
        }
    };
    session.print(&text)?;
    Ok(exit::READY)
}

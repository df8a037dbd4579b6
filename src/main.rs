//! readyctl: runs production checklists. See the README for what it is for.

#![cfg_attr(
    test,
    allow(
        clippy::needless_pass_by_value,
        clippy::too_many_lines,
        reason = "tables of cases are long and build their values in place"
    )
)]

mod archive;
mod catalogue;
mod checklist;
mod cli;
mod command;
mod context;
mod demo;
mod dotenv;
mod engine;
mod environment;
mod exchange;
mod expect;
mod exposition;
mod forge;
mod kinds;
mod leaks;
mod net;
mod outcome;
mod pace;
mod plan;
mod postgres;
mod profile;
mod program;
mod progress;
#[cfg(test)]
mod properties;
mod redact;
mod report;
mod terminal;
mod verdict;
mod yaml_doc;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    net::install_crypto();
    // A panic in a kind becomes that check's error; its message may hold a secret and is not printed.
    std::panic::set_hook(Box::new(|_| {}));
    let cli = cli::Cli::parse();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| command::run(cli)));
    let outcome = outcome.unwrap_or_else(|_| {
        Err(anyhow::anyhow!(
            "readyctl itself failed; this is a defect: please report it with the command line"
        ))
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Nobody can be told when stderr is gone.
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::from(outcome::exit::USAGE)
        }
    }
}

//! One file a subcommand.

mod audit;
mod coverage;
mod demo;
mod env;
mod explain;
mod import;
mod lint;
mod list;
mod packaging;
pub(crate) mod sign;
mod signatures;

use std::io::Write;

use crate::cli::{Cli, Command};
use crate::outcome::exit;
use crate::profile::node::{Problems, Sources};
use crate::redact::Redactor;

/// What commands share: where to write, how, and what must not be written.
pub(crate) struct Session {
    /// Colour and width of stdout, colour of stderr.
    pub(crate) stdout: crate::terminal::Terminal,
    /// Whether stderr is coloured.
    pub(crate) stderr_colour: bool,
    /// Knows every secret.
    pub(crate) redactor: Redactor,
}

impl Session {
    /// Writes a note or a diagnostic to stderr, secrets removed.
    pub(crate) fn note(&self, text: &str) {
        // Nobody can be told when stderr is gone.
        let _ = writeln!(
            std::io::stderr().lock(),
            "{}",
            self.redactor.text(text).trim_end()
        );
    }

    /// Shows problems and gives the exit code for them.
    pub(crate) fn refuse(&self, problems: &Problems, sources: &Sources) -> u8 {
        let mut problems = problems.clone();
        problems.dedupe(sources);
        let problems = &problems;
        self.note(&crate::profile::diagnose::render(
            problems,
            sources,
            self.stderr_colour,
        ));
        exit::USAGE
    }

    /// Writes to stdout. A closed pipe is no failure: somebody said `| head`.
    ///
    /// # Errors
    /// Any other failure to write.
    pub(crate) fn print(&self, text: &str) -> anyhow::Result<()> {
        self.print_clean(self.redactor.text(text).as_bytes())
    }

    /// Writes to stdout what is free of secrets already: formats in which a mask in the wrong place
    /// would break the structure.
    ///
    /// # Errors
    /// See [`Session::print`].
    pub(crate) fn print_clean(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Runs the command; gives the exit code.
///
/// # Errors
/// What no exit code of a command stands for: output that cannot be written.
pub(crate) fn run(cli: Cli) -> anyhow::Result<u8> {
    let session = Session {
        stdout: crate::terminal::stdout(cli.color),
        stderr_colour: crate::terminal::stderr_colour(cli.color),
        redactor: Redactor::default(),
    };
    match cli.command {
        Command::Audit(options) => audit::run(&options, &session),
        Command::Env(options) => env::run(&options, &session),
        Command::Demo(options) => demo::run(&options, &session),
        Command::Lint(options) => lint::run(&options, &session),
        Command::List(options) => list::run(&options, &session),
        Command::Sign(options) => sign::run(&options, &session),
        Command::Explain(options) => explain::run(&options, &session),
        Command::Import(options) => import::run(&options, &session),
        Command::Coverage(options) => coverage::run(&options, &session),
        Command::Schema { of } => packaging::schema(of, &session),
        Command::Completions { shell } => packaging::completions(shell, &session),
        Command::Man => packaging::man(&session),
    }
}

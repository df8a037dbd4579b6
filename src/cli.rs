//! The command line: types only. Help text is the doc comments here; `design` lives in the README.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::expect::TimeSpan;
use crate::outcome::Severity;
use crate::plan::Selector;
use crate::report::Format;

/// Runs production checklists: loads checks from YAML profiles, observes a deployment without
/// changing it, prints what is ready and what is not, and exits so that a pipeline can trust it.
#[derive(Debug, Parser)]
#[command(
    name = "readyctl",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 ready, 1 not ready, 2 usage or profile error, 3 undetermined, 130 interrupted."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to colour output.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub(crate) color: Colour,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Audit a deployment and print the table.
    Audit(Box<Audit>),
    /// Validate a .env file: syntax, duplicates, loader differences, placeholders, drift from its example.
    Env(EnvFile),
    /// Start the embedded sample deployment on a loopback port, audit it, print the table.
    Demo(Demo),
    /// Load and plan profiles, contact nothing; report every problem with file, line and column.
    Lint(Lint),
    /// List what exists.
    List(List),
    /// Explain a check, a kind, a fault code, a profile or a pack.
    Explain(Explain),
    /// Record that a person verified what no machine can judge, in the profile's sign-off file.
    Sign(Box<Sign>),
    /// Turn a Markdown checklist into a profile skeleton; again, to add what is new in it.
    Import(Import),
    /// Tell which items of a Markdown checklist a profile judges, by a probe, by evidence, by a person.
    Coverage(Coverage),
    /// Print a JSON Schema: of profiles and packs, or of the JSON report.
    Schema {
        /// Of what.
        #[arg(value_enum, default_value = "profile")]
        of: SchemaOf,
    },
    /// Print a shell completion script.
    Completions {
        /// For which shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff.
    Man,
}

/// What a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Profiles and packs.
    Profile,
    /// The JSON report.
    Report,
}

/// What to load, and with which values.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Values {
    /// Read variables from this file too; those of the process win. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Give an input a value. Repeatable.
    #[arg(long, value_name = "INPUT=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
    /// Use this named set of inputs of the profile.
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
}

/// `audit`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Audit {
    /// Profile by name or path; looked up in ./profiles, ./.readyctl, the user's configuration
    /// directory, then in the binary. Repeatable: later ones win.
    #[arg(long, short, value_name = "NAME|PATH", required = true)]
    pub(crate) profile: Vec<String>,
    /// Values.
    #[command(flatten)]
    pub(crate) values: Values,
    /// Audit every target of the profile.
    #[arg(long, conflicts_with = "target")]
    pub(crate) all_targets: bool,
    /// Options of running.
    #[command(flatten)]
    pub(crate) running: Running,
    /// Show what would be sent, each request or statement and how many; contact nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write what was observed, secrets removed, for judging it again later.
    #[arg(long, value_name = "PATH")]
    pub(crate) record: Option<PathBuf>,
    /// Run only the K-th of N parts of the checks.
    #[arg(long, value_name = "K/N", value_parser = shard)]
    pub(crate) shard: Option<(usize, usize)>,
}

/// How to run and what to show: shared by `audit` and `demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Running {
    /// Only these checks: an id, a glob, tag:x, kind:x, severity:high+. Repeatable, commas too.
    #[arg(long, value_name = "SELECTOR", value_delimiter = ',')]
    pub(crate) only: Vec<Selector>,
    /// Leave these checks out. Repeatable, commas too.
    #[arg(long, value_name = "SELECTOR", value_delimiter = ',')]
    pub(crate) skip: Vec<Selector>,
    /// Allow bursts of requests, or running programs named by the profile.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) allow: Vec<Allow>,
    /// Lowest severity at which a failure makes the audit red.
    #[arg(long, value_enum, default_value = "medium", value_name = "SEVERITY")]
    pub(crate) fail_on: Severity,
    /// Checks at once.
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) concurrency: u16,
    /// Checks at once on one host.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) per_host: u16,
    /// Longest time for the whole audit, for example 2m; what is not done by then is an error.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<TimeSpan>,
    /// Report on stdout.
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Write a report to a file as well. Repeatable.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = report)]
    pub(crate) report: Vec<(Format, PathBuf)>,
    /// Rows of the table.
    #[arg(long, value_enum, default_value = "all", value_name = "WHICH")]
    pub(crate) show: Show,
    /// Say less: no progress, no notes, only rows that are not green.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Say more: every judged statement of every check.
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// No live progress on stderr.
    #[arg(long)]
    pub(crate) no_progress: bool,
}

/// What an operator may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Allow {
    /// Bursts and load.
    Disruptive,
    /// Running programs.
    Command,
}

/// Which rows a table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Show {
    /// Every check.
    All,
    /// Only what is not green.
    Failing,
}

/// `env`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EnvFile {
    /// The file.
    #[arg(default_value = ".env")]
    pub(crate) file: PathBuf,
    /// The example to compare with; FILE.example beside it when it exists.
    #[arg(long, value_name = "FILE")]
    pub(crate) example: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: Listing,
}

/// `demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Demo {
    /// Break the deployment this way; `list` shows the ways. Repeatable.
    #[arg(long = "break", value_name = "FAULT")]
    pub(crate) faults: Vec<String>,
    /// Leave it running and print how to audit it; do not audit.
    #[arg(long)]
    pub(crate) serve: bool,
    /// Options of running.
    #[command(flatten)]
    pub(crate) running: Running,
}

/// `lint`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Lint {
    /// Profiles by name or path; all that can be found when none is named.
    pub(crate) profiles: Vec<String>,
    /// Values.
    #[command(flatten)]
    pub(crate) values: Values,
}

/// `list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct List {
    /// What.
    #[arg(value_enum)]
    pub(crate) what: Listed,
    /// Checks and sign-offs of these profiles only.
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) profile: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: Listing,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// Profiles that `--profile` finds by name.
    Profiles,
    /// Packs that `use:` finds by name.
    Packs,
    /// Checks of packs and profiles.
    Checks,
    /// Kinds of checks.
    Kinds,
    /// Fault codes.
    Faults,
    /// What people sign, who did, and when it is due again.
    SignOffs,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    /// For people.
    Table,
    /// An array of objects.
    Json,
}

/// `sign`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sign {
    /// Id of the check, one of kind `attest`.
    pub(crate) check: String,
    /// Profile by name or path. The signature goes to NAME.signoffs.yaml beside it; for a profile of
    /// the binary to ./.readyctl/NAME.signoffs.yaml.
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) profile: String,
    /// The role in which you sign; needed when the check names several, or none.
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// What shows it: a link, a file (its SHA-256 is recorded), a commit, a ticket.
    #[arg(long, value_name = "EVIDENCE")]
    pub(crate) evidence: Option<String>,
    /// Who signs; the author that Git knows, or the user, when not given.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Day of the signature; today (UTC) when not given.
    #[arg(long, value_name = "DAY", value_parser = crate::command::sign::day)]
    pub(crate) on: Option<jiff::civil::Date>,
    /// How long it counts, for example 90d; the check may allow less.
    #[arg(long, value_name = "DURATION", value_parser = crate::command::sign::validity)]
    pub(crate) valid_for: Option<TimeSpan>,
    /// The commit that you looked at; HEAD is the one checked out here.
    #[arg(long, value_name = "COMMIT")]
    pub(crate) commit: Option<String>,
    /// What else a reader should know.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Values of inputs that the check uses.
    #[command(flatten)]
    pub(crate) values: Values,
}

/// `explain`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Explain {
    /// A check's id, a kind, a fault code, a profile or a pack.
    pub(crate) what: String,
    /// Look for the check in these profiles.
    #[arg(long, short, value_name = "NAME|PATH")]
    pub(crate) profile: Vec<String>,
    /// Values, to see where inputs come from.
    #[command(flatten)]
    pub(crate) values: Values,
}

/// `import`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Import {
    /// The checklist, a Markdown file.
    #[arg(value_name = "CHECKLIST.md")]
    pub(crate) checklist: PathBuf,
    /// The profile to write or to complete; profiles/CHECKLIST.yaml when not given, `-` for stdout.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `coverage`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Coverage {
    /// The checklist, a Markdown file.
    #[arg(value_name = "CHECKLIST.md")]
    pub(crate) checklist: PathBuf,
    /// Profile by name or path. Repeatable.
    #[arg(long, short, value_name = "NAME|PATH", required = true)]
    pub(crate) profile: Vec<String>,
    /// Least share of items that must be judged, like 100%; exit code 1 below it.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) min: Option<f64>,
    /// Name under which the profile knows this checklist, when the file is called otherwise.
    #[arg(long = "as", value_name = "FILE.md")]
    pub(crate) name: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: Listing,
}

/// A share from 0 to 100, with or without `%`.
fn percent(text: &str) -> Result<f64, String> {
    text.strip_suffix('%')
        .unwrap_or(text)
        .trim()
        .parse()
        .ok()
        .filter(|share| (0.0..=100.0).contains(share))
        .ok_or_else(|| "write a share from 0% to 100%".to_owned())
}

/// `INPUT=VALUE`. What is written otherwise gets no name and is refused later: an error here would
/// repeat the text, which may be a secret.
#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or_default();
    Ok((name.to_owned(), value.to_owned()))
}

/// `K/N`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once('/')
        .and_then(|(k, n)| Some((k.parse::<usize>().ok()?, n.parse::<usize>().ok()?)));
    match parts {
        Some((k, n)) if k >= 1 && k <= n => Ok((k, n)),
        _ => Err("write it as K/N with K from 1 to N, for example 1/4".to_owned()),
    }
}

/// `FORMAT=PATH`.
fn report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text
        .split_once('=')
        .ok_or("write it as FORMAT=PATH, for example junit=report.xml")?;
    if path.is_empty() {
        return Err("write the path behind the `=`".to_owned());
    }
    Ok((
        <Format as ValueEnum>::from_str(format, false)?,
        PathBuf::from(path),
    ))
}

/// A duration with unit.
fn duration(text: &str) -> Result<TimeSpan, String> {
    text.parse::<TimeSpan>()
        .map_err(|message| message.replace("; help: ", ": "))
}

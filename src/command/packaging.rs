//! `schema`, `completions`, `man`: what packagers and editors need.

use clap::CommandFactory as _;

use super::Session;
use crate::cli::{Cli, SchemaOf};
use crate::outcome::exit;
use crate::profile::schema;

/// Prints a JSON Schema.
pub(super) fn schema(of: SchemaOf, session: &Session) -> anyhow::Result<u8> {
    let schema = match of {
        SchemaOf::Profile => schema::profile(),
        SchemaOf::Report => schema::report(),
    };
    session.print(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
    Ok(exit::READY)
}

/// Prints a completion script.
pub(super) fn completions(shell: clap_complete::Shell, session: &Session) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "readyctl", &mut script);
    session.print(&String::from_utf8_lossy(&script))?;
    Ok(exit::READY)
}

/// Prints the manual page, subcommands included.
pub(super) fn man(session: &Session) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        let man = clap_mangen::Man::new(sub.clone());
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    session.print(&String::from_utf8_lossy(&page))?;
    Ok(exit::READY)
}

//! Colour and width: decided once at the start and passed down.

use std::io::IsTerminal as _;

use crate::cli::Colour;

/// Width used when output is not a terminal.
const DEFAULT_WIDTH: u16 = 120;

/// What one of the two streams can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Whether to colour it.
    pub(crate) colour: bool,
    /// Its columns.
    pub(crate) width: u16,
}

/// What stdout can show.
pub(crate) fn stdout(colour: Colour) -> Terminal {
    let is_terminal = std::io::stdout().is_terminal();
    let width = if is_terminal {
        comfy_table_width().unwrap_or(DEFAULT_WIDTH)
    } else {
        columns().unwrap_or(DEFAULT_WIDTH)
    };
    Terminal {
        colour: decide(colour, is_terminal),
        width: width.clamp(40, 200),
    }
}

/// Whether stderr is coloured.
pub(crate) fn stderr_colour(colour: Colour) -> bool {
    decide(colour, std::io::stderr().is_terminal())
}

/// The option, then the usual variables, then whether somebody watches.
fn decide(colour: Colour, is_terminal: bool) -> bool {
    let set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if set("NO_COLOR") => false,
        Colour::Auto if set("CLICOLOR_FORCE") => true,
        Colour::Auto => is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// Columns of the terminal on stdout.
fn comfy_table_width() -> Option<u16> {
    comfy_table::Table::new().width()
}

/// `COLUMNS`, for those who pipe through a pager.
fn columns() -> Option<u16> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}

//! What is wrong or doubtful in a `.env` file, in words.

use super::text::{is_invisible, name_of_invisible};

/// Something wrong or doubtful at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Line, from 1.
    pub(crate) line: u32,
    /// Column, from 1.
    pub(crate) column: u32,
    /// The variable it concerns, if any.
    pub(crate) name: Option<String>,
    /// What it is.
    pub(crate) kind: ProblemKind,
}

/// Kinds of problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// A line without `=`.
    NoAssignment,
    /// `=value`.
    NoName,
    /// A name that no process can hold or no shell can set; the offending character.
    BadName(char),
    /// A quote that never closes; the quote.
    Unterminated(char),
    /// PEM without quotes: its lines are no part of the value.
    UnquotedPem,
    /// Text after a closing quote.
    TextAfterQuote,
    /// Blanks beside the `=`.
    BlankBesideEquals,
    /// An unquoted value with blanks inside.
    UnquotedBlank,
    /// An unquoted `#` right behind a character.
    HashInside,
    /// An unquoted value that begins with `#`.
    HashFirst,
    /// `$NAME` or `$1` unquoted or in double quotes.
    BareDollar,
    /// `${name}` that nothing defines; the name.
    Undefined(String),
    /// `${` that never closes.
    UnclosedReference,
    /// `$(…)` or backticks: a shell would run it.
    Command,
    /// A backslash in an unquoted value, which loaders keep or drop.
    UnquotedBackslash,
    /// The line ends with CR LF.
    CarriageReturn,
    /// Blanks at the end of an unquoted value.
    TrailingBlank,
    /// A character nobody sees.
    Invisible(char),
    /// Characters a shell acts on in an unquoted value (`;`, `&`, `|`, `<`, `>`, `(`, `)`).
    ShellCharacter(char),
}

impl ProblemKind {
    /// Whether the file cannot be read because of it.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::NoAssignment
                | Self::NoName
                | Self::BadName(_)
                | Self::Unterminated(_)
                | Self::UnquotedPem
                | Self::TextAfterQuote
                | Self::UnclosedReference
        )
    }

    /// What is wrong, in one sentence without any value.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::NoAssignment => "this line is no assignment: there is no `=`".to_owned(),
            Self::NoName => "there is no name before the `=`".to_owned(),
            Self::BadName(c) if c.is_ascii_digit() => {
                "a variable's name cannot begin with a digit".to_owned()
            }
            Self::BadName(c) if is_invisible(*c) => format!(
                "the name holds an invisible character ({})",
                name_of_invisible(*c)
            ),
            Self::BadName(c) => format!("a variable's name cannot hold {c:?}"),
            Self::Unterminated(quote) => format!("this {quote} is never closed"),
            Self::UnquotedPem => {
                "PEM without quotes: only its first line becomes the value".to_owned()
            }
            Self::TextAfterQuote => "there is text behind the closing quote".to_owned(),
            Self::BlankBesideEquals => {
                "blanks beside the `=`: a shell runs this as a command, docker refuses the file \
                 or keeps the blank"
                    .to_owned()
            }
            Self::UnquotedBlank => {
                "an unquoted value with a blank inside: a shell takes only the first word"
                    .to_owned()
            }
            Self::HashInside => {
                "an unquoted `#` inside the value: Node and Ruby drop it and everything behind it"
                    .to_owned()
            }
            Self::HashFirst => {
                "the value begins with an unquoted `#`: a comment for some loaders, the value for \
                 others"
                    .to_owned()
            }
            Self::BareDollar => {
                "an unescaped `$`: Compose, Ruby and shells replace it by a variable's value"
                    .to_owned()
            }
            Self::Undefined(name) => {
                format!("${{{name}}} is not defined before this line and expands to nothing")
            }
            Self::UnclosedReference => "this `${` is never closed".to_owned(),
            Self::Command => {
                "a command substitution: a shell or Ruby runs it, other loaders keep the text"
                    .to_owned()
            }
            Self::UnquotedBackslash => {
                "a backslash in an unquoted value: shells and Ruby drop it, others keep it"
                    .to_owned()
            }
            Self::CarriageReturn => {
                "the line ends with CR LF: a shell keeps the CR as part of the value".to_owned()
            }
            Self::TrailingBlank => {
                "blanks at the end of the value: docker keeps them, others drop them".to_owned()
            }
            Self::Invisible(c) => format!(
                "an invisible character in the value ({})",
                name_of_invisible(*c)
            ),
            Self::ShellCharacter(c) => {
                format!("an unquoted `{c}`, which a shell acts on")
            }
        }
    }

    /// What to do.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::NoAssignment => "write NAME=value, or put a # before a comment",
            Self::NoName => "write the variable's name before the =",
            Self::BadName(_) => "use letters, digits and _, not beginning with a digit",
            Self::Unterminated(_) => "close the quote, or quote the value with the other kind",
            Self::UnquotedPem => "put the whole block in double quotes",
            Self::TextAfterQuote => {
                "put the whole value between the quotes, or a space and # before a comment"
            }
            Self::BlankBesideEquals => "remove the blanks beside the =",
            Self::UnquotedBlank | Self::ShellCharacter(_) | Self::HashInside => {
                "put the value in single quotes"
            }
            Self::HashFirst => "quote the value, or leave nothing behind the = but a line end",
            Self::BareDollar | Self::Command => {
                "put the value in single quotes when it is meant literally"
            }
            Self::Undefined(_) => {
                "define it earlier in the file, or give a default: ${NAME:-value}"
            }
            Self::UnclosedReference => {
                "close the brace, or put the value in single quotes when it is meant literally"
            }
            Self::UnquotedBackslash => "put the value in single quotes",
            Self::CarriageReturn => "save the file with Unix line ends (LF)",
            Self::TrailingBlank => "remove the blanks, or quote the value when they are meant",
            Self::Invisible(_) => "type the value again instead of pasting it",
        }
    }
}

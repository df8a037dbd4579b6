//! readyctl's own reading of a `.env` file: every assignment with its place, and everything that is
//! wrong or read differently elsewhere.

pub(crate) use super::problem::{Problem, ProblemKind};
use super::text::is_invisible;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The assignments in order.
    pub(crate) statements: Vec<Statement>,
    /// What is wrong or doubtful, in order.
    pub(crate) problems: Vec<Problem>,
}

/// How a value is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    /// Not at all.
    None,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `` `…` ``, known to few loaders.
    Backtick,
}

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it is.
    Text(String),
    /// `${name}` or `${name:-default}`.
    Reference {
        /// The variable.
        name: String,
        /// The text after `:-` or `-`.
        default: Option<String>,
    },
}

/// One assignment.
#[derive(Clone)]
pub(crate) struct Statement {
    /// The variable.
    pub(crate) name: String,
    /// Line of the name, from 1.
    pub(crate) line: u32,
    /// Column of the name, from 1.
    pub(crate) column: u32,
    /// The value.
    pub(crate) pieces: Vec<Piece>,
}

impl Statement {
    /// The value with references resolved; an undefined one is empty, as in every loader.
    pub(crate) fn resolved(&self, lookup: &dyn Fn(&str) -> Option<String>) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Reference { name, default } => {
                    let value = lookup(name).filter(|v| !v.is_empty());
                    out.push_str(&value.or_else(|| default.clone()).unwrap_or_default());
                }
            }
        }
        out
    }
}

impl std::fmt::Debug for Statement {
    /// Without the value: it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}", self.name, self.line, self.column)
    }
}

/// Parses a whole file; it never stops at a problem.
pub(crate) fn parse(text: &str) -> Document {
    let mut parser = Parser {
        chars: text.chars().collect(),
        at: 0,
        line: 1,
        line_start: 0,
        document: Document::default(),
    };
    while parser.at < parser.chars.len() {
        parser.statement();
    }
    let mut document = parser.document;
    document.problems.sort_by_key(|p| (p.line, p.column));
    document
}

/// Where the parser stands.
struct Parser {
    /// The text.
    chars: Vec<char>,
    /// Index of the next character.
    at: usize,
    /// Line of the next character.
    line: u32,
    /// Index of the first character of that line.
    line_start: usize,
    /// What was found so far.
    document: Document,
}

impl Parser {
    /// The next character.
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Takes the next character.
    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            self.line_start = self.at;
        }
        Some(c)
    }

    /// Whether the line ends here: at LF, at CR LF or at the end of the file.
    fn at_line_end(&self) -> bool {
        match self.peek() {
            None | Some('\n') => true,
            Some('\r') => matches!(self.chars.get(self.at + 1), None | Some('\n')),
            _ => false,
        }
    }

    /// Skips blanks; whether there were any.
    fn blanks(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
        self.at > start
    }

    /// Skips the rest of the line and its end.
    fn skip_line(&mut self) {
        while let Some(c) = self.next() {
            if c == '\n' {
                break;
            }
        }
    }

    /// Column of an index of this line.
    fn column_of(&self, index: usize) -> u32 {
        u32::try_from(index.saturating_sub(self.line_start) + 1).unwrap_or(u32::MAX)
    }

    /// Notes a problem at an index of this line.
    fn problem(&mut self, index: usize, name: Option<&str>, kind: ProblemKind) {
        let column = self.column_of(index);
        self.document.problems.push(Problem {
            line: self.line,
            column,
            name: name.map(str::to_owned),
            kind,
        });
    }

    /// One line, or several when a quoted value spans them.
    fn statement(&mut self) {
        self.blanks();
        if self.at_line_end() || self.peek() == Some('#') {
            self.skip_line();
            return;
        }
        self.export();
        let start = self.at;
        while !self.at_line_end() && self.peek() != Some('=') {
            self.at += 1;
        }
        let written: String = self.chars[start..self.at].iter().collect();
        if self.peek() != Some('=') {
            self.problem(start, None, ProblemKind::NoAssignment);
            self.skip_line();
            return;
        }
        let name = written.trim_end_matches([' ', '\t']).to_owned();
        if name.is_empty() {
            self.problem(start, None, ProblemKind::NoName);
            self.skip_line();
            return;
        }
        // What stands there may be a piece of a secret and is not repeated as a name.
        if let Some((offset, bad)) = bad_character(&name) {
            self.problem(start + offset, None, ProblemKind::BadName(bad));
            self.skip_line();
            return;
        }
        if !is_plausible(&name) {
            self.problem(start, None, ProblemKind::NoAssignment);
            self.skip_line();
            return;
        }
        let equals = self.at;
        self.at += 1;
        let before = name.len() != written.len();
        if before {
            self.problem(equals, Some(&name), ProblemKind::BlankBesideEquals);
        }
        let (line, column) = (self.line, self.column_of(start));
        let value_start = self.at;
        let blank = self.blanks();
        let comment_only = blank && self.peek() == Some('#');
        if blank && !before && !comment_only && !self.at_line_end() {
            self.problem(value_start, Some(&name), ProblemKind::BlankBesideEquals);
        }
        let pieces = self.value(&name, comment_only);
        self.document.statements.push(Statement {
            name,
            line,
            column,
            pieces,
        });
    }

    /// Skips `export`.
    fn export(&mut self) {
        let word = self.chars.get(self.at..self.at + 6).unwrap_or_default();
        if word.iter().collect::<String>() == "export"
            && matches!(self.chars.get(self.at + 6), Some(' ' | '\t'))
        {
            self.at += 6;
            self.blanks();
        }
    }

    /// The value and the rest of its line.
    fn value(&mut self, name: &str, comment_only: bool) -> Vec<Piece> {
        let quote = match self.peek() {
            Some('\'') => Quote::Single,
            Some('"') => Quote::Double,
            Some('`') if self.closes('`') => Quote::Backtick,
            _ => return self.unquoted(name, comment_only),
        };
        self.quoted(name, quote)
    }

    /// Whether a quote that opens here closes on the same line.
    fn closes(&self, quote: char) -> bool {
        self.chars
            .get(self.at + 1..)
            .unwrap_or_default()
            .iter()
            .take_while(|c| **c != '\n')
            .any(|c| *c == quote)
    }

    /// An unquoted value: up to the line end or a comment.
    fn unquoted(&mut self, name: &str, comment_only: bool) -> Vec<Piece> {
        let start = self.at;
        while !self.at_line_end() {
            self.at += 1;
        }
        let line_end = self.at;
        let mut end = line_end;
        if comment_only {
            self.problem(start, Some(name), ProblemKind::HashFirst);
            end = start;
        }
        for index in start..end {
            if self.chars[index] != '#' {
                continue;
            }
            if index == start {
                self.problem(index, Some(name), ProblemKind::HashFirst);
            } else if matches!(self.chars[index - 1], ' ' | '\t') {
                end = index;
                break;
            } else {
                self.problem(index, Some(name), ProblemKind::HashInside);
            }
        }
        let commented = end < line_end;
        while end > start && matches!(self.chars[end - 1], ' ' | '\t') {
            end -= 1;
        }
        if !commented && end < line_end && end > start {
            self.problem(end, Some(name), ProblemKind::TrailingBlank);
        }
        self.hazards_of_unquoted(name, start, end);
        let pieces = self.pieces(name, start, end, Quote::None);
        let pem = self.chars[start..end].starts_with(&['-', '-', '-', '-', '-', 'B']);
        if pem && !self.chars[start..end].contains(&'\\') {
            self.problem(start, Some(name), ProblemKind::UnquotedPem);
            self.skip_pem();
        } else {
            self.after_value(name);
        }
        pieces
    }

    /// Skips the lines of a PEM block up to and with its END line.
    fn skip_pem(&mut self) {
        while self.at < self.chars.len() {
            self.skip_line();
            let line = self.chars.get(self.at..).unwrap_or_default();
            if line.starts_with(&['-', '-', '-', '-', '-', 'E']) {
                self.skip_line();
                return;
            }
        }
    }

    /// What loaders read differently in an unquoted value.
    fn hazards_of_unquoted(&mut self, name: &str, start: usize, end: usize) {
        let mut blank = false;
        let mut backslash = false;
        for index in start..end {
            let c = self.chars[index];
            match c {
                ' ' | '\t' if !blank => {
                    blank = true;
                    self.problem(index, Some(name), ProblemKind::UnquotedBlank);
                }
                '\\' if !backslash => {
                    backslash = true;
                    self.problem(index, Some(name), ProblemKind::UnquotedBackslash);
                }
                ';' | '&' | '|' | '<' | '>' | '(' | ')'
                    if !(c == '(' && index > start && self.chars[index - 1] == '$') =>
                {
                    self.problem(index, Some(name), ProblemKind::ShellCharacter(c));
                    break;
                }
                _ => {}
            }
        }
    }

    /// A quoted value up to its closing quote, and the rest of that line.
    fn quoted(&mut self, name: &str, quote: Quote) -> Vec<Piece> {
        let open = self.at;
        let mark = self.chars[open];
        let mut close = open + 1;
        while let Some(c) = self.chars.get(close) {
            if *c == mark {
                break;
            }
            // A backslash protects the next character in double quotes; in single quotes it does
            // not, as in a shell.
            close += if *c == '\\' && quote == Quote::Double {
                2
            } else {
                1
            };
        }
        if close >= self.chars.len() {
            self.problem(open, Some(name), ProblemKind::Unterminated(mark));
            // The rest of the file belongs to the value, whatever it looks like.
            self.at = self.chars.len();
            return Vec::new();
        }
        let pieces = self.pieces(name, open + 1, close, quote);
        while self.at <= close {
            self.next();
        }
        let blank = self.blanks();
        let comment = self.peek() == Some('#') && blank;
        if !self.at_line_end() && !comment {
            self.problem(self.at, Some(name), ProblemKind::TextAfterQuote);
        }
        while !self.at_line_end() {
            self.at += 1;
        }
        self.after_value(name);
        pieces
    }

    /// The end of the line behind a value.
    fn after_value(&mut self, name: &str) {
        if self.peek() == Some('\r') {
            self.problem(self.at, Some(name), ProblemKind::CarriageReturn);
        }
        self.skip_line();
    }

    /// The pieces of a value between two indices: escapes decoded, references taken apart.
    fn pieces(&mut self, name: &str, start: usize, end: usize, quote: Quote) -> Vec<Piece> {
        let mut pieces = Pieces::default();
        let (mut line, mut line_start) = (self.line, self.line_start);
        let mut dollar = false;
        let mut index = start;
        while index < end {
            let c = self.chars[index];
            let next = self
                .chars
                .get(index + 1)
                .copied()
                .filter(|_| index + 1 < end);
            let place = (
                line,
                u32::try_from(index - line_start + 1).unwrap_or(u32::MAX),
            );
            if is_invisible(c) {
                self.problem_at(place, name, ProblemKind::Invisible(c));
            }
            match (c, next) {
                ('\n', _) => {
                    line += 1;
                    line_start = index + 1;
                    pieces.push(c);
                }
                // Line ends inside quotes are LF for every loader that reads text.
                ('\r', Some('\n')) => {}
                ('\\', Some(escaped)) if quote == Quote::Double => {
                    pieces.escape(escaped);
                    if escaped == '\n' {
                        line += 1;
                        line_start = index + 2;
                    }
                    index += 1;
                }
                ('`', _) if matches!(quote, Quote::None | Quote::Double) => {
                    self.problem_at(place, name, ProblemKind::Command);
                    pieces.push(c);
                }
                ('$', Some('(')) if matches!(quote, Quote::None | Quote::Double) => {
                    self.problem_at(place, name, ProblemKind::Command);
                    pieces.push(c);
                }
                ('$', Some('{')) if matches!(quote, Quote::None | Quote::Double) => {
                    if let Some(after) = self.reference(index, end, &mut pieces) {
                        index = after;
                        continue;
                    }
                    self.problem_at(place, name, ProblemKind::UnclosedReference);
                    pieces.push(c);
                }
                ('$', Some(n))
                    if matches!(quote, Quote::None | Quote::Double)
                        && !dollar
                        && (n.is_ascii_alphanumeric() || "_$?!#@*-".contains(n)) =>
                {
                    dollar = true;
                    self.problem_at(place, name, ProblemKind::BareDollar);
                    pieces.push(c);
                }
                _ => pieces.push(c),
            }
            index += 1;
        }
        let pieces = pieces.done();
        self.undefined(name, &pieces);
        pieces
    }

    /// Notes references to what nothing before defines.
    fn undefined(&mut self, owner: &str, pieces: &[Piece]) {
        for piece in pieces {
            if let Piece::Reference {
                name,
                default: None,
            } = piece
                && !self.document.statements.iter().any(|s| s.name == *name)
            {
                let place = (self.line, 1);
                self.problem_at(place, owner, ProblemKind::Undefined(name.clone()));
            }
        }
    }

    /// Notes a problem at a place.
    fn problem_at(&mut self, (line, column): (u32, u32), name: &str, kind: ProblemKind) {
        self.document.problems.push(Problem {
            line,
            column,
            name: Some(name.to_owned()),
            kind,
        });
    }

    /// `${name}` or `${name:-default}` at an index; the index behind it.
    fn reference(&self, at: usize, end: usize, pieces: &mut Pieces) -> Option<usize> {
        let close = (at + 2..end).find(|i| self.chars[*i] == '}')?;
        let inner: String = self.chars[at + 2..close].iter().collect();
        let split = inner
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(inner.len());
        let (name, operator) = inner.split_at(split);
        if name.is_empty() {
            return None;
        }
        let default = operator
            .strip_prefix(":-")
            .or_else(|| operator.strip_prefix('-'))
            .map(str::to_owned);
        pieces.refer(name.to_owned(), default);
        Some(close + 1)
    }
}

/// Collects the pieces of a value.
#[derive(Default)]
struct Pieces {
    /// Finished ones.
    done: Vec<Piece>,
    /// The text being collected.
    text: String,
}

impl Pieces {
    /// Adds a character.
    fn push(&mut self, c: char) {
        self.text.push(c);
    }

    /// Adds what a backslash and a character mean in double quotes.
    fn escape(&mut self, c: char) {
        match c {
            'n' => self.text.push('\n'),
            'r' => self.text.push('\r'),
            't' => self.text.push('\t'),
            '"' | '\\' | '$' | '`' => self.text.push(c),
            _ => {
                self.text.push('\\');
                self.text.push(c);
            }
        }
    }

    /// Adds a reference.
    fn refer(&mut self, name: String, default: Option<String>) {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        }
        self.done.push(Piece::Reference { name, default });
    }

    /// Everything collected.
    fn done(mut self) -> Vec<Piece> {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(self.text));
        }
        self.done
    }
}

/// The first character of a name that does not belong there, with its offset in characters.
fn bad_character(name: &str) -> Option<(usize, char)> {
    name.chars()
        .enumerate()
        .find(|(i, c)| !(c.is_ascii_alphabetic() || *c == '_' || (*i > 0 && c.is_ascii_digit())))
}

/// Whether a name looks like one, and not like a line of base64 that ends with `=`.
fn is_plausible(name: &str) -> bool {
    let any = |test: fn(&char) -> bool| name.chars().any(|c| test(&c));
    let random = name.len() >= 16
        && !name.contains('_')
        && any(char::is_ascii_lowercase)
        && any(char::is_ascii_uppercase)
        && any(char::is_ascii_digit);
    name.len() <= 100 && !random
}

#[cfg(test)]
mod tests;

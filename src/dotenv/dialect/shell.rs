//! A POSIX shell that sources the file: `set -a; . ./.env`.
//!
//! A simple command of assignments sets variables; with a further word it runs a command instead.
//! readyctl runs nothing: what would need a command is [`Value::Command`].

use super::{Reading, Value, line_of};

/// What it reads.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let text = String::from_utf8_lossy(bytes);
    let mut shell = Shell {
        chars: text.chars().collect(),
        at: 0,
        reading: Reading::default(),
    };
    match shell.run() {
        Ok(()) => shell.reading,
        Err(why) => {
            let read: String = shell.chars.iter().take(shell.at).collect();
            Reading::refused(line_of(&read, read.len()), why)
        }
    }
}

/// The shell at work.
struct Shell {
    /// The text.
    chars: Vec<char>,
    /// Index of the next character.
    at: usize,
    /// The variables so far.
    reading: Reading,
}

/// A word after expansion.
#[derive(Default)]
struct Word {
    /// Its text.
    text: String,
    /// Whether a part of it is the output of a command.
    command: bool,
    /// How many characters before any quote or expansion: an assignment's name lies inside.
    plain: usize,
    /// Whether a quote or an expansion was met.
    special: bool,
    /// Whether a quote was met: then it is a word even when it is empty.
    quoted: bool,
}

impl Word {
    /// The name and value when this is an assignment.
    fn assignment(&self) -> Option<(String, Value)> {
        let (name, value) = self.text.split_once('=')?;
        if !is_name(name) || name.chars().count() >= self.plain {
            return None;
        }
        let value = if self.command {
            Value::Command
        } else {
            Value::Text(value.to_owned())
        };
        Some((name.to_owned(), value))
    }

    /// Adds a character that stands for itself.
    fn push(&mut self, c: char) {
        self.text.push(c);
        if !self.special {
            self.plain += 1;
        }
    }

    /// Adds a value.
    fn push_value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.text.push_str(text),
            Value::Command => self.command = true,
        }
    }
}

/// Whether a shell can set a variable of this name.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Shell {
    /// The next character.
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// The one after it.
    fn second(&self) -> Option<char> {
        self.chars.get(self.at + 1).copied()
    }

    /// The whole file.
    fn run(&mut self) -> Result<(), String> {
        while self.at < self.chars.len() {
            self.command()?;
        }
        Ok(())
    }

    /// One simple command up to its line end or separator.
    fn command(&mut self) -> Result<(), String> {
        let mut words: Vec<Word> = Vec::new();
        // Whether anything stood here, and whether it happens in another process.
        let (mut seen, mut apart) = (false, false);
        loop {
            match self.peek() {
                None if apart && !seen => return Err("nothing behind a `|`".to_owned()),
                Some('\n') if apart && !seen => self.at += 1,
                None | Some('\n') => {
                    self.at += 1;
                    break;
                }
                Some(' ' | '\t') => self.at += 1,
                Some('#') => {
                    while !matches!(self.peek(), None | Some('\n')) {
                        self.at += 1;
                    }
                }
                Some('\\') if self.second() == Some('\n') => self.at += 2,
                Some(c @ (';' | '&' | '|')) => {
                    self.at += 1;
                    let double = self.peek() == Some(c);
                    if double {
                        self.at += 1;
                    }
                    if (double && c == ';') || !seen {
                        return Err(format!("a shell stops at this `{c}`"));
                    }
                    apart |= !double && c != ';';
                    if c == '|' && !double {
                        words.clear();
                        seen = false;
                        continue;
                    }
                    break;
                }
                Some(c @ ('(' | ')')) => return Err(format!("a shell stops at this `{c}`")),
                Some('<' | '>') => {
                    while matches!(self.peek(), Some('<' | '>' | '&' | '|')) {
                        self.at += 1;
                    }
                    while matches!(self.peek(), Some(' ' | '\t')) {
                        self.at += 1;
                    }
                    if self.word()?.text.is_empty() {
                        return Err("a redirection without a file".to_owned());
                    }
                    seen = true;
                }
                Some(_) => {
                    let word = self.word()?;
                    seen = true;
                    // An unquoted expansion to nothing is no word at all.
                    if !word.text.is_empty() || word.quoted || word.command {
                        words.push(word);
                    }
                }
            }
        }
        if apart { Ok(()) } else { self.apply(&words) }
    }

    /// What a command's words do to the variables.
    fn apply(&mut self, words: &[Word]) -> Result<(), String> {
        let first = words.iter().position(|w| w.assignment().is_none());
        let assignments = match first {
            None => words,
            Some(at) if matches!(words[at].text.as_str(), "export" | "readonly") => {
                for word in words
                    .iter()
                    .skip(at + 1)
                    .filter(|w| !w.command || w.plain > 0)
                {
                    let (name, value) = word.text.split_once('=').unwrap_or((&word.text, ""));
                    if !is_name(name) && !name.starts_with('-') {
                        return Err("a variable's name that a shell cannot set".to_owned());
                    }
                    if !word.text.contains('=') {
                        continue;
                    }
                    let value = if word.command {
                        Value::Command
                    } else {
                        Value::Text(value.to_owned())
                    };
                    self.reading.values.insert(name.to_owned(), value);
                }
                &words[..at]
            }
            // The command sees the variables; the shell forgets them.
            Some(_) => return Ok(()),
        };
        for (name, value) in assignments.iter().filter_map(Word::assignment) {
            self.reading.values.insert(name, value);
        }
        Ok(())
    }

    /// One word, quotes removed and expansions made.
    fn word(&mut self) -> Result<Word, String> {
        let mut word = Word::default();
        loop {
            match self.peek() {
                None | Some(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => break,
                Some('\\') if self.second() == Some('\n') => self.at += 2,
                Some('\\') => {
                    word.special = true;
                    word.quoted = true;
                    self.at += 1;
                    if let Some(c) = self.peek() {
                        word.push(c);
                        self.at += 1;
                    } else {
                        word.push('\\');
                    }
                }
                Some('\'') => {
                    word.special = true;
                    word.quoted = true;
                    self.at += 1;
                    loop {
                        let c = self.peek().ok_or("a ' is never closed")?;
                        self.at += 1;
                        if c == '\'' {
                            break;
                        }
                        word.push(c);
                    }
                }
                Some('"') => {
                    word.special = true;
                    word.quoted = true;
                    self.at += 1;
                    self.double_quoted(&mut word)?;
                }
                Some('$' | '`') => {
                    word.special = true;
                    self.expansion(&mut word)?;
                }
                Some('~') if word.text.ends_with(['=', ':']) || word.text.is_empty() => {
                    word.command = true;
                    word.push('~');
                    self.at += 1;
                }
                Some(c) => {
                    word.push(c);
                    self.at += 1;
                }
            }
        }
        Ok(word)
    }

    /// The inside of double quotes, up to and with the closing one.
    fn double_quoted(&mut self, word: &mut Word) -> Result<(), String> {
        loop {
            match self.peek().ok_or("a \" is never closed")? {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => {
                    self.at += 1;
                    match self.peek().ok_or("a \" is never closed")? {
                        '\n' => {}
                        c @ ('$' | '`' | '"' | '\\') => word.push(c),
                        c => {
                            word.push('\\');
                            word.push(c);
                        }
                    }
                    self.at += 1;
                }
                '$' | '`' => self.expansion(word)?,
                c => {
                    word.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// What begins with `$` or a backtick.
    fn expansion(&mut self, word: &mut Word) -> Result<(), String> {
        if self.peek() == Some('`') {
            self.at += 1;
            word.command = true;
            loop {
                let c = self.peek().ok_or("a ` is never closed")?;
                self.at += if c == '\\' { 2 } else { 1 };
                if c == '`' {
                    return Ok(());
                }
            }
        }
        self.at += 1;
        match self.peek() {
            Some('(') => {
                word.command = true;
                self.skip_parentheses()
            }
            Some('{') => {
                self.at += 1;
                self.braced(word)
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.name();
                self.value_of(&name, word);
                Ok(())
            }
            Some('1'..='9' | '@' | '*') => {
                self.at += 1;
                Ok(())
            }
            Some('0' | '$' | '?' | '#' | '!' | '-') => {
                self.at += 1;
                word.command = true;
                Ok(())
            }
            _ => {
                word.text.push('$');
                Ok(())
            }
        }
    }

    /// Reads a name.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self
            .peek()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        {
            name.push(c);
            self.at += 1;
        }
        name
    }

    /// Adds the value of a variable.
    fn value_of(&self, name: &str, word: &mut Word) {
        if let Some(value) = self.reading.values.get(name) {
            word.push_value(value);
        }
    }

    /// Skips `( … )`, nested ones too.
    fn skip_parentheses(&mut self) -> Result<(), String> {
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or("a ( is never closed")? {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// `${…}` behind its opening brace.
    fn braced(&mut self, word: &mut Word) -> Result<(), String> {
        let name = self.name();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or("a ${ is never closed")? {
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                '{' => depth += 1,
                _ => {}
            }
            self.at += 1;
        }
        let operation: String = self.chars[start..self.at].iter().collect();
        self.at += 1;
        if name.is_empty() || (operation.is_empty() && !is_name(&name)) {
            word.command = true;
            return Ok(());
        }
        let value = self.reading.values.get(&name).cloned();
        if operation.is_empty() {
            self.value_of(&name, word);
            return Ok(());
        }
        let (colon, operator) = match operation.strip_prefix(':') {
            Some(rest) => (true, rest),
            None => (false, operation.as_str()),
        };
        let present = value.filter(|v| !colon || *v != Value::Text(String::new()));
        let text = operator.get(1..).unwrap_or_default();
        let plain = !text.contains(['$', '`', '"', '\'', '\\']);
        match (operator.chars().next(), present) {
            (Some('-' | '=' | '?'), Some(value)) => word.push_value(&value),
            (Some('-' | '='), None) | (Some('+'), Some(_)) if plain => word.text.push_str(text),
            (Some('+'), None) => {}
            (Some('?'), None) => {
                return Err(format!("the variable {name} is required and not set"));
            }
            (Some('-' | '=' | '+' | '%' | '#'), _) => word.command = true,
            _ => return Err("a shell cannot expand this `${`".to_owned()),
        }
        Ok(())
    }
}

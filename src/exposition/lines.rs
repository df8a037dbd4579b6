//! One line of a page.

use super::Format;
use crate::exchange::cut;

/// Most labels of one sample.
const MAX_LABELS: usize = 256;

/// A sample as its line says it.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// Name with suffix.
    pub(super) name: String,
    /// Labels in the order written.
    pub(super) labels: Vec<(String, String)>,
    /// The value.
    pub(super) value: f64,
    /// The timestamp, in milliseconds.
    pub(super) timestamp: Option<f64>,
}

/// Reads a line from its left to its right.
pub(super) struct Cursor<'a> {
    /// What is left.
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// At the beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Passes over spaces and tabs.
    pub(super) fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes a character if it is the next one.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a text if it is next.
    pub(super) fn take_text(&mut self, wanted: &str) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes everything up to the first character that does not fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// A name of letters, digits, underscores (and colons, in a metric's), not beginning with a digit.
    pub(super) fn name(&mut self, colons: bool) -> Option<&'a str> {
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let name =
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':'));
        (!name.is_empty()).then_some(name)
    }

    /// Text in double quotes with `\\`, `\"` and `\n` resolved; any other backslash stays.
    pub(super) fn quoted(&mut self) -> Result<String, &'static str> {
        if !self.take('"') {
            return Err("a quotation mark is missing");
        }
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, c)) => text.extend(['\\', c]),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("the closing quotation mark is missing")
    }

    /// `{a="b", c="d"}` after its opening brace; a quoted text without value is the metric's name.
    fn labels(&mut self, name: &mut String) -> Result<Vec<(String, String)>, &'static str> {
        let mut labels: Vec<(String, String)> = Vec::new();
        loop {
            self.spaces();
            if self.take('}') {
                return Ok(labels);
            }
            let quoted = self.rest.starts_with('"');
            let key = if quoted {
                self.quoted()?
            } else {
                self.name(false)
                    .ok_or("a label's name is missing")?
                    .to_owned()
            };
            self.spaces();
            if quoted && name.is_empty() && self.rest.starts_with([',', '}']) {
                *name = key;
            } else {
                if !self.take('=') {
                    return Err("`=` is missing after a label's name");
                }
                self.spaces();
                let value = self.quoted()?;
                if labels.iter().any(|(other, _)| *other == key) {
                    return Err("a label stands there twice");
                }
                if labels.len() == MAX_LABELS {
                    return Err("there are more than 256 labels");
                }
                labels.push((key, value));
            }
            self.spaces();
            if !self.take(',') && !self.rest.starts_with('}') {
                return Err("a comma or the closing brace is missing after a label");
            }
        }
    }

    /// The next word.
    pub(super) fn word(&mut self) -> &'a str {
        self.spaces();
        self.take_while(|c| c != ' ' && c != '\t')
    }
}

/// A value as Go and Rust both read it: numbers, `NaN`, `+Inf`, `-Inf`.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Reads a sample.
///
/// # Errors
/// What is wrong, without any value of the line: it may be a secret.
pub(super) fn sample(text: &str, format: Format) -> Result<Line, String> {
    let mut cursor = Cursor::new(text);
    cursor.spaces();
    let mut name = cursor.name(true).unwrap_or_default().to_owned();
    if name.is_empty() && !cursor.rest().starts_with('{') {
        let start: String = cut(cursor.rest(), 24)
            .chars()
            .take_while(|c| !c.is_control())
            .collect();
        return Err(format!("this is no sample: it begins with `{start}`"));
    }
    cursor.spaces();
    let labels = if cursor.take('{') {
        cursor
            .labels(&mut name)
            .map_err(|why| format!("{why} ({})", cut(&name, 80)))?
    } else {
        Vec::new()
    };
    if name.is_empty() {
        return Err("the name is missing".to_owned());
    }
    let shown = || cut(&name, 80).to_owned();
    let value = number(cursor.word()).ok_or_else(|| format!("{} has no numeric value", shown()))?;
    let mut timestamp = None;
    cursor.spaces();
    if !cursor.rest().is_empty() && !cursor.rest().starts_with('#') {
        let word = cursor.word();
        timestamp = match format {
            #[expect(clippy::cast_precision_loss, reason = "a time of this age fits")]
            Format::Prometheus => word.parse::<i64>().ok().map(|millis| millis as f64),
            Format::OpenMetrics => number(word)
                .filter(|seconds| seconds.is_finite())
                .map(|seconds| seconds * 1000.0),
        };
        if timestamp.is_none() {
            return Err(format!(
                "{} has no valid timestamp after its value",
                shown()
            ));
        }
    }
    cursor.spaces();
    if !cursor.rest().is_empty() {
        exemplar(&mut cursor, format).map_err(|why| format!("{why} ({})", shown()))?;
    }
    Ok(Line {
        name,
        labels,
        value,
        timestamp,
    })
}

/// Passes over `# {labels} value timestamp` after a sample of OpenMetrics.
fn exemplar(cursor: &mut Cursor<'_>, format: Format) -> Result<(), &'static str> {
    if format == Format::Prometheus || !cursor.take('#') {
        return Err("something follows the value");
    }
    cursor.spaces();
    if !cursor.take('{') {
        return Err("an exemplar has no labels");
    }
    cursor.labels(&mut String::from("exemplar"))?;
    if number(cursor.word()).is_none() {
        return Err("an exemplar has no value");
    }
    let time = cursor.word();
    if !time.is_empty() && number(time).is_none() {
        return Err("an exemplar has no valid timestamp");
    }
    cursor.spaces();
    if cursor.rest().is_empty() {
        Ok(())
    } else {
        Err("something follows the exemplar")
    }
}

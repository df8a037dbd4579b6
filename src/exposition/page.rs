//! A whole page: lines to families.

use std::collections::HashMap;

use super::lines::{self, Cursor};
use super::{Broken, Exposition, Family, Format, MAX_SAMPLES, MetricType, Sample, validity};
use crate::exchange::cut;

/// Parses a page and looks for everything the format forbids. Never fails: what cannot be read is
/// a [`super::Problem`].
pub(crate) fn parse(body: &[u8], format: Format) -> Exposition {
    let mut page = Page {
        out: Exposition {
            format,
            families: Vec::new(),
            samples: Vec::new(),
            dropped: 0,
            problems: Vec::new(),
            more_problems: 0,
        },
        index: HashMap::new(),
        ended: false,
    };
    let mut number = 0;
    for bytes in body.split(|byte| *byte == b'\n') {
        number += 1;
        match std::str::from_utf8(bytes) {
            Ok(line) => page.line(line, number),
            Err(_) => page.syntax(number, "not UTF-8"),
        }
    }
    page.end(body, number);
    let mut out = page.out;
    validity::check(&mut out);
    out
}

/// What is known while reading.
struct Page {
    /// What becomes the result.
    out: Exposition,
    /// Families by name.
    index: HashMap<String, usize>,
    /// Whether `# EOF` was seen.
    ended: bool,
}

impl Page {
    /// A broken rule of writing.
    fn syntax(&mut self, line: usize, text: impl Into<String>) {
        self.out.complain(Broken::Syntax, line, text);
    }

    /// Takes one line.
    fn line(&mut self, line: &str, number: usize) {
        if self.ended && !line.is_empty() {
            self.syntax(number, "something follows `# EOF`");
            return;
        }
        let text = line.trim_matches([' ', '\t', '\r']);
        if text.is_empty() {
            return;
        }
        if let Some(comment) = text.strip_prefix('#') {
            self.comment(comment, number);
            return;
        }
        match lines::sample(text, self.out.format) {
            Ok(line) => self.sample(line, number),
            Err(why) => self.syntax(number, why),
        }
    }

    /// Takes a line that begins with `#`.
    fn comment(&mut self, comment: &str, number: usize) {
        let open = self.out.format == Format::OpenMetrics;
        let mut cursor = Cursor::new(comment);
        let word = cursor.word();
        if open && word == "EOF" {
            self.ended = true;
            return;
        }
        if !matches!(word, "HELP" | "TYPE" | "UNIT") {
            if open {
                self.syntax(number, "OpenMetrics knows no such comment");
            }
            return;
        }
        cursor.spaces();
        let name = if cursor.rest().starts_with('"') {
            cursor.quoted().ok()
        } else {
            cursor.name(true).map(str::to_owned)
        };
        let Some(name) = name else {
            self.syntax(number, format!("{word} without a name"));
            return;
        };
        match word {
            "TYPE" => {
                let kind = cursor.word().to_owned();
                self.typed(&name, &kind, number);
            }
            "HELP" => {
                let at = self.family(&name);
                let Some(family) = self.out.families.get_mut(at) else {
                    return;
                };
                if std::mem::replace(&mut family.helped, true) {
                    let text = format!("a second HELP line for {}", cut(&name, 80));
                    self.out.complain(Broken::Meaning, number, text);
                }
            }
            _ => {}
        }
    }

    /// Takes a TYPE line.
    fn typed(&mut self, name: &str, word: &str, number: usize) {
        let shown = cut(name, 80).to_owned();
        let Some(kind) = MetricType::named(word) else {
            self.syntax(number, format!("TYPE of {shown} is no known type"));
            return;
        };
        let late = kind.suffixes(self.out.format).iter().any(|suffix| {
            self.index
                .get(&format!("{name}{suffix}"))
                .and_then(|at| self.out.families.get(*at))
                .is_some_and(|family| !family.typed && family.samples > 0)
        });
        let at = self.family(name);
        let Some(family) = self.out.families.get_mut(at) else {
            return;
        };
        let second = std::mem::replace(&mut family.typed, true);
        let problem = match (second, family.kind == kind) {
            (true, true) => format!("a second TYPE line for {shown}"),
            (true, false) => format!("{shown} is {kind} here and {} before", family.kind),
            (false, _) if late => format!("TYPE of {shown} comes after its samples"),
            (false, _) => String::new(),
        };
        if !second {
            family.kind = kind;
        }
        if !problem.is_empty() {
            self.out.complain(Broken::Meaning, number, problem);
        }
    }

    /// The index of the family with this name, made when it is new.
    fn family(&mut self, name: &str) -> usize {
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        let at = self.out.families.len();
        self.out.families.push(Family {
            name: name.to_owned(),
            ..Family::default()
        });
        self.index.insert(name.to_owned(), at);
        at
    }

    /// The family that a sample of this name belongs to.
    fn owner(&mut self, name: &str) -> usize {
        let format = self.out.format;
        for suffix in [
            "_total", "_created", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_info",
        ] {
            let base = name.strip_suffix(suffix);
            if let Some(at) = base.and_then(|base| self.index.get(base).copied())
                && let Some(family) = self.out.families.get(at)
                && family.typed
                && family.kind.suffixes(format).contains(&suffix)
            {
                return at;
            }
        }
        self.family(name)
    }

    /// Takes a sample.
    fn sample(&mut self, line: lines::Line, number: usize) {
        let at = self.owner(&line.name);
        let format = self.out.format;
        let Some(family) = self.out.families.get_mut(at) else {
            return;
        };
        family.samples += 1;
        let suffix = line
            .name
            .strip_prefix(family.name.as_str())
            .unwrap_or_default();
        let fits = !family.typed || family.kind.suffixes(format).contains(&suffix);
        if !fits {
            let allowed: Vec<String> = family
                .kind
                .suffixes(format)
                .iter()
                .map(|suffix| format!("{}{suffix}", cut(&family.name, 80)))
                .collect();
            let text = format!(
                "{} is no sample of a {}: expected {}",
                cut(&line.name, 80),
                family.kind,
                allowed.join(", ")
            );
            self.out.complain(Broken::Meaning, number, text);
        }
        if self.out.samples.len() == MAX_SAMPLES {
            self.out.dropped += 1;
            return;
        }
        let mut labels = line.labels;
        labels.sort();
        self.out.samples.push(Sample {
            name: line.name,
            labels,
            value: line.value,
            timestamp: line.timestamp,
            family: at,
            line: number,
        });
    }

    /// Looks at how the page ends.
    fn end(&mut self, body: &[u8], lines: usize) {
        if self.out.format == Format::OpenMetrics && !self.ended {
            let text = "`# EOF` is missing at the end: the page is cut off, or not OpenMetrics";
            self.syntax(0, text);
        } else if !body.is_empty() && !body.ends_with(b"\n") && !self.ended {
            let text = "the last line does not end: a value may be cut off";
            self.out.complain(Broken::Style, lines, text);
        }
    }
}

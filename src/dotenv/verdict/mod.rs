//! Judges what was seen in a file: pure, for the kind `dotenv` and the command `env` alike.

mod loaders;

use jiff::Timestamp;

use super::dialect::Dialect;
use super::inspect::{Class, Inspection, Mark, Variable};
use super::known::Mode;

/// What is asked of a file.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The loaders that really read it; empty means that nobody said.
    pub(crate) loaders: Vec<Dialect>,
    /// Whether it is for production.
    pub(crate) production: bool,
    /// Whether nobody but its owner may read it.
    pub(crate) private: bool,
    /// Whether every name of the example must stand in it.
    pub(crate) complete: bool,
    /// Whether every name of it must stand in the example.
    pub(crate) documented: bool,
    /// Names that drift does not concern.
    pub(crate) ignored: globset::GlobSet,
    /// Names that are documented besides those of the example.
    pub(crate) declared: Vec<String>,
}

/// Something that is wrong, or advice.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Problem {
    /// The code.
    pub(crate) code: &'static str,
    /// The file.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: u32,
    /// The column, from 1.
    pub(crate) column: u32,
    /// The variable, or what else it is about.
    pub(crate) subject: String,
    /// What would be healthy.
    pub(crate) expected: String,
    /// What was seen, without values.
    pub(crate) actual: String,
    /// One sentence.
    pub(crate) message: String,
    /// What to do.
    pub(crate) advice: String,
    /// Whether it is a fault and not only advice.
    pub(crate) red: bool,
}

/// Everything that is wrong, in the order of the file.
pub(crate) fn problems(seen: &Inspection, asked: &Asked, now: Timestamp) -> Vec<Problem> {
    let judge = Judge { seen, asked };
    let mut found = Vec::new();
    judge.syntax(&mut found);
    judge.bytes(&mut found);
    judge.refusals(&mut found);
    for variable in &seen.variables {
        judge.duplicates(variable, &mut found);
        judge.readings(variable, &mut found);
        judge.value(variable, now, &mut found);
        if asked.production {
            judge.production(variable, &mut found);
        }
    }
    judge.quotes_under_docker(&mut found);
    judge.undefined(&mut found);
    judge.drift(&mut found);
    judge.example(&mut found);
    judge.reads(&mut found);
    judge.permissions(&mut found);
    found.sort_by(|a, b| {
        let key = |p: &Problem| (p.file != seen.file, p.line, p.column, p.code);
        key(a).cmp(&key(b))
    });
    found.dedup();
    found
}

/// What is judged.
struct Judge<'a> {
    /// What was seen.
    seen: &'a Inspection,
    /// What is asked.
    asked: &'a Asked,
}

impl Judge<'_> {
    /// A problem at a place of the file.
    fn at(&self, place: (u32, u32), code: &'static str, subject: &str, message: String) -> Problem {
        Problem {
            code,
            file: self.seen.file.clone(),
            line: place.0,
            column: place.1,
            subject: subject.to_owned(),
            expected: String::new(),
            actual: String::new(),
            message,
            advice: String::new(),
            red: true,
        }
    }

    /// Lines that cannot be read, and a file that says nothing.
    fn syntax(&self, found: &mut Vec<Problem>) {
        for mark in self.marks(Class::Broken) {
            let subject = mark.name.as_deref().unwrap_or("line");
            let problem = self.at(
                (mark.line, mark.column),
                "ENV-55",
                subject,
                mark.sentence.clone(),
            );
            found.push(Problem {
                expected: "NAME=value".to_owned(),
                actual: "a line that cannot be read".to_owned(),
                advice: mark.advice.clone(),
                ..problem
            });
        }
        if self.seen.variables.is_empty() {
            let message = "the file assigns no variable at all".to_owned();
            found.push(Problem {
                expected: "variables".to_owned(),
                actual: "none".to_owned(),
                advice: "see whether this is the right file".to_owned(),
                ..self.at((1, 1), "ENV-58", "file", message)
            });
        }
    }

    /// The marks of a class.
    fn marks(&self, class: Class) -> impl Iterator<Item = &Mark> {
        self.seen.marks.iter().filter(move |m| m.class == class)
    }

    /// Whether a loader was named.
    fn is_named(&self, loader: Dialect) -> bool {
        self.asked.loaders.contains(&loader)
    }

    /// Byte order mark, line ends, invisible characters.
    fn bytes(&self, found: &mut Vec<Problem>) {
        if self.seen.bom {
            let message = "the file begins with a byte order mark: python-dotenv and shells take it for a part of the first name".to_owned();
            found.push(Problem {
                expected: "no byte order mark".to_owned(),
                actual: "a byte order mark".to_owned(),
                advice: "save the file as UTF-8 without BOM".to_owned(),
                ..self.at((1, 1), "ENV-19", "file", message)
            });
        }
        let mut carriage = self
            .marks(Class::Unseen)
            .filter(|mark| mark.sentence.contains("CR LF"));
        if let Some(first) = carriage.next() {
            let others = carriage.count();
            let message = if others == 0 {
                first.sentence.clone()
            } else {
                format!(
                    "this line and {others} more end with CR LF: a shell keeps the CR as part of the value"
                )
            };
            found.push(Problem {
                expected: "LF".to_owned(),
                actual: "CR LF".to_owned(),
                advice: first.advice.clone(),
                red: self.is_named(Dialect::Shell),
                ..self.at((first.line, first.column), "ENV-19", "line ends", message)
            });
        }
        for mark in self
            .marks(Class::Unseen)
            .filter(|mark| !mark.sentence.contains("CR LF"))
        {
            let name = mark.name.as_deref().unwrap_or("value");
            let secret = self
                .seen
                .variables
                .iter()
                .any(|v| v.name == name && v.secret);
            found.push(Problem {
                expected: "visible characters".to_owned(),
                actual: "an invisible one".to_owned(),
                advice: mark.advice.clone(),
                red: secret,
                ..self.at(
                    (mark.line, mark.column),
                    "ENV-19",
                    name,
                    mark.sentence.clone(),
                )
            });
        }
    }

    /// A variable that is assigned more than once.
    fn duplicates(&self, variable: &Variable, found: &mut Vec<Problem>) {
        let Some((line, _, _)) = variable.earlier.last() else {
            return;
        };
        let differ = variable.earlier.iter().any(|(.., same)| !same);
        let message = format!(
            "{} stands in line {line} already, {}",
            variable.name,
            if differ {
                "with another value: the last one wins in most loaders, the first in some"
            } else {
                "with the same value"
            }
        );
        found.push(Problem {
            expected: "one assignment".to_owned(),
            actual: format!("{} assignments", variable.earlier.len() + 1),
            advice: "keep one of them".to_owned(),
            red: differ,
            ..self.at(
                (variable.line, variable.column),
                "ENV-13",
                &variable.name,
                message,
            )
        });
    }

    /// References to nothing: every loader that resolves them agrees on nothing.
    fn undefined(&self, found: &mut Vec<Problem>) {
        for mark in self
            .marks(Class::Dollar)
            .filter(|mark| mark.sentence.contains("is not defined"))
        {
            let name = mark.name.as_deref().unwrap_or("value");
            if found
                .iter()
                .any(|p| p.code == "ENV-17" && p.subject == name)
            {
                continue;
            }
            found.push(Problem {
                expected: "a defined variable".to_owned(),
                actual: "an undefined one".to_owned(),
                advice: mark.advice.clone(),
                ..self.at(
                    (mark.line, mark.column),
                    "ENV-17",
                    name,
                    format!("{name}: {}", mark.sentence),
                )
            });
        }
    }

    /// Placeholders, defaults, expired credentials, names that publish.
    fn value(&self, variable: &Variable, now: Timestamp, found: &mut Vec<Problem>) {
        let place = (variable.line, variable.column);
        let (name, shape) = (&variable.name, &variable.shape);
        let generate = "generate one: openssl rand -base64 32".to_owned();
        let fault = |code, message: String, expected: &str, advice: String, red| Problem {
            expected: expected.to_owned(),
            actual: shape.in_words(),
            advice,
            red,
            ..self.at(place, code, name, message)
        };
        if let Some(why) = &shape.placeholder {
            let message = format!("{name} is still a placeholder: {why}");
            let advice = "write the real value".to_owned();
            found.push(fault(
                "ENV-03",
                message,
                "a real value",
                advice,
                variable.secret,
            ));
        } else if let Some(whose) = shape.published.as_ref().filter(|_| variable.secret) {
            let message = format!("{name} is a published default ({whose})");
            found.push(fault(
                "ENV-04",
                message,
                "a secret of its own",
                generate,
                true,
            ));
        } else if variable.same_as_example && variable.secret {
            let message = format!("{name} has the value that the example shows");
            found.push(fault(
                "ENV-07",
                message,
                "a secret of its own",
                generate,
                true,
            ));
        }
        if let Some((at, what)) = &shape.expires
            && *at <= now
        {
            let message = format!(
                "the {what} in {name} expired on {}",
                at.strftime("%Y-%m-%d")
            );
            let advice = "issue a new one".to_owned();
            found.push(fault("ENV-23", message, "not expired", advice, true));
        }
        if let Some((why, certain)) = &variable.exposed {
            let message = format!("{name} would be in every visitor's browser: {why}");
            let advice =
                "rename it without the public prefix and use it on the server only".to_owned();
            found.push(fault(
                "ENV-24",
                message,
                "no secret under a public name",
                advice,
                *certain,
            ));
        }
    }

    /// What only matters in production.
    fn production(&self, variable: &Variable, found: &mut Vec<Problem>) {
        let place = (variable.line, variable.column);
        let name = &variable.name;
        if variable.switch {
            let message = format!("{name} switches the program to development");
            found.push(Problem {
                expected: "off, as in production".to_owned(),
                actual: "set as in development".to_owned(),
                advice: "set its production value, or remove it".to_owned(),
                ..self.at(place, "ENV-08", name, message)
            });
        }
        if let Some((provider, Mode::Test)) = &variable.shape.provider {
            let message = format!("{name} is a test key of {provider}");
            found.push(Problem {
                expected: "a live key".to_owned(),
                actual: "a test key".to_owned(),
                advice: "use the provider's live key".to_owned(),
                ..self.at(place, "ENV-22", name, message)
            });
        }
    }

    /// Drift between the file and its example.
    fn drift(&self, found: &mut Vec<Problem>) {
        // What stands behind a break is not known.
        if self.marks(Class::Broken).next().is_some() {
            return;
        }
        for (name, meant) in &self.seen.near {
            let place = self
                .seen
                .variables
                .iter()
                .find(|v| v.name == *name)
                .map_or((1, 1), |v| (v.line, v.column));
            let message = format!("{name} is known to nobody; {meant} is, and is missing here");
            found.push(Problem {
                expected: meant.clone(),
                actual: name.clone(),
                advice: format!("did you mean {meant}?"),
                ..self.at(place, "ENV-14", name, message)
            });
        }
        let Some(example) = &self.seen.example else {
            return;
        };
        let misspelt = |name: &str| self.seen.near.iter().any(|(a, b)| a == name || b == name);
        if self.asked.complete {
            for (name, line) in &example.names {
                let here = self.seen.variables.iter().any(|v| v.name == *name);
                if here || misspelt(name) || self.asked.ignored.is_match(name) {
                    continue;
                }
                let message = format!("{name} of {}:{line} is missing here", example.file);
                found.push(Problem {
                    expected: "every name of the example".to_owned(),
                    actual: "missing".to_owned(),
                    advice: format!(
                        "add {name}, empty if it is not needed, or remove it from the example"
                    ),
                    ..self.at((1, 1), "ENV-15", name, message)
                });
            }
        }
        if self.asked.documented {
            for variable in &self.seen.variables {
                let name = &variable.name;
                let there = example.names.contains_key(name);
                if there || misspelt(name) || self.asked.ignored.is_match(name) {
                    continue;
                }
                let message = format!("{name} is not in {}", example.file);
                found.push(Problem {
                    expected: "documented in the example".to_owned(),
                    actual: "not there".to_owned(),
                    advice: format!("add {name} with a placeholder to {}", example.file),
                    ..self.at((variable.line, variable.column), "ENV-15", name, message)
                });
            }
        }
    }

    /// Real secrets in the example.
    fn example(&self, found: &mut Vec<Problem>) {
        let Some(example) = &self.seen.example else {
            return;
        };
        for (name, line, why) in &example.secrets {
            found.push(Problem {
                code: "ENV-57",
                file: example.file.clone(),
                line: *line,
                column: 1,
                subject: name.clone(),
                expected: "a placeholder".to_owned(),
                actual: why.clone(),
                message: format!("{name} in the example looks like a real secret: {why}"),
                advice: "replace it by a placeholder, and change the secret where it is used"
                    .to_owned(),
                red: true,
            });
        }
    }

    /// What the source code reads against what is documented: both ways.
    fn reads(&self, found: &mut Vec<Problem>) {
        let Some(reads) = &self.seen.reads else {
            return;
        };
        let (document, lines) = match &self.seen.example {
            Some(example) => (&example.file, example.names.clone()),
            None => (
                &self.seen.file,
                self.seen
                    .variables
                    .iter()
                    .map(|v| (v.name.clone(), v.line))
                    .collect(),
            ),
        };
        for (name, (file, line)) in reads {
            if lines.contains_key(name)
                || self.asked.declared.contains(name)
                || self.asked.ignored.is_match(name)
            {
                continue;
            }
            found.push(Problem {
                code: "ENV-59",
                file: file.clone(),
                line: *line,
                column: 1,
                subject: name.clone(),
                expected: format!("documented in {document}"),
                actual: "not there".to_owned(),
                message: format!("the code reads {name}, which {document} does not name"),
                advice: format!("add {name} with a placeholder to {document}"),
                red: true,
            });
        }
        for (name, line) in &lines {
            if reads.contains_key(name) || self.asked.ignored.is_match(name) {
                continue;
            }
            found.push(Problem {
                code: "ENV-60",
                file: document.clone(),
                line: *line,
                column: 1,
                subject: name.clone(),
                expected: "read by the code".to_owned(),
                actual: "no usual call reads it".to_owned(),
                message: format!("no code that was looked at reads {name}"),
                advice: "remove it, or name it under `ignore:` when a library reads it".to_owned(),
                red: false,
            });
        }
    }

    /// Who may read the file.
    fn permissions(&self, found: &mut Vec<Problem>) {
        let secrets = self
            .seen
            .variables
            .iter()
            .any(|v| v.secret && !v.shape.blank && v.shape.placeholder.is_none());
        let Some(mode) = self.seen.mode.filter(|_| secrets) else {
            return;
        };
        let (who, red) = if mode & 0o007 != 0 {
            ("everybody on the machine", self.asked.private)
        } else if mode & 0o070 != 0 && self.asked.private {
            ("its group", true)
        } else {
            return;
        };
        found.push(Problem {
            expected: "mode 600".to_owned(),
            actual: format!("mode {mode:03o}"),
            advice: format!("chmod 600 {}", self.seen.file),
            red,
            ..self.at(
                (1, 1),
                "ENV-24",
                "permissions",
                format!("the file holds secrets, and {who} may open it"),
            )
        });
    }
}

//! Where loaders read different values from the same line.

use super::{Judge, Problem};
use crate::dotenv::dialect::Dialect;
use crate::dotenv::inspect::{Class, Group, Reading, Variable};

/// `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [several @ .., last] => format!("{} and {last}", several.join(", ")),
    }
}

/// The loaders of a group.
fn loaders(group: &Group) -> String {
    list(&group.loaders.iter().map(|l| l.name()).collect::<Vec<_>>())
}

/// What loaders make of a value.
fn words(reading: Reading) -> &'static str {
    match reading {
        Reading::Same => "the value",
        Reading::Quoted => "the value with its quotes",
        Reading::Shorter => "only its beginning",
        Reading::Empty => "nothing",
        Reading::Unset => "no such variable",
        Reading::Command => "the output of a command",
        Reading::Other => "another value",
    }
}

impl Judge<'_> {
    /// Loaders that refuse the whole file.
    pub(super) fn refusals(&self, found: &mut Vec<Problem>) {
        for (loader, line, why) in &self.seen.refused {
            let named = self.is_named(*loader);
            // A line that nobody can read was reported already.
            let known = self.marks(Class::Broken).any(|mark| mark.line <= *line);
            if !named && (known || !self.asked.loaders.is_empty()) {
                continue;
            }
            let message = format!("{} refuses the whole file here: {why}", loader.name());
            found.push(Problem {
                expected: "a file that its loader reads".to_owned(),
                actual: "refused".to_owned(),
                advice: format!("correct the line if {} reads this file", loader.name()),
                red: named,
                ..self.at((*line, 1), "ENV-55", loader.name(), message)
            });
        }
    }

    /// A value that loaders read differently.
    pub(super) fn readings(&self, variable: &Variable, found: &mut Vec<Problem>) {
        // In a broken file loaders differ everywhere behind the break: that is one fault.
        if self.marks(Class::Broken).next().is_some() {
            return;
        }
        let named = &self.asked.loaders;
        let groups: Vec<Group> = variable
            .readings
            .iter()
            .map(|group| Group {
                loaders: group
                    .loaders
                    .iter()
                    .copied()
                    .filter(|l| named.is_empty() || named.contains(l))
                    .collect(),
                reading: group.reading,
            })
            .filter(|group| !group.loaders.is_empty())
            .collect();
        let odd: Vec<&Group> = groups
            .iter()
            .filter(|group| group.reading != Reading::Same)
            .collect();
        if odd.is_empty() {
            return;
        }
        let only_docker = odd.iter().all(|group| group.loaders == [Dialect::Docker]);
        if only_docker && named.is_empty() {
            // Said once for the file: it concerns every quoted value and every comment.
            return;
        }
        let (code, place, why, advice) = self.cause(variable, &odd);
        let seen = groups
            .iter()
            .map(|group| format!("{}: {}", loaders(group), words(group.reading)))
            .collect::<Vec<_>>()
            .join("; ");
        // Between libraries made for this file a difference is a fault; a shell and `docker run`
        // are less likely to read it.
        let library = |loader: &Dialect| !matches!(loader, Dialect::Docker | Dialect::Shell);
        let red = !named.is_empty()
            || ((!variable.refers || self.marked(variable))
                && odd.iter().any(|g| g.loaders.iter().any(library)));
        let who: Vec<&str> = odd
            .iter()
            .flat_map(|g| g.loaders.iter().map(|l| l.name()))
            .collect();
        let message = match why {
            Some(why) => format!("{}: {why}", variable.name),
            None => format!(
                "{}: {} read another value than others",
                variable.name,
                list(&who)
            ),
        };
        found.push(Problem {
            expected: "one value, whoever reads it".to_owned(),
            actual: seen,
            advice,
            red,
            ..self.at(place, code, &variable.name, message)
        });
    }

    /// Whether something at the value was doubtful by itself.
    fn marked(&self, variable: &Variable) -> bool {
        self.seen
            .marks
            .iter()
            .any(|mark| mark.name.as_deref() == Some(variable.name.as_str()))
    }

    /// Why loaders differ: the code, the place, the sentence and the advice.
    fn cause(
        &self,
        variable: &Variable,
        odd: &[&Group],
    ) -> (&'static str, (u32, u32), Option<String>, String) {
        let marks = |class: Class| {
            self.marks(class)
                .find(|mark| mark.name.as_deref() == Some(variable.name.as_str()))
        };
        for (class, code) in [
            (Class::Dollar, "ENV-17"),
            (Class::Cut, "ENV-16"),
            (Class::Unseen, "ENV-19"),
        ] {
            if let Some(mark) = marks(class) {
                let place = (mark.line, mark.column);
                return (
                    code,
                    place,
                    Some(mark.sentence.clone()),
                    mark.advice.clone(),
                );
            }
        }
        let place = (variable.line, variable.column);
        if variable.refers {
            let why =
                "it refers to another variable: Node dotenv and docker run keep the text as it is"
                    .to_owned();
            return (
                "ENV-17",
                place,
                Some(why),
                "nothing, if what loads this file expands references; Node needs dotenv-expand"
                    .to_owned(),
            );
        }
        if odd.iter().all(|group| group.reading == Reading::Quoted) {
            let why = "docker run keeps the quotes as part of the value".to_owned();
            return (
                "ENV-18",
                place,
                Some(why),
                "write the value without quotes for docker run, or load the file with Compose"
                    .to_owned(),
            );
        }
        (
            "ENV-56",
            place,
            None,
            "write it so that no escape, no reference and no line end is needed".to_owned(),
        )
    }

    /// What `docker run` reads differently, once: it keeps every quote and comment.
    pub(super) fn quotes_under_docker(&self, found: &mut Vec<Problem>) {
        if !self.asked.loaders.is_empty() {
            return;
        }
        let mut odd = self.seen.variables.iter().filter(|v| {
            v.readings
                .iter()
                .any(|g| g.reading != Reading::Same && g.loaders == [Dialect::Docker])
        });
        let Some(first) = odd.next() else { return };
        let others = odd.count();
        let more = if others == 0 {
            String::new()
        } else {
            format!(" and {others} more")
        };
        let message = format!(
            "{}{more}: docker run --env-file keeps quotes, escapes and comments as part of the value",
            first.name
        );
        found.push(Problem {
            expected: "plain values, for docker run".to_owned(),
            actual: "quotes, escapes or comments".to_owned(),
            advice: "nothing, unless docker run --env-file reads this file".to_owned(),
            red: false,
            ..self.at((first.line, first.column), "ENV-18", &first.name, message)
        });
    }
}

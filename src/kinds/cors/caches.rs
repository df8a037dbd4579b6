//! What a cache between browser and server would make of the answers.

use super::facts::{Access, Answer, Form, Seen, items};
use super::judge::{View, is_passing_trouble, unknown};
use super::origins::Class;
use crate::outcome::Finding;

impl View<'_> {
    /// A GET of an allowed origin at a URL that others asked before.
    pub(super) fn after_another(&self, (seen, answer): (&Seen, &Answer)) -> Vec<Finding> {
        let origin = seen.origin.as_deref().unwrap_or_default();
        let alone = self.answered().find(|(other, _)| {
            other.class == Class::Allowed
                && other.form == Form::Actual
                && !other.shared
                && other.origin == seen.origin
        });
        let subject = self.subject(format!("GET from {origin} after others asked"));
        let expected = format!("{origin} may read the answer, whoever asked before");
        if answer.access(origin) != Access::None {
            return vec![Finding::pass(subject, expected, answer.shown())];
        }
        match alone {
            Some((_, other)) if other.access(origin) == Access::None => Vec::new(),
            Some((_, other)) if other.status == answer.status => vec![Finding::fail(
                "CORS-24",
                subject,
                expected,
                format!("{} (alone: {})", answer.shown(), other.shown()),
                "the answer depends on who asked before, or on the node that answers: a cache hands out another origin's answer",
            )],
            _ if is_passing_trouble(answer.status) => {
                vec![unknown("CORS-24", subject, &expected, answer)]
            }
            _ if answer.status >= 400 && answer.allow_origin.is_empty() => {
                vec![self.bare_error(subject, origin, answer)]
            }
            _ => Vec::new(),
        }
    }

    /// Whether caches are told that the answer depends on the origin.
    pub(super) fn vary(&self) -> Vec<Finding> {
        let gets: Vec<(&Seen, &Answer)> = self
            .answered()
            .filter(|(seen, answer)| {
                seen.form == Form::Actual
                    && !(is_passing_trouble(answer.status) && answer.allow_origin.is_empty())
            })
            .collect();
        let named = |(seen, answer): &(&Seen, &Answer)| {
            let origin = seen.origin.as_deref().unwrap_or_default();
            seen.origin.is_some() && answer.access(origin) >= Access::Named
        };
        let Some(own) = gets.iter().find(|g| named(g)) else {
            return Vec::new();
        };
        let plain = |seen: &Seen| {
            matches!(
                seen.class,
                Class::Allowed | Class::NoOrigin | Class::Arbitrary
            )
        };
        let differs = |g: &(&Seen, &Answer)| {
            plain(g.0)
                && g.1.status == own.1.status
                && g.1.allowed_origin() != own.1.allowed_origin()
        };
        if !gets.iter().any(differs) {
            return self.lost_vary(&gets);
        }
        let mut list = Vec::new();
        let subject = |who: &str| self.subject(format!("Vary {who}"));
        let lacking = gets.iter().find(|g| named(g) && !g.1.varies_by("origin"));
        list.push(match lacking {
            Some((_, answer)) => {
                let finding = Finding::fail(
                    "CORS-21",
                    subject("to allowed origins"),
                    "Vary: Origin",
                    shown_vary(answer),
                    "the answer depends on the Origin but does not say so: caches mix up origins",
                );
                if answer.is_not_stored() {
                    finding.as_warning()
                } else {
                    finding
                }
            }
            None => Finding::pass(
                subject("to allowed origins"),
                "Vary: Origin",
                shown_vary(own.1),
            ),
        });
        let others = gets.iter().filter(|g| !named(g));
        let lacking: Vec<_> = others
            .filter(|g| !g.1.varies_by("origin") && !g.1.is_not_stored())
            .collect();
        let worst = lacking
            .iter()
            .find(|g| g.1.invites_caches())
            .or(lacking.first());
        list.push(match worst {
            Some((seen, answer)) => {
                let finding = Finding::fail(
                    "CORS-21",
                    subject("to others"),
                    "Vary: Origin",
                    shown_vary(answer),
                    format!("an answer to {} has no Vary: Origin: a cache that keeps it breaks the allowed origins", seen.class.words()),
                );
                if answer.invites_caches() { finding } else { finding.as_warning() }
            }
            None => Finding::pass(subject("to others"), "Vary: Origin, or not stored", "as expected"),
        });
        list.extend(self.lost_vary(&gets));
        list
    }

    /// Whether what varies without an Origin still varies with one.
    fn lost_vary(&self, gets: &[(&Seen, &Answer)]) -> Vec<Finding> {
        let plain = gets.iter().find(|(seen, _)| seen.class == Class::NoOrigin);
        let own = gets
            .iter()
            .find(|(seen, _)| seen.class == Class::Allowed && seen.shared);
        let (Some((_, plain)), Some((_, own))) = (plain, own) else {
            return Vec::new();
        };
        if plain.status != own.status {
            return Vec::new();
        }
        let lost: Vec<&str> = items(&plain.vary)
            .filter(|field| !own.varies_by(field))
            .collect();
        if lost.is_empty() {
            return Vec::new();
        }
        let lost = lost.join(", ");
        vec![Finding::fail(
            "CORS-22",
            self.subject("Vary with an Origin"),
            format!("Vary with {lost}, as without an Origin"),
            shown_vary(own),
            format!("Vary loses {lost} as soon as an Origin is sent"),
        )]
    }
}

/// What `Vary` says, for a person.
fn shown_vary(answer: &Answer) -> String {
    if answer.vary.is_empty() {
        "no Vary".to_owned()
    } else {
        format!("Vary: {}", answer.vary.join(", "))
    }
}

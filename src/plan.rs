//! Pure: a loaded profile and a selection become ordered steps, or every problem at once.

use std::collections::HashSet;
use std::sync::Arc;

use globset::{Glob, GlobMatcher};
use jiff::civil::Date;

use crate::kinds::KINDS;
use crate::outcome::{Location, Severity};
use crate::profile::check::Check;
use crate::profile::node::{Place, Problems, Sources, suggest};
use crate::profile::{Profile, SignOff, Waiver};

/// One check of an audit with everything it depends on.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The check.
    pub(crate) check: Check,
    /// Where it stands, for people.
    pub(crate) location: Location,
    /// Indices of the steps that must be green first.
    pub(crate) needs: Vec<usize>,
    /// The waiver for it.
    pub(crate) waiver: Option<Waiver>,
    /// The sign-offs for it.
    pub(crate) sign_offs: Arc<[SignOff]>,
}

/// What will be run, in the order of the report.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Name of the profile.
    pub(crate) profile: String,
    /// Name of the target or targets.
    pub(crate) target: Option<String>,
    /// The steps.
    pub(crate) steps: Vec<Step>,
}

/// Which checks a person wants: an id, a glob, `tag:x`, `kind:x`, `severity:high+`.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    /// An id or a glob over ids.
    Id(String, GlobMatcher),
    /// A tag.
    Tag(String),
    /// A kind.
    Kind(String),
    /// A severity, or it and everything above.
    Severity(Severity, bool),
}

impl std::str::FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(tag) = text.strip_prefix("tag:") {
            return Ok(Self::Tag(tag.to_owned()));
        }
        if let Some(kind) = text.strip_prefix("kind:") {
            let known = KINDS.iter().map(|kind| kind.name);
            return if known.clone().any(|name| name == kind) {
                Ok(Self::Kind(kind.to_owned()))
            } else {
                Err(format!(
                    "there is no kind `{kind}`: {}",
                    suggest(kind, known)
                ))
            };
        }
        if let Some(severity) = text.strip_prefix("severity:") {
            let (name, above) = severity
                .strip_suffix('+')
                .map_or((severity, false), |name| (name, true));
            return clap::ValueEnum::from_str(name, true)
                .map(|severity| Self::Severity(severity, above))
                .map_err(|_| {
                    format!(
                        "there is no severity `{name}`: known are critical, high, medium, low, info"
                    )
                });
        }
        if text.is_empty() {
            return Err("an empty selector selects nothing".to_owned());
        }
        // Brackets belong to the ids of `for_each` items, not to the glob.
        let literal = text.replace('[', "[[]");
        Glob::new(&literal)
            .map(|glob| Self::Id(text.to_owned(), glob.compile_matcher()))
            .map_err(|error| error.to_string())
    }
}

impl Selector {
    /// Whether the check is meant.
    fn takes(&self, check: &Check) -> bool {
        match self {
            Self::Id(id, glob) => *id == check.base_id || glob.is_match(&check.fields.id),
            Self::Tag(tag) => check.fields.tags.contains(tag),
            Self::Kind(kind) => check.kind == kind,
            Self::Severity(severity, above) => {
                let own = check.fields.severity.unwrap_or_default();
                if *above {
                    own >= *severity
                } else {
                    own == *severity
                }
            }
        }
    }

    /// As it was written.
    fn text(&self) -> String {
        match self {
            Self::Id(id, _) => id.clone(),
            Self::Tag(tag) => format!("tag:{tag}"),
            Self::Kind(kind) => format!("kind:{kind}"),
            Self::Severity(severity, above) => {
                format!("severity:{severity}{}", if *above { "+" } else { "" })
            }
        }
    }
}

/// Which checks to take and which to leave out; nothing in `only` takes all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// `--only`.
    pub(crate) only: Vec<Selector>,
    /// `--skip`.
    pub(crate) skip: Vec<Selector>,
}

/// Orders, connects and selects. With `today`, expired waivers are problems (linting); without, they
/// turn their check red (auditing).
pub(crate) fn plan(
    profile: Profile,
    selection: &Selection,
    today: Option<Date>,
    sources: &Sources,
    problems: &mut Problems,
) -> Vec<Step> {
    unique(&profile.checks, problems);
    waivers(&profile, today, problems);
    for (sign_off, at) in &profile.sign_offs {
        known_id(&sign_off.check, "sign-off", *at, &profile, problems);
        needs_signature(sign_off, *at, &profile.checks, problems);
    }
    let needs = connect(&profile, problems);
    cycles(&profile.checks, &needs, problems);
    let chosen = select(&profile.checks, &needs, selection, problems);
    let position: Vec<Option<usize>> = {
        let mut next = 0;
        chosen
            .iter()
            .map(|taken| {
                taken.then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect()
    };
    let covers = |id: &str, check: &Check| id == check.fields.id || id == check.base_id;
    let located = |at: Place| Location {
        file: sources
            .files
            .get(at.file)
            .map(|file| file.name.clone())
            .unwrap_or_default(),
        line: at.line,
        column: at.column,
    };
    let mut steps = Vec::new();
    for (index, check) in profile
        .checks
        .into_iter()
        .enumerate()
        .filter(|(index, _)| chosen[*index])
    {
        steps.push(Step {
            location: located(check.at),
            needs: needs[index]
                .iter()
                .filter_map(|need| position[*need])
                .collect(),
            waiver: profile
                .waivers
                .iter()
                .map(|(waiver, _)| waiver)
                .find(|waiver| covers(&waiver.check, &check))
                .cloned(),
            sign_offs: profile
                .sign_offs
                .iter()
                .map(|(sign_off, _)| sign_off)
                .filter(|sign_off| covers(&sign_off.check, &check))
                .cloned()
                .collect(),
            check,
        });
    }
    steps
}

/// Ids are unique across packs and the profile.
fn unique(checks: &[Check], problems: &mut Problems) {
    for (index, check) in checks.iter().enumerate() {
        if let Some(first) = checks[..index]
            .iter()
            .find(|other| other.fields.id == check.fields.id)
        {
            let place = |check: &Check| check.used_at.unwrap_or(check.id_at);
            if place(check) == place(first) && check.id_at == first.id_at {
                problems.add(
                    check.id_at,
                    format!(
                        "two items of the `for_each` of this check give it the id `{}`",
                        check.fields.id
                    ),
                    "give each item a value, or an `id:`, of its own",
                );
                continue;
            }
            let help = match (check.used_at, first.used_at) {
                (None, None) => "give each check its own id",
                (Some(_), Some(_)) => {
                    "leave one out with `except:`, or give one use a prefix with `as:`"
                }
                _ => "to change a check of a pack, write it under `override:` of its use",
            };
            problems.add_with(
                place(check),
                format!("the id `{}` is used twice", check.fields.id),
                (place(first), "first used here".to_owned()),
                help,
            );
        }
    }
}

/// Whether a check has this id, be it one whose own mistakes were reported.
fn is_declared(id: &str, profile: &Profile) -> bool {
    let checks = &profile.checks;
    profile.declared.iter().any(|declared| declared == id)
        || checks
            .iter()
            .any(|check| check.fields.id == id || check.base_id == id)
}

/// Reports a sign-off for a check that takes none.
fn needs_signature(sign_off: &SignOff, at: Place, checks: &[Check], problems: &mut Problems) {
    let of = |check: &&Check| check.fields.id == sign_off.check || check.base_id == sign_off.check;
    if let Some(check) = checks
        .iter()
        .find(of)
        .filter(|check| check.kind != "attest")
    {
        problems.add(
            at,
            format!(
                "this sign-off is for `{}`, which a machine judges: its kind is `{}`",
                sign_off.check, check.kind
            ),
            "sign off checks of kind `attest`; to accept a failure write a waiver",
        );
    }
}

/// Reports an id that names no check.
fn known_id(id: &str, noun: &str, at: Place, profile: &Profile, problems: &mut Problems) {
    let checks = &profile.checks;
    if !is_declared(id, profile) {
        problems.add(
            at,
            format!("this {noun} is for `{id}`, which is no check of the profile"),
            suggest(id, checks.iter().map(|check| check.fields.id.as_str())),
        );
    }
}

/// Waivers are for existing checks, and when linting not expired.
fn waivers(profile: &Profile, today: Option<Date>, problems: &mut Problems) {
    for (index, (waiver, at)) in profile.waivers.iter().enumerate() {
        known_id(&waiver.check, "waiver", *at, profile, problems);
        if let Some((_, first)) = profile.waivers[..index]
            .iter()
            .find(|(other, _)| other.check == waiver.check)
        {
            problems.add_with(
                *at,
                format!("`{}` is waived twice", waiver.check),
                (*first, "first waived here".to_owned()),
                "keep one of the two",
            );
        }
        if waiver.reason.trim().is_empty() || waiver.approved_by.trim().is_empty() {
            problems.add(
                *at,
                format!(
                    "the waiver of `{}` names no reason or nobody who approved it",
                    waiver.check
                ),
                "fill in `reason:` and `approved_by:`",
            );
        }
        if today.is_some_and(|today| waiver.expires < today) {
            problems.add(
                *at,
                format!(
                    "the waiver of `{}` expired on {}",
                    waiver.check, waiver.expires
                ),
                "fix what it covers, or renew it with a new reason",
            );
        }
    }
}

/// For each check the indices of those it needs.
fn connect(profile: &Profile, problems: &mut Problems) -> Vec<Vec<usize>> {
    let checks = &profile.checks;
    checks
        .iter()
        .map(|check| {
            let mut indices = Vec::new();
            for (position, need) in check.fields.needs.iter().enumerate() {
                let found: Vec<usize> = checks
                    .iter()
                    .enumerate()
                    .filter(|(_, other)| other.fields.id == *need || other.base_id == *need)
                    .map(|(index, _)| index)
                    .collect();
                if found.is_empty() && !is_declared(need, profile) {
                    problems.add(
                        check.needs_at.get(position).copied().unwrap_or(check.at),
                        format!(
                            "`{}` needs `{need}`, which is no check of the profile",
                            check.fields.id
                        ),
                        suggest(need, checks.iter().map(|check| check.fields.id.as_str())),
                    );
                }
                indices.extend(found);
            }
            indices
        })
        .collect()
}

/// Reports a check that needs itself through others.
fn cycles(checks: &[Check], needs: &[Vec<usize>], problems: &mut Problems) {
    /// Walks the needs of `at`; true when the walk comes back to a check on the way.
    fn circles(
        at: usize,
        needs: &[Vec<usize>],
        way: &mut Vec<usize>,
        done: &mut HashSet<usize>,
    ) -> bool {
        if way.contains(&at) {
            way.push(at);
            return true;
        }
        if !done.insert(at) {
            return false;
        }
        way.push(at);
        if needs[at]
            .iter()
            .any(|next| circles(*next, needs, way, done))
        {
            return true;
        }
        way.pop();
        false
    }
    let mut done = HashSet::new();
    for index in 0..checks.len() {
        let mut way = Vec::new();
        if circles(index, needs, &mut way, &mut done) {
            let names: Vec<&str> = way
                .iter()
                .map(|step| checks[*step].fields.id.as_str())
                .collect();
            problems.add(
                checks[index].at,
                format!("these checks need each other: {}", names.join(" -> ")),
                "take one `needs:` out of the circle",
            );
            return;
        }
    }
}

/// Which checks are taken. What a taken check needs is taken too, unless it was left out by name.
fn select(
    checks: &[Check],
    needs: &[Vec<usize>],
    selection: &Selection,
    problems: &mut Problems,
) -> Vec<bool> {
    for selector in selection.only.iter().chain(&selection.skip) {
        if !checks.iter().any(|check| selector.takes(check)) {
            let text = selector.text();
            let help = match selector {
                Selector::Tag(tag) => suggest(
                    tag,
                    checks
                        .iter()
                        .flat_map(|check| &check.fields.tags)
                        .map(String::as_str)
                        .collect::<HashSet<_>>(),
                ),
                _ => suggest(&text, checks.iter().map(|check| check.fields.id.as_str())),
            };
            problems.add_global(format!("the selector `{text}` selects no check"), help);
        }
    }
    let skipped = |check: &Check| selection.skip.iter().any(|selector| selector.takes(check));
    let mut chosen: Vec<bool> = checks
        .iter()
        .map(|check| {
            !skipped(check)
                && (selection.only.is_empty()
                    || selection.only.iter().any(|selector| selector.takes(check)))
        })
        .collect();
    let mut queue: Vec<usize> = (0..checks.len()).filter(|index| chosen[*index]).collect();
    while let Some(index) = queue.pop() {
        for need in &needs[index] {
            if !chosen[*need] && !skipped(&checks[*need]) {
                chosen[*need] = true;
                queue.push(*need);
            }
        }
    }
    if !chosen.contains(&true) && problems.is_empty() && !checks.is_empty() {
        problems.add_global("no check is selected", "loosen `--only` or `--skip`");
    }
    chosen
}

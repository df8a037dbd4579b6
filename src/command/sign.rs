//! `sign`: records that a person verified what no machine can judge.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Session;
use super::audit::environment;
use super::signatures::{due, judged};
use crate::cli::Sign;
use crate::environment::Environment;
use crate::expect::TimeSpan;
use crate::kinds::{EvidenceForm, Statement, evidence_form, head, sum_of_file};
use crate::outcome::{Judged, exit};
use crate::profile::check::Check;
use crate::profile::node::{Problems, Sources, suggest};
use crate::profile::sign_off::is_commit;
use crate::profile::{Profile, Request, SignOff, load, sign_edit};

/// What is wrong and what to do.
type Refusal = (String, String);

/// Records one signature.
pub(super) fn run(options: &Sign, session: &Session) -> anyhow::Result<u8> {
    let environment = match environment(&options.values, session) {
        Ok(environment) => environment,
        Err(code) => return Ok(code),
    };
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let profile = loaded(options, &environment, session, &mut sources, &mut problems);
    let Some(profile) = profile.filter(|_| problems.is_empty()) else {
        return Ok(session.refuse(&problems, &sources));
    };
    let said = prepare(options, &profile, &environment, session)
        .and_then(|(sign_off, statement)| record(&profile, &sign_off, &statement));
    match said {
        Ok(text) => {
            session.print(&text)?;
            Ok(exit::READY)
        }
        Err((message, help)) => {
            session.note(&format!("error: {message}\n  help: {help}"));
            Ok(exit::USAGE)
        }
    }
}

/// The profile, planned so that sign-offs it has already are sound.
fn loaded(
    options: &Sign,
    environment: &Environment,
    session: &Session,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Profile> {
    let request = Request {
        profiles: std::slice::from_ref(&options.profile),
        environment,
        set: &options.values.set,
        target: options.values.target.as_deref(),
        // A signature needs no address and no password.
        strict: false,
        redactor: &session.redactor,
    };
    let profile = load(&request, sources, problems)?;
    let selection = crate::plan::Selection::default();
    crate::plan::plan(profile.clone(), &selection, None, sources, problems);
    Some(profile)
}

/// The signature, when it would count.
fn prepare(
    options: &Sign,
    profile: &Profile,
    environment: &Environment,
    session: &Session,
) -> Result<(SignOff, Statement), Refusal> {
    let (checks, statement) = meant(&options.check, profile)?;
    let role = role(options.role.as_deref(), &statement)?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let mut sign_off = SignOff {
        check: options.check.clone(),
        by: signer(options.by.as_deref(), environment)?,
        on: options.on.unwrap_or(today),
        valid_for: options.valid_for,
        evidence: options.evidence.clone(),
        sha256: None,
        commit: options.commit.as_deref().map(commit).transpose()?,
        note: options.note.clone(),
        role,
    };
    sign_off.sha256 = options.evidence.as_deref().map(hash).transpose()?.flatten();
    // Judged before it is written: a signature that does not count is none.
    for check in checks {
        let findings = judged(check, std::slice::from_ref(&sign_off), session)
            .map_err(|fault| (fault.message, fault.hint.unwrap_or_default()))?;
        let position = statement
            .roles
            .iter()
            .position(|role| *role == sign_off.role)
            .unwrap_or(0);
        if let Some(finding) = findings
            .get(position)
            .filter(|finding| finding.verdict != Judged::Pass)
        {
            let code = finding.code.as_deref().unwrap_or_default();
            let help = match code {
                "ATT-04" => "give `--evidence` in the form that the check asks for",
                "ATT-05" => {
                    "give `--commit` the commit that you looked at (`HEAD` is the one checked out here); values of inputs come from `--set` and `--env-file`"
                }
                "ATT-08" => "give `--by` the name or handle of the person who signs",
                _ => "correct it and sign again",
            };
            let message = format!(
                "this signature would not count ({code}): {}",
                finding.message
            );
            return Err((message, help.to_owned()));
        }
    }
    Ok((sign_off, statement))
}

/// The checks with this id, every item of a `for_each` for the id without one, and what they state.
fn meant<'a>(id: &str, profile: &'a Profile) -> Result<(Vec<&'a Check>, Statement), Refusal> {
    let checks: Vec<&Check> = profile
        .checks
        .iter()
        .filter(|check| check.fields.id == id || check.base_id == id)
        .collect();
    let signable = profile
        .checks
        .iter()
        .filter(|check| check.kind == "attest")
        .map(|check| check.fields.id.as_str());
    let Some(first) = checks.first() else {
        let message = format!("`{id}` is no check of the profile `{}`", profile.name);
        return Err((message, suggest(id, signable)));
    };
    let statement = first.spec.as_ref().and_then(|spec| spec.statement());
    match statement {
        Some(statement) => Ok((checks, statement)),
        None if first.kind == "attest" => Err((
            format!("it is not known what `{id}` states"),
            "give the inputs it uses with `--set` or `--env-file`".to_owned(),
        )),
        None => Err((
            format!(
                "`{id}` is judged by a machine: its kind is `{}`",
                first.kind
            ),
            format!(
                "sign off checks of kind `attest` ({}); to accept a failure write a waiver",
                suggest(id, signable)
            ),
        )),
    }
}

/// The role as the check writes it.
fn role(given: Option<&str>, statement: &Statement) -> Result<String, Refusal> {
    let known = || statement.roles.iter().map(String::as_str);
    match given {
        Some(role) if statement.roles.is_empty() && !role.trim().is_empty() => {
            Ok(role.trim().to_owned())
        }
        Some(role) => known()
            .find(|own| own.trim().eq_ignore_ascii_case(role.trim()))
            .map(str::to_owned)
            .ok_or_else(|| {
                (
                    format!("nobody signs this check as `{role}`"),
                    suggest(role, known()),
                )
            }),
        None => match statement.roles.as_slice() {
            [only] => Ok(only.clone()),
            _ => Err((
                "it is not clear in which role this is signed".to_owned(),
                format!("give `--role`; {}", suggest("", known())),
            )),
        },
    }
}

/// Who signs: `--by`, else the author that Git knows, else the user.
fn signer(given: Option<&str>, environment: &Environment) -> Result<String, Refusal> {
    if let Some(by) = given {
        return Ok(by.trim().to_owned());
    }
    let variable = |name: &str| {
        let value = environment.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let home = variable("HOME").map(PathBuf::from);
    let configuration = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let files = [
        Some(PathBuf::from(".git/config")),
        home.map(|home| home.join(".gitconfig")),
        configuration.map(|folder| folder.join("git/config")),
    ];
    variable("GIT_AUTHOR_NAME")
        .or_else(|| files.into_iter().flatten().find_map(|file| git_user(&file)))
        .or_else(|| variable("USER"))
        .or_else(|| variable("LOGNAME"))
        .ok_or_else(|| {
            (
                "it is not known who signs".to_owned(),
                "give `--by` a name or handle".to_owned(),
            )
        })
}

/// `user.name` of a configuration file of Git's.
fn git_user(path: &Path) -> Option<String> {
    let text = crate::profile::source::read(path.to_str()?).ok()?;
    let mut in_user = false;
    let mut name = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_user = line.eq_ignore_ascii_case("[user]");
        } else if in_user
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("name")
        {
            name = Some(value.trim().trim_matches('"').to_owned());
        }
    }
    name.filter(|name| !name.is_empty())
}

/// The commit of `--commit`.
fn commit(given: &str) -> Result<String, Refusal> {
    if given == "HEAD" {
        return head(Path::new("."))
            .map_err(|fault| (fault.message, fault.hint.unwrap_or_default()));
    }
    let id = given.trim().to_lowercase();
    if is_commit(&id) {
        Ok(id)
    } else {
        Err((
            format!("`{given}` is no commit"),
            "write 7 to 64 hexadecimal digits, or `HEAD` for the one checked out here".to_owned(),
        ))
    }
}

/// The SHA-256 of evidence that is a file.
fn hash(evidence: &str) -> Result<Option<String>, Refusal> {
    let folder = Path::new("");
    let EvidenceForm::Path(path) = evidence_form(evidence, folder) else {
        return if Path::new(evidence.trim()).is_dir() {
            Err((
                format!("{evidence} is a folder"),
                "name a file: only its content can be signed".to_owned(),
            ))
        } else {
            Ok(None)
        };
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    sum_of_file(&path, until).map(Some).map_err(|error| {
        let fault = crate::net::file_fault(&path, &error);
        (fault.message, fault.hint.unwrap_or_default())
    })
}

/// Writes the signature into the profile's sign-off file and says what was done.
fn record(profile: &Profile, sign_off: &SignOff, statement: &Statement) -> Result<String, Refusal> {
    let path = &profile.sign_off_file;
    let shown = path.display();
    let before = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let fault = crate::net::file_fault(path, &error);
            return Err((fault.message, fault.hint.unwrap_or_default()));
        }
    };
    let text = sign_edit::edited(before.as_deref().unwrap_or_default(), sign_off)?;
    sign_edit::save(path, before.as_deref(), &text).map_err(|error| {
        (
            format!("{shown} cannot be written: {error}"),
            "check the folder and its permissions; nothing was changed".to_owned(),
        )
    })?;
    let counts = due(sign_off.on, statement.valid_for, sign_off.valid_for).map_or_else(
        || "it counts until somebody withdraws it".to_owned(),
        |day: Date| format!("it counts until {day}"),
    );
    Ok(format!(
        "signed: {}\n  {} as {} on {}; {counts}\n  in {shown}\n",
        statement.text, sign_off.by, sign_off.role, sign_off.on
    ))
}

/// A day for `--on`.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| "write a day like 2026-11-30".to_owned())
}

/// A time for `--valid-for`: days at least.
pub(crate) fn validity(text: &str) -> Result<TimeSpan, String> {
    let span: TimeSpan = text
        .parse::<TimeSpan>()
        .map_err(|message| message.replace("; help: ", ": "))?;
    if span.as_secs() < 86_400 {
        return Err("a signature is dated by its day: write days, for example 90d".to_owned());
    }
    Ok(span)
}

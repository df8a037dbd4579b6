//! A `.env` file as it lies there.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FaultDoc, Impact, Kind, Planned, SpecProblem};
use crate::context::{Context, JudgeContext};
use crate::dotenv::dialect::Dialect;
use crate::dotenv::inspect::{Beside, Inspection, inspect};
use crate::dotenv::reads::reads;
use crate::dotenv::verdict::{Asked, problems};
use crate::outcome::{Cause, Fault, Finding};

/// Judges a `.env` file: syntax, duplicates, what loaders read differently, placeholders, published
/// defaults, typing errors, drift from its example, who may read it.
///
/// Values are never shown. Whether git tracks the file is for the kind `git`. A file that cannot be
/// read or decoded is an error, never green.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dotenv {
    /// The file; default `.env`.
    #[serde(default = "default_file")]
    file: PathBuf,
    /// Its example, `.env.example`: both must have the same names, no value of a secret may be the
    /// example's, and the example may hold no real secret.
    #[serde(default)]
    example: Option<PathBuf>,
    /// The loaders that really read the file. Then every difference between them is a fault; by
    /// default all six are compared, and what only a shell or `docker run` reads differently is
    /// advice.
    #[serde(default)]
    loaders: Vec<Dialect>,
    /// Names that are known besides those of the example, to recognise misspelt ones.
    #[serde(default)]
    declared: Vec<String>,
    /// Whether every name of the example must stand in the file; default true.
    #[serde(default = "yes")]
    complete: bool,
    /// Whether every name of the file must stand in the example; default true.
    #[serde(default = "yes")]
    documented: bool,
    /// Whether the example is the real file of another environment, for example production's beside
    /// preview's; default false. Then only the names are compared: both may hold secrets.
    #[serde(default)]
    names_only: bool,
    /// Names, with `*`, that may differ between the file and its example.
    #[serde(default)]
    ignore: Vec<String>,
    /// Patterns of the application's own source files, `[backend/**/*.py]`, relative to the working
    /// directory: every variable that they read must stand in the example (or in `file` without
    /// one, or under `declared`). Usual calls of Python, JavaScript, Rust, Go, Ruby, PHP and Java
    /// are recognised; settings classes that derive names from fields are not.
    #[serde(default)]
    sources: Vec<String>,
    /// Whether the file is for production; default false. Then switches of development and test
    /// keys of providers are faults.
    #[serde(default)]
    production: bool,
    /// Whether nobody but its owner may read the file; default false: then it is advice.
    #[serde(default)]
    private: bool,
}

/// The default of `file`.
fn default_file() -> PathBuf {
    PathBuf::from(".env")
}

/// The default of `complete` and `documented`.
fn yes() -> bool {
    true
}

/// What was seen.
type Facts = Inspection;

impl Kind for Dotenv {
    const NAME: &'static str = "dotenv";
    const FAULTS: &'static [FaultDoc] = &[
        FaultDoc::caught(
            "ENV-13",
            "variable assigned twice",
            "Most loaders take the last assignment, some the first, and people edit either.",
            "Keep one of the assignments.",
        ),
        FaultDoc::caught(
            "ENV-14",
            "misspelt name",
            "The program looks for another name and goes on with its default.",
            "Correct the name.",
        ),
        FaultDoc::caught(
            "ENV-15",
            "file and example have different names",
            "A variable missing here is forgotten; one missing in the example is known to nobody else.",
            "Bring the two in step; `ignore:` names what may differ.",
        ),
        FaultDoc::caught(
            "ENV-16",
            "unquoted # or blank",
            "Some loaders cut the value there, and a shell even runs the rest as a command.",
            "Put the value in single quotes.",
        ),
        FaultDoc::caught(
            "ENV-17",
            "dollar sign that changes the value",
            "Loaders that expand variables replace it, often by nothing: a password loses its end.",
            "Put the value in single quotes, or define what it refers to.",
        ),
        FaultDoc::caught(
            "ENV-18",
            "quotes become part of the value",
            "`docker run --env-file` knows no quotes, so that the program sees them.",
            "Write the value without quotes, or load the file with Compose.",
        ),
        FaultDoc::caught(
            "ENV-19",
            "bytes that nobody sees",
            "A byte order mark, a carriage return or a zero-width character makes another name or value.",
            "Save the file as UTF-8 without BOM with Unix line ends, and type the value again.",
        ),
        FaultDoc::caught(
            "ENV-24",
            "secret within reach of others",
            "The file may be opened by other users, or the variable's name makes a bundler publish it.",
            "chmod 600 the file; keep secrets out of names with a public prefix.",
        ),
        FaultDoc::caught(
            "ENV-26",
            "file cannot be read or decoded",
            "Nothing is known about its variables; loaders skip such files silently.",
            "Name the right file, let readyctl read it, and save it as UTF-8.",
        ),
        FaultDoc::caught(
            "ENV-55",
            "line that cannot be read",
            "Loaders refuse the file, skip the line or take its next lines for a part of the value.",
            "Write NAME=value and close every quote.",
        ),
        FaultDoc::caught(
            "ENV-56",
            "value that loaders read differently",
            "What the program gets depends on who reads the file.",
            "Write the value without escapes and line ends, or name the loader that is used.",
        ),
        FaultDoc::caught(
            "ENV-57",
            "real secret in the example",
            "The example is committed: everybody with the repository has the secret.",
            "Change the secret and write a placeholder into the example.",
        ),
        FaultDoc::caught(
            "ENV-58",
            "file without variables",
            "An empty file passes every test of its form.",
            "See whether this is the file that is deployed.",
        ),
        FaultDoc::caught(
            "ENV-59",
            "code reads a variable that nobody documents",
            "Whoever deploys does not know of it, so that a default of the code decides.",
            "Add the variable to the example.",
        ),
        FaultDoc::caught(
            "ENV-60",
            "documented variable that no code reads",
            "People set it and believe that it does something.",
            "Remove it, or name it under `ignore:` when a library reads it.",
        ),
    ];
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Passive
    }

    fn problems(&self) -> Vec<SpecProblem> {
        [("ignore", &self.ignore), ("sources", &self.sources)]
            .into_iter()
            .filter_map(|(field, patterns)| {
                let error = globs(patterns).err()?;
                Some(SpecProblem::at(
                    field,
                    format!("this is no pattern: {error}"),
                    "write `*` for any characters, `**` for any folders",
                ))
            })
            .collect()
    }

    fn plan(&self) -> Vec<Planned> {
        std::iter::once(&self.file)
            .chain(&self.example)
            .map(|path| path.display().to_string())
            .chain(self.sources.clone())
            .map(|what| Planned::once(format!("read {what}")))
            .collect()
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        let example = self.example.as_ref().map(|path| cx.folder.join(path));
        let shown = self.example.as_ref().map(|path| path.display().to_string());
        let mut seen = inspect(
            &self.file.display().to_string(),
            &cx.folder.join(&self.file),
            &Beside {
                example: shown.zip(example.as_deref()),
                declared: &self.declared,
            },
        )?;
        if !self.sources.is_empty() {
            let sources = globs(&self.sources).unwrap_or_default();
            let folder = cx.folder.clone();
            let looking = tokio::task::spawn_blocking(move || reads(&folder, &sources));
            let found = cx.within("the source files", looking).await?;
            let found = found.map_err(|error| Fault::new(Cause::Internal, error.to_string()))?;
            seen.reads = Some(found?);
        }
        Ok(seen)
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        let asked = Asked {
            loaders: self.loaders.clone(),
            production: self.production,
            private: self.private,
            complete: self.complete,
            documented: self.documented,
            ignored: globs(&self.ignore).unwrap_or_default(),
            declared: self.declared.clone(),
        };
        let mut problems = problems(facts, &asked, cx.now);
        if self.names_only {
            problems.retain(|problem| !matches!(problem.code, "ENV-07" | "ENV-57"));
        }
        let mut findings: Vec<Finding> = problems
            .iter()
            .map(|p| {
                let finding = Finding::fail(
                    p.code,
                    format!("{}:{}:{} {}", p.file, p.line, p.column, p.subject),
                    &p.expected,
                    &p.actual,
                    format!("{}; {}", p.message, p.advice),
                );
                if p.red { finding } else { finding.as_warning() }
            })
            .collect();
        for (what, expected, codes) in ASPECTS {
            if !problems.iter().any(|p| codes.contains(&p.code)) {
                let count = facts.variables.len();
                let seen = match *what {
                    "duplicates" => format!("none among {count} variables"),
                    _ => format!("{count} variables checked"),
                };
                findings.push(Finding::pass(*what, *expected, seen));
            }
        }
        findings
    }
}

/// What is said about a file that is as it should be, and the codes that would contradict.
const ASPECTS: &[(&str, &str, &[&str])] = &[
    ("syntax", "every line can be read", &["ENV-55", "ENV-58"]),
    ("duplicates", "every variable once", &["ENV-13"]),
    (
        "loaders",
        "every loader reads the same",
        &["ENV-16", "ENV-17", "ENV-18", "ENV-19", "ENV-56"],
    ),
    (
        "values",
        "no placeholder, no default, nothing expired",
        &["ENV-03", "ENV-04", "ENV-07", "ENV-08", "ENV-22", "ENV-23"],
    ),
    (
        "names",
        "as declared and in the example",
        &["ENV-14", "ENV-15", "ENV-59", "ENV-60"],
    ),
    (
        "secrets",
        "within nobody else's reach",
        &["ENV-24", "ENV-57"],
    ),
];

/// Patterns as one set.
fn globs(patterns: &[String]) -> Result<globset::GlobSet, globset::Error> {
    let mut set = globset::GlobSetBuilder::new();
    for pattern in patterns {
        set.add(globset::Glob::new(pattern)?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Judged;

    /// The codes of a file, `!` behind advice, by a spec in JSON; `example` is written beside it.
    fn codes(spec: &str, file: &[u8], example: Option<&str>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), file).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(folder.path().join(".env"), mode).unwrap();
        }
        let mut kind: Dotenv = serde_json::from_str(spec).unwrap();
        if let Some(text) = example {
            std::fs::write(folder.path().join("example"), text).unwrap();
            kind.example = Some(PathBuf::from("example"));
        }
        let mut cx = Context::template(
            crate::redact::Redactor::default(),
            std::sync::Arc::default(),
            "2026-06-15T12:00:00Z".parse().unwrap(),
        )
        .unwrap();
        cx.folder = folder.path().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let facts = match runtime.block_on(kind.observe(&cx)) {
            Ok(facts) => facts,
            Err(fault) => return vec![format!("{}?", fault.code.unwrap())],
        };
        let json = serde_json::to_string(&facts).unwrap();
        let facts: Facts = serde_json::from_str(&json).unwrap();
        let now = JudgeContext {
            now: "2026-06-15T12:00:00Z".parse().unwrap(),
        };
        let findings = kind.judge(&facts, &now);
        let all = serde_json::to_string(&findings).unwrap() + &json;
        assert!(!all.contains("CANARY"), "{all}");
        findings
            .iter()
            .filter(|f| f.verdict != Judged::Pass)
            .map(|f| {
                let mark = if f.verdict == Judged::Warn { "!" } else { "" };
                format!("{}{mark}", f.code.as_deref().unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn files_are_judged_by_what_loaders_make_of_them() {
        for (file, expected) in [
            (&b"A=1\nB='x y'\nC=\"\"\n# c\n"[..], &["ENV-18!"][..]),
            (b"A=1\nB=x\nPASSWORD=abCANARY12\n", &[]),
            (b"A=1\nA=2\n", &["ENV-13"]),
            (b"A=1\nA=1\n", &["ENV-13!"]),
            (b"A=abc#def\n", &["ENV-16"]),
            (b"A=abc def\n", &["ENV-16!"]),
            (b"A=x # c\n", &["ENV-18!"]),
            (b"PASSWORD=paCANARY$word\n", &["ENV-17"]),
            (b"PASSWORD='paCANARY$word'\n", &["ENV-18!"]),
            (b"B=x\nA=\"${B}/y\"\n", &["ENV-17!", "ENV-18!"]),
            (b"A=${NOPE}\n", &["ENV-17"]),
            (b"A=$(id)\n", &["ENV-17"]),
            (b"\xef\xbb\xbfA=1\n", &["ENV-19", "ENV-56"]),
            (b"A=1\r\nB=2\r\n", &["ENV-19!", "ENV-19!", "ENV-19!"]),
            ("API_TOKEN=ab\u{200b}cd8fj3k\n".as_bytes(), &["ENV-19"]),
            (b"A=1\nB\n", &["ENV-55"]),
            (b"A='x\n", &["ENV-55"]),
            (b"# nothing\n", &["ENV-58"]),
            (b"export A=1\n", &["ENV-55!"]),
            (b"API_KEY=changeme\n", &["ENV-03"]),
            (b"NAME=changeme\n", &["ENV-03!"]),
            (b"DB_PASSWORD=postgres\n", &["ENV-04"]),
            (b"NEXT_PUBLIC_DB_PASSWORD=abCANARY12\n", &["ENV-24"]),
            (b"VITE_API_TOKEN=abCANARY12\n", &["ENV-24!"]),
            (b"VITE_STRIPE_PUBLISHABLE_KEY=pk_live_abCANARY12345\n", &[]),
            (b"A=1\xff\n", &["ENV-26?"]),
            (b"\xff\xfeA\0=\x001\0", &["ENV-26?"]),
        ] {
            let shown = String::from_utf8_lossy(file);
            assert_eq!(codes("{}", file, None), expected, "{shown}");
        }
    }

    #[test]
    fn named_loaders_decide_what_is_a_fault() {
        for (loaders, file, expected) in [
            ("docker", "A='x y'\n", &["ENV-18"][..]),
            ("compose", "A='x y'\n", &[]),
            ("shell", "A=abc def\n", &["ENV-16"]),
            ("python", "A=abc def\n", &[]),
            ("python", "A=abc#def\n", &[]),
            ("node", "A=abc#def\n", &["ENV-16"]),
            ("node", "PASSWORD=pa$word\n", &[]),
            ("compose", "PASSWORD=pa$word\n", &["ENV-17"]),
            ("docker", "export A=1\n", &["ENV-55"]),
            ("shell", "A=1\r\n", &["ENV-19", "ENV-19"]),
        ] {
            let spec = format!(r#"{{"loaders": ["{loaders}"]}}"#);
            assert_eq!(
                codes(&spec, file.as_bytes(), None),
                expected,
                "{loaders}: {file}"
            );
        }
    }

    #[test]
    fn the_example_and_the_file_are_kept_in_step() {
        for (spec, file, example, expected) in [
            ("{}", "A=1\nB=2\n", "A=\nB=\n", &[][..]),
            ("{}", "A=1\n", "A=\nB=\n", &["ENV-15"]),
            ("{}", "A=1\nB=1\n", "A=\n", &["ENV-15"]),
            (r#"{"complete": false}"#, "A=1\n", "A=\nB=\n", &[]),
            (r#"{"documented": false}"#, "A=1\nB=1\n", "A=\n", &[]),
            (r#"{"ignore": ["B*"]}"#, "A=1\nBB=1\n", "A=\n", &[]),
            ("{}", "DATABSE_HOST=x\n", "DATABASE_HOST=\n", &["ENV-14"]),
            ("{}", "KEY_1=x\n", "KEY_2=\n", &["ENV-15", "ENV-15"]),
            (
                "{}",
                "API_KEY=abCANARY12\n",
                "API_KEY=abCANARY12\n",
                &["ENV-07"],
            ),
            (
                "{}",
                "API_KEY=Zk39dkQlCANARY2Xw9\n",
                "API_KEY=q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5\n",
                &["ENV-57"],
            ),
            (
                r#"{"names_only": true}"#,
                "API_KEY=Zk39dkQlCANARY2Xw9\n",
                "API_KEY=Zk39dkQlCANARY2Xw9\n",
                &[],
            ),
            (
                r#"{"names_only": true}"#,
                "API_KEY=Zk39dkQlCANARY2Xw9\n",
                "API_KEY=q1mJx0r7Yk2tVb9Zw4Lh8Nc6Ge3Ua5\nA=1\n",
                &["ENV-15"],
            ),
        ] {
            assert_eq!(
                codes(spec, file.as_bytes(), Some(example)),
                expected,
                "{spec} {file} {example}"
            );
        }
    }

    #[test]
    fn production_and_privacy_are_asked_for() {
        let spec = r#"{"production": true}"#;
        assert_eq!(codes(spec, b"DEBUG=true\n", None), ["ENV-08"]);
        assert_eq!(codes("{}", b"DEBUG=true\n", None), [""; 0]);
        assert_eq!(
            codes(spec, b"S_KEY=sk_test_4eC39HqLyjWDarjtT1\n", None),
            ["ENV-22"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_secrets_is_for_its_owner() {
        let kind: Dotenv = serde_json::from_str(r#"{"private": true}"#).unwrap();
        let now = JudgeContext {
            now: "2026-06-15T12:00:00Z".parse().unwrap(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "API_KEY=Zk39dkQl2Xw9\n").unwrap();
        for (mode, red) in [(0o600, false), (0o640, true), (0o644, true)] {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let facts = inspect("f", &path, &Beside::default()).unwrap();
            let findings = kind.judge(&facts, &now);
            let seen = findings.iter().any(|f| f.code.as_deref() == Some("ENV-24"));
            assert_eq!(seen, red, "{mode:o}");
        }
    }
}

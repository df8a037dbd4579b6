//! Finding profiles and packs: local files first, then the ones inside the binary.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::node::{Problems, Sources, suggest};
use super::sign_off::is_sign_off_file;

/// The packs inside the binary.
static CHECKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/checks");
/// The profiles inside the binary.
static PROFILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles");

/// Largest YAML file read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// Profiles: `./profiles`, `./.readyctl`, the user's configuration directory, the binary.
    Profiles,
    /// Packs: `./checks`, `./.readyctl/checks`, the user's configuration directory, the binary.
    Packs,
}

/// A file of the library: where it is and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Name without ending.
    pub(crate) name: String,
    /// The path as shown to people; `builtin:…` inside the binary.
    pub(crate) shown: String,
    /// The text; `None` when it must be read from `shown`.
    text: Option<&'static str>,
}

impl Library {
    /// What one entry is called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Profiles => "profile",
            Self::Packs => "pack",
        }
    }

    /// The files inside the binary.
    fn embedded(self) -> &'static Dir<'static> {
        match self {
            Self::Profiles => &PROFILES,
            Self::Packs => &CHECKS,
        }
    }

    /// Folders searched before the binary, nearest first.
    fn folders(self) -> Vec<PathBuf> {
        let configuration = configuration();
        let (local, shared) = match self {
            Self::Profiles => (vec!["profiles", ".readyctl"], "readyctl/profiles"),
            Self::Packs => (vec!["checks", ".readyctl/checks"], "readyctl/checks"),
        };
        local
            .into_iter()
            .map(PathBuf::from)
            .chain(configuration.map(|folder| folder.join(shared)))
            .collect()
    }

    /// Every entry by name; a nearer one hides a farther one of the same name.
    pub(crate) fn list(self) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        let add = |all: &mut Vec<Found>, found: Found| {
            if all.iter().all(|other| other.name != found.name) {
                all.push(found);
            }
        };
        for folder in self.folders() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            let mut paths: Vec<PathBuf> = entries
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .filter(|path| is_yaml(path) && !is_sign_off_file(path))
                .collect();
            paths.sort();
            for path in paths {
                add(
                    &mut all,
                    Found {
                        name: stem(&path),
                        shown: path.display().to_string(),
                        text: None,
                    },
                );
            }
        }
        for file in self.embedded().files().filter(|file| is_yaml(file.path())) {
            add(&mut all, self.embedded_file(file));
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// An entry inside the binary.
    fn embedded_file(self, file: &'static include_dir::File<'static>) -> Found {
        let folder = if self == Self::Profiles {
            "profiles"
        } else {
            "checks"
        };
        Found {
            name: stem(file.path()),
            shown: format!("builtin:{folder}/{}", file.path().display()),
            text: file.contents_utf8(),
        }
    }

    /// Looks up one entry: a path (with a slash or a YAML ending), a name, or `builtin:NAME` for the
    /// one inside the binary even where a local file has the same name.
    fn find(self, name: &str, beside: Option<&Path>) -> Option<Found> {
        if let Some(name) = name.strip_prefix("builtin:") {
            return self.built_in(name);
        }
        if name.contains('/') || is_yaml(Path::new(name)) {
            let candidates = [
                beside.map(|folder| folder.join(name.trim_start_matches("./"))),
                Some(PathBuf::from(name)),
            ];
            let path = candidates
                .into_iter()
                .flatten()
                .find(|path| path.exists())?;
            return Some(Found {
                name: stem(&path),
                shown: path.display().to_string(),
                text: None,
            });
        }
        for folder in self.folders() {
            for ending in ["yaml", "yml"] {
                let path = folder.join(format!("{name}.{ending}"));
                if path.exists() {
                    return Some(Found {
                        name: name.to_owned(),
                        shown: path.display().to_string(),
                        text: None,
                    });
                }
            }
        }
        self.built_in(name)
    }

    /// The entry of this name inside the binary.
    fn built_in(self, name: &str) -> Option<Found> {
        self.embedded()
            .files()
            .find(|file| is_yaml(file.path()) && stem(file.path()) == name)
            .map(|file| self.embedded_file(file))
    }

    /// Opens an entry: its index in `sources` and its folder when it is a file. Problems say what is
    /// wrong and which names exist.
    pub(crate) fn open(
        self,
        name: &str,
        beside: Option<&Path>,
        sources: &mut Sources,
    ) -> Result<usize, (String, String)> {
        let Some(found) = self.find(name, beside) else {
            let known = self.list();
            let help = if name.contains('/') || is_yaml(Path::new(name)) {
                "check the path; relative paths start at the working directory".to_owned()
            } else {
                suggest(name, known.iter().map(|entry| entry.name.as_str()))
            };
            return Err((format!("there is no {} `{name}`", self.noun()), help));
        };
        let text = match found.text {
            Some(text) => text.to_owned(),
            None => read(&found.shown)?,
        };
        Ok(sources.add(found.shown, text))
    }
}

/// The folder of the user's configuration.
fn configuration() -> Option<PathBuf> {
    std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))
}

/// Whether a file is one of the user's own configuration.
pub(crate) fn in_user_folder(path: &Path) -> bool {
    configuration().is_some_and(|folder| path.starts_with(folder.join("readyctl")))
}

/// Reads a YAML file within the limit.
pub(crate) fn read(path: &str) -> Result<String, (String, String)> {
    let size = std::fs::metadata(path).map_err(|error| fault_text(path, &error))?;
    if !size.is_file() {
        return Err((
            format!("{path} is not a file"),
            "name a YAML file".to_owned(),
        ));
    }
    if size.len() > MAX_FILE {
        return Err((
            format!("{path} is larger than 1 MiB"),
            "split it with `extends:` and packs".to_owned(),
        ));
    }
    std::fs::read_to_string(path).map_err(|error| fault_text(path, &error))
}

/// Message and hint of an I/O error.
fn fault_text(path: &str, error: &std::io::Error) -> (String, String) {
    let fault = crate::net::file_fault(Path::new(path), error);
    (fault.message, fault.hint.unwrap_or_default())
}

/// Parses the file at an index of `sources`.
pub(crate) fn parse(
    index: usize,
    sources: &Sources,
    problems: &mut Problems,
) -> Option<super::node::Node> {
    let text = sources.files.get(index)?.text.clone();
    super::yaml::parse(index, &text, problems)
}

/// Whether the name ends like a YAML file.
fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// File name without ending.
fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

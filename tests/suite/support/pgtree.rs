//! PostgreSQL server trees: where one is, its copy without pgvector, its freshly made cluster.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::process::{command, output, program};
use super::scratch::{Scratch, cache_folder, give_to_server, made_once};

/// The password of the superuser `postgres` in every cluster.
pub(crate) const SUPERUSER_PASSWORD: &str = "superuser-password";

/// Changes with the way templates are made, so that an older harness's are not taken for them.
const TEMPLATE_VERSION: u32 = 1;

/// The major version that `tests/run` fetches when the system has no PostgreSQL with pgvector.
const FETCHED_MAJOR: u32 = 18;

/// Where Debian and its relatives keep a server of each major version.
const SYSTEM_TREES: &str = "/usr/lib/postgresql";

/// The folders of one PostgreSQL server: `root` has `bin`.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree to test with: `READYCTL_TEST_PG`, the system's, or the one that `tests/run` fetched.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn found() -> &'static Self {
        static FOUND: OnceLock<Tree> = OnceLock::new();
        FOUND.get_or_init(|| {
            if let Some(root) = std::env::var_os("READYCTL_TEST_PG") {
                let tree = Self { root: root.into() };
                assert!(
                    tree.has_vector(),
                    "READYCTL_TEST_PG: no PostgreSQL with pgvector: {tree:?}"
                );
                return tree;
            }
            let mut trees = Self::of_system();
            trees.push(Self::in_cache(FETCHED_MAJOR));
            trees
                .into_iter()
                .find(Self::has_vector)
                .expect("no PostgreSQL with pgvector: run tests/run, which fetches one")
        })
    }

    /// The tree of one major version that `tests/run` fetched.
    ///
    /// # Panics
    /// When it did not.
    pub(crate) fn fetched(major: u32) -> Self {
        let tree = Self::in_cache(major);
        assert!(
            tree.has_vector(),
            "PostgreSQL {major} is missing: run tests/run, which fetches it"
        );
        tree
    }

    /// The server's own program `name`.
    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// The client tool `name`: the tree's own where it has one, because a tool may refuse a newer
    /// server, else the system's.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        let own = self.bin(name);
        if own.exists() { own } else { program(name) }
    }

    /// A copy of the tree without pgvector, hard-linked where possible and made once.
    pub(crate) fn without_vector(&self) -> Self {
        let inner = self.split_place().unwrap_or_default();
        let copy = made_once("without-vector", &self.key(), |unfinished| {
            copy_tree(&self.root, &unfinished.join("lib").join(&inner));
            if self.split_place().is_some() {
                copy_tree(&self.share(), &unfinished.join("share").join(&inner));
            }
            let vector = ["-name", "vector.so", "-o", "-name", "vector.control", "-o"];
            output(
                Command::new("find")
                    .arg(unfinished)
                    .arg("(")
                    .args(vector)
                    .args(["-name", "vector--*", ")", "-delete"]),
            );
        });
        Self {
            root: copy.join("lib").join(inner),
        }
    }

    /// A tree of this major version at least: the one found, or the one that `tests/run` fetched.
    ///
    /// # Panics
    /// When neither is.
    pub(crate) fn at_least(major: u32) -> Self {
        let found = Self::found();
        let version = found.version();
        let known: u32 = version.split('.').next().unwrap().parse().unwrap();
        if known >= major {
            found.clone()
        } else {
            Self::fetched(FETCHED_MAJOR)
        }
    }

    /// A copy of the tree with one more extension, which is written in SQL; made once.
    pub(crate) fn with_extension(&self, name: &str, version: &str, sql: &str) -> Self {
        let inner = self.split_place().unwrap_or_default();
        let key = format!("{}-{version}-{:x}", self.key(), crc(sql));
        let copy = made_once(&format!("with-{name}"), &key, |unfinished| {
            copy_tree(&self.root, &unfinished.join("lib").join(&inner));
            if self.split_place().is_some() {
                copy_tree(&self.share(), &unfinished.join("share").join(&inner));
            }
            let made = Self {
                root: unfinished.join("lib").join(&inner),
            };
            let folder = made.share().join("extension");
            let control = format!(
                "comment = 'for tests'\ndefault_version = '{version}'\nrelocatable = true\n"
            );
            fs::write(folder.join(format!("{name}.control")), control).unwrap();
            fs::write(folder.join(format!("{name}--{version}.sql")), sql).unwrap();
        });
        Self {
            root: copy.join("lib").join(inner),
        }
    }

    /// A cluster as `initdb` makes it, made once: copying it takes a tenth of the time.
    pub(crate) fn template(&self) -> PathBuf {
        made_once("templates", &self.key(), |unfinished| {
            let scratch = Scratch::new("initdb");
            let password = scratch.write("password", SUPERUSER_PASSWORD);
            fs::create_dir(unfinished).unwrap();
            give_to_server(unfinished);
            output(
                command(&self.bin("initdb"), scratch.path())
                    .args([
                        "--username=postgres",
                        "--auth=scram-sha-256",
                        "--encoding=UTF8",
                    ])
                    .args(["--locale=C", "--no-sync", "--pwfile"])
                    .arg(password)
                    .arg("--pgdata")
                    .arg(unfinished),
            );
        })
    }

    fn in_cache(major: u32) -> Self {
        Self {
            root: cache_folder("pg").join(major.to_string()),
        }
    }

    /// The system's trees, newest first.
    fn of_system() -> Vec<Self> {
        let folders = fs::read_dir(SYSTEM_TREES).into_iter().flatten().flatten();
        let mut majors: Vec<u32> = folders
            .filter_map(|folder| folder.file_name().to_str()?.parse().ok())
            .collect();
        majors.sort_unstable_by_key(|&major| Reverse(major));
        majors
            .into_iter()
            .map(|major| Self {
                root: Path::new(SYSTEM_TREES).join(major.to_string()),
            })
            .collect()
    }

    fn has_vector(&self) -> bool {
        self.bin("postgres").exists() && self.share().join("extension/vector.control").exists()
    }

    /// `postgresql/MAJOR` when the tree is split as Debian does it, into `lib/postgresql/MAJOR` and
    /// `share/postgresql/MAJOR`: the server finds the one from the other.
    fn split_place(&self) -> Option<PathBuf> {
        if self.root.join("share").exists() {
            return None;
        }
        Some(Path::new("postgresql").join(self.root.file_name()?))
    }

    fn share(&self) -> PathBuf {
        self.split_place().map_or_else(
            || self.root.join("share/postgresql"),
            |place| self.root.join("../../../share").join(place),
        )
    }

    /// The server's version, `18.4`.
    fn version(&self) -> String {
        let version = output(Command::new(self.bin("postgres")).arg("--version"));
        version.split_whitespace().nth(2).unwrap().to_owned()
    }

    /// A name for what is made from this tree.
    fn key(&self) -> String {
        let version = self.version();
        let root = self.root.display().to_string().replace('/', "_");
        format!("{TEMPLATE_VERSION}-{version}{root}")
    }
}

/// Tells texts apart.
fn crc(text: &str) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(text.as_bytes());
    crc.sum()
}

/// Copies a folder, by hard links where the file system and the kernel allow them.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copy = |how| {
        Command::new("cp")
            .arg(how)
            .arg(from)
            .arg(to)
            .output()
            .unwrap()
    };
    if !copy("-al").status.success() {
        let _ = fs::remove_dir_all(to);
        let copied = copy("-a");
        assert!(
            copied.status.success(),
            "{}",
            String::from_utf8_lossy(&copied.stderr)
        );
    }
}

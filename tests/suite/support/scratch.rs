//! Folders: a temporary one for each server, and the cache that all runs share.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The user and group that servers run as when the suite runs as root: PostgreSQL refuses root.
const NOBODY: u32 = 65534;

/// The longest base folder that leaves room for a socket's name (107 bytes are allowed in all).
const LONGEST_BASE: usize = 50;

/// Whom to run a server as: nobody for root, oneself for anyone else.
pub(crate) fn server_user() -> Option<u32> {
    rustix::process::geteuid().is_root().then_some(NOBODY)
}

/// The folder `kind` of what is kept between runs, made when it is missing; `tests/run` uses the
/// same place.
pub(crate) fn cache_folder(kind: &str) -> PathBuf {
    let cache = std::env::var_os("READYCTL_TEST_CACHE").map_or_else(
        || format!("/tmp/readyctl-test-{}", rustix::process::geteuid().as_raw()).into(),
        PathBuf::from,
    );
    let folder = cache.join(kind);
    if !folder.exists() {
        fs::create_dir_all(&folder).unwrap();
        // Whatever the umask is, the server's user must be able to enter.
        for made in [&cache, &folder] {
            fs::set_permissions(made, Permissions::from_mode(0o755)).unwrap();
        }
    }
    folder
}

/// The folder `key` among the cached `kind`, made by `make` when no process made it before.
pub(crate) fn made_once(kind: &str, key: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let made = cache_folder(kind).join(key);
    let lock = File::create(cache_folder(kind).join(format!("{key}.lock"))).unwrap();
    lock.lock().unwrap();
    if !made.exists() {
        let unfinished = cache_folder(kind).join(format!("{key}.unfinished"));
        let _ = fs::remove_dir_all(&unfinished);
        make(&unfinished);
        fs::rename(&unfinished, &made).unwrap();
    }
    made
}

/// Hands `path` to the user that servers run as.
pub(crate) fn give_to_server(path: &Path) {
    if let Some(user) = server_user() {
        chown(path, Some(user), Some(user)).expect("root may change an owner");
    }
}

/// A temporary folder that a server owns; removed when dropped.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    /// Makes a folder with `label` in its name.
    pub(crate) fn new(label: &str) -> Self {
        let mut base = std::env::var_os("READYCTL_TEST_SCRATCH")
            .map_or_else(std::env::temp_dir, PathBuf::from);
        if base.as_os_str().len() > LONGEST_BASE {
            base = "/tmp".into();
        }
        let folder = tempfile::Builder::new()
            .prefix(&format!("rctl-{label}-"))
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&base)
            .unwrap_or_else(|error| panic!("no temporary folder in {}: {error}", base.display()));
        give_to_server(folder.path());
        Self(folder)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of `name` in the folder.
    pub(crate) fn join(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path().join(name.as_ref())
    }

    /// Makes the folder `name`, for the server to write in.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(&path).unwrap();
        give_to_server(&path);
        path
    }

    /// Writes a file that the server and nobody else may read; makes its folders.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).unwrap();
        }
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        give_to_server(&path);
        path
    }
}

//! The files of the sample deployment: a temporary folder with backups and settings.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::{Break, FRONTEND};

/// Nightly backups kept.
const NIGHTS: u32 = 7;

/// How old the newest backup is.
const NEWEST: Duration = Duration::from_secs(5 * 3_600);

/// One day.
const DAY: Duration = Duration::from_secs(86_400);

/// What `pg_dump` writes when it is done, and only then.
const MARKER: &str = "--\n-- PostgreSQL database dump complete\n--\n\n";

/// A folder that is removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Folder {
    /// Where it is.
    path: PathBuf,
}

impl Folder {
    /// A new folder only this user may enter, with the sample's files, broken as asked.
    pub(super) fn create(breaks: &[Break]) -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        let folder = Self::new_in(&parent)
            .with_context(|| format!("the demo cannot make a folder in {}", parent.display()))?;
        folder
            .fill(breaks)
            .with_context(|| format!("the demo cannot write to {}", folder.path.display()))?;
        Ok(folder)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An empty folder with a name nobody can guess, so that nobody can be there first.
    fn new_in(parent: &Path) -> io::Result<Self> {
        let path = parent.join(format!("readyctl-demo-{}", &random_text()[..16]));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self { path })
    }

    /// Writes all files.
    fn fill(&self, breaks: &[Break]) -> io::Result<()> {
        let backups = self.path.join("backups");
        fs::create_dir(&backups)?;
        if !breaks.contains(&Break::BackupMissing) {
            write_backups(&backups, breaks)?;
        }
        let settings = settings(breaks);
        write_private(&self.path.join(".env"), &as_text(&settings))?;
        if breaks.contains(&Break::EnvReadableByAll) {
            readable_by_all(&self.path.join(".env"))?;
        }
        let example = settings_example(breaks);
        fs::write(self.path.join(".env.example"), as_text(&example))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody is left to tell; the system clears its temporary folder in time.
        let _removed = fs::remove_dir_all(&self.path);
    }
}

/// A nightly series, newest last.
fn write_backups(folder: &Path, breaks: &[Break]) -> io::Result<()> {
    let late = match breaks.contains(&Break::BackupOld) {
        true => DAY * 6,
        false => Duration::ZERO,
    };
    let now = SystemTime::now();
    for night in (0..NIGHTS).rev() {
        let newest = night == 0;
        let is = |how| newest && breaks.contains(&how);
        let at = now - NEWEST - DAY * night - late;
        let mut bytes = if is(Break::BackupEmpty) {
            // What `false | gzip` leaves behind: a perfect archive of nothing.
            gzip("")?
        } else {
            // The service grows a little every day.
            let mut dump = dump(300 - night);
            if !is(Break::BackupUnfinished) {
                dump.push_str(MARKER);
            }
            gzip(&dump)?
        };
        if is(Break::BackupTruncated) {
            bytes.truncate(bytes.len() * 7 / 10);
        }
        let date = jiff::Timestamp::try_from(at)
            .map_err(io::Error::other)?
            .strftime("%Y-%m-%d");
        let mut file = File::create(folder.join(format!("notes-{date}.sql.gz")))?;
        file.write_all(&bytes)?;
        file.set_modified(at)?;
    }
    Ok(())
}

/// A plain dump with this many rows, without the marker at its end.
fn dump(rows: u32) -> String {
    let mut text = String::from(
        "--\n-- PostgreSQL database dump\n--\n\n\
         SET client_encoding = 'UTF8';\n\n\
         CREATE TABLE public.notes (\n    id integer NOT NULL,\n    body text\n);\n\n\
         COPY public.notes (id, body) FROM stdin;\n",
    );
    for row in 0..rows {
        // Hashes, because they do not compress: the archives have a believable size.
        let body = URL_SAFE_NO_PAD.encode(Sha256::digest(row.to_le_bytes()));
        text.push_str(&format!("{row}\t{body}\n"));
    }
    text.push_str("\\.\n\n");
    text
}

/// The text as a gzip file.
fn gzip(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

/// The lines of `.env`.
fn settings(breaks: &[Break]) -> Vec<(&'static str, String)> {
    let is = |how| breaks.contains(&how);
    let mut lines = vec![
        ("APP_ENV", "production".to_owned()),
        ("DEBUG", is(Break::EnvDebugOn).to_string()),
        ("LOG_LEVEL", "info".to_owned()),
        ("PORT", "8080".to_owned()),
        ("PUBLIC_URL", FRONTEND.to_owned()),
        ("CORS_ORIGINS", FRONTEND.to_owned()),
        ("SESSION_SECRET", random_text()),
        ("JWT_SECRET", random_text()),
    ];
    let mut set = |name: &str, value: &str| {
        if let Some(line) = lines.iter_mut().find(|line| line.0 == name) {
            line.1 = value.to_owned();
        }
    };
    if is(Break::EnvWildcardCors) {
        set("CORS_ORIGINS", "*");
    }
    if is(Break::EnvPlaceholder) {
        set("SESSION_SECRET", "changeme-changeme-changeme-changeme");
    }
    if is(Break::EnvEmptySecret) {
        set("SESSION_SECRET", "");
    }
    if is(Break::EnvShortSecret) {
        set("JWT_SECRET", "k3yB0ard");
    }
    if is(Break::EnvBadPort) {
        set("PORT", "80800");
    }
    if is(Break::EnvDuplicateKey) {
        lines.push(("LOG_LEVEL", "warn".to_owned()));
    }
    if is(Break::EnvMissingKey) {
        lines.retain(|line| line.0 != "JWT_SECRET");
    }
    lines
}

/// The lines of `.env.example`: every variable, without the secrets.
fn settings_example(breaks: &[Break]) -> Vec<(&'static str, String)> {
    let mut lines = settings(&[]);
    for (name, value) in &mut lines {
        if name.ends_with("_SECRET") {
            value.clear();
        }
    }
    if breaks.contains(&Break::EnvMissingKey) {
        // Forgotten everywhere: one fault, not a drift as well.
        lines.retain(|line| line.0 != "JWT_SECRET");
    }
    if breaks.contains(&Break::EnvDrift) {
        lines.push(("MAIL_SENDER", "team@notes.internal".to_owned()));
    }
    lines
}

/// `NAME=value` lines.
fn as_text(lines: &[(&str, String)]) -> String {
    lines
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Lets everybody on this machine read the file; does nothing where there are no such bits.
fn readable_by_all(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// 43 characters that differ every time: the standard library seeds its hash maps from the system's
/// random source.
fn random_text() -> String {
    let mut hash = Sha256::new();
    for _ in 0..4 {
        let word = RandomState::new().build_hasher().finish();
        hash.update(word.to_le_bytes());
    }
    hash.update(std::process::id().to_le_bytes());
    if let Ok(since) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        hash.update(since.as_nanos().to_le_bytes());
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

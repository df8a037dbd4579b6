//! An S3 server that checks signatures: `rclone serve s3`, which `tests/s3server` fetches.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::process::{Launch, Server, free_port, on_free_ports};
use super::scratch::{Scratch, cache_folder, give_to_server};

/// The identifier of the only key that the server knows.
pub(crate) const ACCESS_KEY: &str = "READYCTLTESTKEY";

/// The secret of that key.
pub(crate) const SECRET_KEY: &str = "readyctl-test-secret";

/// A running server; stopped when dropped.
pub(crate) struct S3 {
    server: Server,
    scratch: Scratch,
    port: u16,
}

impl S3 {
    /// Starts a server without buckets.
    pub(crate) fn start() -> Self {
        let scratch = Scratch::new("s3");
        let root = scratch.folder("buckets");
        let (port, server) = on_free_ports(|| {
            let port = free_port();
            let args = [
                "serve",
                "s3",
                "--config=/dev/null",
                "--dir-cache-time=0",
                &format!("--auth-key={ACCESS_KEY},{SECRET_KEY}"),
                &format!("--addr=127.0.0.1:{port}"),
                &root.display().to_string(),
            ];
            let launch = Launch::new(rclone(), args, "Starting s3 server");
            Server::start(launch, &scratch).map(|server| (port, server))
        });
        Self {
            server,
            scratch,
            port,
        }
    }

    /// The process: to stop or freeze it, or to read its log.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The endpoint's URL, for path-style requests; the region is any.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes an empty bucket.
    pub(crate) fn create_bucket(&self, bucket: &str) {
        self.scratch.folder(&format!("buckets/{bucket}"));
    }

    /// Puts an object, last modified now.
    pub(crate) fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        self.put_aged(bucket, key, content, Duration::ZERO);
    }

    /// Puts an object that was last modified some time ago.
    pub(crate) fn put_aged(&self, bucket: &str, key: &str, content: &[u8], age: Duration) {
        let path = self.object(bucket, key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        File::open(&path)
            .unwrap()
            .set_modified(SystemTime::now() - age)
            .unwrap();
        give_to_server(&path);
    }

    /// Removes an object.
    pub(crate) fn remove(&self, bucket: &str, key: &str) {
        fs::remove_file(self.object(bucket, key)).unwrap();
    }

    /// The server keeps each object as a file.
    fn object(&self, bucket: &str, key: &str) -> PathBuf {
        self.scratch.join("buckets").join(bucket).join(key)
    }
}

fn rclone() -> PathBuf {
    let fetched = cache_folder("s3").join("rclone");
    assert!(
        fetched.exists(),
        "the S3 server is missing: run tests/run, which fetches it"
    );
    fetched
}

//! The sample deployment behind `readyctl demo`: a small web service, its backups and its `.env`.
//!
//! It is as healthy as a real one should be, and can be broken in many ways on purpose
//! ([`breaks`]), one red check each: whoever is new sees what an audit looks like, and the test
//! suite sees that no check of `profiles/demo.yaml` is green whatever happens.

mod breaks;
mod cors;
mod folder;
mod limiter;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

pub(crate) use breaks::{Break, BreakInfo};

/// The one browser origin that the sample service trusts.
const FRONTEND: &str = "https://notes.internal";

/// The release that the sample service runs.
const RELEASE: &str = "1.4.2";

/// A running sample deployment. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub(crate) struct Demo {
    /// Where the service listens.
    address: SocketAddr,
    /// Where nothing should listen.
    debug_address: SocketAddr,
    /// Ports that are bound, so that nobody else takes them, but refuse connections.
    _reserved: Vec<TcpSocket>,
    /// Backups, `.env` and `.env.example`.
    folder: folder::Folder,
    /// The accept loops; they end when aborted.
    tasks: Vec<JoinHandle<()>>,
}

impl Demo {
    /// Starts the deployment on free loopback ports, broken as asked; none means healthy.
    ///
    /// # Errors
    /// When no port can be bound or the temporary files cannot be written.
    pub(crate) async fn start(breaks: &[Break]) -> anyhow::Result<Self> {
        let folder = folder::Folder::create(breaks)?;
        let (service, debug) = (bind()?, bind()?);
        let address = service.local_addr()?;
        let debug_address = debug.local_addr()?;
        let (mut reserved, mut tasks) = (Vec::new(), Vec::new());
        if breaks.contains(&Break::ServiceDown) {
            reserved.push(service);
        } else {
            let app = Arc::new(server::App::new(breaks));
            tasks.push(tokio::spawn(server::serve(service.listen(256)?, app)));
        }
        if breaks.contains(&Break::DebugPortOpen) {
            let listener = debug.listen(16)?;
            tasks.push(tokio::spawn(async move {
                while listener.accept().await.is_ok() {}
            }));
        } else {
            reserved.push(debug);
        }
        Ok(Self {
            address,
            debug_address,
            _reserved: reserved,
            folder,
            tasks,
        })
    }

    /// Every way to break it.
    pub(crate) fn breaks() -> &'static [BreakInfo] {
        breaks::BREAKS
    }

    /// Base URL of the service, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder with `backups/`, `.env` and `.env.example`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The inputs of the profile `demo`.
    pub(crate) fn inputs(&self) -> Vec<(String, String)> {
        [
            ("base_url", self.url()),
            ("frontend", FRONTEND.to_owned()),
            ("release", RELEASE.to_owned()),
            ("debug_port", self.debug_address.port().to_string()),
            ("folder", self.folder().display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// A socket bound to a free loopback port; it listens when told to.
fn bind() -> anyhow::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .context("the demo found no free loopback port")?;
    Ok(socket)
}

impl Drop for Demo {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests;

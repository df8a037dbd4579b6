//! The servers that a document names, and where they are.

use serde_json::Value;
use url::{Host, Url};

use super::document::{Dialect, Document};
use super::operation::{items, members, text};

/// Stands for the host while a relative address is read.
const SOMEWHERE: &str = "http://relative.invalid/";

/// Every server, variables filled with their defaults; relative ones as written.
pub(super) fn servers(document: &Document) -> Vec<String> {
    if document.dialect == Dialect::V2 {
        let Some(host) = text(&document.root, "host") else {
            return Vec::new();
        };
        let base = text(&document.root, "basePath").unwrap_or_default();
        let mut schemes: Vec<&str> = items(document.get("schemes"))
            .filter_map(Value::as_str)
            .collect();
        if schemes.is_empty() {
            schemes.push("https");
        }
        return schemes
            .into_iter()
            .map(|scheme| format!("{scheme}://{host}{base}"))
            .collect();
    }
    let mut list: Vec<String> = of(&document.root).collect();
    for (_, item) in members(document.get("paths")) {
        let Ok(item) = document.follow(item) else {
            continue;
        };
        list.extend(of(item));
        list.extend(members(Some(item)).flat_map(|(_, operation)| of(operation)));
    }
    list.dedup();
    list
}

/// The servers of the document itself, of a path or of an operation.
fn of(holder: &Value) -> impl Iterator<Item = String> {
    items(holder.get("servers")).filter_map(filled)
}

/// The address of a server with the defaults of its variables.
fn filled(server: &Value) -> Option<String> {
    let mut url = text(server, "url")?.to_owned();
    for (name, variable) in members(server.get("variables")) {
        let default = text(variable, "default").unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    Some(url)
}

/// The path that an operation's own path is appended to: that of the first server.
pub(super) fn base_path(document: &Document, holders: &[&Value]) -> String {
    let url = match document.dialect {
        Dialect::V2 => text(&document.root, "basePath").map(str::to_owned),
        _ => holders
            .iter()
            .chain(&[&document.root])
            .find_map(|holder| of(holder).next()),
    };
    let path = url
        .and_then(|url| Url::parse(SOMEWHERE).ok()?.join(&url).ok())
        .map(|url| url.path().to_owned())
        .unwrap_or_default();
    path.trim_end_matches('/').to_owned()
}

/// Whether an address is that of whoever reads it: `localhost` is another machine for everybody.
pub(super) fn is_local(server: &str) -> bool {
    let Ok(url) = Url::parse(server) else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost"
                || name.ends_with(".localhost")
                || name == "localhost.localdomain"
                || name == "host.docker.internal"
        }
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let plain = address.to_canonical();
            plain.is_loopback() || plain.is_unspecified()
        }
        None => false,
    }
}

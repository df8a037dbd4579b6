//! Software bills of materials.

use serde_json::Value;

use super::content::{Component, Sbom, Stamp, moment};
use super::files::{Source, wrong};
use super::json::{list, maybe_list, owned, text};
use crate::outcome::Fault;

/// Reads CycloneDX.
///
/// # Errors
/// When it is broken.
pub(super) fn cyclonedx(source: &Source, value: &Value) -> Result<(Stamp, Sbom), Fault> {
    if text(value, "/bomFormat") != Some("CycloneDX") || text(value, "/specVersion").is_none() {
        return Err(wrong(source, "it is not CycloneDX"));
    }
    let mut stamp = Stamp::default();
    stamp.written_at(text(value, "/metadata/timestamp").and_then(moment));
    if let Some(main) = value.pointer("/metadata/component") {
        for key in ["/name", "/version", "/purl", "/bom-ref"] {
            stamp.about(text(main, key));
        }
        for hash in maybe_list(source, main, "/hashes")? {
            stamp.about(text(hash, "/content"));
        }
        for property in maybe_list(source, main, "/properties")? {
            stamp.about(text(property, "/value"));
        }
    }
    for property in maybe_list(source, value, "/metadata/properties")? {
        let name = owned(property, "/name").to_ascii_lowercase();
        if name.contains("commit") || name.contains("revision") {
            stamp
                .commits
                .extend(text(property, "/value").map(str::to_owned));
        }
    }
    let mut sbom = Sbom::default();
    collect(source, value, &mut sbom, 0)?;
    Ok((stamp, sbom))
}

/// Collects components, nested ones too.
fn collect(source: &Source, value: &Value, sbom: &mut Sbom, depth: usize) -> Result<(), Fault> {
    for entry in maybe_list(source, value, "/components")? {
        if depth < 100 {
            collect(source, entry, sbom, depth + 1)?;
        }
        if matches!(
            text(entry, "/type"),
            Some("file" | "data" | "cryptographic-asset")
        ) {
            continue;
        }
        let group = text(entry, "/group");
        let name = owned(entry, "/name");
        let mut licences = Vec::new();
        for licence in maybe_list(source, entry, "/licenses")? {
            let found = text(licence, "/license/id")
                .or_else(|| text(licence, "/expression"))
                .or_else(|| text(licence, "/license/name"));
            licences.extend(found.map(str::to_owned));
        }
        sbom.components.push(Component {
            name: group.map_or_else(|| name.clone(), |group| format!("{group}/{name}")),
            version: text(entry, "/version").map(str::to_owned),
            purl: text(entry, "/purl").map(str::to_owned),
            supplier: text(entry, "/supplier/name")
                .or_else(|| text(entry, "/publisher"))
                .or_else(|| text(entry, "/author"))
                .map(str::to_owned),
            licences,
        });
    }
    Ok(())
}

/// Reads SPDX 2.
///
/// # Errors
/// When it is broken.
pub(super) fn spdx(source: &Source, value: &Value) -> Result<(Stamp, Sbom), Fault> {
    if text(value, "/spdxVersion").is_none_or(|version| !version.starts_with("SPDX-2.")) {
        return Err(wrong(source, "it is not SPDX 2"));
    }
    let mut stamp = Stamp::default();
    stamp.written_at(text(value, "/creationInfo/created").and_then(moment));
    stamp.about(text(value, "/name"));
    let mut described: Vec<&str> = maybe_list(source, value, "/documentDescribes")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for relation in maybe_list(source, value, "/relationships")? {
        match text(relation, "/relationshipType") {
            Some("DESCRIBES") => described.extend(text(relation, "/relatedSpdxElement")),
            Some("DESCRIBED_BY") => described.extend(text(relation, "/spdxElementId")),
            _ => {}
        }
    }
    let mut sbom = Sbom::default();
    for package in list(source, value, "/packages")? {
        let known = |key: &str| text(package, key).filter(|text| !is_unknown(text));
        let mut purl = None;
        for reference in maybe_list(source, package, "/externalRefs")? {
            if text(reference, "/referenceType") == Some("purl") {
                purl = text(reference, "/referenceLocator").map(str::to_owned);
            }
        }
        let id = owned(package, "/SPDXID");
        if described.contains(&id.as_str()) {
            stamp.about(known("/name"));
            stamp.about(known("/versionInfo"));
            stamp.about(purl.as_deref());
            for sum in maybe_list(source, package, "/checksums")? {
                stamp.about(text(sum, "/checksumValue"));
            }
            continue;
        }
        sbom.components.push(Component {
            name: owned(package, "/name"),
            version: known("/versionInfo").map(str::to_owned),
            purl,
            supplier: known("/supplier")
                .or_else(|| known("/originator"))
                .map(str::to_owned),
            licences: known("/licenseConcluded")
                .or_else(|| known("/licenseDeclared"))
                .map(str::to_owned)
                .into_iter()
                .collect(),
        });
    }
    Ok((stamp, sbom))
}

/// Whether a value only says that there is none.
fn is_unknown(text: &str) -> bool {
    matches!(text, "NOASSERTION" | "NONE")
}

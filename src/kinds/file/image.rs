//! References of container images.

/// How exactly a reference names an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    /// No tag, or one that moves by its nature: `latest`, `main`, `edge`.
    Floating,
    /// A tag: it names a release, and may be moved all the same.
    Tag,
    /// A digest: always the same bytes.
    Digest,
}

/// Tags that name no release.
const MOVING: &[&str] = &[
    "latest", "main", "master", "edge", "dev", "develop", "nightly", "stable", "current", "lts",
    "head", "rolling", "mainline",
];

/// How exactly the reference names an image.
pub(super) fn precision(reference: &str) -> Precision {
    if let Some((_, digest)) = reference.split_once('@') {
        return match digest.split_once(':') {
            Some((_, hex)) if hex.len() >= 32 && hex.chars().all(|c| c.is_ascii_hexdigit()) => {
                Precision::Digest
            }
            _ => Precision::Floating,
        };
    }
    let last = reference.rsplit('/').next().unwrap_or(reference);
    match last.split_once(':') {
        Some((_, tag)) if !tag.is_empty() && !MOVING.contains(&tag.to_lowercase().as_str()) => {
            Precision::Tag
        }
        _ => Precision::Floating,
    }
}

/// The name without registry, tag and digest, `postgres`.
pub(super) fn name(reference: &str) -> &str {
    let bare = reference.split('@').next().unwrap_or(reference);
    let last = bare.rsplit('/').next().unwrap_or(bare);
    last.split(':').next().unwrap_or(last)
}

/// Images of databases, caches and brokers: nobody outside has business with their ports.
const STORES: &[&str] = &[
    "postgres",
    "postgresql",
    "pgvector",
    "timescaledb",
    "postgis",
    "mysql",
    "mariadb",
    "redis",
    "valkey",
    "mongo",
    "mongodb",
    "memcached",
    "elasticsearch",
    "opensearch",
    "rabbitmq",
    "kafka",
    "zookeeper",
    "etcd",
    "cassandra",
    "clickhouse",
    "clickhouse-server",
    "couchdb",
    "neo4j",
    "qdrant",
    "weaviate",
    "milvus",
    "pgbouncer",
    "dragonfly",
    "keydb",
    "minio",
];

/// Whether the image is a database, cache or broker.
pub(super) fn is_store(reference: &str) -> bool {
    let name = name(reference).to_lowercase();
    STORES
        .iter()
        .any(|store| name == *store || name.starts_with(&format!("{store}-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_the_registry_is_no_tag() {
        let digest = format!("a/b@sha256:{}", "0".repeat(64));
        for (reference, expected) in [
            ("registry:5000/app", Precision::Floating),
            ("registry:5000/app:1.2", Precision::Tag),
            ("postgres:latest", Precision::Floating),
            ("postgres:Latest", Precision::Floating),
            ("postgres:", Precision::Floating),
            ("a@sha256:", Precision::Floating),
            (digest.as_str(), Precision::Digest),
        ] {
            assert_eq!(precision(reference), expected, "{reference}");
        }
        assert!(is_store("docker.io/library/postgres:16-alpine"));
        assert!(!is_store("ghcr.io/acme/redirector:1"));
    }
}

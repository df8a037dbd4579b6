//! Settings of the API, from its environment.

use std::env;

pub use caliber_core::SCHEMA_VERSION;

/// A number from the environment, or its preset.
fn number(name: &str, preset: u32) -> u32 {
    env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(preset)
}

/// How many requests pass.
pub struct Limits {
    /// A minute and address.
    pub anonymous: u32,
    /// A minute and tenant.
    pub tenant: u32,
    /// At once.
    pub burst: u32,
}

/// The limits in force.
pub fn limits() -> Limits {
    Limits {
        anonymous: number("CALIBER_RATE_LIMIT_UNAUTHENTICATED", 100),
        tenant: number("CALIBER_RATE_LIMIT_AUTHENTICATED", 1000),
        burst: number("CALIBER_RATE_LIMIT_BURST", 10),
    }
}

/// Where the database is.
pub fn database() -> String {
    let host = env::var("CALIBER_DB_HOST").unwrap_or_else(|_| "localhost".into());
    let name = env::var("CALIBER_DB_NAME").unwrap_or_else(|_| "caliber".into());
    let user = env::var("CALIBER_DB_USER").unwrap_or_else(|_| "caliber".into());
    let password = env::var("CALIBER_DB_PASSWORD").unwrap_or_default();
    let port = number("CALIBER_DB_PORT", 5432);
    format!("host={host} port={port} dbname={name} user={user} password={password}")
}

/// Whether requests must name their tenant.
pub fn tenant_required() -> bool {
    env::var("CALIBER_REQUIRE_TENANT_HEADER").map_or(true, |word| word != "false")
}

/// Who may come in.
pub fn secrets() -> (String, Vec<String>) {
    let keys = env::var("CALIBER_API_KEYS").unwrap_or_default();
    (
        env::var("CALIBER_JWT_SECRET").unwrap_or_default(),
        keys.split(',').map(str::to_owned).collect(),
    )
}

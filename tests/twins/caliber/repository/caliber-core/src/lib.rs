//! What every part of the service knows.

/// Level of the schema that this release works with.
pub const SCHEMA_VERSION: i64 = 8;

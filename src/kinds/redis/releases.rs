//! Which releases lack which security fixes. The table carries its date: it ages.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::expect::Version;

/// The day up to which releases were looked at.
pub(super) const TABLE_DATE: &str = "2026-08-20";

/// Days after which the table is called old.
const STALE_AFTER_DAYS: i32 = 270;

/// Whose releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    /// Redis and builds of it.
    Redis,
    /// Valkey, which counts its own versions.
    Valkey,
}

impl Product {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        }
    }
}

/// An advisory and the first release of each series that holds its fix.
struct Advisory {
    /// Its name.
    name: &'static str,
    /// First good Redis releases: major, minor, patch, ascending. Empty: not affected.
    redis: &'static [(u64, u64, u64)],
    /// First good Valkey releases.
    valkey: &'static [(u64, u64, u64)],
}

/// Serious advisories (code execution, or crashes by strangers), oldest first.
const ADVISORIES: &[Advisory] = &[
    // Lua stack overflow.
    Advisory {
        name: "CVE-2024-31449",
        redis: &[(6, 2, 16), (7, 2, 6), (7, 4, 1)],
        valkey: &[(7, 2, 7), (8, 0, 1)],
    },
    // Lua use after free, three more with it.
    Advisory {
        name: "CVE-2025-49844",
        redis: &[(6, 2, 20), (7, 2, 11), (7, 4, 6), (8, 0, 4), (8, 2, 2)],
        valkey: &[(7, 2, 11), (8, 0, 6), (8, 1, 4)],
    },
    // Use after free while unblocking clients; RESTORE and replication flaws with it.
    Advisory {
        name: "CVE-2026-23479",
        redis: &[],
        valkey: &[(7, 2, 13), (8, 0, 9), (8, 1, 7), (9, 0, 4), (9, 1, 0)],
    },
    // Crafted streams lead to code execution: the releases of July 2026.
    Advisory {
        name: "CVE-2026-63639",
        redis: &[
            (6, 2, 23),
            (7, 2, 15),
            (7, 4, 10),
            (8, 2, 8),
            (8, 4, 5),
            (8, 6, 5),
            (8, 8, 1),
        ],
        valkey: &[(7, 2, 14), (8, 0, 10), (8, 1, 9), (9, 0, 5), (9, 1, 1)],
    },
];

/// The advisories whose fix this version lacks. A series without a fixed release lacks it unless
/// it is newer than all fixed ones.
pub(super) fn open(product: Product, version: &Version) -> Vec<&'static str> {
    ADVISORIES
        .iter()
        .filter(|advisory| {
            let fixed = match product {
                Product::Redis => advisory.redis,
                Product::Valkey => advisory.valkey,
            };
            lacks(version, fixed)
        })
        .map(|advisory| advisory.name)
        .collect()
}

/// Whether the version is older than the fix of its series.
fn lacks(version: &Version, fixed: &[(u64, u64, u64)]) -> bool {
    let read = |(major, minor, patch): (u64, u64, u64)| {
        format!("{major}.{minor}.{patch}").parse::<Version>().ok()
    };
    let series = fixed
        .iter()
        .rev()
        .find(|(major, minor, _)| read((*major, *minor, 0)).is_some_and(|start| *version >= start));
    match series {
        // Older than every series that got the fix.
        None => !fixed.is_empty(),
        Some(&(major, minor, patch)) => {
            let is_last = fixed.last() == Some(&(major, minor, patch));
            let next = read((major, minor + 1, 0));
            let outside = next.is_some_and(|next| *version >= next);
            let fixed_here = read((major, minor, patch)).is_some_and(|good| *version >= good);
            // A series between two fixed ones (7.0 between 6.2 and 7.2) got no fix.
            if outside { !is_last } else { !fixed_here }
        }
    }
}

/// Whether the table is too old to reassure anybody.
pub(super) fn is_stale(now: Timestamp) -> bool {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    TABLE_DATE
        .parse::<Date>()
        .is_ok_and(|date| (today - date).get_days() > STALE_AFTER_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_its_own_fix() {
        for (product, version, expected) in [
            (Product::Redis, "7.0.15", 3),
            (Product::Redis, "6.2.20", 1),
            (Product::Redis, "7.2.15", 0),
            (Product::Redis, "8.0.4", 1),
            (Product::Redis, "8.8.0", 1),
            (Product::Redis, "8.8.1", 0),
            (Product::Redis, "9.0.0", 0),
            (Product::Redis, "5.0.14", 3),
            (Product::Valkey, "8.1.4", 2),
            (Product::Valkey, "9.1.1", 0),
            (Product::Valkey, "9.1.0", 1),
            (Product::Valkey, "7.2.5", 4),
        ] {
            let found = open(product, &version.parse().unwrap());
            assert_eq!(found.len(), expected, "{version}: {found:?}");
        }
    }

    #[test]
    fn the_table_ages() {
        assert!(!is_stale("2026-11-20T00:00:00Z".parse().unwrap()));
        assert!(is_stale("2027-12-01T00:00:00Z".parse().unwrap()));
    }
}

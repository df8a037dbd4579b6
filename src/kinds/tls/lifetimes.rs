//! How long a public certificate may live, by the day it was issued (CA/Browser Forum baseline
//! requirements, ballots 193, SC31 and SC081v3). The table carries dates, so it does not age.

/// First day of issue (UTC, unix seconds) and longest lifetime in days, newest first.
const CAPS: &[(i64, i64, &str)] = &[
    (1_868_227_200, 47, "2029-03-15"),
    (1_805_068_800, 100, "2027-03-15"),
    (1_773_532_800, 200, "2026-03-15"),
    (1_598_918_400, 398, "2020-09-01"),
    (1_519_862_400, 825, "2018-03-01"),
];

/// The longest lifetime in days and since when it counts; `None` before the first rule.
pub(super) fn cap(not_before: i64) -> Option<(i64, &'static str)> {
    CAPS.iter()
        .find(|(since, _, _)| not_before >= *since)
        .map(|(_, days, since)| (*days, *since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dates_are_what_they_say() {
        for (since, _, date) in CAPS {
            let start: jiff::Timestamp = format!("{date}T00:00:00Z").parse().unwrap();
            assert_eq!(start.as_second(), *since, "{date}");
            assert_ne!(cap(*since), cap(*since - 1), "{date}");
        }
        assert_eq!(cap(0), None);
    }
}

//! Times in names and in JSON.

use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use regex::Regex;
use serde_json::Value;

/// Finds and reads a time inside a name.
#[derive(Debug)]
pub(super) struct NameTime {
    /// The format as for `strftime`.
    format: String,
    /// What matches that format.
    pattern: Regex,
    /// The zone of times that do not say one.
    zone: TimeZone,
}

impl NameTime {
    /// Prepares a format.
    ///
    /// # Errors
    /// What is wrong, and what to write: the field at fault comes first.
    pub(super) fn new(
        format: &str,
        zone: Option<&str>,
    ) -> Result<Self, (&'static str, String, String)> {
        let wrong = |message: String, help: &str| ("time_format", message, help.to_owned());
        let mut pattern = String::new();
        let mut says_zone = false;
        let mut says_day = false;
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                pattern.push_str(&regex::escape(&character.to_string()));
                continue;
            }
            let directive = characters.next().unwrap_or(' ');
            pattern.push_str(match directive {
                'Y' => r"\d{4}",
                'y' | 'm' | 'H' | 'I' | 'M' | 'S' => r"\d{2}",
                'd' | 'j' | 'F' | 's' => {
                    says_day = true;
                    match directive {
                        'd' => r"\d{2}",
                        'j' => r"\d{3}",
                        'F' => r"\d{4}-\d{2}-\d{2}",
                        _ => r"\d{9,11}",
                    }
                }
                'b' | 'B' | 'a' | 'A' => "[A-Za-z]+",
                'p' => "[AaPp][Mm]",
                'T' => r"\d{2}:\d{2}:\d{2}",
                'z' => r"[+-]\d{4}",
                '%' => "%",
                other => {
                    return Err(wrong(
                        format!("`%{other}` is not known in a time format"),
                        "use %Y %m %d %H %M %S %j %b %z %s",
                    ));
                }
            });
            says_zone |= matches!(directive, 'z' | 's');
        }
        if !says_day {
            return Err(wrong(
                format!("`{format}` says no day"),
                "write the whole date as it stands in the names: `%Y-%m-%d`",
            ));
        }
        // A guess could make a backup half a day younger than it is.
        if zone.is_none() && !says_zone {
            return Err((
                "time_zone",
                format!("times written as `{format}` say no time zone"),
                "add `time_zone: UTC`, or the zone of the machine that names the files".to_owned(),
            ));
        }
        Ok(Self {
            pattern: Regex::new(&pattern)
                .map_err(|error| wrong(error.to_string(), "use %Y %m %d %H %M %S"))?,
            format: format.to_owned(),
            zone: zone_of(zone)?,
        })
    }

    /// The time in a name. Of a date alone, the start of the day: rather older than younger.
    pub(super) fn read(&self, name: &str) -> Option<Timestamp> {
        self.pattern.find_iter(name).find_map(|found| {
            let parsed = strtime::parse(&self.format, found.as_str()).ok()?;
            if let Ok(timestamp) = parsed.to_timestamp() {
                return Some(timestamp);
            }
            let civil = parsed
                .to_datetime()
                .ok()
                .or_else(|| parsed.to_date().ok().map(DateTime::from))?;
            // In the hour that a clock change repeats, the earlier reading is the older one.
            self.zone
                .to_ambiguous_zoned(civil)
                .earlier()
                .ok()
                .map(|z: Zoned| z.timestamp())
        })
    }
}

/// The zone with this name; UTC when there is none.
///
/// # Errors
/// When the name is not known.
pub(super) fn zone_of(name: Option<&str>) -> Result<TimeZone, (&'static str, String, String)> {
    match name {
        None => Ok(TimeZone::UTC),
        Some(name) if name.eq_ignore_ascii_case("utc") => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_| {
            (
                "time_zone",
                format!("the time zone `{name}` is not known on this machine"),
                "write an IANA name such as `UTC` or `Europe/Kyiv`".to_owned(),
            )
        }),
    }
}

/// A time in JSON: RFC 3339, seconds or milliseconds since 1970, or a civil time when a zone is
/// given.
pub(super) fn of_json(value: &Value, zone: Option<&TimeZone>) -> Option<Timestamp> {
    match value {
        Value::Number(number) => of_epoch(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            if let Ok(time) = text.parse::<Timestamp>() {
                return Some(time);
            }
            if let Ok(seconds) = text.parse::<f64>() {
                return of_epoch(seconds);
            }
            let zone = zone?;
            let civil = text
                .parse::<DateTime>()
                .ok()
                .or_else(|| text.parse::<Date>().ok().map(DateTime::from))?;
            zone.to_ambiguous_zoned(civil)
                .earlier()
                .ok()
                .map(|z: Zoned| z.timestamp())
        }
        _ => None,
    }
}

/// Seconds since 1970; numbers too large for that are milliseconds.
fn of_epoch(number: f64) -> Option<Timestamp> {
    if !number.is_finite() || number <= 0.0 {
        return None;
    }
    let millis = if number >= 1e11 {
        number
    } else {
        number * 1000.0
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a time outside the range is refused by the next line"
    )]
    Timestamp::from_millisecond(millis as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_inside_names() {
        for (format, zone, name, expected) in [
            (
                "%Y-%m-%d",
                "UTC",
                "app-2026-03-04.dump",
                "2026-03-04T00:00:00Z",
            ),
            (
                "%Y%m%d_%H%M%S",
                "Europe/Kyiv",
                "db_20260304_101112.sql.gz",
                "2026-03-04T08:11:12Z",
            ),
            // The hour between 03:00 and 04:00 happens twice on this day.
            (
                "%Y-%m-%dT%H%M",
                "Europe/Kyiv",
                "a-2026-10-25T0330",
                "2026-10-25T00:30:00Z",
            ),
            ("%d%b%Y", "UTC", "x.04Mar2026.tar", "2026-03-04T00:00:00Z"),
        ] {
            let reader = NameTime::new(format, Some(zone)).unwrap();
            assert_eq!(
                reader.read(name).map(|t| t.to_string()).as_deref(),
                Some(expected),
                "{name}"
            );
        }
        let reader = NameTime::new("%Y%m%dT%H%M%S%z", None).unwrap();
        let read = reader.read("a.20260304T101112+0200.gz").unwrap();
        assert_eq!(read.to_string(), "2026-03-04T08:11:12Z");
        let reader = NameTime::new("%s", None).unwrap();
        assert_eq!(
            reader.read("a-1772612345.gz").unwrap().as_second(),
            1_772_612_345
        );
    }

    #[test]
    fn formats_that_could_mislead_are_refused() {
        for (format, zone, field) in [
            ("%Y-%m-%d", None, "time_zone"),
            ("%Y-%m-%d", Some("Mars/Olympus"), "time_zone"),
            ("%H%M", Some("UTC"), "time_format"),
            ("%Y-%m-%d %Q", Some("UTC"), "time_format"),
        ] {
            assert_eq!(
                NameTime::new(format, zone).unwrap_err().0,
                field,
                "{format}"
            );
        }
        let reader = NameTime::new("%Y-%m-%d", Some("UTC")).unwrap();
        assert_eq!(reader.read("app-2026-13-45.dump"), None);
        assert_eq!(reader.read("latest.dump"), None);
    }

    #[test]
    fn times_in_json_need_a_zone() {
        let zone = TimeZone::UTC;
        for (json, with_zone, expected) in [
            (
                "\"2026-03-04T10:11:12+02:00\"",
                false,
                Some("2026-03-04T08:11:12Z"),
            ),
            ("\"2026-03-04 10:11:12\"", false, None),
            (
                "\"2026-03-04 10:11:12\"",
                true,
                Some("2026-03-04T10:11:12Z"),
            ),
            ("1772612345", false, Some("2026-03-04T08:19:05Z")),
            ("1772612345000", false, Some("2026-03-04T08:19:05Z")),
            ("\"1772612345\"", false, Some("2026-03-04T08:19:05Z")),
            ("0", true, None),
            ("null", true, None),
            ("\"never\"", true, None),
        ] {
            let value = serde_json::from_str(json).unwrap();
            let read = of_json(&value, with_zone.then_some(&zone)).map(|t| t.to_string());
            assert_eq!(read.as_deref(), expected, "{json}");
        }
    }
}

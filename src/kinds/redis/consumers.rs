//! Queues, streams and channels: whether somebody consumes them.

use ::redis::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::facts::{Consumption, Group, Reading};
use super::judge::Judging;
use super::observe::{command, number_of, reading, text_of};
use super::session::Session;
use crate::context::Context;
use crate::expect::TimeSpan;
use crate::kinds::{Planned, SpecProblem};
use crate::outcome::{Fault, Finding};

/// Groups of one stream that are looked at.
const MAX_GROUPS: usize = 20;

/// One stream, list or channel that somebody must consume: exactly one of `stream`, `list` and
/// `channel`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Consumer {
    /// Key of a stream, read by consumer groups.
    #[serde(default)]
    stream: Option<String>,
    /// The group of the stream; all groups when left out.
    #[serde(default)]
    group: Option<String>,
    /// Key of a list that workers pop from.
    #[serde(default)]
    list: Option<String>,
    /// Name of a Pub/Sub channel.
    #[serde(default)]
    channel: Option<String>,
    /// Fewest consumers; 1 by default. Of a list, blocked clients of the whole server count, since
    /// Redis does not say what a worker waits for; 0 turns that off.
    #[serde(default = "default_min")]
    min_consumers: u64,
    /// A consumer of a stream that has not asked for longer than this counts as gone; `10m` by
    /// default.
    #[serde(default = "default_idle")]
    max_idle: TimeSpan,
    /// Most entries that may wait: length of a list, undelivered entries of a group.
    #[serde(default)]
    max_waiting: Option<u64>,
    /// Most entries of a group that were delivered and not acknowledged.
    #[serde(default)]
    max_pending: Option<u64>,
}

/// Default of `min_consumers`.
const fn default_min() -> u64 {
    1
}
/// Default of `max_idle`.
const fn default_idle() -> TimeSpan {
    TimeSpan::seconds(600)
}

impl Consumer {
    /// What is wrong with this entry, the one at index `at`.
    pub(super) fn problem(&self, at: usize) -> Option<SpecProblem> {
        let ways = [&self.stream, &self.list, &self.channel]
            .into_iter()
            .flatten()
            .filter(|name| !name.is_empty())
            .count();
        let field = format!("consumers[{at}]");
        if ways != 1 {
            return Some(SpecProblem::at(
                field,
                "exactly one of `stream`, `list` and `channel` is needed",
                "write for example `stream: jobs`",
            ));
        }
        if self.stream.is_none() && (self.group.is_some() || self.max_pending.is_some()) {
            return Some(SpecProblem::at(
                field,
                "`group` and `max_pending` belong to a stream",
                "leave them out, or write `stream:`",
            ));
        }
        if self.channel.is_some() && self.max_waiting.is_some() {
            return Some(SpecProblem::at(
                field,
                "nothing waits in a channel",
                "leave out `max_waiting`",
            ));
        }
        let nothing_asked =
            self.min_consumers == 0 && self.max_waiting.is_none() && self.max_pending.is_none();
        nothing_asked.then(|| {
            SpecProblem::at(
                field,
                "this entry could never fail",
                "write `min_consumers: 1`, or `max_waiting`",
            )
        })
    }

    /// See [`crate::kinds::Kind::plan`].
    pub(super) fn planned(&self) -> Vec<Planned> {
        if let Some(stream) = &self.stream {
            return vec![
                Planned::once(format!("XINFO GROUPS {stream}")),
                Planned {
                    what: format!("XINFO CONSUMERS {stream} …"),
                    at_most: if self.group.is_some() { 1 } else { 20 },
                },
            ];
        }
        match (&self.list, &self.channel) {
            (Some(list), _) => vec![Planned::once(format!("LLEN {list}"))],
            (_, Some(channel)) => vec![
                Planned::once(format!("PUBSUB NUMSUB {channel}")),
                Planned::once("PUBSUB NUMPAT"),
            ],
            _ => Vec::new(),
        }
    }

    /// Looks.
    pub(super) async fn look(
        &self,
        cx: &Context,
        session: &mut Session,
    ) -> Result<Consumption, Fault> {
        let mut seen = Consumption {
            groups: None,
            length: None,
            subscribers: None,
            patterns: None,
        };
        if let Some(stream) = &self.stream {
            seen.groups = Some(self.groups(cx, session, stream).await?);
        }
        if let Some(list) = &self.list {
            let answer = session.ask(cx, &command(&["LLEN", list])).await?;
            seen.length = Some(reading(answer, number_of));
        }
        if let Some(channel) = &self.channel {
            let answer = session
                .ask(cx, &command(&["PUBSUB", "NUMSUB", channel]))
                .await?;
            seen.subscribers = Some(reading(answer, |value| match value {
                Value::Array(pair) => pair.get(1).and_then(number_of),
                _ => None,
            }));
            let answer = session.ask(cx, &command(&["PUBSUB", "NUMPAT"])).await?;
            seen.patterns = Some(reading(answer, number_of));
        }
        Ok(seen)
    }

    /// The groups of a stream with their consumers.
    async fn groups(
        &self,
        cx: &Context,
        session: &mut Session,
        stream: &str,
    ) -> Result<Reading<Vec<Group>>, Fault> {
        let answer = session
            .ask(cx, &command(&["XINFO", "GROUPS", stream]))
            .await?;
        let mut groups = match reading(answer, |value| maps(value).map(read_groups)) {
            Reading::Known(groups) => groups,
            refused @ Reading::Refused(_) => return Ok(refused),
        };
        if let Some(wanted) = &self.group {
            groups.retain(|group| &group.name == wanted);
        }
        groups.truncate(MAX_GROUPS);
        for group in &mut groups {
            let answer = session
                .ask(cx, &command(&["XINFO", "CONSUMERS", stream, &group.name]))
                .await?;
            group.idle_ms = reading(answer, |value| {
                maps(value)?
                    .iter()
                    .take(1000)
                    .map(|consumer| field(consumer, "idle").and_then(number_of))
                    .collect()
            });
        }
        Ok(Reading::Known(groups))
    }

    /// What is consumed, in words.
    fn subject(&self) -> String {
        match (&self.stream, &self.group, &self.list, &self.channel) {
            (Some(stream), Some(group), ..) => format!("group {group} of stream {stream}"),
            (Some(stream), ..) => format!("stream {stream}"),
            (_, _, Some(list), _) => format!("list {list}"),
            (.., Some(channel)) => format!("channel {channel}"),
            _ => String::new(),
        }
    }
}

/// A list of flat key-value lists, or of maps.
fn maps(value: &Value) -> Option<Vec<Vec<(String, Value)>>> {
    let Value::Array(items) = value else {
        return None;
    };
    items
        .iter()
        .map(|item| match item {
            Value::Array(flat) => Some(
                flat.chunks_exact(2)
                    .filter_map(|pair| match pair {
                        [key, value] => Some((text_of(key)?, value.clone())),
                        _ => None,
                    })
                    .collect(),
            ),
            Value::Map(pairs) => Some(
                pairs
                    .iter()
                    .filter_map(|(key, value)| Some((text_of(key)?, value.clone())))
                    .collect(),
            ),
            _ => None,
        })
        .collect()
}

/// The value under a key.
fn field<'a>(map: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    map.iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// The groups of XINFO GROUPS; their consumers follow.
fn read_groups(maps: Vec<Vec<(String, Value)>>) -> Vec<Group> {
    maps.into_iter()
        .filter_map(|map| {
            Some(Group {
                name: field(&map, "name").and_then(text_of)?,
                pending: field(&map, "pending").and_then(number_of),
                lag: field(&map, "lag").and_then(number_of),
                idle_ms: Reading::Known(Vec::new()),
            })
        })
        .collect()
}

impl Judging<'_> {
    /// Judges every declared consumer.
    pub(super) fn consumers(&mut self) {
        for (consumer, seen) in self.spec.consumers.iter().zip(&self.facts.consumers) {
            let subject = consumer.subject();
            if let Some(groups) = &seen.groups {
                self.stream(consumer, &subject, groups);
            }
            if let Some(length) = &seen.length {
                self.list(consumer, &subject, length);
            }
            if let Some(subscribers) = &seen.subscribers {
                self.channel(consumer, &subject, subscribers, seen.patterns.as_ref());
            }
        }
    }

    /// Judges a stream.
    fn stream(&mut self, consumer: &Consumer, subject: &str, groups: &Reading<Vec<Group>>) {
        let expected = format!("at least {} consuming", consumer.min_consumers);
        let groups = match groups {
            Reading::Known(groups) => groups,
            Reading::Refused(refusal) if refusal.text.contains("no such key") => {
                self.fail(
                    "RED-55",
                    subject,
                    &expected,
                    "no such stream",
                    format!("{subject} does not exist, so nobody consumes it"),
                );
                return;
            }
            Reading::Refused(refusal) => {
                self.unknown("RED-55", subject, &expected, &refusal.to_string());
                return;
            }
        };
        if groups.is_empty() {
            self.fail(
                "RED-55",
                subject,
                &expected,
                "no such group",
                format!("{subject} has no consumer group, so nobody consumes it"),
            );
        }
        for group in groups {
            self.group(consumer, subject, &expected, group);
        }
    }

    /// Judges one group of a stream.
    fn group(&mut self, consumer: &Consumer, stream: &str, expected: &str, group: &Group) {
        let subject = if consumer.group.is_some() {
            stream.to_owned()
        } else {
            format!("group {} of {stream}", group.name)
        };
        match &group.idle_ms {
            Reading::Refused(refusal) => {
                self.unknown("RED-55", &subject, expected, &refusal.to_string());
            }
            Reading::Known(idle) => {
                let limit = consumer.max_idle.as_millis();
                let active = idle.iter().filter(|idle| **idle <= limit).count();
                let actual = format!(
                    "{active} of {} asked within {}",
                    idle.len(),
                    consumer.max_idle
                );
                let enough = u64::try_from(active).unwrap_or(u64::MAX) >= consumer.min_consumers;
                self.check(enough, "RED-55", &subject, expected, &actual, || {
                    format!("too few workers consume {subject}")
                });
            }
        }
        for (bound, value, what) in [
            (consumer.max_waiting, group.lag, "waiting"),
            (consumer.max_pending, group.pending, "unacknowledged"),
        ] {
            let Some(bound) = bound else { continue };
            let expected = format!("at most {bound} {what}");
            let Some(value) = value else {
                self.unknown("RED-56", &subject, &expected, "the server does not say");
                continue;
            };
            self.check(
                value <= bound,
                "RED-56",
                &subject,
                &expected,
                &value.to_string(),
                || format!("{value} entries of {subject} are {what}: consumers do not keep up"),
            );
        }
    }

    /// Judges a list.
    fn list(&mut self, consumer: &Consumer, subject: &str, length: &Reading<u64>) {
        if let Some(bound) = consumer.max_waiting {
            let expected = format!("at most {bound} waiting");
            match length {
                Reading::Known(length) => {
                    self.check(
                        *length <= bound,
                        "RED-56",
                        subject,
                        &expected,
                        &length.to_string(),
                        || format!("{length} entries wait in {subject}: workers do not keep up"),
                    );
                }
                Reading::Refused(refusal) => {
                    self.unknown("RED-56", subject, &expected, &refusal.to_string());
                }
            }
        }
        if consumer.min_consumers == 0 {
            return;
        }
        let expected = format!("at least {} clients wait for work", consumer.min_consumers);
        let waiting_work = length.known().copied().unwrap_or(0);
        match self.integer("blocked_clients") {
            // Busy workers do not block; a list that holds work says nothing about idle ones.
            Some(blocked)
                if blocked < consumer.min_consumers
                    && waiting_work > 0
                    && consumer.max_waiting.is_some() =>
            {
                self.warn("RED-55", subject, &expected, &blocked.to_string(), format!("{waiting_work} entries wait in {subject} and fewer clients than expected wait for work: workers are busy or gone"));
            }
            Some(blocked) => {
                self.check(
                    blocked >= consumer.min_consumers,
                    "RED-55",
                    subject,
                    &expected,
                    &blocked.to_string(),
                    || format!("no client waits for work of {subject}: its workers are gone"),
                );
            }
            None => self.lacks("RED-55", subject, &expected, "blocked_clients"),
        }
    }

    /// Judges a channel.
    fn channel(
        &mut self,
        consumer: &Consumer,
        subject: &str,
        subscribers: &Reading<u64>,
        patterns: Option<&Reading<u64>>,
    ) {
        let expected = format!("at least {} subscribed", consumer.min_consumers);
        let patterns = patterns.and_then(Reading::known).copied().unwrap_or(0);
        match subscribers {
            Reading::Refused(refusal) => {
                self.unknown("RED-55", subject, &expected, &refusal.to_string());
            }
            Reading::Known(count) if *count < consumer.min_consumers && patterns > 0 => {
                self.unknown("RED-55", subject, &expected, &format!("{count} subscribed by name, {patterns} patterns are subscribed that may or may not fit"));
            }
            Reading::Known(count) => {
                self.check(
                    *count >= consumer.min_consumers,
                    "RED-55",
                    subject,
                    &expected,
                    &count.to_string(),
                    || {
                        format!(
                            "too few subscribers listen on {subject}: what is published is lost"
                        )
                    },
                );
            }
        }
    }

    /// Convenience for a passing or failing statement.
    pub(super) fn check(
        &mut self,
        good: bool,
        code: &'static str,
        subject: &str,
        expected: &str,
        actual: &str,
        message: impl FnOnce() -> String,
    ) {
        if good {
            self.findings.push(Finding::pass(subject, expected, actual));
        } else {
            self.fail(code, subject, expected, actual, message());
        }
    }
}

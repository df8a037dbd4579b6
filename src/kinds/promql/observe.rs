//! Looks: sends the expressions, and reads the state of the servers.

use std::collections::HashSet;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::Promql;
use super::api::{Api, Reply, seconds};
use super::facts::{Answer, Facts, Manager, Rule, Runtime, Series, Silence, Target};
use super::spec::Ask;
use crate::context::Context;
use crate::exchange::{Session, cut};
use crate::exposition::{Labels, series};
use crate::kinds::http::leaks;
use crate::outcome::{Cause, Fault};

/// Expressions that are under way at the same time.
const AT_ONCE: usize = 2;
/// Most values of one answer that are kept.
const MAX_VALUES: usize = 4000;
/// Most targets, and most rules, that are judged.
const MAX_ITEMS: usize = 5000;

/// Asks everything that the check needs.
///
/// # Errors
/// When the server does not answer as Prometheus does.
pub(super) async fn observe(promql: &Promql, cx: &Context) -> Result<Facts, Fault> {
    let session = Session::trusting(cx, promql.ca_file.as_ref(), promql.allow_link_local, None)?;
    let api = Api {
        session: &session,
        cx,
        base: &promql.url,
        auth: promql.auth.as_ref(),
    };
    let mut facts = Facts::default();
    let asks = promql.asks();
    let under_way: Vec<_> = asks.iter().map(|ask| answer(&api, ask).boxed()).collect();
    let answers: Vec<_> = stream::iter(under_way).buffered(AT_ONCE).collect().await;
    for answer in answers {
        facts.answers.push(answer?);
    }
    if promql.needs_targets() {
        facts.targets = Some(targets(&api).await);
    }
    if promql.needs_rules() {
        facts.rules = Some(rules(&api).await);
    }
    if promql.needs_time() {
        // Last, so that nothing it is compared with can be newer.
        let (time, ahead) = clock(&api).await?;
        facts.time = Some(time);
        facts.ahead_ms = Some(ahead);
    }
    if promql.needs_runtime() {
        facts.runtime = Some(api.state("status/runtimeinfo").await.map(|data| Runtime {
            retention: data["storageRetention"].as_str().map(str::to_owned),
            reloaded: data["reloadConfigSuccess"].as_bool(),
        }));
    }
    if let Some(rule) = &promql.alertmanager {
        facts.notifies = Some(api.state("alertmanagers").await.map(|data| {
            list(&data["activeAlertmanagers"])
                .map(|item| text(&item["url"]))
                .collect()
        }));
        if let Some(url) = &rule.url {
            let api = Api {
                session: &session,
                cx,
                base: url,
                auth: rule.auth.as_ref(),
            };
            facts.alertmanager = Some(manager(&api).await);
        }
    }
    // Labels and errors are the targets' own words.
    let shown = serde_json::to_string(&facts).unwrap_or_default();
    leaks(&shown, |secret| cx.redactor.add(secret));
    Ok(facts)
}

/// The items of a list; none when it is no list.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text, cut to what is shown.
fn text(value: &Value) -> String {
    cut(value.as_str().unwrap_or_default(), 500).to_owned()
}

/// A set of labels.
fn labels(value: &Value) -> Labels {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

/// Seconds since 1970; none for the year 1, which means never.
fn moment(value: &Value) -> Option<f64> {
    let time: Timestamp = value.as_str()?.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
    let seconds = time.as_millisecond() as f64 / 1000.0;
    (seconds > 0.0).then_some(seconds)
}

/// The server's time in seconds since 1970, and by how many milliseconds it is ahead of ours.
async fn clock(api: &Api<'_>) -> Result<(f64, i64), Fault> {
    let before = Timestamp::now().as_millisecond();
    let reply = api.prometheus("query", &[("query", "time()")]).await?;
    let after = Timestamp::now().as_millisecond();
    let time: f64 = reply.data["result"][1]
        .as_str()
        .and_then(|text| text.parse().ok())
        .filter(|time: &f64| time.is_finite())
        .ok_or_else(|| {
            Fault::new(
                Cause::Unparseable,
                format!("{} does not tell its time", api.base),
            )
        })?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let theirs = (time * 1000.0) as i64;
    // Any moment in between is no difference.
    let ahead = if theirs < before {
        theirs - before
    } else {
        (theirs - after).max(0)
    };
    Ok((time, ahead))
}

/// Sends an expression.
async fn answer(api: &Api<'_>, ask: &Ask) -> Result<Answer, Fault> {
    let reply = match ask.range {
        None => {
            let query = [("query", ask.expr.as_str()), ("timeout", "30s")];
            api.prometheus("query", &query).await?
        }
        Some((range, step)) => {
            let now = Timestamp::now().as_second();
            let back = i64::try_from(range.as_secs()).unwrap_or(i64::MAX);
            let start = now.saturating_sub(back).to_string();
            let (end, step) = (now.to_string(), step.as_secs().to_string());
            let query = [
                ("query", ask.expr.as_str()),
                ("start", &start),
                ("end", &end),
                ("step", &step),
                ("timeout", "30s"),
            ];
            api.prometheus("query_range", &query).await?
        }
    };
    Ok(read_answer(ask, reply))
}

/// Reads the answer to an expression.
pub(super) fn read_answer(ask: &Ask, reply: Reply) -> Answer {
    let mut answer = Answer {
        ask: ask.to_string(),
        warnings: reply.warnings,
        error: reply.error,
        ..Answer::default()
    };
    if answer.error.is_some() {
        return answer;
    }
    answer.kind = text(&reply.data["resultType"]);
    let result = &reply.data["result"];
    let number = |pair: &Value| {
        let value: f64 = pair[1].as_str()?.parse().ok()?;
        value.is_finite().then_some(value)
    };
    if matches!(answer.kind.as_str(), "scalar" | "string") {
        answer.count = 1;
        answer.times = 1;
        answer.series.push(Series {
            name: answer.kind.clone(),
            le: None,
            values: vec![number(result)],
        });
        return answer;
    }
    let mut times = HashSet::new();
    let mut kept = 0;
    for item in list(result) {
        answer.count += 1;
        let metric = labels(&item["metric"]);
        let name = metric.iter().find(|(key, _)| key == "__name__");
        let name = name.map_or("", |(_, value)| value.as_str()).to_owned();
        let le = metric.iter().find(|(key, _)| key == "le");
        let le = le.map(|(_, value)| value.clone());
        let metric: Labels = metric
            .into_iter()
            .filter(|(key, _)| key != "__name__")
            .collect();
        let points: Vec<&Value> = match item.get("value") {
            Some(pair) => vec![pair],
            None => list(&item["values"]).collect(),
        };
        times.extend(points.iter().map(|pair| pair[0].to_string()));
        kept += points.len();
        if kept > MAX_VALUES {
            answer.more = true;
            continue;
        }
        let mut name = series(&name, &metric);
        if name.is_empty() {
            "{}".clone_into(&mut name);
        }
        answer.series.push(Series {
            name: cut(&name, 300).to_owned(),
            le,
            values: points.into_iter().map(number).collect(),
        });
    }
    answer.times = times.len() as u64;
    answer
}

/// The fault of a list that is longer than anybody can judge.
fn too_many(what: &str) -> Fault {
    Fault::new(Cause::TooLarge, format!("more than {MAX_ITEMS} {what}"))
}

/// Reads the targets.
async fn targets(api: &Api<'_>) -> Result<Vec<Target>, Fault> {
    let data = api.state("targets?state=active").await?;
    let found: Vec<Target> = list(&data["activeTargets"])
        .take(MAX_ITEMS + 1)
        .map(|item| Target {
            job: text(&item["labels"]["job"]),
            url: text(&item["scrapeUrl"]),
            health: text(&item["health"]),
            error: text(&item["lastError"]),
            last: moment(&item["lastScrape"]),
            interval: item["scrapeInterval"].as_str().and_then(seconds),
        })
        .collect();
    if found.len() > MAX_ITEMS {
        return Err(too_many("targets"));
    }
    Ok(found)
}

/// Reads the rules.
async fn rules(api: &Api<'_>) -> Result<Vec<Rule>, Fault> {
    let data = api.state("rules").await?;
    let mut found = Vec::new();
    for group in list(&data["groups"]) {
        for item in list(&group["rules"]) {
            if found.len() == MAX_ITEMS {
                return Err(too_many("rules"));
            }
            let expr = item["query"].as_str().unwrap_or_default();
            let expr: Vec<&str> = expr.split_whitespace().collect();
            found.push(Rule {
                group: text(&group["name"]),
                name: text(&item["name"]),
                alerting: item["type"] == "alerting",
                expr: cut(&expr.join(" "), 2000).to_owned(),
                health: text(&item["health"]),
                error: text(&item["lastError"]),
                last: moment(&item["lastEvaluation"]),
                interval: group["interval"].as_f64().unwrap_or(60.0),
                labels: labels(&item["labels"]),
                firing: list(&item["alerts"])
                    .filter(|alert| alert["state"] == "firing")
                    .take(10)
                    .map(|alert| labels(&alert["labels"]))
                    .collect(),
            });
        }
    }
    Ok(found)
}

/// Reads the state of an Alertmanager.
async fn manager(api: &Api<'_>) -> Result<Manager, Fault> {
    let status = api.alertmanager("status").await?;
    let receivers = api.alertmanager("receivers").await?;
    let silences = api.alertmanager("silences").await?;
    let alerts = api.alertmanager("alerts").await?;
    let everything = |matcher: &Value| {
        let value = matcher["value"].as_str().unwrap_or_default();
        matcher["isRegex"] == true
            && matcher["isEqual"] != false
            && matches!(value, ".*" | ".+" | "^.*$" | "^.+$")
    };
    Ok(Manager {
        receivers: list(&receivers).map(|item| text(&item["name"])).collect(),
        // The configuration holds addresses that are secrets: only this much of it is kept.
        notifies: status["config"]["original"].as_str().map(|config| {
            config.lines().any(|line| {
                let key = line.trim().trim_start_matches("- ");
                key.strip_suffix(':')
                    .is_some_and(|key| key.ends_with("_configs"))
            })
        }),
        silences: list(&silences)
            .filter(|item| item["status"]["state"] == "active")
            .filter_map(|item| {
                let matchers: Vec<&Value> = list(&item["matchers"]).collect();
                let shown: Vec<String> = matchers
                    .iter()
                    .map(|matcher| {
                        format!("{}={}", text(&matcher["name"]), text(&matcher["value"]))
                    })
                    .collect();
                Some(Silence {
                    everything: matchers.iter().all(|matcher| everything(matcher)),
                    matchers: shown.join(", "),
                    starts: item["startsAt"].as_str()?.parse().ok()?,
                    ends: item["endsAt"].as_str()?.parse().ok()?,
                })
            })
            .take(100)
            .collect(),
        alerts: list(&alerts)
            .filter(|item| item["status"]["state"] != "suppressed")
            .map(|item| text(&item["labels"]["alertname"]))
            .take(MAX_ITEMS)
            .collect(),
    })
}

//! Looks: fetches the page, and keeps of it what the expectations read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use url::Url;

use super::Metrics;
use super::facts::{Anonymous, Buckets, Facts, Known, MAX_VALUES, Page, Process, Selected};
use super::spec::FamilyRule;
use crate::context::Context;
use crate::exchange::{Request, Session, cut, millis};
use crate::exposition::{self, Content, Exposition, Labels, MetricType, Sample, Selector, Series};
use crate::kinds::http::leaks;
use crate::outcome::{Cause, Fault};

/// Most entries of a list that is only shown.
const SHOWN: usize = 10;
/// Longest series that is shown, in bytes.
const SERIES: usize = 300;

/// Looks at everything the check names.
///
/// # Errors
/// When the endpoint does not answer, or there is more than may be read.
pub(super) async fn observe(metrics: &Metrics, cx: &Context) -> Result<Facts, Fault> {
    let session = Session::trusting(cx, metrics.ca_file.as_ref(), metrics.allow_link_local, None)?;
    let mut facts = Facts::default();
    if metrics.refuses_anonymous {
        facts.anonymous = Some(anonymous(metrics, cx, &session).await);
        if metrics.only_anonymous() {
            return Ok(facts);
        }
    }
    let (page, first) = scrape(metrics, cx, &session).await?;
    facts.page = Some(page);
    let (Some(rule), Some(first)) = (&metrics.second_scrape, first) else {
        return Ok(facts);
    };
    for path in &rule.request {
        let asked = ask(metrics, cx, &session, path).await;
        facts.between.push((path.clone(), asked));
    }
    if cx.remaining() < rule.after.0 {
        return Err(Fault::new(
            Cause::Deadline,
            format!(
                "the time of the check ends before the second scrape, {} after the first",
                rule.after
            ),
        )
        .hint("make `timeout:` of the check longer than `second_scrape.after`"));
    }
    tokio::time::sleep(rule.after.0).await;
    let (page, second) = scrape(metrics, cx, &session).await?;
    facts.second = Some(page);
    if let Some(second) = second {
        facts.fell = fell(&first, &second);
        facts.fell.iter().for_each(|series| mask(cx, series));
    }
    Ok(facts)
}

/// Sends one request of the traffic in between.
async fn ask(metrics: &Metrics, cx: &Context, session: &Session, path: &str) -> Result<u16, Fault> {
    let mut request = Request::get(address(&metrics.joined(path))?);
    if let Some(auth) = &metrics.auth {
        auth.apply(&mut request, cx, |text| Ok(text.to_owned()))?;
    }
    Ok(session.send(cx, &request).await?.status)
}

/// A URL that was looked at when the profile was loaded.
fn address(url: &str) -> Result<Url, Fault> {
    Url::parse(url).map_err(|_| Fault::new(Cause::Unparseable, format!("`{url}` is no URL")))
}

/// Asks as anybody would.
async fn anonymous(metrics: &Metrics, cx: &Context, session: &Session) -> Anonymous {
    let asked = async {
        let request = exposition::request(address(&metrics.url)?, metrics.max_body.0)?;
        exposition::scrape(session, cx, &request).await
    };
    match asked.await {
        Ok(scrape) => Anonymous {
            status: Some(scrape.response.status),
            metrics: scrape.metrics().is_ok_and(|page| !page.samples.is_empty()),
            fault: None,
        },
        Err(fault) => Anonymous {
            status: None,
            metrics: false,
            fault: Some(fault),
        },
    }
}

/// Fetches the page once.
async fn scrape(
    metrics: &Metrics,
    cx: &Context,
    session: &Session,
) -> Result<(Page, Option<Exposition>), Fault> {
    let mut request = exposition::request(address(&metrics.url)?, metrics.max_body.0)?;
    if let Some(auth) = &metrics.auth {
        auth.apply(&mut request, cx, |text| Ok(text.to_owned()))?;
    }
    let scrape = exposition::scrape(session, cx, &request).await?;
    let mut page = Page {
        at: Timestamp::now(),
        took_ms: millis(scrape.response.total),
        content_type: scrape
            .response
            .header("content-type")
            .map(|kind| cut(kind, 200).to_owned()),
        size: scrape.response.body.len() as u64,
        ..Page::default()
    };
    match scrape.content {
        Content::Other(what) => {
            page.other = Some(what);
            Ok((page, None))
        }
        Content::Metrics(exposition) => {
            keep(metrics, cx, &exposition, &mut page);
            Ok((page, Some(exposition)))
        }
    }
}

/// Keeps what the expectations read.
fn keep(metrics: &Metrics, cx: &Context, exposition: &Exposition, page: &mut Page) {
    page.format = Some(exposition.format);
    page.series = exposition.samples.len();
    page.families = exposition.families.iter().filter(|f| f.samples > 0).count();
    page.problems.clone_from(&exposition.problems);
    page.more_problems = exposition.more_problems;
    for problem in &page.problems {
        mask(cx, &problem.text);
    }
    let mut families: Vec<_> = exposition.families.iter().collect();
    families.sort_by_key(|family| std::cmp::Reverse(family.samples));
    page.largest = families
        .iter()
        .take(5)
        .map(|family| (cut(&family.name, 200).to_owned(), family.samples))
        .collect();
    labels(metrics, cx, exposition, page);
    page.known = metrics
        .named_families()
        .into_iter()
        .map(|(name, rule)| known(name, rule, exposition, cx))
        .collect();
    for selector in metrics.selectors() {
        let label = metrics
            .version
            .as_ref()
            .filter(|rule| std::ptr::eq(&rule.select, selector))
            .map(|rule| rule.label.as_str());
        page.selected
            .push(selected(selector, label, exposition, cx));
    }
    page.histograms = metrics
        .quantiles
        .iter()
        .map(|rule| buckets(&rule.histogram, exposition))
        .collect();
    page.process = Process {
        open_fds: exposition.value("process_open_fds"),
        max_fds: exposition.value("process_max_fds"),
        memory: exposition.value("process_resident_memory_bytes"),
        started: exposition.value("process_start_time_seconds"),
    };
}

/// An e-mail address as a whole label value.
static EMAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[^\s@/:]+@[^\s@/:]+\.[A-Za-z]{2,}$").ok());

/// Makes secrets inside a text known to the redactor.
fn mask(cx: &Context, text: &str) {
    leaks(text, |secret| cx.redactor.add(secret));
}

/// Counts the values of every label, and looks for forbidden labels and secrets in values.
fn labels(metrics: &Metrics, cx: &Context, exposition: &Exposition, page: &mut Page) {
    let mut values: BTreeMap<(usize, &str), HashSet<&str>> = BTreeMap::new();
    for sample in &exposition.samples {
        for (label, value) in sample.labels.iter().filter(|(label, _)| label != "le") {
            values
                .entry((sample.family, label))
                .or_default()
                .insert(value);
        }
    }
    let forbidden = metrics
        .cardinality
        .0
        .as_ref()
        .map(|rule| &rule.forbidden_labels);
    let mut searched: HashMap<&str, Option<&'static str>> = HashMap::new();
    for ((family, label), found) in &values {
        let name = exposition
            .families
            .get(*family)
            .map_or("", |f| f.name.as_str());
        let name = cut(name, 200).to_owned();
        let is_forbidden = forbidden.is_some_and(|list| list.iter().any(|l| l == label));
        if is_forbidden && page.forbidden.len() < SHOWN {
            page.forbidden.push((name.clone(), (*label).to_owned()));
        }
        if metrics.no_secrets {
            for value in found {
                let what = *searched.entry(value).or_insert_with(|| secret(cx, value));
                if let Some(what) = what
                    && page.leaks.len() < SHOWN
                {
                    page.leaks
                        .push((name.clone(), (*label).to_owned(), what.to_owned()));
                }
            }
        }
        page.widest.push((name, (*label).to_owned(), found.len()));
    }
    page.leaks.dedup();
    page.widest
        .sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    page.widest.truncate(5);
}

/// What kind of secret a label value is.
fn secret(cx: &Context, value: &str) -> Option<&'static str> {
    if !leaks(value, |secret| cx.redactor.add(secret)).is_empty() {
        cx.redactor.add(value);
        return Some("a secret");
    }
    let email = EMAIL
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(value));
    if email {
        cx.redactor.add(value);
    }
    email.then_some("an e-mail address")
}

/// The samples of a family.
fn of_family<'a>(
    exposition: &'a Exposition,
    name: &str,
) -> impl Iterator<Item = &'a Sample> + use<'a> {
    let index = exposition.family(name).and_then(|family| {
        exposition
            .families
            .iter()
            .position(|f| f.name == family.name)
    });
    exposition
        .samples
        .iter()
        .filter(move |sample| Some(sample.family) == index)
}

/// Looks at a family that an expectation names.
fn known(name: &str, rule: Option<&FamilyRule>, exposition: &Exposition, cx: &Context) -> Known {
    let family = exposition.family(name);
    let mut known = Known {
        name: name.to_owned(),
        kind: family.map(|family| family.kind),
        series: family.map_or(0, |family| family.samples),
        without: Vec::new(),
        absent: Vec::new(),
    };
    let Some(rule) = rule else { return known };
    for label in &rule.labels {
        let mut lacking = of_family(exposition, name)
            .filter(|sample| !sample.name.ends_with("_created"))
            .filter(|sample| sample.label(label).is_empty());
        if let Some(first) = lacking.next() {
            let series = shown(first, cx);
            known
                .without
                .push((label.clone(), 1 + lacking.count(), series));
        }
    }
    for (label, wanted) in rule.values.iter() {
        for value in wanted {
            if !of_family(exposition, name).any(|sample| sample.label(label) == value) {
                known.absent.push((label.to_owned(), value.clone()));
            }
        }
    }
    known
}

/// A series as it may be shown.
fn shown(sample: &Sample, cx: &Context) -> String {
    let series = sample.series();
    mask(cx, &series);
    cut(&series, SERIES).to_owned()
}

/// Collects what a selector selects.
fn selected(
    selector: &Selector,
    label: Option<&str>,
    exposition: &Exposition,
    cx: &Context,
) -> Selected {
    let mut found = Selected {
        select: selector.to_string(),
        count: 0,
        not_finite: 0,
        sum: 0.0,
        values: Vec::new(),
        labels: Vec::new(),
    };
    for sample in exposition.select(selector) {
        found.count += 1;
        let value = Some(sample.value).filter(|value| value.is_finite());
        match value {
            Some(value) => found.sum += value,
            None => found.not_finite += 1,
        }
        if found.values.len() < MAX_VALUES {
            found.values.push((shown(sample, cx), value));
            if let Some(label) = label {
                found
                    .labels
                    .push((shown(sample, cx), cut(sample.label(label), 200).to_owned()));
            }
        }
    }
    found
}

/// Adds up the buckets of a histogram.
fn buckets(selector: &Selector, exposition: &Exposition) -> Buckets {
    let bucket_name = format!("{}_bucket", selector.name);
    let mut of_series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    let is_histogram = exposition
        .family(&selector.name)
        .is_some_and(|family| family.kind == MetricType::Histogram);
    let found = exposition.samples.iter().filter(|sample| {
        is_histogram
            && sample.name == bucket_name
            && selector.selects(&selector.name, |label| sample.label(label))
    });
    for sample in found {
        let Ok(edge) = sample.label("le").parse::<f64>() else {
            continue;
        };
        let labels = sample
            .labels
            .iter()
            .filter(|(label, _)| label != "le")
            .cloned()
            .collect();
        of_series
            .entry(labels)
            .or_default()
            .push((edge, sample.value));
    }
    let mut sum = Buckets {
        series: of_series.len(),
        ..Buckets::default()
    };
    for edges in of_series.values_mut() {
        edges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let edges: Vec<(Option<f64>, f64)> = edges
            .iter()
            .map(|(edge, count)| (Some(*edge).filter(|edge| edge.is_finite()), *count))
            .collect();
        if sum.edges.is_empty() {
            sum.edges = edges;
        } else if sum.edges.len() == edges.len()
            && sum.edges.iter().zip(&edges).all(|(a, b)| a.0 == b.0)
        {
            for (total, (_, count)) in sum.edges.iter_mut().zip(&edges) {
                total.1 += count;
            }
        } else {
            sum.mixed = true;
        }
    }
    sum
}

/// Counters that fell between two scrapes.
fn fell(first: &Exposition, second: &Exposition) -> Vec<String> {
    let counts = |page: &Exposition, sample: &Sample| {
        let family = page.families.get(sample.family);
        family.is_some_and(|family| match family.kind {
            MetricType::Counter => !sample.name.ends_with("_created"),
            MetricType::Histogram => {
                sample.name.ends_with("_bucket") || sample.name.ends_with("_count")
            }
            _ => false,
        })
    };
    let before: HashMap<Series<'_>, f64> = first
        .samples
        .iter()
        .filter(|sample| counts(first, sample))
        .map(|sample| (sample.key(), sample.value))
        .collect();
    second
        .samples
        .iter()
        .filter(|sample| counts(second, sample))
        .filter_map(|sample| {
            let old = before.get(&sample.key())?;
            (sample.value < *old).then(|| {
                let series = sample.series();
                format!(
                    "{} fell from {old} to {}",
                    cut(&series, SERIES),
                    sample.value
                )
            })
        })
        .take(SHOWN)
        .collect()
}

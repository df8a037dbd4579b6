//! `coverage`: which items of a checklist a profile judges, and by whom.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::Session;
use crate::checklist::{
    Binding, Covered, Covering, Document, Item, Judge, Section, Stray, cover, read,
};
use crate::cli::{Coverage, Listing};
use crate::environment::Environment;
use crate::outcome::exit;
use crate::profile::node::{Problems, Sources};
use crate::profile::{Profile, Request, load};

/// Largest checklist that is read, in bytes.
const MAX_CHECKLIST: u64 = 4 << 20;

/// The answer as JSON, `readyctl.coverage/1`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    /// `readyctl.coverage/1`.
    schema: &'static str,
    /// The checklist as it was named.
    checklist: &'a str,
    /// The profile.
    profile: &'a str,
    /// How many items are judged by whom.
    summary: Summary,
    /// Headings that have items, in order.
    sections: Vec<SectionAnswer<'a>>,
    /// `covers:` of this checklist that name no item of it.
    strays: &'a [Stray],
}

/// How many items are judged by whom.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Summary {
    /// All items.
    items: usize,
    /// By readyctl looking.
    probe: usize,
    /// By a report or another tool's answer.
    evidence: usize,
    /// By a person who signs.
    person: usize,
    /// By nothing.
    nothing: usize,
    /// Items whose words changed since they were covered.
    changed: usize,
    /// Bullets that the profile says are no items; not among `items`.
    left_out: usize,
    /// Share of items that are judged at all, in percent.
    covered_percent: f64,
}

/// A heading and its items.
#[derive(Debug, Serialize)]
struct SectionAnswer<'a> {
    /// Text of the heading with those above it.
    title: String,
    /// Its anchor.
    anchor: &'a str,
    /// How many items are judged by whom.
    summary: Summary,
    /// Its items.
    items: Vec<ItemAnswer<'a>>,
}

/// One item.
#[derive(Debug, Serialize)]
struct ItemAnswer<'a> {
    /// What to write under `covers:` behind `FILE.md#`, fingerprint included.
    key: String,
    /// Its text.
    text: &'a str,
    /// Line in the checklist.
    line: usize,
    /// What is said of it.
    #[serde(flatten)]
    covered: &'a Covered,
}

impl Summary {
    /// Adds one item.
    fn count(&mut self, covered: &Covered) {
        if covered.left_out {
            self.left_out += 1;
            return;
        }
        self.items += 1;
        match covered.judge {
            Judge::Probe => self.probe += 1,
            Judge::Evidence => self.evidence += 1,
            Judge::Person => self.person += 1,
            Judge::Nothing => self.nothing += 1,
        }
        self.changed += usize::from(covered.changed);
        self.covered_percent = percent(self.items - self.nothing, self.items);
    }

    /// In words.
    fn words(&self) -> String {
        format!(
            "{} {}: {} by a probe, {} by evidence, {} by a person, {} by nothing",
            self.items,
            if self.items == 1 { "item" } else { "items" },
            self.probe,
            self.evidence,
            self.person,
            self.nothing
        )
    }
}

/// A share in percent, rounded down to a tenth: 99.96 % is not 100 %.
fn percent(part: usize, whole: usize) -> f64 {
    let tenths = (part * 1000).checked_div(whole).unwrap_or_default();
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}

/// Reads the checklist and the profile, and tells what is judged.
pub(super) fn run(options: &Coverage, session: &Session) -> anyhow::Result<u8> {
    let shown = options.checklist.display().to_string();
    let text = match read_checklist(&options.checklist) {
        Ok(text) => text,
        Err(message) => {
            session.note(&message);
            return Ok(exit::USAGE);
        }
    };
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let environment = Environment::of_process();
    let request = Request {
        profiles: &options.profile,
        environment: &environment,
        set: &[],
        target: None,
        strict: false,
        redactor: &session.redactor,
    };
    let profile = load(&request, &mut sources, &mut problems);
    let Some(profile) = profile.filter(|_| problems.is_empty()) else {
        return Ok(session.refuse(&problems, &sources));
    };
    let document = read(&text);
    let file = options.name.clone().unwrap_or_else(|| shown.clone());
    let binding = bind(&document, &file, &profile);
    let mut summary = Summary::default();
    binding.items.iter().for_each(|item| summary.count(item));
    if summary.items == 0 {
        session.note(&format!(
            "error: {shown} has no items\n  help: items are `- [ ] …`, bullets and numbered steps of a Markdown file"
        ));
        return Ok(exit::USAGE);
    }
    let answer = Answer {
        schema: "readyctl.coverage/1",
        checklist: &shown,
        profile: &profile.name,
        summary,
        sections: sections(&document, &binding),
        strays: &binding.strays,
    };
    notes(&answer, session);
    session.print(&match options.format {
        Listing::Json => format!("{}\n", serde_json::to_string_pretty(&answer)?),
        Listing::Table => table(&answer, session),
    })?;
    let enough = options.min.is_none_or(|min| summary.covered_percent >= min);
    if let (false, Some(min)) = (enough, options.min) {
        session.note(&format!(
            "{} % of the items are judged, {min} % are wanted",
            summary.covered_percent
        ));
    }
    Ok(if enough { exit::READY } else { exit::NOT_READY })
}

/// The text of a checklist, or what to tell the user.
pub(super) fn read_checklist(path: &std::path::Path) -> Result<String, String> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|error| {
        format!("error: cannot read {shown}: {error}\n  help: name a Markdown file")
    })?;
    if !about.is_file() || about.len() > MAX_CHECKLIST {
        return Err(format!(
            "error: {shown} is no file of at most {} MiB\n  help: name a Markdown file",
            MAX_CHECKLIST >> 20
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        format!("error: cannot read {shown}: {error}\n  help: see who may read the file")
    })?;
    String::from_utf8(bytes)
        .map_err(|_| format!("error: {shown} is not UTF-8 text\n  help: save it as UTF-8"))
}

/// Binds the checks of a profile to a document.
pub(super) fn bind(document: &Document, file: &str, profile: &Profile) -> Binding {
    let checks: Vec<Covering<'_>> = profile
        .checks
        .iter()
        .map(|check| Covering {
            id: &check.fields.id,
            kind: check.kind,
            covers: &check.fields.covers,
        })
        .collect();
    cover(document, file, &profile.checklists, &checks)
}

/// The headings that have items.
fn sections<'a>(document: &'a Document, binding: &'a Binding) -> Vec<SectionAnswer<'a>> {
    let of_section = |at: usize| binding.items.iter().filter(move |item| item.section == at);
    document
        .sections
        .iter()
        .enumerate()
        .filter(|(at, _)| of_section(*at).next().is_some())
        .map(|(at, section)| {
            let mut summary = Summary::default();
            of_section(at).for_each(|item| summary.count(item));
            SectionAnswer {
                title: path_of(document, section),
                anchor: &section.slug,
                summary,
                items: of_section(at)
                    .filter_map(|covered| Some(answer(section.items.get(covered.item)?, covered)))
                    .collect(),
            }
        })
        .collect()
}

/// One item's answer.
fn answer<'a>(item: &'a Item, covered: &'a Covered) -> ItemAnswer<'a> {
    ItemAnswer {
        key: format!("{}@{}", item.key, item.fingerprint),
        text: &item.text,
        line: item.line,
        covered,
    }
}

/// A heading's text with those above it, the document's title left out.
fn path_of(document: &Document, section: &Section) -> String {
    let mut titles = vec![section.title.as_str()];
    let mut at = section.parent;
    while let Some(outer) = at.and_then(|index| document.sections.get(index)) {
        if outer.level > 1 {
            titles.push(&outer.title);
        }
        at = outer.parent;
    }
    titles.reverse();
    titles.join(" / ")
}

/// What the author of the profile should look at, on stderr.
fn notes(answer: &Answer<'_>, session: &Session) {
    for stray in answer.strays {
        session.note(&format!(
            "warning: `{}` of {} names no item of {}\n  help: `readyctl coverage … --format json` prints the keys there are",
            stray.covers, stray.check, answer.checklist
        ));
    }
    let items = answer.sections.iter().flat_map(|section| &section.items);
    for item in items.filter(|item| item.covered.changed) {
        session.note(&format!(
            "warning: {}:{} changed since it was covered: {}\n  help: see whether {} still judges it, then cover it as `{}`",
            answer.checklist,
            item.line,
            item.text,
            joined(&item.covered.checks),
            item.key
        ));
    }
}

/// Ids in one line.
fn joined(ids: &std::collections::BTreeSet<String>) -> String {
    ids.iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// For people.
fn table(answer: &Answer<'_>, session: &Session) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(session.stdout.width)
        .force_no_tty();
    table.set_header(["JUDGED BY", "LINE", "ITEM", "CHECKS"]);
    for (at, section) in answer.sections.iter().enumerate() {
        if at > 0 {
            table.add_row(["", "", "", ""]);
        }
        let title = format!("{} ({})", section.title, section.summary.words());
        table.add_row(["", "", title.as_str(), ""]);
        for item in &section.items {
            let judge = match (item.covered.left_out, item.covered.judge) {
                (true, _) => "no item",
                (false, Judge::Nothing) => "NOTHING",
                (false, judge) => judge.name(),
            };
            table.add_row([
                judge.to_owned(),
                item.line.to_string(),
                item.text.to_owned(),
                joined(&item.covered.checks),
            ]);
        }
    }
    let rows: String = table
        .to_string()
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    format!(
        "{rows}\n{} by {}: {} ({} % judged)\n",
        answer.checklist,
        answer.profile,
        answer.summary.words(),
        answer.summary.covered_percent
    )
}

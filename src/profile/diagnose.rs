//! Draws problems: file, line, column, the line with a caret, and what to do.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::node::{Place, Problem, Problems, Sources};

/// Every problem, drawn one below the other, with a closing line that counts them.
pub(crate) fn render(problems: &Problems, sources: &Sources, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    let mut ordered: Vec<&Problem> = problems.list.iter().collect();
    ordered.sort_by_key(|problem| problem.at.map(|at| (at.file, at.line, at.column)));
    for problem in ordered {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}\n", renderer.render(&[group(problem, sources)]));
    }
    let count = problems.list.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    let _ = writeln!(out, "{count} {noun}; nothing was contacted");
    out
}

/// One problem as the library wants it.
fn group<'a>(problem: &'a Problem, sources: &'a Sources) -> Group<'a> {
    let mut group = Level::ERROR
        .primary_title(problem.message.as_str())
        .element_opt(
            problem
                .at
                .and_then(|at| snippet(at, None, AnnotationKind::Primary, sources)),
        );
    if let Some((place, label)) = &problem.other
        && let Some(snippet) = snippet(*place, Some(label), AnnotationKind::Context, sources)
    {
        group = group.element(snippet);
    }
    match &problem.help {
        Some(help) if !help.is_empty() => group.element(Level::HELP.message(help.as_str())),
        _ => group,
    }
}

/// Starting a group with or without a first element.
trait ElementOpt<'a> {
    /// Adds the element when there is one.
    fn element_opt(
        self,
        snippet: Option<Snippet<'a, annotate_snippets::Annotation<'a>>>,
    ) -> Group<'a>;
}

impl<'a> ElementOpt<'a> for annotate_snippets::Title<'a> {
    fn element_opt(
        self,
        snippet: Option<Snippet<'a, annotate_snippets::Annotation<'a>>>,
    ) -> Group<'a> {
        match snippet {
            Some(snippet) => self.element(snippet),
            None => Group::with_title(self),
        }
    }
}

/// The line of a place with a caret below.
fn snippet<'a>(
    at: Place,
    label: Option<&'a str>,
    kind: AnnotationKind,
    sources: &'a Sources,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let source = sources.files.get(at.file)?;
    let (line, span) = line_and_span(&source.text, at);
    let annotation = kind.span(span);
    let annotation = match label {
        Some(label) => annotation.label(label),
        None => annotation,
    };
    Some(
        Snippet::source(line)
            .line_start(at.line.max(1) as usize)
            .path(source.name.as_str())
            .annotation(annotation),
    )
}

/// The text of the place's line, and the bytes of it that are meant.
fn line_and_span(text: &str, at: Place) -> (&str, Range<usize>) {
    let line = text
        .lines()
        .nth(at.line.saturating_sub(1) as usize)
        .unwrap_or_default();
    let byte_of = |column: usize| {
        line.char_indices()
            .nth(column)
            .map_or(line.len(), |(byte, _)| byte)
    };
    let start = at.column.saturating_sub(1) as usize;
    let end = start.saturating_add(at.len.max(1) as usize);
    let range = byte_of(start)..byte_of(end);
    // A position past the end of the line is drawn right behind it.
    (
        line,
        if range.is_empty() {
            line.len()..line.len()
        } else {
            range
        },
    )
}

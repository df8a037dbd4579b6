//! Tables of Markdown and what is read out of it.

use super::look::resolved;
use super::markdown::read;

#[test]
fn placeholders_and_comments_are_no_substance() {
    let below = |text: &str| read(&format!("# Restore\n\n{text}\n")).words_below(0);
    for (text, words) in [
        ("", 0),
        ("TODO", 0),
        ("**TBD**", 0),
        ("- [ ] TODO: write this down", 0),
        ("_To be written_", 0),
        ("<!-- run the restore script -->", 0),
        ("<!--\nlong comment\nof two lines\n-->", 0),
        ("> Coming soon!", 0),
        ("4 hours.", 2),
        ("## Steps\n\n```sh\npg_restore -d app dump\n```", 4),
        ("## Steps\n\nTBD", 0),
        ("# Other\n\nwords of another section", 0),
        ("| a | b |\n|---|---|\n| 1 | TODO |", 3),
        ("Todos are kept in the tracker", 6),
    ] {
        assert_eq!(below(text), words, "{text}");
    }
}

#[test]
fn anchors_are_those_of_repository_hosts() {
    let document = read("# A `b` & C!\n## Same\n## Same\n### Own {#mine}\n<a id=\"Html\"></a>\n");
    let mut anchors: Vec<&str> = document.anchors.iter().map(String::as_str).collect();
    anchors.sort_unstable();
    assert_eq!(anchors, ["a-b--c", "html", "mine", "own", "same", "same-1"]);
}

#[test]
fn links_are_resolved_like_a_reader_would() {
    for (target, expected) in [
        ("https://example.com/a.md", None),
        ("mailto:ops@example.com", None),
        ("//cdn/x", None),
        ("../../issues", None),
        ("b.md", Some(("docs/b.md", ""))),
        ("../a%20b.md#X-Y", Some(("a b.md", "x-y"))),
        ("/c.md?plain=1", Some(("c.md", ""))),
        ("#here", Some(("docs/a.md", "here"))),
        ("..", Some((".", ""))),
    ] {
        let found = resolved("docs/a.md", target);
        let found = found
            .as_ref()
            .map(|(path, anchor)| (path.as_str(), anchor.as_str()));
        assert_eq!(found, expected, "{target}");
    }
}

#[test]
fn diagrams_are_pictures_and_drawings_but_no_badges() {
    for (text, diagrams) in [
        ("![flow](flow.svg)", 1),
        ("![build](https://img.shields.io/x.svg)", 0),
        ("```mermaid\ngraph TD\n```", 1),
        (
            "```text\n┌────┐   ┌────┐\n│ a  │──▶│ b  │\n└────┘   └────┘\n```",
            1,
        ),
        ("```sh\nls | wc\n```", 0),
    ] {
        assert_eq!(read(text).diagrams, diagrams, "{text}");
    }
}

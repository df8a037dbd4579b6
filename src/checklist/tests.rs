use super::*;

const LIST: &str = "# Production\n\n- [Security](#security)\n\n## Security\n\n### Secrets\n\n- [ ] `API_KEY` is set\n  - at least *32* bytes\n- [x] No secret in code\n\n## Smoke tests\n\n1. **Health**\n   - URL: `https://x/health`\n   - Expected: 200\n2. **Root**\n\n## Contacts\n\n- On call: nobody\n";

fn keys(document: &Document) -> Vec<&str> {
    document
        .items()
        .map(|(_, item)| item.key.as_str())
        .collect()
}

fn bind(text: &str, covers: &[(&str, &str)], lists: &[Checklist]) -> Binding {
    let owned: Vec<(String, Vec<String>)> = covers
        .iter()
        .map(|(kind, covers)| ((*kind).to_owned(), vec![(*covers).to_owned()]))
        .collect();
    let checks: Vec<Covering<'_>> = owned
        .iter()
        .map(|(kind, covers)| Covering {
            id: kind,
            kind,
            covers,
        })
        .collect();
    cover(&read(text), "docs/LIST.md", lists, &checks)
}

fn judges(binding: &Binding) -> Vec<Judge> {
    binding.items.iter().map(|item| item.judge).collect()
}

#[test]
fn items_are_tasks_bullets_and_steps_but_no_table_of_contents() {
    let document = read(LIST);
    assert_eq!(
        keys(&document),
        [
            "secrets/api_key-is-set",
            "secrets/no-secret-in-code",
            "smoke-tests/health",
            "smoke-tests/root",
            "contacts/on-call-nobody",
        ]
    );
    let items: Vec<&Item> = document.items().map(|(_, item)| item).collect();
    assert_eq!(items[0].details, ["at least 32 bytes"]);
    assert_eq!((items[0].line, items[2].line), (9, 15));
    assert_eq!(items[2].code, ["https://x/health"]);
    assert!(items[1].ticked && !items[0].ticked);
    assert_eq!(items[2].shape, Shape::Step);
}

#[test]
fn equal_headings_and_items_get_keys_of_their_own() {
    let document = read("## A\n- x\n- x\n## A\n- x\n");
    assert_eq!(keys(&document), ["a/x", "a/x-2", "a-1/x"]);
    let nested = read("- [ ] outer\n  - [ ] inner\n");
    assert_eq!(keys(&nested), ["/outer", "/inner"]);
}

#[test]
fn markup_and_spacing_do_not_change_a_fingerprint_but_words_do() {
    let print = |text: &str| read(text).sections[0].items[0].fingerprint.clone();
    assert_eq!(print("- [ ] set `X`  to 1"), print("* set **X** to `1`"));
    assert_ne!(print("- at least 32 bytes"), print("- at least 16 bytes"));
    assert_ne!(print("- a\n  - 200"), print("- a\n  - 503"));
}

#[test]
fn a_heading_covers_all_below_it_and_the_strongest_judge_counts() {
    use Judge::{Evidence, Nothing, Person, Probe};
    let binding = bind(
        LIST,
        &[
            ("attest", "LIST.md#security"),
            ("env", "LIST.md#secrets/api_key-is-set"),
            ("report", "LIST.md#smoke-tests"),
            ("http", "OTHER.md#contacts"),
        ],
        &[],
    );
    assert_eq!(
        judges(&binding),
        [Probe, Person, Evidence, Evidence, Nothing]
    );
    assert_eq!(binding.strays, []);
}

#[test]
fn an_edited_item_is_found_again_and_said_to_have_changed() {
    let print = &read(LIST).sections[3].items[0].fingerprint.clone();
    let covers = format!("LIST.md#secrets/api_key-is-set@{print}");
    let same = bind(LIST, &[("env", &covers)], &[]);
    assert!(!same.items[0].changed && same.items[0].judge == Judge::Probe);
    let details = bind(&LIST.replace("32", "64"), &[("env", &covers)], &[]);
    assert!(details.items[0].changed);
    let words = bind(
        &LIST.replace("is set", "is set everywhere"),
        &[("env", &covers)],
        &[],
    );
    assert!(words.items[0].changed && words.items[0].judge == Judge::Probe);
    let moved = bind(
        &LIST.replace("### Secrets", "### Keys"),
        &[("env", &covers)],
        &[],
    );
    assert!(!moved.items[0].changed && moved.items[0].judge == Judge::Probe);
    let gone = bind(
        &LIST.replace("`API_KEY` is set", "Coffee is hot"),
        &[("env", &covers)],
        &[],
    );
    assert_eq!(gone.items[0].judge, Judge::Nothing);
    assert_eq!(gone.strays.len(), 1);
}

#[test]
fn short_names_stand_for_anchors_and_what_is_no_item_is_left_out() {
    let list: Checklist = serde_json::from_str(
        r#"{"file": "LIST.md", "items": {"S-1": "secrets/api_key-is-set", "S-2": ["smoke-tests/health", "smoke-tests/root"]}, "not_items": ["contacts", "nowhere"]}"#,
    )
    .unwrap();
    let binding = bind(LIST, &[("env", "S-1"), ("http", "S-2")], &[list]);
    assert_eq!(
        judges(&binding),
        [
            Judge::Probe,
            Judge::Nothing,
            Judge::Probe,
            Judge::Probe,
            Judge::Nothing
        ]
    );
    assert!(binding.items[4].left_out && binding.items[0].names.contains("S-1"));
    assert_eq!(binding.strays[0].covers, "LIST.md#nowhere");
}

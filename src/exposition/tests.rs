//! Pages in, families and problems out; and anything at all in, no panic out.

use proptest::prelude::*;

use super::*;

fn page(text: &str) -> Exposition {
    parse(text.as_bytes(), Format::Prometheus)
}

fn open(text: &str) -> Exposition {
    parse(text.as_bytes(), Format::OpenMetrics)
}

const HISTOGRAM: &str = "# TYPE t histogram\nt_bucket{le=\"0.1\"} 1\nt_bucket{le=\"1\"} 3\nt_bucket{le=\"+Inf\"} 4\nt_sum 9.5\nt_count 4\n";

#[test]
fn a_valid_page_has_no_problem() {
    for text in [
        "",
        "up 1\n",
        "\n  # a comment\n\tup \t 1 1395066363000\n",
        "# HELP a With \\n and \\\\.\n# TYPE a counter\na{x=\"1\",y=\"a\\\"b\\\\c\\nd\",} 1027 1395066363000\na{x=\"2\"} 3\n",
        "a NaN\nb +Inf\nc -Inf\nd 1.7e+09\ne 0x\n".trim_end_matches("e 0x\n"),
        HISTOGRAM,
        "# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns{quantile=\"0.99\"} 4\ns_sum 1\ns_count 2\n",
        "# TYPE t untyped\nt 1\n",
        "# TYPE a_total counter\na_total 1\n# TYPE a_created gauge\na_created 1.6e9\n",
        "{\"with.dots\",\"label.x\"=\"y\"} 1\n",
        "a{} 1\r\n",
    ] {
        let page = page(text);
        assert_eq!(page.problems, [], "{text}");
    }
    for text in [
        "# EOF\n",
        "# TYPE a counter\n# UNIT a seconds\na_total 1 # {trace_id=\"x\"} 0.5 1.2\na_created 1.6e9\n# EOF\n",
        "# TYPE i info\ni_info{version=\"1\"} 1\n# EOF",
        "# TYPE g gauge\ng 1 1.5\ng 2 2.5\n# EOF\n",
    ] {
        assert_eq!(open(text).problems, [], "{text}");
    }
}

#[test]
fn every_fault_is_told_with_its_line() {
    use Broken::{Meaning, Style, Syntax};
    for (text, broken, line, words) in [
        ("<html>\n", Syntax, 1, "no sample"),
        ("up\n", Syntax, 1, "no numeric value"),
        ("up one\n", Syntax, 1, "no numeric value"),
        ("ok 1\nup{a=\"1} 1\n", Syntax, 2, "closing quotation"),
        ("up{a=1} 1\n", Syntax, 1, "quotation"),
        ("up{a=\"1\" b=\"2\"} 1\n", Syntax, 1, "comma"),
        ("up{a=\"1\",a=\"2\"} 1\n", Syntax, 1, "twice"),
        ("up{=\"1\"} 1\n", Syntax, 1, "name is missing"),
        ("up 1 soon\n", Syntax, 1, "timestamp"),
        ("up 1 # {} 1\n", Syntax, 1, "something follows"),
        ("# TYPE up meter\nup 1\n", Syntax, 1, "no known type"),
        ("2up 1\n", Syntax, 1, "no sample"),
        ("up 1\nup 2\n", Meaning, 2, "line 1 already"),
        (
            "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n",
            Meaning,
            2,
            "line 1 already",
        ),
        (
            "# TYPE a gauge\n# TYPE a gauge\na 1\n",
            Meaning,
            2,
            "second TYPE",
        ),
        (
            "# TYPE a gauge\na 1\n# TYPE a counter\n",
            Meaning,
            3,
            "counter here and gauge before",
        ),
        ("a 1\n# TYPE a counter\n", Meaning, 2, "after its samples"),
        ("# HELP a b\n# HELP a b\na 1\n", Meaning, 2, "second HELP"),
        ("# TYPE a counter\na -1\n", Meaning, 2, "negative"),
        ("# TYPE a counter\na NaN\n", Meaning, 2, "NaN"),
        (
            "# TYPE t histogram\nt 1\n",
            Meaning,
            2,
            "no sample of a histogram",
        ),
        (
            "# TYPE t histogram\nt_bucket{le=\"1\"} 1\nt_count 1\n",
            Meaning,
            2,
            "no bucket le=\"+Inf\"",
        ),
        (
            "# TYPE t histogram\nt_bucket{le=\"1\"} 3\nt_bucket{le=\"2\"} 2\nt_bucket{le=\"+Inf\"} 3\nt_count 3\n",
            Meaning,
            2,
            "not cumulative",
        ),
        (
            "# TYPE t histogram\nt_bucket{le=\"+Inf\"} 3\nt_count 4\n",
            Meaning,
            2,
            "counts 4",
        ),
        (
            "# TYPE t histogram\nt_bucket 3\nt_bucket{le=\"+Inf\"} 3\nt_count 3\n",
            Meaning,
            2,
            "no `le`",
        ),
        (
            "# TYPE t histogram\nt_bucket{le=\"+Inf\"} 3\n",
            Meaning,
            2,
            "no `_count`",
        ),
        ("# TYPE t histogram\nt_count 3\n", Meaning, 2, "no bucket"),
        (
            "# TYPE s summary\ns 3\ns_count 1\ns_sum 1\n",
            Meaning,
            2,
            "no quantile",
        ),
        ("up 1", Style, 1, "does not end"),
    ] {
        let found = page(text).problems;
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let problem = &found[0];
        assert_eq!(
            (problem.broken, problem.line),
            (broken, line),
            "{text}: {problem}"
        );
        assert!(problem.text.contains(words), "{text}: {problem}");
    }
    for (text, line, words) in [
        ("# TYPE a counter\na_total 1\n", 0, "`# EOF` is missing"),
        ("a 1\n# EOF\nb 1\n", 3, "follows `# EOF`"),
        (
            "# TYPE a counter\na 1\n# EOF\n",
            2,
            "no sample of a counter",
        ),
        ("# hello\na 1\n# EOF\n", 1, "no such comment"),
    ] {
        let found = open(text).problems;
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].line, line, "{text}");
        assert!(found[0].text.contains(words), "{text}: {}", found[0]);
    }
    let found = parse(b"a 1\nb{x=\"\xff\"} 1\n", Format::Prometheus).problems;
    assert_eq!((found[0].line, found[0].text.as_str()), (2, "not UTF-8"));
}

#[test]
fn problems_are_bounded_and_counted() {
    let text = "up one\n".repeat(50);
    let page = page(&text);
    assert_eq!((page.problems.len(), page.more_problems), (20, 30));
}

#[test]
fn families_and_values_are_found() {
    let text =
        format!("# TYPE a_total counter\na_total 5\n{HISTOGRAM}g{{x=\"1\"}} 1\ng{{x=\"2\"}} 2\n");
    let found = page(&text);
    assert_eq!(found.family("a_total").unwrap().kind, MetricType::Counter);
    assert_eq!(found.family("t").unwrap().samples, 5);
    assert_eq!(found.family("t_bucket"), None);
    assert_eq!(found.value("a_total"), Some(5.0));
    assert_eq!((found.value("g"), found.value("nothing")), (None, None));
    assert_eq!(page("a NaN\n").value("a"), None);
    let found = open("# TYPE a counter\na_total 1\n# EOF\n");
    assert_eq!(found.family("a_total"), found.family("a"));
    assert!(found.family("a").is_some());
}

#[test]
fn selectors_select_as_promql_does() {
    let found = page("a{s=\"200\",m=\"GET\"} 1\na{s=\"500\",m=\"GET\"} 2\na{s=\"503\"} 3\nab 4\n");
    for (selector, sum) in [
        ("a", 6.0),
        ("a{s=\"500\"}", 2.0),
        ("a{s=~\"5..\"}", 5.0),
        ("a{s=~\"5\"}", 0.0),
        ("a{s!~\"5..\",}", 1.0),
        ("a { m = \"\" }", 3.0),
        ("a{m!=\"GET\"}", 3.0),
        ("{__name__=~\"a.*\"}", 10.0),
        ("{s=\"200\"}", 1.0),
    ] {
        let parsed: Selector = selector.parse().unwrap();
        let total: f64 = found.select(&parsed).map(|sample| sample.value).sum();
        assert!((total - sum).abs() < 1e-9, "{selector}: {total}");
    }
    for wrong in [
        "",
        "{}",
        "a{",
        "a{s}",
        "a{s=500}",
        "a{s=~\"(\"}",
        "a b",
        "sum(a)",
        "a[5m]",
        "{s!=\"x\"}",
        "a{s=\"x\" m=\"y\"}",
    ] {
        assert!(wrong.parse::<Selector>().is_err(), "{wrong}");
    }
}

/// Text that looks like a page more often than random text does.
fn pageish() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "# (TYPE|HELP|UNIT|EOF) [a-c]{0,2} ?(counter|gauge|histogram|summary|x)?\n".prop_map(String::into_bytes),
        "[a-c]{1,2}(_total|_bucket|_count|_sum|_created)?(\\{(le|a|quantile)=\"[^\"\n]{0,4}\"\\})? ?[-+0-9NaInf.e]{0,5}( [0-9.]{1,4})?\n?".prop_map(String::into_bytes),
        "[{}\",=\\\\#~!\n \t]{0,8}".prop_map(String::into_bytes),
        any::<Vec<u8>>(),
        any::<String>().prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_within_bounds(bytes in pageish()) {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let page = parse(&bytes, format);
            let lines = bytes.split(|b| *b == b'\n').count();
            prop_assert!(page.samples.len() <= lines);
            prop_assert!(page.problems.len() <= MAX_PROBLEMS);
            for sample in &page.samples {
                prop_assert!(sample.family < page.families.len());
                prop_assert!(sample.line >= 1 && sample.line <= lines);
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", key in "[a-z_][a-z0-9_]{0,5}", text in "[^\r]{0,12}", value in any::<f64>()) {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let found = page(&format!("{name}{{{key}=\"{escaped}\"}} {value}\n"));
        prop_assert_eq!(&found.problems, &[]);
        let sample = &found.samples[0];
        prop_assert_eq!(&sample.name, &name);
        prop_assert_eq!(sample.label(&key), text.as_str());
        prop_assert!(sample.value.to_bits() == value.to_bits() || value.is_nan());
    }

    #[test]
    fn any_text_is_a_selector_or_none(text in "\\PC{0,20}") {
        let _either = text.parse::<Selector>();
    }
}

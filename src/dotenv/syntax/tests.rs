//! Tests of `syntax`.

use super::*;

fn problems(text: &str) -> Vec<(u32, u32, ProblemKind)> {
    parse(text)
        .problems
        .into_iter()
        .map(|p| (p.line, p.column, p.kind))
        .collect()
}

#[test]
fn every_problem_has_its_exact_place() {
    use ProblemKind as K;
    for (text, expected) in [
        ("A=1\n  B\n", vec![(2, 3, K::NoAssignment)]),
        ("=1\n", vec![(1, 1, K::NoName)]),
        ("A-B=1\n", vec![(1, 2, K::BadName('-'))]),
        ("A\u{200b}=1\n", vec![(1, 2, K::BadName('\u{200b}'))]),
        ("A=\"x\nB\n", vec![(1, 3, K::Unterminated('"'))]),
        (
            "A=-----BEGIN X-----\nMIIEvQIBADANBgkqhkiG9w0B=\n-----END X-----\nB\n",
            vec![
                (1, 3, K::UnquotedPem),
                (1, 13, K::UnquotedBlank),
                (4, 1, K::NoAssignment),
            ],
        ),
        (
            "MIIEvQIBADANBgkqhkiG9w0B==\n",
            vec![(1, 1, K::NoAssignment)],
        ),
        ("A='x'y\n", vec![(1, 6, K::TextAfterQuote)]),
        ("A = x\n", vec![(1, 3, K::BlankBesideEquals)]),
        ("A= x\n", vec![(1, 3, K::BlankBesideEquals)]),
        ("A=x y # c\n", vec![(1, 4, K::UnquotedBlank)]),
        ("A=x#y\n", vec![(1, 4, K::HashInside)]),
        ("A= # c\n", vec![(1, 4, K::HashFirst)]),
        ("A=pa$word\n", vec![(1, 5, K::BareDollar)]),
        ("A='pa$word'\n", vec![]),
        ("A=\"pa\\$word\"\n", vec![]),
        ("A=${B}\n", vec![(1, 1, K::Undefined("B".to_owned()))]),
        ("B=1\nA=${B}${C:-x}\n", vec![]),
        ("A=${B\n", vec![(1, 3, K::UnclosedReference)]),
        (
            "A=$(id)\n",
            vec![(1, 3, K::Command), (1, 7, K::ShellCharacter(')'))],
        ),
        ("A=a\\b\n", vec![(1, 4, K::UnquotedBackslash)]),
        ("A=x\r\nB=y\n", vec![(1, 4, K::CarriageReturn)]),
        ("A=x \n", vec![(1, 4, K::TrailingBlank)]),
        (
            "A='x\ny\u{200b}z'\n",
            vec![(2, 2, K::Invisible('\u{200b}'))],
        ),
        ("A=a&b\n", vec![(1, 4, K::ShellCharacter('&'))]),
        ("A=\nB=\"\" # c\nC='x' # it's\n# it's\n", vec![]),
        (
            "J='{\"a\": [1, 2]}'\nP=\"-----BEGIN\nabc=\n-----END\"\n",
            vec![],
        ),
    ] {
        assert_eq!(problems(text), expected, "{text:?}");
    }
}

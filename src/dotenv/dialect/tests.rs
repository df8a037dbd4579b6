//! Readings measured with the loaders themselves, and the shell against the real one.

use proptest::prelude::*;

use super::{Dialect, Value};

/// Shows a reading as `NAME=value` pairs, or what it says when it refuses.
fn shown(dialect: Dialect, bytes: &[u8]) -> String {
    let reading = dialect.read(bytes);
    if reading.refused.is_some() {
        return "refused".to_owned();
    }
    reading
        .values
        .iter()
        .map(|(name, value)| match value {
            Value::Text(text) => format!("{name}={}", serde_json::to_string(text).unwrap()),
            Value::Command => format!("{name}=$()"),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// File, then what Docker CLI 28.2, dotenv 18.0 (Node), python-dotenv 1.2 and dash 0.5 read.
#[test]
fn readings_are_those_measured_with_the_loaders() {
    for (file, docker, node, python, shell) in [
        ("A=x\n", "A=\"x\"", "A=\"x\"", "A=\"x\"", "A=\"x\""),
        (
            "A=\"x y\"\n",
            "A=\"\\\"x y\\\"\"",
            "A=\"x y\"",
            "A=\"x y\"",
            "A=\"x y\"",
        ),
        (
            "A='x y'\n",
            "A=\"'x y'\"",
            "A=\"x y\"",
            "A=\"x y\"",
            "A=\"x y\"",
        ),
        ("A=x y\n", "A=\"x y\"", "A=\"x y\"", "A=\"x y\"", ""),
        ("A=x#y\n", "A=\"x#y\"", "A=\"x\"", "A=\"x#y\"", "A=\"x#y\""),
        ("A=x #y\n", "A=\"x #y\"", "A=\"x\"", "A=\"x\"", "A=\"x\""),
        (
            "A=\"x\" # c\n",
            "A=\"\\\"x\\\" # c\"",
            "A=\"x\"",
            "A=\"x\"",
            "A=\"x\"",
        ),
        ("A=# c\n", "A=\"# c\"", "A=\"\"", "A=\"# c\"", ""),
        ("A= x\n", "A=\" x\"", "A=\"x\"", "A=\"x\"", ""),
        ("A =x\n", "refused", "A=\"x\"", "A=\"x\"", ""),
        ("export A=x\n", "refused", "A=\"x\"", "A=\"x\"", "A=\"x\""),
        (
            "A=pa$word\n",
            "A=\"pa$word\"",
            "A=\"pa$word\"",
            "A=\"pa$word\"",
            "A=\"pa\"",
        ),
        (
            "A=\"pa$word\"\n",
            "A=\"\\\"pa$word\\\"\"",
            "A=\"pa$word\"",
            "A=\"pa$word\"",
            "A=\"pa\"",
        ),
        (
            "A='pa$word'\n",
            "A=\"'pa$word'\"",
            "A=\"pa$word\"",
            "A=\"pa$word\"",
            "A=\"pa$word\"",
        ),
        (
            "B=1\nA=${B}2\n",
            "A=\"${B}2\" B=\"1\"",
            "A=\"${B}2\" B=\"1\"",
            "A=\"12\" B=\"1\"",
            "A=\"12\" B=\"1\"",
        ),
        (
            "B=1\nA='${B}2'\n",
            "A=\"'${B}2'\" B=\"1\"",
            "A=\"${B}2\" B=\"1\"",
            "A=\"12\" B=\"1\"",
            "A=\"${B}2\" B=\"1\"",
        ),
        (
            "A=${NO:-d}\n",
            "A=\"${NO:-d}\"",
            "A=\"${NO:-d}\"",
            "A=\"d\"",
            "A=\"d\"",
        ),
        (
            "A=\"a\\nb\"\n",
            "A=\"\\\"a\\\\nb\\\"\"",
            "A=\"a\\nb\"",
            "A=\"a\\nb\"",
            "A=\"a\\\\nb\"",
        ),
        (
            "A='a\\nb'\n",
            "A=\"'a\\\\nb'\"",
            "A=\"a\\\\nb\"",
            "A=\"a\\\\nb\"",
            "A=\"a\\\\nb\"",
        ),
        (
            "A=a\\nb\n",
            "A=\"a\\\\nb\"",
            "A=\"a\\\\nb\"",
            "A=\"a\\\\nb\"",
            "A=\"anb\"",
        ),
        (
            "A=\"a\nb\"\n",
            "A=\"\\\"a\"",
            "A=\"a\\nb\"",
            "A=\"a\\nb\"",
            "A=\"a\\nb\"",
        ),
        (
            "A=x\r\nB=y\r\n",
            "A=\"x\" B=\"y\"",
            "A=\"x\" B=\"y\"",
            "A=\"x\" B=\"y\"",
            "A=\"x\\r\" B=\"y\\r\"",
        ),
        ("A=1\nA=2\n", "A=\"2\"", "A=\"2\"", "A=\"2\"", "A=\"2\""),
        ("A=x \n", "A=\"x \"", "A=\"x\"", "A=\"x\"", "A=\"x\""),
        (
            "A=$(id)\n",
            "A=\"$(id)\"",
            "A=\"$(id)\"",
            "A=\"$(id)\"",
            "A=$()",
        ),
        ("A=`x`\n", "A=\"`x`\"", "A=\"x\"", "A=\"`x`\"", "A=$()"),
        ("A\n", "", "", "", ""),
        ("A.b=1\n", "A.b=\"1\"", "A.b=\"1\"", "A.b=\"1\"", ""),
        ("A: x\n", "refused", "A=\"x\"", "", ""),
        (
            "A=\"never\nB=1\n",
            "A=\"\\\"never\" B=\"1\"",
            "A=\"\\\"never\" B=\"1\"",
            "B=\"1\"",
            "refused",
        ),
        ("A=a&b\n", "A=\"a&b\"", "A=\"a&b\"", "A=\"a&b\"", ""),
        ("A=~/x\n", "A=\"~/x\"", "A=\"~/x\"", "A=\"~/x\"", "A=$()"),
        (
            "A=it's\n",
            "A=\"it's\"",
            "A=\"it's\"",
            "A=\"it's\"",
            "refused",
        ),
        ("A=x;y\n", "A=\"x;y\"", "A=\"x;y\"", "A=\"x;y\"", "A=\"x\""),
        ("\u{feff}A=x\n", "A=\"x\"", "A=\"x\"", "\u{feff}A=\"x\"", ""),
        (
            "A=\"\\\"q\\\"\"\n",
            "A=\"\\\"\\\\\\\"q\\\\\\\"\\\"\"",
            "A=\"\\\\\\\"q\\\\\\\"\"",
            "A=\"\\\"q\\\"\"",
            "A=\"\\\"q\\\"\"",
        ),
        (
            "A='it\\'s'\n",
            "A=\"'it\\\\'s'\"",
            "A=\"it\\\\'s\"",
            "A=\"it's\"",
            "refused",
        ),
        (
            "A={\"a\": 1}\n",
            "A=\"{\\\"a\\\": 1}\"",
            "A=\"{\\\"a\\\": 1}\"",
            "A=\"{\\\"a\\\": 1}\"",
            "",
        ),
    ] {
        for (dialect, expected) in [
            (Dialect::Docker, docker),
            (Dialect::Node, node),
            (Dialect::Python, python),
            (Dialect::Shell, shell),
        ] {
            assert_eq!(
                shown(dialect, file.as_bytes()),
                expected,
                "{dialect:?} of {file:?}"
            );
        }
    }
}

/// File, then what the sources of compose-go 2.13 and Ruby dotenv 3.2 say.
#[test]
fn readings_are_those_of_the_sources() {
    for (file, compose, ruby) in [
        ("A=x\n", r#"A="x""#, r#"A="x""#),
        ("A=\"x y\" # c\n", r#"A="x y""#, r#"A="x y""#),
        ("A=x#y\n", r#"A="x#y""#, r#"A="x""#),
        ("A=x #y\n", r#"A="x""#, r#"A="x""#),
        ("A=# c\n", r##"A="# c""##, r#"A="""#),
        ("A =x\n", r#"A="x""#, r#"A="x""#),
        ("A=pa$word\n", r#"A="pa""#, r#"A="pa""#),
        ("A='pa$word'\n", r#"A="pa$word""#, r#"A="pa$word""#),
        ("A=\"pa\\$word\"\n", r#"A="pa$word""#, r#"A="pa$word""#),
        ("A=pa$$word\n", r#"A="pa$word""#, r#"A="pa$""#),
        ("A=pa$1\n", r#"A="pa$1""#, r#"A="pa""#),
        ("B=1\nA=\"${B}2\"\n", r#"A="12" B="1""#, r#"A="12" B="1""#),
        ("A=${NO:-d}\n", r#"A="d""#, r#"A=":-d}""#),
        ("A=${NO:?need}\n", "refused", r#"A=":?need}""#),
        ("A=${NO:-${NO2:-e}}\n", r#"A="e""#, r#"A=":-:-e}}""#),
        ("A=\"a\\nb\"\n", r#"A="a\nb""#, r#"A="a\\nb""#),
        ("A=$(id)\n", r#"A="$(id)""#, "A=$()"),
        ("A=\"never\nB=1\n", "refused", r#"A="\"never" B="1""#),
        ("A*=1\n", "refused", ""),
        ("1A=1\n", "", r#"1A="1""#),
        ("A-B=1\n", r#"A-B="1""#, ""),
    ] {
        assert_eq!(
            shown(Dialect::Compose, file.as_bytes()),
            compose,
            "Compose of {file:?}"
        );
        assert_eq!(
            shown(Dialect::Ruby, file.as_bytes()),
            ruby,
            "Ruby of {file:?}"
        );
    }
}

/// What the shell of this machine reads; it runs no program but `env`.
fn sh(file: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), file).unwrap();
    let out = std::process::Command::new("sh")
        .args(["-c", "set -a; . ./f; exec /usr/bin/env -0"])
        .env_clear()
        .current_dir(folder.path())
        .output()
        .unwrap();
    if !out.status.success() {
        return Some("refused".to_owned());
    }
    let text = String::from_utf8(out.stdout).ok()?;
    let mut pairs: Vec<String> = text
        .split('\0')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| matches!(*name, "A" | "B" | "C"))
        .map(|(name, value)| format!("{name}={}", serde_json::to_string(value).unwrap()))
        .collect();
    pairs.sort();
    Some(pairs.join(" "))
}

proptest! {
    // The same cases in every run: a shell of another machine must not make a green tree red.
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_shell_reads_what_the_model_says(
        lines in prop::collection::vec(("[ABC]", "[a-c #'\"$\\\\ABC{}=-]{0,6}", 0..3_u8), 1..4),
    ) {
        let file: String = lines
            .iter()
            .map(|(name, value, form)| match form {
                0 => format!("{name}={value}\n"),
                1 => format!("{name}='{}'\n", value.replace('\'', "")),
                _ => format!("export {name}=\"{}\" # c\n", value.replace(['"', '\\', '{'], "")),
            })
            .collect();
        let ours = shown(Dialect::Shell, file.as_bytes());
        // What needs a command, words that would run one, and a name continued on the next line
        // are not compared.
        prop_assume!(!ours.contains("$()") && !file.contains("${") && !file.contains("\\\n"));
        if let Some(real) = sh(&file) {
            prop_assert_eq!(ours, real, "{:?}", file);
        }
    }

    #[test]
    fn no_bytes_make_a_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for dialect in Dialect::ALL {
            let _ = dialect.read(&bytes);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[A-C='\"#$\\{}()\\\\\r\n é`:. -]{0,60}") {
        let document = crate::dotenv::syntax::parse(&text);
        for problem in document.problems {
            prop_assert!(problem.line >= 1 && problem.column >= 1);
        }
        for dialect in Dialect::ALL {
            let _ = dialect.read(text.as_bytes());
        }
    }
}

//! Tables of sources and documents.

use super::Facts;
use super::documented::read;
use super::reads::of_file;

/// The names that a file reads, sorted.
fn names(path: &str, text: &str) -> Vec<String> {
    let mut names: Vec<String> = of_file(path, text)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn every_language_is_read() {
    for (path, text, expected) in [
        (
            "a.py",
            "import os\nfrom os import getenv\nx = getenv('A')\ny = os.environ[\"B\"]\n# os.getenv('NOT')\nz = env.bool('C')\n",
            &["A", "B", "C"][..],
        ),
        (
            "a.py",
            "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix=\"APP_\")\n    db_host: str = 'x'\n    port: int\n    key: str = Field(validation_alias='API_KEY')\n    other: str = Field(\n        default='',\n        validation_alias=AliasChoices('ONE', 'TWO'),\n    )\n\n    def url(self) -> str:\n        local: str = 'x'\n        return local\n\nclass Other:\n    name: str\n",
            &["API_KEY", "APP_DB_HOST", "APP_PORT", "ONE", "TWO"],
        ),
        (
            "a.ts",
            "const { A, B: b, C = 'x' } = process.env;\nconst d = process.env.D ?? process.env['E'];\nimport.meta.env.VITE_F; import.meta.env.MODE;\n// process.env.NOT\n",
            &["A", "B", "C", "D", "E", "VITE_F"],
        ),
        (
            "a.rs",
            "std::env::var(\"A\"); option_env!(\"B\"); #[arg(long, env = \"C\")]\n",
            &["A", "B", "C"],
        ),
        (
            "a.go",
            "os.Getenv(\"A\")\nos.LookupEnv(\"B\")\n",
            &["A", "B"],
        ),
        (
            "run.sh",
            "#!/bin/sh\nDIR=/srv\nfor HOST in a b; do echo $HOST $DIR; done\n: \"${AA:?needed}\"\nPORT=\"${PORT:-80}\"\necho \"$BB\" ${lower} $1 $IFS\n# $NOT\n",
            &["AA", "BB", "PORT"],
        ),
        (
            "docker-compose.yml",
            "services:\n  a:\n    image: \"x:${TAG:-1}\"\n    command: echo $$NOT\n    environment:\n      - PASSED\n      - SET=1\n  b:\n    environment:\n      ON:\n      OFF: 1\n# ${NOT}\n",
            &["ON", "PASSED", "TAG"],
        ),
    ] {
        assert_eq!(names(path, text), expected, "{path}\n{text}");
    }
    assert_eq!(
        of_file("a.py", "\nos.environ.get(\"A\")\n")[0],
        ("A".to_owned(), 2)
    );
}

#[test]
fn every_form_of_documentation_is_read() {
    let mut facts = Facts::default();
    read(
        ".env.example",
        "AA=1\n# BB=2\nexport CC=\n# a sentence\n",
        &mut facts,
    );
    read(
        "docs/c.md",
        "| Variable | Meaning |\n|---|---|\n| `DD` | x |\n| EE | `GET` |\n\n| Method | x |\n|---|---|\n| POST | x |\n\n- `F_G`: x\n- `PUT` x\n\n```sh\nexport HH=1\nls\n```\n\nSet `I_J` too.\n",
        &mut facts,
    );
    let names: Vec<&str> = facts.documented.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["AA", "BB", "CC", "DD", "EE", "F_G", "HH"]);
    assert_eq!(facts.documented[3].line, 3);
    assert!(facts.mentioned.contains(&"I_J".to_owned()));
}

#[test]
fn many_hits_on_one_line_cost_no_more() {
    let text = "$AA ".repeat(1 << 18);
    let started = std::time::Instant::now();
    for name in ["run.sh", "a.yml", "a.py"] {
        of_file(name, &text);
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}

//! Tables of dependency files.

use serde_json::json;

use super::locks::{compare, of_go, of_package};
use super::python::{of_requirements, requirement};

#[test]
fn requirements_are_exact_or_not() {
    for (text, name, exact) in [
        ("fastapi==0.110.0", "fastapi", true),
        (
            "uvicorn[standard]==0.29.0 ; python_version > '3.8'",
            "uvicorn",
            true,
        ),
        ("a == 1.0", "a", true),
        ("a===1.0", "a", true),
        ("a==1.*", "a", false),
        ("a==1.0,<2", "a", false),
        ("a>=1", "a", false),
        ("a~=1.4", "a", false),
        ("a", "a", false),
        ("a[b]", "a", false),
        ("a; python_version<'3'", "a", false),
        ("a @ https://host/a.whl#sha256=00", "a", true),
        ("a @ https://host/a.whl", "a", false),
        (
            "git+https://host/a@0123456789012345678901234567890123456789#egg=a",
            "git+https://host/a@0123456789012345678901234567890123456789#egg=a",
            true,
        ),
        ("git+https://host/a@main", "git+https://host/a@main", false),
        ("./local", "./local", true),
        (".", ".", true),
    ] {
        let entry = requirement(1, text);
        assert_eq!((entry.name.as_str(), entry.exact), (name, exact), "{text}");
    }
}

#[test]
fn requirements_files_are_read_line_by_line() {
    let read = of_requirements(
        "# top\n-r base.txt\n--index-url https://host/simple\na==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb==2  # note\n-e ./local\n-c limits.txt\n",
    );
    assert_eq!(read.includes, ["base.txt"]);
    let entries: Vec<_> = read
        .entries
        .iter()
        .map(|e| (e.line, e.name.as_str(), e.exact, e.hashed))
        .collect();
    assert_eq!(
        entries,
        [
            (4, "a", true, true),
            (7, "b", true, false),
            (8, "./local", true, true)
        ]
    );
}

#[test]
fn lock_files_have_what_they_must() {
    let package = json!({"dependencies": {"a": "^1.0.0"}, "devDependencies": {"b": "2.0.0"}});
    for (name, text, expected) in [
        ("package-lock.json", json!({"packages": {"": {"dependencies": {"a": "^1.0.0"}, "devDependencies": {"b": "2.0.0"}}, "node_modules/a": {}, "node_modules/b": {}}}).to_string(), [true, true]),
        ("package-lock.json", json!({"packages": {"": {"dependencies": {"a": "^0.9.0"}}, "node_modules/a": {}}}).to_string(), [false, false]),
        ("package-lock.json", json!({"lockfileVersion": 1, "dependencies": {"a": {}}}).to_string(), [true, false]),
        ("yarn.lock", "a@^1.0.0:\n  version \"1\"\n".to_owned(), [true, false]),
        ("yarn.lock", "\"a@npm:^1.0.0\":\n  version: 1\n\"b@npm:2.0.0\":\n".to_owned(), [true, true]),
        ("pnpm-lock.yaml", "importers:\n  .:\n    dependencies:\n      a: { version: 1 }\n".to_owned(), [true, false]),
    ] {
        let mut entries = of_package(&package, "{\n\"a\": 1,\n\"b\": 2\n}");
        compare(name, &text, "", &mut entries).unwrap();
        let locked: Vec<_> = entries.iter().map(|entry| entry.locked.unwrap()).collect();
        assert_eq!(locked, expected, "{name} {text}");
        assert_eq!((entries[0].line, entries[0].exact, entries[1].exact), (2, false, true));
    }
    let mut go = of_go(
        "module m\n\nrequire (\n\tx/y v1.2.3 // indirect\n)\nrequire z v1.0.0\nrequire w v0.0.0\nreplace w => ./w\n",
    );
    compare(
        "go.sum",
        "x/y v1.2.3 h1:=\nx/y v1.2.3/go.mod h1:=\n",
        "",
        &mut go,
    )
    .unwrap();
    let locked: Vec<_> = go
        .iter()
        .map(|e| (e.line, e.name.as_str(), e.locked))
        .collect();
    assert_eq!(locked, [(4, "x/y", Some(true)), (6, "z", Some(false))]);
}

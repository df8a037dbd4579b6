//! Archives of the real programs, whole and cut off.

use std::sync::OnceLock;

use super::*;
use crate::support::pgtree::Tree;
use crate::support::postgres::{Builder, Postgres};
use crate::support::process::{command, output};
use crate::support::scratch::Scratch;
use crate::support::verdicts::{assert_green, assert_red};

/// Dumps of one database in each format.
struct Dumps {
    /// Of the oldest server there is to test with.
    old: Vec<u8>,
    custom: Vec<u8>,
    uncompressed: Vec<u8>,
    plain: Vec<u8>,
    tar: Vec<u8>,
    cluster: Vec<u8>,
    /// The folder of a directory dump.
    directory: PathBuf,
    _scratch: Scratch,
}

/// Makes the dumps once.
fn dumps() -> &'static Dumps {
    static DUMPS: OnceLock<Dumps> = OnceLock::new();
    DUMPS.get_or_init(|| {
        let scratch = Scratch::new("dumps");
        let run = |server: &Postgres, tool: &str, words: &[&str]| {
            let url = server.superuser_url("postgres");
            let password = url::Url::parse(&url).unwrap();
            output(
                command(&server.tool(tool), scratch.path())
                    // pg_dumpall does not hand the password of a URL to the pg_dump it starts.
                    .env("PGPASSWORD", password.password().unwrap())
                    .args(words)
                    .arg(format!("--dbname={url}")),
            );
        };
        let read = |name: &str| std::fs::read(scratch.join(name)).unwrap();
        let server = filled(Postgres::builder());
        run(&server, "pg_dump", &["-Fc", "-fcustom"]);
        run(&server, "pg_dump", &["-Fc", "-Z0", "-funcompressed"]);
        run(&server, "pg_dump", &["-Fp", "-fplain"]);
        run(&server, "pg_dump", &["-Ft", "-ftar"]);
        run(&server, "pg_dump", &["-Fd", "-fdirectory"]);
        let server = filled(Postgres::builder().tree(Tree::fetched(15)));
        run(&server, "pg_dump", &["-Fc", "-fold"]);
        run(&server, "pg_dumpall", &["-fcluster"]);
        Dumps {
            old: read("old"),
            custom: read("custom"),
            uncompressed: read("uncompressed"),
            plain: read("plain"),
            tar: read("tar"),
            cluster: read("cluster"),
            directory: scratch.join("directory"),
            _scratch: scratch,
        }
    })
}

/// A server with tables, one of them empty, and a large object.
fn filled(server: Builder) -> Postgres {
    let server = server.start();
    server.sql(
        "create table items as select i, md5(i::text) as text from generate_series(1, 20000) i",
    );
    server.sql("create table nothing (i int)");
    server.sql("create view v as select * from items");
    server.sql("select lo_from_bytea(0, decode(repeat('ab', 5000), 'hex'))");
    server
}

/// Audits a folder with one file in it.
fn of(name: &str, content: &[u8], expect: &str) -> Run {
    let folder = Folder::new();
    folder.put(name, content, HOUR);
    folder.look("", expect)
}

fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() * 6 / 10]
}

#[test]
fn bak_05_custom_dump_cut_off_after_its_contents() {
    let dumps = dumps();
    for (name, dump) in [
        ("old", &dumps.old),
        ("new", &dumps.custom),
        ("uncompressed", &dumps.uncompressed),
    ] {
        for expect in ["max_age: 1d", "verify: pg_dump_custom"] {
            assert_green(&of("a.dump", dump, expect));
            assert_red(&of("a.dump", cut(dump), expect), "b", "BAK-05");
        }
        for missing in [1, 100] {
            let most = &dump[..dump.len() - missing];
            assert_red(&of("a.dump", most, "max_age: 1d"), "b", "BAK-05");
        }
        // What makes this hard: the list of contents of the truncated dump is fine.
        let folder = Folder::new();
        let path = folder.put("a.dump", cut(dump), HOUR);
        let listed = Command::new(Tree::found().tool("pg_restore"))
            .arg("-l")
            .arg(path)
            .output();
        assert!(listed.unwrap().status.success(), "{name}");
    }
}

#[test]
fn bak_05_custom_dump_with_a_flipped_byte() {
    let mut dump = dumps().custom.clone();
    let at = dump.len() - dump.len() / 4;
    dump[at] ^= 0xff;
    assert_red(&of("a.dump", &dump, "max_age: 1d"), "b", "BAK-05");
}

#[test]
fn bak_05_every_compression_around_every_format() {
    let dumps = dumps();
    for (inner, expect) in [
        (&dumps.custom, "verify: pg_dump_custom"),
        (&dumps.tar, "verify: tar"),
        (&dumps.plain, "verify: pg_dump_plain"),
    ] {
        for (program, name) in [("gzip", "a.gz"), ("zstd", "a.zst")] {
            let whole = through(program, &["-c"], inner);
            assert_green(&of(name, &whole, expect));
            assert_red(&of(name, cut(&whole), expect), "b", "BAK-05");
        }
    }
    // The compression is whole, what is inside is not.
    for (inner, code) in [
        (cut(&dumps.custom), "BAK-05"),
        (cut(&dumps.tar), "BAK-05"),
        (cut(&dumps.plain), "BAK-06"),
    ] {
        for program in ["gzip", "zstd"] {
            let whole = through(program, &["-c"], inner);
            assert_red(&of("a", &whole, "max_age: 1d"), "b", code);
        }
    }
}

#[test]
fn bak_05_tar_without_its_end() {
    let tar = &dumps().tar;
    assert_green(&of("a.tar", tar, "verify: tar"));
    assert_red(&of("a.tar", cut(tar), "max_age: 1d"), "b", "BAK-05");
    let end = tar.iter().rposition(|byte| *byte != 0).unwrap() / 512 * 512 + 512;
    assert_red(&of("a.tar", &tar[..end], "max_age: 1d"), "b", "BAK-05");
}

#[test]
fn bak_05_another_format_than_expected() {
    assert_green(&of("a.gz", &gzip(), "verify: gzip"));
    assert_red(&of("a.gz", &gzip(), "verify: zstd"), "b", "BAK-05");
    assert_red(
        &of("a.gz", b"<html>404</html>", "verify: gzip"),
        "b",
        "BAK-05",
    );
}

#[test]
fn bak_05_directory_dump_with_a_missing_file() {
    let folder = Folder::new();
    let copy = folder.path().join("dump");
    output(
        Command::new("cp")
            .arg("-r")
            .arg(&dumps().directory)
            .arg(&copy),
    );
    let options = "entries: folders";
    assert_green(&folder.look(options, "max_age: 1d, verify: auto"));
    let data = std::fs::read_dir(&copy)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "gz"))
        .unwrap();
    std::fs::remove_file(data).unwrap();
    assert_red(&folder.look(options, "max_age: 1d"), "b", "BAK-05");
}

#[test]
fn bak_06_plain_dump_without_its_last_line() {
    let dumps = dumps();
    for dump in [&dumps.plain, &dumps.cluster] {
        assert_green(&of("a.sql", dump, "verify: pg_dump_plain"));
        assert_red(&of("a.sql", cut(dump), "max_age: 1d"), "b", "BAK-06");
    }
    // A mark is no proof when something other than the last lines bears it.
    let twice = [dumps.plain.as_slice(), cut(&dumps.plain)].concat();
    assert_red(&of("a.sql", &twice, "max_age: 1d"), "b", "BAK-06");
}

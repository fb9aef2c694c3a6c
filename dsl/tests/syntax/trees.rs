//! What texts are read as.

use dsl::ast::{Number, Statement};
use dsl::parse::parse;
use dsl::source::{FileId, SourceFile};
use insta::assert_snapshot;

use super::outline::outline;

/// The tree of a text that has no mistake.
#[track_caller]
fn tree(text: &str) -> String {
    let source = SourceFile::new(FileId(0), "a.gantry", text);
    let parsed = parse(&source);
    assert_eq!(parsed.diagnostics, [], "of {text}");
    outline(&parsed.file)
}

#[test]
fn the_programs_of_the_charter() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/language");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of the programs")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    assert_eq!(names.len(), 9);
    for path in names {
        let bytes = std::fs::read(&path).expect("a program");
        let source = SourceFile::read(FileId(0), &path, bytes);
        let parsed = parse(&source);
        assert_eq!(parsed.diagnostics, [], "of {}", path.display());
        assert!(!parsed.file.statements.is_empty());
    }
}

#[test]
fn a_pipeline() {
    let program = include_str!("../../../examples/language/02-library.gantry");
    assert_snapshot!(tree(program), @r#"
    pipeline ci
      on push
        branches = ["main"]
      on pull_request
      job format
        sh "cargo fmt --check"
      job test for system in ["linux", "windows"], toolchain in ["stable", "beta"] where (not ((system == "windows") and (toolchain == "beta")))
        runs_on = system
        inputs = ["src/**", "tests/**", "Cargo.*", ".config/**"]
        timeout = Duration(1200s)
        retry = {times = Int(2), on = [worker_lost]}
        cache cargo
          key = [toolchain, digest("Cargo.lock")]
          paths = ["~/.cargo/registry", "target"]
        sh test "cargo +$toolchain nextest run --profile ci"
        report junit "target/nextest/ci/junit.xml"
        on_failure
          artifact "target/nextest/ci/**"
      job package
        needs = [format, test]
        when = (event.kind == "push")
        produces = ["target/release/app"]
        output version : string
        sh """
          cargo build --release --locked
          echo "version=$(target/release/app --version)" >> "$GANTRY_OUTPUT"
        """
    "#);
}

#[test]
fn headers() {
    assert_snapshot!(tree("runs [x]\nprod[x]\nruns [x, y] (a + b) 3 \"t\" true a.b(c)[d]\n"), @r#"
    runs [x]
    prod [x]
    runs [x, y] (a + b) Int(3) "t" true a.b(c)[d]
    "#);
    assert_snapshot!(tree("template t() { }\ntemplate u(a: string, b: list(int) = [1],) { }\nuse t()\n"), @r"
    template t <>
    template u <a: string, b: list(int) = [Int(1)]>
    use t()
    ");
    assert_snapshot!(tree("param a: enum(\"x\", \"y\") = \"x\"\noutput b: untrusted string\noutput untrusted: list(record(name: string, port: int))\n"), @r#"
    param a : enum("x", "y") = "x"
    output b : untrusted string
    output untrusted : list(record(name: string, port: int))
    "#);
    assert_snapshot!(tree("job a\n  for x in xs,\n      y in ys\n  where x != y\n  as b\n{\n  sh \"x\"\n}\n"), @r#"
    job a for x in xs, y in ys where (x != y) as b
      sh "x"
    "#);
    assert_snapshot!(tree("job job for stage in on { }, label\nenv { A = x, \"B-C\" = 2 }\n"), @r#"
    job job for stage in on
    label
    env
      A = x
      "B-C" = Int(2)
    "#);
}

#[test]
fn operators_bind() {
    assert_snapshot!(tree(
        "a = x or y and not z == -1 + 2 * 3 and w in ws
b = (x or y) and z
c = if a then 1 else if b then 2 else 3
d = not not x
e = a - b - c
f = x
  and y
  or
  z
g = a.b[c, d](e, f = g)[0].h
h = [f(x) for x in xs, y in ys where x < y]
i = { a = 1, b = 2
  c = { } }
j = not (a < b) == c
"), @r"
    a = (x or ((y and (not (z == ((- Int(1)) + (Int(2) * Int(3)))))) and (w in ws)))
    b = ((x or y) and z)
    c = (if a then Int(1) else (if b then Int(2) else Int(3)))
    d = (not (not x))
    e = ((a - b) - c)
    f = ((x and y) or z)
    g = a.b[c, d](e, f = g)[Int(0)].h
    h = [f(x) for x in xs, y in ys where (x < y)]
    i = {a = Int(1), b = Int(2), c = {}}
    j = (not ((a < b) == c))
    ");
}

#[test]
fn newlines_end_statements_but_not_within_brackets() {
    assert_snapshot!(tree("a = [\n  1,\n  2,\n]\nb = f(\n  x,\n  y = 1,\n)\nc\nd = 1, e = 2,\n"), @r"
    a = [Int(1), Int(2)]
    b = f(x, y = Int(1))
    c
    d = Int(1)
    e = Int(2)
    ");
    assert_snapshot!(tree("\u{FEFF}# first\r\na = 1 # one\r\n\r\nsh \"\"\"\r\n  x\r\n\"\"\"\r\n"), @r#"
    a = Int(1)
    sh """
      x
    """
    "#);
    assert_snapshot!(tree(""), @"");
    assert_snapshot!(tree("# nothing"), @"");
}

#[test]
fn texts_are_left_alone() {
    assert_snapshot!(tree(r#"
a = "${x # no comment }{"
b = "\"\\"
c = ""
sh """"
  echo """
  """ x """
""""
sh """
"""
"#), @r#"
    a = "${x # no comment }{"
    b = "\"\\"
    c = ""
    sh """"
      echo """
      """ x """
    """"
    sh """
    """
    "#);
}

#[test]
fn numbers_have_units() {
    #[track_caller]
    fn check(text: &str, expected: Number) {
        let source = SourceFile::new(FileId(0), "a.gantry", format!("x = {text}"));
        let parsed = parse(&source);
        assert_eq!(parsed.diagnostics, []);
        let [Statement::Setting(setting)] = &*parsed.file.statements else {
            panic!("one setting")
        };
        assert_eq!(setting.value.kind, dsl::ast::ExprKind::Number(expected));
    }
    let duration = |milliseconds| Number::Duration(std::time::Duration::from_millis(milliseconds));
    check("10", Number::Int(10));
    check("10_000", Number::Int(10_000));
    check("1.5", Number::Float(1.5));
    check("250ms", duration(250));
    check("1.5h", duration(5_400_000));
    check("2w", duration(1_209_600_000));
    check("512MiB", Number::Size(512 << 20));
    check("1.5GB", Number::Size(1_500_000_000));
    check("0.5KiB", Number::Size(512));
    check("25%", Number::Percent(2_500));
    check("12.5%", Number::Percent(1_250));
}

#[test]
fn what_is_right_is_read_beside_what_is_wrong() {
    let source = SourceFile::new(
        FileId(0),
        "a.gantry",
        "pipeline p {
  owner = = x
  job a {
    sh \"unclosed
    timeout = 10m
  }
  job b for x { sh \"b\" }
  needs = [a, b
  title = \"t\"
}
on push
",
    );
    let parsed = parse(&source);
    assert!(!parsed.is_complete());
    assert_snapshot!(outline(&parsed.file), @r#"
    pipeline p
      <broken owner x>
      job a
        <broken sh>
        timeout = Duration(600s)
      <broken job b for x>
        sh "b"
      <broken needs>
      title = "t"
    on push
    "#);
}

#[test]
fn comments_are_kept() {
    let text = "# one\na = \"# no\" # two\n[\n";
    let source = SourceFile::new(FileId(0), "a.gantry", text);
    let file = parse(&source).file;
    let comments: Vec<_> = file
        .comments
        .iter()
        .map(|&span| source.slice(span))
        .collect();
    assert_eq!(comments, ["# one", "# two"]);
}

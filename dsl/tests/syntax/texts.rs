//! What a text says: as a script, and as a string.

use dsl::ast::{ExprKind, Statement, Text};
use dsl::diagnostic::Diagnostic;
use dsl::diagnostic::render::{Style, full};
use dsl::parse::parse;
use dsl::source::Sources;
use dsl::text::{self, Part};
use insta::assert_snapshot;

use super::outline::expr;

/// Reads the one text of `x = TEXT`, and shows what comes of it.
fn read<T>(
    literal: &str,
    read: impl Fn(&Text) -> Result<T, Vec<Diagnostic>>,
    show: impl Fn(T) -> String,
) -> String {
    let mut sources = Sources::new();
    let source = sources.add("a.gantry", format!("x = {literal}\n"));
    let parsed = parse(source);
    assert_eq!(parsed.diagnostics, []);
    let [Statement::Setting(setting)] = &*parsed.file.statements else {
        panic!("one setting")
    };
    let ExprKind::Text(text) = &setting.value.kind else {
        panic!("a text")
    };
    match read(text) {
        Ok(value) => show(value),
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            let shown = diagnostics
                .iter()
                .map(|one| full(one, &sources, Style::Plain));
            shown.collect::<Vec<_>>().join("\n")
        }
    }
}

/// Its parts, literals between ‹ and ›.
fn string(literal: &str) -> String {
    let show = |parts: Vec<Part>| {
        let parts = parts.iter().map(|part| match part {
            Part::Literal(literal) => format!("‹{literal}›"),
            Part::Expr(value) => expr(value),
        });
        parts.collect::<Vec<_>>().join(" ")
    };
    read(literal, text::string, show)
}

fn script(literal: &str) -> String {
    read(literal, text::script, |script| format!("‹{script}›"))
}

#[test]
fn a_string_has_escapes_and_expressions() {
    assert_snapshot!(string(r#""""#), @"");
    assert_snapshot!(string(r#""a \"b\" \\ \n\t\$x $y \u{e9}""#), @r#"
    ‹a "b" \ 
    	$x $y é›
    "#);
    assert_snapshot!(string(r#""${a}-${b.c[0]} \${d}""#), @"a ‹-› b.c[Int(0)] ‹ ${d}›");
    assert_snapshot!(string(r#""${if a then b else c + { x = 1 }.x}""#), @"(if a then b else (c + {x = Int(1)}.x))");
    assert_snapshot!(string("\"\"\"\n    one ${x}\n      two\\t|\n\n    three\n  \"\"\""), @r"
    ‹one › x ‹
      two	|

    three›
    ");
}

#[test]
fn a_script_is_taken_as_it_stands() {
    assert_snapshot!(script(r#""echo \"${X:-none}\" \d C:\temp ${#a[@]} $(x) \\""#), @r#"
    ‹echo "${X:-none}" \d C:\temp ${#a[@]} $(x) \\›
    "#);
    assert_snapshot!(script("\"\"\"\n  if x; then\n    echo \\\"a\\\"\n  fi\n\n  cat <<EOF\n  ${Y}\n  EOF\n\"\"\""), @r#"
    ‹if x; then
      echo \"a\"
    fi

    cat <<EOF
    ${Y}
    EOF›
    "#);
    assert_snapshot!(script("\"\"\"\r\n\ta\r\n\t\tb\r\n\"\"\""), @r"
    ‹a
    	b›
    ");
    assert_snapshot!(script("\"\"\"\n\"\"\""), @"‹›");
    assert_snapshot!(script("\"\"\"\n  a\n\tb\n\"\"\""), @r"
    ‹  a
    	b›
    ");
}

#[test]
fn a_script_holds_no_expression() {
    assert_snapshot!(script(r#""deploy ${param.version} ${secret.token}""#), @r#"
    error[G0142]: a script holds no expression
     --> a.gantry:1:13
      |
    1 | x = "deploy ${param.version} ${secret.token}"
      |             ^^^^^^^^^^^^^^^^ the shell gets this as it stands
      |
      = help: bind it in `env { VERSION = param.version }`, and read `VERSION` from the environment

    error[G0142]: a script holds no expression
     --> a.gantry:1:30
      |
    1 | x = "deploy ${param.version} ${secret.token}"
      |                              ^^^^^^^^^^^^^^^ the shell gets this as it stands
      |
      = help: bind it in `env { TOKEN = secret.token }`, and read `TOKEN` from the environment
    "#);
    assert_snapshot!(script("\"\"\"\n  echo ${event.pull_request.title}\n  echo ${{ github.sha }}\n  echo ${HOME} ${event_name} ${env:PATH}\n\"\"\""), @r"
    error[G0142]: a script holds no expression
     --> a.gantry:2:8
      |
    2 |   echo ${event.pull_request.title}
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^ the shell gets this as it stands
      |
      = help: bind it in `env { TITLE = event.pull_request.title }`, and read `TITLE` from the environment

    error[G0142]: a script holds no expression
     --> a.gantry:3:8
      |
    3 |   echo ${{ github.sha }}
      |        ^^^^^^^^^^^^^^^^^ the shell gets this as it stands
      |
      = help: bind the value in `env { SHA = … }`, and read `SHA` from the environment
    ");
}

#[test]
fn mistakes_in_strings() {
    assert_snapshot!(string(r#""C:\temp\dir""#), @r#"
    error[G0140]: unknown escape `\d`
     --> a.gantry:1:13
      |
    1 | x = "C:\temp\dir"
      |             ^^ no escape
      |
      = help: a string knows `\" \\ \n \t \$ \u{…}`; a backslash as such is written `\\`
    "#);
    assert_snapshot!(string(r#""\u{110000} \u41 \u{zz}""#), @r#"
    error[G0140]: `\u{110000}` is no character
     --> a.gantry:1:6
      |
    1 | x = "\u{110000} \u41 \u{zz}"
      |      ^^^^^^^^^^ not a code point that a text can hold
      |
      = help: a code point is written in hexadecimal, from 1 to 10FFFF

    error[G0140]: unknown escape `\u`
     --> a.gantry:1:17
      |
    1 | x = "\u{110000} \u41 \u{zz}"
      |                 ^^ no escape
      |
      = help: a string knows `\" \\ \n \t \$ \u{…}`; a backslash as such is written `\\`
      = help: write `\u{1F600}`

    error[G0140]: `\u{zz}` is no character
     --> a.gantry:1:22
      |
    1 | x = "\u{110000} \u41 \u{zz}"
      |                      ^^^^^^ not a code point that a text can hold
      |
      = help: a code point is written in hexadecimal, from 1 to 10FFFF
    "#);
    assert_snapshot!(string(r#""a ${b""#), @r#"
    error[G0141]: `${` is not closed
     --> a.gantry:1:8
      |
    1 | x = "a ${b"
      |        ^^ no `}` closes it on this line
      |
      = help: add the missing `}`; for the two characters as such write `\${`
    "#);
    assert_snapshot!(string(r#""a ${} ${ }""#), @r#"
    error[G0141]: `${}` holds nothing
     --> a.gantry:1:8
      |
    1 | x = "a ${} ${ }"
      |        ^^^ an expression is expected
      |
      = help: for the characters as such write `\${}`

    error[G0141]: `${}` holds nothing
     --> a.gantry:1:12
      |
    1 | x = "a ${} ${ }"
      |            ^^^^ an expression is expected
      |
      = help: for the characters as such write `\${}`
    "#);
    assert_snapshot!(string(r#""${m['x']}""#), @r#"
    error[G0141]: no quotation mark can stand in `${…}`
     --> a.gantry:1:10
      |
    1 | x = "${m['x']}"
      |          ^ a quotation mark
      |
      = help: give the value a name with `let`
    "#);
    assert_snapshot!(string(r#""${a b} ${a && b} ${1 +}""#), @r#"
    error[G0110]: unexpected `b`
     --> a.gantry:1:10
      |
    1 | x = "${a b} ${a && b} ${1 +}"
      |          ^ expected an operator or `}`

    error[G0120]: there is no `&&`
     --> a.gantry:1:17
      |
    1 | x = "${a b} ${a && b} ${1 +}"
      |                 ^^ no operator of this language
      |
      = help: write `and`

    error[G0110]: unexpected end of the expression
     --> a.gantry:1:28
      |
    1 | x = "${a b} ${a && b} ${1 +}"
      |                            ^ expected a value
    "#);
    assert_snapshot!(string(&format!(r#""${{{}}}""#, "a+".repeat(600))), @r#"
    error[G0107]: an expression in a text is longer than 1000 bytes
     --> a.gantry:1:8
      |
    1 | x = "${a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a…
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ too long
      |
      = help: give the value a name with `let`
    "#);
    assert_snapshot!(string(&format!(r#""${{{}}}""#, "(".repeat(100))), @r#"
    error[G0105]: brackets are nested more than 64 deep
     --> a.gantry:1:8
      |
    1 | x = "${((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((}"
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ one too many
      |
      = help: give a part of it a name with `let`
    "#);
}

#[test]
fn a_plain_string_has_no_expressions() {
    let plain = |literal| read(literal, text::plain_string, |text| text);
    assert_snapshot!(plain(r#""a\tb""#), @"a	b");
    assert_snapshot!(plain(r#""a ${b}""#), @r#"
    error[G0141]: no expression can stand in this text
     --> a.gantry:1:10
      |
    1 | x = "a ${b}"
      |          ^ it must be known without evaluating anything
      |
      = help: write the text out; for the two characters as such write `\${`
    "#);
}

//! What an author sees: each wrong text, and below it all that is said about it.

use dsl::diagnostic::fix;
use dsl::parse::parse;
use dsl::source::{FileId, SourceFile};
use insta::assert_snapshot;

use super::report;

#[test]
fn a_statement_is_expected() {
    assert_snapshot!(report("= 1\n"), @r"
    error[G0110]: unexpected `=`
     --> a.gantry:1:1
      |
    1 | = 1
      | ^ expected a statement
    ");
    assert_snapshot!(report(r"pipeline p {
  { }
}
"), @r"
    error[G0110]: a block without a word
     --> a.gantry:2:3
      |
    2 |   { }
      |   ^ what is it?
      |
      = help: a block belongs to a word: `job build { … }`
    ");
    assert_snapshot!(report(r"pipeline p {
  owner =
}
"), @r"
    error[G0110]: unexpected end of the line
     --> a.gantry:2:10
      |
    2 |   owner =
      |          ^ expected a value
    ");
    assert_snapshot!(report(r"pipeline p {
  timeout = 10m extra
}
"), @r"
    error[G0110]: unexpected `extra`
     --> a.gantry:2:17
      |
    2 |   timeout = 10m extra
      |                 ^^^^^ expected an operator or a new line
    ");
    assert_snapshot!(report("pipeline p { job a, , job b }\n"), @r"
    error[G0110]: nothing stands before this comma
     --> a.gantry:1:21
      |
    1 | pipeline p { job a, , job b }
      |                     ^ a statement is expected
      |
      = help: remove it
    ");
}

#[test]
fn statements_end() {
    assert_snapshot!(report(r"pipeline p {
  job a { } job b { }
}
"), @r"
    error[G0116]: two statements on one line
     --> a.gantry:2:13
      |
    2 |   job a { } job b { }
      |             ^^^ a new line or `,` is expected before it
      |
      = help: start a new line
    ");
    assert_snapshot!(report(r#"job a { sh "x"; sh "y"; }
"#), @r#"
    error[G0127]: a statement ends with its line or `,`
     --> a.gantry:1:15
      |
    1 | job a { sh "x"; sh "y"; }
      |               ^ `;` ends nothing
      |
      = help: write `,` or start a new line

    error[G0127]: a statement ends with its line or `,`
     --> a.gantry:1:23
      |
    1 | job a { sh "x"; sh "y"; }
      |                       ^ `;` ends nothing
      |
      = help: remove it
    "#);
}

#[test]
fn headers() {
    assert_snapshot!(report(r#"pipeline p {
  job build for x {
    sh "make"
  }
}
"#), @r"
    error[G0110]: unexpected `{`
     --> a.gantry:2:19
      |
    2 |   job build for x {
      |                   ^ expected `in`
    ");
    assert_snapshot!(report(r"pipeline p {
  job build for in xs { }
}
"), @r"
    error[G0110]: unexpected `in`
     --> a.gantry:2:17
      |
    2 |   job build for in xs { }
      |                 ^^ expected a name
    ");
    assert_snapshot!(report(r"pipeline p {
  use lib() as {
  }
}
"), @r"
    error[G0110]: unexpected `{`
     --> a.gantry:2:16
      |
    2 |   use lib() as {
      |                ^ expected a name
    ");
    assert_snapshot!(report("template t(name) { }\n"), @"");
    assert_snapshot!(report("param x: = 3\n"), @r"
    error[G0110]: unexpected `=`
     --> a.gantry:1:10
      |
    1 | param x: = 3
      |          ^ expected a type
    ");
    assert_snapshot!(report("exec a + b\n"), @r"
    error[G0120]: an argument with an operator needs parentheses
     --> a.gantry:1:8
      |
    1 | exec a + b
      |        ^ an operator
      |
      = help: put parentheses around the argument: `word (a + b)`
    ");
    assert_snapshot!(report("let x = if a then b\n"), @r"
    error[G0110]: unexpected end of the file
     --> a.gantry:1:20
      |
    1 | let x = if a then b
      |                    ^ expected `else` or an operator
    ");
}

#[test]
fn the_operator_before_a_block() {
    assert_snapshot!(report(r#"pipeline p {
  job build for os in systems where os != {
    sh "make"
    needs = [a, b}
  }
}
"#), @r"
    error[G0117]: nothing stands right of `!=`
     --> a.gantry:2:40
      |
    2 |   job build for os in systems where os != {
      |                                        ^^ a value is expected after it
      |
      = help: the `{` after it opens the block

    error[G0114]: `}` does not close `[`
     --> a.gantry:4:18
      |
    4 |     needs = [a, b}
      |             -    ^ `]` is expected
      |             it is opened here
    ");
}

#[test]
fn operators_of_other_languages() {
    assert_snapshot!(report("when = a && b || !c\n"), @r"
    error[G0120]: there is no `&&`
     --> a.gantry:1:10
      |
    1 | when = a && b || !c
      |          ^^ no operator of this language
      |
      = help: write `and`

    error[G0120]: there is no `||`
     --> a.gantry:1:15
      |
    1 | when = a && b || !c
      |               ^^ no operator of this language
      |
      = help: write `or`

    error[G0120]: there is no `!`
     --> a.gantry:1:18
      |
    1 | when = a && b || !c
      |                  ^ `not` is expected
      |
      = help: write `not`; it binds weaker than a comparison
    ");
    assert_snapshot!(report("when = a === b and c !== d\n"), @r"
    error[G0120]: there is no `===`
     --> a.gantry:1:10
      |
    1 | when = a === b and c !== d
      |          ^^^ no operator of this language
      |
      = help: write `==`

    error[G0120]: there is no `!==`
     --> a.gantry:1:22
      |
    1 | when = a === b and c !== d
      |                      ^^^ no operator of this language
      |
      = help: write `!=`
    ");
    assert_snapshot!(report(r#"when = ready ? "yes" : fallback.value
"#), @r#"
    error[G0120]: there is no `? :`
     --> a.gantry:1:8
      |
    1 | when = ready ? "yes" : fallback.value
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a choice is written with words
      |
      = help: write `if ready then "yes" else fallback.value`
    "#);
    assert_snapshot!(report(r"x = a / b
y = a % 2
z = a ?? b
"), @r#"
    error[G0120]: there is no `/`
     --> a.gantry:1:7
      |
    1 | x = a / b
      |       ^ no operator of this language
      |
      = help: there is no division; a path is a string: "a/b"

    error[G0120]: there is no `%`
     --> a.gantry:2:7
      |
    2 | y = a % 2
      |       ^ no operator of this language
      |
      = help: there is no remainder; a percentage is written `25%`

    error[G0120]: there is no `??`
     --> a.gantry:3:7
      |
    3 | z = a ?? b
      |       ^^ no operator of this language
      |
      = help: for an output that may be absent there is `default(x, y)`
    "#);
    assert_snapshot!(report("when = x not in xs\n"), @r"
    error[G0120]: there is no `not in`
     --> a.gantry:1:10
      |
    1 | when = x not in xs
      |          ^^^^^^ no operator of this language
      |
      = help: write `not x in xs`: `not` binds weaker than `in`
    ");
    assert_snapshot!(report(r#"when = name =~ "a.*"
"#), @r#"
    error[G0120]: there is no `=~`
     --> a.gantry:1:13
      |
    1 | when = name =~ "a.*"
      |             ^^ no operator of this language
      |
      = help: to compare with a pattern there is `checked(text, regex)`
    "#);
    assert_snapshot!(report("when = a & b\n"), @r"
    error[G0120]: there is no `&`
     --> a.gantry:1:10
      |
    1 | when = a & b
      |          ^ not an operator
      |
      = help: operators are `or and not == != < <= > >= in + - *`
    ");
    assert_snapshot!(report("f = x => x\n"), @r"
    error[G0120]: there is no `=>`
     --> a.gantry:1:7
      |
    1 | f = x => x
      |       ^^ not an operator
      |
      = help: a setting is `name = value`
    ");
}

#[test]
fn assignments_of_other_languages() {
    assert_snapshot!(report(r"job a {
  timeout: 10m
  retry := 3
}
"), @r"
    error[G0121]: `:` sets nothing
     --> a.gantry:2:10
      |
    2 |   timeout: 10m
      |          ^ `=` is expected
      |
      = help: a setting is `name = value`

    error[G0121]: `:=` sets nothing
     --> a.gantry:3:9
      |
    3 |   retry := 3
      |         ^^ `=` is expected
      |
      = help: a setting is `name = value`
    ");
    assert_snapshot!(report(r#"env { "A": 1, B: 2 }
"#), @r#"
    error[G0121]: `:` sets nothing
     --> a.gantry:1:10
      |
    1 | env { "A": 1, B: 2 }
      |          ^ `=` is expected
      |
      = help: a setting is `name = value`

    error[G0121]: `:` sets nothing
     --> a.gantry:1:16
      |
    1 | env { "A": 1, B: 2 }
      |                ^ `=` is expected
      |
      = help: a setting is `name = value`
    "#);
    assert_snapshot!(report(r#"use f(name: "x")
"#), @r#"
    error[G0121]: `:` sets nothing
     --> a.gantry:1:11
      |
    1 | use f(name: "x")
      |           ^ `=` is expected
      |
      = help: a setting is `name = value`
    "#);
    assert_snapshot!(report("timeout == 10m\n"), @r"
    error[G0121]: `==` sets nothing
     --> a.gantry:1:9
      |
    1 | timeout == 10m
      |         ^^ `=` is expected
      |
      = help: `==` compares; a setting is `name = value`
    ");
}

#[test]
fn quotes_of_other_languages() {
    assert_snapshot!(report(r#"sh 'echo "hi"'
"#), @r#"
    error[G0122]: a text stands between double quotation marks
     --> a.gantry:1:4
      |
    1 | sh 'echo "hi"'
      |    ^^^^^^^^^^^ single ones quote nothing
      |
      = help: write `"echo \"hi\""`
    "#);
    assert_snapshot!(report("title = “hello”\n"), @r#"
    error[G0122]: a typographic quotation mark
     --> a.gantry:1:9
      |
    1 | title = “hello”
      |         ^ not `"`
      |
      = help: write `"`
    "#);
    assert_snapshot!(report("sh `ls`\n"), @r#"
    error[G0110]: no text stands between '`'
     --> a.gantry:1:4
      |
    1 | sh `ls`
      |    ^ not a quotation mark
      |
      = help: write `"…"`
    "#);
    assert_snapshot!(report("sh 'it\n"), @r"
    error[G0111]: the text is not closed, and stands between the wrong marks
     --> a.gantry:1:4
      |
    1 | sh 'it
      |    ^ no `'` ends it on this line
      |
      = help: a text stands between double quotation marks
    ");
}

#[test]
fn comments_of_other_languages() {
    assert_snapshot!(report(r"// a comment {
job a { } // another
"), @r"
    error[G0123]: comments begin with `#`
     --> a.gantry:1:1
      |
    1 | // a comment {
      | ^^ not a comment
      |
      = help: write `#` instead of `//`

    error[G0123]: comments begin with `#`
     --> a.gantry:2:11
      |
    2 | job a { } // another
      |           ^^ not a comment
      |
      = help: write `#` instead of `//`
    ");
    assert_snapshot!(report(r"/* a
   comment */
"), @r"
    error[G0123]: comments begin with `#`
     --> a.gantry:1:1
      |
    1 | /* a
      | ^^ not a comment
      |
      = help: write `#` before each of its lines, and nothing after the last
    ");
}

#[test]
fn names() {
    assert_snapshot!(report(r#"job deploy-live {
  needs = [build-image]
  runs-on = "linux"
}
"#), @r#"
    error[G0124]: `deploy-live` is no name
     --> a.gantry:1:5
      |
    1 | job deploy-live {
      |     ^^^^^^^^^^^ a name has letters, digits and `_`
      |
      = help: write `deploy_live`; a difference has blanks: `deploy - live`

    error[G0124]: `build-image` is no name
     --> a.gantry:2:12
      |
    2 |   needs = [build-image]
      |            ^^^^^^^^^^^ a name has letters, digits and `_`
      |
      = help: write `build_image`; a difference has blanks: `build - image`

    error[G0124]: `runs-on` is no name
     --> a.gantry:3:3
      |
    3 |   runs-on = "linux"
      |   ^^^^^^^ a name has letters, digits and `_`
      |
      = help: write `runs_on`; a difference has blanks: `runs - on`
    "#);
    assert_snapshot!(report("job straße { }\n"), @r"
    error[G0110]: a name has ASCII letters, digits and `_`
     --> a.gantry:1:5
      |
    1 | job straße { }
      |     ^^^^^^ not a name
      |
      = help: any character may stand in a text: put it between quotation marks
    ");
    assert_snapshot!(report("let x = $HOME\n"), @r"
    error[G0110]: a name is written without `$`
     --> a.gantry:1:9
      |
    1 | let x = $HOME
      |         ^ not a name
      |
      = help: write the name alone; `${…}` stands in strings only
    ");
    assert_snapshot!(report("owner = @ann\n"), @r#"
    error[G0110]: `@` is no part of a name
     --> a.gantry:1:9
      |
    1 | owner = @ann
      |         ^ not a name
      |
      = help: put a text between `"`
    "#);
    assert_snapshot!(report("image = https://example.com/x\n"), @r#"
    error[G0110]: an address is a text
     --> a.gantry:1:15
      |
    1 | image = https://example.com/x
      |               ^^ a text is expected
      |
      = help: put it between quotation marks: "https://…"
    "#);
    assert_snapshot!(report("version = 1.2.3\n"), @r"
    error[G0110]: no number has two points
     --> a.gantry:1:13
      |
    1 | version = 1.2.3
      |             ^^ not a number
      |
      = help: a version is a text: put it between quotation marks
    ");
}

#[test]
fn precedence() {
    assert_snapshot!(report("when = a < b < c\n"), @r"
    error[G0125]: comparisons can't be chained
     --> a.gantry:1:14
      |
    1 | when = a < b < c
      |          -   ^ a second comparison
      |          the first one
      |
      = help: join two comparisons with `and`, or use parentheses
    ");
    assert_snapshot!(report("when = a == not b\n"), @r"
    error[G0126]: `not` binds weaker than what stands before it
     --> a.gantry:1:13
      |
    1 | when = a == not b
      |             ^^^ what does it belong to?
      |
      = help: put parentheses around `not` and its operand
    ");
}

#[test]
fn a_block_is_no_map() {
    assert_snapshot!(report("job a for x in xs where x == {\n  runs_on = \"linux\"\n}\n"), @r"
    error[G0117]: nothing stands right of `==`
     --> a.gantry:1:27
      |
    1 | job a for x in xs where x == {
      |                           ^^ a value is expected after it
      |
      = help: the `{` after it opens the block
    ");
    assert_snapshot!(report("job a for x in {\n}\n"), @r"
    error[G0117]: a value is expected before the block
     --> a.gantry:1:16
      |
    1 | job a for x in {
      |                ^ this opens the block
    ");
    assert_snapshot!(report("x = if a then if b then c else d else e\n"), @r"
    error[G0126]: a choice within a choice needs parentheses
     --> a.gantry:1:15
      |
    1 | x = if a then if b then c else d else e
      |               ^^ a second `if`
      |
      = help: put parentheses around it, or after `else` write `else if`
    ");
    assert_snapshot!(report("a = b +/* \"\"\" */ c\noutput x:// \"\"\"\n  string\n"), @r#"
    error[G0123]: comments begin with `#`
     --> a.gantry:1:8
      |
    1 | a = b +/* """ */ c
      |        ^^ not a comment
      |
      = help: write `#` before each of its lines, and nothing after the last

    error[G0110]: unexpected end of the line
     --> a.gantry:2:10
      |
    2 | output x:// """
      |          ^ expected a type

    error[G0110]: an address is a text
     --> a.gantry:2:10
      |
    2 | output x:// """
      |          ^^ a text is expected
      |
      = help: put it between quotation marks: "https://…"
    "#);
}

#[test]
fn numbers() {
    assert_snapshot!(report("timeout = 10mins\n"), @r"
    error[G0130]: unknown unit `mins`
     --> a.gantry:1:13
      |
    1 | timeout = 10mins
      |             ^^^^ no unit
      |
      = help: did you mean `10m`?
    ");
    assert_snapshot!(report("timeout = 1h30m\n"), @r"
    error[G0130]: unknown unit `h30m`
     --> a.gantry:1:12
      |
    1 | timeout = 1h30m
      |            ^^^^ no unit
      |
      = help: a duration has one unit: write `90m`
    ");
    assert_snapshot!(report("size = 512mb\n"), @r"
    error[G0130]: unknown unit `mb`
     --> a.gantry:1:11
      |
    1 | size = 512mb
      |           ^^ no unit
      |
      = help: did you mean `512MB`?
    ");
    assert_snapshot!(report("x = 5parsecs\n"), @r"
    error[G0130]: unknown unit `parsecs`
     --> a.gantry:1:6
      |
    1 | x = 5parsecs
      |      ^^^^^^^ no unit
      |
      = help: durations have `ms s m h d w`, sizes `B KiB MiB GiB TiB KB MB GB TB`, and a percentage `%`; a name begins with a letter
    ");
    assert_snapshot!(report("x = 99999999999999999999\n"), @r"
    error[G0131]: `99999999999999999999` is no number that can be kept
     --> a.gantry:1:5
      |
    1 | x = 99999999999999999999
      |     ^^^^^^^^^^^^^^^^^^^^ at most 9223372036854775807
    ");
    assert_snapshot!(report("batch = 12.345%\n"), @r"
    error[G0131]: `12.345%` is finer than can be kept
     --> a.gantry:1:9
      |
    1 | batch = 12.345%
      |         ^^^^^^^ not a whole number of hundredths of a percent
    ");
}

#[test]
fn texts_that_do_not_end() {
    assert_snapshot!(report(r#"job a {
  sh "make
  timeout = 10m
}
"#), @r#"
    error[G0111]: the text is not closed
     --> a.gantry:2:6
      |
    2 |   sh "make
      |      ^^^^^ no `"` ends it on this line
      |
      = help: add the missing `"`; a text of many lines stands between `"""`
    "#);
    assert_snapshot!(report(r#"job a {
  sh "
    make
    make test
  "
  timeout: 10m
}
"#), @r#"
    error[G0111]: a text between `"` ends on its line
     --> a.gantry:2:6
      |
    2 |   sh "
      |      ^ it begins here, and goes on
      |
      = help: put `"""` and a new line before it, and `"""` on a line of its own after it

    error[G0121]: `:` sets nothing
     --> a.gantry:6:10
      |
    6 |   timeout: 10m
      |          ^ `=` is expected
      |
      = help: a setting is `name = value`
    "#);
    assert_snapshot!(report(r#"job a {
  sh """
    make
}
"#), @r#"
    error[G0112]: the text is not closed
     --> a.gantry:2:6
      |
    2 |   sh """
      |      ^^^ it begins here
      |
      = help: a line that begins with `"""` ends it
    "#);
    assert_snapshot!(report(r#"message = """a"""
"#), @r#"
    error[G0113]: a new line is expected after `"""`
     --> a.gantry:1:11
      |
    1 | message = """a"""
      |           ^^^^^^^ the text begins on the next line
      |
      = help: a text on one line stands between `"`: `"a"`
    "#);
    assert_snapshot!(report(r#"sh """make
  test
"""
"#), @r#"
    error[G0113]: a new line is expected after `"""`
     --> a.gantry:1:4
      |
    1 | sh """make
      |    ^^^^^^^ the text begins on the next line
      |
      = help: start a new line after `"""`
    "#);
}

#[test]
fn brackets() {
    assert_snapshot!(report(r"pipeline p {
  job a {
    needs = [b, c
    timeout = 10m
  }
}
"), @r"
    error[G0114]: `[` is not closed
     --> a.gantry:3:13
      |
    3 |     needs = [b, c
      |             ^ no `]` closes it
    4 |     timeout = 10m
      |     ------- `]` is expected before this
      |
      = help: add the missing `]`
    ");
    assert_snapshot!(report(r"needs = [
  a,
  b
timeout = 10m
"), @r"
    error[G0114]: `[` is not closed
     --> a.gantry:1:9
      |
    1 | needs = [
      |         ^ no `]` closes it
    ...
    4 | timeout = 10m
      | ------- `]` is expected before this
      |
      = help: add the missing `]`
    ");
    assert_snapshot!(report("x = f(a\n"), @r"
    error[G0114]: `(` is not closed
     --> a.gantry:1:6
      |
    1 | x = f(a
      |      ^ no `)` closes it
      |
      = help: add the missing `)`
    ");
    assert_snapshot!(report("x = (a]\n"), @r"
    error[G0114]: `]` does not close `(`
     --> a.gantry:1:7
      |
    1 | x = (a]
      |     - ^ `)` is expected
      |     it is opened here
    ");
    assert_snapshot!(report(r#"pipeline p {
  job a {
    sh "x"
}
"#), @r#"
    error[G0114]: a block is not closed
     --> a.gantry:2:9
      |
    2 |   job a {
      |         ^ this `{` seems to lack its `}`
    3 |     sh "x"
    4 | }
      | - this `}` closes it, but stands further left
      |
      = help: add the missing `}`
    "#);
    assert_snapshot!(report(r"job a { }
}
"), @r"
    error[G0115]: nothing is open that `}` closes
     --> a.gantry:2:1
      |
    2 | }
      | ^ one too many
      |
      = help: remove it, or look for a block above that ends too early
    ");
    assert_snapshot!(report("x = a)\n"), @r"
    error[G0115]: nothing is open that `)` closes
     --> a.gantry:1:6
      |
    1 | x = a)
      |      ^ one too many
      |
      = help: remove it, or add what it closes
    ");
    assert_snapshot!(report(r"pipeline p {
  job a {
    when = f(
  }
  job b { x = [1 2] }
}
"), @r"
    error[G0114]: `(` is not closed
     --> a.gantry:3:13
      |
    3 |     when = f(
      |             ^ no `)` closes it
    4 |   }
      |   - `)` is expected before this
      |
      = help: add the missing `)`

    error[G0116]: a `,` is missing
     --> a.gantry:5:18
      |
    5 |   job b { x = [1 2] }
      |                  ^ `,` is expected before it
    ");
}

#[test]
fn here_documents() {
    assert_snapshot!(report("sh <<END\n"), @r#"
    error[G0110]: there is no here-document
     --> a.gantry:1:4
      |
    1 | sh <<END
      |    ^^ not a text
      |
      = help: a text of many lines stands between `"""`, each on a line
    "#);
    assert_snapshot!(report(r#"sh "a" \
  "b"
"#), @r#"
    error[G0110]: a `\` does not join lines
     --> a.gantry:1:8
      |
    1 | sh "a" \
      |        ^ not needed
      |
      = help: within brackets, and before an operator, a new line ends nothing
    "#);
}

#[test]
fn characters() {
    assert_snapshot!(report("title = \"a\0b\"\n"), @r#"
    error[G0103]: the file holds a NUL character (U+0000)
     --> a.gantry:1:11
      |
    1 | title = "a\u{0}b"
      |           ^^^^^ an invisible character
      |
      = help: remove it; is this file text at all?
    "#);
    assert_snapshot!(report("# a\u{202E}b\n"), @r"
    error[G0104]: the file holds U+202E, which changes the direction of what is shown
     --> a.gantry:1:4
      |
    1 | # a\u{202e}b
      |    ^^^^^^^^ an invisible character
      |
      = help: remove it: with it, a reader sees another text than the one that runs
    ");
    assert_snapshot!(report("a = 1\rb = 2\n"), @r"
    error[G0103]: the file holds a carriage return without a newline (U+000D)
     --> a.gantry:1:6
      |
    1 | a = 1\u{d}b = 2
      |      ^^^^^ an invisible character
      |
      = help: end lines with a newline (LF or CRLF)
    ");
    assert_snapshot!(report("title = \"\x1b[31m\"\n"), @r#"
    error[G0103]: the file holds a control character (U+001B)
     --> a.gantry:1:10
      |
    1 | title = "\u{1b}[31m"
      |          ^^^^^^ an invisible character
      |
      = help: remove it; in a string it can be written `\u{…}`
    "#);
}

#[test]
fn many_at_once() {
    assert_snapshot!(report(r#"pipeline ci {
  on push { branches: ["main"] }
  job build-it {
    when = a && b
    sh 'make'
    needs = [x y]
    timeout = 10 mins
  }
  job test for x {
    sh "unclosed
    retry = = 3
  }
  title = "fine"
}
"#), @r#"
    error[G0121]: `:` sets nothing
     --> a.gantry:2:21
      |
    2 |   on push { branches: ["main"] }
      |                     ^ `=` is expected
      |
      = help: a setting is `name = value`

    error[G0124]: `build-it` is no name
     --> a.gantry:3:7
      |
    3 |   job build-it {
      |       ^^^^^^^^ a name has letters, digits and `_`
      |
      = help: write `build_it`; a difference has blanks: `build - it`

    error[G0120]: there is no `&&`
     --> a.gantry:4:14
      |
    4 |     when = a && b
      |              ^^ no operator of this language
      |
      = help: write `and`

    error[G0122]: a text stands between double quotation marks
     --> a.gantry:5:8
      |
    5 |     sh 'make'
      |        ^^^^^^ single ones quote nothing
      |
      = help: write `"make"`

    error[G0116]: a `,` is missing
     --> a.gantry:6:16
      |
    6 |     needs = [x y]
      |                ^ `,` is expected before it

    error[G0130]: a unit touches its number
     --> a.gantry:7:18
      |
    7 |     timeout = 10 mins
      |                  ^^^^ not a unit
      |
      = help: write `10m`

    error[G0110]: unexpected `{`
     --> a.gantry:9:18
      |
    9 |   job test for x {
      |                  ^ expected `in`

    error[G0111]: the text is not closed
      --> a.gantry:10:8
       |
    10 |     sh "unclosed
       |        ^^^^^^^^^ no `"` ends it on this line
       |
       = help: add the missing `"`; a text of many lines stands between `"""`

    error[G0110]: unexpected `=`
      --> a.gantry:11:13
       |
    11 |     retry = = 3
       |             ^ expected a value
    "#);
}

/// What the sure fixes make of a text; nothing is wrong with that.
#[track_caller]
fn mended(text: &str) -> String {
    let source = SourceFile::new(FileId(0), "a.gantry", text);
    let (mended, applied) = fix::apply(&source, &parse(&source).diagnostics);
    assert!(applied > 0);
    let source = SourceFile::new(FileId(0), "a.gantry", mended.clone());
    assert_eq!(parse(&source).diagnostics, [], "of {mended}");
    mended
}

#[test]
fn sure_fixes_mend() {
    assert_snapshot!(mended("when = a && !b || c === d and e !== f and g <> h\n"), @"when = a and not b or c == d and e != f and g != h");
    assert_snapshot!(mended("when = x ? \"a\" : y.z # why\n"), @r#"
    when = if x then "a" else y.z # why
    "#);
    assert_snapshot!(mended("job a-b { timeout: 10m, retry := 2, runs-on = \"x\" }\n"), @r#"
    job a_b { timeout = 10m, retry = 2, runs_on = "x" }
    "#);
    assert_snapshot!(mended("// one\nsh 'say \"hi\"'; timeout = 1h30m; x = 10 mins;\n"), @r#"
    # one
    sh "say \"hi\"", timeout = 90m, x = 10m
    "#);
    assert_snapshot!(mended("sh \"\"\"make\"\"\"\nx = f(a b)\ny = [1 2]\n"), @r#"
    sh "make"
    x = f(a, b)
    y = [1, 2]
    "#);
    assert_snapshot!(mended("job a { } job b { x = 1 y = 2 }\n"), @r"
    job a { } 
    job b { x = 1 
    y = 2 }
    ");
    assert_snapshot!(mended("job a,, job b\ntimeout == 10m\n"), @r"
    job a, job b
    timeout = 10m
    ");
}

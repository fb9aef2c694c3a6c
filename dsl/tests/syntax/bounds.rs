//! Texts that are too much: each is refused at once, with the bound named.

use dsl::diagnostic::{Code, Diagnostic};
use dsl::parse::{
    MAX_DIAGNOSTICS, MAX_NESTING, MAX_STATEMENT_TOKENS, MAX_STATEMENTS, MAX_TOKENS, Parsed, parse,
};
use dsl::source::{FileId, MAX_FILE_BYTES, SourceFile};
use insta::assert_snapshot;

fn read(text: impl Into<Vec<u8>>) -> Parsed {
    parse(&SourceFile::read(FileId(0), "a.gantry", text.into()))
}

/// The one mistake of a text, of which nothing else is read.
#[track_caller]
fn refused(text: impl Into<Vec<u8>>) -> String {
    let parsed = read(text);
    assert!(parsed.file.statements.is_empty());
    let [Diagnostic { code, headline, .. }] = &*parsed.diagnostics else {
        panic!("one mistake")
    };
    format!("{code} {headline}")
}

#[test]
fn files_that_are_refused() {
    assert_snapshot!(refused(vec![b'a'; 64 << 20]), @"G0102 the file has 67108864 bytes, the bound is 4194304 (4 MiB)");
    assert_snapshot!(refused(b"a = \"\xFF\"\n"), @"G0101 the file is not UTF-8");
    assert_snapshot!(refused("(".repeat(10_000)), @"G0105 brackets are nested more than 64 deep");
    assert_snapshot!(refused("a {".repeat(10_000)), @"G0105 brackets are nested more than 64 deep");
    assert_snapshot!(refused(format!("a = {}", "[".repeat(10_000))), @"G0105 brackets are nested more than 64 deep");
    assert_snapshot!(refused(format!("a = [{}]", "x,".repeat(MAX_STATEMENT_TOKENS))), @"G0106 a statement has more than 50000 tokens");
    assert_snapshot!(refused(format!("a = {{\n{}}}", "x = 1\n".repeat(MAX_STATEMENT_TOKENS))), @"G0106 a statement has more than 50000 tokens");
}

#[test]
fn what_is_just_within_the_bounds() {
    let nested = |depth: usize| format!("a = {}1{}\n", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(read(nested(MAX_NESTING)).diagnostics, []);
    assert_eq!(
        read(nested(MAX_NESTING + 1)).diagnostics[0].code,
        Code::NestingTooDeep
    );
    let many = format!("a = [{}]\n", "\"x\",\n".repeat(10_000));
    assert_eq!(read(many).diagnostics, []);
    assert_eq!(read(vec![b'#'; MAX_FILE_BYTES]).diagnostics, []);
}

#[test]
fn a_file_of_many_statements() {
    let parsed = read("x\n".repeat(MAX_STATEMENTS + 1));
    assert_eq!(parsed.diagnostics[0].code, Code::TooManyStatements);
    assert_eq!(parsed.file.statements.len(), MAX_STATEMENTS);
}

#[test]
fn long_expressions() {
    let chains = ["x = not ", "x = - ", "x = 1 + ", "x = if a then b else "];
    for chain in chains {
        let (start, link) = chain.split_at(4);
        assert_eq!(
            read(format!("{start}{}1\n", link.repeat(1_000))).diagnostics,
            [],
            "{link}"
        );
        for count in [1_001, 5_000] {
            let parsed = read(format!("{start}{}1\ny = 2\n", link.repeat(count)));
            assert_eq!(parsed.diagnostics.len(), 1, "{link}");
            assert_eq!(
                parsed.diagnostics[0].code,
                Code::ExpressionTooLong,
                "{link}"
            );
            assert_eq!(parsed.file.statements.len(), 2);
        }
    }
    for link in [".a", "[a]", "(a)"] {
        let parsed = read(format!("x = a{}\n", link.repeat(5_000)));
        assert_eq!(parsed.diagnostics[0].code, Code::ExpressionTooLong);
    }
    // Brackets multiply what chains allow, unless the bound is on what is around an operand.
    let mut nested = String::from("1");
    for _ in 0..60 {
        nested = format!("({nested}{})", " + 1".repeat(300));
    }
    let parsed = read(format!("x = {nested}\n"));
    assert_eq!(parsed.diagnostics[0].code, Code::ExpressionTooLong);
}

#[test]
fn many_mistakes_end_with_a_note() {
    for text in [
        "a = = 1\n",
        "\"\n",
        ")\n",
        "}\n",
        "a {\n= }\n",
        "x = a && b\n",
        "'\n",
        "a-b\n",
    ] {
        let parsed = read(text.repeat(10_000));
        assert_eq!(parsed.diagnostics.len(), MAX_DIAGNOSTICS + 1, "{text:?}");
        assert_eq!(
            parsed.diagnostics[MAX_DIAGNOSTICS].code,
            Code::TooManyErrors,
            "{text:?}"
        );
    }
}

/// None of these may take long; that each ends, and with few mistakes, is what is checked.
#[test]
fn texts_that_never_end() {
    let long = "x\n".repeat(10_000);
    for opening in [
        "a = \"\"\"\n",
        "a = \"\n",
        "/* \n",
        "a = '\n",
        "a {\n",
        "a = \"${\n",
    ] {
        let parsed = read(format!("{opening}{long}"));
        assert!(
            (1..=3).contains(&parsed.diagnostics.len()),
            "{opening}: {:?}",
            parsed.diagnostics
        );
    }
    let quotes = "\"".repeat(1 << 20);
    assert!(!read(quotes).is_complete());
    let fences = "a = \"\"\"\n".repeat(1 << 17);
    assert!(!read(fences).is_complete());
    // Each of the brackets reaches to the end of the text, as far as can be known.
    let brackets = format!("{}{}", "a = [\n".repeat(60), "x, ".repeat(24_000));
    assert!(read(brackets).diagnostics.len() < 100);
}

#[test]
fn a_file_has_a_bound_on_its_tokens() {
    let line = format!("x = [{}]\n", "a, ".repeat(1_000));
    let parsed = read(line.repeat(MAX_TOKENS / 2_000 + 1));
    let headlines: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|found| &*found.headline)
        .collect();
    assert_eq!(headlines, ["the file has more than 500000 tokens"]);
}

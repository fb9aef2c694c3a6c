//! Wrong names, forms, types and graphs: what the author sees.

use super::{reports, reports_in_pipeline};

#[test]
fn settings_and_words() {
    snapshot!(reports_in_pipeline(&[
        "  job a { sh \"x\" }\n  job b { need = [a], sh \"x\" }",
        "  job a { timeout 10m, sh \"x\" }",
        "  job a { retry { times = 2 }, sh \"x\" }",
        "  job a { env = { A = 1 }, sh \"x\" }",
        "  job a { sh \"a\" sh \"b\" }",
        "  job a { sh \"a\" \"b\" }",
        "  job a { timeout = 1m, sh \"x\", timeout = 2m }",
        "  sh \"x\"",
        "  stage s { job a { job b { sh \"x\" } } }",
        "  stage s { max_paralell = 2, job a { sh \"x\" } }",
        "  jobb a { sh \"x\" }",
        "  job a { branches = [\"main\"], sh \"x\" }",
        "  job a { exec \"cargo test\" }",
        "  job a { exec [] }",
        "  job \"build\" { sh \"x\" }",
        "  job { sh \"x\" }",
        "  job a",
        "  job a: string { sh \"x\" }",
        "  job a { output x, sh \"x\" }",
        "  job a { report junot \"x.xml\", sh \"x\" }",
        "  job a { env { sh \"x\" }, sh \"x\" }",
        "  job a { }",
        "  job a { max_parallel = 2, sh \"x\" }",
        "  on pushed\n  job a { sh \"x\" }",
        "  on push { label = [\"x\"] }\n  job a { sh \"x\" }",
        "  on label\n  job a { sh \"x\" }",
        "  merge m { }",
    ]));
}

#[test]
fn names() {
    snapshot!(reports_in_pipeline(&[
        "  job test { sh \"x\" }\n  job b { needs = [tset], sh \"x\" }",
        "  job build { sh \"x\" }\n  stage build { job c { sh \"x\" } }",
        "  job event { sh \"x\" }",
        "  param who: string\n  job a { dir = who, sh \"x\" }",
        "  param who: string\n  job a { dir = param.whoo, sh \"x\" }",
        "  job a { dir = src, sh \"x\" }",
        "  job a { output version: string, sh \"x\" }\n  job b { env { V = a.versoin }, sh \"x\" }",
        "  job a { sh \"x\" }\n  job b { env { V = a.version }, sh \"x\" }",
        "  job a { output v: string, sh \"x\" }\n  job b { env { V = a }, sh \"x\" }",
        "  job a { sh \"x\" }\n  job b { needs = a, sh \"x\" }",
        "  job a { sh \"x\" }\n  job b { needs = [\"a\"], sh \"x\" }",
        "  job a { output v: string, sh \"x\" }\n  job b { needs = [a.v], sh \"x\" }",
        "  let x = 1\n  job a for x in [1, 2] { sh \"x\" }",
        "  param x: int = 1\n  job a for x in [1, 2] { sh \"x\" }",
        "  let a = b + 1, let b = a + 1\n  job j { sh \"x\" }",
        "  job a { env { X = digestt(\"a\") }, sh \"x\" }",
        "  job a { env { X = run.idd }, sh \"x\" }",
        "  job a { env { X = event }, sh \"x\" }",
        "  job a { retry = { times = 2, on = [worker_last] }, sh \"x\" }",
        "  job a { retry = { time = 2 }, sh \"x\" }",
        "  job a { when = system == \"x\", sh \"x\" }\n  job b for system in [\"x\"] { when = system == \"x\", sh \"x\" }",
        "  job a { use htp.expect(url = \"x\") }",
        "  finally { notify n { to = [owner.on_call], message = \"x\" } }",
        "  let unused = nothing\n  job a { sh \"x\" }",
    ]));
}

#[test]
fn plugins_and_templates() {
    snapshot!(reports(&[
        "plugin http = \"builtin:http\"\npipeline p { job a { use http.expct(url = \"x\") } }",
        "plugin http = \"builtin:http\"\npipeline p { job a { use http.expect(statu = 200) } }",
        "plugin http = \"builtin:htpp\"\npipeline p { job a { sh \"x\" } }",
        "template service(name: string, port: int = 80) { job a { sh \"x\" } }\npipeline p { use servce(name = \"x\") }",
        "template service(name: string, port: int = 80) { job a { sh \"x\" } }\npipeline p { use service(port = 80) }",
        "template service(name: string, port: int = 80) { job a { sh \"x\" } }\npipeline p { use service(name = \"x\", prot = 80) }",
        "template service(name: string, port: int = 80) { job a { sh \"x\" } }\npipeline p { use service(name = 80) }",
        "template service(name: string) { job a { sh \"x\" } }\npipeline p { use service(name = \"x\") as s\n job b { needs = [s.a], sh \"x\" } }",
        "import \"lib.gantry\" as lib\npipeline p { use lib.servce(name = \"x\")\n job b { sh \"x\" } }",
        "gantry 2\npipeline p { job a { sh \"x\" } }",
        "pipeline p { job a { sh \"x\" } }\ngantry 1",
        "pipeline p { job a { sh \"x\" } }\npipeline p { job a { sh \"x\" } }",
    ]));
}

#[test]
fn types() {
    snapshot!(reports_in_pipeline(&[
        "  job a { timeout = \"ten\", sh \"x\" }",
        "  job a { timeout = \"10m\", sh \"x\" }",
        "  job a { timeout = 10, sh \"x\" }",
        "  job a { allow_failure = \"true\", sh \"x\" }",
        "  job a { checkout = 1, sh \"x\" }",
        "  job a { retry = 2, sh \"x\" }",
        "  job a { produces = \"dist\", sh \"x\" }",
        "  job a { produces = [1], sh \"x\" }",
        "  job a { when = \"push\", sh \"x\" }",
        "  job a { when = 1 + \"a\" == 2, sh \"x\" }",
        "  job a { when = 1 == \"1\", sh \"x\" }",
        "  job a { when = 1m < 2, sh \"x\" }",
        "  job a { when = not 1, sh \"x\" }",
        "  job a { env { A = \"a\" + 1 }, sh \"x\" }",
        "  job a { env { A = [1, \"a\"] }, sh \"x\" }",
        "  job a { env { A = if true then 1 else \"a\" }, sh \"x\" }",
        "  job a { env { A = \"${[1, 2]}\" }, sh \"x\" }",
        "  job a { env { A = [1, 2][5] }, sh \"x\" }",
        "  job a { env { A = [1, 2][\"x\"] }, sh \"x\" }",
        "  job a { env { A = { x = 1 }.y }, sh \"x\" }",
        "  job a { env { A = 9223372036854775807 + 1 }, sh \"x\" }",
        "  job a { env { A = range(\"3\") }, sh \"x\" }",
        "  job a { env { A = range() }, sh \"x\" }",
        "  job a { env { A = read_json(\"x.json\") }, sh \"x\" }",
        "  job a { env { A = default(1, 2) }, sh \"x\" }",
        "  job a { env { A = has(\"x\") }, sh \"x\" }",
        "  job a { env { A = failed() }, sh \"x\" }",
        "  job a { env { A = run.outcome }, sh \"x\" }",
        "  job a for x in 3 { sh \"x\" }",
        "  job a for x in [[1], [2]] { sh \"x\" }",
        "  job a for x in [1, 1] { sh \"x\" }",
        "  job a for x in [1] where x { sh \"x\" }",
        "  job a { runs_on = true, sh \"x\" }",
        "  job a { runs_on = 1, sh \"x\" }",
        "  job a { when = worker.os == \"linux\", sh \"x\" }",
        "  job a { output n: int, sh \"x\" }\n  job b { priority = a.n, sh \"x\" }",
        "  job a { priority = 5000, sh \"x\" }",
        "  job a { output x: lst(string), sh \"x\" }",
        "  job a { output x: list, sh \"x\" }",
        "  job a { output x: secret, sh \"x\" }",
        "  param x: secret\n  job a { sh \"x\" }",
        "  param x: int = \"a\"\n  job a { sh \"x\" }",
        "  param x: enum(\"a\", \"b\") = \"c\"\n  job a { sh \"x\" }",
        "  param x: string { matches = \"(\" }\n  job a { sh \"x\" }",
        "  job a for x in [1, 2] { output v: int, sh \"x\" }\n  job b { env { V = a[1, 2].v }, sh \"x\" }",
        "  job a for x in [\"one\", \"two\"] { output v: int, sh \"x\" }\n  job b { env { V = a[\"tow\"].v }, sh \"x\" }",
        "  job a { output v: int, sh \"x\" }\n  job b { env { V = a[1].v }, sh \"x\" }",
        "  job a for x in [\"one\", \"two\"] { sh \"x\" }\n  job b { needs = [a[\"three\"]], sh \"x\" }",
        "  job a { sh \"x\" }\n  job b { needs = [a[1]], sh \"x\" }",
        "  stage s for x in [1, 2] { job a { sh \"x\" } }\n  job b { needs = [a[1]], sh \"x\" }",
    ]));
}

#[test]
fn graphs() {
    snapshot!(reports_in_pipeline(&[
        "  job a { needs = [b], sh \"x\" }\n  job b { needs = [a], sh \"x\" }",
        "  job a { needs = [a], sh \"x\" }",
        "  job a { needs = [c], output v: int, sh \"x\" }\n  job b { env { V = a.v }, sh \"x\" }\n  job c { after = [b], sh \"x\" }",
        "  stage one { job a { needs = [b], sh \"x\" } }\n  stage two { job b { sh \"x\" } }",
        "  stage one { job a { needs = [one], sh \"x\" } }",
        "  job a { needs = [z], sh \"x\" }\n  job b { needs = [y], sh \"x\" }\n  job y { needs = [b], sh \"x\" }\n  job z { needs = [a], sh \"x\" }",
        "  job a { needs = [last], sh \"x\" }\n  finally { job last { sh \"x\" } }",
        "  job a { output v: string, sh \"x\" }\n  finally { job last { env { V = a.v }, sh \"x\" } }",
        "  job a { produces = [\"x\"], sh \"x\" }\n  job b { produces = [\"x\"], sh \"x\" }\n  job c { needs = [a, b], sh \"x\" }",
    ]));
}

#[test]
fn events() {
    snapshot!(reports_in_pipeline(&[
        "  on push\n  on pull_request\n  job a { env { B = event.branch }, sh \"x\" }",
        "  on push\n  on pull_request\n  job a { when = event.kind == \"psh\", sh \"x\" }",
        "  on push\n  job a { when = event.kind == \"label\", sh \"x\" }",
        "  on push\n  job a { env { B = event.branhc }, sh \"x\" }",
        "  on push\n  job a { env { B = event.head }, sh \"x\" }",
        "  job a { env { B = event.branch }, sh \"x\" }",
        "  on push\n  on tag\n  job a { when = event.kind == \"push\" and event.kind == \"tag\", sh \"x\" }",
        "  on push\n  job a { when = 1 == 2, sh \"x\" }",
    ]));
}

#[test]
fn many_at_once_and_none_twice() {
    snapshot!(reports(&[r#"
pipeline p {
  job build { neds = [tset], timeout = 10, sh "x" }
  job test for x in nothing where x == 1 { needs = [biuld], env { X = x }, sh "x" }
  job last { env { A = build.version, B = unknown + 1 }, sh "${param.x}" }
}
"#]));
}

/// What could not be read is said once, and what may be defined in it is not called unknown.
#[test]
fn after_a_mistake_of_the_syntax() {
    snapshot!(reports(&[r#"
pipeline p {
  job build = { sh "x" }
  job test { needs = [build], sh "x" }
  job last { needs = [tset], sh "x" }
}
"#]));
}

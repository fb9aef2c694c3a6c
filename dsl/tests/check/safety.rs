//! Secrets, text from outside, paths and names of variables: what is refused, and what is not.

use super::{report, reports_in_pipeline};

#[test]
fn secrets_stay_in_env() {
    snapshot!(reports_in_pipeline(&[
        "  job a { sh \"echo ${secret.token}\" }",
        "  job a { env { A = \"Bearer ${secret.token}\" }, sh \"x\" }",
        "  job a { exec [\"curl\", secret.token] }",
        "  job a { when = secret.token == \"x\", sh \"x\" }",
        "  job a { env { A = secret.token + \"x\" }, sh \"x\" }",
        "  job a { dir = secret.token, sh \"x\" }",
        "  job a { cache c { key = [secret.token], paths = [\"x\"] }, sh \"x\" }",
        "  job a for x in [secret.token] { sh \"x\" }",
        "  job a { exec [\"curl\", inherit(\"TOKEN\")] }",
    ]));
}

#[test]
fn text_from_outside_goes_nowhere_else() {
    snapshot!(reports_in_pipeline(&[
        "  on pull_request\n  job a { exec [\"echo\", event.title] }",
        "  on pull_request\n  job a { dir = event.head, sh \"x\" }",
        "  on pull_request\n  job a { runs_on = event.head, sh \"x\" }",
        "  on pull_request\n  job a { lock = \"x-${event.head}\", sh \"x\" }",
        "  on pull_request\n  job a { environment = prod[event.head], sh \"x\" }",
        "  on pull_request\n  job a for x in event.labels { sh \"x\" }",
        "  on pull_request\n  job a { env { T = event.title }, output v: string, sh \"x\" }\n  job b { exec [\"echo\", a.v] }",
        "  on pull_request\n  job a { env { T = event.title }, cmd \"echo %T%\" }",
        "  on pull_request\n  job a { exec [\"echo\", checked(event.title, \"[a-z\")] }",
    ]));
}

#[test]
fn paths_lie_in_the_workspace() {
    snapshot!(reports_in_pipeline(&[
        "  job a { produces = [\"../x\"], sh \"x\" }",
        "  job a { inputs = [\"/etc/**\"], sh \"x\" }",
        "  job a { dir = \"~/x\", sh \"x\" }",
        "  job a { artifact \"C:/x\" }",
        "  job a { produces = [\"a\\\\b\"], sh \"x\" }",
        "  job a { produces = [\"a[\"], sh \"x\" }",
        "  job a { sh \"x\" { dir = \"a/../../b\" } }",
        "  job a { env { D = digest(\"../secret\") }, sh \"x\" }",
        "  job a for x in [\"a\", \"../b\"] { produces = [\"${x}/c\"], sh \"x\" }",
        "  stage s for x in [\"a\"] { job a for y in [\"b\", \"/c\"] { dir = y, inputs = [\"${x}/${y}\"], sh \"x\" } }",
        "  job a { cache c { key = [1], paths = [\"~/../x\"] }, sh \"x\" }",
    ]));
}

#[test]
fn names_of_variables_mean_the_same_everywhere() {
    snapshot!(reports_in_pipeline(&[
        "  param path: string = \"x\"\n  job a { sh \"x\" }",
        "  job a for os in [\"linux\"] { sh \"x\" }",
        "  job a { env { Path = \"x\" }, sh \"x\" }",
        "  job a { env { GANTRY_TOKEN = \"x\" }, sh \"x\" }",
        "  job a { env { \"A=B\" = \"x\" }, sh \"x\" }",
        "  job a { cmd \"\"\"\n    a\n    b\n    \"\"\" }",
    ]));
}

/// None of these is a mistake.
#[test]
fn what_is_fine() {
    let fine = [
        "on pull_request\njob a { when = event.title == \"x\" or \"y\" in event.labels, env { T = event.title }, sh \"x\" }",
        "on pull_request\njob a { exec [\"echo\", checked(event.title, \"[a-z]+\")] }",
        "on pull_request\non push\njob a { when = event.kind == \"push\" and event.branch == \"main\", env { B = event.branch }, sh \"x\" }",
        "on pull_request\non push\njob a { when = event.kind != \"push\", env { B = event.head }, sh \"x\" }",
        "on push\njob a { when = event.kind == push, sh \"x\" }",
        "on pull_request\njob a { env { N = event.pull_request.number, W = event.author }, exec [\"echo\", event.pull_request.number] }",
        "job a { env { TOKEN = secret.token, HOME = inherit(\"HOME\"), PATH = \"/bin\" }, sh \"x\" }",
        "job a { runs_on = \"linux\" and not (has(\"slow\") or worker.cores < 4), sh \"x\" }",
        "let big = worker.cores > 8\njob a { runs_on = big, sh \"x\" }",
        "job a for system in [\"linux\", \"windows\"] { runs_on = system, timeout = if system == \"linux\" then 1m else 2m, sh \"x\" }",
        "let xs: list(int) = read_json(\"x.json\")\njob a for x in [x + 1 for x2 in xs, x in [x2]] { sh \"x\" }",
        "job a { output v: string, sh \"x\" }\nfinally { job b { env { V = default(a.v, \"none\") }, sh \"x\" } }",
        "job a for x in [1, 2] { output v: int, sh \"x\" }\njob b { env { V = a[1].v, ALL = a.v }, needs = [a[2]], sh \"x\" }",
        "stage s for x in [1, 2] { job a { output v: int, sh \"x\" }\n job b { env { V = a.v }, sh \"x\" } }\njob c { env { V = a[1].v }, sh \"x\" }",
        "param cfg: record(name: string, port: int) = { name = \"x\", port = 80 }\njob a { env { N = param.cfg.name }, sh \"x\" }",
        "job job { sh \"x\" }\njob stage { needs = [job], sh \"x\" }",
        "job a { retry = { times = 2, on = [worker_lost, failed], delay = 5s }, sh unit \"x\" { retry = { times = 1 }, exit_codes = [0, 3] } }",
        "defaults { runs_on = \"linux\", timeout = 5m, retry = { times = 1 }, env { A = 1 } }\njob a { sh \"x\" }",
        "finally { notify n { to = [team.a, event.author], message = \"${run.outcome} ${run.url}\", when = failed() } }",
        "concurrency = { group = \"x\", when_busy = cancel_older }\njob a { sh \"x\" }",
        "job a for x in [] { sh \"x\" }",
        "job a for x in range(3), y in range(3) where x != y { env { Z = x * y - 1 }, sh \"x\" }",
    ];
    for body in fine {
        let said = report(&format!("pipeline p {{\n{body}\n}}\n"));
        assert!(said.is_empty(), "{body}\n{said}");
    }
}

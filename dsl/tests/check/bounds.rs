//! Programs that would make something big: each is refused at once, with the bound named.

use super::{plan, report, request};

fn headlines(text: &str) -> String {
    let said = report(text);
    let lines = said
        .lines()
        .filter(|line| line.starts_with("error") || line.trim_start().starts_with("= help"));
    lines.map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn too_many_combinations() {
    let list = (0..400)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    snapshot!(headlines(&format!(
        "pipeline p {{ job a for x in [{list}], y in [{list}] {{ sh \"x\" }} }}"
    )));
}

#[test]
fn too_many_jobs() {
    let mut text = String::from("pipeline p {\n");
    for stage in 0..3 {
        text.push_str(&format!(
            "job a{stage} for x in range(4000) {{ sh \"x\" }}\n"
        ));
    }
    text.push('}');
    snapshot!(headlines(&text));
    let mut few = request("manual");
    few.max_jobs = 3;
    let text = "pipeline p { job a for x in [1, 2, 3, 4] { sh \"x\" } }";
    assert!(
        plan(text, &few, &super::Tree::default())
            .unwrap_err()
            .contains("may have 3 jobs")
    );
}

#[test]
fn values_that_grow() {
    // Each `let` doubles the one before it; a comprehension makes a product.
    let mut doubled = String::from("pipeline p {\nlet v0 = [1, 2, 3, 4, 5, 6, 7, 8]\n");
    for n in 0..40 {
        doubled.push_str(&format!("let v{} = v{n} + v{n}\n", n + 1));
    }
    doubled.push_str("job a { sh \"x\" }\n}");
    snapshot!(headlines(&doubled));
    snapshot!(headlines(
        "pipeline p { job j { env { A = [1 for a in range(1000), b in range(1000), c in range(1000)] }, sh \"x\" } }"
    ));
    snapshot!(headlines(
        "pipeline p { job a { env { A = range(99999999) }, sh \"x\" } }"
    ));
    snapshot!(headlines(
        "pipeline p { job a for x in range(10), y in range(x * 100000) { sh \"x\" } }"
    ));
}

#[test]
fn long_chains_need_no_deep_stack() {
    let sum = vec!["1"; 900].join(" + ");
    let ands = vec!["event.trusted"; 900].join(" and ");
    let text = format!("pipeline p {{ job a {{ when = {ands}, env {{ A = {sum} }}, sh \"x\" }} }}");
    assert_eq!(report(&text), "");
    let mut chain = String::from("pipeline p {\njob j0 { sh \"x\" }\n");
    for n in 1..5_000 {
        chain.push_str(&format!("job j{n} {{ needs = [j{}], sh \"x\" }}\n", n - 1));
    }
    chain.push('}');
    assert_eq!(report(&chain), "");
}

/// Text that would take a stack, or a quadratic time, of its own size.
#[test]
fn order_does_not_matter() {
    let mut lets = String::from("pipeline p {\n");
    for n in 0..3_000 {
        lets.push_str(&format!(
            "let a{n} = {}\n",
            if n == 0 {
                "1".to_owned()
            } else {
                format!("a{} + 1", n - 1)
            }
        ));
    }
    lets.push_str("job j { env { A = a2999 }, sh \"x\" }\n}");
    assert_eq!(report(&lets), "");

    let mut lets = String::from("pipeline p {\n");
    for n in 0..3_000 {
        lets.push_str(&format!("let a{n} = a{}\n", n + 1));
    }
    lets.push_str("let a3000 = 1\njob j { sh \"x\" }\n}");
    snapshot!(headlines(&lets));

    // Each job hands on to the one above it what the last one has from outside, all on one line.
    let mut jobs =
        String::from("pipeline p { on pull_request, job first { exec [\"echo\", j0.v] }");
    for n in 0..2_000 {
        jobs.push_str(&format!(
            ", job j{n} {{ output v: string, env {{ V = j{}.v }}, sh \"x\" }}",
            n + 1
        ));
    }
    jobs.push_str(", job j2000 { output v: string, env { V = event.title }, sh \"x\" } }");
    snapshot!(headlines(&jobs));
}

#[test]
fn too_many_variables_and_edges() {
    let mut text = String::from("pipeline p {\nenv {\n");
    for n in 0..1_000 {
        text.push_str(&format!("V{n} = {n}\n"));
    }
    text.push_str("}\n");
    for n in 0..1_000 {
        text.push_str(&format!("job j{n} {{ sh \"x\" }}\n"));
    }
    text.push('}');
    snapshot!(headlines(&text));

    // Each stage says what it needs, so that each job waits for all of them.
    let mut text = String::from("pipeline p {\njob first { sh \"x\" }\n");
    for n in 0..1_500 {
        text.push_str(&format!(
            "stage s{n} {{ needs = [first], job a{n} {{ sh \"x\" }} }}\n"
        ));
        text.push_str(&format!("job j{n} {{ sh \"x\" }}\n"));
    }
    text.push('}');
    snapshot!(headlines(&text));
}

//! What the scheduler decides, told as stories: a plan, a script of what happens, and what it does.
//!
//! `send X to w1` is a dispatch, `X succeeded` a job that has ended, `? X: …` what `explain` says.

#[expect(dead_code, reason = "each user takes a part of it")]
mod support;

use insta::assert_snapshot;
use model::expr::{Expr, Operator};
use model::outcome::Outcome;
use model::plan::{Batch, Phase, RetryOn, WhenBusy};
use model::types::Type;
use model::value::Value;
use scheduler::input::Selection;
use serde_json::json;
use support::plan::{Builder, named};
use support::wire::Wire;

fn list() -> Type {
    Type::List(Box::new(Type::String))
}

fn var_is_not(name: &str, value: &str) -> Expr {
    let var = Box::new(Expr::Var(name.to_owned()));
    Expr::Binary(Operator::NotEqual, var, Box::new(Expr::text(value)))
}

fn never() -> Expr {
    Expr::Const(Value::Bool(false))
}

#[test]
fn a_job_starts_when_all_that_it_needs_has_succeeded() {
    let mut plan = Builder::new();
    plan.job("lint");
    plan.job("unit");
    plan.job("package").needs("lint").needs("unit");
    let mut wire = Wire::with_slots(2);
    wire.submit(&plan.build());
    wire.ok("lint");
    wire.explain("package");
    wire.ok("unit");
    wire.ok("package");
    assert_snapshot!(wire.story(), @r#"
    send lint to w1
    send unit to w1
    lint succeeded
    ? package: waits for unit, which runs
    unit succeeded
    send package to w1
    package succeeded
    run 1 succeeded
    "#);
}

#[test]
fn what_failed_blocks_and_what_did_not_apply_lets_the_order_pass() {
    let mut plan = Builder::new();
    plan.job("broken");
    plan.job("needs_broken").needs("broken");
    plan.job("after_broken").after("broken");
    plan.job("further").needs("needs_broken");
    plan.job("idle").when("false", never());
    plan.job("needs_idle").needs("idle");
    plan.job("after_idle").after("idle");
    plan.job("below_idle").order("idle");
    let mut wire = Wire::with_slots(2);
    wire.submit(&plan.build());
    wire.fail("broken");
    wire.ok("after_idle");
    wire.ok("below_idle");
    assert_snapshot!(wire.story(), @r#"
    idle skipped: not applicable: `when = false` is false
    needs_idle skipped: not applicable: it needs idle
    send broken to w1
    send after_idle to w1
    broken failed: exit code 1
    needs_broken skipped: blocked by broken
    after_broken skipped: blocked by broken
    further skipped: blocked by needs_broken
    send below_idle to w1
    after_idle succeeded
    below_idle succeeded
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn elements_start_in_order_and_no_more_than_max_parallel() {
    let mut plan = Builder::new();
    plan.job("deploy")
        .over("region", &["eu", "us", "ap"])
        .max_parallel(2);
    plan.job("done").needs("deploy");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.explain("deploy[\"ap\"]");
    wire.ok("deploy[\"us\"]");
    wire.ok("deploy[\"eu\"]");
    wire.ok("deploy[\"ap\"]");
    wire.ok("done");
    assert_snapshot!(wire.story(), @r#"
    send deploy["eu"] to w1
    send deploy["us"] to w1
    ? deploy["ap"]: waits for its turn: deploy has `max_parallel = 2`
    deploy["us"] succeeded
    send deploy["ap"] to w1
    deploy["eu"] succeeded
    deploy["ap"] succeeded
    send done to w1
    done succeeded
    run 1 succeeded
    "#);
}

#[test]
fn a_batch_waits_for_all_of_the_one_before_and_is_rounded_up() {
    let mut plan = Builder::new();
    plan.job("roll")
        .over("host", &["a", "b", "c", "d", "e"])
        .batch(Batch::Share(2_500));
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.ok("roll[\"b\"]");
    wire.explain("roll[\"c\"]");
    wire.ok("roll[\"a\"]");
    assert_snapshot!(wire.story(), @r#"
    send roll["a"] to w1
    send roll["b"] to w1
    roll["b"] succeeded
    ? roll["c"]: waits for its turn: roll starts 2 at a time
    roll["a"] succeeded
    send roll["c"] to w1
    send roll["d"] to w1
    "#);
}

#[test]
fn more_failures_than_max_failures_start_nothing_further() {
    let mut plan = Builder::new();
    plan.job("roll")
        .over("host", &["a", "b", "c", "d"])
        .max_parallel(2)
        .max_failures(1);
    plan.job("done").needs("roll");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.fail("roll[\"a\"]");
    wire.fail("roll[\"b\"]");
    wire.ok("roll[\"c\"]");
    assert_snapshot!(wire.story(), @r#"
    send roll["a"] to w1
    send roll["b"] to w1
    roll["a"] failed: exit code 1
    send roll["c"] to w1
    roll["b"] failed: exit code 1
    roll["d"] skipped: not started: 2 elements failed
    roll["c"] succeeded
    done skipped: blocked by roll
    run 1 failed: 2 jobs failed
    "#);
}

#[test]
fn fewer_failures_leave_the_whole_succeeded() {
    let mut plan = Builder::new();
    plan.job("roll").over("host", &["a", "b"]).max_failures(1);
    plan.job("done").needs("roll");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.fail("roll[\"a\"]");
    wire.ok("roll[\"b\"]");
    wire.ok("done");
    assert_snapshot!(wire.story(), @r#"
    send roll["a"] to w1
    send roll["b"] to w1
    roll["a"] failed: exit code 1
    roll["b"] succeeded
    send done to w1
    done succeeded
    run 1 succeeded
    "#);
}

#[test]
fn fail_fast_of_a_fan_out_cancels_its_other_elements_and_nothing_else() {
    let mut plan = Builder::new();
    plan.job("test")
        .over("system", &["a", "b", "c"])
        .max_parallel(2)
        .fan_out_fail_fast();
    plan.job("other");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.fail("test[\"a\"]");
    wire.end(
        "test[\"b\"]",
        Outcome::Canceled { by: "w1".into() },
        &[],
        None,
    );
    wire.ok("other");
    assert_snapshot!(wire.story(), @r#"
    send test["a"] to w1
    send test["b"] to w1
    send other to w1
    test["a"] failed: exit code 1
    test["c"] skipped: not started: 1 element failed
    stop test["b"]: canceled by fail_fast
    test["b"] canceled: by fail_fast
    other succeeded
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn fail_fast_of_a_stage_still_runs_its_hooks() {
    let mut plan = Builder::new();
    plan.stage("live")
        .with_stage(|stage| stage.fail_fast = true);
    plan.job("one").of("live");
    plan.job("two").of("live");
    plan.job("three").of("live").needs("two");
    plan.job("undo").of("live").phase(Phase::OnFailure);
    plan.job("tidy").of("live").phase(Phase::Always);
    plan.job("elsewhere");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.explain("tidy");
    wire.fail("one");
    wire.end("two", Outcome::Canceled { by: "w1".into() }, &[], None);
    wire.ok("undo");
    wire.ok("tidy");
    wire.ok("elsewhere");
    assert_snapshot!(wire.story(), @r#"
    send one to w1
    send two to w1
    send elsewhere to w1
    ? tidy: runs at the end of live, which goes on
    one failed: exit code 1
    stop two: canceled by fail_fast
    three skipped: not started: canceled by fail_fast
    two canceled: by fail_fast
    send undo to w1
    undo succeeded
    send tidy to w1
    tidy succeeded
    elsewhere succeeded
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn the_first_failure_of_a_run_with_fail_fast_cancels_all_that_runs() {
    let mut plan = Builder::new();
    plan.pipeline(|plan| plan.fail_fast = true);
    plan.stage("inner");
    plan.job("one").of("inner");
    plan.job("two");
    plan.job("three").needs("two");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.fail("one");
    wire.end("two", Outcome::Canceled { by: "w1".into() }, &[], None);
    assert_snapshot!(wire.story(), @r#"
    send one to w1
    send two to w1
    one failed: exit code 1
    stop two: canceled by fail_fast
    three skipped: not started: canceled by fail_fast
    two canceled: by fail_fast
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn elements_are_found_while_running() {
    let mut plan = Builder::new();
    plan.job("look").output("parts", list());
    plan.job("build").over_output("part", "look", "parts");
    plan.job("done").needs("build");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.gives("look", &[("parts", json!(["engine", "two words"]))]);
    wire.ok("build[\"engine\"]");
    wire.ok("build[\"two words\"]");
    wire.ok("done");
    assert_snapshot!(wire.story(), @r#"
    send look to w1
    look succeeded
    found 2 elements
    send build["engine"] to w1
    send build["two words"] to w1
    build["engine"] succeeded
    build["two words"] succeeded
    send done to w1
    done succeeded
    run 1 succeeded
    "#);
}

#[test]
fn an_empty_list_succeeds() {
    let mut plan = Builder::new();
    plan.job("look").output("parts", list());
    plan.job("build").over_output("part", "look", "parts");
    plan.job("done").needs("build");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.gives("look", &[("parts", json!([]))]);
    wire.ok("done");
    assert_snapshot!(wire.story(), @r#"
    send look to w1
    look succeeded
    found 0 elements
    send done to w1
    done succeeded
    run 1 succeeded
    "#);
}

#[test]
fn equal_elements_fail_the_fan_out() {
    let mut plan = Builder::new();
    plan.job("look").output("parts", list());
    plan.job("build").over_output("part", "look", "parts");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.gives("look", &[("parts", json!(["a", "a"]))]);
    assert_snapshot!(wire.story(), @r#"
    send look to w1
    look succeeded
    build failed: for (line 2): two elements are `a`
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn an_output_is_of_the_declared_type_and_there() {
    let mut story = String::new();
    for outputs in [
        vec![("n", json!("seven"))],
        vec![],
        vec![("n", json!(7)), ("extra", json!(1))],
        vec![("n", json!(7))],
    ] {
        let mut plan = Builder::new();
        plan.job("count").output("n", Type::Int);
        let mut wire = Wire::with_slots(1);
        wire.submit(&plan.build());
        wire.story();
        wire.gives("count", &outputs);
        story += &wire.story();
    }
    assert_snapshot!(story, @r#"
    count failed: the output `n`: expected int, found "seven"
    run 1 failed: 1 job failed
    count failed: the output `n` is missing
    run 1 failed: 1 job failed
    count failed: the output `extra` is not declared
    run 1 failed: 1 job failed
    count succeeded
    run 1 succeeded
    "#);
}

#[test]
fn outputs_of_a_fan_out_are_a_map_and_of_two_a_map_of_maps() {
    let mut plan = Builder::new();
    plan.stage("all").over("system", &["linux", "windows"]);
    plan.job("test")
        .of("all")
        .over("version", &["1", "2"])
        .output("size", Type::Int);
    plan.job("sibling").of("all").uses("test", "size");
    plan.job("sum").uses("test", "size");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    for (n, system) in ["linux", "windows"].into_iter().enumerate() {
        for version in ["1", "2"] {
            let name = format!("all[\"{system}\"].test[\"{version}\"]");
            wire.gives(&name, &[("size", json!(n))]);
        }
    }
    wire.ok("all[\"linux\"].sibling");
    wire.ok("all[\"windows\"].sibling");
    assert_snapshot!(wire.story(), @r#"
    send all["linux"].test["1"] to w1
    send all["linux"].test["2"] to w1
    send all["windows"].test["1"] to w1
    send all["windows"].test["2"] to w1
    all["linux"].test["1"] succeeded
    all["linux"].test["2"] succeeded
    send all["linux"].sibling to w1, SIZE = Text("{\"1\":0,\"2\":0}")
    all["windows"].test["1"] succeeded
    all["windows"].test["2"] succeeded
    send all["windows"].sibling to w1, SIZE = Text("{\"1\":1,\"2\":1}")
    send sum to w1, SIZE = Text("{\"linux\":{\"1\":0,\"2\":0},\"windows\":{\"1\":1,\"2\":1}}")
    all["linux"].sibling succeeded
    all["windows"].sibling succeeded
    "#);
}

#[test]
fn an_edge_to_one_element_waits_for_that_one() {
    let mut plan = Builder::new();
    plan.job("build").over("x", &["a", "b"]);
    let x = vec![Expr::Var("x".to_owned())];
    plan.job("deploy")
        .over("x", &["a", "b"])
        .needs_element("build", x);
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.explain("deploy[\"b\"]");
    wire.ok("build[\"b\"]");
    wire.fail("build[\"a\"]");
    wire.ok("deploy[\"b\"]");
    assert_snapshot!(wire.story(), @r#"
    send build["a"] to w1
    send build["b"] to w1
    ? deploy["b"]: waits for build["b"], which runs
    build["b"] succeeded
    send deploy["b"] to w1
    build["a"] failed: exit code 1
    deploy["a"] skipped: blocked by build
    deploy["b"] succeeded
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn siblings_in_a_stage_meet_in_their_own_element() {
    let mut plan = Builder::new();
    plan.stage("roll").over("host", &["a", "b"]);
    plan.job("drain").of("roll");
    plan.job("install").of("roll").needs("drain");
    plan.job("done").needs("install");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.ok("roll[\"b\"].drain");
    wire.ok("roll[\"b\"].install");
    wire.fail("roll[\"a\"].drain");
    assert_snapshot!(wire.story(), @r#"
    send roll["a"].drain to w1
    send roll["b"].drain to w1
    roll["b"].drain succeeded
    send roll["b"].install to w1
    roll["b"].install succeeded
    roll["a"].drain failed: exit code 1
    roll["a"].install skipped: blocked by drain
    done skipped: blocked by install
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn when_is_asked_for_each_element() {
    let mut plan = Builder::new();
    plan.job("test")
        .over("system", &["linux", "windows"])
        .when("system != \"windows\"", var_is_not("system", "windows"));
    plan.job("done").needs("test");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.ok("test[\"linux\"]");
    wire.ok("done");
    assert_snapshot!(wire.story(), @r#"
    test["windows"] skipped: not applicable: `when = system != "windows"` is false
    send test["linux"] to w1
    test["linux"] succeeded
    send done to w1
    done succeeded
    run 1 succeeded
    "#);
}

#[test]
fn an_allowed_failure_counts_as_success() {
    let mut plan = Builder::new();
    plan.job("try").allow_failure();
    plan.job("next").needs("try");
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan.build());
    wire.fail("try");
    wire.ok("next");
    assert_snapshot!(wire.story(), @r#"
    send try to w1
    try failed: exit code 1 (allowed)
    send next to w1
    next succeeded
    run 1 succeeded
    "#);
}

#[test]
fn hooks_without_an_occasion_did_not_apply() {
    let mut plan = Builder::new();
    plan.stage("live");
    plan.job("deploy").of("live");
    plan.job("undo").of("live").phase(Phase::OnFailure);
    plan.job("last").phase(Phase::Always);
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan.build());
    wire.ok("deploy");
    wire.fail("last");
    assert_snapshot!(wire.story(), @r#"
    send deploy to w1
    deploy succeeded
    undo skipped: not applicable: nothing failed
    send last to w1
    last failed: exit code 1
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn a_cancel_stops_what_runs_and_lets_what_was_entered_clean_up() {
    let mut plan = Builder::new();
    plan.stage("live");
    plan.job("deploy").of("live");
    plan.job("check").of("live").needs("deploy");
    plan.job("undo").of("live").phase(Phase::OnFailure);
    plan.job("tidy").of("live").phase(Phase::Always);
    plan.stage("later").order("live");
    plan.job("never").of("later");
    plan.job("not_entered").of("later").phase(Phase::Always);
    plan.job("last").phase(Phase::Always);
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan.build());
    wire.cancel(1);
    wire.note("a second cancel changes nothing");
    wire.cancel(1);
    wire.explain("deploy");
    wire.end("deploy", Outcome::Canceled { by: "w1".into() }, &[], None);
    wire.ok("tidy");
    wire.ok("last");
    assert_snapshot!(wire.story(), @r#"
    send deploy to w1
    stop deploy: canceled by bob
    check skipped: not started: canceled by bob
    never skipped: not started: canceled by bob
    not_entered skipped: not started: canceled by bob
    -- a second cancel changes nothing
    ? deploy: stops on w1: canceled by bob
    deploy canceled: by bob
    undo skipped: not started: canceled by bob
    send tidy to w1
    tidy succeeded
    send last to w1
    last succeeded
    run 1 canceled: by bob
    "#);
}

#[test]
fn a_retry_waits_twice_as_long_each_time() {
    let mut plan = Builder::new();
    plan.job("flaky").retry(2, &[RetryOn::Failed], 1_000);
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan.build());
    wire.fail("flaky");
    wire.explain("flaky");
    wire.pass(1_000, &[1]);
    wire.fail("flaky");
    wire.pass(1_999, &[1]);
    wire.note("not yet");
    wire.pass(1, &[1]);
    wire.fail("flaky");
    assert_snapshot!(wire.story(), @r#"
    send flaky to w1
    flaky failed: exit code 1; again in 1000 ms
    ? flaky: attempt 2 starts in 1s
    send flaky to w1, attempt 2
    flaky failed: exit code 1; again in 2000 ms
    -- not yet
    send flaky to w1, attempt 3
    flaky failed: exit code 1
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn a_lock_goes_to_those_who_wait_in_order_across_runs() {
    let mut plan = Builder::new();
    plan.job("migrate").lock("db");
    let plan = plan.build();
    let mut wire = Wire::with_slots(9);
    for _ in 0..3 {
        wire.submit(&plan);
    }
    wire.explain("migrate@3");
    wire.cancel(2);
    wire.fail("migrate");
    wire.ok("migrate@3");
    assert_snapshot!(wire.story(), @r#"
    send migrate to w1
    ? migrate@3: waits for the lock db, held by migrate of run 1; 1 before it
    migrate@2 canceled: by bob
    run 2 canceled: by bob
    migrate failed: exit code 1
    run 1 failed: 1 job failed
    send migrate@3 to w1
    migrate@3 succeeded
    run 3 succeeded
    "#);
}

#[test]
fn an_environment_is_shared_by_the_jobs_of_one_run() {
    let mut plan = Builder::new();
    let prod = Expr::text("prod[\"eu\"]");
    plan.job("roll")
        .over("host", &["a", "b"])
        .max_parallel(1)
        .environment(prod.clone());
    plan.job("database").environment(prod);
    let plan = plan.build();
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan);
    wire.submit(&plan);
    wire.explain("database@2");
    wire.ok("database");
    wire.ok("roll[\"a\"]");
    wire.note("the other run doesn't get it between two elements");
    wire.ok("roll[\"b\"]");
    assert_snapshot!(wire.story(), @r#"
    send roll["a"] to w1
    send database to w1
    ? database@2: waits for the environment prod["eu"], held by roll["a"] of run 1; 1 before it
    database succeeded
    roll["a"] succeeded
    send roll["b"] to w1
    -- the other run doesn't get it between two elements
    roll["b"] succeeded
    run 1 succeeded
    send roll["a"]@2 to w1
    send database@2 to w1
    "#);
}

#[test]
fn an_untrusted_run_enters_no_environment() {
    let mut plan = Builder::new();
    plan.pipeline(|plan| plan.event.trusted = false);
    plan.job("unit");
    plan.job("deploy").environment(Expr::text("prod"));
    plan.job("next").after("deploy");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.ok("unit");
    assert_snapshot!(wire.story(), @r#"
    deploy skipped: blocked: the run is not trusted
    next skipped: blocked by deploy
    send unit to w1
    unit succeeded
    run 1 succeeded
    "#);
}

#[test]
fn runs_of_a_concurrency_group_wait_or_cancel() {
    let mut story = String::new();
    for when_busy in [WhenBusy::Queue, WhenBusy::CancelOlder] {
        let mut plan = Builder::new();
        plan.concurrency("deploy", when_busy);
        plan.job("deploy");
        let plan = plan.build();
        let mut wire = Wire::with_slots(9);
        wire.note(&format!("{when_busy:?}"));
        wire.submit(&plan);
        wire.submit(&plan);
        wire.explain("deploy@2");
        wire.end("deploy", Outcome::Canceled { by: "w1".into() }, &[], None);
        wire.ok("deploy@2");
        story += &wire.story();
    }
    assert_snapshot!(story, @r#"
    -- Queue
    send deploy to w1
    ? deploy@2: its run waits for run 1 of the group deploy
    deploy canceled: by w1
    run 1 canceled: by w1
    send deploy@2 to w1
    deploy@2 succeeded
    run 2 succeeded
    -- CancelOlder
    send deploy to w1
    stop deploy: canceled by run 2
    ? deploy@2: its run waits for run 1 of the group deploy
    deploy canceled: by run 2
    run 1 canceled: by run 2
    send deploy@2 to w1
    deploy@2 succeeded
    run 2 succeeded
    "#);
}

#[test]
fn an_approval_counts_distinct_people_who_may_decide() {
    let mut plan = Builder::new();
    plan.pipeline(|plan| {
        let author = Value::text("ann");
        plan.event.fields.insert("author".to_owned(), author);
    });
    plan.approve("go", &["team.leads", "eve"], 2)
        .with_approve(|rule| {
            rule.not_author = true;
            rule.expires_ms = Some(60_000);
        });
    plan.job("deploy").order("go");
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan.build());
    wire.decide("go", "ann", &["team.leads"], true);
    wire.decide("go", "mallory", &[], true);
    wire.decide("go", "eve", &[], true);
    wire.decide("go", "eve", &[], true);
    wire.explain("go");
    wire.decide("go", "joe", &["team.leads"], true);
    wire.ok("deploy");
    assert_snapshot!(wire.story(), @r#"
    ? go: waits for 2 approvals by team.leads, eve, not the author; given by eve; expires in 1m
    go succeeded
    send deploy to w1
    deploy succeeded
    run 1 succeeded
    "#);
}

#[test]
fn an_approval_is_refused_or_expires() {
    let mut plan = Builder::new();
    plan.approve("go", &[], 1)
        .with_approve(|rule| rule.expires_ms = Some(60_000));
    plan.job("deploy").order("go");
    let plan = plan.build();
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan);
    wire.decide("go", "eve", &[], false);
    wire.submit(&plan);
    wire.pass(60_000, &[1]);
    assert_snapshot!(wire.story(), @r#"
    go canceled: by eve
    deploy skipped: blocked by go
    run 1 canceled: by eve
    go@2 timed out: after 1m
    deploy@2 skipped: blocked by go
    run 2 failed: 1 job failed
    "#);
}

#[test]
fn a_lost_job_is_tried_elsewhere_only_where_its_retry_says_so() {
    let mut plan = Builder::new();
    plan.job("again").retry(1, &[RetryOn::WorkerLost], 0);
    plan.job("once");
    let mut wire = Wire::new();
    wire.worker(1, &[], 2, 0);
    wire.submit(&plan.build());
    wire.start("again");
    wire.worker(2, &[], 2, 0);
    wire.pass(15_000, &[2]);
    wire.explain("again");
    wire.pass(104_000, &[2]);
    wire.note("its lease has not ended");
    wire.pass(1_000, &[2]);
    wire.note("what comes under an old token changes nothing");
    wire.ok("once");
    wire.ok("again");
    assert_snapshot!(wire.story(), @r#"
    send again to w1
    send once to w1
    ? again: runs on w1
    -- its lease has not ended
    again lost: w1 was not heard of for 2m; again in 0 ms
    once lost: w1 was not heard of for 2m
    send again to w2, attempt 2
    -- what comes under an old token changes nothing
    again succeeded
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn nobody_is_lost_while_the_runner_itself_sleeps() {
    let mut plan = Builder::new();
    plan.job("long");
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan.build());
    wire.start("long");
    wire.note("an hour, of which it was to be woken after 15 seconds");
    wire.sleep(3_600_000);
    wire.pass(104_000, &[]);
    wire.explain("long");
    wire.pass(1_000, &[]);
    assert_snapshot!(wire.story(), @r#"
    send long to w1
    -- an hour, of which it was to be woken after 15 seconds
    ? long: runs on w1
    long lost: w1 was not heard of for 2m
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn a_lost_job_with_a_lock_is_held_until_its_worker_or_a_person_comes() {
    let mut plan = Builder::new();
    plan.job("migrate").lock("db");
    let plan = plan.build();
    let mut wire = Wire::new();
    wire.worker(1, &[], 2, 0);
    wire.submit(&plan);
    wire.start("migrate");
    wire.worker(2, &[], 2, 0);
    wire.pass(120_000, &[2]);
    wire.explain("migrate");
    wire.register(1, &[], 2, 0, &["migrate"]);
    wire.explain("migrate");
    wire.pass(120_000, &[2]);
    wire.decide("migrate", "ann", &[], true);
    wire.ok("migrate");
    assert_snapshot!(wire.story(), @r#"
    send migrate to w1
    ? migrate: held until somebody decides: w1 was not heard of for 2m
    ? migrate: runs on w1
    send migrate to w2, attempt 2
    migrate succeeded
    run 1 succeeded
    "#);
}

#[test]
fn a_worker_that_comes_back_without_what_it_was_sent() {
    let mut plan = Builder::new();
    plan.job("unstarted");
    plan.job("running");
    plan.job("kept");
    let mut wire = Wire::new();
    wire.worker(1, &[], 3, 0);
    wire.submit(&plan.build());
    wire.start("running");
    wire.start("kept");
    wire.register(1, &[], 3, 0, &["kept"]);
    wire.ok("kept");
    wire.ok("unstarted");
    assert_snapshot!(wire.story(), @r#"
    send unstarted to w1
    send running to w1
    send kept to w1
    running lost: w1 came back without it
    send unstarted to w1
    kept succeeded
    unstarted succeeded
    run 1 failed: 1 job failed
    "#);
}

#[test]
fn a_worker_may_hold_more_than_it_runs_until_another_is_idle() {
    let mut plan = Builder::new();
    for name in ["a", "b", "c"] {
        plan.job(name);
    }
    plan.job("locked").lock("db");
    let mut wire = Wire::new();
    wire.worker(1, &[], 1, 3);
    wire.submit(&plan.build());
    wire.start("a");
    wire.note("another worker comes");
    wire.worker(2, &[], 1, 0);
    wire.ok("locked");
    wire.give_back("b");
    wire.note("what is in a slot now can't be asked back");
    wire.ok("a");
    wire.ok("b");
    assert_snapshot!(wire.story(), @r#"
    send a to w1
    send b to w1, to wait there
    send c to w1, to wait there
    -- another worker comes
    send locked to w2
    locked succeeded
    ask b back
    send b to w2
    -- what is in a slot now can't be asked back
    a succeeded
    b succeeded
    "#);
}

#[test]
fn a_drained_worker_gets_nothing_more() {
    let mut plan = Builder::new();
    plan.job("a");
    plan.job("b");
    plan.job("c").needs("a");
    let mut wire = Wire::new();
    wire.worker(1, &[], 1, 1);
    wire.submit(&plan.build());
    wire.start("a");
    let worker = model::ids::WorkerId(1);
    wire.handle(scheduler::Input::Drain {
        worker,
        drain: true,
    });
    wire.give_back("b");
    wire.ok("a");
    wire.explain("c");
    wire.handle(scheduler::Input::Drain {
        worker,
        drain: false,
    });
    assert_snapshot!(wire.story(), @r#"
    send a to w1
    send b to w1, to wait there
    ask b back
    a succeeded
    ? c: every worker that may run it is unavailable: w1 takes no more work
    send b to w1
    send c to w1, to wait there
    "#);
}

#[test]
fn higher_priority_first_then_the_older_one_and_nothing_starves() {
    let mut plan = Builder::new();
    plan.job("busy");
    plan.job("low");
    plan.job("high").priority(1);
    let plan = plan.build();
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan);
    wire.pass(4_000, &[1]);
    wire.submit(&plan);
    wire.explain("low");
    for name in ["high", "high@2", "busy", "low"] {
        wire.ok(name);
    }
    wire.note("low has waited five minutes more: that outweighs one step of priority");
    wire.pass(300_001, &[1]);
    wire.submit(&plan);
    wire.ok("busy@2");
    assert_snapshot!(wire.story(), @r#"
    send high to w1
    ? low: waits for a slot, behind 2 jobs; 1 worker may run it
    high succeeded
    send high@2 to w1
    high@2 succeeded
    send busy to w1
    busy succeeded
    send low to w1
    low succeeded
    run 1 succeeded
    send busy@2 to w1
    -- low has waited five minutes more: that outweighs one step of priority
    busy@2 succeeded
    send low@2 to w1
    "#);
}

#[test]
fn only_what_is_asked_for_and_what_it_needs() {
    let mut plan = Builder::new();
    plan.job("lint");
    plan.job("build");
    plan.job("test").needs("build").order("lint");
    plan.job("deploy").needs("test");
    plan.job("last").phase(Phase::Always);
    let plan = plan.build();
    let mut wire = Wire::with_slots(9);
    let nodes = [named(&plan, "test")].into();
    wire.submit_selected(&plan, Selection::Nodes(nodes));
    wire.ok("build");
    wire.ok("test");
    wire.ok("last");
    assert_snapshot!(wire.story(), @r#"
    lint skipped: not selected
    deploy skipped: not selected
    send build to w1
    build succeeded
    send test to w1
    test succeeded
    send last to w1
    last succeeded
    run 1 succeeded
    "#);
}

#[test]
fn what_was_produced_lies_at_its_place() {
    let mut plan = Builder::new();
    plan.job("compile").produces("out/program");
    plan.job("words")
        .over("lang", &["de", "et"])
        .produces("w.txt");
    plan.job("bad").over("x", &["../up"]).produces("w.txt");
    plan.job("pack").needs("compile").needs("words");
    plan.job("one")
        .needs_element("words", vec![Expr::text("et")])
        .order("compile");
    plan.job("up").needs("bad");
    let mut wire = Wire::with_slots(9);
    wire.submit(&plan.build());
    wire.produces("compile", "m1");
    wire.produces("words[\"de\"]", "m2");
    wire.produces("words[\"et\"]", "m3");
    wire.produces("bad[\"../up\"]", "m4");
    assert_snapshot!(wire.story(), @r#"
    send compile to w1
    send words["de"] to w1
    send words["et"] to w1
    send bad["../up"] to w1
    compile succeeded
    words["de"] succeeded
    words["et"] succeeded
    send pack to w1, m1 of compile in ., m2 of words["de"] in words/de, m3 of words["et"] in words/et
    send one to w1, m3 of words["et"] in words/et
    bad["../up"] succeeded
    up failed: `../up` can't be a folder for what bad["../up"] produced
    "#);
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    let mut plan = Builder::new();
    plan.pipeline(|plan| plan.timeout_ms = Some(10_000));
    plan.job("slow");
    plan.job("last").phase(Phase::Always);
    let mut wire = Wire::with_slots(1);
    wire.submit(&plan.build());
    wire.pass(10_000, &[1]);
    wire.end("slow", Outcome::Canceled { by: "w1".into() }, &[], None);
    wire.ok("last");
    assert_snapshot!(wire.story(), @r#"
    send slow to w1
    stop slow: canceled by the run's timeout
    slow canceled: by the run's timeout
    send last to w1
    last succeeded
    run 1 timed out: after 10s
    "#);
}

#[test]
fn why_no_worker_takes_a_job() {
    let mut plan = Builder::new();
    plan.job("mac").runs_on("macos");
    plan.job("win").runs_on("windows");
    plan.job("db").with_job(|job| {
        let fact = Box::new(Expr::Worker("role".to_owned()));
        let role = Expr::Binary(Operator::Equal, fact, Box::new(Expr::text("db")));
        let label = Expr::HasLabel(Box::new(Expr::text("windows")));
        job.runs_on = Some(Expr::Binary(Operator::And, Box::new(label), Box::new(role)));
        job.runs_on_text = "\"windows\" and worker.role == \"db\"".to_owned();
    });
    let mut wire = Wire::new();
    wire.submit(&plan.build());
    wire.explain("mac");
    wire.worker(1, &["linux"], 1, 0);
    wire.worker(2, &["windows"], 0, 0);
    wire.explain("mac");
    wire.explain("win");
    wire.explain("db");
    assert_snapshot!(wire.story(), @r#"
    ? mac: no worker matches `runs_on = "macos"`
    ? mac: no worker matches `runs_on = "macos"`; the nearest is w1: has no label "macos"
    ? win: every worker that may run it is unavailable: w2 has no slots
    ? db: no worker matches `runs_on = "windows" and worker.role == "db"`; the nearest is w2: has no fact `role`
    "#);
}

//! Lists that change, lie or break off.

use serde_json::json;

use super::{asked_for, count, elements, mirrored, run_all, unlisted};
use crate::support::{Accounts, MirrorDir, Reply, Upstream, program, query};

/// The numbers of the pages that were asked for.
fn pages(upstream: &Upstream) -> Vec<String> {
    let requests =
        upstream.requests_to("/v1/kling/elements").into_iter().filter(|request| request.path.ends_with("elements"));
    requests.map(|request| query(&request)["pageNum"].clone()).collect()
}

#[test]
fn pages_go_on_until_the_total_is_seen_however_small_they_are() {
    let (upstream, accounts, mirror) = mirrored(0);
    accounts.add("a@b.c", elements(&upstream, "u_", 25));
    accounts.cap("a@b.c", 10);
    assert_eq!(count(&run_all(&upstream, &mirror).output().expect(0), "created"), 25);
    assert_eq!(pages(&upstream), ["1", "2", "3"]);
}

#[test]
fn without_a_total_or_with_one_too_high_they_go_on_until_a_page_brings_nothing_new() {
    for total in [json!(null), json!(999), json!(0)] {
        let (upstream, accounts, mirror) = mirrored(0);
        accounts.add("a@b.c", elements(&upstream, "u_", 5));
        accounts.cap("a@b.c", 3);
        accounts.claim("a@b.c", total);
        assert_eq!(count(&run_all(&upstream, &mirror).output().expect(0), "created"), 5);
        assert_eq!(pages(&upstream), ["1", "2", "3"]);
    }
}

#[test]
fn an_element_that_stands_on_two_pages_is_taken_up_once() {
    let (upstream, accounts, mirror) = mirrored(0);
    let mut listed = elements(&upstream, "u_", 4);
    listed.insert(3, listed[0].clone());
    accounts.add("a@b.c", listed);
    accounts.cap("a@b.c", 3);
    let run = run_all(&upstream, &mirror).output().expect(0);
    assert_eq!((run.lines().len(), count(&run, "created")), (4, 4));
}

#[test]
fn an_element_of_two_accounts_is_taken_up_once() {
    let (upstream, accounts, mirror) = mirrored(0);
    let listed = elements(&upstream, "u_", 3);
    accounts.add("a@b.c", listed.clone());
    accounts.add("d@e.f", listed);
    let run = run_all(&upstream, &mirror).arg("--official").output().expect(0);
    assert_eq!((run.lines().len(), run.stderr.contains("warning")), (3, false), "{}", run.stderr);
}

#[test]
fn a_page_that_is_at_fault_is_a_failed_line_and_the_next_ones_go_on() {
    let (upstream, accounts, mirror) = mirrored(0);
    accounts.add("a@b.c", elements(&upstream, "u_", 40));
    accounts.cap("a@b.c", 10);
    accounts.fail("a@b.c", Some(2), Reply::json(500, &json!({"error": "a broken item"})));
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!(count(&run, "created"), 30);
    assert_eq!(unlisted(&run), [("list a@b.c page 2".into(), "a@b.c".into(), "http_500".into())]);
    // Two in a row are the list's fault.
    upstream.forget();
    accounts.fail("a@b.c", Some(3), Reply::ok("<html>"));
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!((count(&run, "unchanged"), unlisted(&run).len(), pages(&upstream).len()), (10, 2, 4));
}

#[test]
fn an_item_that_names_no_element_is_a_failed_line() {
    let (upstream, accounts, mirror) = mirrored(0);
    let mut listed = elements(&upstream, "u_", 3);
    listed.insert(1, json!({"name": "nobody"}));
    accounts.add("a@b.c", listed);
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!(unlisted(&run), [("list a@b.c page 1".into(), "a@b.c".into(), "bad_reply".into())]);
    assert_eq!(count(&run, "created"), 3);
}

#[test]
fn a_list_that_can_not_be_had_is_no_list_of_nothing() {
    for (reply, kind) in [
        (Reply::json(403, &json!({"error": "refused"})), "http_403"),
        (Reply::ok("{\"elementsList\": ["), "truncated"),
        (Reply::json(200, &json!({"error": "no list today"})), "api_error"),
    ] {
        let (upstream, accounts, mirror) = mirrored(2);
        accounts.fail("a@b.c", None, reply);
        let run = run_all(&upstream, &mirror).output().expect(3);
        assert_eq!(unlisted(&run), [("list a@b.c page 1".into(), "a@b.c".into(), kind.into())]);
        assert_eq!((run.lines().len(), asked_for(&upstream).len()), (1, 0));
        // Nobody knows which elements were not taken up.
        run_all(&upstream, &mirror).arg("--partial-ok").output().expect(3);
    }
}

#[test]
fn where_no_list_can_be_had_at_all_the_run_could_not_be_done() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let accounts = Accounts::of(&upstream);
    let none = run_all(&upstream, &mirror).output().expect(1);
    assert!(none.stderr.contains("no Kling account"), "{}", none.stderr);
    upstream.script("/v1/kling/accounts", |_| Reply::json(503, &json!({"error": "down"})));
    let down = run_all(&upstream, &mirror).output().expect(1);
    assert!(down.stderr.contains("which accounts there are") && down.stderr.contains("down"), "{}", down.stderr);
    accounts.fail("a@b.c", None, Reply::json(503, &json!({"error": "down"})));
    let down = run_all(&upstream, &mirror).args(["--email", "a@b.c"]).output().expect(1);
    assert!(down.stderr.contains("can't be reached"), "{}", down.stderr);
    for (status, words) in [(401, "refuses the token"), (402, "refuses the subscription")] {
        upstream.script("/v1/kling/accounts", move |_| Reply::json(status, &json!({"error": "no"})));
        let refused = run_all(&upstream, &mirror).output().expect(4);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        accounts.fail("a@b.c", None, Reply::json(status, &json!({"error": "no"})));
        let refused = run_all(&upstream, &mirror).args(["--email", "a@b.c"]).output().expect(4);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[test]
fn one_list_that_can_be_had_is_enough_for_the_others_to_fail_alone() {
    let (upstream, accounts, mirror) = mirrored(0);
    // It shows nothing, but it was had.
    accounts.add("a@b.c", []);
    accounts.fail("d@e.f", None, Reply::json(503, &json!({"error": "down"})));
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!(unlisted(&run), [("list d@e.f page 1".into(), "d@e.f".into(), "http_503".into())]);
    assert_eq!(run.lines()[0]["attempts"], 2);
    // Nor do five that are down break off the sixth, which comes late.
    for number in 0..5 {
        accounts.fail(&format!("{number}@e.f"), None, Reply::json(503, &json!({"error": "down"})));
    }
    accounts.add("a@b.c", elements(&upstream, "u_", 3));
    let busy = Reply::json(429, &json!({"error": "busy"})).header("retry-after", "2");
    accounts.fail_once("a@b.c", busy);
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!((count(&run, "created"), unlisted(&run).len()), (3, 6));
}

#[test]
fn a_page_whose_elements_are_all_done_is_one_that_was_had() {
    let (upstream, accounts, mirror) = mirrored(0);
    accounts.add("a@b.c", elements(&upstream, "u_", 6));
    accounts.cap("a@b.c", 2);
    let first = run_all(&upstream, &mirror).output().expect(0);
    let done = mirror.put("done.ndjson", &first.stdout);
    accounts.fail("a@b.c", Some(2), Reply::json(500, &json!({"error": "down"})));
    let run = run_all(&upstream, &mirror).arg("--skip-done").arg(done).output().expect(3);
    assert_eq!((run.lines().len(), unlisted(&run)[0].0.as_str()), (1, "list a@b.c page 2"));
    assert!(pages(&upstream).contains(&"3".to_owned()));
}

#[test]
fn a_page_that_is_no_list_is_a_failed_line() {
    let (upstream, accounts, mirror) = mirrored(0);
    accounts.add("a@b.c", elements(&upstream, "u_", 6));
    accounts.cap("a@b.c", 2);
    accounts.fail("a@b.c", Some(2), Reply::json(200, &json!({"elements": [], "total": 6})));
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!(unlisted(&run), [("list a@b.c page 2".into(), "a@b.c".into(), "bad_reply".into())]);
    assert_eq!(count(&run, "created"), 4);
}

#[test]
fn a_total_that_is_less_than_what_is_shown_says_nothing() {
    let (upstream, accounts, mirror) = mirrored(0);
    accounts.add("a@b.c", elements(&upstream, "u_", 6));
    accounts.cap("a@b.c", 4);
    accounts.claim("a@b.c", json!(1));
    assert_eq!(count(&run_all(&upstream, &mirror).output().expect(0), "created"), 6);
}

#[test]
fn an_account_that_shows_nothing_is_warned_about() {
    let (upstream, accounts, mirror) = mirrored(3);
    accounts.add("a@b.c", []);
    let run = run_all(&upstream, &mirror).output().expect(0);
    assert!(run.stderr.contains("a@b.c: its list shows no elements"), "{}", run.stderr);
}

#[test]
fn accounts_that_can_not_be_told_are_no_accounts_that_are_not_there() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    for (body, words) in [
        (json!({"error": "session expired", "code": 401}), "session expired"),
        (json!({"message": "gateway"}), "names no account"),
        (json!([]), "no JSON object"),
    ] {
        upstream.on("/v1/kling/accounts", [Reply::json(200, &body)]);
        let run = run_all(&upstream, &mirror).output().expect(1);
        assert!(run.stderr.contains(words) && !run.stderr.contains("connect one"), "{}", run.stderr);
    }
}

#[test]
fn a_page_of_bad_items_ends_no_list() {
    let (upstream, accounts, mirror) = mirrored(0);
    let mut listed = elements(&upstream, "u_", 4);
    listed.insert(2, json!({"name": "nobody"}));
    listed.insert(3, json!({"name": "nobody"}));
    accounts.add("a@b.c", listed);
    accounts.cap("a@b.c", 2);
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!((count(&run, "created"), unlisted(&run).len()), (4, 2));
    // Of two shards the first one tells it.
    run_all(&upstream, &mirror).args(["--shard", "2/2"]).output().expect(0);
}

#[test]
fn a_list_that_shows_less_than_it_says_is_warned_about() {
    let (upstream, accounts, mirror) = mirrored(0);
    accounts.add("a@b.c", elements(&upstream, "u_", 3));
    accounts.claim("a@b.c", json!(250));
    let run = run_all(&upstream, &mirror).output().expect(0);
    assert!(run.stderr.contains("a@b.c: its list shows 3 of the 250 elements"), "{}", run.stderr);
}

#[test]
fn the_systems_elements_are_always_those_of_the_first_account() {
    let (upstream, accounts, mirror) = mirrored(0);
    let listed = elements(&upstream, "u_", 5);
    accounts.add("a@b.c", listed.clone());
    accounts.add("d@e.f", listed);
    // The first one is the slower one.
    let busy = Reply::json(429, &json!({"error": "busy"})).header("retry-after", "1");
    accounts.fail_once("a@b.c", busy);
    let run = run_all(&upstream, &mirror).arg("--official").output().expect(0);
    assert!(run.lines().iter().all(|line| line["email"] == "a@b.c"), "{}", run.stdout);
}

#[test]
fn the_list_is_asked_for_as_the_filters_say() {
    let (upstream, accounts, mirror) = mirrored(1);
    let asked = |args: &[&str]| {
        upstream.forget();
        run_all(&upstream, &mirror).args(args).output().expect(0);
        let mut query = query(&upstream.requests_to("/v1/kling/elements")[0]);
        for name in ["email", "pageNum", "pageSize", "sortDirection"] {
            query.remove(name).unwrap();
        }
        let mut left: Vec<_> = query.into_iter().collect();
        left.sort();
        left.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    };
    assert_eq!(asked(&[]), "");
    assert_eq!(asked(&["--tag", "o 1"]), "tag=o 1");
    assert_eq!(asked(&["--favored"]), "favored=true");
    assert_eq!(asked(&["--official", "--favored", "--tag", "7"]), "favored=true&official=true&tag=7");
    accounts.add("a@b.c", []);
    let refused = program().run(&upstream, &mirror.path()).args(["--id", "u_0", "--favored"]).output().expect(2);
    assert!(refused.stderr.contains("--all"), "{}", refused.stderr);
}

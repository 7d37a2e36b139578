//! The API says no: to the run, to an account, to an element.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Reply, TOKEN, Upstream, program};

fn ids(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("u_{number}")).collect()
}

#[rstest]
#[case(401, json!({"error": "Unauthorized", "code": 401}), "Unauthorized")]
#[case(402, json!({"error": {"message": "Subscription required", "status": 402}}), "Subscription required")]
fn a_refused_token_or_subscription_ends_the_run_at_once(
    #[case] status: u16,
    #[case] body: serde_json::Value,
    #[case] words: &str,
) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ids(400) {
        upstream.on_element(&id, [Reply::json(status, &body)]);
    }
    // All elements are taken up, and wait for their turn to ask.
    let program = program().run(&upstream, &mirror.path()).args(["-j", "400", "--api-concurrency", "4"]);
    let run = program.ids(ids(400)).report().expect(4);
    // Those in flight, and no further one.
    assert!(upstream.requests().len() <= 4, "{} requests", upstream.requests().len());
    let kinds: Vec<String> =
        run.lines().iter().map(|line| line["error"]["kind"].as_str().unwrap().to_owned()).collect();
    assert!(kinds.contains(&format!("http_{status}")), "{kinds:?}");
    assert!(kinds.len() <= 4, "those that waited were not taken up: {} lines", kinds.len());
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(mirror.ids(), Vec::<String>::new());
}

#[rstest]
#[case(401)]
#[case(402)]
fn a_refusal_is_heard_wherever_it_comes(#[case] status: u16) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let refusal = || Reply::json(status, &json!({"error": "Refused by the test"}));
    // When an element is asked for once more, for fresh links.
    let told = upstream.add("u_1", 2);
    upstream.on_element("u_1", [Reply::json(200, &told), refusal()]);
    upstream.on("/cdn/u_1/1.png", [Reply::new(403, "expired")]);
    // When the accounts are asked for.
    upstream.on_element("u_2", [Reply::json(400, &json!({"error": "email is required"}))]);
    upstream.on("/v1/kling/accounts", [refusal()]);
    for id in ["u_1", "u_2"] {
        let run = program().run(&upstream, &mirror.path()).ids([id]).report().expect(4);
        assert_eq!(run.error_kind(id), format!("http_{status}"));
        assert!(run.stderr.contains("Refused by the test"), "{}", run.stderr);
    }
    assert_eq!(mirror.ids(), Vec::<String>::new());
    mirror.check();
}

#[rstest]
#[case(400)]
#[case(403)]
fn a_refused_element_fails_at_once_with_the_words_of_the_api(#[case] status: u16) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_2", 1);
    upstream.on_element("u_1", [Reply::json(status, &json!({"error": "no\u{1b}[2Jt \r\n this\u{202e} one"}))]);
    let program = program().run(&upstream, &mirror.path()).args(["--email", "someone@example.com"]);
    let run = program.ids(["u_1", "u_2"]).report().expect(3);
    assert_eq!(run.error_kind("u_1"), format!("http_{status}"));
    let message = run.line("u_1")["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with("no [2Jt this one"), "{message:?}");
    assert_eq!(upstream.requests_to("/v1/kling/elements/u_1").len(), 1);
    assert_eq!(run.status("u_2"), "created");
    mirror.check();
}

#[test]
fn an_error_that_is_a_page_or_an_object_is_told_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_ok", 1);
    upstream.on_element("u_1", [Reply::new(403, "<html>\u{7}Forbidden\nby the gateway</html>")]);
    upstream.on_element("u_2", [Reply::json(403, &json!({"error": {"status": 7, "message": "not yours"}}))]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2", "u_ok"]).report().expect(3);
    let message = |id: &str| run.line(id)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message("u_1").contains("<html> Forbidden by the gateway</html>"), "{}", message("u_1"));
    assert!(message("u_2").ends_with(": not yours"), "{}", message("u_2"));
}

#[test]
fn where_there_is_one_account_a_400_is_the_elements_own() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_2", 1);
    upstream.on_element("u_1", [Reply::json(400, &json!({"error": "bad parameter"}))]);
    upstream.on("/v1/kling/accounts", [Reply::json(200, &json!({"a@example.org": {}}))]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).report().expect(3);
    assert_eq!((run.error_kind("u_1").as_str(), run.status("u_2").as_str()), ("http_400", "created"));
}

/// An API that repeats the token; also across the place where what it says is cut.
#[rstest]
#[case(596)]
#[case(401)]
#[case(403)]
#[case(429)]
#[case(200)]
fn a_token_that_the_api_repeats_is_shown_to_nobody(#[case] status: u16, #[values(0, 70, 190)] before: usize) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let said = format!("{}{TOKEN} is no good", "x".repeat(before));
    let ids = ids(9);
    for (n, id) in ids.iter().enumerate() {
        let body = if n % 2 == 0 { json!({"error": said}).to_string() } else { said.clone() };
        // Its pause is over at once, so that six of them end the account.
        let reply = Reply::new(status, body).header("retry-after", "0");
        upstream.on_element(id, [Reply::new(503, said.as_str()), reply]);
    }
    let options = ["-v", "--log-format", "json", "--retries", "2", "--api-concurrency", "9"];
    let run = program().run(&upstream, &mirror.path()).ids(&ids).args(options).report();
    for said in [&run.stdout, &run.stderr] {
        assert!(!said.contains("user:1234") && !said.contains("secret"), "{said}");
    }
    assert!(run.stderr.contains("[token]"), "{}", run.stderr);
}

#[test]
fn whether_there_are_several_accounts_is_asked_until_it_is_known() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ids(2) {
        upstream.on_element(&id, [Reply::json(400, &json!({"error": "email is required"}))]);
    }
    let accounts = Reply::json(200, &json!({"a@example.org": {}, "b@example.org": {}}));
    // Once with its one try more in vain.
    upstream.on("/v1/kling/accounts", [Reply::new(503, ""), Reply::new(503, ""), accounts]);
    let run = program().run(&upstream, &mirror.path()).ids(ids(2)).report().expect(2);
    assert!(run.stderr.contains("a@example.org, b@example.org"), "{}", run.stderr);
}

#[test]
fn while_it_is_asked_which_accounts_there_are_the_others_wait() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids = ids(300);
    for id in &ids {
        upstream.on_element(id, [Reply::json(400, &json!({"error": "email is required"}))]);
    }
    let accounts = Reply::json(200, &json!({"a@example.org": {}, "b@example.org": {}}));
    upstream.on("/v1/kling/accounts", [accounts.after(Duration::from_secs(1))]);
    let run = program().run(&upstream, &mirror.path()).ids(&ids).report().expect(2);
    assert!(run.stderr.contains("a@example.org, b@example.org"), "{}", run.stderr);
    // Those that were in flight when the first was refused, and some more before that was heard of.
    let asked = upstream.requests_to("/v1/kling/elements/").len();
    assert!(asked < 100, "{asked} elements were asked for");
    assert_eq!(run.lines().len(), asked, "and no other has a line");
}

#[rstest]
#[case(404)]
#[case(410)]
fn an_element_that_was_never_there_is_not_found(#[case] status: u16) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_2", 1);
    upstream.on_element("u_1", [Reply::json(status, &json!({"error": "no such element"}))]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).report().expect(3);
    let line = run.line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("failed"), &json!("none")));
    assert_eq!(run.error_kind("u_1"), "not_found");
    assert!(line["error"]["message"].as_str().unwrap().ends_with("is it the right ID and account?"), "{line}");
    assert_eq!(upstream.requests_to("/v1/kling/elements/u_1").len(), 1, "not tried again");
    assert!(!mirror.has(".element-mirror/gone/u_1"));
}

#[test]
fn where_none_of_the_ids_is_known_the_account_is_doubted() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = program().run(&upstream, &mirror.path()).ids(ids(7)).report().expect(3);
    assert!(run.lines().iter().all(|line| line["error"]["kind"] == "not_found"), "{}", run.stdout);
    assert!(run.stderr.contains("is it the right ID and account?"), "{}", run.stderr);
    assert_eq!(upstream.requests().len(), 7, "that is an answer: all are asked for");
}

#[test]
fn one_that_the_mirror_holds_is_gone_by_410_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(0);
    upstream.on_element("u_1", [Reply::json(410, &json!({"error": "expired"}))]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).report().expect(0);
    assert_eq!(run.status("u_1"), "gone");
    assert_eq!(mirror.ids(), ["u_1", "u_2"], "its folder stays");
    mirror.check();
}

#[test]
fn if_all_are_gone_the_account_is_doubted_and_nothing_is_noted() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ids(3) {
        upstream.add(&id, 1);
    }
    program().run(&upstream, &mirror.path()).ids(ids(3)).output().expect(0);
    for id in ids(3) {
        upstream.on_element(&id, [Reply::json(404, &json!({"error": "not found"}))]);
    }
    let run = program().run(&upstream, &mirror.path()).ids(ids(3)).report().expect(3);
    assert!(run.lines().iter().all(|line| line["status"] == "gone"));
    assert!(run.stderr.contains("is it the right account?"), "{}", run.stderr);
    assert_eq!(mirror.names(".element-mirror/gone"), Vec::<String>::new());
    mirror.check();
}

#[test]
fn more_than_five_and_more_than_a_tenth_gone_are_suspicious() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ids(20) {
        upstream.add(&id, 1);
    }
    program().run(&upstream, &mirror.path()).ids(ids(20)).output().expect(0);
    for id in ids(6) {
        upstream.on_element(&id, [Reply::json(404, &json!({"error": "not found"}))]);
    }
    program().run(&upstream, &mirror.path()).ids(ids(20)).output().expect(3);
    assert_eq!(mirror.names(".element-mirror/gone"), Vec::<String>::new());
    upstream.add("u_6", 1);
    program().run(&upstream, &mirror.path()).ids(ids(20)).output().expect(0);
    assert_eq!(mirror.names(".element-mirror/gone"), ids(5));
}

#[test]
fn a_broken_account_is_asked_no_more_and_the_others_go_on() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut list = String::new();
    for id in ids(10) {
        upstream.on_element(&id, [Reply::json(596, &json!({"error": "session expired"}))]);
        list.push_str(&format!("{id},broken@example.org\n"));
    }
    for id in ["u_good1", "u_good2"] {
        upstream.add(id, 1);
        list.push_str(&format!("{id} good@example.org\n"));
    }
    let program = program().run(&upstream, &mirror.path()).args(["--api-concurrency", "1", "--report", "-", "-"]);
    let run = program.output_with(&list).expect(3);
    let asked: Vec<_> = upstream.requests().into_iter().filter(|request| request.query.contains("broken")).collect();
    assert_eq!(asked.len(), 1, "its other elements are not asked for");
    for id in ids(10) {
        assert_eq!(run.error_kind(&id), "account_broken");
        assert_eq!(run.line(&id)["email"], "broken@example.org");
    }
    assert_eq!((run.status("u_good1"), run.status("u_good2")), ("created".into(), "created".into()));
    assert!(run.stderr.contains("session expired"), "{}", run.stderr);
    mirror.check();
}

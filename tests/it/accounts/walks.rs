//! Walks through the lists of one account or several.

use std::time::Duration;

use serde_json::json;

use super::{asked_for, count, elements, mirrored, run_all, unlisted};
use crate::support::{Accounts, MirrorDir, Reply, SECRET, Upstream, query};

#[test]
fn every_account_is_mirrored_and_a_broken_one_fails_alone() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let accounts = Accounts::of(&upstream);
    accounts.add("a@b.c", elements(&upstream, "a_", 250));
    accounts.add("d@e.f", elements(&upstream, "d_", 40));
    accounts.add("g@h.i", elements(&upstream, "g_", 1));
    accounts.fail("g@h.i", None, Reply::json(596, &json!({"error": "session expired"})));
    let first = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!(count(&first, "created"), 290);
    let broken = ("list g@h.i page 1".to_owned(), "g@h.i".to_owned(), "account_broken".to_owned());
    assert_eq!(unlisted(&first), std::slice::from_ref(&broken));
    assert_eq!(first.line("d_7")["email"], "d@e.f");
    assert!(!(first.stdout.clone() + &first.stderr).contains(SECRET));
    assert!(first.stderr.contains("g@h.i") && first.stderr.contains("session expired"), "{}", first.stderr);
    upstream.forget();
    let again = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!((count(&again, "unchanged"), unlisted(&again)), (290, vec![broken]));
    // The accounts, three pages, one page, and one that says no.
    assert_eq!(upstream.requests().len(), 6, "{:?}", upstream.requests());
    assert_eq!(again.line("a_3")["attempts"], 0);
    mirror.check();
}

#[test]
fn an_account_that_is_named_is_the_only_one_and_the_others_are_not_asked_after() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let accounts = Accounts::of(&upstream);
    accounts.add("a@b.c", elements(&upstream, "a_", 2));
    accounts.add("d@e.f", elements(&upstream, "d_", 2));
    let run = run_all(&upstream, &mirror).args(["--email", "d@e.f"]).output().expect(0);
    assert_eq!(count(&run, "created"), 2);
    assert_eq!(run.line("d_0")["email"], "d@e.f");
    assert_eq!(upstream.requests_to("/v1/kling/accounts").len(), 0);
    let emails = upstream.requests_to("/v1/kling/elements").into_iter().map(|request| query(&request)["email"].clone());
    assert!(emails.into_iter().all(|email| email == "d@e.f"));
}

#[test]
fn what_changed_is_asked_for_and_nothing_else() {
    let (upstream, accounts, mirror) = mirrored(5);
    let mut changed = upstream.add("u_1", 2);
    changed["updateTime"] = json!(1_736_640_000_999_i64);
    upstream.tell("u_1", &changed);
    // The list says less than there is: the element may have lost it.
    let mut less = upstream.add("u_2", 1);
    less["resources"] = json!([]);
    less["cover"] = json!(null);
    let mut renamed = upstream.add("u_3", 1);
    renamed["name"] = json!("Another name");
    upstream.tell("u_3", &renamed);
    accounts.edit("a@b.c", |elements| {
        (elements[1], elements[2], elements[3]) = (changed, less, renamed);
    });
    let run = run_all(&upstream, &mirror).output().expect(0);
    let mut asked = asked_for(&upstream);
    asked.sort();
    assert_eq!(asked, ["u_1", "u_2", "u_3"]);
    let status = |id| run.status(id);
    assert_eq!(
        ["u_0", "u_1", "u_2", "u_3", "u_4"].map(status).join(" "),
        "unchanged updated unchanged updated unchanged"
    );
    mirror.check();
}

#[test]
fn a_description_that_went_away_is_noticed() {
    let (upstream, accounts, mirror) = mirrored(2);
    let mut plain = upstream.add("u_0", 1);
    plain["description"] = json!(null);
    upstream.tell("u_0", &plain);
    accounts.edit("a@b.c", |elements| elements[0] = plain);
    assert_eq!(run_all(&upstream, &mirror).output().expect(0).status("u_0"), "updated");
    upstream.forget();
    assert_eq!(count(&run_all(&upstream, &mirror).output().expect(0), "unchanged"), 2);
    assert_eq!(asked_for(&upstream), [""; 0]);
}

#[test]
fn the_earlier_shape_of_a_list_shows_what_stands_too() {
    let (upstream, accounts, mirror) = mirrored(0);
    let told = upstream.add("u_1", 3);
    let link = |number: usize| format!("{}?signed=anew", told["resources"][number]["resource"].as_str().unwrap());
    let tag = json!({"id": 7, "tagKey": "people", "tagDesc": "People"});
    accounts.add(
        "a@b.c",
        [json!({
            "id": "u_1", "name": told["name"], "coverImage": link(0), "imageResources": [link(1), link(2)], "tag": tag,
            "currentVersion": 1, "updateTime": told["updateTime"],
        })],
    );
    assert_eq!(count(&run_all(&upstream, &mirror).output().expect(0), "created"), 1);
    assert_eq!(mirror.manifest("u_1")["assets"][1]["slot"], "side");
    upstream.forget();
    assert_eq!(count(&run_all(&upstream, &mirror).output().expect(0), "unchanged"), 1);
    assert_eq!(asked_for(&upstream), [""; 0]);
}

#[test]
fn what_a_list_shows_as_it_stands_is_asked_for_where_it_is_damaged_or_to_be_refreshed() {
    let (upstream, _accounts, mirror) = mirrored(3);
    mirror.write("u_1/cover.png", "edited");
    let run = run_all(&upstream, &mirror).output().expect(0);
    assert_eq!((asked_for(&upstream), run.status("u_1").as_str()), (vec!["u_1".to_owned()], "updated"));
    mirror.check();
    upstream.forget();
    run_all(&upstream, &mirror).arg("--refresh").output().expect(0);
    assert_eq!((asked_for(&upstream).len(), upstream.cdn_requests().len()), (3, 3));
}

#[test]
fn lists_of_ids_come_first_and_each_element_is_taken_up_once() {
    let (upstream, _accounts, mirror) = mirrored(3);
    upstream.add("other", 1);
    let run = run_all(&upstream, &mirror).args(["--id", "u_1,other"]).output().expect(0);
    assert_eq!(run.lines().len(), 4);
    assert_eq!((run.status("other").as_str(), run.status("u_1").as_str()), ("created", "unchanged"));
    let mut asked = asked_for(&upstream);
    asked.sort();
    assert_eq!(asked, ["other", "u_1"]);
}

#[test]
fn an_account_that_has_to_wait_holds_up_no_other() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let accounts = Accounts::of(&upstream);
    accounts.add("a@b.c", elements(&upstream, "a_", 2));
    accounts.add("d@e.f", elements(&upstream, "d_", 40));
    let busy = Reply::json(429, &json!({"error": "busy"})).header("retry-after", "3");
    accounts.fail("a@b.c", Some(1), busy);
    let mut running = run_all(&upstream, &mirror).spawn();
    for _ in 0..40 {
        assert!(running.read_line().contains("\"email\":\"d@e.f\""));
    }
    let of_a =
        upstream.requests_to("/v1/kling/elements").into_iter().filter(|request| request.query.contains("a%40b.c"));
    assert_eq!(of_a.count(), 1, "the others were done before the pause ended");
    running.signal("TERM");
    running.end_within(Duration::from_secs(2)).expect(143);
}

#[test]
fn a_dry_run_of_all_says_what_would_be_done_and_writes_nothing() {
    let (upstream, accounts, mirror) = mirrored(2);
    let before = mirror.all_files();
    let new = upstream.add("new", 1);
    accounts.edit("a@b.c", |elements| elements.push(new));
    let dry = run_all(&upstream, &mirror).arg("--dry-run").output().expect(0);
    assert_eq!((count(&dry, "unchanged"), dry.status("new").as_str()), (2, "would_create"));
    assert_eq!(mirror.all_files(), before);
}

#[test]
fn shards_of_all_are_all_and_call_nothing_gone_that_is_anothers() {
    let (upstream, accounts, mirror) = mirrored(0);
    accounts.add("a@b.c", elements(&upstream, "u_", 20));
    let mut created = 0;
    for part in 1..=4 {
        let run = run_all(&upstream, &mirror).args(["--shard", &format!("{part}/4")]).output().expect(0);
        assert_eq!(count(&run, "created"), run.lines().len());
        created += run.lines().len();
    }
    assert_eq!((created, mirror.ids().len()), (20, 20));
    // Of those that no list names any more each shard has its own.
    upstream.on_element("u_5", [Reply::json(404, &json!({"error": "no"}))]);
    accounts.edit("a@b.c", |elements| _ = elements.remove(5));
    let runs =
        (1..=4).map(|part| run_all(&upstream, &mirror).args(["--shard", &format!("{part}/4")]).output().expect(0));
    let gone: Vec<usize> = runs.map(|run| count(&run, "gone")).collect();
    assert_eq!(gone.iter().sum::<usize>(), 1, "{gone:?}");
}

//! `list`.

use std::time::Duration;

use serde_json::{Value, json};

use super::elements;
use crate::support::{Accounts, MirrorDir, Program, Reply, SECRET, Upstream, program, query};

fn list(upstream: &Upstream) -> Program {
    program().env("ELEMENT_MIRROR_RETRIES", "1").args(["list", "--api-base", &upstream.api()])
}

fn two_accounts() -> (Upstream, Accounts) {
    let upstream = Upstream::start();
    let accounts = Accounts::of(&upstream);
    accounts.add("a@b.c", elements(&upstream, "a_", 101));
    accounts.add("d@e.f", elements(&upstream, "d_", 2));
    (upstream, accounts)
}

#[test]
fn ids_come_one_a_line_and_with_the_email_where_there_are_several_accounts() {
    let (upstream, _accounts) = two_accounts();
    let one = list(&upstream).args(["--email", "d@e.f"]).output().expect(0);
    assert_eq!((one.stdout.as_str(), one.stderr.as_str()), ("d_0\nd_1\n", ""));
    let both = list(&upstream).output().expect(0);
    assert_eq!(both.stdout.lines().count(), 103);
    assert!(both.stdout.starts_with("a_0\ta@b.c\na_1\ta@b.c\n") && both.stdout.ends_with("d_1\td@e.f\n"));
    assert!(!(both.stdout + &both.stderr).contains(SECRET));
    let shards: usize = (1..=3)
        .map(|part| list(&upstream).args(["--shard", &format!("{part}/3")]).output().expect(0).stdout.lines().count())
        .sum();
    assert_eq!(shards, 103);
}

#[test]
fn an_email_that_is_none_of_the_tokens_is_told_with_those_that_are() {
    let (upstream, _accounts) = two_accounts();
    let said = list(&upstream).args(["--email", "x@y.z"]).output().expect(3).stderr;
    assert!(said.contains("the token has no account x@y.z, but a@b.c, d@e.f"), "{said}");
}

#[test]
fn an_item_that_names_no_element_is_said_by_the_first_shard() {
    let (upstream, accounts) = two_accounts();
    accounts.edit("d@e.f", |elements| elements.push(json!({"name": "nobody"})));
    let said = list(&upstream).args(["--shard", "1/2"]).output().expect(3);
    assert!(said.stderr.contains("list d@e.f page 1") && said.stderr.contains("no id"), "{}", said.stderr);
    assert_eq!(list(&upstream).args(["--shard", "2/2"]).output().expect(0).stderr, "");
}

#[test]
fn a_list_that_shows_less_than_it_says_is_warned_about() {
    let (upstream, accounts) = two_accounts();
    accounts.claim("d@e.f", json!(7));
    let said = list(&upstream).output().expect(0);
    assert!(said.stderr.contains("d@e.f: its list shows 2 of the 7 elements"), "{}", said.stderr);
}

#[test]
fn an_account_whose_name_is_no_email_is_none() {
    let (upstream, accounts) = two_accounts();
    accounts.add("x@y.z\nu_evil", elements(&upstream, "x_", 1));
    accounts.add("nobody", elements(&upstream, "n_", 1));
    assert_eq!(list(&upstream).output().expect(0).stdout.lines().count(), 103);
}

#[test]
fn json_is_what_a_manifest_says_of_the_element_and_the_email_and_is_an_id_list() {
    let (upstream, _accounts) = two_accounts();
    let listed = list(&upstream).arg("--json").output().expect(0);
    let mirror = MirrorDir::in_memory();
    program().run(&upstream, &mirror.path()).arg("-").output_with(&listed.stdout).expect(0);
    assert_eq!(mirror.ids().len(), 103);
    let lines: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut expected = mirror.manifest("d_1")["element"].clone();
    expected["email"] = json!("d@e.f");
    assert_eq!(lines[102], expected);
    let asked = upstream.requests_to("/v1/kling/elements/d_1");
    assert_eq!(query(&asked[0])["email"], "d@e.f");
}

#[test]
fn the_lists_that_can_be_had_are_listed_and_it_is_said_which_can_not() {
    let (upstream, accounts) = two_accounts();
    accounts.fail("a@b.c", None, Reply::json(596, &json!({"error": "session expired"})));
    let listed = list(&upstream).output().expect(3);
    assert_eq!(listed.stdout, "d_0\td@e.f\nd_1\td@e.f\n");
    assert!(
        listed.stderr.contains("list a@b.c page 1") && listed.stderr.contains("session expired"),
        "{}",
        listed.stderr
    );
    let log = list(&upstream).args(["--log-format", "json"]).output().expect(3).log();
    assert!(log.len() == 1 && log[0]["message"].as_str().unwrap().contains("a@b.c"), "{log:?}");
}

#[test]
fn a_refused_token_a_missing_one_and_an_api_that_is_down_each_have_their_code() {
    let (upstream, _accounts) = two_accounts();
    upstream.script("/v1/kling/elements", |_| Reply::json(401, &json!({"error": "Unauthorized"})));
    let refused = list(&upstream).output().expect(4);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("refuses the token"), "{}", refused.stderr);
    upstream.script("/v1/kling/elements", |_| Reply::new(503, "down"));
    assert!(list(&upstream).output().expect(1).stderr.contains("can't be reached"));
    list(&upstream).env_remove("USEAPI_TOKEN").output().expect(2);
    // As filters are for a run without --all, IDs are for no list.
    list(&upstream).args(["--id", "u_1"]).output().expect(2);
}

#[test]
fn a_page_comes_in_one_write_so_that_a_reader_of_its_first_lines_breaks_no_pipe() {
    let (upstream, _accounts) = two_accounts();
    // A pipe that keeps apart what was not written at once.
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::DIRECT).unwrap();
    let listing = std::thread::spawn(move || list(&upstream).output_through(std::process::Stdio::null(), writer));
    let mut packet = [0; 4096];
    let lines: Vec<usize> = std::iter::from_fn(|| {
        let length = rustix::io::read(&reader, &mut packet).unwrap();
        (length > 0).then(|| String::from_utf8_lossy(&packet[..length]).lines().count())
    })
    .collect();
    assert_eq!(lines, [100, 1, 2]);
    listing.join().unwrap().expect(0);
}

#[test]
fn a_reader_that_has_had_enough_ends_it_quietly_and_a_signal_at_once() {
    let (upstream, accounts) = two_accounts();
    accounts.add("x@y.z", elements(&upstream, "x_", 1));
    let page = Reply::hang();
    accounts.fail("x@y.z", None, page);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = list(&upstream).output_through(std::process::Stdio::null(), writer).expect(141);
    assert_eq!(closed.stderr, "");
    let running = list(&upstream).spawn();
    upstream.wait_for("/v1/kling/elements", 3);
    running.signal("TERM");
    running.end_within(Duration::from_secs(2)).expect(143);
}

//! Several runs on one prefix at the same time: both end well, and every manifest is whole.

use std::time::Duration;

use rstest::rstest;

use super::{cover, mirrored, scene, turn};
use crate::support::{Bucket, Op, Program, Upstream};

const PATIENCE: Duration = Duration::from_secs(90);

/// An upstream with so many elements, as they are in this turn.
fn upstream_of(ids: &[String], number: u8) -> Upstream {
    let upstream = Upstream::start();
    ids.iter().for_each(|id| turn(&upstream, id, number));
    upstream
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("u_{number}")).collect()
}

/// Runs them all at once; gives how many elements had each status.
fn run_at_once(programs: impl IntoIterator<Item = Program>) -> Vec<Vec<String>> {
    let running: Vec<_> = programs.into_iter().map(|program| program.args(["--report", "-"]).spawn()).collect();
    let outcomes = running.into_iter().map(|running| running.end_within(PATIENCE).expect(0));
    let status = |line: serde_json::Value| line["status"].as_str().unwrap().to_owned();
    outcomes.map(|outcome| outcome.lines().into_iter().map(status).collect()).collect()
}

#[test]
fn runs_of_the_same_elements_end_well_turn_after_turn() {
    let (ids, bucket) = (ids(20), Bucket::start());
    for number in 0..4 {
        let upstream = upstream_of(&ids, number);
        let all = run_at_once((0..3).map(|_| bucket.run(&upstream).ids(&ids)));
        let well = ["created", "updated", "unchanged"];
        assert!(all.iter().flatten().all(|status| well.contains(&status.as_str())), "{all:?}");
        // Whoever was overtaken found what it wanted to put. (Of two that made it in the same millisecond, both did.)
        let puts = bucket.seen(Op::Put, "u_*/manifest.json").into_iter();
        assert_eq!(puts.filter(|seen| seen.status == Some(200)).count(), ids.len(), "{}", bucket.shown());
        bucket.forget();
    }
    assert!(ids.iter().all(|id| bucket.history(id).len() == 3), "{:?}", bucket.history("u_0"));
    bucket.check();
}

#[test]
fn two_runs_that_are_told_different_things_end_well_and_lose_no_version_that_stood() {
    let (ids, bucket) = (ids(20), Bucket::start());
    let upstreams: Vec<Upstream> = (0..2).map(|number| upstream_of(&ids, number)).collect();
    run_at_once(upstreams.iter().map(|upstream| bucket.run(upstream).ids(&ids)));
    for id in &ids {
        // Each run's version stood once, or was overtaken before it did.
        let covers = bucket.keys_like(&format!("{id}/cover.*")).len();
        let puts = bucket.seen(Op::Put, &format!("{id}/manifest.json"));
        let stood = puts.iter().filter(|seen| seen.status == Some(200)).count();
        assert_eq!((covers, bucket.history(id).len()), (2, stood - 1), "{id}");
    }
    bucket.check_but_litter();
}

#[test]
fn eight_shards_at_once_do_each_element_once() {
    let (ids, bucket) = (ids(48), Bucket::start());
    let upstream = upstream_of(&ids, 0);
    let shards = (1..=8).map(|shard| bucket.run(&upstream).ids(&ids).arg(format!("--shard={shard}/8")));
    let all = run_at_once(shards);
    assert_eq!(all.concat(), vec!["created"; ids.len()]);
    assert!(all.iter().all(|shard| !shard.is_empty()), "{all:?}");
    assert_eq!(bucket.seen(Op::Put, "u_*/manifest.json").len(), ids.len());
    bucket.check();
}

#[rstest]
#[case::look(Op::Get, "u_1/manifest.json")]
#[case::listing(Op::List, "u_1/")]
#[case::cover(Op::Put, "u_1/cover.*")]
#[case::response(Op::Put, "u_1/element.*")]
#[case::superseded(Op::Put, ".element-mirror/history/u_1/*")]
#[case::manifest(Op::Put, "u_1/manifest.json")]
#[case::checksums(Op::Put, "u_1/SHA256SUMS")]
fn a_run_that_is_overtaken_at_any_request_ends_well(#[case] op: Op, #[case] key: &str) {
    // The other one is told the same, or something else.
    for number in [1, 2] {
        let (upstream, bucket) = mirrored();
        turn(&upstream, "u_1", 1);
        let held = bucket.hold(op, key);
        let running = bucket.run(&upstream).ids(["u_1"]).args(["--report", "-"]).spawn();
        held.wait();
        let other = upstream_of(&["u_1".to_owned()], number);
        let theirs = bucket.run(&other).ids(["u_1"]).report().expect(0);
        // The checksums are put when the manifest stands.
        let is_late = key == "u_1/SHA256SUMS";
        let expected = if is_late && number == 1 { "unchanged" } else { "updated" };
        assert_eq!(theirs.status("u_1"), expected);
        held.release();
        let ours = running.end_within(PATIENCE).expect(0);
        let expected = if number == 2 || is_late { "updated" } else { "unchanged" };
        assert_eq!(ours.status("u_1"), expected, "{}", bucket.shown());
        let stands = bucket.manifest("u_1")["assets"][0]["file"].as_str().unwrap().to_owned();
        let right = if is_late { number } else { 1 };
        assert_eq!(bucket.read(&format!("u_1/{stands}")), cover(right));
        // What stood is kept: the first version, and the other's where it was another.
        assert_eq!(bucket.history("u_1").len(), usize::from(number), "{:?}\n{}", bucket.history("u_1"), bucket.shown());
        bucket.check_but_litter();
        assert_eq!(bucket.staged(), Vec::<String>::new());
    }
}

#[test]
fn two_first_runs_of_one_element_make_one_version_of_it() {
    let (upstream, bucket) = scene();
    let held = bucket.hold(Op::Put, "u_1/manifest.json");
    let running = bucket.run(&upstream).ids(["u_1"]).args(["--report", "-"]).spawn();
    held.wait();
    assert_eq!(bucket.run(&upstream).ids(["u_1"]).report().expect(0).status("u_1"), "created");
    held.release();
    assert_eq!(running.end_within(PATIENCE).expect(0).status("u_1"), "unchanged");
    assert!(bucket.history("u_1").is_empty());
    bucket.check();
}

#[test]
fn two_runs_that_start_an_empty_mirror_at_once_both_may() {
    let (upstream, bucket) = scene();
    turn(&upstream, "u_2", 0);
    let held = bucket.hold(Op::Put, ".element-mirror/format");
    let running = bucket.run(&upstream).ids(["u_2"]).spawn();
    held.wait();
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    held.release();
    running.end_within(PATIENCE).expect(0);
    assert!(bucket.has("u_1/manifest.json") && bucket.has("u_2/manifest.json"));
    bucket.check();
}

#[test]
fn no_lock_is_taken() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    let held = bucket.hold(Op::Put, "u_1/manifest.json");
    let running = bucket.run(&upstream).ids(["u_1"]).spawn();
    held.wait();
    assert!(bucket.keys().iter().all(|key| !key.contains("lock")), "{:?}", bucket.keys());
    bucket.command(&["prune", "--keep-versions", "0"]).output().expect(0);
    bucket.command(&["verify", "--repair"]).output().expect(0);
    held.release();
    running.end_within(PATIENCE).expect(0);
    bucket.check();
}

//! The one put that decides: of the manifest.

use rstest::rstest;
use serde_json::{Value, json};

use super::{condition, cover, mirrored, scene, turn};
use crate::support::{Bucket, Fault, Op, Outcome, Upstream};

const MANIFEST: &str = "u_1/manifest.json";

fn run(upstream: &Upstream, bucket: &Bucket) -> Outcome {
    bucket.run(upstream).ids(["u_1"]).args(["--retries", "0"]).report()
}

/// Faults of a put of which nobody knows whether it was done.
fn doubtful() -> Vec<Fault> {
    vec![
        Fault::broken(),
        Fault::error(503, "SlowDown"),
        Fault::error(412, "PreconditionFailed"),
        Fault::error(409, "ConditionalRequestConflict"),
        Fault::error(403, "AccessDenied"),
        Fault::reset(),
        Fault::closed(),
    ]
}

/// The conditions of the manifest's puts, and what they got.
fn puts(bucket: &Bucket) -> Vec<(String, Option<u16>)> {
    bucket.seen(Op::Put, MANIFEST).iter().map(|seen| (condition(seen), seen.status)).collect()
}

/// What another run, that sees the element as in this turn, puts in the place of what stands.
fn another_run(bucket: &Bucket, number: u8) -> impl Fn() + Send + Sync + use<> {
    let upstream = Upstream::start();
    turn(&upstream, "u_1", number);
    // Only the answers of the API count.
    let other = Bucket::start();
    other.run(&upstream).ids(["u_1"]).output().expect(0);
    let theirs: Vec<(String, Vec<u8>)> =
        other.keys_like("u_1/*").into_iter().map(|key| (key.clone(), other.read(&key))).collect();
    let objects = bucket.objects();
    move || theirs.iter().for_each(|(key, bytes)| objects.put(key, bytes.clone()))
}

#[test]
fn a_put_that_was_done_though_the_answer_says_otherwise_is_a_success() {
    for fault in doubtful() {
        for is_new in [true, false] {
            let (upstream, bucket) = if is_new { scene() } else { mirrored() };
            turn(&upstream, "u_1", 1);
            bucket.on(Op::Put, MANIFEST, [fault.clone().applied()]);
            let outcome = run(&upstream, &bucket).expect(0);
            assert_eq!(outcome.status("u_1"), if is_new { "created" } else { "updated" });
            assert_eq!(puts(&bucket).len(), 1, "put again:\n{}", bucket.shown());
            assert_eq!(bucket.history("u_1").len(), usize::from(!is_new));
            bucket.check();
        }
    }
}

#[test]
fn a_put_that_was_not_done_is_done_again_where_that_may_help() {
    for fault in doubtful() {
        for is_new in [true, false] {
            let (upstream, bucket) = if is_new { scene() } else { mirrored() };
            turn(&upstream, "u_1", 1);
            bucket.on(Op::Put, MANIFEST, [fault.clone()]);
            let outcome = run(&upstream, &bucket).expect(0);
            assert_eq!(outcome.status("u_1"), if is_new { "created" } else { "updated" });
            let condition = if is_new { "If-None-Match: *" } else { "If-Match" };
            assert!(puts(&bucket).iter().all(|(is, _)| is == condition), "{}", bucket.shown());
            bucket.check();
        }
    }
}

#[test]
fn a_put_that_is_never_done_fails_its_element_and_the_old_version_stands() {
    for fault in doubtful() {
        for is_new in [true, false] {
            let (upstream, bucket) = if is_new { scene() } else { mirrored() };
            turn(&upstream, "u_1", 1);
            bucket.always(Op::Put, MANIFEST, fault.clone());
            let before = (!is_new).then(|| bucket.read(MANIFEST));
            let outcome = run(&upstream, &bucket).expect(3);
            let line = outcome.line("u_1");
            let stands = if is_new { "none" } else { "complete" };
            assert_eq!((&line["status"], &line["stands"]), (&json!("failed"), &json!(stands)));
            assert_eq!(bucket.has(MANIFEST).then(|| bucket.read(MANIFEST)), before);
            bucket.check();
            bucket.mend();
            assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), if is_new { "created" } else { "updated" });
            bucket.check();
        }
    }
}

#[test]
fn where_it_can_not_be_read_back_the_element_fails_and_the_next_run_finds_what_stands() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.on(Op::Put, MANIFEST, [Fault::reset().applied()]);
    bucket.on(Op::Get, MANIFEST, [Fault::none()]);
    bucket.always(Op::Get, MANIFEST, Fault::broken());
    assert_eq!(run(&upstream, &bucket).expect(3).status("u_1"), "failed");
    bucket.check_but_litter();
    bucket.mend();
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "unchanged");
    assert_eq!(bucket.history("u_1").len(), 1);
    bucket.check_but_litter();
}

#[test]
fn anothers_manifest_that_says_what_the_api_says_is_as_good_as_ours() {
    for is_new in [true, false] {
        let (upstream, bucket) = if is_new { scene() } else { mirrored() };
        turn(&upstream, "u_1", 1);
        bucket.on(Op::Put, MANIFEST, [Fault::none().meanwhile(another_run(&bucket, 1))]);
        let outcome = run(&upstream, &bucket).expect(0);
        let line = outcome.line("u_1");
        assert_eq!((&line["status"], &line["stands"]), (&json!("unchanged"), &json!("complete")), "{}", bucket.shown());
        assert_eq!(puts(&bucket).last().unwrap().1, Some(412));
        assert_eq!(puts(&bucket).len(), 1);
        bucket.check();
    }
}

#[test]
fn anothers_manifest_that_says_something_else_is_planned_against_and_kept() {
    for is_new in [true, false] {
        let (upstream, bucket) = if is_new { scene() } else { mirrored() };
        turn(&upstream, "u_1", 1);
        bucket.on(Op::Put, MANIFEST, [Fault::none().meanwhile(another_run(&bucket, 2))]);
        let outcome = run(&upstream, &bucket).expect(0);
        assert_eq!(outcome.status("u_1"), "updated", "{}", bucket.shown());
        let (theirs, ours) = (puts(&bucket), bucket.manifest("u_1"));
        assert_eq!(theirs.iter().map(|(_, status)| status.unwrap()).collect::<Vec<_>>(), [412, 200]);
        let file = ours["assets"][0]["file"].as_str().unwrap();
        assert_eq!(bucket.read(&format!("u_1/{file}")), cover(1));
        let is_theirs = |when: &String| {
            let kept = bucket.read(&format!(".element-mirror/history/u_1/{when}/manifest.json"));
            let kept: Value = serde_json::from_slice(&kept).unwrap();
            bucket.read(&format!("u_1/{}", kept["assets"][0]["file"].as_str().unwrap())) == cover(2)
        };
        assert!(bucket.history("u_1").iter().any(is_theirs), "the other's version is lost:\n{}", bucket.shown());
        bucket.check();
    }
}

#[test]
fn who_is_overtaken_again_and_again_gives_up_and_says_so() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    let others: Vec<_> = (2..20).map(|number| Fault::none().meanwhile(another_run(&bucket, number))).collect();
    bucket.on(Op::Put, MANIFEST, others);
    let outcome = run(&upstream, &bucket).expect(3);
    assert_eq!((outcome.status("u_1").as_str(), outcome.error_kind("u_1").as_str()), ("failed", "conflict"));
    assert_eq!(outcome.line("u_1")["stands"], "complete");
    bucket.check();
}

#[test]
fn a_manifest_that_is_removed_meanwhile_is_no_reason_to_lose_the_version() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    let objects = bucket.objects();
    bucket.on(Op::Put, MANIFEST, [Fault::none().meanwhile(move || objects.remove(MANIFEST))]);
    let outcome = run(&upstream, &bucket).expect(0);
    assert!(["created", "updated"].contains(&outcome.status("u_1").as_str()), "{}", outcome.stdout);
    bucket.check();
}

/// A server says that it knows no conditions, or says nothing and heeds none.
const WITHOUT: [fn(&Bucket); 2] = [|bucket| bucket.unconditional(), |bucket| bucket.heedless()];

#[rstest]
#[case::says_so(WITHOUT[0])]
#[case::says_nothing(WITHOUT[1])]
fn a_server_without_conditions_gets_a_look_before_the_put_instead(#[case] without: fn(&Bucket)) {
    let (upstream, bucket) = scene();
    without(&bucket);
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "created");
    turn(&upstream, "u_1", 1);
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "updated");
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "unchanged");
    assert_eq!(bucket.history("u_1").len(), 1);
    bucket.check();
    // The look is right before the put.
    let log = bucket.log();
    let at = log.iter().rposition(|seen| seen.op == Op::Put && seen.key == MANIFEST).unwrap();
    assert_eq!((log[at - 1].op, log[at - 1].key.as_str()), (Op::Get, MANIFEST), "{}", bucket.shown());
}

#[test]
fn a_server_without_conditions_is_asked_for_them_once_a_run() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    bucket.unconditional();
    let ids: Vec<String> = (0..10).map(|number| format!("u_{number}")).collect();
    ids.iter().for_each(|id| turn(&upstream, id, 0));
    bucket.run(&upstream).ids(&ids).args(["--retries", "0"]).output().expect(0);
    assert_eq!(bucket.log().iter().filter(|seen| seen.status == Some(501)).count(), 1, "{}", bucket.shown());
    bucket.check();
}

#[rstest]
#[case::says_so(WITHOUT[0])]
#[case::says_nothing(WITHOUT[1])]
fn anothers_manifest_is_seen_by_the_look_where_there_are_no_conditions(#[case] without: fn(&Bucket)) {
    let (upstream, bucket) = mirrored();
    without(&bucket);
    turn(&upstream, "u_1", 1);
    // While the data goes up.
    bucket.on(Op::Put, "u_1/cover.*", [Fault::none().meanwhile(another_run(&bucket, 2))]);
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "updated");
    assert!(bucket.history("u_1").len() >= 2, "{}", bucket.shown());
    bucket.check();
}

#[test]
fn a_read_that_shows_the_old_manifest_after_the_put_was_done_makes_no_second_version() {
    // As a store would that is only eventually consistent: nothing may be lost by it.
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.on(Op::Put, MANIFEST, [Fault::broken().applied(), Fault::none(), Fault::none()]);
    let outcome = run(&upstream, &bucket);
    bucket.check();
    assert_eq!(outcome.expect(0).status("u_1"), "updated");
}

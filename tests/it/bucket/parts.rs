//! Large assets, which go up in parts.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::large;
use crate::support::{Bucket, Fault, Op, Outcome, Reply, Upstream, element, png};

const MIB: usize = 1 << 20;
const COVER: &str = "u_1/cover.*.png";

/// An upstream whose `u_1` has a cover of so many bytes.
fn scene(size: usize) -> (Upstream, Bucket) {
    let upstream = Upstream::start();
    tell(&upstream, size, 0);
    (upstream, Bucket::start())
}

fn tell(upstream: &Upstream, size: usize, seed: u8) {
    let path = format!("/cdn/u_1/large-{seed}");
    upstream.on(&path, [Reply::ok(large(size, seed))]);
    upstream.tell("u_1", &element("u_1", &[upstream.url(&path)]));
}

fn run(upstream: &Upstream, bucket: &Bucket, retries: &str) -> Outcome {
    bucket.run(upstream).ids(["u_1"]).args(["--retries", retries]).report()
}

fn sizes(bucket: &Bucket, op: Op) -> Vec<usize> {
    let mut sizes: Vec<usize> = bucket.seen(op, COVER).iter().map(|seen| seen.size).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn what_is_larger_than_a_part_goes_up_in_parts() {
    for (size, parts) in [
        (8 * MIB, vec![]),
        (8 * MIB + 1, vec![1, 8 * MIB]),
        (44 * MIB, vec![4 * MIB, 8 * MIB, 8 * MIB, 8 * MIB, 8 * MIB, 8 * MIB]),
    ] {
        let (upstream, bucket) = scene(size);
        run(&upstream, &bucket, "0").expect(0);
        assert_eq!(sizes(&bucket, Op::Part), parts);
        assert_eq!(sizes(&bucket, Op::Put), if parts.is_empty() { vec![size] } else { vec![] });
        let object = bucket.object(&bucket.key(COVER));
        assert!(*object.bytes == large(size, 0), "other bytes");
        assert_eq!(object.media_type, "image/png");
        bucket.check();
        bucket.forget();
        assert_eq!(run(&upstream, &bucket, "0").expect(0).status("u_1"), "unchanged");
        assert_eq!(bucket.seen(Op::Begin, "*").len(), 0);
    }
}

#[rstest]
#[case::begin(Op::Begin)]
#[case::part(Op::Part)]
#[case::complete(Op::Complete)]
fn what_fails_once_is_tried_again(#[case] op: Op) {
    let faults = [
        Fault::broken(),
        Fault::error(503, "SlowDown"),
        Fault::reset(),
        Fault::early_reset(),
        Fault::closed(),
        Fault::broken().applied(),
        Fault::reset().applied(),
    ];
    for fault in faults {
        let is_lost = op == Op::Begin && fault.is_applied;
        let (upstream, bucket) = scene(9 * MIB);
        bucket.on(op, COVER, [fault]);
        assert_eq!(run(&upstream, &bucket, "1").expect(0).status("u_1"), "created", "{}", bucket.shown());
        if is_lost {
            // Nobody knows what an upload is called whose beginning got no answer.
            assert_eq!(bucket.open_uploads().len(), 1);
            bucket.check_but_litter();
        } else {
            bucket.check();
        }
    }
}

#[test]
fn what_s3_says_with_a_success_is_told_from_one() {
    // Complete and copy may answer 200 and say in the body that nothing came of it.
    let (upstream, bucket) = scene(9 * MIB);
    bucket.on(Op::Complete, COVER, [Fault::error(200, "InternalError")]);
    assert_eq!(run(&upstream, &bucket, "1").expect(0).status("u_1"), "created");
    bucket.check();
    for code in ["InternalError", "AccessDenied"] {
        let (upstream, bucket) = scene(9 * MIB);
        bucket.always(Op::Complete, COVER, Fault::error(200, code));
        assert_eq!(run(&upstream, &bucket, "0").expect(3).status("u_1"), "failed");
        bucket.check();
    }
}

#[rstest]
#[case::begin(Op::Begin)]
#[case::part(Op::Part)]
#[case::complete(Op::Complete)]
fn what_fails_for_good_fails_its_element_and_is_aborted(#[case] op: Op) {
    for fault in [Fault::broken(), Fault::error(403, "AccessDenied"), Fault::reset()] {
        for retries in ["0", "1"] {
            let (upstream, bucket) = scene(17 * MIB);
            // The second one, of the parts.
            bucket.on(op, COVER, (op == Op::Part).then(Fault::none));
            bucket.always(op, COVER, fault.clone());
            let outcome = run(&upstream, &bucket, retries).expect(3);
            let line = outcome.line("u_1");
            assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("failed"), &json!("io")));
            assert!(line["error"]["message"].as_str().unwrap().contains("u_1/cover."), "{line}");
            assert!(!bucket.has("u_1/manifest.json") && bucket.keys_like(COVER).is_empty());
            assert_eq!(bucket.seen(Op::Abort, COVER).len(), usize::from(op != Op::Begin), "{}", bucket.shown());
            bucket.check();
            bucket.mend();
            assert_eq!(run(&upstream, &bucket, "0").expect(0).status("u_1"), "created");
            bucket.check();
        }
    }
}

#[test]
fn what_is_under_way_is_aborted_where_another_object_of_the_element_fails() {
    let (upstream, bucket) = scene(25 * MIB);
    upstream.on("/cdn/u_1/side", [Reply::ok(png(8, 8, 1))]);
    let urls = ["/cdn/u_1/large-0", "/cdn/u_1/side"].map(|path| upstream.url(path));
    upstream.tell("u_1", &element("u_1", &urls));
    for op in [Op::Begin, Op::Part, Op::Complete] {
        let (held, objects) = (bucket.hold(op, COVER), bucket.objects());
        let fails = Fault::error(403, "AccessDenied").meanwhile(move || objects.wait_for(op, COVER, 1));
        bucket.on(Op::Put, "u_1/side.*", [fails]);
        let running = bucket.run(&upstream).ids(["u_1"]).args(["--report", "-"]).spawn();
        held.wait();
        bucket.wait_until_answered(Op::Put, "u_1/side.*");
        held.release();
        let outcome = running.end_within(Duration::from_secs(60)).expect(3);
        assert_eq!(outcome.error_kind("u_1"), "io");
        bucket.check();
        bucket.mend();
        bucket.forget();
    }
}

#[test]
fn what_can_not_even_be_aborted_fails_its_element_all_the_same() {
    let (upstream, bucket) = scene(9 * MIB);
    bucket.always(Op::Part, COVER, Fault::broken());
    bucket.always(Op::Abort, COVER, Fault::broken());
    assert_eq!(run(&upstream, &bucket, "0").expect(3).status("u_1"), "failed");
    assert_eq!(bucket.open_uploads().len(), 1);
    bucket.check_but_litter();
}

#[test]
fn what_was_completed_though_the_answer_was_lost_is_there() {
    for (fault, retries) in [
        (Fault::reset().applied(), "0"),
        (Fault::broken().applied(), "0"),
        // Tried again, there is no such upload any more.
        (Fault::reset().applied(), "1"),
        (Fault::broken().applied(), "1"),
    ] {
        let (upstream, bucket) = scene(9 * MIB);
        bucket.on(Op::Complete, COVER, [fault]);
        assert_eq!(run(&upstream, &bucket, retries).expect(0).status("u_1"), "created", "{}", bucket.shown());
        bucket.check();
    }
}

#[test]
fn what_was_there_before_is_not_taken_for_what_could_not_be_completed() {
    let (upstream, bucket) = scene(9 * MIB);
    run(&upstream, &bucket, "0").expect(0);
    let cover = bucket.key(COVER);
    // Damaged, it has the same size.
    bucket.flip(&cover);
    bucket.always(Op::Complete, COVER, Fault::broken());
    let repair = bucket.command(&["verify", "--repair", "--report", "-", "--allow-private-assets"]);
    let repair = repair.args(["--retries", "0", "--api-base", &upstream.api()]).output();
    // A failure at the destination is one, whatever can be read of it.
    assert_eq!(repair.expect(3).status("u_1"), "failed", "{}", bucket.shown());
    bucket.mend();
    let repair = bucket.command(&["verify", "--repair", "--report", "-", "--allow-private-assets"]);
    assert_eq!(repair.args(["--api-base", &upstream.api()]).output().expect(0).status("u_1"), "repaired");
    bucket.check();
}

#[test]
fn an_old_object_that_could_not_be_put_again_is_not_relied_upon() {
    // It may be about to be pruned: only what was put again is safe from that.
    let (upstream, bucket) = scene(9 * MIB);
    run(&upstream, &bucket, "0").expect(0);
    tell(&upstream, 9 * MIB, 1);
    run(&upstream, &bucket, "0").expect(0);
    bucket.age("*", Duration::from_secs(48 * 3600));
    let before = bucket.read("u_1/manifest.json");
    tell(&upstream, 9 * MIB, 0);
    bucket.always(Op::Complete, COVER, Fault::broken());
    assert_eq!(run(&upstream, &bucket, "0").expect(3).status("u_1"), "failed", "{}", bucket.shown());
    assert_eq!(bucket.read("u_1/manifest.json"), before);
    bucket.check();
}

#[test]
fn a_signal_in_the_middle_of_it_leaves_no_upload_open_and_the_old_version_whole() {
    for signal in [("INT", 130), ("TERM", 143)] {
        for (op, is_new) in [(Op::Begin, true), (Op::Part, true), (Op::Part, false), (Op::Complete, false)] {
            let (upstream, bucket) = scene(25 * MIB);
            if !is_new {
                run(&upstream, &bucket, "0").expect(0);
                tell(&upstream, 25 * MIB, 1);
            }
            let before = bucket.has("u_1/manifest.json").then(|| bucket.read("u_1/manifest.json"));
            let held = bucket.hold(op, COVER);
            let running = bucket.run(&upstream).ids(["u_1"]).args(["--report", "-"]).spawn();
            held.wait();
            running.signal(signal.0);
            if op == Op::Begin {
                // What was begun can only be aborted by whoever knows what it is called.
                held.release();
            }
            let outcome = running.end_within(Duration::from_secs(20)).expect(signal.1);
            assert_eq!(outcome.error_kind("u_1"), "interrupted");
            assert_eq!(bucket.has("u_1/manifest.json").then(|| bucket.read("u_1/manifest.json")), before);
            bucket.check();
        }
    }
}

#[test]
fn what_a_killed_run_left_open_is_no_hindrance() {
    let (upstream, bucket) = scene(25 * MIB);
    let held = bucket.hold(Op::Part, COVER);
    let running = bucket.run(&upstream).ids(["u_1"]).spawn();
    held.wait();
    running.signal("KILL");
    running.end_within(Duration::from_secs(10)).expect(137);
    drop(held);
    assert_eq!(bucket.open_uploads().len(), 1);
    bucket.check_but_litter();
    assert_eq!(run(&upstream, &bucket, "0").expect(0).status("u_1"), "created");
    assert_eq!(bucket.staged(), Vec::<String>::new(), "what the killed run staged");
    bucket.check_but_litter();
}

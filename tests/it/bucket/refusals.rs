//! Buckets that a run can't use: it ends before it asks the API for anything, in the store's own words.

use std::path::Path;

use rstest::rstest;

use super::{mirrored, scene};
use crate::support::{Bucket, Fault, Op, Outcome, Program, Upstream, program};

const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// What a run says that ends with 1 before it asks for anything.
#[track_caller]
fn refused(run: Program, upstream: &Upstream) -> Outcome {
    let run = run.ids(["u_1"]).output().expect(1);
    assert!(upstream.requests().is_empty(), "asked before the bucket was looked at");
    assert!(run.stdout.is_empty());
    run
}

#[track_caller]
fn says(run: &Outcome, words: &[&str]) {
    for words in words {
        assert!(run.stderr.contains(words), "{words} is not said in: {}", run.stderr);
    }
}

#[test]
fn missing_credentials_are_told_with_the_variables_that_are_to_be_set() {
    let (upstream, bucket) = scene();
    for disabled in [true, false] {
        let run = KEYS.iter().fold(bucket.run(&upstream), |run, key| run.env_remove(key));
        // On a loopback port nobody listens at.
        let run = match disabled {
            true => run.env("AWS_EC2_METADATA_DISABLED", "true"),
            false => run.env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1"),
        };
        says(&refused(run, &upstream), &KEYS);
    }
    for lacking in KEYS {
        says(&refused(bucket.run(&upstream).env_remove(lacking), &upstream), &KEYS);
    }
    assert!(bucket.log().is_empty());
}

#[test]
fn credentials_that_the_store_refuses_are_told_in_its_words() {
    let (upstream, bucket) = scene();
    let run = refused(bucket.run(&upstream).env("AWS_ACCESS_KEY_ID", "AKIDOFNOBODY"), &upstream);
    let words = "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.";
    says(&run, &[&bucket.url(), words]);
    assert_eq!((bucket.keys(), bucket.staged()), (Vec::new(), Vec::new()));
    bucket.always(Op::Get, "*", Fault::error(403, "SignatureDoesNotMatch"));
    says(&refused(bucket.run(&upstream), &upstream), &["SignatureDoesNotMatch"]);
}

#[test]
fn a_bucket_that_is_missing_is_told_in_the_stores_words() {
    let (upstream, bucket) = scene();
    for command in [vec!["run", "--id", "u_1"], vec!["verify"], vec!["history"], vec!["prune", "--keep-versions", "1"]]
    {
        let flag = if command[0] == "run" { vec!["-o"] } else { vec![] };
        let program = bucket.reached_by(program()).args(&command).args(flag).arg("s3://another/prefix");
        let run = program.env("ELEMENT_MIRROR_API_BASE", &upstream.api()).output().expect(1);
        says(&run, &["s3://another/prefix", "NoSuchBucket: The specified bucket does not exist"]);
    }
    assert!(upstream.requests().is_empty());
}

#[test]
fn who_may_not_write_is_told_before_anything_is_fetched() {
    let (upstream, bucket) = scene();
    bucket.read_only();
    says(&refused(bucket.run(&upstream), &upstream), &["AccessDenied: Access Denied", &bucket.url()]);
    // Where there is a mirror, too.
    let (upstream, bucket) = mirrored();
    bucket.read_only();
    says(&refused(bucket.run(&upstream), &upstream), &["AccessDenied"]);
    assert_eq!(bucket.staged(), Vec::<String>::new());
    // Looking is for everybody.
    bucket.command(&["verify"]).output().expect(0);
    bucket.command(&["history"]).output().expect(0);
    let repair = bucket.command(&["verify", "--repair"]).output().expect(1);
    says(&repair, &["AccessDenied"]);
}

#[rstest]
#[case::server_error(Fault::broken(), "InternalError")]
#[case::slow_down(Fault::error(503, "SlowDown"), "SlowDown")]
#[case::not_found(Fault::error(400, "InvalidRequest"), "InvalidRequest")]
fn a_store_that_fails_at_the_start_fails_the_run(#[case] fault: Fault, #[case] words: &str) {
    let starts =
        [(Op::Get, ".element-mirror/format"), (Op::List, ".element-mirror/gone/"), (Op::Put, ".element-mirror/format")];
    for (op, key) in starts {
        let (upstream, bucket) = mirrored();
        bucket.always(op, key, fault.clone());
        says(&refused(bucket.run(&upstream), &upstream), &[words, &bucket.url()]);
        assert_eq!(bucket.staged(), Vec::<String>::new());
    }
}

#[test]
fn a_store_that_fails_for_a_moment_at_the_start_is_tried_again() {
    for fault in [Fault::broken(), Fault::error(503, "SlowDown"), Fault::reset(), Fault::closed()] {
        let (upstream, bucket) = scene();
        bucket.on(Op::Get, ".element-mirror/format", [fault.clone()]);
        bucket.on(Op::List, ".element-mirror/gone/", [fault.clone()]);
        bucket.on(Op::Put, ".element-mirror/format", [fault]);
        bucket.run(&upstream).ids(["u_1"]).output().expect(0);
        bucket.check();
    }
}

#[test]
fn a_store_that_can_not_be_reached_is_told_so() {
    let (upstream, bucket) = scene();
    let run = bucket.run(&upstream).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    says(&refused(run, &upstream), &[&bucket.url(), "refused"]);
}

#[test]
fn a_store_that_says_nothing_is_given_up() {
    let (upstream, bucket) = scene();
    bucket.always(Op::Get, "*", Fault::stalled());
    let run = bucket.run(&upstream).args(["--stall-timeout", "200ms", "--retries", "1"]);
    says(&refused(run, &upstream), &[&bucket.url(), "timed out"]);
    assert_eq!(bucket.log().len(), 2);
}

#[test]
fn an_endpoint_elsewhere_is_not_spoken_to_in_clear() {
    let (upstream, bucket) = scene();
    let run = bucket.run(&upstream).env("AWS_ENDPOINT_URL", "http://store.example");
    says(&refused(run, &upstream), &["AWS_ALLOW_HTTP"]);
}

#[test]
fn a_mirror_of_a_newer_format_is_refused_and_not_touched() {
    let (upstream, bucket) = mirrored();
    for (format, words) in [("2\n", "format 2"), ("one\n", "damaged")] {
        bucket.put(".element-mirror/format", format);
        let before = bucket.snapshot();
        says(&refused(bucket.run(&upstream), &upstream), &[words, &bucket.url()]);
        let verify = bucket.command(&["verify"]).output().expect(1);
        says(&verify, &[words]);
        assert_eq!(bucket.snapshot(), before);
    }
}

#[test]
fn where_there_is_no_mirror_there_is_nothing_to_verify() {
    let bucket = Bucket::start();
    bucket.put("others.txt", "theirs");
    for command in [vec!["verify"], vec!["verify", "--repair"], vec!["history"], vec!["prune", "--keep-versions", "1"]]
    {
        let run = bucket.command(&command).output().expect(1);
        says(&run, &["holds no mirror", &bucket.url()]);
    }
    assert_eq!(bucket.keys(), ["others.txt"]);
}

#[test]
fn a_folder_to_stage_in_that_can_not_be_made_is_told() {
    let (upstream, bucket) = scene();
    let file = bucket.staging_folder().with_file_name("file");
    std::fs::write(&file, "a file").unwrap();
    let out = bucket.url();
    let run = bucket.reached_by(program()).run(&upstream, Path::new(&out)).arg("--staging").arg(file.join("below"));
    says(&refused(run, &upstream), &["--staging", "Not a directory"]);
}

#[test]
fn a_gallery_and_urls_that_are_none_are_usage_errors() {
    let (upstream, bucket) = scene();
    let run = bucket.run(&upstream).ids(["u_1"]).arg("--gallery").output().expect(2);
    says(&run, &["--gallery"]);
    for url in ["s3://", "s3://user:word@bucket/p", "ftp://bucket/p", "s3://bucket/../p"] {
        let run = bucket.reached_by(program()).run(&upstream, Path::new(url)).ids(["u_1"]).output().expect(2);
        assert!(!run.stderr.contains("word@"), "{}", run.stderr);
    }
    assert!(upstream.requests().is_empty() && bucket.log().is_empty());
}

//! Signals while the disk is slow: calls of the real program are held up.

use std::process::Command;
use std::time::{Duration, Instant};

use rstest::rstest;

use super::{SOON, run};
use crate::support::{MirrorDir, Reply, Running, Upstream, check_version, png};

/// A run on `mirror` that reads IDs and holds `calls` up by so many milliseconds each, of those that are about `paths`.
fn slow(upstream: &Upstream, mirror: &MirrorDir, (calls, millis): (&str, u32), paths: &[String]) -> Option<Running> {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:delay_enter={}", millis * 1000));
    // The program is a child of the test all the same, and hears its signals.
    let mut args = vec!["-D", "-e", &trace, "-e", &inject, "-o", "/dev/null"];
    args.extend(paths.iter().flat_map(|path| ["-P", path]));
    Some(run(upstream, mirror).args(["-", "--report", "-"]).under_strace(args)?.spawn())
}

fn wait_for(mirror: &MirrorDir, path: &str) {
    let started = Instant::now();
    while !mirror.has(path) {
        assert!(started.elapsed() < Duration::from_secs(30), "{path} never came");
    }
}

#[rstest]
#[case("INT", 130)]
#[case("TERM", 143)]
fn a_signal_during_a_slow_flush_ends_the_run_soon_after_and_what_is_reported_is_there(
    #[case] signal: &str,
    #[case] code: i32,
) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 2);
    upstream.on_element("u_2", [Reply::hang()]);
    let Some(mut running) = slow(&upstream, &mirror, ("fsync,syncfs", 700), &[]) else { return };
    running.write("u_1\nu_2\n");
    wait_for(&mirror, ".element-mirror/staging/u_1/sealed");
    upstream.wait_for("/v1/kling/elements/u_2", 1);
    running.signal(signal);
    let ended = running.end_within(SOON).expect(code);
    assert_eq!((ended.lines().len(), ended.error_kind("u_2").as_str()), (2, "interrupted"), "{}", ended.stdout);
    match ended.status("u_1").as_str() {
        "created" => check_version(&mirror.at("u_1")),
        _ => assert_eq!(ended.error_kind("u_1"), "interrupted"),
    }
    upstream.add("u_2", 1);
    run(&upstream, &mirror).ids(["u_1", "u_2"]).output().expect(0);
    mirror.check();
}

#[test]
fn a_signal_during_slow_writes_and_a_stalled_body_ends_the_run_soon() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 1);
    let mut large = png(64, 64, 1);
    large.resize(4 << 20, 1);
    upstream.on("/cdn/u_1/0.png", [Reply::ok(large.clone())]);
    upstream.add("u_2", 1);
    upstream.on("/cdn/u_2/0.png", [Reply::ok(large).stalled_at(1 << 20)]);
    std::fs::create_dir_all(mirror.path()).unwrap();
    let parts = ["u_1", "u_2"].map(|id| mirror.at(&format!(".element-mirror/staging/{id}/0")).display().to_string());
    let Some(mut running) = slow(&upstream, &mirror, ("write", 700), &parts) else { return };
    running.write("u_1\nu_2\n");
    // When one write is done, the next is under way.
    let started = Instant::now();
    while !parts.iter().all(|part| std::fs::metadata(part).is_ok_and(|part| part.len() > 0)) {
        assert!(started.elapsed() < Duration::from_secs(30), "nothing is written");
    }
    running.signal("TERM");
    let ended = running.end_within(SOON).expect(143);
    for id in ["u_1", "u_2"] {
        assert_eq!(ended.error_kind(id), "interrupted");
    }
    assert_eq!(ended.lines().len(), 2);
    mirror.check();
}

#[test]
fn a_second_signal_ends_a_run_at_once_whose_disk_hangs() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 2);
    let Some(mut running) = slow(&upstream, &mirror, ("syncfs", 60_000), &[]) else { return };
    running.write("u_1\n");
    wait_for(&mirror, ".element-mirror/staging/u_1/sealed");
    let status = |name: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id())).unwrap();
        status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned())).unwrap()
    };
    let strace = status("TracerPid:");
    // Two that come together may be heard as one.
    let started = Instant::now();
    while !status("State:").starts_with('Z') {
        assert!(started.elapsed() < SOON, "it goes on");
        running.signal("TERM");
        std::thread::yield_now();
    }
    // Which would let go of the thread that it holds up only after that minute.
    assert!(Command::new("kill").args(["-KILL", &strace]).status().unwrap().success());
    running.end_within(SOON).expect(143);
    mirror.check_but_staging();
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    mirror.check();
}

#[test]
fn a_signal_during_the_flush_of_what_an_earlier_run_left_ends_the_run_when_that_has_ended() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 2);
    run(&upstream, &mirror).ids(["u_1"]).arg("--no-sync").output().expect(0);
    std::fs::remove_file(mirror.at(".element-mirror/lock")).unwrap();
    upstream.forget();
    let Some(running) = slow(&upstream, &mirror, ("fsync,syncfs", 700), &[]) else { return };
    wait_for(&mirror, ".element-mirror/lock");
    running.signal("TERM");
    running.end_within(SOON).expect(143);
    assert!(upstream.requests().is_empty());
    assert!(mirror.has(".element-mirror/unflushed"), "it is not known to be flushed");
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    assert!(!mirror.has(".element-mirror/unflushed"));
    mirror.check();
}

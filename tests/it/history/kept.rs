//! What is never pruned, and what is foreseen.

use std::time::Duration;

use super::mirror_of;
use super::prune::prune;
use crate::support::{Reply, program};

#[test]
fn while_what_stands_is_damaged_nothing_of_its_past_is_removed() {
    let (upstream, mirror) = mirror_of(&["u_1"], 3);
    let kept = mirror.history("u_1");
    mirror.write("u_1/side.png", "edited");
    let refused = prune(&mirror, &["--keep-versions", "0"]).output().expect(3);
    assert!(refused.stderr.contains("u_1") && refused.stderr.contains("--repair"), "{}", refused.stderr);
    let written = mirror.read("u_1/manifest.json");
    mirror.write("u_1/manifest.json", "{");
    prune(&mirror, &["--keep-versions", "0"]).output().expect(3);
    mirror.write("u_1/manifest.json", written);
    // Neither by a run that can't make it good.
    upstream.on("/cdn/u_1/side-3", [Reply::new(404, "")]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["--keep-versions", "0"]).report().expect(3);
    assert_eq!(run.status("u_1"), "failed");
    assert_eq!(mirror.history("u_1"), kept);
}

#[test]
fn a_strangers_file_that_is_called_like_one_of_ours_is_no_damage_of_the_past() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    let when = mirror.history("u_1").remove(0);
    mirror.write(&format!(".element-mirror/history/u_1/{when}/cover.psd"), "mine");
    prune(&mirror, &["--keep-versions", "0"]).output().expect(0);
    assert_eq!(mirror.names(&format!(".element-mirror/history/u_1/{when}")), ["cover.psd"]);
    for command in [&["verify", "--history"][..], &["history"]] {
        program().args(command).arg(mirror.path()).output().expect(0);
    }
}

#[test]
fn an_age_without_a_unit_is_refused() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    let refused = prune(&mirror, &["--keep-within", "30"]).output().expect(2);
    assert!(refused.stderr.contains("30d"), "{}", refused.stderr);
    assert_eq!(mirror.history("u_1").len(), 1);
}

#[test]
fn a_dry_run_foresees_what_a_run_would_prune() {
    let (upstream, mirror) = mirror_of(&["u_1"], 3);
    let kept = mirror.history("u_1");
    let dry = program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["--keep-versions", "0", "--dry-run"]);
    let dry = dry.output().expect(0);
    assert!(kept.iter().all(|when| dry.stderr.contains(when)), "{}", dry.stderr);
    assert!(dry.stderr.contains("would prune"), "{}", dry.stderr);
    assert_eq!(mirror.history("u_1"), kept);
}

#[test]
fn a_signal_ends_the_pruning_of_one_long_history_too() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    let when = mirror.history("u_1").remove(0);
    for number in 2..=60 {
        let mut copy = std::process::Command::new("cp");
        let at = |number: &str| mirror.at(&format!(".element-mirror/history/u_1/{when}{number}"));
        assert!(copy.arg("-al").arg(at("")).arg(at(&format!("-{number}"))).status().unwrap().success());
    }
    let slow = ["-e", "trace=renameat2", "-e", "inject=renameat2:delay_enter=300000", "-o", "/dev/null"];
    let Some(slowly) = prune(&mirror, &["--keep-versions", "0"]).under_strace(slow) else { return };
    let running = slowly.spawn();
    while mirror.history("u_1").len() == 60 {
        std::thread::yield_now();
    }
    running.signal_locked(&mirror, "TERM");
    running.end_within(Duration::from_secs(6)).expect(143);
    assert!(mirror.history("u_1").len() > 30);
    prune(&mirror, &["--keep-versions", "0"]).output().expect(0);
    assert!(mirror.history("u_1").is_empty());
    mirror.check();
}

#[test]
fn a_version_that_can_not_be_read_stays_and_is_said_to() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 3);
    let when = mirror.history("u_1").remove(0);
    mirror.write(&format!(".element-mirror/history/u_1/{when}/manifest.json"), "{");
    let pruned = prune(&mirror, &["--keep-versions", "0"]).output().expect(0);
    assert!(pruned.stderr.contains(&when) && pruned.stderr.contains("stays"), "{}", pruned.stderr);
    assert_eq!(mirror.history("u_1"), [when]);
}

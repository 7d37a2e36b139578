//! Pruning: `prune`, and the rules of a run.

use rstest::rstest;

use super::*;

pub(super) fn prune(mirror: &MirrorDir, args: &[&str]) -> Program {
    program().env_remove("USEAPI_TOKEN").arg("prune").arg(mirror.path()).args(args)
}

/// The number of each superseded version, by its side view.
fn numbers(mirror: &MirrorDir, id: &str) -> Vec<u8> {
    let number = |when: String| {
        let side = mirror.read(&format!(".element-mirror/history/{id}/{when}/side.png"));
        (0..u8::MAX).find(|&number| side == png(8, 8, number)).unwrap()
    };
    let mut numbers: Vec<u8> = mirror.history(id).into_iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn the_newest_are_kept_of_every_element_gone_ones_and_those_without_a_folder_too() {
    let (upstream, mirror) = mirror_of(&["u_1", "u_2", "u_3"], 4);
    upstream.on_element("u_2", [Reply::new(404, "{}")]);
    program().run(&upstream, &mirror.path()).ids(["u_2"]).output().expect(0);
    std::fs::remove_dir_all(mirror.at("u_3")).unwrap();
    let stands = mirror.manifest("u_1");
    let run = prune(&mirror, &["--keep-versions", "1"]).output().expect(0);
    assert_eq!(run.stdout, "");
    for id in ["u_1", "u_2", "u_3"] {
        assert_eq!(numbers(&mirror, id), [3], "{id}");
    }
    assert_eq!(mirror.manifest("u_1"), stands);
    assert!(mirror.has(".element-mirror/gone/u_2") && mirror.has("u_2/cover.png"));
    mirror.check();
    // Of an element that has no folder the last version stays, whatever the rule.
    prune(&mirror, &["--keep-versions", "0"]).output().expect(0);
    assert_eq!([numbers(&mirror, "u_1"), numbers(&mirror, "u_2"), numbers(&mirror, "u_3")], [vec![], vec![], vec![3]]);
    assert_eq!(mirror.names(".element-mirror/history"), ["u_3"]);
    mirror.check();
}

#[rstest]
#[case::all_are_young(&["--keep-within", "1h"], &[1, 2, 3])]
#[case::none_are_young_enough(&["--keep-within", "0s"], &[])]
#[case::some(&["--keep-within", "50d"], &[2, 3])]
#[case::fewer(&["--keep-within", "30d"], &[3])]
#[case::what_either_keeps(&["--keep-within", "30d", "--keep-versions", "2"], &[2, 3])]
#[case::what_either_keeps_by_age(&["--keep-within", "50d", "--keep-versions", "1"], &[2, 3])]
fn by_age_it_counts_when_a_version_was_superseded(#[case] rules: &[&str], #[case] kept: &[u8]) {
    let (_upstream, mirror) = mirror_of(&["u_1"], 4);
    if !rules.contains(&"1h") {
        // Version 1 was superseded when 2 was committed, and so on.
        for (number, days) in [(0, 80), (1, 60), (2, 40)] {
            let folder = place(&mirror, "u_1", number);
            let ago = Duration::from_secs(days * 24 * 3600);
            set_time(&mirror, &folder, Time::from(std::time::SystemTime::now() - ago));
        }
    }
    prune(&mirror, rules).output().expect(0);
    assert_eq!(numbers(&mirror, "u_1"), kept);
    mirror.check();
}

#[test]
fn a_dry_run_says_what_would_go_writes_nothing_and_takes_no_lock() {
    let (upstream, mirror) = mirror_of(&["u_1"], 4);
    upstream.on_element("u_2", [Reply::hang()]);
    let running = program().run(&upstream, &mirror.path()).ids(["u_2"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_2", 1);
    let before = mirror.all_files();
    let rules = ["--keep-versions", "1", "--log-format", "json"];
    let foreseen = prune(&mirror, &rules).arg("--dry-run").output().expect(0).log();
    assert_eq!(mirror.all_files(), before);
    drop(running);
    std::fs::remove_file(mirror.at(".element-mirror/lock")).unwrap();
    prune(&mirror, &rules).arg("--dry-run").output().expect(0);
    assert!(!mirror.has(".element-mirror/lock"), "a lock was made");
    let done = prune(&mirror, &rules).arg("-v").output().expect(0).log();
    let versions = |log: &[Value], event: &str| -> Vec<Value> {
        let versions = log.iter().filter(|record| record["event"] == event);
        versions.map(|record| json!([record["what"], record["when"], record["bytes"]])).collect()
    };
    assert_eq!(versions(&foreseen, "would_prune").len(), 2);
    assert_eq!(versions(&foreseen, "would_prune"), versions(&done, "pruned"));
    let total = |log: &[Value]| log.last().unwrap()["summary"]["pruned"]["versions"].clone();
    assert_eq!((total(&foreseen), total(&done)), (json!(2), json!(2)));
    assert_eq!(numbers(&mirror, "u_1"), [3]);
}

#[test]
fn people_are_told_as_much_as_they_ask_for() {
    let say = |args: &[&str]| {
        let (_upstream, mirror) = mirror_of(&["u_1"], 3);
        let run = prune(&mirror, args).output().expect(0);
        // The last words are how long it took, in whatever unit.
        run.stderr
            .lines()
            .map(|line| line.rsplit_once(" in ").map_or(line, |(told, _)| told).to_owned())
            .collect::<Vec<_>>()
    };
    let keep = "--keep-versions=1";
    assert_eq!(say(&[keep]), ["pruned 1 version, 4.51 KiB"]);
    assert_eq!(say(&[keep, "-q"]), [""; 0]);
    assert_eq!(say(&["--keep-versions=9"]), ["pruned 0 versions"]);
    let told = say(&[keep, "-v"]);
    assert!(told.len() == 2 && told[0].starts_with("    pruned  u_1 of 2"), "{told:?}");
    let told = say(&[keep, "--dry-run"]);
    assert!(told.len() == 2 && told[0].starts_with("  to prune  u_1 of 2"), "{told:?}");
    assert_eq!(told[1], "would prune 1 version, 4.51 KiB");
}

#[test]
fn what_to_keep_has_to_be_said() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    refused(prune(&mirror, &[]).output().expect(2), "--keep-versions");
    refused(prune(&mirror, &["--dry-run"]).output().expect(2), "--keep-within");
    refused(prune(&mirror, &["--keep-versions=-1"]).output().expect(2), "--keep-versions");
    refused(prune(&mirror, &["--keep-within", "soon"]).output().expect(2), "--keep-within");
    assert_eq!(numbers(&mirror, "u_1"), [1]);
    prune(&mirror, &[]).env("ELEMENT_MIRROR_KEEP_VERSIONS", "0").output().expect(0);
    assert_eq!(numbers(&mirror, "u_1"), [0; 0]);
}

#[test]
fn it_takes_turns_with_runs() {
    let (upstream, mirror) = mirror_of(&["u_1"], 2);
    upstream.on_element("u_2", [Reply::hang()]);
    let running = program().run(&upstream, &mirror.path()).ids(["u_2"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_2", 1);
    prune(&mirror, &["--keep-versions", "0"]).output().expect(5);
    assert_eq!(numbers(&mirror, "u_1"), [1]);
    let waiting = prune(&mirror, &["--keep-versions", "0", "--lock-wait", "60s"]).spawn();
    drop(running);
    waiting.end_within(Duration::from_secs(30)).expect(0);
    assert!(mirror.history("u_1").is_empty());
}

#[test]
fn strangers_files_stay_where_they_are() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 3);
    let folder = place(&mirror, "u_1", 0);
    mirror.write(&format!("{folder}/notes.txt"), "mine");
    prune(&mirror, &["--keep-versions", "0"]).output().expect(0);
    assert_eq!(mirror.history("u_1").len(), 1);
    assert_eq!(
        (mirror.names(&folder), mirror.read(&format!("{folder}/notes.txt"))),
        (vec!["notes.txt".into()], b"mine".into())
    );
    assert_eq!(history(&mirror, &[]).output().expect(0).stdout, "");
}

#[test]
fn a_failure_of_one_element_is_said_and_the_others_are_pruned() {
    let (_upstream, mirror) = mirror_of(&["u_1", "u_2", "u_3"], 2);
    let path = mirror.at(&place(&mirror, "u_2", 0));
    let prune = prune(&mirror, &["--keep-versions", "0"]);
    let Some(failing) = prune.failing("renameat2:error=EIO", &[path.parent().unwrap().to_str().unwrap()]) else {
        return;
    };
    let run = failing.output().expect(3);
    assert!(run.stderr.contains("u_2") && run.stderr.contains("prune the history of u_2"), "{}", run.stderr);
    assert!(run.stderr.contains("pruned 2 versions"), "{}", run.stderr);
    assert_eq!(mirror.names(".element-mirror/history"), ["u_2"]);
    mirror.check();
}

#[test]
fn a_version_is_out_of_sight_durably_before_the_first_of_its_files_goes() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    let folder = mirror.history("u_1").remove(0);
    let log = mirror.beside("calls");
    let Some(run) = prune(&mirror, &["--keep-versions", "0"]).traced(&log, "renameat2,fsync,unlinkat") else { return };
    run.expect(0);
    let log = std::fs::read_to_string(log).unwrap();
    let calls: Vec<&str> = log.lines().filter(|line| line.ends_with("= 0")).collect();
    let place_of = |what: &str, is_it: &dyn Fn(&str) -> bool| {
        calls.iter().position(|call| is_it(call)).unwrap_or_else(|| panic!("no {what}: {calls:#?}"))
    };
    let moved = place_of("move", &|call| call.contains("renameat2(") && call.contains(&folder));
    let there = place_of("flush of staging", &|call| call.contains("fsync(") && call.contains("/staging>)"));
    let away = place_of("flush of history", &|call| call.contains("fsync(") && call.contains("/history/u_1>)"));
    let removed =
        |file: &str| place_of(file, &|call| call.contains("unlinkat(") && call.contains(&format!("\"{file}\"")));
    let first = ["cover.png", "side.png", "element.json", "SHA256SUMS"].map(removed);
    let flushed = place_of("flush of it", &|call| call.contains("fsync(") && call.contains("/pruned.u_1."));
    assert!(moved < there && there < away && first.iter().all(|&file| away < file && file < flushed), "{calls:#?}");
    assert!(flushed < removed("manifest.json"), "{calls:#?}");
}

#[test]
fn a_run_prunes_what_it_takes_up_and_nothing_else() {
    let (upstream, mirror) = mirror_of(&["u_1", "u_2", "u_3", "u_4"], 3);
    upstream.on_element("u_2", [Reply::new(404, "{}")]);
    upstream.on_element("u_3", [Reply::new(403, "{}")]);
    let run = |args: &[&str]| program().run(&upstream, &mirror.path()).ids(["u_1", "u_2", "u_3"]).args(args);
    let foreseen = run(&["--dry-run", "--keep-versions", "1"]).report().expect(3);
    assert_eq!(["u_1", "u_2"].map(|id| foreseen.status(id)), ["unchanged", "gone"]);
    assert_eq!(numbers(&mirror, "u_1"), [1, 2]);
    let run = run(&["--keep-versions", "1"]).report().expect(3);
    assert_eq!(["u_1", "u_2", "u_3"].map(|id| run.status(id)), ["unchanged", "gone", "failed"]);
    for (id, kept) in [("u_1", &[2][..]), ("u_2", &[2]), ("u_3", &[2]), ("u_4", &[1, 2])] {
        assert_eq!(numbers(&mirror, id), kept, "{id}");
    }
    assert!(run.stderr.contains("pruned 3 versions"), "{}", run.stderr);
    mirror.check();
}

#[test]
fn a_version_that_a_run_supersedes_counts_among_those_kept() {
    let (upstream, mirror) = mirror_of(&["u_1"], 3);
    let told = element("u_1", &[upstream.url("/cdn/cover"), upstream.url("/cdn/u_1/side-1")]);
    upstream.tell("u_1", &told);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).env("ELEMENT_MIRROR_KEEP_VERSIONS", "1");
    let run = run.arg("-v").report().expect(0);
    assert_eq!((run.status("u_1"), numbers(&mirror, "u_1")), ("updated".into(), vec![3]));
    assert_eq!(run.stderr.matches("    pruned  u_1 of ").count(), 2, "{}", run.stderr);
    mirror.check();
}

#[test]
fn a_pruning_that_fails_is_the_elements_failure_and_its_version_stands() {
    let (upstream, mirror) = mirror_of(&["u_1"], 2);
    let history = mirror.at(".element-mirror/history/u_1");
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["--keep-versions", "0", "--report", "-"]);
    let Some(failing) = run.failing("renameat2:error=EIO", &[history.to_str().unwrap()]) else { return };
    let run = failing.output().expect(3);
    assert_eq!((run.status("u_1"), run.error_kind("u_1")), ("failed".into(), "io".into()));
    assert_eq!(run.line("u_1")["stands"], "complete");
    assert_eq!(numbers(&mirror, "u_1"), [1]);
    mirror.check();
}

#[test]
fn killed_at_any_moment_each_version_is_whole_or_gone_and_the_next_finishes() {
    let all: Vec<String> = (0..6).map(|n| format!("u_{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let (_upstream, mirror) = mirror_of(&all, 4);
    let (mut killed, mut left) = (0, 0);
    for round in 0..24 {
        let copy = MirrorDir::new();
        let copied = std::process::Command::new("cp").arg("-a").args([mirror.path(), copy.path()]).status().unwrap();
        assert!(copied.success());
        for id in &all {
            copy.write(&format!("{}/notes.txt", place(&copy, id, 0)), *id);
        }
        let running = prune(&copy, &["--keep-versions", "1", "--no-sync"]).spawn();
        // As long as it takes to come so far, or until all is done.
        let history = copy.at(".element-mirror/history");
        let gone = || all.iter().map(|id| 3 - std::fs::read_dir(history.join(id)).unwrap().count()).sum::<usize>();
        let until = std::time::Instant::now() + Duration::from_secs(5);
        while gone() < round % 7 && std::time::Instant::now() < until {
            std::thread::yield_now();
        }
        running.signal("KILL");
        killed += usize::from(running.end_within(Duration::from_secs(10)).code == 137);
        left += copy.names(".element-mirror/staging").len();
        for id in &all {
            for when in copy.history(id) {
                let folder = format!(".element-mirror/history/{id}/{when}");
                if copy.names(&folder) != ["notes.txt"] {
                    check_version(&copy.at(&folder));
                }
            }
        }
        prune(&copy, &["--keep-versions", "1", "--no-sync"]).output().expect(0);
        for id in &all {
            let whens = copy.history(id);
            assert_eq!(whens.len(), 2, "round {round}: {whens:?}");
            let folder = |when: &str| format!(".element-mirror/history/{id}/{when}");
            assert_eq!(copy.names(&folder(&whens[0])), ["notes.txt"], "round {round}");
            assert_eq!(copy.read(&format!("{}/notes.txt", folder(&whens[0]))), id.as_bytes());
            check_version(&copy.at(&folder(&whens[1])));
            check_version(&copy.at(id));
        }
        assert_eq!(copy.names(".element-mirror/staging"), [""; 0], "round {round}");
    }
    println!("{killed} of 24 killed while it ran, {left} versions left half removed");
    assert!(killed > 6 && left > 0, "only {killed} were still running, {left} were half removed");
}

#[test]
fn what_an_interrupted_pruning_left_and_that_can_not_be_removed_is_said_until_it_is() {
    let (upstream, mirror) = mirror_of(&["u_1"], 3);
    let when = mirror.history("u_1").remove(0);
    let staged = format!(".element-mirror/staging/pruned.u_1.{when}");
    mirror.write(&format!("{}/notes.txt", place(&mirror, "u_1", 0)), "mine");
    std::fs::rename(mirror.at(&place(&mirror, "u_1", 0)), mirror.at(&staged)).unwrap();
    let path = mirror.at(&staged).to_str().unwrap().to_owned();
    let failing = |program: Program| program.failing("unlinkat:error=EIO", &[&path]);
    let Some(pruning) = failing(prune(&mirror, &["--keep-versions", "9"])) else { return };
    let run = pruning.output().expect(3);
    assert!(run.stderr.contains("u_1") && run.stderr.contains(&when), "{}", run.stderr);
    let run = failing(program().run(&upstream, &mirror.path()).ids(["u_1"])).unwrap().output().expect(0);
    assert!(run.stderr.contains("warning") && run.stderr.contains(&when), "{}", run.stderr);
    assert!(mirror.has(&staged));
    prune(&mirror, &["--keep-versions", "9"]).output().expect(0);
    assert_eq!(mirror.names(&format!(".element-mirror/history/u_1/{when}")), ["notes.txt"]);
    assert_eq!((mirror.history("u_1").len(), mirror.names(".element-mirror/staging").len()), (2, 0));
}

#[rstest]
#[case::interrupted("INT", 130)]
#[case::terminated("TERM", 143)]
fn a_signal_ends_it_between_two_elements_and_the_next_goes_on(#[case] signal: &str, #[case] code: i32) {
    let all: Vec<String> = (0..100).map(|n| format!("u_{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let (_upstream, mirror) = mirror_of(&all, 2);
    let slow = ["-e", "trace=renameat2", "-e", "inject=renameat2:delay_enter=200000", "-o", "/dev/null"];
    let Some(slowly) = prune(&mirror, &["--keep-versions", "0"]).under_strace(slow) else { return };
    let running = slowly.spawn();
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while mirror.names(".element-mirror/history").len() == all.len() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    running.signal_locked(&mirror, signal);
    running.end_within(Duration::from_secs(10)).expect(code);
    let left = mirror.names(".element-mirror/history").len();
    assert!((1..all.len()).contains(&left), "{left} are left");
    // What was moved out of sight already is the next one's to remove.
    mirror.check_but_staging();
    prune(&mirror, &["--keep-versions", "0"]).output().expect(0);
    assert_eq!(mirror.names(".element-mirror/history"), [""; 0]);
    mirror.check();
}

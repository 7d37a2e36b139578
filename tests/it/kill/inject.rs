//! System calls that fail, one after the other, in the real program: nothing half-made is seen, what is reported is there,
//! and the next run finishes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use element_mirror::digest::Digest;
use serde_json::{Value, json};

use super::order::joined;
use crate::support::{MirrorDir, Mount, Outcome, Program, Reply, Upstream, check_version, png, program};

/// What is mirrored before calls fail: of the first an asset changes, of the second its name, of the third nothing.
const OLD: [&str; 3] = ["u_1", "u_2", "u_3"];
const ALL: [&str; 5] = ["u_1", "u_2", "u_3", "u_4", "u_5"];

/// The calls that change a mirror, and how each may fail.
const FAULTS: [(&str, &[&str]); 9] = [
    ("write", &["EIO", "ENOSPC", "EDQUOT"]),
    ("fsync", &["EIO", "ENOSPC", "EDQUOT"]),
    ("syncfs", &["EIO", "ENOSPC", "EDQUOT"]),
    ("linkat", &["EIO", "ENOSPC", "EDQUOT", "EPERM", "EROFS"]),
    ("renameat2", &["EIO", "ENOSPC", "EDQUOT", "EINVAL", "EXDEV", "EROFS"]),
    ("renameat", &["EIO", "ENOSPC", "EDQUOT", "EROFS"]),
    ("openat", &["EIO", "EMFILE", "ENOSPC", "EDQUOT", "EROFS"]),
    ("mkdirat", &["EIO", "ENOSPC", "EDQUOT", "EROFS"]),
    ("unlinkat", &["EIO", "EROFS"]),
];

/// `<call>:error=<error>:when=<when>`, of these calls: the so many'th of each thread, or all from there on. A sample, or
/// all of them where `TEST_INJECTIONS=all`.
pub(super) fn faults(calls: &[&str]) -> Vec<String> {
    let all = std::env::var("TEST_INJECTIONS").is_ok_and(|which| which == "all");
    let whens: Vec<String> = match all {
        true => (1..=24).map(|n| n.to_string()).chain(["1+", "2+", "4+", "8+"].map(String::from)).collect(),
        false => ["1", "2", "4", "7", "1+"].map(String::from).into(),
    };
    let mut faults = Vec::new();
    for (call, errors) in FAULTS.iter().filter(|(call, _)| calls.is_empty() || calls.contains(call)) {
        for (n, when) in whens.iter().enumerate() {
            let errors = if all { errors } else { &errors[n % errors.len()..][..1] };
            faults.extend(errors.iter().map(|error| format!("{call}:error={error}:when={when}")));
        }
    }
    faults
}

/// The same calls, each of them the last: it kills the program when it is done, or before it is begun.
pub(super) fn kills(calls: &[&str]) -> impl Iterator<Item = String> {
    let faults = faults(calls).into_iter().filter(|fault| !fault.ends_with('+'));
    faults.enumerate().map(|(n, fault)| {
        let (call, rest) = fault.split_once(':').unwrap();
        let (error, when) = rest.rsplit_once(':').unwrap();
        let before = if n % 2 == 0 { format!("{error}:") } else { String::new() };
        format!("{call}:{before}signal=KILL:{when}")
    })
}

/// What a `program` on `mirror` reports when calls fail that are about one of the `paths`, or whatever they are about where
/// there are none; and those calls.
pub(super) fn failing(
    program: Program,
    mirror: &MirrorDir,
    faults: &[String],
    paths: &[String],
) -> Option<(Outcome, Vec<String>)> {
    let log = mirror.beside("calls");
    let calls: Vec<_> = faults.iter().map(|fault| fault.split(':').next().unwrap()).collect();
    let mut args = vec!["-e".to_owned(), format!("trace={}", calls.join(",")), "-o".into(), log.display().to_string()];
    args.extend(faults.iter().flat_map(|fault| ["-e".to_owned(), format!("inject={fault}")]));
    args.extend(paths.iter().flat_map(|path| ["-P".to_owned(), path.clone()]));
    let run = program.under_strace(args)?.report();
    let mut calls = joined(&std::fs::read_to_string(log).unwrap());
    calls.retain(|call| call.contains("(INJECTED)"));
    Some((run, calls))
}

/// An upstream that has changed since its first three elements were mirrored.
struct Scene {
    upstream: Upstream,
    mirrored: MirrorDir,
    /// The manifests that stand there.
    before: BTreeMap<&'static str, Digest>,
    runs: usize,
    /// How many calls failed, by their names.
    failed: BTreeMap<String, usize>,
}

impl Scene {
    fn new() -> Self {
        let (upstream, mirrored) = (Upstream::start(), MirrorDir::in_memory());
        let mut told: Vec<Value> = ALL.iter().map(|id| upstream.add(id, 2)).collect();
        program().run(&upstream, &mirrored.path()).ids(OLD).output().expect(0);
        let before = OLD.map(|id| (id, Digest::of(&mirrored.read(&format!("{id}/manifest.json")))));
        // Of so many chunks that a write in the middle may fail.
        let mut large = png(8, 8, 1);
        large.resize(120_000, 1);
        upstream.on("/cdn/u_1/new.png", [Reply::ok(large)]);
        told[0]["resources"][1]["resource"] = json!(upstream.url("/cdn/u_1/new.png"));
        told[1]["name"] = json!("another");
        for (id, told) in ALL.iter().zip(&told) {
            upstream.tell(id, told);
        }
        Self { upstream, mirrored, before: before.into(), runs: 0, failed: BTreeMap::new() }
    }

    /// A copy of the mirror, somewhere below `folder` where that is said.
    fn copy(&self, folder: Option<&Path>) -> MirrorDir {
        let mirror = folder.map_or_else(MirrorDir::in_memory, MirrorDir::below);
        mirror.copy(&self.mirrored);
        mirror
    }

    /// A run of all elements in which calls fail that are about one of the `paths`; and those calls.
    fn run(&mut self, mirror: &MirrorDir, faults: &[String], paths: &[String]) -> Option<(Outcome, Vec<String>)> {
        let run = program().run(&self.upstream, &mirror.path()).ids(ALL);
        let (run, calls) = failing(run, mirror, faults, paths)?;
        self.runs += 1;
        for call in &calls {
            let name = call.split('(').next().unwrap_or_default().split_whitespace().last().unwrap_or_default();
            *self.failed.entry(name.to_owned()).or_default() += 1;
        }
        Some((run, calls))
    }

    /// A run in which calls fail or kill it, and all that must be true then, and after the next run.
    fn try_out(&mut self, mirror: &MirrorDir, faults: &[String]) -> Option<Outcome> {
        let what = faults.join(" ");
        let (run, failed) = self.run(mirror, faults, &paths(&mirror.path()))?;
        let is_killed = what.contains("signal=KILL") && run.code == 137;
        assert!(is_killed || [0, 1, 3].contains(&run.code), "{what}: {run:?}");
        assert!(is_killed || run.code == 0 || !failed.is_empty(), "{what}: {run:?}");
        self.check_kept(mirror, &what, true);
        check_report(mirror, &run, &what);
        for call in failed.iter().filter(|call| call.contains("sync(") || call.contains("syncfs(")) {
            assert_ne!(run.code, 0, "{what}: {call} was passed over: {run:?}");
            for line in run.lines() {
                let staged = format!("/staging/{}/version", line["id"].as_str().unwrap());
                assert!(!call.contains(&staged) || line["status"] == "failed", "{what}: {call}, but {line}");
            }
        }
        let next = program().run(&self.upstream, &mirror.path()).ids(ALL).report();
        assert_eq!(next.code, 0, "after {what}, of {run:?}: {next:?}");
        check_report(mirror, &next, &what);
        mirror.check();
        self.check_kept(mirror, &what, false);
        let superseded = ALL.map(|id| mirror.history(id).len());
        // What was put aside, since it could not be read, is in no history.
        assert!(superseded == [1, 1, 0, 0, 0] || mirror.has(".element-mirror/damaged"), "{what}: {superseded:?}");
        Some(run)
    }

    /// Every version that stood is still there; in staging too, where that is `staged`.
    fn check_kept(&self, mirror: &MirrorDir, what: &str, staged: bool) {
        mirror.check_but_staging();
        let mut kept = BTreeSet::new();
        for (path, bytes) in mirror.all_files() {
            if path.ends_with("/manifest.json") && (staged || !path.contains("/staging/")) {
                kept.insert(Digest::of(&bytes).to_string());
            }
        }
        for (id, manifest) in &self.before {
            assert!(kept.contains(&manifest.to_string()), "{what}: the version of {id} is lost");
        }
        for id in ALL {
            for when in mirror.history(id) {
                check_version(&mirror.at(&format!(".element-mirror/history/{id}/{when}")));
            }
        }
    }

    fn told(&self) -> String {
        format!("{} calls failed in {} runs: {:?}", self.failed.values().sum::<usize>(), self.runs, self.failed)
    }
}

/// What a report says is there; and a run that ends with 0 reports all as done.
fn check_report(mirror: &MirrorDir, run: &Outcome, what: &str) {
    let mut done = BTreeSet::new();
    for line in run.lines() {
        let id = line["id"].as_str().unwrap().to_owned();
        match line["status"].as_str().unwrap() {
            // Where nothing can be opened, it can't be known.
            "failed" if what.contains("openat") && line["stands"] == "none" => {}
            "failed" => assert_eq!(line["stands"] == "complete", mirror.has(&id), "{what}: {line}"),
            _ => {
                check_version(&mirror.at(&id));
                let manifest = mirror.manifest(&id);
                let name = if id == "u_2" { "another".to_owned() } else { format!("Name of {id}") };
                let side = if id == "u_1" { "/cdn/u_1/new.png".to_owned() } else { format!("/cdn/{id}/1.png") };
                assert_eq!(manifest["element"]["name"], name, "{what}: {line}");
                assert!(manifest["assets"][1]["url"].as_str().unwrap().ends_with(&side), "{what}: {line}");
                assert!(done.insert(id), "{what}: twice {line}");
            }
        }
    }
    assert!(run.code == 137 || (run.code == 0) == (done.len() == ALL.len()), "{what}: {run:?}");
}

/// All that a run writes in the destination `root`.
fn paths(root: &Path) -> Vec<String> {
    let own = root.join(".element-mirror");
    let mut paths = vec![root.to_owned(), own.clone()];
    paths.extend(["lock", "format", "staging", "history", "gone"].map(|name| own.join(name)));
    for id in ALL {
        let staged = own.join("staging").join(id);
        paths.extend([own.join("history").join(id), root.join(id)]);
        paths.extend(["", "0", "1", "sealed", "old"].map(|name| staged.join(name)));
        let files = ["", "cover.png", "side.png", "element.json", "manifest.json", "SHA256SUMS"];
        paths.extend(files.map(|name| staged.join("version").join(name)));
    }
    paths.into_iter().map(|path| path.display().to_string().trim_end_matches('/').to_owned()).collect()
}

#[test]
fn whatever_call_fails_in_a_run_nothing_is_half_made_and_the_next_run_finishes() {
    let mut scene = Scene::new();
    for fault in faults(&[]) {
        let mirror = scene.copy(None);
        if scene.try_out(&mirror, &[fault]).is_none() {
            return;
        }
    }
    println!("{}", scene.told());
}

#[test]
fn whatever_call_fails_where_files_are_flushed_one_by_one_nothing_is_half_made_and_the_next_run_finishes() {
    let (mut scene, around) = (Scene::new(), MirrorDir::in_memory());
    let overlay = around.beside("overlay");
    // On an overlay syncfs is not trusted.
    let Some(_mounts) = Mount::overlay(&around.beside("lower"), &around.beside("upper"), &overlay) else { return };
    for fault in faults(&["fsync", "renameat2", "openat", "linkat"]) {
        let mirror = scene.copy(Some(&overlay));
        if scene.try_out(&mirror, &[fault]).is_none() {
            return;
        }
    }
    println!("{}", scene.told());
}

#[test]
fn whatever_call_fails_in_a_recovery_nothing_is_half_made_and_the_next_run_finishes() {
    let mut scene = Scene::new();
    // Killed before the first exchange, after it, and between the two renames that are one where folders can't be exchanged.
    let kills: [&[&str]; 4] = [
        &["renameat2:error=EIO:signal=KILL:when=1"],
        &["renameat2:signal=KILL:when=1"],
        &["renameat2:signal=KILL:when=4"],
        &["renameat2:error=EINVAL:when=1+", "renameat:signal=KILL:when=1"],
    ];
    for kill in kills {
        let killed = scene.copy(None);
        let kill: Vec<String> = kill.iter().map(|&fault| fault.into()).collect();
        let root = killed.path().display().to_string();
        let Some((run, _)) = scene.run(&killed, &kill, &[root]) else { return };
        assert_eq!(run.code, 137, "{kill:?}: {run:?}");
        assert!(!killed.names(".element-mirror/staging").is_empty());
        for fault in faults(&["fsync", "linkat", "renameat2", "openat", "mkdirat", "unlinkat"]) {
            let mirror = MirrorDir::in_memory();
            mirror.copy(&killed);
            scene.try_out(&mirror, &[fault]);
        }
    }
    println!("{}", scene.told());
}

#[test]
fn whatever_call_fails_where_folders_can_not_be_exchanged_nothing_is_half_made_and_the_next_run_finishes() {
    let mut scene = Scene::new();
    for fault in faults(&["renameat", "openat", "mkdirat", "unlinkat"]) {
        let mirror = scene.copy(None);
        if scene.try_out(&mirror, &["renameat2:error=EINVAL:when=1+".into(), fault]).is_none() {
            return;
        }
    }
    println!("{}", scene.told());
}

#[test]
fn killed_at_a_chosen_call_nothing_is_half_made_and_the_next_run_finishes() {
    let (mut scene, mut killed) = (Scene::new(), 0);
    for kill in kills(&[]) {
        let mirror = scene.copy(None);
        let Some(run) = scene.try_out(&mirror, &[kill]) else { return };
        killed += usize::from(run.code == 137);
    }
    // The late ones of a thread may never come.
    assert!(killed > scene.runs / 5, "only {killed} of {}", scene.runs);
    println!("{killed} of {} runs killed", scene.runs);
}

#[test]
fn what_can_not_be_flushed_is_never_reported_as_done() {
    let mut scene = Scene::new();
    for faults in [&["syncfs:error=EIO:when=1+"][..], &["syncfs:error=EIO:when=1+", "fsync:error=EIO:when=1+"]] {
        let mirror = scene.copy(None);
        let faults: Vec<String> = faults.iter().map(|&fault| fault.into()).collect();
        let Some(run) = scene.try_out(&mirror, &faults) else { return };
        for line in run.lines().iter().filter(|line| line["id"] != "u_3") {
            // The third that fails in a row cuts off what is still in flight.
            let kind = line["error"]["kind"].as_str().unwrap_or_default();
            assert!(line["status"] == "failed" && ["io", "interrupted"].contains(&kind), "{line}");
        }
    }
    println!("{}", scene.told());
}

#[test]
fn a_report_that_can_not_be_written_ends_the_run_and_what_it_says_is_true() {
    let mut scene = Scene::new();
    for when in ["1", "2", "3+"] {
        let mirror = scene.copy(None);
        let report = mirror.put("report", "");
        let fault = format!("write:error=ENOSPC:when={when}");
        let run = program().run(&scene.upstream, &mirror.path()).ids(ALL).arg("--report").arg(&report);
        let Some(run) = run.failing(&fault, &[report.to_str().unwrap()]) else { return };
        let mut run = run.output().expect(1);
        let said = std::fs::read_to_string(&report).unwrap();
        run.stdout = said.rsplit_once('\n').map_or(String::new(), |(whole, _)| whole.to_owned());
        check_report(&mirror, &run, &fault);
        scene.check_kept(&mirror, &fault, true);
        scene.try_out(&mirror, &["unlinkat:error=EIO:when=1".into()]);
    }
}

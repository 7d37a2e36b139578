//! File systems that can neither link nor exchange and keep times to two seconds, as FAT does: by making the real
//! program's calls fail.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::support::{MirrorDir, Outcome, Reply, Upstream, png, program};

const IDS: [&str; 3] = ["u_1", "u_2", "u_3"];

/// A run without links and exchange, and one more `fault` where that is said.
fn run(upstream: &Upstream, mirror: &MirrorDir, fault: Option<&str>) -> Option<Outcome> {
    let faults = ["linkat:error=EPERM:when=1+", "renameat2:error=EINVAL:when=1+"];
    let faults: Vec<String> = faults.into_iter().chain(fault).map(|fault| format!("inject={fault}")).collect();
    let args = faults.iter().flat_map(|fault| ["-e", fault]).chain(["-o", "/dev/null"]);
    Some(program().run(upstream, &mirror.path()).ids(IDS).under_strace(args)?.report())
}

/// Every file gets a time of whole, even seconds.
fn round_times(mirror: &MirrorDir) {
    for path in mirror.all_files().into_keys().map(|path| mirror.at(&path)) {
        let file = std::fs::File::options().append(true).open(path).unwrap();
        let time = file.metadata().unwrap().modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs() / 2 * 2)).unwrap();
    }
}

/// The next version of each element: another side.
fn turn(upstream: &Upstream, round: u8) {
    for id in IDS {
        let mut told = upstream.add(id, 2);
        let path = format!("/cdn/{id}/side-{round}");
        upstream.on(&path, [Reply::ok(png(8, 8, round))]);
        told["resources"][1]["resource"] = json!(upstream.url(&path));
        upstream.tell(id, &told);
    }
}

#[test]
fn without_links_exchange_and_exact_times_a_mirror_is_made_kept_and_replaced() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    turn(&upstream, 0);
    let Some(first) = run(&upstream, &mirror, None) else { return };
    first.expect(0);
    round_times(&mirror);
    upstream.forget();
    let second = run(&upstream, &mirror, None).unwrap().expect(0);
    assert!(IDS.iter().all(|id| second.status(id) == "unchanged"), "{}", second.stdout);
    assert!(upstream.cdn_requests().is_empty());
    turn(&upstream, 1);
    let third = run(&upstream, &mirror, None).unwrap().expect(0);
    assert!(IDS.iter().all(|id| third.status(id) == "updated"), "{}", third.stdout);
    assert_eq!(third.stderr.matches("can't exchange folders").count(), 1, "said once: {}", third.stderr);
    assert_eq!(upstream.cdn_requests().len(), 3, "the cover is kept");
    assert_eq!(IDS.map(|id| mirror.history(id).len()), [1; 3]);
    mirror.check();
}

#[test]
fn without_links_and_exchange_a_kill_leaves_one_whole_version_in_sight_or_none_and_the_next_run_finishes() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    turn(&upstream, 0);
    let Some(first) = run(&upstream, &mirror, None) else { return };
    first.expect(0);
    // Those of each thread: downloads, and of the committer's the ways back and forth between `<id>` and staging.
    let kills = [1, 2, 3, 4, 5, 6].map(|when| format!("renameat:signal=KILL:when={when}"));
    let others = ["mkdirat:signal=KILL:when=2", "unlinkat:signal=KILL:when=3"].map(String::from);
    for (round, kill) in (1..).zip(kills.into_iter().chain(others)) {
        turn(&upstream, round);
        let killed = run(&upstream, &mirror, Some(&kill)).unwrap();
        assert!([0, 137].contains(&killed.code), "{kill}: {killed:?}");
        mirror.check_but_staging();
        run(&upstream, &mirror, None).unwrap().expect(0);
        assert_eq!(mirror.ids(), IDS, "{kill}");
        assert_eq!(IDS.map(|id| mirror.history(id).len()), [usize::from(round); 3], "{kill}: a version is lost");
        mirror.check();
    }
}

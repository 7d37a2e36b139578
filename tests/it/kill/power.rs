//! Power cuts: a file system in a file is shut down as if the machine had stopped, and what had not reached the disk is
//! gone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{CHANGED, Dice, ELEMENTS, ids, run, turn};
use crate::support::{Disk, MirrorDir, Upstream, check_version};

const CUTS: usize = 15;

/// The round whose version of `id` stands, the folder being whole; none where there is none.
#[track_caller]
fn standing_round(mirror: &MirrorDir, id: &str) -> Option<usize> {
    if !mirror.has(id) {
        return None;
    }
    check_version(&mirror.at(id));
    let url = mirror.manifest(id)["assets"][1]["url"].as_str().unwrap().to_owned();
    Some(url.rsplit_once('-').unwrap().1.parse().unwrap())
}

/// The IDs that a report says are done; its last line may be cut.
fn reported(report: &str) -> Vec<String> {
    let lines = report.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let done = lines.filter(|line| ["created", "updated", "unchanged"].contains(&line["status"].as_str().unwrap()));
    done.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_reported_before_a_power_cut_is_there_and_whole() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let Some(disk) = Disk::ext4(&mirror.beside("disk"), &mirror.path()) else { return };
    let mut dice = Dice(23_112_026);
    let mut promised = BTreeMap::new();
    let mut told = BTreeMap::new();
    for round in 0..CUTS {
        turn(&upstream, round);
        upstream.forget();
        for (n, id) in ids().into_iter().enumerate() {
            if round == 0 || n % CHANGED == round % CHANGED {
                told.insert(id, round);
            }
        }
        let report = mirror.beside(&format!("report-{round}"));
        let running = run(&upstream, &mirror.path()).arg("--report").arg(&report).spawn();
        upstream.wait_for("/", 1 + dice.below(ELEMENTS + ELEMENTS / CHANGED));
        let until = std::time::Instant::now() + Duration::from_micros(dice.below(60_000) as u64);
        while std::time::Instant::now() < until {
            std::thread::yield_now();
        }
        // Sometimes it is killed first, so that the next run goes on before the power fails.
        if round % 3 == 1 {
            running.signal("KILL");
            drop(running);
            let second = run(&upstream, &mirror.path()).arg("--report").arg(&report).output();
            assert_eq!(second.code, 0, "{}", second.stderr);
            disk.cut();
        } else {
            disk.cut();
            running.signal("KILL");
            drop(running);
        }
        disk.mount_again();
        let report = std::fs::read_to_string(&report).unwrap_or_default();
        for id in reported(&report) {
            let round = told[&id];
            promised.insert(id, round);
        }
        for id in ids() {
            let stands = standing_round(&mirror, &id);
            assert!(stands >= promised.get(&id).copied(), "{id}: {stands:?} stands, {promised:?} was reported");
        }
    }
    assert!(promised.len() > ELEMENTS / 2, "hardly anything was reported: {promised:?}");
    run(&upstream, &mirror.path()).output().expect(0);
    assert!(ids().iter().all(|id| standing_round(&mirror, id) == told.get(id).copied()));
    mirror.check();
}

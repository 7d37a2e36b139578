//! An inspection beside which other runs go on finds no flaws in what is whole.

use super::*;
use crate::keep::Keep;
use crate::store::Destination as _;
use crate::store::contract::recipe::Recipe;
use crate::store::object::bench::Bench;
use crate::store::object::faulty::Fault;

const DEPTHS: [Depth; 3] = [
    Depth { history: false, quick: false },
    Depth { history: true, quick: false },
    Depth { history: true, quick: true },
];

/// A bucket in which two versions are superseded, and all objects old.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.commit(&[(1, 400), (2, 300), (3, 200)].map(|(number, hours)| Recipe::number(number).hours_ago(hours)));
    bench.age();
    bench
}

fn prune(bench: &Bench, versions: u64) {
    let (store, id) = (bench.run(), Recipe::number(1).id);
    let keep = Keep { versions: Some(versions), within: None };
    store.prune(&id, &store.expired(&id, &keep).unwrap(), |_| ()).unwrap();
}

/// Lets `other` happen right before each call of an inspection, which then finds no flaws.
#[track_caller]
fn assert_undisturbed(depth: Depth, other: fn(&Bench)) {
    for number in 0.. {
        let bench = bench();
        let (store, client) = bench.faulty_run();
        let others = bench.clone();
        client.before(number, move || other(&others));
        let inspection = store.inspect(&Recipe::number(1).id, depth, &Counters::default()).unwrap();
        let is_reached = client.end();
        let context = format!("{depth:?} at {number}: {:?}", client.calls().get(number));
        assert!(inspection.remains.is_none() && inspection.standing.is_some(), "{context}");
        let flaws: Vec<_> = inspection.versions().flat_map(|version| &version.flaws).collect();
        assert!(flaws.is_empty(), "{context}: {flaws:?}");
        if !is_reached {
            break;
        }
    }
}

#[test]
fn a_version_that_is_committed_meanwhile_disturbs_nothing() {
    DEPTHS.into_iter().for_each(|depth| assert_undisturbed(depth, |bench| bench.commit(&[Recipe::number(4)])));
}

#[test]
fn nor_do_versions_that_are_pruned_meanwhile() {
    DEPTHS.into_iter().for_each(|depth| assert_undisturbed(depth, |bench| prune(bench, 0)));
    DEPTHS.into_iter().for_each(|depth| assert_undisturbed(depth, |bench| prune(bench, 1)));
}

#[test]
fn what_can_t_be_asked_is_a_failure_and_no_flaw() {
    for depth in DEPTHS {
        for fault in [Fault::Dies, Fault::Fails] {
            for number in 0.. {
                let bench = bench();
                let (store, client) = bench.faulty_run();
                client.fail(number, fault);
                let inspected = store.inspect(&Recipe::number(1).id, depth, &Counters::default());
                if !client.end() {
                    break;
                }
                let calls = client.calls();
                // What broke off while it was listed is tried again.
                let is_listing = calls[number].starts_with("list") || calls[number].starts_with("folders");
                let context = format!("{depth:?}, {fault:?}: {}", calls[number]);
                assert_eq!(inspected.is_ok(), is_listing && fault == Fault::Fails, "{context}");
                let flaws = inspected.map(|found| found.versions().map(|version| version.flaws.len()).sum::<usize>());
                assert_eq!(flaws.unwrap_or(0), 0, "{context}");
            }
        }
    }
}

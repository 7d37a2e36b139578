//! Opening, and notes of what is gone, in a bucket that fails.

use super::*;
use crate::event::Counters;
use crate::keep::Keep;
use crate::store::Destination as _;
use crate::store::contract::place::options;
use crate::store::contract::recipe::{RUNTIME, Recipe, id};
use crate::store::inspect::Depth;
use crate::store::overview::Index;
use crate::time::Time;
use bench::{Bench, only};
use faulty::{Conditions, Fault, Faulty};

#[test]
fn opening_asks_for_the_format_proves_that_it_may_write_and_lists_notes() {
    let bench = Bench::new();
    // What puts the format puts it once more, to see that it is told of the one that is there.
    for puts in [2, 1] {
        let client = Faulty::of(&bench.world);
        bench.open(&client).unwrap_or_else(|error| panic!("{error}"));
        let mut calls = only(&client.calls(), &["get", "put-if", "put", "list", "head", "folders"]);
        calls.sort();
        let format = ".element-mirror/format";
        let mut expected = vec![format!("get {format}"), "list .element-mirror/gone".to_owned()];
        expected.extend(vec![format!("put-if {format}"); puts]);
        assert_eq!(calls, expected);
    }
}

#[test]
fn whoever_cant_read_list_or_write_is_told_at_once_and_may_come_again() {
    for has_element in [false, true] {
        for fault in Fault::ALL {
            for number in 0.. {
                let bench = Bench::new();
                if has_element {
                    bench.commit(&[Recipe::number(1)]);
                }
                let client = Faulty::of(&bench.world);
                client.fail(number, fault);
                let opened = bench.open(&client);
                let is_reached = client.end();
                let calls = client.calls();
                let context = format!("{fault:?} at {number}: {calls:?}");
                if is_reached {
                    let is_listing = calls[number].starts_with("list");
                    let is_put = calls[number].starts_with("put-if");
                    let is_refused = matches!(fault, Fault::Refuses | Fault::RefusesThough);
                    let is_alone = !matches!(fault, Fault::Dies | Fault::DiesAfter);
                    // What broke off is tried again; that another was first with the format is well.
                    let expected = is_listing && is_alone && !is_refused || is_put && is_alone;
                    assert_eq!(opened.is_ok(), expected, "{context}");
                }
                if let Err(error) = opened {
                    assert!(error.to_string().starts_with("can't use the destination: "), "{context}: {error}");
                }
                assert_eq!(Recipe::number(2).commit(&bench.run()), Ok(()), "{context}");
                if !is_reached {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_store_that_refuses_every_condition_without_a_reason_is_told_at_once() {
    let bench = Bench::new();
    let client = Faulty::of(&bench.world);
    client.fail(0, Fault::RefusesFromHere);
    let said = bench.open(&client).err().unwrap().to_string();
    assert!(said.contains("can't use the destination: "), "{said}");
}

#[test]
fn a_store_that_heeds_no_condition_and_does_not_say_so_is_found_out() {
    for conditions in [Conditions::Unsupported, Conditions::Ignored] {
        let bench = Bench::with(conditions);
        drop(bench.run());
        let store = bench.run();
        // The same second: what the history has is not overwritten.
        let versions = [1, 2, 3].map(|number| Recipe::number(number).at_the_time_of(&Recipe::number(1)));
        versions.iter().for_each(|version| assert_eq!(version.commit(&store), Ok(()), "{conditions:?}"));
        assert_eq!(store.history(&id("u_1")).unwrap().len(), 2, "{conditions:?}");
        bench.assert_whole("after three versions");
    }
}

#[test]
fn a_note_that_cant_be_put_or_removed_is_a_failure_and_what_is_known_stays() {
    let since = Time::from_rfc3339("2026-11-23T08:00:00Z").unwrap();
    for fault in Fault::ALL {
        let bench = Bench::new();
        let (store, client) = bench.faulty_run();
        client.fail(0, fault);
        assert!(store.note_gone(&id("u_1"), since).is_err(), "{fault:?}");
        assert!(client.end());
        store.note_gone(&id("u_1"), since).unwrap();
        client.calls();
        client.fail(0, fault);
        let cleared = store.clear_gone(&id("u_1"));
        assert!(client.end());
        let is_removed = bench.run().gone_since(&id("u_1")).unwrap().is_none();
        assert!(cleared.is_err() || is_removed, "{fault:?}");
        if !is_removed {
            assert_eq!(store.gone_since(&id("u_1")).unwrap(), Some(since), "{fault:?}");
        }
        store.clear_gone(&id("u_1")).unwrap();
        assert_eq!(bench.run().gone_since(&id("u_1")).unwrap(), None, "{fault:?}");
    }
}

#[test]
fn a_mirror_may_have_the_whole_bucket_or_lie_beside_others() {
    let bench = Bench::new();
    let open = |url: &str| {
        let location = Location::parse(url).unwrap();
        let options = options(Some(bench.staging.path().to_owned()));
        let client = Arc::new(Faulty::of(&bench.world));
        let opened = RUNTIME.block_on(BucketStore::open_with(client, &location, &options, Access::Write));
        opened.unwrap_or_else(|error| panic!("{error}")).store
    };
    let names = ["s3://memory", "s3://memory/u", "s3://memory/u_1", "s3://memory/u_1/u"];
    let versions = |name: &str| [1, 2, 3].map(|number| Recipe::of(&format!("e_{}", name.len()), number));
    for name in names {
        versions(name).iter().for_each(|version| assert_eq!(version.commit(&open(name)), Ok(())));
    }
    for name in names {
        let (store, [first, second, standing]) = (open(name), versions(name));
        assert!(store.all_elements().unwrap().contains(&standing.id), "{name}");
        assert_eq!(store.elements_with_history().unwrap(), std::slice::from_ref(&standing.id), "{name}");
        let past = store.history(&standing.id).unwrap();
        assert_eq!(past.iter().map(|past| past.when.clone()).collect::<Vec<_>>(), [first.when(), second.when()]);
        let depth = Depth { history: true, quick: true };
        let inspection = store.inspect(&standing.id, depth, &Counters::default()).unwrap();
        assert!(inspection.versions().all(|version| version.flaws.is_empty()) && inspection.past.len() == 2, "{name}");
        let keep = Keep { versions: Some(0), within: None };
        store.prune(&standing.id, &store.expired(&standing.id, &keep).unwrap(), |_| ()).unwrap();
        assert!(store.history(&standing.id).unwrap().is_empty(), "{name}");
        let mut indexed = 0;
        store.write_overview(&mut Index, || false, |_, _| indexed += 1).unwrap();
        assert_eq!(indexed, 0, "{name}");
    }
}

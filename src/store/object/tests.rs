//! Opening, and notes of what is gone, in a bucket that fails.

use super::*;
use crate::store::Store as _;
use crate::store::contract::recipe::{Recipe, id};
use crate::time::Time;
use bench::{Bench, only};
use faulty::{Conditions, Fault, Faulty};

#[test]
fn opening_asks_for_the_format_proves_that_it_may_write_and_lists_notes() {
    let bench = Bench::new();
    for _ in 0..2 {
        let client = Faulty::of(&bench.world);
        bench.open(&client).unwrap_or_else(|error| panic!("{error}"));
        let mut calls = only(&client.calls(), &["get", "put-if", "put", "list", "head", "folders"]);
        calls.sort();
        let format = ".element-mirror/format";
        assert_eq!(
            calls,
            [format!("get {format}"), "list .element-mirror/gone".to_owned(), format!("put-if {format}")]
        );
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
                    // A listing that broke off is tried again; that another was first with the format is well.
                    let expected = is_listing && is_alone && !is_refused || is_put && is_refused;
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
        let expected = if cleared.is_ok() { None } else { Some(since) };
        let is_removed = bench.run().gone_since(&id("u_1")).is_none();
        assert!(cleared.is_err() || is_removed, "{fault:?}");
        if !is_removed {
            assert_eq!(store.gone_since(&id("u_1")), expected, "{fault:?}");
        }
        store.clear_gone(&id("u_1")).unwrap();
        assert_eq!(bench.run().gone_since(&id("u_1")), None, "{fault:?}");
    }
}

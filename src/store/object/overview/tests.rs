//! The index: all of the old or all of the new one, whatever goes wrong.

use crate::layout::INDEX;
use crate::layout::Naming;
use crate::store::Destination as _;
use crate::store::contract::recipe::Recipe;
use crate::store::object::bench::Bench;
use crate::store::object::faulty::Fault;
use crate::store::overview::Index;

fn lines(names: &[&str]) -> Vec<u8> {
    names.iter().flat_map(|name| Recipe::of(name, 1).manifest(Naming::ByContent).to_line()).collect()
}

/// A bucket with an index, and an element more than that has.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.commit(&["u_1", "u_3"].map(|name| Recipe::of(name, 1)));
    bench.run().write_overview(&mut Index, || false, |_, _| ()).unwrap();
    bench.commit(&[Recipe::of("u_2", 1)]);
    bench
}

#[test]
fn an_index_that_goes_wrong_at_any_call_is_the_old_or_the_new_one() {
    let (old, new) = (lines(&["u_1", "u_3"]), lines(&["u_1", "u_2", "u_3"]));
    for fault in Fault::ALL {
        for number in 0.. {
            let bench = bench();
            let (store, client) = bench.faulty_run();
            client.fail(number, fault);
            let mut left_out = Vec::new();
            let done = store.write_overview(&mut Index, || false, |id, _| left_out.push(id.to_string()));
            let is_reached = client.end();
            let context = format!("{fault:?} at {number}: {:?}", client.calls().get(number));
            let found = bench.objects().remove(INDEX).unwrap();
            let kept: Vec<&str> =
                ["u_1", "u_2", "u_3"].into_iter().filter(|name| !left_out.iter().any(|left| left == name)).collect();
            match done {
                // What could not be read is left out, and told.
                Ok(()) => assert!(found == lines(&kept), "{context}"),
                Err(_) => assert!(found == old || found == lines(&kept), "{context}"),
            }
            assert!(bench.run().write_overview(&mut Index, || false, |_, _| ()).is_ok(), "{context}");
            assert!(bench.objects().remove(INDEX).unwrap() == new, "{context}");
            if !is_reached {
                assert!(done.is_ok() && left_out.is_empty(), "{context}");
                break;
            }
        }
    }
}

#[test]
fn of_two_indexes_at_once_one_has_its_way() {
    for number in 0.. {
        let bench = bench();
        let (store, client) = bench.faulty_run();
        let other = bench.clone();
        client.before(number, move || {
            other.commit(&[Recipe::of("u_4", 1)]);
            other.run().write_overview(&mut Index, || false, |_, _| ()).unwrap();
        });
        store.write_overview(&mut Index, || false, |_, why| panic!("{why}")).unwrap();
        let found = bench.objects().remove(INDEX).unwrap();
        let known = [lines(&["u_1", "u_2", "u_3"]), lines(&["u_1", "u_2", "u_3", "u_4"])];
        assert!(known.contains(&found), "{number}");
        if !client.end() {
            break;
        }
    }
}

#[test]
fn an_index_may_end_early_between_any_two_lines_and_after_the_last() {
    for asked in 0_u32.. {
        let (bench, left) = (bench(), std::cell::Cell::new(asked));
        let is_over = || left.replace(left.get().saturating_sub(1)) == 0;
        let done = bench.run().write_overview(&mut Index, is_over, |_, _| ());
        let found = bench.objects().remove(INDEX).unwrap();
        if done.is_ok() {
            // Three lines, and the end.
            assert_eq!(asked, 4);
            assert!(found == lines(&["u_1", "u_2", "u_3"]));
            break;
        }
        assert!(found == lines(&["u_1", "u_3"]), "{asked}");
    }
}

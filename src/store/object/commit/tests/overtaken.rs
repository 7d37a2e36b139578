//! A commit that another run overtakes, at each of its calls in turn.

use std::collections::BTreeSet;

use super::Before;
use crate::store::Destination as _;
use crate::store::contract::recipe::{Recipe, commit};
use crate::store::object::bench::{is_conflict, only};
use crate::store::object::faulty::Conditions;

/// Lets a run commit version 3 right before each call of another run, which commits version 2, its look at what stands
/// among them.
fn overtake_everywhere(before: Before, conditions: Conditions) -> BTreeSet<&'static str> {
    let (old, new, others) = (Recipe::number(1), Recipe::number(2), Recipe::number(3));
    let mut ends = BTreeSet::new();
    for number in 0.. {
        let context = format!("{before:?}, {conditions:?}, overtaken at {number}");
        let bench = before.bench(conditions);
        let (store, client) = bench.faulty_run();
        let (other, version) = (bench.clone(), others.clone());
        client.before(number, move || other.commit(&[version]));
        let (answer, _) = before.commit(&store);
        if !client.end() {
            assert_eq!(answer, Ok(()), "{context}");
            break;
        }
        let context = format!("{context}: {}", client.calls()[number]);
        assert!(answer.is_ok() || is_conflict(&answer), "{context}: {answer:?}");
        bench.assert_whole(&context);
        let standing = bench.standing(&[new.clone(), others.clone()]);
        assert!(standing.is_some(), "{context}");
        bench.assert_sums_of(&[old.clone(), new.clone(), others.clone()], &context);
        ends.insert(match (answer, standing) {
            (Ok(()), Some(0)) => "has its way",
            (Ok(()), _) => "is superseded",
            (Err(_), Some(1)) => "is refused",
            end => panic!("{context}: {end:?}"),
        });
        // Planned against once more, it is done.
        assert_eq!(before.commit(&store).0, Ok(()), "{context}");
        bench.assert_whole(&context);
        bench.assert_stands(&new, &context);
        if conditions == Conditions::Heeded {
            let past = bench.run().history(&new.id).unwrap();
            let past: Vec<_> = past.into_iter().map(|past| past.when).collect();
            let expected = [Some(&old).filter(|_| before == Before::Version), Some(&others)];
            let expected: Vec<_> = expected.into_iter().flatten().map(Recipe::when).collect();
            assert_eq!(past, expected, "{context}");
        }
    }
    ends
}

#[test]
fn of_two_runs_one_has_its_way_and_the_other_is_refused_or_superseded_wherever_they_meet() {
    for before in [Before::Nothing, Before::Litter, Before::Version] {
        let ends = overtake_everywhere(before, Conditions::Heeded);
        assert_eq!(ends, BTreeSet::from(["has its way", "is refused", "is superseded"]), "{before:?}");
    }
}

#[test]
fn none_of_them_is_torn_where_the_store_heeds_no_condition() {
    for conditions in [Conditions::Unsupported, Conditions::Ignored] {
        for before in [Before::Nothing, Before::Version] {
            let ends = overtake_everywhere(before, conditions);
            assert!(
                ends.contains("is refused"),
                "{conditions:?}, {before:?}: it is looked at before the put: {ends:?}"
            );
        }
    }
}

#[test]
fn what_stands_is_refused_at_once_where_another_run_has_replaced_it() {
    let bench = Before::Version.bench(Conditions::Heeded);
    let (store, client) = bench.faulty_run();
    let candidate = Recipe::number(2).stage(&store).unwrap();
    bench.commit(&[Recipe::number(3)]);
    client.calls();
    assert!(is_conflict(&commit(&store, candidate).0));
    let calls = only(&client.calls(), &["get", "put-if", "put"]);
    let about = calls.iter().filter(|call| call.ends_with(" u_1/manifest.json") || call.ends_with("SHA256SUMS"));
    assert_eq!(about.collect::<Vec<_>>(), ["put-if u_1/manifest.json", "get u_1/manifest.json"]);
    bench.assert_stands(&Recipe::number(3), "the other's");
}

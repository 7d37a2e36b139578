//! A healing that goes wrong at any of its calls loses nothing.

use super::*;
use crate::event::Counters;
use crate::store::Destination as _;
use crate::store::contract::recipe::{Recipe, cover, side};
use crate::store::inspect::Depth;
use crate::store::object::bench::Bench;
use crate::store::object::faulty::Fault;

const DEEP: Depth = Depth { history: true, quick: false };

/// A bucket in which the cover was edited, whose twin is the back, and the checksums are lost.
fn bench() -> (Bench, Recipe, String) {
    let (bench, version) = (Bench::new(), Recipe::number(2).with("back.png", cover()));
    bench.commit(&[Recipe::number(1), version.clone()]);
    let flawed = format!("u_1/{}", version.name(Naming::ByContent, "cover.png"));
    bench.write(&flawed, b"edited");
    bench.write("u_1/SHA256SUMS", b"edited, too");
    (bench, version, flawed)
}

fn heal(store: &BucketStore, mut inspection: Inspection) -> Result<usize, Failure> {
    store.heal(&Recipe::number(1).id, &mut inspection)?;
    Ok(inspection.versions().map(|version| version.flaws.len()).sum())
}

fn inspect(store: &BucketStore) -> Inspection {
    store.inspect(&Recipe::number(1).id, DEEP, &Counters::default()).unwrap()
}

#[test]
fn what_stands_by_a_plain_name_is_not_healed_into_what_another_version_had_by_it() {
    // A folder's mirror that was copied here with its history; the side of the old version is the back of the new one.
    let (old, new) = (Recipe::number(1), Recipe::number(2).with("back.png", side(1)));
    let bench = Bench::new();
    for (file, bytes) in new.files(Naming::Plain) {
        bench.write(&format!("u_1/{file}"), &bytes);
    }
    bench.write("u_1/manifest.json", &new.manifest(Naming::Plain).to_bytes());
    let kept = format!(".element-mirror/history/u_1/{}/manifest.json", old.when());
    bench.write(&kept, &old.manifest(Naming::Plain).to_bytes());
    let store = bench.run();
    assert!(heal(&store, inspect(&store)).unwrap() > 0);
    assert_eq!(bench.objects()["u_1/side.png"], side(2));
}

#[test]
fn a_healing_that_goes_wrong_at_any_call_leaves_the_damaged_object_or_puts_it_aside() {
    for fault in Fault::ALL {
        for number in 0.. {
            let (bench, version, flawed) = bench();
            let (store, client) = bench.faulty_run();
            let inspection = inspect(&store);
            client.calls();
            client.fail(number, fault);
            let healed = heal(&store, inspection);
            let is_reached = client.end();
            let context = format!("{fault:?} at {number}: {:?}", client.calls().get(number));
            let objects = bench.objects();
            let is_aside = |(path, bytes): (&String, &Vec<u8>)| path.contains("/damaged/u_1/") && bytes == b"edited";
            assert!(objects[&flawed] == b"edited" || objects.iter().any(is_aside), "{context}");
            assert!(objects[&flawed] == b"edited" || objects[&flawed] == cover(), "{context}");
            if let Ok(0) = healed {
                bench.assert_stands(&version, &context);
            }
            let store = bench.run();
            assert_eq!(heal(&store, inspect(&store)), Ok(0), "{context}");
            bench.assert_stands(&version, &context);
            bench.assert_whole(&context);
            if !is_reached {
                assert_eq!(healed, Ok(0), "{context}");
                break;
            }
        }
    }
}

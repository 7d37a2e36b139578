//! Both ways to flush.

use super::super::commit::tests::commit;
use super::super::tests::{Bench, candidate_of};
use super::*;

#[cfg(target_os = "linux")]
fn ways(bench: &Bench) -> [Flusher; 2] {
    let root = Dir::open(&bench.path()).unwrap();
    [Flusher::Whole(root.fd().try_clone().unwrap().into()), Flusher::Each]
}

#[cfg(not(target_os = "linux"))]
fn ways(_: &Bench) -> [Flusher; 1] {
    [Flusher::Each]
}

#[test]
fn versions_are_committed_whichever_way_is_flushed() {
    let bench = Bench::new();
    let store = bench.open().store;
    for (number, way) in (1..).step_by(2).zip(ways(&bench)) {
        let versions = |number| ["u_1", "u_2"].map(|id| candidate_of(&store, id, number).unwrap()).into();
        assert_eq!(commit(&store, versions(number), way), [Ok(()), Ok(())]);
        assert_eq!(bench.standing(), Some(number));
        assert_eq!(commit(&store, versions(number + 1), Flusher::Each), [Ok(()), Ok(())]);
        assert_eq!(bench.standing(), Some(number + 1));
        bench.assert_no_litter();
    }
}

#[test]
fn flushed_one_by_one_only_the_guilty_version_fails() {
    let bench = Bench::new();
    let store = bench.open().store;
    let candidates = ["u_1", "u_2"].map(|id| candidate_of(&store, id, 1).unwrap());
    // Only the second one has the seal that a flush expects.
    candidates[1].stage.dir.write(SEALED, b"{}", None).unwrap();
    let stages = candidates.each_ref().map(|candidate| &candidate.stage);
    let (data, _) = Flusher::Each.flush(&store, &stages, &[]);
    assert!(data[0].is_err() && data[1].is_ok(), "{data:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_flush_that_fails_without_a_guilty_version_fails_them_all() {
    let bench = Bench::new();
    let store = bench.open().store;
    let candidates = ["u_1", "u_2"].map(|id| candidate_of(&store, id, 1).unwrap());
    candidates.iter().for_each(|candidate| candidate.stage.dir.write(SEALED, b"{}", None).unwrap());
    let stages = candidates.each_ref().map(|candidate| &candidate.stage);
    // A descriptor that nothing can be flushed through.
    let no_good = rustix::fs::open(bench.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    let (data, renames) = Flusher::Whole(no_good.into()).flush(&store, &stages, &stages[..1]);
    assert!(data.iter().chain(&renames).all(Result::is_err), "{data:?} {renames:?}");
}

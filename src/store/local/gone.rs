//! Notes about elements that the API does not know any more: `gone/<id>` holds the time since when.

use std::io;

use super::Own;
use super::standing::is_no_folder;
use crate::element::ElementId;
use crate::error::Failure;
use crate::layout::{GONE, OWN};
use crate::store::dir::Dir;
use crate::time::Time;

/// Since when `id` is gone, where that was noted. A note that a power cut left empty is none.
pub(super) fn since(root: &Dir, id: &ElementId) -> Result<Option<Time>, Failure> {
    let path = format!("{OWN}/{GONE}/{id}");
    match root.read(&path) {
        Ok(text) => Ok(Time::from_rfc3339(String::from_utf8_lossy(&text).trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound || is_no_folder(&error) => Ok(None),
        Err(error) => Err(Failure::io(format!("read {}", root.at(&path)), &error)),
    }
}

/// Notes that `id` is gone.
pub(super) fn note(own: &Own, id: &ElementId, since: Time) -> Result<(), Failure> {
    let name = id.as_str();
    let written = own.gone.replace(name, format!("{since}\n").as_bytes(), &own.staging, !own.no_sync);
    written.map_err(|error| Failure::io(format!("note {}", own.gone.at(name)), &error))
}

/// Forgets that `id` was gone.
pub(super) fn clear(gone: &Dir, id: &ElementId) -> Result<(), Failure> {
    let removed = gone.remove_if_there(id.as_str());
    removed.map_err(|error| Failure::io(format!("remove {}", gone.at(id.as_str())), &error))
}

#[cfg(test)]
mod tests {
    use crate::store::Destination as _;
    use crate::store::local::dir::trouble;
    use crate::store::local::tests::{Bench, id};
    use crate::time::Time;

    #[test]
    fn a_note_that_cant_be_read_is_not_taken_for_none() {
        let bench = Bench::new();
        bench.write(".element-mirror/gone/u_1/inner.txt", "no note");
        bench.write(".element-mirror/gone/u_2", "");
        let since = |id_: &str| bench.open().store.gone_since(&id(id_));
        assert!(since("u_1").unwrap_err().message.contains("gone/u_1"));
        assert_eq!([since("u_2"), since("u_3")], [Ok(None), Ok(None)]);
    }

    #[test]
    fn a_note_killed_at_any_step_is_the_old_or_the_new_one_and_leaves_no_litter() {
        let (before, after) = (Time::from_unix_millis(1).unwrap(), Time::from_unix_millis(2).unwrap());
        for steps in 0.. {
            let bench = Bench::new();
            let store = bench.open().store;
            store.note_gone(&id("u_1"), before).unwrap();
            trouble::kill_after(steps);
            let _ = store.note_gone(&id("u_1"), after);
            let came = trouble::end();
            drop(store);
            let since = bench.open().store.gone_since(&id("u_1")).unwrap();
            assert!(since == Some(before) || since == Some(after), "{since:?}");
            assert_eq!(bench.names(".element-mirror/gone"), ["u_1"]);
            bench.assert_no_litter();
            if !came {
                break;
            }
        }
    }
}

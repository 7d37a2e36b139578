//! Uploads, in one put and in parts, that go wrong at each of their calls in turn.

use std::sync::Arc;

use super::*;
use crate::store::contract::recipe::RUNTIME;
use crate::store::object::bench::{Bench, only};
use crate::store::object::faulty::{Fault, Faulty};

const PATH: &str = "u_1/video.mp4";
const MIB: u64 = 1 << 20;

/// A file of so many bytes, no two pieces of which are alike.
fn file(size: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(size).unwrap();
    for start in (0..size.saturating_sub(8)).step_by(1 << 16) {
        file.write_all_at(&start.to_le_bytes(), start).unwrap();
    }
    file
}

fn content(file: &File) -> Vec<u8> {
    read(file, 0, file.metadata().unwrap().len()).unwrap().to_vec()
}

fn put(client: &Faulty, file: &File, stop: &CancellationToken) -> Result<(), Failure> {
    let bucket = Bucket::new(Arc::new(client.clone()), Bench::prefix(), "s3://memory".to_owned());
    let upload = Upload { bucket: &bucket, room: &Room::new(), path: PATH, media_type: "video/mp4", stop };
    RUNTIME.block_on(upload.put(file))
}

fn verbs(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split_once(' ').unwrap().0).collect()
}

#[test]
fn a_file_goes_up_in_one_put_and_a_large_one_in_parts() {
    let goes = CancellationToken::new();
    for (size, expected) in [
        (0, &["put"][..]),
        (1, &["put"]),
        (PART, &["put"]),
        (PART + 1, &["head", "begin", "part", "part", "complete"]),
        (2 * PART, &["head", "begin", "part", "part", "complete"]),
        (2 * PART + 3 * MIB + 1, &["head", "begin", "part", "part", "part", "complete"]),
        (5 * PART, &["head", "begin", "part", "part", "part", "part", "part", "complete"]),
    ] {
        let (bench, file) = (Bench::new(), file(size));
        let client = Faulty::of(&bench.world);
        assert_eq!(put(&client, &file, &goes), Ok(()), "{size}");
        assert_eq!(verbs(&client.calls()), expected, "{size}");
        assert!(bench.objects()[PATH] == content(&file), "{size}");
    }
}

#[test]
fn an_upload_that_goes_wrong_at_any_call_is_aborted_and_leaves_the_whole_object_or_none() {
    let file = file(2 * PART + 1);
    let whole = content(&file);
    for fault in Fault::ALL {
        for number in 0.. {
            let bench = Bench::new();
            let client = Faulty::of(&bench.world);
            client.fail(number, fault);
            let done = put(&client, &file, &CancellationToken::new());
            if !client.end() {
                assert_eq!(done, Ok(()));
                break;
            }
            let calls = client.calls();
            let context = format!("{fault:?} at {number}: {:?}", verbs(&calls));
            let found = bench.objects().remove(PATH);
            assert!(found.as_ref().is_none_or(|found| *found == whole), "{context}");
            assert!(done.is_err() || found.is_some(), "{context}");
            let is_completed = verbs(&calls)[number] == "complete";
            let is_lost = matches!(fault, Fault::FailsThough | Fault::RefusesThough);
            assert_eq!(done.is_ok(), is_completed && is_lost, "{context}");
            let is_over = matches!(fault, Fault::Dies | Fault::DiesAfter) || number <= 1;
            assert_eq!(verbs(&calls).contains(&"abort"), done.is_err() && !is_over, "{context}");
        }
    }
}

#[test]
fn an_older_object_of_the_same_size_is_not_taken_for_what_was_put() {
    let file = file(PART + 1);
    let bench = Bench::new();
    let older = vec![b'x'; content(&file).len()];
    bench.write(PATH, &older);
    for fault in [Fault::Fails, Fault::Refuses] {
        let client = Faulty::of(&bench.world);
        // Looked at, begun, two parts, and completed.
        client.fail(4, fault);
        assert!(put(&client, &file, &CancellationToken::new()).is_err(), "{fault:?}");
        let calls = client.calls();
        assert_eq!(only(&calls, &["complete", "abort"]).len(), 2, "{fault:?}: {calls:?}");
        assert!(bench.objects()[PATH] == older);
    }
}

#[test]
fn an_upload_that_is_interrupted_at_any_call_is_aborted() {
    let file = file(6 * PART);
    for number in 0.. {
        let bench = Bench::new();
        let client = Faulty::of(&bench.world);
        let stop = CancellationToken::new();
        let ends = stop.clone();
        client.before(number, move || ends.cancel());
        let done = put(&client, &file, &stop);
        if !client.end() {
            assert_eq!(done, Ok(()));
            break;
        }
        let calls = client.calls();
        let context = format!("at {number}: {:?}", verbs(&calls));
        if let Err(failure) = done {
            assert_eq!(failure.kind, ErrorKind::Interrupted, "{context}");
            // What was not even begun needs no end.
            let [is_begun, is_aborted] = ["begin", "abort"].map(|verb| verbs(&calls).contains(&verb));
            assert_eq!(is_aborted, is_begun, "{context}");
        } else {
            assert!(bench.objects()[PATH] == content(&file), "{context}");
        }
    }
    let (client, stop) = (Faulty::of(&Bench::new().world), CancellationToken::new());
    stop.cancel();
    for file in [self::file(1), file] {
        assert_eq!(put(&client, &file, &stop).unwrap_err().kind, ErrorKind::Interrupted);
    }
    assert_eq!(only(&client.calls(), &["put", "part", "complete"]), Vec::<String>::new());
}

#[test]
fn more_than_there_is_room_for_goes_up_all_the_same() {
    let (bench, file) = (Bench::new(), file(PART + MIB));
    let client = Faulty::of(&bench.world);
    let bucket = Bucket::new(Arc::new(client.clone()), Bench::prefix(), "s3://memory".to_owned());
    let (room, stop) = (Room::new(), CancellationToken::new());
    let paths: Vec<_> = (0..6).map(|number| format!("u_{number}/video.mp4")).collect();
    let put = |path| {
        let upload = Upload { bucket: &bucket, room: &room, path, media_type: "video/mp4", stop: &stop };
        let file = &file;
        async move { upload.put(file).await }
    };
    let done = RUNTIME.block_on(futures::future::join_all(paths.iter().map(|path| put(path))));
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert!(bench.objects().values().all(|bytes| *bytes == content(&file)));
    assert_eq!(room.0.available_permits(), ROOM as usize);
}

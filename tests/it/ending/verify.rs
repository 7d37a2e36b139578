//! Signals while `verify` reads a file that is too large to be read soon, and while a repair's download stalls.

use std::path::Path;

use element_mirror::digest::Digest;
use rstest::rstest;
use serde_json::json;

use super::SOON;
use crate::support::{MirrorDir, Outcome, Reply, Running, Upstream, picture, program};
use crate::verify::{flip, repair};

/// Nothing reads that much within a test.
const LARGE: u64 = 1 << 40;

/// A mirror of `u_1`, the side view of which is large, and the path of that; and of `u_2` and `u_3`.
fn mirrored() -> (Upstream, MirrorDir, std::path::PathBuf) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let ids = ["u_1", "u_2", "u_3"];
    ids.iter().for_each(|id| drop(upstream.add(id, 2)));
    program().run(&upstream, &mirror.path()).ids(ids).output().expect(0);
    let large = mirror.at("u_1/side.png");
    std::fs::File::options().write(true).open(&large).unwrap().set_len(LARGE).unwrap();
    let before = mirror.read("u_1/manifest.json");
    let mut manifest = mirror.manifest("u_1");
    manifest["assets"][1]["size"] = json!(LARGE);
    mirror.write("u_1/manifest.json", serde_json::to_vec(&manifest).unwrap());
    let sums = String::from_utf8(mirror.read("u_1/SHA256SUMS")).unwrap();
    let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
    let sums = sums.replace(&digest(&before), &digest(&mirror.read("u_1/manifest.json")));
    mirror.write("u_1/SHA256SUMS", sums);
    upstream.forget();
    (upstream, mirror, large)
}

/// Ends what reads the `large` file, which is told to be cut off.
fn end_while_reading(running: Running, large: &Path) -> Outcome {
    running.wait_until_open(large);
    running.signal("TERM");
    let ended = running.end_within(SOON).expect(143);
    let line = ended.line("u_1");
    assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("failed"), &json!("interrupted")), "{line}");
    // As far as is known.
    assert_ne!(line["stands"], "none", "{line}");
    ended
}

#[test]
fn a_signal_while_a_large_file_is_read_ends_a_verification_soon() {
    let (_upstream, mirror, large) = mirrored();
    let mut running = program().arg("verify").arg(mirror.path()).args(["-", "--report", "-"]).spawn();
    running.write("u_2\n");
    assert!(running.read_line().contains("\"ok\""));
    running.write("u_1\n");
    assert_eq!(end_while_reading(running, &large).lines().len(), 1);
}

#[test]
fn a_signal_while_a_large_file_is_read_and_a_download_stalls_ends_a_repair_soon() {
    let (upstream, mirror, large) = mirrored();
    flip(&mirror, "u_2/cover.png");
    let edited = mirror.read("u_2/cover.png");
    upstream.on("/cdn/u_2/0.png", [Reply::ok(picture("u_2", 0)).stalled_at(100)]);
    let mut running = repair(&upstream, &mirror).args(["-", "--report", "-"]).spawn();
    running.write("u_3\n");
    assert!(running.read_line().contains("\"ok\""));
    running.write("u_2\n");
    upstream.wait_for("/cdn/u_2/0.png", 1);
    running.write("u_1\n");
    let ended = end_while_reading(running, &large);
    let line = ended.line("u_2");
    assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("failed"), &json!("interrupted")), "{line}");
    assert_eq!((ended.lines().len(), &line["stands"]), (2, &json!("incomplete")), "{line}");
    assert_eq!(mirror.read("u_2/cover.png"), edited);
    assert_eq!(mirror.names(".element-mirror/damaged"), Vec::<String>::new());
    upstream.on("/cdn/u_2/0.png", [Reply::ok(picture("u_2", 0))]);
    let next = repair(&upstream, &mirror).args(["--id", "u_2", "--report", "-"]).output().expect(0);
    assert_eq!(next.status("u_2"), "repaired");
    assert_eq!(mirror.names(".element-mirror/staging"), Vec::<String>::new());
}

#[rstest]
#[case::to_vouch_for_checksums("SHA256SUMS")]
#[case::to_be_kept("cover.png")]
fn a_signal_while_a_repair_reads_a_large_file_to_make_another_good_ends_it_soon(#[case] file: &str) {
    let (upstream, mirror, large) = mirrored();
    std::fs::remove_file(mirror.at(&format!("u_1/{file}"))).unwrap();
    // A verification that reads no file by itself.
    let running = repair(&upstream, &mirror).args(["--quick", "--id", "u_1", "--report", "-"]).spawn();
    let ended = end_while_reading(running, &large);
    assert_eq!(ended.line("u_1")["stands"], "incomplete");
    assert!(!mirror.has(&format!("u_1/{file}")));
}

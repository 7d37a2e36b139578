//! `verify`: what it says of a mirror, and what it makes good.

mod reading;
mod repair;

use serde_json::json;

use crate::support::{MirrorDir, Outcome, Program, Reply, Upstream, png, program};

/// `verify` without a token, or anything else in its environment.
fn verify(mirror: &MirrorDir) -> Program {
    program().env_remove("USEAPI_TOKEN").args(["verify"]).arg(mirror.path())
}

/// `verify --repair` against `upstream`.
pub(crate) fn repair(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    let options = ["--repair", "--allow-private-assets", "--retries", "1", "--api-base", &upstream.api()];
    program().args(["verify"]).arg(mirror.path()).args(options)
}

fn run(upstream: &Upstream, mirror: &MirrorDir, ids: &[&str]) -> Outcome {
    program().run(upstream, &mirror.path()).ids(ids).report().expect(0)
}

/// A mirror of `u_1` with four assets and a superseded version that has all but the cover in common, and of `u_2`.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 4);
    upstream.add("u_2", 1);
    run(&upstream, &mirror, &["u_1", "u_2"]);
    upstream.on("/cdn/u_1/another", [Reply::ok(png(9, 9, 99))]);
    let another = json!(upstream.url("/cdn/u_1/another"));
    told["cover"]["resource"] = another.clone();
    told["resources"][0]["resource"] = another;
    upstream.tell("u_1", &told);
    assert_eq!(run(&upstream, &mirror, &["u_1"]).status("u_1"), "updated");
    assert_eq!(mirror.history("u_1").len(), 1);
    upstream.forget();
    (upstream, mirror)
}

/// The folder of the superseded version of `u_1`, from the mirror on.
fn past(mirror: &MirrorDir) -> String {
    format!(".element-mirror/history/u_1/{}", mirror.history("u_1")[0])
}

/// Changes a byte of a file in place, its size and time left as they were.
pub(crate) fn flip(mirror: &MirrorDir, path: &str) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let byte = mirror.read(path)[20];
    let mut file = std::fs::File::options().write(true).open(mirror.at(path)).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.seek(SeekFrom::Start(20)).unwrap();
    file.write_all(&[byte ^ 0xff]).unwrap();
    file.set_modified(modified).unwrap();
}

/// The message of the error of `id` in the report.
fn message(outcome: &Outcome, id: &str) -> String {
    outcome.line(id)["error"]["message"].as_str().unwrap_or_default().to_owned()
}

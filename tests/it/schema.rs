//! The schemas that `schema` prints, and what is written held against them by a validator of somebody else's.

use std::fs::OpenOptions;
use std::process::Stdio;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::support::{MirrorDir, Outcome, Program, Reply, Upstream, element, png, program};

/// A schema, as a program that reads it would use it.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    /// What `element-mirror schema` prints of `what`.
    fn of(what: &str) -> Self {
        let schema: Value = serde_json::from_str(&printed(what)).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(&id, schema).unwrap();
        let index = compiler.compile(&id, &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn fits(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }

    #[track_caller]
    fn check(&self, value: &Value) {
        if let Err(error) = self.schemas.validate(value, self.index) {
            panic!("{error:#}\n{value:#}");
        }
    }

    /// Every line of the report fits, and among them are elements in these states.
    #[track_caller]
    fn check_report(&self, outcome: &Outcome, states: &[&str]) {
        for line in outcome.lines() {
            self.check(&line);
        }
        for state in states {
            assert!(outcome.lines().iter().any(|line| line["status"] == *state), "{state}: {}", outcome.stdout);
        }
    }
}

fn printed(what: &str) -> String {
    program().env_remove("USEAPI_TOKEN").args(["schema", what]).output().expect(0).stdout
}

fn verify(mirror: &MirrorDir) -> Program {
    program().arg("verify").arg(mirror.path()).args(["--history", "--report", "-"])
}

/// An upstream, and a mirror of it that has an element of each kind: whole, with a warning and every field, incomplete.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 3);
    for picture in ["width", "height"] {
        told["resources"][0][picture] = json!(768);
    }
    told["cover"] = told["resources"][0].clone();
    told["tagList"] = json!([{"id": 1, "name": "a"}, "b", 3]);
    upstream.tell("u_1", &told);
    upstream.tell("u_2", &element("u_2", &[upstream.url("/cdn/u_1/0.png"), upstream.url("/cdn/none")]));
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(3);
    (upstream, mirror)
}

#[test]
fn a_schema_is_printed_for_people_and_programs() {
    insta::assert_snapshot!("schema_manifest", printed("manifest"));
    insta::assert_snapshot!("schema_report", printed("report"));
    program().arg("schema").output().expect(2);
    program().args(["schema", "index"]).output().expect(2);
}

#[test]
fn a_reader_that_went_away_ends_it_quietly_and_a_full_disk_is_said() {
    let (reader, pipe) = std::io::pipe().unwrap();
    drop(reader);
    let unread = program().args(["schema", "report"]).output_through(Stdio::null(), pipe).expect(141);
    assert_eq!(unread.stderr, "");
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let full = program().args(["schema", "report"]).output_through(Stdio::null(), full).expect(1);
    assert!(full.stderr.contains("standard output"), "{}", full.stderr);
}

#[test]
fn manifests_fit_their_schema_and_what_is_none_does_not() {
    let (upstream, mirror) = mirrored();
    upstream.add("u_3", 1);
    let run = program().run(&upstream, &mirror.path()).ids(["u_3"]).args(["--roles", "cover", "--index"]);
    run.output().expect(0);
    let schema = Schema::of("manifest");
    let index = String::from_utf8(mirror.read("index.ndjson")).unwrap();
    assert_eq!(index.lines().count(), 3);
    index.lines().for_each(|line| schema.check(&serde_json::from_str(line).unwrap()));
    for (id, field) in [("u_1", "warnings"), ("u_2", "missing"), ("u_3", "roles")] {
        let manifest = mirror.manifest(id);
        assert!(manifest.get(field).is_some(), "{field}: {manifest}");
        schema.check(&manifest);
    }
    // A line of the index is a manifest without its response; nothing else may be left out that is always there.
    for (field, may_lack) in [("response", true), ("generator", false), ("element", false), ("assets", false)] {
        let mut manifest = mirror.manifest("u_1");
        manifest.as_object_mut().unwrap().remove(field);
        assert_eq!(schema.fits(&manifest), may_lack, "{field}");
    }
    let change = |pointer: &str, value: Value| {
        let mut manifest = mirror.manifest("u_2");
        *manifest.pointer_mut(pointer).unwrap() = value;
        manifest
    };
    schema.check(&change("/missing/0/error", json!("not_media")));
    for (pointer, wrong) in [
        ("/format", json!(2)),
        ("/committedAt", json!("2026-11-23 08:00")),
        ("/committedAt", json!("2026-11-23T08:00:00+01:00")),
        ("/element/id", json!("../u_2")),
        ("/element/name", json!(null)),
        ("/response/file", json!("reply.json")),
        ("/assets/0/sha256", json!("ABCD")),
        ("/assets/0/size", json!(-1)),
        ("/assets/0/role", json!("hat")),
        ("/missing/0/error", json!("http_40")),
        ("/missing/0/error", json!("bad_luck")),
    ] {
        assert!(!schema.fits(&change(pointer, wrong.clone())), "{pointer}: {wrong}");
    }
}

#[test]
fn the_lines_of_a_run_fit_their_schema() {
    let (upstream, mirror) = mirrored();
    let schema = Schema::of("report");
    upstream.add("u_4", 1);
    upstream.on_element("u_403", [Reply::new(403, "no")]);
    let list = ["u_1", "u_2", "u_4 a@example.org", "u_403", "../x"].join("\n");
    let run = |option: &str| program().run(&upstream, &mirror.path()).args(["-", "--report", "-", option]);
    schema.check_report(&run("--dry-run").output_with(&list).expect(3), &["would_create", "unchanged", "failed"]);
    let lines = run("-q").output_with(&list).expect(3);
    schema.check_report(&lines, &["created", "unchanged", "failed", "incomplete"]);
    assert!(lines.lines().iter().any(|line| line["id"].is_null() && line["source"] == "-:5"));
    upstream.on("/cdn/new", [Reply::ok(png(1, 1, 9))]);
    upstream.tell("u_4", &element("u_4", &[upstream.url("/cdn/new")]));
    upstream.on_element("u_1", [Reply::new(404, "")]);
    schema.check_report(&run("--dry-run").output_with(&list).expect(3), &["would_update", "gone"]);
    schema.check_report(&run("-q").output_with(&list).expect(3), &["updated", "gone"]);
    let mut line = lines.line("u_4");
    line["status"] = json!("lost");
    assert!(!schema.fits(&line));
    assert!(!schema.fits(&json!({"schema": 1, "status": "failed", "stands": "none", "attempts": 0, "elapsedMs": 0})));
}

#[test]
fn the_lines_of_a_verification_fit_their_schema() {
    let (upstream, mirror) = mirrored();
    let schema = Schema::of("report");
    mirror.write("u_1/side.png", "edited");
    std::fs::create_dir(mirror.at("u_3")).unwrap();
    std::fs::rename(mirror.at("u_2/cover.png"), mirror.at("u_3/cover.png")).unwrap();
    std::fs::copy(mirror.at("u_2/element.json"), mirror.at("u_3/element.json")).unwrap();
    let found = verify(&mirror).output().expect(3);
    schema.check_report(&found, &["damaged", "missing_manifest"]);
    schema.check_report(&verify(&mirror).args(["--id", "u_9"]).output().expect(3), &["missing"]);
    let repair = verify(&mirror).args(["--repair", "--allow-private-assets", "--api-base", &upstream.api()]);
    schema.check_report(&repair.output().expect(3), &["repaired"]);
    schema.check_report(&verify(&mirror).args(["--id", "u_1"]).output().expect(0), &["ok"]);
}

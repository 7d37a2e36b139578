//! The file of metrics: what is in it, when it is written, and that it is replaced at once.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Program, Reply, Upstream, element, picture, png, program, program_with_umask};

const LAST_SUCCESS: &str = "element_mirror_last_success_timestamp_seconds";

/// The series of a file, each with its value; what is not in order fails the test.
#[track_caller]
fn series(path: &Path) -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    let mut declared = String::new();
    let mut found = BTreeMap::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(about) = line.strip_prefix("# HELP ") {
            declared = about.split_once(' ').unwrap().0.to_owned();
            assert_eq!(lines.next(), Some(format!("# TYPE {declared} gauge").as_str()));
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert_eq!(name.split('{').next().unwrap(), declared, "{line}");
        assert_eq!(found.insert(name.to_owned(), value.parse().unwrap()), None, "{line}");
    }
    found
}

/// The value of a series, without the prefix that all have.
#[track_caller]
fn value(path: &Path, name: &str) -> f64 {
    let series = series(path);
    *series.get(&format!("element_mirror_{name}")).unwrap_or_else(|| panic!("no {name} in {series:#?}"))
}

fn now() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

/// A run with metrics beside `mirror`, and where they are.
fn run(upstream: &Upstream, mirror: &MirrorDir) -> (Program, PathBuf) {
    let file = mirror.beside("metrics.prom");
    (program().run(upstream, &mirror.path()).arg("--metrics").arg(&file), file)
}

/// `u_1` and `u_2`, mirrored, `u_3` not yet.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ["u_1", "u_2", "u_3"] {
        upstream.add(id, 2);
    }
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(0);
    upstream.forget();
    (upstream, mirror)
}

#[test]
fn a_run_is_told_in_numbers() {
    let (upstream, mirror) = mirrored();
    // A redirect that is followed, a request that is sent again, and one that follows a pause.
    upstream.on("/cdn/u_3/0.png", [Reply::redirect(302, "/cdn/there")]);
    upstream.on("/cdn/there", [Reply::new(503, ""), Reply::ok(picture("u_3", 0))]);
    let busy = Reply::json(429, &json!({"error": "slow down"})).header("retry-after", "1");
    upstream.on_element("u_404", [busy, Reply::new(404, "")]);
    upstream.tell("u_2", &element("u_2", &[upstream.url("/cdn/u_2/0.png")]));
    let (run, file) = run(&upstream, &mirror);
    let (before, ids) = (now(), ["u_1", "u_2", "u_3", "u_404", "../x"]);
    let report = run.ids(ids).report().expect(3);
    let bytes: f64 = report.lines().iter().filter_map(|line| line["bytes"].as_f64()).sum();
    assert!(bytes > 4000.0, "{bytes}");
    let sent = |path: &str| upstream.requests_to(path).len() as f64;
    let duration = value(&file, "duration_seconds");
    assert!(duration >= 1.0 && duration <= now() - before, "{duration}");
    let expected = [
        (r#"elements{status="created"}"#, 1.0),
        (r#"elements{status="updated"}"#, 1.0),
        (r#"elements{status="unchanged"}"#, 1.0),
        (r#"elements{status="gone"}"#, 0.0),
        (r#"elements{status="incomplete"}"#, 0.0),
        (r#"elements{status="failed"}"#, 2.0),
        (r#"errors{kind="not_found"}"#, 1.0),
        (r#"errors{kind="bad_line"}"#, 1.0),
        ("downloaded_bytes", bytes),
        (r#"requests{target="api"}"#, sent("/v1/")),
        (r#"requests{target="cdn"}"#, sent("/cdn/")),
        ("retries", 2.0),
        ("duration_seconds", duration),
        ("exit_code", 3.0),
        ("not_taken_up", 0.0),
    ];
    let expected = expected.map(|(name, value)| (format!("element_mirror_{name}"), value));
    assert_eq!(series(&file), expected.into());
    assert_eq!((sent("/v1/"), sent("/cdn/")), (5.0, 5.0));
}

#[test]
fn the_last_success_is_that_of_the_last_good_run() {
    let (upstream, mirror) = mirrored();
    let ids = |ids: &[&str], code: i32| {
        let (run, file) = run(&upstream, &mirror);
        run.ids(ids).output().expect(code);
        (series(&file).get(LAST_SUCCESS).copied(), file)
    };
    assert_eq!(ids(&["u_404"], 3).0, None);
    let before = now().floor();
    let (good, file) = ids(&["u_1"], 0);
    assert!(good.is_some_and(|time| (before..=now()).contains(&time)), "{good:?}");
    // A run would have to take a second for another time.
    std::fs::write(&file, format!("# an earlier one\n{LAST_SUCCESS} 1795420800.25\n")).unwrap();
    assert_eq!(ids(&["u_404"], 3).0, Some(1_795_420_800.25));
    assert_eq!(ids(&["u_404"], 3).0, Some(1_795_420_800.25));
    std::fs::write(&file, format!("{LAST_SUCCESS} soon\n")).unwrap();
    assert_eq!(ids(&["u_404"], 3).0, None);
    std::fs::write(&file, format!("{LAST_SUCCESS} 5\n")).unwrap();
    assert!(ids(&["u_1"], 0).0 >= good);
}

#[test]
fn a_run_that_could_not_begin_is_told_too() {
    let (upstream, mirror) = mirrored();
    let (no_list, file) = run(&upstream, &mirror);
    no_list.arg(mirror.beside("missing.txt")).output().expect(1);
    assert_eq!((value(&file, "exit_code"), value(&file, r#"elements{status="failed"}"#)), (1.0, 0.0));

    std::fs::remove_file(&file).unwrap();
    let taken = MirrorDir::new();
    std::fs::write(taken.path(), "a file").unwrap();
    let (no_destination, file) = run(&upstream, &taken);
    no_destination.ids(["u_1"]).output().expect(1);
    assert_eq!(value(&file, "exit_code"), 1.0);

    let (no_report, file) = run(&upstream, &mirror);
    no_report.ids(["u_1"]).arg("--report").arg(mirror.beside("missing/report")).output().expect(1);
    assert_eq!(value(&file, "exit_code"), 1.0);
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_refusal_and_an_api_that_is_down_are_told() {
    let (upstream, mirror) = mirrored();
    for (status, code) in [(401, 4), (503, 1)] {
        upstream.on_element("u_1", [Reply::new(status, "")]);
        let (run, file) = run(&upstream, &mirror);
        run.ids(["u_1"]).output().expect(code);
        assert_eq!(value(&file, "exit_code"), f64::from(code));
        assert_eq!(value(&file, &format!(r#"errors{{kind="http_{status}"}}"#)), 1.0);
    }
}

#[rstest]
#[case("INT", 130)]
#[case("TERM", 143)]
fn an_interrupted_run_is_told_with_what_it_left(#[case] signal: &str, #[case] code: i32) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids = ["u_1", "u_2", "u_3", "u_4"];
    ids.iter().for_each(|id| upstream.on_element(id, [Reply::hang()]));
    let (run, file) = run(&upstream, &mirror);
    let running = run.arg(mirror.put("ids.txt", ids.join("\n"))).args(["--api-concurrency", "1"]).spawn();
    upstream.wait_for("/v1/kling/elements/", 1);
    running.signal(signal);
    running.end_within(Duration::from_secs(10)).expect(code);
    for (name, expected) in [
        ("exit_code", f64::from(code)),
        (r#"elements{status="failed"}"#, 1.0),
        (r#"errors{kind="interrupted"}"#, 1.0),
        (r#"requests{target="api"}"#, 1.0),
        ("not_taken_up", 3.0),
    ] {
        assert_eq!(value(&file, name), expected, "{name}");
    }
}

#[test]
fn a_run_whose_reader_went_away_is_told() {
    let (upstream, mirror) = mirrored();
    let (reader, pipe) = std::io::pipe().unwrap();
    drop(reader);
    let (run, file) = run(&upstream, &mirror);
    run.ids(["u_1"]).args(["--report", "-"]).output_through(std::process::Stdio::null(), pipe).expect(141);
    assert_eq!(value(&file, "exit_code"), 141.0);
}

#[test]
fn a_usage_error_another_run_and_a_dry_run_leave_the_file_as_it_was() {
    let (upstream, mirror) = mirrored();
    let file = mirror.put("metrics.prom", "an earlier one");
    let is_as_it_was = || assert_eq!(std::fs::read_to_string(&file).unwrap(), "an earlier one");
    let run = || run(&upstream, &mirror).0;
    run().output().expect(2);
    is_as_it_was();
    run().ids(["u_1"]).env_remove("USEAPI_TOKEN").output().expect(2);
    is_as_it_was();
    // That one is found out only on the way.
    upstream.on_element("u_4", [Reply::json(400, &json!({"error": "email is required"}))]);
    upstream.on("/v1/kling/accounts", [Reply::json(200, &json!({"a@example.org": {}, "b@example.org": {}}))]);
    run().ids(["u_4"]).output().expect(2);
    is_as_it_was();
    run().ids(["u_1"]).arg("--dry-run").output().expect(0);
    is_as_it_was();
    upstream.on_element("u_hang", [Reply::hang()]);
    let first = program().run(&upstream, &mirror.path()).ids(["u_hang"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_hang", 1);
    run().ids(["u_1"]).output().expect(5);
    is_as_it_was();
    first.signal("KILL");
}

#[test]
fn a_file_that_can_not_be_written_in_the_end_is_said_and_makes_a_good_run_a_broken_one() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_401", [Reply::new(401, "")]);
    let run = |id: &str, format: &str, code: i32| {
        let file = mirror.beside(&format!("{id}-{format}.prom"));
        let run = program().run(&upstream, &mirror.path()).args(["-", "-q", "--log-format", format, "--metrics"]);
        let mut running = run.arg(&file).spawn();
        running.write("u_2\n");
        upstream.wait_for("/v1/kling/elements/u_2", 1);
        // Something else comes into its place meanwhile.
        std::fs::create_dir(&file).unwrap();
        running.write(&format!("{id}\n"));
        let run = running.end_within(Duration::from_secs(30)).expect(code);
        assert!(run.stderr.contains(&format!("can't write the metrics {}", file.display())), "{}", run.stderr);
        upstream.forget();
        run
    };
    run("u_3", "text", 1);
    assert_eq!(mirror.ids(), ["u_1", "u_2", "u_3"], "the mirror's own work is done");
    run("u_404", "text", 1);
    run("u_401", "text", 4);
    assert_eq!(run("u_3", "json", 1).log().last().unwrap()["event"], "broken");
}

#[test]
fn the_file_is_replaced_at_once_with_nothing_left_beside_it() {
    let (upstream, mirror) = mirrored();
    std::fs::create_dir(mirror.beside("textfiles")).unwrap();
    let file = mirror.put("textfiles/metrics.prom", "an earlier one");
    std::fs::hard_link(&file, mirror.beside("earlier")).unwrap();
    symlink("textfiles/metrics.prom", mirror.beside("link")).unwrap();
    for (umask, mode) in [("022", 0o644), ("002", 0o664)] {
        let run = program_with_umask(umask).run(&upstream, &mirror.path()).ids(["u_1"]);
        run.arg("--metrics").arg(mirror.beside("link")).output().expect(0);
        assert_eq!(value(&file, "exit_code"), 0.0);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, mode);
    }
    // Whoever had the earlier one open reads on in it.
    assert_eq!(std::fs::read_to_string(mirror.beside("earlier")).unwrap(), "an earlier one");
    assert!(mirror.beside("link").is_symlink());
    assert_eq!(std::fs::read_dir(mirror.beside("textfiles")).unwrap().count(), 1);
}

#[test]
fn metrics_are_not_written_over_a_list_the_report_or_what_the_mirror_holds() {
    let (upstream, mirror) = mirrored();
    let list = mirror.put("ids.txt", "u_1\n");
    let refused = |metrics: &Path, options: &[&str]| {
        let run = program().run(&upstream, &mirror.path()).current_dir(&mirror.beside("")).arg("ids.txt");
        let run = run.args(options).arg("--metrics").arg(metrics).output().expect(2);
        assert!(run.stderr.contains("--metrics"), "{}", run.stderr);
    };
    refused(&list, &[]);
    // Not even where another list keeps the run from beginning.
    refused(&list, &["missing.txt"]);
    refused(&mirror.at("u_1/cover.png"), &[]);
    refused(&mirror.at(".element-mirror/metrics"), &[]);
    refused(&mirror.at("index.ndjson"), &[]);
    for report in ["new", "./new"] {
        refused(Path::new("new"), &["--report", report]);
    }
    for no_file in ["-", ""] {
        refused(Path::new(no_file), &[]);
    }
    // The index of a mirror that is not there yet.
    let new = program().current_dir(&mirror.beside("")).args(["run", "ids.txt", "-o", "new"]);
    new.args(["--metrics", "new/index.ndjson"]).output().expect(2);
    assert_eq!(std::fs::read_to_string(list).unwrap(), "u_1\n");
    assert!(!mirror.beside("new").exists());
    mirror.check();
}

#[test]
fn a_verification_is_told_in_numbers() {
    let (upstream, mirror) = mirrored();
    let file = mirror.beside("metrics.prom");
    let verify = || program().arg("verify").arg(mirror.path()).arg("--metrics").arg(&file);
    verify().output().expect(0);
    assert_eq!((value(&file, r#"elements{status="ok"}"#), value(&file, "exit_code")), (2.0, 0.0));
    let good = series(&file)[LAST_SUCCESS];
    mirror.write("u_1/cover.png", png(64, 64, 99));
    verify().output().expect(3);
    assert_eq!(value(&file, r#"elements{status="damaged"}"#), 1.0);
    assert_eq!(value(&file, r#"errors{kind="damaged"}"#), 1.0);
    assert_eq!(series(&file)[LAST_SUCCESS], good);
    assert_eq!(value(&file, r#"requests{target="cdn"}"#), 0.0);
    let repair = verify().args(["--repair", "--allow-private-assets", "--api-base", &upstream.api()]);
    repair.output().expect(0);
    assert_eq!(value(&file, r#"elements{status="repaired"}"#), 1.0);
    let requests = [r#"requests{target="api"}"#, r#"requests{target="cdn"}"#].map(|name| value(&file, name));
    assert_eq!(requests, [1.0, 1.0]);
    assert_eq!(value(&file, "downloaded_bytes"), png(64, 64, 0).len() as f64);
    let list = mirror.put("ids.txt", "u_1\n");
    verify().arg(&list).arg("--metrics").arg(&list).output().expect(2);
}

#[test]
fn metrics_that_can_not_be_written_are_known_before_anything_is_asked() {
    let (upstream, mirror) = mirrored();
    let beside = || std::fs::read_dir(mirror.beside("")).unwrap().count();
    let before = beside();
    let folder = mirror.beside("");
    for (place, why) in [(mirror.beside("nosuch/metrics.prom"), "No such file"), (folder, "no file")] {
        let run = program().run(&upstream, &mirror.path()).ids(["u_3"]).arg("--metrics").arg(&place);
        let said = run.output().expect(1).stderr;
        assert_eq!(said.matches("can't write the metrics").count(), 1, "{said}");
        assert!(said.contains(why), "{said}");
        let verify = program().arg("verify").arg(mirror.path()).arg("--metrics").arg(&place);
        assert!(verify.output().expect(1).stderr.contains(why));
    }
    assert_eq!(upstream.requests().len(), 0);
    assert_eq!((mirror.ids(), beside()), (vec!["u_1".into(), "u_2".into()], before));
    // What it was asked for wrongly comes first.
    let wrong = program().run(&upstream, &mirror.path()).arg("--metrics").arg(mirror.beside("nosuch/metrics.prom"));
    wrong.output().expect(2);
}

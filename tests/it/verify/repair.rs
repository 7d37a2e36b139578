//! What a repair makes good, what it asks for, and what it leaves.

use rstest::rstest;
use serde_json::json;

use super::{flip, message, mirrored, past, repair, run, verify};
use crate::support::{MirrorDir, Reply, Upstream, png};

/// Every file under `damaged/` by its name, with its bytes.
fn aside(mirror: &MirrorDir) -> Vec<(String, Vec<u8>)> {
    let all = mirror.all_files().into_iter().filter(|(path, _)| path.starts_with(".element-mirror/damaged/"));
    all.map(|(path, bytes)| (path.rsplit('/').next().unwrap().to_owned(), bytes)).collect()
}

fn cdn_paths(upstream: &Upstream) -> Vec<String> {
    let mut paths: Vec<_> = upstream.cdn_requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    paths
}

#[test]
fn a_good_mirror_is_repaired_without_a_request() {
    let (upstream, mirror) = mirrored();
    let before = mirror.all_files();
    let repaired = repair(&upstream, &mirror).args(["--history", "--report", "-"]).output().expect(0);
    assert_eq!((repaired.status("u_1").as_str(), repaired.status("u_2").as_str()), ("ok", "ok"));
    assert!(upstream.requests().is_empty());
    let mut after = mirror.all_files();
    after.insert(".element-mirror/lock".into(), before[".element-mirror/lock"].clone());
    assert!(before == after);
}

#[test]
fn only_what_is_damaged_is_fetched_and_what_was_damaged_is_put_aside() {
    let (upstream, mirror) = mirrored();
    let right = mirror.read("u_1/cover.png");
    flip(&mirror, "u_1/cover.png");
    let edited = mirror.read("u_1/cover.png");
    let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0);
    let line = repaired.line("u_1");
    assert_eq!((line["status"].as_str(), line["stands"].as_str()), (Some("repaired"), Some("complete")));
    assert_eq!((&line["downloaded"], &line["bytes"]), (&json!(1), &json!(right.len())));
    assert_eq!(repaired.status("u_2"), "ok");
    assert_eq!(cdn_paths(&upstream), ["/cdn/u_1/another"]);
    assert_eq!(upstream.requests_to("/v1/").len(), 1);
    assert_eq!(mirror.read("u_1/cover.png"), right);
    assert_eq!(aside(&mirror), [("cover.png".to_owned(), edited)]);
    assert_eq!(mirror.history("u_1").len(), 1, "a repair supersedes nothing");
    mirror.check();
    verify(&mirror).arg("--history").output().expect(0);
    assert_eq!(run(&upstream, &mirror, &["u_1"]).status("u_1"), "unchanged");
}

#[test]
fn what_is_received_in_vain_is_not_counted_as_read() {
    let read = |reply: Reply| {
        let (upstream, mirror) = mirrored();
        flip(&mirror, "u_1/cover.png");
        upstream.on("/cdn/u_1/another", [reply]);
        let program = repair(&upstream, &mirror).args(["--log-format", "json"]);
        let log = program.output().expect(3).log();
        log.iter().find(|record| record["event"] == "summary").unwrap()["bytesRead"].clone()
    };
    assert_eq!(read(Reply::ok(vec![7; 100_000]).broken_at(90_000)), read(Reply::new(404, "no")));
}

#[test]
fn good_bytes_go_into_every_version_that_names_their_digest() {
    for history in [false, true] {
        let (upstream, mirror) = mirrored();
        let past = past(&mirror);
        let right = mirror.read("u_1/side.png");
        flip(&mirror, "u_1/side.png");
        assert_ne!(mirror.read(&format!("{past}/side.png")), right, "the versions have no file in common");
        let program = repair(&upstream, &mirror).args(["--report", "-"]);
        let program = if history { program.arg("--history") } else { program };
        assert_eq!(program.output().expect(0).status("u_1"), "repaired");
        assert_eq!(upstream.cdn_requests().len(), 1);
        assert_eq!(mirror.read("u_1/side.png"), right);
        assert_eq!(mirror.read(&format!("{past}/side.png")), right);
        mirror.check();
        verify(&mirror).arg("--history").output().expect(0);
    }
}

#[test]
fn what_another_version_has_whole_is_not_fetched() {
    let (upstream, mirror) = mirrored();
    let right = mirror.read("u_1/side.png");
    // An editor that writes a new file leaves that of the superseded version alone.
    let modified = mirror.at("u_1/side.png").metadata().unwrap().modified().unwrap();
    std::fs::remove_file(mirror.at("u_1/side.png")).unwrap();
    mirror.write("u_1/side.png", "edited");
    let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0);
    assert_eq!((repaired.status("u_1").as_str(), &repaired.line("u_1")["downloaded"]), ("repaired", &json!(0)));
    assert!(upstream.requests().is_empty());
    assert_eq!(mirror.read("u_1/side.png"), right);
    assert_eq!(mirror.at("u_1/side.png").metadata().unwrap().modified().unwrap(), modified);
    assert_eq!(aside(&mirror), [("side.png".to_owned(), b"edited".to_vec())]);
    // And the other way round.
    let past = past(&mirror);
    std::fs::remove_file(mirror.at(&format!("{past}/back.png"))).unwrap();
    let repaired = repair(&upstream, &mirror).args(["--history", "--report", "-"]).output().expect(0);
    assert_eq!(repaired.status("u_1"), "repaired");
    assert!(upstream.requests().is_empty());
    mirror.check();
}

#[test]
fn a_file_is_healed_from_none_that_only_looks_whole() {
    let (upstream, mirror) = mirrored();
    let past = past(&mirror);
    let right = mirror.read("u_1/side.png");
    // The superseded version's has its size, and other bytes: --quick does not see that.
    std::fs::remove_file(mirror.at("u_1/side.png")).unwrap();
    flip(&mirror, &format!("{past}/side.png"));
    let repaired = repair(&upstream, &mirror).args(["--quick", "--report", "-"]).output().expect(0);
    assert_eq!((repaired.status("u_1").as_str(), &repaired.line("u_1")["downloaded"]), ("repaired", &json!(1)));
    assert_eq!(mirror.read("u_1/side.png"), right);
}

#[test]
fn what_was_not_fetched_before_a_run_ends_is_told_as_it_was_found() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids: Vec<String> = (0..30).map(|n| format!("u_{n}")).collect();
    for id in &ids {
        upstream.add(id, 1);
    }
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    run(&upstream, &mirror, &all);
    for id in &ids {
        flip(&mirror, &format!("{id}/cover.png"));
        // By then all of them are found to be damaged.
        let refusal = Reply::json(401, &json!({"error": "Unauthorized"})).after(std::time::Duration::from_secs(1));
        upstream.on_element(id, [refusal]);
    }
    let refused = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(4);
    let found = refused.lines().into_iter().filter(|line| line["error"]["kind"] == "damaged").count();
    assert!(found > 5 && refused.lines().iter().all(|line| line["status"] != "repaired"), "{}", refused.stdout);
}

#[test]
fn a_superseded_file_that_nobody_has_any_more_stays_damaged() {
    let (upstream, mirror) = mirrored();
    let past = past(&mirror);
    flip(&mirror, &format!("{past}/cover.png"));
    let before = mirror.read(&format!("{past}/cover.png"));
    let repaired = repair(&upstream, &mirror).args(["--history", "--report", "-"]).output().expect(3);
    assert_eq!((repaired.status("u_1").as_str(), &repaired.line("u_1")["stands"]), ("damaged", &json!("complete")));
    assert!(message(&repaired, "u_1").contains(&past));
    assert_eq!(mirror.read(&format!("{past}/cover.png")), before);
    // Without --history it is no matter of this repair.
    assert_eq!(repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0).status("u_1"), "ok");
}

#[test]
fn what_can_not_be_had_stays_damaged_and_in_its_place() {
    let (upstream, mirror) = mirrored();
    flip(&mirror, "u_1/cover.png");
    let before = mirror.read("u_1/cover.png");
    upstream.on("/cdn/u_1/another", [Reply::new(404, "")]);
    for _ in 0..2 {
        let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(3);
        let line = repaired.line("u_1");
        assert_eq!((line["status"].as_str(), line["stands"].as_str()), (Some("damaged"), Some("incomplete")));
        assert_eq!((&line["error"]["kind"], &line["error"]["asset"]), (&json!("http_404"), &json!("cover.png")));
        assert_eq!(mirror.read("u_1/cover.png"), before);
        assert_eq!(repaired.status("u_2"), "ok");
    }
    verify(&mirror).output().expect(3);
    upstream.on("/cdn/u_1/another", [Reply::ok(png(9, 9, 99))]);
    assert_eq!(repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0).status("u_1"), "repaired");
    mirror.check();
}

#[test]
fn an_element_that_is_gone_upstream_stays_damaged_and_is_not_noted_as_gone() {
    let (upstream, mirror) = mirrored();
    flip(&mirror, "u_1/cover.png");
    upstream.on_element("u_1", [Reply::json(404, &json!({"error": "not found"}))]);
    let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(3);
    assert_eq!((repaired.status("u_1").as_str(), repaired.error_kind("u_1").as_str()), ("damaged", "not_found"));
    assert!(message(&repaired, "u_1").contains("cover.png"));
    assert!(mirror.names(".element-mirror/gone").is_empty());
}

#[rstest]
#[case::manifest("manifest.json")]
#[case::sums("SHA256SUMS")]
#[case::response("element.json")]
fn the_programs_own_files_are_made_good_too(#[case] file: &str) {
    for edit in [true, false] {
        let (upstream, mirror) = mirrored();
        match edit {
            true => flip(&mirror, &format!("u_1/{file}")),
            false => std::fs::remove_file(mirror.at(&format!("u_1/{file}"))).unwrap(),
        }
        let found = verify(&mirror).args(["--report", "-"]).output().expect(3);
        let expected = if file == "manifest.json" && !edit { "missing_manifest" } else { "damaged" };
        assert_eq!(found.status("u_1"), expected);
        let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0);
        assert_eq!(repaired.status("u_1"), "repaired");
        mirror.check();
        verify(&mirror).arg("--history").output().expect(0);
        assert_eq!(run(&upstream, &mirror, &["u_1"]).status("u_1"), "unchanged");
    }
}

#[test]
fn checksums_are_written_anew_from_the_manifest_where_the_files_vouch_for_it() {
    let (upstream, mirror) = mirrored();
    let past = past(&mirror);
    for folder in ["u_1", &past] {
        let right = mirror.read(&format!("{folder}/SHA256SUMS"));
        std::fs::remove_file(mirror.at(&format!("{folder}/SHA256SUMS"))).unwrap();
        let repaired = repair(&upstream, &mirror).args(["--history", "--report", "-"]).output().expect(0);
        assert_eq!(repaired.status("u_1"), "repaired");
        assert_eq!(mirror.read(&format!("{folder}/SHA256SUMS")), right);
    }
    assert!(upstream.requests().is_empty());
    flip(&mirror, &format!("{past}/cover.png"));
    std::fs::remove_file(mirror.at(&format!("{past}/SHA256SUMS"))).unwrap();
    repair(&upstream, &mirror).arg("--history").output().expect(3);
    assert!(!mirror.has(&format!("{past}/SHA256SUMS")), "nobody vouches for the manifest");
}

#[test]
fn an_element_without_a_manifest_of_which_not_all_can_be_had_is_incomplete() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 3);
    run(&upstream, &mirror, &["u_1"]);
    mirror.write("u_1/manifest.json", "{");
    upstream.on("/cdn/u_1/1.png", [Reply::new(404, "")]);
    let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(3);
    assert_eq!((repaired.status("u_1").as_str(), repaired.error_kind("u_1").as_str()), ("incomplete", "http_404"));
    // What was there is all aside.
    assert_eq!(aside(&mirror).iter().filter(|(file, _)| file.ends_with(".png")).count(), 3);
}

#[test]
fn an_element_whose_folder_is_gone_while_its_past_is_here_is_fetched_again() {
    let (upstream, mirror) = mirrored();
    std::fs::remove_dir_all(mirror.at("u_1")).unwrap();
    let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0);
    assert_eq!((repaired.status("u_1").as_str(), &repaired.line("u_1")["stands"]), ("repaired", &json!("complete")));
    mirror.check();
}

#[test]
fn what_is_said_of_a_repair_in_vain_names_the_file_and_gives_no_hint_to_try_it() {
    let (upstream, mirror) = mirrored();
    flip(&mirror, "u_1/cover.png");
    upstream.on("/cdn/u_1/another", [Reply::new(404, "")]);
    let repaired = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(3);
    assert!(message(&repaired, "u_1").ends_with("; cover.png has other bytes"), "{}", message(&repaired, "u_1"));
    assert!(!repaired.stderr.contains("--repair"), "{}", repaired.stderr);
    assert!(verify(&mirror).output().expect(3).stderr.contains("--repair"));
}

#[test]
fn an_element_that_a_list_names_and_that_is_not_there_is_fetched() {
    let (upstream, mirror) = mirrored();
    upstream.add("u_3", 2);
    let repaired = repair(&upstream, &mirror).args(["--id", "u_3,u_4", "--report", "-"]).output().expect(3);
    assert_eq!((repaired.status("u_3").as_str(), &repaired.line("u_3")["stands"]), ("repaired", &json!("complete")));
    assert_eq!((repaired.status("u_4").as_str(), repaired.error_kind("u_4").as_str()), ("missing", "not_found"));
    mirror.check();
}

#[test]
fn a_new_element_of_which_not_all_can_be_had_is_no_success() {
    let (upstream, mirror) = mirrored();
    upstream.add("u_3", 3);
    upstream.on("/cdn/u_3/1.png", [Reply::new(404, "")]);
    let repaired = repair(&upstream, &mirror).args(["--id", "u_3", "--report", "-"]).output().expect(3);
    assert_eq!(
        (repaired.status("u_3").as_str(), &repaired.line("u_3")["stands"]),
        ("incomplete", &json!("incomplete"))
    );
}

#[test]
fn the_roles_that_an_element_has_stay_as_they_are() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 4);
    let covers = crate::support::program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["--roles", "cover"]);
    covers.output().expect(0);
    flip(&mirror, "u_1/cover.png");
    upstream.forget();
    assert_eq!(repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0).status("u_1"), "repaired");
    assert_eq!(upstream.cdn_requests().len(), 1);
    assert_eq!(mirror.manifest("u_1")["assets"].as_array().unwrap().len(), 1);
}

#[test]
fn an_element_that_moved_on_upstream_is_repaired_by_what_is_there_now() {
    let (upstream, mirror) = mirrored();
    flip(&mirror, "u_2/cover.png");
    let mut told = upstream.add("u_2", 1);
    upstream.on("/cdn/u_2/new", [Reply::ok(png(3, 3, 3))]);
    let new = json!(upstream.url("/cdn/u_2/new"));
    told["cover"]["resource"] = new.clone();
    told["resources"][0]["resource"] = new;
    upstream.tell("u_2", &told);
    assert_eq!(repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0).status("u_2"), "repaired");
    assert_eq!(mirror.read("u_2/cover.png"), png(3, 3, 3));
    // What the old version held can't be had any more: what is left of it is put aside, and no part of history.
    assert!(mirror.history("u_2").is_empty());
    assert_eq!(aside(&mirror).iter().filter(|(file, _)| file == "manifest.json").count(), 1);
    verify(&mirror).arg("--history").output().expect(0);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_put_aside_with_all_that_it_holds() {
    let (upstream, mirror) = mirrored();
    let right = mirror.read("u_1/side.png");
    std::fs::remove_file(mirror.at("u_1/side.png")).unwrap();
    mirror.write("u_1/side.png/mine.txt", "a stranger's");
    assert_eq!(repair(&upstream, &mirror).args(["--report", "-"]).output().expect(0).status("u_1"), "repaired");
    assert_eq!(mirror.read("u_1/side.png"), right);
    assert_eq!(aside(&mirror), [("mine.txt".to_owned(), b"a stranger's".to_vec())]);
}

#[test]
fn a_repair_needs_a_token_and_the_lock() {
    let (upstream, mirror) = mirrored();
    let without = verify(&mirror).arg("--repair").output().expect(2);
    assert!(without.stderr.contains("USEAPI_TOKEN"), "{}", without.stderr);
    let running = crate::support::program().run(&upstream, &mirror.path()).arg("-").spawn();
    while !mirror.read(".element-mirror/lock").starts_with(format!("{{\"pid\":{}", running.0.id()).as_bytes()) {
        std::thread::yield_now();
    }
    let locked = repair(&upstream, &mirror).output().expect(5);
    assert!(locked.stderr.contains("another run is working on this destination"), "{}", locked.stderr);
}

#[test]
fn a_refused_token_several_accounts_and_an_api_that_is_down_are_said_as_by_a_run() {
    let (upstream, mirror) = mirrored();
    flip(&mirror, "u_1/cover.png");
    upstream.on_element("u_1", [Reply::json(401, &json!({"error": "Unauthorized"}))]);
    let refused = repair(&upstream, &mirror).args(["--report", "-"]).output().expect(4);
    assert_eq!(refused.status("u_1"), "damaged");
    upstream.on_element("u_1", [Reply::json(400, &json!({"error": "email is required"}))]);
    upstream.on("/v1/kling/accounts", [Reply::json(200, &json!({"a@b.c": {}, "d@e.f": {}}))]);
    let needed = repair(&upstream, &mirror).output().expect(2);
    assert!(needed.stderr.contains("a@b.c") && needed.stderr.contains("d@e.f"), "{}", needed.stderr);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let down = format!("http://127.0.0.1:{port}/v1");
    let down = crate::support::program().args(["verify"]).arg(mirror.path()).args(["--repair", "--api-base", &down]);
    down.args(["--retries", "0"]).output().expect(1);
}

#[test]
fn the_account_is_the_lists_second_column_or_the_option() {
    let (upstream, mirror) = mirrored();
    flip(&mirror, "u_1/cover.png");
    let list =
        repair(&upstream, &mirror).args(["-", "--report", "-"]).output_with("u_1 someone@example.com\n").expect(0);
    assert_eq!(list.line("u_1")["email"], "someone@example.com");
    assert!(upstream.requests_to("/v1/")[0].query.contains("someone%40example.com"));
    upstream.forget();
    flip(&mirror, "u_1/cover.png");
    repair(&upstream, &mirror).args(["--email", "other@example.com"]).output().expect(0);
    assert!(upstream.requests_to("/v1/")[0].query.contains("other%40example.com"));
}

//! ID lists: what is taken for an ID, what is a bad line, and that lists are streams.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{MirrorDir, Outcome, Program, Reply, Upstream, program};

/// `run` of lists that stand beside the destination, with the report on standard output.
fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path()).current_dir(&mirror.beside("")).args(["--report", "-"])
}

/// An upstream that knows these elements, a cover each.
fn upstream_with(ids: &[&str]) -> Upstream {
    let upstream = Upstream::start();
    for id in ids {
        upstream.add(id, 1);
    }
    upstream
}

/// The elements that the API was asked for, with their account, in order of the IDs.
fn asked(upstream: &Upstream) -> Vec<(String, String)> {
    let requests = upstream.requests_to("/v1/kling/elements/");
    let mut asked: Vec<_> = requests
        .into_iter()
        .map(|request| (request.path.rsplit('/').next().unwrap().to_owned(), request.query))
        .collect();
    asked.sort();
    asked
}

/// Where the bad lines stand.
fn bad_lines(run: &Outcome) -> Vec<String> {
    let lines = run.lines().into_iter().filter(|line| line["id"] == Value::Null);
    lines
        .map(|line| {
            assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("failed"), &json!("bad_line")));
            line["source"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn files_standard_input_and_single_ids_are_one_list() {
    let upstream = upstream_with(&["u_1", "u_2", "u_3", "u_4", "u_5"]);
    let mirror = MirrorDir::new();
    mirror.put("one.txt", "u_1\n");
    mirror.put("two.ndjson", "{\"id\":\"u_2\"}");
    let run = run(&upstream, &mirror).args(["one.txt", "-", "two.ndjson", "--id", "u_4", "--id", "u_5"]);
    run.output_with("u_3").expect(0);
    assert_eq!(mirror.ids(), ["u_1", "u_2", "u_3", "u_4", "u_5"]);
}

#[test]
fn a_list_is_read_liberally() {
    let upstream = upstream_with(&["u_1", "u_2", "u_3", "u_4", "u_5", "u_6", "u_7", "u_8"]);
    let mirror = MirrorDir::new();
    let text = "\u{feff}# a comment first\r\n\
                \r\n\
                id,email\r\n\
                u_1\r\n\
                \t u_2 \r\n\
                u_3   # trailing\r\n\
                u_4 a@example.org\r\n\
                u_5\tb@example.org # his\r\n\
                u_6, c@example.org\r\n\
                {\"id\": \"u_7\", \"name\": \"x\", \"email\": \"d@example.org\"}\r\n\
                u_8";
    let run = run(&upstream, &mirror).arg("-").output_with(text).expect(0);
    let queries = ["", "", "", "email=a%40example.org", "email=b%40example.org", "email=c%40example.org"];
    let queries = queries.into_iter().chain(["email=d%40example.org", ""]);
    let expected: Vec<_> = (1..).zip(queries).map(|(n, query)| (format!("u_{n}"), query.to_owned())).collect();
    assert_eq!(asked(&upstream), expected);
    assert_eq!(run.line("u_4")["email"], "a@example.org");
    assert_eq!(run.line("u_7")["email"], "d@example.org");
    assert_eq!(run.line("u_1").get("email"), None);
}

#[test]
fn a_header_is_one_on_the_first_line_of_each_list_only() {
    let upstream = upstream_with(&["u_1", "u_2", "id"]);
    let mirror = MirrorDir::new();
    mirror.put("one.txt", "id\nu_1\nid\n");
    mirror.put("two.txt", "id\temail\nu_2\n");
    run(&upstream, &mirror).args(["one.txt", "two.txt"]).output().expect(0);
    assert_eq!(mirror.ids(), ["id", "u_1", "u_2"]);
    let run = run(&upstream, &mirror).args(["--id", "id"]).output().expect(0);
    assert_eq!(run.status("id"), "unchanged", "and on no command line");
}

#[test]
fn the_lines_email_comes_before_the_options_and_that_before_the_environment() {
    let upstream = upstream_with(&["u_1", "u_2"]);
    let query_of = |program: Program| {
        upstream.forget();
        let mirror = MirrorDir::new();
        let run = program.run(&upstream, &mirror.path()).args(["--report", "-", "-"]);
        let run = run.output_with("u_1 list@example.org\nu_2\n").expect(0);
        assert_eq!(run.line("u_1")["email"], "list@example.org");
        assert_eq!(run.line("u_2").get("email"), None, "no list named it");
        let asked = asked(&upstream);
        assert_eq!(asked[0].1, "email=list%40example.org");
        asked[1].1.clone()
    };
    assert_eq!(query_of(program()), "");
    assert_eq!(query_of(program().env("USEAPI_EMAIL", "env@example.org")), "email=env%40example.org");
    assert_eq!(query_of(program().env("USEAPI_EMAIL", "")), "");
    // As a file gives it that ends in a line's end.
    for name in ["USEAPI_EMAIL", "ELEMENT_MIRROR_EMAIL"] {
        assert_eq!(query_of(program().env(name, "env@example.org\n")), "email=env%40example.org", "{name}");
    }
    let named = program().env("USEAPI_EMAIL", "env@example.org").env("ELEMENT_MIRROR_EMAIL", "own@example.org");
    assert_eq!(query_of(named), "email=own%40example.org");

    upstream.forget();
    let mirror = MirrorDir::new();
    let run = program().env("USEAPI_EMAIL", "env@example.org").env("ELEMENT_MIRROR_EMAIL", "own@example.org");
    run.run(&upstream, &mirror.path()).args(["--email", "a+b@example.org"]).ids(["u_1"]).output().expect(0);
    assert_eq!(asked(&upstream)[0].1, "email=a%2Bb%40example.org");
}

#[test]
fn a_report_is_an_id_list() {
    let upstream = upstream_with(&["u_1", "u_2"]);
    let mirror = MirrorDir::new();
    mirror.put("ids.txt", "u_1 a@example.org\nno/id\nu_2\nu_404\n");
    let first = run(&upstream, &mirror).arg("ids.txt").output().expect(3);
    mirror.put("report.ndjson", &first.stdout);
    upstream.add("u_404", 1);
    upstream.forget();
    let second = run(&upstream, &mirror).arg("report.ndjson").output().expect(0);
    let ids: Vec<String> = asked(&upstream).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["u_1", "u_2", "u_404"]);
    assert_eq!(asked(&upstream)[0].1, "email=a%40example.org");
    assert_eq!(bad_lines(&second), Vec::<String>::new(), "the line about the bad line is passed over");
}

#[test]
fn bad_lines_are_named_by_file_and_line_and_the_rest_is_done() {
    let upstream = upstream_with(&["u_1", "u_2"]);
    let mirror = MirrorDir::new();
    mirror.put("ids.txt", "u_1\n\n../../etc/passwd\nu_1/x\n{\"id\": 5}\n-dash\nu_2 no-email\nu_2\n");
    let long = "x".repeat(65);
    let run = run(&upstream, &mirror).args(["ids.txt", "-", "--id", "a.b"]).output_with(long).expect(3);
    let expected = ["--id:1", "ids.txt:3", "ids.txt:4", "ids.txt:5", "ids.txt:6", "ids.txt:7", "-:1"];
    assert_eq!(bad_lines(&run), expected);
    assert_eq!((run.status("u_1"), run.status("u_2")), ("created".into(), "created".into()));
    assert_eq!(asked(&upstream).len(), 2, "no bad line reaches the API");
    assert_eq!(mirror.ids(), ["u_1", "u_2"]);
    mirror.check();
}

#[test]
fn an_id_may_have_64_characters_and_no_more() {
    let id = format!("u_{}", "A-9_".repeat(16));
    let (fits, long) = (&id[..64], &id[..65]);
    let upstream = upstream_with(&[fits]);
    let mirror = MirrorDir::new();
    let run = run(&upstream, &mirror).arg("-").output_with(format!("{fits}\n{long}\n")).expect(3);
    assert_eq!((run.status(fits), bad_lines(&run)), ("created".into(), vec!["-:2".into()]));
}

#[test]
fn a_line_of_10_mb_is_one_bad_line() {
    let upstream = upstream_with(&["u_1", "u_2"]);
    let mirror = MirrorDir::new();
    let text = [b"u_1\n".to_vec(), vec![b'x'; 10 << 20], b"\nu_2\n".to_vec()].concat();
    let run = run(&upstream, &mirror).arg("-").output_with(text).expect(3);
    assert_eq!((bad_lines(&run), mirror.ids()), (vec!["-:2".into()], vec!["u_1".into(), "u_2".into()]));
    assert!(run.stdout.len() + run.stderr.len() < 10_000, "nobody wants to read it again");
}

#[test]
fn a_binary_file_is_nothing_but_bad_lines() {
    let upstream = upstream_with(&["u_1"]);
    let mirror = MirrorDir::new();
    let picture = crate::support::png(64, 64, 1);
    let lines = picture.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    mirror.put("picture.png", picture);
    mirror.put("latin1.txt", b"u_1\nM\xfcller\n");
    let run = run(&upstream, &mirror).args(["picture.png", "latin1.txt"]).output().expect(3);
    assert_eq!(run.status("u_1"), "created");
    let bad = bad_lines(&run);
    assert_eq!(bad.last().unwrap(), "latin1.txt:2");
    // A line may happen to be a comment, or text that is no ID: never an ID.
    assert!(bad.len() > 1 && bad.len() <= lines + 1, "{bad:?}");
    assert!(!run.stderr.contains(|c: char| c.is_control() && c != '\n'), "{}", run.stderr);
}

#[test]
fn the_same_id_again_is_done_once() {
    let upstream = upstream_with(&["u_1", "u_2"]);
    let mirror = MirrorDir::new();
    mirror.put("ids.txt", "u_1\nu_2\nu_1\n{\"id\":\"u_2\"}\n");
    let run = run(&upstream, &mirror).args(["ids.txt", "ids.txt", "--id", "u_1"]).args(["--log-format", "json"]);
    let run = run.output().expect(0);
    assert_eq!((run.lines().len(), asked(&upstream).len()), (2, 2));
    assert!(run.log().iter().all(|line| line["event"] != "warning"), "{}", run.stderr);
}

#[test]
fn another_email_for_the_same_id_is_a_warning_and_the_first_line_wins() {
    let upstream = upstream_with(&["u_1"]);
    let mirror = MirrorDir::new();
    mirror.put("ids.txt", "u_1 first@example.org\nu_1 FIRST@example.org\nu_1 second@example.org\n");
    let run = run(&upstream, &mirror).args(["ids.txt", "--log-format", "json"]).output().expect(0);
    assert_eq!(asked(&upstream), [("u_1".to_owned(), "email=first%40example.org".to_owned())]);
    let warnings: Vec<Value> = run.log().into_iter().filter(|line| line["event"] == "warning").collect();
    assert_eq!(warnings.len(), 1, "{}", run.stderr);
    assert_eq!(warnings[0]["what"], "ids.txt:3");
}

#[test]
fn an_empty_list_is_nothing_to_do() {
    let upstream = Upstream::start();
    for text in ["", "\n\n", "# nothing\n", "id,email\n", "\u{feff}", "{\"id\":null,\"source\":\"x:1\"}\n"] {
        let mirror = MirrorDir::new();
        let run = run(&upstream, &mirror).arg("-").output_with(text).expect(0);
        assert_eq!(run.stdout, "", "{text:?}");
        assert!(run.stderr.contains("nothing to do"), "{text:?}: {}", run.stderr);
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_list_that_cannot_be_read_ends_the_run_before_the_first_request() {
    let upstream = upstream_with(&["u_1"]);
    let mirror = MirrorDir::new();
    mirror.put("ids.txt", "u_1\n");
    std::fs::create_dir(mirror.beside("folder")).unwrap();
    for list in ["missing.txt", "folder"] {
        let run = run(&upstream, &mirror).args(["ids.txt", list]).output().expect(1);
        assert!(run.stderr.contains(list), "{}", run.stderr);
    }
    assert_eq!(upstream.requests().len(), 0);
    assert!(!mirror.has(""), "no destination is made either");
}

#[test]
fn work_starts_before_the_end_of_the_list() {
    let upstream = upstream_with(&["u_1", "u_2"]);
    let mirror = MirrorDir::new();
    let mut running = run(&upstream, &mirror).arg("-").spawn();
    running.write("u_1\n");
    upstream.wait_for("/cdn/u_1/", 1);
    let line: Value = serde_json::from_str(&running.read_line()).unwrap();
    assert_eq!((&line["id"], &line["status"]), (&json!("u_1"), &json!("created")));
    running.write("u_2\n");
    let run = running.end_within(Duration::from_secs(30)).expect(0);
    assert_eq!(run.status("u_2"), "created");
}

#[test]
fn a_bad_line_is_reported_while_elements_are_still_in_flight() {
    let upstream = upstream_with(&["u_1"]);
    upstream.on_element("u_1", [Reply::hang()]);
    let mirror = MirrorDir::new();
    let mut running = run(&upstream, &mirror).arg("-").spawn();
    running.write("u_1\nno id\n");
    let line: Value = serde_json::from_str(&running.read_line()).unwrap();
    assert_eq!(line["source"], "-:2");
    running.signal("INT");
    running.end_within(Duration::from_secs(30)).expect(130);
}

//! The command line: what is refused, what the environment gives, and who is told the token.

mod complaints;
mod help;

use std::os::unix::fs::symlink;

use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Outcome, Program, Reply, TOKEN, Upstream, element, png, program};

/// `run` of which nothing must come: no request, and the destination is not even made.
#[track_caller]
fn refused(change: impl FnOnce(Program) -> Program) -> Outcome {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = program().env("ELEMENT_MIRROR_API_BASE", &upstream.api()).current_dir(&mirror.beside("")).arg("run");
    let run = change(run).output().expect(2);
    assert_eq!((upstream.requests().len(), run.stdout.as_str()), (0, ""));
    assert!(!mirror.has(""), "the destination was made");
    run
}

#[test]
fn no_ids_is_a_usage_error() {
    let run = refused(|run| run);
    assert!(run.stderr.contains("--id"), "it names the ways: {}", run.stderr);
}

#[test]
fn no_token_is_a_usage_error_that_names_the_ways_to_give_one() {
    for empty in [None, Some(""), Some(" \n")] {
        let run = refused(|run| match empty {
            None => run.env_remove("USEAPI_TOKEN").ids(["u_1"]),
            Some(empty) => run.env("USEAPI_TOKEN", empty).ids(["u_1"]),
        });
        for way in ["USEAPI_TOKEN", "--token-file", "--demo"] {
            assert!(run.stderr.contains(way), "{way}: {}", run.stderr);
        }
    }
}

#[test]
fn a_token_file_that_gives_no_token_is_a_usage_error_even_with_one_in_the_environment() {
    let files = MirrorDir::new();
    let empty = files.put("empty", "");
    let blank = files.put("blank", "\n\n");
    let two = files.put("two", "user:1-a\nuser:2-b\n");
    let header = files.put("header", "Bearer user:1-a");
    let variable = files.put("variable", "USEAPI_TOKEN=user:1-a");
    for file in [files.beside("missing"), files.beside(""), empty, blank, two, header, variable] {
        let run = refused(|run| run.ids(["u_1"]).arg("--token-file").arg(&file));
        assert!(run.stderr.contains(file.to_str().unwrap()), "{}", run.stderr);
    }
}

#[test]
fn a_token_in_the_place_of_its_file_is_not_repeated() {
    let typed = refused(|run| run.ids(["u_1"]).args(["--token-file", "user:1234-abcdef"]));
    let from_environment = refused(|run| run.ids(["u_1"]).env("ELEMENT_MIRROR_TOKEN_FILE", "user:1234-abcdef"));
    for run in [typed, from_environment] {
        assert!(run.stderr.contains("token file") && !run.stderr.contains("abcdef"), "{}", run.stderr);
    }
}

#[rstest]
#[case::unknown_option(&["--frobnicate"])]
#[case::token_itself(&["--token", "user:1234"])]
#[case::quiet_and_verbose(&["--quiet", "-v"])]
#[case::api_in_clear(&["--api-base", "http://api.example/v1"])]
#[case::api_in_clear_on_a_private_network(&["--api-base", "http://192.168.0.1/v1"])]
#[case::no_api(&["--api-base", "api.example"])]
#[case::unknown_store(&["--out", "ftp://bucket/prefix"])]
#[case::no_bucket(&["--out", "s3:///prefix"])]
#[case::not_in_a_bucket(&["--out", "s3://bucket/a/../b"])]
#[case::no_destination(&["--out", ""])]
#[case::no_downloads(&["--concurrency", "0"])]
#[case::no_number(&["--concurrency", "many"])]
#[case::no_requests(&["--api-concurrency", "0"])]
#[case::no_request_ever(&["--api-rate", "0"])]
#[case::no_rate(&["--api-rate", "fast"])]
#[case::no_byte_ever(&["--limit-rate", "0"])]
#[case::negative(&["--retries=-1"])]
#[case::no_duration(&["--stall-timeout", "soon"])]
#[case::never_waits(&["--connect-timeout", "0s"])]
#[case::negative_duration(&["--lock-wait=-1s"])]
#[case::no_size(&["--max-size", "big"])]
#[case::half_a_byte(&["--max-size", "1.5"])]
#[case::given_twice(&["--max-size", "1G", "--max-size", "2G"])]
#[case::home_that_the_shell_leaves(&["--out=~/mirror"])]
#[case::list_and_report_from_one_input(&["--skip-done", "-", "-"])]
#[case::no_role(&["--roles", "cover,hat"])]
#[case::no_when(&["--progress", "sometimes"])]
#[case::no_colour(&["--color", "blue"])]
#[case::no_format(&["--log-format", "xml"])]
#[case::two_lines_of_user_agent(&["--user-agent", "a\r\nb: c"])]
#[case::switch_with_a_value(&["--dry-run=maybe"])]
#[case::value_missing(&["--report"])]
fn a_bad_option_is_a_usage_error(#[case] options: &[&str]) {
    let run = refused(|run| run.ids(["u_1"]).args(options));
    let option = options[0].split('=').next().unwrap();
    assert!(run.stderr.contains(option), "it names {option}: {}", run.stderr);
}

#[rstest]
#[case("ELEMENT_MIRROR_CONCURRENCY", "4096")]
#[case("ELEMENT_MIRROR_DRY_RUN", "perhaps")]
#[case("ELEMENT_MIRROR_API_BASE", "http://api.example/")]
#[case("ELEMENT_MIRROR_ROLES", "hat")]
#[case("ELEMENT_MIRROR_COLOR", "blue")]
fn a_bad_variable_is_a_usage_error(#[case] name: &str, #[case] value: &str) {
    let run = refused(|run| run.ids(["u_1"]).env(name, value));
    for part in [value, name] {
        assert!(run.stderr.contains(part), "it names {part}: {}", run.stderr);
    }
    // What is typed is not the variable's fault, and wins.
    let option = format!("--{}", name.trim_start_matches("ELEMENT_MIRROR_").to_lowercase().replace('_', "-"));
    if option != "--dry-run" {
        let run = refused(|run| run.ids(["u_1"]).env(name, value).args([option.as_str(), "@-@"]));
        assert!(run.stderr.contains(&option) && !run.stderr.contains(name), "{}", run.stderr);
    }
}

#[test]
fn an_email_in_the_environment_is_held_to_the_same_as_one_that_is_typed() {
    for run in [
        refused(|run| run.ids(["u_1"]).env("USEAPI_EMAIL", "nobody")),
        refused(|run| run.ids(["u_1"]).args(["--email", "nobody"])),
    ] {
        assert!(run.stderr.contains("no email"), "{}", run.stderr);
    }
}

#[test]
fn a_command_is_needed_and_has_to_be_known() {
    program().output().expect(2);
    program().arg("walk").output().expect(2);
    assert_eq!(program().arg("--version").output().expect(0).stdout, "element-mirror 0.1.0\n");
}

#[test]
fn a_report_that_is_also_an_input_is_a_usage_error_and_the_list_stays() {
    let mirror = MirrorDir::new();
    let list = mirror.put("ids.txt", "u_1\n");
    symlink("ids.txt", mirror.beside("link.txt")).unwrap();
    std::fs::hard_link(&list, mirror.beside("same.txt")).unwrap();
    for report in ["ids.txt", "./ids.txt", "link.txt", "same.txt"] {
        let report = mirror.beside("").join(report);
        let run = refused(|run| run.arg(&list).arg("--report").arg(&report));
        assert!(run.stderr.contains("--report"), "{}", run.stderr);
    }
    let upstream = Upstream::start();
    let run = program().run(&upstream, &mirror.path()).arg("-").arg("--report").arg(&list);
    run.output_through(std::fs::File::open(&list).unwrap(), std::process::Stdio::null()).expect(2);
    let appending = std::fs::File::options().append(true).open(&list).unwrap();
    let run = program().run(&upstream, &mirror.path()).arg(&list).args(["--report", "-"]);
    run.output_through(std::process::Stdio::null(), appending).expect(2);
    assert_eq!(std::fs::read_to_string(&list).unwrap(), "u_1\n");
}

#[test]
fn what_is_no_file_may_be_input_and_report_at_once() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    program().run(&upstream, &mirror.path()).args(["-", "--report", "/dev/null"]).output().expect(0);
}

#[test]
fn options_are_taken_from_the_environment_and_the_command_line_wins() {
    let upstream = Upstream::start();
    upstream.add("u_1", 2);
    let (there, elsewhere) = (MirrorDir::new(), MirrorDir::new());
    let run = || {
        program()
            .env("ELEMENT_MIRROR_API_BASE", &upstream.api())
            .env("ELEMENT_MIRROR_OUT", there.path().to_str().unwrap())
            .env("ELEMENT_MIRROR_ALLOW_PRIVATE_ASSETS", "true")
            .env("ELEMENT_MIRROR_ROLES", "cover")
            .env("ELEMENT_MIRROR_ID", "u_1")
            .env("ELEMENT_MIRROR_REPORT", "-")
            .env("ELEMENT_MIRROR_EMAIL", "env@example.org")
            .arg("run")
    };
    assert_eq!(run().output().expect(0).line("u_1")["assets"], 1);
    assert_eq!(there.ids(), ["u_1"]);
    let line = ["--roles", "cover,secondary", "--email", "line@example.org", "-o"];
    let run = run().args(line).arg(elsewhere.path()).output().expect(0);
    assert_eq!(run.line("u_1")["assets"], 2);
    assert_eq!(elsewhere.ids(), ["u_1"]);
    let queries: Vec<String> = upstream.requests_to("/v1/").into_iter().map(|request| request.query).collect();
    assert_eq!(queries, ["email=env%40example.org", "email=line%40example.org"]);
}

#[test]
fn a_switch_that_is_said_twice_is_said() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["-vv", "--dry-run", "--dry-run"]);
    assert_eq!(run.report().expect(0).status("u_1"), "would_create");
}

#[rstest]
#[case("1", "would_create")]
#[case("true", "would_create")]
#[case("0", "created")]
#[case("false", "created")]
fn a_switch_from_the_environment_is_on_or_off(#[case] value: &str, #[case] status: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let run = program().env("ELEMENT_MIRROR_DRY_RUN", value).run(&upstream, &mirror.path());
    assert_eq!(run.ids(["u_1"]).report().expect(0).status("u_1"), status);
}

#[test]
fn a_switch_on_the_command_line_wins_over_its_opposite_in_the_environment() {
    let upstream = Upstream::start();
    upstream.add("u_1", 1);
    let said = |name: &str, value: &str, switch: &str| {
        let mirror = MirrorDir::new();
        let run = program().env(name, value).run(&upstream, &mirror.path());
        run.ids(["u_1"]).arg(switch).output().expect(0).stderr
    };
    assert_eq!(said("ELEMENT_MIRROR_VERBOSE", "1", "-q"), "");
    assert_eq!(said("ELEMENT_MIRROR_VERBOSE", "0", "-q"), "");
    assert!(said("ELEMENT_MIRROR_QUIET", "1", "-v").contains("u_1"));
    assert!(said("ELEMENT_MIRROR_QUIET", "0", "-v").contains("u_1"));
}

#[test]
fn the_token_file_wins_over_the_environment_and_its_line_end_is_no_matter() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    for end in ["", "\n", "\r\n", "  \n\n"] {
        let file = mirror.put("token", format!("user:9-from-file{end}"));
        upstream.forget();
        let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).arg("--token-file").arg(file);
        run.output().expect(0);
        assert_eq!(upstream.requests()[0].headers["authorization"], "Bearer user:9-from-file", "{end:?}");
    }
}

#[test]
fn the_user_agent_is_told_to_api_and_cdn() {
    let upstream = Upstream::start();
    upstream.add("u_1", 1);
    for (option, expected) in
        [(None, "element-mirror/0.1.0"), (Some("archive (me@example.org)"), "archive (me@example.org)")]
    {
        let mirror = MirrorDir::new();
        upstream.forget();
        let run = program().run(&upstream, &mirror.path()).ids(["u_1"]);
        option.into_iter().fold(run, |run, text| run.args(["--user-agent", text])).output().expect(0);
        let agents: Vec<String> =
            upstream.requests().into_iter().map(|mut request| request.headers.remove("user-agent").unwrap()).collect();
        assert_eq!(agents, [expected, expected]);
    }
}

#[test]
fn the_token_goes_to_the_api_alone_and_the_cdn_is_told_nothing_of_ours() {
    let (upstream, cdn, mirror) = (Upstream::start(), Upstream::start(), MirrorDir::new());
    // A cookie that nobody should send back, and redirects that nobody should be told of.
    cdn.on("/cdn/0", [Reply::redirect(302, "/cdn/there?signature=x").header("set-cookie", "a=b; Path=/")]);
    cdn.on("/cdn/there", [Reply::redirect(307, &upstream.url("/cdn/0?signature=y"))]);
    upstream.on("/cdn/0", [Reply::ok(png(1, 1, 1))]);
    cdn.on("/cdn/1", [Reply::new(503, ""), Reply::ok(png(2, 2, 2)).header("set-cookie", "c=d")]);
    let told = element("u_1", &[cdn.url("/cdn/0?ksSecret=1"), cdn.url("/cdn/1?ksSecret=2")]);
    upstream.on_element("u_1", [Reply::json(200, &told).header("set-cookie", "e=f; Path=/")]);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).args(["-j", "1"]).output().expect(0);
    let api = upstream.requests_to("/v1/");
    assert_eq!(api.len(), 2);
    for request in &api {
        assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
        assert!(!request.headers.contains_key("cookie"));
    }
    let assets = [cdn.requests(), upstream.cdn_requests()].concat();
    assert_eq!(assets.len(), 6);
    for request in assets {
        for name in ["authorization", "proxy-authorization", "cookie", "referer", "origin"] {
            assert!(!request.headers.contains_key(name), "{name} to {}", request.path);
        }
        assert!(!format!("{request:?}").contains("secret-token"), "{request:?}");
    }
}

#[test]
fn an_empty_environment_is_enough_and_the_mirror_is_made_where_it_runs() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let token = mirror.put("token", TOKEN);
    let run = program().env_remove("USEAPI_TOKEN").current_dir(&mirror.beside(""));
    let run = run.args(["run", "--allow-private-assets", "--id", "u_1", "--api-base", &upstream.api(), "--token-file"]);
    run.arg(token).output().expect(0);
    assert_eq!(mirror.ids(), ["u_1"], "into mirror/");
}

#[test]
fn in_clear_the_token_goes_past_every_proxy() {
    let (upstream, proxy, mirror) = (Upstream::start(), Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let mut program = program().run(&upstream, &mirror.path()).ids(["u_1"]);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        program = program.env(name, &proxy.url(""));
    }
    // The asset is on loopback too, and asked of the proxy, which has none.
    program.report().expect(3);
    assert_eq!(upstream.requests_to("/v1/").len(), 2, "once more for fresh links");
    assert!(
        !proxy.requests().is_empty()
            && proxy.requests().iter().all(|request| !request.headers.contains_key("authorization"))
    );
}

#[test]
fn an_api_that_repeats_the_token_is_not_repeated() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let echo = |status| Reply::json(status, &json!({"error": format!("who is {TOKEN}?")}));
    for (id, reply) in [("u_1", echo(403)), ("u_2", echo(500)), ("u_3", echo(200)), ("u_4", echo(429))] {
        upstream.on_element(id, [reply, echo(403)]);
    }
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2", "u_3", "u_4"]).arg("-v").report().expect(3);
    assert!(run.stdout.contains("who is [token]?") && run.stderr.contains("who is [token]?"), "{}", run.stderr);
    let json = program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["--log-format", "json"]).report().expect(3);
    assert!(json.stderr.contains("who is [token]?"));
    upstream.on_element("u_1", [echo(401)]);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(4);
}

#[test]
fn a_report_is_not_written_over_what_the_mirror_holds() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    for path in ["u_1/cover.png", "u_1/report", ".element-mirror/lock", "index.ndjson"] {
        let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).arg("--report").arg(mirror.at(path));
        run.output().expect(2);
    }
    mirror.check();
}

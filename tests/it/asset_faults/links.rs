//! Links that are not to be followed: refused before a byte is sent.

use std::net::TcpListener;

use rstest::rstest;
use serde_json::json;

use super::run;
use crate::support::{MirrorDir, Outcome, Program, Reply, TOKEN, Upstream, element, png, program};

/// Mirrors `u_1`, whose only asset is at `link`.
fn linked(program: Program, upstream: &Upstream, link: &str) -> Outcome {
    upstream.tell("u_1", &element("u_1", &[link.to_owned()]));
    program.args(["--connect-timeout", "2s", "--retries", "0"]).ids(["u_1"]).report()
}

#[rstest]
#[case::file("file:///etc/passwd")]
#[case::data("data:image/png;base64,iVBORw0KGgo=")]
#[case::ftp("ftp://127.0.0.1/a.png")]
#[case::javascript("javascript:alert(1)")]
#[case::no_url("cover.png")]
#[case::no_scheme("//127.0.0.1/a.png")]
#[case::metadata("http://169.254.169.254/latest/meta-data/")]
#[case::metadata_as_a_number("http://2852039166/latest/")]
#[case::metadata_in_octal("http://0251.0376.0251.0376/")]
#[case::metadata_ecs("http://169.254.170.2/v2/credentials")]
#[case::metadata_alibaba("http://100.100.100.200/")]
#[case::metadata_v6("http://[fd00:ec2::254]/")]
#[case::metadata_mapped("http://[::ffff:169.254.169.254]/")]
#[case::metadata_nat64("http://[64:ff9b::a9fe:a9fe]/")]
#[case::metadata_6to4("http://[2002:a9fe:a9fe::1]/")]
#[case::unspecified("http://0.0.0.0/")]
#[case::multicast("http://224.0.0.1/")]
#[case::broadcast("http://255.255.255.255/")]
fn a_link_to_what_is_never_asked_is_unsafe_whatever_is_allowed(#[case] link: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for program in [program().run(&upstream, &mirror.path()), program().run_guarded(&upstream, &mirror.path())] {
        let run = linked(program, &upstream, link).expect(3);
        assert_eq!(run.error_kind("u_1"), "unsafe_url", "{}", run.stdout);
    }
    assert_eq!(upstream.cdn_requests().len(), 0);
    mirror.check();
}

#[rstest]
#[case::user("http://user@")]
#[case::user_and_password("http://user:hidden-password@")]
fn a_link_with_a_user_is_unsafe(#[case] start: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let link = upstream.url("/cdn/c").replace("http://", start);
    let run = linked(program().run(&upstream, &mirror.path()), &upstream, &link).expect(3);
    assert_eq!(run.error_kind("u_1"), "unsafe_url");
    assert!(!run.stdout.contains("hidden-password") && !run.stderr.contains("hidden-password"));
    assert_eq!(upstream.cdn_requests().len(), 0);
}

/// Links that only `--allow-private-assets` opens, at `port`.
#[rstest]
#[case::loopback("https://127.0.0.1:PORT/a")]
#[case::loopback_beyond_one("https://127.9.9.9:PORT/a")]
#[case::loopback_as_a_number("https://2130706433:PORT/a")]
#[case::loopback_v6("https://[::1]:PORT/a")]
#[case::loopback_mapped("https://[::ffff:127.0.0.1]:PORT/a")]
#[case::a_name_that_leads_home("https://localhost:PORT/a")]
#[case::private("https://10.0.0.1:PORT/a")]
#[case::private_172("https://172.16.0.1:PORT/a")]
#[case::private_192("https://192.168.0.1:PORT/a")]
#[case::link_local("https://169.254.1.1:PORT/a")]
#[case::cgnat("https://100.64.0.1:PORT/a")]
#[case::unique_local("https://[fd12::1]:PORT/a")]
#[case::link_local_v6("https://[fe80::1]:PORT/a")]
#[case::nat64("https://[64:ff9b::a00:1]:PORT/a")]
#[case::six_to_four("https://[2002:7f00:1::1]:PORT/a")]
fn a_private_link_is_unsafe_unless_allowed(#[case] link: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let link = link.replace("PORT", &listener.local_addr().unwrap().port().to_string());
    let run = linked(program().run_guarded(&upstream, &mirror.path()), &upstream, &link).expect(3);
    assert_eq!(run.error_kind("u_1"), "unsafe_url", "{}", run.stdout);
    assert!(run.line("u_1")["error"]["message"].as_str().unwrap().contains("--allow-private-assets"));
    assert!(listener.accept().is_err(), "nobody connected");
}

#[test]
fn private_and_plain_links_are_followed_where_that_is_allowed() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 1))]);
    for (number, host) in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"].iter().enumerate() {
        let link = upstream.url("/cdn/c").replace("127.0.0.1", host);
        let id = format!("u_{number}");
        upstream.tell(&id, &element(&id, std::slice::from_ref(&link)));
        program().run(&upstream, &mirror.path()).ids([&id]).output().expect(0);
        let guarded = program().run_guarded(&upstream, &mirror.beside("guarded")).ids([&id]).report().expect(3);
        assert_eq!(guarded.error_kind(&id), "unsafe_url", "{link}");
    }
    assert_eq!(upstream.cdn_requests().len(), 3);
}

#[rstest]
#[case::metadata("http://169.254.169.254/latest/")]
#[case::metadata_over_tls("https://[fd00:ec2::254]/")]
#[case::file("file:///etc/passwd")]
#[case::data("data:image/png;base64,iVBORw0KGgo=")]
#[case::user("//user:secret@127.0.0.1/")]
fn a_redirect_to_a_refused_address_is_refused(#[case] target: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on("/cdn/c", [Reply::redirect(302, "/cdn/next")]);
    upstream.on("/cdn/next", [Reply::redirect(302, target)]);
    let link = upstream.url("/cdn/c");
    let run = linked(program().run(&upstream, &mirror.path()), &upstream, &link).expect(3);
    assert_eq!(run.error_kind("u_1"), "unsafe_url", "{}", run.stdout);
    mirror.check();
}

#[test]
fn a_redirect_is_followed_to_another_host_without_anything_of_ours() {
    let (upstream, other, mirror) = (Upstream::start(), Upstream::start(), MirrorDir::new());
    upstream.on("/cdn/c", [Reply::redirect(302, &other.url("/cdn/there?sig=1"))]);
    other.on("/cdn/there", [Reply::redirect(307, "here")]);
    other.on("/cdn/here", [Reply::ok(png(1, 1, 1))]);
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/c?sig=secret")]));
    run(&upstream, &mirror).expect(0);
    assert_eq!(mirror.read("u_1/cover.png"), png(1, 1, 1));
    for request in upstream.cdn_requests().iter().chain(&other.requests()) {
        for name in ["authorization", "cookie", "referer"] {
            assert!(!request.headers.contains_key(name), "{request:?}");
        }
        assert!(request.headers.values().all(|value| !value.contains(TOKEN)));
    }
    assert_eq!(mirror.manifest("u_1")["assets"][0]["url"], upstream.url("/cdn/c"), "as the API links it");
    mirror.check();
}

#[rstest]
#[case::ten(10, 0)]
#[case::eleven(11, 3)]
fn ten_hops_are_followed_and_no_more(#[case] hops: usize, #[case] code: i32) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for hop in 0..hops {
        upstream.on(&format!("/cdn/{hop}"), [Reply::redirect(302, &format!("{}", hop + 1))]);
    }
    upstream.on(&format!("/cdn/{hops}"), [Reply::ok(png(1, 1, 1))]);
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/0")]));
    let run = run(&upstream, &mirror).expect(code);
    assert_eq!(run.error_kind("u_1"), if code == 0 { "" } else { "redirect" });
}

#[test]
fn an_unsafe_link_is_missing_and_the_others_are_had() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 1))]);
    let links = [upstream.url("/cdn/c"), "http://169.254.169.254/a?token=hidden".to_owned()];
    upstream.tell("u_1", &element("u_1", &links));
    let run = run(&upstream, &mirror).expect(3);
    assert_eq!((run.status("u_1").as_str(), run.error_kind("u_1").as_str()), ("incomplete", "unsafe_url"));
    let missing = &mirror.manifest("u_1")["missing"][0];
    assert_eq!((&missing["error"], &missing["url"]), (&json!("unsafe_url"), &json!("http://169.254.169.254/a")));
    mirror.check();
}

/// A link's query may hold a signature.
#[rstest]
#[case::a_name("dns", "http://nowhere.invalid/a", None)]
#[case::a_closed_port("connect", "http://127.0.0.1:1/a", None)]
#[case::no_reply("timeout", "/cdn/c", Some(Reply::hang()))]
#[case::a_stalled_body("timeout", "/cdn/c", Some(Reply::ok(png(1, 1, 1)).stalled_at(9)))]
#[case::a_broken_body("truncated", "/cdn/c", Some(Reply::ok(png(1, 1, 1)).broken_at(9)))]
#[case::a_status("http_503", "/cdn/c", Some(Reply::new(503, "")))]
#[case::a_redirect("redirect", "/cdn/c", Some(Reply::redirect(302, "/cdn/c?sig=hidden")))]
#[case::unsafe_url("unsafe_url", "http://0.0.0.0/a", None)]
#[case::no_url("unsafe_url", "http://[/a", None)]
fn no_failure_tells_a_links_query(#[case] kind: &str, #[case] link: &str, #[case] reply: Option<Reply>) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on("/cdn/c", reply);
    let link = if link.starts_with('/') { upstream.url(link) } else { link.to_owned() };
    let program = program().run(&upstream, &mirror.path()).env("RES_OPTIONS", "timeout:1 attempts:1");
    let program = program.args(["-v", "--stall-timeout", "1s"]);
    let run = linked(program, &upstream, &format!("{link}?sig=hidden")).expect(3);
    assert_eq!(run.error_kind("u_1"), kind, "{}", run.stdout);
    assert!(!run.stdout.contains("hidden") && !run.stderr.contains("hidden"), "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_name_that_leads_nowhere_is_missing() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    // Too long to be asked of any name server.
    let link = format!("http://{}.invalid/a", "a".repeat(64));
    let run = linked(program().run(&upstream, &mirror.path()), &upstream, &link).expect(3);
    assert_eq!(run.error_kind("u_1"), "dns", "{}", run.stdout);
}

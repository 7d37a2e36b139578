//! Redirects of the API: the token stays at home.

use rstest::rstest;

use crate::support::{MirrorDir, Reply, TOKEN, Upstream, program};

#[rstest]
#[case(301)]
#[case(302)]
#[case(303)]
#[case(307)]
#[case(308)]
fn a_redirect_to_another_host_is_not_followed(#[case] status: u16) {
    let (upstream, other, mirror) = (Upstream::start(), Upstream::start(), MirrorDir::new());
    other.add("u_1", 1);
    upstream.on_element("u_1", [Reply::redirect(status, &format!("{}/elements/u_1?sig=hidden", other.api()))]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(3);
    assert_eq!(run.error_kind("u_1"), "redirect");
    assert_eq!(other.requests().len(), 0);
    assert_eq!(upstream.requests().len(), 1);
    assert!(!run.stdout.contains("hidden") && !run.stderr.contains("hidden"));
}

#[rstest]
#[case::another_scheme("https://127.0.0.1:PORT/v1/kling/elsewhere")]
#[case::another_name_of_the_same_host("http://localhost:PORT/v1/kling/elsewhere")]
#[case::another_name_without_a_scheme("//localhost:PORT/v1/kling/elsewhere")]
#[case::the_port_of_the_scheme("http://127.0.0.1/v1/kling/elsewhere")]
#[case::no_web_address("file:///etc/passwd")]
fn a_redirect_to_another_origin_is_not_followed_even_on_the_same_host(#[case] target: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let port = upstream.url("").rsplit(':').next().unwrap().to_owned();
    upstream.add("u_ok", 1);
    // Also where a redirect within the origin comes first.
    upstream.on_element("u_1", [Reply::redirect(302, "/v1/kling/first")]);
    upstream.on("/v1/kling/first", [Reply::redirect(302, &target.replace("PORT", &port))]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_ok"]).report().expect(3);
    assert_eq!(run.error_kind("u_1"), "redirect");
    assert_eq!(upstream.requests_to("/v1/kling/elsewhere").len(), 0);
    assert_eq!(upstream.requests_to("/v1/kling/first").len(), 1, "not tried again");
}

#[test]
fn a_redirect_within_the_origin_is_followed_with_the_token() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    upstream.on_element("u_1", [Reply::redirect(307, "../moved/u_1?x=1")]);
    upstream.on("/v1/kling/moved/u_1", [Reply::json(200, &told)]);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let requests = upstream.requests();
    assert_eq!(requests[1].query, "x=1");
    assert!(requests[..2].iter().all(|request| request.headers["authorization"] == format!("Bearer {TOKEN}")));
    assert!(upstream.cdn_requests().iter().all(|request| !request.headers.contains_key("authorization")));
    mirror.check();
}

#[rstest]
#[case::ten(10, 0)]
#[case::eleven(11, 3)]
fn ten_hops_are_followed_and_no_more(#[case] hops: usize, #[case] code: i32) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    upstream.on_element("u_1", [Reply::redirect(302, "/hop/1")]);
    for hop in 1..hops {
        upstream.on(&format!("/hop/{hop}"), [Reply::redirect(302, &format!("/hop/{}", hop + 1))]);
    }
    upstream.on(&format!("/hop/{hops}"), [Reply::json(200, &told)]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(code);
    assert_eq!(run.error_kind("u_1"), if code == 0 { "" } else { "redirect" });
}

#[test]
fn a_loop_ends() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on_element("u_1", [Reply::redirect(302, "/v1/kling/elements/u_1")]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(3);
    assert_eq!(run.error_kind("u_1"), "redirect");
    assert_eq!(upstream.requests().len(), 11);
}

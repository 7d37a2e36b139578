//! Connections that come to nothing: names, certificates, handshakes, hosts that say nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Certificate, MirrorDir, Outcome, Program, Reply, TlsServer, Upstream, element, png, program};

/// `run` of the API at `base`, with `certificate` as the only one that is trusted (on Linux; elsewhere none is).
fn run(base: &str, certificate: &Certificate, mirror: &MirrorDir) -> Program {
    let program = program().env("SSL_CERT_FILE", certificate.trusted(mirror).to_str().unwrap());
    program.args(["run", "--allow-private-assets", "--api-base", base, "-o"]).arg(mirror.path())
}

fn good() -> Certificate {
    Certificate::new("localhost", 2020..2900)
}

fn whole(body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[track_caller]
fn assert_failed(run: &Outcome, kind: &str, attempts: u64) {
    let line = run.line("u_1");
    assert_eq!((&line["error"]["kind"], &line["attempts"]), (&json!(kind), &json!(attempts)), "{line}");
}

#[rstest]
#[case::untrusted("localhost", 2020..2900, false)]
#[case::of_another_host("other.example", 2020..2900, true)]
#[case::expired("localhost", 2000..2001, true)]
#[case::not_yet_valid("localhost", 2900..2901, true)]
fn a_certificate_that_is_no_good_is_not_tried_again(
    #[case] host: &str,
    #[case] years: Range<i32>,
    #[case] is_trusted: bool,
) {
    let mirror = MirrorDir::new();
    let certificate = Certificate::new(host, years);
    let server = TlsServer::start(&certificate, whole(&json!({"id": "u_1"})));
    let trusted = if is_trusted { certificate } else { good() };
    let run = run(&server.url("/v1"), &trusted, &mirror).ids(["u_1"]).report().expect(1);
    assert_failed(&run, "tls", 1);
    assert!(run.line("u_1")["error"]["message"].as_str().unwrap().contains("certificate"), "{}", run.stdout);
    assert_eq!((server.connections(), server.requests().len()), (1, 0), "no token is told to whoever that is");
}

#[test]
#[cfg(target_os = "linux")]
fn over_tls_that_can_be_trusted_all_is_well() {
    let (mirror, certificate) = (MirrorDir::new(), good());
    let upstream = Upstream::start();
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 1))]);
    let server = TlsServer::start(&certificate, whole(&element("u_1", &[upstream.url("/cdn/c")])));
    run(&server.url("/v1"), &certificate, &mirror).ids(["u_1"]).output().expect(0);
    assert_eq!(server.requests(), ["GET /v1/elements/u_1 HTTP/1.1"]);
    mirror.check();
}

#[test]
fn an_asset_behind_a_certificate_that_is_no_good_is_missing() {
    let (upstream, mirror, certificate) = (Upstream::start(), MirrorDir::new(), good());
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 1))]);
    let server = TlsServer::start(&certificate, "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/c"), server.url("/side.png")]));
    let run = |trusted: &Certificate| run(&upstream.api(), trusted, &mirror).ids(["u_1"]).report().expect(3);
    let refused = run(&good());
    assert_eq!((refused.status("u_1"), refused.error_kind("u_1")), ("incomplete".into(), "tls".into()));
    assert_eq!((server.connections(), server.requests().len()), (1, 0));
    if cfg!(target_os = "linux") {
        assert_eq!(run(&certificate).error_kind("u_1"), "http_204", "what it says is heard where it is trusted");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn from_tls_no_redirect_leads_into_the_clear() {
    let (upstream, mirror, certificate) = (Upstream::start(), MirrorDir::new(), good());
    let location = upstream.url("/v1/elements/u_1").replace("127.0.0.1", "localhost");
    let reply = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let server = TlsServer::start(&certificate, reply);
    let run = run(&server.url("/v1"), &certificate, &mirror).ids(["u_1"]).report().expect(3);
    assert_failed(&run, "redirect", 1);
    assert_eq!((server.requests().len(), upstream.requests().len()), (1, 0));
}

#[rstest]
#[case::it_answers_in_the_clear("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")]
#[case::it_says_nothing("")]
#[case::it_gives_an_alert("\x15\x03\x03\x00\x02\x02\x28")]
fn a_handshake_that_breaks_is_tried_again(#[case] answer: &'static str) {
    let mirror = MirrorDir::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let run = run(&base, &good(), &mirror).args(["--retries", "1"]).ids(["u_1"]).report().expect(1);
    assert_failed(&run, "connect", 2);
    assert_eq!(connections.load(SeqCst), 2);
}

#[test]
fn a_name_that_leads_nowhere_is_tried_again_and_then_the_api_is_down() {
    let mirror = MirrorDir::new();
    // Where there is no name server either, that is known soon.
    let run = run("https://nowhere.invalid/v1", &good(), &mirror).env("RES_OPTIONS", "timeout:1 attempts:1");
    let run = run.args(["--retries", "1"]).ids(["u_1"]).report().expect(1);
    assert_failed(&run, "dns", 2);
    assert!(run.stderr.contains("the API can't be reached"), "{}", run.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_that_does_not_answer_is_waited_for_as_long_as_told_and_tried_again() {
    use socket2::{Domain, Socket, Type};
    let mirror = MirrorDir::new();
    // Linux does not answer whoever comes when the queue is full.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(waiting) = std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200)) {
        queue.push(waiting);
    }
    let base = format!("http://{address}/v1");
    let options = ["--retries", "1", "--connect-timeout", "1s"];
    let run = run(&base, &good(), &mirror).args(options).ids(["u_1"]).report().expect(1);
    assert_failed(&run, "timeout", 2);
}

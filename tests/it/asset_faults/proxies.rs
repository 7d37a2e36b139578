//! Proxies that the environment names: what is refused is refused before they hear of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rstest::rstest;

use crate::support::{Certificate, MirrorDir, Outcome, Upstream, element, program};

/// A proxy that refuses everything, and keeps what it was asked.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), asked: Arc::default() };
        let asked = Arc::clone(&proxy.asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut line = String::new();
                let _ = BufReader::new(&stream).read_line(&mut line);
                asked.lock().unwrap().push(line.trim_end().to_owned());
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        proxy
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Mirrors an element with one asset, at `link`, through `proxy`.
fn linked(proxy: &Proxy, link: &str, option: Option<&str>) -> Outcome {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.tell("u_1", &element("u_1", &[link.to_owned()]));
    let trusted = Certificate::new("localhost", 2020..2900).trusted(&mirror);
    let mut run = program().run_guarded(&upstream, &mirror.path()).env("SSL_CERT_FILE", trusted.to_str().unwrap());
    for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
        run = run.env(name, &format!("http://127.0.0.1:{}", proxy.port));
    }
    let run = run.env("RES_OPTIONS", "timeout:1 attempts:1").args(["--retries", "0"]).args(option);
    run.ids(["u_1"]).report().expect(3)
}

#[rstest]
#[case::loopback("https://127.0.0.1/a", None)]
#[case::a_name_that_leads_home("https://localhost/a", None)]
#[case::private("https://10.0.0.1/a", None)]
#[case::mapped("https://[::ffff:10.0.0.1]/a", None)]
#[case::in_the_clear("http://cdn.invalid/a", None)]
#[case::metadata("http://169.254.169.254/a", Some("--allow-private-assets"))]
fn what_is_refused_is_not_asked_of_a_proxy(#[case] link: &str, #[case] option: Option<&str>) {
    let proxy = Proxy::start();
    let run = linked(&proxy, link, option);
    assert_eq!(run.error_kind("u_1"), "unsafe_url", "{}", run.stdout);
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[rstest]
#[case::a_name_that_only_the_proxy_knows("https://cdn.invalid/a", None, "CONNECT cdn.invalid:443 HTTP/1.1")]
#[case::a_public_address("https://93.184.216.34/a", None, "CONNECT 93.184.216.34:443 HTTP/1.1")]
#[case::allowed("http://10.0.0.1/a", Some("--allow-private-assets"), "GET http://10.0.0.1/a HTTP/1.1")]
fn all_else_goes_through_the_proxy(#[case] link: &str, #[case] option: Option<&str>, #[case] asked: &str) {
    let proxy = Proxy::start();
    linked(&proxy, link, option);
    assert_eq!(proxy.asked().first().map(String::as_str), Some(asked));
}

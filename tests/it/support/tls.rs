//! A server behind TLS, with a certificate of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::MirrorDir;

/// A certificate that signs itself, and its key.
pub(crate) struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Certificate {
    /// One for `host` that is good in these years.
    pub(crate) fn new(host: &str, years: Range<i32>) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(years.start, 1, 1), date_time_ymd(years.end, 1, 1));
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    /// A file beside the destination for `SSL_CERT_FILE`, so that it is the only one that is trusted.
    pub(crate) fn trusted(&self, mirror: &MirrorDir) -> PathBuf {
        mirror.put("trusted.pem", self.certificate.pem())
    }
}

/// A server on a loopback port, until the test ends, that gives every request the same reply.
pub(crate) struct TlsServer {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TlsServer {
    pub(crate) fn start(certificate: &Certificate, reply: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&server.connections), Arc::clone(&server.requests));
        let (config, reply) = (config(certificate), reply.into());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, SeqCst);
                // A client that does not like the certificate says so, and is gone.
                requests.lock().unwrap().extend(serve(stream, &config, &reply));
            }
        });
        server
    }

    /// Where a path of this server is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// How many connections were begun.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// The first lines of the requests that came through.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn config(certificate: &Certificate) -> Arc<ServerConfig> {
    let chain: Vec<CertificateDer<'static>> = vec![certificate.certificate.der().clone()];
    let key = PrivateKeyDer::try_from(certificate.key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

/// Serves one request; gives its first line, where it came.
fn serve(stream: TcpStream, config: &Arc<ServerConfig>, reply: &[u8]) -> Option<String> {
    let mut reader = BufReader::new(StreamOwned::new(ServerConnection::new(Arc::clone(config)).ok()?, stream));
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut line = String::new();
    while line.trim_end() != "" || line.is_empty() {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    }
    let mut stream = reader.into_inner();
    stream.write_all(reply).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()?;
    Some(first.trim_end().to_owned())
}

//! A scripted upstream, API and CDN in one: every reply is bytes, pauses and breaks, as a test wants them.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::SockRef;

use super::{element, png};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The path, without its query.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) at: Instant,
}

/// One step of a reply.
#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>),
    /// The same bytes again and again, until the other side has had enough.
    Repeat(Vec<u8>),
    /// A byte at a time, with a pause before each.
    Drip(Vec<u8>, Duration),
    Wait(Duration),
    /// Says nothing more, and leaves the connection open.
    Hang,
    /// Closes the connection in order, whatever was announced.
    Break,
    /// Breaks the connection off with a reset.
    Reset,
}

/// A reply, step by step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    steps: Option<Vec<Step>>,
    before: Option<Duration>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string()).header("content-type", "application/json")
    }

    /// A reply that says where to go instead.
    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, "").header("location", location)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The reply begins only after a pause.
    pub(crate) fn after(mut self, pause: Duration) -> Self {
        self.before = Some(pause);
        self
    }

    /// The announced body breaks off after `length` bytes.
    pub(crate) fn broken_at(mut self, length: usize) -> Self {
        let (head, body) = (self.head(self.body.len()), self.body[..length].to_vec());
        self.steps = Some(vec![Step::Send(head), Step::Send(body), Step::Break]);
        self
    }

    /// The announced body stops after `length` bytes, and the connection stays open.
    pub(crate) fn stalled_at(mut self, length: usize) -> Self {
        let (head, body) = (self.head(self.body.len()), self.body[..length].to_vec());
        self.steps = Some(vec![Step::Send(head), Step::Send(body), Step::Hang]);
        self
    }

    /// The body comes a byte at a time, with a pause before each.
    pub(crate) fn dripping(mut self, pause: Duration) -> Self {
        self.steps = Some(vec![Step::Send(self.head(self.body.len())), Step::Drip(self.body.clone(), pause)]);
        self
    }

    /// Head and body do.
    pub(crate) fn all_dripping(mut self, pause: Duration) -> Self {
        self.steps = Some(vec![Step::Drip([self.head(self.body.len()), self.body.clone()].concat(), pause)]);
        self
    }

    /// The body comes in one chunk, of no announced length.
    pub(crate) fn in_chunks(mut self) -> Self {
        self.headers.push(("transfer-encoding".into(), "chunked".into()));
        let chunk = [format!("{:x}\r\n", self.body.len()).as_bytes(), &self.body, b"\r\n0\r\n\r\n"].concat();
        self.steps = Some(vec![Step::Send(self.head(0)), Step::Send(chunk)]);
        self
    }

    /// A chunked body that never ends.
    pub(crate) fn endless(mut self) -> Self {
        self.headers.push(("transfer-encoding".into(), "chunked".into()));
        let mut steps = vec![Step::Send(self.head(0))];
        let mut chunk = b"10000\r\n".to_vec();
        chunk.extend(self.body.iter().copied().cycle().take(0x10000));
        chunk.extend(b"\r\n");
        steps.push(Step::Repeat(chunk));
        self.steps = Some(steps);
        self
    }

    /// Exactly these bytes, and then the connection breaks off.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { steps: Some(vec![Step::Send(bytes.into()), Step::Break]), ..Self::default() }
    }

    /// Nothing at all, the connection stays open.
    pub(crate) fn hang() -> Self {
        Self { steps: Some(vec![Step::Hang]), ..Self::default() }
    }

    /// The connection is reset before a byte.
    pub(crate) fn reset() -> Self {
        Self { steps: Some(vec![Step::Reset]), ..Self::default() }
    }

    /// The connection is reset after `length` bytes of the announced body.
    pub(crate) fn reset_at(mut self, length: usize) -> Self {
        let (head, body) = (self.head(self.body.len()), self.body[..length].to_vec());
        self.steps = Some(vec![Step::Send(head), Step::Send(body), Step::Reset]);
        self
    }

    fn head(&self, length: usize) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let says_length = ["content-length", "transfer-encoding"];
        let bodiless = matches!(self.status, 204 | 304);
        if !bodiless && !self.headers.iter().any(|(name, _)| says_length.contains(&name.as_str())) {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    fn steps(&self) -> Vec<Step> {
        let plain = || vec![Step::Send(self.head(self.body.len())), Step::Send(self.body.clone())];
        let pause = self.before.map(Step::Wait);
        pause.into_iter().chain(self.steps.clone().unwrap_or_else(plain)).collect()
    }
}

/// A reply worked out from the request.
type Script = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

#[derive(Default)]
struct State {
    /// By path; the last reply of a queue repeats.
    replies: Mutex<HashMap<String, VecDeque<Reply>>>,
    scripts: Mutex<HashMap<String, Script>>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
}

/// The upstream, on a loopback port of its own until the test ends.
pub(crate) struct Upstream {
    port: u16,
    state: Arc<State>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { port, state }
    }

    /// Where a path of this upstream is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The API's base URL.
    pub(crate) fn api(&self) -> String {
        self.url("/v1/kling")
    }

    /// The replies to requests for `path`, one after the other; the last one repeats.
    pub(crate) fn on(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.state.replies.lock().unwrap().insert(path.to_owned(), replies.into_iter().collect());
    }

    /// The reply to requests for `path`, worked out from each.
    pub(crate) fn script(&self, path: &str, script: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.state.scripts.lock().unwrap().insert(path.to_owned(), Arc::new(script));
    }

    /// The replies to requests for the element `id`.
    pub(crate) fn on_element(&self, id: &str, replies: impl IntoIterator<Item = Reply>) {
        self.on(&format!("/v1/kling/elements/{id}"), replies);
    }

    /// The reply to requests for the element `id`: this JSON.
    pub(crate) fn tell(&self, id: &str, element: &Value) {
        self.on_element(id, [Reply::json(200, element)]);
    }

    /// An element with a cover and as many views as make `count` assets, all PNGs at `/cdn/<id>/<n>.png`.
    pub(crate) fn add(&self, id: &str, count: u8) -> Value {
        let paths: Vec<String> = (0..count).map(|n| format!("/cdn/{id}/{n}.png")).collect();
        for (n, path) in (0..count).zip(&paths) {
            self.on(path, [Reply::ok(picture(id, n)).header("etag", &format!("\"{id}-{n}\""))]);
        }
        let told = element(id, &paths.iter().map(|path| self.url(path)).collect::<Vec<_>>());
        self.tell(id, &told);
        told
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The requests so far whose path starts with `prefix`.
    pub(crate) fn requests_to(&self, prefix: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path.starts_with(prefix)).collect()
    }

    /// The requests to the CDN so far.
    pub(crate) fn cdn_requests(&self) -> Vec<Request> {
        self.requests_to("/cdn/")
    }

    /// Forgets all requests so far.
    pub(crate) fn forget(&self) {
        self.state.requests.lock().unwrap().clear();
    }

    /// Waits until so many requests for paths under `prefix` have come.
    pub(crate) fn wait_for(&self, prefix: &str, count: usize) {
        let requests = self.state.requests.lock().unwrap();
        let few = |requests: &mut Vec<Request>| {
            requests.iter().filter(|request| request.path.starts_with(prefix)).count() < count
        };
        let patience = Duration::from_secs(30);
        let (_guard, waited) = self.state.arrived.wait_timeout_while(requests, patience, few).unwrap();
        assert!(!waited.timed_out(), "{count} requests for {prefix} never came");
    }
}

/// The picture number `n` of the element `id`.
pub(crate) fn picture(id: &str, n: u8) -> Vec<u8> {
    png(64, 64, id.bytes().fold(n, |sum, byte| sum.wrapping_mul(7).wrapping_add(byte)))
}

fn serve(stream: TcpStream, state: &State) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    // Head and body go out in two writes: without this the second one would wait 40 ms for the answer to the first.
    let _ = stream.set_nodelay(true);
    while let Some(request) = read_request(&mut reader) {
        let script = state.scripts.lock().unwrap().get(&request.path).cloned();
        let reply = script.map_or_else(|| next_reply(state, &request.path), |script| script(&request));
        state.requests.lock().unwrap().push(request);
        state.arrived.notify_all();
        for step in reply.steps() {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(&bytes).is_err() {
                        return;
                    }
                }
                Step::Drip(bytes, pause) => {
                    for byte in bytes {
                        std::thread::sleep(pause);
                        if stream.write_all(&[byte]).is_err() {
                            return;
                        }
                    }
                }
                Step::Repeat(bytes) => {
                    while stream.write_all(&bytes).is_ok() {}
                    return;
                }
                Step::Wait(pause) => std::thread::sleep(pause),
                Step::Hang => {
                    // Until the other side gives up.
                    let _ = reader.read_line(&mut String::new());
                    return;
                }
                Step::Break => {
                    let _ = stream.shutdown(Shutdown::Both);
                    return;
                }
                Step::Reset => {
                    // What was sent is read before the reset is seen; closing without lingering makes it one.
                    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                    return;
                }
            }
        }
    }
}

fn next_reply(state: &State, path: &str) -> Reply {
    let mut replies = state.replies.lock().unwrap();
    match replies.get_mut(path) {
        Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
        Some(queue) if !queue.is_empty() => queue[0].clone(),
        _ => Reply::json(404, &serde_json::json!({"error": format!("{path} is not scripted")})),
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    // The program only ever reads: nothing else is answered.
    let target = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => return Some(Request { path, query, headers, at: Instant::now() }),
        };
    }
}

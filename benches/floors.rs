//! What the same work costs at least: the same bytes by the shortest way, without a mirror's promises.
//!
//! `floors network LIST OUT` fetches and drops them, `floors store LIST OUT` writes and hashes them too, and
//! `floors copy LIST OUT` copies the files of the source. A line of LIST is `host:port`, path, size, file in OUT, file
//! of the source, with tabs between; folders come from the files' names.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a floor that fails is to break off and say so, and has no rooms"
)]

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest, Sha256};

/// As many as the programs are allowed that they are compared with, a thread each. Fewer, and other buffers from 64 KiB to
/// 1 MiB, take as much processor time, or a little more.
const CONNECTIONS: usize = 16;
/// It stays in a core's cache between reading, hashing and writing.
const BUFFER: usize = 256 << 10;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Network,
    Store,
    Copy,
}

struct Item {
    authority: String,
    path: String,
    size: u64,
    out: PathBuf,
    name: String,
    source: PathBuf,
}

struct Work {
    mode: Mode,
    items: Vec<Item>,
    /// Sent with every request: a floor has no secrets to keep.
    token: String,
    next: AtomicUsize,
    sums: Mutex<String>,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mode = match args.get(1).map(String::as_str) {
        Some("network") => Mode::Network,
        Some("store") => Mode::Store,
        Some("copy") => Mode::Copy,
        // `cargo bench` starts every benchmark.
        _ => return eprintln!("floors: started by benches/run"),
    };
    let out = PathBuf::from(&args[3]);
    let list = std::fs::read_to_string(&args[2]).expect("the list can be read");
    let items: Vec<Item> = list.lines().map(|line| item(line, &out)).collect();
    if mode != Mode::Network {
        make_folders(&items);
    }
    let token = std::env::var("USEAPI_TOKEN").unwrap_or_default();
    let work = Work { mode, items, token, next: AtomicUsize::new(0), sums: Mutex::default() };
    // A copy waits for nobody: a thread a core is as fast as it gets.
    let threads = if mode == Mode::Copy { thread::available_parallelism().unwrap().get() } else { CONNECTIONS };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| take_items(&work));
        }
    });
    if mode == Mode::Store {
        std::fs::write(out.join("SHA256SUMS"), work.sums.into_inner().unwrap()).expect("the sums can be written");
    }
}

fn item(line: &str, out: &Path) -> Item {
    let fields: Vec<&str> = line.split('\t').collect();
    Item {
        authority: fields[0].to_owned(),
        path: fields[1].to_owned(),
        size: fields[2].parse().expect("a size is a number"),
        out: out.join(fields[3]),
        name: fields[3].to_owned(),
        source: fields[4].into(),
    }
}

fn make_folders(items: &[Item]) {
    let folders: HashSet<&Path> = items.iter().map(|item| item.out.parent().unwrap()).collect();
    for folder in folders {
        std::fs::create_dir_all(folder).expect("a folder can be made");
    }
}

fn take_items(work: &Work) {
    let mut connections: HashMap<&str, Connection> = HashMap::new();
    let mut buffer = vec![0; BUFFER];
    while let Some(item) = work.items.get(work.next.fetch_add(1, Ordering::Relaxed)) {
        if work.mode == Mode::Copy {
            // Within the kernel, where it can.
            let copied = std::fs::copy(&item.source, &item.out).expect("a file can be copied");
            assert_eq!(copied, item.size, "{} is not as long as it should be", item.name);
            continue;
        }
        let connection = connections.entry(&item.authority).or_insert_with(|| Connection::open(&item.authority));
        let size = connection.request(item, &work.token, &mut buffer);
        assert_eq!(size, item.size, "{} is not as long as it should be", item.name);
        if work.mode == Mode::Network {
            connection.body(size, &mut buffer, |_| ());
            continue;
        }
        let mut file = File::create(&item.out).expect("a file can be made");
        let mut hasher = Sha256::new();
        connection.body(size, &mut buffer, |bytes| {
            hasher.update(bytes);
            file.write_all(bytes).expect("a file can be written");
        });
        let digest: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        work.sums.lock().unwrap().push_str(&format!("{digest}  {}\n", item.name));
    }
}

/// A persistent connection to a server that says how long each body is.
struct Connection {
    stream: TcpStream,
    /// Where in the buffer the bytes are that came with the last head.
    rest: (usize, usize),
}

impl Connection {
    fn open(authority: &str) -> Self {
        let stream = TcpStream::connect(authority).expect("the server can be reached");
        stream.set_nodelay(true).unwrap();
        Self { stream, rest: (0, 0) }
    }

    /// Asks for an item, reads the head of the reply, and says how long its body is.
    fn request(&mut self, item: &Item, token: &str, buffer: &mut [u8]) -> u64 {
        let Item { authority, path, .. } = item;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).expect("the server takes a request");
        let mut filled = 0;
        let end = loop {
            let more = self.stream.read(&mut buffer[filled..]).expect("the server replies");
            assert!(more > 0, "the server closed the connection before {path}");
            filled += more;
            if let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
        };
        self.rest = (end + 4, filled);
        let head = std::str::from_utf8(&buffer[..end]).expect("a head is text");
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        length.expect("the server says a length").parse().expect("a length is a number")
    }

    /// Reads the body of the reply, all of it, to the last byte.
    fn body(&mut self, size: u64, buffer: &mut [u8], mut take: impl FnMut(&[u8])) {
        let (start, end) = std::mem::take(&mut self.rest);
        take(&buffer[start..end]);
        let mut left = size.checked_sub((end - start) as u64).expect("nothing comes after a body");
        while left > 0 {
            let most = left.min(buffer.len() as u64) as usize;
            let more = self.stream.read(&mut buffer[..most]).expect("the server sends on");
            assert!(more > 0, "a body ended {left} bytes early");
            take(&buffer[..more]);
            left -= more as u64;
        }
    }
}

//! What the same work costs at least: the same bytes by the shortest way, without a mirror's promises.
//!
//! `floors network LIST OUT` fetches and drops them, `floors store LIST OUT` writes and hashes them too, and
//! `floors copy LIST OUT` copies the files of the source. Two say what a promise or a library costs by itself:
//! `floors versions LIST OUT` stores with the file work of whole versions, and `floors client LIST OUT` by way of the
//! program's HTTP client. A line of LIST is `host:port`, path, size, file in OUT, file of the source, with tabs between;
//! folders come from the files' names.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a floor that fails is to break off and say so, and has no rooms"
)]

mod client;
mod connection;
mod version;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use connection::Connection;
use sha2::{Digest, Sha256};
use version::Version;

/// The program's, for what its HTTP client takes; the others take no memory on their way.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as the programs are allowed that they are compared with, a thread each. Fewer, and other buffers from 64 KiB to
/// 1 MiB, take as much processor time, or a little more.
const CONNECTIONS: usize = 16;
/// It stays in a core's cache between reading, hashing and writing.
const BUFFER: usize = 256 << 10;

#[derive(Clone, Copy, Default, PartialEq)]
enum Mode {
    #[default]
    Network,
    Store,
    Copy,
    Versions,
    Client,
}

struct Item {
    authority: String,
    path: String,
    size: u64,
    out: PathBuf,
    name: String,
    source: PathBuf,
}

#[derive(Default)]
struct Work {
    mode: Mode,
    out: PathBuf,
    /// What is done in one go: a file, or all files of a version.
    portions: Vec<Vec<Item>>,
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
        Some("versions") => Mode::Versions,
        Some("client") => Mode::Client,
        // `cargo bench` starts every benchmark.
        _ => return eprintln!("floors: started by benches/run"),
    };
    let out = PathBuf::from(&args[3]);
    let list = std::fs::read_to_string(&args[2]).expect("the list can be read");
    let items: Vec<Item> = list.lines().map(|line| item(line, &out)).collect();
    match mode {
        Mode::Network => {}
        Mode::Versions => version::make_staging(&out),
        Mode::Store | Mode::Copy | Mode::Client => make_folders(&items),
    }
    let token = std::env::var("USEAPI_TOKEN").unwrap_or_default();
    let sums = match mode {
        Mode::Client => client::run(items, &token),
        _ => run(Work { mode, portions: portions(mode, items), out: out.clone(), token, ..Work::default() }),
    };
    if !sums.is_empty() {
        std::fs::write(out.join("SHA256SUMS"), sums).expect("the sums can be written");
    }
}

/// Does the work on several threads; gives the sums.
fn run(work: Work) -> String {
    // A copy waits for nobody: a thread a core is as fast as it gets.
    let threads = if work.mode == Mode::Copy { thread::available_parallelism().unwrap().get() } else { CONNECTIONS };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| take_portions(&work));
        }
    });
    work.sums.into_inner().unwrap()
}

fn portions(mode: Mode, items: Vec<Item>) -> Vec<Vec<Item>> {
    if mode != Mode::Versions {
        return items.into_iter().map(|item| vec![item]).collect();
    }
    let mut versions: BTreeMap<PathBuf, Vec<Item>> = BTreeMap::new();
    for item in items {
        versions.entry(item.out.parent().unwrap().to_owned()).or_default().push(item);
    }
    versions.into_values().collect()
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

fn take_portions(work: &Work) {
    let mut connections: HashMap<String, Connection> = HashMap::new();
    let mut buffer = vec![0; BUFFER];
    while let Some(portion) = work.portions.get(work.next.fetch_add(1, Ordering::Relaxed)) {
        match work.mode {
            Mode::Versions => {
                let mut version = Version::begin(&work.out, portion[0].out.parent().unwrap());
                let mut sums = String::new();
                for item in portion {
                    let (part, name) = (version.part(), item.out.file_name().unwrap().to_str().unwrap());
                    let hasher = store(work, item, &part, (&mut connections, &mut buffer));
                    version.adopt(part, name);
                    sums.push_str(&sum(hasher, name));
                }
                version.commit(&sums);
            }
            _ => portion.iter().for_each(|item| take(work, item, (&mut connections, &mut buffer))),
        }
    }
}

fn take(work: &Work, item: &Item, (connections, buffer): (&mut HashMap<String, Connection>, &mut [u8])) {
    match work.mode {
        Mode::Copy => {
            // Within the kernel, where it can.
            let copied = std::fs::copy(&item.source, &item.out).expect("a file can be copied");
            assert_eq!(copied, item.size, "{} is not as long as it should be", item.name);
        }
        Mode::Network => fetch(work, item, (connections, buffer), |_| ()),
        _ => {
            let file = File::create(&item.out).expect("a file can be made");
            let hasher = store(work, item, &file, (connections, buffer));
            work.sums.lock().unwrap().push_str(&sum(hasher, &item.name));
        }
    }
}

fn store(work: &Work, item: &Item, mut file: &File, means: (&mut HashMap<String, Connection>, &mut [u8])) -> Sha256 {
    let mut hasher = Sha256::new();
    fetch(work, item, means, |bytes| {
        hasher.update(bytes);
        file.write_all(bytes).expect("a file can be written");
    });
    hasher
}

fn fetch(
    work: &Work,
    item: &Item,
    (connections, buffer): (&mut HashMap<String, Connection>, &mut [u8]),
    take: impl FnMut(&[u8]),
) {
    if !connections.contains_key(&item.authority) {
        connections.insert(item.authority.clone(), Connection::open(&item.authority));
    }
    let connection = connections.get_mut(&item.authority).unwrap();
    let size = connection.request(item, &work.token, buffer);
    assert_eq!(size, item.size, "{} is not as long as it should be", item.name);
    connection.body(size, buffer, take);
}

/// A line as sha256sum writes it.
fn sum(hasher: Sha256, name: &str) -> String {
    let digest: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}  {name}\n")
}

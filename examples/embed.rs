//! Mirrors a few elements of the built-in sample API into a folder: no token, no network.
//!
//! `cargo run --example embed -- [FOLDER]`

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example, not the library")]

use std::error::Error;
use std::process::ExitCode;

use element_mirror::demo::{self, Demo};
use element_mirror::store::Access;
use element_mirror::{Event, Events, Input, Lines, LocalOptions, LocalStore, Mirror, MirrorOptions, Stop, Upstream};

const IDS: &str = include_str!("../sample-ids.txt");

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "embedded-mirror".into());

    // For the real API: Upstream::new(your token), and nothing more.
    let sample = Demo::start().await?;
    let mut upstream = Upstream::new(demo::TOKEN);
    upstream.base = sample.base;
    upstream.http.allow_private_assets = true;

    // What happens comes by a channel. Whoever may end the run early keeps a clone of `stop`.
    let (events, mut told) = Events::channel(256);
    let stop = Stop::default();
    let opened = LocalStore::open(&folder, &LocalOptions::default(), Access::Write).await?;
    let lines = Lines::read(vec![Input::from_text("sample-ids.txt", IDS.into())], &events)?;
    let mirror = Mirror::new(opened, MirrorOptions::new(upstream), events, stop)?;

    let run = tokio::spawn(mirror.run(lines, None));
    while let Some(event) = told.recv().await {
        match event {
            Event::Finished(outcome) => println!("{} {}", outcome.status.as_str(), outcome.name()),
            Event::Warned { what, message, .. } => eprintln!("{what}: {message}"),
            _ => {}
        }
    }
    let summary = run.await?;
    println!("{} elements, {} files, {} bytes", summary.total(), summary.downloaded, summary.bytes);
    Ok(summary.exit_code().into())
}

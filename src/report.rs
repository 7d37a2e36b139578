//! Telling what happens in a run: reporters, and the task that passes events on to them.

mod log;
mod metrics;
mod ndjson;
mod sink;

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::event::Event;
use crate::outcome::End;
use crate::stop::Stop;
pub use log::{JsonLog, Verbosity};
pub use metrics::{Metrics, last_success};
pub use ndjson::NdjsonReport;
pub use sink::Sink;

/// How often reporters are given the occasion to look at the counters.
const TICK: Duration = Duration::from_millis(200);

/// For how long events are left to gather. Taking each by itself would wake this task up for each, which costs a tenth
/// of a run in which all is unchanged.
const GATHER: Duration = Duration::from_millis(2);

/// Someone who is told what happens in a run.
pub trait Reporter: Send {
    /// Is told that something happened.
    ///
    /// # Errors
    /// It can't be passed on: the run ends, and the reporter is told nothing more.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Is called about five times a second, to show what the counters say.
    fn tick(&mut self) {}

    /// Is told that the run ends early, and why.
    fn stopping(&mut self, _ends: &[End]) {}
}

/// Tells `reporters` every event, until nobody is left to tell any. A reporter that fails ends the run by `stop`.
pub async fn drain(mut events: mpsc::Receiver<Event>, mut reporters: Vec<Box<dyn Reporter>>, stop: Stop) {
    let (mut ticks, mut pace) = (tokio::time::interval(TICK), tokio::time::interval(GATHER));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told_stop = false;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(mut event) => {
                    if let Event::Ended(summary) = &mut event {
                        // A report that failed on the way did so here, unknown to the run.
                        summary.ends = stop.ends();
                    }
                    reporters.retain_mut(|reporter| tell(reporter.as_mut(), &event, &stop));
                    if events.is_empty() && !matches!(event, Event::Ended(_)) {
                        pace.tick().await;
                    }
                }
                None => return,
            },
            () = stop.token().cancelled(), if !told_stop => {
                told_stop = true;
                let ends = stop.ends();
                reporters.iter_mut().for_each(|reporter| reporter.stopping(&ends));
            }
            _ = ticks.tick() => reporters.iter_mut().for_each(|reporter| reporter.tick()),
        }
    }
}

fn tell(reporter: &mut dyn Reporter, event: &Event, stop: &Stop) -> bool {
    match reporter.event(event) {
        Ok(()) => true,
        Err(error) => {
            stop.end(End::of_output(&error));
            false
        }
    }
}

//! Who is told what happens in a run: reporters, and the task that drains events into them.

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

/// How often reporters may look at the counters.
const TICK: Duration = Duration::from_millis(200);

/// Events that come faster than this gather. To wait for each by itself would cost whoever tells it a wake-up: a tenth of a
/// run in which all is unchanged.
const GATHER: Duration = Duration::from_millis(2);

/// Someone who is told what happens: one small method an occasion.
pub trait Reporter: Send {
    /// Something happened.
    ///
    /// # Errors
    /// It can't be passed on; the run ends.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Some time has passed.
    fn tick(&mut self) {}

    /// The run is asked to end early.
    fn stopping(&mut self, _ends: &[End]) {}
}

/// Tells `reporters` every event until the run is over. A reporter that fails ends the run and is told nothing more.
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

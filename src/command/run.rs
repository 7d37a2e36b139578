//! `element-mirror run`.

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::ids::{Lines, Lists};
use element_mirror::mirror::Mirror;
use element_mirror::outcome::Summary;
use element_mirror::stop::Stop;
use element_mirror::store::local::{LocalStore, Opened};

use crate::cli::RunArgs;
use crate::session::{Audience, Session, tell_odd, tell_recovered};

/// Mirrors what the command line names.
pub(crate) fn run(args: &RunArgs) -> Result<Summary, RunError> {
    let token = args.account.token()?;
    let (inputs, reports) = (args.inputs()?, args.select.reports()?);
    let report = args.report.checked(args.destination(), inputs.iter().chain(&reports))?;
    let (sieve, odd) = args.select.sieve(reports)?;
    let session = Session::start()?;
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(open(args, &session.stop)) else { return Ok(session.ended_early()) };
    let Opened { store, recovered } = opened?;
    let audience = Audience { saying: &args.saying, report, destination: args.destination() };
    session.conduct(&audience, |events, stop| async move {
        tell_recovered(&events, &recovered).await;
        tell_odd(&events, odd).await;
        let _timer = args.max_time().map(|time| stop.end_after(time));
        let demo = if args.account.is_demo() { Some(Demo::start().await?.base) } else { None };
        let lines = Lines::read(Lists { inputs, sieve: sieve.clone() }, events.counters.clone())?;
        let mirror = Mirror::new(store, args.mirror_options(token, sieve, demo), events, stop)?;
        Ok(mirror.run(lines).await)
    })
}

/// Opens the destination: for a run, or to look only.
async fn open(args: &RunArgs, stop: &Stop) -> Result<Opened, RunError> {
    match args.local_options(stop.token().clone()) {
        Some(options) => LocalStore::open(args.destination(), &options).await,
        None => LocalStore::open_to_look(args.destination(), stop.token().clone()),
    }
}

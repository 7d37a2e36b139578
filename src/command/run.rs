//! `element-mirror run`.

use std::sync::Arc;

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::event::Counters;
use element_mirror::ids::{Lines, Lists};
use element_mirror::mirror::Mirror;
use element_mirror::outcome::Summary;
use element_mirror::stop::Stop;
use element_mirror::store::Opened;
use element_mirror::store::local::LocalStore;
use secrecy::SecretString;

use super::done::{leave_out, tell_odd};
use crate::cli::RunArgs;
use crate::session::metrics::measured;
use crate::session::{Audience, Session, tell_recovered};

/// Mirrors what the command line names.
pub(crate) fn run(args: &RunArgs) -> Result<Summary, RunError> {
    let token = args.account.token()?;
    let read = args.lists().iter().chain(args.select.reports()).chain(args.account.token_file());
    args.report.check(args.destination(), read)?;
    measured(args.metrics(), &args.saying, |counters| mirror(args, token, counters))
}

fn mirror(args: &RunArgs, token: SecretString, counters: &Arc<Counters>) -> Result<Summary, RunError> {
    let inputs = args.inputs()?;
    let sieve = args.select.sieve();
    let odd = leave_out(&sieve, args.select.reports())?;
    let session = Session::start(counters)?;
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(open(args, &session.stop)) else { return Ok(session.ended_early()) };
    let Opened { store, recovered } = opened?;
    let audience =
        Audience { saying: &args.saying, report: args.report.report.as_deref(), destination: args.destination() };
    session.conduct(&audience, |events, stop| async move {
        tell_recovered(&events, &recovered).await;
        tell_odd(&events, odd).await;
        let _timer = args.max_time().map(|time| stop.end_after(time));
        let demo = if args.account.is_demo() { Some(Demo::start().await?.base) } else { None };
        let all = args.all(sieve.clone());
        let (only_failed, more_follows) = (args.select.only_failed(), all.is_some());
        let lines = Lines::read(Lists { inputs, only_failed, more_follows, sieve }, events.counters.clone())?;
        let mirror = Mirror::new(store, args.mirror_options(token, demo), events, stop)?;
        Ok(mirror.run(lines, all).await)
    })
}

/// Opens the destination: for a run, or to look only.
async fn open(args: &RunArgs, stop: &Stop) -> Result<Opened<LocalStore>, RunError> {
    match args.local_options(stop.token().clone()) {
        Some(options) => LocalStore::open(args.destination(), &options).await,
        None => LocalStore::open_to_look(args.destination(), stop.token().clone()),
    }
}

//! `element-mirror verify`.

use std::sync::Arc;

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::event::Counters;
use element_mirror::ids::{Lines, Lists};
use element_mirror::outcome::Summary;
use element_mirror::stop::Stop;
use element_mirror::store::Opened;
use element_mirror::store::local::LocalStore;
use element_mirror::verify::{Elements, Verify};
use secrecy::SecretString;

use super::done::{leave_out, tell_odd};
use crate::cli::VerifyArgs;
use crate::session::metrics::measured;
use crate::session::{Audience, Session, tell_recovered};

/// Verifies what the command line names, and repairs it where that is asked for.
pub(crate) fn verify(args: &VerifyArgs) -> Result<Summary, RunError> {
    let token = if args.repair { Some(args.account.token()?) } else { None };
    let read = args.named.words().iter().chain(args.select.reports()).chain(args.account.token_file());
    args.report.check(&args.destination, read)?;
    measured(args.report.metrics.as_deref(), &args.saying, |counters| look(args, token, counters))
}

fn look(args: &VerifyArgs, token: Option<SecretString>, counters: &Arc<Counters>) -> Result<Summary, RunError> {
    let inputs = args.named.inputs()?;
    let sieve = args.select.sieve();
    let odd = leave_out(&sieve, args.select.reports())?;
    let session = Session::start(counters)?;
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(open(args, &session.stop)) else { return Ok(session.ended_early()) };
    let Opened { store, recovered } = opened?;
    let report = args.report.report.as_deref();
    let audience = Audience { saying: &args.saying, report, destination: &args.destination };
    session.conduct(&audience, |events, stop| async move {
        tell_recovered(&events, &recovered).await;
        tell_odd(&events, odd).await;
        let _timer = args.time.max_time.map(|time| stop.end_after(time));
        let demo = match args.repair && args.account.is_demo() {
            true => Some(Demo::start().await?.base),
            false => None,
        };
        let elements = match inputs {
            Some(inputs) => {
                let lists = Lists { inputs, only_failed: args.select.only_failed(), sieve, ..Lists::default() };
                Elements::Listed(Lines::read(lists, events.counters.clone())?)
            }
            None => Elements::All(sieve),
        };
        let repair = token.map(|token| args.mirror_options(token, demo));
        Verify::new(store, args.depth(), events, stop).run(elements, repair).await
    })
}

/// Opens the mirror: to be repaired, or to read only.
async fn open(args: &VerifyArgs, stop: &Stop) -> Result<Opened<LocalStore>, RunError> {
    match args.repair {
        true => LocalStore::open_mirror(&args.destination, &args.local_options(stop.token().clone())).await,
        false => LocalStore::open_to_read(&args.destination, stop.token().clone()),
    }
}

//! `element-mirror verify`.

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::ids::{Lines, Lists};
use element_mirror::outcome::Summary;
use element_mirror::stop::Stop;
use element_mirror::store::local::{LocalStore, Opened};
use element_mirror::verify::{Elements, Verify};

use crate::cli::VerifyArgs;
use crate::session::{Audience, Session, tell_odd, tell_recovered};

/// Verifies what the command line names, and repairs it where that is asked for.
pub(crate) fn verify(args: &VerifyArgs) -> Result<Summary, RunError> {
    let token = if args.repair { Some(args.account.token()?) } else { None };
    let (inputs, reports) = (args.named.inputs()?, args.select.reports()?);
    let report = args.report.checked(&args.destination, inputs.iter().flatten().chain(&reports))?;
    let (sieve, odd) = args.select.sieve(reports)?;
    let session = Session::start()?;
    // Interrupted while it waited for the lock.
    let Some(opened) = session.wait_for(open(args, &session.stop)) else { return Ok(session.ended_early()) };
    let Opened { store, recovered } = opened?;
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
            Some(inputs) => Elements::Listed(Lines::read(Lists { inputs, sieve }, events.counters.clone())?),
            None => Elements::All(sieve),
        };
        let repair = token.map(|token| args.mirror_options(token, demo));
        Verify::new(store, args.depth(), events, stop).run(elements, repair).await
    })
}

/// Opens the mirror: to be repaired, or to read only.
async fn open(args: &VerifyArgs, stop: &Stop) -> Result<Opened, RunError> {
    match args.repair {
        true => LocalStore::open_mirror(&args.destination, &args.local_options(stop.token().clone())).await,
        false => LocalStore::open_to_read(&args.destination, stop.token().clone()),
    }
}

//! `element-mirror verify`.

use std::sync::Arc;

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::event::Counters;
use element_mirror::ids::Lines;
use element_mirror::outcome::Summary;
use element_mirror::store::{Opened, Store};
use element_mirror::verify::Elements;
use element_mirror::{BucketStore, LocalStore, Stop, Verify};

use super::skip_done::{leave_out, tell_odd};
use crate::cli::{Credentials, Destination, VerifyArgs};
use crate::session::metrics::{self, measured};
use crate::session::{Audience, Session};

/// Verifies what the command line names, and repairs it where that is asked for.
pub(crate) fn verify(args: &VerifyArgs) -> Result<Summary, RunError> {
    let credentials = if args.repair { Some(args.account.credentials()?) } else { None };
    args.select.check(args.named.words())?;
    let read = args.named.words().iter().chain(args.select.reports()).chain(args.account.token_file());
    args.report.check(args.destination.folder(), read)?;
    measured(args.report.metrics.as_deref(), &args.saying, |counters| match &args.destination {
        Destination::Folder(path) => look(args, credentials, counters, async |stop| {
            LocalStore::open(path, &args.local_options(stop), args.access()).await
        }),
        Destination::Bucket(location) => look(args, credentials, counters, async |stop| {
            BucketStore::open(location, &args.bucket_options(stop), args.access()).await
        }),
    })
}

fn look<S: Store>(
    args: &VerifyArgs,
    credentials: Option<Credentials>,
    counters: &Arc<Counters>,
    open: impl AsyncFnOnce(Stop) -> Result<Opened<S>, RunError>,
) -> Result<Summary, RunError> {
    let inputs = args.named.inputs()?;
    let sieve = args.select.sieve();
    let odd = leave_out(&sieve, args.select.reports())?;
    let session = Session::start(counters)?;
    let open = async |stop| {
        let opened = open(stop).await?;
        metrics::check(args.report.metrics.as_deref())?;
        Ok(opened)
    };
    let (report, destination) = (args.report.report.as_deref(), args.destination.shown());
    let audience = Audience {
        saying: &args.saying,
        report,
        destination: Some(&destination),
        is_dry_run: false,
        leaving_out: args.select.leaving_out(),
    };
    session.conduct(&audience, open, |opened, events, stop| async move {
        tell_odd(&events, odd).await;
        let _timer = args.time.max_time.map(|time| stop.end_after(time));
        let demo = match args.repair && args.account.is_demo() {
            true => Some(Demo::start().await?.base),
            false => None,
        };
        let elements = match inputs {
            Some(inputs) => Elements::Listed(Lines::read(args.select.lists(inputs, sieve), &events)?),
            None => Elements::All(sieve),
        };
        Verify::new(opened, args.options(credentials, demo), events, stop).run(elements).await
    })
}

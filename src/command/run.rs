//! `element-mirror run`.

use std::sync::Arc;

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::event::Counters;
use element_mirror::ids::Lines;
use element_mirror::outcome::Summary;
use element_mirror::store::{Opened, Store};
use element_mirror::{BucketStore, LocalStore, Mirror, Stop};

use super::skip_done::{leave_out, tell_odd};
use crate::cli::{Credentials, Destination, RunArgs};
use crate::session::metrics::{self, measured};
use crate::session::{Audience, Session};

/// Mirrors what the command line names.
pub(crate) fn run(args: &RunArgs) -> Result<Summary, RunError> {
    let credentials = args.account.credentials()?;
    args.select.check(args.lists())?;
    let read = args.lists().iter().chain(args.select.reports()).chain(args.account.token_file());
    args.report.check(args.destination().folder(), read)?;
    measured(args.metrics(), &args.saying, |counters| match args.destination() {
        Destination::Folder(path) => mirror(args, credentials, counters, async |stop| {
            LocalStore::open(path, &args.local_options(stop), args.access()).await
        }),
        Destination::Bucket(location) => mirror(args, credentials, counters, async |stop| {
            BucketStore::open(location, &args.bucket_options(stop), args.access()).await
        }),
    })
}

fn mirror<S: Store>(
    args: &RunArgs,
    credentials: Credentials,
    counters: &Arc<Counters>,
    open: impl AsyncFnOnce(Stop) -> Result<Opened<S>, RunError>,
) -> Result<Summary, RunError> {
    let inputs = args.inputs()?;
    let sieve = args.select.sieve();
    let odd = leave_out(&sieve, args.select.reports())?;
    let session = Session::start(counters)?;
    let open = async |stop| {
        let opened = open(stop).await?;
        metrics::check(args.metrics())?;
        Ok(opened)
    };
    let (report, destination) = (args.report.report.as_deref(), args.destination().shown());
    let audience = Audience {
        saying: &args.saying,
        report,
        destination: Some(&destination),
        is_dry_run: args.is_dry_run(),
        leaving_out: args.leaving_out(),
    };
    session.conduct(&audience, open, |opened, events, stop| async move {
        tell_odd(&events, odd).await;
        let _timer = args.max_time().map(|time| stop.end_after(time));
        let demo = if args.account.is_demo() { Some(Demo::start().await?.base) } else { None };
        let all = args.all(sieve.clone());
        let mut lists = args.select.lists(inputs, sieve);
        lists.more_follows = all.is_some();
        let lines = Lines::read(lists, &events)?;
        let mirror = Mirror::new(opened, args.mirror_options(credentials, demo), events, stop)?;
        Ok(mirror.run(lines, all).await)
    })
}

//! `element-mirror list`.

use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::list::{Item, List};
use element_mirror::outcome::{ElementOutcome, Summary};
use element_mirror::{ElementId, Fields};
use rustix::fs::{FileType, fstat};
use serde::Serialize;

use crate::cli::{Complaint, ListArgs, When};
use crate::session::{self, Audience, Session};
use crate::terminal::hint::of_failures;

/// Lists the elements of the accounts on standard output.
pub(crate) fn list(args: &ListArgs) -> Result<Summary, RunError> {
    let credentials = args.account.credentials()?;
    let session = Session::start(&Arc::default())?;
    let mut out = BufWriter::new(session::standard_output(&session.stop)?);
    // On a terminal the elements themselves go by, and at the other end of a pipe perhaps what is made of them.
    let is_into_file = fstat(io::stdout()).is_ok_and(|out| FileType::from_raw_mode(out.st_mode).is_file());
    let saying = &match args.saying.progress {
        When::Auto if !is_into_file => args.saying.without_progress(),
        _ => args.saying.clone(),
    };
    let audience = Audience { saying, report: None, destination: None, is_dry_run: false, leaving_out: Vec::new() };
    let nothing = async |_| Ok(());
    let listed = session.conduct(&audience, nothing, |(), events, stop| async move {
        let demo = if args.account.is_demo() { Some(Demo::start().await?.base) } else { None };
        let list = List::new(args.options(credentials, demo), args.sieve(), events, stop)?;
        let mut hinted = None;
        let summary = list.run(|item| match item {
            Item::Element { id, fields, email, is_one_of_several, .. } => out.write_all(&match args.json {
                true => json(fields, email)?,
                false => text(id, Some(email).filter(|_| is_one_of_several)),
            }),
            Item::PageEnd => out.flush(),
            Item::Failed(failed) => {
                complain_of(failed, args, &mut hinted);
                Ok(())
            }
        });
        Ok(summary.await)
    })?;
    // What to do was said with what can't be listed.
    session::complain_of_ends(&args.saying, &listed.ends, listed.unlisted == 0);
    Ok(listed)
}

/// Says what can't be listed, and what to do about it, unless that was `hinted` last.
fn complain_of(failed: &ElementOutcome, args: &ListArgs, hinted: &mut Option<&'static str>) {
    let Some(failure) = &failed.error else { return };
    let meant = of_failures(failure.kind, failure.subject(), false);
    let hint = meant.filter(|_| std::mem::replace(hinted, meant) != meant);
    let message = format!("{}: {failure}", failed.name());
    session::complain(&args.saying, &Complaint { message, hints: hint.into_iter().map(str::to_owned).collect() });
}

fn text(id: &ElementId, email: Option<&str>) -> Vec<u8> {
    match email {
        Some(email) => format!("{id}\t{email}\n"),
        None => format!("{id}\n"),
    }
    .into_bytes()
}

fn json(fields: &Fields, email: &str) -> io::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        fields: &'a Fields,
        email: &'a str,
    }
    let mut line = serde_json::to_vec(&Line { fields, email })?;
    line.push(b'\n');
    Ok(line)
}

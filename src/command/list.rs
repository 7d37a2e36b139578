//! `element-mirror list`.

use std::io::{self, Write as _};
use std::sync::Arc;

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::list::{List, Told};
use element_mirror::outcome::Summary;
use element_mirror::{ElementId, Fields};
use rustix::fs::{FileType, fstat};
use serde::Serialize;

use crate::cli::{Complaint, ListArgs, When};
use crate::session::{self, Audience, Session};

/// Lists the elements of the accounts on standard output.
pub(crate) fn list(args: &ListArgs) -> Result<Summary, RunError> {
    let credentials = args.account.credentials()?;
    let session = Session::start(&Arc::default())?;
    let mut out = session::standard_output(&session.stop)?;
    // On a terminal the elements themselves go by, and at the other end of a pipe perhaps what is made of them.
    let is_into_file = fstat(io::stdout()).is_ok_and(|out| FileType::from_raw_mode(out.st_mode).is_file());
    let saying = &match args.saying.progress {
        When::Auto if !is_into_file => args.saying.without_progress(),
        _ => args.saying.clone(),
    };
    let audience = Audience { saying, report: None, destination: None };
    let nothing = async |_| Ok(());
    let listed = session.conduct(&audience, nothing, |(), events, stop| async move {
        let demo = if args.account.is_demo() { Some(Demo::start().await?.base) } else { None };
        let list = List::new(args.options(credentials, demo), args.sieve(), events, stop)?;
        let summary = list.run(|told| match told {
            // Each line at once: the next page may be long in coming.
            Told::Element { id, fields, email, is_one_of_several, .. } => out.write_all(&match args.json {
                true => json(fields, email)?,
                false => text(id, Some(email).filter(|_| is_one_of_several)),
            }),
            Told::Failed(failed) => {
                let failure = failed.error.as_ref().map(ToString::to_string).unwrap_or_default();
                session::complain(&args.saying, &Complaint::new(format!("{}: {failure}", failed.name())));
                Ok(())
            }
        });
        Ok(summary.await)
    })?;
    session::complain_of_ends(&args.saying, &listed.ends);
    Ok(listed)
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

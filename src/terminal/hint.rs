//! What to do about what went wrong, where its own words don't say it: hints are added here, at the edge.

use std::io;

use element_mirror::error::{ErrorKind, RunError, Subject};
use element_mirror::outcome::End;

use crate::cli::Complaint;

const LATER: &str = "run again later; what is mirrored is not fetched again";
const TOKEN: &str = "check token and account (--token-file, --email)";
const ACCOUNT: &str = "check the account: --email, or the list's second column";
const THEIR_FAULT: &str = "the other side is at fault: run again later, or tell useapi.net";

/// What to do about failures of a kind. Those that a `repair` has left need another advice.
pub(crate) fn of_failures(kind: ErrorKind, subject: Subject, repair: bool) -> Option<&'static str> {
    match (kind, subject) {
        // The hints below are about the CDN.
        (ErrorKind::Http(403), Subject::Element) => Some(TOKEN),
        (ErrorKind::Http(400 | 404 | 410), Subject::Element) => Some(ACCOUNT),
        _ => of_kind(kind, repair),
    }
}

/// What to do about the end of a run that the API gave no answer for.
pub(crate) fn of_end(end: &End) -> Option<&'static str> {
    match end {
        End::Unanswered(kind, _) => of_failures(*kind, Subject::Element, false),
        _ => None,
    }
}

fn of_kind(kind: ErrorKind, repair: bool) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Http(403) => "run again later: links expire, and are asked for anew",
        ErrorKind::Http(404 | 410) if repair => "the CDN has it no more: restore it from a copy of the mirror",
        ErrorKind::Http(404 | 410) => {
            "the CDN has it no more: what is mirrored stays; --accept-known-missing accepts incomplete elements"
        }
        ErrorKind::Http(429) => "ask for less: --api-rate, --api-concurrency; nobody else with this token meanwhile",
        // Their words, those of a run's end, say what to do.
        ErrorKind::Http(401 | 402) => return None,
        ErrorKind::Http(_) if kind.is_passing() => LATER,
        ErrorKind::Http(_) => THEIR_FAULT,
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Truncated => LATER,
        ErrorKind::Dns => "check this machine's network and name server, and run again",
        ErrorKind::Tls => "check this machine's clock, proxies and CA certificates (package ca-certificates)",
        ErrorKind::BadReply | ErrorKind::ApiError | ErrorKind::WrongId => THEIR_FAULT,
        ErrorKind::Redirect | ErrorKind::ContentEncoding => THEIR_FAULT,
        ErrorKind::NotMedia => "run again later; if it stays an error page, tell useapi.net",
        ErrorKind::NoAssets => "wait until the element is made, or take the ID off the list",
        ErrorKind::TooManyAssets => "take the ID off the list: no mirror takes so many",
        ErrorKind::TooLarge => "--max-size takes larger assets",
        ErrorKind::AccountBroken => "mend the account at useapi.net, and run again",
        ErrorKind::NotFound => "check the ID, and the account it belongs to (--email)",
        ErrorKind::UnsafeUrl => "--allow-private-assets takes those that are on your own network",
        ErrorKind::DiskFull => "free some space there and run again; --out and --staging name other places",
        ErrorKind::Io => "check disk and permissions there, and run again",
        ErrorKind::CannotReplace => "move the mirror to a file system whose folders can be renamed (no overlay)",
        ErrorKind::Conflict => "another run does the same elements: share them by --shard, or run again later",
        ErrorKind::FolderTaken => "this file system takes two IDs for one: mirror one of them elsewhere",
        ErrorKind::NewerFormat => "a newer element-mirror has written it: use that one",
        ErrorKind::NotAFolder => "move aside what is in the folder's place, and run again",
        ErrorKind::BadLine => "correct the line in the list",
        ErrorKind::Damaged | ErrorKind::MissingManifest if repair => {
            "repair again later, when the CDN may have it; or restore it from a copy of the mirror"
        }
        ErrorKind::Damaged | ErrorKind::MissingManifest => {
            "element-mirror verify --repair makes good what can be had again"
        }
        ErrorKind::Missing => "check the ID; element-mirror run mirrors it",
        // What was cut off is told with the run's end.
        _ => return None,
    })
}

/// Why a run could not be done, and what to do about it.
pub(crate) fn complaint(error: &RunError) -> Complaint {
    let hint = match error {
        RunError::Io { what, source } => of_cause(what, source.kind()),
        // What was asked for wrongly, what another run has locked, and what broke down say it themselves.
        _ => None,
    };
    Complaint { hints: hint.into_iter().map(str::to_owned).collect(), ..Complaint::new(error.to_string()) }
}

/// What to do about a file operation that failed.
fn of_cause(what: &str, cause: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind::{
        IsADirectory, NotADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match cause {
        // Of a command whose words are IDs, too.
        NotFound | IsADirectory if what.ends_with("it is no ID") => {
            Some("behind the mirror stand IDs, and ID lists, which are files")
        }
        NotFound | IsADirectory if what.contains("the ID list") => {
            Some("a list is a file; a single ID is given by --id, the destination by --out")
        }
        StorageFull | QuotaExceeded => of_kind(ErrorKind::DiskFull, false),
        PermissionDenied => Some("check who owns it, and as whom this runs"),
        NotADirectory => Some("a folder is needed there; a file is in its place"),
        ReadOnlyFilesystem => Some("it is mounted read-only: mount it anew, or take another place"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::full(RunError::io("write it", io::Error::from_raw_os_error(28)), "free some space")]
    #[case::forbidden(RunError::io("can't use the destination m", io::ErrorKind::PermissionDenied.into()), "who owns it")]
    #[case::no_list(RunError::io("can't read the ID list u_1", io::ErrorKind::NotFound.into()), "--id")]
    #[case::no_id(
        RunError::io("can't read the ID list x.txt, and it is no ID", io::ErrorKind::NotFound.into()),
        "behind the mirror"
    )]
    fn a_run_that_can_not_be_done_says_what_to_do(#[case] error: RunError, #[case] hint: &str) {
        let Complaint { message, hints } = complaint(&error);
        assert_eq!(message, error.to_string());
        assert!(hints.len() == 1 && hints[0].contains(hint), "{hints:?}");
    }

    #[test]
    fn what_passes_is_to_be_run_again() {
        for status in (100..600).filter(|&status| status != 429 && ErrorKind::Http(status).is_passing()) {
            assert_eq!(of_kind(ErrorKind::Http(status), false), Some(LATER));
        }
        assert_eq!(of_kind(ErrorKind::Http(418), false), Some(THEIR_FAULT));
    }

    #[test]
    fn what_the_api_refuses_is_no_matter_of_the_cdn() {
        let hint = |subject| of_failures(ErrorKind::Http(404), subject, false);
        assert_eq!(hint(Subject::Element), Some(ACCOUNT));
        assert!(hint(Subject::Asset).is_some_and(|hint| hint.contains("CDN")));
    }

    #[test]
    fn an_api_that_gives_no_answer_is_a_matter_of_what_ails_it() {
        let hint = |kind, message: &str| of_end(&End::Unanswered(kind, message.to_owned()));
        assert_eq!(hint(ErrorKind::Http(403), "can't ask: the API answered 403"), Some(TOKEN));
        assert_eq!(hint(ErrorKind::Http(500), "can't ask: the API answered 500"), Some(LATER));
        assert_eq!(hint(ErrorKind::BadReply, "can't ask: no JSON"), Some(THEIR_FAULT));
        assert!(hint(ErrorKind::Dns, "can't ask: no such host").unwrap().contains("name server"));
        assert_eq!(of_end(&End::TimeUp), None);
    }

    #[test]
    fn what_a_repair_has_left_is_not_to_be_repaired_at_once() {
        for kind in [ErrorKind::Damaged, ErrorKind::MissingManifest] {
            assert!(of_kind(kind, false).unwrap().contains("verify --repair"), "{kind}");
            assert!(of_kind(kind, true).unwrap().starts_with("repair again later"), "{kind}");
        }
    }
}

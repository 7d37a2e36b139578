//! The last words of a run: what happened, and what to do next.

use std::fmt::Write as _;
use std::path::Path;

use element_mirror::error::ErrorKind;
use element_mirror::outcome::{End, FailureGroup, Status, Summary};
use indicatif::BinaryBytes;

use super::Paint;

/// So many kinds of failures are told; more fit no screen.
const MOST_KINDS: usize = 8;

/// The summary of a run into `destination`.
pub(super) fn tell(summary: &Summary, destination: &Path, paint: &Paint) -> String {
    let ends: Vec<String> = summary.ends.iter().map(End::to_string).collect();
    let bad = |text: String| paint.bad.apply_to(text).to_string();
    if summary.ends.iter().any(|end| matches!(end, End::Refused(_))) && nothing_was_done(summary) {
        return ends.into_iter().map(|end| bad(format!("error: {end}"))).collect::<Vec<_>>().join("\n");
    }
    let mut lines = vec![counts(summary, paint)];
    // What an end says already, or what it cut off, is no failure to tell of by itself.
    let is_told = |kind: &ErrorKind, group: &FailureGroup| {
        *kind == ErrorKind::Interrupted || ends.iter().any(|end| end.contains(&group.message))
    };
    let groups = summary.failures.iter().filter(|(kind, group)| !is_told(kind, group));
    lines.extend(groups.take(MOST_KINDS).map(|(kind, group)| failures(*kind, group, paint)));
    if summary.suspiciously_gone > 0 {
        let head = bad(format!("{} elements are gone at once", summary.suspiciously_gone));
        let rest = "is it the right account? None of them was noted as gone; their folders stay.";
        lines.push(format!("{head}: {rest}"));
    }
    lines.extend(ends.into_iter().map(bad));
    if summary.total() > 0 {
        lines.push(paint.dim.apply_to(format!("mirror: {}", destination.display())).to_string());
    }
    lines.join("\n")
}

fn nothing_was_done(summary: &Summary) -> bool {
    summary.count(Status::Failed) == summary.total()
}

fn counts(summary: &Summary, paint: &Paint) -> String {
    if summary.total() == 0 {
        return "nothing to do: no elements were named".to_owned();
    }
    let counts: Vec<String> = summary
        .counts
        .iter()
        .map(|(status, count)| {
            let style = if matches!(status, Status::Failed | Status::Incomplete) { &paint.bad } else { &paint.good };
            style.apply_to(format!("{count} {}", status.as_str().replace('_', " "))).to_string()
        })
        .collect();
    let noun = if summary.total() == 1 { "element" } else { "elements" };
    let seconds = summary.elapsed.as_secs_f64();
    let mut line = format!("{} {noun}: {}", summary.total(), counts.join(", "));
    if summary.downloaded > 0 {
        let rate = (summary.bytes as f64 / seconds.max(0.001)) as u64;
        let (files, bytes, rate) = (summary.downloaded, BinaryBytes(summary.bytes), BinaryBytes(rate));
        let _ = write!(line, "; {files} files, {bytes} ({rate}/s)");
    }
    let _ = write!(line, " in {seconds:.1} s");
    line
}

fn failures(kind: ErrorKind, group: &FailureGroup, paint: &Paint) -> String {
    let FailureGroup { count, example, message } = group;
    let head = paint.bad.apply_to(format!("{kind:>12}"));
    let others = if *count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let hint = hint(kind).map(|hint| paint.dim.apply_to(format!("\n{:>12}  {hint}", "→")).to_string());
    format!("{head}  {example}: {message}{others}{}", hint.unwrap_or_default())
}

/// What to do about failures of a kind.
fn hint(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::BadLine => "correct the line in the list",
        ErrorKind::NotFound => "check the ID, and the account it belongs to (--email)",
        ErrorKind::AccountBroken => "log the account in again at useapi.net",
        ErrorKind::UnsafeUrl => "if that address is yours, --allow-private-assets takes it",
        ErrorKind::TooLarge => "if that is right, raise --max-size",
        ErrorKind::DiskFull => "free some space and run again",
        kind if kind.is_passing() => "run again later; what is mirrored is not fetched again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::When;
    use element_mirror::error::Failure;
    use element_mirror::outcome::ElementOutcome;
    use std::time::Duration;

    fn outcome(id: &str, status: Status, failure: Option<Failure>) -> ElementOutcome {
        ElementOutcome {
            downloaded: Some(4),
            bytes: Some(1 << 20),
            error: failure,
            ..ElementOutcome::new(Some(id.parse().unwrap()), status)
        }
    }

    fn told(outcomes: &[ElementOutcome], change: impl Fn(&mut Summary)) -> String {
        let mut summary = Summary { elapsed: Duration::from_millis(2500), ..Summary::default() };
        outcomes.iter().for_each(|outcome| summary.add(outcome));
        change(&mut summary);
        tell(&summary, Path::new("mirror"), &Paint::new(When::Never))
    }

    #[test]
    fn a_good_run_is_one_line_and_the_place() {
        let outcomes = [outcome("u_1", Status::Created, None), outcome("u_2", Status::Unchanged, None)];
        insta::assert_snapshot!(told(&outcomes, |_| {}), @r"
        2 elements: 1 created, 1 unchanged; 8 files, 2.00 MiB (819.20 KiB/s) in 2.5 s
        mirror: mirror
        ");
    }

    #[test]
    fn failures_are_grouped_with_an_example_and_what_to_do() {
        let missing = |id| outcome(id, Status::Failed, Some(Failure::new(ErrorKind::NotFound, "the API answered 404")));
        let outcomes = [
            outcome("u_1", Status::Created, None),
            missing("u_2"),
            missing("u_3"),
            ElementOutcome::bad_line("ids.txt:7".into(), "\"../x\" is not an element ID".into()),
        ];
        insta::assert_snapshot!(told(&outcomes, |_| {}), @r#"
        4 elements: 1 created, 3 failed; 12 files, 3.00 MiB (1.20 MiB/s) in 2.5 s
           not_found  u_2: the API answered 404 (and 1 more)
                   →  check the ID, and the account it belongs to (--email)
            bad_line  ids.txt:7: "../x" is not an element ID
                   →  correct the line in the list
        mirror: mirror
        "#);
    }

    #[test]
    fn an_empty_list_is_nothing_to_do() {
        insta::assert_snapshot!(told(&[], |_| {}), @"nothing to do: no elements were named");
    }

    #[test]
    fn a_refused_token_is_one_sentence() {
        let refused =
            outcome("u_1", Status::Failed, Some(Failure::new(ErrorKind::Http(401), "the API answered 401: no")));
        let told = told(&[refused], |summary| {
            summary.ends = vec![End::Refused("the API answered 401: no; check the token".into())];
        });
        insta::assert_snapshot!(told, @"error: the API answered 401: no; check the token");
    }

    #[test]
    fn an_early_end_is_said() {
        let gone = [outcome("u_1", Status::Gone, None)];
        let ended = told(&gone, |summary| {
            summary.suspiciously_gone = 2;
            summary.ends = vec![End::Refused("the API answered 401: Unauthorized".into()), End::Signal(2)];
        });
        insta::assert_snapshot!(ended, @r"
        1 element: 1 gone; 4 files, 1.00 MiB (409.60 KiB/s) in 2.5 s
        2 elements are gone at once: is it the right account? None of them was noted as gone; their folders stay.
        the API answered 401: Unauthorized
        interrupted: what was committed is whole; run again to go on
        mirror: mirror
        ");
    }
}

//! The last words of a run: what happened, and what to do next.

use std::cmp::Reverse;
use std::path::Path;

use element_mirror::error::{ErrorKind, printable};
use element_mirror::outcome::{End, FailureGroup, Pruned, Status, Summary};
use element_mirror::store::GALLERY;
use indicatif::BinaryBytes;

use super::{Paint, hint};

/// So many kinds of failures are told; more fit no screen.
const MOST_KINDS: usize = 8;

/// So much of a failure's words is told; the report has all.
const MOST_WORDS: usize = 140;

/// What the last words are about.
pub(super) struct LastWords<'a> {
    pub(super) summary: &'a Summary,
    pub(super) destination: &'a Path,
    pub(super) paint: &'a Paint,
}

impl LastWords<'_> {
    /// The words, a few lines of them.
    pub(super) fn tell(&self) -> String {
        let Self { summary, paint, .. } = self;
        let ends: Vec<String> = summary.ends.iter().map(End::to_string).collect();
        let bad = |text: String| paint.bad.apply_to(text).to_string();
        if self.was_refused() {
            return ends.into_iter().map(|end| bad(format!("error: {end}"))).collect::<Vec<_>>().join("\n");
        }
        let mut lines = vec![self.counts()];
        // What an end says already, or what it cut off, is no failure to tell of by itself.
        let by_itself = |kind: ErrorKind, group: &FailureGroup| {
            kind != ErrorKind::Interrupted && !ends.iter().any(|end| end.contains(&group.message))
        };
        let groups = summary.failures.iter().filter(|(kind, group)| by_itself(**kind, group));
        let mut groups: Vec<_> = groups.map(|(kind, group)| (*kind, group)).collect();
        // First what ails the mirror or an account as a whole, then what ails many.
        groups.sort_by_key(|(kind, group)| (!ails_more_than_one(*kind), Reverse(group.count)));
        lines.extend(groups.iter().take(MOST_KINDS).map(|(kind, group)| self.failures(*kind, group)));
        lines.extend(untold(groups.get(MOST_KINDS..).unwrap_or_default()));
        if summary.suspiciously_gone > 0 {
            let head = bad(format!("{} elements are gone at once", summary.suspiciously_gone));
            let rest = "is it the right account? None of them was noted as gone; their folders stay.";
            lines.push(format!("{head}: {rest}"));
        }
        if summary.not_taken_up > 0 && !ends.is_empty() {
            lines.push(format!("not taken up: {}", elements(summary.not_taken_up)));
        }
        lines.extend(ends.into_iter().map(bad));
        if summary.total() > 0 {
            lines.push(paint.dim.apply_to(format!("mirror: {}", self.destination.display())).to_string());
            let gallery =
                summary.gallery.map(|_| paint.dim.apply_to(format!("gallery: {}", self.gallery())).to_string());
            lines.extend(gallery);
        }
        lines.join("\n")
    }

    /// Whether the API refused the run from the start, so that there is nothing else to say.
    fn was_refused(&self) -> bool {
        let nothing_done = self.summary.count(Status::Failed) == self.summary.total();
        nothing_done && self.summary.ends.iter().any(|end| matches!(end, End::Refused(_)))
    }

    fn counts(&self) -> String {
        let Self { summary, paint, .. } = self;
        let in_time = format!(" in {:.1} s", summary.elapsed.as_secs_f64());
        if let (0, Some(pruned)) = (summary.total(), summary.pruned) {
            return versions(pruned) + &in_time;
        }
        if let (0, Some(shown)) = (summary.total(), summary.gallery) {
            return format!("{}: {}{in_time}", self.gallery(), elements(shown));
        }
        if summary.total() == 0 {
            let nothing =
                if summary.ends.is_empty() { "nothing to do: there are no elements" } else { "nothing was done" };
            return nothing.to_owned();
        }
        let count = |(status, count): (&Status, &u64)| {
            let style = if status.is_flawed() { &paint.bad } else { &paint.good };
            style.apply_to(format!("{count} {}", status.as_str().replace('_', " "))).to_string()
        };
        let counts: Vec<String> = summary.counts.iter().map(count).collect();
        let seconds = summary.elapsed.as_secs_f64();
        let mut line = format!("{}: {}", elements(summary.total()), counts.join(", "));
        if summary.downloaded > 0 {
            let rate = (summary.bytes as f64 / seconds.max(0.001)) as u64;
            let (files, bytes, rate) = (files(summary.downloaded), BinaryBytes(summary.bytes), BinaryBytes(rate));
            line += &format!("; {files}, {bytes} ({rate}/s)");
        }
        if let Some(read) = summary.read.filter(|read| *read > 0) {
            let rate = BinaryBytes((read as f64 / seconds.max(0.001)) as u64);
            line += &format!("; {} read ({rate}/s)", BinaryBytes(read));
        }
        if let Some(pruned) = summary.pruned.filter(|pruned| pruned.versions > 0) {
            line += &format!("; {}", versions(pruned));
        }
        if summary.warnings > 0 {
            line += &format!("; {} about files", counted(summary.warnings, "warning"));
        }
        line + &in_time
    }

    /// The path of the gallery.
    fn gallery(&self) -> String {
        self.destination.join(GALLERY).display().to_string()
    }

    fn failures(&self, kind: ErrorKind, group: &FailureGroup) -> String {
        let FailureGroup { count, examples, message, .. } = group;
        let head = self.paint.bad.apply_to(format!("{kind:>12}"));
        let mut names = examples.join(", ");
        if *count > examples.len() as u64 {
            names += &format!(" and {} more", count - examples.len() as u64);
        }
        let hint = hint::of_kind(kind, self.summary.repair)
            .map(|hint| self.paint.dim.apply_to(format!("\n{:>12}  {hint}", "→")).to_string());
        let message = printable(message, MOST_WORDS);
        format!("{head}  {names}: {message}{}", hint.unwrap_or_default())
    }
}

fn ails_more_than_one(kind: ErrorKind) -> bool {
    kind.is_local() || kind == ErrorKind::AccountBroken
}

/// That there are more kinds of failures than are told, where there are.
fn untold(groups: &[(ErrorKind, &FailureGroup)]) -> Option<String> {
    let kinds: Vec<String> = groups.iter().map(|(kind, group)| format!("{kind} ({})", group.count)).collect();
    (!kinds.is_empty()).then(|| format!("{:>12}  {}; --report tells each", "and", kinds.join(", ")))
}

/// How many versions were pruned, in words.
fn versions(Pruned { versions, bytes, foreseen, .. }: Pruned) -> String {
    let what = if foreseen { "would prune" } else { "pruned" };
    let bytes = if versions == 0 { String::new() } else { format!(", {}", BinaryBytes(bytes)) };
    format!("{what} {}{bytes}", counted(versions, "version"))
}

fn elements(count: u64) -> String {
    counted(count, "element")
}

/// A number of files, in words.
pub(super) fn files(count: u64) -> String {
    counted(count, "file")
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::When;
    use element_mirror::error::Failure;
    use element_mirror::outcome::ElementOutcome;
    use std::time::Duration;

    fn outcome(id: &str, status: Status, failure: Option<Failure>) -> ElementOutcome {
        let mut outcome = ElementOutcome::new(Some(id.parse().unwrap()), status);
        (outcome.downloaded, outcome.bytes, outcome.error) = (Some(4), Some(1 << 20), failure);
        outcome
    }

    fn told(outcomes: &[ElementOutcome], change: impl Fn(&mut Summary)) -> String {
        let elapsed = Duration::from_millis(2500);
        let mut summary = Summary::default();
        (summary.elapsed, summary.not_taken_up) = (elapsed, 7);
        outcomes.iter().for_each(|outcome| summary.add(outcome));
        change(&mut summary);
        let (destination, paint) = (Path::new("mirror"), &Paint::new(When::Never));
        LastWords { summary: &summary, destination, paint }.tell()
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
    fn failures_are_grouped_with_examples_and_what_to_do() {
        let missing = |id| outcome(id, Status::Failed, Some(Failure::new(ErrorKind::NotFound, "the API answered 404")));
        let outcomes = [
            outcome("u_1", Status::Created, None),
            missing("u_2"),
            missing("u_3"),
            ElementOutcome::bad_line("ids.txt:7".into(), "\"../x\" is not an element ID".into()),
        ];
        insta::assert_snapshot!(told(&outcomes, |_| {}), @r#"
        4 elements: 1 created, 3 failed; 12 files, 3.00 MiB (1.20 MiB/s) in 2.5 s
           not_found  u_2, u_3: the API answered 404
                   →  check the ID, and the account it belongs to (--email)
            bad_line  ids.txt:7: "../x" is not an element ID
                   →  correct the line in the list
        mirror: mirror
        "#);
    }

    #[test]
    fn what_ails_all_comes_first_and_no_kind_is_passed_over_in_silence() {
        let failed = |status: u16| outcome("u_1", Status::Failed, Some(Failure::new(ErrorKind::Http(status), "no")));
        let broken = Failure::new(ErrorKind::AccountBroken, "a@b.c: its Kling session is broken");
        let mut outcomes: Vec<ElementOutcome> = (400..410).map(failed).chain([failed(405)]).collect();
        outcomes.push(ElementOutcome::unlisted("list a@b.c page 1".into(), "a@b.c".into(), broken));
        let told = told(&outcomes, |_| {});
        let kinds: Vec<&str> = told.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(kinds[1..3], ["account_broken", "http_405"]);
        assert!(told.contains("and  http_407 (1), http_408 (1), http_409 (1); --report tells each"), "{told}");
    }

    #[test]
    fn a_gallery_is_one_line_and_behind_a_run_its_place() {
        let gallery = |summary: &mut Summary| summary.gallery = Some(11);
        insta::assert_snapshot!(told(&[], gallery), @"mirror/index.html: 11 elements in 2.5 s");
        let run = told(&[outcome("u_1", Status::Unchanged, None)], gallery);
        assert!(run.ends_with("\nmirror: mirror\ngallery: mirror/index.html"), "{run}");
    }

    #[test]
    fn an_empty_list_is_nothing_to_do() {
        insta::assert_snapshot!(told(&[], |_| {}), @"nothing to do: there are no elements");
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
        not taken up: 7 elements
        the API answered 401: Unauthorized
        interrupted: what was committed is whole; run again to go on
        mirror: mirror
        ");
    }
}

//! The last words of a run: what happened, and what to do next.

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use element_mirror::error::ErrorKind;
use element_mirror::outcome::{End, FailureGroup, Pruned, Status, Summary};
use element_mirror::store::GALLERY;
use element_mirror::text::printable;
use indicatif::BinaryBytes;

use super::{Paint, hint, place};

/// How many kinds of failures are told, in three lines each: more do not fit a screen.
const MOST_KINDS: usize = 7;

/// How many characters of a failure's words are told; the report has all.
const MOST_WORDS: usize = 140;

/// What the last words are about.
pub(super) struct LastWords<'a> {
    pub(super) summary: &'a Summary,
    pub(super) destination: Option<&'a Path>,
    /// The options given that leave elements out.
    pub(super) leaving_out: &'a [&'static str],
    pub(super) paint: &'a Paint,
}

impl LastWords<'_> {
    /// The words, a few lines of them.
    pub(super) fn tell(&self) -> String {
        let Self { summary, paint, .. } = self;
        let ends = summary.ends.iter().map(|end| self.end(end));
        if self.could_not_begin() {
            return ends.collect::<Vec<_>>().join("\n");
        }
        let mut lines = self.counts();
        // What an end says already, or what it cut off, is no failure to tell of by itself.
        let by_itself = |kind: ErrorKind, group: &FailureGroup| {
            kind != ErrorKind::Interrupted && !summary.ends.iter().any(|end| is_about(end, group))
        };
        let groups = summary.failures.iter().filter(|(kind, group)| by_itself(**kind, group));
        let mut groups: Vec<_> = groups.map(|(kind, group)| (*kind, group)).collect();
        // First what ails the mirror or an account as a whole, then what ails many.
        groups.sort_by_key(|(kind, group)| (!ails_more_than_one(*kind), Reverse(group.count)));
        lines.extend(groups.iter().take(MOST_KINDS).map(|(kind, group)| self.failures(*kind, group)));
        lines.extend(untold(groups.get(MOST_KINDS..).unwrap_or_default()));
        if summary.suspiciously_gone > 0 {
            let head = paint.bad.apply_to(format!("{} elements are gone at once", summary.suspiciously_gone));
            lines.push(format!("{head}: is it the right account? None of them was noted as gone; their folders stay."));
            lines.push(self.hint("if they are meant to be gone, --accept-gone notes them"));
        }
        lines.extend(ends);
        if let Some(destination) = self.destination.filter(|_| summary.total() > 0) {
            lines.push(paint.dim.apply_to(format!("mirror: {}", destination.display())).to_string());
            let gallery =
                summary.gallery.map(|_| paint.dim.apply_to(format!("gallery: {}", self.gallery())).to_string());
            lines.extend(gallery);
        }
        lines.join("\n")
    }

    /// Whether the API let nothing begin, so that there is nothing to say but that.
    fn could_not_begin(&self) -> bool {
        let nothing_done = self.summary.count(Status::Failed) == self.summary.total();
        let refused = |end: &End| matches!(end, End::Refused(_) | End::AccountNeeded(_));
        nothing_done && self.summary.ends.iter().any(refused)
    }

    /// Why the run ended early, and what to do about it.
    fn end(&self, end: &End) -> String {
        let bad = &self.paint.bad;
        let told = match end {
            End::Refused(_) | End::AccountNeeded(_) | End::Broken(_) | End::Unanswered(..) => {
                format!("{} {end}", bad.apply_to("error:"))
            }
            End::Signal(_) => self.paint.odd.apply_to(end).to_string(),
            _ => bad.apply_to(end).to_string(),
        };
        let group = self.summary.failures.iter().find(|(_, group)| is_about(end, group));
        let of_group = group.and_then(|(kind, group)| hint::of_failures(*kind, &group.message, self.summary.repair));
        match of_group.or_else(|| hint::of_end(end)) {
            Some(hint) => format!("{told}\n{}", self.hint(hint)),
            None => told,
        }
    }

    /// What came of it, in numbers.
    fn counts(&self) -> Vec<String> {
        let Self { summary, paint, .. } = self;
        if summary.total() == 0 {
            return vec![self.without_elements()];
        }
        let count = |(status, count): (&Status, &u64)| {
            let style = if status.is_flawed() { &paint.bad } else { &paint.good };
            style.apply_to(format!("{count} {}", status.as_str().replace('_', " "))).to_string()
        };
        let cut_off = summary.failures.get(&ErrorKind::Interrupted).map_or(0, |group| group.count);
        let mut by_status = summary.counts.clone();
        // What was cut off has not failed by itself.
        by_status.entry(Status::Failed).and_modify(|failed| *failed = failed.saturating_sub(cut_off));
        let mut counts: Vec<String> = by_status.iter().filter(|(_, count)| **count > 0).map(count).collect();
        if cut_off > 0 {
            counts.push(paint.odd.apply_to(format!("{cut_off} cut off")).to_string());
        }
        let (total, elapsed) = (elements(summary.total()), time(summary.elapsed));
        let mut lines = vec![format!("{total} in {elapsed}: {}", counts.join(", "))];
        let amount = |bytes: u64| {
            let rate = bytes as f64 / summary.elapsed.as_secs_f64().max(0.001);
            format!("{} at {}/s", BinaryBytes(bytes), BinaryBytes(rate as u64))
        };
        if summary.downloaded > 0 {
            lines.push(format!("downloaded: {}, {}", files(summary.downloaded), amount(summary.bytes)));
        }
        if let Some(read) = summary.read.filter(|read| *read > 0) {
            lines.push(format!("read: {}", amount(read)));
        }
        lines.extend(summary.pruned.filter(|pruned| pruned.versions > 0).map(versions));
        if summary.warnings > 0 {
            let where_told = "the manifests tell them, and --report";
            lines.push(format!("{} about files: {where_told}", counted(summary.warnings, "warning")));
        }
        if summary.not_taken_up > 0 && !summary.ends.is_empty() {
            lines.push(format!("not taken up: {}", elements(summary.not_taken_up)));
        }
        lines
    }

    /// What came of it where no element was taken up, as none is where only a gallery is written, or versions are
    /// pruned.
    fn without_elements(&self) -> String {
        let elapsed = time(self.summary.elapsed);
        match (self.summary.gallery, self.summary.pruned) {
            (Some(shown), _) => format!("{}: {} in {elapsed}", self.gallery(), elements(shown)),
            (None, Some(pruned)) => format!("{} in {elapsed}", versions(pruned)),
            (None, None) if self.summary.ends.is_empty() => self.nothing_to_do(),
            (None, None) => "nothing was done".to_owned(),
        }
    }

    /// Why nothing was taken up.
    fn nothing_to_do(&self) -> String {
        let why = match self.leaving_out {
            [] => "there are no elements".to_owned(),
            [option] => format!("{option} leaves no elements"),
            [first @ .., last] => format!("{} and {last} leave no elements", first.join(", ")),
        };
        format!("nothing to do: {why}")
    }

    /// The path of the gallery.
    fn gallery(&self) -> String {
        self.destination.unwrap_or(Path::new("")).join(GALLERY).display().to_string()
    }

    /// A kind of failure: how many, in whose words, which, and what to do about it.
    fn failures(&self, kind: ErrorKind, group: &FailureGroup) -> String {
        let FailureGroup { count, examples, message, .. } = group;
        let head = self.paint.bad.apply_to(kind);
        let mut names = examples.iter().map(|name| place(name)).collect::<Vec<_>>().join(", ");
        if *count > examples.len() as u64 {
            names += &format!(" and {} more", count - examples.len() as u64);
        }
        let told = format!("{head} ({count}): {}\n    {names}", printable(message, MOST_WORDS));
        match hint::of_failures(kind, message, self.summary.repair) {
            Some(hint) => format!("{told}\n{}", self.hint(hint)),
            None => told,
        }
    }

    fn hint(&self, hint: &str) -> String {
        self.paint.dim.apply_to(format!("    →  {hint}")).to_string()
    }
}

/// Whether the failures of a group are what the run ended for.
fn is_about(end: &End, group: &FailureGroup) -> bool {
    end.to_string().contains(&group.message)
}

fn ails_more_than_one(kind: ErrorKind) -> bool {
    kind.is_local() || kind == ErrorKind::AccountBroken
}

/// A line that names the kinds of failures that are not told, where there are any.
fn untold(groups: &[(ErrorKind, &FailureGroup)]) -> Option<String> {
    let kinds: Vec<String> = groups.iter().map(|(kind, group)| format!("{kind} ({})", group.count)).collect();
    (!kinds.is_empty()).then(|| format!("and {}: --report tells each", kinds.join(", ")))
}

/// How many versions were pruned, in words.
fn versions(Pruned { versions, bytes, dry_run, .. }: Pruned) -> String {
    let what = if dry_run { "would prune" } else { "pruned" };
    let bytes = if versions == 0 { String::new() } else { format!(", {}", BinaryBytes(bytes)) };
    format!("{what} {}{bytes}", counted(versions, "version"))
}

fn elements(count: u64) -> String {
    counted(count, "element")
}

/// How long something took, to a person.
pub(super) fn time(time: Duration) -> String {
    let (seconds, minutes, hours) = (time.as_secs(), time.as_secs() / 60, time.as_secs() / 3600);
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {} min", minutes % 60),
    }
}

/// A number of files, in words.
pub(super) fn files(count: u64) -> String {
    counted(count, "file")
}

pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::When;
    use element_mirror::error::Failure;
    use element_mirror::outcome::ElementOutcome;

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
        let (destination, paint) = (Some(Path::new("mirror")), &Paint::new(When::Never));
        LastWords { summary: &summary, destination, leaving_out: &[], paint }.tell()
    }

    #[test]
    fn a_good_run_is_what_came_of_it_how_much_that_was_and_the_place() {
        let outcomes = [outcome("u_1", Status::Created, None), outcome("u_2", Status::Unchanged, None)];
        insta::assert_snapshot!(told(&outcomes, |_| {}), @r"
        2 elements in 2.5 s: 1 created, 1 unchanged
        downloaded: 8 files, 2.00 MiB at 819.20 KiB/s
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
        4 elements in 2.5 s: 1 created, 3 failed
        downloaded: 12 files, 3.00 MiB at 1.20 MiB/s
        not_found (2): the API answered 404
            u_2, u_3
            →  check the ID, and the account it belongs to (--email)
        bad_line (1): "../x" is not an element ID
            ids.txt:7
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
        let is_kind = |line: &&str| line.contains("): ") && !line.starts_with("and ");
        let kinds: Vec<&str> = told.lines().filter(is_kind).filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(kinds[..2], ["account_broken", "http_405"], "{told}");
        assert!(
            told.contains("and http_406 (1), http_407 (1), http_408 (1), http_409 (1): --report tells each"),
            "{told}"
        );
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
        let said = |leaving_out: &[&'static str]| {
            let (summary, paint) = (&Summary::default(), &Paint::new(When::Never));
            LastWords { summary, destination: None, leaving_out, paint }.tell()
        };
        assert_eq!(said(&["--shard"]), "nothing to do: --shard leaves no elements");
        assert_eq!(said(&["--tag", "--shard"]), "nothing to do: --tag and --shard leave no elements");
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
    fn what_ended_the_run_is_said_once_with_what_to_do_about_it() {
        let full = Failure::new(ErrorKind::DiskFull, "write u_1/cover.png: no space");
        let ended = told(&[outcome("u_1", Status::Failed, Some(full))], |summary| {
            summary.not_taken_up = 0;
            summary.elapsed = Duration::from_secs(7384);
            summary.ends = vec![End::Broken("3 in a row could not be written: write u_1/cover.png: no space".into())];
        });
        insta::assert_snapshot!(ended, @r"
        1 element in 2 h 3 min: 1 failed
        downloaded: 4 files, 1.00 MiB at 142 B/s
        error: 3 in a row could not be written: write u_1/cover.png: no space
            →  free some space there and run again; --out and --staging name other places
        mirror: mirror
        ");
    }

    #[test]
    fn what_was_cut_off_has_not_failed() {
        let failed = |id, kind| outcome(id, Status::Failed, Some(Failure::new(kind, "words")));
        let outcomes = [
            failed("u_1", ErrorKind::Interrupted),
            outcome("u_2", Status::Created, None),
            failed("u_3", ErrorKind::Interrupted),
        ];
        let heads = |outcomes: &[ElementOutcome]| told(outcomes, |_| {}).lines().next().unwrap().to_owned();
        assert_eq!(heads(&outcomes), "3 elements in 2.5 s: 1 created, 2 cut off");
        let full = [&outcomes[..], &[failed("u_4", ErrorKind::DiskFull)]].concat();
        assert_eq!(heads(&full), "4 elements in 2.5 s: 1 created, 1 failed, 2 cut off");
    }

    #[test]
    fn an_early_end_is_said() {
        let gone = [outcome("u_1", Status::Gone, None)];
        let ended = told(&gone, |summary| {
            summary.suspiciously_gone = 2;
            summary.ends = vec![End::Refused("the API answered 401: Unauthorized".into()), End::Signal(2)];
        });
        insta::assert_snapshot!(ended, @r"
        1 element in 2.5 s: 1 gone
        downloaded: 4 files, 1.00 MiB at 409.60 KiB/s
        not taken up: 7 elements
        2 elements are gone at once: is it the right account? None of them was noted as gone; their folders stay.
            →  if they are meant to be gone, --accept-gone notes them
        error: the API answered 401: Unauthorized
        interrupted: what was committed is whole; run again to go on
        mirror: mirror
        ");
    }
}

use super::*;
use crate::cli::When;
use element_mirror::error::Failure;
use element_mirror::manifest::Warning;
use element_mirror::outcome::ElementOutcome;
use serde_json::json;

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
fn what_the_api_refuses_and_what_the_cdn_refuses_are_told_apart() {
    let refused = Failure::new(ErrorKind::Http(403), "the API answered 403: forbidden");
    let mut link = Failure::new(ErrorKind::Http(403), "cover.jpg: the CDN answered 403");
    link.asset = Some("cover.jpg".into());
    let outcomes = [
        outcome("u_1", Status::Failed, Some(refused)),
        outcome("u_2", Status::Failed, Some(link.clone())),
        outcome("u_3", Status::Failed, Some(link)),
    ];
    insta::assert_snapshot!(told(&outcomes, |_| {}), @r"
    3 elements in 2.5 s: 3 failed
    downloaded: 12 files, 3.00 MiB at 1.20 MiB/s
    http_403 (2): cover.jpg: the CDN answered 403
        u_2, u_3
        →  run again later: links expire, and are asked for anew
    http_403 (1): the API answered 403: forbidden
        u_1
        →  check token and account (--token-file, --email)
    mirror: mirror
    ");
}

#[test]
fn of_warnings_one_is_told() {
    let warning = |file: &str| {
        let told = json!({"file": file, "code": "dimensions_differ", "message": "declared 768x1365, is 512x512"});
        serde_json::from_value::<Warning>(told).unwrap()
    };
    let mut odd = outcome("u_1", Status::Created, None);
    odd.warnings = vec![warning("side.png")];
    let told_of = |odd: &ElementOutcome| told(std::slice::from_ref(odd), |_| {}).lines().nth(2).unwrap().to_owned();
    assert_eq!(told_of(&odd), "1 warning about a file: u_1/side.png: declared 768x1365, is 512x512");
    odd.warnings.push(warning("back.png"));
    insta::assert_snapshot!(told_of(&odd), @"2 warnings about files, such as u_1/side.png: declared 768x1365, is 512x512 (--report tells each)");
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
    assert!(told.contains("and http_406 (1), http_407 (1), http_408 (1), http_409 (1): --report tells each"), "{told}");
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
    let refused = outcome("u_1", Status::Failed, Some(Failure::new(ErrorKind::Http(401), "the API answered 401: no")));
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

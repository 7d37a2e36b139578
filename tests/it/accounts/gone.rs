//! What the mirror holds and no list names any more.

use serde_json::json;

use super::{asked_for, count, elements, mirrored, run_all};
use crate::support::{Reply, Upstream};

fn delete(upstream: &Upstream, id: &str) {
    upstream.on_element(id, [Reply::json(404, &json!({"error": "Element not found"}))]);
}

#[test]
fn it_is_asked_for_before_it_is_called_gone() {
    let (upstream, accounts, mirror) = mirrored(4);
    delete(&upstream, "u_2");
    // This one is only not listed.
    accounts.edit("a@b.c", |elements| _ = elements.drain(2..));
    let run = run_all(&upstream, &mirror).output().expect(0);
    let mut asked = asked_for(&upstream);
    asked.sort();
    assert_eq!(asked, ["u_2", "u_3"]);
    assert_eq!((run.status("u_2").as_str(), run.status("u_3").as_str()), ("gone", "unchanged"));
    assert!(mirror.has(".element-mirror/gone/u_2") && mirror.has("u_2/cover.png"));
    assert_eq!(run.line("u_2")["email"], "a@b.c");
    upstream.forget();
    let again = run_all(&upstream, &mirror).output().expect(0);
    assert_eq!((again.status("u_2").as_str(), asked_for(&upstream).len()), ("gone", 2));
    assert_eq!(again.line("u_2")["goneSince"], run.line("u_2")["goneSince"]);
    // It is back.
    let back = upstream.add("u_2", 1);
    accounts.edit("a@b.c", |elements| elements.push(back));
    assert_eq!(run_all(&upstream, &mirror).output().expect(0).status("u_2"), "unchanged");
    assert!(!mirror.has(".element-mirror/gone/u_2"));
}

#[test]
fn a_list_that_shows_a_part_calls_nothing_gone() {
    let (upstream, accounts, mirror) = mirrored(4);
    delete(&upstream, "u_3");
    accounts.edit("a@b.c", |elements| elements.truncate(3));
    for filter in [&["--favored"][..], &["--tag", "7"], &["--official"]] {
        assert_eq!(run_all(&upstream, &mirror).args(filter).output().expect(0).lines().len(), 3);
    }
    // Neither does one that could not be read to its end.
    accounts.cap("a@b.c", 2);
    accounts.fail("a@b.c", Some(2), Reply::new(500, ""));
    assert_eq!(count(&run_all(&upstream, &mirror).output().expect(3), "gone"), 0);
    assert_eq!(asked_for(&upstream), [""; 0]);
}

#[test]
fn what_is_of_an_owner_whom_no_list_showed_is_left_alone() {
    let (upstream, accounts, mirror) = mirrored(2);
    let mut other = upstream.add("other", 1);
    other["userId"] = json!(7);
    upstream.tell("other", &other);
    run_all(&upstream, &mirror).args(["--id", "other"]).output().expect(0);
    delete(&upstream, "other");
    upstream.forget();
    assert_eq!(run_all(&upstream, &mirror).output().expect(0).lines().len(), 2);
    assert_eq!(asked_for(&upstream), [""; 0]);
    // With an element of that owner it is asked for, of the account that has it.
    let mut same = upstream.add("same", 1);
    same["userId"] = json!(7);
    upstream.tell("same", &same);
    accounts.add("d@e.f", [same]);
    let run = run_all(&upstream, &mirror).output().expect(0);
    assert_eq!((run.status("other").as_str(), &run.line("other")["email"]), ("gone", &json!("d@e.f")));
}

#[test]
fn each_account_has_its_own_count_of_what_is_newly_gone() {
    let (upstream, accounts, mirror) = mirrored(200);
    let mut of_d = elements(&upstream, "d_", 10);
    for element in &mut of_d {
        element["userId"] = json!(7);
        upstream.tell(element["id"].as_str().unwrap(), element);
    }
    accounts.add("d@e.f", of_d);
    run_all(&upstream, &mirror).output().expect(0);
    // Six of ten are many, six of two hundred and ten would not be.
    (0..6).for_each(|number| delete(&upstream, &format!("d_{number}")));
    accounts.edit("d@e.f", |elements| _ = elements.drain(..6));
    let run = run_all(&upstream, &mirror).output().expect(3);
    assert_eq!(count(&run, "gone"), 6);
    assert!(run.stderr.contains("6 elements are gone at once"), "{}", run.stderr);
    assert!(!mirror.has(".element-mirror/gone/d_0"));
    run_all(&upstream, &mirror).arg("--accept-gone").output().expect(0);
    assert!(mirror.has(".element-mirror/gone/d_0"));
    run_all(&upstream, &mirror).output().expect(0);
    // What the list showed as it stands counts among what the account answered for.
    (0..6).for_each(|number| delete(&upstream, &format!("u_{number}")));
    accounts.edit("a@b.c", |elements| _ = elements.drain(..6));
    let run = run_all(&upstream, &mirror).output().expect(0);
    assert_eq!((count(&run, "gone"), mirror.has(".element-mirror/gone/u_0")), (12, true));
}

use super::*;
use crate::digest::Digest;
use crate::element::{Fields, Listed};
use crate::manifest::{FORMAT, Response};
use crate::time::Time;
use rstest::rstest;

/// A time by its hour.
fn hour(hour: i64) -> Time {
    Time::from_unix_millis(hour * 3_600_000).unwrap()
}

fn fields() -> Fields {
    Fields {
        id: "u_1".into(),
        name: Some("Lady ABC12".into()),
        kind: Some("IMAGE".into()),
        description: None,
        user_id: None,
        current_version: Some(1),
        tags: None,
        favored: None,
        official: None,
        create_time: None,
        update_time: Some(hour(1)),
    }
}

/// An asset by its file name and role; `n` tells links of the same asset apart.
fn asset(file: &str, role: Role, n: u32) -> Asset {
    let slot = if role == Role::Secondary { file.split('.').next().unwrap().to_owned() } else { String::new() };
    Asset { role, slot, link: format!("https://p{n}.example/a/{file}?sig={n}").into(), width: None, height: None }
}

fn sample(n: u32) -> Element {
    let assets = vec![
        asset("cover.jpg", Role::Cover, n),
        asset("side.png", Role::Secondary, n),
        asset("video.mp4", Role::Video, n),
    ];
    Element { fields: fields(), assets }
}

fn held(standing: Option<&Checked>) -> Held<'_> {
    Held { standing, draft: None }
}

fn file(asset: &Asset) -> manifest::Asset {
    manifest::Asset {
        file: asset.identity().path.rsplit('/').next().unwrap().to_owned(),
        role: asset.role,
        slot: asset.slot.clone(),
        size: 3,
        sha256: Digest::of(asset.identity().path.as_bytes()),
        media_type: "image/jpeg".into(),
        width: None,
        height: None,
        url: asset.link.public(),
        etag: None,
        last_modified: None,
        fetched_at: hour(2),
    }
}

fn missing(asset: &Asset) -> Missing {
    let url = asset.link.public();
    Missing { role: asset.role, slot: asset.slot.clone(), url, error: "http_404".into() }
}

/// The manifest of `element`, in which the assets at the places `gaps` are missing.
fn manifest(element: &Element, gaps: &[usize]) -> Manifest {
    let split = |in_gap: bool| {
        let wanted = move |(index, _): &(usize, &Asset)| gaps.contains(index) == in_gap;
        element.assets.iter().enumerate().filter(wanted).map(|(_, asset)| asset).collect::<Vec<_>>()
    };
    Manifest {
        format: FORMAT,
        generator: "test".into(),
        committed_at: hour(3),
        element: element.fields.clone(),
        roles: None,
        response: Response { file: "element.json".into(), size: 2, sha256: Digest::of(b"{}") },
        assets: split(false).into_iter().map(file).collect(),
        missing: split(true).into_iter().map(missing).collect(),
        warnings: Vec::new(),
    }
}

fn stands(element: &Element, gaps: &[usize]) -> Checked {
    Checked { manifest: manifest(element, gaps), damaged: Vec::new() }
}

/// A plan in a line: what becomes of each asset, and whether anything changes.
fn told(plan: &Plan) -> String {
    let drafted = |prior: &Prior| if prior.held_in == HeldIn::Draft { " drafted" } else { "" };
    let actions = plan.assets.iter().map(|planned| match &planned.action {
        Action::Keep(prior) => format!("keep{} {}", drafted(prior), prior.asset.file),
        Action::Ask(prior) => format!("ask{} {}", drafted(prior), planned.stem),
        Action::Fetch => format!("fetch {}", planned.had.as_ref().unwrap_or(&planned.stem)),
    });
    let changed = if plan.changed { "changed" } else { "unchanged" };
    actions.chain([changed.to_owned()]).collect::<Vec<_>>().join(", ")
}

#[rstest]
#[case::nothing_stands(|_: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {},
    None, "fetch cover, fetch side, fetch video, changed")]
#[case::all_stands(|_: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {},
    Some(vec![]), "keep cover.jpg, keep side.png, keep video.mp4, unchanged")]
#[case::links_signed_anew_on_other_hosts(|element: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {
    *element = sample(9);
}, Some(vec![]), "keep cover.jpg, keep side.png, keep video.mp4, unchanged")]
#[case::one_was_missing(|_: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {},
    Some(vec![1]), "keep cover.jpg, fetch side, keep video.mp4, changed")]
#[case::a_new_path(|element: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {
    element.assets[1].link = "https://p1.example/b/side.png".into();
}, Some(vec![]), "keep cover.jpg, fetch side, keep video.mp4, changed")]
#[case::another_slot(|element: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {
    element.assets[1].slot = "back".into();
}, Some(vec![]), "keep cover.jpg, fetch back, keep video.mp4, changed")]
#[case::one_less(|element: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {
    element.assets.pop();
}, Some(vec![]), "keep cover.jpg, keep side.png, changed")]
#[case::renamed(|element: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {
    element.fields.name = Some("Lord".into());
}, Some(vec![]), "keep cover.jpg, keep side.png, keep video.mp4, changed")]
#[case::update_time_moved(|element: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {
    element.fields.update_time = Some(hour(9));
}, Some(vec![]), "ask cover, ask side, ask video, changed")]
#[case::version_moved(|element: &mut Element, _: &mut Option<Checked>, _: &mut Policy| {
    element.fields.current_version = Some(2);
}, Some(vec![]), "ask cover, ask side, ask video, changed")]
#[case::refresh(|_: &mut Element, _: &mut Option<Checked>, policy: &mut Policy| { policy.refresh = true; },
    Some(vec![]), "fetch cover.jpg, fetch side.png, fetch video.mp4, changed")]
#[case::a_file_is_damaged(|_: &mut Element, standing: &mut Option<Checked>, _: &mut Policy| {
    standing.as_mut().unwrap().damaged = vec!["side.png".into()];
}, Some(vec![]), "keep cover.jpg, fetch side.png, keep video.mp4, changed")]
#[case::the_reply_is_damaged(|_: &mut Element, standing: &mut Option<Checked>, _: &mut Policy| {
    standing.as_mut().unwrap().damaged = vec!["element.json".into()];
}, Some(vec![]), "keep cover.jpg, keep side.png, keep video.mp4, changed")]
#[case::fewer_roles_at_first(|_: &mut Element, _: &mut Option<Checked>, policy: &mut Policy| {
    policy.roles = Some(vec![Role::Cover]);
}, None, "fetch cover, changed")]
#[case::fewer_roles_later(|_: &mut Element, _: &mut Option<Checked>, policy: &mut Policy| {
    policy.roles = Some(vec![Role::Cover]);
}, Some(vec![]), "keep cover.jpg, keep side.png, keep video.mp4, unchanged")]
#[case::more_roles_later(|_: &mut Element, standing: &mut Option<Checked>, policy: &mut Policy| {
    let manifest = &mut standing.as_mut().unwrap().manifest;
    manifest.roles = Some(vec![Role::Cover]);
    manifest.assets.truncate(1);
    policy.roles = Some(vec![Role::Video]);
}, Some(vec![]), "keep cover.jpg, fetch video, changed")]
fn what_is_done_about_each_asset(
    #[case] change: impl Fn(&mut Element, &mut Option<Checked>, &mut Policy),
    #[case] gaps: Option<Vec<usize>>,
    #[case] expected: &str,
) {
    let mut element = sample(1);
    let mut standing = gaps.map(|gaps| stands(&element, &gaps));
    let mut policy = Policy::default();
    change(&mut element, &mut standing, &mut policy);
    assert_eq!(told(&Plan::new(&element, held(standing.as_ref()), &policy)), expected);
}

#[rstest]
#[case::all_as_it_stands(|_: &mut Listed, _: &mut Checked, _: &mut Policy| {}, true)]
#[case::links_signed_anew(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| listed.element = sample(9), true)]
#[case::little_said_but_the_same(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.element.fields = Fields { name: None, kind: None, ..fields() };
}, true)]
#[case::no_name_any_more(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.element.fields.name = None;
    listed.cleared.name = true;
}, false)]
#[case::no_description_as_before(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.cleared.description = true;
}, true)]
#[case::another_name(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.element.fields.name = Some("Lord".into());
}, false)]
#[case::update_time_moved(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.element.fields.update_time = Some(hour(9));
}, false)]
#[case::no_update_time_on_either_side(|listed: &mut Listed, standing: &mut Checked, _: &mut Policy| {
    (listed.element.fields.update_time, standing.manifest.element.update_time) = (None, None);
}, false)]
#[case::version_moved(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.element.fields.current_version = Some(2);
}, false)]
#[case::a_new_path(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.element.assets[1].link = "https://p1.example/b/side.png".into();
}, false)]
#[case::another_slot(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    listed.element.assets[1].slot = "back".into();
}, false)]
#[case::a_link_less(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| { listed.element.assets.pop(); }, false)]
#[case::no_links(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| listed.element.assets.clear(), false)]
#[case::one_was_missing(|listed: &mut Listed, standing: &mut Checked, _: &mut Policy| {
    *standing = stands(&listed.element, &[1]);
}, false)]
#[case::a_file_is_damaged(|_: &mut Listed, standing: &mut Checked, _: &mut Policy| {
    standing.damaged = vec!["side.png".into()];
}, false)]
#[case::refresh(|_: &mut Listed, _: &mut Checked, policy: &mut Policy| policy.refresh = true, false)]
#[case::fewer_roles_stand(|_: &mut Listed, standing: &mut Checked, policy: &mut Policy| {
    standing.manifest.roles = Some(vec![Role::Cover]);
    standing.manifest.assets.truncate(1);
    policy.roles = Some(vec![Role::Cover]);
}, true)]
#[case::more_roles_are_wanted(|_: &mut Listed, standing: &mut Checked, _: &mut Policy| {
    standing.manifest.roles = Some(vec![Role::Cover]);
    standing.manifest.assets.truncate(1);
}, false)]
#[case::the_earlier_revision(|listed: &mut Listed, standing: &mut Checked, _: &mut Policy| {
    standing.manifest.element.tags = Some(vec![1.into(), 2.into()]);
    *listed = earlier(sample(9));
}, true)]
#[case::the_earlier_revision_with_the_cover_twice(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    *listed = earlier(sample(9));
    let cover = Asset { role: Role::Secondary, link: sample(3).assets[0].link.clone(), ..listed.element.assets[0].clone() };
    listed.element.assets.push(cover);
}, true)]
#[case::the_earlier_revision_with_a_new_path(|listed: &mut Listed, _: &mut Checked, _: &mut Policy| {
    *listed = earlier(sample(9));
    listed.element.assets[1].link = "https://p1.example/b/side.png".into();
}, false)]
fn an_element_is_not_asked_for_where_a_list_shows_that_it_stands(
    #[case] change: impl Fn(&mut Listed, &mut Checked, &mut Policy),
    #[case] expected: bool,
) {
    let id = "u_1".parse().unwrap();
    let mut listed = Listed { id, element: sample(1), cleared: Default::default(), is_of_earlier_revision: false };
    let (mut standing, mut policy) = (stands(&sample(1), &[]), Policy::default());
    change(&mut listed, &mut standing, &mut policy);
    assert_eq!(stands_as_listed(&listed, &standing, &policy), expected);
}

/// `element` as the earlier revision of lists tells it: links alone, and one tag.
fn earlier(mut element: Element) -> Listed {
    for asset in element.assets.iter_mut().skip(1) {
        (asset.role, asset.slot) = (Role::Secondary, String::new());
    }
    element.fields.tags = Some(vec![1.into()]);
    Listed { id: "u_1".parse().unwrap(), element, cleared: Default::default(), is_of_earlier_revision: true }
}

/// What is done where version 2 has a new video, and a draft of it is there in which the assets at the places `gaps`
/// are missing.
#[rstest]
#[case::one_was_missing(&[1], |_: &mut Element, _: &mut Checked, _: &mut Policy| {},
    "keep drafted cover.jpg, ask side, keep drafted video2.mp4, changed")]
#[case::the_new_one_was_missing(&[2], |_: &mut Element, _: &mut Checked, _: &mut Policy| {},
    "keep drafted cover.jpg, keep drafted side.png, fetch video, changed")]
#[case::none_was_missing(&[], |_: &mut Element, _: &mut Checked, _: &mut Policy| {},
    "keep drafted cover.jpg, keep drafted side.png, keep drafted video2.mp4, changed")]
#[case::a_file_of_it_is_damaged(&[1], |_: &mut Element, draft: &mut Checked, _: &mut Policy| {
    draft.damaged = vec!["cover.jpg".into(), "video2.mp4".into()];
}, "ask cover, ask side, fetch video, changed")]
#[case::version_moved_on(&[1], |element: &mut Element, _: &mut Checked, _: &mut Policy| {
    element.fields.current_version = Some(3);
}, "ask drafted cover, ask side, ask drafted video, changed")]
#[case::version_went_back(&[1], |element: &mut Element, _: &mut Checked, _: &mut Policy| {
    *element = sample(1);
}, "keep cover.jpg, keep side.png, keep video.mp4, unchanged")]
#[case::refresh(&[1], |_: &mut Element, _: &mut Checked, policy: &mut Policy| { policy.refresh = true; },
    "fetch cover.jpg, fetch side.png, fetch video, changed")]
fn a_draft_saves_what_was_had(
    #[case] gaps: &[usize],
    #[case] change: impl Fn(&mut Element, &mut Checked, &mut Policy),
    #[case] expected: &str,
) {
    let standing = stands(&sample(1), &[]);
    let mut element = sample(1);
    element.fields.current_version = Some(2);
    element.assets[2] = asset("video2.mp4", Role::Video, 1);
    let (mut draft, mut policy) = (stands(&element, gaps), Policy::default());
    change(&mut element, &mut draft, &mut policy);
    let held = Held { standing: Some(&standing), draft: Some(&draft) };
    assert_eq!(told(&Plan::new(&element, held, &policy)), expected);
}

#[test]
fn what_stands_and_is_current_needs_no_draft() {
    let (standing, draft) = (stands(&sample(1), &[1]), stands(&sample(1), &[2]));
    let held = Held { standing: Some(&standing), draft: Some(&draft) };
    let plan = Plan::new(&sample(1), held, &Policy::default());
    assert_eq!(told(&plan), "keep cover.jpg, keep drafted side.png, keep video.mp4, changed");
}

#[test]
fn roles_are_written_down_where_they_are_not_all() {
    let cover = Policy { roles: Some(vec![Role::Cover]), ..Policy::default() };
    assert_eq!(Plan::new(&sample(1), held(None), &cover).roles, Some(vec![Role::Cover]));
    assert_eq!(Plan::new(&sample(1), held(None), &Policy::default()).roles, None);
}

#[test]
fn two_assets_of_one_identity_are_kept_one_for_one() {
    let mut twins = sample(1);
    twins.assets[1] =
        Asset { link: twins.assets[0].link.as_str().replace("sig=1", "sig=2").into(), ..twins.assets[0].clone() };
    let standing = stands(&twins, &[]);
    assert!(!Plan::new(&twins, held(Some(&standing)), &Policy::default()).changed);
    // Where one was missing, or there are fewer of them now, nobody knows whose the file is.
    let told_of =
        |element: &Element, standing: &Checked| told(&Plan::new(element, held(Some(standing)), &Policy::default()));
    assert_eq!(told_of(&twins, &stands(&twins, &[0])), "fetch cover, fetch cover, keep video.mp4, changed");
    twins.assets.remove(0);
    assert_eq!(told_of(&twins, &standing), "fetch cover, keep video.mp4, changed");
}

/// `standing` and `candidate` are the places of assets that are missing.
#[rstest]
#[case::first_complete(None, &[], "commit")]
#[case::first_incomplete(None, &[1], "commit")]
#[case::none_had(None, &[0, 1, 2], "refuse")]
#[case::the_same(Some(&[][..]), &[], "same")]
#[case::the_same_gap(Some(&[1][..]), &[1], "same")]
#[case::a_gap_filled(Some(&[1][..]), &[], "commit")]
#[case::one_of_two_gaps_filled(Some(&[1, 2][..]), &[1], "commit")]
#[case::a_gap_where_none_was(Some(&[][..]), &[1], "refuse")]
#[case::another_gap(Some(&[1][..]), &[2], "refuse")]
#[case::one_gap_more(Some(&[1][..]), &[1, 2], "refuse")]
fn a_version_replaces_one_that_misses_at_least_the_same(
    #[case] standing: Option<&[usize]>,
    #[case] candidate: &[usize],
    #[case] expected: &str,
) {
    let element = sample(1);
    let standing = standing.map(|gaps| stands(&element, gaps));
    let verdict = match judge(&manifest(&element, candidate), standing.as_ref()) {
        Verdict::Same => "same",
        Verdict::Commit => "commit",
        Verdict::Refuse => "refuse",
    };
    assert_eq!(verdict, expected);
}

#[test]
fn a_gap_that_two_share_covers_one() {
    let twins = Element { assets: [0, 1, 0].map(|index| sample(1).assets[index].clone()).into(), ..sample(1) };
    let judged =
        |candidate: &[usize], standing: &[usize]| judge(&manifest(&twins, candidate), Some(&stands(&twins, standing)));
    assert_eq!(judged(&[0, 2], &[0]), Verdict::Refuse);
    assert_eq!(judged(&[0], &[0, 2]), Verdict::Commit);
}

#[test]
fn what_is_damaged_is_replaced_even_by_the_same() {
    let element = sample(1);
    let standing = Checked { damaged: vec!["cover.jpg".into()], ..stands(&element, &[]) };
    assert_eq!(judge(&manifest(&element, &[]), Some(&standing)), Verdict::Commit);
}

use super::*;
use rstest::rstest;
use serde_json::json;

fn read(body: &Value) -> Page {
    Page::parse(body.to_string().as_bytes()).unwrap()
}

/// Each listed element as `id: role slot path, …`.
fn told(page: &Page) -> Vec<String> {
    let tell = |listed: &Listed| {
        let assets = listed.element.assets.iter();
        let assets: Vec<String> =
            assets.map(|asset| format!("{} {} {}", asset.role.as_str(), asset.slot, asset.link.path())).collect();
        format!("{}: {}", listed.id, assets.join(", "))
    };
    page.listed.iter().map(tell).collect()
}

#[test]
fn a_page_gives_its_elements_with_what_it_says_of_them() {
    let page = read(&json!({"elementsList": [
        {
            "id": "u_1", "name": "Lady ABC12", "userId": 12, "type": "VIDEO", "currentVersion": 2, "favored": true,
            "cover": {"resource": "https://h/c.jpg?s=1", "width": 768, "height": 1365},
            "resources": [
                {"resource": "https://h/v.mp4", "resourceKey": "video"},
                {"resource": "https://h/s.png", "resourceKey": "secondary", "slotKey": "side"},
                {"resource": "https://h/c.jpg?s=2", "resourceKey": "cover", "cover": true},
            ],
            "tagList": [{"id": 1}], "updateTime": 1_736_640_000_120_i64,
        },
        {"id": "u_2", "updateTime": 1_736_640_000_000_i64},
    ], "pageNum": 1, "pageSize": 50, "total": 3}));
    assert_eq!(told(&page), ["u_1: cover  /c.jpg, secondary side /s.png, video  /v.mp4", "u_2: "]);
    assert_eq!((page.total, page.bad.len()), (Some(3), 0));
    let fields = serde_json::to_value(&page.listed[0].element.fields).unwrap();
    assert_eq!(
        fields,
        json!({
            "id": "u_1", "name": "Lady ABC12", "type": "VIDEO", "userId": 12, "currentVersion": 2, "favored": true,
            "tags": [{"id": 1}], "updateTime": "2025-01-12T00:00:00.120Z",
        })
    );
}

#[test]
fn what_is_null_is_told_from_what_is_left_out() {
    let page = read(&json!({"elementsList": [{"id": "u_1", "name": "x", "description": null}], "total": 1}));
    assert_eq!(page.listed[0].cleared, Cleared { name: false, kind: false, description: true });
}

#[test]
fn the_earlier_revision_is_read_too() {
    let page = read(&json!({"elementsList": [{
        "id": "u_1", "coverImage": "https://h/c.jpg", "imageResources": ["https://h/1.jpg", "https://h/2.jpg", null],
        "tag": {"id": 7, "tagKey": "people", "tagDesc": "People"}, "updateTime": 1,
    }]}));
    assert_eq!(told(&page), ["u_1: cover  /c.jpg, secondary  /1.jpg, secondary  /2.jpg"]);
    assert!(page.listed[0].is_of_earlier_revision);
    let tags = page.listed[0].element.fields.tags.clone();
    assert_eq!(tags, Some(vec![json!({"id": 7, "tagKey": "people", "tagDesc": "People"})]));
}

#[test]
fn where_both_revisions_speak_the_current_one_counts() {
    let page = read(&json!({"elementsList": [{
        "id": "u_1", "cover": {"resource": "https://h/new.jpg"}, "coverImage": "https://h/old.jpg",
        "resources": [], "imageResources": ["https://h/1.jpg"], "tagList": [], "tag": {"id": 7},
    }]}));
    assert_eq!(told(&page), ["u_1: cover  /new.jpg"]);
    assert!(!page.listed[0].is_of_earlier_revision);
    assert_eq!(page.listed[0].element.fields.tags, Some(vec![]));
}

#[rstest]
#[case::an_empty_list(json!({"elementsList": [], "total": 0}), Some(0))]
#[case::one_page_too_many(json!({"elementsList": [], "total": 7}), Some(7))]
#[case::without_a_total(json!({"elementsList": []}), None)]
#[case::a_total_below_none(json!({"elementsList": [], "total": -1, "error": null, "unknown": [[1]]}), None)]
#[case::null_of_none(json!({"elementsList": null, "total": 0}), Some(0))]
#[case::missing_of_none(json!({"total": "0"}), Some(0))]
fn a_page_may_have_no_items(#[case] body: Value, #[case] total: Option<u64>) {
    let page = read(&body);
    assert_eq!((page.listed.len(), page.bad.len(), page.total), (0, 0, total));
}

#[rstest]
#[case::no_id(json!({"name": "x"}), "item 2: it has no id")]
#[case::no_text(json!({"id": ["u_1"]}), "item 2: it has no id")]
#[case::a_path(json!({"id": "../\u{1b}x"}), "item 2: its id ../ x is not an element ID")]
#[case::no_object(json!("u_1"), "item 2: it is no JSON object")]
#[case::an_array(json!(["u_1"]), "item 2: it is no JSON object")]
#[case::null(json!(null), "item 2: it is no JSON object")]
fn an_item_that_names_no_element_is_placed_and_does_not_spoil_the_others(#[case] item: Value, #[case] said: &str) {
    let page = read(&json!({"elementsList": [{"id": "u_1"}, item, {"id": 3}]}));
    assert_eq!(told(&page), ["u_1: ", "3: "]);
    let [bad] = &page.bad[..] else { panic!("{:?}", page.bad) };
    assert!(bad.kind == ErrorKind::BadReply && bad.message.starts_with(said), "{bad:?}");
}

#[test]
fn an_item_that_says_a_field_twice_is_bad_alone() {
    let page = Page::parse(b"{\"elementsList\": [{\"id\": \"u_1\", \"id\": \"u_2\"}, {\"id\": \"u_3\"}]}").unwrap();
    assert_eq!((told(&page), page.bad.len()), (vec!["u_3: ".to_owned()], 1));
}

#[test]
fn an_item_of_too_many_assets_is_listed_without_them() {
    let resources: Vec<Value> = (0..65).map(|n| json!({"resource": format!("https://h/{n}")})).collect();
    assert_eq!(told(&read(&json!({"elementsList": [{"id": "u_1", "resources": resources}]}))), ["u_1: "]);
}

fn items(count: usize) -> String {
    format!("{{\"elementsList\": [{}]}}", vec!["{\"id\": \"u_1\"}"; count].join(","))
}

#[test]
fn a_page_may_have_a_thousand_items() {
    assert_eq!(Page::parse(items(1000).as_bytes()).unwrap().listed.len(), 1000);
}

#[rstest]
#[case::array("[{\"id\": \"u_1\"}]", ErrorKind::BadReply)]
#[case::no_list("{}", ErrorKind::BadReply)]
#[case::another_name("{\"elements\": [], \"total\": 7}", ErrorKind::BadReply)]
#[case::null("{\"elementsList\": null, \"total\": 7}", ErrorKind::BadReply)]
#[case::no_array("{\"elementsList\": {\"id\": \"u_1\"}, \"total\": 1}", ErrorKind::BadReply)]
#[case::html("<html><body>502</body></html>", ErrorKind::BadReply)]
#[case::empty("", ErrorKind::Truncated)]
#[case::cut("{\"elementsList\": [{\"id\": \"u_1\"}, {\"na", ErrorKind::Truncated)]
#[case::error("{\"error\": \"no\", \"elementsList\": []}", ErrorKind::ApiError)]
#[case::nested(&format!("{{\"elementsList\": [{{\"x\": {}1{}}}]}}", "[".repeat(10_000), "]".repeat(10_000)), ErrorKind::BadReply)]
#[case::one_too_many(&items(1001), ErrorKind::TooLarge)]
#[case::many(&items(100_000), ErrorKind::TooLarge)]
fn a_reply_that_is_no_page_says_what_is_wrong(#[case] body: &str, #[case] expected: ErrorKind) {
    assert_eq!(Page::parse(body.as_bytes()).unwrap_err().kind, expected);
}

use super::super::error_text;
use super::*;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

fn id() -> ElementId {
    "u_1".parse().unwrap()
}

fn read(body: &Value) -> Result<Element, Failure> {
    parse(body.to_string().as_bytes(), &id())
}

fn resource(key: &str, slot: &str, path: &str) -> Value {
    json!({"resource": format!("https://h/{path}"), "resourceKey": key, "slotKey": slot})
}

/// Each asset as `role slot path`.
fn told(element: &Element) -> Vec<String> {
    let tell = |asset: &Asset| format!("{} {} {}", asset.role.as_str(), asset.slot, asset.link.path());
    element.assets.iter().map(tell).collect()
}

fn whole() -> Value {
    json!({
        "id": "u_1", "name": "Lady ABC12", "userId": 12, "type": "VIDEO", "description": "", "currentVersion": 2,
        "cover": {"resource": "https://h/c.jpg?s=1", "width": 768, "height": 1365, "resourceKey": "cover", "cover": true},
        "resources": [
            resource("video", "", "v.mp4"),
            resource("secondary", "side", "s.png"),
            {"resource": "https://h/c.jpg?s=2", "resourceKey": "cover", "cover": true},
            resource("depth", "", "d.bin"),
        ],
        "tagList": [{"id": 1, "x": {"y": null}}],
        "voice": {"id": 5, "name": "n", "resource": {"resource": "https://h/w.mp3", "duration": 2}},
        "createTime": 1_736_640_000_000_i64, "updateTime": 1_736_640_000_120_i64, "favored": true, "official": false,
    })
}

#[test]
fn an_element_is_read_with_its_assets_in_order_and_its_cover_once() {
    let element = read(&whole()).unwrap();
    assert_eq!(
        told(&element),
        ["cover  /c.jpg", "secondary side /s.png", "video  /v.mp4", "voice  /w.mp3", "other  /d.bin"]
    );
    assert_eq!((element.assets[0].width, element.assets[0].height), (Some(768), Some(1365)));
    let fields = serde_json::to_value(&element.fields).unwrap();
    assert_eq!(
        fields,
        json!({
            "id": "u_1", "name": "Lady ABC12", "type": "VIDEO", "description": "", "userId": 12, "currentVersion": 2,
            "tags": [{"id": 1, "x": {"y": null}}], "favored": true, "official": false,
            "createTime": "2025-01-12T00:00:00Z", "updateTime": "2025-01-12T00:00:00.120Z",
        })
    );
}

#[test]
fn the_earlier_shape_reads_the_same() {
    assert_eq!(told(&read(&json!({"element": whole()})).unwrap()), told(&read(&whole()).unwrap()));
}

#[test]
fn numbers_may_be_strings_and_fields_may_be_missing_null_or_odd() {
    let element = read(&json!({
        "userId": "12", "currentVersion": "2", "updateTime": "1736640000000", "favored": "true", "official": 0,
        "name": null, "description": 7, "tagList": "none", "type": {"odd": 1}, "voice": null, "unknown": [[[1]]],
        "cover": {"resource": "https://h/c", "width": "768", "height": -1},
        "resources": null,
    }))
    .unwrap();
    let fields = serde_json::to_value(&element.fields).unwrap();
    assert_eq!(
        fields,
        json!({
            "id": "u_1", "description": "7", "userId": 12, "currentVersion": 2, "favored": true, "official": false,
            "updateTime": "2025-01-12T00:00:00Z",
        })
    );
    assert_eq!((element.assets[0].width, element.assets[0].height), (Some(768), None));
}

#[rstest]
#[case::string(json!("https://h/w.mp3"))]
#[case::url(json!({"url": "https://h/w.mp3"}))]
#[case::resource(json!({"resource": "https://h/w.mp3", "height": 0}))]
#[case::nested(json!({"resource": {"url": "https://h/w.mp3"}}))]
fn a_voice_links_its_file_in_one_of_several_ways(#[case] link: Value) {
    let mut body = json!({"voice": {"resource": link.clone()}, "resources": [resource("video", "", "v.mp4")]});
    body["resources"][0]["voice"] = json!({"resource": link});
    assert_eq!(told(&read(&body).unwrap()), ["video  /v.mp4", "voice  /w.mp3"]);
}

#[test]
fn a_cover_may_stand_among_the_resources_alone() {
    let body = json!({"resources": [{"resource": "https://h/c", "cover": true}, {"resource": "https://h/s", "slotKey": "side"}]});
    assert_eq!(told(&read(&body).unwrap()), ["cover  /c", "secondary side /s"]);
}

#[test]
fn two_assets_are_the_same_only_by_their_whole_link() {
    let body = json!({"resources": [resource("secondary", "a", "s?n=1"), resource("secondary", "b", "s?n=2"), resource("secondary", "a", "s?n=1")]});
    assert_eq!(told(&read(&body).unwrap()), ["secondary a /s", "secondary b /s"]);
}

#[test]
fn a_voice_may_hold_its_link_itself() {
    let body = json!({"voice": {"id": 1, "resource": null, "url": "https://h/w.mp3"}});
    assert_eq!(told(&read(&body).unwrap()), ["voice  /w.mp3"]);
}

#[rstest]
#[case::first_half(r"Lady \ud83d", "Lady \u{fffd}")]
#[case::second_half(r"\uDe00 Lady", "\u{fffd} Lady")]
#[case::two_first_halves(r"\ud83d\ud83d", "\u{fffd}\u{fffd}")]
#[case::both_halves(r"\ud83d\ude00", "\u{1f600}")]
#[case::both_halves_and_one(r"\ud83d\ude00\ude00", "\u{1f600}\u{fffd}")]
#[case::before_another_escape(r"\ud83d\n\u0041", "\u{fffd}\nA")]
#[case::an_escaped_backslash(r"\\ud83d", r"\ud83d")]
fn a_name_that_was_cut_inside_a_character_is_taken(#[case] json: &str, #[case] expected: &str) {
    let body = format!("{{\"x\": \"{json}\", \"name\": \"{json}\", \"cover\": {{\"url\": \"https://h/c\"}}}}");
    assert_eq!(parse(body.as_bytes(), &id()).unwrap().fields.name.as_deref(), Some(expected));
}

#[rstest]
#[case::array("[{}]", ErrorKind::BadReply)]
#[case::html("<html><body>502</body></html>", ErrorKind::BadReply)]
#[case::empty("", ErrorKind::Truncated)]
#[case::cut("{\"id\": \"u_1\", \"cover\": {\"reso", ErrorKind::Truncated)]
#[case::error("{\"error\": \"no\"}", ErrorKind::ApiError)]
#[case::error_object("{\"error\": {\"message\": \"no\", \"status\": 3}, \"id\": \"u_1\"}", ErrorKind::ApiError)]
#[case::other_id("{\"id\": \"u_2\", \"cover\": {\"resource\": \"https://h/c\"}}", ErrorKind::WrongId)]
#[case::no_assets("{\"id\": \"u_1\", \"resources\": [{\"resourceKey\": \"cover\"}]}", ErrorKind::NoAssets)]
#[case::nested(&format!("{{\"tagList\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000)), ErrorKind::BadReply)]
#[case::nested_in_what_is_not_read(&format!("{{\"x\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000)), ErrorKind::BadReply)]
#[case::many(&format!("{{\"resources\": [{}]}}", vec!["{\"resource\": \"https://h/c\"}"; 100_000].join(",")), ErrorKind::TooManyAssets)]
fn a_reply_that_is_no_element_says_what_is_wrong(#[case] body: &str, #[case] expected: ErrorKind) {
    assert_eq!(parse(body.as_bytes(), &id()).unwrap_err().kind, expected);
}

#[test]
fn tags_that_would_blow_up_a_manifest_are_left_to_the_reply() {
    let tags = |count: usize| json!({"tagList": [vec![0; count]], "cover": {"resource": "https://h/c"}});
    assert!(read(&tags(1000)).unwrap().fields.tags.is_some());
    assert_eq!(read(&tags(200_000)).unwrap().fields.tags, None);
}

#[test]
fn brackets_in_texts_are_no_nesting() {
    let body =
        json!({"description": "[{".repeat(200), "name": "a\\\"[".repeat(200), "cover": {"resource": "https://h/c"}});
    assert!(read(&body).is_ok());
}

#[test]
fn voices_count_among_the_assets() {
    let resources: Vec<Value> = (0..60)
        .map(|n| json!({"resource": format!("https://h/{n}"), "voice": {"resource": format!("https://h/w{n}")}}))
        .collect();
    assert_eq!(read(&json!({"resources": resources})).unwrap_err().kind, ErrorKind::TooManyAssets);
}

#[test]
fn an_error_body_is_told_in_its_own_words_cleaned() {
    assert_eq!(error_text(b"{\"error\": \"a\\u001b[31mb\\nc\", \"code\": 401}"), "a [31mb c");
    assert_eq!(error_text(b"{\"error\": {\"message\": \"m\", \"status\": 9}}"), "m");
    assert_eq!(error_text(b"{\"error\": {\"status\": 9}}"), "{\"status\":9}");
    assert_eq!(error_text(b"Bad\r\nGateway"), "Bad Gateway");
}

proptest! {
    #[test]
    fn no_bytes_are_a_panic(body in any::<Vec<u8>>()) {
        let _ = parse(&body, &id());
        let _ = error_text(&body);
    }

    #[test]
    fn no_json_is_a_panic_and_links_are_never_more_than_allowed(
        name in any::<String>(), slots in prop::collection::vec(any::<String>(), 0..80), number in any::<f64>(),
    ) {
        let resources: Vec<Value> = slots.iter().enumerate().map(|(n, slot)| resource("secondary", slot, &n.to_string())).collect();
        let body = json!({"name": name, "resources": resources, "updateTime": number, "userId": number});
        match read(&body) {
            Ok(element) => prop_assert!(element.assets.len() == slots.len() && slots.len() <= MAX_ASSETS),
            Err(failure) => prop_assert!(matches!(failure.kind, ErrorKind::NoAssets | ErrorKind::TooManyAssets)),
        }
    }
}

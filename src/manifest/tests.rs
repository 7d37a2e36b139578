use super::*;

const WRITTEN: &str = include_str!("format-1.json");

fn id() -> ElementId {
    "u_123456789012345".parse().unwrap()
}

#[test]
fn a_manifest_of_format_1_is_read_and_written_to_the_same_bytes() {
    let manifest = Manifest::parse(WRITTEN.as_bytes(), &id()).unwrap();
    assert_eq!(manifest.assets[0].file, "cover.jpg");
    assert_eq!(String::from_utf8(manifest.to_bytes()).unwrap(), WRITTEN);
}

#[test]
fn fields_of_later_programs_are_passed_over_but_a_newer_format_is_not() {
    let later = WRITTEN.replacen("{", "{\"later\": [1],", 1);
    assert!(Manifest::parse(later.as_bytes(), &id()).is_ok());
    let newer = WRITTEN.replace("\"format\": 1", "\"format\": 2");
    assert!(matches!(Manifest::parse(newer.as_bytes(), &id()), Err(InvalidManifest::Newer(2))));
}

#[test]
fn another_element_and_damage_are_told_apart() {
    let other = "u_2".parse().unwrap();
    assert!(matches!(Manifest::parse(WRITTEN.as_bytes(), &other), Err(InvalidManifest::OtherElement(_))));
    assert!(matches!(Manifest::parse(b"{\"format\": 1", &id()), Err(InvalidManifest::Damaged(_))));
    let escaping = WRITTEN.replace("\"cover.jpg\"", "\"../cover.jpg\"");
    assert!(matches!(Manifest::parse(escaping.as_bytes(), &id()), Err(InvalidManifest::Damaged(_))));
}

#[test]
fn a_manifest_in_which_two_files_have_one_name_is_damaged() {
    for name in ["element.json", "manifest.json", "sha256sums", "Element.JSON"] {
        let twice = WRITTEN.replace("\"cover.jpg\"", &format!("\"{name}\""));
        assert!(matches!(Manifest::parse(twice.as_bytes(), &id()), Err(InvalidManifest::Damaged(_))), "{name}");
    }
    let elsewhere = WRITTEN.replace("\"element.json\"", "\"reply.json\"");
    assert!(matches!(Manifest::parse(elsewhere.as_bytes(), &id()), Err(InvalidManifest::Damaged(_))));
}

#[test]
fn what_is_said_of_a_damaged_manifest_steers_no_terminal() {
    let role = WRITTEN.replace("\"role\": \"cover\"", "\"role\": \"\\u001b[31m\"");
    let said = Manifest::parse(role.as_bytes(), &id()).unwrap_err().to_string();
    assert!(said.contains("variant `[31m`") || said.contains("variant ` [31m`"), "{said}");
}

#[test]
fn a_fraction_in_a_tag_is_read_as_it_was_written() {
    // Where it came out one digit apart, the element would be updated in every run.
    let tagged = WRITTEN.replace("\"tags\": []", "\"tags\": [9.613215652500022e-254]");
    let manifest = Manifest::parse(tagged.as_bytes(), &id()).unwrap();
    assert_eq!(Manifest::parse(&manifest.to_bytes(), &id()).unwrap(), manifest);
}

#[test]
fn a_line_of_the_index_has_every_field_in_its_order_but_the_response() {
    let manifest = Manifest::parse(WRITTEN.as_bytes(), &id()).unwrap();
    let line = String::from_utf8(manifest.to_line()).unwrap();
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{line}");
    let (mut whole, line) = (serde_json::to_value(&manifest).unwrap(), serde_json::from_str(&line).unwrap());
    let fields = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let expected: Vec<String> = fields(&whole).into_iter().filter(|field| field != "response").collect();
    assert!(expected.len() > 6, "{expected:?}");
    assert_eq!(fields(&line), expected);
    whole.as_object_mut().unwrap().remove("response");
    assert_eq!(line, whole);
}

#[test]
fn sums_name_every_file_but_themselves() {
    let manifest = Manifest::parse(WRITTEN.as_bytes(), &id()).unwrap();
    let sums = manifest.sums(Digest::of(WRITTEN.as_bytes()));
    let names: Vec<&str> = sums.lines().map(|line| &line[66..]).collect();
    assert_eq!(names, ["cover.jpg", "element.json", "manifest.json"]);
}

/// The same as it is in a bucket.
fn by_content() -> Manifest {
    let mut manifest = Manifest::parse(WRITTEN.as_bytes(), &id()).unwrap();
    let Response { file, sha256, .. } = &mut manifest.response;
    *file = Naming::ByContent.name(file, *sha256);
    for asset in &mut manifest.assets {
        asset.file = Naming::ByContent.name(&asset.file, asset.sha256);
    }
    manifest
}

#[test]
fn a_manifest_whose_files_are_named_by_their_content_is_read() {
    let manifest = by_content();
    assert!(manifest.response.file.len() > 40, "{}", manifest.response.file);
    assert_eq!(Manifest::parse(&manifest.to_bytes(), &id()).unwrap(), manifest);
    // The response alone may be, and the assets alone.
    let mut mixed = by_content();
    mixed.response.file = layout::RESPONSE.to_owned();
    assert_eq!(Manifest::parse(&mixed.to_bytes(), &id()).unwrap(), mixed);
}

#[test]
fn a_response_that_is_named_by_other_content_is_damage() {
    let mut manifest = by_content();
    manifest.response.file = Naming::ByContent.name(layout::RESPONSE, Digest::of(b"other"));
    for file in [manifest.response.file.clone(), "reply.json".to_owned(), "element.json.json".to_owned()] {
        manifest.response.file = file.clone();
        let refused = Manifest::parse(&manifest.to_bytes(), &id()).unwrap_err().to_string();
        assert!(refused.contains(&file), "{refused}");
    }
}

#[test]
fn sums_of_data_leave_the_manifest_out() {
    let manifest = by_content();
    let (sums, with_manifest) = (manifest.sums_of_data(), manifest.sums(Digest::of(b"own")));
    let own = with_manifest.strip_prefix(&sums).unwrap();
    assert_eq!(own, format!("{}  manifest.json\n", Digest::of(b"own")));
    let expected: Vec<_> = manifest.own_files().map(|file| format!("{}  {}", file.sha256, file.name)).collect();
    assert_eq!(sums.lines().collect::<Vec<_>>(), expected);
    assert!(sums.ends_with('\n') && sums.contains(&manifest.response.file));
}

#[test]
fn files_have_types_the_response_last() {
    let manifest = by_content();
    let typed: Vec<_> = manifest.own_files().map(|file| (file.name, file.media_type)).collect();
    let expected = [(&*manifest.assets[0].file, "image/jpeg"), (&*manifest.response.file, "application/json")];
    assert_eq!(typed, expected);
}

//! The page around the elements.

use super::*;

fn frame() -> Frame {
    Frame { name: "back<up>".into(), written: Time::from_rfc3339("2026-11-23T08:00:00Z").unwrap() }
}

#[test]
fn beginning_and_end_are_a_page_with_room_for_the_elements() {
    let totals = Totals { elements: 2, files: 1, bytes: 2048 };
    let (begin, end) = (frame().begin(), frame().end(&totals));
    let (begin, end) = (String::from_utf8(begin).unwrap(), String::from_utf8(end).unwrap());
    assert!(
        begin.starts_with("<!DOCTYPE html><html lang=\"en\">") && begin.ends_with("<ul id=\"grid\" role=\"list\">")
    );
    assert!(begin.contains("<title>back&lt;up&gt;</title>"), "{begin}");
    assert!(end.starts_with("</ul>") && end.ends_with("</html>"));
    assert!(end.contains("2 elements, 1 file, 2.0 KiB. Written <time datetime=\"2026-11-23T08:00:00Z\">"), "{end}");
}

#[test]
fn a_page_of_ours_is_known_by_its_first_bytes() {
    let begin = frame().begin();
    assert!(is_ours(&begin[..256]));
    assert!(!is_ours(b"<!DOCTYPE html><meta name=\"generator\" content=\"Hugo 0.1\">"));
}

#[test]
fn style_and_script_end_where_they_should_and_ask_for_nothing() {
    for (text, end) in [(STYLE, "</style"), (SCRIPT, "</script")] {
        assert!(!text.to_lowercase().contains(end) && !text.contains("<!--") && !text.contains('\r'));
        for asking in ["http:", "https:", "url(", "@import", "fetch(", "innerHTML"] {
            assert!(!text.contains(asking), "{asking}");
        }
    }
}

#[test]
fn a_mirror_is_called_by_its_folder() {
    for (path, name) in [("/srv/elements", "elements"), ("backup", "backup"), ("/srv/a/", "a"), ("/", "mirror")] {
        assert_eq!(Frame::of(Path::new(path)).name, name);
    }
    let here = std::env::current_dir().unwrap();
    let here = here.file_name().unwrap().to_str().unwrap();
    assert_eq!(Frame::of(Path::new(".")).name, here);
}

//! What bytes are: known media by signature, else by what the server and the path say; and whether an image is whole.

use std::io::{BufRead, Cursor, Seek};

use crate::element::Role;

/// How many first bytes of a file are needed to recognise it.
pub(crate) const HEAD: usize = 8 * 1024;

/// How many last bytes of an image are searched for its end marker: first a few, in which nearly all images have it,
/// and if it is not there, many.
pub(crate) const TAILS: [usize; 2] = [64, 64 * 1024];

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// Its media type, such as `image/jpeg`.
    pub media_type: String,
    /// The extension of its file name, without the dot.
    pub extension: String,
}

impl Media {
    fn new(media_type: &str, extension: &str) -> Self {
        Self { media_type: media_type.to_owned(), extension: extension.to_owned() }
    }

    /// Whether it is a picture.
    pub(crate) fn is_image(&self) -> bool {
        self.media_type.starts_with("image/")
    }
}

/// The extension of bytes of which nothing is known.
const UNKNOWN: &str = "bin";

/// Media types by what `Content-Type` and paths call them; the first row of a type gives its extension.
const KNOWN: &[(&str, &str)] = &[
    ("image/jpeg", "jpg"),
    ("image/jpeg", "jpeg"),
    ("image/jpg", "jpg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("image/gif", "gif"),
    ("image/avif", "avif"),
    ("image/heif", "heif"),
    ("image/heic", "heic"),
    ("image/bmp", "bmp"),
    ("image/tiff", "tif"),
    ("image/tiff", "tiff"),
    ("image/jxl", "jxl"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("video/x-matroska", "mkv"),
    ("video/x-m4v", "m4v"),
    ("video/mpeg", "mpg"),
    ("video/x-msvideo", "avi"),
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/wave", "wav"),
    ("audio/mp4", "m4a"),
    ("audio/m4a", "m4a"),
    ("audio/x-m4a", "m4a"),
    ("audio/aac", "aac"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/flac", "flac"),
    ("audio/amr", "amr"),
    ("audio/aiff", "aiff"),
];

/// Whether files of ours end so: as those of a known type do, or as unknown bytes.
pub(crate) fn is_extension(extension: &str) -> bool {
    extension == UNKNOWN || KNOWN.iter().any(|(_, known)| *known == extension)
}

/// A picture's own width and height in pixels, as the `reader` of its bytes says.
pub(crate) fn pixels(mut reader: impl BufRead + Seek) -> Option<(u32, u32)> {
    let size = imagesize::reader_size(&mut reader).ok()?;
    Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
}

/// A picture's own width and height in pixels, where its first bytes say them: in a format whose later bytes say
/// nothing else, and not behind more metadata than `head` holds.
pub(crate) fn pixels_in_head(media: &Media, head: &[u8]) -> Option<(u32, u32)> {
    let is_said_once = ["image/jpeg", "image/png", "image/gif", "image/webp"].contains(&media.media_type.as_str());
    is_said_once.then(|| pixels(Cursor::new(head))).flatten()
}

/// What a file is, by its first [`HEAD`] bytes, the server's `Content-Type` and its URL's path; `None` where it is no
/// media. Of a resource of an unknown kind unknown bytes are taken as they are.
pub(crate) fn recognise(head: &[u8], content_type: Option<&str>, path: &str, role: Role) -> Option<Media> {
    if head.is_empty() {
        return None;
    }
    if let Some(found) = infer::get(head) {
        let media = matches!(
            found.matcher_type(),
            infer::MatcherType::Image | infer::MatcherType::Video | infer::MatcherType::Audio
        );
        return media.then(|| Media::new(standard(found.mime_type()), found.extension()));
    }
    if let Some(media) = by_loose_signature(head) {
        return Some(media);
    }
    if is_text(head) || content_type.is_some_and(|called| is_called_text(called, role)) {
        return None;
    }
    content_type
        .and_then(by_content_type)
        .or_else(|| by_path(path))
        .or_else(|| (role == Role::Other).then(|| Media::new("application/octet-stream", UNKNOWN)))
}

/// The registered name of a type that `infer` calls by an older one.
fn standard(media_type: &str) -> &str {
    match media_type {
        "audio/m4a" => "audio/mp4",
        "audio/x-wav" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        "audio/x-aiff" => "audio/aiff",
        other => other,
    }
}

/// Media that `infer` does not know: MP4 of a brand, and MPEG audio of a version or layer, that are not in its lists.
fn by_loose_signature(head: &[u8]) -> Option<Media> {
    if head.get(4..8) == Some(b"ftyp") {
        return Some(Media::new("video/mp4", "mp4"));
    }
    let &[sync, version, rates, ..] = head else { return None };
    let frame = sync == 0xff && version & 0xe0 == 0xe0 && version & 0x18 != 0x08 && version & 0x06 != 0;
    let rated = rates & 0xf0 != 0xf0 && rates & 0x0c != 0x0c;
    (frame && rated).then(|| Media::new("audio/mpeg", "mp3"))
}

/// Whether the server calls it text, in whatever charset: an error page, whose bytes need not be UTF-8. Servers call
/// unknown things `text/plain`, and a resource of an unknown kind may be one.
fn is_called_text(content_type: &str, role: Role) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "text/plain" && role == Role::Other {
        return false;
    }
    let text = ["json", "xml", "html", "javascript"];
    essence.starts_with("text/") || essence.starts_with("application/") && text.iter().any(|end| essence.ends_with(end))
}

fn by_content_type(content_type: &str) -> Option<Media> {
    let essence = content_type.split(';').next()?.trim().to_ascii_lowercase();
    let &(media_type, extension) = KNOWN.iter().find(|(known, _)| *known == essence)?;
    Some(Media::new(media_type, extension))
}

fn by_path(path: &str) -> Option<Media> {
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let &(media_type, _) = KNOWN.iter().find(|(_, known)| *known == extension)?;
    by_content_type(media_type)
}

/// Whether the bytes are text: an error page, JSON, a script.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end inside a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}'))
}

/// Whether an image ends as its format says, by its last bytes, as in [`TAILS`], and its `size`; formats without an end
/// marker count as whole.
pub(crate) fn ends_whole(media: &Media, head: &[u8], tail: &[u8], size: u64) -> bool {
    let holds = |marker: &[u8]| tail.windows(marker.len()).rev().any(|window| window == marker);
    match media.media_type.as_str() {
        "image/jpeg" => holds(&[0xff, 0xd9]),
        "image/png" => holds(b"IEND"),
        // RIFF gives its own length, less the eight bytes up to there.
        "image/webp" => head
            .get(4..8)
            .and_then(|length| length.try_into().ok())
            .is_some_and(|length| u64::from(u32::from_le_bytes(length)) + 8 <= size),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::jpeg(b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg", "jpg")]
    #[case::png(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png", "png")]
    #[case::webp(b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp", "webp")]
    #[case::mp4(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "video/mp4", "mp4")]
    #[case::mp4_of_an_unlisted_brand(b"\x00\x00\x00\x18ftypzzzz\x00\x00\x02\x00", "video/mp4", "mp4")]
    #[case::m4a(b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00", "audio/mp4", "m4a")]
    #[case::mp3(b"ID3\x04\x00\x00\x00\x00\x00\x00", "audio/mpeg", "mp3")]
    #[case::mp3_of_mpeg_2_5(b"\xff\xe3\x18\xc4\x00\x00", "audio/mpeg", "mp3")]
    #[case::wav(b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav", "wav")]
    fn a_signature_decides_whatever_the_server_says(#[case] head: &[u8], #[case] media_type: &str, #[case] ext: &str) {
        let media = recognise(head, Some("text/html"), "/x.bin", Role::Video).unwrap();
        assert_eq!((media.media_type.as_str(), media.extension.as_str()), (media_type, ext));
    }

    #[rstest]
    #[case::nothing(b"")]
    #[case::html(b"<!DOCTYPE html><html><body>Forbidden</body></html>")]
    #[case::json(b"{\"error\": \"no\"}")]
    #[case::xml(b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>")]
    #[case::words("Zugriff verweigert: \u{fc}ber Limit".as_bytes())]
    #[case::pdf(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3")]
    #[case::zip(b"PK\x03\x04\x14\x00\x00\x00\x08\x00")]
    fn what_is_no_media_is_refused_whatever_it_is_called(#[case] head: &[u8]) {
        assert_eq!(recognise(head, Some("image/png"), "/cover.png", Role::Other), None);
    }

    #[rstest]
    #[case::gbk("text/html; charset=gbk", b"\xb7\xc3\xce\xca\xb1\xbb\xbe\xdc\xbe\xf8")]
    #[case::json("Application/JSON", b"{\"message\":\"\xb7\xc3\xce\xca\"}")]
    #[case::problem("application/problem+json", b"{\"title\":\"\xb7\xc3\"}")]
    #[case::xml("application/xml", b"\xff\xfe<\x00E\x00r\x00r\x00>\x00")]
    fn what_the_server_calls_text_is_none_in_any_charset(#[case] content_type: &str, #[case] head: &[u8]) {
        assert_eq!(recognise(head, Some(content_type), "/cover.png", Role::Cover), None);
        assert_eq!(recognise(head, Some(content_type), "/x", Role::Other), None);
        assert!(recognise(head, None, "/cover.png", Role::Cover).is_some());
    }

    #[test]
    fn unknown_bytes_go_by_content_type_then_by_path() {
        let bytes = b"\x01\x02\x03\x04\x00\x00\x00\x00";
        let by_type = recognise(bytes, Some("Image/PNG; charset=x"), "/a.mp3", Role::Cover).unwrap();
        assert_eq!(by_type.extension, "png");
        let by_path = recognise(bytes, Some("application/octet-stream"), "/a/b.JPEG", Role::Cover).unwrap();
        assert_eq!((by_path.media_type.as_str(), by_path.extension.as_str()), ("image/jpeg", "jpg"));
        assert_eq!(recognise(bytes, None, "/a.mp3", Role::Voice).unwrap().extension, "mp3");
        assert_eq!(recognise(bytes, None, "/a", Role::Cover), None);
        assert_eq!(recognise(bytes, None, "/a", Role::Other).unwrap().extension, "bin");
    }

    #[test]
    fn an_image_without_its_end_is_seen() {
        let jpeg = Media::new("image/jpeg", "jpg");
        assert!(ends_whole(&jpeg, &[], b"...\xff\xd9\x00\x00", 9));
        assert!(!ends_whole(&jpeg, &[], b"...", 3));
        let webp = Media::new("image/webp", "webp");
        assert!(ends_whole(&webp, b"RIFF\x04\x00\x00\x00WEBP", &[], 12));
        assert!(!ends_whole(&webp, b"RIFF\x05\x00\x00\x00WEBP", &[], 12));
        assert!(ends_whole(&Media::new("video/mp4", "mp4"), &[], b"", 1));
    }
}

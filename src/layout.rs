//! The mirror's names: every one comes from a closed alphabet, whatever the network says.

use std::collections::HashSet;

use crate::digest::Digest;
use crate::element::{Asset, Role};

/// What the API said, byte for byte.
pub const RESPONSE: &str = "element.json";
/// What the folder holds.
pub const MANIFEST: &str = "manifest.json";
/// The checksums in GNU format.
pub const SUMS: &str = "SHA256SUMS";
/// Every manifest of the mirror on a line, beside the elements' folders.
pub const INDEX: &str = "index.ndjson";
/// A page to look the mirror through, beside the elements' folders.
pub const GALLERY: &str = "index.html";
/// The program's own folder in the destination.
pub const OWN: &str = ".element-mirror";
/// In it, the superseded versions, by element.
pub(crate) const HISTORY: &str = "history";
/// In it, what was found damaged, by element.
pub(crate) const DAMAGED: &str = "damaged";
/// In it, a note for each element that the API does not know any more.
pub(crate) const GONE: &str = "gone";
/// In it, the versions in the making, by element.
pub(crate) const STAGING: &str = "staging";

/// The longest stem, so that with a number and an extension no name is longer than 100.
const MAX_STEM: usize = 80;

/// Names of devices that Windows reserves, with any extension.
const RESERVED: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN", "CONOUT"];

/// The stems (names without extension) of `assets`, in their order: `cover`, a secondary's slot or `secondary-1`…,
/// `video`, `voice`, `other-1`….
pub fn stems(assets: &[Asset]) -> Vec<String> {
    let (mut secondaries, mut others) = (0, 0);
    let numbered = |role: &str, count: &mut u32| {
        *count += 1;
        format!("{role}-{count}")
    };
    assets
        .iter()
        .map(|asset| match asset.role {
            Role::Cover | Role::Video | Role::Voice => asset.role.as_str().to_owned(),
            Role::Secondary => match safe_stem(&asset.slot) {
                stem if stem.is_empty() => numbered("secondary", &mut secondaries),
                stem => stem,
            },
            Role::Other => numbered("other", &mut others),
        })
        .collect()
}

/// `text` in `[A-Za-z0-9._-]`, without leading or trailing dots and dashes, no reserved name; may be empty.
fn safe_stem(text: &str) -> String {
    let mut stem = String::new();
    for c in text.chars() {
        let safe = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        if safe != '-' || !stem.ends_with('-') {
            stem.push(safe);
        }
        if stem.len() == MAX_STEM {
            break;
        }
    }
    let stem = stem.trim_matches(['-', '.']);
    if is_reserved(stem) { format!("_{stem}") } else { stem.to_owned() }
}

fn is_reserved(stem: &str) -> bool {
    let device = stem.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = device.strip_prefix("COM").or_else(|| device.strip_prefix("LPT"));
    RESERVED.contains(&device.as_str()) || numbered.is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
}

/// How a destination names an element's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By what they are: `cover.jpg`.
    Plain,
    /// By what they are and by their bytes: `cover.9f86d081884c7d659a2feaa0c55ad015.jpg`, so that a name never has
    /// other bytes.
    ByContent,
}

/// How many hex digits of the digest a content-addressed name carries.
const DIGITS: usize = 32;

impl Naming {
    /// Whether a file that is held can get another name without its bytes being moved: a folder has links; an object
    /// keeps its name.
    pub fn can_rename(self) -> bool {
        self == Self::Plain
    }

    /// As much of `stem` as a file's name has room for.
    pub fn stem(self, stem: &str) -> &str {
        match self {
            Self::Plain => stem,
            // It is ASCII alone, so that any cut is between two characters.
            Self::ByContent => stem.get(..MAX_STEM - DIGITS - 1).unwrap_or(stem),
        }
    }

    /// The name of the file with the `plain` name and these bytes.
    pub fn name(self, plain: &str, digest: Digest) -> String {
        match self {
            Self::Plain => plain.to_owned(),
            Self::ByContent => {
                let (stem, extension) = plain.rsplit_once('.').unwrap_or((plain, "bin"));
                format!("{stem}.{}.{extension}", &digest.to_string()[..DIGITS])
            }
        }
    }

    /// Whether a file with these bytes may be called `file`: a name that is given by content has to say them.
    pub fn fits(self, file: &str, digest: Digest) -> bool {
        self.name(&self.plain(file), digest) == file
    }

    /// The plain name of a `file`. One that is not named in this way, as in a folder's mirror that was copied into a
    /// bucket, has a plain name already.
    pub fn plain(self, file: &str) -> String {
        let parts = || {
            let (rest, extension) = file.rsplit_once('.')?;
            let (stem, digits) = rest.rsplit_once('.')?;
            let is_digest = digits.len() == DIGITS && digits.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
            is_digest.then(|| format!("{stem}.{extension}"))
        };
        match self {
            Self::Plain => file.to_owned(),
            Self::ByContent => parts().unwrap_or_else(|| file.to_owned()),
        }
    }
}

/// Hands out file names within one folder, no two of which are alike or differ in case alone.
pub struct Names(HashSet<String>);

impl Names {
    /// Names for a folder that holds nothing yet but the program's own three files.
    pub fn new() -> Self {
        Self([RESPONSE, MANIFEST, SUMS].map(str::to_ascii_lowercase).into())
    }

    /// Takes `name` out of what can be handed out.
    pub fn reserve(&mut self, name: &str) {
        self.0.insert(name.to_lowercase());
    }

    /// `stem.extension`, with `-2`, `-3`… where that is taken.
    pub fn claim(&mut self, stem: &str, extension: &str) -> String {
        let mut name = format!("{stem}.{extension}");
        let mut number = 1;
        while !self.0.insert(name.to_ascii_lowercase()) {
            number += 1;
            name = format!("{stem}-{number}.{extension}");
        }
        name
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the program may have given this `name` to a file. So it is known which files are ours in a folder without a
/// manifest that can be read; slots that are not documented are not among them.
pub(crate) fn is_ours(name: &str) -> bool {
    if [RESPONSE, MANIFEST, SUMS].contains(&name) {
        return true;
    }
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    ["cover", "secondary", "side", "back", "topView", "video", "voice", "other"].contains(&stem)
}

/// Whether `name`, read from a manifest, is a plain file name that the program could have given.
pub fn is_safe_name(name: &str) -> bool {
    let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    (1..=100).contains(&name.len()) && name.bytes().all(good) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asset(role: Role, slot: &str) -> Asset {
        Asset { role, slot: slot.into(), link: String::new().into(), width: None, height: None }
    }

    #[test]
    fn stems_follow_role_and_slot() {
        let assets = [
            asset(Role::Cover, ""),
            asset(Role::Secondary, "side"),
            asset(Role::Secondary, ""),
            asset(Role::Secondary, "../../x"),
            asset(Role::Secondary, "CON"),
            asset(Role::Secondary, "com1.png"),
            asset(Role::Secondary, "\u{202e}…"),
            asset(Role::Video, ""),
            asset(Role::Voice, ""),
            asset(Role::Other, ""),
            asset(Role::Other, ""),
        ];
        let expected = [
            "cover",
            "side",
            "secondary-1",
            "x",
            "_CON",
            "_com1.png",
            "secondary-2",
            "video",
            "voice",
            "other-1",
            "other-2",
        ];
        assert_eq!(stems(&assets), expected);
    }

    #[test]
    fn a_second_file_of_the_same_name_gets_a_number_whatever_its_case() {
        let mut names = Names::new();
        names.reserve("Side.PNG");
        assert_eq!(names.claim("side", "png"), "side-2.png");
        assert_eq!(names.claim("SIDE", "png"), "SIDE-3.png");
        assert_eq!(names.claim("manifest", "json"), "manifest-2.json");
    }

    #[test]
    fn names_of_ours_are_known_without_a_manifest() {
        for ours in ["cover.jpg", "side-2.png", "other-1.bin", "SHA256SUMS", "secondary-3.webp", "voice.mp3"] {
            assert!(is_ours(ours), "{ours}");
        }
        for strange in ["notes.txt", "covers.jpg", "README"] {
            assert!(!is_ours(strange), "{strange}");
        }
    }

    /// Any text; any characters, those that steer a terminal among them, which proptest leaves out of texts; what looks
    /// like a path; reserved names.
    fn slot() -> impl Strategy<Value = String> {
        let characters = prop_oneof![any::<char>(), proptest::char::range('\0', '\u{7f}'), Just('\u{202e}')];
        prop_oneof![
            any::<String>(),
            prop::collection::vec(characters, 0..20).prop_map(String::from_iter),
            "[.A-Za-z0-9/-]{0,200}",
            "(?i)(con|aux|lpt1|com0)(\\.x)?",
        ]
    }

    #[test]
    fn a_name_by_content_says_the_first_half_of_the_digest_before_the_extension() {
        let digest = Digest::of(b"the bytes");
        let half = digest.to_string()[..32].to_owned();
        for (plain, expected) in [
            ("cover.jpg", format!("cover.{half}.jpg")),
            ("_com1.png.webp", format!("_com1.png.{half}.webp")),
            (RESPONSE, format!("element.{half}.json")),
            // No file of ours is without an extension.
            ("cover", format!("cover.{half}.bin")),
        ] {
            assert_eq!(Naming::ByContent.name(plain, digest), expected);
            assert_eq!(Naming::Plain.name(plain, digest), plain);
            assert!(Naming::ByContent.fits(&expected, digest) && !Naming::ByContent.fits(plain, digest), "{plain}");
            assert!(!Naming::ByContent.fits(&expected, Digest::of(b"others")) && Naming::Plain.fits(plain, digest));
        }
        assert!(Naming::Plain.can_rename() && !Naming::ByContent.can_rename());
    }

    #[test]
    fn what_does_not_say_its_content_is_plain_already() {
        let half = "9f86d081884c7d659a2feaa0c55ad015";
        let shorter = &half[1..];
        let upper = half.to_uppercase();
        for plain in [
            "cover.jpg",
            "cover",
            "",
            half,
            &format!("{half}.jpg"),
            &format!("cover.{shorter}.jpg"),
            &format!("cover.{half}0.jpg"),
            &format!("cover.{upper}.jpg"),
            &format!("cover-{half}.jpg"),
            &format!("cover.{half}"),
        ] {
            assert_eq!(Naming::ByContent.plain(plain), plain);
        }
        let named = format!("cover.{half}.jpg");
        assert_eq!(Naming::ByContent.plain(&named), "cover.jpg");
        assert_eq!(Naming::Plain.plain(&named), named);
        // Only what was put there is taken away.
        assert_eq!(Naming::ByContent.plain(&format!("cover.{half}.{half}.jpg")), format!("cover.{half}.jpg"));
    }

    #[test]
    fn a_stem_is_cut_to_the_room_that_there_is() {
        let stem = "x".repeat(MAX_STEM);
        assert_eq!(Naming::Plain.stem(&stem), stem);
        assert_eq!(Naming::ByContent.stem(&stem), &stem[..MAX_STEM - 33]);
        assert_eq!(Naming::ByContent.stem("side"), "side");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn whatever_slots_the_network_sends_names_by_content_are_safe_distinct_and_lead_back_to_the_plain_ones(
            slots in prop::collection::vec(slot(), 0..12),
            same in prop::bool::ANY,
        ) {
            let assets: Vec<Asset> = slots.iter().map(|slot| asset(Role::Secondary, slot)).collect();
            let (naming, mut names, mut seen) = (Naming::ByContent, Names::new(), HashSet::new());
            for stem in &stems(&assets) {
                let plain = names.claim(naming.stem(stem), "jpeg");
                // Twelve files may well have the same bytes.
                let digest = Digest::of(if same { "" } else { stem }.as_bytes());
                let name = naming.name(&plain, digest);
                prop_assert!(is_safe_name(&name), "{name}");
                prop_assert!(!is_reserved(&name), "{name}");
                prop_assert!(name.len() <= 100, "{name}");
                prop_assert_eq!(naming.plain(&name), plain.clone());
                prop_assert_eq!(naming.name(&naming.plain(&name), digest), name.clone());
                prop_assert!(seen.insert(name.to_ascii_lowercase()), "{name} twice");
            }
        }

        #[test]
        fn whatever_slots_the_network_sends_names_are_safe_and_distinct(
            slots in prop::collection::vec(slot(), 0..12)
        ) {
            let assets: Vec<Asset> = slots.iter().map(|slot| asset(Role::Secondary, slot)).collect();
            let mut names = Names::new();
            let mut seen = HashSet::new();
            for stem in stems(&assets) {
                let name = names.claim(&stem, "jpeg");
                prop_assert!(is_safe_name(&name), "{name}");
                prop_assert!(!is_reserved(&name), "{name}");
                prop_assert!(!name.starts_with('-') && !name.ends_with('.'), "{name}");
                prop_assert!(seen.insert(name.to_ascii_lowercase()), "{name} twice");
            }
        }
    }
}

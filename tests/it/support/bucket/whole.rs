//! What must be true of a mirror in a bucket at any moment: whatever a manifest names is there, and has its bytes.

use std::collections::BTreeMap;

use element_mirror::digest::Digest;
use serde_json::Value;

use super::SECRET;
use super::contents::Object;
use crate::support::TOKEN;

/// What is wrong with the manifests of `id`, the standing one and those in its history. Keys are those behind the
/// prefix.
pub(super) fn flaws(objects: &BTreeMap<&str, &Object>, id: &str) -> Vec<String> {
    let standing = format!("{id}/manifest.json");
    let history = format!(".element-mirror/history/{id}/");
    let of_id = objects.iter().filter(|(key, _)| {
        **key == standing || key.strip_prefix(&history).is_some_and(|rest| rest.ends_with("/manifest.json"))
    });
    of_id.flat_map(|(key, manifest)| flaws_of(objects, (id, key), manifest)).collect()
}

fn flaws_of(objects: &BTreeMap<&str, &Object>, (id, key): (&str, &str), manifest: &Object) -> Vec<String> {
    let Ok(manifest) = serde_json::from_slice::<Value>(&manifest.bytes) else {
        return vec![format!("{key} is no JSON")];
    };
    let flaw = |file: &Value| {
        let name = file["file"].as_str().unwrap_or_default();
        let what = match objects.get(format!("{id}/{name}").as_str()) {
            None => "is not there",
            Some(object) if file["size"] != object.bytes.len() => "has another size",
            Some(object) if file["sha256"] != object.digest.to_string() => "has other bytes",
            Some(object) if !says(name, object.digest) => "has a name that does not say its bytes",
            Some(_) => return None,
        };
        Some(format!("{key} names {name}, which {what}"))
    };
    files(&manifest).filter_map(flaw).collect()
}

/// The data objects that a manifest names.
pub(super) fn files(manifest: &Value) -> impl Iterator<Item = &Value> {
    manifest["assets"].as_array().into_iter().flatten().chain([&manifest["response"]])
}

/// Whether the name has the first digits of the digest before its extension.
fn says(name: &str, digest: Digest) -> bool {
    name.rsplit('.').nth(1).is_some_and(|digits| digits == &digest.to_string()[..32])
}

/// What is wrong with the checksums of `id`.
pub(super) fn sums_flaw(objects: &BTreeMap<&str, &Object>, id: &str) -> Option<String> {
    let manifest: Value = serde_json::from_slice(&objects.get(format!("{id}/manifest.json").as_str())?.bytes).ok()?;
    let Some(sums) = objects.get(format!("{id}/SHA256SUMS").as_str()) else {
        return Some(format!("{id} has no SHA256SUMS"));
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut expected: Vec<String> =
        files(&manifest).map(|file| format!("{}  {}", text(&file["sha256"]), text(&file["file"]))).collect();
    let mut lines: Vec<String> = String::from_utf8_lossy(&sums.bytes).lines().map(str::to_owned).collect();
    expected.sort();
    lines.sort();
    (expected != lines).then(|| format!("{id}/SHA256SUMS holds {lines:?} instead of {expected:?}"))
}

/// What is said in the bucket that should not be.
pub(super) fn secrets(objects: &BTreeMap<&str, &Object>) -> Vec<String> {
    let secrets = [TOKEN, "secret-token", "someone@example.com", SECRET];
    let said = |(key, object): (&&str, &&Object)| {
        // Large ones are a test's own bytes, and would take long.
        let bytes = &object.bytes[..object.bytes.len().min(1 << 20)];
        let holds = |secret: &&str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        secrets.iter().find(|secret| holds(secret)).map(|secret| format!("{key} holds {secret}"))
    };
    objects.iter().filter_map(said).collect()
}

//! What S3 does about a request, in so far as the program asks for it.

use std::collections::BTreeMap;

use element_mirror::digest::Digest;

use super::contents::{Object, Upload, no_such_key, page, refusal};
use super::wire::{Answer, Asked, decoded, element, texts};
use super::{BUCKET, KEY_ID, Op, State};

/// No part but the last one may be smaller.
const LEAST_PART: usize = 5 << 20;

/// What is asked for.
pub(super) fn op(asked: &Asked) -> Option<Op> {
    let has = |name: &str| asked.query.contains_key(name);
    Some(match (asked.method.as_str(), asked.key.is_empty()) {
        ("GET", true) if asked.parameter("list-type") == "2" => Op::List,
        ("POST", true) if has("delete") => Op::Delete,
        (_, true) => return None,
        ("GET", _) => Op::Get,
        ("HEAD", _) => Op::Head,
        ("PUT", _) if has("uploadId") => Op::Part,
        ("PUT", _) if asked.headers.contains_key("x-amz-copy-source") => Op::Copy,
        ("PUT", _) => Op::Put,
        ("POST", _) if has("uploads") => Op::Begin,
        ("POST", _) if has("uploadId") => Op::Complete,
        ("DELETE", _) if has("uploadId") => Op::Abort,
        ("DELETE", _) => Op::Delete,
        _ => return None,
    })
}

/// The keys that a request is about.
pub(super) fn keys(asked: &Asked, op: Op) -> Vec<String> {
    match op {
        Op::List => vec![asked.parameter("prefix").to_owned()],
        Op::Delete if asked.key.is_empty() => texts(&String::from_utf8_lossy(&asked.body), "Key"),
        _ => vec![asked.key.clone()],
    }
}

/// Why nothing is done about a request, whatever it is.
pub(super) fn refused(state: &State, asked: &Asked, op: Op) -> Option<Answer> {
    let authorization = asked.header("authorization");
    let error = |status, code, message| Some(Answer::error(status, code, message));
    if authorization.is_empty() {
        return error(403, "AccessDenied", "Access Denied");
    }
    if !authorization.contains(&format!("Credential={KEY_ID}/")) {
        return error(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.");
    }
    if asked.bucket != BUCKET {
        return error(404, "NoSuchBucket", "The specified bucket does not exist");
    }
    if state.is_read_only && !matches!(op, Op::Get | Op::Head | Op::List) {
        return error(403, "AccessDenied", "Access Denied");
    }
    let claimed = asked.header("x-amz-content-sha256");
    if claimed.len() == 64 && claimed != Digest::of(&asked.body).to_string() {
        return error(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match");
    }
    let is_conditional = ["if-match", "if-none-match"].iter().any(|name| !asked.header(name).is_empty());
    if state.is_unconditional && is_conditional && op == Op::Put {
        let message = "A header you provided implies functionality that is not implemented";
        return error(501, "NotImplemented", message);
    }
    None
}

/// Does what is asked for.
pub(super) fn done(state: &mut State, asked: &Asked, op: Op) -> Answer {
    match op {
        Op::Get | Op::Head => get(state, asked),
        Op::Put => put(state, asked),
        Op::Copy => copy(state, asked),
        Op::Delete => delete(state, asked),
        Op::List => list(state, asked),
        Op::Begin => begin(state, asked),
        Op::Part => part(state, asked),
        Op::Complete => complete(state, asked),
        Op::Abort => match state.uploads.remove(asked.parameter("uploadId")) {
            Some(_) => Answer::new(204, ""),
            None => no_such_upload(),
        },
    }
}

fn get(state: &State, asked: &Asked) -> Answer {
    let Some(object) = state.objects.get(&asked.key) else { return no_such_key() };
    let if_match = asked.header("if-match");
    if !if_match.is_empty() && if_match != object.e_tag {
        return Answer::error(412, "PreconditionFailed", "At least one of the pre-conditions did not hold");
    }
    let size = object.bytes.len();
    let described = |status, bytes: &[u8]| {
        Answer::new(status, bytes)
            .header("etag", &object.e_tag)
            .header("last-modified", object.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            .header("content-type", &object.media_type)
    };
    let Some(range) = asked.header("range").strip_prefix("bytes=") else { return described(200, &object.bytes) };
    let (start, end) = match range.split_once('-').unwrap() {
        ("", last) => (size - last.parse::<usize>().unwrap().min(size), size),
        (start, "") => (start.parse().unwrap(), size),
        (start, last) => (start.parse().unwrap(), (last.parse::<usize>().unwrap() + 1).min(size)),
    };
    if start >= end {
        return Answer::error(416, "InvalidRange", "The requested range is not satisfiable");
    }
    described(206, &object.bytes[start..end]).header("content-range", format!("bytes {start}-{}/{size}", end - 1))
}

fn put(state: &mut State, asked: &Asked) -> Answer {
    let (if_none_match, if_match) = (asked.header("if-none-match"), asked.header("if-match"));
    let refusal = refusal(state.objects.get(&asked.key), if_none_match, if_match);
    if let Some(refusal) = refusal.filter(|_| !state.is_heedless) {
        return refusal;
    }
    let object = Object::new(asked.body.clone(), asked.header("content-type"));
    let answer = Answer::new(200, "").header("etag", &object.e_tag);
    state.objects.insert(asked.key.clone(), object);
    answer
}

fn copy(state: &mut State, asked: &Asked) -> Answer {
    let source = decoded(asked.header("x-amz-copy-source"));
    let source = source.trim_start_matches('/').strip_prefix(&format!("{BUCKET}/")).unwrap_or_default();
    let Some(object) = state.objects.get(source) else { return no_such_key() };
    let copy = Object::new(object.bytes.to_vec(), &object.media_type);
    let told = element("ETag", &copy.e_tag) + &element("LastModified", &copy.modified.to_string());
    state.objects.insert(asked.key.clone(), copy);
    Answer::xml(200, &format!("<CopyObjectResult>{told}</CopyObjectResult>"))
}

fn delete(state: &mut State, asked: &Asked) -> Answer {
    let mut told = String::new();
    for key in keys(asked, Op::Delete) {
        // That it is not there is no error.
        state.objects.remove(&key);
        told.push_str(&format!("<Deleted>{}</Deleted>", element("Key", &key)));
    }
    if asked.key.is_empty() {
        return Answer::xml(200, &format!("<DeleteResult>{told}</DeleteResult>"));
    }
    Answer::new(204, "")
}

fn list(state: &State, asked: &Asked) -> Answer {
    let after = if asked.query.contains_key("continuation-token") { "continuation-token" } else { "start-after" };
    let most = asked.parameter("max-keys").parse().unwrap_or(1000).min(state.page_size);
    let shape = (asked.parameter("prefix"), asked.parameter("delimiter"));
    let page = page(state.objects.keys(), shape, (asked.parameter(after), most));
    let mut told = element("Name", BUCKET) + &element("Prefix", shape.0) + &element("MaxKeys", &most.to_string());
    told += &element("IsTruncated", if page.next.is_some() { "true" } else { "false" });
    for key in &page.keys {
        let object = &state.objects[key];
        let described = element("Key", key)
            + &element("LastModified", &object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string())
            + &element("ETag", &object.e_tag)
            + &element("Size", &object.bytes.len().to_string())
            + &element("StorageClass", "STANDARD");
        told += &format!("<Contents>{described}</Contents>");
    }
    for prefix in &page.prefixes {
        told += &format!("<CommonPrefixes>{}</CommonPrefixes>", element("Prefix", prefix));
    }
    if let Some(next) = &page.next {
        told += &element("NextContinuationToken", next);
    }
    Answer::xml(200, &format!("<ListBucketResult>{told}</ListBucketResult>"))
}

fn no_such_upload() -> Answer {
    Answer::error(404, "NoSuchUpload", "The specified upload does not exist.")
}

fn begin(state: &mut State, asked: &Asked) -> Answer {
    state.begun += 1;
    let upload = format!("upload-{}", state.begun);
    let told = element("Bucket", BUCKET) + &element("Key", &asked.key) + &element("UploadId", &upload);
    let media_type = asked.header("content-type").to_owned();
    state.uploads.insert(upload, Upload { key: asked.key.clone(), media_type, parts: BTreeMap::new() });
    Answer::xml(200, &format!("<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>"))
}

fn part(state: &mut State, asked: &Asked) -> Answer {
    let Some(upload) = state.uploads.get_mut(asked.parameter("uploadId")) else { return no_such_upload() };
    let e_tag = Object::new(asked.body.clone(), "").e_tag;
    let number = asked.parameter("partNumber").parse().unwrap();
    upload.parts.insert(number, (e_tag.clone(), asked.body.clone()));
    Answer::new(200, "").header("etag", e_tag)
}

fn complete(state: &mut State, asked: &Asked) -> Answer {
    let upload_id = asked.parameter("uploadId");
    let Some(upload) = state.uploads.get(upload_id) else { return no_such_upload() };
    let told = String::from_utf8_lossy(&asked.body);
    let named: Vec<(usize, String)> =
        texts(&told, "PartNumber").iter().map(|n| n.parse().unwrap()).zip(texts(&told, "ETag")).collect();
    let mut bytes = Vec::new();
    for (at, (number, e_tag)) in named.iter().enumerate() {
        let Some((_, part)) = upload.parts.get(number).filter(|(is, _)| is == e_tag) else {
            return Answer::error(400, "InvalidPart", "One or more of the specified parts could not be found.");
        };
        if part.len() < LEAST_PART && at + 1 < named.len() {
            return Answer::error(
                400,
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            );
        }
        bytes.extend(part);
    }
    let (if_none_match, if_match) = (asked.header("if-none-match"), asked.header("if-match"));
    if let Some(refusal) = refusal(state.objects.get(&upload.key), if_none_match, if_match) {
        return refusal;
    }
    let mut object = Object::new(bytes, &upload.media_type);
    // So S3 marks what came in parts.
    object.e_tag = format!("{}-{}\"", object.e_tag.trim_end_matches('"'), named.len());
    let told = element("Bucket", BUCKET) + &element("Key", &upload.key) + &element("ETag", &object.e_tag);
    let key = upload.key.clone();
    state.uploads.remove(upload_id);
    state.objects.insert(key, object);
    Answer::xml(200, &format!("<CompleteMultipartUploadResult>{told}</CompleteMultipartUploadResult>"))
}

/// The same answer, one byte of its body being another.
pub(super) fn flipped(mut answer: Answer) -> Answer {
    let middle = answer.body.len() / 2;
    if let Some(byte) = answer.body.get_mut(middle) {
        *byte ^= 1;
    }
    answer
}

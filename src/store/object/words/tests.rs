use std::sync::Arc;

use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::store::object::scripted::{Scripted, client, settings};

const SECRET: &str = "wJalrXUtnFEMI";

/// The client of each store for a server at `url`.
async fn at(scheme: &str, url: &str) -> Arc<dyn ObjectStore> {
    let connection = format!("BlobEndpoint={url}/acc;AccountName=acc;SharedAccessSignature=sv=1&sig={SECRET}");
    let environment = [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("STORAGE_EMULATOR_HOST", url),
        ("AZURE_STORAGE_CONNECTION_STRING", connection.as_str()),
    ];
    client(&format!("{scheme}://bucket"), &settings(), &environment).await.unwrap()
}

/// What a GET comes to that is answered so.
async fn refused(scheme: &str, status: u16, body: &str) -> Error {
    let server = Scripted::start(&[(status, body)]).await;
    at(scheme, &server.url).await.get(&Path::from("u_1/manifest.json")).await.unwrap_err()
}

/// What a put comes to that is answered so.
async fn unput(mode: PutMode, status: u16, body: &str) -> Error {
    let server = Scripted::start(&[(status, body)]).await;
    let store = at("s3", &server.url).await;
    store.put_opts(&Path::from("u_1/manifest.json"), "{}".into(), mode.into()).await.unwrap_err()
}

fn xml(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}

#[tokio::test]
async fn a_stores_own_words_are_told() {
    let aws = "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature we calculated &amp; yours differ.\
               </Message><AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>AWS4</StringToSign></Error>";
    let azure = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthorizationFailure</Code><Message>\
                 This request is not authorized.\nRequestId:1\nTime:2026-11-28T00:00:00Z</Message></Error>";
    let google = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code><Message>Access denied.\
                  </Message><Details>Anonymous caller does not have storage.objects.get access.</Details></Error>";
    for (scheme, status, body, words) in [
        ("s3", 403, aws, "SignatureDoesNotMatch: The signature we calculated & yours differ."),
        ("az", 403, azure, "AuthorizationFailure: This request is not authorized."),
        ("gs", 403, google, "AccessDenied: Access denied.: Anonymous caller does not have storage.objects.get access."),
        ("s3", 400, "<Error><Code>Odd</Code></Error>", "Odd (400 Bad Request)"),
        ("gs", 400, r#"{"error":{"code":400,"message":"no"}}"#, "400: no"),
        ("s3", 400, r#"{"error":"invalid_grant","error_description":"Bad"}"#, "invalid_grant: Bad"),
        ("s3", 418, "a\u{1b}[31m\nteapot", "418 I'm a teapot: a [31m teapot"),
        ("s3", 502, "<html><body>Bad gateway</body></html>", "502 Bad Gateway"),
        (
            "s3",
            404,
            "<!DOCTYPE HTML>\n<html><body>File not found</body></html>",
            "404 Not Found, with a web page: is it really an object store that answers there?",
        ),
        ("s3", 503, "", "503 Service Unavailable"),
        ("s3", 301, "", "Received redirect without LOCATION, this normally indicates an incorrectly configured region"),
    ] {
        let error = refused(scheme, status, body).await;
        let failure = failure("get u_1/manifest.json", &error);
        assert_eq!(failure.message, format!("get u_1/manifest.json: {words}"), "{error}");
        assert_eq!(failure.kind, ErrorKind::Io);
    }
}

#[tokio::test]
async fn a_missing_object_is_told_from_a_missing_bucket() {
    for (scheme, object, bucket) in [
        ("s3", "NoSuchKey", "NoSuchBucket"),
        ("gs", "NoSuchKey", "NoSuchBucket"),
        ("az", "BlobNotFound", "ContainerNotFound"),
    ] {
        assert!(is_not_found(&refused(scheme, 404, &xml(object, "The specified key does not exist.")).await));
        let error = refused(scheme, 404, &xml(bucket, "The specified bucket does not exist")).await;
        assert!(!is_not_found(&error), "{error}");
        let words = run_error("open s3://bucket", &error).to_string();
        assert_eq!(words, format!("open s3://bucket: {bucket}: The specified bucket does not exist"));
    }
    assert!(is_not_found(&refused("s3", 404, "").await));
    assert!(!is_not_found(&refused("s3", 403, "").await));
}

#[tokio::test]
async fn a_list_of_a_missing_bucket_tells_so() {
    let body = xml("NoSuchBucket", "The specified bucket does not exist");
    let server = Scripted::start(&[(404, &body)]).await;
    let error = at("s3", &server.url).await.list(None).next().await.unwrap().unwrap_err();
    assert_eq!(words(&error), "NoSuchBucket: The specified bucket does not exist");
}

#[tokio::test]
async fn another_that_was_first_is_told_from_a_refusal() {
    let update = || PutMode::Update(object_store::UpdateVersion { e_tag: Some("\"1\"".to_owned()), version: None });
    for (mode, status, code) in [
        (PutMode::Create, 412, "PreconditionFailed"),
        (PutMode::Create, 409, "ConditionalRequestConflict"),
        (update(), 412, "PreconditionFailed"),
        (update(), 409, "ConditionalRequestConflict"),
        (update(), 404, "NoSuchKey"),
    ] {
        let error = unput(mode, status, &xml(code, "At least one condition did not hold")).await;
        assert!(is_conflict(&error) && !is_unsupported(&error), "{status}: {error}");
        assert_eq!(words(&error), format!("{code}: At least one condition did not hold"));
    }
    for (mode, status, code) in [
        (PutMode::Create, 403, "AccessDenied"),
        (update(), 404, "NoSuchBucket"),
        (PutMode::Create, 501, "NotImplemented"),
    ] {
        let error = unput(mode, status, &xml(code, "No")).await;
        assert!(!is_conflict(&error), "{error}");
        assert_eq!(is_unsupported(&error), status == 501);
    }
}

#[tokio::test]
async fn a_success_whose_body_is_an_error_is_one() {
    let server = Scripted::start(&[(200, &xml("InternalError", "We encountered an internal error."))]).await;
    let (from, to) = (Path::from("a"), Path::from("b"));
    let error = at("s3", &server.url).await.copy(&from, &to).await.unwrap_err();
    assert_eq!(words(&error), "InternalError: We encountered an internal error.");
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_by_its_cause() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    for scheme in ["s3", "gs", "az"] {
        let error = at(scheme, &url).await.get(&Path::from("a")).await.unwrap_err();
        let said = words(&error);
        assert!(said.contains("Connection refused"), "{said}");
        assert!(!said.contains("sending request") && !said.contains(SECRET), "{said}");
    }
    let hasty = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", hasty.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = hasty.accept().await {
            let mut head = [0; 64];
            peer.read_exact(&mut head).await.unwrap();
            peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        }
    });
    let error = at("s3", &url).await.get(&Path::from("a")).await.unwrap().bytes().await.unwrap_err();
    let said = words(&error);
    assert!(!said.is_empty() && !said.contains("http://") && !said.contains("Generic"), "{said}");
}

#[test]
fn secrets_are_not_repeated() {
    for (text, clean) in [
        ("get https://b.s3/x?X-Amz-Signature=1 failed", "get https://b.s3/x?… failed"),
        ("(https://user:word@host/x)", "(https://host/x)"),
        ("to https://host/a@b now", "to https://host/a@b now"),
        ("query sv=1&sig=abc", "query sv=1&…"),
        ("AccountName=a;AccountKey=abc", "AccountName=a;…"),
        ("is the design=good?", "is the design=good?"),
    ] {
        assert_eq!(without_secrets(text), clean);
    }
}

#[tokio::test]
async fn what_is_cut_off_by_a_runs_end_is_interrupted() {
    let task = tokio::spawn(std::future::pending::<()>());
    task.abort();
    let error = Error::from(task.await.unwrap_err());
    assert_eq!(failure("put a", &error).kind, ErrorKind::Interrupted);
}

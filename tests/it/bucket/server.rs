//! The scripted server does what S3 does, by the word of a client that others wrote.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, MultipartUpload as _, ObjectStore as _, ObjectStoreExt as _, PutMode,
    PutPayload, RetryConfig, UpdateVersion,
};

use crate::support::{Bucket, Fault, Op};

fn client_of(bucket: &Bucket, retries: usize) -> AmazonS3 {
    builder(bucket, retries).build().unwrap()
}

fn builder(bucket: &Bucket, retries: usize) -> AmazonS3Builder {
    let url = bucket.url();
    let name = url.trim_start_matches("s3://").split('/').next().unwrap();
    let wait = Duration::from_millis(1);
    AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_endpoint(bucket.endpoint())
        .with_access_key_id("AKIDOFTESTS")
        .with_secret_access_key("whatever")
        .with_client_options(ClientOptions::new().with_allow_http(true).with_read_timeout(Duration::from_millis(500)))
        .with_retry(RetryConfig {
            max_retries: retries,
            backoff: BackoffConfig { init_backoff: wait, max_backoff: wait, base: 2. },
            retry_timeout: Duration::from_secs(60),
        })
}

fn at(key: &str) -> Path {
    Path::parse(format!("some/where/{key}")).unwrap()
}

async fn keys(client: &AmazonS3, prefix: &str) -> Vec<String> {
    let listed = client.list(Some(&Path::parse(prefix).unwrap())).map_ok(|meta| meta.location.to_string());
    let mut keys: Vec<String> = listed.try_collect().await.unwrap();
    keys.sort();
    keys
}

#[tokio::test]
async fn an_object_is_put_read_copied_and_removed() {
    let bucket = Bucket::start();
    let client = client_of(&bucket, 0);
    let put = client.put(&at("a b/ü.txt"), "some words".into()).await.unwrap();
    let got = client.get(&at("a b/ü.txt")).await.unwrap();
    assert_eq!((&got.meta.e_tag, got.meta.size), (&put.e_tag, 10));
    assert!(got.meta.last_modified.timestamp() > 1_700_000_000);
    assert_eq!(got.bytes().await.unwrap(), "some words");
    assert_eq!(client.get_range(&at("a b/ü.txt"), 5..9).await.unwrap(), "word");
    assert_eq!(client.head(&at("a b/ü.txt")).await.unwrap().size, 10);
    client.copy(&at("a b/ü.txt"), &at("copy")).await.unwrap();
    assert_eq!(bucket.read("copy"), b"some words");
    client.delete(&at("copy")).await.unwrap();
    assert_eq!(bucket.keys(), ["a b/ü.txt"]);
    assert!(matches!(client.get(&at("copy")).await, Err(Error::NotFound { .. })));
    assert!(matches!(client.head(&at("copy")).await, Err(Error::NotFound { .. })));
    let log: Vec<String> = bucket.log().iter().map(|seen| format!("{} {}", seen.op, seen.key)).collect();
    assert_eq!(log[0], "PUT a b/ü.txt");
    assert_eq!(log[4..], ["COPY copy", "DELETE copy", "GET copy", "HEAD copy"]);
}

#[tokio::test]
async fn an_object_is_put_on_conditions() {
    let bucket = Bucket::start();
    let client = client_of(&bucket, 0);
    let put = async |mode: PutMode| client.put_opts(&at("x"), PutPayload::from_static(b"y"), mode.into()).await;
    let update = |e_tag: &Option<String>| PutMode::Update(UpdateVersion { e_tag: e_tag.clone(), version: None });
    let stale = Some("\"stale\"".to_owned());
    assert!(matches!(put(update(&stale)).await, Err(Error::Precondition { .. })));
    let first = put(PutMode::Create).await.unwrap();
    assert!(matches!(put(PutMode::Create).await, Err(Error::AlreadyExists { .. })));
    assert!(matches!(put(update(&stale)).await, Err(Error::Precondition { .. })));
    put(update(&first.e_tag)).await.unwrap();
    let said: Vec<String> = bucket.log().iter().map(ToString::to_string).collect();
    assert_eq!(said[1], "PUT      x If-None-Match: * → 200");
    assert_eq!(said[2], "PUT      x If-None-Match: * → 412");
    bucket.unconditional();
    assert!(put(PutMode::Create).await.unwrap_err().to_string().contains("NotImplemented"));
}

#[tokio::test]
async fn a_large_object_goes_up_in_parts_or_not_at_all() {
    let bucket = Bucket::start();
    let client = client_of(&bucket, 0);
    let part = |byte: u8, size: usize| PutPayload::from(vec![byte; size]);
    let mut upload = client.put_multipart(&at("large")).await.unwrap();
    upload.put_part(part(1, 5 << 20)).await.unwrap();
    upload.put_part(part(2, 7)).await.unwrap();
    assert_eq!((bucket.open_uploads(), bucket.has("large")), (vec!["large".to_owned()], false));
    upload.complete().await.unwrap();
    assert_eq!((bucket.open_uploads(), bucket.read("large").len()), (Vec::new(), (5 << 20) + 7));
    assert!(bucket.object("large").e_tag.ends_with("-2\""));

    let mut upload = client.put_multipart(&at("small parts")).await.unwrap();
    upload.put_part(part(1, 5)).await.unwrap();
    upload.put_part(part(2, 5)).await.unwrap();
    assert!(upload.complete().await.unwrap_err().to_string().contains("EntityTooSmall"));
    upload.abort().await.unwrap();
    assert_eq!((bucket.open_uploads(), bucket.has("small parts")), (Vec::new(), false));
    let operations: Vec<String> = bucket.seen(Op::Abort, "*").iter().map(ToString::to_string).collect();
    assert_eq!(operations, ["ABORT    small parts upload-2 → 204"]);
}

#[tokio::test]
async fn a_listing_comes_in_pages() {
    for page_size in [1, 2, 3, 1000] {
        let bucket = Bucket::start();
        bucket.page_size(page_size);
        let all = ["a/1", "a/2", "a/b/3", "a/c/4", "a/c/5", "a/d", "ab"];
        for key in all {
            bucket.put(key, "bytes");
        }
        let client = client_of(&bucket, 0);
        assert_eq!(keys(&client, "some/where").await.len(), all.len());
        assert_eq!(keys(&client, "some/where/a").await.len(), all.len() - 1);
        let listed = client.list_with_delimiter(Some(&at("a"))).await.unwrap();
        let names = |paths: &[Path]| paths.iter().map(|path| path.filename().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&listed.common_prefixes), ["b", "c"]);
        assert_eq!(names(&listed.objects.into_iter().map(|meta| meta.location).collect::<Vec<_>>()), ["1", "2", "d"]);
    }
}

#[tokio::test]
async fn times_can_be_set_back() {
    let bucket = Bucket::start();
    let client = client_of(&bucket, 0);
    bucket.put("old", "bytes");
    bucket.put("new", "bytes");
    bucket.age("ol*", Duration::from_secs(25 * 3600));
    let age = async |key: &str| {
        let got = client.head(&at(key)).await.unwrap().last_modified.timestamp();
        let listed = client.list(Some(&at(""))).filter(|meta| {
            let is_meant = meta.as_ref().unwrap().location == at(key);
            async move { is_meant }
        });
        let listed = listed.map(Result::unwrap).collect::<Vec<_>>().await[0].last_modified.timestamp();
        assert_eq!(got, listed);
        jiff::Timestamp::now().as_second() - got
    };
    assert!(age("old").await >= 25 * 3600 && age("new").await < 3600);
}

#[tokio::test]
async fn who_has_no_right_or_no_bucket_is_told_in_the_words_of_s3() {
    let bucket = Bucket::start();
    let said = async |builder: AmazonS3Builder| {
        let client = builder.build().unwrap();
        client.get(&at("x")).await.unwrap_err().to_string()
    };
    let words = "InvalidAccessKeyId</Code><Message>The AWS Access Key Id you provided does not exist";
    assert!(said(builder(&bucket, 0).with_access_key_id("AKIDOFNOBODY")).await.contains(words));
    assert!(said(builder(&bucket, 0).with_skip_signature(true)).await.contains("AccessDenied"));
    assert!(said(builder(&bucket, 0).with_bucket_name("another")).await.contains("NoSuchBucket"));
    bucket.put("x", "bytes");
    bucket.read_only();
    let client = client_of(&bucket, 0);
    assert!(matches!(client.put(&at("x"), "y".into()).await, Err(Error::PermissionDenied { .. })));
    assert!(matches!(client.delete(&at("x")).await, Err(Error::PermissionDenied { .. })));
    assert_eq!(client.get(&at("x")).await.unwrap().bytes().await.unwrap(), "bytes");
}

#[tokio::test]
async fn faults_happen_to_the_requests_that_they_are_meant_for() {
    let bucket = Bucket::start();
    let client = client_of(&bucket, 0);
    bucket.on(Op::Put, "u_*/m", [Fault::none(), Fault::broken()]);
    client.put(&at("u_1/m"), "1".into()).await.unwrap();
    client.put(&at("u_1/other"), "1".into()).await.unwrap();
    assert!(client.put(&at("u_2/m"), "1".into()).await.unwrap_err().to_string().contains("InternalError"));
    client.put(&at("u_3/m"), "1".into()).await.unwrap();
    assert!(!bucket.has("u_2/m"));
    bucket.always(Op::Put, "*", Fault::error(503, "SlowDown"));
    for _ in 0..2 {
        assert!(client.put(&at("x"), "1".into()).await.unwrap_err().to_string().contains("503"));
    }
    bucket.mend();
    client.put(&at("x"), "1".into()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_gets_no_answer_may_have_been_applied() {
    for fault in [Fault::closed(), Fault::reset(), Fault::early_reset(), Fault::stalled(), Fault::broken()] {
        for is_applied in [false, true] {
            if is_applied && fault.is_early {
                continue;
            }
            let bucket = Bucket::start();
            let fault = if is_applied { fault.clone().applied() } else { fault.clone() };
            bucket.on(Op::Put, "x", [fault]);
            let put = client_of(&bucket, 0).put(&at("x"), vec![7; 3 << 20].into()).await;
            assert!(put.is_err());
            assert_eq!(bucket.has("x"), is_applied);
            let again = client_of(&bucket, 1).put(&at("x"), "bytes".into()).await;
            assert_eq!((again.is_ok(), bucket.read("x")), (true, b"bytes".to_vec()));
        }
    }
}

#[tokio::test]
async fn a_body_is_cut_or_flipped() {
    let bucket = Bucket::start();
    bucket.put("x", "some words");
    bucket.on(Op::Get, "x", [Fault::cut_at(4), Fault::cut_at(4), Fault::none(), Fault::flipped()]);
    let get = async |retries| client_of(&bucket, retries).get(&at("x")).await.unwrap().bytes().await;
    assert!(get(0).await.is_err());
    assert_eq!(get(1).await.unwrap(), "some words");
    let ranges: Vec<_> =
        bucket.log().into_iter().map(|seen| (seen.headers.get("range").cloned(), seen.status)).collect();
    assert_eq!(ranges, [(None, Some(200)), (None, Some(200)), (Some("bytes=4-9".to_owned()), Some(206))]);
    assert_eq!(get(0).await.unwrap().len(), 10);
    assert_eq!(get(0).await.unwrap(), "some words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_held_until_the_test_has_done_what_it_wants() {
    let bucket = Bucket::start();
    let objects = bucket.objects();
    let held = bucket.hold(Op::Put, "x");
    let client = client_of(&bucket, 0);
    let put = tokio::spawn(async move { client.put_opts(&at("x"), "1".into(), PutMode::Create.into()).await });
    held.wait();
    assert!(!bucket.has("x"));
    bucket.put("x", "of another");
    held.release();
    assert!(matches!(put.await.unwrap(), Err(Error::AlreadyExists { .. })));
    bucket.on(Op::Get, "x", [Fault::none().meanwhile(move || objects.put("x", "of a third"))]);
    let client = client_of(&bucket, 0);
    assert_eq!(client.get(&at("x")).await.unwrap().bytes().await.unwrap(), "of a third");
    bucket.wait_for(Op::Get, "x", 1);
}

#[tokio::test]
#[should_panic(expected = "names cover.1.png, which is not there")]
async fn a_request_that_leaves_a_manifest_of_what_is_not_there_is_noticed() {
    let bucket = Bucket::start();
    let manifest = r#"{"assets": [{"file": "cover.1.png"}], "response": {}}"#;
    client_of(&bucket, 0).put(&at("u_1/manifest.json"), manifest.into()).await.unwrap();
}

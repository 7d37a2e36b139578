use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::endpoint::Endpoint;
use super::*;
use crate::store::object::scripted::{Scripted, client, settings};

/// Looks variables up in a list.
fn among<'a>(list: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + Sync + 'a {
    |name| list.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

/// A server's URL where none is.
async fn nowhere() -> String {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", closed.local_addr().unwrap())
}

/// The client of S3 for a server at `url`.
async fn s3(url: &str, settings: &HttpOptions) -> Arc<dyn ObjectStore> {
    let environment = [("AWS_ENDPOINT_URL", url), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    client("s3://b", settings, &environment).await.unwrap()
}

async fn refusal(url: &str, environment: &[(&str, &str)]) -> String {
    let error = client(url, &settings(), environment).await.err().unwrap();
    assert_eq!(error.exit_code(), 1, "{error}");
    error.to_string()
}

#[tokio::test]
async fn s3_is_asked_in_path_style_with_a_signature() {
    let server = Scripted::start(&[(200, "{}"), (200, "")]).await;
    let environment = [
        ("AWS_ENDPOINT_URL_S3", server.url.as_str()),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "AKIAKEY\n"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ];
    let store = client("s3://bucket/p", &settings(), &environment).await.unwrap();
    assert_eq!(store.get(&Path::from("p/u_1/a b")).await.unwrap().bytes().await.unwrap(), "{}");
    store.put_opts(&Path::from("p/x"), "y".into(), PutMode::Create.into()).await.unwrap();
    let [get, put] = server.asked().try_into().unwrap();
    assert_eq!((get.line.as_str(), put.line.as_str()), ("GET /bucket/p/u_1/a%20b", "PUT /bucket/p/x"));
    let signature = get.headers["authorization"].to_str().unwrap();
    assert!(signature.contains("Credential=AKIAKEY/") && signature.contains("/eu-west-1/s3/"), "{signature}");
    assert_eq!(get.headers["user-agent"], "element-mirror/test");
    assert!(!get.headers.contains_key("x-amz-security-token"));
    assert_eq!(put.headers["if-none-match"], "*");
}

#[tokio::test]
async fn the_region_is_us_east_1_where_none_is_named() {
    for (region, is) in [(None, "us-east-1"), (Some("r-1"), "r-1")] {
        let server = Scripted::start(&[(200, "")]).await;
        let mut environment = vec![("AWS_ENDPOINT_URL", server.url.as_str())];
        environment.extend([("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")]);
        environment.extend(region.map(|region| ("AWS_REGION", region)));
        environment.push(("AWS_DEFAULT_REGION", if region.is_some() { "another" } else { "" }));
        client("s3://b", &settings(), &environment).await.unwrap().get(&Path::from("x")).await.unwrap();
        let headers = &server.asked()[0].headers;
        assert!(headers["authorization"].to_str().unwrap().contains(&format!("/{is}/s3/")));
        assert_eq!(headers["x-amz-security-token"], "t");
    }
}

#[tokio::test]
async fn nothing_is_signed_where_no_signature_is_wanted() {
    let server = Scripted::start(&[(200, "")]).await;
    let environment = [("AWS_ENDPOINT_URL", server.url.as_str()), ("AWS_SKIP_SIGNATURE", "true")];
    client("s3://b", &settings(), &environment).await.unwrap().get(&Path::from("x")).await.unwrap();
    assert!(!server.asked()[0].headers.contains_key("authorization"));
}

#[test]
fn where_credentials_come_from_is_this_table() {
    use aws::Credentials::{Anonymous, Container, Instance, Static, WebIdentity};
    for (list, is) in [
        (&[][..], Some(Instance)),
        (&[("AWS_SKIP_SIGNATURE", "true")], Some(Anonymous)),
        (&[("AWS_SKIP_SIGNATURE", "false")], Some(Instance)),
        (&[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")], Some(Static)),
        (&[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", " ")], None),
        (&[("AWS_SECRET_ACCESS_KEY", "s")], None),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/f"), ("AWS_ROLE_ARN", "arn")], Some(WebIdentity)),
        (&[("AWS_ROLE_ARN", "arn")], Some(Instance)),
        (&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")], Some(Container)),
        (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x")], None),
        (&[("AWS_EC2_METADATA_DISABLED", "TRUE")], None),
    ] {
        let among = among(list);
        assert_eq!(aws::credentials(Variables(&among)).ok(), is, "{list:?}");
    }
    assert_eq!(aws::table().len(), 24, "a name that the client does not know");
}

#[test]
fn what_azures_variables_come_to_is_this_table() {
    use azure::Credentials::{Exchanged, Given, Instance};
    let account = ("AZURE_STORAGE_ACCOUNT", "acc");
    for (list, is) in [
        (&[account][..], Some((Instance, None))),
        (&[account, ("AZURE_STORAGE_KEY", "a2V5")], Some((Given, None))),
        (&[account, ("AZURE_STORAGE_SAS_TOKEN", "sig=a"), ("AZURE_CLIENT_ID", "i")], Some((Given, None))),
        (&[account, ("AZURE_CLIENT_ID", "i")], Some((Instance, None))),
        (
            &[account, ("AZURE_CLIENT_ID", "i"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_SECRET", "s")],
            Some((Exchanged, None)),
        ),
        (&[("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true")], Some((Given, None))),
        (
            &[account, ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=a2V5")],
            Some((Given, Some("https://other.blob.core.windows.net"))),
        ),
        (&[("AZURE_STORAGE_CONNECTION_STRING", "nonsense")], None),
        (&[("AZURE_STORAGE_KEY", "a2V5")], None),
        (
            &[("AZURE_STORAGE_SERVICE_ENDPOINT", "https://acc.blob.core.windows.net/"), ("AZURE_STORAGE_KEY", "a2V5")],
            Some((Given, Some("https://acc.blob.core.windows.net"))),
        ),
    ] {
        let among = among(list);
        let plan = azure::plan(Variables(&among)).ok();
        let said = plan.as_ref().map(|plan| (plan.credentials, plan.endpoint.as_ref().map(|it| it.url.as_str())));
        assert_eq!(said, is, "{list:?}");
    }
}

#[tokio::test]
async fn azure_is_asked_at_the_connection_strings_endpoint() {
    let key = "c2VjcmV0";
    for (credentials, signs) in
        [(format!("AccountKey={key}"), true), ("SharedAccessSignature=?sv=1&sig=a%2Bb".into(), false)]
    {
        let server = Scripted::start(&[(200, "{}")]).await;
        let text = format!("AccountName=acc;BlobEndpoint={}/acc/;{credentials}", server.url);
        // An identity of the machine's owner, which is meant for others.
        let mut environment = vec![("AZURE_STORAGE_CONNECTION_STRING", text.as_str())];
        environment.extend([("AZURE_CLIENT_ID", "i"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_SECRET", "s")]);
        let store = client("az://box/p", &settings(), &environment).await.unwrap();
        // Its replies lack what Azure's have; that it was asked is all.
        let _ = store.get(&Path::from("p/x")).await;
        let [get] = server.asked().try_into().unwrap();
        let line = if signs { "GET /acc/box/p/x" } else { "GET /acc/box/p/x?sv=1&sig=a%2Bb" };
        assert_eq!(get.line, line);
        let signature = get.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(signature.is_some_and(|value| value.starts_with("SharedKey acc:")), signs);
    }
}

#[tokio::test]
async fn googles_emulator_is_asked_without_credentials() {
    let server = Scripted::start(&[(200, "{}"), (200, "")]).await;
    let host = server.url.trim_start_matches("http://");
    for value in [host.to_owned(), format!("{}/storage/v1/", server.url)] {
        let environment = [("STORAGE_EMULATOR_HOST", value.as_str()), ("GOOGLE_APPLICATION_CREDENTIALS", "/none")];
        let store = client("gs://bucket/p", &settings(), &environment).await.unwrap();
        store.put(&Path::from("p/x"), "y".into()).await.unwrap();
    }
    for put in server.asked() {
        assert_eq!(put.line, "PUT /bucket/p%2Fx");
        assert!(put.headers.get("authorization").is_none_or(|value| value == "Bearer"), "{put:?}");
    }
}

#[tokio::test]
async fn missing_credentials_are_told_at_once() {
    let nowhere = nowhere().await;
    let host = nowhere.trim_start_matches("http://");
    let said = refusal("s3://b", &[("AWS_METADATA_ENDPOINT", &nowhere), ("AWS_PROFILE", "dev")]).await;
    for words in ["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "Connection refused", "AWS_PROFILE"] {
        assert!(said.contains(words), "{said}");
    }
    let said = refusal("s3://b", &[("AWS_ACCESS_KEY_ID", "AKIAKEY")]).await;
    assert!(said.contains("AWS_SECRET_ACCESS_KEY") && !said.contains("AKIAKEY"), "{said}");
    let said = refusal("gs://b", &[("GCE_METADATA_HOST", host)]).await;
    assert!(said.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{said}");
    let said = refusal("az://b", &[("AZURE_STORAGE_ACCOUNT", "acc"), ("IDENTITY_ENDPOINT", &nowhere)]).await;
    assert!(said.contains("AZURE_STORAGE_KEY"), "{said}");
    let said = refusal("az://b", &[("AZURE_STORAGE_KEY", "a2V5")]).await;
    assert!(said.contains("AZURE_STORAGE_ACCOUNT") && !said.contains("a2V5"), "{said}");
}

#[tokio::test]
async fn a_metadata_service_that_gives_no_credentials_is_quoted() {
    let server = Scripted::start(&[(200, "token"), (404, "")]).await;
    let said = refusal("s3://b", &[("AWS_METADATA_ENDPOINT", &server.url)]).await;
    assert!(said.contains("the metadata service says: 404 Not Found"), "{said}");
    assert_eq!(server.asked()[0].line, "PUT /latest/api/token");
}

#[tokio::test]
async fn what_can_not_be_sent_is_told_without_its_value() {
    for (name, value) in
        [("AWS_SECRET_ACCESS_KEY", "se\ncret"), ("AWS_SESSION_TOKEN", "sé"), ("AWS_ACCESS_KEY_ID", "k\u{7}")]
    {
        let mut environment = vec![(name, value)];
        environment.extend([("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")]);
        assert_eq!(refusal("s3://b", &environment).await, format!("{name} holds characters that can't be sent"));
    }
    let keys = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_CHECKSUM_ALGORITHM", "md5")];
    assert!(refusal("s3://b", &keys).await.contains("md5"));
    let keys = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_CA_BUNDLE", "/none.pem")];
    assert!(refusal("s3://b", &keys).await.contains("AWS_CA_BUNDLE /none.pem"));
}

#[test]
fn only_this_machine_is_spoken_to_in_clear() {
    let parse = |url: &str, list: &[(&str, &str)]| {
        let among = among(list);
        Endpoint::parse("AWS_ENDPOINT_URL", url, Variables(&among)).map_err(|error| error.to_string())
    };
    for url in ["http://127.0.0.1:9000/", "http://127.9.9.9", "http://[::1]:9000", "http://LOCALHOST:1"] {
        assert!(parse(url, &[]).unwrap().is_plain, "{url}");
    }
    assert!(!parse("https://minio.example:9000", &[]).unwrap().is_plain);
    let said = parse("http://minio.example:9000", &[("AWS_ALLOW_HTTP", "no")]).unwrap_err();
    assert!(
        said.contains("AWS_ENDPOINT_URL is http://minio.example") && said.contains("AWS_ALLOW_HTTP=true"),
        "{said}"
    );
    assert!(parse("http://minio.example:9000", &[("AWS_ALLOW_HTTP", "true")]).unwrap().is_plain);
    for url in ["minio", "ftp://x", "https://user:hunter2@minio", "https://minio/?sig=hunter2", "localhost:9000"] {
        let said = parse(url, &[]).unwrap_err();
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn an_endpoint_in_clear_needs_no_trust_roots_and_follows_the_rule_for_all_stores() {
    let remote = "http://10.1.2.3:9000";
    let keys = [("AWS_ENDPOINT_URL", remote), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    assert!(refusal("s3://b", &keys).await.contains("AWS_ALLOW_HTTP"));
    assert!(refusal("gs://b", &[("STORAGE_EMULATOR_HOST", "10.1.2.3:9000")]).await.contains("AWS_ALLOW_HTTP"));
    let text = format!("AccountName=a;AccountKey=a2V5;BlobEndpoint={remote}");
    assert!(refusal("az://b", &[("AZURE_STORAGE_CONNECTION_STRING", &text)]).await.contains("AWS_ALLOW_HTTP"));
}

#[tokio::test]
async fn passing_failures_of_a_put_are_tried_again_as_often_as_asked() {
    let slow = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    for (retries, comes) in [(3, true), (2, false)] {
        let server = Scripted::start(&[(503, slow), (500, ""), (429, ""), (200, "")]).await;
        let store = s3(&server.url, &HttpOptions { retries, ..settings() }).await;
        assert_eq!(store.put(&Path::from("x"), "y".into()).await.is_ok(), comes);
        assert_eq!(server.asked().len(), retries + 1);
    }
}

/// How a server ends a connection after the request and before a reply.
#[derive(Clone, Copy)]
enum End {
    Close,
    Reset,
    Silence,
}

/// How many tries a put takes, of two, whose server ends each so.
async fn tries(mode: PutMode, end: End) -> usize {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut peer, _)) = server.accept().await {
            counted.fetch_add(1, Relaxed);
            let mut request = Vec::new();
            while !request.ends_with(b"the end") {
                peer.read_buf(&mut request).await.unwrap();
            }
            match end {
                End::Close => {}
                End::Reset => socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap(),
                End::Silence => silent.push(peer),
            }
        }
    });
    let settings = HttpOptions { retries: 1, stall_timeout: Duration::from_millis(100), ..settings() };
    let store = s3(&url, &settings).await;
    store.put_opts(&Path::from("x"), "the end".into(), mode.into()).await.unwrap_err();
    tries.load(Relaxed)
}

#[tokio::test]
async fn a_conditional_put_is_not_sent_again_after_a_reset_or_no_reply_but_after_a_close() {
    for (end, overwrites, creates) in [
        (End::Reset, 2, 1),
        (End::Silence, 2, 1),
        // The client takes it for a request that was not sent; it may be refused because of itself.
        (End::Close, 2, 2),
    ] {
        assert_eq!(tries(PutMode::Overwrite, end).await, overwrites);
        assert_eq!(tries(PutMode::Create, end).await, creates);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_gone_on_with() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut second = Vec::new();
        for reply in [
            "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 9\r\n\r\nhalf",
            "HTTP/1.1 206 Partial Content\r\netag: \"1\"\r\ncontent-range: bytes 4-8/9\r\n\
             content-length: 5\r\n\r\n-done",
        ] {
            let (mut peer, _) = server.accept().await.unwrap();
            second.clear();
            while !second.ends_with(b"\r\n\r\n") {
                peer.read_buf(&mut second).await.unwrap();
            }
            peer.write_all(reply.as_bytes()).await.unwrap();
        }
        String::from_utf8(second).unwrap()
    });
    let store = s3(&url, &HttpOptions { retries: 1, ..settings() }).await;
    assert_eq!(store.get(&Path::from("x")).await.unwrap().bytes().await.unwrap(), "half-done");
    assert!(asked.await.unwrap().contains("range: bytes=4-8"));
}

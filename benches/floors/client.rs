//! The same as storing, by way of the program's own HTTP client and runtime, set up as in `src/http.rs`.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::{CONNECTIONS, Item, sum};

/// As in `src/session.rs`.
const WORKERS: usize = 4;

/// Fetches, hashes and writes all; gives the sums.
pub(crate) fn run(items: Vec<Item>, token: &str) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().unwrap();
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .http1_only()
        .tls_certs_only([])
        .pool_max_idle_per_host(CONNECTIONS)
        .read_timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let authorization = format!("Bearer {token}");
    runtime.block_on(async {
        let (permits, mut tasks) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
        for item in items {
            let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
            let (client, authorization) = (client.clone(), authorization.clone());
            tasks.spawn(async move {
                let line = store(&client, &authorization, &item).await;
                drop(permit);
                line
            });
        }
        tasks.join_all().await.concat()
    })
}

async fn store(client: &Client, authorization: &str, item: &Item) -> String {
    let url = format!("http://{}{}", item.authority, item.path);
    let sent = client.get(url).header("Authorization", authorization).send().await.expect("the server replies");
    let mut reply = sent.error_for_status().expect("the server has it");
    let mut file = File::create(&item.out).expect("a file can be made");
    let (mut hasher, mut size) = (Sha256::new(), 0);
    while let Some(bytes) = reply.chunk().await.expect("the server sends on") {
        hasher.update(&bytes);
        file.write_all(&bytes).expect("a file can be written");
        size += bytes.len() as u64;
    }
    assert_eq!(size, item.size, "{} is not as long as it should be", item.name);
    sum(hasher, &item.name)
}

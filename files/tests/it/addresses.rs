//! Addresses of the clouds, as a browser uses them: without a key.

use std::time::Duration;

use files::{Stored, testing::Cloud};
use http::{HeaderMap, Method};
use url::Url;

use crate::kept::{Kept, bytes, tenant};

const DISPOSITION: &str =
    "attachment; filename=\"gr__e _L_.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%22L%22.csv";
const LASTS: Duration = Duration::from_secs(300);

async fn address(kept: &Kept, stored: &Stored, method: Method) -> Url {
    let given = kept.store.address(&tenant("acme"), &stored.id, (method, DISPOSITION), LASTS).await;
    given.unwrap().unwrap()
}

async fn ask(url: Url, method: Method, range: Option<&str>) -> (u16, HeaderMap, Vec<u8>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap().to_vec())
}

/// The whole file, a part of it and its head alone, all to be saved and not shown.
async fn gives_the_file(kept: &Kept, disposition: &str) {
    let whole = bytes(6_000_000);
    let stored = kept.put("acme", &[&whole]).await;
    let url = address(kept, &stored, Method::GET).await;
    let (status, headers, came) = ask(url.clone(), Method::GET, None).await;
    assert_eq!((status, came.len()), (200, whole.len()));
    assert!(came == whole);
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["content-disposition"], disposition);
    let (status, headers, came) = ask(url, Method::GET, Some("bytes=5000000-5000009")).await;
    assert_eq!((status, came.as_slice()), (206, &whole[5_000_000..5_000_010]));
    assert_eq!(headers["content-range"], "bytes 5000000-5000009/6000000");
    let (status, headers, _) = ask(address(kept, &stored, Method::HEAD).await, Method::HEAD, None).await;
    assert_eq!(status, 200);
    // Azurite says none of a head.
    if let Some(length) = headers.get("content-length") {
        assert_eq!(length, "6000000");
    }
}

#[tokio::test]
async fn an_address_of_s3_gives_the_file_under_its_name() {
    let Some(kept) = Kept::in_cloud(Cloud::S3).await else { return };
    gives_the_file(&kept, DISPOSITION).await;
}

/// The library cannot sign a name there.
#[tokio::test]
async fn an_address_of_azure_gives_the_file_to_be_saved() {
    let Some(kept) = Kept::in_cloud(Cloud::Azure).await else { return };
    gives_the_file(&kept, "attachment").await;
}

#[tokio::test]
async fn an_address_that_somebody_has_changed_opens_nothing() {
    let Some(kept) = Kept::in_cloud(Cloud::Azure).await else { return };
    let ours = kept.put("acme", &[b"ours"]).await;
    let other = kept.put("acme", &[b"other"]).await;
    let url = address(&kept, &ours, Method::GET).await;
    let changed = url.as_str().replace(ours.id.as_str(), other.id.as_str());
    assert_eq!(ask(changed.parse().unwrap(), Method::GET, None).await.0, 403);
}

#[tokio::test]
async fn a_name_is_part_of_what_is_signed() {
    let Some(kept) = Kept::in_cloud(Cloud::S3).await else { return };
    let stored = kept.put("acme", &[b"ours"]).await;
    let url = address(&kept, &stored, Method::GET).await;
    let named = url.query_pairs().find(|(name, _)| name == "response-content-disposition").unwrap().1;
    assert_eq!(named, DISPOSITION);
    let signed =
        |url: &Url| url.query_pairs().find(|(name, _)| name == "X-Amz-Signature").unwrap().1.into_owned();
    let plain = kept.store.address(&tenant("acme"), &stored.id, (Method::GET, "attachment"), LASTS).await;
    assert_ne!(signed(&url), signed(&plain.unwrap().unwrap()));
}

#[tokio::test]
async fn a_folder_has_no_addresses() {
    let kept = Kept::in_folder();
    let stored = kept.put("acme", &[b"ours"]).await;
    let given = kept.store.address(&tenant("acme"), &stored.id, (Method::GET, DISPOSITION), LASTS).await;
    assert!(given.unwrap().is_none());
}

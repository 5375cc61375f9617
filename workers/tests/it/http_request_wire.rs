//! What `http_request` sends, byte for byte, and where redirects take it.

use serde_json::{Value, json};

use crate::{
    raw_server::{Came, RawServer, answer},
    steps::{failed, run, succeeded},
};

/// A server that takes everything.
async fn taking() -> RawServer {
    RawServer::of(answer(204, "", "")).await
}

/// What is sent with these parameters.
async fn sent(server: &RawServer, mut params: Value) -> Came {
    if params.get("url").is_none() {
        params["url"] = server.url().into();
    }
    assert_eq!(succeeded(run(params, json!([{}])).await), json!([{}]));
    server.only()
}

#[tokio::test]
async fn a_request_that_could_have_a_body_says_that_it_has_none() {
    let server = taking().await;
    for (method, length) in [
        ("POST", Some("0")),
        ("PUT", Some("0")),
        ("PATCH", Some("0")),
        ("GET", None),
        ("HEAD", None),
        ("DELETE", None),
        ("OPTIONS", None),
    ] {
        let came = sent(&server, json!({"method": method})).await;
        assert_eq!(came.header("content-length"), length, "{}", came.head);
        assert_eq!((came.header("transfer-encoding"), came.header("content-type")), (None, None));
    }
    let came = sent(&server, json!({"method": "POST", "body": {"text": ""}})).await;
    assert_eq!(came.header("content-length"), Some("0"));
    let came = sent(&server, json!({"method": "DELETE", "body": {"json": null}})).await;
    assert_eq!((came.header("content-length"), came.text().as_str()), (Some("4"), "null"));
}

#[tokio::test]
async fn multipart_is_written_as_browsers_do() {
    let server = taking().await;
    let params = json!({
        "method": "POST", "headers": {"Content-Type": "multipart/form-data"},
        "body": {"multipart": {
            "größe": "x",
            "files": [{"text": "1", "filename": "a\r\nX-Evil: 1"}, {"base64": "Mg==", "filename": "b \"2\".bin"}],
            "left out": null,
        }},
    });
    let came = sent(&server, params.clone()).await;
    let boundary =
        came.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"größe\"\r\n\r\nx\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a%0D%0AX-Evil: 1\"\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n1\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"b %222%22.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n2\r\n--{boundary}--\r\n"
    );
    assert_eq!(came.text(), expected);
    assert_eq!(came.header("content-length"), Some(expected.len().to_string().as_str()));
    // Under the same key the same bytes, as servers that compare them expect.
    assert_eq!(sent(&server, params).await.text(), expected);

    let wrong = json!({
        "method": "POST", "url": server.url(), "headers": {"Content-Type": "application/json"},
        "body": {"multipart": {"a": "x"}},
    });
    let failed = failed(run(wrong, json!([{}])).await);
    assert_eq!(failed.error.code, "invalid_params");
    assert!(failed.error.message.contains("\"application/json\""), "{}", failed.error.message);
    assert!(server.take().is_empty());
}

#[tokio::test]
async fn what_is_decoded_is_asked_for_unless_a_part_is_wanted() {
    let server = taking().await;
    for (headers, accepted) in [
        (json!({}), "gzip, deflate, br, zstd"),
        (json!({"Range": "bytes=0-9"}), "identity"),
        (json!({"Accept-Encoding": "br"}), "br"),
    ] {
        assert_eq!(
            sent(&server, json!({"headers": headers})).await.header("accept-encoding"),
            Some(accepted)
        );
    }
}

#[tokio::test]
async fn credentials_in_the_address_are_sent_as_basic_unless_the_author_sends_others() {
    let server = taking().await;
    let url = |user: &str| format!("http://{user}@{}/p", server.authority());
    for (user, basic) in [
        ("user:pass", "Basic dXNlcjpwYXNz"),
        ("user:p%40ss", "Basic dXNlcjpwQHNz"),
        ("token", "Basic dG9rZW46"),
        (":key", "Basic OmtleQ=="),
        ("us%C3%A9r:ü", "Basic dXPDqXI6w7w="),
    ] {
        let came = sent(&server, json!({"url": url(user)})).await;
        assert_eq!((came.header("authorization"), came.line()), (Some(basic), "GET /p"), "{user}");
    }
    let own = json!({"url": url("user:pass"), "headers": {"Authorization": "Bearer x"}});
    assert_eq!(sent(&server, own).await.header("authorization"), Some("Bearer x"));
}

/// A server that sends on from `/from` with this status and place, and takes everything else.
async fn sending_on(status: u16, location: impl Into<Vec<u8>>) -> RawServer {
    let location = location.into();
    RawServer::start(move |came| {
        if !came.line().ends_with("/from") {
            return answer(204, "", "");
        }
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\nlocation: ");
        [head.as_bytes(), &location, b"\r\n\r\n"].concat()
    })
    .await
}

async fn follow(server: &RawServer, mut params: Value) {
    if params.get("url").is_none() {
        params["url"] = format!("{}/from", server.url()).into();
    }
    assert_eq!(succeeded(run(params, json!([{}])).await), json!([{}]));
}

#[tokio::test]
async fn a_location_that_is_not_escaped_is_followed() {
    for (location, line) in [
        ("/café?q=ü#part".as_bytes(), "GET /caf%C3%A9?q=%C3%BC"),
        (b"/caf\xe9", "GET /caf%E9"),
        (b" ../up and away ", "GET /up%20and%20away"),
    ] {
        let server = sending_on(302, location).await;
        follow(&server, json!({})).await;
        assert_eq!(server.take()[1].line(), line);
    }
}

#[tokio::test]
async fn credentials_survive_a_redirect_to_the_same_origin_and_no_other() {
    let elsewhere = taking().await;
    let own = json!({"Authorization": "Bearer x", "Cookie": "c=1", "X-Api-Key": "k", "X-Plain": "p"});
    for location in ["/to", "to"] {
        let server = sending_on(302, location).await;
        follow(&server, json!({"url": format!("http://user:pass@{}/from", server.authority())})).await;
        assert_eq!(server.take()[1].header("authorization"), Some("Basic dXNlcjpwYXNz"), "{location}");
        follow(&server, json!({"headers": own})).await;
        let came = server.take();
        assert_eq!(
            (came[1].header("authorization"), came[1].header("cookie")),
            (Some("Bearer x"), Some("c=1"))
        );
    }
    // The same origin, written out: its port is known only once it listens.
    let server = RawServer::start(|came| {
        let to = format!("location: http://{}/to\r\n", came.header("host").unwrap());
        if came.line().ends_with("/from") { answer(307, &to, "") } else { answer(204, "", "") }
    })
    .await;
    follow(&server, json!({"url": format!("http://user:pass@{}/from", server.authority())})).await;
    assert_eq!(server.take()[1].header("authorization"), Some("Basic dXNlcjpwYXNz"));

    let server = sending_on(307, format!("{}/to", elsewhere.url())).await;
    follow(&server, json!({"url": format!("http://user:pass@{}/from", server.authority())})).await;
    assert_eq!(elsewhere.only().header("authorization"), None);
    follow(&server, json!({"headers": own})).await;
    let came = elsewhere.only();
    for secret in ["authorization", "cookie", "x-api-key"] {
        assert_eq!(came.header(secret), None, "{}", came.head);
    }
    assert_eq!(came.header("x-plain"), Some("p"));

    let server = sending_on(307, format!("http://other:one@{}/to", elsewhere.authority())).await;
    follow(&server, json!({"headers": own})).await;
    assert_eq!(elsewhere.only().header("authorization"), Some("Basic b3RoZXI6b25l"), "it is meant for it");
}

#[tokio::test]
async fn a_redirect_takes_the_body_along_or_becomes_a_get() {
    let post = json!({"method": "POST", "body": {"json": {"a": 1}}});
    for status in [301, 302, 303] {
        let server = sending_on(status, "/to").await;
        follow(&server, post.clone()).await;
        let came = &server.take()[1];
        assert_eq!((came.line(), came.text().as_str()), ("GET /to", ""), "{status}");
        assert_eq!((came.header("content-type"), came.header("content-length")), (None, None), "{status}");
    }
    for status in [307, 308] {
        let server = sending_on(status, "/to").await;
        follow(&server, post.clone()).await;
        let came = &server.take()[1];
        assert_eq!((came.line(), came.text().as_str()), ("POST /to", "{\"a\":1}"), "{status}");
        assert_eq!(came.header("content-type"), Some("application/json"), "{status}");
    }
}

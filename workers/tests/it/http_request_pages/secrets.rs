//! What further pages are not told.

use super::*;

/// What a server of pages was sent that is secret.
fn secrets_of(came: &Came) -> Vec<&str> {
    ["authorization", "x-api-key", "cookie", "x-any", "x-page"]
        .into_iter()
        .filter(|name| came.header(name).is_some())
        .collect()
}

#[tokio::test]
async fn secrets_stay_with_the_first_pages_origin() {
    let abroad = RawServer::start(|came| {
        let home = asked(came, "home").unwrap();
        ok(&json!({"next": format!("{home}/?page=3"), "page": 2}))
    })
    .await;
    let away = abroad.url().to_owned();
    let home = RawServer::start(move |came| {
        let host = came.header("host").unwrap();
        match number(came, "page") {
            0 => ok(&json!({"next": format!("{away}/?home=http://{host}")})),
            page => ok(&json!({ "page": page })),
        }
    })
    .await;
    let params = json!({
        "url": home.url().replace("http://", "http://bob:hush-hush@"),
        "headers": {"X-Api-Key": "hush-hush-1", "Cookie": "sid=hush-2", "X-Any": "hush-hush-1", "X-Shop": "7"},
        "pagination": {
            "next_url": "{{ $response.body.next }}", "query": {"api_key": "hush-hush-1", "size": 5, "other": "hush-hush-1"},
            "headers": {"X-Page": "hush-hush-1"},
        },
    });
    let found = succeeded(run(params, json!([{}])).await);
    assert_eq!((&found[1]["page"], &found[2]["page"]), (&json!(2), &json!(3)));
    let (second, others) = (abroad.only(), home.take());
    assert_eq!(secrets_of(&second), [""; 0]);
    assert_eq!((second.header("x-shop"), asked(&second, "size").as_deref()), (Some("7"), Some("5")));
    assert_eq!((asked(&second, "api_key"), asked(&second, "other")), (None, None));
    assert!(!second.head.contains("hush"), "{}", second.head);
    assert_eq!(secrets_of(&others[0]), ["authorization", "x-api-key", "cookie", "x-any"]);
    assert_eq!(secrets_of(&others[1]), ["authorization", "x-api-key", "cookie", "x-any", "x-page"]);
    assert_eq!(asked(&others[1], "api_key").as_deref(), Some("hush-hush-1"));
}

#[tokio::test]
async fn a_pages_error_tells_no_secret_of_any_request_before_it() {
    let server = RawServer::start(|came| match number(came, "page") {
        0 => ok(&json!({"next": "/?page=1&token=hush-hush-next"})),
        _ => json_of(
            400,
            "",
            &json!({"sent": format!("{} hush-hush-first hush-hush-next hush-hush-page", came.line())}),
        ),
    })
    .await;
    let params = json!({
        "url": server.url(), "headers": {"Authorization": "Bearer hush-hush-first"},
        "pagination": {"next_url": "{{ $response.body.next }}", "headers": {"X-Secret": "hush-hush-page"}},
    });
    let told = failed(run(params.clone(), json!([{}])).await);
    assert_eq!(told.error.code, "http_status");
    assert!(!format!("{told:?}").contains("hush"), "{told:?}");

    let thrown = "{{ (() => { throw new Error('no ' + $response.headers['x-sent']) })() }}";
    let echo = RawServer::start(|came| {
        json_of(200, &format!("x-sent: {}\r\n", came.header("authorization").unwrap()), &json!({}))
    })
    .await;
    let mut params = params;
    (params["url"], params["pagination"]["next_url"]) = (json!(echo.url()), json!(thrown));
    let told = failed(run(params, json!([{}])).await);
    assert_eq!(told.error.code, "expression");
    assert!(told.error.message.contains("[redacted]") && !format!("{told:?}").contains("hush"), "{told:?}");
}

#[tokio::test]
async fn what_comes_from_the_environment_is_not_kept_with_the_pages() {
    let mut settings = crate::steps::settings();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    settings.env.insert("SHOP_KEY".into(), "hush-hush-of-the-operator".into());
    let runner = workers::runner::Runner::new(settings, Arc::new(minireipaz::clock::SystemClock)).unwrap();
    let server = RawServer::start(|came| match number(came, "page") {
        2 => json_of(503, "", &json!({})),
        page => ok(&json!({ "page": page })),
    })
    .await;
    let pagination =
        json!({"query": {"page": "{{ $pageCount }}"}, "headers": {"X-Any": "{{ $env.SHOP_KEY }}"}});
    let failed = failed(runner.run(call(paged(server.url(), pagination), json!({}), json!([{}]))).await);
    assert_eq!(server.take()[1].header("x-any"), Some("hush-hush-of-the-operator"));
    let kept = failed.partial.unwrap();
    assert_eq!(kept["pages"]["0"]["pages"], 2);
    assert!(!kept.to_string().contains("hush"), "{kept}");
}

//! `http_request` and answers that come in pages: how the next one is asked for, which is the last, what an attempt
//! keeps of them.

use std::sync::Arc;

use domain::retry::Failure;
use serde_json::{Value, json};
use workers::{engine::StepFailure, runner::Attempt};

use crate::{
    app::{Answer, App, Task, call_workflow, step},
    raw_server::{Came, RawServer, Reply, answer},
    steps::{failed, node_attempt, run, runner, succeeded},
};

/// What a page answers.
fn ok(body: &Value) -> Vec<u8> {
    json_of(200, "", body)
}

fn json_of(status: u16, headers: &str, body: &Value) -> Vec<u8> {
    answer(status, &format!("content-type: application/json\r\n{headers}"), body.to_string())
}

/// The value of a parameter of the request's query.
fn asked(came: &Came, name: &str) -> Option<String> {
    let target = came.line().split_once(' ').unwrap().1;
    let url = url::Url::parse(&format!("http://a{target}")).unwrap();
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

fn number(came: &Came, name: &str) -> usize {
    asked(came, name).map_or(0, |text| text.parse().unwrap())
}

/// What was asked for, as paths with their queries.
fn targets(server: &RawServer) -> Vec<String> {
    server.take().iter().map(|came| came.line().split_once(' ').unwrap().1.to_owned()).collect()
}

fn paged(url: &str, pagination: Value) -> Value {
    json!({ "url": url, "pagination": pagination })
}

fn call(params: Value, data: Value, items: Value) -> Attempt {
    let mut data = data;
    data["params"] = params;
    node_attempt(json!({"id": "call", "type": "http_request", "data": data}), items)
}

/// The step of one item fails with this error.
async fn fails(params: Value, code: &str, said: &str) -> StepFailure {
    let failed = failed(runner().run(call(params, json!({"timeout": "5m"}), json!([{}]))).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), (code, Failure::Permanent), "{failed:?}");
    assert!(failed.error.message.contains(said), "{}", failed.error.message);
    failed
}

/// A list of numbers, three a page, in every way in which servers tell of the next page.
async fn list(total: usize) -> RawServer {
    RawServer::start(move |came| {
        let body: Value = serde_json::from_slice(&came.body).unwrap_or_default();
        let from = match came.line() {
            line if line.contains("/by-page") => number(came, "page").saturating_sub(1) * 3,
            line if line.contains("/graphql") => body["variables"]["after"].as_u64().unwrap_or(0) as usize,
            line if line.contains("/header") => came.header("x-from").map_or(0, |from| from.parse().unwrap()),
            line if line.contains("/form") => {
                came.text().split_once("from=").map_or(0, |(_, from)| from.parse().unwrap())
            }
            _ => number(came, "from"),
        };
        let to = (from + 3).min(total);
        let rows: Vec<_> = (from..to.max(from)).map(|n| json!({ "n": n })).collect();
        let more = to < total;
        let next = format!("/list?from={to}");
        let link = if more { format!("link: <{next}>; rel=\"next\"\r\n") } else { String::new() };
        let line = came.line();
        if line.contains("/link") || line.contains("/bare") || line.contains("/by-page") {
            if line.contains("strict") && from >= total {
                // Not what it is said to be: nobody reads it.
                return answer(404, "content-type: application/json\r\n", "<no such page>");
            }
            return json_of(200, &link.replace("/list", "/link"), &json!(rows));
        }
        if line.contains("/graphql") {
            return ok(&json!({"data": {"list": {"rows": rows, "page": {"more": more, "end": to}}}}));
        }
        let cursor = if more { json!(to) } else { json!("") };
        let next = if more { json!(next) } else { Value::Null };
        json_of(
            200,
            &format!("x-next: {}\r\n", if more { to.to_string() } else { String::new() }),
            &json!({"rows": rows, "next": next, "cursor": cursor, "total": total}),
        )
    })
    .await
}

#[tokio::test]
async fn every_way_to_tell_of_the_next_page_is_followed_to_the_last() {
    let server = list(8).await;
    let post = |path: &str, body: Value| json!({"method": "POST", "url": format!("{}{path}", server.url()), "body": body});
    let get = |path: &str| json!({ "url": format!("{}{path}", server.url()) });
    let cases = [
        (get("/list"), json!({"next_url": "{{ $response.body.next }}"}), 3),
        (
            get("/link"),
            json!({"next_url": "{{ $response.headers.link?.match(/<([^>]*)>; *rel=.?next/)?.[1] }}"}),
            3,
        ),
        (get("/list"), json!({"query": {"from": "{{ $response.body.cursor }}"}}), 3),
        (get("/list"), json!({"query": {"from": "{{ $response.headers['x-next'] }}"}}), 3),
        (get("/header"), json!({"headers": {"X-From": "{{ $response.body.cursor }}"}}), 3),
        (
            post("/graphql", json!({"json": {"query": "{ rows }", "variables": {"size": 3, "after": null}}})),
            json!({"body": {"variables.after": "{{ $response.body.data.list.page.end }}"}, "until": "{{ !$response.body.data.list.page.more }}"}),
            3,
        ),
        (
            post("/form", json!({"form": {"size": 3, "from": 0}})),
            json!({"body": {"from": "{{ $response.body.cursor }}"}}),
            3,
        ),
        (get("/by-page?page=1"), json!({"query": {"page": "{{ $pageCount + 1 }}"}, "until": "empty"}), 4),
        (
            get("/bare"),
            json!({"query": {"from": "{{ $pageCount * 3 }}"}, "until": "{{ $response.body.length < 3 }}"}),
            3,
        ),
        (get("/by-page-strict"), json!({"query": {"page": "{{ $pageCount + 1 }}"}, "last_status": [404]}), 4),
        (
            get("/list"),
            json!({"query": {"from": "{{ $pageCount * 3 }}"}, "until": "{{ $pageCount * 3 >= $response.body.total }}"}),
            3,
        ),
    ];
    for (mut params, pagination, pages) in cases {
        params["pagination"] = pagination;
        let found = succeeded(run(params.clone(), json!([{}])).await);
        let rows: Vec<&Value> = found.as_array().unwrap().iter().flat_map(rows_of).collect();
        assert_eq!(json!(rows), json!((0..8).collect::<Vec<_>>()), "{params}");
        let came = server.take();
        assert_eq!(came.len(), pages, "{params}: {came:?}");
        let keys: Vec<_> =
            came.iter().map(|came| came.header("idempotency-key").unwrap().to_owned()).collect();
        let first = "00000000-0000-0000-0000-000000000007:call:0";
        let expected =
            (1..=pages).map(|page| if page == 1 { first.to_owned() } else { format!("{first}:page-{page}") });
        assert_eq!(keys, expected.collect::<Vec<_>>(), "{params}");
    }
}

/// The numbers of an item: of a row, or of an answer with a list in it.
fn rows_of(item: &Value) -> Vec<&Value> {
    let rows = item.get("rows").or_else(|| item.pointer("/data/list/rows")).and_then(Value::as_array);
    rows.map_or_else(|| vec![&item["n"]], |rows| rows.iter().map(|row| &row["n"]).collect())
}

#[tokio::test]
async fn each_item_has_its_own_pages_and_they_stay_in_its_place() {
    let server = RawServer::start(|came| {
        let (of, page) = (asked(came, "of").unwrap(), number(came, "page"));
        let rows = if page < of.len() { json!([format!("{of}{page}")]) } else { json!([]) };
        ok(&rows)
    })
    .await;
    let pagination =
        json!({"query": {"page": "{{ $pageCount }}", "for": "{{ $json.of }}"}, "until": "empty"});
    let params =
        json!({"url": server.url(), "query": {"of": "{{ $json.of }}", "page": 0}, "pagination": pagination});
    let found = succeeded(run(params, json!([{"of": "aaa"}, {"of": "b"}, {"of": ""}, {"of": "cc"}])).await);
    let expected = ["aaa0", "aaa1", "aaa2", "b0", "cc0", "cc1"].map(|data| json!({ "data": data }));
    assert_eq!(found, json!(expected));
    let came = server.take();
    let others = came.iter().filter(|came| number(came, "page") > 0);
    assert!(others.clone().all(|came| asked(came, "for") == asked(came, "of")), "{came:?}");
    assert_eq!((came.len(), others.count()), (10, 6));
}

#[tokio::test]
async fn what_is_wanted_of_the_pages_decides_which_is_the_last() {
    let server = list(100).await;
    let url = format!("{}/bare", server.url());
    let next = json!({"from": "{{ $pageCount * 3 }}"});
    for (rule, numbers, pages) in [
        (json!({"max_pages": 1}), 3, 1),
        (json!({"max_pages": 2}), 6, 2),
        (json!({"max_pages": "{{ $json.most }}"}), 6, 2),
        (json!({"until": true}), 3, 1),
        (json!({"until": "{{ $response.body[0].n === 6 }}"}), 9, 3),
        // What is not asked for may fail: there is no first row behind the last.
        (json!({"until": "empty", "headers": {"x": "{{ $response.body[0].n }}"}}), 100, 35),
        (json!({"until": "{{ $response.body[2]?.n ? null : true }}"}), 100, 34),
        (json!({"until": "{{ $response.status === 200 && $pageCount === 4 }}"}), 12, 4),
    ] {
        let mut pagination = rule.clone();
        pagination["query"] = next.clone();
        let found = succeeded(run(paged(&url, pagination), json!([{"most": 2}])).await);
        assert_eq!(found.as_array().unwrap().len(), numbers, "{rule}");
        assert_eq!(server.take().len(), pages, "{rule}");
    }
}

#[tokio::test]
async fn full_answers_are_an_item_a_page() {
    let server = list(4).await;
    let mut params =
        paged(&format!("{}/list", server.url()), json!({"next_url": "{{ $response.body.next }}"}));
    params["response"] = json!({"full": true});
    let found = succeeded(run(params, json!([{}])).await);
    let told: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|page| (&page["status"], &page["headers"]["x-next"], &page["body"]["rows"]))
        .collect();
    let row = |n: usize| json!({ "n": n });
    let (one, two) = (json!([row(0), row(1), row(2)]), json!([row(3)]));
    assert_eq!(told, [(&json!(200), &json!("3"), &one), (&json!(200), &json!(""), &two)]);
}

#[tokio::test]
async fn what_cannot_lead_to_a_page_says_why() {
    let server = RawServer::start(|_| ok(&json!({"a": [1]}))).await;
    let url = server.url();
    for (pagination, code, said) in [
        (json!({"next_url": "{{ $response.body.a }}"}), "invalid_params", "`next_url` must be a text"),
        (
            json!({"next_url": "http://{{ $pageCount }} x/"}),
            "invalid_next_url",
            "page 2: `pagination.next_url` came to something that is not a URL",
        ),
        (json!({"next_url": "ftp://a/"}), "invalid_next_url", "leads to ftp:"),
        (json!({"next_url": "{{ $response.nothing.at.all }}"}), "expression", "of undefined"),
        (
            json!({"next_url": "/x", "until": "{{ $response.body.a }}"}),
            "invalid_params",
            "`until` is \"empty\"",
        ),
        (json!({"query": {"a": "{{ $response.body }}"}}), "invalid_params", "params.pagination.query.a"),
        (json!({"headers": {"a": "{{ 'x\\ny' }}"}}), "invalid_params", "params.pagination.headers.a"),
        (json!({"body": {"a": 1}}), "invalid_params", "page 2: `pagination.body` changes the fields"),
        // Every page would be the same.
        (json!({"query": {}}), "pages_repeat", "page 2 would be asked for as one before it"),
    ] {
        let failed = fails(paged(url, pagination.clone()), code, said).await;
        assert_eq!(server.take().len(), 1, "{pagination}: {failed:?}");
    }
}

#[tokio::test]
async fn a_page_that_is_refused_fails_its_item_by_the_pages_number() {
    let server = RawServer::start(|came| match number(came, "page") {
        2 => json_of(403, "", &json!({"why": "enough"})),
        page => ok(&json!([page])),
    })
    .await;
    let pagination = json!({"query": {"page": "{{ $pageCount }}"}});
    let failed = fails(paged(server.url(), pagination), "http_status", "page 3: GET http://127.0.0.1").await;
    assert_eq!(failed.error.details.unwrap()["body"], json!({"why": "enough"}));
}

mod hostile {
    use domain::limits::{MAX_ITEMS, MAX_PAGES, MAX_STEP_OUTPUT_BYTES};

    use super::*;

    #[tokio::test]
    async fn pages_without_end_are_given_up_by_name() {
        let server =
            RawServer::start(|came| ok(&json!({"next": format!("/?page={}", number(came, "page") + 1)})))
                .await;
        let next = json!({"next_url": "{{ $response.body.next }}"});
        fails(paged(server.url(), next), "too_many_pages", "MAX_PAGES").await;
        assert_eq!(server.take().len(), MAX_PAGES);
    }

    #[tokio::test]
    async fn pages_that_go_round_in_a_circle_are_noticed() {
        let server = RawServer::start(|came| {
            let page = number(came, "page");
            ok(&json!({"next": format!("/?page={}", if page == 3 { 1 } else { page + 1 }), "page": page}))
        })
        .await;
        let next = json!({"next_url": "{{ $response.body.next }}"});
        fails(paged(server.url(), next.clone()), "pages_repeat", "page 5 would be asked for").await;
        assert_eq!(targets(&server), ["/", "/?page=1", "/?page=2", "/?page=3"]);

        let same =
            RawServer::start(|came| ok(&json!({"next": came.line().split_once(' ').unwrap().1}))).await;
        fails(paged(same.url(), next), "pages_repeat", "page 2 would be asked for").await;
    }

    #[tokio::test]
    async fn a_server_that_does_not_mind_the_page_is_noticed() {
        let server = RawServer::start(|_| ok(&json!([{"n": 1}]))).await;
        let pagination = json!({"query": {"pgae": "{{ $pageCount + 1 }}"}, "until": "empty"});
        fails(paged(server.url(), pagination), "pages_repeat", "the last 5 pages up to page 5 are the same")
            .await;
        assert_eq!(server.take().len(), 5);
    }

    #[tokio::test]
    async fn a_next_address_that_is_not_public_is_not_called() {
        for address in
            ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]:1/", "//192.168.0.1/x"]
        {
            let server = RawServer::start(move |_| ok(&json!({"next": address}))).await;
            let next = json!({"next_url": "{{ $response.body.next }}"});
            let failed = fails(paged(server.url(), next), "address_blocked", "WORKER_HTTP_ALLOW").await;
            assert!(failed.error.message.starts_with("page 2: "), "{failed:?}");
        }
    }

    #[tokio::test]
    async fn pages_of_all_items_together_stay_within_what_a_step_may_give() {
        let big = "x".repeat(900_000);
        let large =
            RawServer::start(move |came| ok(&json!({"text": big, "page": number(came, "page")}))).await;
        let pagination = json!({"query": {"page": "{{ $pageCount }}"}});
        fails(paged(large.url(), pagination.clone()), "limit", "MAX_STEP_OUTPUT_BYTES").await;
        assert_eq!(large.take().len(), MAX_STEP_OUTPUT_BYTES / 900_000 + 1);

        let many = RawServer::start(|came| ok(&json!(vec![number(came, "page"); 3_000]))).await;
        let params = paged(many.url(), pagination);
        let failed = failed(run(params, json!([{}, {}])).await);
        assert_eq!(failed.error.code, "limit");
        assert!(failed.error.message.contains("MAX_ITEMS"), "{}", failed.error.message);
        let calls = many.take().len();
        assert!(calls <= MAX_ITEMS / 3_000 + 2, "{calls} calls, whichever item's they were");
    }
}

mod secrets {
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
        assert!(
            told.error.message.contains("[redacted]") && !format!("{told:?}").contains("hush"),
            "{told:?}"
        );
    }

    #[tokio::test]
    async fn what_comes_from_the_environment_is_not_kept_with_the_pages() {
        let mut settings = crate::steps::settings();
        settings.http.allow = "127.0.0.1".parse().unwrap();
        settings.env.insert("SHOP_KEY".into(), "hush-hush-of-the-operator".into());
        let runner =
            workers::runner::Runner::new(settings, Arc::new(minireipaz::clock::SystemClock)).unwrap();
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
}

mod attempts {
    use std::time::Duration;

    use super::*;

    /// A server of five pages that answers each page's first call so.
    async fn once(page: usize, reply: impl Fn() -> Reply + Send + Sync + 'static) -> RawServer {
        let calls = std::sync::Mutex::new(std::collections::HashSet::new());
        RawServer::start(move |came| -> Reply {
            let here = number(came, "page");
            let is_new =
                calls.lock().unwrap().insert((here, came.header("idempotency-key").unwrap().to_owned()));
            if here == page && is_new {
                return reply();
            }
            let rows = if here < 5 { json!([here]) } else { json!([]) };
            ok(&rows).into()
        })
        .await
    }

    fn five_pages(server: &RawServer, more: Value) -> Value {
        let mut pagination = json!({"query": {"page": "{{ $pageCount }}"}, "until": "empty"});
        pagination.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        paged(&format!("{}/?page=0", server.url()), pagination)
    }

    fn all_five() -> Value {
        (0..5).map(|n| json!({ "data": n })).collect()
    }

    /// The attempt that follows.
    fn next(mut attempt: Attempt, failed: StepFailure) -> Attempt {
        attempt.task.kept = failed.partial.map(Arc::new);
        attempt.task.attempt += 1;
        attempt
    }

    #[tokio::test]
    async fn the_next_attempt_goes_on_behind_the_pages_that_came_with_the_same_key() {
        let server = once(3, || json_of(429, "retry-after: 7\r\n", &json!({})).into()).await;
        let attempt = call(five_pages(&server, json!({})), json!({}), json!([{}]));
        let first = failed(runner().run(attempt.clone()).await);
        assert_eq!(first.failure, Failure::RateLimited { retry_after: Some(Duration::from_secs(7)) });
        assert!(first.error.message.starts_with("page 4: GET"), "{}", first.error.message);
        let before = server.take();
        assert_eq!(before.len(), 4);

        assert_eq!(succeeded(runner().run(next(attempt, first)).await), all_five());
        let after = server.take();
        let keys = |came: &[Came]| -> Vec<String> {
            came.iter()
                .map(|came| came.header("idempotency-key").unwrap().rsplit_once(':').unwrap().1.to_owned())
                .collect()
        };
        assert_eq!(keys(&after), ["page-4", "page-5", "page-6"]);
        assert_eq!(keys(&before)[3], "page-4");
    }

    #[tokio::test]
    async fn a_page_that_does_not_come_in_time_leaves_the_others_there() {
        let hanging =
            || Reply::Hanging(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n[".to_vec());
        let server = once(2, hanging).await;
        let attempt = call(five_pages(&server, json!({})), json!({"timeout": "2s"}), json!([{}]));
        let first = failed(runner().run(attempt.clone()).await);
        assert_eq!((first.error.code.as_str(), first.failure), ("timeout", Failure::Timeout));
        assert!(first.error.message.starts_with("page 3: GET"), "{}", first.error.message);
        assert_eq!(first.partial.as_ref().unwrap()["pages"]["0"]["pages"], 2);
        assert_eq!(succeeded(runner().run(next(attempt, first)).await), all_five());
    }

    #[tokio::test]
    async fn a_pause_that_does_not_fit_into_the_attempt_is_made_between_two() {
        let server = once(9, || unreachable!("there is no such page")).await;
        let params = five_pages(&server, json!({"pause": "1h"}));
        let mut attempt = call(params, json!({"timeout": "1m"}), json!([{}]));
        for pages in 1..6 {
            let failed = failed(runner().run(attempt.clone()).await);
            assert_eq!(
                failed.failure,
                Failure::RateLimited { retry_after: Some(Duration::from_secs(3_600)) }
            );
            assert!(
                failed.error.message.contains("1h would end behind the node's time limit of 1m"),
                "{failed:?}"
            );
            assert_eq!(failed.partial.as_ref().unwrap()["pages"]["0"]["pages"], pages);
            assert_eq!(server.take().len(), 1);
            attempt = next(attempt, failed);
        }
        assert_eq!(succeeded(runner().run(attempt).await), all_five());
    }

    #[tokio::test]
    async fn pages_are_as_far_apart_as_the_pause() {
        let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let server = RawServer::start(move |came| {
            seen.lock().unwrap().push(std::time::Instant::now());
            ok(&json!([number(came, "page")]))
        })
        .await;
        let pagination = json!({"query": {"page": "{{ $pageCount }}"}, "max_pages": 3, "pause": "40ms"});
        succeeded(run(paged(server.url(), pagination), json!([{}])).await);
        let calls = calls.lock().unwrap();
        assert_eq!(calls.len(), 3);
        assert!(calls.windows(2).all(|two| two[1] - two[0] >= Duration::from_millis(40)), "{calls:?}");
    }

    #[tokio::test]
    async fn other_items_that_are_done_stay_done_while_pages_are_tried_again() {
        let server = once(1, || json_of(503, "", &json!({})).into()).await;
        let mut params = five_pages(&server, json!({}));
        params["url"] = json!(format!("{}/?page={{{{ $json.from }}}}", server.url()));
        let attempt = call(params, json!({}), json!([{"from": 0}, {"from": 5}]));
        let first = failed(runner().run(attempt.clone()).await);
        assert_eq!(first.partial.as_ref().unwrap()["items"], json!({"1": {"done": []}}));
        server.take();
        assert_eq!(succeeded(runner().run(next(attempt, first)).await), all_five());
        assert!(
            server
                .take()
                .iter()
                .all(|came| came.header("idempotency-key").unwrap().contains(":call:0:page-"))
        );
    }
}

/// Three pages by their numbers, as the worker's endpoint has them.
fn three_pages(app: &App, more: Value) -> Value {
    let mut document = call_workflow(&[("call", app.endpoint.url("/one"), more)]);
    let next = "{{ ['/two', '/three'][$pageCount - 1] }}";
    document["nodes"][1]["data"]["params"]["pagination"] = json!({ "next_url": next });
    document
}

const PAGES: [&str; 3] = ["/one", "/two", "/three"];

#[tokio::test]
async fn a_crash_among_pages_begins_the_item_again_with_the_same_keys() {
    let mut app = App::start().await;
    app.endpoint.on("/three", &[Answer::Never, Answer::Status(200)]);
    let run = app.submit(&Task::new(&three_pages(&app, json!({})))).await;
    app.endpoint.called("/three", 1).await;
    app.crash_and_start_again().await;
    let found = app.succeeded(run).await;
    assert_eq!(step(&found, "call").attempts, 2);
    assert_eq!(PAGES.map(|path| app.endpoint.count(path)), [2, 2, 2]);
    for (path, of_page) in PAGES.into_iter().zip(["", ":page-2", ":page-3"]) {
        let key = format!("{run}:call:0{of_page}");
        assert_eq!(app.endpoint.keys(path), [key.clone(), key], "{path}");
    }
}

#[tokio::test]
async fn a_crash_behind_a_failed_page_goes_on_with_that_page() {
    let mut app = App::start().await;
    app.endpoint.on("/three", &[Answer::Status(503), Answer::Status(200)]);
    let retry = json!({"retry": {"max_attempts": 2, "base": "1h", "max_delay": "1h"}});
    let run = app.submit(&Task::new(&three_pages(&app, retry))).await;
    app.until("the retry", run, |found| found.run.status == domain::run::RunStatus::Waiting).await;
    app.crash().await;
    app.clock.advance(std::time::Duration::from_secs(3_600));
    app.start_again().await;
    let found = app.succeeded(run).await;
    assert_eq!(PAGES.map(|path| app.endpoint.count(path)), [1, 1, 2]);
    assert_eq!(step(&found, "call").output.as_ref().unwrap()["main"].len(), 3);
}

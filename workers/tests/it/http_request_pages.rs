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

mod attempts;
mod hostile;
mod secrets;

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

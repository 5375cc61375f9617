//! Servers that mean harm, or answer nonsense.

use domain::limits::{MAX_ITEMS, MAX_PAGES, MAX_STEP_OUTPUT_BYTES};

use super::*;

#[tokio::test]
async fn pages_without_end_are_given_up_by_name() {
    let server =
        RawServer::start(|came| ok(&json!({"next": format!("/?page={}", number(came, "page") + 1)}))).await;
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

    let same = RawServer::start(|came| ok(&json!({"next": came.line().split_once(' ').unwrap().1}))).await;
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
    for address in ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]:1/", "//192.168.0.1/x"]
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
    let large = RawServer::start(move |came| ok(&json!({"text": big, "page": number(came, "page")}))).await;
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

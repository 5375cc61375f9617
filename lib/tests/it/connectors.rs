//! The scheduler's door: who comes in, and what becomes of batches that are too large or cannot be read.

use axum::body::Body;
use bytes::Bytes;
use domain::event::Topic;
use futures_util::{StreamExt, future::join_all, stream};
use http::Request;
use minireipaz::{ingest::MAX_LETTERS, telemetry};

use crate::{
    app::{Answer, SECRET, TestApp, secrets},
    scheduler::{requested, text},
};

const EVENTS: &str = "/api/v1/scheduler/events";
const NEXT: &str = "the-next-secret-of-connectors";

async fn send(app: &TestApp, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let request =
        headers.iter().fold(Request::post(EVENTS), |request, (name, value)| request.header(*name, *value));
    app.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn every_form_of_the_headers_is_taken() {
    let app = TestApp::start().await;
    let bearer = |scheme: &str| format!("{scheme} {SECRET}");
    for (name, value) in [
        ("Authorization", bearer("Bearer")),
        ("authorization", bearer("bearer")),
        ("AUTHORIZATION", bearer("BEARER  ")),
        ("X-API-KEY", SECRET.to_owned()),
        ("x-api-key", format!(" {SECRET} ")),
    ] {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "text/plain"] {
            let headers = [(name, value.as_str()), ("content-type", kind), ("upgrade", "h2c")];
            assert_eq!(send(&app, &headers, "[]").await.status, 200, "{headers:?}");
        }
        assert_eq!(send(&app, &[(name, &value)], "[]").await.status, 200, "no type at all");
        let beside = [("authorization", "Basic dTpw"), ("x-api-key", SECRET)];
        assert_eq!(send(&app, &beside, "[]").await.status, 200);
    }
}

#[tokio::test]
async fn only_who_knows_the_secret_delivers() {
    let app = TestApp::start().await;
    let token = format!("Bearer {}", app.token());
    let token = token.as_str();
    for headers in [
        &[][..],
        &[("x-api-key", "wrong")],
        &[("authorization", "Bearer wrong")],
        &[("authorization", SECRET)],
        &[("authorization", token)],
        &[("x-other", SECRET)],
    ] {
        let answer = send(&app, headers, "[]").await;
        let detail = answer.problem(401, "wrong_secret");
        assert!(detail.contains("CONNECTOR_SECRET") && !detail.contains(SECRET), "{detail}");
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_refused_with_what_to_do_however_it_comes() {
    let app = TestApp::start().await;
    let large = " ".repeat(4_500_001);
    let pieces: Vec<_> =
        large.as_bytes().chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let stream = Body::from_stream(stream::iter(pieces).map(|piece: std::io::Result<Bytes>| piece));
    for body in [Body::from(large), stream] {
        let answer = send(&app, &[("x-api-key", SECRET)], body).await;
        let detail = answer.problem(413, "body_too_large");
        assert!(detail.contains("at most 4500000 bytes: lower the connector's batch.max.size"), "{detail}");
    }
    let most = send(&app, &[("x-api-key", SECRET)], " ".repeat(4_500_000)).await;
    assert_eq!(most.status, 200);
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_to_be_sent_again() {
    let app = TestApp::start().await;
    let slow = std::io::Error::new(std::io::ErrorKind::TimedOut, "the body came too slowly");
    let body = Body::from_stream(stream::iter([Ok(Bytes::from("[")), Err(slow)]));
    let answer = send(&app, &[("x-api-key", SECRET)], body).await;
    let detail = answer.problem(503, "body_too_slow");
    assert!(detail.contains("the body came too slowly"), "{detail}");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_body_of_rubbish_becomes_a_bounded_number_of_dead_letters() {
    let app = TestApp::start().await;
    let good = text(&requested(&app.workflow().await, 1));
    let rubbish = "\"\",".repeat(1_000_000);
    let answer = app.deliver(format!("{rubbish}{good}")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["runs"]), (200, &1.into()), "{answer:?}");
    let letters = app.store.dead_letters();
    assert_eq!((letters.len(), &answer.body["dead_letters"]), (MAX_LETTERS + 1, &(MAX_LETTERS + 1).into()));
    let last = &letters[MAX_LETTERS].reason;
    assert!(last.starts_with("999000 more records of the same body"), "{last}");
    assert!(
        last.contains("its records 1001 to 1000000; the first of them: a string that holds no JSON"),
        "{last}"
    );
}

/// Three deployments of the functions over the same store and bus: before, while and after both secrets are valid.
#[tokio::test]
async fn the_secret_is_rotated_under_load_without_a_gap() {
    let before = TestApp::start().await;
    let both = before.beside_with(secrets(SECRET, Some(NEXT)));
    let after = before.beside_with(secrets(NEXT, None));
    let workflow = before.workflow().await;
    let steps = [
        (&before, &[SECRET][..]),
        (&both, &[SECRET]),
        (&both, &[SECRET, NEXT]),
        (&both, &[NEXT]),
        (&after, &[NEXT]),
    ];
    let mut runs = 0;
    for (app, shown) in steps {
        let batches = (0..40).map(|n| {
            let body = text(&requested(&workflow, runs + n));
            let secret = shown[usize::try_from(n).unwrap() % shown.len()];
            async move { send(app, &[("x-api-key", secret)], body).await }
        });
        for answer in join_all(batches).await {
            assert_eq!((answer.status.as_u16(), &answer.body["runs"]), (200, &1.into()));
        }
        runs += 40;
    }
    send(&before, &[("x-api-key", NEXT)], "[]").await.problem(401, "wrong_secret");
    send(&after, &[("x-api-key", SECRET)], "[]").await.problem(401, "wrong_secret");
    assert_eq!(before.bus.of_topic(Topic::Tasks).len() as u128, runs);
}

#[tokio::test]
async fn who_is_turned_away_is_counted_by_reason() {
    let metrics = telemetry::collect().unwrap();
    let app = TestApp::start().await;
    let count = |reason: &str| -> f64 {
        let series =
            format!("minireipaz_connector_refused_total{{consumer=\"scheduler\",reason=\"{reason}\"}} ");
        let text = metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series}:\n{text}")).parse().unwrap()
    };
    let reasons = ["secret_missing", "secret_wrong", "too_large"];
    let before = reasons.map(count);
    send(&app, &[], "[]").await;
    send(&app, &[("x-api-key", "wrong")], "[]").await;
    send(&app, &[("x-api-key", SECRET)], " ".repeat(4_500_001)).await;
    // Other tests of this process count, too.
    for (reason, before) in reasons.iter().zip(before) {
        assert!(count(reason) >= before + 1.0, "{reason}");
    }
}

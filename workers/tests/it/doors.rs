//! The door for connectors against those who are slow, those who are strangers, and a secret that changes.

use std::{net::SocketAddr, time::Duration};

use domain::ids::RunId;
use http_server::BodyPace;
use minireipaz::auth::CallbackSecrets;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
};

use crate::app::{App, SECRET, Task, batch, pure_workflow, within};

/// A batch whose body has begun.
async fn begun(app: &App, framing: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.addr()).await.unwrap();
    let head = format!("POST /tasks HTTP/1.1\r\nHost: w\r\nX-API-KEY: {SECRET}\r\n{framing}\r\n\r\n ");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn bodies_that_do_not_come_take_no_place_from_others() {
    let app = App::start().await;
    let mut hung = Vec::new();
    for _ in 0..100 {
        // Ten of them are more than there is room for.
        hung.push(begun(&app, "Content-Length: 16777216").await);
        hung.push(begun(&app, "Transfer-Encoding: chunked").await);
    }
    for _ in 0..3 {
        app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
    }
    assert_eq!(app.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_slow_body_is_sent_back_with_the_limit_so_that_it_comes_again() {
    let hasty = BodyPace { grace: Duration::from_millis(100), ..BodyPace::default() };
    let app = App::start_with(|config| config.door.body = hasty).await;
    let mut answer = String::new();
    let mut stream = begun(&app, "Content-Length: 1000").await;
    within("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1"), "{answer}");
    assert!(
        answer.contains("the body came too slowly") && answer.contains("8192 bytes a second"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_never_becomes_a_request_is_cut() {
    let app = App::start_with(|config| config.door.head = Duration::from_millis(100)).await;
    for begins in ["", "POST /tasks HTTP/1.1\r\nHost: w\r\n"] {
        let mut stream = TcpStream::connect(app.addr()).await.unwrap();
        stream.write_all(begins.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _ = within("the end", stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_refused_with_what_to_do_however_it_is_framed() {
    let app = App::start().await;
    let url = format!("http://{}/tasks", app.addr());
    let large = || vec![b' '; (16 << 20) + 1];
    let stream = || {
        let pieces: Vec<_> =
            large().chunks(1 << 20).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
    };
    for body in [reqwest::Body::from(large()), stream()] {
        let sent = reqwest::Client::new().post(&url).bearer_auth(SECRET).body(body).send();
        let answer = within("the answer", sent).await.unwrap();
        assert_eq!(answer.status(), 413);
        let said = answer.text().await.unwrap();
        assert!(said.contains("at most 16777216 bytes: lower the connector's batch.max.size"), "{said}");
    }
}

#[tokio::test]
async fn every_form_of_the_headers_is_taken() {
    let app = App::start().await;
    let url = format!("http://{}/tasks", app.addr());
    let bearer = |scheme: &str| format!("{scheme} {SECRET}");
    let secrets = [
        vec![("Authorization", bearer("Bearer"))],
        vec![("authorization", bearer("bearer"))],
        vec![("AUTHORIZATION", bearer("BEARER "))],
        vec![("X-API-KEY", SECRET.to_owned())],
        vec![("x-api-key", SECRET.to_owned()), ("authorization", "Basic dTpw".to_owned())],
    ];
    let types = [None, Some("application/json"), Some("Application/JSON; charset=utf-8"), Some("text/plain")];
    for secret in &secrets {
        for media_type in types {
            let task = Task::new(&pure_workflow());
            let mut request = reqwest::Client::new().post(&url).body(batch([&task]));
            request = request.header("connection", "Upgrade, HTTP2-Settings").header("upgrade", "h2c");
            for (name, value) in secret {
                request = request.header(*name, value);
            }
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            let answer = within("the answer", request.send()).await.unwrap();
            assert_eq!(answer.status(), 200, "{secret:?} {media_type:?}");
            app.succeeded(task.run).await;
        }
    }
}

const NEXT: &str = "the next secret of connectors";

fn secrets(current: &str, next: Option<&str>) -> CallbackSecrets {
    CallbackSecrets::new(&current.into(), next.map(Into::into).as_ref()).unwrap()
}

/// Delivers tasks one after another, each until it is taken, until there is no more secret to show.
async fn deliver(
    addr: SocketAddr,
    secret: watch::Receiver<&'static str>,
    count: watch::Sender<usize>,
) -> Vec<RunId> {
    let (client, mut runs) = (reqwest::Client::new(), Vec::new());
    loop {
        let task = Task::new(&pure_workflow());
        loop {
            let shown = *secret.borrow();
            let request = client.post(format!("http://{addr}/tasks")).bearer_auth(shown).body(task.json());
            match within("an answer", request.send()).await.map(|answer| answer.status().as_u16()) {
                Ok(200) => break,
                Ok(401) if shown.is_empty() => return runs,
                // It stops and starts.
                Ok(503) | Err(_) => tokio::task::yield_now().await,
                Ok(status) => panic!("{status} for {shown:?}"),
            }
        }
        runs.push(task.run);
        count.send_modify(|count| *count += 1);
    }
}

/// README's way to change the secret, while connectors deliver and the worker starts anew at each step.
#[tokio::test]
async fn the_secret_is_rotated_under_load_without_a_gap() {
    let mut app = App::start().await;
    let addr = app.addr();
    let (show, shown) = watch::channel(SECRET);
    let mut connectors = JoinSet::new();
    let mut counts = Vec::new();
    for _ in 0..4 {
        let (count, counted) = watch::channel(0);
        counts.push(counted);
        connectors.spawn(deliver(addr, shown.clone(), count));
    }
    let (both, new) = (secrets(SECRET, Some(NEXT)), secrets(NEXT, None));
    for step in 0..4 {
        // Every one of them delivers.
        for count in &mut counts {
            let before = *count.borrow_and_update();
            within("deliveries", count.wait_for(|count| *count > before + 5)).await.unwrap();
        }
        let secrets = match step {
            0 => both.clone(),
            1 => {
                show.send_replace(NEXT);
                continue;
            }
            2 => new.clone(),
            _ => break,
        };
        app.stop().await;
        app.reconfigure(|config| {
            config.listen = addr;
            config.secrets = secrets;
        });
        app.start_again().await;
    }
    assert_eq!(app.post("[]").await.status, 401, "the old secret is worth nothing");
    show.send_replace("");
    while let Some(runs) = connectors.join_next().await {
        for run in runs.unwrap() {
            app.succeeded(run).await;
            assert_eq!(app.store.ends(run), 1);
        }
    }
}

#[tokio::test]
async fn who_is_turned_away_is_counted_by_reason() {
    let app = App::start().await;
    let text = app.get("/metrics").await.body;
    let value = |text: &str, reason: &str| -> f64 {
        let series =
            format!("minireipaz_connector_refused_total{{consumer=\"worker\",reason=\"{reason}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series}:\n{text}")).parse().unwrap()
    };
    let before = ["secret_missing", "secret_wrong", "too_large"].map(|reason| value(&text, reason));
    for _ in 0..2 {
        app.post_as(None, "[]").await;
        app.post_as(Some("wrong"), "[]").await;
        app.post(" ".repeat((16 << 20) + 1)).await;
    }
    let text = app.get("/metrics").await.body;
    // Other tests of this process count, too.
    for (reason, before) in ["secret_missing", "secret_wrong", "too_large"].iter().zip(before) {
        assert!(value(&text, reason) >= before + 2.0, "{reason}");
    }
}

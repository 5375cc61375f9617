//! klickhouse's traps, each set off on purpose.

use std::{sync::Arc, time::Duration};

use klickhouse::Value;
use tokio::{net::TcpListener, time::timeout};

use super::{config, pool, server};
use crate::{
    resilience::Classify as _,
    store::{
        StoreConfig, StoreError,
        clickhouse::{ClickHouse, cells::text, connection::InsertRow, pool::Pool},
        local::LocalClickHouse,
    },
};
use domain::retry::Failure;

/// Keeps a query busy for so many tenths of a second, a row each.
fn slow(tenths: u32) -> String {
    format!("SELECT sleepEachRow(0.1), number FROM numbers({tenths}) SETTINGS max_block_size = 1")
}

async fn one(pool: &Pool, sql: &str) -> u64 {
    match pool.select(sql.to_owned()).await.unwrap().remove(0).0[..] {
        [Value::UInt64(n)] => n,
        ref other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_an_error_and_the_pool_goes_on() {
    let mut config = config("slow").await;
    (config.call_timeout, config.pool_size) = (Duration::from_millis(300), 1);
    let pool = pool(&config);
    let error = pool.select(slow(30)).await.err().unwrap();
    assert_eq!(error, StoreError::Unavailable("no answer within 300 ms".to_owned()));
    assert_eq!(one(&pool, "SELECT toUInt64(7)").await, 7);
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_leaves_no_half_read_connection() {
    let mut config = config("dropped").await;
    config.pool_size = 1;
    let pool = pool(&config);
    for n in 0..5 {
        let dropped = timeout(Duration::from_millis(30 + 40 * n), pool.select(slow(20))).await;
        assert!(dropped.is_err());
        assert_eq!(one(&pool, &format!("SELECT toUInt64({n})")).await, n);
    }
}

#[tokio::test]
async fn many_tasks_at_once_never_mix_up_their_answers() {
    let mut config = config("many").await;
    config.pool_size = 3;
    let pool = Arc::new(pool(&config));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200u64 {
        let pool = Arc::clone(&pool);
        tasks.spawn(async move {
            let sql = format!("SELECT sum(number) + toUInt64({n}) FROM numbers(1000)");
            assert_eq!(one(&pool, &sql).await, 499_500 + n);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn waiting_for_a_connection_is_bounded_and_the_error_names_the_setting() {
    let mut config = config("waiting").await;
    (config.call_timeout, config.pool_size) = (Duration::from_millis(400), 1);
    let pool = pool(&config);
    let (first, second) = tokio::join!(pool.select(slow(30)), pool.select("SELECT 1".to_owned()));
    assert!(first.is_err());
    let error = second.err().unwrap().to_string();
    assert!(error.contains("CLICKHOUSE_POOL_SIZE"), "{error}");
}

#[tokio::test]
async fn an_answer_that_klickhouse_cannot_read_is_an_error_not_an_empty_answer() {
    let pool = pool(&config("unreadable").await);
    let answer =
        pool.select("SELECT CAST('{}', 'JSON') SETTINGS allow_experimental_json_type = 1".to_owned()).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{:?}", answer.map(|rows| rows.len()));
    assert_eq!(one(&pool, "SELECT toUInt64(1)").await, 1);
}

#[tokio::test]
async fn a_refused_query_leaves_the_connection_usable_and_a_refused_insert_does_not_harm_the_next() {
    let mut config = config("refused").await;
    config.pool_size = 1;
    let pool = pool(&config);
    pool.execute("CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a".to_owned()).await.unwrap();
    let refused = pool.select("SELECT nonsense FROM t".to_owned()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Server { code: 47, .. }), "{refused}");
    assert_eq!(refused.failure(), Failure::Permanent);

    let row = |columns, values| vec![InsertRow { columns, values: Arc::new(values) }];
    // No such column: the server's refusal. The wrong type: klickhouse's own, in the middle of the insert.
    let wrong = pool.insert("INSERT INTO t (b) FORMAT Native".to_owned(), row(&["b"], vec![text("x")])).await;
    assert!(matches!(wrong, Err(StoreError::Server { .. })), "{wrong:?}");
    let sql = || "INSERT INTO t (a) FORMAT Native".to_owned();
    let wrong = pool.insert(sql(), row(&["a"], vec![Value::UInt64(1)])).await;
    assert!(matches!(wrong, Err(StoreError::Unavailable(_))), "{wrong:?}");
    pool.insert(sql(), row(&["a"], vec![text("right")])).await.unwrap();
    assert_eq!(one(&pool, "SELECT count() FROM t").await, 1);
}

#[tokio::test]
async fn a_wrong_password_or_database_is_told_in_the_servers_words() {
    let port = server().await.port();
    for (url, code, word) in [
        (format!("clickhouse://default:wrong@127.0.0.1:{port}/default"), 516, "Authentication failed"),
        (format!("clickhouse://127.0.0.1:{port}/nowhere"), 81, "nowhere"),
    ] {
        let error = ClickHouse::connect(StoreConfig::new(url.parse().unwrap())).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Server { code: c, message } if *c == code && message.contains(word)),
            "{error}"
        );
        assert_eq!(error.failure(), Failure::Permanent);
        assert!(!error.to_string().contains("wrong@"));
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_told_at_once_and_silence_within_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = StoreConfig::new(format!("clickhouse://127.0.0.1:{port}/d").parse().unwrap());
    config.connect_timeout = Duration::from_millis(200);
    let connecting = ClickHouse::connect(config.clone());
    let silent = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The socket is closed again, although klickhouse still waits for the greeting.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
    };
    let (error, ()) = tokio::join!(connecting, silent);
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&format!("127.0.0.1:{port} within 200 ms")), "{error}");

    drop(listener);
    let error = ClickHouse::connect(config).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(error.failure(), Failure::Connection);
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_an_answer_is_an_error_never_a_short_answer() {
    let data = tempfile::tempdir().unwrap();
    let server = LocalClickHouse::start(data.path(), None, |_| {}).await.unwrap();
    let port = server.port();
    let config = StoreConfig::new(server.url_of("default").parse().unwrap());
    let pool = pool(&config);
    let long = pool.select(slow(100));
    let kill = async {
        // The first rows are on their way by then.
        let begun = "SELECT countIf(elapsed > 0.25 AND query LIKE '%sleepEachRow%' AND query NOT LIKE '%countIf%') \
                     FROM system.processes";
        while one(&pool, begun).await == 0 {}
        tokio::task::spawn_blocking(|| server.kill_hard()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(long, kill);
    let error = answer.err().unwrap();
    assert!(matches!(&error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(error.failure(), Failure::Connection);

    let again = LocalClickHouse::start(data.path(), Some(port), |_| {}).await.unwrap();
    assert_eq!(one(&pool, "SELECT toUInt64(1)").await, 1, "the pool is well again");
    again.stop().await;
}

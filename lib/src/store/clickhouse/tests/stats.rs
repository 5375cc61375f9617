//! That statistics are right and little is read of many runs, whoever has computed the hours.

use std::time::Duration;

use super::{pool, with_tables};
use crate::{
    clock::{Clock as _, SystemClock},
    store::{
        StatsAsk, StatsStore as _,
        clickhouse::{ClickHouse, cells::Reader, pool::Pool, stats},
    },
    testing::eventually,
};
use domain::{
    ids::TenantId,
    stats::{Bucket, Totals},
    timestamp::Timestamp,
};

/// Hours with runs, and runs in each.
const HOURS: i64 = 200;
const RUNS_PER_HOUR: i64 = 2_000;
/// Some granules of some parts.
const MOST_READ: u64 = 8 * 8_192;

fn hour(hours: i64) -> Timestamp {
    let now = Bucket::Hour.start(SystemClock.now());
    Timestamp::from_millis(now.as_millis() + hours * 3_600_000)
}

/// Runs of the last hours, a third of them twice, of two tenants.
async fn filled(pool: &Pool, first: Timestamp) {
    let (seconds, runs) = (first.as_millis() / 1_000, HOURS * RUNS_PER_HOUR);
    for share in [1, 3] {
        let statement = format!(
            "INSERT INTO run_end_rows (tenant, hour, workflow_id, run_id, version, status, trigger_kind, created_at, \
             finished_at, began, took_ms, error_key) \
             SELECT concat('t', toString(number % 2)), toStartOfHour(toDateTime(at, 'UTC')), \
             toUUID('00000000-0000-0000-0000-00000000000a'), \
             toUUID(concat('00000000-0000-0000-0000-', leftPad(hex(number), 12, '0'))), 1, \
             if(number % 10 = 3, 'failed', 'succeeded'), 'manual', toDateTime64(at, 3, 'UTC'), \
             toDateTime64(at + 1, 3, 'UTC'), 1, 1000, if(number % 10 = 3, '[\"x\",\"n\",0,\"\"]', '') \
             FROM (SELECT number, {seconds} + intDiv(number * 3600, {RUNS_PER_HOUR}) AS at \
             FROM numbers(0, {runs}) WHERE number % {share} = 0)"
        );
        pool.execute(statement).await.unwrap();
    }
}

async fn number(pool: &Pool, sql: &str) -> u64 {
    Reader::from(pool.select(sql.to_owned()).await.unwrap().remove(0)).u64().unwrap()
}

#[tokio::test]
async fn computed_hours_say_what_their_runs_do_and_are_a_short_read() {
    let config = with_tables("stats").await;
    let pool = pool(&config);
    let first = hour(-HOURS + 1);
    filled(&pool, first).await;
    let store = ClickHouse::connect(config).await.unwrap();
    let ask = StatsAsk {
        tenant: TenantId::parse("t1").unwrap(),
        workflow: None,
        from: first,
        to: hour(1),
        bucket: Bucket::Day,
        now: SystemClock.now(),
    };
    let by_run = store.run_stats(&ask).await.unwrap();
    let (all, failed) = ((HOURS * RUNS_PER_HOUR / 2) as u64, (HOURS * RUNS_PER_HOUR / 10) as u64);
    assert_eq!(by_run.totals, Totals { succeeded: all - failed, failed, ..Totals::default() });

    // What the server does once an hour.
    pool.execute("SYSTEM REFRESH VIEW run_hour_rows_from_run_end_rows".to_owned()).await.unwrap();
    let computed = async || number(&pool, "SELECT count() FROM run_hour_rows").await;
    eventually("the hours", async || computed().await >= 2 * (HOURS as u64 - 1)).await;
    let by_hour = store.run_stats(&ask).await.unwrap();
    assert_eq!(by_hour, by_run);
    let split = hour(0).minus(Duration::from_hours(2));
    let (_, read) = pool.select_counting(stats::series_statement(&ask, split)).await.unwrap();
    assert!(read <= MOST_READ, "{read} rows read of {all}");
    let (_, read) = pool.select_counting(stats::errors_statement(&ask, split)).await.unwrap();
    assert!(read <= MOST_READ, "{read} rows read of {all}");
    let (_, read) = pool.select_counting(stats::recent_statement(&ask, split)).await.unwrap();
    assert!(read <= MOST_READ, "{read} rows read of {all}");

    // A run that ends late counts with the next time.
    let late = format!(
        "INSERT INTO run_end_rows (tenant, hour, workflow_id, run_id, version, status, began) \
         SELECT 't1', toDateTime({}, 'UTC'), toUUID('00000000-0000-0000-0000-00000000000a'), generateUUIDv4(), 1, \
         'timed_out', 0",
        first.as_millis() / 1_000
    );
    pool.execute(late).await.unwrap();
    pool.execute("SYSTEM REFRESH VIEW run_hour_rows_from_run_end_rows".to_owned()).await.unwrap();
    let with_it = Totals { timed_out: 1, ..by_run.totals };
    eventually("the late run", async || store.run_stats(&ask).await.unwrap().totals == with_it).await;
}

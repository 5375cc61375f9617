//! That reads stay index reads, and that inserts leave few parts.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{pool, with_tables};
use crate::store::{
    Cursor, Facts, RunStore as _,
    clickhouse::{ClickHouse, cells::Reader, pool::Pool, run_list, run_steps, runs, triggers},
};
use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::{NewRun, RunKey, Trigger},
    timestamp::Timestamp,
};

const PARTS: u64 = 4;
const ROWS_PER_PART: u64 = 40_000;

/// A tenant with 20,000 rows of runs and steps, and a workflow with twice as many runs, in every second part.
async fn filled(database: &str) -> Pool {
    let config = with_tables(database).await;
    let pool = pool(&config);
    pool.execute("SYSTEM STOP MERGES run_rows".to_owned()).await.unwrap();
    for part in 0..PARTS {
        let rows = format!("numbers({}, {ROWS_PER_PART})", part * ROWS_PER_PART);
        let id = "toUUID(concat('00000000-0000-0000-0000-', leftPad(hex(intDiv(number, 10) + 1), 12, '0')))";
        let tenant = "concat('t', toString(intDiv(number, 10) % 2))";
        let common = "4294967297 AS version, 'succeeded' AS status, '{\"kind\":\"manual\"}' AS trigger";
        let statements = [
            format!(
                "INSERT INTO run_rows (tenant, owner_id, place, kind, version, status, trigger, input, output) \
                 SELECT {tenant}, {id}, if(number % 10 = 0, '', concat('n', toString(number % 10))), \
                 if(number % 10 = 0, '', 'set'), {common}, \
                 '{{}}', repeat('x', 500) FROM {rows}"
            ),
            format!(
                "INSERT INTO run_rows (tenant, owner_id, place, created_at, version, status, trigger) \
                 SELECT 't1', toUUID('{}'), \
                 lower(concat(leftPad(hex(number), 12, '0'), replaceAll(toString(generateUUIDv7()), '-', ''))), \
                 fromUnixTimestamp64Milli(toInt64(number)), {common} FROM {rows}",
                Uuid::nil()
            ),
        ];
        for statement in statements {
            pool.execute(format!("{statement} SETTINGS max_insert_threads = 1")).await.unwrap();
        }
    }
    pool
}

/// A number in the JSON of `EXPLAIN indexes = 1` for the primary key: how many granules are read.
async fn granules(pool: &Pool, statement: &str) -> u64 {
    let sql = format!("EXPLAIN json = 1, indexes = 1 {statement}");
    let mut rows = pool.select(sql).await.unwrap();
    let plan = Reader::from(rows.remove(0)).text().unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    find(&plan, "Selected Granules").and_then(serde_json::Value::as_u64).unwrap()
}

fn find<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => map.get(name).or_else(|| map.values().find_map(|v| find(v, name))),
        serde_json::Value::Array(list) => list.iter().find_map(|v| find(v, name)),
        _ => None,
    }
}

fn key(tenant: &str, id: u128) -> RunKey {
    (TenantId::parse(tenant).unwrap(), RunId(Uuid::from_u128(id)))
}

#[tokio::test]
async fn a_point_read_reads_at_most_two_granules_of_a_part_for_each_run() {
    let pool = filled("points").await;
    let one = [key("t1", 2)];
    let many: Vec<_> = (0..64).map(|n| key("t1", 2 + 250 * n)).collect();
    let tenants: Vec<_> = (0..64).map(|n| key(if n % 2 == 0 { "t1" } else { "t0" }, 2 + 251 * n)).collect();
    for keys in [&one[..], &many, &tenants] {
        for statement in [runs::heads_statement(keys), runs::runs_statement(keys)] {
            let read = granules(&pool, &statement).await;
            // With one tenant the whole key is searched; with several, each tenant is for each id.
            let bound = 2 * PARTS * keys.len() as u64;
            assert!(read <= bound, "{read} granules for {} keys: {statement}", keys.len());
        }
    }
    // They find what they look for.
    let rows = pool.select(runs::runs_statement(&one)).await.unwrap();
    assert_eq!(rows.len(), 10);
}

#[tokio::test]
async fn a_run_is_looked_for_at_every_owner_slot_by_one_search() {
    let pool = filled("slots").await;
    let statement = runs::any_slot_statement(&key("t1", 1 << 40));
    let read = granules(&pool, &statement).await;
    assert!(read <= 2 * PARTS, "{read} granules: {statement}");
}

#[tokio::test]
async fn who_asks_a_view_for_a_run_reads_as_little() {
    let pool = filled("views").await;
    let id = Uuid::from_u128(2);
    for view in ["runs", "steps"] {
        // As any client does, with the server's own planner.
        let statement = format!(
            "SELECT * FROM {view} WHERE tenant = 't1' AND run_id = '{id}' SETTINGS enable_analyzer = 1"
        );
        let read = granules(&pool, &statement).await;
        assert!(read <= 2 * PARTS, "{read} granules: {statement}");
    }
}

#[tokio::test]
async fn a_page_of_a_list_reads_little_of_a_workflow_with_many_runs() {
    let pool = filled("pages").await;
    let tenant = TenantId::parse("t1").unwrap();
    let middle = Cursor { at: Timestamp::from_millis(80_000), id: Uuid::max() };
    let since = Some(Timestamp::from_millis(0));
    for (since, from) in [(None, None), (None, Some(&middle)), (since, Some(&middle))] {
        let statement = run_list::statement(&tenant, WorkflowId(Uuid::nil()), (since, from), 151);
        let (rows, read) = pool.select_counting(statement).await.unwrap();
        assert_eq!(rows.len(), 151);
        assert!(read <= 256 * 4 * PARTS, "{read} rows read of {}", PARTS * ROWS_PER_PART);
    }
}

#[tokio::test]
async fn a_flood_of_records_leaves_few_parts() {
    let config = with_tables("flood").await;
    let pool = pool(&config);
    let store = Arc::new(ClickHouse::connect(config).await.unwrap());
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..64u128 {
        let store = Arc::clone(&store);
        clients.spawn(async move {
            for n in 0..20u128 {
                let (tenant, id) = key("t", client << 64 | n);
                let new = NewRun {
                    id,
                    workflow_id: WorkflowId(Uuid::nil()),
                    workflow_version: 1,
                    attempt: 1,
                    trigger: Trigger::manual(),
                    input: serde_json::Value::Null,
                    created_at: Timestamp::from_millis(1),
                };
                store.record(&Facts::of_runs(vec![(tenant, new.queued())])).await.unwrap();
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    store.drain(Duration::from_secs(5)).await;
    let count = async |sql: &str| pool.select(sql.to_owned()).await.unwrap().remove(0).0.remove(0);
    assert_eq!(
        count("SELECT count() FROM run_rows FINAL WHERE place = ''").await,
        klickhouse::Value::UInt64(64 * 20)
    );
    // 1,280 records of one run each: a part each without batches.
    let created =
        "SELECT max(max_block_number) FROM system.parts WHERE database = 'flood' AND table = 'run_rows'";
    let klickhouse::Value::Int64(inserts) = count(created).await else { panic!("not a number") };
    assert!(inserts <= 200, "{inserts} inserts");
}

/// A run with two nodes in a loop of many iterations, among others.
async fn with_iterations(database: &str) -> Pool {
    let pool = filled(database).await;
    for part in 0..PARTS {
        let rows = format!("numbers({}, {ROWS_PER_PART})", part * ROWS_PER_PART);
        let run = Uuid::from_u128(2);
        let statement = format!(
            "INSERT INTO run_rows (tenant, owner_id, place, iteration, kind, version, status, output) \
             SELECT 't1', toUUID('{run}'), \
             concat(char(1), if(number % 2 = 0, 'n1', 'n2'), char(1), lower(leftPad(hex(intDiv(number, 2)), 8, '0'))), \
             [toUInt32(intDiv(number, 2))], 'set', 4294967298 + number, 'succeeded', repeat('x', 500) FROM {rows} \
             SETTINGS max_insert_threads = 1"
        );
        pool.execute(statement).await.unwrap();
    }
    let newest = format!(
        "INSERT INTO run_rows (tenant, owner_id, place, iteration, kind, version, status) \
         VALUES ('t1', toUUID('{}'), 'n1', [79999], 'set', 5000000000, 'succeeded')",
        Uuid::from_u128(2)
    );
    pool.execute(newest).await.unwrap();
    pool
}

#[tokio::test]
async fn a_run_is_read_without_its_iterations_and_a_page_of_these_from_the_end_of_the_key() {
    let pool = with_iterations("iterations").await;
    let key = key("t1", 2);
    let statement = runs::runs_statement(std::slice::from_ref(&key));
    let (rows, read) = pool.select_counting(statement.clone()).await.unwrap();
    assert_eq!(rows.len(), 10, "the run and the newest step of each node");
    assert!(granules(&pool, &statement).await <= 2 * (PARTS + 1), "{statement}");
    assert!(read <= 2 * 256 * (PARTS + 1), "{read} rows read of {}", PARTS * ROWS_PER_PART);
    let node = domain::ids::NodeId::parse("n1").unwrap();
    for end in ["00013880", "00009000"].map(|at| format!("place < concat(char(1), 'n1', char(1), '{at}')")) {
        let statement = run_steps::iterations_statement(&key, &node, &end, 61);
        let (rows, read) = pool.select_counting(statement.clone()).await.unwrap();
        assert_eq!(rows.len(), 61);
        assert!(read <= 256 * 8 * (PARTS + 1), "{read} rows read: {statement}");
    }
}

#[tokio::test]
async fn where_nothing_is_due_a_look_reads_hardly_a_row_of_a_hundred_thousand() {
    let pool = pool(&with_tables("due").await);
    let later = 1_800_000_000_000_u64;
    let statement = format!(
        "INSERT INTO trigger_rows (tenant, workflow_id, node_id, version, state, params, since, planned_at, due_at) \
         SELECT concat('t', toString(number % 50)), generateUUIDv4(), 'n', 4294967296, 'active', '{{}}', now64(3), \
         fromUnixTimestamp64Milli(toInt64({later} + number)), fromUnixTimestamp64Milli(toInt64({later} + number)) \
         FROM numbers(100000) SETTINGS max_insert_threads = 1"
    );
    pool.execute(statement).await.unwrap();
    let at = |millis: u64| Timestamp::from_millis(i64::try_from(millis).unwrap());
    let due = async |until| pool.select_counting(triggers::due_statement(until, 2_000)).await.unwrap();
    let (rows, read) = due(at(later - 1)).await;
    assert_eq!(rows.len(), 0);
    assert!(read <= 4 * 256, "{read} rows read");
    assert_eq!(due(at(later + 99)).await.0.len(), 100);
}

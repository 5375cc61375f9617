use std::cell::{Cell, RefCell};

use metrics_exporter_prometheus::PrometheusBuilder;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, thiserror::Error)]
#[error("it said {0:?}")]
struct Said(Failure);

impl Classify for Said {
    fn failure(&self) -> Failure {
        self.0
    }
}

const SERVER: Failure = Failure::Server { retry_after: None };
const SETTINGS: BreakerSettings = BreakerSettings { failures: 100, cool_down: Duration::from_secs(10) };

fn guard(attempts: u32, window_secs: u64, breaker: BreakerSettings) -> Guard {
    let policy = RetryPolicy::standard(attempts, Duration::from_secs(window_secs));
    Guard::new("thing", policy, Duration::from_secs(2), breaker)
}

/// Calls, with these failures first; gives the result and the moments at which attempts began.
async fn call(guard: &Guard, failures: &[Failure]) -> (Result<u32, CallError<Said>>, Vec<Duration>) {
    let started = Instant::now();
    let begun = RefCell::new(Vec::new());
    let result = guard
        .call("ask", || async {
            begun.borrow_mut().push(started.elapsed());
            let done = begun.borrow().len();
            failures.get(done - 1).map_or(Ok(7), |failure| Err(Said(*failure)))
        })
        .await;
    (result, begun.into_inner())
}

#[tokio::test(start_paused = true)]
async fn broken_connections_are_retried_at_once_then_with_growing_delays() {
    let (result, begun) = call(&guard(5, 60, SETTINGS), &[Failure::Connection; 4]).await;
    assert_eq!(result.unwrap(), 7);
    assert_eq!(begun[2], Duration::ZERO);
    let (third, fourth) = (begun[3] - begun[2], begun[4] - begun[3]);
    assert!(third >= Duration::from_millis(500) && third <= Duration::from_millis(1_010), "{third:?}");
    assert!(fourth >= Duration::from_millis(1_000) && fourth <= Duration::from_millis(2_010), "{fourth:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_asked_again() {
    let (result, begun) = call(&guard(5, 60, SETTINGS), &[Failure::Permanent; 5]).await;
    assert!(matches!(result.unwrap_err().cause, Cause::Failed(Said(Failure::Permanent))));
    assert_eq!(begun.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_error_carries_every_attempt() {
    let (result, _) = call(&guard(3, 60, SETTINGS), &[Failure::Connection, SERVER, Failure::Timeout]).await;
    let error = result.unwrap_err();
    let kinds: Vec<_> = error.history.iter().map(|attempt| attempt.failure.as_str()).collect();
    assert_eq!(kinds, ["connection", "server", "timeout"]);
    assert_eq!(error.history[0].delay, Some(Duration::ZERO));
    assert_eq!(error.history[2].delay, None);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "thing ask failed after 3 attempt(s): it said Timeout; attempt 1 (connection, 0 ms)"
        ),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_is_cut_off() {
    let started = Instant::now();
    let guard = guard(2, 60, SETTINGS);
    let result: Result<(), CallError<Said>> = guard.call("ask", std::future::pending).await;
    let error = result.unwrap_err();
    assert!(matches!(error.cause, Cause::TimedOut { limit } if limit == Duration::from_secs(2)));
    assert_eq!(error.failure(), Failure::Timeout);
    assert_eq!(started.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_ends_within_its_window() {
    let started = Instant::now();
    let result: Result<(), CallError<Said>> = guard(100, 5, SETTINGS).call("ask", std::future::pending).await;
    assert!(result.is_err());
    assert!(started.elapsed() <= Duration::from_millis(5_001), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_waited_for_and_burns_no_attempt() {
    let guard = guard(2, 60, BreakerSettings { failures: 1, ..SETTINGS });
    let (result, begun) = call(&guard, &[Failure::Connection]).await;
    assert_eq!(result.unwrap(), 7);
    assert_eq!(begun, [Duration::ZERO, SETTINGS.cool_down]);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_open_for_longer_than_the_window_rejects_without_a_call() {
    let guard = guard(1, 5, BreakerSettings { failures: 1, ..SETTINGS });
    call(&guard, &[SERVER]).await.0.unwrap_err();
    let (result, begun) = call(&guard, &[]).await;
    let error = result.unwrap_err();
    assert!(begun.is_empty());
    assert!(matches!(error.cause, Cause::Rejected { retry_after } if retry_after == SETTINGS.cool_down));
}

#[tokio::test(start_paused = true)]
async fn rate_limits_and_refusals_do_not_open_the_breaker() {
    let guard = guard(1, 5, BreakerSettings { failures: 1, ..SETTINGS });
    for failure in [Failure::Permanent, Failure::RateLimited { retry_after: None }] {
        call(&guard, &[failure]).await.0.unwrap_err();
    }
    assert_eq!(call(&guard, &[]).await.0.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_server_is_not_called_before_it_wants_to_be_and_not_at_all_when_that_is_too_late() {
    let asks_for = |secs| Failure::RateLimited { retry_after: Some(Duration::from_secs(secs)) };
    let (result, begun) = call(&guard(5, 600, SETTINGS), &[asks_for(90)]).await;
    assert_eq!((result.unwrap(), begun[1] >= Duration::from_secs(90)), (7, true));
    for asked in [600, 601, u64::MAX] {
        let (result, begun) = call(&guard(5, 600, SETTINGS), &[asks_for(asked)]).await;
        let error = result.unwrap_err();
        assert_eq!((begun.len(), error.failure(), error.history[0].delay), (1, asks_for(asked), None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_probe_leaves_the_breaker_open_not_stuck() {
    let guard = guard(1, 30, BreakerSettings { failures: 1, ..SETTINGS });
    call(&guard, &[SERVER]).await.0.unwrap_err();
    tokio::time::advance(SETTINGS.cool_down).await;
    let probe = guard.call("ask", std::future::pending::<Result<(), Said>>);
    assert!(timeout(Duration::from_millis(1), probe).await.is_err());
    assert_eq!(call(&guard, &[]).await.0.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn attempts_retries_and_recurring_errors_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _local = metrics::set_default_local_recorder(&recorder);
    let guard = guard(2, 60, BreakerSettings { failures: 11, ..SETTINGS });
    for _ in 0..5 {
        call(&guard, &[SERVER, SERVER]).await.0.unwrap_err();
    }
    call(&guard, &[SERVER]).await.0.unwrap();
    let rendered = recorder.handle().render();
    for line in [
        r#"minireipaz_call_attempts_total{destination="thing",operation="ask",outcome="server"} 11"#,
        r#"minireipaz_call_attempts_total{destination="thing",operation="ask",outcome="success"} 1"#,
        r#"minireipaz_call_retries_total{destination="thing",operation="ask",failure="server"} 6"#,
        r#"minireipaz_alerts_total{destination="thing",operation="ask",failure="server"} 1"#,
        r#"minireipaz_breaker_opened_total{destination="thing"} 1"#,
    ] {
        assert!(rendered.contains(line), "{line} is missing in\n{rendered}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_call_outlives_its_window_or_its_attempts(
        kinds in proptest::collection::vec(0u8..5, 0..12), attempts in 1u32..6, window in 1u64..40, threshold in 1u32..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let guard = guard(attempts, window, BreakerSettings { failures: threshold, ..SETTINGS });
            let (started, made) = (Instant::now(), Cell::new(0u32));
            let result = guard.call("ask", || async {
                made.set(made.get() + 1);
                match kinds.get(made.get() as usize - 1) {
                    None => Ok(()),
                    Some(0) => std::future::pending().await,
                    Some(1) => Err(Said(Failure::Connection)),
                    Some(2) => Err(Said(Failure::RateLimited { retry_after: Some(Duration::from_secs(3)) })),
                    Some(3) => Err(Said(Failure::Permanent)),
                    Some(_) => Err(Said(SERVER)),
                }
            }).await;
            assert!(made.get() <= attempts);
            assert!(started.elapsed() <= Duration::from_secs(window) + Duration::from_millis(2));
            if let Err(error) = result {
                assert_eq!(error.history.len(), made.get() as usize);
            }
        });
    }
}

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::*;

const LIMITS: BatchLimits = BatchLimits {
    in_flight: 1,
    batch: Load { items: 100, bytes: 1_000 },
    queue: Load { items: 1_000, bytes: 100_000 },
    pacing: no_pacing,
};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no")]
struct No;

/// A coalescer that doubles numbers, whose batches each wait for a permit of the gate.
struct Doubler {
    coalescer: Arc<Coalescer<usize, usize, No>>,
    gate: Arc<Semaphore>,
    batches: Arc<Mutex<Vec<Vec<usize>>>>,
}

fn doubler(limits: BatchLimits, measure: fn(&usize) -> Load) -> Doubler {
    let (gate, batches) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (inner_gate, inner_batches) = (Arc::clone(&gate), Arc::clone(&batches));
    let coalescer = Coalescer::new(limits, measure, move |requests: Vec<usize>| {
        let gate = Arc::clone(&inner_gate);
        inner_batches.lock().unwrap().push(requests.clone());
        async move {
            gate.acquire().await.unwrap().forget();
            assert!(!requests.contains(&1_013), "a bad number");
            if requests.contains(&99) { Err(No) } else { Ok(requests.iter().map(|n| n * 2).collect()) }
        }
    });
    Doubler { coalescer: Arc::new(coalescer), gate, batches }
}

fn one(_: &usize) -> Load {
    Load { items: 1, bytes: 1 }
}

impl Doubler {
    /// Submits in a task and returns once the request is queued or running.
    async fn submit(&self, n: usize) -> tokio::task::JoinHandle<Result<usize, BatchError<No>>> {
        self.submit_of(None, n).await
    }

    async fn submit_of(
        &self,
        whose: Whose,
        n: usize,
    ) -> tokio::task::JoinHandle<Result<usize, BatchError<No>>> {
        let coalescer = Arc::clone(&self.coalescer);
        let handle = TaskTracker::new().spawn(async move { coalescer.submit(whose, n).await });
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        handle
    }

    /// How large the batches were so far.
    fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().iter().map(Vec::len).collect()
    }

    /// In which batch a request was.
    fn batch_of(&self, n: usize) -> usize {
        self.batches.lock().unwrap().iter().position(|batch| batch.contains(&n)).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_request_starts_at_once_and_leaves_no_task_behind() {
    let doubler = doubler(LIMITS, one);
    doubler.gate.add_permits(1);
    let started = Instant::now();
    assert_eq!(doubler.coalescer.submit(None, 4).await.unwrap(), 8);
    assert_eq!(started.elapsed(), Duration::ZERO);
    doubler.coalescer.drain().await;
    assert!(doubler.coalescer.tasks.is_empty());
}

#[tokio::test]
async fn what_arrives_while_a_batch_runs_forms_the_next() {
    let doubler = doubler(LIMITS, one);
    let first = doubler.submit(1).await;
    let mut others = Vec::new();
    for n in 2..=64 {
        others.push(doubler.submit(n).await);
    }
    doubler.gate.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), 2);
    let answers: Vec<_> = join_all(others).await.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    assert_eq!(answers, (2..=64).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(doubler.batches(), [1, 63]);
}

#[tokio::test]
async fn several_batches_may_run_side_by_side() {
    let doubler = doubler(BatchLimits { in_flight: 2, ..LIMITS }, one);
    let mut handles = Vec::new();
    for n in 0..4 {
        handles.push(doubler.submit(n).await);
    }
    assert_eq!(doubler.batches(), [1, 1]);
    doubler.gate.add_permits(10);
    join_all(handles).await;
    assert_eq!(doubler.batches(), [1, 1, 2]);
}

#[tokio::test]
async fn batches_keep_to_their_largest_size_and_a_larger_request_goes_alone() {
    let by_value = |n: &usize| Load { items: 1, bytes: *n };
    let doubler = doubler(LIMITS, by_value);
    let mut handles = Vec::new();
    for n in [1, 400, 500, 200, 5_000, 300] {
        handles.push(doubler.submit(n).await);
    }
    doubler.gate.add_permits(10);
    for handle in handles {
        handle.await.unwrap().unwrap();
    }
    assert_eq!(doubler.batches(), [1, 2, 1, 1, 1]);
}

#[tokio::test]
async fn every_caller_of_a_failed_batch_gets_its_error_and_the_next_batch_runs() {
    let doubler = doubler(LIMITS, one);
    let first = doubler.submit(1).await;
    let (second, third) = (doubler.submit(99).await, doubler.submit(3).await);
    doubler.gate.add_permits(3);
    assert!(first.await.unwrap().is_ok());
    for handle in [second, third] {
        assert!(matches!(handle.await.unwrap(), Err(BatchError::Failed(error)) if *error == No));
    }
    assert_eq!(doubler.coalescer.submit(None, 5).await.unwrap(), 10);
}

#[tokio::test]
async fn a_batch_that_panics_stops_only_itself() {
    let doubler = doubler(LIMITS, one);
    doubler.gate.add_permits(2);
    assert!(matches!(doubler.coalescer.submit(None, 1_013).await, Err(BatchError::Stopped)));
    assert_eq!(doubler.coalescer.submit(None, 5).await.unwrap(), 10);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_hurt_its_batch() {
    let doubler = doubler(LIMITS, one);
    let first = doubler.submit(1).await;
    let (leaving, staying) = (doubler.submit(2).await, doubler.submit(3).await);
    for handle in [&first, &leaving] {
        handle.abort();
    }
    tokio::task::yield_now().await;
    doubler.gate.add_permits(2);
    assert_eq!(staying.await.unwrap().unwrap(), 6);
    assert_eq!(doubler.batches(), [1, 1], "who left before the batch began is not in it");
}

#[tokio::test]
async fn when_too_much_waits_more_is_turned_away() {
    let doubler = doubler(BatchLimits { queue: Load { items: 4, bytes: 100 }, ..LIMITS }, one);
    let mut handles = Vec::new();
    for n in 0..3 {
        handles.push(doubler.submit(n).await);
    }
    let refused = doubler.coalescer.submit(None, 9).await;
    assert!(matches!(refused, Err(BatchError::Full { limit: Load { items: 4, bytes: 100 } })));
    doubler.gate.add_permits(9);
    for handle in handles {
        assert!(handle.await.unwrap().is_ok());
    }
}

fn tenant(name: &str) -> Whose {
    Some(TenantId::parse(name).unwrap())
}

#[tokio::test]
async fn who_waits_alone_is_in_the_next_batch_however_much_of_others_waits() {
    let doubler = doubler(LIMITS, one);
    let mut handles = Vec::new();
    for n in 2_000..2_300 {
        handles.push(doubler.submit_of(tenant("busy"), n).await);
    }
    handles.push(doubler.submit_of(tenant("other"), 3_000).await);
    doubler.gate.add_permits(9);
    assert!(join_all(handles).await.into_iter().all(|answer| answer.unwrap().is_ok()));
    assert_eq!((doubler.batch_of(3_000), doubler.batches()), (1, vec![1, 100, 100, 100]));
}

#[tokio::test]
async fn something_small_is_not_behind_all_that_is_large_of_others() {
    let doubler = doubler(LIMITS, |n| Load { items: 1, bytes: *n });
    let mut handles = Vec::new();
    for n in 901..911 {
        handles.push(doubler.submit_of(tenant("large"), n).await);
    }
    for n in 1..6 {
        handles.push(doubler.submit_of(tenant("small"), n).await);
    }
    doubler.gate.add_permits(20);
    join_all(handles).await;
    assert!((1..6).all(|n| doubler.batch_of(n) <= 2), "{:?}", doubler.batches);
}

#[tokio::test]
async fn a_tenant_that_lets_as_much_wait_as_it_may_leaves_room_for_others() {
    let doubler = doubler(BatchLimits { queue: Load { items: 9, bytes: 99 }, ..LIMITS }, one);
    let mut handles = vec![doubler.submit(1).await];
    let mut refused = 0;
    for n in 2_000..2_020 {
        match doubler.coalescer.submit(tenant("busy"), n).now_or_never() {
            None => {}
            Some(answer) => {
                assert!(matches!(answer, Err(BatchError::Full { .. })));
                refused += 1;
            }
        }
    }
    assert!((1..20).contains(&refused), "{refused}");
    handles.push(doubler.submit_of(tenant("other"), 7).await);
    doubler.gate.add_permits(9);
    for handle in handles {
        assert!(handle.await.unwrap().is_ok());
    }
    // What was withdrawn has given its room back.
    assert!(doubler.coalescer.submit(tenant("busy"), 8).await.is_ok());
}

#[test]
fn a_request_of_several_tenants_is_none_of_theirs() {
    let (one, other) = (tenant("one"), tenant("other"));
    assert_eq!(whose(one.iter().chain(&one)), one);
    assert_eq!((whose(one.iter().chain(&other)), whose([])), (None, None));
}

#[tokio::test(start_paused = true)]
async fn pacing_spreads_batches_but_lets_a_lone_one_start_at_once() {
    let pacing = |load: Load| Duration::from_millis(100 * load.items as u64);
    let doubler = doubler(BatchLimits { pacing, ..LIMITS }, one);
    doubler.gate.add_permits(100);
    let started = Instant::now();
    doubler.coalescer.submit(None, 1).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
    join_all((0..5).map(|n| doubler.coalescer.submit(None, n))).await;
    assert_eq!(started.elapsed().as_millis(), 100);
    doubler.coalescer.submit(None, 1).await.unwrap();
    assert_eq!(started.elapsed().as_millis(), 600);
    assert_eq!(doubler.batches(), [1, 5, 1]);
}

#[tokio::test]
async fn dropping_the_coalescer_stops_its_batches() {
    struct OnDrop(Option<oneshot::Sender<()>>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.take().map(|sender| sender.send(()));
        }
    }
    let (sender, dropped) = oneshot::channel();
    let held = Mutex::new(Some(OnDrop(Some(sender))));
    let coalescer: Coalescer<usize, usize, No> = Coalescer::new(LIMITS, one, move |_| {
        let held = held.lock().unwrap().take();
        async move {
            let _held = held;
            std::future::pending().await
        }
    });
    assert!(coalescer.submit(None, 1).now_or_never().is_none());
    tokio::task::yield_now().await;
    drop(coalescer);
    dropped.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_between_many_threads() {
    static DONE: AtomicUsize = AtomicUsize::new(0);
    let coalescer = Arc::new(Coalescer::<usize, usize, No>::new(LIMITS, one, |requests| async move {
        tokio::task::yield_now().await;
        DONE.fetch_add(requests.len(), Ordering::Relaxed);
        Ok(requests)
    }));
    let tracker = TaskTracker::new();
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let coalescer = Arc::clone(&coalescer);
            tracker.spawn(async move {
                for n in 0..200 {
                    assert_eq!(coalescer.submit(None, task * 1_000 + n).await.unwrap(), task * 1_000 + n);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(DONE.load(Ordering::Relaxed), 32 * 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_caller_gets_its_own_answer_and_no_batch_is_too_large(
        sizes in proptest::collection::vec(1usize..400, 1..80), in_flight in 1usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let measure = |n: &usize| Load { items: 1, bytes: *n };
            let limits = BatchLimits { in_flight, batch: Load { items: 7, bytes: 1_000 }, queue: Load { items: 200, bytes: 100_000 }, ..LIMITS };
            let coalescer: Coalescer<usize, usize, No> = Coalescer::new(limits, measure, |requests| async move {
                assert!(requests.len() <= 7 && requests.iter().sum::<usize>() <= 1_000);
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(requests)
            });
            let answers = join_all(sizes.iter().map(|n| coalescer.submit(None, *n))).await;
            assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), sizes);
        });
    }
}

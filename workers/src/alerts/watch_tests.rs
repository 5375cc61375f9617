//! Counting, against the plain meaning of it.

use domain::run::NodeError;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const WINDOW: Duration = Duration::from_secs(60);
const COOL_DOWN: Duration = Duration::from_secs(300);

fn watch(threshold: u32, workers: usize) -> Watch {
    let settings =
        AlertSettings { threshold, window: WINDOW, cool_down: COOL_DOWN, ..AlertSettings::default() };
    Watch::new(&settings, workers)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_500_000_000).plus(Duration::from_secs(seconds))
}

fn error(tenant: &str, code: &str) -> Occurrence {
    let workflow = WorkflowId(Uuid::nil());
    Occurrence {
        tenant: TenantId::parse(tenant).unwrap(),
        pattern: ErrorPattern::of(workflow, None, &NodeError::new(code, "x")),
        message: "x".to_owned(),
        source: Source {
            run: RunId(Uuid::nil()),
            depth: 0,
            workflow: "Shop".to_owned(),
            alert_workflow: None,
        },
    }
}

#[test]
fn an_alert_is_raised_once_goes_on_and_is_over_when_it_is_calm() {
    let mut watch = watch(3, 1);
    let raised: Vec<u64> = (0..10).filter(|n| watch.note(error("a", "x"), at(*n))).collect();
    assert_eq!(raised, [2]);
    let changes = watch.collect(at(10));
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((change.episode.raised_at, change.episode.count, change.over), (at(2), 10, false));
    assert!(watch.collect(at(11)).is_empty(), "nothing is new");
    assert!(watch.collect(at(69)).is_empty());
    let over = watch.collect(at(70));
    assert!(over.len() == 1 && over[0].over, "{over:?}");
    assert!(watch.collect(at(71)).is_empty(), "that is told once");
}

#[test]
fn what_comes_back_during_the_cool_down_is_the_same_alert_and_later_it_is_another_one() {
    let mut watch = watch(2, 1);
    watch.note(error("a", "x"), at(0));
    assert!(watch.note(error("a", "x"), at(1)));
    assert!(watch.collect(at(100))[0].over);
    assert!(!watch.note(error("a", "x"), at(200)));
    let again = watch.collect(at(201));
    assert_eq!((again[0].episode.raised_at, again[0].episode.count, again[0].over), (at(1), 3, false));
    let later = 201 + WINDOW.as_secs() + COOL_DOWN.as_secs();
    assert!(!watch.note(error("a", "x"), at(later)));
    assert!(watch.note(error("a", "x"), at(later + 1)));
}

#[test]
fn each_of_several_workers_counts_its_part() {
    let mut watch = watch(10, 3);
    let raised: Vec<u64> = (0..10).filter(|n| watch.note(error("a", "x"), at(*n))).collect();
    assert_eq!(raised, [3]);
}

#[test]
fn patterns_and_tenants_are_told_apart() {
    let mut watch = watch(2, 1);
    for (tenant, code) in [("a", "x"), ("a", "y"), ("b", "x")] {
        assert!(!watch.note(error(tenant, code), at(0)));
    }
    assert!(watch.note(error("b", "x"), at(1)));
}

#[test]
fn a_tenant_with_ever_new_errors_takes_bounded_memory_and_pushes_nobody_out() {
    let mut watch = watch(2, 1);
    watch.note(error("b", "x"), at(0));
    watch.note(error("a", "mine"), at(0));
    assert!(watch.note(error("a", "mine"), at(0)), "there is an alert about it");
    for n in 0..2 * MAX_PATTERNS {
        watch.note(error("a", &n.to_string()), at(1));
    }
    let kept: usize = watch.tenants.values().map(HashMap::len).sum();
    assert!(kept <= MAX_PATTERNS && kept == watch.shares.taken(), "{kept}");
    assert!(watch.note(error("b", "x"), at(2)), "it was counted");
    watch.note(error("a", "mine"), at(2));
    assert!(watch.collect(at(3)).iter().any(|change| change.pattern.code == "mine"));
    watch.collect(at(1_000));
    assert!(watch.tenants.is_empty() && watch.shares.taken() == 0);
}

proptest! {
    /// Beside a list of all that came: raised when and only when so many came within the window, and none goes on.
    #[test]
    fn an_alert_is_raised_when_so_many_came_within_the_window(
        gaps in proptest::collection::vec(0u64..40, 1..200), threshold in 1u32..6
    ) {
        let mut watch = watch(threshold, 1);
        let (mut now, mut all, mut last_seen) = (0, Vec::new(), None);
        for gap in gaps {
            now += gap;
            all.push(now);
            let goes_on = last_seen.is_some_and(|last| now - last <= (WINDOW + COOL_DOWN).as_secs());
            let within = all.iter().filter(|came| now - **came <= WINDOW.as_secs()).count();
            let raises = !goes_on && within >= threshold as usize;
            prop_assert_eq!(watch.note(error("a", "x"), at(now)), raises);
            if goes_on || raises {
                last_seen = Some(now);
            }
            watch.collect(at(now));
        }
    }
}

//! What holds of any schedule and of any looks at it.

use proptest::prelude::*;

use super::*;

const ZONES: [&str; 5] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"];

fn field(most: u32) -> BoxedStrategy<String> {
    prop_oneof![
        Just("*".to_owned()),
        (0..most).prop_map(|n| n.to_string()),
        (1..most).prop_map(|n| format!("*/{n}")),
        (0..most, 0..most).prop_map(|(a, b)| format!("{},{}", a.min(b), a.max(b))),
        (0..most, 0..most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
    ]
    .boxed()
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let params = (field(60), field(24), 0..ZONES.len(), 0..3_usize, 0..3_usize);
    params.prop_map(|(minute, hour, zone, misfire, jitter)| {
        schedule(&json!({
            "cron": format!("{minute} {hour} * * *"), "timezone": ZONES[zone],
            "misfire": (["skip", "fire_once", "fire_all"][misfire]), "jitter": (["0s", "90s", "2h"][jitter]),
        }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Occurrences go on, each after the one before, also from any moment between them.
    #[test]
    fn occurrences_are_the_same_from_wherever_they_are_looked_for(
        schedule in schedules(), hours in 0_u64..9_000, between in 0.0..1.0,
    ) {
        let from = at("2026-01-01T00:00:00Z").plus(Duration::from_hours(hours));
        let all: Vec<_> = schedule.all_after(from).take(50).collect();
        prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        for pair in all.windows(2) {
            let gap = pair[1].since(pair[0]).mul_f64(between);
            prop_assert_eq!(schedule.next_after(pair[0].plus(gap)), Some(pair[1]));
        }
    }

    /// However often and whenever somebody looks, each occurrence is started once or missed, in its order; with `fire_all`
    /// and looks within the window none is missed.
    #[test]
    fn looks_at_any_times_decide_each_occurrence_once(
        schedule in schedules(), pauses in prop::collection::vec(1_u64..20_000, 1..40),
    ) {
        let begin = at("2026-10-24T12:00:00Z");
        let (mut now, mut next) = (begin, schedule.next_after(begin));
        let (mut started, mut missed) = (Vec::new(), Vec::new());
        for pause in pauses {
            now = now.plus(Duration::from_secs(pause));
            while let Some(first) = next {
                let due = schedule.due(&key(), first, now, None);
                if let Some(Missed { first, last }) = due.missed {
                    let range = schedule.all_after(first.minus(Duration::from_millis(1)));
                    missed.extend(range.take_while(|planned| *planned <= last));
                }
                prop_assert!(due.starts.iter().all(|planned| schedule.due_at(&key(), *planned) <= now));
                let settled = due.next == next;
                started.extend(due.starts);
                next = due.next;
                if settled { break; }
            }
        }
        prop_assert!(started.is_sorted());
        if schedule.misfire == Misfire::FireAll {
            prop_assert!(missed.is_empty());
        }
        let mut decided: Vec<_> = started.into_iter().chain(missed).collect();
        decided.sort_unstable();
        let end = next.unwrap();
        let all: Vec<_> = schedule.all_after(begin).take_while(|planned| *planned < end).collect();
        prop_assert_eq!(decided, all);
    }
}

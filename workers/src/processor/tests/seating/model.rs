//! Whatever happens: who runs and who waits is what a plain list says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::runtime::Builder;

use super::*;

#[derive(Debug, Clone)]
enum Happening {
    /// Runs are accepted, each with a key, and a moment that need not be later than those of others.
    Accept {
        runs: Vec<(u8, u8)>,
        limit: u32,
        above: usize,
    },
    /// A run that runs ends.
    End(usize),
    /// A run is cancelled, whether it runs or waits.
    Cancel(usize),
    /// All tasks come again.
    Again,
    Crash,
}

const ABOVE: [&str; 3] = ["queue", "skip", "cancel_oldest"];

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let runs = prop::collection::vec((0..2u8, 0..20u8), 1..4);
    let one = prop_oneof![
        6 => (runs, 1..4u32, 0..3usize).prop_map(|(runs, limit, above)| Happening::Accept { runs, limit, above }),
        5 => any::<usize>().prop_map(Happening::End),
        2 => any::<usize>().prop_map(Happening::Cancel),
        1 => Just(Happening::Again),
        2 => Just(Happening::Crash),
    ];
    prop::collection::vec(one, 1..14)
}

/// The order of acceptance.
type Place = (i64, RunId);

#[derive(Default)]
struct Group {
    sitting: Vec<Place>,
    waiting: BTreeMap<Place, (u32, usize)>,
}

impl Group {
    fn accept(&mut self, place: Place, limit: u32, above: usize) {
        if self.waiting.is_empty() && self.sitting.len() < limit as usize {
            self.sitting.push(place);
        } else if ABOVE[above] != "skip" {
            self.waiting.insert(place, (limit, above));
        }
    }

    fn settle(&mut self) {
        while let Some((place, (limit, above))) = self.waiting.pop_first() {
            if self.sitting.len() >= limit as usize {
                if ABOVE[above] != "cancel_oldest" {
                    self.waiting.insert(place, (limit, above));
                    return;
                }
                while self.sitting.len() >= limit as usize {
                    self.sitting.sort_unstable();
                    self.sitting.remove(0);
                }
            }
            self.sitting.push(place);
        }
    }

    fn leave(&mut self, run: RunId) {
        self.sitting.retain(|(_, other)| *other != run);
        self.waiting.retain(|(_, other), _| *other != run);
    }
}

fn sitting(groups: &[Group; 2]) -> Vec<RunId> {
    let mut runs: Vec<_> = groups.iter().flat_map(|group| &group.sitting).map(|(_, run)| *run).collect();
    runs.sort();
    runs
}

fn waiting(groups: &[Group; 2]) -> Vec<RunId> {
    groups.iter().flat_map(|group| group.waiting.keys()).map(|(_, run)| *run).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn never_more_run_than_may_and_nobody_is_passed_over(happenings in happenings()) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let _runtime = runtime.enter();
        let (_silent, call, mut bench) = bench();
        let mut crashes = 0;
        let mut groups = [Group::default(), Group::default()];
        let mut tasks: Vec<(Arc<RunHeader>, DocumentText)> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Accept { runs, limit, above } => {
                    let document = limited(&call, &by_key(limit, ABOVE[above]));
                    let keys = ["a", "b"];
                    let new = |(key, at): &(u8, u8)| runs_with(keys[usize::from(*key)], i64::from(*at), 1).remove(0);
                    let batch: Vec<_> = runs.iter().map(new).collect();
                    bench.hand_over(&batch, &document);
                    for (run, (key, _)) in batch.iter().zip(&runs) {
                        let place = (run.created_at.as_millis(), run.run_id);
                        groups[usize::from(*key)].accept(place, limit, above);
                        tasks.push((Arc::clone(run), document.clone()));
                    }
                }
                Happening::End(pick) => {
                    let runs = bench.under_way();
                    if !runs.is_empty() {
                        let run = runs[pick % runs.len()];
                        bench.succeed(run);
                        groups.iter_mut().for_each(|group| group.leave(run));
                    }
                }
                Happening::Cancel(pick) => {
                    let runs = [sitting(&groups), waiting(&groups)].concat();
                    if !runs.is_empty() {
                        let run = runs[pick % runs.len()];
                        bench.tell(run, Command::Cancel { reason: "enough".to_owned() });
                        groups.iter_mut().for_each(|group| group.leave(run));
                    }
                }
                Happening::Again => {
                    for (run, document) in &tasks {
                        prop_assert_eq!(bench.hand_over(std::slice::from_ref(run), document).duplicates, 1);
                    }
                }
                // A step that was cut off too often would fail its run.
                Happening::Crash if crashes < 4 => {
                    crashes += 1;
                    bench = after(bench.crash());
                }
                Happening::Crash => {}
            }
            bench.settle();
            groups.iter_mut().for_each(Group::settle);
            prop_assert_eq!(bench.under_way(), sitting(&groups));
            prop_assert_eq!(bench.unfinished(), sitting(&groups).len() + waiting(&groups).len());
        }
        // And all come to their end.
        while let Some(run) = bench.under_way().first().copied() {
            bench.succeed(run);
            bench.settle();
        }
        prop_assert_eq!(bench.unfinished(), 0);
        prop_assert!(bench.seats_are_free());
    }
}

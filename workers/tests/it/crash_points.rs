//! The real worker, killed at every named point under load, among peers and with a real store. It starts on the same data
//! each time; in the end every run has come to its right end, and no call was repeated but those that were cut off.

mod calls;
mod kinds;
mod load;
mod pair;
mod people;
mod started;

use std::{collections::BTreeSet, time::Duration};

use minireipaz::testing::eventually_within;

use self::{calls::Calls, load::Sent, pair::Pair};

/// What a life under load may take until it passes its point; what is rare takes some seconds.
const LIFE: Duration = Duration::from_secs(60);
/// What all runs together may take to end after the crashes.
const REST: Duration = Duration::from_secs(240);
/// So many points one after the other; then all runs end. A step that is cut off six times is given up, rightly.
const IN_A_ROW: usize = 3;
/// How many lives a point may take to be passed.
const LIVES: usize = 2;

/// When a point is passed.
enum When {
    /// While runs go on.
    UnderLoad,
    /// When a worker starts that has runs to go on with.
    AtStart,
    /// When it stops in order.
    AtStop,
}

fn when(point: &str) -> When {
    match point {
        "before_recovered" | "recovered" => When::AtStart,
        "before_put_aside" | "put_aside" => When::AtStop,
        _ => When::UnderLoad,
    }
}

/// At which passing the worker dies: some way into the load where the point is passed often.
fn times(point: &str) -> u32 {
    let often = [
        "before_commit",
        "after_commit",
        "before_accepted",
        "accepted",
        "before_finished",
        "finished",
        "readers_told",
        "computed_ahead",
        "before_step_begins",
        "effect_begins",
        "effect_done",
        "before_call",
        "after_call",
        "outcome_taken",
    ];
    if often.contains(&point) { 4 } else { 1 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_at_any_point_loses_no_run_and_repeats_only_what_was_cut_off() {
    let calls = Calls::start().await;
    let mut pair = Pair::start(started::saved(&calls)).await;
    let mut sent = Sent::new(&calls);
    sent.add_first();
    let mut crashes = 0;
    all_end(&mut pair, &mut sent).await;
    let points: Vec<_> = workers::crash_points().collect();
    for points in points.chunks(IN_A_ROW) {
        for point in points {
            crashes += die_at(point, &mut pair, &mut sent).await;
        }
        all_end(&mut pair, &mut sent).await;
    }
    assert!(pair.start_first(None).await, "it starts with nothing left to do");
    calls.check(crashes * pair::MAX_STEPS);
    pair.stop().await;
}

/// The first worker lives until all runs have ended, and right.
async fn all_end(pair: &mut Pair, sent: &mut Sent<'_>) {
    sent.next_life();
    assert!(pair.start_first(None).await, "nobody kills it");
    assert!(sent.hand_over(pair.first()).await, "it takes what is sent again");
    sent.people_act(pair.first(), REST).await;
    let ended = eventually_within(REST, "all runs end", async || sent.all_ended(pair.store()).await).await;
    sent.check_all(&ended);
    pair.kill_first().await;
}

/// The first worker dies at that point; how often it was killed for that.
async fn die_at(point: &str, pair: &mut Pair, sent: &mut Sent<'_>) -> usize {
    let armed = format!("{point}:{}", times(point));
    for life in 1..=LIVES {
        sent.next_life();
        if !pair.start_first(Some(&armed)).await {
            pair.died_at(point);
            return life;
        }
        sent.add();
        let taken = sent.hand_over(pair.first()).await;
        match when(point) {
            // What goes on with this load is the next life.
            When::AtStart if taken => pair.kill_first().await,
            When::AtStop if taken => pair.terminate_first(),
            _ => {}
        }
        let url = pair.first().to_owned();
        let (has_ended, ()) = tokio::join!(pair.first_ends_within(LIFE), sent.people_act(&url, LIFE));
        if has_ended {
            if pair.was_killed_at(point) {
                return life;
            }
        } else {
            pair.kill_first().await;
        }
    }
    panic!("no worker has passed {point} in {LIVES} lives: is it still there?");
}

#[test]
fn every_point_that_has_a_time_of_its_own_is_there() {
    let all: BTreeSet<_> = workers::crash_points().collect();
    for point in ["before_recovered", "recovered", "before_put_aside", "put_aside"] {
        assert!(all.contains(point), "{point}");
    }
    assert!(all.iter().filter(|point| times(point) > 1).count() >= 14);
}

//! `wait`, with a clock that is moved by hand.

use std::{sync::Arc, time::Duration};

use domain::{run::WaitsFor, timestamp::Timestamp};
use minireipaz::clock::{Clock, ManualClock};
use serde_json::{Value, json};

use super::{attempt, fails, ports};
use crate::{
    engine::{Later, Outcome, Wake},
    runner::{Runner, RunnerSettings},
};

#[test]
fn wait_goes_on_at_its_moment_and_not_before() {
    let now = Timestamp::from_millis(1_767_225_600_000);
    let clock = Arc::new(ManualClock::at(now));
    let runner = Runner::new(RunnerSettings::default(), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let input = json!([{"for": "90s"}, {"for": "1s"}]);
    let waiting = |params: Value| {
        attempt(&json!({"type": "wait", "data": {"params": params}}), &[(None, input.clone())])
    };
    let until = |params: Value| match runner.run_inline(&waiting(params)).unwrap() {
        Outcome::Later(later) => Some(*later),
        Outcome::Succeeded(output) => {
            assert_eq!(ports(&output), json!({ "main": input }));
            None
        }
        other => panic!("{other:?}"),
    };
    let later = |seconds| {
        let until = now.plus(Duration::from_secs(seconds));
        Some(Later { waits_for: WaitsFor::moment(until), kept: None })
    };
    assert_eq!(until(json!({"for": "7d"})), later(7 * 86_400));
    assert_eq!(until(json!({"for": "{{ $json.for }}"})), later(90), "of the first item");
    assert_eq!(until(json!({"until": "2026-01-01T00:00:05Z"})), later(5));
    assert_eq!(until(json!({"until": "2026-01-01T01:00:05+01:00"})), later(5));
    assert_eq!(until(json!({"until": "2025-12-31T00:00:00Z"})), None, "a moment that has passed");
    assert_eq!(until(json!({"for": "0s"})), None);

    let mut woken = waiting(json!({"for": "7d"}));
    woken.task.woken = Some(Wake::Moment.into());
    let Some(Outcome::Succeeded(output)) = runner.run_inline(&woken) else { panic!("it has waited") };
    assert_eq!(ports(&output), json!({ "main": input }));

    let wrong = fails("wait", json!({"params": {"for": "{{ 'soon' }}"}}), json!([{}]));
    assert_eq!(wrong.error.code, "invalid_params");
    assert!(wrong.error.message.contains("params.for"), "{}", wrong.error.message);
}

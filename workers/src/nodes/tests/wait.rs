//! `wait`, with a clock that is moved by hand.

use std::{sync::Arc, time::Duration};

use domain::{ids::SignalId, lineage::Origin, run::WaitsFor, timestamp::Timestamp};
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
            assert_eq!(ports(&output), json!({ "main": input, "timeout": [] }));
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
    assert_eq!(ports(&output), json!({ "main": input, "timeout": [] }));

    let wrong = fails("wait", json!({"params": {"for": "{{ 'soon' }}"}}), json!([{}]));
    assert_eq!(wrong.error.code, "invalid_params");
    assert!(wrong.error.message.contains("params.for"), "{}", wrong.error.message);
}

/// The wait for a signal of two items, and what it waits for.
fn signal(params: Value) -> (crate::runner::Attempt, WaitsFor) {
    let input = json!([{"order": 7}, {"order": 8}]);
    let waiting = attempt(&json!({"type": "wait", "data": {"params": {"signal": params}}}), &[(None, input)]);
    let Some(Outcome::Later(later)) = super::RUNNER.run_inline(&waiting) else { panic!("it waits") };
    (waiting, later.waits_for)
}

#[test]
fn wait_for_a_signal_says_its_name_and_its_limit() {
    let (_, waits_for) = signal(json!({"name": "order {{ $json.order }}"}));
    let expected = WaitsFor { signal: Some("order 7".to_owned()), ..WaitsFor::default() };
    assert_eq!(waits_for, expected, "without a limit as long as the run may take");
    let (_, waits_for) = signal(json!({"name": "approved", "timeout": "2h"}));
    assert_eq!(waits_for.signal.as_deref(), Some("approved"));
    assert!(waits_for.until.is_some());
    let wrong = fails("wait", json!({"params": {"signal": {"name": "{{ 7 }}"}}}), json!([{}]));
    assert!(wrong.error.message.contains("params.signal.name"), "{}", wrong.error.message);
}

#[test]
fn what_a_signal_says_leaves_by_main_and_what_waited_in_vain_by_timeout() {
    let (waiting, _) = signal(json!({"name": "approved", "timeout": "2h"}));
    let after = |by: Wake| {
        let mut woken = waiting.clone();
        woken.task.woken = Some(by.into());
        super::RUNNER.run_inline(&woken).unwrap()
    };
    let told = |data: Value| after(Wake::Signal { id: SignalId(uuid::Uuid::nil()), data: Arc::new(data) });
    for (data, main) in [
        (json!({"by": "Ada"}), json!([{"by": "Ada"}])),
        (json!([{"a": 1}, {"a": 2}]), json!([{"a": 1}, {"a": 2}])),
        (json!(null), json!([{}])),
        (json!([]), json!([])),
    ] {
        let Outcome::Succeeded(output) = told(data) else { panic!("it goes on") };
        assert_eq!(ports(&output), json!({ "main": main, "timeout": [] }));
    }
    let Outcome::Succeeded(output) = told(json!([{"a": 1}, {"a": 2}])) else { panic!("it goes on") };
    let first = vec![Origin { input: 0, item: 0 }];
    assert_eq!(**output.lineage.get("main").unwrap(), [first.clone(), first]);
    let Outcome::Failed(failed) = told(json!(5)) else { panic!("a number is no item") };
    assert_eq!(failed.error.code, "invalid_signal");
    let Outcome::Succeeded(output) = after(Wake::Moment) else { panic!("it goes on") };
    assert_eq!(ports(&output), json!({ "main": [], "timeout": [{"order": 7}, {"order": 8}] }));
    assert!(output.lineage.is_empty(), "each is the one in its place");
}

//! Places for steps, shared among tenants.

use std::sync::Arc;

use minireipaz::domain::{clock::SystemClock, run::RunStatus};
use serde_json::json;

use super::{
    rig::{Rig, call, chain, task, tenant},
    target::Target,
};

#[tokio::test]
async fn steps_above_the_limit_wait_and_a_busy_tenant_does_not_hold_up_another() {
    let target = Target::start().await;
    let rig = Rig::with(Arc::new(SystemClock), |config| {
        config.max_steps = 4;
        config.max_steps_per_tenant = 3;
    })
    .await;
    let busy: Vec<_> = (0..10)
        .map(|_| task(&chain(&[call("call", &target.url("held/busy"), json!({}))]), json!({})))
        .collect();
    rig.accept(&busy).await;
    target.arrived(3).await;
    let mut other = task(&chain(&[call("call", &target.url("ok/other"), json!({}))]), json!({}));
    other.tenant = tenant("other");
    rig.accept(std::slice::from_ref(&other)).await;
    assert_eq!(rig.end_of(&other).await.run.status, RunStatus::Succeeded);
    assert_eq!(target.count("busy"), 3, "the share of one tenant");
    target.release(10);
    for task in &busy {
        assert_eq!(rig.end_of(task).await.run.status, RunStatus::Succeeded);
    }
    assert_eq!(target.count("busy"), 10);
    rig.stop().await;
}

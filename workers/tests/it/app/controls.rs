//! What is wanted of runs, as the scheduler sends it.

use domain::{
    event::{CancelRun, Event, Payload, ResumeRun},
    ids::{NodeId, RunId, SignalId, SignalName, TenantId},
    iteration::Iteration,
    json_text::JsonText,
};
use minireipaz::clock::{Clock, SystemClock};
use serde_json::Value;

use super::tasks::tenant;

/// A record that wants something of a run.
#[derive(Debug, Clone)]
pub(crate) struct Control(Event);

impl Control {
    /// The run stops.
    pub(crate) fn cancel(run: RunId, reason: &str) -> Self {
        let (reason, requested_at) = (reason.to_owned(), SystemClock.now());
        Self::of(Payload::TaskCancel(CancelRun { run_id: run, reason, requested_at }))
    }

    /// The step of that node, outside loops, takes a signal.
    pub(crate) fn signal(run: RunId, node: &str, name: &str, data: Value) -> Self {
        Self::of(Payload::TaskResume(ResumeRun {
            run_id: run,
            node_id: NodeId::parse(node).unwrap(),
            iteration: Iteration::outside(),
            signal_id: SignalId::at(SystemClock.now(), rand::random()),
            name: SignalName::parse(name).unwrap(),
            data: JsonText::of(&data).unwrap(),
            requested_at: SystemClock.now(),
        }))
    }

    fn of(payload: Payload) -> Self {
        let time = SystemClock.now();
        Self(Event { id: "c".to_owned(), time, tenant: tenant(), traceparent: None, payload })
    }

    pub(crate) fn tenant(mut self, tenant: &str) -> Self {
        self.0.tenant = TenantId::parse(tenant).unwrap();
        self
    }

    /// The step of that iteration.
    pub(crate) fn iteration(mut self, counters: &[u32]) -> Self {
        if let Payload::TaskResume(resume) = &mut self.0.payload {
            resume.iteration = counters.to_vec().into();
        }
        self
    }

    /// Which signal it is.
    pub(crate) fn id(&self) -> SignalId {
        let Payload::TaskResume(resume) = &self.0.payload else { panic!("{self:?}") };
        resume.signal_id
    }

    /// Its record.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(&self.0).unwrap()
    }
}

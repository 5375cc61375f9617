//! `wait`: lets its items go on later.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group, OutputPorts},
    params::params,
};
use crate::{duration::HumanDuration, ids::SignalName, items::MAIN, timestamp::Timestamp};

/// The port of the items whose signal did not come in time.
pub const TIMEOUT: &str = "timeout";

params! {
    /// Its parameters.
    pub struct Params one_of ["for", "until", "signal"] {
        /// How long to wait, from the moment at which the step begins.
        duration as "for": Option<HumanDuration>;
        /// Until when to wait: a time in RFC 3339. One that has passed does not wait.
        until: Option<Timestamp>;
        /// The signal to wait for: somebody else says when to go on, and with what.
        signal: Option<Signal>;
    }
}

params! {
    /// A signal that is waited for.
    pub struct Signal {
        /// Its name: 1 to 128 characters. Two steps of a run that wait at the same time have different names, so that
        /// whoever answers knows which is meant.
        name: SignalName;
        /// How long to wait for it at most; without it as long as the run may take.
        timeout: Option<HumanDuration>;
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "wait",
    title: "Wait",
    group: Group::Flow,
    summary: "Lets its items go on after a while, at a moment, or when somebody gives a signal.",
    docs: "Waits of seconds or of months are the same: a waiting run holds nothing but its row in the worker's journal, and \
           goes on after a restart. The run's time limit (`settings.timeout`) counts the wait too. Its expressions see the \
           first item.\n\n\
           A signal is given by `POST /api/v1/runs/{id}/resume` with `{\"name\": …, \"data\": …}`, or by a person with a \
           link: in a node that runs before the wait or beside it, `{{ $run.resumeUrl('approved') }}` is one. The signal's \
           data, an object or a list of objects, leaves by `main`, one item each (none is one empty item). Each of these \
           items came from the first one that waited: behind the wait `$('Node').item` finds what that one came from. When \
           the time is up, the items that waited leave by `timeout`. A signal counts once, and only while the step waits: \
           one that comes too early, too late or second is refused, and is not kept.\n\n\
           Different from n8n: a signal is given to the run by its API or a link, and its data are the items that go on, \
           where there they are the whole request. When the time is up, the items leave by a port of their own, `timeout`. \
           Other branches go on meanwhile; a short wait holds nothing up. There is no form.",
    icon: "clock",
    ports: OutputPorts::Fixed(&[MAIN, TIMEOUT]),
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"for": "{{ $json.patience }}"}"#,
        input: r#"[{"id": 7, "patience": "2h"}]"#,
        output: r#"{"main": [{"id": 7, "patience": "2h"}], "timeout": []}"#,
    },
    ..COMPUTES
};

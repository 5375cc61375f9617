//! `wait`: lets its items go on later.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::params,
};
use crate::{duration::HumanDuration, timestamp::Timestamp};

params! {
    /// Its parameters.
    pub struct Params one_of ["for", "until"] {
        /// How long to wait, from the moment at which the step begins.
        duration as "for": Option<HumanDuration>;
        /// Until when to wait: a time in RFC 3339. One that has passed does not wait.
        until: Option<Timestamp>;
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "wait",
    title: "Wait",
    group: Group::Flow,
    summary: "Lets its items go on after a while, or at a moment.",
    docs: "Waits of seconds or of months are the same: a waiting run holds nothing but its row in the worker's journal, \
           and goes on after a restart. The run's time limit (`settings.timeout`) counts the wait too. Its expressions \
           see the first item.",
    icon: "clock",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"for": "{{ $json.patience }}"}"#,
        input: r#"[{"id": 7, "patience": "2h"}]"#,
        output: r#"{"main": [{"id": 7, "patience": "2h"}]}"#,
    },
    ..COMPUTES
};

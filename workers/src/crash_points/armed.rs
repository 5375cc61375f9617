//! The end of the process at a point that was named.

use std::{
    io::Write as _,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use domain::ids::NodeId;

use super::CrashPoint;

/// At which passing of which point the process ends: `after_commit:3` is the third, `after_commit` the first.
#[derive(Clone)]
pub struct CrashAt {
    point: CrashPoint,
    name: &'static str,
    times: u32,
}

/// What does not name a point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is the name of a crash point and, after a colon, at which passing: one of {}", names().collect::<Vec<_>>().join(", "))]
pub struct InvalidCrashAt;

impl FromStr for CrashAt {
    type Err = InvalidCrashAt;

    fn from_str(text: &str) -> Result<Self, InvalidCrashAt> {
        let (wanted, times) = text.split_once(':').unwrap_or((text, "1"));
        let times = times.parse().ok().filter(|times| *times > 0).ok_or(InvalidCrashAt)?;
        let found = CrashPoint::ALL.iter().find(|(_, name)| *name == wanted);
        let (point, name) = *found.ok_or(InvalidCrashAt)?;
        Ok(Self { point, name, times })
    }
}

/// The names of all points, in the order in which a worker may pass them first.
pub fn names() -> impl Iterator<Item = &'static str> {
    CrashPoint::ALL.iter().map(|(_, name)| *name)
}

struct Armed {
    at: CrashAt,
    passed: AtomicU32,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Lets this process end there, as signal 9 would end it. Only the first call counts.
pub fn arm(at: Option<CrashAt>) {
    if let Some(at) = at {
        let _ = ARMED.set(Armed { at, passed: AtomicU32::new(0) });
    }
}

pub(super) fn pass(point: CrashPoint) {
    let Some(Armed { at, passed }) = ARMED.get() else { return };
    if at.point == point && passed.fetch_add(1, Ordering::Relaxed) + 1 == at.times {
        // Nothing is flushed and nothing is dropped.
        let _ = writeln!(std::io::stderr(), "crash point {}", at.name);
        std::process::abort();
    }
}

pub(super) fn may_panic(node: &NodeId, place: &str) {
    // As a real one may, it says what nobody is to read.
    assert!(node.as_str().strip_prefix("panics at ") != Some(place), "a secret of the node {node}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_has_a_name_of_its_own_and_is_found_by_it() {
        let all: BTreeSet<_> = names().collect();
        assert_eq!(all.len(), CrashPoint::ALL.len());
        for name in all {
            let at: CrashAt = format!("{name}:3").parse().ok().unwrap();
            assert_eq!((at.name, at.times), (name, 3));
        }
    }

    #[test]
    fn what_names_no_point_or_no_passing_is_refused_with_the_names() {
        for text in ["", "nowhere", "after_commit:0", "after_commit:often"] {
            let refused = text.parse::<CrashAt>().err().unwrap();
            assert!(refused.to_string().contains("before_handover"), "{refused}");
        }
        assert_eq!("after_commit".parse::<CrashAt>().ok().unwrap().times, 1);
    }
}

//! `manual`: starts a run on request and emits the run's input.

use super::{KindInfo, computes};

/// The kind.
pub static KIND: KindInfo = KindInfo { trigger: true, single: true, error_port: false, ..computes("manual") };

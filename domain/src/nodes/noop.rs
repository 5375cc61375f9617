//! `noop`: passes its items on.

use super::{KindInfo, computes};

/// The kind.
pub static KIND: KindInfo = KindInfo { error_port: false, ..computes("noop") };

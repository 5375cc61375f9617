//! `merge`.

use super::{KindInfo, computes};

/// The kind.
pub static KIND: KindInfo = computes("merge");

//! `set`.

use super::{KindInfo, computes};

/// The kind.
pub static KIND: KindInfo = computes("set");

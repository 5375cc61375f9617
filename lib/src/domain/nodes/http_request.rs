//! `http_request`.

use super::{KindInfo, computes};

/// The kind.
pub static KIND: KindInfo = computes("http_request");

//! Time passes.

use serde::{Deserialize, Serialize};

use crate::{ids::TenantId, timestamp::Timestamp};

/// Somebody has looked at a clock: what is due is to be started. It says nothing but that, so any number of them, late, lost
/// or in another order, is as good as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClockTicked {
    /// What the clock showed.
    pub at: Timestamp,
}

impl ClockTicked {
    /// In whose name ticks are told, which are everybody's.
    ///
    /// # Errors
    /// Never.
    pub fn tenant() -> Result<TenantId, crate::ids::InvalidId> {
        TenantId::parse("minireipaz")
    }
}

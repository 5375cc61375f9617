//! Why a step's JavaScript has no values at all.

use std::{io, time::Duration};

use minireipaz::fair::TooManyWait;

use crate::expr::ExpressionError;

/// None of the values that a step asked for is there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unevaluated {
    /// The attempt's time was up before there was a place.
    #[error("the attempt's time was up while its JavaScript waited for its turn")]
    Late,
    /// The attempt's time was up while it was evaluated.
    #[error("the attempt's time was up while its JavaScript was evaluated")]
    OutOfTime,
    /// An expression does not stop.
    #[error(transparent)]
    Stuck(ExpressionError),
    /// The process said nothing any more.
    #[error("the process that evaluates the step's JavaScript gave no answer for {} s and was ended", .0.as_secs())]
    Silent(Duration),
    /// Too much of the tenant's waits.
    #[error("steps with JavaScript: {0}")]
    Busy(TooManyWait),
    /// The process ended, or its answer is none.
    #[error(
        "the process that evaluates the step's JavaScript ended before it was done; it may need more memory than there is: {0}"
    )]
    Crashed(String),
    /// There is no process.
    #[error("no process for JavaScript can be started: {0}")]
    Unavailable(io::Error),
    /// The data is above a limit, which the text names.
    #[error("{0}")]
    TooMuch(String),
}

impl Unevaluated {
    /// Whether a process ended with it.
    pub(super) const fn ended_a_process(&self) -> bool {
        match self {
            Self::OutOfTime | Self::Stuck(_) | Self::Silent(_) | Self::Crashed(_) => true,
            Self::Late | Self::Busy(_) | Self::Unavailable(_) | Self::TooMuch(_) => false,
        }
    }
}

//! The pages that a person sees who follows a link. They need no script and load nothing.

use axum::response::Response;
use http::StatusCode;

use crate::http::{page::page, problem::ApiError};
use domain::ids::SignalName;

/// A page.
#[derive(Debug)]
pub(super) enum Page {
    /// The question, with a button.
    Ask(SignalName),
    /// The answer counts.
    Thanks,
    /// The answer is on its way.
    Sent,
    /// Somebody was first.
    Answered,
    /// Nobody waits for it.
    NotNow,
    /// The link is none of ours.
    Invalid,
    /// Something does not work here.
    Unwell(StatusCode),
}

impl Page {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Ask(_) | Self::Thanks => StatusCode::OK,
            Self::Sent => StatusCode::ACCEPTED,
            Self::Answered => StatusCode::CONFLICT,
            Self::NotNow => StatusCode::GONE,
            Self::Invalid => StatusCode::FORBIDDEN,
            Self::Unwell(status) => *status,
        }
    }

    /// Its heading and its text.
    fn words(&self) -> (&str, &'static str) {
        match self {
            Self::Ask(name) => (
                name.as_str(),
                "A workflow waits for this answer. It goes on as soon as you confirm; the first answer counts.",
            ),
            Self::Thanks => ("Thank you", "Your answer has arrived, and the workflow goes on."),
            Self::Sent => (
                "Thank you",
                "Your answer is on its way. It counts unless somebody else has answered before you.",
            ),
            Self::Answered => (
                "Already answered",
                "The first answer counts, and there was one before this. Nothing has changed.",
            ),
            Self::NotNow => (
                "No answer is awaited",
                "It is too late for this answer, or a little too early: if you have just got the link, try it again in \
                 a moment.",
            ),
            Self::Invalid => (
                "This link is not valid",
                "It may have been cut off. Open it once more from where you got it, or ask for another one.",
            ),
            Self::Unwell(_) => (
                "That did not work",
                "Nothing is lost: try it again in a moment. If your answer did arrive, it counts once.",
            ),
        }
    }

    /// As an answer.
    pub(super) fn response(&self) -> Response {
        let (heading, text) = self.words();
        let form = match self {
            Self::Ask(_) => "<form method=\"post\"><button>Confirm</button></form>",
            _ => "",
        };
        page(self.status(), heading, text, form)
    }
}

/// A body that no page has sent.
pub(super) fn no_form() -> ApiError {
    let detail = "send the answer's fields as a form (application/x-www-form-urlencoded), or in the query";
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

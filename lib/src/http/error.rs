//! Errors of the use cases as problems: the one place that maps to status codes.

use std::time::Duration;

use files::FilesError;
use http::StatusCode;

use super::problem::ApiError;
use crate::{
    bus::BusError,
    credentials::worker::WorkerError,
    service::{
        AlertError, CancelRunError, CredentialError, HookError, LetterError, ReadItemsError, ReadRunError,
        ReplayError, ResumeRunError, SchedulerError, StartRunError, WorkflowError,
    },
    store::{StoreError, UnreadableWorkflow},
};
use domain::violation::{Violation, ViolationCode};

/// When to come back if nothing better is known.
const SOON: Duration = Duration::from_secs(2);

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Server { .. } | StoreError::Unavailable(_) => {
                Self::unavailable("store_unavailable", "the store does not answer now; try again", SOON)
            }
            StoreError::Unreadable(why) => unreadable(why),
            StoreError::Unwritable(_) => Self::internal(),
        }
        .caused_by(error)
    }
}

impl From<FilesError> for ApiError {
    fn from(error: FilesError) -> Self {
        match &error {
            FilesError::NotFound { .. } => not_found("file_not_found", &error),
            FilesError::NoRange { size } => {
                Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", error.to_string())
                    .with_size(*size)
            }
            FilesError::TooLarge => Self::internal().caused_by(error),
            FilesError::Unavailable(_) => {
                let detail = "the file store does not answer now; try again";
                Self::unavailable("files_unavailable", detail, SOON).caused_by(error)
            }
        }
    }
}

impl From<BusError> for ApiError {
    fn from(error: BusError) -> Self {
        let detail = "the event bus does not take events now; try again. What you sent may have been accepted: \
                      look before you repeat it, or use an Idempotency-Key where there is one";
        match &error {
            BusError::Refused { code, message, .. } => {
                let detail = format!("the event bus refused the record with code {code}: {message}");
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused_by_bus", detail)
            }
            BusError::Denied { .. } => Self::unavailable("bus_unavailable", detail, SOON),
            BusError::Unavailable { retry_after, .. } => {
                Self::unavailable("bus_unavailable", detail, retry_after.unwrap_or(SOON))
            }
        }
        .caused_by(error)
    }
}

/// What was asked for is there, and cannot be read.
fn unreadable(why: &impl std::fmt::Display) -> ApiError {
    let detail = format!("{why}; quote the request id when you report it");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable_row", detail)
}

fn not_found(code: &'static str, what: &impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, code, what.to_string())
}

impl From<WorkflowError> for ApiError {
    fn from(error: WorkflowError) -> Self {
        match error {
            WorkflowError::NotFound(_) => not_found("workflow_not_found", &error),
            WorkflowError::Unreadable(UnreadableWorkflow { version, .. }) => {
                unreadable(&error).with_current_version(version).caused_by(error)
            }
            WorkflowError::Invalid(violations) => super::extract::invalid_workflow(violations),
            WorkflowError::VersionMismatch { current } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", error.to_string())
                    .with_current_version(current)
            }
            WorkflowError::Busy => {
                Self::unavailable("workflow_busy", error.to_string(), Duration::from_secs(1))
            }
            WorkflowError::TooMany(_) => {
                Self::too_many_requests("too_many_changes", error.to_string(), Duration::from_secs(1))
            }
            WorkflowError::Store(error) => error.into(),
            WorkflowError::Bus(error) => error.into(),
        }
    }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        let detail = error.to_string();
        let off = |code| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail.clone());
        match error {
            CredentialError::NotFound(_) => not_found("credential_not_found", &error),
            CredentialError::Invalid(violations) => super::extract::invalid_credential(violations),
            CredentialError::TooMany => conflict("too_many_credentials", &error),
            CredentialError::VersionMismatch { current } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", detail)
                    .with_current_version(current)
            }
            CredentialError::Busy => Self::unavailable("credential_busy", detail, Duration::from_secs(1)),
            CredentialError::Used(_) => conflict("credential_used", &error),
            CredentialError::NoKeys => off("credentials_off"),
            CredentialError::NoWorker => off("no_worker"),
            CredentialError::NoAddress => off("no_public_url"),
            CredentialError::NoConsent(_) => conflict("no_consent_needed", &error),
            CredentialError::State(_) => Self::new(StatusCode::FORBIDDEN, "invalid_state", detail),
            CredentialError::Worker(WorkerError::Refused { .. }) => conflict("credential_refused", &error),
            CredentialError::Worker(WorkerError::Away(_)) => {
                Self::unavailable("worker_unavailable", "no worker answers now; try again", SOON)
                    .caused_by(error)
            }
            CredentialError::NotOpened(_) => conflict("credential_not_opened", &error),
            CredentialError::Unwritable => Self::internal().caused_by(error),
            CredentialError::Store(error) => error.into(),
        }
    }
}

impl From<StartRunError> for ApiError {
    fn from(error: StartRunError) -> Self {
        match error {
            StartRunError::NotFound(_) => not_found("workflow_not_found", &error),
            StartRunError::NoVersion { newest, .. } => {
                let detail = error.to_string();
                let path = "version".to_owned();
                let named = Violation { path, code: ViolationCode::InvalidValue, message: detail.clone() };
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "workflow_version_not_found", detail)
                    .with_violations(vec![named])
                    .with_current_version(newest)
            }
            StartRunError::NoManualTrigger { .. } => {
                Self::new(StatusCode::CONFLICT, "no_manual_trigger", error.to_string())
            }
            StartRunError::InvalidInput(violations) => super::extract::invalid_input(violations),
            StartRunError::InvalidPlan(violations) => super::extract::invalid_plan(violations),
            StartRunError::Document(error) => error.into(),
            StartRunError::KeyReused(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", error.to_string())
            }
            StartRunError::Store(error) => error.into(),
            StartRunError::Bus(error) => error.into(),
        }
    }
}

impl From<ReadRunError> for ApiError {
    fn from(error: ReadRunError) -> Self {
        match error {
            ReadRunError::NotFound(_) => not_found("run_not_found", &error),
            ReadRunError::NoWorkflow(_) => not_found("workflow_not_found", &error),
            ReadRunError::NoNode { .. } => not_found("node_not_found", &error),
            ReadRunError::TooManyWaiters(limit) => {
                Self::too_many_requests("too_many_waiters", limit.to_string(), Duration::from_secs(1))
            }
            ReadRunError::Store(error) => error.into(),
        }
    }
}

/// What a run cannot do in the state that it is in.
fn conflict(code: &'static str, why: &impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, code, why.to_string())
}

impl From<CancelRunError> for ApiError {
    fn from(error: CancelRunError) -> Self {
        match error {
            CancelRunError::Ended { .. } => conflict("run_ended", &error),
            CancelRunError::LongReason(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", error.to_string())
            }
            CancelRunError::Read(error) => error.into(),
            CancelRunError::Bus(error) => error.into(),
        }
    }
}

impl From<ResumeRunError> for ApiError {
    fn from(error: ResumeRunError) -> Self {
        match error {
            ResumeRunError::Ended { .. } => conflict("run_ended", &error),
            ResumeRunError::NotWaiting { .. } => conflict("run_not_waiting", &error),
            ResumeRunError::AlreadyGiven { .. } => conflict("signal_already_given", &error),
            ResumeRunError::InvalidData(violations) => super::extract::invalid_data(violations),
            ResumeRunError::Read(error) => error.into(),
            ResumeRunError::Bus(error) => error.into(),
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, error.to_string());
        match error {
            ReplayError::NotEnded { .. } => conflict("run_not_ended"),
            ReplayError::WasATest(_) => conflict("run_was_a_test"),
            ReplayError::NoWorkflow(_) => conflict("workflow_deleted"),
            ReplayError::Run(error) => error.into(),
            ReplayError::Start(error) => error.into(),
        }
    }
}

impl From<ReadItemsError> for ApiError {
    fn from(error: ReadItemsError) -> Self {
        match error {
            ReadItemsError::Run(error) => error.into(),
            ReadItemsError::NoIteration { .. } => not_found("iteration_not_found", &error),
            ReadItemsError::NoPort { .. } => not_found("port_not_found", &error),
            ReadItemsError::NotRecorded { .. } => not_found("input_not_recorded", &error),
        }
    }
}

impl From<HookError> for ApiError {
    fn from(error: HookError) -> Self {
        match error {
            HookError::NotSetUp => conflict("hooks_not_set_up", &error),
            HookError::TooOften => conflict("rotated_too_often", &error),
            HookError::NoWorkflow(_) => not_found("workflow_not_found", &error),
            HookError::NoHook(..) => not_found("hook_not_found", &error),
            HookError::Store(error) => error.into(),
        }
    }
}

impl From<AlertError> for ApiError {
    fn from(error: AlertError) -> Self {
        match error {
            AlertError::NotFound(_) => not_found("alert_not_found", &error),
            AlertError::Store(error) => error.into(),
        }
    }
}

impl From<LetterError> for ApiError {
    fn from(error: LetterError) -> Self {
        match error {
            LetterError::NotFound(_) => not_found("dead_letter_not_found", &error),
            LetterError::NotAnEvent(_) | LetterError::OfAnother => conflict("not_an_event", &error),
            LetterError::RunEnded { .. } => conflict("run_ended", &error),
            LetterError::Store(error) => error.into(),
            LetterError::Bus(error) => error.into(),
        }
    }
}

impl From<SchedulerError> for ApiError {
    fn from(error: SchedulerError) -> Self {
        match error {
            SchedulerError::Store(error) => error.into(),
            // Whatever the bus says, the connector is to send the batch again.
            SchedulerError::Bus(error @ BusError::Refused { .. }) => {
                Self::unavailable("bus_unavailable", "a task was not taken; send the batch again", SOON)
                    .caused_by(error)
            }
            SchedulerError::Bus(error) => error.into(),
        }
    }
}

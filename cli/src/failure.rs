//! How a command ends when it does not end well, for people and for scripts.

use std::{fmt, process::ExitCode};

use domain::ids::RunId;

use crate::client::ClientError;

/// Why a command failed; each has its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The options or the files they name are not right.
    Usage(String),
    /// The API refused or did not answer.
    Client(ClientError),
    /// A run did not succeed, or not with the expected output; what happened is on the screen already.
    Run,
    /// Ctrl-C, while this run was followed; it goes on without us.
    Interrupted(RunId),
    /// Anything else.
    Other(anyhow::Error),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Client(error) => match error {
                ClientError::Refused(problem) if problem.status < 500 => ExitCode::from(2),
                ClientError::Refused(_) | ClientError::Unreachable { .. } | ClientError::NotOurs { .. } => {
                    ExitCode::from(3)
                }
            },
            // What shells give for Ctrl-C.
            Self::Interrupted(_) => ExitCode::from(130),
            Self::Run | Self::Other(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cross = console::style("✖").for_stderr().red().bold();
        match self {
            Self::Usage(text) => write!(f, "{cross} {text}"),
            Self::Client(error) => write!(f, "{cross} {error}"),
            Self::Run => Ok(()),
            Self::Interrupted(run) => {
                write!(f, "The run goes on.\n  → follow it again: minireipaz runs watch {run}")
            }
            Self::Other(error) => write!(f, "{cross} {error:#}"),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

//! Who is calling and what they may do.

use std::{fmt, str::FromStr, sync::Arc};

use domain::ids::TenantId;

/// A caller whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whose data they may touch.
    pub tenant: TenantId,
    /// Who they are at their issuer: the claim `sub`.
    pub subject: Arc<str>,
    /// What they may do.
    pub scopes: Scopes,
}

/// One thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// See workflows.
    WorkflowsRead,
    /// Create, change and delete workflows.
    WorkflowsWrite,
    /// See runs.
    RunsRead,
    /// Start and steer runs.
    RunsWrite,
    /// See which credentials there are, and who uses them; nobody can see what they say.
    CredentialsRead,
    /// Create, rotate, try and delete credentials, and agree to what they need.
    CredentialsWrite,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::WorkflowsRead,
        Self::WorkflowsWrite,
        Self::RunsRead,
        Self::RunsWrite,
        Self::CredentialsRead,
        Self::CredentialsWrite,
    ];

    /// The name in tokens and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorkflowsRead => "workflows:read",
            Self::WorkflowsWrite => "workflows:write",
            Self::RunsRead => "runs:read",
            Self::RunsWrite => "runs:write",
            Self::CredentialsRead => "credentials:read",
            Self::CredentialsWrite => "credentials:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not one of {}", Scopes::all()))
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub const fn contains(self, scope: &Scope) -> bool {
        self.0 & (1 << *scope as u8) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | (1 << scope as u8)))
    }
}

/// Separated by spaces, as in the claim `scope`.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            Scope::ALL.iter().filter(|scope| self.contains(scope)).map(|scope| scope.as_str()).collect();
        f.write_str(&names.join(" "))
    }
}

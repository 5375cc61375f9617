//! `$run.resumeUrl('name')`: a link by which a person gives the run a signal.

use std::sync::Arc;

use domain::iteration::Iteration;
use minireipaz::auth::{LinkKey, LinkScope, LinkSecrets};
use url::Url;

use super::Scope;

/// The method of `$run` that makes a link.
pub(super) const RESUME_URL: &str = "resumeUrl";

/// What is said where there are no links.
pub(super) const NO_LINKS: &str = "$run.resumeUrl() makes no links here: the operator has to set PUBLIC_URL and \
                                   LINK_SECRET, and it must be written as $run.resumeUrl('name')";

/// What makes links: the API's address as people reach it, and the secrets.
#[derive(Debug, Clone)]
pub struct ResumeLinks {
    /// The address.
    pub api: Url,
    /// The secrets.
    pub secrets: LinkSecrets,
}

/// What makes the links of a step.
#[derive(Debug, Clone)]
pub(crate) struct StepLinks {
    pub(crate) links: Arc<ResumeLinks>,
    /// The step's iteration.
    pub(crate) iteration: Iteration,
}

impl Scope {
    /// The key of the attempt's links. They work as long as the run may take, which began before now.
    pub(super) fn link_key(&self) -> Option<LinkKey> {
        let StepLinks { links, iteration } = self.links.as_ref()?;
        let scope = LinkScope {
            tenant: self.run.tenant.clone(),
            run: self.run.run_id,
            iteration: iteration.clone(),
            expires: self.now.plus(self.definition.timeout).as_millis(),
        };
        Some(links.secrets.key_for(&links.api, &scope))
    }
}

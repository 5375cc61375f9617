//! Sessions that wait for the next attempt. They cannot change threads, so each thread has its own few.

use std::{cell::RefCell, sync::Arc, time::Instant};

use domain::ids::TenantId;
use serde_json::Value;

use super::{JavaScriptLimits, session::Session};
use crate::expr::scope::Scope;

/// Sessions that a thread keeps: those of the tenants it worked for last.
const KEPT: usize = 4;

thread_local! {
    static IDLE: RefCell<Vec<(TenantId, Session)>> = const { RefCell::new(Vec::new()) };
}

/// A session in the hands of one attempt.
pub(in crate::expr) struct Pooled {
    session: Session,
    scope: Arc<Scope>,
    /// Whether other attempts used it before.
    used: bool,
}

impl Pooled {
    /// A session of the tenant's, or else a new one.
    pub(in crate::expr) fn enter(scope: &Arc<Scope>, limits: JavaScriptLimits) -> Result<Self, String> {
        let (mut session, used) = match idle(&scope.run.tenant, limits) {
            Some(session) => (session, true),
            None => (Session::start(limits)?, false),
        };
        session.enter(scope)?;
        Ok(Self { session, scope: Arc::clone(scope), used })
    }

    /// The value of `source` for one item.
    pub(in crate::expr) fn evaluate(
        &mut self,
        source: &Arc<str>,
        item: usize,
        deadline: Instant,
    ) -> Result<Value, String> {
        let result = self.session.evaluate(source, item, deadline);
        if !self.session.is_spent() {
            return result;
        }
        // Whatever this session did before must not cost the next item.
        let out_of_memory = result.as_ref().is_err_and(|error| error.contains("memory"));
        self.session = Session::start(self.session.limits())?;
        self.session.enter(&self.scope)?;
        if !(std::mem::take(&mut self.used) && out_of_memory) {
            return result;
        }
        // Earlier attempts may have left garbage; only what fails in a new session needs too much by itself.
        self.evaluate(source, item, deadline)
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let Some(session) = self.session.leave() else { return };
        // When the thread ends there is no place to keep it any more, and it is dropped.
        let _ = IDLE.try_with(|idle| {
            let mut idle = idle.borrow_mut();
            if idle.len() >= KEPT {
                idle.remove(0);
            }
            idle.push((self.scope.run.tenant.clone(), session));
        });
    }
}

fn idle(tenant: &TenantId, limits: JavaScriptLimits) -> Option<Session> {
    IDLE.with(|idle| {
        let mut idle = idle.borrow_mut();
        let found = idle.iter().position(|(of, session)| of == tenant && session.limits() == limits)?;
        Some(idle.remove(found).1)
    })
}

//! One process a function, started when a request needs it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::Mutex, time::Instant};
use tokio_util::task::TaskTracker;

use super::{
    function::Function,
    instance::{Instance, Lease, StartError, Unavailable},
    launcher::Launcher,
    screen,
};

/// Why a request has no process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoInstance {
    /// None could be started.
    #[error(transparent)]
    Start(StartError),
    /// The one there is has all the requests that it may have.
    #[error("too many requests at a time")]
    Full,
}

/// All functions' processes.
#[derive(Debug)]
pub(crate) struct Pool {
    slots: BTreeMap<String, Arc<Slot>>,
    launcher: Arc<Launcher>,
    idle: Duration,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Slot {
    function: Arc<Function>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Arc<Instance>>,
    /// When the last start failed, and why: requests that waited for it are not to wait for another.
    failed: Option<(Instant, StartError)>,
    /// The program stops.
    closed: bool,
}

impl Pool {
    /// A pool without any process yet.
    pub(crate) fn new(
        functions: impl IntoIterator<Item = Function>,
        launcher: Launcher,
        idle: Duration,
    ) -> Self {
        let slot = |function: Function| {
            let path = function.path.clone();
            (path, Arc::new(Slot { function: Arc::new(function), state: Arc::default() }))
        };
        Self {
            slots: functions.into_iter().map(slot).collect(),
            launcher: Arc::new(launcher),
            idle,
            tasks: TaskTracker::new(),
        }
    }

    /// The function with that path.
    pub(crate) fn function(&self, path: &str) -> Option<&Arc<Function>> {
        self.slots.get(path).map(|slot| &slot.function)
    }

    /// How many functions there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// A hold on the function's process, which is started if there is none.
    ///
    /// # Errors
    /// When it does not start, or is full.
    pub(crate) async fn lease(&self, function: &Function) -> Result<Lease, NoInstance> {
        let asked = Instant::now();
        let Some(slot) = self.slots.get(&function.path) else {
            return Err(NoInstance::Start(StartError::Ended("there is no such function".to_owned())));
        };
        let mut state = Arc::clone(&slot.state).lock_owned().await;
        if let Some(running) = &state.running {
            match running.lease() {
                Ok(lease) => return Ok(lease),
                Err(Unavailable::Full) => return Err(NoInstance::Full),
                Err(Unavailable::Gone) => state.running = None,
            }
        }
        if state.closed {
            return Err(NoInstance::Start(StartError::Ended("everything stops".to_owned())));
        }
        if let Some((at, error)) = &state.failed
            && *at >= asked
        {
            return Err(NoInstance::Start(error.clone()));
        }
        // A task of its own: a client that goes away must not waste the start that others wait for.
        let (function, launcher) = (Arc::clone(&slot.function), Arc::clone(&self.launcher));
        let (idle, tasks) = (self.idle, self.tasks.clone());
        let start = self.tasks.spawn(async move {
            let mut started = Instance::start(&function, &launcher, idle, &tasks).await;
            if matches!(started, Err(StartError::Ended(_))) {
                // Its port may have been taken in between.
                started = Instance::start(&function, &launcher, idle, &tasks).await;
            }
            match started {
                Ok(instance) => {
                    let lease = instance.lease();
                    state.running = Some(instance);
                    lease.map_err(|_| StartError::Ended("it ended at once".to_owned()))
                }
                Err(error) => {
                    screen::failed(&function.path, &error);
                    state.failed = Some((Instant::now(), error.clone()));
                    Err(error)
                }
            }
        });
        match start.await {
            Ok(started) => started.map_err(NoInstance::Start),
            Err(error) => Err(NoInstance::Start(StartError::Ended(error.to_string()))),
        }
    }

    /// Ends all processes.
    pub(crate) async fn stop(&self) {
        join_all(self.slots.values().map(|slot| async {
            let mut state = slot.state.lock().await;
            state.closed = true;
            if let Some(running) = state.running.take() {
                running.stop().await;
            }
        }))
        .await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

//! One process a function, started when a request needs it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::Mutex, time::Instant};
use tokio_util::task::TaskTracker;

use super::{
    deployment::Function,
    event::{Event, Tell},
    instance::{Instance, Lease, Unavailable},
    launcher::Launcher,
    process::{Process, StartError},
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
    slots: BTreeMap<String, Slot>,
    starter: Arc<Starter>,
}

/// What starts processes.
#[derive(Debug)]
struct Starter {
    launcher: Launcher,
    idle: Duration,
    tell: Tell,
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
    /// A pool without any process yet; one that is `idle` for so long is stopped.
    pub(crate) fn new(functions: Vec<Function>, launcher: Launcher, idle: Duration, tell: Tell) -> Self {
        let slot = |function: Function| {
            (function.path.clone(), Slot { function: Arc::new(function), state: Arc::default() })
        };
        Self {
            slots: functions.into_iter().map(slot).collect(),
            starter: Arc::new(Starter { launcher, idle, tell, tasks: TaskTracker::new() }),
        }
    }

    /// The function with that path.
    pub(crate) fn function(&self, path: &str) -> Option<&Arc<Function>> {
        self.slots.get(path).map(|slot| &slot.function)
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
        let (function, starter) = (Arc::clone(&slot.function), Arc::clone(&self.starter));
        let start = self.starter.tasks.spawn(async move {
            match starter.start(&function).await {
                Ok(instance) => {
                    let lease = instance.lease();
                    state.running = Some(instance);
                    lease.map_err(|_| StartError::Ended("it ended at once".to_owned()))
                }
                Err(error) => {
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
        self.starter.tasks.close();
        self.starter.tasks.wait().await;
    }
}

impl Starter {
    /// Starts a process, and once more when it ended at once: its port may have been taken in between.
    async fn start(&self, function: &Arc<Function>) -> Result<Arc<Instance>, StartError> {
        let process = async || Process::start(function, &self.launcher, self.tell, &self.tasks).await;
        let mut started = process().await;
        if matches!(started, Err(StartError::Ended(_))) {
            started = process().await;
        }
        let process = started.inspect_err(|error| (self.tell)(&function.path, Event::NotStarted(error)))?;
        Ok(Instance::of(process, Arc::clone(function), self.idle, self.tell, &self.tasks))
    }
}

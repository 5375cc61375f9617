//! What ends a child whose engine does not stop: some builtins never ask whether they may go on.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};

/// Looks are no further apart, whatever is watched: the next one may be short.
const LONGEST_LOOK: Duration = Duration::from_millis(125);

/// So many looks without work, and the watchdog sleeps until it is woken.
const IDLE_LOOKS: u32 = 4;

/// Where the engine is, as the watchdog sees it, and who may speak.
pub(super) struct Watched {
    /// Odd while an expression is evaluated; each has its own.
    sequence: AtomicU64,
    source: AtomicUsize,
    /// How long it may take, in microseconds.
    time: AtomicU64,
    sleeps: AtomicBool,
    /// Held by who writes an answer.
    speaks: Mutex<()>,
}

/// The engine's side.
pub(super) struct Watchdog {
    watched: Arc<Watched>,
    thread: Thread,
}

impl Watchdog {
    /// Watches from now on. `stuck` is called once, with the expression, when one goes on for half as long again as it
    /// may take; until it returns, nobody else speaks.
    pub(super) fn start(stuck: impl FnOnce(usize) + Send + 'static) -> io::Result<Self> {
        let watched = Arc::new(Watched {
            sequence: AtomicU64::new(0),
            source: AtomicUsize::new(0),
            time: AtomicU64::new(0),
            sleeps: AtomicBool::new(false),
            speaks: Mutex::new(()),
        });
        let own = Arc::clone(&watched);
        let builder = thread::Builder::new().name("watchdog".to_owned()).stack_size(256 * 1024);
        let thread = builder.spawn(move || own.watch(stuck))?.thread().clone();
        Ok(Self { watched, thread })
    }

    /// The engine begins an expression, which may take so long, or is done with it.
    pub(super) fn at(&self, source: Option<usize>, time: Duration) {
        if let Some(source) = source {
            self.watched.source.store(source, Ordering::Relaxed);
            let time = time.as_micros().try_into().unwrap_or(u64::MAX);
            self.watched.time.store(time, Ordering::Relaxed);
        }
        self.watched.sequence.fetch_add(1, Ordering::SeqCst);
        if self.watched.sleeps.load(Ordering::SeqCst) && self.watched.sleeps.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// Does what must not be mixed with the watchdog's own words.
    pub(super) fn speak<T>(&self, say: impl FnOnce() -> T) -> T {
        let _speaks = self.watched.speaks.lock().unwrap_or_else(PoisonError::into_inner);
        say()
    }
}

impl Watched {
    fn watch(&self, stuck: impl FnOnce(usize)) {
        let (mut last, mut since, mut idle) = (0, Duration::ZERO, 0);
        loop {
            let time = Duration::from_micros(self.time.load(Ordering::Relaxed));
            let look = (time / 2).clamp(Duration::from_millis(1), LONGEST_LOOK);
            if idle >= IDLE_LOOKS {
                self.sleeps.store(true, Ordering::SeqCst);
                // Who begins in between does not know yet that it has to wake this thread.
                if self.sequence.load(Ordering::SeqCst) == last {
                    thread::park();
                }
                idle = 0;
            } else {
                thread::park_timeout(look);
            }
            let (sequence, now) = (self.sequence.load(Ordering::SeqCst), cpu_time());
            if sequence != last {
                (last, since, idle) = (sequence, now, 0);
            } else if sequence.is_multiple_of(2) {
                idle += 1;
            } else if now.saturating_sub(since) >= time + time / 2 {
                let _speaks = self.speaks.lock().unwrap_or_else(PoisonError::into_inner);
                if self.sequence.load(Ordering::SeqCst) == sequence {
                    return stuck(self.source.load(Ordering::Relaxed));
                }
            }
        }
    }
}

/// The CPU time that this process has used.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

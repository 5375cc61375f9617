//! One process of a function: started, watched, stopped.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    net::{UnixListener, UnixStream},
    process::{Child, Command},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    function::Function,
    ipc::{self, Message},
    launcher::Launcher,
    screen,
};

/// How long a function may take until it listens: what the platform grants for a start.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long a function may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Requests at a time in one process; a function has 1024 file descriptors there.
const MAX_CONCURRENCY: usize = 1000;

/// Longest line of a function's output that is shown as one.
const MAX_LINE: u64 = 64 << 10;

/// Why a function did not start.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StartError {
    /// The system refused.
    #[error("{program} cannot be started: {reason}")]
    Spawn { program: String, reason: String },
    /// It ended at once.
    #[error("it ended before it listened ({0})")]
    Ended(String),
    /// It does not say that it listens.
    #[error("it did not listen within {} s", START_LIMIT.as_secs())]
    Slow,
}

/// Why a running instance does not take a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It ends, or has ended.
    Gone,
    /// It has as many requests as it may have.
    Full,
}

/// A running process.
#[derive(Debug)]
pub(crate) struct Instance {
    port: u16,
    usage: Mutex<Usage>,
    stop: CancellationToken,
    ended: CancellationToken,
}

#[derive(Debug)]
struct Usage {
    requests: usize,
    /// When the last request ended.
    since: Instant,
    /// No more requests are taken.
    closed: bool,
}

/// A request's hold on an instance: it is not idle as long as there is one.
#[derive(Debug)]
pub(crate) struct Lease(Arc<Instance>);

impl Lease {
    /// Where it listens on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    /// Nothing listens there any more: no other request is to try it.
    pub(crate) fn is_gone(&self) {
        self.0.usage().closed = true;
        self.0.stop.cancel();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut usage = self.0.usage();
        usage.requests -= 1;
        usage.since = Instant::now();
    }
}

impl Instance {
    /// Starts a process and waits until it listens.
    ///
    /// # Errors
    /// When it does not come to that; it is killed then.
    pub(crate) async fn start(
        function: &Arc<Function>,
        launcher: &Launcher,
        idle: Duration,
        tasks: &TaskTracker,
    ) -> Result<Arc<Self>, StartError> {
        let begun = Instant::now();
        let spawn_error = |reason: io::Error| StartError::Spawn {
            program: function.program.display().to_string(),
            reason: reason.to_string(),
        };
        let socket = launcher.socket();
        let listener = UnixListener::bind(&socket).map_err(spawn_error)?;
        let port = free_port().map_err(spawn_error)?;
        let mut child = spawn(function, launcher, port, &socket).map_err(spawn_error)?;
        for output in [child.stdout.take().map(boxed), child.stderr.take().map(boxed)].into_iter().flatten() {
            let function = Arc::clone(function);
            tasks.spawn(async move { print_lines(&function.path, output).await });
        }
        let listens = async {
            let (stream, _) = listener.accept().await?;
            let mut stream = BufReader::new(stream);
            loop {
                match ipc::next(&mut stream).await? {
                    Some(Message::ServerStarted(port)) => return Ok((port, stream)),
                    Some(message) => print_message(&function.path, message),
                    None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                }
            }
        };
        let (port, stream) = tokio::select! {
            listens = timeout_at(begun + START_LIMIT, listens) => match listens {
                Ok(Ok(listens)) => listens,
                Ok(Err(error)) => return Err(StartError::Ended(error.to_string())),
                Err(_) => return Err(StartError::Slow),
            },
            status = child.wait() => return Err(StartError::Ended(described(status))),
        };
        let _ = std::fs::remove_file(&socket);
        screen::started(&function.path, child.id(), begun.elapsed());
        let instance = Arc::new(Self {
            port,
            usage: Mutex::new(Usage { requests: 0, since: Instant::now(), closed: false }),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        let path = Arc::clone(function);
        tasks.spawn(async move { print_messages(&path.path, stream).await });
        let (watched, function) = (Arc::clone(&instance), Arc::clone(function));
        tasks.spawn(async move { watched.watch(child, &function.path, idle).await });
        Ok(instance)
    }

    /// Takes a request.
    ///
    /// # Errors
    /// When it ends or is full.
    pub(crate) fn lease(self: &Arc<Self>) -> Result<Lease, Unavailable> {
        let mut usage = self.usage();
        if usage.closed {
            return Err(Unavailable::Gone);
        }
        if usage.requests >= MAX_CONCURRENCY {
            return Err(Unavailable::Full);
        }
        usage.requests += 1;
        Ok(Lease(Arc::clone(self)))
    }

    /// Ends the process: SIGTERM, and SIGKILL when that does not help.
    pub(crate) async fn stop(&self) {
        self.usage().closed = true;
        self.stop.cancel();
        self.ended.cancelled().await;
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the process until it has ended, and ends it when it is idle or no longer wanted.
    async fn watch(&self, mut child: Child, function: &str, idle: Duration) {
        let mut look = self.usage().since + idle;
        loop {
            tokio::select! {
                status = child.wait() => {
                    screen::crashed(function, &described(status));
                    break;
                }
                () = self.stop.cancelled() => {
                    end(&mut child).await;
                    break;
                }
                () = sleep_until(look) => match self.idle(idle) {
                    Ok(()) => {
                        end(&mut child).await;
                        screen::idle(function, idle);
                        break;
                    }
                    Err(next) => look = next,
                },
            }
        }
        self.usage().closed = true;
        self.ended.cancel();
    }

    /// Closes it when nothing has asked for it for so long; else says when to look again.
    fn idle(&self, idle: Duration) -> Result<(), Instant> {
        let mut usage = self.usage();
        let now = Instant::now();
        let end = usage.since + idle;
        match usage.requests {
            0 if end <= now => {
                usage.closed = true;
                Ok(())
            }
            0 => Err(end),
            _ => Err(now + idle),
        }
    }
}

fn spawn(function: &Function, launcher: &Launcher, port: u16, socket: &Path) -> io::Result<Child> {
    let mut command: Command = launcher.command(&function.program);
    command
        .envs(&function.environment)
        .env("VERCEL_DEV_PORT", port.to_string())
        .env("VERCEL_IPC_PATH", socket)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for this program alone, which lets the functions finish.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn end(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?)) {
        // It has not been waited for, so the number is still its own.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        if timeout(STOP_LIMIT, child.wait()).await.is_ok() {
            return;
        }
    }
    let _ = child.kill().await;
}

/// A port that is free now. Whoever takes it in between makes the start fail, which is tried again.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn described(status: io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

fn boxed<R: AsyncRead + Send + Unpin + 'static>(output: R) -> Box<dyn AsyncRead + Send + Unpin> {
    Box::new(output)
}

async fn print_lines(function: &str, output: Box<dyn AsyncRead + Send + Unpin>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    // A line that is longer is shown as several.
    while let Ok(1..) = (&mut output).take(MAX_LINE).read_until(b'\n', &mut line).await {
        screen::log(function, String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

async fn print_messages(function: &str, mut stream: BufReader<UnixStream>) {
    while let Ok(Some(message)) = ipc::next(&mut stream).await {
        print_message(function, message);
    }
}

fn print_message(function: &str, message: Message) {
    if let Message::Log(text) = message {
        screen::log(function, text.trim_end());
    }
}

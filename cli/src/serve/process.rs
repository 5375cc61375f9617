//! A process of a function: started so that it listens, read while it runs, ended.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    net::{UnixListener, UnixStream},
    process::Child,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

use super::{
    deployment::Function,
    event::{Event, Tell},
    ipc::{self, Message},
    launcher::Launcher,
};

/// How long a function may take until it listens: what the platform grants for a start.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long a function may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(5);
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

/// A process that listens. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Starts one and waits until it listens; `tasks` read what it says from then on.
    ///
    /// # Errors
    /// When it does not come to that; it is killed then.
    pub(crate) async fn start(
        function: &Arc<Function>,
        launcher: &Launcher,
        tell: Tell,
        tasks: &TaskTracker,
    ) -> Result<Self, StartError> {
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
            tasks.spawn(async move { tell_lines(&function.path, output, tell).await });
        }
        let listens = async {
            let (stream, _) = listener.accept().await?;
            let mut stream = BufReader::new(stream);
            loop {
                match ipc::next(&mut stream).await? {
                    Some(Message::ServerStarted(port)) => return Ok((port, stream)),
                    Some(message) => tell_message(&function.path, message, tell),
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
        tell(&function.path, Event::Started { pid: child.id(), took: begun.elapsed() });
        let function = Arc::clone(function);
        tasks.spawn(async move { tell_messages(&function.path, stream, tell).await });
        Ok(Self { child, port })
    }

    /// Where it listens on this machine.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it ends by itself; says how.
    pub(crate) async fn ended(&mut self) -> String {
        described(self.child.wait().await)
    }

    /// Ends it: SIGTERM, and SIGKILL when that does not help.
    pub(crate) async fn end(&mut self) {
        if let Some(pid) =
            self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?))
        {
            // It has not been waited for, so the number is still its own.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            if timeout(STOP_LIMIT, self.child.wait()).await.is_ok() {
                return;
            }
        }
        let _ = self.child.kill().await;
    }
}

fn spawn(function: &Function, launcher: &Launcher, port: u16, socket: &Path) -> io::Result<Child> {
    launcher
        .command(&function.program)
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

async fn tell_lines(function: &str, output: Box<dyn AsyncRead + Send + Unpin>, tell: Tell) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    // A line that is longer is shown as several.
    while let Ok(1..) = (&mut output).take(MAX_LINE).read_until(b'\n', &mut line).await {
        tell(function, Event::Log(String::from_utf8_lossy(&line).trim_end()));
        line.clear();
    }
}

async fn tell_messages(function: &str, mut stream: BufReader<UnixStream>, tell: Tell) {
    while let Ok(Some(message)) = ipc::next(&mut stream).await {
        tell_message(function, message, tell);
    }
}

fn tell_message(function: &str, message: Message, tell: Tell) {
    if let Message::Log(text) = message {
        tell(function, Event::Log(text.trim_end()));
    }
}

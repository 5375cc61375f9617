//! A child, from the worker's side.

use std::{io, path::Path, process::Stdio, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{
    ANSWER_BYTES,
    child::{SUBCOMMAND, is_child},
    frame,
};

/// How long a child that ended its answers may take to end itself.
const END: Duration = Duration::from_secs(1);

/// A child process. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// Counts it as alive.
    _alive: Arc<()>,
}

impl Process {
    /// Starts the program. Needs a runtime, and a thread that lives as long as the child may: on Linux a child dies
    /// with the thread that started it.
    pub(super) fn spawn(program: &Path, alive: Arc<()>) -> io::Result<Self> {
        if is_child() {
            // It would start itself for ever.
            return Err(io::Error::other("this program did not call `javascript_child` first"));
        }
        let mut command = Command::new(program);
        command.arg(SUBCOMMAND).env_clear().current_dir("/");
        Self::of(command, alive)
    }

    fn of(mut command: Command, alive: Arc<()>) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A terminal's Ctrl-C is for the worker.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Self { child, input, output, _alive: alive }),
            _ => Err(io::Error::other("a child without pipes")),
        }
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, framed: &[u8]) -> io::Result<()> {
        self.input.write_all(framed).await?;
        self.input.flush().await
    }

    /// Sends a message and waits for the answer, of at most [`ANSWER_BYTES`].
    pub(super) async fn ask(&mut self, framed: &[u8]) -> io::Result<Vec<u8>> {
        let sent = self.send(framed).await;
        let answer = self.answer().await;
        // One that ended before it was asked may have said why.
        answer.map_err(|error| sent.err().unwrap_or(error))
    }

    async fn answer(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; frame::HEAD];
        self.output.read_exact(&mut head).await?;
        let length = frame::length(head, ANSWER_BYTES)?;
        // It grows with what comes: a length alone takes no memory.
        let mut answer = Vec::new();
        (&mut self.output).take(length as u64).read_to_end(&mut answer).await?;
        if answer.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
    }

    /// Whether it has not ended.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended, for people.
    pub(super) async fn end(mut self) -> String {
        match timeout(END, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it does not end by itself".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::limits::MAX_JAVASCRIPT_INPUT_BYTES;
    use serde_json::Value;

    use super::{super::message::Answer, *};

    #[tokio::test]
    async fn a_child_that_ended_before_it_was_asked_has_said_why() {
        let place = tempfile::tempdir().unwrap();
        let said = place.path().join("said");
        let why = Answer::<Value>::Failed("it may not confine itself".to_owned());
        std::fs::write(&said, frame::framed(&why, ANSWER_BYTES).unwrap()).unwrap();
        let mut command = Command::new("/bin/cat");
        command.arg(said);
        let mut process = Process::of(command, Arc::default()).unwrap();
        // More than a pipe holds, so that it is not sent when nobody reads it.
        let question = frame::framed(&"x".repeat(1_000_000), MAX_JAVASCRIPT_INPUT_BYTES).unwrap();
        let answer = process.ask(&question).await.unwrap();
        assert!(String::from_utf8(answer).unwrap().contains("it may not confine itself"));
    }
}

//! For tests: servers that speak the clouds' protocols, one of each kind for a test binary.
//!
//! Each store has a prefix of its own. `scripts/object_store_server.py` installs and runs the servers; they stop when the
//! binary ends.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::sync::OnceCell;

use crate::FilesSettings;

/// What the script ends with when a registry does not answer.
const OUT_OF_REACH: i32 = 69;

/// The account and the key that every Azurite has, as its documentation prints them.
const AZURITE: (&str, &str) = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
);

/// Whose protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon's S3.
    S3,
    /// Azure's blobs.
    Azure,
}

/// A server that runs. It ends with its standard input.
#[derive(Debug)]
pub struct CloudServer {
    child: Child,
    port: u16,
}

impl Drop for CloudServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It fails only when it is gone already.
        let _ = self.child.wait();
    }
}

impl CloudServer {
    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Cloud {
    const fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "azure",
        }
    }

    /// A server of the test's own, which it may stop. `None`: what it comes from is out of reach, which is said.
    ///
    /// # Panics
    /// When it is there and does not start.
    pub async fn start(self) -> Option<CloudServer> {
        let started = tokio::task::spawn_blocking(move || start(self.name())).await;
        match started {
            Ok(Ok(server)) => server,
            wrong => panic!("no server for {self:?}, and its lines say why: {wrong:?}"),
        }
    }

    /// Settings of a place in which nothing is yet, at the server that all tests of the binary share.
    pub async fn settings(self) -> Option<FilesSettings> {
        static SERVERS: [OnceCell<Option<CloudServer>>; 2] = [const { OnceCell::const_new() }; 2];
        let server = SERVERS[self as usize].get_or_init(|| self.start()).await;
        server.as_ref().and_then(|server| self.settings_at(server.port))
    }

    /// The same at a server of the test's own.
    #[must_use]
    pub fn settings_at(self, port: u16) -> Option<FilesSettings> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let prefix = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let base = format!("http://127.0.0.1:{port}");
        let account = format!("{base}/{}", AZURITE.0);
        let (scheme, told) = match self {
            Self::S3 => (
                "s3",
                vec![
                    ("AWS_ACCESS_KEY_ID", "test"),
                    ("AWS_SECRET_ACCESS_KEY", "test"),
                    ("AWS_REGION", "us-east-1"),
                    ("AWS_ENDPOINT_URL", base.as_str()),
                    ("AWS_ALLOW_HTTP", "true"),
                ],
            ),
            Self::Azure => (
                "az",
                vec![
                    ("AZURE_STORAGE_ACCOUNT_NAME", AZURITE.0),
                    ("AZURE_STORAGE_ACCOUNT_KEY", AZURITE.1),
                    ("AZURE_STORAGE_ENDPOINT", account.as_str()),
                    ("AZURE_ALLOW_HTTP", "true"),
                ],
            ),
        };
        let mut settings = FilesSettings::new(format!("{scheme}://files/{prefix}").parse().ok()?);
        settings.cloud = told.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(settings)
    }
}

fn start(kind: &str) -> std::io::Result<Option<CloudServer>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/object_store_server.py");
    let mut child = Command::new("python3")
        .arg(script)
        .arg(kind)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Ctrl-C in a terminal goes to the whole group.
        .process_group(0)
        .spawn()?;
    let mut line = String::new();
    if let Some(said) = child.stdout.take() {
        BufReader::new(said).read_line(&mut line)?;
    }
    if let Ok(port) = line.trim().parse() {
        return Ok(Some(CloudServer { child, port }));
    }
    let status = child.wait()?;
    if status.code() == Some(OUT_OF_REACH) {
        eprintln!("skipped: no server for {kind}, for what it comes from is out of reach");
        return Ok(None);
    }
    Err(std::io::Error::other(format!("the script ended with {status}")))
}

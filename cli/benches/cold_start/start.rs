//! One start of a program.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixListener},
    process::Command,
    time::timeout,
};

/// How long a start may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings that are right and lead nowhere.
const SETTINGS: [(&str, &str); 6] = [
    ("AUTH_ISSUER", "https://id.example/"),
    ("AUTH_AUDIENCE", "api"),
    ("AUTH_JWKS_URL", "http://127.0.0.1:1/jwks.json"),
    ("CONNECTOR_SECRET", "0123456789abcdef"),
    ("KAFKA_REST_URL", "http://127.0.0.1:1"),
    ("CLICKHOUSE_URL", "clickhouse://user:password@127.0.0.1:1/db"),
];

/// A program that is measured.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) megabytes: f64,
    file: PathBuf,
    path: String,
    is_bare: bool,
}

impl Program {
    /// This program itself, as a bare server.
    pub(crate) fn bare() -> anyhow::Result<Self> {
        Self::new("bare hyper", std::env::current_exe()?, "/".to_owned(), true)
    }

    /// A function's program in a folder.
    pub(crate) fn function(folder: &Path, name: &str, path: String) -> anyhow::Result<Self> {
        Self::new(name, folder.join(name), path, false)
    }

    fn new(name: &str, file: PathBuf, path: String, is_bare: bool) -> anyhow::Result<Self> {
        #[expect(clippy::cast_precision_loss, reason = "it is printed with one digit")]
        let megabytes = fs::metadata(&file)?.len() as f64 / 1e6;
        Ok(Self { name: name.to_owned(), megabytes, file, path, is_bare })
    }

    /// Starts it, waits until it says that it listens, asks once; gives the time until the answer was there.
    pub(crate) async fn start(&self) -> anyhow::Result<Duration> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("ipc");
        let listener = UnixListener::bind(&socket)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new(&self.file);
        if self.is_bare {
            command.args(["--bare", &port.to_string()]).arg(&socket);
        } else {
            command.env("VERCEL_DEV_PORT", port.to_string()).env("VERCEL_IPC_PATH", &socket).envs(SETTINGS);
        }
        command.env("LOG", "error").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut child = command.kill_on_drop(true).spawn()?;
        let answer = timeout(PATIENCE, async {
            let (mut said, _) = listener.accept().await?;
            while said.read_u8().await? != 0 {}
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            let request =
                format!("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", self.path);
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            std::io::Result::Ok(answer)
        })
        .await??;
        let taken = begun.elapsed();
        ensure!(answer.starts_with(b"HTTP/1.1 "), "no answer");
        child.kill().await?;
        Ok(taken)
    }
}

//! A real provider: `oidc-provider` of npm, with a person who agrees to everything.

use std::{collections::BTreeMap, path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::OnceCell,
};
use url::Url;

use crate::app::within;

/// Where the provider sends people back to; nobody has to listen there.
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// The provider's process.
pub(super) struct Provider {
    pub(super) base: String,
    client: reqwest::Client,
    _process: Child,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/oidc")
}

/// Installs its packages, once a checkout.
async fn installed() {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let install = async || {
        if folder().join("node_modules/oidc-provider").exists() {
            return;
        }
        let npm = Command::new("npm").args(["ci", "--no-progress"]).current_dir(folder()).status();
        assert!(npm.await.expect("npm is needed").success(), "npm ci in scripts/oidc");
    };
    INSTALLED.get_or_init(install).await;
}

impl Provider {
    pub(super) async fn start() -> Self {
        installed().await;
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .arg(REDIRECT_URI)
            .current_dir(folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node is needed");
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = async {
            loop {
                let line = said.next_line().await.unwrap().expect("it says where it listens");
                if let Some(base) = line.strip_prefix("listening ") {
                    return base.to_owned();
                }
            }
        };
        let base = within("the provider", listening).await;
        // Its pages are followed by hand, to see where they lead.
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { base, client: client.build().unwrap(), _process: process }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What it was asked.
    pub(super) async fn count(&self, what: &str) -> u64 {
        let counts = self.client.get(self.url("/counts")).send().await.unwrap();
        let counts: Value = counts.json().await.unwrap();
        counts[what].as_u64().unwrap()
    }

    /// Makes the access tokens that were shown worthless.
    pub(super) async fn outdate(&self) {
        self.client.get(self.url("/outdate")).send().await.unwrap();
    }

    /// Asks for tokens as somebody who has stolen this refresh token does.
    pub(super) async fn steal(&self, client: (&str, &str), refresh_token: &str) -> bool {
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request =
            self.client.post(self.url("/token")).basic_auth(encoded(client.0), Some(encoded(client.1)));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap().status().is_success()
    }

    /// A person opens the address and agrees; what the provider sends them back with.
    pub(super) async fn agree(&self, url: &Url) -> BTreeMap<String, String> {
        let (mut at, mut cookies) = (url.clone(), BTreeMap::<String, String>::new());
        for _ in 0..12 {
            if at.as_str().starts_with(REDIRECT_URI) {
                return at.query_pairs().into_owned().collect();
            }
            let cookie: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer =
                self.client.get(at.clone()).header("cookie", cookie.join("; ")).send().await.unwrap();
            for set in answer.headers().get_all("set-cookie") {
                let pair = set.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(next) = answer.headers().get("location") else {
                panic!("{at} leads nowhere: {}", answer.text().await.unwrap())
            };
            at = at.join(next.to_str().unwrap()).unwrap();
        }
        panic!("{url} goes round in a circle");
    }
}

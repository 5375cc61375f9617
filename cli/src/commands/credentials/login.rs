//! `minireipaz credentials login`: a person agrees at a provider, and this waits until they have.

use std::time::Duration;

use domain::{credential::CredentialStatus, ids::CredentialId};
use minireipaz::clock::{Clock as _, SystemClock};

use crate::{client::Client, display::print, failure::Failure};

/// How often the server is asked whether the person has agreed.
const LOOK: Duration = Duration::from_secs(2);

/// Shows where to agree, and waits. One that is ready already is agreed to anew, which nothing here can see.
pub(super) async fn login(client: &Client, id: CredentialId) -> Result<(), Failure> {
    let before = client.credentials().get(id).await?;
    let consent = client.credentials().authorize(id).await?;
    print(&format!("Open this address and agree; it is for you alone:\n\n  {}\n", consent.url));
    if before.status == CredentialStatus::Ready {
        return Ok(());
    }
    eprintln!("waiting until {} (Ctrl-C ends this; you may agree all the same)", consent.expires_at);
    while SystemClock.now() < consent.expires_at {
        tokio::time::sleep(LOOK).await;
        if client.credentials().get(id).await?.status == CredentialStatus::Ready {
            print("The credential can be used.");
            return Ok(());
        }
    }
    Err(Failure::Other(anyhow::anyhow!(
        "nobody has agreed in time\n  → begin again: minireipaz credentials login {id}"
    )))
}

//! `minireipaz credentials`. What a credential says is asked for, or read from a file or the standard input: what stands
//! on a command line is seen by others and kept by shells.

mod login;
mod values;

use std::path::PathBuf;

use domain::{
    credential::{Credential, CredentialStatus, CredentialType},
    ids::CredentialId,
};
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    json::print_json,
    page::{PageArgs, print_next},
    server::{self, ServerArgs},
};
use crate::{
    display::{moment, one_line, print, table},
    failure::Failure,
};

/// What can be typed after `credentials`.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  minireipaz credentials types
  minireipaz credentials create http_bearer 'Shop' --host api.shop.example     (asks for the token)
  minireipaz credentials create http_basic 'Store' --values store.json
  pass show shop | jq -R '{token: .}' | minireipaz credentials rotate 0197… --values -
  minireipaz credentials test 0197… --address https://api.shop.example/me
  minireipaz credentials login 0197…")]
pub(crate) enum CredentialsCommand {
    /// List credentials, last changed first.
    List {
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List the types of credentials with their values.
    Types {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print a credential, without what it says, and who uses it.
    Get {
        /// The credential's id.
        id: CredentialId,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Save a new credential.
    Create {
        /// Its type, such as `http_bearer`.
        #[arg(value_name = "TYPE")]
        kind: CredentialType,
        /// What people call it.
        name: String,
        /// A host to which it may be shown, such as api.example.com or *.example.com; may be given several times [default:
        /// all hosts].
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
        #[command(flatten)]
        values: ValuesArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Replace what a credential says.
    Rotate {
        /// The credential's id.
        id: CredentialId,
        #[command(flatten)]
        values: ValuesArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Seal all credentials with the first of the keys (`CREDENTIAL_KEYS`), so that the others can go.
    Reseal {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Delete a credential that no workflow names.
    Delete {
        /// The credential's id.
        id: CredentialId,
        /// Delete it although workflows name it: their steps fail then.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Try a credential: a worker calls an address with it.
    Test {
        /// The credential's id.
        id: CredentialId,
        /// What is called (GET). Of oauth2 it may be left out: then a token is asked for.
        #[arg(long, value_name = "URL")]
        address: Option<Url>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Agree at a provider that a credential may act for you (OAuth 2.0).
    Login {
        /// The credential's id.
        id: CredentialId,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Where the values come from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ValuesArgs {
    /// A file with the values as JSON, or `-` for the standard input [default: they are asked for].
    #[arg(long, value_name = "FILE")]
    values: Option<PathBuf>,
}

/// How many are resealed in a request for a list.
const PAGE: u32 = 200;

/// Does what was typed.
pub(super) async fn execute(command: CredentialsCommand) -> Result<(), Failure> {
    match command {
        CredentialsCommand::List { page, server } => list(&page, server).await,
        CredentialsCommand::Types { server } => types(server).await,
        CredentialsCommand::Get { id, server } => {
            let client = server::client(server)?;
            let (credential, used_by) =
                (client.credentials().get(id).await?, client.credentials().used_by(id).await?);
            let mut shown = serde_json::to_value(credential).map_err(anyhow::Error::from)?;
            shown["used_by"] = serde_json::to_value(used_by).map_err(anyhow::Error::from)?;
            print_json(&shown)
        }
        CredentialsCommand::Create { kind, name, hosts, values, server } => {
            let client = server::client(server)?;
            let values = values::given(&client, kind, values.values.as_deref()).await?;
            let body = json!({ "name": name, "type": kind, "values": values, "hosts": hosts });
            let saved = client.credentials().create(&body).await?;
            print(&saved.id.to_string());
            hint(&saved);
            Ok(())
        }
        CredentialsCommand::Rotate { id, values, server } => {
            let client = server::client(server)?;
            let known = client.credentials().get(id).await?;
            let values: Map<String, Value> =
                values::given(&client, known.kind, values.values.as_deref()).await?;
            let saved = client.credentials().change(id, known.version, &json!({ "values": values })).await?;
            print(&format!("{} v{}", saved.id, saved.version));
            hint(&saved);
            Ok(())
        }
        CredentialsCommand::Reseal { server } => reseal(server).await,
        CredentialsCommand::Delete { id, force, server } => {
            Ok(server::client(server)?.credentials().delete(id, force).await?)
        }
        CredentialsCommand::Test { id, address, server } => {
            let result = server::client(server)?.credentials().test(id, address.as_ref()).await?;
            match (&result.error, result.status) {
                (None, Some(status)) => print(&format!("the server answered with status {status}")),
                (None, None) => print("the provider gave a token"),
                (Some(error), _) => print(&format!("{} ({})", error.message, error.code)),
            }
            if result.ok { Ok(()) } else { Err(Failure::Run) }
        }
        CredentialsCommand::Login { id, server } => login::login(&server::client(server)?, id).await,
    }
}

async fn list(page: &PageArgs, server: ServerArgs) -> Result<(), Failure> {
    let list = server::client(server)?.credentials().list(page.limit, page.cursor.as_deref()).await?;
    if page.json {
        return print_json(&list);
    }
    if list.items.is_empty() {
        print("No credentials yet.\n  → save one: minireipaz credentials create TYPE NAME");
        return Ok(());
    }
    let row = |row: &Credential| {
        let hosts = if row.hosts.0.is_empty() { "all".to_owned() } else { row.hosts.to_string() };
        let cells = [
            row.id.to_string(),
            format!("v{}", row.version),
            row.kind.to_string(),
            status(row.status).to_owned(),
            one_line(&hosts),
            moment(row.updated_at),
            one_line(&row.name),
        ];
        cells.to_vec()
    };
    let rows: Vec<_> = list.items.iter().map(row).collect();
    print(&table(&["id", "version", "type", "status", "hosts", "saved (UTC)", "name"], &rows));
    print_next(list.next_cursor.as_deref());
    Ok(())
}

const fn status(status: CredentialStatus) -> &'static str {
    match status {
        CredentialStatus::Ready => "ready",
        CredentialStatus::NeedsConsent => "needs consent",
    }
}

async fn types(server: ServerArgs) -> Result<(), Failure> {
    let types = server::client(server)?.credentials().types().await?;
    let mut rows = Vec::new();
    for form in types {
        rows.push(vec![form.kind.clone(), String::new(), format!("{}: {}", form.title, form.summary)]);
        for field in form.fields() {
            let optional = if field.required { "" } else { " (may be missing)" };
            rows.push(vec![String::new(), field.name, format!("{}{optional}", field.doc)]);
        }
    }
    print(&table(&["type", "value", "meaning"], &rows));
    Ok(())
}

/// An empty change seals with the first key.
async fn reseal(server: ServerArgs) -> Result<(), Failure> {
    let client = server::client(server)?;
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = client.credentials().list(PAGE, cursor.as_deref()).await?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    for known in all {
        let saved = client.credentials().change(known.id, known.version, &json!({})).await?;
        print(&format!("{} v{}  {} → {}", saved.id, saved.version, known.key, saved.key));
    }
    Ok(())
}

fn hint(saved: &Credential) {
    if saved.status == CredentialStatus::NeedsConsent {
        eprintln!("  → somebody has to agree at the provider: minireipaz credentials login {}", saved.id);
    }
}

#[cfg(test)]
mod tests;

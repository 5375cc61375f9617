//! `minireipaz hooks`.

use domain::{
    duration::HumanDuration,
    ids::{NodeId, WorkflowId},
};
use url::Url;

use super::{
    json::print_json,
    server::{self, ServerArgs},
};
use crate::{
    client::HookAddresses,
    display::{moment, one_line, print, table},
    failure::Failure,
};

/// What can be typed after `hooks`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  minireipaz hooks 0197…
  minireipaz hooks 0197… --rotate hook --overlap 1h")]
pub(crate) struct HooksArgs {
    /// The workflow's id.
    workflow: WorkflowId,
    /// Give the webhook of this node another address.
    #[arg(long, value_name = "NODE")]
    rotate: Option<NodeId>,
    /// For how long the address before works too, such as 1h [default: not at all].
    #[arg(long, value_name = "DURATION", requires = "rotate")]
    overlap: Option<HumanDuration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Does what was typed.
pub(super) async fn execute(args: HooksArgs) -> Result<(), Failure> {
    let client = server::client(args.server)?;
    if let Some(node) = &args.rotate {
        let rotated = client.rotate_hook(args.workflow, node, args.overlap).await?;
        if args.json {
            return print_json(&rotated);
        }
        show(client.base(), std::slice::from_ref(&rotated));
        return Ok(());
    }
    let found = client.hooks(args.workflow).await?;
    if args.json {
        return print_json(&found);
    }
    if found.items.is_empty() {
        print("No webhooks in this workflow.\n  → give it a node of the type `webhook`");
        return Ok(());
    }
    show(client.base(), &found.items);
    if !found.active {
        print("The workflow is not active: only the addresses for trying work.");
    }
    Ok(())
}

fn show(base: &Url, hooks: &[HookAddresses]) {
    let base = base.as_str().trim_end_matches('/');
    let rows = hooks.iter().flat_map(|hook| {
        let row = |what: &str, path: &str| {
            vec![one_line(hook.node.as_str()), what.to_owned(), hook.methods.clone(), format!("{base}{path}")]
        };
        [row("live", &hook.path), row("test", &hook.test_path)]
    });
    print(&table(&["node", "for", "methods", "address"], &rows.collect::<Vec<_>>()));
    for hook in hooks {
        if let Some(until) = hook.previous_until {
            let node = one_line(hook.node.as_str());
            print(&format!("{node}: the address before works until {} (UTC)", moment(until)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fake::{Fake, WORKFLOW};

    fn hook() -> Value {
        json!({
            "node": "hook", "methods": "POST, OPTIONS", "path": "/api/v1/hooks/abc",
            "test_path": "/api/v1/hooks/test/abc",
        })
    }

    fn args(server: ServerArgs) -> HooksArgs {
        HooksArgs { workflow: WORKFLOW.parse().unwrap(), rotate: None, overlap: None, json: false, server }
    }

    #[tokio::test]
    async fn the_addresses_are_asked_for_and_told() {
        let line = format!("GET /workflows/{WORKFLOW}/hooks");
        let fake = Fake::new().on(&line, 200, &json!({"active": false, "items": [hook()]})).start().await;
        execute(args(fake.args())).await.unwrap();
        assert_eq!(fake.lines(), [line]);
    }

    #[tokio::test]
    async fn an_address_is_exchanged_with_the_time_for_which_both_work() {
        let line = format!("POST /workflows/{WORKFLOW}/hooks");
        let fake = Fake::new().on(&line, 200, &hook()).start().await;
        let rotate = Some("hook".parse().unwrap());
        let overlap = Some("1h".parse().unwrap());
        execute(HooksArgs { rotate, overlap, json: true, ..args(fake.args()) }).await.unwrap();
        assert_eq!(fake.requests()[0].body, json!({"node": "hook", "overlap": "1h"}));
    }
}

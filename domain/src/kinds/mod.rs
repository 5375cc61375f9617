//! The node kinds: each is declared once, here.
//!
//! A kind is one file here, with its declaration and its parameters, and one of the same name in `workers::nodes`,
//! with its execution. What editors, docs, validation and the engine know of it comes from the declaration.

mod declaration;
pub mod document;
pub mod params;

pub mod aggregate;
pub mod call_workflow;
pub mod code;
pub mod crypto;
pub mod date_time;
pub mod dedupe;
pub mod fail;
pub mod filter;
pub mod html;
pub mod http_request;
pub mod if_;
pub mod limit;
pub mod loop_;
pub mod manual;
pub mod markdown;
pub mod merge;
pub mod noop;
pub mod rename;
pub mod respond;
pub mod schedule;
pub mod set;
pub mod sort;
pub mod split;
pub mod summarize;
pub mod switch;
pub mod wait;
pub mod webhook;
pub mod xml;

pub use declaration::{Declaration, Effect, Example, Group, OutputPorts};
use serde_json::{Map, Value};

use params::{At, Reader};

macro_rules! kinds {
    ($($variant:ident = $module:ident,)+) => {
        /// A node kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = concat!("[`", stringify!($module), "`]")] $variant,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// What is declared of it.
            #[must_use]
            pub const fn declaration(self) -> &'static Declaration {
                match self { $(Self::$variant => &$module::DECLARATION,)+ }
            }
        }
    };
}

kinds! {
    Manual = manual,
    Schedule = schedule,
    Webhook = webhook,
    HttpRequest = http_request,
    Set = set,
    If = if_,
    Switch = switch,
    Filter = filter,
    Merge = merge,
    Split = split,
    Aggregate = aggregate,
    Sort = sort,
    Limit = limit,
    Dedupe = dedupe,
    Summarize = summarize,
    Rename = rename,
    Code = code,
    DateTime = date_time,
    Crypto = crypto,
    Html = html,
    Xml = xml,
    Markdown = markdown,
    Wait = wait,
    Loop = loop_,
    CallWorkflow = call_workflow,
    Respond = respond,
    Noop = noop,
    Fail = fail,
}

impl Kind {
    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Its name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.declaration().name
    }

    /// Checks the parameters of a document; `path` is where they stand in it.
    pub fn check(self, params: &Map<String, Value>, path: &str, reader: &mut Reader<'_>) {
        let at = At::root(path);
        (self.declaration().check)(params, &at, reader);
        self.declaration().ports.check(params, &at, reader);
    }
}

#[cfg(test)]
mod tests;

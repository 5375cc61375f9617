//! `markdown`: Markdown to HTML and back.

use super::{
    declaration::{COMPUTES, Declaration, Example, Group},
    params::{Text, choice, fields::Keep, params, path::FieldPath},
};

params! {
    /// Its parameters.
    pub struct Params {
        /// What is done: `to_html` makes HTML of Markdown, `to_markdown` Markdown of HTML.
        action: Action, [fixed];
        /// The text.
        value: Text;
        /// What Markdown may hold: what `CommonMark` has, or (`github`) tables, task lists, struck out text and footnotes
        /// too.
        flavor: Flavor = Flavor::Github, with action ["to_html"];
        /// Whether HTML in the Markdown stays HTML; else it becomes visible text.
        html: bool = true, with action ["to_html"];
        /// Whether a line break is one; else it is a space, and two spaces at a line's end break it.
        line_breaks: bool = false, with action ["to_html"];
        /// Where the result goes.
        into: FieldPath = FieldPath::name("data");
        /// What stays of the item besides: `all`, `none`, or a list of fields.
        keep: Keep = Keep::All;
    }
}

choice! {
    /// What is done.
    pub enum Action {
        /// HTML is made.
        ToHtml = "to_html",
        /// Markdown is made.
        ToMarkdown = "to_markdown",
    }
}

choice! {
    /// What Markdown may hold.
    pub enum Flavor {
        /// What the specification says.
        CommonMark = "commonmark",
        /// What GitHub has besides.
        Github = "github",
    }
}

/// The kind.
pub static DECLARATION: Declaration = Declaration {
    name: "markdown",
    title: "Markdown",
    group: Group::Data,
    summary: "Makes HTML of Markdown, or Markdown of HTML.",
    docs: "HTML that people wrote whom you do not trust may hold scripts: `html: false` makes text of it, but links go \
           where they say all the same.\n\n\
           Markdown that is made has `#` headings, `-` lists, fenced code and tables; scripts, styles and what has no form \
           in Markdown are dropped, their text is not.\n\n\
           Different from n8n: it has a switch for each extension, all of them off; here `flavor` is one for all, and it is \
           on. Headings have no ids. Markdown that is made has no options of its own.",
    icon: "file-text",
    params: Params::TABLE,
    check: Params::check,
    example: Example {
        params: r#"{"action": "to_html", "value": "{{ $json.note }}", "into": "html"}"#,
        input: r##"[{"note": "# Hello\n\nThis is *new*."}]"##,
        output: r##"{"main": [{"note": "# Hello\n\nThis is *new*.", "html": "<h1>Hello</h1>\n<p>This is <em>new</em>.</p>\n"}]}"##,
    },
    ..COMPUTES
};

//! Markdown as HTML.

use std::fmt;

use domain::{
    kinds::markdown::{Flavor, Params},
    limits::MAX_STEP_OUTPUT_BYTES,
    run::NodeError,
};
use pulldown_cmark::{Event, Options, Parser, html};

use super::super::{html_document::within_size, output::within, transform::TimeLeft};

/// The HTML of Markdown.
pub(super) fn html(params: &Params, time: TimeLeft) -> Result<String, Box<NodeError>> {
    let text = &params.value.0;
    within_size(text)?;
    let options = match params.flavor {
        Flavor::CommonMark => Options::empty(),
        Flavor::Github => {
            Options::ENABLE_TABLES
                | Options::ENABLE_TASKLISTS
                | Options::ENABLE_STRIKETHROUGH
                | Options::ENABLE_FOOTNOTES
        }
    };
    let events = Parser::new_ext(text, options).map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) if !params.html => Event::Text(html),
        Event::SoftBreak if params.line_breaks => Event::HardBreak,
        other => other,
    });
    let mut output = Bounded { html: String::new(), time };
    if html::write_html_fmt(&mut output, events).is_err() {
        time.check()?;
        within("MAX_STEP_OUTPUT_BYTES", "bytes", MAX_STEP_OUTPUT_BYTES + 1, MAX_STEP_OUTPUT_BYTES)?;
    }
    Ok(output.html)
}

/// A text that takes no more than a step may give, and nothing once the time is up.
struct Bounded {
    html: String,
    time: TimeLeft,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.time.check().is_err() || self.html.len() + text.len() > MAX_STEP_OUTPUT_BYTES {
            return Err(fmt::Error);
        }
        self.html.push_str(text);
        Ok(())
    }
}

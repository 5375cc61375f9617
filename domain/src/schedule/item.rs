//! What a run is given that a schedule has started.

use chrono::{Datelike, SecondsFormat};
use serde_json::json;

use super::Zone;
use crate::{items::Item, timestamp::Timestamp};

/// The item of an occurrence: the fields that n8n's schedule trigger gives, and `planned_at` in UTC. All of it is of the
/// planned moment, so that the same occurrence always is the same item.
#[must_use]
pub fn item(planned: Timestamp, zone: Zone) -> Item {
    let at = zone.at(planned);
    let day = ordinal(at.day());
    let fields = [
        ("timestamp", json!(at.to_rfc3339_opts(SecondsFormat::Millis, false))),
        ("planned_at", json!(planned)),
        ("Readable date", json!(format!("{} {day} {}", at.format("%B"), at.format("%Y, %-I:%M:%S %P")))),
        ("Readable time", json!(at.format("%-I:%M:%S %P").to_string())),
        ("Day of week", json!(at.format("%A").to_string())),
        ("Year", json!(at.format("%Y").to_string())),
        ("Month", json!(at.format("%B").to_string())),
        ("Day of month", json!(at.format("%d").to_string())),
        ("Hour", json!(at.format("%H").to_string())),
        ("Minute", json!(at.format("%M").to_string())),
        ("Second", json!(at.format("%S").to_string())),
        ("Timezone", json!(format!("{zone} (UTC{})", at.format("%:z")))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `1st`, `22nd`, `13th`.
fn ordinal(day: u32) -> String {
    let ending = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}

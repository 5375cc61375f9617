//! Values in statements. klickhouse has no parameters on the wire, so every value that comes from outside becomes a
//! literal here and nowhere else.

use std::fmt::{self, Display, Write as _};

use uuid::Uuid;

use crate::store::Cursor;
use domain::{ids::TenantId, timestamp::Timestamp};

/// A string literal. A quote or a backslash is the only thing that could end or change it.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        for c in self.0.chars() {
            if matches!(c, '\'' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('\'')
    }
}

/// A moment as a `DateTime64(3)`.
pub(super) struct Moment(pub(super) Timestamp);

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fromUnixTimestamp64Milli(toInt64({}))", self.0.as_millis())
    }
}

/// A moment as a `DateTime`, in whole seconds.
pub(super) struct Hour(pub(super) Timestamp);

impl Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = (self.0.as_millis() / 1_000).clamp(0, i64::from(u32::MAX));
        write!(f, "toDateTime({seconds}, 'UTC')")
    }
}

/// Most keys in one statement.
pub(super) const MAX_KEYS: usize = 4_000;

/// The condition for rows with these keys. One tenant is a search by the whole key. For several, each column's set
/// is named besides the set of pairs: from pairs alone the server's index takes only the last column.
pub(super) fn keys_are<'a>(column: &str, keys: impl Iterator<Item = (&'a TenantId, Uuid)> + Clone) -> String {
    let mut tenants: Vec<&TenantId> = keys.clone().map(|(tenant, _)| tenant).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let ids = list(keys.clone().map(|(_, id)| format!("'{id}'")));
    match tenants[..] {
        [tenant] => format!("tenant = {} AND {column} IN ({ids})", Text(tenant.as_str())),
        _ => {
            let pairs = list(keys.map(|(tenant, id)| format!("({},'{id}')", Text(tenant.as_str()))));
            let tenants = list(tenants.iter().map(|tenant| Text(tenant.as_str())));
            format!("tenant IN ({tenants}) AND {column} IN ({ids}) AND (tenant, {column}) IN ({pairs})")
        }
    }
}

/// The condition for rows after `cursor` in a list by the column `moment`, newest first, then by the column `id`.
pub(super) fn after(moment: &str, id_column: &str, cursor: &Cursor) -> String {
    let (at, id) = (Moment(cursor.at), cursor.id);
    format!("{moment} <= {at} AND ({moment} < {at} OR toUInt128({id_column}) < toUInt128(toUUID('{id}')))")
}

fn list(items: impl Iterator<Item: Display>) -> String {
    let mut text = String::new();
    for (i, item) in items.enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{item}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal_early() {
        assert_eq!(Text("a'b\\c").to_string(), r"'a\'b\\c'");
        assert_eq!(Text("'; DROP TABLE runs; --").to_string(), r"'\'; DROP TABLE runs; --'");
        assert_eq!(Text("\\").to_string(), r"'\\'");
        assert_eq!(Text("ä\n$1 {x:String}").to_string(), "'ä\n$1 {x:String}'");
    }

    #[test]
    fn one_tenant_is_a_search_by_the_key_and_several_name_each_column() {
        let (a, b) = (TenantId::parse("a").unwrap(), TenantId::parse("b'").unwrap());
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(
            keys_are("id", [(&a, one), (&a, two)].into_iter()),
            format!("tenant = 'a' AND id IN ('{one}','{two}')")
        );
        assert_eq!(
            keys_are("id", [(&b, one), (&a, two)].into_iter()),
            format!(
                r"tenant IN ('a','b\'') AND id IN ('{one}','{two}') AND (tenant, id) IN (('b\'','{one}'),('a','{two}'))"
            )
        );
    }
}

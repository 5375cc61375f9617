//! Sums of numbers.
//!
//! Whole numbers are added exactly, however large they are (to 38 digits). With a fraction among them it is as in
//! JavaScript: doubles, in their order, so that `0.1 + 0.2` is `0.30000000000000004`.

use serde_json::Number;

use crate::number;

/// Numbers that are being added.
#[derive(Debug, Clone)]
pub struct Sum {
    /// As long as all are whole.
    exact: Option<i128>,
    float: f64,
    count: u64,
}

impl Default for Sum {
    fn default() -> Self {
        Self { exact: Some(0), float: 0.0, count: 0 }
    }
}

impl Sum {
    /// Adds a number.
    pub fn add(&mut self, number: &Number) {
        let whole = number::text(number).parse::<i128>().ok();
        self.exact = self.exact.zip(whole).and_then(|(sum, whole)| sum.checked_add(whole));
        self.float += number.as_f64().unwrap_or(f64::NAN);
        self.count += 1;
    }

    /// What they come to; `0` of none.
    ///
    /// # Errors
    /// When it is beyond what a double holds.
    pub fn total(&self) -> Result<Number, TooLarge> {
        self.exact.map_or_else(|| number::from_f64(self.float), written).ok_or(TooLarge)
    }

    /// Their mean; `Ok(None)` of none.
    ///
    /// # Errors
    /// When their sum is beyond what a double holds.
    pub fn mean(&self) -> Result<Option<Number>, TooLarge> {
        let count = i128::from(self.count);
        if count == 0 {
            return Ok(None);
        }
        if let Some(sum) = self.exact
            && sum % count == 0
        {
            return Ok(written(sum / count));
        }
        #[expect(clippy::cast_precision_loss, reason = "the mean is a double, as in JavaScript")]
        let mean = self.exact.map_or(self.float, |sum| sum as f64) / self.count as f64;
        number::from_f64(mean).map(Some).ok_or(TooLarge)
    }
}

/// The sum of some numbers is larger than a double holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sum of the numbers is larger than a number may be (about 1.8e308)")]
pub struct TooLarge;

fn written(whole: i128) -> Option<Number> {
    whole.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum and the mean.
    fn of(numbers: &[&str]) -> (Result<String, TooLarge>, Result<Option<String>, TooLarge>) {
        let mut sum = Sum::default();
        numbers.iter().for_each(|written| sum.add(&written.parse().unwrap()));
        let mean = sum.mean().map(|mean| mean.map(|mean| mean.to_string()));
        (sum.total().map(|total| total.to_string()), mean)
    }

    #[test]
    fn whole_numbers_are_added_exactly_and_others_as_in_javascript() {
        for (numbers, total, mean) in [
            (&[][..], "0", None),
            (&["1", "2.0", "-4e0"], "-1", Some("-0.3333333333333333")),
            (&["9007199254740993", "9007199254740993"], "18014398509481986", Some("9007199254740993")),
            (&["0.1", "0.2"], "0.30000000000000004", Some("0.15000000000000002")),
            (&["9007199254740993", "0.5"], "9007199254740992", Some("4503599627370496")),
            (&["1e30", "1e30"], "2e+30", Some("1e+30")),
        ] {
            assert_eq!(of(numbers), (Ok(total.into()), Ok(mean.map(str::to_owned))), "{numbers:?}");
        }
        assert_eq!(of(&["1e308", "1e308"]), (Err(TooLarge), Err(TooLarge)));
        assert_eq!(of(&["1e400", "0.5"]), (Err(TooLarge), Err(TooLarge)));
    }
}

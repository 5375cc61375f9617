//! Laws of comparisons.

use serde_json::json;

use super::*;

fn compare(types: Types, op: Op, left: &Value, right: &Value) -> Result<bool, InvalidComparison> {
    Comparer::new(Rules { types, ignore_case: false }).holds(op, left, right)
}

fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        (-3..3_i8).prop_map(Value::from),
        (-3..3_i8).prop_map(|whole| json!(f64::from(whole))),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<Value> {
    prop_oneof!["[a-cA-C0-9 .]{0,4}", "2026-0[1-9]-1[0-9]", Just("true".to_owned()), Just("[1]".to_owned())]
        .prop_map(Value::from)
        .boxed()
}

fn value() -> BoxedStrategy<Value> {
    let scalar = prop_oneof![number(), text(), any::<bool>().prop_map(Value::from), Just(Value::Null)];
    prop_oneof![
        4 => scalar.clone(),
        1 => prop::collection::vec(scalar.clone(), 0..4).prop_map(Value::from),
        1 => ("[ab]", scalar).prop_map(|(name, inner)| json!({ name: inner })),
    ]
    .boxed()
}

/// A value that an operator takes.
fn fitting(operand: Operand) -> BoxedStrategy<Value> {
    match operand {
        Operand::Any => value(),
        Operand::Number => number(),
        Operand::Text => text(),
        Operand::Time => prop_oneof!["2026-0[1-9]-1[0-9]", "2026-01-01T0[0-9]:00:00(Z|[+-]01:00)"]
            .prop_map(Value::from)
            .boxed(),
        Operand::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Operand::List => prop::collection::vec(value(), 0..4).prop_map(Value::from).boxed(),
        Operand::Holder => {
            prop_oneof![text(), prop::collection::vec(value(), 0..4).prop_map(Value::from)].boxed()
        }
    }
}

fn op() -> BoxedStrategy<Op> {
    prop::sample::select(Op::ALL).boxed()
}

fn typed() -> BoxedStrategy<(Op, Value, Value)> {
    op().prop_flat_map(|op| {
        let right = op.right().map_or(Just(Value::Null).boxed(), fitting);
        (Just(op), fitting(op.left()), right)
    })
    .boxed()
}

proptest! {
    #[test]
    fn who_negates_holds_exactly_when_the_other_does_not(op in op(), left in value(), right in value()) {
        prop_assume!(op.negates().is_some());
        for types in [Types::Strict, Types::Loose] {
            let (one, other) = (compare(types, op, &left, &right), compare(types, op.negates().unwrap(), &left, &right));
            match (one, other) {
                (Ok(one), Ok(other)) => prop_assert_ne!(one, other),
                (Err(_), Err(_)) => {}
                (one, other) => prop_assert!(false, "{:?} {:?}", one, other),
            }
        }
    }

    #[test]
    fn what_an_operator_takes_it_judges_without_an_error((op, left, right) in typed()) {
        prop_assume!(!op.takes_pattern() && !matches!(op, Op::Contains | Op::NotContains));
        prop_assert!(compare(Types::Strict, op, &left, &right).is_ok(), "{:?} {} {}", op, left, right);
    }

    #[test]
    fn loose_agrees_with_strict_where_both_sides_have_one_type((op, left, right) in typed()) {
        let one_type = match op.left() {
            Operand::Any => std::mem::discriminant(&left) == std::mem::discriminant(&right),
            Operand::Holder => left.is_string() && right.is_string(),
            _ => true,
        };
        // Inside lists and objects are values of any type.
        prop_assume!(one_type && !left.is_object() && !(left.is_array() && right.is_array()));
        prop_assume!(!op.takes_pattern() && op.right() != Some(Operand::List));
        prop_assert_eq!(compare(Types::Strict, op, &left, &right), compare(Types::Loose, op, &left, &right));
    }

    #[test]
    fn loose_never_fails_where_strict_does_not(op in op(), left in value(), right in value()) {
        if compare(Types::Strict, op, &left, &right).is_ok() {
            prop_assert!(compare(Types::Loose, op, &left, &right).is_ok(), "{:?} {} {}", op, left, right);
        }
    }

    #[test]
    fn equality_is_symmetric_and_of_every_value_with_itself(left in value(), right in value()) {
        for types in [Types::Strict, Types::Loose] {
            prop_assert_eq!(compare(types, Op::Eq, &left, &right), compare(types, Op::Eq, &right, &left));
            prop_assert_eq!(compare(types, Op::Eq, &left, &left), Ok(true));
        }
    }

    #[test]
    fn order_is_total(a in number(), b in number()) {
        let says = |op, a, b| compare(Types::Strict, op, a, b).unwrap();
        let one_of = [Op::Lt, Op::Eq, Op::Gt].into_iter().filter(|op| says(*op, &a, &b)).count();
        prop_assert_eq!(one_of, 1);
        prop_assert_eq!(says(Op::Lte, &a, &b), says(Op::Gte, &b, &a));
        prop_assert_eq!(says(Op::Lte, &a, &b), !says(Op::Gt, &a, &b));
    }
}

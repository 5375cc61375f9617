//! The operators of a comparison.

/// What an operator takes on one side. `null` is taken everywhere; what comes of it, the operators' docs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// Any value.
    Any,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A moment, as text.
    Time,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A text, a list or an object: what can hold something.
    Holder,
}

impl Operand {
    /// Its name in docs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Number => "number",
            Self::Text => "text",
            Self::Time => "time",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Holder => "text, list or object",
        }
    }
}

macro_rules! operators {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal: $left:ident $(, $right:ident)?;)+) => {
        /// How `left` and `right` are compared.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Op {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Op {
            /// All of them, in the order in which people read them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// When it holds, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// What it takes on the left.
            #[must_use]
            pub const fn left(self) -> Operand {
                match self { $(Self::$variant => Operand::$left,)+ }
            }

            /// What it takes on the right; `None`: nothing.
            #[must_use]
            pub const fn right(self) -> Option<Operand> {
                match self { $(Self::$variant => operators!(@right $($right)?),)+ }
            }
        }
    };
    (@right) => { None };
    (@right $right:ident) => { Some(Operand::$right) };
}

operators! {
    /// The same value: numbers by value (`1` is `1.0`), lists and objects by what is in them.
    Eq = "eq": Any, Any;
    /// Not `eq`.
    Ne = "ne": Any, Any;
    /// Greater.
    Gt = "gt": Number, Number;
    /// Greater or equal.
    Gte = "gte": Number, Number;
    /// Less.
    Lt = "lt": Number, Number;
    /// Less or equal.
    Lte = "lte": Number, Number;
    /// Earlier.
    Before = "before": Time, Time;
    /// Later.
    After = "after": Time, Time;
    /// The same moment, or earlier.
    AtOrBefore = "at_or_before": Time, Time;
    /// The same moment, or later.
    AtOrAfter = "at_or_after": Time, Time;
    /// The same moment, whatever the zones are.
    SameTime = "same_time": Time, Time;
    /// Not `same_time`.
    NotSameTime = "not_same_time": Time, Time;
    /// A text holds the text, a list an element that is `eq`, an object a field of that name.
    Contains = "contains": Holder, Any;
    /// Not `contains`.
    NotContains = "not_contains": Holder, Any;
    /// The text begins so.
    StartsWith = "starts_with": Text, Text;
    /// Not `starts_with`.
    NotStartsWith = "not_starts_with": Text, Text;
    /// The text ends so.
    EndsWith = "ends_with": Text, Text;
    /// Not `ends_with`.
    NotEndsWith = "not_ends_with": Text, Text;
    /// The regular expression on the right is found anywhere in the text.
    Matches = "matches": Text, Text;
    /// Not `matches`.
    NotMatches = "not_matches": Text, Text;
    /// An element of the list on the right is `eq`.
    In = "in": Any, List;
    /// Not `in`.
    NotIn = "not_in": Any, List;
    /// The list has so many elements.
    LengthEq = "length_eq": List, Number;
    /// Not `length_eq`.
    LengthNe = "length_ne": List, Number;
    /// The list has more elements.
    LengthGt = "length_gt": List, Number;
    /// The list has so many elements, or more.
    LengthGte = "length_gte": List, Number;
    /// The list has fewer elements.
    LengthLt = "length_lt": List, Number;
    /// The list has so many elements, or fewer.
    LengthLte = "length_lte": List, Number;
    /// It is `true`.
    IsTrue = "is_true": Boolean;
    /// Not `is_true`.
    IsFalse = "is_false": Boolean;
    /// It is there, and not `null`.
    Exists = "exists": Any;
    /// Not `exists`.
    NotExists = "not_exists": Any;
    /// It is `null`, missing, `""`, `[]` or `{}`.
    Empty = "empty": Any;
    /// Not `empty`.
    NotEmpty = "not_empty": Any;
}

impl Op {
    /// The operator of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|op| op.as_str() == name)
    }

    /// Whether it compares with something.
    #[must_use]
    pub const fn takes_right(self) -> bool {
        self.right().is_some()
    }

    /// The operator that holds exactly when this one does not.
    #[must_use]
    pub const fn negates(self) -> Option<Self> {
        Some(match self {
            Self::Ne => Self::Eq,
            Self::NotSameTime => Self::SameTime,
            Self::NotContains => Self::Contains,
            Self::NotStartsWith => Self::StartsWith,
            Self::NotEndsWith => Self::EndsWith,
            Self::NotMatches => Self::Matches,
            Self::NotIn => Self::In,
            Self::LengthNe => Self::LengthEq,
            Self::IsFalse => Self::IsTrue,
            Self::NotExists => Self::Exists,
            Self::NotEmpty => Self::Empty,
            _ => return None,
        })
    }

    /// Whether it compares with a regular expression.
    #[must_use]
    pub const fn takes_pattern(self) -> bool {
        matches!(self, Self::Matches | Self::NotMatches)
    }
}

//! Asks a type what it deserialises from.
//!
//! A deserialiser is told by a type which form it expects: a number, a list, a table with these keys.
//! [`Probe`] is a deserialiser that has no data: it notes what it is told at one place below the type,
//! and ends with an error. So a schema is made from the very code that reads a config.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, VariantAccess, Visitor};

use self::access::{One, Variant};

mod access;

/// The form that a type expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    /// Whole; those without a sign are not below 0.
    Integer {
        is_signed: bool,
    },
    Number,
    Text,
    List,
    /// A list of so many.
    Tuple(usize),
    /// A table with these keys.
    Struct(&'static [&'static str]),
    /// A table with any keys.
    Map,
    /// One of these words, or a table with one of them.
    Enum(&'static [&'static str]),
    /// A variant without values.
    Unit,
    /// It looks at the data first.
    Any,
}

/// A step from a type to what is inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SchemaStep {
    /// The value of a key.
    Key(String),
    /// The value of any key.
    Entry,
    /// What a list holds.
    Item,
    /// What a variant holds.
    Variant(&'static str),
}

/// What is asked of `T` at `path`; `None` if it never comes there.
pub(super) fn form_at<T: for<'de> serde::Deserialize<'de>>(path: &[SchemaStep]) -> Option<Form> {
    let found = RefCell::new(None);
    // It has no data, so that it always fails.
    let _ = T::deserialize(Probe { path, found: &found });
    found.into_inner()
}

/// A deserialiser without data.
struct Probe<'a> {
    path: &'a [SchemaStep],
    found: &'a RefCell<Option<Form>>,
}

/// Why it fails.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoData(String);

impl serde::de::Error for NoData {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Self(said.to_string())
    }
}

impl<'a> Probe<'a> {
    /// Notes the form if the place is reached; else goes on with what is inside.
    fn at<V>(
        self,
        form: Form,
        inside: impl FnOnce(&'a SchemaStep, Probe<'a>) -> Result<V, NoData>,
    ) -> Result<V, NoData> {
        match self.path.split_first() {
            None => {
                *self.found.borrow_mut() = Some(form);
                Err(NoData::custom("noted"))
            }
            Some((step, rest)) => inside(step, Probe { path: rest, found: self.found }),
        }
    }

    fn ends<V>(self, form: Form) -> Result<V, NoData> {
        self.at(form, |_, _| Err(NoData::custom("nothing is inside")))
    }

    fn entries<'de, V: Visitor<'de>>(self, form: Form, visitor: V) -> Result<V::Value, NoData> {
        self.at(form, |step, rest| match step {
            SchemaStep::Key(key) => visitor.visit_map(One { key: Some(key), value: Some(rest) }),
            SchemaStep::Entry => visitor.visit_map(One { key: Some("entry"), value: Some(rest) }),
            SchemaStep::Item | SchemaStep::Variant(_) => Err(NoData::custom("a table has keys")),
        })
    }

    fn items<'de, V: Visitor<'de>>(self, form: Form, visitor: V) -> Result<V::Value, NoData> {
        self.at(form, |step, rest| match step {
            SchemaStep::Item => visitor.visit_seq(One { key: None, value: Some(rest) }),
            _ => Err(NoData::custom("a list has items")),
        })
    }
}

macro_rules! forms {
    ($($method:ident: $form:expr,)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoData> {
            self.ends($form)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = NoData;

    forms! {
        deserialize_any: Form::Any,
        deserialize_bool: Form::Bool,
        deserialize_i8: Form::Integer { is_signed: true },
        deserialize_i16: Form::Integer { is_signed: true },
        deserialize_i32: Form::Integer { is_signed: true },
        deserialize_i64: Form::Integer { is_signed: true },
        deserialize_u8: Form::Integer { is_signed: false },
        deserialize_u16: Form::Integer { is_signed: false },
        deserialize_u32: Form::Integer { is_signed: false },
        deserialize_u64: Form::Integer { is_signed: false },
        deserialize_f32: Form::Number,
        deserialize_f64: Form::Number,
        deserialize_char: Form::Text,
        deserialize_str: Form::Text,
        deserialize_string: Form::Text,
        deserialize_bytes: Form::Any,
        deserialize_byte_buf: Form::Any,
        deserialize_identifier: Form::Text,
        deserialize_ignored_any: Form::Any,
        deserialize_unit: Form::Unit,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoData> {
        // A key that may be left out. TOML has no value for it.
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, NoData> {
        self.ends(Form::Unit)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NoData> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoData> {
        self.items(Form::List, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, NoData> {
        self.items(Form::Tuple(len), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, NoData> {
        self.items(Form::Tuple(len), visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoData> {
        self.entries(Form::Map, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NoData> {
        self.entries(Form::Struct(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NoData> {
        self.at(Form::Enum(variants), |step, rest| match step {
            SchemaStep::Variant(name) => visitor.visit_enum(Variant { name, value: rest }),
            _ => Err(NoData::custom("an enum has variants")),
        })
    }
}

impl<'de> VariantAccess<'de> for Probe<'_> {
    type Error = NoData;

    fn unit_variant(self) -> Result<(), NoData> {
        self.ends(Form::Unit)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, NoData> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, NoData> {
        self.items(Form::Tuple(len), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NoData> {
        self.entries(Form::Struct(fields), visitor)
    }
}

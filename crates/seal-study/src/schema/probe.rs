//! Asks a type what it deserialises from.
//!
//! A deserialiser is told by a type which form it expects: a number, a list, a table with these keys.
//! [`Probe`] is a deserialiser that has no data: it notes what it is told at one place below the type,
//! and ends with an error. So a schema is made from the very code that reads a config.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

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
pub(super) enum Step {
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
pub(super) fn form_at<T: for<'de> serde::Deserialize<'de>>(path: &[Step]) -> Option<Form> {
    let found = RefCell::new(None);
    // It has no data, so that it always fails.
    let _ = T::deserialize(Probe { path, found: &found });
    found.into_inner()
}

/// A deserialiser without data.
struct Probe<'a> {
    path: &'a [Step],
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
        inside: impl FnOnce(&'a Step, Probe<'a>) -> Result<V, NoData>,
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
            Step::Key(key) => visitor.visit_map(One { key: Some(key), value: Some(rest) }),
            Step::Entry => visitor.visit_map(One { key: Some("entry"), value: Some(rest) }),
            Step::Item | Step::Variant(_) => Err(NoData::custom("a table has keys")),
        })
    }

    fn items<'de, V: Visitor<'de>>(self, form: Form, visitor: V) -> Result<V::Value, NoData> {
        self.at(form, |step, rest| match step {
            Step::Item => visitor.visit_seq(One { key: None, value: Some(rest) }),
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
            Step::Variant(name) => visitor.visit_enum(Variant { name, value: rest }),
            _ => Err(NoData::custom("an enum has variants")),
        })
    }
}

/// One entry of a table, or one item of a list.
struct One<'a> {
    key: Option<&'a str>,
    value: Option<Probe<'a>>,
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = NoData;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NoData> {
        match self.key.take() {
            None => Ok(None),
            Some(key) => seed.deserialize(Key(key)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, NoData> {
        match self.value.take() {
            None => Err(NoData::custom("one value")),
            Some(value) => seed.deserialize(value),
        }
    }
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = NoData;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, NoData> {
        self.value.take().map(|value| seed.deserialize(value)).transpose()
    }
}

/// A key as a text, whatever the type asks for.
struct Key<'a>(&'a str);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = NoData;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoData> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NoData> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A variant of an enum.
struct Variant<'a> {
    name: &'static str,
    value: Probe<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = NoData;
    type Variant = Probe<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Probe<'a>), NoData> {
        let name = IntoDeserializer::<NoData>::into_deserializer(self.name);
        Ok((seed.deserialize(name)?, self.value))
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

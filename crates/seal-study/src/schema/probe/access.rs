//! What a type reads from a table, a list or a variant: one entry, which leads on.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::{NoData, Probe};

/// One entry of a table, or one item of a list.
pub(super) struct One<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) value: Option<Probe<'a>>,
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = NoData;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NoData> {
        match self.key.take() {
            None => Ok(None),
            Some(key) => seed.deserialize(KeyText(key)).map(Some),
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
struct KeyText<'a>(&'a str);

impl<'de> Deserializer<'de> for KeyText<'_> {
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
pub(super) struct Variant<'a> {
    pub(super) name: &'static str,
    pub(super) value: Probe<'a>,
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

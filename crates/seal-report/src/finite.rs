//! Finds NaN and infinite numbers before they are written.
//!
//! `serde_json` writes such numbers as `null`, which in these files means "does
//! not apply": a failed computation would pass for an absent one. This module
//! walks a value with a serializer that writes nothing and only looks at floats.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize};

use crate::{Error, Result};

/// Checks every float in `value`.
///
/// # Errors
/// [`Error::NotFinite`] for the first one that is NaN or infinite.
pub(crate) fn check<T: Serialize>(file: &'static str, value: &T) -> Result<()> {
    match value.serialize(&mut FiniteProbe { path: String::new() }) {
        Ok(()) => Ok(()),
        Err(Stop::Float { field, value }) => Err(Error::NotFinite { file, field, value }),
        Err(Stop::Custom(message)) => {
            Err(Error::Json { file, source: <serde_json::Error as ser::Error>::custom(message) })
        }
    }
}

#[derive(Debug)]
enum Stop {
    Float { field: String, value: f64 },
    Custom(String),
}

impl Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float { field, value } => write!(f, "{field} is {value}"),
            Self::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

struct FiniteProbe {
    path: String,
}

impl FiniteProbe {
    fn float(&self, value: f64) -> Result<(), Stop> {
        if value.is_finite() {
            Ok(())
        } else {
            Err(Stop::Float { field: self.path.clone(), value })
        }
    }

    /// Visits `value` with `step` appended to the path.
    fn within<T: Serialize + ?Sized>(&mut self, step: &str, value: &T) -> Result<(), Stop> {
        let before = self.path.len();
        if before > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        value.serialize(&mut *self)?;
        self.path.truncate(before);
        Ok(())
    }
}

/// The inside of a list or a map.
struct Inside<'a> {
    probe: &'a mut FiniteProbe,
    index: usize,
    key: String,
}

impl Inside<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let step = format!("[{}]", self.index);
        self.index += 1;
        self.probe.within(&step, value)
    }
}

macro_rules! ignore {
    ($($method:ident($kind:ty)),* $(,)?) => {
        $(fn $method(self, _: $kind) -> Result<(), Stop> { Ok(()) })*
    };
}

impl<'a> ser::Serializer for &'a mut FiniteProbe {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Inside<'a>;
    type SerializeTuple = Inside<'a>;
    type SerializeTupleStruct = Inside<'a>;
    type SerializeTupleVariant = Inside<'a>;
    type SerializeMap = Inside<'a>;
    type SerializeStruct = Inside<'a>;
    type SerializeStructVariant = Inside<'a>;

    ignore! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_i64(i64), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
        serialize_u64(u64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_f32(self, value: f32) -> Result<(), Stop> {
        self.float(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Stop> {
        self.float(value)
    }

    fn serialize_none(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.within(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside<'a>, Stop> {
        Ok(Inside { probe: self, index: 0, key: String::new() })
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside<'a>, Stop> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inside<'a>, Stop> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Inside<'a>, Stop> {
        self.serialize_seq(None)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside<'a>, Stop> {
        self.serialize_seq(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside<'a>, Stop> {
        self.serialize_seq(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Inside<'a>, Stop> {
        self.serialize_seq(None)
    }
}

macro_rules! list {
    ($($kind:ident::$method:ident),*) => {
        $(impl ser::$kind for Inside<'_> {
            type Ok = ();
            type Error = Stop;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.element(value)
            }
            fn end(self) -> Result<(), Stop> { Ok(()) }
        })*
    };
}

list!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! record {
    ($($kind:ident),*) => {
        $(impl ser::$kind for Inside<'_> {
            type Ok = ();
            type Error = Stop;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Stop> {
                self.probe.within(key, value)
            }
            fn end(self) -> Result<(), Stop> { Ok(()) }
        })*
    };
}

record!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Inside<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        // The step is only for the message; a key that JSON cannot hold is
        // reported by the writer itself.
        self.key = match serde_json::to_value(key) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(other) => other.to_string(),
            Err(error) => return Err(ser::Error::custom(error)),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let key = std::mem::take(&mut self.key);
        self.probe.within(&key, value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_the_place() {
        let mut inner = BTreeMap::new();
        inner.insert("hh", vec![Some(1.0), None, Some(f64::NAN)]);
        let error = check("x.json", &BTreeMap::from([("arms", inner)])).unwrap_err();
        insta::assert_snapshot!(error, @"x.json: arms.hh[2] is NaN; a figure that does not apply must be null");
    }

    #[test]
    fn accepts_finite_numbers() {
        check("x.json", &(1.5_f64, f32::MAX, "text", None::<f64>)).unwrap();
        assert!(check("x.json", &f64::NEG_INFINITY).is_err());
    }
}

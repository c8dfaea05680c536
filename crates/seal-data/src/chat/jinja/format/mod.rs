//! Python's two languages of formats: `%` and `str.format`.

mod number;
mod printf;
mod spec;
mod str_format;

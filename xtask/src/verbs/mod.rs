//! The verbs of a checkout.

pub(crate) mod bench;
pub(crate) mod check;

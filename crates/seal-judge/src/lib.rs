//! Verdicts and judges.

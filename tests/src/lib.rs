//! Helpers for tests that run the program as a user would.

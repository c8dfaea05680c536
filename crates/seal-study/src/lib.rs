//! Plan, arms, cells, stages, a content-addressed store, and the runner.

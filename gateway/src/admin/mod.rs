//! The control API, and the status listener beside it.

pub mod status_listener;

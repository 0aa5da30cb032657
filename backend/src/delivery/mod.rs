//! How a builder's log and result reach the server.
//!
//! [`protocol`] is what both sides say; the server listens, the builder delivers.

pub mod client;
pub mod protocol;

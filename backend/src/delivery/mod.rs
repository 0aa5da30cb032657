//! How a builder's log and result reach the server.
//!
//! [`protocol`] is what both sides say; the server listens ([`listener`]), the builder delivers ([`client`]).

pub mod client;
pub mod listener;
pub mod protocol;

//! Cooperage: state what a container image must contain, and get it built, pushed and explained.
//!
//! `docs/ARCHITECTURE.md` walks along the way of a spec through these modules.

pub mod builder;
pub mod cli;
pub mod conda;
pub mod config;
mod copy_database;
pub mod delivery;
pub mod engine;
mod error_chain;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod logs;
pub mod registry;
pub mod secrets;
pub mod serve;
pub mod store;

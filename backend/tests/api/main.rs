//! The API from outside, in this process: the real router over a real SQLite database in a folder of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(unreachable_pub, reason = "modules of one test program")]

mod access;
mod base_images;
mod harness;
mod image_specs;
mod live;
mod logs;
mod pull_secrets;
mod queries;
mod schema;
mod web;

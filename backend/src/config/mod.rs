//! What the administrator can set: one struct per concern.

mod secret;

pub use secret::Secret;

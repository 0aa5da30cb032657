//! The conda installer: solves and installs with the `rattler` crates, in place of a conda that the base may not have.
//!
//! The program itself is bind-mounted into the install step and runs there as `cooperage conda-install`, also where the
//! base holds nothing but a shell. What a prefix holds already stays installed: its records are preferred in the solve.

mod channels;
mod error;
mod install;
mod progress;
mod solve;

pub use channels::{ChannelSettings, token_of};
pub use error::{CondaError, Reason};
pub use install::{InstallArgs, install};

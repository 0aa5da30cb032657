//! What this program says to image registries: the OCI distribution protocol, through `oci-client`.
//!
//! Credentials belong to one operation and are sent to the host they were given for, and to no other.

mod blobs;
mod client;
mod error;
mod manifests;

pub use blobs::{BlobOrigin, TransferError};
pub use client::RegistryClient;
pub(crate) use client::{http_client, same_host};
pub use error::RegistryError;
pub use manifests::RawManifest;

/// A user name and password for one registry host, sent to that host only.
pub use crate::delivery::protocol::RegistryLogin as RegistryCredential;

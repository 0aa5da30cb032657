//! The builder: carries out one job, the same on every engine, and is useful alone.
//!
//! The *agent* ([`run_agent`]) holds log, delivery, deadline and cancellation. It runs the *phases* ([`run_phase`]) as
//! processes of their own, one after the other, and gives each only the credentials that it needs: build has none. A
//! phase prints log lines; what it found out travels in files of the job folder, which no install step can reach, and
//! never in its output, which install steps may fill with anything.

mod agent;
mod buildah;
mod context;
mod failure;
mod job_folder;
mod layer_records;
mod log;
mod mask;
mod phases;
mod process;

mod standalone;
mod storage;
pub mod store;

pub use agent::run_agent;
pub use job_folder::{AgentIdentity, JobFolder};
pub use phases::{PhaseName, run_phase};
pub use standalone::{StandaloneArgs, standalone};

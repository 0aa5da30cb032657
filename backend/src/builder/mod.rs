//! The builder: carries out one job, the same on every engine, and is useful alone.
//!
//! The *agent* holds log, delivery, deadline and cancellation. It runs the *phases* ([`run_phase`]) as processes of their
//! own, one after the other, and gives each only the credentials that it needs: build has none. On one machine one agent
//! runs them all ([`run_agent`]); in a pod each container has an agent for its [`Part`] ([`run_part`]), and one takes over
//! from the other by the job's folder: spool, line numbers and hash go on. A
//! phase prints log lines; what it found out travels in files of the job folder, which no install step can reach, and
//! never in its output, which install steps may fill with anything.

mod agent;
mod buildah;
mod context;
mod failure;
mod init;
mod job_folder;
mod last_word;
mod layer_records;
mod log;
mod mask;
mod part;
mod phases;
mod process;
mod rootless;
mod run;
mod standalone;
mod storage;
pub mod store;
pub mod store_process;

pub use init::{is_first, supervise};
pub use job_folder::{AgentIdentity, JobFolder};
pub use part::{Part, PartArgs};
pub use phases::{PhaseName, run_phase};
pub use run::{run_agent, run_part};
pub use standalone::{StandaloneArgs, standalone};

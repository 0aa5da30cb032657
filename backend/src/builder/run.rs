//! How an agent is started: for a whole job by the engine on this machine, or for a part of one in a container.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::agent::{Agent, Assignment, Came};
use super::failure;
use super::job_folder::{AgentIdentity, JobFolder};
use super::last_word;
use super::part::{Attempt, Part, PartArgs, folder_of};
use super::process;
use crate::delivery::protocol::{BuildPlan, Credentials, End, Outcome};

/// The one attempt of a job that is not a pod's.
pub(super) const ONLY_ATTEMPT: &str = "local";
/// The exit code of a container that was told to end although the job was not: as if SIGTERM had ended it.
const DISRUPTED: u8 = 143;

/// Carries out the job in the folder `job`, whose credentials come on standard input, and delivers log and outcome.
///
/// The exit code tells whether there is an image. All that matters is in the folder and with the server.
pub async fn run_agent(job: &Path) -> ExitCode {
    let folder = JobFolder::new(job);
    let came = async {
        process::keep_to_itself()?;
        JobFolder::write(&folder.agent(), &AgentIdentity::of(std::process::id())?)?;
        let credentials = tokio::task::spawn_blocking(read_credentials).await.map_err(io::Error::other)??;
        let plan: BuildPlan = JobFolder::read(&folder.plan())?;
        Agent::new(whole(folder.clone(), plan, credentials, Part::Whole))?.run().await
    };
    match came.await {
        Ok(came) => exit_code(&came),
        Err(error) => {
            eprintln!("cooperage: the builder cannot work in {}: {error}", job.display());
            ExitCode::FAILURE
        }
    }
}

/// A job that one agent carries out on this machine.
pub(super) fn whole(folder: JobFolder, plan: BuildPlan, credentials: Credentials, part: Part) -> Assignment {
    let deadline = Instant::now() + Duration::from_secs(plan.deadline_seconds);
    let attempt = ONLY_ATTEMPT.to_owned();
    Assignment { folder, plan, credentials, part, attempt, deadline, last_word: None, hidden: None }
}

fn read_credentials() -> io::Result<Credentials> {
    let mut input = zeroize::Zeroizing::new(Vec::new());
    io::stdin().lock().read_to_end(&mut input)?;
    serde_json::from_slice(&input).map_err(|error| io::Error::other(format!("credentials on standard input: {error}")))
}

/// Carries out a container's part of a job. Its standard output is the log and nothing else.
///
/// The exit code is 0 where the part is done, 1 where the job has ended without an image, and 143 where the container was told
/// to end although nobody wants the job to: then it has no last word.
pub async fn run_part(args: &PartArgs) -> ExitCode {
    let came = async {
        process::keep_to_itself()?;
        Agent::new(part(args)?)?.run().await
    };
    match came.await {
        Ok(came) => exit_code(&came),
        Err(error) => {
            eprintln!("cooperage: the builder cannot work in {}: {error}", args.job.display());
            if let Err(error) = cannot_work(args, &error) {
                eprintln!("cooperage: the last word cannot be written: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn part(args: &PartArgs) -> io::Result<Assignment> {
    std::fs::create_dir_all(&args.job)?;
    let folder = JobFolder::new(&args.job);
    let plan = std::fs::File::open(&args.plan)
        .and_then(BuildPlan::unpack)
        .map_err(|error| io::Error::other(format!("{}: {error}", args.plan.display())))?;
    let credentials = zeroize::Zeroizing::new(std::fs::read(&args.credentials)?);
    let credentials: Credentials = serde_json::from_slice(&credentials)
        .map_err(|error| io::Error::other(format!("{}: {error}", args.credentials.display())))?;
    let attempt = Attempt::enter(&folder, args.part, &args.attempt)?;
    // The phases find it in the folder, as they do on a machine.
    JobFolder::write(&folder.plan(), &plan)?;
    let passed = (chrono::Utc::now() - attempt.started_at).to_std().unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(plan.deadline_seconds).saturating_sub(passed);
    Ok(Assignment {
        folder,
        plan,
        credentials,
        part: args.part,
        attempt: attempt.name,
        deadline,
        last_word: args.last_word.clone(),
        hidden: Some(folder_of(&args.credentials)),
    })
}

/// The last word of a builder that could not even keep a log.
fn cannot_work(args: &PartArgs, error: &io::Error) -> io::Result<()> {
    let Some(file) = &args.last_word else { return Ok(()) };
    let sha256 = hex::encode(Sha256::digest(b""));
    last_word::write(file, &End { lines: 0, sha256, outcome: Outcome::Failed(failure::of_io(error)) })
}

fn exit_code(came: &Came) -> ExitCode {
    match came {
        Came::Ended(Outcome::Succeeded(_)) | Came::Done => ExitCode::SUCCESS,
        Came::Ended(Outcome::Failed(_) | Outcome::Cancelled) | Came::Gone => ExitCode::FAILURE,
        Came::Disrupted => ExitCode::from(DISRUPTED),
    }
}

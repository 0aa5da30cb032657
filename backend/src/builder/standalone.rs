//! `cooperage build SPEC.yaml`: one image from one file, on one machine, without a server.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use cooperage_shared::{Content, ImageName, ImageReference, ImageSpecInput, parse_spec};

use super::agent::{Agent, Came, LocalOutcome};
use super::buildah::Buildah;
use super::job_folder::JobFolder;
use super::part::Part;
use super::run::whole;
use crate::config::{BuildArgs, DataArgs, LogArgs, RegistryArgs, RegistryConfig, Secret};
use crate::delivery::protocol::{BuildPlan, Credentials, Outcome, RegistryLogin, StoreLimits};
use crate::registry::same_host;

/// Builds one image from a spec file, and pushes it.
#[derive(clap::Args, Clone, Debug)]
pub struct StandaloneArgs {
    /// The spec, in YAML: name, baseImage, and packages with apt, conda and pip
    #[arg(value_name = "SPEC.yaml")]
    pub spec: PathBuf,
    /// Leave the image in the local store instead of pushing it
    #[arg(long)]
    pub no_push: bool,
    /// Run every step anew, whatever the layer cache holds
    #[arg(long)]
    pub fresh: bool,
    /// The user name to read the base image with
    #[arg(long, env = "COOPERAGE_PULL_USERNAME", value_name = "NAME")]
    pub pull_username: Option<String>,
    /// A file that holds the password to read the base image with; without it, COOPERAGE_PULL_PASSWORD, or asked for
    #[arg(long, env = "COOPERAGE_PULL_PASSWORD_FILE", value_name = "FILE")]
    pub pull_password_file: Option<PathBuf>,
    /// Where images go.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where store and caches are.
    #[command(flatten)]
    pub data: DataArgs,
    /// How images are built.
    #[command(flatten)]
    pub build: BuildArgs,
    /// How long the log may get.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Builds the image that a spec file asks for: prints the log, then the result. Exit code 0 where there is an image.
pub async fn standalone(args: StandaloneArgs) -> ExitCode {
    match run(args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("cooperage: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: StandaloneArgs) -> Result<bool, String> {
    let (name, pull_secret, content) = read_spec(&args.spec)?;
    let registry = args.registry.clone().resolve().map_err(|error| error.to_string())?;
    let credentials = credentials(&args, &registry, &content.base_image)?;
    if let (Some(secret), None) = (&pull_secret, &args.pull_username) {
        eprintln!(
            "cooperage: the pull secret {secret:?} is known to a server only: give --pull-username where the base image is \
             private"
        );
    }
    let data = args.data.clone().resolve().map_err(|error| error.to_string())?;
    let plan = plan(&args, name, &content, &registry, &data)?;

    let folder = data.path().join("standalone").join(plan.job_id.to_string());
    make_private(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let job = JobFolder::new(&folder);
    let done = work(job, plan, credentials, args.no_push).await;
    let removed = fs::remove_dir_all(&folder);
    let done = done.map_err(|error| error.to_string())?;
    removed.map_err(|error| format!("{} cannot be removed: {error}", folder.display()))?;
    Ok(done)
}

async fn work(job: JobFolder, plan: BuildPlan, credentials: Credentials, no_push: bool) -> io::Result<bool> {
    JobFolder::write(&job.plan(), &plan)?;
    let part = if no_push { Part::WithoutPush } else { Part::Whole };
    let agent = Agent::new(whole(job, plan.clone(), credentials, part))?;
    if no_push {
        let image_id = match agent.run_without_push().await? {
            LocalOutcome::Built(image_id) => image_id,
            LocalOutcome::Failed(failure) => {
                println!("\nFAILED  {}\n{}", failure.code, failure.message);
                return Ok(false);
            }
            LocalOutcome::Cancelled => {
                println!("\nCANCELLED");
                return Ok(false);
            }
        };
        let buildah = Buildah::of(&plan, None)?;
        let name = plan.target.canonical();
        let status = buildah.buildah("tag").args([&image_id, &name]).stdin(Stdio::null()).status().await?;
        if !status.success() {
            return Err(io::Error::other(format!("the image {image_id} cannot be named {name}")));
        }
        println!("\nBUILT   {name}\nid      sha256:{image_id}\nstore   {}", plan.store.display());
        println!("        buildah --root {} --runroot {} images", plan.store.display(), plan.run.display());
        return Ok(true);
    }
    match agent.run().await? {
        Came::Ended(Outcome::Succeeded(pushed)) => {
            println!("\nSUCCEEDED\nimage   {}\ndigest  {}\nbytes   {}", pushed.image, pushed.digest, pushed.size_bytes);
            Ok(true)
        }
        Came::Ended(Outcome::Failed(failure)) => {
            println!("\nFAILED  {}\n{}", failure.code, failure.message);
            if let Some(requirement) = failure.requirement {
                println!("at      {requirement}");
            }
            Ok(false)
        }
        Came::Ended(Outcome::Cancelled) | Came::Done | Came::Disrupted | Came::Gone => {
            println!("\nCANCELLED");
            Ok(false)
        }
    }
}

/// The name, the pull secret that a server would use, and the content.
fn read_spec(file: &Path) -> Result<(ImageName, Option<String>, Content), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let input: ImageSpecInput =
        serde_saphyr::from_str(&text).map_err(|error| format!("{} is no spec: {error}", file.display()))?;
    let parsed = parse_spec(&input).map_err(|problems| {
        let mut text = format!("{} has {} problem(s):", file.display(), problems.len());
        for problem in problems {
            let line = problem.line.map(|line| format!(" line {line}")).unwrap_or_default();
            let column = problem.column.map(|column| format!(" column {column}")).unwrap_or_default();
            text.push_str(&format!("\n  {}{line}{column}: {}", problem.field, problem.message));
        }
        text
    });
    let (name, content) = parsed?;
    Ok((name, input.pull_secret, content))
}

fn plan(
    args: &StandaloneArgs,
    name: ImageName,
    content: &Content,
    registry: &RegistryConfig,
    data: &crate::config::DataDir,
) -> Result<BuildPlan, String> {
    let revision = content.revision();
    let host = match (&registry.host, args.no_push) {
        (Some(host), false) => host.as_str(),
        (_, true) => "localhost",
        (None, false) => return Err("no push registry is set: give --registry-host, or --no-push".to_owned()),
    };
    let path = [registry.repository_prefix.as_deref(), Some(name.repository_component().as_str())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("/");
    let target: ImageReference =
        format!("{host}/{path}:{}", revision.short()).parse().map_err(|error| format!("the target: {error}"))?;
    let (build, log) = (args.build.clone().resolve(), args.log.clone().resolve());
    let mut insecure_registries = build.insecure_registries;
    if registry.insecure {
        insecure_registries.extend(registry.host.clone());
    }
    Ok(BuildPlan {
        job_id: uuid::Uuid::now_v7(),
        number: 1,
        spec_name: name,
        revision,
        base_image: content.base_image.clone(),
        packages: content.packages.clone(),
        target,
        insecure_registries,
        fresh: args.fresh,
        deadline_seconds: build.deadline.as_secs(),
        log_limit_bytes: log.max_bytes_per_job,
        line_limit_bytes: log.max_line_bytes,
        deliver_to: None,
        store: data.store(),
        run: data.run(),
        cache: data.cache(),
        limits: Some(StoreLimits { store_bytes: build.store_limit_bytes, cache_bytes: build.cache_limit_bytes }),
        uv: build.uv,
        settings: build.settings,
    })
}

fn credentials(args: &StandaloneArgs, registry: &RegistryConfig, base: &ImageReference) -> Result<Credentials, String> {
    let pull = match &args.pull_username {
        None => None,
        Some(username) => {
            let password = match &args.pull_password_file {
                Some(file) => fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?,
                None => match std::env::var("COOPERAGE_PULL_PASSWORD") {
                    Ok(password) => password,
                    Err(_) => ask(&format!("Password of {username} at {}: ", base.host()))?,
                },
            };
            let password = Secret::new(password.trim_end_matches(['\r', '\n']).to_owned());
            Some(RegistryLogin { host: base.host().to_owned(), username: username.clone(), password })
        }
    };
    let has_base = registry.host.as_ref().is_some_and(|host| same_host(host, base.host()));
    let login = match (&registry.host, &registry.username) {
        // Without a push it is of use for a private base alone, and whether that is one nobody knows yet: it is not asked for.
        (Some(host), Some(username)) if !args.no_push || registry.password.is_some() => {
            let password = match &registry.password {
                Some(password) => password.clone(),
                None => Secret::new(ask(&format!("Password of {username} at {host}: "))?),
            };
            Some(RegistryLogin { host: host.clone(), username: username.clone(), password })
        }
        _ => None,
    };
    // Who may write to the push registry may read from it.
    let pull = pull.or_else(|| login.clone().filter(|_| has_base));
    Ok(Credentials { pull, push: login.filter(|_| !args.no_push), delivery_token: None })
}

/// Asks for a password: on a terminal without showing it, else one line of standard input.
fn ask(prompt: &str) -> Result<String, String> {
    let failed = |error: io::Error| format!("the password cannot be read: {error}");
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map_err(failed);
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(failed)?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err("no password: set it in the environment or in a file, or write it to standard input".to_owned()),
        password => Ok(password.to_owned()),
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_file_is_read_and_its_problems_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("spec.yaml");
        fs::write(&file, "name: demo\nbaseImage: debian:12\npackages:\n  pip:\n    - requests>=2\n").unwrap();
        let (name, _, content) = read_spec(&file).unwrap();
        assert_eq!((name.as_str(), content.requirements.pip.len()), ("demo", 1));

        fs::write(&file, "name: Demo\nbaseImage: ''\n").unwrap();
        let text = read_spec(&file).unwrap_err();
        assert!(text.contains("2 problem(s)") && text.contains("baseImage"), "{text}");

        fs::write(&file, "name: demo\nimage: debian:12\n").unwrap();
        assert!(read_spec(&file).unwrap_err().contains("is no spec"));
    }
}

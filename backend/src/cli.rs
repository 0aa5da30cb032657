//! The command line.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{
    self, CopyArgs, DataArgs, DatabaseArgs, LogFormat, LoggingArgs, Settings, file, reference, secret_arguments,
};
use crate::error_chain::one_line;
use crate::http::Files;
use crate::store::Store;
use crate::{builder, conda, copy_database, graphql, serve};

/// A message for the person at the terminal, and nothing else: no backtrace.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// State what a container image must contain, and get it built, pushed and explained.
#[derive(Parser, Debug)]
#[command(name = "cooperage", version)]
struct Cli {
    /// A TOML file of settings; `cooperage config` prints one with every setting explained
    #[arg(long, global = true, env = "COOPERAGE_CONFIG", value_name = "FILE", value_parser = config::path())]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server: web app, API, and the builds
    Serve(Box<Settings>),
    /// Build one image from a spec file, here and without a server
    Build(BuildCommand),
    /// Carry out one phase of a job, with its credentials on standard input
    #[command(hide = true)]
    BuildPhase {
        /// The phase
        phase: builder::PhaseName,
        /// The job's folder
        #[arg(long, value_name = "FOLDER")]
        job: PathBuf,
        /// A folder that nothing started from here sees
        #[arg(long, value_name = "FOLDER")]
        hide: Option<PathBuf>,
    },
    /// Bring the kept image store within its limits; runs in the user namespace of builds
    #[command(hide = true)]
    LookAfterStore(builder::store_process::StoreArgs),
    /// Install Conda packages; runs inside an install step
    #[command(hide = true)]
    CondaInstall(conda::InstallArgs),
    /// Bring the database up to date and end
    Migrate(MigrateArgs),
    /// Copy everything from one database to another that is empty: from SQLite to PostgreSQL
    CopyDatabase(CopyDatabaseArgs),
    /// Print every setting of the server with its meaning, flag, variable and default, in the form of a settings file
    Config,
    /// Print the GraphQL schema
    Schema,
}

/// What `cooperage build` carries out.
#[derive(Debug)]
enum BuildCommand {
    /// A job that the server has laid out in this folder; the credentials come on standard input.
    Job(PathBuf),
    /// A container's part of a job.
    Part(Box<builder::PartArgs>),
    /// A spec file.
    Spec(Box<builder::StandaloneArgs>),
}

impl clap::Args for BuildCommand {
    fn augment_args(command: clap::Command) -> clap::Command {
        let mut command = builder::StandaloneArgs::augment_args(command)
            .mut_arg("spec", |spec| spec.required(false).required_unless_present("job"));
        // Only engines write these: `--job` alone, or with all that a container of a pod needs.
        for part in builder::PartArgs::augment_args(clap::Command::new("part")).get_arguments() {
            let part = part.clone().hide(true).conflicts_with("spec").required(false);
            command = command.arg(match part.get_id().as_str() {
                "job" => part,
                "part" => part.requires_all(["job", "plan", "credentials", "attempt"]),
                _ => part.requires("part"),
            });
        }
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for BuildCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.get_one::<PathBuf>("job") {
            Some(_) if matches.contains_id("part") => {
                Ok(Self::Part(Box::new(builder::PartArgs::from_arg_matches(matches)?)))
            }
            Some(folder) => Ok(Self::Job(folder.clone())),
            None => Ok(Self::Spec(Box::new(builder::StandaloneArgs::from_arg_matches(matches)?))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(clap::Args, Debug)]
struct MigrateArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    logging: LoggingArgs,
}

#[derive(clap::Args, Debug)]
struct CopyDatabaseArgs {
    #[command(flatten)]
    copy: CopyArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    logging: LoggingArgs,
}

/// Reads the command line and does what it says. A server serves `files`.
#[must_use]
pub fn main(files: Files) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match parse(&arguments).and_then(|cli| run(cli, files)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cooperage: {}", one_line(&*error));
            ExitCode::FAILURE
        }
    }
}

/// The command line over the environment over the file over the defaults.
fn parse(arguments: &[OsString]) -> Result<Cli, Failed> {
    let mut command = Cli::command();
    if let Some(path) = file::named(arguments, std::env::var_os("COOPERAGE_CONFIG")) {
        command = file::apply(command, &reference::command(), &path)?;
    }
    // Asked for help or wrong: clap says so in its own way and ends the program.
    let matches = command.try_get_matches_from_mut(arguments).unwrap_or_else(|error| error.exit());
    if let Some(problem) = secret_arguments::problem(&command, &matches) {
        return Err(problem.into());
    }
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

fn run(cli: Cli, files: Files) -> Result<ExitCode, Failed> {
    // Every TLS client of this program finds this provider; a second call finds it there, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.command {
        Command::Serve(settings) => {
            log_to_stderr(&settings.logging)?;
            let config = settings.resolve()?;
            runtime()?.block_on(serve::run(config, files))?;
        }
        Command::Build(BuildCommand::Job(folder)) => return Ok(runtime()?.block_on(builder::run_agent(&folder))),
        Command::Build(BuildCommand::Spec(arguments)) => {
            return Ok(runtime()?.block_on(builder::standalone(*arguments)));
        }
        Command::Build(BuildCommand::Part(_)) if builder::is_first() => {
            return Ok(runtime()?.block_on(builder::supervise())?);
        }
        Command::Build(BuildCommand::Part(arguments)) => return Ok(runtime()?.block_on(builder::run_part(&arguments))),
        Command::BuildPhase { phase, job, hide } => {
            return Ok(runtime()?.block_on(builder::run_phase(phase, &job, hide.as_deref())));
        }
        Command::LookAfterStore(arguments) => {
            return Ok(runtime()?.block_on(builder::store_process::look_after_store(arguments))?);
        }
        Command::CondaInstall(arguments) => return Ok(runtime()?.block_on(conda::install(arguments))),
        Command::Migrate(arguments) => {
            log_to_stderr(&arguments.logging)?;
            let data = arguments.data.resolve()?;
            let database = arguments.database.resolve(&data)?;
            data.make()?;
            runtime()?.block_on(async { Store::connect(database.url.expose()).await?.migrate().await })?;
        }
        Command::CopyDatabase(arguments) => {
            log_to_stderr(&arguments.logging)?;
            let data = arguments.data.resolve()?;
            let copy = arguments.copy.resolve(&data)?;
            print(&runtime()?.block_on(copy_database::run(&data, &copy))?)?;
        }
        Command::Config => print(&reference::text())?,
        Command::Schema => print(&graphql::sdl())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A reader that has seen enough and closes the pipe is no failure.
fn print(text: &str) -> Result<(), Failed> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn log_to_stderr(settings: &LoggingArgs) -> Result<(), Failed> {
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.log_level)
        .map_err(|error| format!("--log-level {:?} is no filter: {error}", settings.log_level))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    match settings.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str], settings_file: &str) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cooperage.toml");
        std::fs::write(&path, settings_file).unwrap();
        let command = file::apply(Cli::command(), &reference::command(), &path).map_err(|error| error.to_string())?;
        let arguments = ["cooperage", "serve"].iter().chain(arguments);
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        match Cli::from_arg_matches(&matches).map_err(|error| error.to_string())?.command {
            Command::Serve(settings) => Ok(*settings),
            other => panic!("not serve: {other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_file_changes_defaults_and_a_flag_wins_over_it() {
        let text = "listen = \"127.0.0.1:9\"\n[registry]\nhost = \"registry.example\"\ninsecure = true\n\
                    [build]\nmax_parallel = 7\nenvironment = { A = \"1\", B = \"x,y\" }\n\
                    [conda]\nchannels = [\"a\", \"b\"]\n";
        let settings = parsed(&["--registry-host", "flag.example"], text).unwrap();
        assert_eq!(settings.server.listen.port(), 9);
        let config = settings.resolve().unwrap();
        assert_eq!(config.registry.host.as_deref(), Some("flag.example"));
        assert!(config.registry.insecure);
        assert_eq!(config.build.max_parallel, 7);
        assert_eq!(config.build.settings.conda_channels, ["a", "b"]);
        let environment: Vec<(String, String)> = config.build.settings.environment.into_iter().collect();
        assert_eq!(environment, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x,y".to_owned())]);
    }

    #[test]
    fn pods_are_told_no_address_that_they_cannot_reach() {
        let resolved = |further: &[&str]| {
            let kubernetes = ["--engine", "kubernetes", "--kubernetes-builder-image", "registry.example/builder:1"];
            parsed(&[&kubernetes, further].concat(), "").unwrap().resolve().map(drop).map_err(|error| error.to_string())
        };
        assert!(resolved(&[]).unwrap_err().contains("COOPERAGE_DELIVERY_URL"));
        assert!(resolved(&["--delivery-listen", "0.0.0.0:8081"]).unwrap_err().contains("0.0.0.0:8081"));
        assert_eq!(resolved(&["--delivery-url", "http://cooperage-delivery:8081"]), Ok(()));
        assert_eq!(resolved(&["--delivery-listen", "10.0.0.7:8081"]), Ok(()));
        assert_eq!(resolved(&["--kubernetes-host-network"]), Ok(()));
    }

    #[test]
    fn what_a_file_gets_wrong_is_named() {
        assert!(parsed(&[], "lisen = \"x\"").unwrap_err().contains("\"lisen\""));
        assert!(parsed(&[], "[registry]\nhots = \"x\"").unwrap_err().contains("\"registry_hots\""));
        assert!(parsed(&[], "listen = 1.5").unwrap_err().contains("listen"));
        assert!(parsed(&[], "listen = ").unwrap_err().contains("TOML"));
        assert!(parsed(&[], "[build]\nmax_parallel = 0").unwrap_err().contains("build-max-parallel"));
    }

    #[test]
    fn no_command_takes_a_secret_as_an_argument() {
        let refused = |arguments: &[&str]| {
            let mut command = Cli::command();
            let matches = command.try_get_matches_from_mut(arguments).unwrap();
            secret_arguments::problem(&command, &matches)
        };
        for arguments in [
            &["cooperage", "serve", "--registry-password", "x"][..],
            &["cooperage", "serve", "--token=x"],
            &["cooperage", "serve", "--secret-key", "x"],
            &["cooperage", "serve", "--database-url", "postgres://user:password@host/name"],
            &["cooperage", "migrate", "--database-url", "postgres://user:password@host/name"],
            &["cooperage", "serve", "--pip-extra-index-urls", "https://a.example,https://u:p@b.example/simple"],
            &["cooperage", "build", "spec.yaml", "--registry-password", "x"],
            &["cooperage", "build", "spec.yaml", "--pip-index-url", "https://u:p@b.example/simple"],
        ] {
            let problem = refused(arguments).unwrap();
            assert!(problem.contains("COOPERAGE_") && !problem.contains("u:p"), "{problem}");
        }
        assert_eq!(refused(&["cooperage", "serve", "--pip-index-url", "https://b.example/simple"]), None);
        let mut all = Cli::command();
        for command in all.get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            for flag in ["--registry-password ", "--token ", "--secret-key "] {
                assert!(!help.contains(flag), "{flag}{help}");
            }
        }
    }

    #[test]
    fn the_printed_reference_is_a_file_that_changes_nothing() {
        let uncommented: String = reference::text()
            .lines()
            .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && !rest.is_empty()))
            .filter(|line| !line.ends_with("= \"\""))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(uncommented.lines().count() > 10, "{uncommented}");
        let plain = format!("{:?}", parsed(&[], "").unwrap());
        assert_eq!(format!("{:?}", parsed(&[], &uncommented).unwrap()), plain);
    }
}

//! The solve: which packages meet the requirements, together with what the prefix holds.

use std::time::Duration;

use rattler_conda_types::{
    Channel, MatchSpec, Matches as _, PackageName, PackageNameMatcher, ParseStrictness, PrefixRecord, RepoDataRecord,
    Subdir,
};
use rattler_repodata_gateway::{Gateway, GatewayError, RepoData};
use rattler_solve::{ChannelPriority, SolveError, SolverImpl as _, SolverTask, resolvo};
use rattler_virtual_packages::{VirtualPackageOverrides, VirtualPackages};

use super::{ChannelSettings, CondaError, Reason};

/// Beyond this, requirements are taken for unsolvable.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How many versions are named where the one asked for does not exist, latest first.
const VERSIONS_SHOWN: usize = 10;

/// A requirement, as typed and as understood.
pub(super) struct Requirement {
    pub(super) typed: String,
    pub(super) spec: MatchSpec,
}

/// Reads the requirements as the spec's validation does: leniently.
pub(super) fn parse(typed: &[String]) -> Result<Vec<Requirement>, CondaError> {
    let read = |typed: &String| {
        let spec = MatchSpec::from_str(typed, ParseStrictness::Lenient).map_err(|error| {
            CondaError::new(Reason::Other, format!("\"{typed}\" is no match specification: {error}"))
        })?;
        Ok(Requirement { typed: typed.clone(), spec })
    };
    typed.iter().map(read).collect()
}

/// Chooses the packages that the prefix shall hold.
pub(super) async fn solve(
    gateway: &Gateway,
    settings: &ChannelSettings,
    mut requirements: Vec<Requirement>,
    installed: &[PrefixRecord],
) -> Result<Vec<RepoDataRecord>, CondaError> {
    let mut specs: Vec<MatchSpec> = requirements.iter().map(|requirement| requirement.spec.clone()).collect();
    let channels = settings.resolve(&mut specs)?;
    for (requirement, spec) in requirements.iter_mut().zip(&specs) {
        requirement.spec = spec.clone();
    }
    let kept = keep(installed, &specs)?;
    specs.extend(kept);

    let platform = Subdir::current()
        .ok_or_else(|| CondaError::new(Reason::Other, "conda has no packages for this machine's platform"))?;
    say_channels(&channels);
    let output = gateway
        .query(channels.clone(), [platform, Subdir::NoArch], specs.clone())
        .recursive(true)
        .execute()
        .await
        .map_err(|error| of_gateway(&error))?;
    if let Some(missing) = first_missing(&requirements, &output.repodata, installed) {
        return Err(explain_missing(gateway, channels, platform, missing).await);
    }

    let virtual_packages = VirtualPackages::detect(&VirtualPackageOverrides::from_env(), None)
        .unwrap_or_else(|_| VirtualPackages::baseline_for_platform(platform))
        .into_generic_virtual_packages()
        .collect();
    let locked: Vec<&RepoDataRecord> = installed.iter().map(|record| &record.repodata_record).collect();
    let task = SolverTask {
        locked_packages: locked,
        virtual_packages,
        specs,
        timeout: Some(TIMEOUT),
        channel_priority: ChannelPriority::Strict,
        ..SolverTask::from_iter(&output.repodata)
    };
    // The solver computes without pause: it gets a thread that may.
    tokio::task::block_in_place(|| resolvo::Solver.solve(task))
        .map(|solution| solution.records)
        .map_err(|error| of_solver(&error))
}

/// Requirements that keep what is installed: each package stays, and Python stays at its minor version, unless a
/// requirement names it.
fn keep(installed: &[PrefixRecord], asked: &[MatchSpec]) -> Result<Vec<MatchSpec>, CondaError> {
    let is_asked = |name: &PackageName| {
        asked.iter().any(|spec| matches!(&spec.name, PackageNameMatcher::Exact(asked) if asked == name))
    };
    let mut kept = Vec::new();
    for record in installed.iter().map(|record| &record.repodata_record.package_record) {
        if is_asked(&record.name) {
            continue;
        }
        let mut text = record.name.as_normalized().to_owned();
        if text == "python"
            && let Some((major, minor)) = record.version.as_major_minor()
        {
            text.push_str(&format!(" {major}.{minor}.*"));
        }
        let spec = MatchSpec::from_str(&text, ParseStrictness::Lenient)
            .map_err(|error| CondaError::caused(Reason::Other, "an installed package cannot be kept", &error))?;
        kept.push(spec);
    }
    Ok(kept)
}

/// The first requirement that matches nothing: it is named before the solver speaks of it.
fn first_missing<'a>(
    requirements: &'a [Requirement],
    repodata: &[RepoData],
    installed: &[PrefixRecord],
) -> Option<&'a Requirement> {
    requirements.iter().find(|Requirement { spec, .. }| {
        let mut available = repodata.iter().flat_map(RepoData::iter);
        let here = installed.iter().any(|record| spec.matches(&record.repodata_record));
        !here && !available.any(|record| spec.matches(record))
    })
}

/// What there is in place of what was asked for.
async fn explain_missing(
    gateway: &Gateway,
    channels: Vec<Channel>,
    platform: Subdir,
    missing: &Requirement,
) -> CondaError {
    let any_version =
        MatchSpec { name: missing.spec.name.clone(), channel: missing.spec.channel.clone(), ..MatchSpec::default() };
    let mut versions = match gateway.query(channels, [platform, Subdir::NoArch], [any_version]).execute().await {
        Ok(output) => output
            .repodata
            .iter()
            .flat_map(RepoData::iter)
            .map(|record| record.package_record.version.clone())
            .collect::<Vec<_>>(),
        Err(error) => return of_gateway(&error),
    };
    versions.sort();
    versions.dedup();
    let rest = match versions.len() {
        0 => "there is no package of that name".to_owned(),
        count => {
            let latest: Vec<String> = versions.iter().rev().take(VERSIONS_SHOWN).map(ToString::to_string).collect();
            let more = if count > VERSIONS_SHOWN { ", …" } else { "" };
            format!("there are these versions: {}{more}", latest.join(", "))
        }
    };
    let text = format!("no package in the channels matches \"{}\"; {rest}", missing.typed);
    CondaError::new(Reason::PackageNotFound, text)
}

fn say_channels(channels: &[Channel]) {
    for channel in channels {
        println!("Channel {}", channel.canonical_name());
    }
}

fn of_gateway(error: &GatewayError) -> CondaError {
    CondaError::caused(Reason::ChannelUnreachable, "a conda channel cannot be read", error)
}

fn of_solver(error: &SolveError) -> CondaError {
    match error {
        SolveError::Unsolvable(reasons) => {
            CondaError::new(Reason::Conflict, format!("the requirements exclude each other:\n{}", reasons.join("\n")))
        }
        SolveError::Cancelled => {
            CondaError::new(Reason::Conflict, format!("no solution was found within {} seconds", TIMEOUT.as_secs()))
        }
        other => CondaError::caused(Reason::Other, "the requirements cannot be solved", other),
    }
}

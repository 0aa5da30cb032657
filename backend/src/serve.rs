//! `cooperage serve`: every part is made here, joined, and ended in order.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Failed;
use crate::config::{Config, DataDir, ServerConfig};
use crate::graphql::{RegistryHealth, Services};
use crate::http::{Access, App, router};
use crate::jobs::JobService;
use crate::jobs::events::Events;
use crate::logs::LogStore;
use crate::registry::RegistryClient;
use crate::secrets::{ApiToken, SecretKey};
use crate::store::Store;

/// How long open requests may take to end once the server was told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// How the server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// SIGTERM: the server stops, builds go on and deliver to the next one.
    Server,
    /// SIGINT (Ctrl-C): builds end too.
    Everything,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// When a part cannot be made: a port is taken, the data folder cannot be written, a key has the wrong form, …
pub async fn run(config: Config) -> Result<(), Failed> {
    make_data_dir(&config.data)?;
    let _lock = lock(&config.data)?;
    let key = SecretKey::load(config.server.secret_key.as_ref(), &config.data)?;
    let token = ApiToken::load(config.server.token.as_ref(), &config.data)?;
    let web = listen(config.server.listen, "--listen").await?;
    let store = Store::connect(&config.database.url).await?;
    store.migrate().await?;

    let events = Events::new();
    let logs = LogStore::new(store.clone(), events.clone());
    let jobs = JobService::new(store.clone(), events.clone());
    let client = RegistryClient::new(&insecure_hosts(&config));

    let bound = web.local_addr()?;
    let url = sign_in_url(&config.server, bound, &token);
    let services = Services {
        store: store.clone(),
        jobs,
        events,
        logs,
        registry_health: Arc::new(RegistryHealth::new(client, config.registry.clone())),
        registry_config: config.registry,
        key,
    };
    let access = Access::new(token, config.server.public_url, bound.port());
    let app = router(App::new(access, services), config.server.request_timeout);

    let (told, stop) = tokio::sync::watch::channel(None);
    let mut signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = signals.0.recv() => told.send_replace(Some(Stop::Server)),
            _ = signals.1.recv() => told.send_replace(Some(Stop::Everything)),
        };
        // Told twice: at once.
        tokio::select! { _ = signals.0.recv() => {}, _ = signals.1.recv() => {} }
        std::process::exit(1);
    });
    println!("Cooperage is ready. Open {url}");
    let mut stopped = stop.clone();
    let server = axum::serve(web, app).with_graceful_shutdown(async move {
        // An error means that the task above is gone, and with it the way to be told.
        let _ = stopped.wait_for(Option::is_some).await;
    });
    let mut stopping = stop.clone();
    tokio::select! {
        ended = server.into_future() => ended?,
        () = async { let _ = stopping.wait_for(Option::is_some).await; tokio::time::sleep(LAST_REQUESTS).await; } => {}
    }
    store.close().await?;
    Ok(())
}

/// The registries that are spoken to by plain HTTP; those on loopback are anyway.
fn insecure_hosts(config: &Config) -> Vec<String> {
    let push = config.registry.host.clone().filter(|_| config.registry.insecure);
    config.build.insecure_registries.iter().cloned().chain(push).collect()
}

/// Makes the data folder, for its owner only.
///
/// # Errors
/// When it cannot be made.
pub fn make_data_dir(data: &DataDir) -> Result<(), Failed> {
    DirBuilder::new().recursive(true).mode(0o700).create(data.path()).map_err(|error| {
        format!("cannot make the data folder {}: {error}. Choose another by --data-dir.", data.path().display()).into()
    })
}

/// Keeps a second server out of the data folder as long as the file is open.
fn lock(data: &DataDir) -> Result<File, Failed> {
    let path = data.path().join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| format!("cannot write to the data folder {}: {error}.", data.path().display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "another Cooperage server uses the data folder {}. Stop it first, or choose another folder by --data-dir.",
            data.path().display()
        )
        .into()),
        Err(TryLockError::Error(error)) => Err(format!("cannot lock {}: {error}.", path.display()).into()),
    }
}

async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, Failed> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("Another program has this port: stop it, or choose another port by {flag}.")
            }
            ErrorKind::PermissionDenied => format!("Ports below 1024 need root: choose another port by {flag}."),
            _ => format!("Choose another address by {flag}."),
        };
        format!("cannot listen on {address}: {error}. {remedy}").into()
    })
}

/// The address that a person opens, with the token that signs the browser in.
fn sign_in_url(config: &ServerConfig, bound: SocketAddr, token: &ApiToken) -> String {
    let token = utf8_percent_encode(token.expose(), NON_ALPHANUMERIC);
    match &config.public_url {
        Some(url) => format!("{url}?token={token}"),
        None => {
            let host = if bound.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { bound.ip() };
            format!("http://{}/?token={token}", SocketAddr::new(host, bound.port()))
        }
    }
}

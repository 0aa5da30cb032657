//! `cooperage serve`: every part is made here, joined, and ended in order.

use std::io::{ErrorKind, IsTerminal as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::builder::store::Limits;
use crate::builder::store_process;
use crate::cli::Failed;
use crate::config::{Config, LocalEngineConfig};
use crate::delivery::listener;
use crate::delivery::protocol::StoreLimits;
use crate::engine::Engine;
use crate::engine::kubernetes::{KubernetesEngine, PodPlaces};
use crate::engine::local::LocalEngine;
use crate::graphql::{RegistryHealth, Services};
use crate::http::{Access, App, Files, router};
use crate::jobs::JobService;
use crate::jobs::bridge::Bridge;
use crate::jobs::events::Events;
use crate::jobs::reconciler::{Places, Reconciler, Settings, Shutdown, Tidy, Wiring};
use crate::logs::LogStore;
use crate::registry::RegistryClient;
use crate::secrets::{ApiToken, SecretKey};
use crate::store::{Store, StoreError};

/// How long open requests may take to end once the server was told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// The parts of a cache volume that image store and package caches may take. The rest is for the build that runs.
const STORE_PERCENT: u64 = 50;
const CACHE_PERCENT: u64 = 15;

/// How long the start of the server waits for its database.
const DATABASE: Duration = Duration::from_secs(60);

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
pub async fn run(config: Config, files: Files) -> Result<(), Failed> {
    config.data.make()?;
    let _lock = config.data.lock()?;
    let key = SecretKey::load(config.server.secret_key.as_ref(), &config.data)?;
    let token = ApiToken::load(config.server.token.as_ref(), &config.data)?;
    let web = listen(config.server.listen, "--listen").await?;
    let store = database(&config).await?;

    let delivery = listen(config.delivery.listen, "--delivery-listen").await?;
    let events = Events::new();
    let bridge = Bridge::spawn(&store, &events);
    let logs = LogStore::new(store.clone(), events.clone());
    let client = RegistryClient::new(&insecure_hosts(&config));
    let deliveries = Deliveries::take(delivery, &store, &logs, &events)?;
    let reconciler = Reconciler::spawn(Wiring {
        store: store.clone(),
        logs: logs.clone(),
        events: events.clone(),
        engine: engine(&config).await?,
        registry: client.clone(),
        key: Arc::new(key.clone()),
        settings: settings(
            &config,
            owner(&config)?,
            config.delivery.url.as_deref().unwrap_or(&deliveries.url),
            std::env::current_exe()?,
        ),
    });

    let bound = web.local_addr()?;
    let welcome = welcome(&config, bound, &token);
    let services = Services {
        store: store.clone(),
        jobs: JobService::new(store.clone(), events.clone()),
        events,
        logs,
        registry_health: Arc::new(RegistryHealth::new(client, config.registry.clone())),
        registry_config: config.registry,
        key,
    };
    let access = Access::new(token, config.server.public_url, bound.port());
    let app = router(App::new(access, services).with_files(files), config.server.request_timeout);

    let stop = signals()?;
    println!("{welcome}");
    let served = answer(web, app, stop.clone()).await;
    // Builders that are ended still say their last word, so the listener goes last.
    let how = match *stop.borrow() {
        Some(Stop::Everything) => Shutdown::Interrupt,
        Some(Stop::Server) | None => Shutdown::Leave,
    };
    reconciler.shutdown(how).await;
    deliveries.end().await;
    bridge.end().await;
    store.close().await?;
    served
}

/// The database with its tables up to date. One that is not up yet is waited for, as it may come up together with the server.
async fn database(config: &Config) -> Result<Store, Failed> {
    let give_up = Instant::now() + DATABASE;
    loop {
        let attempt = async {
            let store = Store::connect(config.database.url.expose()).await?;
            store.migrate().await?;
            Ok(store)
        };
        match attempt.await {
            Err(error @ StoreError::Unavailable(_)) if Instant::now() < give_up => {
                tracing::warn!(%error, "waiting for the database");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            done => return Ok(done?),
        }
    }
}

/// By which name jobs are claimed. The jobs on this machine are known by a name that the data folder keeps, so that they are
/// its server's again after a restart; a process of a cluster has a name of its own.
fn owner(config: &Config) -> Result<String, Failed> {
    let fresh = Uuid::now_v7().simple().to_string();
    if config.kubernetes.is_some() {
        return Ok(fresh);
    }
    let path = config.data.owner();
    let problem = |error| format!("cannot read or write {}: {error}", path.display());
    match std::fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(problem(error).into()),
        _ => {
            let beside = path.with_extension("new");
            std::fs::write(&beside, &fresh).and_then(|()| std::fs::rename(&beside, &path)).map_err(problem)?;
            Ok(fresh)
        }
    }
}

/// Where jobs run.
async fn engine(config: &Config) -> Result<Arc<dyn Engine>, Failed> {
    match &config.kubernetes {
        Some(kubernetes) => Ok(Arc::new(KubernetesEngine::connect(kubernetes.clone()).await?)),
        None => {
            let program = std::env::current_exe()?;
            let local = LocalEngineConfig { data: config.data.clone(), program };
            Ok(Arc::new(LocalEngine::new(&local)?))
        }
    }
}

fn settings(config: &Config, owner: String, deliver_to: &str, program: PathBuf) -> Settings {
    let limits = Limits {
        store: config.data.store(),
        run: config.data.run(),
        cache: config.data.cache(),
        store_bytes: config.build.store_limit_bytes,
        cache_bytes: config.build.cache_limit_bytes,
    };
    let (looked_at, look_by, tidy_by) = (limits.clone(), program.clone(), program);
    let tidy = Tidy {
        is_over: Arc::new(move || {
            let (program, limits) = (look_by.clone(), looked_at.clone());
            Box::pin(async move { store_process::is_over(&program, &limits).await })
        }),
        run: Arc::new(move || {
            let (program, limits) = (tidy_by.clone(), limits.clone());
            Box::pin(async move { store_process::tidy(&program, &limits).await })
        }),
    };
    Settings {
        owner,
        registry: config.registry.clone(),
        build: config.build.clone(),
        logs: config.log.clone(),
        places: places(config),
        allowance: config.kubernetes.as_ref().map_or(Duration::ZERO, |kubernetes| kubernetes.pending_deadline),
        deliver_to: deliver_to.to_owned(),
        // In a cluster each builder looks after the volume that it has.
        tidy: config.kubernetes.is_none().then_some(tidy),
    }
}

/// Where builders have their stores, caches and programs.
fn places(config: &Config) -> Places {
    match &config.kubernetes {
        None => Places {
            store: config.data.store(),
            run: config.data.run(),
            cache: config.data.cache(),
            uv: config.build.uv.clone(),
            ca_bundle: config.build.settings.ca_bundle.clone(),
            limits: None,
        },
        Some(kubernetes) => {
            let PodPlaces { store, run, cache, uv, ca_bundle } = PodPlaces::of(kubernetes);
            let limits = (kubernetes.cache.count > 0).then(|| StoreLimits {
                store_bytes: config.build.store_limit_bytes.min(kubernetes.cache.size_bytes / 100 * STORE_PERCENT),
                cache_bytes: config.build.cache_limit_bytes.min(kubernetes.cache.size_bytes / 100 * CACHE_PERCENT),
            });
            Places { store, run, cache, uv: Some(uv), ca_bundle, limits }
        }
    }
}

/// The delivery listener.
struct Deliveries {
    url: String,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Deliveries {
    fn take(socket: TcpListener, store: &Store, logs: &LogStore, events: &Events) -> Result<Self, Failed> {
        let bound = socket.local_addr()?;
        let host = if bound.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { bound.ip() };
        let url = format!("http://{}", SocketAddr::new(host, bound.port()));
        let (end, ended) = oneshot::channel();
        let (store, logs, events) = (store.clone(), logs.clone(), events.clone());
        let task = tokio::spawn(async move {
            // An error means that the sender is gone, and the server with it.
            let stop = async { drop(ended.await) };
            if let Err(error) = listener::serve(socket, store, logs, events, stop).await {
                tracing::error!(%error, "deliveries cannot be taken any more");
            }
        });
        Ok(Self { url, end, task })
    }

    async fn end(self) {
        // Either may be over already, which is what is wanted.
        let _ = self.end.send(());
        let _ = tokio::time::timeout(LAST_REQUESTS, self.task).await;
    }
}

/// How the server was told to stop, once it was. Told twice, the program ends at once.
fn signals() -> Result<watch::Receiver<Option<Stop>>, Failed> {
    let (told, stop) = watch::channel(None);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {
                tracing::info!("stopping; builds go on");
                told.send_replace(Some(Stop::Server));
            }
            _ = interrupt.recv() => {
                tracing::info!("stopping, and ending the builds");
                told.send_replace(Some(Stop::Everything));
            }
        }
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::warn!("ended at once");
        std::process::exit(1);
    });
    Ok(stop)
}

/// Answers requests until told to stop, and then those under way for a little while.
async fn answer(web: TcpListener, app: Router, stop: watch::Receiver<Option<Stop>>) -> Result<(), Failed> {
    let (mut stopped, mut stopping) = (stop.clone(), stop);
    // An error means that the sender is gone, and with it the way to be told.
    let server =
        axum::serve(web, app).with_graceful_shutdown(async move { drop(stopped.wait_for(Option::is_some).await) });
    let patience = async move {
        drop(stopping.wait_for(Option::is_some).await);
        tokio::time::sleep(LAST_REQUESTS).await;
    };
    tokio::select! {
        ended = server.into_future() => ended?,
        () = patience => {}
    }
    Ok(())
}

/// The registries that are spoken to by plain HTTP; those on loopback are anyway.
fn insecure_hosts(config: &Config) -> Vec<String> {
    let push = config.registry.host.clone().filter(|_| config.registry.insecure);
    config.build.insecure_registries.iter().cloned().chain(push).collect()
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

/// What the server says once it is ready. The address signs a browser in only on the terminal of who started it: what a
/// server prints elsewhere is kept by others, and a token that was given is known to who gave it.
fn welcome(config: &Config, bound: SocketAddr, token: &ApiToken) -> String {
    let url = match &config.server.public_url {
        Some(url) => url.to_string(),
        None => {
            let host = if bound.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { bound.ip() };
            format!("http://{}/", SocketAddr::new(host, bound.port()))
        }
    };
    match &config.server.token {
        Some(_) => format!("Cooperage is ready at {url}. Sign in with the token that it was given."),
        None if std::io::stdout().is_terminal() => {
            format!("Cooperage is ready. Open {url}?token={}", utf8_percent_encode(token.expose(), NON_ALPHANUMERIC))
        }
        None => format!("Cooperage is ready at {url}. Sign in with the token in {}.", config.data.token().display()),
    }
}

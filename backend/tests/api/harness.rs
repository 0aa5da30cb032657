//! A server in a folder of its own, and ways to call it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use cooperage::config::{RegistryConfig, Secret};
use cooperage::delivery::protocol::Pushed;
use cooperage::graphql::{RegistryHealth, Services};
use cooperage::http::{Access, App, router};
use cooperage::jobs::JobService;
use cooperage::jobs::events::{Event, Events};
use cooperage::logs::LogStore;
use cooperage::registry::RegistryClient;
use cooperage::secrets::{ApiToken, SecretKey};
use cooperage::store::{Job, Store, Terminal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// The token of every server here.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The port that the servers believe to listen on.
pub const PORT: u16 = 8080;
/// The host that requests name.
pub const HOST: &str = "localhost:8080";

pub struct Server {
    pub router: Router,
    pub services: Services,
    pub folder: TempDir,
    /// How many statements the database has been sent.
    pub statements: Arc<AtomicU64>,
    _database: Database,
}

/// A database that nobody else uses: SQLite in the folder, or one on the server that `COOPERAGE_TEST_DATABASE_URL` names.
struct Database {
    url: String,
    server: Option<(String, String)>,
}

impl Database {
    async fn new(data: &cooperage::config::DataDir) -> Self {
        let Ok(server) = std::env::var("COOPERAGE_TEST_DATABASE_URL") else {
            return Self { url: format!("sqlite://{}?mode=rwc", data.database().display()), server: None };
        };
        let name = format!("api_{}", uuid::Uuid::now_v7().simple());
        run(&server, &format!("CREATE DATABASE {name}")).await;
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Self { url: url.to_string(), server: Some((server, name)) }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        let remove = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")));
        };
        std::thread::spawn(remove).join().unwrap();
    }
}

async fn run(server: &str, sql: &str) {
    use sea_orm::ConnectionTrait as _;
    let admin = sea_orm::Database::connect(server).await.unwrap();
    admin.execute_unprepared(sql).await.unwrap();
    admin.close().await.unwrap();
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        let mut value: Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()));
        // The order of keys means nothing, and snapshots need one.
        value.sort_all_objects();
        value
    }

    /// The code of the first top-level error.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::with(None, RegistryConfig::default()).await
    }

    pub async fn with(public_url: Option<&str>, registry_config: RegistryConfig) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let data = cooperage::config::DataDir::new(folder.path().to_owned());
        let database = Database::new(&data).await;
        let mut store = Store::connect(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let statements = store.count_statements();
        let events = Events::new();
        let client = RegistryClient::new(&[]);
        let services = Services {
            jobs: JobService::new(store.clone(), events.clone()),
            logs: LogStore::new(store.clone(), events.clone()),
            events,
            store,
            registry_health: Arc::new(RegistryHealth::new(client, registry_config.clone())),
            registry_config,
            key: SecretKey::load(None, &data).unwrap(),
        };
        let token = ApiToken::load(Some(&Secret::new(TOKEN.to_owned())), &data).unwrap();
        let access = Access::new(token, public_url.map(|url| url.parse().unwrap()), PORT);
        let router = router(App::new(access, services.clone()), Duration::from_secs(30));
        Self { router, services, folder, statements, _database: database }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A GET with the token.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path).header(header::AUTHORIZATION, bearer()).body(Body::empty()).unwrap()).await
    }

    /// A GraphQL operation with the token; the whole answer.
    pub async fn operation(&self, query: &str, variables: Value) -> Answer {
        self.send(post().header(header::AUTHORIZATION, bearer()).body(body(query, &variables)).unwrap()).await
    }

    /// A GraphQL operation that must not have top-level errors; its data.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let answer = self.operation(query, variables).await;
        let json = answer.json();
        assert!(json.get("errors").is_none(), "{query}: {json}");
        json["data"].clone()
    }

    /// Creates a spec with one APT requirement; the id of its job.
    pub async fn create(&self, name: &str) -> String {
        let query = "mutation($name: String!) { createImageSpec(input: { name: $name, baseImage: \"debian:12\", \
                     packages: { apt: [\"jq\"] } }) { job { id } userErrors { message } } }";
        let data = self.data(query, json!({ "name": name })).await;
        data["createImageSpec"]["job"]["id"].as_str().unwrap_or_else(|| panic!("{data}")).to_owned()
    }

    /// Takes the next job of the queue, as the reconciler would.
    pub async fn claim(&self) -> Job {
        let store = &self.services.store;
        // A job is built only once an image that could be reused was looked for.
        while let Some(claimed) = store.claim_reuse("test", Duration::from_secs(60)).await.unwrap() {
            store.release_reuse(&claimed).await.unwrap();
        }
        let claimed = store.claim_next("test", 10, Duration::from_secs(60)).await.unwrap();
        let job = claimed.unwrap().job;
        self.services.events.job_changed(&job);
        job
    }

    /// Ends a job with an image.
    pub async fn succeed(&self, job: &Job, name: &str) -> Job {
        let pushed = Pushed {
            image: format!("registry.example/{name}:{}", job.revision.short()).parse().unwrap(),
            digest: format!("sha256:{}", "1".repeat(64)),
            size_bytes: 5_000_000_000,
            base_image_digest: format!("sha256:{}", "2".repeat(64)),
        };
        let end = Terminal::Succeeded { pushed, reused_from: None };
        let job = self.services.store.finish(job.id, &end).await.unwrap();
        self.services.events.send(Event::JobChanged { job: job.id, spec: job.spec_id });
        job
    }
}

pub fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

/// A request that names our host.
pub fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, HOST)
}

/// A POST of a GraphQL operation, without a token.
pub fn post() -> axum::http::request::Builder {
    request("POST", "/graphql").header(header::CONTENT_TYPE, "application/json")
}

pub fn body(query: &str, variables: &Value) -> Body {
    Body::from(json!({ "query": query, "variables": variables }).to_string())
}

/// The value with ids and times, which differ from run to run, replaced by words.
pub fn steady(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    let is_time = key.ends_with("At") && value.is_string();
                    match key.as_str() {
                        "id" => *value = json!("[id]"),
                        "logUrl" => *value = json!("[url]"),
                        _ if is_time => *value = json!("[time]"),
                        _ => walk(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut value);
    value
}

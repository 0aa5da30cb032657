//! On a real database: SQLite in a folder of its own, or the server that `COOPERAGE_TEST_DATABASE_URL` names.

use std::time::Duration;

use cooperage_shared::{Content, Failure, FailureCode, ImageName, JobStatus, Packages, Phase};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use super::*;
use crate::delivery::protocol::{End, Outcome, Progress, Pushed};

mod copy;
mod jobs;
mod secrets;
mod servers;
mod specs;

const HOUR: Duration = Duration::from_secs(3600);

/// A database that nobody else uses.
pub(crate) struct TestStore {
    store: Store,
    url: String,
    /// The server and the name of the database there, on PostgreSQL.
    server: Option<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Drop for TestStore {
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        let remove = move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let admin = Store::connect(&server).await.unwrap();
                admin.db.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            });
        };
        std::thread::spawn(remove).join().unwrap();
    }
}

impl std::ops::Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    pub(crate) async fn new() -> Self {
        let made = Self::empty().await;
        made.store.migrate().await.unwrap();
        made
    }

    /// A database without tables.
    pub(crate) async fn empty() -> Self {
        Self::on(std::env::var("COOPERAGE_TEST_DATABASE_URL").ok()).await
    }

    /// An SQLite database with its tables, whatever the other tests use.
    pub(crate) async fn sqlite() -> Self {
        let made = Self::on(None).await;
        made.store.migrate().await.unwrap();
        made
    }

    async fn on(server: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (url, server) = match server {
            Some(server) => {
                let name = format!("test_{}", Uuid::now_v7().simple());
                let admin = Store::connect(&server).await.unwrap();
                // A language whose order of texts is another one than that of their bytes.
                let made = format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
                admin.db.execute_unprepared(&made).await.unwrap();
                admin.close().await.unwrap();
                let mut url = url::Url::parse(&server).unwrap();
                url.set_path(&name);
                (url.to_string(), Some((server, name)))
            }
            None => (format!("sqlite://{}/test.db?mode=rwc", folder.path().display()), None),
        };
        Self { store: Store::connect(&url).await.unwrap(), url, server, _folder: folder }
    }

    /// The same database as another server has it.
    pub(crate) async fn other(&self) -> Store {
        Store::connect(&self.url).await.unwrap()
    }

    /// Runs a statement.
    pub(crate) async fn run(&self, sql: &str) {
        self.db.execute_unprepared(sql).await.unwrap();
    }

    /// A spec with a queued job.
    pub(crate) async fn made(&self, name: &str) -> (Spec, Job) {
        self.create_spec(&self::name(name), &content("python:3.12", "jq"), None).await.unwrap()
    }

    /// A job that runs.
    pub(crate) async fn running(&self, name: &str) -> Job {
        let (_, job) = self.made(name).await;
        while self.claim_reuse("test", HOUR).await.unwrap().is_some() {}
        self.release_reuse(job.id).await.unwrap();
        let claimed = self.claim_next("test", usize::MAX, HOUR).await.unwrap().unwrap();
        assert_eq!(claimed.job.id, job.id);
        claimed.job
    }
}

pub(crate) fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

pub(crate) fn content(base: &str, apt: &str) -> NewContent {
    let packages = Packages { apt: vec![apt.to_owned()], ..Packages::default() };
    let content = Content::parse(base, &packages).unwrap();
    NewContent { hash: content.revision(), base_image: content.base_image, packages, pull_secret: None }
}

pub(crate) fn pushed(image: &str, base_image_digest: &str) -> Pushed {
    let digest = format!("sha256:{}", "d".repeat(64));
    Pushed { image: image.parse().unwrap(), digest, size_bytes: 7, base_image_digest: base_image_digest.to_owned() }
}

fn success(image: &str) -> Terminal {
    Terminal::Succeeded { pushed: pushed(image, "sha256:base"), reused_from: None }
}

fn first(n: u64, after: Option<String>) -> PageArgs {
    PageArgs { first: Some(n), after, ..PageArgs::default() }
}

fn names(page: &Page<Spec>) -> Vec<String> {
    page.edges.iter().map(|edge| edge.node.name.to_string()).collect()
}

impl Store {
    /// Moves a job's deadline into the past.
    pub(crate) async fn backdate_deadline(&self, job: Uuid, by: chrono::TimeDelta) {
        use sea_orm::sea_query::Expr;
        use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
        let at = (Utc::now() - by).timestamp_millis();
        entity::build_job::Entity::update_many()
            .col_expr(entity::build_job::Column::DeadlineAt, Expr::value(at))
            .filter(entity::build_job::Column::Id.eq(convert::key(job)))
            .exec(&self.db)
            .await
            .unwrap();
    }
}

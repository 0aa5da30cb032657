//! On a real database: SQLite in a folder of its own, or the server that `COOPERAGE_TEST_DATABASE_URL` names.

use std::time::Duration;

use cooperage_shared::{Content, Failure, FailureCode, ImageName, JobStatus, Packages, Phase};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use super::*;
use crate::delivery::protocol::{End, Outcome, Progress, Pushed};

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

#[tokio::test]
async fn a_spec_its_revision_and_its_job_come_together() {
    let store = TestStore::new().await;
    let (spec, job) = store.made("a").await;
    assert_eq!((spec.version, spec.latest_job_id, spec.latest_status), (1, job.id, JobStatus::Queued));
    assert_eq!((job.number, job.status, job.spec_id), (1, JobStatus::Queued, spec.id));
    let revision = store.revision(spec.revision_id).await.unwrap().unwrap();
    assert_eq!((revision.hash, revision.packages.apt), (job.revision, vec!["jq".to_owned()]));
    assert_eq!(store.spec_by_name(&name("a")).await.unwrap(), Some(spec));
    let again = store.create_spec(&name("a"), &content("b", "x1"), None).await;
    assert!(matches!(again, Err(StoreError::NameTaken)), "{again:?}");
    assert_eq!(store.job_counts().await.unwrap()[0], (JobStatus::Queued, 1));
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repetition_harmless() {
    let store = TestStore::new().await;
    let wanted = content("python", "jq");
    let made = store.create_spec(&name("a"), &wanted, Some("k")).await.unwrap();
    assert_eq!(store.create_spec(&name("a"), &wanted, Some("k")).await.unwrap(), made);
    let other = store.create_spec(&name("b"), &wanted, Some("k")).await;
    assert!(matches!(other, Err(StoreError::KeyTaken)), "{other:?}");
    let (_, rebuilt) = store.rebuild_spec(&name("a"), Some("r")).await.unwrap();
    let (_, again) = store.rebuild_spec(&name("a"), Some("r")).await.unwrap();
    assert_eq!((rebuilt.number, rebuilt.fresh, again.id), (2, true, rebuilt.id));
}

#[tokio::test]
async fn a_lost_update_is_a_conflict() {
    let store = TestStore::new().await;
    let (spec, _) = store.made("a").await;
    let (edited, job) = store.update_spec(&name("a"), 1, &content("python:3.12", "curl")).await.unwrap();
    assert_eq!((edited.version, job.number, edited.latest_job_id), (2, 2, job.id));
    assert_ne!(edited.revision_id, spec.revision_id);
    let late = store.update_spec(&name("a"), 1, &content("python:3.12", "wget")).await;
    assert!(matches!(late, Err(StoreError::Conflict { current: 2 })), "{late:?}");
    // Confirmed without a change: a job all the same, on the same revision.
    let (same, third) = store.update_spec(&name("a"), 2, &content("python:3.12", "curl")).await.unwrap();
    assert_eq!((same.version, third.number, same.revision_id), (3, 3, edited.revision_id));
    let none = store.update_spec(&name("b"), 1, &content("python", "jq")).await;
    assert!(matches!(none, Err(StoreError::NotFound)), "{none:?}");
    let mut secret = content("python", "jq");
    secret.pull_secret = Some("nope".to_owned());
    let unknown = store.update_spec(&name("a"), 3, &secret).await;
    assert!(matches!(unknown, Err(StoreError::PullSecretUnknown(_))), "{unknown:?}");
}

#[tokio::test]
async fn pages_meet_without_gap_or_repeat_in_every_order() {
    let store = TestStore::new().await;
    for i in [3, 1, 4, 0, 6, 2, 5] {
        let (_, job) = store.made(&format!("spec-{i}")).await;
        if i % 2 == 0 {
            store.request_stop(job.id, StopReason::Cancelled).await.unwrap();
        }
    }
    use SpecOrderField::{CreatedAt, Name, Status, UpdatedAt};
    for field in [Name, Status, CreatedAt, UpdatedAt] {
        for descending in [false, true] {
            let order = SpecOrder { field, descending };
            let all = names(&store.list_specs(None, order, &PageArgs::default()).await.unwrap());
            assert_eq!(all.len(), 7);
            let (mut forward, mut after) = (Vec::new(), None);
            loop {
                let page = store.list_specs(None, order, &first(3, after)).await.unwrap();
                assert_eq!((page.total, page.has_previous), (7, !forward.is_empty()));
                forward.extend(names(&page));
                after = page.edges.last().map(|edge| edge.cursor.clone());
                if !page.has_next {
                    break;
                }
            }
            assert_eq!(forward, all, "{order:?}");
            let (mut backward, mut before) = (Vec::new(), None);
            loop {
                let args = PageArgs { last: Some(2), before, ..PageArgs::default() };
                let page = store.list_specs(None, order, &args).await.unwrap();
                let mut chunk = names(&page);
                chunk.extend(backward);
                backward = chunk;
                before = page.edges.first().map(|edge| edge.cursor.clone());
                if !page.has_previous {
                    break;
                }
            }
            assert_eq!(backward, all, "{order:?}");
        }
    }
    let by_name = SpecOrder { field: Name, descending: false };
    let sorted = names(&store.list_specs(None, by_name, &PageArgs::default()).await.unwrap());
    assert_eq!(sorted.first().map(String::as_str), Some("spec-0"));
    let newest = names(&store.list_specs(None, SpecOrder::default(), &first(1, None)).await.unwrap());
    assert_eq!(newest, ["spec-5"]);
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let store = TestStore::new().await;
    store.made("a").await;
    let cursor = store.list_specs(None, SpecOrder::default(), &first(1, None)).await.unwrap().edges[0].cursor.clone();
    let other = SpecOrder { field: SpecOrderField::Name, descending: true };
    for (order, cursor) in [(other, cursor), (other, "%".to_owned()), (other, String::new())] {
        let refused = store.list_specs(None, order, &first(1, Some(cursor))).await;
        assert!(matches!(refused, Err(StoreError::InvalidCursor)), "{refused:?}");
    }
    let both = PageArgs { first: Some(1), last: Some(1), ..PageArgs::default() };
    assert!(matches!(store.list_specs(None, other, &both).await, Err(StoreError::InvalidPage(_))));
    assert!(matches!(store.list_specs(None, other, &first(501, None)).await, Err(StoreError::InvalidPage(_))));
    let none = store.list_specs(None, other, &first(0, None)).await.unwrap();
    assert_eq!((none.edges.len(), none.has_next, none.total), (0, true, 1));
}

#[tokio::test]
async fn a_search_takes_every_character_as_itself() {
    let store = TestStore::new().await;
    for text in ["base-notebook", "gpu.notebook", "tiny"] {
        store.made(text).await;
    }
    let found = async |search: &str| {
        let order = SpecOrder { field: SpecOrderField::Name, descending: false };
        names(&store.list_specs(Some(search), order, &PageArgs::default()).await.unwrap())
    };
    assert_eq!(found("NoteBook").await, ["base-notebook", "gpu.notebook"]);
    assert_eq!(found(" tin ").await, ["tiny"]);
    for nothing in ["%", "_", "\\", "t%y", "'; DROP TABLE image_specs; --"] {
        assert!(found(nothing).await.is_empty(), "{nothing}");
    }
    assert_eq!(found("").await.len(), 3);
}

#[tokio::test]
async fn a_terminal_status_is_final_and_the_spec_follows_its_latest_job() {
    let store = TestStore::new().await;
    let job = store.running("a").await;
    assert_eq!((job.status, job.phase), (JobStatus::Running, Some(Phase::Prepare)));
    let (_, second) = store.rebuild_spec(&name("a"), None).await.unwrap();
    let ended = store.finish(job.id, &success("127.0.0.1:5000/a:1")).await.unwrap();
    assert_eq!((ended.status, ended.size_bytes), (JobStatus::Succeeded, Some(7)));
    let spec = store.spec(job.spec_id).await.unwrap().unwrap();
    // The latest job still waits, and the image of the latest success is shown.
    assert_eq!((spec.latest_status, spec.latest_job_id), (JobStatus::Queued, second.id));
    assert_eq!(spec.image.map(|image| image.to_string()).as_deref(), Some("127.0.0.1:5000/a:1"));
    for end in [Terminal::Cancelled, success("127.0.0.1:5000/a:2")] {
        let again = store.finish(job.id, &end).await;
        assert!(matches!(again, Err(StoreError::Transition { from: JobStatus::Succeeded, .. })), "{again:?}");
    }
    let progress = Progress { phase: Phase::Push, base_image_digest: None, dockerfile: None };
    assert!(matches!(store.set_progress(job.id, &progress).await, Err(StoreError::Transition { .. })));
    assert!(matches!(store.set_progress(second.id, &progress).await, Err(StoreError::Transition { .. })));
    assert!(matches!(
        store.request_stop(job.id, StopReason::Cancelled).await,
        Err(StoreError::Transition { from: JobStatus::Succeeded, .. })
    ));
    let failure = Failure {
        code: FailureCode::Lost,
        message: "gone".to_owned(),
        log_line: Some(3),
        field: None,
        requirement: None,
    };
    let failed = store.finish(second.id, &Terminal::Failed(failure.clone())).await.unwrap();
    assert_eq!(failed.failure, Some(failure));
    let spec = store.spec(job.spec_id).await.unwrap().unwrap();
    assert_eq!((spec.latest_status, spec.latest_successful_job_id), (JobStatus::Failed, Some(job.id)));
}

#[tokio::test]
async fn an_older_job_that_succeeds_late_does_not_hide_a_newer_image() {
    let store = TestStore::new().await;
    let old = store.running("a").await;
    let (_, new) = store.rebuild_spec(&name("a"), None).await.unwrap();
    store.finish(new.id, &success("127.0.0.1:5000/a:new")).await.unwrap();
    store.finish(old.id, &success("127.0.0.1:5000/a:old")).await.unwrap();
    let spec = store.spec(old.spec_id).await.unwrap().unwrap();
    assert_eq!(spec.image.map(|image| image.to_string()).as_deref(), Some("127.0.0.1:5000/a:new"));
}

#[tokio::test]
async fn one_of_many_claimers_gets_a_job_and_the_limit_holds() {
    let store = TestStore::new().await;
    for i in 0..6 {
        store.made(&format!("s{i}")).await;
    }
    assert!(store.claim_next("x", 9, HOUR).await.unwrap().is_none(), "reuse comes first");
    let reuses = (0..12).map(|_| store.claim_reuse("x", HOUR));
    let reuses: Vec<_> = futures_util::future::join_all(reuses).await.into_iter().filter_map(Result::unwrap).collect();
    let distinct: std::collections::HashSet<_> = reuses.iter().map(|claimed| claimed.job.id).collect();
    assert_eq!((reuses.len(), distinct.len()), (6, 6));
    assert!(store.claim_next("x", 9, HOUR).await.unwrap().is_none(), "held for reuse");
    for job in &distinct {
        store.release_reuse(*job).await.unwrap();
    }
    let claims = (0..12).map(|_| store.claim_next("x", 4, HOUR));
    let claims: Vec<_> = futures_util::future::join_all(claims).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(claims.len(), 4);
    let numbers: Vec<_> = store.held_jobs("x").await.unwrap().into_iter().map(|c| (c.job.id, c.fence)).collect();
    assert_eq!(numbers.len(), 4);
    assert!(numbers.iter().all(|(_, fence)| *fence == 2));
    // First in, first out.
    let mut ids: Vec<_> = distinct.into_iter().collect();
    ids.sort_unstable();
    let mut claimed: Vec<_> = claims.iter().map(|c| c.job.id).collect();
    claimed.sort_unstable();
    assert_eq!(claimed, ids[..4]);
    let places = store.queue_positions(&ids).await.unwrap();
    assert_eq!((places.get(&ids[4]), places.get(&ids[5]), places.len()), (Some(&1), Some(&2), 2));
}

#[tokio::test]
async fn a_lease_that_ran_out_holds_nothing() {
    let store = TestStore::new().await;
    let (_, job) = store.made("a").await;
    store.claim_reuse("dead", Duration::ZERO).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let claimed = store.claim_next("alive", 1, HOUR).await.unwrap().unwrap();
    assert_eq!(claimed.job.id, job.id);
}

#[tokio::test]
async fn a_deleted_spec_leaves_nothing_and_its_name_is_free() {
    let store = TestStore::new().await;
    let job = store.running("a").await;
    store.append_log(job.id, Some(1), b"one\n").await.unwrap();
    let (_, queued) = store.rebuild_spec(&name("a"), None).await.unwrap();
    let (spec, open) = store.delete_spec(&name("a")).await.unwrap();
    let mut ids: Vec<_> = open.iter().map(|job| job.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [job.id, queued.id]);
    assert!(store.job(job.id).await.unwrap().is_none());
    assert!(store.revision(spec.revision_id).await.unwrap().is_none());
    assert!(store.log_chunks(job.id, 1, 9).await.unwrap().is_empty());
    assert!(matches!(store.append_log(job.id, Some(2), b"two\n").await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_spec(&name("a")).await, Err(StoreError::NotFound)));
    let (again, _) = store.made("a").await;
    assert_ne!(again.id, spec.id);
}

#[tokio::test]
async fn a_cancelled_queued_job_ends_at_once_and_a_running_one_is_marked() {
    let store = TestStore::new().await;
    let running = store.running("a").await;
    let marked = store.request_stop(running.id, StopReason::TimedOut).await.unwrap();
    let marked_again = store.request_stop(running.id, StopReason::Cancelled).await.unwrap();
    assert_eq!((marked.status, marked_again.stop), (JobStatus::Running, Some(StopReason::TimedOut)));
    let (_, queued) = store.made("b").await;
    assert_eq!(store.request_stop(queued.id, StopReason::Cancelled).await.unwrap().status, JobStatus::Cancelled);
    assert!(matches!(store.request_stop(Uuid::now_v7(), StopReason::Cancelled).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn the_first_last_word_counts() {
    let store = TestStore::new().await;
    let job = store.running("a").await;
    let end = |outcome| End { lines: 0, sha256: String::new(), outcome };
    store.set_end(job.id, &end(Outcome::Cancelled)).await.unwrap();
    store.set_end(job.id, &end(Outcome::Succeeded(pushed("127.0.0.1:5000/a:1", "sha256:b")))).await.unwrap();
    assert_eq!(store.claimed(job.id).await.unwrap().unwrap().end, Some(end(Outcome::Cancelled)));
}

#[tokio::test]
async fn only_the_same_revision_on_the_same_base_and_host_is_reusable() {
    let store = TestStore::new().await;
    let job = store.running("a").await;
    assert!(store.reusable_jobs(job.revision, "127.0.0.1:5000", None).await.unwrap().is_empty(), "still runs");
    store.finish(job.id, &success("127.0.0.1:5000/a:1")).await.unwrap();
    let found = async |revision, host: &str, base| store.reusable_jobs(revision, host, base).await.unwrap().len();
    assert_eq!(found(job.revision, "127.0.0.1:5000", None).await, 1);
    assert_eq!(found(job.revision, "127.0.0.1:5000", Some("sha256:base")).await, 1);
    assert_eq!(found(job.revision, "127.0.0.1:5000", Some("sha256:other")).await, 0);
    assert_eq!(found(job.revision, "registry.example", None).await, 0);
    assert_eq!(found(content("python:3.12", "curl").hash, "127.0.0.1:5000", None).await, 0);
}

#[tokio::test]
async fn base_images_and_pull_secrets_are_kept_by_name() {
    let store = TestStore::new().await;
    let mut secret = NewPullSecret {
        name: "hub".to_owned(),
        host: "docker.io".to_owned(),
        username: "me".to_owned(),
        sealed: Some(vec![1, 2, 3]),
    };
    store.create_pull_secret(&secret).await.unwrap();
    assert!(matches!(store.create_pull_secret(&secret).await, Err(StoreError::NameTaken)));
    (secret.username, secret.sealed) = ("you".to_owned(), None);
    let changed = store.update_pull_secret(&secret).await.unwrap();
    assert_eq!((changed.username.as_str(), changed.sealed.as_slice()), ("you", [1, 2, 3].as_slice()));
    assert!(!format!("{changed:?}").contains("sealed"));
    let mut base = NewBaseImage {
        name: "py".to_owned(),
        display_name: "Python 100%".to_owned(),
        description: String::new(),
        kind: BaseImageKind::Universal,
        url: "python:3.12".to_owned(),
        url_for_gpu: None,
        pull_secret: Some("hub".to_owned()),
    };
    store.create_base_image(&base).await.unwrap();
    assert!(matches!(store.create_base_image(&base).await, Err(StoreError::NameTaken)));
    assert_eq!(store.pull_secret_users("hub").await.unwrap(), (vec![], vec!["py".to_owned()]));
    for (search, hits) in [("100%", 1), ("PYTHON:3", 1), ("python_", 0), ("", 1)] {
        let page = store.list_base_images(Some(search), &PageArgs::default()).await.unwrap();
        assert_eq!(page.total, hits, "{search}");
    }
    base.pull_secret = Some("none".to_owned());
    assert!(matches!(store.update_base_image(&base).await, Err(StoreError::PullSecretUnknown(_))));
    store.delete_pull_secret("hub").await.unwrap();
    assert!(matches!(store.delete_pull_secret("hub").await, Err(StoreError::NotFound)));
    store.delete_base_image("py").await.unwrap();
    assert!(matches!(store.delete_base_image("py").await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn writers_of_two_processes_wait_for_each_other() {
    let store = TestStore::new().await;
    let (_, job) = store.made("a").await;
    // A second store on the same database has a writers' line of its own, as another process would.
    let other = store.other().await;
    let writes = (0..40).map(|i| {
        let (store, job) = (if i % 2 == 0 { store.store.clone() } else { other.clone() }, job.id);
        async move { store.append_log(job, None, format!("line {i}\n").as_bytes()).await }
    });
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    assert_eq!(store.log_state(job.id).await.unwrap().unwrap().lines, 40);
}

/// What two servers do at the same moment, again and again.
async fn both<T, F: Future<Output = T>>(first: F, second: F) -> [T; 2] {
    let (first, second) = tokio::join!(first, second);
    [first, second]
}

#[tokio::test]
async fn one_of_two_servers_creates_a_name_and_one_key_creates_once() {
    let store = TestStore::new().await;
    let other = store.other().await;
    let wanted = content("python", "jq");
    for i in 0..10 {
        let taken = name(&format!("n{i}"));
        let made = both(store.create_spec(&taken, &wanted, None), other.create_spec(&taken, &wanted, None)).await;
        let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
        assert!(matches!(refused[..], [StoreError::NameTaken]), "{refused:?}");
        let (keyed, key) = (name(&format!("k{i}")), format!("key {i}"));
        let made =
            both(store.create_spec(&keyed, &wanted, Some(&key)), other.create_spec(&keyed, &wanted, Some(&key))).await;
        let [first, second] = made.map(Result::unwrap);
        assert_eq!(first, second);
        let again = format!("again {i}");
        let made = both(store.rebuild_spec(&keyed, Some(&again)), other.rebuild_spec(&keyed, Some(&again))).await;
        let [first, second] = made.map(|made| made.unwrap().1);
        assert_eq!((first.id, first.number), (second.id, 2));
        let elsewhere = format!("elsewhere {i}");
        let made =
            both(store.rebuild_spec(&keyed, Some(&elsewhere)), other.rebuild_spec(&taken, Some(&elsewhere))).await;
        let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
        assert!(matches!(refused[..], [StoreError::KeyTaken]), "{refused:?}");
    }
}

#[tokio::test]
async fn one_of_two_servers_makes_an_edit_and_numbers_do_not_repeat() {
    let store = TestStore::new().await;
    let other = store.other().await;
    store.made("a").await;
    for version in 1..=10 {
        let (one, two) = (content("python", &format!("one{version}")), content("python", &format!("two{version}")));
        let a = name("a");
        let made = both(store.update_spec(&a, version, &one), other.update_spec(&a, version, &two)).await;
        let refused: Vec<_> = made.iter().filter_map(|made| made.as_ref().err()).collect();
        assert!(matches!(refused[..], [StoreError::Conflict { .. }]), "{refused:?}");
    }
    let rebuilds = (0..20).map(|i| {
        let store = if i % 2 == 0 { store.store.clone() } else { other.clone() };
        async move { store.rebuild_spec(&name("a"), None).await.unwrap().1.number }
    });
    let mut numbers = futures_util::future::join_all(rebuilds).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (12..=31).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_servers_together_keep_the_limit_and_claim_each_job_once() {
    let store = TestStore::new().await;
    let other = store.other().await;
    for i in 0..12 {
        store.made(&format!("s{i}")).await;
    }
    let reuses = (0..24).map(|i| {
        let store = if i % 2 == 0 { store.store.clone() } else { other.clone() };
        async move { store.claim_reuse("x", HOUR).await.unwrap() }
    });
    let reuses: Vec<_> = futures_util::future::join_all(reuses).await.into_iter().flatten().collect();
    let distinct: std::collections::HashSet<_> = reuses.iter().map(|claimed| claimed.job.id).collect();
    assert_eq!(reuses.len(), distinct.len());
    while let Some(claimed) = store.claim_reuse("x", HOUR).await.unwrap() {
        store.release_reuse(&claimed).await.unwrap();
    }
    for claimed in &reuses {
        store.release_reuse(claimed).await.unwrap();
    }
    let claims = (0..24).map(|i| {
        let (store, owner) = if i % 2 == 0 { (store.store.clone(), "x") } else { (other.clone(), "y") };
        async move { store.claim_next(Claimer { owner, lease: Some(HOUR) }, 7, HOUR).await.unwrap() }
    });
    let claims: Vec<_> = futures_util::future::join_all(claims).await.into_iter().flatten().collect();
    let distinct: std::collections::HashSet<_> = claims.iter().map(|claimed| claimed.job.id).collect();
    assert_eq!((claims.len(), distinct.len()), (7, 7));
    // Jobs that one machine holds for itself are counted by it alone.
    assert!(store.claim_next("machine", 1, HOUR).await.unwrap().is_some());
    assert!(store.claim_next("machine", 1, HOUR).await.unwrap().is_none());
}

#[tokio::test]
async fn who_lost_the_lease_changes_nothing_any_more() {
    let store = TestStore::new().await;
    let other = store.other().await;
    let (_, job) = store.made("a").await;
    let (frozen, awake) = (
        Claimer { owner: "frozen", lease: Some(Duration::from_millis(5)) },
        Claimer { owner: "awake", lease: Some(HOUR) },
    );
    let reused = store.claim_reuse("frozen", Duration::ZERO).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let held = store.claim_next(frozen, 1, HOUR).await.unwrap().unwrap();
    // Reuse that came back too late.
    let late = store.finish(&reused, &success("127.0.0.1:5000/a:1")).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    store.release_reuse(&reused).await.unwrap();
    store.heartbeat(frozen).await.unwrap();
    assert_eq!(store.adopt(frozen).await.unwrap(), 0, "its own");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(other.adopt(awake).await.unwrap(), 1);
    assert_eq!(other.adopt(awake).await.unwrap(), 0);
    // It wakes, believing that the job is still its own.
    store.heartbeat(frozen).await.unwrap();
    assert!(store.held_jobs("frozen").await.unwrap().is_empty());
    let writes = [
        store.finish(&held, &Terminal::Cancelled).await.map(drop),
        store.set_token(&held, "token", 1).await,
        store.mark_started(&held).await,
        store.request_stop(&held, StopReason::TimedOut).await.map(drop),
        store.append_log(&held, None, b"[cooperage] gone\n").await.map(drop),
    ];
    for write in writes {
        assert!(matches!(write, Err(StoreError::Fenced)), "{write:?}");
    }
    let now = &other.held_jobs("awake").await.unwrap()[0];
    assert_eq!(
        (now.job.status, now.job.log_lines, now.job.stop, now.started_on_engine),
        (JobStatus::Running, 0, None, false)
    );
    assert!(now.fence > held.fence);
    other.mark_started(now).await.unwrap();
    // A person's wish and a builder's word count whoever holds the job.
    store.append_log(job.id, Some(1), b"one\n").await.unwrap();
    assert_eq!(store.request_stop(job.id, StopReason::Cancelled).await.unwrap().stop, Some(StopReason::Cancelled));
    other.finish(now, &Terminal::Cancelled).await.unwrap();
    let ended = store.finish(&held, &Terminal::Cancelled).await;
    assert!(matches!(ended, Err(StoreError::Transition { .. })), "{ended:?}");
}

#[tokio::test]
async fn a_server_that_ends_hands_its_leases_over_and_one_machine_keeps_its_jobs() {
    let store = TestStore::new().await;
    let job = store.running("a").await;
    let (x, y) = (Claimer { owner: "x", lease: Some(HOUR) }, Claimer { owner: "y", lease: Some(HOUR) });
    store.made("b").await;
    while let Some(claimed) = store.claim_reuse("x", HOUR).await.unwrap() {
        store.release_reuse(&claimed).await.unwrap();
    }
    let leased = store.claim_next(x, 1, HOUR).await.unwrap().unwrap();
    assert_eq!(store.adopt(y).await.unwrap(), 0);
    store.release_leases("x").await.unwrap();
    assert_eq!(store.adopt(y).await.unwrap(), 1);
    // The job of a machine has no lease: nobody takes it, and its own server has it again after a restart.
    assert_eq!(store.adopt("elsewhere".into()).await.unwrap(), 0);
    let before = store.claimed(job.id).await.unwrap().unwrap();
    assert_eq!(store.take_over("test").await.unwrap(), 1);
    assert!(matches!(store.finish(&before, &Terminal::Cancelled).await, Err(StoreError::Fenced)));
    // Long after its deadline the machine is gone for good.
    store.backdate_deadline(job.id, chrono::TimeDelta::minutes(4)).await;
    assert_eq!(store.adopt("elsewhere".into()).await.unwrap(), 0);
    store.backdate_deadline(job.id, chrono::TimeDelta::minutes(6)).await;
    assert_eq!(store.adopt("elsewhere".into()).await.unwrap(), 1);
    assert_eq!(store.held_jobs("elsewhere").await.unwrap()[0].job.id, job.id);
    assert_eq!(store.held_jobs("y").await.unwrap()[0].job.id, leased.job.id);
}

#[tokio::test]
async fn a_job_that_another_engine_has_left_is_taken_over_long_after_its_deadline() {
    let store = TestStore::new().await;
    let cluster = Claimer { owner: "cluster", lease: Some(HOUR) };
    let local = store.running("a").await.id;
    store.backdate_deadline(local, chrono::TimeDelta::minutes(4)).await;
    assert_eq!(store.adopt(cluster).await.unwrap(), 0, "its own server may come back");
    store.backdate_deadline(local, chrono::TimeDelta::minutes(6)).await;
    assert_eq!(store.adopt(cluster).await.unwrap(), 1);
    // It has a lease now. While that holds it is the cluster's, also for one machine's server.
    assert_eq!(store.adopt("machine".into()).await.unwrap(), 0);
    store.release_leases("cluster").await.unwrap();
    assert_eq!(store.adopt("machine".into()).await.unwrap(), 1);
    assert_eq!(store.held_jobs("machine").await.unwrap()[0].job.id, local);
}

#[tokio::test]
async fn the_same_lines_by_way_of_two_servers_are_stored_once() {
    let store = TestStore::new().await;
    let other = store.other().await;
    let job = store.running("a").await.id;
    let text: Vec<String> = (1..=200).map(|i| format!("line {i}\n")).collect();
    let deliver = async |store: &Store| {
        let mut next = 1;
        while let Some(rest) = text.get(next - 1..).filter(|rest| !rest.is_empty()) {
            let some = rest.iter().take(7).cloned().collect::<String>();
            next = match store.append_log(job, Some(next as u64), some.as_bytes()).await.unwrap() {
                Appended::Stored { next, .. } | Appended::Gap { next } => usize::try_from(next).unwrap(),
                other => panic!("{other:?}"),
            };
        }
    };
    tokio::join!(deliver(&store), deliver(&other));
    let chunks = store.log_chunks(job, 1, 99).await.unwrap();
    assert_eq!(chunks.iter().flat_map(|chunk| chunk.data.clone()).collect::<Vec<_>>(), text.concat().as_bytes());
    assert_eq!(store.log_state(job).await.unwrap().unwrap().lines, 200);
}

#[tokio::test]
async fn deleting_and_ending_at_the_same_moment_is_no_deadlock() {
    let store = TestStore::new().await;
    let other = store.other().await;
    for i in 0..15 {
        let job = store.running(&format!("s{i}")).await;
        store.rebuild_spec(&name(&format!("s{i}")), None).await.unwrap();
        let spec = name(&format!("s{i}"));
        let (deleted, ended, claimed) = tokio::join!(
            store.delete_spec(&spec),
            other.finish(job.id, &Terminal::Cancelled),
            other.claim_next("z", 99, HOUR)
        );
        deleted.unwrap();
        claimed.unwrap();
        assert!(matches!(ended, Ok(_) | Err(StoreError::NotFound)), "{ended:?}");
        assert!(store.job(job.id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn servers_that_start_together_migrate_once() {
    let store = TestStore::empty().await;
    if !store.is_shared() {
        return store.migrate().await.unwrap();
    }
    let others = futures_util::future::join_all((0..4).map(|_| store.other())).await;
    for migrated in futures_util::future::join_all(others.iter().map(Store::migrate)).await {
        migrated.unwrap();
    }
    store.made("a").await;
}

#[tokio::test]
async fn a_server_that_freezes_in_a_transaction_does_not_hold_up_the_others() {
    let store = TestStore::new().await;
    if !store.is_shared() {
        return;
    }
    let job = store.running("a").await;
    let other = store.other().await;
    // A patience that a test can wait for.
    let frozen = other.write().await.unwrap();
    frozen.tx.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 300").await.unwrap();
    hold::locked(&frozen, job.id).await.unwrap();
    store.append_log(job.id, Some(1), b"one\n").await.unwrap();
    let woken = frozen.commit().await;
    assert!(matches!(woken, Err(StoreError::Unavailable(_) | StoreError::Database(_))), "{woken:?}");
    other.append_log(job.id, Some(2), b"two\n").await.unwrap();
}

#[tokio::test]
async fn what_no_database_can_keep_or_find_is_an_error_of_its_own() {
    let store = TestStore::new().await;
    store.made("a").await;
    assert_eq!(store.list_specs(Some("\0"), SpecOrder::default(), &PageArgs::default()).await.unwrap().total, 0);
    let kept = store.rebuild_spec(&name("a"), Some("k\0")).await;
    assert!(matches!(kept, Err(StoreError::Unkeepable)) || !store.is_shared(), "{kept:?}");
}

#[tokio::test]
async fn names_are_in_the_order_of_their_bytes_whatever_the_language() {
    let store = TestStore::new().await;
    for text in ["a-b", "ab", "a.b", "a0", "b"] {
        store.made(text).await;
    }
    let order = SpecOrder { field: SpecOrderField::Name, descending: false };
    let page = store.list_specs(None, order, &PageArgs::default()).await.unwrap();
    assert_eq!(names(&page), ["a-b", "a.b", "a0", "ab", "b"]);
}

#[tokio::test]
async fn everything_is_copied_once_to_an_empty_database() {
    let source = TestStore::sqlite().await;
    let target = TestStore::new().await;
    let secret = NewPullSecret {
        name: "hub".to_owned(),
        host: "docker.io".to_owned(),
        username: "me".to_owned(),
        sealed: Some((0..=255).collect()),
    };
    source.create_pull_secret(&secret).await.unwrap();
    let job = source.running("a").await;
    let log: Vec<u8> = (0..3_000_u32)
        .flat_map(|i| [i.to_be_bytes().as_slice(), b" \0\xff line\n"].concat())
        .map(|byte| if byte == b'\n' { byte } else { byte.wrapping_mul(31) | 0x80 })
        .collect();
    source.append_log(job.id, Some(1), &log).await.unwrap();
    source.finish(job.id, &success("127.0.0.1:5000/a:1")).await.unwrap();
    for i in 0..700 {
        source.rebuild_spec(&name("a"), Some(&format!("k{i}"))).await.unwrap();
    }
    let copied = source.copy_to(&target).await.unwrap();
    let rows: Vec<_> = copied.iter().map(|copied| (copied.table, copied.rows)).collect();
    let chunks = source.log_chunks(job.id, 1, 999).await.unwrap();
    assert_eq!(
        rows,
        [
            ("pull secrets", 1),
            ("base images", 0),
            ("image specs", 1),
            ("revisions", 1),
            ("jobs", 701),
            ("pieces of logs", chunks.len() as u64)
        ]
    );
    assert_eq!(target.log_chunks(job.id, 1, 999).await.unwrap(), chunks);
    assert_eq!(target.job(job.id).await.unwrap(), source.job(job.id).await.unwrap());
    assert_eq!(target.spec_by_name(&name("a")).await.unwrap(), source.spec_by_name(&name("a")).await.unwrap());
    assert_eq!(target.list_pull_secrets().await.unwrap(), source.list_pull_secrets().await.unwrap());
    let revision = source.spec_by_name(&name("a")).await.unwrap().unwrap().revision_id;
    assert_eq!(target.revision(revision).await.unwrap(), source.revision(revision).await.unwrap());
    // It goes on where it was, and a second copy is refused.
    assert_eq!(target.rebuild_spec(&name("a"), None).await.unwrap().1.number, 702);
    let again = source.copy_to(&target).await;
    assert!(matches!(again, Err(CopyError::NotEmpty { table: "pull secrets", rows: 1 })), "{again:?}");
}

#[tokio::test]
async fn a_copy_that_breaks_off_leaves_nothing() {
    let (source, target) = (TestStore::sqlite().await, TestStore::new().await);
    source.made("a").await;
    source.made("b").await;
    // A row that the target cannot take: its spec is missing in the source's own list.
    source.run("PRAGMA foreign_keys = OFF").await;
    let broken = Store::connect(&source.url).await.unwrap();
    broken.db.execute_unprepared("PRAGMA foreign_keys = OFF; DELETE FROM image_specs WHERE name = 'b'; INSERT INTO log_chunks SELECT 'none', 1, 1, 1, x'00'").await.unwrap();
    assert!(source.copy_to(&target).await.is_err());
    assert_eq!(target.list_specs(None, SpecOrder::default(), &PageArgs::default()).await.unwrap().total, 0);
    assert!(target.spec_by_name(&name("a")).await.unwrap().is_none());
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

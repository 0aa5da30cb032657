use axum::body::Body;
use cooperage_shared::{JobStatus, Phase};
use tower::ServiceExt as _;

use super::super::protocol::Outcome;
use super::*;
use crate::store::Terminal;
use crate::store::tests::TestStore;

const TOKEN: &str = "0123456789abcdef";

struct Bed {
    store: TestStore,
    logs: LogStore,
    router: Router,
    job: Uuid,
}

impl Bed {
    async fn new() -> Self {
        let store = TestStore::new().await;
        let job = store.running("a").await.id;
        let sha256 = hex::encode(Sha256::digest(TOKEN.as_bytes()));
        store.set_token(job, &sha256, 1 << 30).await.unwrap();
        let (events, inner) = (Events::new(), Store::clone(&store));
        let logs = LogStore::new(inner.clone(), events.clone());
        Self { router: router(inner, logs.clone(), events), store, logs, job }
    }

    async fn post(&self, what: &str, token: Option<&str>, body: impl Into<Body>) -> (StatusCode, String) {
        self.post_for(self.job, what, token, body).await
    }

    async fn post_for(
        &self,
        job: Uuid,
        what: &str,
        token: Option<&str>,
        body: impl Into<Body>,
    ) -> (StatusCode, String) {
        let mut request = Request::post(format!("/v1/jobs/{job}/{what}")).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let reply = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = reply.status();
        let bytes = axum::body::to_bytes(reply.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }
}

fn next(next: u64) -> String {
    serde_json::to_string(&Next { next }).unwrap()
}

fn end(text: &str) -> String {
    let lines = text.lines().count() as u64;
    let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
    serde_json::to_string(&End { lines, sha256, outcome: Outcome::Cancelled }).unwrap()
}

#[tokio::test]
async fn nothing_is_taken_without_the_jobs_own_token() {
    let bed = Bed::new().await;
    let (_, other) = bed.store.made("b").await;
    for token in [None, Some(""), Some("wrong"), Some(&TOKEN[1..])] {
        for what in ["log?from=1", "progress", "end"] {
            assert_eq!(bed.post(what, token, "x\n").await.0, StatusCode::UNAUTHORIZED, "{what}");
        }
    }
    // A job that has no token takes none.
    let (status, _) = bed.post_for(other.id, "log?from=1", Some(TOKEN), "x\n").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(bed.store.log_state(bed.job).await.unwrap().unwrap().lines, 0);
}

#[tokio::test]
async fn a_log_comes_in_order_and_its_end_is_taken_when_it_is_complete() {
    let bed = Bed::new().await;
    let token = Some(TOKEN);
    assert_eq!(bed.post("log?from=1", token, "a\nb\n").await, (StatusCode::OK, next(3)));
    assert_eq!(bed.post("log?from=1", token, "a\nb\n").await, (StatusCode::OK, next(3)));
    assert_eq!(bed.post("log?from=4", token, "d\n").await, (StatusCode::CONFLICT, next(3)));
    assert_eq!(bed.post("log?from=3", token, "").await, (StatusCode::OK, next(3)), "a heartbeat");
    assert_eq!(bed.post("end", token, end("a\nb\nc\n")).await, (StatusCode::CONFLICT, next(3)));
    assert_eq!(bed.post("end", token, end("a\nB\n")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bed.store.claimed(bed.job).await.unwrap().unwrap().end.is_none());
    assert_eq!(bed.post("end", token, end("a\nb\n")).await, (StatusCode::OK, next(3)));
    assert_eq!(bed.post("end", token, end("a\nb\n")).await, (StatusCode::OK, next(3)), "repeated");
    let claimed = bed.store.claimed(bed.job).await.unwrap().unwrap();
    assert!(claimed.end.is_some());
    assert_eq!(claimed.job.status, JobStatus::Running, "the reconciler decides");
}

#[tokio::test]
async fn what_is_malformed_or_too_large_is_refused() {
    let bed = Bed::new().await;
    let token = Some(TOKEN);
    assert_eq!(bed.post("log?from=0", token, "a\n").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bed.post("log?from=-1", token, "a\n").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bed.post("log", token, "a\n").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bed.post("log?from=1", token, "half a line").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bed.post("log?from=1", token, vec![b'\n'; BODY_LIMIT + 1]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(bed.post("progress", token, "{").await.0.is_client_error());
    assert!(bed.post("end", token, "{}").await.0.is_client_error());
    assert_eq!(bed.store.log_state(bed.job).await.unwrap().unwrap().lines, 0);
}

#[tokio::test]
async fn the_builder_of_a_job_that_is_over_is_told_so() {
    let bed = Bed::new().await;
    let progress = r#"{"phase":"BUILD","base_image_digest":"sha256:b"}"#;
    assert_eq!(bed.post("progress", Some(TOKEN), progress).await.0, StatusCode::NO_CONTENT);
    let job = bed.store.job(bed.job).await.unwrap().unwrap();
    assert_eq!((job.phase, job.base_image_digest.as_deref()), (Some(Phase::Build), Some("sha256:b")));
    bed.store.finish(bed.job, &Terminal::Cancelled).await.unwrap();
    for what in ["log?from=1", "progress", "end"] {
        assert_eq!(bed.post(what, Some(TOKEN), "x\n").await.0, StatusCode::GONE, "{what}");
    }
    assert_eq!(bed.post("end", Some("wrong"), "").await.0, StatusCode::UNAUTHORIZED);
    bed.store.delete_spec(&"a".parse().unwrap()).await.unwrap();
    assert_eq!(bed.post("log?from=1", Some(TOKEN), "x\n").await.0, StatusCode::GONE);
}

#[tokio::test]
async fn many_builders_deliver_side_by_side() {
    let bed = Bed::new().await;
    let posts = (0..50).map(|_| bed.post("log?from=1", Some(TOKEN), "a\nb\nc\n"));
    for reply in futures_util::future::join_all(posts).await {
        assert_eq!(reply, (StatusCode::OK, next(4)));
    }
    assert_eq!(bed.logs.checksum(bed.job).await.unwrap().0, 3);
}

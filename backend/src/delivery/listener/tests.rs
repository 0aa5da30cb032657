use axum::body::Body;
use cooperage_shared::{JobStatus, Phase};
use tower::ServiceExt as _;

use super::super::protocol::{Outcome, TOLD_TO_END};
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

    async fn begin(&self, attempt: &str) -> (StatusCode, String) {
        let body = serde_json::to_string(&Begin { attempt: attempt.to_owned() }).unwrap();
        self.post("begin", Some(TOKEN), body).await
    }

    /// As the builder of this attempt.
    async fn post_as(&self, attempt: &str, what: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post(format!("/v1/jobs/{}/{what}", self.job)).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {TOKEN}")).header(ATTEMPT, attempt);
        self.reply(request.body(body.into()).unwrap()).await
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
        self.reply(request.body(body.into()).unwrap()).await
    }

    async fn reply(&self, request: Request) -> (StatusCode, String) {
        let reply = self.router.clone().oneshot(request).await.unwrap();
        let status = reply.status();
        let bytes = axum::body::to_bytes(reply.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }
}

fn next(next: u64) -> String {
    serde_json::to_string(&Next { next, stop: false }).unwrap()
}

fn began(lines: u64, next: u64) -> String {
    serde_json::to_string(&Began { lines, next, stop: false }).unwrap()
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

#[tokio::test]
async fn an_attempt_begins_as_often_as_it_likes() {
    let bed = Bed::new().await;
    // The server may have said something before.
    bed.logs.say(bed.job, "[cooperage] The job waits for a place.").await.unwrap();
    assert_eq!(bed.begin("pod-1").await, (StatusCode::OK, began(1, 2)));
    assert_eq!(bed.post_as("pod-1", "log?from=2", "a\n").await, (StatusCode::OK, next(3)));
    assert_eq!(bed.begin("pod-1").await, (StatusCode::OK, began(1, 3)));
    assert_eq!(bed.post_as("pod-1", "log?from=1", "a\n").await.0, StatusCode::BAD_REQUEST, "not its own line");
    assert_eq!(bed.post_as("pod-1", "end", end("a\n")).await, (StatusCode::OK, next(3)));
    assert_eq!(bed.begin("pod-1").await.0, StatusCode::OK);
    assert_eq!(bed.begin("pod-2").await.0, StatusCode::GONE, "it has its last word");
    for name in ["", "a b", &"x".repeat(101)] {
        assert_eq!(bed.begin(name).await.0, StatusCode::BAD_REQUEST, "{name}");
    }
}

#[tokio::test]
async fn a_second_attempt_says_so_and_its_end_is_judged_by_its_own_lines() {
    let bed = Bed::new().await;
    assert_eq!(bed.begin("pod-1").await, (StatusCode::OK, began(0, 1)));
    assert_eq!(bed.post_as("pod-1", "log?from=1", "a\nb\n").await, (StatusCode::OK, next(3)));
    assert_eq!(bed.begin("pod-2").await, (StatusCode::OK, began(3, 4)));
    let chunks = bed.store.log_chunks(bed.job, 1, 10).await.unwrap();
    let whole = String::from_utf8(chunks.into_iter().flat_map(|chunk| chunk.data).collect()).unwrap();
    let marker = "[cooperage] The pod was disrupted and runs again (attempt 2).";
    assert_eq!(whole, format!("a\nb\n{marker} Lines of the one before may be missing.\n"));
    // The first, should its pod still live, is told to stop.
    for what in ["log?from=3", "progress", "end"] {
        assert_eq!(bed.post_as("pod-1", what, "x\n").await.0, StatusCode::GONE, "{what}");
    }
    assert_eq!(bed.begin("pod-1").await.0, StatusCode::GONE);
    assert_eq!(bed.begin("pod-2").await, (StatusCode::OK, began(3, 4)), "no second line tells of it");
    assert_eq!(bed.post_as("pod-2", "log?from=4", "c\n").await, (StatusCode::OK, next(5)));
    assert_eq!(bed.post_as("pod-2", "end", end("a\nb\n")).await, (StatusCode::CONFLICT, next(5)));
    assert_eq!(bed.post_as("pod-2", "end", end("C\n")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(bed.post_as("pod-2", "end", end("c\n")).await, (StatusCode::OK, next(5)));
    let attempt = bed.store.attempt(bed.job).await.unwrap().unwrap();
    assert_eq!((attempt.name.as_str(), attempt.number, attempt.lines), ("pod-2", 2, 3));
}

#[tokio::test]
async fn an_attempt_that_was_told_to_end_and_delivered_has_lost_nothing() {
    let bed = Bed::new().await;
    bed.begin("pod-1").await;
    assert_eq!(bed.post_as("pod-1", "log?from=1", format!("a\n{TOLD_TO_END}\n")).await, (StatusCode::OK, next(3)));
    bed.begin("pod-2").await;
    let chunks = bed.store.log_chunks(bed.job, 1, 10).await.unwrap();
    let whole = String::from_utf8(chunks.into_iter().flat_map(|chunk| chunk.data).collect()).unwrap();
    let marker = "[cooperage] The pod was disrupted and runs again (attempt 2).";
    assert_eq!(whole, format!("a\n{TOLD_TO_END}\n{marker}\n"));
}

#[tokio::test]
async fn a_job_that_is_to_stop_is_told_so_with_every_reply() {
    let bed = Bed::new().await;
    assert!(bed.begin("pod").await.1.contains(r#""stop":false"#));
    bed.store.request_stop(bed.job, crate::store::StopReason::Cancelled).await.unwrap();
    assert!(bed.begin("pod").await.1.contains(r#""stop":true"#));
    assert!(bed.post_as("pod", "log?from=1", "a\n").await.1.contains(r#""stop":true"#));
}

#[tokio::test]
async fn each_attempt_may_fill_a_log() {
    let bed = Bed::new().await;
    let sha256 = hex::encode(Sha256::digest(TOKEN.as_bytes()));
    bed.store.set_token(bed.job, &sha256, 10).await.unwrap();
    bed.begin("pod-1").await;
    assert_eq!(bed.post_as("pod-1", "log?from=1", "123456789\n").await.0, StatusCode::OK);
    assert_eq!(bed.post_as("pod-1", "log?from=2", "2\n").await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(bed.begin("pod-2").await.0, StatusCode::OK);
    assert_eq!(bed.post_as("pod-2", "log?from=3", "123456789\n").await, (StatusCode::OK, next(4)));
}

//! Jobs: claimed, ended and reused.

use super::*;

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

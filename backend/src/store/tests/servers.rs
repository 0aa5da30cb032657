//! Two servers and more on one database.

use super::*;

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

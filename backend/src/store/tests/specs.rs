//! Specs: made, changed, listed, searched and deleted.

use super::*;

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

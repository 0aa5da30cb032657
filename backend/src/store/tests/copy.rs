//! Everything from one database to another.

use super::*;

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

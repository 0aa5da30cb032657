use futures_util::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::store::Terminal;
use crate::store::tests::TestStore;

async fn started() -> (TestStore, LogStore, Uuid) {
    let store = TestStore::new().await;
    let job = store.running("a").await.id;
    let logs = LogStore::new(store.clone(), Events::new());
    (store, logs, job)
}

async fn whole(logs: &LogStore, job: Uuid) -> Vec<u8> {
    logs.download(job).try_collect::<Vec<_>>().await.unwrap().concat()
}

#[tokio::test]
async fn a_repeated_append_changes_nothing_and_a_gap_is_refused() {
    let (_store, logs, job) = started().await;
    assert_eq!(logs.append(job, 1, b"a\nb\n").await.unwrap(), Appended::Stored { next: 3, new: 2 });
    assert_eq!(logs.append(job, 1, b"a\nb\n").await.unwrap(), Appended::Stored { next: 3, new: 0 });
    assert_eq!(logs.append(job, 2, b"b\nc\r\xff\n").await.unwrap(), Appended::Stored { next: 4, new: 1 });
    assert_eq!(logs.append(job, 5, b"e\n").await.unwrap(), Appended::Gap { next: 4 });
    assert_eq!(logs.append(job, 4, b"").await.unwrap(), Appended::Stored { next: 4, new: 0 });
    assert_eq!(whole(&logs, job).await, b"a\nb\nc\r\xff\n");
    let sha256 = hex::encode(Sha256::digest(b"a\nb\nc\r\xff\n"));
    assert_eq!(logs.checksum(job).await.unwrap(), (3, sha256));
}

#[tokio::test]
async fn a_log_that_is_too_long_is_refused_but_the_servers_own_line_is_not() {
    let (store, logs, job) = started().await;
    store.set_token(job, "x", 4).await.unwrap();
    assert_eq!(logs.append(job, 1, b"abc\n").await.unwrap(), Appended::Stored { next: 2, new: 1 });
    assert_eq!(logs.append(job, 2, b"d\n").await.unwrap(), Appended::TooLong { next: 2 });
    for _ in 0..2 {
        logs.say(job, "marker\nin one line").await.unwrap();
    }
    assert_eq!(whole(&logs, job).await, b"abc\nmarker in one line\n");
}

#[tokio::test]
async fn the_log_of_an_ended_job_is_final() {
    let (store, logs, job) = started().await;
    logs.append(job, 1, b"a\n").await.unwrap();
    store.finish(job, &Terminal::Cancelled).await.unwrap();
    assert_eq!(logs.append(job, 2, b"b\n").await.unwrap(), Appended::Ended { next: 2 });
    logs.say(job, "late").await.unwrap();
    assert_eq!(whole(&logs, job).await, b"a\n");
}

#[tokio::test]
async fn long_lines_make_short_pages_without_a_gap() {
    let (store, logs, job) = started().await;
    let line = |number: usize| format!("{number} {}", "x".repeat(100_000));
    for number in 1..=100 {
        logs.append(job, number as u64, format!("{}\n", line(number)).as_bytes()).await.unwrap();
    }
    logs.append(job, 101, format!("{}\nshort\n", "y".repeat(5 << 20)).as_bytes()).await.unwrap();
    let page = logs.page(job, 2, None).await.unwrap().unwrap();
    assert_eq!(
        (page.first_line, page.lines.len()),
        (102, 1),
        "a line that is longer than a page is in a page of its own"
    );
    let (mut before, mut read) = (102, 102);
    while before > 1 {
        let page = logs.page(job, 2_000, Some(before)).await.unwrap().unwrap();
        let bytes: usize = page.lines.iter().map(Vec::len).sum();
        assert!(bytes <= 4 << 20 || page.lines.len() == 1, "{bytes} bytes");
        assert_eq!(page.first_line + page.lines.len() as u64, before);
        if before <= 101 {
            let wanted = (page.first_line as usize..).map(line);
            assert!(page.lines.iter().zip(wanted).all(|(got, wanted)| got == wanted.as_bytes()));
        }
        read -= page.lines.len();
        before = page.first_line;
    }
    assert_eq!(read, 1);
    store.finish(job, &Terminal::Cancelled).await.unwrap();
    let chunks: Vec<_> = logs.follow(job, From::Line(1)).try_collect().await.unwrap();
    assert!(
        chunks.iter().all(|chunk| chunk.lines.len() == 1 || chunk.lines.iter().map(Vec::len).sum::<usize>() <= 4 << 20)
    );
    assert_eq!(chunks.iter().map(|chunk| chunk.lines.len()).sum::<usize>(), 102);
}

#[tokio::test]
async fn pages_go_back_to_the_first_line() {
    let (_store, logs, job) = started().await;
    let text: String = (1..=25_000).map(|i| format!("line {i} {}\n", "x".repeat(i % 50))).collect();
    // In requests that do not end where chunks do.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut next = 1;
    for some in lines.chunks(777) {
        logs.append(job, next, some.concat().as_bytes()).await.unwrap();
        next += some.len() as u64;
    }
    let (mut before, mut read) = (None, Vec::new());
    loop {
        let page = logs.page(job, 2000, before).await.unwrap().unwrap();
        assert_eq!((page.total_lines, page.finished), (25_000, false));
        let mut lines = page.lines;
        lines.extend(read);
        read = lines;
        if page.first_line == 1 {
            break;
        }
        before = Some(page.first_line);
    }
    let joined: Vec<u8> = read.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
    assert!(joined == text.as_bytes());
    assert!(whole(&logs, job).await == text.as_bytes());
    let empty = logs.page(job, 2000, Some(1)).await.unwrap().unwrap();
    assert_eq!((empty.first_line, empty.lines.len()), (1, 0));
    assert!(logs.page(Uuid::now_v7(), 1, None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_log_that_comes_line_by_line_has_few_rows() {
    let (store, logs, job) = started().await;
    for i in 1..=300 {
        logs.append(job, i, format!("{i}\n").as_bytes()).await.unwrap();
    }
    assert_eq!(store.log_chunks(job, 1, 99).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_very_long_line_is_one_line() {
    let (_store, logs, job) = started().await;
    let mut line = vec![b'x'; 3 << 20];
    line.push(b'\n');
    logs.append(job, 1, b"short\n").await.unwrap();
    logs.append(job, 2, &line).await.unwrap();
    logs.append(job, 3, b"short\n").await.unwrap();
    let page = logs.page(job, 2, None).await.unwrap().unwrap();
    assert_eq!((page.first_line, page.lines[0].len(), page.lines[1].len()), (2, 3 << 20, 5));
}

/// Follows a log to its end and joins it; every chunk must begin where the one before it ended.
async fn followed(logs: LogStore, job: Uuid, from: From) -> (u64, Vec<u8>) {
    let mut stream = Box::pin(logs.follow(job, from));
    let (mut first, mut next, mut all) = (None, None, Vec::new());
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        assert_eq!(chunk.first_line, next.unwrap_or(chunk.first_line), "a gap or a repeat");
        first.get_or_insert(chunk.first_line);
        next = Some(chunk.first_line + chunk.lines.len() as u64);
        for line in chunk.lines {
            all.extend(line);
            all.push(b'\n');
        }
        if chunk.finished {
            assert!(stream.next().await.is_none());
            return (first.unwrap(), all);
        }
    }
    panic!("the stream ended without saying so");
}

#[tokio::test]
async fn history_turns_into_live_without_gap_or_repeat() {
    let (store, logs, job) = started().await;
    let mut followers = Vec::new();
    let mut expected = Vec::new();
    for i in 1..=400_u64 {
        if i % 100 == 1 {
            followers.push((i, tokio::spawn(followed(logs.clone(), job, From::Line(i)))));
            followers.push((1, tokio::spawn(followed(logs.clone(), job, From::Line(1)))));
        }
        let line = format!("line {i}\n");
        expected.push(line.clone());
        logs.append(job, i, line.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    // Another process ends the job: no hint comes, and the end is seen all the same.
    store.finish(job, &Terminal::Cancelled).await.unwrap();
    for (from, follower) in followers {
        let (first, text) = follower.await.unwrap();
        assert_eq!(first, from);
        assert_eq!(String::from_utf8(text).unwrap(), expected[usize::try_from(from).unwrap() - 1..].concat());
    }
}

#[tokio::test]
async fn a_follower_of_a_deleted_or_ended_job_is_let_go() {
    let (store, logs, job) = started().await;
    logs.append(job, 1, b"a\nb\nc\n").await.unwrap();
    let mut stream = Box::pin(logs.follow(job, From::Last(2)));
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!((first.first_line, first.lines.len(), first.finished), (2, 2, false));
    store.delete_spec(&"a".parse().unwrap()).await.unwrap();
    assert!(stream.next().await.is_none());
    let (store, logs, job) = started().await;
    store.finish(job, &Terminal::Cancelled).await.unwrap();
    assert_eq!(followed(logs, job, From::Last(2000)).await, (1, Vec::new()));
}

#[tokio::test]
async fn an_old_log_is_replaced_by_a_notice() {
    let (store, logs, job) = started().await;
    logs.append(job, 1, b"a\nb\n").await.unwrap();
    store.finish(job, &Terminal::Cancelled).await.unwrap();
    let later = chrono::Utc::now() + chrono::TimeDelta::seconds(1);
    assert_eq!(store.remove_logs(later, "removed").await.unwrap(), [job]);
    assert!(store.remove_logs(later, "removed").await.unwrap().is_empty());
    assert_eq!(whole(&logs, job).await, b"removed\n");
    assert_eq!(logs.page(job, 9, None).await.unwrap().unwrap().total_lines, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is sent again, in whatever pieces: the log is what was printed.
    #[test]
    fn any_deliveries_make_the_same_log(
        lines in prop::collection::vec(prop::collection::vec(any::<u8>().prop_filter("no line end", |b| *b != b'\n'), 0..40), 1..60),
        cuts in prop::collection::vec((0_usize..60, 1_usize..20), 1..12),
    ) {
        let text: Vec<Vec<u8>> = lines.into_iter().map(|mut line| { line.push(b'\n'); line }).collect();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (_store, logs, job) = started().await;
            let everything = (0, text.len());
            for (start, length) in cuts.into_iter().chain([everything]) {
                let start = start.min(text.len() - 1);
                let end = (start + length).min(text.len());
                logs.append(job, start as u64 + 1, &text[start..end].concat()).await.unwrap();
            }
            assert_eq!(whole(&logs, job).await, text.concat());
            assert_eq!(logs.checksum(job).await.unwrap().0, text.len() as u64);
        });
    }
}

//! News between the servers of one database: which job or spec has changed, and how far a log has come. Never what.
//!
//! News is gathered and told at most ten times a second, by one statement of its own. What is lost costs its readers a
//! second.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::events::{Event, Events, News};
use crate::store::{Listener, Store, StoreError};

/// The shortest time between two messages.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest message, in bytes; PostgreSQL takes 8,000.
const LONGEST: usize = 7_000;

/// More news than this at once is told as one: look at everything.
const MOST: usize = 1_000;

/// How long it waits before it tries to listen again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Passes news on to the other servers of the database, and theirs to those who listen here.
#[derive(Debug)]
pub struct Bridge(Vec<JoinHandle<()>>);

impl Bridge {
    /// Starts it. Where nobody shares the database, there is nothing to do.
    #[must_use]
    pub fn spawn(store: &Store, events: &Events) -> Self {
        let outgoing = if store.is_shared() { events.outgoing() } else { None };
        let Some(outgoing) = outgoing else { return Self(Vec::new()) };
        let origin = Uuid::now_v7();
        let tell = tokio::spawn(tell(store.clone(), outgoing, origin));
        Self(vec![tell, tokio::spawn(hear(store.clone(), events.clone(), origin))])
    }

    /// Ends it, so that it holds no connection any more.
    pub async fn end(self) {
        for task in self.0 {
            task.abort();
            // Cancelled is what it was told to be.
            let _ = task.await;
        }
    }
}

async fn tell(store: Store, mut outgoing: UnboundedReceiver<News>, origin: Uuid) {
    while let Some(first) = outgoing.recv().await {
        let started = Instant::now();
        let mut gathered = Gathered::default();
        gathered.add(first);
        while let Ok(news) = outgoing.try_recv() {
            gathered.add(news);
        }
        for message in gathered.messages(origin) {
            if let Err(error) = store.tell(&message).await {
                tracing::debug!(%error, "news did not reach the other servers");
                break;
            }
        }
        tokio::time::sleep_until(started + PAUSE).await;
    }
}

async fn hear(store: Store, events: Events, origin: Uuid) {
    let mut wait = RETRY.0;
    loop {
        match hear_until_lost(&store, &events, origin).await {
            Ok(()) => wait = RETRY.0,
            Err(error) => {
                tracing::debug!(%error, "cannot hear news of the other servers");
                wait = (wait * 2).min(RETRY.1);
            }
        }
        tokio::time::sleep(wait).await;
    }
}

async fn hear_until_lost(store: &Store, events: &Events, origin: Uuid) -> Result<(), StoreError> {
    let Some(mut listener) = store.listen().await? else { return Ok(()) };
    // What was told while nobody listened.
    events.send_here(Event::Missed);
    events.wake_here();
    relay(&mut listener, events, origin).await
}

async fn relay(listener: &mut Listener, events: &Events, origin: Uuid) -> Result<(), StoreError> {
    while let Some(message) = listener.next().await? {
        let mut words = message.split(' ');
        if words.next() == Some(origin.simple().to_string().as_str()) {
            continue;
        }
        for word in words {
            match read(word) {
                Some(News::Event(event)) => events.send_here(event),
                Some(News::Work) => events.wake_here(),
                None => tracing::debug!(word, "another server tells something unknown"),
            }
        }
    }
    Ok(())
}

/// News without repetition.
#[derive(Debug, Default)]
struct Gathered {
    changed: BTreeMap<Uuid, Uuid>,
    grown: BTreeMap<Uuid, u64>,
    others: Vec<News>,
}

impl Gathered {
    fn add(&mut self, news: News) {
        match news {
            News::Event(Event::JobChanged { job, spec }) => {
                self.changed.insert(job, spec);
            }
            News::Event(Event::LogGrew { job, lines }) => {
                let known = self.grown.entry(job).or_default();
                *known = lines.max(*known);
            }
            other if self.others.contains(&other) => {}
            other => self.others.push(other),
        }
    }

    /// The messages that tell it all.
    fn messages(self, origin: Uuid) -> Vec<String> {
        let mut news: Vec<News> = self.others;
        news.extend(self.changed.into_iter().map(|(job, spec)| News::Event(Event::JobChanged { job, spec })));
        news.extend(self.grown.into_iter().map(|(job, lines)| News::Event(Event::LogGrew { job, lines })));
        if news.len() > MOST {
            news = vec![News::Work, News::Event(Event::Missed)];
        }
        let mut messages: Vec<String> = Vec::new();
        for word in news.into_iter().map(write) {
            match messages.last_mut().filter(|message| message.len() + 1 + word.len() <= LONGEST) {
                Some(message) => *message = format!("{message} {word}"),
                None => messages.push(format!("{} {word}", origin.simple())),
            }
        }
        messages
    }
}

fn write(news: News) -> String {
    match news {
        News::Work => "w".to_owned(),
        News::Event(Event::Missed) => "m".to_owned(),
        News::Event(Event::JobChanged { job, spec }) => format!("c{}:{}", job.simple(), spec.simple()),
        News::Event(Event::LogGrew { job, lines }) => format!("l{}:{lines}", job.simple()),
        News::Event(Event::SpecDeleted { spec }) => format!("d{}", spec.simple()),
    }
}

/// A server of another version may tell what this one does not know.
fn read(word: &str) -> Option<News> {
    let id = |text: &str| Uuid::try_parse(text).ok();
    let (kind, rest) = word.split_at_checked(1)?;
    let event = match kind {
        "w" => return Some(News::Work),
        "m" => Event::Missed,
        "c" => {
            let (job, spec) = rest.split_once(':')?;
            Event::JobChanged { job: id(job)?, spec: id(spec)? }
        }
        "l" => {
            let (job, lines) = rest.split_once(':')?;
            Event::LogGrew { job: id(job)?, lines: lines.parse().ok()? }
        }
        "d" => Event::SpecDeleted { spec: id(rest)? },
        _ => return None,
    };
    Some(News::Event(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_gathered_told_in_small_messages_and_read_again() {
        let [job, spec, origin] = [(); 3].map(|()| Uuid::now_v7());
        let mut gathered = Gathered::default();
        let all = [
            News::Work,
            News::Event(Event::SpecDeleted { spec }),
            News::Event(Event::JobChanged { job, spec }),
            News::Event(Event::LogGrew { job, lines: 7 }),
        ];
        for news in all.into_iter().chain(all).chain([News::Event(Event::LogGrew { job, lines: 3 })]) {
            gathered.add(news);
        }
        let messages = gathered.messages(origin);
        assert_eq!(messages.len(), 1);
        let (from, words) = messages[0].split_once(' ').unwrap();
        assert_eq!(from, origin.simple().to_string());
        assert_eq!(words.split(' ').map(|word| read(word).unwrap()).collect::<Vec<_>>(), all);
    }

    #[test]
    fn much_news_takes_more_messages_and_too_much_is_told_as_one() {
        let spec = Uuid::now_v7();
        let messages = |count| {
            let mut gathered = Gathered::default();
            (0..count).for_each(|_| gathered.add(News::Event(Event::JobChanged { job: Uuid::now_v7(), spec })));
            gathered.messages(Uuid::now_v7())
        };
        let some = messages(500);
        assert!(some.len() > 1 && some.iter().all(|message| message.len() <= LONGEST));
        assert_eq!(some.iter().map(|message| message.split(' ').count() - 1).sum::<usize>(), 500);
        assert!(messages(MOST + 1)[0].ends_with(" w m"));
    }

    #[test]
    fn what_is_not_understood_is_nothing() {
        for word in ["", "x", "c", "c1:2", "l:", "lé", "d12", "é"] {
            assert_eq!(read(word), None, "{word}");
        }
    }
}

//! What the cluster has of one kind, as a watch tells it.
//!
//! What must stay true:
//! - It says nothing before it has seen a whole list, and nothing while it is stale and the apiserver does not answer.
//! - What this process has just written is in it at once, also while a list is under way that began before.
//! - Ended streams, 410 and 429 are routine: the watch goes on where it was, or lists anew, with growing waits.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use kube::api::ListParams;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::cluster::ask;
use crate::engine::EngineError;
use crate::error_chain::one_line;

/// After how long everything is listed anew, whatever the watch says.
const RESYNC: Duration = Duration::from_secs(300);

/// After how many seconds the server ends a watch, which then goes on. One that is silent for longer is dead.
const WATCH_SECONDS: u32 = 60;

/// For how long a view is still good whose watch fails.
const STALE: Duration = Duration::from_secs(10);

/// For how long the last state of what was deleted is remembered.
const REMEMBER: Duration = Duration::from_secs(600);

/// The kinds that can be watched here.
pub(super) trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Kind for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// The objects of one kind that a selector takes.
pub(super) struct Cache<K: Kind> {
    state: Arc<Mutex<State<K>>>,
    api: Api<K>,
    selector: String,
    feed: JoinHandle<()>,
}

struct State<K> {
    objects: HashMap<String, Entry<K>>,
    /// A list under way, and when it began.
    incoming: Option<(Instant, HashMap<String, Entry<K>>)>,
    deleted: HashMap<String, (Instant, Arc<K>)>,
    is_synced: bool,
    /// Since when the watch fails, and how.
    failing: Option<(Instant, String)>,
}

#[derive(Clone)]
struct Entry<K> {
    object: Arc<K>,
    /// When this process wrote it, if it was this process.
    written: Option<Instant>,
}

impl<K: Kind> Cache<K> {
    /// Begins to watch. `changed` is told of everything that happens.
    pub(super) fn watch(api: Api<K>, selector: String, changed: Arc<Notify>) -> Self {
        let state = Arc::new(Mutex::new(State::new()));
        let feed = tokio::spawn(feed(Arc::clone(&state), api.clone(), selector.clone(), changed));
        Self { state, api, selector, feed }
    }

    /// All objects, as far as this process can know.
    ///
    /// # Errors
    /// Before the first list, and while the view is stale and the apiserver does not answer.
    pub(super) async fn all(&self) -> Result<Vec<Arc<K>>, EngineError> {
        if !self.state().is_good() {
            let began = Instant::now();
            let list = ask(self.api.list(&ListParams::default().labels(&self.selector))).await?;
            self.state().replace(list.items, began);
        }
        Ok(self.state().objects.values().map(|entry| Arc::clone(&entry.object)).collect())
    }

    /// Takes in what this process has just written or read.
    pub(super) fn note(&self, object: K) {
        self.state().put(object, Some(Instant::now()));
    }

    /// The last states of objects that were deleted a short while ago.
    pub(super) fn deleted(&self) -> Vec<Arc<K>> {
        self.state().deleted.values().map(|(_, object)| Arc::clone(object)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        lock(&self.state)
    }
}

impl<K: Kind> Drop for Cache<K> {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

fn lock<K>(state: &Mutex<State<K>>) -> MutexGuard<'_, State<K>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn feed<K: Kind>(state: Arc<Mutex<State<K>>>, api: Api<K>, selector: String, changed: Arc<Notify>) {
    loop {
        let config = watcher::Config::default().labels(&selector).timeout(WATCH_SECONDS);
        let events = watcher(api.clone(), config).default_backoff().take_until(tokio::time::sleep(RESYNC));
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            if let Err(error) = &event {
                tracing::debug!(kind = %K::kind(&()), error = %one_line(error), "a watch failed and is begun again");
            }
            lock(&state).take(event);
            changed.notify_one();
        }
    }
}

impl<K: Kind> State<K> {
    fn new() -> Self {
        Self { objects: HashMap::new(), incoming: None, deleted: HashMap::new(), is_synced: false, failing: None }
    }

    fn is_good(&self) -> bool {
        self.is_synced && self.failing.as_ref().is_none_or(|(since, _)| since.elapsed() < STALE)
    }

    fn take(&mut self, event: Result<Event<K>, watcher::Error>) {
        match event {
            Err(error) => {
                let since = self.failing.take().map_or_else(Instant::now, |(since, _)| since);
                self.failing = Some((since, error.to_string()));
                return;
            }
            Ok(Event::Init) => self.incoming = Some((Instant::now(), HashMap::new())),
            Ok(Event::InitApply(object)) => {
                if let Some((_, incoming)) = &mut self.incoming {
                    incoming.insert(object.name_any(), Entry { object: Arc::new(object), written: None });
                }
            }
            Ok(Event::InitDone) => {
                if let Some((began, incoming)) = self.incoming.take() {
                    self.swap(incoming, began);
                }
            }
            Ok(Event::Apply(object)) => self.put(object, None),
            Ok(Event::Delete(object)) => {
                let name = object.name_any();
                // One that was made anew under this name meanwhile is another.
                if self.objects.get(&name).is_none_or(|entry| entry.object.uid() == object.uid()) {
                    self.objects.remove(&name);
                }
                self.remember(name, Arc::new(object));
            }
        }
        self.failing = None;
    }

    /// Takes a list that was asked for besides the watch.
    fn replace(&mut self, items: Vec<K>, began: Instant) {
        let entry = |object: K| (object.name_any(), Entry { object: Arc::new(object), written: None });
        self.swap(items.into_iter().map(entry).collect(), began);
        // Good for a while from now on; then it is asked for again, unless the watch goes on.
        if let Some((since, _)) = &mut self.failing {
            *since = Instant::now();
        }
    }

    fn swap(&mut self, mut incoming: HashMap<String, Entry<K>>, began: Instant) {
        let past = std::mem::take(&mut self.objects);
        for (name, entry) in past {
            let is_newer = entry.written.is_some_and(|written| written > began);
            match incoming.get(&name) {
                None if is_newer => drop(incoming.insert(name, entry)),
                Some(listed) if is_newer && version(&*listed.object) < version(&*entry.object) => {
                    incoming.insert(name, entry);
                }
                None => self.remember(name, entry.object),
                Some(_) => {}
            }
        }
        self.objects = incoming;
        self.is_synced = true;
    }

    fn put(&mut self, object: K, written: Option<Instant>) {
        let name = object.name_any();
        if self.objects.get(&name).is_some_and(|known| version(&*known.object) > version(&object)) {
            return;
        }
        if let Some((_, incoming)) = &mut self.incoming
            && written.is_none()
        {
            incoming.insert(name.clone(), Entry { object: Arc::new(object.clone()), written });
        }
        self.objects.insert(name, Entry { object: Arc::new(object), written });
    }

    fn remember(&mut self, name: String, object: Arc<K>) {
        self.deleted.retain(|_, (since, _)| since.elapsed() < REMEMBER);
        self.deleted.insert(name, (Instant::now(), object));
    }
}

/// Which of two states of an object is the later one. All that is known makes it a number that grows.
fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::ObjectMeta;

    use super::*;

    fn pod(name: &str, version: u64) -> Pod {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            uid: Some(format!("uid of {name}")),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        };
        Pod { metadata, ..Pod::default() }
    }

    fn names(state: &State<Pod>) -> Vec<(String, u64)> {
        let mut names: Vec<_> = state.objects.values().map(|e| (e.object.name_any(), version(&*e.object))).collect();
        names.sort();
        names
    }

    fn listed(state: &mut State<Pod>, pods: Vec<Pod>) {
        state.take(Ok(Event::Init));
        for pod in pods {
            state.take(Ok(Event::InitApply(pod)));
        }
        state.take(Ok(Event::InitDone));
    }

    #[test]
    fn nothing_is_said_before_a_whole_list_was_seen() {
        let mut state = State::new();
        assert!(!state.is_good());
        state.take(Ok(Event::Init));
        state.take(Ok(Event::InitApply(pod("a", 1))));
        assert!(!state.is_good() && state.objects.is_empty());
        state.take(Ok(Event::InitDone));
        assert!(state.is_good());
        assert_eq!(names(&state), [("a".to_owned(), 1)]);
    }

    #[test]
    fn a_list_that_began_before_a_write_does_not_undo_it() {
        let mut state = State::new();
        state.take(Ok(Event::Init));
        state.put(pod("mine", 7), Some(Instant::now()));
        state.take(Ok(Event::InitDone));
        assert_eq!(names(&state), [("mine".to_owned(), 7)]);
        // The next list has the last word.
        listed(&mut state, vec![]);
        assert!(state.objects.is_empty());
        assert_eq!(state.deleted.len(), 1);
    }

    #[test]
    fn an_older_state_does_not_replace_a_newer_one() {
        let mut state = State::new();
        listed(&mut state, vec![pod("a", 5)]);
        state.put(pod("a", 9), Some(Instant::now()));
        state.take(Ok(Event::Apply(pod("a", 6))));
        assert_eq!(names(&state), [("a".to_owned(), 9)]);
        state.take(Ok(Event::Apply(pod("a", 10))));
        assert_eq!(names(&state), [("a".to_owned(), 10)]);
    }

    #[test]
    fn what_was_deleted_is_remembered_as_it_was_last() {
        let mut state = State::new();
        listed(&mut state, vec![pod("a", 5)]);
        state.take(Ok(Event::Delete(pod("a", 8))));
        assert!(state.objects.is_empty());
        assert_eq!(state.deleted.values().map(|(_, pod)| version(&**pod)).collect::<Vec<_>>(), [8]);
    }

    #[test]
    fn a_failing_watch_makes_the_view_bad_after_a_while_only() {
        let mut state = State::new();
        listed(&mut state, vec![]);
        state.take(Err(watcher::Error::NoResourceVersion));
        assert!(state.is_good());
        let Some(since) = Instant::now().checked_sub(STALE + Duration::from_secs(1)) else { return };
        state.failing = Some((since, String::new()));
        assert!(!state.is_good());
        state.take(Err(watcher::Error::NoResourceVersion));
        assert!(!state.is_good(), "a second failure is no news");
        state.replace(vec![pod("a", 1)], Instant::now());
        assert!(state.is_good());
    }
}

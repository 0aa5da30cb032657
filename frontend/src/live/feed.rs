//! The feed of job changes and of deleted specs: one subscription of each for the whole page.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use cynic::{QueryFragment, StreamingOperation, SubscriptionBuilder};
use gloo_timers::callback::{Interval, Timeout};
use leptos::ev;
use leptos::prelude::*;

use super::catch_up;
use crate::api::schema;
use crate::api::socket::{self, Event, Subscription};

#[derive(QueryFragment)]
#[cynic(graphql_type = "Subscription")]
struct JobChanges {
    build_jobs: ChangedJob,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Subscription")]
struct SpecDeletions {
    #[expect(dead_code, reason = "whichever it is, every page looks again")]
    image_spec_deleted: DeletedSpec,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "DeletedImageSpec")]
struct DeletedSpec {
    #[expect(dead_code, reason = "whichever it is, every page looks again")]
    id: Option<cynic::Id>,
}

/// Which job changed.
#[derive(QueryFragment, Clone, Debug)]
#[cynic(graphql_type = "BuildJob")]
pub struct ChangedJob {
    /// Its id.
    pub id: cynic::Id,
    /// The name of its spec.
    pub image_spec: ChangedSpec,
}

/// The spec of a changed job.
#[derive(QueryFragment, Clone, Debug)]
#[cynic(graphql_type = "ImageSpec")]
pub struct ChangedSpec {
    /// Its name.
    pub name: String,
}

/// By then the server has surely taken up a subscription that was sent.
const SETTLED_MS: u32 = 1_000;
/// A page in sight looks again after so long, whatever it has heard.
const LOOK_AGAIN_MS: u32 = 60_000;

type Listener = Rc<dyn Fn(Option<&ChangedJob>)>;

thread_local! {
    static LISTENERS: RefCell<BTreeMap<u64, Listener>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: Cell<u64> = const { Cell::new(0) };
    static FEED: RefCell<Option<Subscription>> = const { RefCell::new(None) };
    static DELETIONS: RefCell<Option<Subscription>> = const { RefCell::new(None) };
}

/// Opens the feed, once for the life of the page.
pub fn start() {
    subscribe(false);
    hear_deletions();
    let handle = window_event_listener(ev::visibilitychange, |_| {
        if !document().hidden() {
            socket::reconnect_now();
            catch_up();
        }
    });
    on_cleanup(move || handle.remove());
    Interval::new(LOOK_AGAIN_MS, || {
        if !document().hidden() {
            catch_up();
        }
    })
    .forget();
}

/// Calls `listener` for each change of a job until the current owner is cleaned up. The job is none where it is not one
/// that changed: a spec was deleted, with all its jobs.
pub fn on_job_change(listener: impl Fn(Option<&ChangedJob>) + 'static) {
    let key = NEXT.get();
    NEXT.set(key + 1);
    LISTENERS.with_borrow_mut(|listeners| listeners.insert(key, Rc::new(listener)));
    on_cleanup(move || {
        LISTENERS.with_borrow_mut(|listeners| listeners.remove(&key));
    });
}

/// `again`: events may have been missed before this one.
fn subscribe(again: bool) {
    let again = Cell::new(again);
    let subscription = socket::subscribe(
        || -> StreamingOperation<JobChanges, ()> { JobChanges::build(()) },
        move |event| match event {
            Event::Subscribed => {
                if again.replace(true) {
                    catch_up();
                }
                // The server says nothing when the feed begins: what changed between a page's first answer and that moment
                // shows now.
                Timeout::new(SETTLED_MS, catch_up).forget();
            }
            Event::Next(change) => tell(Some(&change.build_jobs)),
            Event::Failed(_) => tell(None),
            Event::Ended => {
                Timeout::new(2_000, move || subscribe(true)).forget();
            }
        },
    );
    // Outside of the borrow is where the old one is dropped.
    let old = FEED.with_borrow_mut(|feed| feed.replace(subscription));
    drop(old);
}

/// A spec that is gone is news for every page; what was missed, the other subscription makes up for.
fn hear_deletions() {
    let subscription = socket::subscribe(
        || -> StreamingOperation<SpecDeletions, ()> { SpecDeletions::build(()) },
        |event| match event {
            Event::Next(_) | Event::Failed(_) => tell(None),
            Event::Subscribed => {}
            Event::Ended => {
                Timeout::new(2_000, hear_deletions).forget();
            }
        },
    );
    let old = DELETIONS.with_borrow_mut(|feed| feed.replace(subscription));
    drop(old);
}

fn tell(change: Option<&ChangedJob>) {
    let all: Vec<Listener> = LISTENERS.with_borrow(|listeners| listeners.values().cloned().collect());
    for listener in all {
        listener(change);
    }
}

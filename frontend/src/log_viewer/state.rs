//! What the viewer does: which lines it has, and how it gets more.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::extent::{Extent, Fit};
use super::graphql::{LiveLog, LogPage, live, page};
use super::pane::Pane;
use crate::api::ApiError;
use crate::api::socket::{self, Event, Subscription};

/// Lines that are fetched at once.
pub(super) const PAGE: i32 = 2_000;
/// Rows that are kept while the end is followed.
const KEEP_FOLLOWING: usize = 20_000;
/// Rows that are kept at most.
const KEEP_AT_MOST: usize = 40_000;

/// What there is to see of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Availability {
    /// The first page is awaited.
    Loading,
    /// Lines are shown, or there are none yet.
    Ready,
    /// It cannot be had, for this reason.
    Unavailable(String),
}

/// What the page shows about the viewer.
#[derive(Clone, Copy)]
pub(super) struct Signals {
    pub(super) availability: RwSignal<Availability>,
    pub(super) extent: RwSignal<Extent>,
    pub(super) total: RwSignal<u64>,
    pub(super) finished: RwSignal<bool>,
    /// Whether the shown lines reach the log's end.
    pub(super) attached: RwSignal<bool>,
    /// Whether the end is kept in sight.
    pub(super) following: RwSignal<bool>,
    /// Whether a page is being fetched.
    pub(super) fetching: RwSignal<bool>,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self {
            availability: RwSignal::new(Availability::Loading),
            extent: RwSignal::new(Extent::EMPTY),
            total: RwSignal::new(0),
            finished: RwSignal::new(false),
            attached: RwSignal::new(false),
            following: RwSignal::new(true),
            fetching: RwSignal::new(false),
        }
    }
}

/// The viewer of one job's log, alive as long as its page.
pub(super) struct Viewer {
    job: String,
    signals: Signals,
    pane: RefCell<Pane>,
    live: RefCell<Option<Subscription>>,
    this: Weak<Viewer>,
}

impl Viewer {
    pub(super) fn new(job: String, pane: Pane, signals: Signals) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            job,
            signals,
            pane: RefCell::new(pane),
            live: RefCell::new(None),
            this: Weak::clone(this),
        })
    }

    /// Shows the latest lines and follows the end.
    pub(super) fn show_end(&self) {
        self.signals.following.set(true);
        if self.signals.attached.get_untracked() {
            self.pane.borrow().scroll_to_end();
        } else {
            self.fetch(None, |viewer, page| viewer.replace(page).map(|()| viewer.pane.borrow().scroll_to_end()));
        }
    }

    /// Shows a line in the middle and marks it; fetches what is around it where it is not there.
    pub(super) fn show_line(&self, line: u64) {
        self.signals.following.set(false);
        if self.signals.extent.get_untracked().contains(line) {
            self.pane.borrow().mark(line);
            return;
        }
        let before = line.saturating_add(PAGE as u64 / 2);
        self.fetch(Some(before), move |viewer, page| {
            let show = move |viewer: &Self, page| viewer.replace(page).map(|()| viewer.pane.borrow().mark(line));
            // Long lines make a page of few, which may begin after the one that is wanted.
            if number(page.first_line) > line {
                viewer.fetch(Some(line + 1), show);
                return Ok(());
            }
            show(viewer, page)
        });
    }

    /// Takes the mark away.
    pub(super) fn unmark(&self) {
        self.pane.borrow().unmark();
    }

    /// Adds the page before the first line that is shown.
    pub(super) fn show_earlier(&self) {
        let first = self.signals.extent.get_untracked().first;
        self.signals.following.set(false);
        self.fetch(Some(first), |viewer, page| viewer.prepend(&page));
    }

    /// Adds the page after the last line that is shown.
    pub(super) fn show_later(&self) {
        self.fetch_later(self.signals.extent.get_untracked().next + PAGE as u64);
    }

    /// Adds the lines before line `before`, which is after the last that is shown. Long lines make a page of few, which may
    /// begin after the one that is wanted next: the page before it is asked for then.
    fn fetch_later(&self, before: u64) {
        self.fetch(Some(before), |viewer, page| {
            let first = number(page.first_line);
            if !viewer.append(first, &page.lines)? {
                // About as many lines as a page is seen to have will follow without a gap.
                let next = viewer.signals.extent.get_untracked().next;
                viewer.fetch_later(first.min(next + page.lines.len() as u64));
                return Ok(());
            }
            viewer.learn(&page);
            viewer.attach_at_end();
            Ok(())
        });
    }

    fn fetch(&self, before: Option<u64>, then: impl FnOnce(&Self, LogPage) -> Result<(), JsValue> + 'static) {
        if self.signals.fetching.get_untracked() {
            return;
        }
        self.signals.fetching.set(true);
        let (this, job) = (Weak::clone(&self.this), self.job.clone());
        spawn_local(async move {
            let answer = page(&job, PAGE, before).await;
            // The page was left in the meantime.
            let Some(viewer) = this.upgrade() else { return };
            viewer.signals.fetching.set(false);
            match answer {
                Ok(Some(page)) => match then(&viewer, page) {
                    Ok(()) => viewer.signals.availability.set(Availability::Ready),
                    Err(error) => viewer.fail(format!("The browser could not show the log: {error:?}")),
                },
                Ok(None) => {
                    viewer.fail("The job and its log are gone: they were deleted with the image spec.".to_owned())
                }
                Err(ApiError::SignedOut) => {}
                Err(error) => viewer.fail(error.to_string()),
            }
        });
    }

    fn fail(&self, reason: String) {
        self.live.replace(None);
        self.signals.attached.set(false);
        self.signals.availability.set(Availability::Unavailable(reason));
    }

    fn learn(&self, page: &LogPage) {
        self.signals.total.set(number(page.total_lines));
        self.signals.finished.set(page.finished);
    }

    fn replace(&self, page: LogPage) -> Result<(), JsValue> {
        self.live.replace(None);
        self.signals.attached.set(false);
        let first = number(page.first_line).max(1);
        let mut pane = self.pane.borrow_mut();
        pane.clear();
        pane.append(first, &page.lines)?;
        drop(pane);
        self.signals.extent.set(Extent::new(first, page.lines.len()));
        self.learn(&page);
        self.attach_at_end();
        Ok(())
    }

    fn prepend(&self, page: &LogPage) -> Result<(), JsValue> {
        let extent = self.signals.extent.get_untracked();
        let first = number(page.first_line);
        let Some(count) = extent.missing_before(first, page.lines.len()) else { return Ok(()) };
        let mut pane = self.pane.borrow_mut();
        pane.prepend(first, &page.lines[..count])?;
        let gone = pane.trim_end(KEEP_AT_MOST);
        drop(pane);
        self.signals.extent.set(Extent { first, next: extent.next - gone as u64 });
        if gone > 0 {
            self.detach();
        }
        Ok(())
    }

    /// Adds what is new; false where lines are missing in between.
    fn append(&self, first: u64, lines: &[String]) -> Result<bool, JsValue> {
        let mut extent = self.signals.extent.get_untracked();
        let Fit::Skip(known) = extent.fit(first, lines.len()) else { return Ok(false) };
        let new = &lines[known..];
        if new.is_empty() {
            return Ok(true);
        }
        let following = self.signals.following.get_untracked();
        let mut pane = self.pane.borrow_mut();
        pane.append(extent.next, new)?;
        extent.next += new.len() as u64;
        if following || !self.signals.attached.get_untracked() {
            extent.first += pane.trim_start(if following { KEEP_FOLLOWING } else { KEEP_AT_MOST }) as u64;
        }
        if following {
            pane.scroll_to_end();
        }
        drop(pane);
        self.signals.extent.set(extent);
        self.signals.total.update(|total| *total = (*total).max(extent.next - 1));
        if !following && extent.len() > KEEP_AT_MOST as u64 {
            // Nobody looks at the end: it is fetched again when somebody does.
            self.detach();
        }
        Ok(true)
    }

    fn detach(&self) {
        self.live.replace(None);
        self.signals.attached.set(false);
    }

    /// Subscribes to what comes where the shown lines reach the log's end.
    fn attach_at_end(&self) {
        if self.signals.extent.get_untracked().next <= self.signals.total.get_untracked() {
            return;
        }
        self.signals.attached.set(true);
        if self.signals.finished.get_untracked() {
            return;
        }
        let (job, extent, this) = (self.job.clone(), self.signals.extent, Weak::clone(&self.this));
        let next = move || live(&job, extent.try_get_untracked().map_or(1, |extent| extent.next));
        let subscription = socket::subscribe(next, move |event| {
            if let Some(viewer) = this.upgrade() {
                viewer.hear(event);
            }
        });
        self.live.replace(Some(subscription));
    }

    fn hear(&self, event: Event<LiveLog>) {
        match event {
            Event::Subscribed => {}
            Event::Next(LiveLog { build_log: chunk }) => {
                match self.append(number(chunk.first_line), &chunk.lines) {
                    Ok(true) => {}
                    // Cannot be, as the server keeps the order; asking again from where we are mends it all the same.
                    Ok(false) => return self.resubscribe_soon(),
                    Err(error) => return self.fail(format!("The browser could not show the log: {error:?}")),
                }
                if chunk.finished {
                    self.signals.finished.set(true);
                    self.live.replace(None);
                }
            }
            Event::Failed(message) => self.fail(message),
            Event::Ended => {
                if !self.signals.finished.get_untracked() {
                    self.resubscribe_soon();
                }
            }
        }
    }

    fn resubscribe_soon(&self) {
        self.live.replace(None);
        let this = Weak::clone(&self.this);
        Timeout::new(1_000, move || {
            if let Some(viewer) = this.upgrade()
                && viewer.signals.attached.get_untracked()
                && viewer.live.borrow().is_none()
            {
                viewer.attach_at_end();
            }
        })
        .forget();
    }
}

fn number(line: i32) -> u64 {
    u64::try_from(line).unwrap_or(0)
}

//! What keeps open pages true: the feed of job changes, and queries that fetch themselves again.
//!
//! Events are hints: a page answers one by fetching what it shows. So a lost, doubled or early event does no harm, and after
//! a reconnect, a sign-in, or a return to the tab one fetch makes up for all that was missed.

mod feed;
mod query;

use std::sync::LazyLock;

use leptos::prelude::*;

pub use feed::{on_job_change, start};
pub use query::Query;

static EPOCH: LazyLock<ArcRwSignal<u32>> = LazyLock::new(|| ArcRwSignal::new(0));

/// Makes every query on the page fetch again.
pub fn catch_up() {
    EPOCH.update(|epoch| *epoch = epoch.wrapping_add(1));
}

fn track_epoch() {
    EPOCH.track();
}

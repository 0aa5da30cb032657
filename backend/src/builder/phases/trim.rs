//! Trim: a kept store that this job alone has is brought within its limits.

use std::io;

use super::{Context, Report};
use crate::builder::store::{self, Limits, Trimmed};

pub(super) async fn run(context: &Context) -> io::Result<Report<()>> {
    let plan = &context.plan;
    let Some(limits) = plan.limits else { return Ok(Report::Done(())) };
    let limits = Limits {
        store: plan.store.clone(),
        run: plan.run.clone(),
        cache: plan.cache.clone(),
        store_bytes: limits.store_bytes,
        cache_bytes: limits.cache_bytes,
    };
    // The store of who builds without a server holds more than a cache: images that are nowhere else, and it may be, containers.
    let is_own = plan.deliver_to.is_none();
    if is_own && !limits.are_exceeded()? {
        return Ok(Report::Done(()));
    }
    match store::trim(&limits).await {
        Ok(None) => println!("[cooperage] The kept store is in use: it is not trimmed now."),
        Ok(Some(Trimmed { images, caches_cleared })) => {
            if images > 0 {
                println!("[cooperage] {images} images were removed from the kept store, which was over its limit.");
            }
            if caches_cleared {
                println!("[cooperage] The package caches were over their limit and are emptied.");
            }
        }
        Err(error) if is_own => {
            println!("[cooperage] The kept store is over its limit and cannot be trimmed: {error}.")
        }
        // A store that cannot be trimmed would grow for ever, and fail every job that comes to it.
        Err(error) => {
            println!("[cooperage] The kept store cannot be used ({error}): it is emptied.");
            store::clear(&limits)?;
        }
    }
    Ok(Report::Done(()))
}

//! News of image specs.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;

use super::ids::GlobalId;
use super::services::services;
use crate::jobs::events::Event;

/// An image spec that is gone.
#[derive(SimpleObject, Clone, Debug)]
pub struct DeletedImageSpec {
    /// The global id that it had. Null where news came faster than it was taken: look again at all that you show.
    pub id: Option<ID>,
}

/// News of image specs.
#[derive(Default)]
pub struct SpecSubscription;

#[Subscription]
impl SpecSubscription {
    /// Each image spec that is deleted from now on. It is a hint: whoever was disconnected looks again.
    async fn image_spec_deleted<'ctx>(
        &self,
        ctx: &Context<'ctx>,
    ) -> Result<impl Stream<Item = DeletedImageSpec> + use<>> {
        let news = services(ctx)?.events.subscribe();
        Ok(futures_util::stream::unfold(news, |mut news| async move {
            loop {
                let id = match news.recv().await {
                    Ok(Event::SpecDeleted { spec }) => Some(GlobalId::Spec(spec).into()),
                    Err(RecvError::Lagged(_)) => None,
                    Ok(_) => continue,
                    Err(RecvError::Closed) => return None,
                };
                return Some((DeletedImageSpec { id }, news));
            }
        }))
    }
}

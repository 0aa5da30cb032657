//! Every object that has a global id.

use async_graphql::{Context, ID, Interface, Object, Result};

use super::base_image::BaseImage;
use super::build_job::BuildJob;
use super::ids::GlobalId;
use super::image_spec::ImageSpec;
use super::pull_secret::PullSecret;
use super::services::{services, store_error};

/// An object that its global id finds again.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id, safe in URLs."))]
pub enum Node {
    /// An image spec.
    ImageSpec(ImageSpec),
    /// A build job.
    BuildJob(BuildJob),
    /// An entry of the base image catalogue.
    BaseImage(BaseImage),
    /// A pull secret.
    PullSecret(PullSecret),
}

/// Queries by global id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object of this global id; null where there is none.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "The global id.")] id: ID) -> Result<Option<Node>> {
        let store = &services(ctx)?.store;
        Ok(match GlobalId::parse(&id) {
            None => None,
            Some(GlobalId::Spec(id)) => {
                let spec = store.spec(id).await.map_err(store_error)?;
                spec.map(|spec| Node::ImageSpec(ImageSpec(spec)))
            }
            Some(GlobalId::Job(id)) => {
                store.job(id).await.map_err(store_error)?.map(|job| Node::BuildJob(BuildJob(job)))
            }
            Some(GlobalId::Base(id)) => {
                let entry = store.base_images_by_ids(&[id]).await.map_err(store_error)?.pop();
                entry.map(|entry| Node::BaseImage(BaseImage(entry)))
            }
            Some(GlobalId::Secret(id)) => {
                let secret = store.pull_secrets_by_ids(&[id]).await.map_err(store_error)?.pop();
                secret.map(|secret| Node::PullSecret(PullSecret(secret)))
            }
        })
    }
}

//! The catalogue of base images that the form autocompletes from.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use cooperage_shared::{Field, ImageName, ImageReference, ParseError};

use super::connection::{TotalCount, connection, page_args, weight};
use super::ids::GlobalId;
use super::names;
use super::problem::{ProblemCode, UserError};
use super::services::{filled, services, store_error};
use super::words::BaseImageType;
use crate::store::{self, StoreError};

names!(BaseImageNames, "BaseImageConnection", "BaseImageEdge");
/// A page of base images.
pub type BaseImageConnection = Connection<String, BaseImage, TotalCount, EmptyFields, BaseImageNames, BaseImageNames>;

/// The longest display name, in characters.
const LONGEST_DISPLAY_NAME: usize = 200;
/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 2_000;

/// An entry of the catalogue.
pub struct BaseImage(pub store::BaseImage);

/// An entry of the catalogue of base images.
#[Object]
impl BaseImage {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Base(self.0.id).into()
    }

    /// The name, unique and unchanging.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The name for people.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// What is in it and what it is for.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// What kind of machine it is for.
    #[graphql(name = "type")]
    async fn kind(&self) -> BaseImageType {
        match self.0.kind {
            store::BaseImageKind::Cpu => BaseImageType::Cpu,
            store::BaseImageKind::Gpu => BaseImageType::Gpu,
            store::BaseImageKind::Universal => BaseImageType::Universal,
        }
    }

    /// The image, for example `registry.example.com/base:1`.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// The image for machines with a GPU; null where it is the same.
    async fn url_for_gpu(&self) -> Option<&str> {
        self.0.url_for_gpu.as_deref()
    }

    /// The name of the pull secret to read it with; null for none.
    async fn pull_secret(&self) -> Option<&str> {
        self.0.pull_secret.as_deref()
    }

    /// When it was added.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

/// An entry of the catalogue as it stands in a form.
#[derive(InputObject, Clone, Debug)]
pub struct BaseImageInput {
    /// The name: lowercase letters, digits, `-` and `.`, at most 63 characters, beginning and ending with a letter or digit.
    pub name: String,
    /// The name for people, at most 200 characters; the name where none is given.
    pub display_name: Option<String>,
    /// What is in it and what it is for, at most 2,000 characters.
    pub description: Option<String>,
    /// What kind of machine it is for.
    #[graphql(name = "type", default_with = "BaseImageType::Universal")]
    pub kind: BaseImageType,
    /// The image, for example `registry.example.com/base:1`.
    pub url: String,
    /// The image for machines with a GPU; null where it is the same.
    pub url_for_gpu: Option<String>,
    /// The name of the pull secret to read it with; null for none.
    pub pull_secret: Option<String>,
}

/// An entry to remove.
#[derive(InputObject, Clone, Debug)]
pub struct DeleteBaseImageInput {
    /// The entry's name.
    pub name: String,
}

/// What a mutation of the catalogue came to.
#[derive(SimpleObject)]
pub struct BaseImagePayload {
    /// The entry as it is now; null where there are user errors.
    pub base_image: Option<BaseImage>,
    /// Why nothing was done. Empty: it was done.
    pub user_errors: Vec<UserError>,
}

/// What the removal of an entry came to.
#[derive(SimpleObject)]
pub struct DeleteBaseImagePayload {
    /// The name of the entry that was removed; null where there are user errors.
    pub name: Option<String>,
    /// Why nothing was done. Empty: it was done.
    pub user_errors: Vec<UserError>,
}

/// Queries for the catalogue.
#[derive(Default)]
pub struct BaseImageQuery;

#[Object]
impl BaseImageQuery {
    /// The catalogue of base images, by name.
    #[graphql(complexity = "weight(first, last, child_complexity)")]
    async fn base_images(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only entries with this text in name, display name or image; case does not count.")]
        search: Option<String>,
        #[graphql(desc = "How many from the start of the list, at most 100; 20 where neither is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<BaseImageConnection> {
        let page = page_args(first, after, last, before)?;
        let search = filled(search);
        let page = services(ctx)?.store.list_base_images(search.as_deref(), &page).await.map_err(store_error)?;
        Ok(connection(page, BaseImage))
    }

    /// The base image of this name; null where there is none.
    async fn base_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry's name.")] name: String,
    ) -> Result<Option<BaseImage>> {
        Ok(services(ctx)?.store.base_image(name.trim()).await.map_err(store_error)?.map(BaseImage))
    }
}

/// Mutations of the catalogue.
#[derive(Default)]
pub struct BaseImageMutation;

#[Object]
impl BaseImageMutation {
    /// Adds an entry to the catalogue.
    async fn create_base_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry.")] input: BaseImageInput,
    ) -> Result<BaseImagePayload> {
        let name = input.name.clone();
        let new = match judge(ctx, input).await? {
            Ok(new) => new,
            Err(user_errors) => return Ok(BaseImagePayload { base_image: None, user_errors }),
        };
        match services(ctx)?.store.create_base_image(&new).await {
            Ok(entry) => Ok(BaseImagePayload { base_image: Some(BaseImage(entry)), user_errors: Vec::new() }),
            Err(StoreError::NameTaken) => {
                let message = format!("There is a base image named {:?} already: choose another name.", name.trim());
                let taken = UserError::new(ProblemCode::Taken, Some(Field::Name), message);
                Ok(BaseImagePayload { base_image: None, user_errors: vec![taken] })
            }
            Err(StoreError::PullSecretUnknown(secret)) => {
                Ok(BaseImagePayload { base_image: None, user_errors: vec![super::pull_secret::unknown(&secret)] })
            }
            Err(error) => Err(store_error(error)),
        }
    }

    /// Replaces the entry of this name.
    async fn update_base_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry's name and its new content.")] input: BaseImageInput,
    ) -> Result<BaseImagePayload> {
        let name = input.name.clone();
        let new = match judge(ctx, input).await? {
            Ok(new) => new,
            Err(user_errors) => return Ok(BaseImagePayload { base_image: None, user_errors }),
        };
        match services(ctx)?.store.update_base_image(&new).await {
            Ok(entry) => Ok(BaseImagePayload { base_image: Some(BaseImage(entry)), user_errors: Vec::new() }),
            Err(StoreError::PullSecretUnknown(secret)) => {
                Ok(BaseImagePayload { base_image: None, user_errors: vec![super::pull_secret::unknown(&secret)] })
            }
            Err(StoreError::NotFound) => {
                Ok(BaseImagePayload { base_image: None, user_errors: vec![no_such_entry(&name)] })
            }
            Err(error) => Err(store_error(error)),
        }
    }

    /// Removes an entry. Specs that build upon its image keep doing so.
    async fn delete_base_image(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry's name.")] input: DeleteBaseImageInput,
    ) -> Result<DeleteBaseImagePayload> {
        let name = input.name.trim().to_owned();
        match services(ctx)?.store.delete_base_image(&name).await {
            Ok(()) => Ok(DeleteBaseImagePayload { name: Some(name), user_errors: Vec::new() }),
            Err(StoreError::NotFound) => {
                Ok(DeleteBaseImagePayload { name: None, user_errors: vec![no_such_entry(&name)] })
            }
            Err(error) => Err(store_error(error)),
        }
    }
}

fn no_such_entry(name: &str) -> UserError {
    let message = format!("There is no base image named {:?}. It may have been removed in the meantime.", name.trim());
    UserError::new(ProblemCode::NotFound, Some(Field::Name), message)
}

/// Judges a form: the entry that it makes, or everything that is wrong with it.
async fn judge(ctx: &Context<'_>, input: BaseImageInput) -> Result<Result<store::NewBaseImage, Vec<UserError>>> {
    let mut errors = Vec::new();
    let mut report = |field, error: ParseError| errors.push(UserError::from(error.in_field(field, None)));
    let name = input.name.parse::<ImageName>().map_err(|error| report(Field::Name, error)).ok();
    let url = input.url.parse::<ImageReference>().map_err(|error| report(Field::Url, error)).ok();
    let url_for_gpu = filled(input.url_for_gpu)
        .and_then(|text| text.parse::<ImageReference>().map_err(|error| report(Field::UrlForGpu, error)).ok());
    let display_name = filled(input.display_name).unwrap_or_else(|| input.name.trim().to_owned());
    let description = input.description.unwrap_or_default().trim().to_owned();
    errors.extend(super::text::too_long(Field::DisplayName, &display_name, LONGEST_DISPLAY_NAME));
    errors.extend(super::text::too_long(Field::Description, &description, LONGEST_DESCRIPTION));
    errors.extend(super::text::control_characters(Field::DisplayName, &display_name));
    let pull_secret = filled(input.pull_secret);
    if let Some(secret) = &pull_secret {
        errors.extend(super::pull_secret::missing(ctx, secret).await?);
    }
    let (Some(name), Some(url), true) = (name, url, errors.is_empty()) else { return Ok(Err(errors)) };
    let kind = match input.kind {
        BaseImageType::Cpu => store::BaseImageKind::Cpu,
        BaseImageType::Gpu => store::BaseImageKind::Gpu,
        BaseImageType::Universal => store::BaseImageKind::Universal,
    };
    Ok(Ok(store::NewBaseImage {
        name: name.to_string(),
        display_name,
        description,
        kind,
        url: url.to_string(),
        url_for_gpu: url_for_gpu.map(|url| url.to_string()),
        pull_secret,
    }))
}

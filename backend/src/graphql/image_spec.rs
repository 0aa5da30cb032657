//! Image specs as they are read, and the form that they are written in.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use cooperage_shared::{self as shared, ImageName};

use super::build_job::{BuildJob, BuildJobConnection};
use super::connection::{TotalCount, connection, page_args, weight};
use super::ids::GlobalId;
use super::loaders::Loaders;
use super::names;
use super::problem::internal;
use super::services::{filled, services, store_error};
use super::words::{ImageSpecOrderField, JobStatus, OrderDirection};
use crate::store::{self, Page, PageArgs};

names!(ImageSpecNames, "ImageSpecConnection", "ImageSpecEdge");
/// A page of image specs.
pub type ImageSpecConnection = Connection<String, ImageSpec, TotalCount, EmptyFields, ImageSpecNames, ImageSpecNames>;

/// Requirement lines as typed: blank lines and `#` comments are kept.
#[derive(SimpleObject, Clone, Debug)]
pub struct Packages {
    /// Debian packages: `name`, `name=version`, `name/release` or `name:arch`, one a line.
    pub apt: Vec<String>,
    /// Conda match specifications, one a line.
    pub conda: Vec<String>,
    /// Python requirements (PEP 508), one a line.
    pub pip: Vec<String>,
}

impl From<shared::Packages> for Packages {
    fn from(packages: shared::Packages) -> Self {
        Self { apt: packages.apt, conda: packages.conda, pip: packages.pip }
    }
}

/// Requirement lines, each list one requirement a line. A list takes 1,000 requirements of at most 1,000 characters; blank
/// lines and `#` comments are kept.
#[derive(InputObject, Clone, Debug, Default)]
#[graphql(name = "PackagesInput")]
pub struct PackagesInput {
    /// Debian packages: `name`, `name=version`, `name/release` or `name:arch`.
    #[graphql(default)]
    pub apt: Vec<String>,
    /// Conda match specifications, such as `conda-forge::numpy==1.17*`.
    #[graphql(default)]
    pub conda: Vec<String>,
    /// Python requirements (PEP 508) with extras, markers, URLs and VCS.
    #[graphql(default)]
    pub pip: Vec<String>,
}

impl From<PackagesInput> for shared::Packages {
    fn from(packages: PackagesInput) -> Self {
        Self { apt: packages.apt, conda: packages.conda, pip: packages.pip }
    }
}

/// A spec as it stands in a form.
#[derive(InputObject, Clone, Debug)]
pub struct ImageSpecInput {
    /// The name: lowercase letters, digits, `-` and `.`, at most 63 characters, beginning and ending with a letter or digit.
    pub name: String,
    /// The image to build upon, for example `python:3.12-slim`.
    pub base_image: String,
    /// The name of the pull secret to read the base image with; null for none.
    pub pull_secret: Option<String>,
    /// The requirements.
    #[graphql(default)]
    pub packages: PackagesInput,
}

impl From<ImageSpecInput> for shared::ImageSpecInput {
    fn from(input: ImageSpecInput) -> Self {
        let ImageSpecInput { name, base_image, pull_secret, packages } = input;
        Self { name, base_image, pull_secret: filled(pull_secret), packages: packages.into() }
    }
}

/// What a list of image specs is ordered by.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct ImageSpecOrder {
    /// The field to order by.
    pub field: ImageSpecOrderField,
    /// Which way the list runs.
    pub direction: OrderDirection,
}

impl From<ImageSpecOrder> for store::SpecOrder {
    fn from(order: ImageSpecOrder) -> Self {
        let field = match order.field {
            ImageSpecOrderField::Name => store::SpecOrderField::Name,
            ImageSpecOrderField::Status => store::SpecOrderField::Status,
            ImageSpecOrderField::CreatedAt => store::SpecOrderField::CreatedAt,
            ImageSpecOrderField::UpdatedAt => store::SpecOrderField::UpdatedAt,
        };
        Self { field, descending: order.direction == OrderDirection::Desc }
    }
}

/// The named, editable wish for an image: base image, pull secret and requirements.
pub struct ImageSpec(pub store::Spec);

/// The named, editable wish for an image: base image, pull secret and requirements.
#[Object]
impl ImageSpec {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Spec(self.0.id).into()
    }

    /// The name, unique and unchanging.
    async fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Counts the changes, from 1; an update names the version that it is based on.
    async fn version(&self) -> u64 {
        self.0.version
    }

    /// The image to build upon, as typed.
    async fn base_image(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.revision_row(ctx).await?.base_image.to_string())
    }

    /// The name of the pull secret to read the base image with; null for none.
    async fn pull_secret(&self) -> Option<&str> {
        self.0.pull_secret.as_deref()
    }

    /// The requirements as typed.
    async fn packages(&self, ctx: &Context<'_>) -> Result<Packages> {
        Ok(self.revision_row(ctx).await?.packages.into())
    }

    /// The hash of the present content, 64 hexadecimal digits.
    async fn revision(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.revision_row(ctx).await?.hash.to_string())
    }

    /// The status of the latest job.
    async fn status(&self) -> Option<JobStatus> {
        Some(self.0.latest_status.into())
    }

    /// The image of the latest successful job, `host/repository:tag`; null before the first.
    async fn image(&self) -> Option<String> {
        self.0.image.as_ref().map(ToString::to_string)
    }

    /// The digest of that image, `sha256:…`; null before the first.
    async fn digest(&self) -> Option<&str> {
        self.0.digest.as_deref()
    }

    /// When the spec was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the spec was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// The latest job, whatever became of it.
    async fn latest_job(&self, ctx: &Context<'_>) -> Result<Option<BuildJob>> {
        Ok(ctx.data::<Loaders>()?.jobs.load_one(self.0.latest_job_id).await?.map(BuildJob))
    }

    /// The latest job that made an image; null before the first.
    async fn latest_successful_job(&self, ctx: &Context<'_>) -> Result<Option<BuildJob>> {
        match self.0.latest_successful_job_id {
            Some(id) => Ok(ctx.data::<Loaders>()?.jobs.load_one(id).await?.map(BuildJob)),
            None => Ok(None),
        }
    }

    /// The jobs of this spec, the newest first.
    #[graphql(complexity = "weight(first, last, child_complexity)")]
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start of the list, at most 100; 20 where neither is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<BuildJobConnection> {
        let args = page_args(first, after, last, before)?;
        let page = match args {
            // A list of specs asks this of each: their jobs are read at once.
            PageArgs { first: Some(first), after: None, last: None, before: None } => {
                let page = ctx.data::<Loaders>()?.first_jobs.load_one((self.0.id, first)).await?;
                page.unwrap_or_else(Page::empty)
            }
            args => services(ctx)?.store.jobs_of_spec(self.0.id, &args).await.map_err(store_error)?,
        };
        Ok(connection(page, BuildJob))
    }
}

impl ImageSpec {
    async fn revision_row(&self, ctx: &Context<'_>) -> Result<store::Revision> {
        let loader = &ctx.data::<Loaders>()?.revisions;
        let revision = loader.load_one(self.0.revision_id).await?;
        revision.ok_or_else(|| internal(&format_args!("the revision of spec {} is gone", self.0.id)))
    }
}

/// Queries for specs.
#[derive(Default)]
pub struct ImageSpecQuery;

#[Object]
impl ImageSpecQuery {
    /// The image specs, the newest first where no order is asked for.
    #[graphql(complexity = "weight(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Relay connection")]
    async fn image_specs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only specs whose name has this text in it; case does not count.")] search: Option<String>,
        #[graphql(desc = "What to order by; newest first by default.")] order_by: Option<ImageSpecOrder>,
        #[graphql(desc = "How many from the start of the list, at most 100; 20 where neither is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Begin after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor.")] before: Option<String>,
    ) -> Result<ImageSpecConnection> {
        let page = page_args(first, after, last, before)?;
        let order = order_by
            .unwrap_or(ImageSpecOrder { field: ImageSpecOrderField::CreatedAt, direction: OrderDirection::Desc })
            .into();
        let search = filled(search);
        let page = services(ctx)?.store.list_specs(search.as_deref(), order, &page).await.map_err(store_error)?;
        Ok(connection(page, ImageSpec))
    }

    /// The image spec of this name; null where there is none.
    async fn image_spec(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The spec's name.")] name: String,
    ) -> Result<Option<ImageSpec>> {
        let Some(name) = existing_name(&name) else { return Ok(None) };
        Ok(services(ctx)?.store.spec_by_name(&name).await.map_err(store_error)?.map(ImageSpec))
    }
}

/// A name that a spec can have; others name nothing.
pub(super) fn existing_name(text: &str) -> Option<ImageName> {
    text.trim().parse().ok()
}

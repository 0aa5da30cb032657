//! Reading specs and revisions.

use cooperage_shared::ImageName;
use sea_orm::sea_query::LikeExpr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;

use super::convert::{all, key, keys};
use super::entity::{image_spec, revision};
use super::paging::{Key, Ordering, page};
use super::{Page, PageArgs, Revision, Spec, SpecOrder, SpecOrderField, Store, StoreError};

impl Store {
    /// One page of the specs whose names contain `search`, in upper or lower case.
    ///
    /// # Errors
    /// When the arguments do not fit together, or the database fails.
    pub async fn list_specs(
        &self,
        search: Option<&str>,
        order: SpecOrder,
        args: &PageArgs,
    ) -> Result<Page<Spec>, StoreError> {
        use image_spec::Column;
        let mut select = image_spec::Entity::find();
        if let Some(pattern) = search.and_then(contains) {
            select = select.filter(Column::Name.like(pattern));
        }
        let (name, column) = match order.field {
            SpecOrderField::Name => ("name", Column::Name),
            SpecOrderField::Status => ("status", Column::LatestStatus),
            SpecOrderField::CreatedAt => ("created", Column::CreatedAt),
            SpecOrderField::UpdatedAt => ("updated", Column::UpdatedAt),
        };
        let ordering = Ordering { name, column, id: Column::Id, descending: order.descending };
        let key = |row: &image_spec::Model| {
            let key = match order.field {
                SpecOrderField::Name => Key::Text(row.name.clone()),
                SpecOrderField::Status => Key::Text(row.latest_status.clone()),
                SpecOrderField::CreatedAt => Key::Number(row.created_at),
                SpecOrderField::UpdatedAt => Key::Number(row.updated_at),
            };
            (key, row.id.clone())
        };
        page(&self.db, select, ordering, args, key).await?.try_map(Spec::try_from)
    }

    /// The spec of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spec_by_name(&self, name: &ImageName) -> Result<Option<Spec>, StoreError> {
        let row = image_spec::Entity::find().filter(image_spec::Column::Name.eq(name.as_str())).one(&self.db).await?;
        row.map(Spec::try_from).transpose()
    }

    /// The spec of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spec(&self, id: Uuid) -> Result<Option<Spec>, StoreError> {
        image_spec::Entity::find_by_id(key(id)).one(&self.db).await?.map(Spec::try_from).transpose()
    }

    /// The specs of these ids, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn specs_by_ids(&self, ids: &[Uuid]) -> Result<Vec<Spec>, StoreError> {
        all(image_spec::Entity::find().filter(image_spec::Column::Id.is_in(keys(ids))).all(&self.db).await?)
    }

    /// The revisions of these ids, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revisions_by_ids(&self, ids: &[Uuid]) -> Result<Vec<Revision>, StoreError> {
        all(revision::Entity::find().filter(revision::Column::Id.is_in(keys(ids))).all(&self.db).await?)
    }

    /// The revision of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revision(&self, id: Uuid) -> Result<Option<Revision>, StoreError> {
        revision::Entity::find_by_id(key(id)).one(&self.db).await?.map(Revision::try_from).transpose()
    }
}

/// The pattern for names that contain `search`; names are lowercase, and so is the pattern. None where there is nothing
/// to search for.
pub(super) fn contains(search: &str) -> Option<LikeExpr> {
    let search = search.trim();
    if search.is_empty() {
        return None;
    }
    let mut pattern = String::with_capacity(search.len() + 2);
    pattern.push('%');
    // PostgreSQL takes no text with U+0000, and nothing is found by it: nor by U+FFFF in its place.
    for c in search.replace('\0', "\u{ffff}").to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Some(LikeExpr::new(pattern).escape('\\'))
}

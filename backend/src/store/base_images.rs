//! The catalogue of base images.

use sea_orm::sea_query::{Expr, ExprTrait as _, Func, LockType};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set};
use uuid::Uuid;

use super::convert::{all, key, keys};
use super::entity::base_image::{ActiveModel, Column, Entity, Model};
use super::paging::{Key, Ordering, page};
use super::spec_writes::{check_pull_secret, taken};
use super::specs::contains;
use super::{BaseImage, NewBaseImage, Page, PageArgs, Store, StoreError, now};

impl Store {
    /// One page of the base images whose name, display name or URL contains `search`, in upper or lower case, by name.
    ///
    /// # Errors
    /// When the arguments do not fit together, or the database fails.
    pub async fn list_base_images(&self, search: Option<&str>, args: &PageArgs) -> Result<Page<BaseImage>, StoreError> {
        let mut select = Entity::find();
        if let Some(pattern) = search.and_then(contains) {
            let holds = |column: Column| Expr::expr(Func::lower(Expr::col(column))).like(pattern.clone());
            select = select.filter(holds(Column::Name).or(holds(Column::DisplayName)).or(holds(Column::Url)));
        }
        let ordering = Ordering { name: "base", column: Column::Name, id: Column::Id, descending: false };
        let key = |row: &Model| (Key::Text(row.name.clone()), row.id.clone());
        page(&self.db, select, ordering, args, key).await?.try_map(BaseImage::try_from)
    }

    /// The base image of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn base_image(&self, name: &str) -> Result<Option<BaseImage>, StoreError> {
        let row = Entity::find().filter(Column::Name.eq(name)).one(&self.db).await?;
        row.map(BaseImage::try_from).transpose()
    }

    /// The base images of these ids, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn base_images_by_ids(&self, ids: &[Uuid]) -> Result<Vec<BaseImage>, StoreError> {
        all(Entity::find().filter(Column::Id.is_in(keys(ids))).all(&self.db).await?)
    }

    /// Adds a base image.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::PullSecretUnknown`].
    pub async fn create_base_image(&self, new: &NewBaseImage) -> Result<BaseImage, StoreError> {
        let tx = self.write().await?;
        check_pull_secret(&tx, new.pull_secret.as_deref()).await?;
        let millis = now().timestamp_millis();
        let mut row = filled(new, millis);
        row.id = Set(key(Uuid::now_v7()));
        row.name = Set(new.name.clone());
        row.created_at = Set(millis);
        let row = row.insert(&tx.tx).await.map_err(|error| taken(error, StoreError::NameTaken))?;
        tx.commit().await?;
        row.try_into()
    }

    /// Changes the base image of the given name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PullSecretUnknown`].
    pub async fn update_base_image(&self, new: &NewBaseImage) -> Result<BaseImage, StoreError> {
        let tx = self.write().await?;
        let row = Entity::find().filter(Column::Name.eq(new.name.as_str()));
        let row = row.lock(LockType::NoKeyUpdate).one(&tx.tx).await?;
        let row = row.ok_or(StoreError::NotFound)?;
        check_pull_secret(&tx, new.pull_secret.as_deref()).await?;
        let mut change = filled(new, now().timestamp_millis());
        change.id = Set(row.id);
        let row = change.update(&tx.tx).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Removes the base image of this name. Specs that stand on it are not touched: they hold the reference itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_base_image(&self, name: &str) -> Result<(), StoreError> {
        let tx = self.write().await?;
        let gone = Entity::delete_many().filter(Column::Name.eq(name)).exec(&tx.tx).await?;
        tx.commit().await?;
        if gone.rows_affected == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }
}

fn filled(new: &NewBaseImage, millis: i64) -> ActiveModel {
    ActiveModel {
        display_name: Set(new.display_name.clone()),
        description: Set(new.description.clone()),
        kind: Set(new.kind.as_str().to_owned()),
        url: Set(new.url.clone()),
        url_for_gpu: Set(new.url_for_gpu.clone()),
        pull_secret: Set(new.pull_secret.clone()),
        updated_at: Set(millis),
        ..Default::default()
    }
}

//! Pull secrets. The store sees sealed passwords only.

use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use uuid::Uuid;

use super::convert::{all, key, keys};
use super::entity::pull_secret::{ActiveModel, Column, Entity};
use super::entity::{base_image, image_spec};
use super::spec_writes::taken;
use super::{NewPullSecret, PullSecret, Store, StoreError, now};

impl Store {
    /// Every pull secret, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_pull_secrets(&self) -> Result<Vec<PullSecret>, StoreError> {
        all(Entity::find().order_by_asc(Column::Name).all(&self.db).await?)
    }

    /// The pull secret of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pull_secret(&self, name: &str) -> Result<Option<PullSecret>, StoreError> {
        Entity::find().filter(Column::Name.eq(name)).one(&self.db).await?.map(PullSecret::try_from).transpose()
    }

    /// The pull secrets of these ids, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pull_secrets_by_ids(&self, ids: &[Uuid]) -> Result<Vec<PullSecret>, StoreError> {
        all(Entity::find().filter(Column::Id.is_in(keys(ids))).all(&self.db).await?)
    }

    /// Adds a pull secret.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`]; [`StoreError::Corrupt`] where there is no sealed password.
    pub async fn create_pull_secret(&self, new: &NewPullSecret) -> Result<PullSecret, StoreError> {
        let sealed =
            new.sealed.clone().ok_or_else(|| StoreError::Corrupt("a pull secret has a password".to_owned()))?;
        let tx = self.write().await?;
        let millis = now().timestamp_millis();
        let row = ActiveModel {
            id: Set(key(Uuid::now_v7())),
            name: Set(new.name.clone()),
            host: Set(new.host.clone()),
            username: Set(new.username.clone()),
            sealed: Set(sealed),
            created_at: Set(millis),
            updated_at: Set(millis),
        };
        let row = row.insert(&tx.tx).await.map_err(|error| taken(error, StoreError::NameTaken))?;
        tx.commit().await?;
        row.try_into()
    }

    /// Changes the pull secret of the given name; without a sealed password the one that is there stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update_pull_secret(&self, new: &NewPullSecret) -> Result<PullSecret, StoreError> {
        let tx = self.write().await?;
        let row = Entity::find().filter(Column::Name.eq(new.name.as_str()));
        let row = row.lock(LockType::NoKeyUpdate).one(&tx.tx).await?;
        let mut change = ActiveModel {
            id: Set(row.ok_or(StoreError::NotFound)?.id),
            host: Set(new.host.clone()),
            username: Set(new.username.clone()),
            updated_at: Set(now().timestamp_millis()),
            ..Default::default()
        };
        if let Some(sealed) = &new.sealed {
            change.sealed = Set(sealed.clone());
        }
        let row = change.update(&tx.tx).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// The names of the specs and of the base images that name a pull secret; at most 20 of each.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pull_secret_users(&self, name: &str) -> Result<(Vec<String>, Vec<String>), StoreError> {
        use {base_image::Column as Base, image_spec::Column as Spec};
        let specs = image_spec::Entity::find().select_only().column(Spec::Name).filter(Spec::PullSecret.eq(name));
        let specs = specs.order_by_asc(Spec::Name).limit(20).into_tuple().all(&self.db).await?;
        let bases = base_image::Entity::find().select_only().column(Base::Name).filter(Base::PullSecret.eq(name));
        let bases = bases.order_by_asc(Base::Name).limit(20).into_tuple().all(&self.db).await?;
        Ok((specs, bases))
    }

    /// Removes the pull secret of this name, whoever names it: their jobs fail with a reason from then on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_pull_secret(&self, name: &str) -> Result<(), StoreError> {
        let tx = self.write().await?;
        let gone = Entity::delete_many().filter(Column::Name.eq(name)).exec(&tx.tx).await?;
        tx.commit().await?;
        if gone.rows_affected == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }
}

//! Writing specs: each edit makes a revision and a QUEUED job in the same transaction.

use cooperage_shared::{ImageName, JobStatus};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, ModelTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
};
use uuid::Uuid;

use super::convert::{all, column, id, key, to_json};
use super::entity::{build_job, image_spec, pull_secret, revision};
use super::{Job, NewContent, Spec, Store, StoreError, Write, now};

impl Store {
    /// Creates a spec, its first revision and a job. The same `idempotency_key` again gives what was created then.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], [`StoreError::KeyTaken`], [`StoreError::PullSecretUnknown`].
    pub async fn create_spec(
        &self,
        name: &ImageName,
        content: &NewContent,
        idempotency_key: Option<&str>,
    ) -> Result<(Spec, Job), StoreError> {
        let done = self.again(|| self.create_spec_once(name, content, idempotency_key)).await;
        self.or_repeated(done, name, idempotency_key).await
    }

    async fn create_spec_once(
        &self,
        name: &ImageName,
        content: &NewContent,
        idempotency_key: Option<&str>,
    ) -> Result<(Spec, Job), StoreError> {
        let tx = self.write().await?;
        if let Some(done) = repeated(&tx.tx, name, idempotency_key).await? {
            return Ok(done);
        }
        check_pull_secret(&tx, content.pull_secret.as_deref()).await?;
        let millis = now().timestamp_millis();
        let (spec_id, revision_id, job_id) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let spec = image_spec::ActiveModel {
            id: Set(key(spec_id)),
            name: Set(name.to_string()),
            version: Set(1),
            revision_id: Set(key(revision_id)),
            pull_secret: Set(content.pull_secret.clone()),
            last_job_number: Set(1),
            latest_job_id: Set(key(job_id)),
            latest_status: Set(JobStatus::Queued.as_str().to_owned()),
            success_job_id: Set(None),
            success_number: Set(0),
            image: Set(None),
            digest: Set(None),
            created_at: Set(millis),
            updated_at: Set(millis),
        };
        let spec = spec.insert(&tx.tx).await.map_err(|error| taken(error, StoreError::NameTaken))?;
        insert_revision(&tx, &spec.id, revision_id, content).await?;
        let hash = content.hash.to_string();
        let job = insert_job(&tx, &spec, job_id, &hash, false, idempotency_key).await?;
        tx.commit().await?;
        Ok((Spec::try_from(spec)?, Job::try_from(job)?))
    }

    /// Changes a spec that is still at `expected_version`, and makes a job. Content that is spelled as before keeps its
    /// revision; a job is made all the same, for the person has confirmed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`], [`StoreError::PullSecretUnknown`].
    pub async fn update_spec(
        &self,
        name: &ImageName,
        expected_version: u64,
        content: &NewContent,
    ) -> Result<(Spec, Job), StoreError> {
        self.again(|| self.update_spec_once(name, expected_version, content)).await
    }

    async fn update_spec_once(
        &self,
        name: &ImageName,
        expected_version: u64,
        content: &NewContent,
    ) -> Result<(Spec, Job), StoreError> {
        let tx = self.write().await?;
        let spec = spec_in(&tx, name).await?;
        if spec.version != column(expected_version)? {
            return Err(StoreError::Conflict { current: super::convert::count(spec.version)? });
        }
        check_pull_secret(&tx, content.pull_secret.as_deref()).await?;
        let current = revision::Entity::find_by_id(spec.revision_id.clone()).one(&tx.tx).await?;
        let same = current.is_some_and(|row| {
            row.base_image == content.base_image.as_str()
                && to_json(&content.packages).is_ok_and(|packages| packages == row.packages)
        });
        let revision_id = if same { id(&spec.revision_id)? } else { Uuid::now_v7() };
        if !same {
            insert_revision(&tx, &spec.id, revision_id, content).await?;
        }
        let edited = image_spec::ActiveModel {
            id: Set(spec.id),
            version: Set(spec.version + 1),
            revision_id: Set(key(revision_id)),
            pull_secret: Set(content.pull_secret.clone()),
            updated_at: Set(now().timestamp_millis()),
            ..Default::default()
        };
        let spec = edited.update(&tx.tx).await?;
        let hash = content.hash.to_string();
        let (spec, job) = next_job(&tx, spec, &hash, false, None).await?;
        tx.commit().await?;
        Ok((Spec::try_from(spec)?, Job::try_from(job)?))
    }

    /// Makes a job that builds the spec's content anew, whatever images and layers there are.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::KeyTaken`].
    pub async fn rebuild_spec(
        &self,
        name: &ImageName,
        idempotency_key: Option<&str>,
    ) -> Result<(Spec, Job), StoreError> {
        let done = self.again(|| self.rebuild_spec_once(name, idempotency_key)).await;
        self.or_repeated(done, name, idempotency_key).await
    }

    async fn rebuild_spec_once(
        &self,
        name: &ImageName,
        idempotency_key: Option<&str>,
    ) -> Result<(Spec, Job), StoreError> {
        let tx = self.write().await?;
        let spec = spec_in(&tx, name).await;
        if let Some(done) = repeated(&tx.tx, name, idempotency_key).await? {
            return Ok(done);
        }
        let spec = spec?;
        let revision = revision::Entity::find_by_id(spec.revision_id.clone()).one(&tx.tx).await?;
        let hash = revision.ok_or_else(|| StoreError::Corrupt(format!("{name} has no revision")))?.hash;
        let (spec, job) = next_job(&tx, spec, &hash, true, idempotency_key).await?;
        tx.commit().await?;
        Ok((Spec::try_from(spec)?, Job::try_from(job)?))
    }

    /// Deletes a spec with its revisions, jobs and logs, and gives back the spec and the jobs that had not ended. Images in
    /// the registry stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_spec(&self, name: &ImageName) -> Result<(Spec, Vec<Job>), StoreError> {
        self.again(|| self.delete_spec_once(name)).await
    }

    async fn delete_spec_once(&self, name: &ImageName) -> Result<(Spec, Vec<Job>), StoreError> {
        use build_job::Column;
        let tx = self.write().await?;
        let found = image_spec::Entity::find().filter(image_spec::Column::Name.eq(name.as_str())).one(&tx.tx).await?;
        let open = build_job::Entity::find()
            .filter(Column::SpecId.eq(found.ok_or(StoreError::NotFound)?.id))
            .filter(Column::Status.is_in([JobStatus::Queued.as_str(), JobStatus::Running.as_str()]))
            .order_by_asc(Column::Id);
        // Jobs before the spec, as everywhere; then those that were added before the spec was ours.
        open.clone().lock(LockType::Update).all(&tx.tx).await?;
        let spec = image_spec::Entity::find().filter(image_spec::Column::Name.eq(name.as_str()));
        let spec = spec.lock(LockType::Update).one(&tx.tx).await?.ok_or(StoreError::NotFound)?;
        let open = open.all(&tx.tx).await?;
        // Revisions, jobs and logs go with it: foreign keys cascade.
        spec.clone().delete(&tx.tx).await?;
        tx.commit().await?;
        Ok((Spec::try_from(spec)?, all(open)?))
    }
}

/// The error of a row that could not be inserted: `taken` where a unique key refused it.
pub(super) fn taken(error: sea_orm::DbErr, taken: StoreError) -> StoreError {
    if StoreError::is_unique_violation(&error) { taken } else { error.into() }
}

impl Store {
    /// Of two requests with one key, made at the same moment by way of two servers, one is refused by a unique key: it gets
    /// what the other one did.
    async fn or_repeated(
        &self,
        done: Result<(Spec, Job), StoreError>,
        name: &ImageName,
        idempotency_key: Option<&str>,
    ) -> Result<(Spec, Job), StoreError> {
        match done {
            Err(refused @ (StoreError::NameTaken | StoreError::KeyTaken)) => {
                repeated(&self.db, name, idempotency_key).await?.ok_or(refused)
            }
            done => done,
        }
    }
}

/// The spec of this name, which nobody else changes until the transaction ends.
async fn spec_in(tx: &Write, name: &ImageName) -> Result<image_spec::Model, StoreError> {
    let spec = image_spec::Entity::find().filter(image_spec::Column::Name.eq(name.as_str()));
    spec.lock(LockType::NoKeyUpdate).one(&tx.tx).await?.ok_or(StoreError::NotFound)
}

/// What the request with this key did, when it was made before.
async fn repeated(
    db: &impl ConnectionTrait,
    name: &ImageName,
    idempotency_key: Option<&str>,
) -> Result<Option<(Spec, Job)>, StoreError> {
    let Some(wanted) = idempotency_key else { return Ok(None) };
    let job = build_job::Entity::find().filter(build_job::Column::IdempotencyKey.eq(wanted)).one(db).await?;
    let Some(job) = job else { return Ok(None) };
    let spec = image_spec::Entity::find_by_id(job.spec_id.clone()).one(db).await?;
    match spec.filter(|spec| spec.name == name.as_str()) {
        Some(spec) => Ok(Some((Spec::try_from(spec)?, Job::try_from(job)?))),
        None => Err(StoreError::KeyTaken),
    }
}

pub(super) async fn check_pull_secret(tx: &Write, name: Option<&str>) -> Result<(), StoreError> {
    let Some(name) = name else { return Ok(()) };
    let found = pull_secret::Entity::find().filter(pull_secret::Column::Name.eq(name)).one(&tx.tx).await?;
    found.map(drop).ok_or_else(|| StoreError::PullSecretUnknown(name.to_owned()))
}

async fn insert_revision(tx: &Write, spec: &str, id: Uuid, content: &NewContent) -> Result<(), StoreError> {
    let row = revision::ActiveModel {
        id: Set(key(id)),
        spec_id: Set(spec.to_owned()),
        hash: Set(content.hash.to_string()),
        base_image: Set(content.base_image.as_str().to_owned()),
        packages: Set(to_json(&content.packages)?),
        created_at: Set(now().timestamp_millis()),
    };
    revision::Entity::insert(row).exec_without_returning(&tx.tx).await?;
    Ok(())
}

/// Numbers and inserts a further job of a spec.
async fn next_job(
    tx: &Write,
    spec: image_spec::Model,
    hash: &str,
    fresh: bool,
    idempotency_key: Option<&str>,
) -> Result<(image_spec::Model, build_job::Model), StoreError> {
    let job_id = Uuid::now_v7();
    let spec = image_spec::ActiveModel {
        id: Set(spec.id),
        last_job_number: Set(spec.last_job_number + 1),
        latest_job_id: Set(key(job_id)),
        latest_status: Set(JobStatus::Queued.as_str().to_owned()),
        ..Default::default()
    };
    let spec = spec.update(&tx.tx).await?;
    let job = insert_job(tx, &spec, job_id, hash, fresh, idempotency_key).await?;
    Ok((spec, job))
}

async fn insert_job(
    tx: &Write,
    spec: &image_spec::Model,
    id: Uuid,
    hash: &str,
    fresh: bool,
    idempotency_key: Option<&str>,
) -> Result<build_job::Model, StoreError> {
    let millis = now().timestamp_millis();
    let job = build_job::ActiveModel {
        id: Set(key(id)),
        spec_id: Set(spec.id.clone()),
        revision_id: Set(spec.revision_id.clone()),
        revision_hash: Set(hash.to_owned()),
        number: Set(spec.last_job_number),
        status: Set(JobStatus::Queued.as_str().to_owned()),
        fresh: Set(fresh),
        pull_secret: Set(spec.pull_secret.clone()),
        idempotency_key: Set(idempotency_key.map(str::to_owned)),
        created_at: Set(millis),
        updated_at: Set(millis),
        ..Default::default()
    };
    job.insert(&tx.tx).await.map_err(|error| taken(error, StoreError::KeyTaken))
}

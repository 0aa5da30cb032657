use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "build_jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub spec_id: String,
    pub revision_id: String,
    pub revision_hash: String,
    pub number: i64,
    pub status: String,
    pub phase: Option<String>,
    pub fresh: bool,
    pub pull_secret: Option<String>,
    pub idempotency_key: Option<String>,
    pub base_image_digest: Option<String>,
    pub dockerfile: Option<String>,
    pub push_host: Option<String>,
    pub image: Option<String>,
    pub digest: Option<String>,
    pub size_bytes: Option<i64>,
    pub failure: Option<String>,
    pub reused_job_id: Option<String>,
    pub token_hash: Option<String>,
    pub reuse_tried: bool,
    pub started_on_engine: bool,
    pub stop_reason: Option<String>,
    pub stop_requested_at: Option<i64>,
    pub outcome: Option<String>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub fence: i64,
    pub deadline_at: Option<i64>,
    pub log_lines: i64,
    pub log_bytes: i64,
    pub log_limit_bytes: Option<i64>,
    pub log_removed: bool,
    /// The run of the builder that delivers now, as it names itself.
    pub attempt: Option<String>,
    /// Which run that is, from 1; 0 before the first.
    pub attempt_number: i64,
    /// How many lines the log had when it began.
    pub attempt_lines: i64,
    /// The runs before, separated by spaces.
    pub attempts_past: Option<String>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub updated_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

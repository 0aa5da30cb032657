use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "image_specs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    pub version: i64,
    pub revision_id: String,
    pub pull_secret: Option<String>,
    pub last_job_number: i64,
    pub latest_job_id: String,
    pub latest_status: String,
    pub success_job_id: Option<String>,
    pub success_number: i64,
    pub image: Option<String>,
    pub digest: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

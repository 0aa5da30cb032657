//! Image specs, their revisions and jobs, logs, base images and pull secrets.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm;

/// The first tables.
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_initial"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [pull_secrets(), base_images(), image_specs(), revisions(), build_jobs(), log_chunks()] {
            manager.create_table(table.clone()).await?;
            by_bytes(manager, &table).await?;
        }
        for (table, name, columns) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table);
            for column in *columns {
                index.col(*column);
            }
            manager.create_index(index.to_owned()).await?;
        }
        manager
            .create_index(
                Index::create()
                    .name("build_jobs_number")
                    .table("build_jobs")
                    .col("spec_id")
                    .col("number")
                    .unique()
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["log_chunks", "build_jobs", "revisions", "image_specs", "base_images", "pull_secrets"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// One index for each order of a list, and for each look-up that is not by a unique key.
const INDEXES: &[(&str, &str, &[&str])] = &[
    ("image_specs", "image_specs_by_status", &["latest_status", "id"]),
    ("image_specs", "image_specs_by_created", &["created_at", "id"]),
    ("image_specs", "image_specs_by_updated", &["updated_at", "id"]),
    ("revisions", "revisions_by_spec", &["spec_id"]),
    ("build_jobs", "build_jobs_by_status", &["status", "created_at", "id"]),
    ("build_jobs", "build_jobs_by_revision", &["revision_hash", "push_host", "status"]),
    ("build_jobs", "build_jobs_by_revision_id", &["revision_id"]),
    ("build_jobs", "build_jobs_by_finished", &["finished_at"]),
    ("build_jobs", "build_jobs_by_updated", &["updated_at"]),
];

fn id(column: &str) -> ColumnDef {
    ColumnDef::new(column.to_owned()).string_len(32).to_owned()
}

fn text(column: &str) -> ColumnDef {
    ColumnDef::new(column.to_owned()).text().to_owned()
}

fn number(column: &str) -> ColumnDef {
    ColumnDef::new(column.to_owned()).big_integer().to_owned()
}

fn required(mut column: ColumnDef) -> ColumnDef {
    column.not_null().to_owned()
}

fn key(mut column: ColumnDef) -> ColumnDef {
    column.not_null().primary_key().to_owned()
}

fn unique(mut column: ColumnDef) -> ColumnDef {
    column.unique_key().to_owned()
}

fn count(column: &str) -> ColumnDef {
    number(column).not_null().default(0).to_owned()
}

fn flag(column: &str) -> ColumnDef {
    ColumnDef::new(column.to_owned()).boolean().not_null().default(false).to_owned()
}

fn blob(column: &str) -> ColumnDef {
    ColumnDef::new(column.to_owned()).binary().not_null().to_owned()
}

/// Texts are compared byte by byte on both databases, whatever the language of the database is: pages, cursors and indexes
/// agree on one order. SQLite does so by itself.
async fn by_bytes(manager: &SchemaManager<'_>, table: &TableCreateStatement) -> Result<(), DbErr> {
    if manager.get_database_backend() != sea_orm::DbBackend::Postgres {
        return Ok(());
    }
    for column in table.get_columns() {
        if matches!(column.get_column_type(), Some(ColumnType::Text | ColumnType::String(_))) {
            let mut text = ColumnDef::new(column.get_column_name());
            // What follows the type in the statement is its collation.
            text.custom("text COLLATE \"C\"");
            let mut alter = Table::alter();
            if let Some(name) = table.get_table_name() {
                alter.table(name.clone());
            }
            manager.alter_table(alter.modify_column(text).to_owned()).await?;
        }
    }
    Ok(())
}

fn table(name: &str, columns: Vec<ColumnDef>) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name.to_owned());
    for column in columns {
        table.col(column);
    }
    table
}

fn owned_by(table: &mut TableCreateStatement, name: &str, column: &str, parent: &str) {
    let from = table.get_table_name().cloned();
    let mut foreign_key = ForeignKey::create();
    foreign_key.name(name.to_owned()).from_col(column.to_owned()).to(parent.to_owned(), "id");
    if let Some(from) = from {
        foreign_key.from_tbl(from);
    }
    table.foreign_key(foreign_key.on_delete(ForeignKeyAction::Cascade));
}

fn pull_secrets() -> TableCreateStatement {
    table(
        "pull_secrets",
        vec![
            key(id("id")),
            unique(required(text("name"))),
            required(text("host")),
            required(text("username")),
            blob("sealed"),
            required(number("created_at")),
            required(number("updated_at")),
        ],
    )
}

fn base_images() -> TableCreateStatement {
    table(
        "base_images",
        vec![
            key(id("id")),
            unique(required(text("name"))),
            required(text("display_name")),
            required(text("description")),
            required(text("kind")),
            required(text("url")),
            text("url_for_gpu"),
            text("pull_secret"),
            required(number("created_at")),
            required(number("updated_at")),
        ],
    )
}

fn image_specs() -> TableCreateStatement {
    table(
        "image_specs",
        vec![
            key(id("id")),
            unique(required(text("name"))),
            required(number("version")),
            required(id("revision_id")),
            text("pull_secret"),
            count("last_job_number"),
            required(id("latest_job_id")),
            required(text("latest_status")),
            id("success_job_id"),
            count("success_number"),
            text("image"),
            text("digest"),
            required(number("created_at")),
            required(number("updated_at")),
        ],
    )
}

fn revisions() -> TableCreateStatement {
    let mut table = table(
        "revisions",
        vec![
            key(id("id")),
            required(id("spec_id")),
            required(text("hash")),
            required(text("base_image")),
            required(text("packages")),
            required(number("created_at")),
        ],
    );
    owned_by(&mut table, "revisions_spec", "spec_id", "image_specs");
    table
}

fn build_jobs() -> TableCreateStatement {
    let mut table = table(
        "build_jobs",
        vec![
            key(id("id")),
            required(id("spec_id")),
            required(id("revision_id")),
            required(text("revision_hash")),
            required(number("number")),
            required(text("status")),
            text("phase"),
            flag("fresh"),
            text("pull_secret"),
            unique(text("idempotency_key")),
            text("base_image_digest"),
            text("dockerfile"),
            text("push_host"),
            text("image"),
            text("digest"),
            number("size_bytes"),
            text("failure"),
            id("reused_job_id"),
            text("token_hash"),
            flag("reuse_tried"),
            flag("started_on_engine"),
            text("stop_reason"),
            number("stop_requested_at"),
            text("outcome"),
            text("lease_owner"),
            number("lease_until"),
            count("fence"),
            number("deadline_at"),
            count("log_lines"),
            count("log_bytes"),
            number("log_limit_bytes"),
            flag("log_removed"),
            text("attempt"),
            count("attempt_number"),
            count("attempt_lines"),
            text("attempts_past"),
            required(number("created_at")),
            number("started_at"),
            number("finished_at"),
            required(number("updated_at")),
        ],
    );
    owned_by(&mut table, "build_jobs_spec", "spec_id", "image_specs");
    owned_by(&mut table, "build_jobs_revision", "revision_id", "revisions");
    table
}

fn log_chunks() -> TableCreateStatement {
    let mut table = table(
        "log_chunks",
        vec![
            required(id("job_id")),
            required(number("first_line")),
            required(number("line_count")),
            required(number("byte_count")),
            blob("data"),
        ],
    );
    table.primary_key(Index::create().name("log_chunks_key").col("job_id").col("first_line"));
    owned_by(&mut table, "log_chunks_job", "job_id", "build_jobs");
    table
}

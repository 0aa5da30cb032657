//! Database migrations, the same for SQLite and PostgreSQL.
//!
//! Ids are UUIDs (version 7) as 32 hex digits, times are milliseconds since the epoch, words are those of
//! `cooperage_shared`. A migration that has been released is never changed: a new one follows it.

use sea_orm_migration::prelude::*;

mod m0001_initial;

/// Every migration, the oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_initial::Migration)]
    }
}

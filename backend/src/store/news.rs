//! News between the servers of one PostgreSQL database. Hints only: nothing depends on their arrival.

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::{Store, StoreError};

/// The channel of all servers of a database.
const CHANNEL: &str = "cooperage";

/// Hears what the servers of a database tell each other.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// The next message. None where the connection was lost, and messages with it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let message = self.0.try_recv().await.map_err(failed)?;
        Ok(message.map(|message| message.payload().to_owned()))
    }
}

impl Store {
    /// Tells something, less than 8,000 bytes, to every server of the database, this one too. It stands in no other
    /// transaction: PostgreSQL takes one lock for all commits that tell something.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell(&self, message: &str) -> Result<(), StoreError> {
        let values = [CHANNEL.into(), message.into()];
        let notify = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
        self.db.execute_raw(notify).await?;
        Ok(())
    }

    /// Hears what is told from now on. None where nobody shares the database.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        if !self.is_shared() {
            return Ok(None);
        }
        let mut listener = PgListener::connect_with(self.db.get_postgres_connection_pool()).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Some(Listener(listener)))
    }
}

fn failed(error: sea_orm::sqlx::Error) -> StoreError {
    sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())).into()
}

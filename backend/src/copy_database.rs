//! `cooperage copy-database`: everything from one database to another, such as from SQLite to PostgreSQL.

use crate::cli::Failed;
use crate::config::{CopyConfig, DataDir};
use crate::store::Store;

/// Copies everything from one database to another; tells what.
///
/// # Errors
/// When a server uses the data folder, when the target is not empty, or when a database fails.
pub(crate) async fn run(data: &DataDir, copy: &CopyConfig) -> Result<String, Failed> {
    data.make()?;
    let _lock = data.lock()?;
    let source = Store::connect(copy.from.expose()).await?;
    source.migrate().await?;
    let target = Store::connect(copy.to.expose()).await?;
    target.migrate().await?;
    let copied = source.copy_to(&target).await?;
    target.close().await?;
    source.close().await?;
    let mut text: String = copied.iter().map(|copied| format!("{} {}\n", copied.rows, copied.table)).collect();
    text.push_str(
        "Copied. Start the server with COOPERAGE_DATABASE_URL set to the new database, and with the same data folder or \
         secret key: the key opens the pull secrets.\n",
    );
    Ok(text)
}

//! Database migrations, the same for SQLite and PostgreSQL.

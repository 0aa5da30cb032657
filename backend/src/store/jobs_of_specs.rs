//! The first jobs of many specs at once, for lists of specs that show the jobs of each.

use std::collections::HashMap;

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait as _, Func, Order, Query, WindowStatement};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, FromQueryResult as _};
use uuid::Uuid;

use super::convert::{id, key};
use super::entity::build_job::{Column, Entity, Model};
use super::jobs::ordering;
use super::paging::first_page;
use super::{Job, Page, Store, StoreError};

impl Store {
    /// The page of the `first` newest jobs of each of these specs, in one query. A spec without jobs has none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs_of_specs(&self, specs: &[Uuid], first: u64) -> Result<HashMap<Uuid, Page<Job>>, StoreError> {
        let of_spec = || WindowStatement::partition_by(Column::SpecId);
        let ranked = Query::select()
            .column(Asterisk)
            .expr_window_as(
                Func::cust("ROW_NUMBER"),
                of_spec().order_by(Column::Number, Order::Desc).order_by(Column::Id, Order::Desc).to_owned(),
                "place",
            )
            .expr_window_as(Func::count(Expr::col(Column::Id)), of_spec(), "total")
            .from(Entity)
            .and_where(Column::SpecId.is_in(specs.iter().map(|spec| key(*spec))))
            .to_owned();
        // One more than asked for tells whether something follows.
        let query = Query::select()
            .column(Asterisk)
            .from_subquery(ranked, "ranked")
            .and_where(Expr::col("place").lte(first.saturating_add(1)))
            .order_by("place", Order::Asc)
            .to_owned();
        let mut found: HashMap<Uuid, (Vec<Model>, u64)> = HashMap::new();
        for row in self.db.query_all(&query).await? {
            let job = Model::from_query_result(&row, "")?;
            let total: i64 = row.try_get("", "total")?;
            let (jobs, of) = found.entry(id(&job.spec_id)?).or_default();
            jobs.push(job);
            *of = u64::try_from(total).unwrap_or_default();
        }
        let page = |(spec, (jobs, total))| {
            let page = first_page(&ordering(), jobs, first, total, super::jobs::place);
            Ok((spec, page.try_map(Job::try_from)?))
        };
        found.into_iter().map(page).collect()
    }
}

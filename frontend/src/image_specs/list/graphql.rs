//! What the list asks for.

use cynic::{Enum, InputObject, QueryBuilder, QueryFragment, QueryVariables};

use crate::api::{self, ApiError, DateTime, PageInfo, schema};
use crate::jobs::JobState;
use crate::ui::{PageArguments, Sort};

#[derive(Enum, Clone, Copy, Debug)]
enum OrderDirection {
    Asc,
    Desc,
}

#[derive(Enum, Clone, Copy, Debug)]
enum ImageSpecOrderField {
    Name,
    Status,
    CreatedAt,
    UpdatedAt,
}

#[derive(InputObject)]
struct ImageSpecOrder {
    field: ImageSpecOrderField,
    direction: OrderDirection,
}

#[derive(QueryVariables)]
struct ListVariables {
    search: Option<String>,
    order_by: Option<ImageSpecOrder>,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "ListVariables")]
struct ListQuery {
    #[arguments(search: $search, orderBy: $order_by, first: $first, after: $after, last: $last, before: $before)]
    image_specs: SpecRows,
}

/// A page of the list.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "ImageSpecConnection")]
pub(super) struct SpecRows {
    pub(super) nodes: Vec<SpecRow>,
    pub(super) page_info: PageInfo,
    pub(super) total_count: i32,
}

/// A row of the list.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "ImageSpec")]
pub(super) struct SpecRow {
    pub(super) id: cynic::Id,
    pub(super) name: String,
    pub(super) image: Option<String>,
    pub(super) updated_at: DateTime,
    pub(super) latest_job: Option<LatestJob>,
}

/// The latest job of a row.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BuildJob")]
pub(super) struct LatestJob {
    pub(super) id: cynic::Id,
    #[cynic(spread)]
    pub(super) state: JobState,
}

/// One page of the list.
pub(super) async fn specs(search: Option<String>, sort: &Sort, page: PageArguments) -> Result<SpecRows, ApiError> {
    let field = match sort.column.as_str() {
        "name" => ImageSpecOrderField::Name,
        "status" => ImageSpecOrderField::Status,
        "updated" => ImageSpecOrderField::UpdatedAt,
        _ => ImageSpecOrderField::CreatedAt,
    };
    let direction = if sort.descending { OrderDirection::Desc } else { OrderDirection::Asc };
    let PageArguments { first, after, last, before } = page;
    let order_by = Some(ImageSpecOrder { field, direction });
    let operation = ListQuery::build(ListVariables { search, order_by, first, after, last, before });
    api::run(operation).await.map(|answer| answer.image_specs)
}

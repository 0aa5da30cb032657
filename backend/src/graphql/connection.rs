//! Relay connections over the store's pages.

use async_graphql::connection::{Connection, ConnectionNameType, Edge, EdgeNameType, EmptyFields};
use async_graphql::{OutputType, Result, SimpleObject};

use super::problem::bad_user_input;
use crate::store::{Page, PageArgs};

/// How many objects a page has where nothing is asked for.
pub const DEFAULT_PAGE: u64 = 20;
/// How many objects a page may have.
pub const LARGEST_PAGE: u64 = 100;

/// How many objects the whole list has.
#[derive(SimpleObject, Clone, Copy, Debug)]
pub struct TotalCount {
    /// How many objects the whole list has, on all pages.
    pub total_count: u64,
}

/// The page that a client asks for.
///
/// # Errors
/// `BAD_USER_INPUT` for both directions at once, for a size that is negative or more than 100.
pub fn page_args(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<PageArgs> {
    let size = |name: &str, value: Option<i32>| match value {
        None => Ok(None),
        Some(value) => match u64::try_from(value) {
            Ok(size) if size <= LARGEST_PAGE => Ok(Some(size)),
            _ => Err(bad_user_input(format!("`{name}` is {value}: it must be from 0 to {LARGEST_PAGE}."))),
        },
    };
    let (mut first, last) = (size("first", first)?, size("last", last)?);
    match (first, last) {
        (Some(_), Some(_)) => return Err(bad_user_input("Give either `first` or `last`, not both.")),
        (None, None) => first = Some(DEFAULT_PAGE),
        _ => {}
    }
    Ok(PageArgs { first, after, last, before })
}

/// How much a page weighs in a query's complexity: its size times what is asked of each object.
pub(super) fn weight(first: Option<i32>, last: Option<i32>, each: usize) -> usize {
    let size = first.or(last).map_or(DEFAULT_PAGE, |size| u64::try_from(size).unwrap_or(0).min(LARGEST_PAGE));
    usize::try_from(size).unwrap_or(usize::MAX).max(1).saturating_mul(each).saturating_add(1)
}

/// A connection of type `N` over `page`.
pub fn connection<S, T, N, E>(
    page: Page<S>,
    node: impl Fn(S) -> T,
) -> Connection<String, T, TotalCount, EmptyFields, N, E>
where
    T: OutputType,
    N: ConnectionNameType,
    E: EdgeNameType,
{
    let total = TotalCount { total_count: page.total };
    let mut connection = Connection::with_additional_fields(page.has_previous, page.has_next, total);
    connection.edges.extend(page.edges.into_iter().map(|edge| Edge::new(edge.cursor, node(edge.node))));
    connection
}

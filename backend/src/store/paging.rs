//! Pages of a list: keyset paging with opaque cursors, in SQL, both ways.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::{Expr, ExprTrait as _, Order};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// The size of a page where none is asked for.
pub const DEFAULT_PAGE: u64 = 50;

/// The largest page.
pub const MAX_PAGE: u64 = 500;

/// Which part of a list is wanted: the `first` so many after a cursor, or the `last` so many before one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageArgs {
    /// How many from the front; [`DEFAULT_PAGE`] where neither this nor `last` is given.
    pub first: Option<u64>,
    /// Only what follows the item of this cursor.
    pub after: Option<String>,
    /// How many from the back.
    pub last: Option<u64>,
    /// Only what precedes the item of this cursor.
    pub before: Option<String>,
}

/// An item and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge<T> {
    /// Where it stands: opaque, good for `after` and `before` in the same list and order.
    pub cursor: String,
    /// The item.
    pub node: T,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, always in the order of the list.
    pub edges: Vec<Edge<T>>,
    /// Whether something follows.
    pub has_next: bool,
    /// Whether something precedes.
    pub has_previous: bool,
    /// How many items the whole list has.
    pub total: u64,
}

/// The value of the column that a list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    Number(i64),
    Text(String),
}

impl Key {
    fn value(&self) -> sea_orm::Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

/// The place of a row: list and order, the key, and the id that breaks ties.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor(String, Key, String);

fn encode(order: &str, key: Key, id: &str) -> String {
    let cursor = Cursor(order.to_owned(), key, id.to_owned());
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).expect("strings and numbers are JSON"))
}

fn decode(order: &str, text: &str) -> Result<(Key, String), StoreError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::InvalidCursor)?;
    let Cursor(of, key, id) = serde_json::from_slice(&bytes).map_err(|_| StoreError::InvalidCursor)?;
    if of == order { Ok((key, id)) } else { Err(StoreError::InvalidCursor) }
}

/// How a list is ordered: by `column`, ties by `id`.
pub(crate) struct Ordering<C> {
    /// A word for list and order, so that a cursor of another is refused.
    pub(crate) name: &'static str,
    pub(crate) column: C,
    pub(crate) id: C,
    pub(crate) descending: bool,
}

impl<C> Ordering<C> {
    /// List and order in one word.
    fn word(&self) -> String {
        format!("{}{}", self.name, if self.descending { "-" } else { "+" })
    }
}

/// The first page of a list that has `total` items: `models` are its first ones, one more than the page takes where there
/// are so many.
pub(crate) fn first_page<M, C>(
    ordering: &Ordering<C>,
    mut models: Vec<M>,
    size: u64,
    total: u64,
    key: impl Fn(&M) -> (Key, String),
) -> Page<M> {
    let has_next = models.len() as u64 > size;
    models.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let order = ordering.word();
    let edge = |node| {
        let (key, id) = key(&node);
        Edge { cursor: encode(&order, key, &id), node }
    };
    Page { edges: models.into_iter().map(edge).collect(), has_next, has_previous: false, total }
}

/// Reads one page of `select`, which has its filters but no order and no limit.
pub(crate) async fn page<E, M, C>(
    db: &C,
    select: Select<E>,
    ordering: Ordering<E::Column>,
    args: &PageArgs,
    key: impl Fn(&M) -> (Key, String),
) -> Result<Page<M>, StoreError>
where
    E: EntityTrait<Model = M>,
    M: sea_orm::FromQueryResult + Send + Sync + sea_orm::ModelTrait<Entity = E>,
    C: ConnectionTrait,
{
    let backward = args.last.is_some();
    if backward && args.first.is_some() {
        return Err(StoreError::InvalidPage("Ask for `first` or for `last`, not for both."));
    }
    let size = args.first.or(args.last).unwrap_or(DEFAULT_PAGE);
    if size > MAX_PAGE {
        return Err(StoreError::InvalidPage("A page has at most 500 items: ask for fewer."));
    }
    let order = ordering.word();
    let count = select.clone();

    let mut rows = select;
    for (cursor, after) in [(&args.after, true), (&args.before, false)] {
        if let Some(cursor) = cursor {
            let (key, id) = decode(&order, cursor)?;
            rows = rows.filter(beyond(&ordering, &key, id, after != ordering.descending));
        }
    }
    let direction = if ordering.descending == backward { Order::Asc } else { Order::Desc };
    let rows = rows.order_by(ordering.column, direction.clone()).order_by(ordering.id, direction).limit(size + 1);
    // Side by side, on two connections where there are two: a person waits for both.
    let (total, mut models) = tokio::try_join!(count.count(db), rows.all(db))?;
    let more = models.len() as u64 > size;
    if more {
        models.pop();
    }
    if backward {
        models.reverse();
    }
    let edges = models
        .into_iter()
        .map(|node| {
            let (key, id) = key(&node);
            Edge { cursor: encode(&order, key, &id), node }
        })
        .collect();
    let (has_next, has_previous) = if backward { (args.before.is_some(), more) } else { (more, args.after.is_some()) };
    Ok(Page { edges, has_next, has_previous, total })
}

/// The rows whose place is greater (or less) than that of a cursor, so put that an index on `(column, id)` serves.
fn beyond<C: ColumnTrait>(ordering: &Ordering<C>, key: &Key, id: String, greater: bool) -> Expr {
    let column = || Expr::col(ordering.column);
    let place = || Expr::col(ordering.id);
    if greater {
        column().gte(key.value()).and(column().gt(key.value()).or(place().gt(id)))
    } else {
        column().lte(key.value()).and(column().lt(key.value()).or(place().lt(id)))
    }
}

impl<T> Page<T> {
    /// The page of a list without items.
    #[must_use]
    pub const fn empty() -> Self {
        Self { edges: Vec::new(), has_next: false, has_previous: false, total: 0 }
    }

    /// The same page of other items.
    pub(crate) fn try_map<U>(self, map: impl Fn(T) -> Result<U, StoreError>) -> Result<Page<U>, StoreError> {
        let edges = self.edges.into_iter().map(|e| Ok(Edge { cursor: e.cursor, node: map(e.node)? }));
        Ok(Page {
            edges: edges.collect::<Result<_, StoreError>>()?,
            has_next: self.has_next,
            has_previous: self.has_previous,
            total: self.total,
        })
    }
}

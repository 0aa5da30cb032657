//! Build logs: pages of what is kept, and what comes live.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt as _};
use uuid::Uuid;

use super::ids::GlobalId;
use super::problem::{bad_user_input, internal};
use super::services::{services, store_error};
use crate::logs::From;

/// How many lines a page or the history of a subscription may have.
const MOST_LINES: i32 = 10_000;
/// How many lines of history a subscriber gets where it asks for nothing else.
pub(super) const DEFAULT_LINES: i32 = 2_000;

/// How much a page of a log weighs in a query's complexity: by its lines, of which a list of jobs would have many.
pub(super) fn weight(last: Option<i32>) -> usize {
    50 + usize::try_from(last.unwrap_or(DEFAULT_LINES)).unwrap_or(0) / 2
}

/// Consecutive lines of a log. It has at most 4 MiB, and so fewer lines than were asked for where they are long.
#[derive(SimpleObject, Clone, Debug)]
pub struct LogPage {
    /// The number of the first line here, from 1.
    pub first_line: u64,
    /// The lines without their line ends. Bytes that are no UTF-8 are shown as �; the download has them as they are.
    pub lines: Vec<String>,
    /// How many lines the log has so far.
    pub total_lines: u64,
    /// Whether the log is complete: nothing will be added.
    pub finished: bool,
}

/// Lines that were added to a log.
#[derive(SimpleObject, Clone, Debug)]
pub struct LogChunk {
    /// The number of the first line here, from 1. With no lines, of the line that would come next.
    pub first_line: u64,
    /// The lines without their line ends. Bytes that are no UTF-8 are shown as �; the download has them as they are.
    pub lines: Vec<String>,
    /// Whether the log is complete. It is the last chunk then, and the subscription ends.
    pub finished: bool,
}

/// A page of a job's log.
pub(super) async fn page(ctx: &Context<'_>, job: Uuid, last: Option<i32>, before: Option<i64>) -> Result<LogPage> {
    let last = last.unwrap_or(DEFAULT_LINES);
    if !(0..=MOST_LINES).contains(&last) {
        return Err(bad_user_input(format!("`last` is {last}: it must be from 0 to {MOST_LINES}.")));
    }
    let before = match before.map(u64::try_from) {
        None => None,
        Some(Ok(line)) if line > 0 => Some(line),
        Some(_) => return Err(bad_user_input("`before` must be the number of a line, from 1.")),
    };
    let last = last.unsigned_abs().into();
    let page = services(ctx)?.logs.page(job, last, before).await.map_err(store_error)?;
    let page = page.ok_or_else(|| bad_user_input("The image spec of this job was deleted in the meantime."))?;
    Ok(LogPage {
        first_line: page.first_line,
        lines: page.lines.iter().map(|line| text(line)).collect(),
        total_lines: page.total_lines,
        finished: page.finished,
    })
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// Live logs.
#[derive(Default)]
pub struct LogSubscription;

#[Subscription]
impl LogSubscription {
    /// A job's log: first what is there, then each line as it comes, without a gap or a repeat, until the log is complete.
    /// After a reconnect, name the line that is wanted next by `fromLine`.
    async fn build_log<'ctx>(
        &self,
        ctx: &Context<'ctx>,
        #[graphql(desc = "The job's id.")] job_id: ID,
        #[graphql(desc = "Begin with this line, from 1.")] from_line: Option<i64>,
        #[graphql(
            desc = "Begin with this many latest lines, at most 10,000; 2,000 where `fromLine` is not given either."
        )]
        last: Option<i32>,
    ) -> Result<impl Stream<Item = Result<LogChunk>> + use<>> {
        let services = services(ctx)?;
        let no_such_job = || bad_user_input("There is no such job. Its image spec may have been deleted.");
        let job = GlobalId::job(&job_id).ok_or_else(no_such_job)?;
        if services.store.job(job).await.map_err(store_error)?.is_none() {
            return Err(no_such_job());
        }
        let from = match (from_line.map(u64::try_from), last) {
            (Some(_), Some(_)) => return Err(bad_user_input("Give either `fromLine` or `last`, not both.")),
            (Some(Ok(line)), None) if line > 0 => From::Line(line),
            (Some(_), None) => return Err(bad_user_input("`fromLine` must be the number of a line, from 1.")),
            (None, last) => {
                let last = last.unwrap_or(DEFAULT_LINES);
                if !(0..=MOST_LINES).contains(&last) {
                    return Err(bad_user_input(format!("`last` is {last}: it must be from 0 to {MOST_LINES}.")));
                }
                From::Last(last.unsigned_abs().into())
            }
        };
        let chunks = services.logs.follow(job, from);
        Ok(chunks.map(|chunk| match chunk {
            Ok(chunk) => Ok(LogChunk {
                first_line: chunk.first_line,
                lines: chunk.lines.iter().map(|line| text(line)).collect(),
                finished: chunk.finished,
            }),
            Err(error) => Err(internal(&error)),
        }))
    }
}

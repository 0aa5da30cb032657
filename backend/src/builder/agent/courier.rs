//! The delivery that goes on beside the phases.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Assignment;
use crate::builder::log::Log;
use crate::delivery::client::{Delivered, Feed, Last, Target, deliver, is_to_stop};
use crate::delivery::protocol::Progress;

/// Sends log, progress and the last word to the server, where there is one.
pub(super) struct Courier {
    progress: watch::Sender<Option<Progress>>,
    last: watch::Sender<Option<Last>>,
    stop: watch::Sender<bool>,
    target: Option<Target>,
    task: Option<JoinHandle<io::Result<Delivered>>>,
}

impl Courier {
    /// Sets out, if the plan says where to.
    pub(super) fn start(assignment: &Assignment, log: &Log) -> io::Result<Self> {
        let (progress, last, stop) = (watch::Sender::new(None), watch::Sender::new(None), watch::Sender::new(false));
        let target = match (&assignment.plan.deliver_to, &assignment.credentials.delivery_token) {
            (Some(address), Some(token)) => Some(Target {
                address: address.clone(),
                job: assignment.plan.job_id,
                token: token.clone(),
                attempt: assignment.attempt.clone(),
                spool: assignment.folder.log(),
            }),
            (Some(_), None) => return Err(io::Error::other("the plan says where to deliver, but there is no token")),
            (None, _) => None,
        };
        let task = target.clone().map(|target| {
            let feed = Feed {
                length: log.watch(),
                progress: progress.subscribe(),
                last: last.subscribe(),
                stop: stop.clone(),
                trouble: trouble(assignment, log),
            };
            tokio::spawn(deliver(target, feed))
        });
        Ok(Self { progress, last, stop, target, task })
    }

    /// What the server is told of the job.
    pub(super) const fn progress(&self) -> &watch::Sender<Option<Progress>> {
        &self.progress
    }

    /// Becomes true when the server says that the job is to stop.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Returns when there is nothing to deliver to any more. Never where there never was.
    pub(super) async fn ended(&mut self) -> io::Result<Delivered> {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let ended = task.await;
        self.task = None;
        ended.map_err(io::Error::other)?
    }

    /// Asks the server whether somebody wants the job to stop. None where it does not say within `limit`.
    pub(super) async fn is_to_stop(&self, limit: Duration) -> io::Result<Option<bool>> {
        match &self.target {
            Some(target) => Ok(timeout(limit, is_to_stop(target)).await.ok().transpose()?.flatten()),
            None => Ok(None),
        }
    }

    /// Delivers what is left, and gives up when `given_up` is done: all is on disk, where the engine finds it.
    pub(super) async fn finish(
        &mut self,
        last: Last,
        given_up: impl Future<Output = ()>,
    ) -> io::Result<Option<Delivered>> {
        self.last.send_replace(Some(last));
        let Some(mut task) = self.task.take() else { return Ok(None) };
        tokio::select! {
            done = &mut task => Ok(Some(done.map_err(io::Error::other)??)),
            () = given_up => {
                task.abort();
                Ok(None)
            }
        }
    }
}

/// Who is told that the server takes nothing. What a container prints is its log and nothing else, so there a line of the
/// log says it, once.
fn trouble(assignment: &Assignment, log: &Log) -> Box<dyn Fn(&str) + Send + Sync> {
    if !assignment.part.is_container() {
        return Box::new(|why| eprintln!("cooperage: the server does not take the log now ({why}); trying again"));
    }
    let (log, said) = (log.clone(), AtomicBool::new(false));
    Box::new(move |why| {
        if !said.swap(true, Ordering::Relaxed) {
            log.say(&format!(
                "[cooperage] The server does not take the log now ({why}). The build goes on; trying again."
            ));
        }
    })
}

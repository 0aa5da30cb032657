//! What the kubelet still has of a builder that is gone: its log, and its last word.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::AsyncReadExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::LogParams;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

use super::cluster::{Cluster, ask, failed};
use super::pending::NODE;
use super::state::{containers, moment};
use crate::delivery::protocol::End;
use crate::engine::EngineError;

/// How long one container's log may take.
const READ: Duration = Duration::from_secs(120);

/// How long after its pod has ended a log is asked for again that the apiserver cannot get from the kubelet: which is busy
/// for the moment, or gone for good.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How much of it is read at once.
const BLOCK: usize = 64 << 10;

/// What the kubelet writes in a log's place where it has none.
const NO_LOG: [&[u8]; 2] = [b"unable to retrieve container logs for ", b"failed to try resolving symlinks in path "];

/// The logs of a pod's containers in the order in which they ran, from their beginnings: nothing is asked for by time,
/// which the API rounds. Also whether that is all that was printed.
pub(super) async fn fetch(cluster: &Cluster, pod: &Pod) -> Result<(tokio::fs::File, bool), EngineError> {
    let mut file = tokio::fs::File::from_std(tempfile::tempfile()?);
    let mut is_whole = true;
    for container in containers(pod) {
        let Some(state) = &container.state else { continue };
        if state.running.is_none() && state.terminated.is_none() {
            continue;
        }
        is_whole &= state.terminated.is_some();
        if !copy(cluster, pod, &container.name, &mut file).await? {
            // What comes after has no place where what comes before is missing.
            is_whole = false;
            break;
        }
    }
    file.flush().await?;
    file.rewind().await?;
    Ok((file, is_whole))
}

/// Whether a refusal to give a log may pass: said by the apiserver of itself, or of a kubelet that it does not reach now. All
/// else is said of the pod.
fn is_passing(code: u16, ended: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    match code {
        401 | 429 | 503 => true,
        500..=599 => ended.is_some_and(|ended| now < ended + PATIENCE),
        _ => false,
    }
}

/// Whether nothing comes any more of a log that has not come in time: its pod ended a while ago, or its node is lost. A kubelet
/// that drops packets does not even refuse.
fn is_given_up(pod: &Pod, now: DateTime<Utc>) -> bool {
    let due = pod.metadata.deletion_timestamp.as_ref().and_then(moment);
    due.is_some_and(|due| now > due + NODE) || ended(pod).is_some_and(|ended| now > ended + PATIENCE)
}

/// When the last container of a pod ended.
fn ended(pod: &Pod) -> Option<DateTime<Utc>> {
    containers(pod).filter_map(|c| moment(c.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?)).max()
}

/// Whether the kubelet has the log.
async fn copy(cluster: &Cluster, pod: &Pod, container: &str, file: &mut tokio::fs::File) -> Result<bool, EngineError> {
    let wanted = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
    let name = pod.name_any();
    let api = cluster.api::<Pod>();
    let opened = async {
        match api.log_stream(&name, &wanted).await {
            Err(kube::Error::Api(status)) if !is_passing(status.code, ended(pod), Utc::now()) => {
                tracing::warn!(pod = name, container, reason = status.message, "the kubelet has no log");
                Ok(None)
            }
            other => other.map(Some),
        }
    };
    let mut stream = match ask(opened).await {
        Ok(Some(stream)) => stream,
        Ok(None) => return Ok(false),
        Err(error @ EngineError::Unavailable(_)) if is_given_up(pod, Utc::now()) => {
            tracing::warn!(pod = name, container, %error, "the log of a pod that is over does not come");
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let mut is_first = true;
    let mut block = vec![0; BLOCK];
    let copied = async {
        loop {
            let read = stream.read(&mut block).await.map_err(|error| failed(kube::Error::ReadEvents(error)))?;
            if read == 0 {
                return Ok(true);
            }
            if std::mem::take(&mut is_first) && NO_LOG.iter().any(|text| block[..read].starts_with(text)) {
                return Ok(false);
            }
            file.write_all(&block[..read]).await?;
        }
    };
    match tokio::time::timeout(READ, copied).await {
        Ok(copied) => copied,
        Err(_) if is_given_up(pod, Utc::now()) => Ok(false),
        Err(_) => Err(EngineError::Unavailable(format!("the log of pod {name} does not come"))),
    }
}

/// The last word, from the latest container that has left one where the kubelet reads it.
pub(super) fn last_word(pod: &Pod) -> Option<End> {
    containers(pod).rev().find_map(|container| {
        let message = container.state.as_ref()?.terminated.as_ref()?.message.as_deref()?;
        serde_json::from_str(message).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_does_not_come_is_given_up_where_nothing_will_give_it() {
        let now = Utc::now();
        let at = |seconds| (now - TimeDelta::seconds(seconds)).to_rfc3339();
        let pod = |value| -> Pod { serde_json::from_value(value).unwrap() };
        let deleted = |seconds| pod(serde_json::json!({ "metadata": { "deletionTimestamp": at(seconds) } }));
        let ended = |seconds| {
            pod(serde_json::json!({ "status": { "containerStatuses": [{
                "name": "push", "image": "i", "imageID": "i", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": 0, "finishedAt": at(seconds) } } }] } }))
        };
        for (pod, is_over) in
            [(Pod::default(), false), (deleted(5), false), (deleted(300), true), (ended(5), false), (ended(300), true)]
        {
            assert_eq!(is_given_up(&pod, now), is_over, "{pod:?}");
        }
    }

    #[test]
    fn a_log_that_the_kubelet_does_not_give_now_is_asked_for_again_for_a_while() {
        let now = Utc::now();
        let (just, long_ago) = (Some(now - TimeDelta::seconds(5)), Some(now - TimeDelta::minutes(5)));
        for (code, ended, passes) in [
            (503, long_ago, true),
            (429, None, true),
            (500, just, true),
            (502, just, true),
            (500, long_ago, false),
            (500, None, false),
            (400, just, false),
            (404, just, false),
        ] {
            assert_eq!(is_passing(code, ended, now), passes, "{code} {ended:?}");
        }
    }
}

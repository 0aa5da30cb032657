//! What the kubelet still has of a builder that is gone: its log, and its last word.

use std::time::Duration;

use futures_util::AsyncReadExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::LogParams;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

use super::cluster::{Cluster, ask, failed};
use super::state::containers;
use crate::delivery::protocol::End;
use crate::engine::EngineError;

/// How long one container's log may take.
const READ: Duration = Duration::from_secs(120);

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

/// Whether the kubelet has the log.
async fn copy(cluster: &Cluster, pod: &Pod, container: &str, file: &mut tokio::fs::File) -> Result<bool, EngineError> {
    let wanted = LogParams { container: Some(container.to_owned()), ..LogParams::default() };
    let name = pod.name_any();
    let api = cluster.api::<Pod>();
    let opened = async {
        match api.log_stream(&name, &wanted).await {
            // Said by the apiserver of itself: tried again. All else is said of the pod or its node.
            Err(kube::Error::Api(status)) if !matches!(status.code, 401 | 429 | 503) => {
                tracing::warn!(pod = name, container, reason = status.message, "the kubelet has no log");
                Ok(None)
            }
            other => other.map(Some),
        }
    };
    let Some(mut stream) = ask(opened).await? else { return Ok(false) };
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

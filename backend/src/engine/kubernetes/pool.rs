//! Takes cache volumes for jobs and gives them back. A volume is taken by a change that names the version that was read:
//! of several replicas one gets it.

use std::collections::HashSet;

use chrono::Utc;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::Value;
use uuid::Uuid;

use super::cluster::{Cluster, ask, is_conflict};
use super::{names, volume};
use crate::config::KubernetesConfig;
use crate::delivery::protocol::StoreLimits;
use crate::engine::EngineError;

/// How often a volume is looked for before a job goes without.
const TRIES: usize = 5;

/// Takes a volume for a job, and gives its name; none where all are taken.
pub(super) async fn claim(
    cluster: &Cluster,
    config: &KubernetesConfig,
    job: Uuid,
    base_image: &str,
) -> Result<Option<String>, EngineError> {
    if config.cache.count == 0 {
        return Ok(None);
    }
    for _ in 0..TRIES {
        let volumes = all(cluster, config).await?;
        let now = Utc::now();
        let Some(found) = volume::choose(&volumes, job, base_image, now) else { return Ok(None) };
        if change(cluster, found, &volume::claim(found, job, base_image, now)).await? {
            return Ok(Some(found.name_any()));
        }
    }
    Ok(None)
}

/// How much store and caches may take on the volume that a job holds: less than usual on one that was made smaller than volumes
/// are made now.
pub(super) async fn limits(
    cluster: &Cluster,
    config: &KubernetesConfig,
    job: Uuid,
    usual: StoreLimits,
) -> Result<StoreLimits, EngineError> {
    let volumes = listed(cluster, config).await?;
    let held = volumes.iter().find(|found| volume::holder(found) == Some(job));
    Ok(held.map_or(usual, |found| volume::limits(found, config.cache.size_bytes, usual)))
}

/// Gives back what a job holds, whose pod has begun or has not, where that is known.
pub(super) async fn release(
    cluster: &Cluster,
    config: &KubernetesConfig,
    job: Uuid,
    has_begun: Option<bool>,
) -> Result<(), EngineError> {
    if config.cache.count == 0 {
        return Ok(());
    }
    for found in listed(cluster, config).await?.iter().filter(|found| volume::holder(found) == Some(job)) {
        // Where somebody else has changed it meanwhile it is still observed as this job's, and given back then.
        change(cluster, found, &volume::release(found, has_begun, Utc::now())).await?;
    }
    Ok(())
}

/// The whole pool; volumes that are not there are made.
async fn all(cluster: &Cluster, config: &KubernetesConfig) -> Result<Vec<PersistentVolumeClaim>, EngineError> {
    let mut volumes = listed(cluster, config).await?;
    let there: HashSet<String> = volumes.iter().map(|volume| volume.name_any()).collect();
    let wanted: HashSet<String> =
        (0..config.cache.count).map(|number| names::of_volume(&config.instance, number)).collect();
    for number in 0..config.cache.count {
        if there.contains(&names::of_volume(&config.instance, number)) {
            continue;
        }
        let made = async {
            match cluster.api().create(&PostParams::default(), &volume::volume(config, number)).await {
                // Another replica was faster: it is seen the next time.
                Err(error) if is_conflict(&error) => Ok(None),
                other => other.map(Some),
            }
        };
        match ask(made).await {
            Ok(made) => volumes.extend(made),
            // With fewer volumes, or with none, jobs run all the same.
            Err(error) => {
                tracing::warn!(number, %error, "a cache volume cannot be made");
                break;
            }
        }
    }
    // A pool that was made smaller: what is beyond it is the administrator's to delete.
    volumes.retain(|volume| wanted.contains(&volume.name_any()));
    Ok(volumes)
}

async fn listed(cluster: &Cluster, config: &KubernetesConfig) -> Result<Vec<PersistentVolumeClaim>, EngineError> {
    let selected = ListParams::default().labels(&names::selector_of_volumes(&config.instance));
    Ok(ask(cluster.api::<PersistentVolumeClaim>().list(&selected)).await?.items)
}

/// Whether the change was made, and not refused because somebody else was faster.
async fn change(cluster: &Cluster, volume: &PersistentVolumeClaim, change: &Value) -> Result<bool, EngineError> {
    let api = cluster.api::<PersistentVolumeClaim>();
    let changed = async {
        match api.patch(&volume.name_any(), &PatchParams::default(), &Patch::Merge(change)).await {
            Err(error) if is_conflict(&error) => Ok(false),
            other => other.map(|_| true),
        }
    };
    ask(changed).await
}

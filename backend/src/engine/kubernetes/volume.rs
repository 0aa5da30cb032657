//! The cache volumes: which of them a job gets.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, Pod, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{names, state};
use crate::config::{KubernetesConfig, bytes_of};
use crate::delivery::protocol::StoreLimits;

/// The annotation that says which job holds a volume.
const HOLDER: &str = names::JOB;
/// The annotation that says which base image was built on last.
const BASE_IMAGE: &str = "cooperage.io/base-image";
/// The annotation that says when it was last taken or given back.
const LAST_USED: &str = "cooperage.io/last-used";

/// The annotation of a volume whose last pod never began. It may be the volume's fault: one that no node can mount.
const NEVER_BEGAN: &str = "cooperage.io/never-began";

/// How long a pod may take to begin before its volume is doubted: nodes attach volumes, and pull images.
const MOUNTED: TimeDelta = TimeDelta::seconds(30);

/// How long a volume is left alone whose last pod never began.
const SUSPECT: TimeDelta = TimeDelta::hours(1);

/// A volume of the pool that is not there yet.
pub(super) fn volume(config: &KubernetesConfig, number: u16) -> PersistentVolumeClaim {
    let size = BTreeMap::from([("storage".to_owned(), Quantity(config.cache.size.clone()))]);
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(names::of_volume(&config.instance, number)),
            labels: Some(names::volume_labels(&config.instance)),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: config.cache.storage_class.clone(),
            resources: Some(VolumeResourceRequirements { requests: Some(size), limits: None }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// The job that holds a volume. An annotation that names none holds nothing.
pub(super) fn holder(volume: &PersistentVolumeClaim) -> Option<Uuid> {
    Uuid::try_parse(annotation(volume, HOLDER)?).ok()
}

fn annotation<'a>(volume: &'a PersistentVolumeClaim, name: &str) -> Option<&'a str> {
    volume.metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// The volume that suits a job best: the one that it holds already; else, of the free ones, one that last carried this base
/// image, or the one unused for longest. One whose last pod never began is left out for a while: it would keep the next from
/// beginning, too, and an empty store does not.
pub(super) fn choose<'a>(
    volumes: &'a [PersistentVolumeClaim],
    job: Uuid,
    base_image: &str,
    now: DateTime<Utc>,
) -> Option<&'a PersistentVolumeClaim> {
    let may_be_had = |volume: &PersistentVolumeClaim| {
        let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
        let is_usable = volume.metadata.deletion_timestamp.is_none() && phase != Some("Lost");
        let is_suspect =
            annotation(volume, NEVER_BEGAN).is_some() && last_used(volume).is_none_or(|at| now - at < SUSPECT);
        is_usable && holder(volume).map_or(!is_suspect, |holder| holder == job)
    };
    volumes.iter().filter(|volume| may_be_had(volume)).min_by_key(|volume| {
        let is_other = annotation(volume, BASE_IMAGE) != Some(base_image);
        let age = last_used(volume).map_or(i64::MIN, |time| time.timestamp_millis());
        // Of those of this base the latest used is the warmest; of others the one unused for longest is missed least.
        let age = if is_other { age } else { age.saturating_neg() };
        (holder(volume) != Some(job), is_other, age, volume.metadata.name.clone())
    })
}

fn last_used(volume: &PersistentVolumeClaim) -> Option<DateTime<Utc>> {
    annotation(volume, LAST_USED)?.parse().ok()
}

/// The change that takes a volume for a job; refused where somebody else was faster.
pub(super) fn claim(volume: &PersistentVolumeClaim, job: Uuid, base_image: &str, now: DateTime<Utc>) -> Value {
    let annotations = json!({ HOLDER: job.simple().to_string(), BASE_IMAGE: base_image, LAST_USED: now.to_rfc3339() });
    change(volume, &annotations)
}

/// What store and caches may take on a volume, where `usual` is for one of `size` bytes.
pub(super) fn limits(volume: &PersistentVolumeClaim, size: u64, usual: StoreLimits) -> StoreLimits {
    let capacity = volume.status.as_ref().and_then(|status| status.capacity.as_ref()?.get("storage"));
    let Some(capacity) = capacity.map(|capacity| bytes_of(&capacity.0)).filter(|capacity| *capacity < size) else {
        return usual;
    };
    let part = |bytes: u64| u64::try_from(u128::from(bytes) * u128::from(capacity) / u128::from(size)).unwrap_or(bytes);
    StoreLimits { store_bytes: part(usual.store_bytes), cache_bytes: part(usual.cache_bytes) }
}

/// Whether pods with a volume began: what that tells of the volume. None where they tell nothing, for they were gone too soon.
pub(super) fn has_begun<'a>(pods: impl Iterator<Item = &'a Pod>, now: DateTime<Utc>) -> Option<bool> {
    let mut waited = false;
    for pod in pods {
        if state::has_begun(pod) {
            return Some(true);
        }
        waited |= pod.metadata.creation_timestamp.as_ref().and_then(state::moment).is_some_and(|at| now - at > MOUNTED);
    }
    waited.then_some(false)
}

/// The change that gives a volume back, and notes whether its pod began, where that is known.
pub(super) fn release(volume: &PersistentVolumeClaim, has_begun: Option<bool>, now: DateTime<Utc>) -> Value {
    let mut annotations = json!({ HOLDER: null, LAST_USED: now.to_rfc3339() });
    if let Some(has_begun) = has_begun {
        annotations[NEVER_BEGAN] = (!has_begun).then_some("true").into();
    }
    change(volume, &annotations)
}

fn change(volume: &PersistentVolumeClaim, annotations: &Value) -> Value {
    json!({ "metadata": { "resourceVersion": volume.metadata.resource_version, "annotations": annotations } })
}

//! The cache volumes: which of them a job gets.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::names;
use crate::config::KubernetesConfig;

/// The annotation that says which job holds a volume.
const HOLDER: &str = names::JOB;
/// The annotation that says which base image was built on last.
const BASE_IMAGE: &str = "cooperage.io/base-image";
/// The annotation that says when it was last taken or given back.
const LAST_USED: &str = "cooperage.io/last-used";

/// The annotation of a volume whose last pod never began. It may be the volume's fault: one that no node can mount.
const NEVER_BEGAN: &str = "cooperage.io/never-began";

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
/// image, or the one unused for longest. One whose last pod never began comes after all others: it would keep the next from
/// beginning, too.
pub(super) fn choose<'a>(
    volumes: &'a [PersistentVolumeClaim],
    job: Uuid,
    base_image: &str,
) -> Option<&'a PersistentVolumeClaim> {
    let may_be_had = |volume: &PersistentVolumeClaim| {
        let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
        let is_usable = volume.metadata.deletion_timestamp.is_none() && phase != Some("Lost");
        is_usable && holder(volume).is_none_or(|holder| holder == job)
    };
    volumes.iter().filter(|volume| may_be_had(volume)).min_by_key(|volume| {
        let is_other = annotation(volume, BASE_IMAGE) != Some(base_image);
        let age = last_used(volume).map_or(i64::MIN, |time| time.timestamp_millis());
        // Of those of this base the latest used is the warmest; of others the one unused for longest is missed least.
        let age = if is_other { age } else { age.saturating_neg() };
        let is_suspect = annotation(volume, NEVER_BEGAN).is_some();
        (holder(volume) != Some(job), is_suspect, is_other, age, volume.metadata.name.clone())
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

/// The change that gives a volume back, whose pod has begun or has not.
pub(super) fn release(volume: &PersistentVolumeClaim, has_begun: bool, now: DateTime<Utc>) -> Value {
    let never_began = (!has_begun).then_some("true");
    change(volume, &json!({ HOLDER: null, LAST_USED: now.to_rfc3339(), NEVER_BEGAN: never_began }))
}

fn change(volume: &PersistentVolumeClaim, annotations: &Value) -> Value {
    json!({ "metadata": { "resourceVersion": volume.metadata.resource_version, "annotations": annotations } })
}

//! The engine `kubernetes`: every job is a `batch/v1` Job.
//!
//! What must stay true:
//! - A Job is made suspended, then its Secret, then it is let go: what ends in between is found as unstarted.
//! - A view that may be stale never decides that a job is gone: the cluster is asked again before anything is concluded.
//! - A volume of the pool is held by one job at a time, and a job that holds one is observed, whatever else of it is gone.

mod cache;
mod cluster;
mod ended;
mod job;
mod logs;
mod names;
mod pending;
mod places;
mod pod;
mod pool;
mod refusals;
mod secret;
mod state;
mod stop;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use cooperage_shared::{Failure, FailureCode};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use self::cache::Cache;
use self::cluster::{Cluster, ask, find, is_conflict};
use self::refusals::Refusals;
use self::state::{Seen, has_begun, judge, newest};
use super::{Engine, EngineError, EngineState, Observed, Salvage};
use crate::config::KubernetesConfig;
use crate::delivery::protocol::{BuildPlan, Credentials};

/// How long an apiserver that has just started may deny what is allowed, for want of the roles.
const SETTLING: Duration = Duration::from_secs(20);

/// Runs jobs as Jobs of a cluster.
pub struct KubernetesEngine {
    cluster: Cluster,
    config: KubernetesConfig,
    jobs: Cache<Job>,
    pods: Cache<Pod>,
    volumes: Option<Cache<PersistentVolumeClaim>>,
    refusals: Refusals,
    changed: Arc<Notify>,
}

/// Where a plan's folders and programs are inside a builder's pod.
#[derive(Clone, Debug)]
pub struct PodPlaces {
    /// The image store.
    pub store: PathBuf,
    /// The store's run-time state.
    pub run: PathBuf,
    /// The package caches.
    pub cache: PathBuf,
    /// The uv program.
    pub uv: PathBuf,
    /// The administrator's certificates, where there are any.
    pub ca_bundle: Option<PathBuf>,
}

impl PodPlaces {
    /// The places in the pods that `config` makes.
    #[must_use]
    pub fn of(config: &KubernetesConfig) -> Self {
        let path = |folder: &str, name: &str| PathBuf::from(folder).join(name);
        Self {
            store: path(places::CACHE, "store"),
            run: path(places::WORK, "run"),
            cache: path(places::CACHE, "cache"),
            uv: PathBuf::from("/usr/local/bin/uv"),
            ca_bundle: config.ca_config_map.as_ref().map(|_| path(places::CA, places::CA_FILE)),
        }
    }
}

impl KubernetesEngine {
    /// An engine in the cluster that the kubeconfig names, else in the one that this program runs in. It begins to watch;
    /// the cluster need not answer yet.
    ///
    /// # Errors
    /// When no cluster is named.
    pub async fn connect(config: KubernetesConfig) -> Result<Self, EngineError> {
        let cluster = Cluster::connect(&config).await?;
        let changed = Arc::new(Notify::new());
        let selector = names::selector(&config.instance);
        tracing::info!(namespace = cluster.namespace(), instance = config.instance, "builds run on Kubernetes");
        let of_volumes = names::selector_of_volumes(&config.instance);
        Ok(Self {
            volumes: (config.cache.count > 0).then(|| Cache::watch(cluster.api(), of_volumes, Arc::clone(&changed))),
            jobs: Cache::watch(cluster.api(), selector.clone(), Arc::clone(&changed)),
            pods: Cache::watch(cluster.api(), selector, Arc::clone(&changed)),
            refusals: Refusals::default(),
            cluster,
            config,
            changed,
        })
    }

    /// The Job of a build: made, suspended and with a Secret yet to come, or found from an earlier try.
    async fn made(&self, plan: &BuildPlan) -> Result<Job, EngineError> {
        let (api, name) = (self.cluster.api::<Job>(), names::of_job(plan.job_id));
        if let Some(found) = find(api.get(&name)).await? {
            if found.metadata.deletion_timestamp.is_none() {
                return Ok(found);
            }
            // It is being deleted: nothing of it is wanted.
            stop::stop(&self.cluster, plan.job_id).await?;
            stop::remove(&self.cluster, plan.job_id).await?;
        }
        let base = plan.base_image.canonical();
        let claim = pool::claim(&self.cluster, &self.config, plan.job_id, &base).await?;
        let job = job::job(&self.config, plan, claim.as_deref());
        let made = async {
            match api.create(&PostParams::default(), &job).await {
                Err(error) if is_conflict(&error) => api.get(&name).await,
                other => other,
            }
        };
        ask(made).await
    }

    async fn try_start(&self, plan: &BuildPlan, credentials: &Credentials) -> Result<(), EngineError> {
        let job = self.made(plan).await?;
        if job.spec.as_ref().and_then(|spec| spec.suspend) != Some(true) {
            // An earlier try came this far and did not hear of it, or another server was faster.
            self.jobs.note(job);
            return Ok(());
        }
        // Only a volume that is kept has to be kept small.
        let limits = match plan.limits.filter(|_| job::has_volume(&job)) {
            Some(limits) => Some(pool::limits(&self.cluster, &self.config, plan.job_id, limits).await?),
            None => None,
        };
        let plan = &BuildPlan { limits, ..plan.clone() };
        let uid = job.uid().ok_or_else(|| EngineError::Other("the cluster gave a Job without uid".to_owned()))?;
        let secret = secret::secret(&self.config.instance, plan, credentials, &uid)
            .map_err(|error| EngineError::Other(error.to_string()))?;
        let name = job.name_any();
        self.write(&secret).await?;
        let go = Patch::Merge(json!({ "metadata": { "uid": uid }, "spec": { "suspend": false } }));
        let job = ask(self.cluster.api::<Job>().patch(&name, &PatchParams::default(), &go)).await?;
        self.jobs.note(job);
        Ok(())
    }

    /// Writes a Secret in place of what there is. An existing one is not changed but removed: the answer to a change would hold
    /// it, and so the right to change Secrets is one to read them.
    async fn write(&self, secret: &Secret) -> Result<(), EngineError> {
        let api = self.cluster.api::<Secret>();
        let create = || async {
            match api.create(&PostParams::default(), secret).await {
                Err(error) if is_conflict(&error) => Ok(false),
                other => other.map(|_| true),
            }
        };
        if ask(create()).await? {
            return Ok(());
        }
        find(api.delete(&secret.name_any(), &DeleteParams::default())).await?;
        match ask(create()).await? {
            true => Ok(()),
            false => Err(EngineError::Unavailable("the Secret of an earlier try does not go".to_owned())),
        }
    }

    /// The jobs that hold a volume.
    async fn holders(&self) -> Result<Vec<Uuid>, EngineError> {
        let Some(volumes) = &self.volumes else { return Ok(Vec::new()) };
        Ok(volumes.all().await?.iter().filter_map(|volume| volume::holder(volume)).collect())
    }

    fn patience(&self) -> TimeDelta {
        TimeDelta::from_std(self.config.pending_deadline).unwrap_or(TimeDelta::MAX)
    }

    fn judge(&self, id: Uuid, job: Option<&Job>, pods: &[Arc<Pod>]) -> (EngineState, Option<Failure>) {
        let refusal = job.filter(|_| pods.is_empty()).and_then(|job| self.refusals.of(job));
        let had_pod = refusal.is_some() && !self.deleted_pods(id).is_empty();
        judge(&Seen { job, pods, had_pod, refusal: refusal.as_ref(), patience: self.patience(), now: Utc::now() })
    }

    /// The last states of a job's pods that were deleted a short while ago.
    fn deleted_pods(&self, id: Uuid) -> Vec<Arc<Pod>> {
        self.pods.deleted().into_iter().filter(|pod| names::job_of(&pod.metadata) == Some(id)).collect()
    }
}

#[async_trait]
impl Engine for KubernetesEngine {
    async fn start(&self, plan: &BuildPlan, credentials: &Credentials) -> Result<(), EngineError> {
        let began = Instant::now();
        loop {
            match self.try_start(plan, credentials).await {
                Err(EngineError::Denied(_)) if began.elapsed() < SETTLING => {
                    tokio::time::sleep(Duration::from_secs(1)).await
                }
                done => return done,
            }
        }
    }

    async fn stop(&self, job: Uuid) -> Result<(), EngineError> {
        stop::stop(&self.cluster, job).await
    }

    async fn observe(&self) -> Result<Vec<Observed>, EngineError> {
        let (jobs, pods) = (self.jobs.all().await?, self.pods.all().await?);
        let mut by_job: HashMap<Uuid, (Option<Arc<Job>>, Vec<Arc<Pod>>)> = HashMap::new();
        for job in jobs {
            if let Some(id) = names::job_of(&job.metadata) {
                by_job.entry(id).or_default().0 = Some(job);
            }
        }
        for pod in pods {
            if let Some(id) = names::job_of(&pod.metadata) {
                by_job.entry(id).or_default().1.push(pod);
            }
        }
        // A volume that a job still holds is all that is left of it where others deleted Job and pod, or all that there is yet.
        for holder in self.holders().await? {
            by_job.entry(holder).or_default();
        }
        let podless = by_job.values().filter(|(_, pods)| pods.is_empty()).filter_map(|(job, _)| job.as_deref());
        self.refusals.look(&self.cluster, podless).await?;
        let state = |(job, (object, pods)): (Uuid, (Option<Arc<Job>>, Vec<Arc<Pod>>))| Observed {
            job,
            state: match (&object, pods.as_slice()) {
                (None, []) => EngineState::Unstarted,
                (object, pods) => self.judge(job, object.as_deref(), pods).0,
            },
        };
        Ok(by_job.into_iter().map(state).collect())
    }

    async fn salvage(&self, job: Uuid) -> Result<Salvage, EngineError> {
        let object = find(self.cluster.api::<Job>().get(&names::of_job(job))).await?;
        let selected = ListParams::default().labels(&names::selector_of_job(job));
        let pods = ask(self.cluster.api::<Pod>().list(&selected)).await?.items;
        let pods: Vec<Arc<Pod>> = pods.into_iter().map(Arc::new).collect();
        let (state, mut verdict) = self.judge(job, object.as_ref(), &pods);
        if state == EngineState::Running {
            return Err(EngineError::Unavailable(format!("job {job} runs after all")));
        }
        let Some(pod) = newest(&pods) else {
            // Its logs went with it; what the kubelet last said of it did not, if it was seen here.
            let deleted = self.deleted_pods(job);
            let last = newest(&deleted);
            let code = verdict.as_ref().map(|verdict| verdict.code);
            // A pod tells more than its absence does.
            if code == Some(FailureCode::Lost) {
                verdict = last.and_then(ended::verdict).or(verdict);
            }
            return Ok(Salvage {
                attempt: last.filter(|pod| has_begun(pod)).and_then(Pod::uid),
                end: last.and_then(logs::last_word),
                log_is_whole: state == EngineState::Unstarted || code == Some(FailureCode::NotStarted),
                verdict,
                ..Salvage::default()
            });
        };
        if let Some(failure) = &mut verdict
            && !has_begun(pod)
        {
            failure.message.push_str(&refusals::detail(&self.cluster, pod).await?);
        }
        let (log, log_is_whole) = logs::fetch(&self.cluster, pod).await?;
        let end = logs::last_word(pod);
        Ok(Salvage {
            attempt: pod.uid().filter(|_| has_begun(pod)),
            log: Some(log),
            log_is_whole,
            end,
            verdict,
            stderr_tail: String::new(),
        })
    }

    async fn clear(&self, job: Uuid) -> Result<(), EngineError> {
        let name = names::of_job(job);
        let selected = ListParams::default().labels(&names::selector_of_job(job));
        let listed = ask(self.cluster.api::<Pod>().list(&selected)).await?.items;
        // Ended by us, they may be gone by now.
        let seen = [self.pods.all().await?, self.deleted_pods(job)].concat();
        let seen = seen.iter().map(AsRef::as_ref).filter(|pod| names::job_of(&pod.metadata) == Some(job));
        let has_begun = volume::has_begun(listed.iter().chain(seen), Utc::now());
        find(self.cluster.api::<Job>().delete(&name, &DeleteParams::background())).await?;
        // It would go with its Job, sooner or later: but it holds credentials.
        find(self.cluster.api::<Secret>().delete(&name, &DeleteParams::default())).await?;
        pool::release(&self.cluster, &self.config, job, has_begun).await
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }

    fn is_shared(&self) -> bool {
        true
    }
}

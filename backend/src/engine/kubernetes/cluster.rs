//! The connection to the cluster: one namespace, bounded waits, and errors told apart by whether to try again.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource};

use crate::config::KubernetesConfig;
use crate::engine::EngineError;
use crate::error_chain::one_line;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(10);

/// How long a connection may be silent: watches are ended by the server sooner than that.
const SILENCE: Duration = Duration::from_secs(90);

/// A namespace of a cluster.
#[derive(Clone)]
pub(super) struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    /// The cluster that the kubeconfig names, else the one that this program runs in.
    pub(super) async fn connect(config: &KubernetesConfig) -> Result<Self, EngineError> {
        let mut settings = Config::infer().await.map_err(|error| {
            EngineError::Other(format!(
                "no Kubernetes cluster is named by KUBECONFIG or by the server's own pod: {error}"
            ))
        })?;
        settings.read_timeout = Some(SILENCE);
        let namespace = config.namespace.clone().unwrap_or_else(|| settings.default_namespace.clone());
        let client = Client::try_from(settings).map_err(failed)?;
        Ok(Self { client, namespace })
    }

    /// The namespace of builders.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The objects of one kind.
    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// What a request gives, if it is answered in time.
pub(super) async fn ask<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, EngineError> {
    match tokio::time::timeout(REQUEST, request).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(EngineError::Unavailable(format!("Kubernetes did not answer within {} s", REQUEST.as_secs()))),
    }
}

/// The same, where an object that is not there is an answer too.
pub(super) async fn find<T>(request: impl Future<Output = kube::Result<T>>) -> Result<Option<T>, EngineError> {
    let answered = async {
        match request.await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            other => other.map(Some),
        }
    };
    ask(answered).await
}

/// Whether an object of this name is there already, or has been changed by somebody else.
pub(super) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// What the apiserver says of itself will pass; what it says of the request will not.
pub(super) fn failed(error: kube::Error) -> EngineError {
    match error {
        kube::Error::Api(status) => {
            let text = format!("Kubernetes refuses it: {} ({})", status.message, status.reason);
            let is_passing = matches!(status.code, 401 | 408 | 409 | 410 | 429 | 500..=599)
                || status.message.contains("exceeded quota")
                || status.message.contains("RBAC: ");
            match status.code {
                _ if is_passing => EngineError::Unavailable(text),
                403 if status.message.contains(" cannot ") => EngineError::Denied(text),
                _ => EngineError::Other(text),
            }
        }
        other => EngineError::Unavailable(format!("Kubernetes does not answer: {}", one_line(&other))),
    }
}

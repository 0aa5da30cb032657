//! Where things are inside a builder's pod.

/// What the three containers share: the job's folder, the store's run-time state, HOME and TMPDIR.
pub(super) const WORK: &str = "/cooperage/work";

/// The image store and the package caches: a volume of the pool, or an empty one.
pub(super) const CACHE: &str = "/cooperage/cache";

/// The folder of the plan.
pub(super) const PLAN: &str = "/cooperage/plan";

/// The folder of the one container's credentials.
pub(super) const CREDENTIALS: &str = "/cooperage/credentials";

/// The folder of the administrator's certificates.
pub(super) const CA: &str = "/cooperage/ca";

/// The certificates' key in their ConfigMap, and so their file's name.
pub(super) const CA_FILE: &str = "ca.crt";

/// The plan's key in the Secret, and its file's name.
pub(super) const PLAN_FILE: &str = "plan.json.gz";

/// The credentials' file name in every container.
pub(super) const CREDENTIALS_FILE: &str = "credentials.json";

/// Where the builder leaves its last word for the kubelet.
pub(super) const LAST_WORD: &str = "/dev/termination-log";

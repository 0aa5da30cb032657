//! The addresses of pages.

/// The list of image specs.
pub const IMAGE_SPECS: &str = "/image-specs";
/// The form for a new one.
pub const NEW_IMAGE_SPEC: &str = "/image-specs/new";
/// The catalogue of base images.
pub const BASE_IMAGES: &str = "/base-images";
/// The pull secrets.
pub const PULL_SECRETS: &str = "/pull-secrets";
/// Signing in, for whoever was sent there from elsewhere.
pub const SIGN_IN: &str = "/sign-in";
/// How to set up the push registry.
pub const REGISTRY_HELP: &str = "/help/push-registry";

/// The Info tab of a spec.
pub fn info(name: &str) -> String {
    let page = format!("{IMAGE_SPECS}/{name}");
    // A spec may be called "new".
    if page == NEW_IMAGE_SPEC { format!("{page}/info") } else { page }
}

/// The Jobs tab of a spec.
pub fn jobs(name: &str) -> String {
    format!("{IMAGE_SPECS}/{name}/jobs")
}

/// The page of a job.
pub fn job(spec: &str, id: &str) -> String {
    format!("{IMAGE_SPECS}/{spec}/jobs/{id}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_spec_called_new_has_its_own_page() {
        assert_eq!(super::info("web-1.0"), "/image-specs/web-1.0");
        assert_eq!(super::info("new"), "/image-specs/new/info");
    }
}

//! What the server thinks of a spec before it is kept.

use async_graphql::{Object, Result, SimpleObject};
use cooperage_shared as shared;

use super::image_spec::ImageSpecInput;
use super::problem::Problem;

/// What the server thinks of a spec: its problems, or what would be built.
#[derive(SimpleObject, Clone, Debug)]
pub struct Preview {
    /// Everything that breaks a rule of grammar, in the order of the form. Empty: the spec can be kept.
    pub problems: Vec<Problem>,
    /// The Dockerfile that would be built, each requirement verbatim as one word; null where there are problems.
    pub dockerfile: Option<String>,
    /// The revision that this content has, 64 hexadecimal digits; null where there are problems.
    pub revision: Option<String>,
}

/// Queries about specs that are not kept.
#[derive(Default)]
pub struct PreviewQuery;

#[Object]
impl PreviewQuery {
    /// Judges a spec without keeping anything: every problem of every line, or the Dockerfile and the revision. It looks
    /// at grammar only, not at whether the name is free or a package exists.
    #[graphql(complexity = 20)]
    async fn preview_image_spec(
        &self,
        #[graphql(desc = "The spec as it stands in the form. A list takes 1,000 requirements.")] input: ImageSpecInput,
    ) -> Result<Preview> {
        // A thousand lines of grammar take milliseconds of computation: not on a thread that answers others.
        tokio::task::spawn_blocking(move || preview(input)).await.map_err(|error| super::problem::internal(&error))
    }
}

fn preview(input: ImageSpecInput) -> Preview {
    match shared::parse_spec(&input.into()) {
        Ok((_, content)) => Preview {
            problems: Vec::new(),
            dockerfile: Some(content.dockerfile()),
            revision: Some(content.revision().to_string()),
        },
        Err(problems) => {
            Preview { problems: problems.into_iter().map(Problem::from).collect(), dockerfile: None, revision: None }
        }
    }
}

//! What a job builds, read-only.

use leptos::prelude::*;

use super::graphql::Job;
use crate::ui::{Copyable, Disclosure};

/// The revision's content: base image, pull secret, requirements, Dockerfile.
#[component]
pub(super) fn SpecView(
    /// The job.
    job: Job,
) -> impl IntoView {
    let lists = [
        ("APT packages", job.packages.apt),
        ("Conda packages", job.packages.conda),
        ("Pip packages", job.packages.pip),
    ];
    view! {
        <section class="card" aria-labelledby="spec-title">
            <h2 id="spec-title" class="card-title">"Image spec of this job"</h2>
            <dl class="facts">
                <dt>"Base image"</dt>
                <dd><Copyable text=job.base_image what="base image" /></dd>
                {job.base_image_digest.map(|digest| view! { <dt>"Base digest"</dt><dd><Copyable text=digest what="base digest" /></dd> })}
                <dt>"Pull secret"</dt>
                <dd>{job.pull_secret.unwrap_or_else(|| "none".to_owned())}</dd>
                {lists
                    .into_iter()
                    .map(|(label, lines)| {
                        view! {
                            <dt>{label}</dt>
                            <dd>
                                {if lines.iter().all(|line| line.trim().is_empty()) {
                                    view! { <span class="muted">"none"</span> }.into_any()
                                } else {
                                    view! { <pre class="code-block" tabindex="0" aria-label=label>{lines.join("\n")}</pre> }.into_any()
                                }}
                            </dd>
                        }
                    })
                    .collect_view()}
            </dl>
            {job
                .dockerfile
                .map(|dockerfile| {
                    view! {
                        <Disclosure summary="Dockerfile">
                            <pre class="code-block" tabindex="0" aria-label="Dockerfile">{dockerfile}</pre>
                        </Disclosure>
                    }
                })}
        </section>
    }
}

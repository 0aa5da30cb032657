//! The page of a job: what came of it, what it builds, its log.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;

use super::cancel::CancelDialog;
use super::failure::FailureBox;
use super::graphql::{Job, job};
use super::rebuild::RebuildButton;
use super::spec_view::SpecView;
use super::status::{StatusBadge, status_text};
use crate::api::JobStatus;
use crate::live::{Query, on_job_change};
use crate::log_viewer::LogViewer;
use crate::routes;
use crate::ui::{Boundary, Copyable, EmptyState, PageHeading, RelativeTime, duration_text, size_text};

/// The page of the job that the address names.
#[component]
pub fn JobPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")).unwrap_or_default());
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    // Another job is another page: nothing of the one before stays.
    move || view! { <OneJob id=id.get() name=name.get() /> }
}

#[component]
fn OneJob(id: String, name: String) -> impl IntoView {
    let id = StoredValue::new(id);
    let query = Query::new(move || job(id.get_value()));
    on_job_change(move |changed| {
        // A job that waits moves up when another one changes.
        let concerns = changed.is_none_or(|changed| id.with_value(|id| changed.id.inner() == id));
        let waits = query.with_untracked(|job| matches!(job, Some(Some(job)) if job.state.status == JobStatus::Queued));
        if concerns || waits {
            query.refresh_soon();
        }
    });
    let found = Memo::new(move |_| query.get().flatten());
    let exists = Memo::new(move |_| found.with(Option::is_some));
    let missing = Memo::new(move |_| query.answered() && !exists.get());
    let part = move |read: fn(&Job) -> String| {
        Memo::new(move |_| found.with(|job| job.as_ref().map(read)).unwrap_or_default())
    };

    let number = Memo::new(move |_| found.with(|job| job.as_ref().map_or(0, |job| job.number)));
    let state = Memo::new(move |_| found.with(|job| job.as_ref().map(|job| job.state.clone())));
    let can_cancel =
        Memo::new(move |_| state.with(|state| state.as_ref().is_some_and(|state| !state.status.is_terminal())));
    let failure = Memo::new(move |_| found.with(|job| job.as_ref().and_then(|job| job.failure.clone())));
    let log_url = part(|job| job.log_url.clone());
    let revision_name = part(|job| job.revision_name.clone());
    // What the job builds never changes, but for what is found out while it runs.
    let content = Memo::new(move |_| {
        found.with(|job| job.as_ref().map(|job| (job.base_image_digest.clone(), job.dockerfile.is_some())))
    });
    let cancelling = RwSignal::new(false);
    let target =
        Signal::derive(move || found.with(|job| job.as_ref().map(|job| (job.id.inner().to_owned(), job.number))));
    let spec = StoredValue::new(name);
    let heading = move || match number.get() {
        0 => spec.with_value(|spec| format!("Job of {spec}")),
        number => spec.with_value(|spec| format!("Job {number} of {spec}")),
    };
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <A href=routes::IMAGE_SPECS>"Image specs"</A>
            <span aria-hidden="true">" / "</span>
            <A href=spec.with_value(|spec| routes::info(spec))>{spec.get_value()}</A>
            <span aria-hidden="true">" / "</span>
            <A href=spec.with_value(|spec| routes::jobs(spec))>"Jobs"</A>
        </nav>
        <div class="page-head">
            <PageHeading text=Signal::derive(heading) />
            <Show when=move || exists.get()>
                <StatusBadge state=state />
                <div class="page-actions">
                    <Show when=move || can_cancel.get()>
                        <button type="button" class="button danger-quiet" on:click=move |_| cancelling.set(true)>"Cancel job"</button>
                    </Show>
                    <RebuildButton name=Signal::derive(move || spec.get_value()) />
                </div>
            </Show>
        </div>
        <p class="visually-hidden" role="status">
            {move || state.with(|state| state.as_ref().map(|state| format!("Status: {}", status_text(state))))}
        </p>
        <Boundary query=query>
            <Show when=move || exists.get()>
                {move || failure.get().map(|failure| view! { <FailureBox failure=failure /> })}
                <Outcome found=found />
                <LogViewer job=id.get_value() url=log_url.get_untracked() file=revision_name.get_untracked() />
                {move || {
                    content.track();
                    found.get_untracked().map(|job| view! { <SpecView job=job /> })
                }}
            </Show>
            <Show when=move || missing.get()>
                <EmptyState title="There is no such job.">
                    "It may have been deleted with its image spec. " <A href=routes::IMAGE_SPECS>"Go to the image specs"</A>
                </EmptyState>
            </Show>
        </Boundary>
        <CancelDialog open=cancelling job=target />
    }
}

/// Image, times and size.
#[component]
fn Outcome(found: Memo<Option<Job>>) -> impl IntoView {
    let image = Memo::new(move |_| {
        found.with(|job| job.as_ref().and_then(|job| Some((job.image.clone()?, job.digest.clone(), job.size_bytes))))
    });
    let reused = Memo::new(move |_| found.with(|job| job.as_ref().and_then(|job| job.reused_from.clone())));
    let revision =
        Memo::new(move |_| found.with(|job| job.as_ref().map(|job| job.revision_name.clone())).unwrap_or_default());
    let created = Signal::derive(move || found.with(|job| job.as_ref().map(|job| job.created_at.clone())));
    let duration = Memo::new(move |_| {
        found.with(|job| {
            job.as_ref().map_or_else(String::new, |job| {
                if job.state.status.is_terminal() && job.finished_at.is_none() {
                    return String::new();
                }
                duration_text(job.started_at.as_ref(), job.finished_at.as_ref())
            })
        })
    });
    view! {
        <section class="card" aria-label="Result">
            <dl class="facts">
                {move || {
                    image
                        .get()
                        .map(|(image, digest, size)| {
                            let pull = match (&digest, image.rsplit_once(':')) {
                                (Some(digest), Some((repository, tag))) if !tag.contains('/') => format!("{repository}@{digest}"),
                                _ => image.clone(),
                            };
                            view! {
                                <dt>"Image"</dt>
                                <dd><Copyable text=image what="image" /></dd>
                                {digest.map(|digest| view! { <dt>"Digest"</dt><dd><Copyable text=digest what="digest" /></dd> })}
                                <dt>"Pull it"</dt>
                                <dd><Copyable text=format!("docker pull {pull}") what="pull command" /></dd>
                                {size.map(|size| view! { <dt>"Size"</dt><dd>{size_text(size)}</dd> })}
                            }
                        })
                }}
                {move || {
                    reused
                        .get()
                        .map(|job| {
                            let link = routes::job(&job.image_spec.name, job.id.inner());
                            view! {
                                <dt>"Reused"</dt>
                                <dd>
                                    "The same revision on the same base had been built before: the image of "
                                    <A href=link>{format!("job {} of {}", job.number, job.image_spec.name)}</A>
                                    " was reused. Rebuild to build afresh."
                                </dd>
                            }
                        })
                }}
                <dt>"Revision"</dt>
                <dd><code>{revision}</code></dd>
                <dt>"Created"</dt>
                <dd><RelativeTime at=created /></dd>
                {move || {
                    let duration = duration.get();
                    (!duration.is_empty()).then(|| view! { <dt>"Duration"</dt><dd>{duration}</dd> })
                }}
            </dl>
        </section>
    }
}

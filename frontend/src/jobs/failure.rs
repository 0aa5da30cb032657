//! Why a job failed, on top of its page.

use leptos::prelude::*;

use super::graphql::Failure;
use crate::ui::{Icon, message};

/// The sentence, the requirement at fault, the log line that shows it.
#[component]
pub(super) fn FailureBox(
    /// The failure.
    failure: Failure,
) -> impl IntoView {
    let code = failure.code.as_str().to_owned();
    let list = failure.field.as_deref().map(|field| match field {
        "packages.apt" => "APT packages",
        "packages.conda" => "Conda packages",
        "packages.pip" => "Pip packages",
        "baseImage" => "Base image",
        "pullSecret" => "Pull secret",
        _ => "Image spec",
    });
    view! {
        <section class="notice danger" aria-label="Why the job failed">
            <Icon name="alert" />
            <div class="notice-body">
                <p class="notice-title">{message(&failure.message)}</p>
                <dl class="facts inline">
                    <dt>"Reason"</dt>
                    <dd><code>{code}</code></dd>
                    {failure
                        .requirement
                        .map(|requirement| view! { <dt>"Requirement"</dt><dd><code>{requirement}</code></dd> })}
                    {list.map(|list| view! { <dt>"Part of the image spec"</dt><dd>{list}</dd> })}
                    {failure
                        .log_line
                        .map(|line| {
                            view! { <dt>"In the log"</dt><dd><a href=format!("#L{line}")>{format!("Line {line}")}</a></dd> }
                        })}
                </dl>
            </div>
        </section>
    }
}

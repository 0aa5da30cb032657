//! How to set up the push registry.

use leptos::prelude::*;

use crate::ui::PageHeading;

/// The settings of the push registry.
#[component]
pub fn RegistryHelpPage() -> impl IntoView {
    let settings = [
        (
            "COOPERAGE_REGISTRY_HOST",
            "The registry that finished images are pushed to, such as registry.example.com:5000.",
        ),
        ("COOPERAGE_REGISTRY_PREFIX", "The part of the repository path before the spec's name, such as a project."),
        ("COOPERAGE_REGISTRY_USERNAME", "The user who may push there."),
        ("COOPERAGE_REGISTRY_PASSWORD_FILE", "A file that holds the user's password."),
        ("COOPERAGE_REGISTRY_INSECURE", "true, where the registry speaks plain HTTP."),
    ];
    view! {
        <PageHeading text="Set up the push registry" />
        <div class="prose">
            <p>
                "Every finished image is pushed to one registry as " <code>"host/prefix/name:revision"</code>
                ". Set it in the server's environment, then start the server again:"
            </p>
            <dl class="facts">
                {settings
                    .into_iter()
                    .map(|(name, meaning)| view! { <dt><code>{name}</code></dt><dd>{meaning}</dd> })
                    .collect_view()}
            </dl>
            <p>
                "The same settings go into the configuration file or on the command line; " <code>"cooperage config"</code>
                " prints all of them."
            </p>
            <p>
                "When the registry is configured but does not answer: check that it runs, that the server's machine reaches "
                "it, and that user and password are right."
            </p>
        </div>
    }
}

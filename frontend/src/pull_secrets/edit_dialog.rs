//! The form of a pull secret.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::graphql::{PullSecret, PullSecretInput, keep};
use crate::ui::{Dialog, EditActions, EditForm, Field, invalid};

/// The dialog with the form; none in `secret` means a new one.
#[component]
pub(super) fn EditDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The secret to change.
    secret: RwSignal<Option<PullSecret>>,
    /// Called once it is kept.
    #[prop(into)]
    on_kept: Callback<()>,
) -> impl IntoView {
    let title = move || {
        secret.with(|secret| {
            secret.as_ref().map_or("New pull secret".to_owned(), |secret| format!("Edit {}", secret.name))
        })
    };
    view! {
        <Dialog open=open title=title>
            <SecretForm open=open secret=secret.get_untracked() on_kept=on_kept />
        </Dialog>
    }
}

#[component]
fn SecretForm(open: RwSignal<bool>, secret: Option<PullSecret>, on_kept: Callback<()>) -> impl IntoView {
    let is_new = secret.is_none();
    let text = |read: fn(&PullSecret) -> String| RwSignal::new(secret.as_ref().map(read).unwrap_or_default());
    let name = text(|secret| secret.name.clone());
    let host = text(|secret| secret.host.clone());
    let username = text(|secret| secret.username.clone());
    let password = RwSignal::new(String::new());
    let form = EditForm::new(open, on_kept, &["name", "host", "username", "password"]);
    let name_problem = form.required("name", name, "Give it a name.");
    let host_problem = form.required("host", host, "Give the registry's host.");
    let user_problem = form.required("username", username, "Give the user's name.");
    let password_problem = form.message("password", move || {
        let missing = is_new && password.with(String::is_empty);
        missing.then(|| "Give the password or the access token.".to_owned())
    });

    let submit = move |event: SubmitEvent| {
        let input = PullSecretInput {
            name: name.get_untracked().trim().to_owned(),
            host: host.get_untracked().trim().to_owned(),
            username: username.get_untracked().trim().to_owned(),
            password: Some(password.get_untracked()).filter(|password| !password.is_empty()),
        };
        let fields = [name_problem, host_problem, user_problem, password_problem];
        form.submit(&event, &fields, input.name.clone(), || keep(input, is_new));
    };
    let password_hint = if is_new {
        "It is encrypted, sent to this host only, and never shown again."
    } else {
        "Left empty, it stays as it is. It is never shown."
    };
    view! {
        <form class="dialog-form" on:submit=submit novalidate autocomplete="off">
            <Field
                id="secret-name"
                label="Name"
                required=true
                hint=if is_new { "Lowercase letters, digits, - and . ; it cannot be changed later." } else { "" }
                problem=name_problem
            >
                <input id="secret-name" class="input mono" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                    readonly=!is_new aria-required="true" aria-describedby="secret-name-hint secret-name-problem"
                    aria-invalid=invalid(name_problem) bind:value=name />
            </Field>
            <Field id="secret-host" label="Registry host" required=true hint="Such as docker.io or registry.example.com:5000." problem=host_problem>
                <input id="secret-host" class="input mono" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-required="true" aria-describedby="secret-host-hint secret-host-problem" aria-invalid=invalid(host_problem) bind:value=host />
            </Field>
            <Field id="secret-user" label="User name" required=true problem=user_problem>
                <input id="secret-user" class="input" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-required="true" aria-describedby="secret-user-problem" aria-invalid=invalid(user_problem) bind:value=username />
            </Field>
            <Field id="secret-password" label="Password" required=is_new hint=password_hint problem=password_problem>
                <input id="secret-password" class="input" type="password" autocomplete="new-password"
                    aria-required=is_new.to_string() aria-describedby="secret-password-hint secret-password-problem"
                    aria-invalid=invalid(password_problem) bind:value=password />
            </Field>
            <EditActions form=form />
        </form>
    }
}

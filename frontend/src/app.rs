//! The app: routes, and what surrounds every page.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::{ParentRoute, Redirect, Route, Router, Routes};
use leptos_router::path;

use crate::base_images::BaseImagesPage;
use crate::image_specs::{CreatePage, DetailPage, InfoTab, ListPage};
use crate::jobs::{JobPage, JobsTab};
use crate::pull_secrets::PullSecretsPage;
use crate::session::{self, SignInPage};
use crate::shell::{Header, NotFoundPage, RegistryBanner, RegistryHelpPage, SignInRoute};
use crate::ui::{DiscardDialog, Toasts, install_leave_guard};
use crate::{live, routes};

/// The whole app.
#[component]
pub fn App() -> impl IntoView {
    install_leave_guard();
    live::start();
    let to_list = || view! { <Redirect path=routes::IMAGE_SPECS options=NavigateOptions { replace: true, ..Default::default() } /> };
    view! {
        <Router>
            // What was typed stays behind the sign-in page: hidden, not gone.
            <div class="app" hidden=session::signed_out>
                <a class="skip-link" href="#main" rel="external">"Skip to content"</a>
                <Header />
                <main id="main" class="main" tabindex="-1">
                    <RegistryBanner />
                    <Routes fallback=NotFoundPage>
                        <Route path=path!("/") view=to_list />
                        <Route path=path!("/image-specs") view=ListPage />
                        <Route path=path!("/image-specs/new") view=CreatePage />
                        <Route path=path!("/image-specs/:name/jobs/:id") view=JobPage />
                        <ParentRoute path=path!("/image-specs/:name") view=DetailPage>
                            <Route path=path!("") view=InfoTab />
                            <Route path=path!("info") view=InfoTab />
                            <Route path=path!("jobs") view=JobsTab />
                        </ParentRoute>
                        <Route path=path!("/base-images") view=BaseImagesPage />
                        <Route path=path!("/pull-secrets") view=PullSecretsPage />
                        <Route path=path!("/help/push-registry") view=RegistryHelpPage />
                        <Route path=path!("/sign-in") view=SignInRoute />
                    </Routes>
                </main>
                <DiscardDialog />
            </div>
            <Show when=session::signed_out>
                <main>
                    <SignInPage on_success=|()| session::started() />
                </main>
            </Show>
            <Toasts />
        </Router>
    }
}

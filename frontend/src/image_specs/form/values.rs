//! What is in the form.

use leptos::prelude::*;

use super::lines::{to_lines, to_text};
use crate::api::{PackageLists, PackagesInput};

/// What is in the form, as plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::image_specs) struct FormValues {
    pub(in crate::image_specs) name: String,
    pub(in crate::image_specs) base_image: String,
    /// None: no pull secret is used.
    pub(in crate::image_specs) pull_secret: Option<String>,
    pub(in crate::image_specs) apt: String,
    pub(in crate::image_specs) conda: String,
    pub(in crate::image_specs) pip: String,
}

impl FormValues {
    /// The values of a spec that is kept.
    pub(in crate::image_specs) fn new(
        name: &str,
        base_image: &str,
        pull_secret: Option<&String>,
        packages: &PackageLists,
    ) -> Self {
        Self {
            name: name.to_owned(),
            base_image: base_image.to_owned(),
            pull_secret: pull_secret.cloned(),
            apt: to_text(&packages.apt),
            conda: to_text(&packages.conda),
            pip: to_text(&packages.pip),
        }
    }

    /// The requirement lists, to send.
    pub(super) fn packages(&self) -> PackagesInput {
        PackagesInput { apt: to_lines(&self.apt), conda: to_lines(&self.conda), pip: to_lines(&self.pip) }
    }

    /// The text of a field by the API's name for it.
    pub(super) fn field(&self, field: &str) -> &str {
        match field {
            "name" => &self.name,
            "baseImage" => &self.base_image,
            "pullSecret" => self.pull_secret.as_deref().unwrap_or_default(),
            "packages.apt" => &self.apt,
            "packages.conda" => &self.conda,
            "packages.pip" => &self.pip,
            _ => "",
        }
    }

    /// The fields in which `self` differs from `other`: the API's name and the person's.
    pub(super) fn differences(&self, other: &Self) -> Vec<(&'static str, &'static str)> {
        FIELDS.iter().copied().filter(|(field, _)| self.field(field) != other.field(field)).collect()
    }
}

const FIELDS: [(&str, &str); 5] = [
    ("baseImage", "Base image"),
    ("pullSecret", "Pull secret"),
    ("packages.apt", "APT packages"),
    ("packages.conda", "Conda packages"),
    ("packages.pip", "Pip packages"),
];

/// The form's fields as signals.
#[derive(Clone, Copy)]
pub(super) struct FormModel {
    pub(super) name: RwSignal<String>,
    pub(super) base_image: RwSignal<String>,
    pub(super) uses_secret: RwSignal<bool>,
    pub(super) secret: RwSignal<String>,
    pub(super) apt: RwSignal<String>,
    pub(super) conda: RwSignal<String>,
    pub(super) pip: RwSignal<String>,
}

impl FormModel {
    /// A form with these values.
    pub(super) fn new(values: &FormValues) -> Self {
        Self {
            name: RwSignal::new(values.name.clone()),
            base_image: RwSignal::new(values.base_image.clone()),
            uses_secret: RwSignal::new(values.pull_secret.is_some()),
            secret: RwSignal::new(values.pull_secret.clone().unwrap_or_default()),
            apt: RwSignal::new(values.apt.clone()),
            conda: RwSignal::new(values.conda.clone()),
            pip: RwSignal::new(values.pip.clone()),
        }
    }

    /// Replaces what is in the form.
    pub(super) fn load(self, values: &FormValues) {
        self.name.set(values.name.clone());
        for (field, _) in FIELDS {
            self.load_field(field, values);
        }
    }

    /// Replaces one field.
    pub(super) fn load_field(self, field: &str, values: &FormValues) {
        match field {
            "baseImage" => self.base_image.set(values.base_image.clone()),
            "pullSecret" => {
                self.uses_secret.set(values.pull_secret.is_some());
                self.secret.set(values.pull_secret.clone().unwrap_or_default());
            }
            "packages.apt" => self.apt.set(values.apt.clone()),
            "packages.conda" => self.conda.set(values.conda.clone()),
            "packages.pip" => self.pip.set(values.pip.clone()),
            _ => {}
        }
    }

    /// What is in the form now. Tracks.
    pub(super) fn values(self) -> FormValues {
        FormValues {
            name: self.name.get().trim().to_owned(),
            base_image: self.base_image.get().trim().to_owned(),
            pull_secret: self.uses_secret.get().then(|| self.secret.get()),
            apt: self.apt.get(),
            conda: self.conda.get(),
            pip: self.pip.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FormValues;

    #[test]
    fn differences_are_named_as_the_form_names_them() {
        let mine = FormValues { base_image: "debian:12".into(), pip: "requests".into(), ..FormValues::default() };
        let theirs =
            FormValues { base_image: "debian:12".into(), pull_secret: Some("hub".into()), ..FormValues::default() };
        assert_eq!(mine.differences(&theirs), [("pullSecret", "Pull secret"), ("packages.pip", "Pip packages")]);
    }
}

//! What is judged in the browser, by the same code as on the server.

use cooperage_shared::{ImageName, ImageReference};

/// What is wrong with a name; none where it is one.
pub(super) fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("Give the image spec a name.".to_owned());
    }
    name.parse::<ImageName>().err().map(|error| error.message)
}

/// What is wrong with a base image; none where it is a reference.
pub(super) fn base_image_problem(base_image: &str) -> Option<String> {
    if base_image.is_empty() {
        return Some("Choose a base image, or type the reference of one.".to_owned());
    }
    base_image.parse::<ImageReference>().err().map(|error| error.message)
}

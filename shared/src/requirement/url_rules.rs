//! What holds for a URL in a requirement, whatever the grammar around it.

use crate::problem::{ParseError, ProblemCode};

/// What to say of a URL with a user name or a password.
pub(crate) const SECRET_IN_URL: &str = "This URL holds a user name or a password, and everyone who may pull the image \
     could read it: remove the part before `@`. An administrator can set up access to the index or channel.";

/// Refuses a URL that carries a user name, a password or a token: it would stand in the image's history for everyone
/// who may pull it. `user@` alone passes where the transport is SSH, for it is no secret there.
pub(crate) fn refuse_credentials(text: &str) -> Result<(), ParseError> {
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let colon = from + found;
        let start = colon + 3;
        let scheme = text[..colon].rsplit(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).next();
        let end = text[start..].find(['/', '?', '#', ' ']).map_or(text.len(), |length| start + length);
        let authority = &text[start..end];
        if let Some((user, _)) = authority.rsplit_once('@') {
            let ssh = scheme.is_some_and(|scheme| scheme.ends_with("ssh"));
            if !ssh || user.contains(':') {
                return Err(ParseError::new(ProblemCode::Credentials, SECRET_IN_URL).at(text, start));
            }
        }
        if text[end..].starts_with("/t/") {
            return Err(ParseError::new(
                ProblemCode::Credentials,
                "This URL holds a token (`/t/…`), and everyone who may pull the image could read it: remove it. An \
                 administrator can set up access to the channel.",
            )
            .at(text, end));
        }
        from = start;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_passes() {
        for text in [
            "https://user:pass@host/x",
            "a @ https://token@host/x.whl",
            "git+https://u:p@h/x.git",
            "git+ssh://git:p@h/x.git",
            "https://h/t/tk-1/channel::x",
            "x[url=http://a:b@h/y]",
            "https://a\\@b:c@d/x",
            "a://b/c://u:p@h",
            "aé://u:p@h",
        ] {
            assert_eq!(refuse_credentials(text).expect_err(text).code, ProblemCode::Credentials, "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_passes() {
        for text in [
            "git+https://h/x.git@main",
            "git+ssh://git@h/x.git",
            "https://h/a@b/x.whl",
            "numpy @ https://h/x.whl",
            "conda-forge::numpy",
            "https://h/channel::x",
            "https://h/tools/t/x",
        ] {
            assert_eq!(refuse_credentials(text), Ok(()), "{text}");
        }
    }
}

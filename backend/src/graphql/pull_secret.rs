//! Pull secrets: credentials to read from one registry host. Their passwords go in and never come out.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use cooperage_shared::{Field, ImageName, registry_host};

use super::ids::GlobalId;
use super::problem::{ProblemCode, UserError, internal};
use super::services::{services, store_error};
use super::text;
use crate::config::Secret;
use crate::store::{self, StoreError};

/// The longest user name or password, in bytes.
const LONGEST_CREDENTIAL: usize = 8_192;

/// Credentials to read from one registry host; they are sent to no other. The password is never shown again.
pub struct PullSecret(pub store::PullSecret);

/// Credentials to read from one registry host; they are sent to no other. The password is never shown again.
#[Object]
impl PullSecret {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Secret(self.0.id).into()
    }

    /// The name, unique and unchanging.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The registry host, `host[:port]`, that the credentials are for.
    async fn host(&self) -> &str {
        &self.0.host
    }

    /// The user name.
    async fn username(&self) -> &str {
        &self.0.username
    }

    /// When it was added.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

/// A pull secret as it stands in a form.
#[derive(InputObject, Clone)]
pub struct PullSecretInput {
    /// The name: lowercase letters, digits, `-` and `.`, at most 63 characters, beginning and ending with a letter or digit.
    pub name: String,
    /// The registry host, `host[:port]`, that the credentials are for.
    pub host: String,
    /// The user name.
    pub username: String,
    /// The password or token. Null in an update keeps the one there is, as long as the host stays the same.
    pub password: Option<String>,
}

/// A pull secret to remove.
#[derive(InputObject, Clone, Debug)]
pub struct DeletePullSecretInput {
    /// The pull secret's name.
    pub name: String,
}

/// What a mutation of pull secrets came to.
#[derive(SimpleObject)]
pub struct PullSecretPayload {
    /// The pull secret as it is now; null where there are user errors.
    pub pull_secret: Option<PullSecret>,
    /// Why nothing was done. Empty: it was done.
    pub user_errors: Vec<UserError>,
}

/// What the removal of a pull secret came to.
#[derive(SimpleObject)]
pub struct DeletePullSecretPayload {
    /// The name of the pull secret that was removed; null where there are user errors.
    pub name: Option<String>,
    /// Why nothing was done. Empty: it was done.
    pub user_errors: Vec<UserError>,
}

/// Queries for pull secrets.
#[derive(Default)]
pub struct PullSecretQuery;

#[Object]
impl PullSecretQuery {
    /// Every pull secret, by name.
    #[graphql(complexity = "20 * child_complexity")]
    async fn pull_secrets(&self, ctx: &Context<'_>) -> Result<Vec<PullSecret>> {
        let secrets = services(ctx)?.store.list_pull_secrets().await.map_err(store_error)?;
        Ok(secrets.into_iter().map(PullSecret).collect())
    }
}

/// Mutations of pull secrets.
#[derive(Default)]
pub struct PullSecretMutation;

#[Object]
impl PullSecretMutation {
    /// Keeps a new pull secret, its password encrypted.
    async fn create_pull_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The pull secret.")] input: PullSecretInput,
    ) -> Result<PullSecretPayload> {
        let services = services(ctx)?;
        let mut errors = Vec::new();
        let form = judge(input, &mut errors);
        if form.password.is_none() {
            errors.push(UserError::new(ProblemCode::Required, Some(Field::Password), "Enter the password or token."));
        }
        let (Some(password), true) = (&form.password, errors.is_empty()) else { return Ok(refused(errors)) };
        let sealed = services.key.seal(&form.name, &form.host, password).map_err(|error| internal(&error))?;
        let (name, new) = (form.name.clone(), form.with(Some(sealed)));
        match services.store.create_pull_secret(&new).await {
            Ok(secret) => Ok(PullSecretPayload { pull_secret: Some(PullSecret(secret)), user_errors: Vec::new() }),
            Err(StoreError::NameTaken) => {
                let message = format!("There is a pull secret named {name:?} already: choose another name.");
                Ok(refused(vec![UserError::new(ProblemCode::Taken, Some(Field::Name), message)]))
            }
            Err(error) => Err(store_error(error)),
        }
    }

    /// Changes the pull secret of this name. Without a password the one there is stays; for another host it must be
    /// entered again, so that it is never sent where it was not meant to go.
    async fn update_pull_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The pull secret's name and its new content.")] input: PullSecretInput,
    ) -> Result<PullSecretPayload> {
        let services = services(ctx)?;
        let mut errors = Vec::new();
        let form = judge(input, &mut errors);
        if !errors.is_empty() {
            return Ok(refused(errors));
        }
        let Some(present) = services.store.pull_secret(&form.name).await.map_err(store_error)? else {
            return Ok(refused(vec![not_found(Field::Name, &form.name)]));
        };
        let sealed = match &form.password {
            Some(password) => {
                Some(services.key.seal(&form.name, &form.host, password).map_err(|error| internal(&error))?)
            }
            None if present.host == form.host => None,
            None => {
                let message = "The host is another one: enter the password for it.";
                return Ok(refused(vec![UserError::new(ProblemCode::Required, Some(Field::Password), message)]));
            }
        };
        let (name, new) = (form.name.clone(), form.with(sealed));
        match services.store.update_pull_secret(&new).await {
            Ok(secret) => Ok(PullSecretPayload { pull_secret: Some(PullSecret(secret)), user_errors: Vec::new() }),
            Err(StoreError::NotFound) => Ok(refused(vec![not_found(Field::Name, &name)])),
            Err(error) => Err(store_error(error)),
        }
    }

    /// Removes a pull secret. One that a spec or a base image uses stays, and the error names them.
    async fn delete_pull_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The pull secret's name.")] input: DeletePullSecretInput,
    ) -> Result<DeletePullSecretPayload> {
        let name = input.name.trim().to_owned();
        let store = &services(ctx)?.store;
        let refused = |error| Ok(DeletePullSecretPayload { name: None, user_errors: vec![error] });
        let (specs, base_images) = store.pull_secret_users(&name).await.map_err(store_error)?;
        if !specs.is_empty() || !base_images.is_empty() {
            let message = in_use(&name, &specs, &base_images);
            return refused(UserError::new(ProblemCode::Conflict, Some(Field::Name), message));
        }
        match store.delete_pull_secret(&name).await {
            Ok(()) => Ok(DeletePullSecretPayload { name: Some(name), user_errors: Vec::new() }),
            Err(StoreError::NotFound) => refused(not_found(Field::Name, &name)),
            Err(error) => Err(store_error(error)),
        }
    }
}

/// The error for a pull secret that a form names and that does not exist.
pub(super) async fn missing(ctx: &Context<'_>, name: &str) -> Result<Option<UserError>> {
    let found = services(ctx)?.store.pull_secret(name).await.map_err(store_error)?;
    Ok(found.is_none().then(|| unknown(name)))
}

/// The error for a form that names a pull secret which does not exist.
pub(super) fn unknown(name: &str) -> UserError {
    not_found(Field::PullSecret, name)
}

fn not_found(field: Field, name: &str) -> UserError {
    let message = format!("There is no pull secret named {name:?}. Choose another, or add it first.");
    UserError::new(ProblemCode::NotFound, Some(field), message)
}

fn in_use(name: &str, specs: &[String], base_images: &[String]) -> String {
    let listed = |kind: &str, names: &[String]| {
        let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if names.len() > 5 { " and others" } else { "" };
        (!names.is_empty()).then(|| format!("{kind} {shown}{more}"))
    };
    let users: Vec<String> =
        listed("image specs", specs).into_iter().chain(listed("base images", base_images)).collect();
    format!("The pull secret {name:?} is used by {}. Choose another there first.", users.join(" and by "))
}

fn refused(user_errors: Vec<UserError>) -> PullSecretPayload {
    PullSecretPayload { pull_secret: None, user_errors }
}

/// A form whose fields have been judged.
struct Form {
    name: String,
    host: String,
    username: String,
    password: Option<Secret>,
}

impl Form {
    fn with(self, sealed: Option<Vec<u8>>) -> store::NewPullSecret {
        store::NewPullSecret { name: self.name, host: self.host, username: self.username, sealed }
    }
}

fn judge(input: PullSecretInput, errors: &mut Vec<UserError>) -> Form {
    let PullSecretInput { name, host, username, password } = input;
    let (name, username) = (name.trim(), username.trim());
    if let Err(error) = name.parse::<ImageName>() {
        errors.push(error.in_field(Field::Name, None).into());
    }
    let spelled = registry_host(&host);
    if host.trim().is_empty() {
        errors.push(UserError::new(ProblemCode::Required, Some(Field::Host), "Enter the registry's host."));
    } else if spelled.is_none() {
        let message =
            "That is no registry host: expected for example registry.example.com or registry.example.com:5000.";
        errors.push(UserError::new(ProblemCode::Invalid, Some(Field::Host), message));
    }
    let host = spelled.unwrap_or_default();
    if username.is_empty() {
        errors.push(UserError::new(ProblemCode::Required, Some(Field::Username), "Enter the user name."));
    }
    if username.contains(':') {
        let message = "A user name has no colon: a registry would take what follows for the password.";
        errors.push(UserError::new(ProblemCode::Invalid, Some(Field::Username), message));
    }
    let password = password.filter(|password| !password.is_empty());
    for (field, value) in [(Field::Username, Some(username)), (Field::Password, password.as_deref())] {
        let value = value.unwrap_or_default();
        errors.extend(text::too_long(field, value, LONGEST_CREDENTIAL));
        errors.extend(text::control_characters(field, value));
    }
    Form { name: name.to_owned(), host, username: username.to_owned(), password: password.map(Secret::new) }
}

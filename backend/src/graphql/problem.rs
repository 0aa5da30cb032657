//! What a person typed wrong (data, in `userErrors` and `problems`) and what a client did wrong (top-level errors).

use async_graphql::{Enum, Error, ErrorExtensions, SimpleObject};
use cooperage_shared as shared;

/// What kind of problem it is, for programs.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "shared::ProblemCode")]
pub enum ProblemCode {
    /// A value is missing.
    Required,
    /// A value has too many characters.
    TooLong,
    /// A list has too many entries.
    TooMany,
    /// A name breaks the rule of names.
    InvalidName,
    /// A text is no image reference.
    InvalidImageReference,
    /// A line is no requirement of its list.
    InvalidRequirement,
    /// A text has a control or line-break character.
    ControlCharacter,
    /// A text holds a user name or a password, which would end up in the image.
    Credentials,
    /// A value breaks a rule that has no code of its own.
    Invalid,
    /// The name is in use.
    Taken,
    /// There is no such object.
    NotFound,
    /// The object has changed in the meantime, or its state does not allow this.
    Conflict,
}

/// What is wrong with a part of an image spec, and where.
#[derive(SimpleObject, Clone, Debug)]
pub struct Problem {
    /// What kind of problem it is, for programs.
    pub code: ProblemCode,
    /// What is wrong and what to type instead, for people.
    pub message: String,
    /// The field at fault: `name`, `baseImage`, `pullSecret` or `packages.apt|conda|pip`; null where none is.
    pub field: Option<String>,
    /// The place in the field's list, from 1, blank and comment lines counted; null where the whole field is meant.
    pub line: Option<u32>,
    /// The character in the line or value, from 1; null where the whole line or value is meant.
    pub column: Option<u32>,
}

/// Why a mutation did nothing: something that the person who asked for it can put right.
#[derive(SimpleObject, Clone, Debug)]
pub struct UserError {
    /// What kind of problem it is, for programs.
    pub code: ProblemCode,
    /// What is wrong and what to do about it, for people.
    pub message: String,
    /// The field of the input at fault, as a path such as `packages.pip`, `version` or `idempotencyKey`; null where none is.
    pub field: Option<String>,
    /// The place in the field's list, from 1, blank and comment lines counted; null where the whole field is meant.
    pub line: Option<u32>,
    /// The character in the line or value, from 1; null where the whole line or value is meant.
    pub column: Option<u32>,
}

impl From<shared::Problem> for Problem {
    fn from(problem: shared::Problem) -> Self {
        Self {
            code: problem.code.into(),
            message: problem.message,
            field: Some(problem.field.as_str().to_owned()),
            line: problem.line,
            column: problem.column,
        }
    }
}

impl From<shared::Problem> for UserError {
    fn from(problem: shared::Problem) -> Self {
        let Problem { code, message, field, line, column } = problem.into();
        Self { code, message, field, line, column }
    }
}

impl UserError {
    /// An error about a whole field, or about none.
    #[must_use]
    pub fn new(code: ProblemCode, field: Option<shared::Field>, message: impl Into<String>) -> Self {
        let field = field.map(|field| field.as_str().to_owned());
        Self { code, message: message.into(), field, line: None, column: None }
    }
}

/// A request that no person typed wrong but a program: code `BAD_USER_INPUT`.
pub fn bad_user_input(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", "BAD_USER_INPUT"))
}

/// The database is away: code `UNAVAILABLE`, and the same request may do later.
pub fn unavailable(error: &dyn std::fmt::Display) -> Error {
    tracing::error!(%error, "a request failed");
    Error::new("The server cannot reach its database at this moment. Try again in a few seconds.")
        .extend_with(|_, extensions| extensions.set("code", "UNAVAILABLE"))
}

/// A defect or an outage of ours: the client gets a number, the server's log the rest.
pub fn internal(error: &dyn std::fmt::Display) -> Error {
    let number = uuid::Uuid::now_v7().simple().to_string();
    tracing::error!(number, %error, "a request failed");
    Error::new(format!("Something went wrong on the server. Its log has the details under number {number}."))
        .extend_with(|_, extensions| extensions.set("code", "INTERNAL"))
}

//! The requirement lists.

use serde::{Deserialize, Deserializer, Serialize};

use crate::problem::{Field, ParseError, Problem, ProblemCode};
use crate::requirement::{AptRequirement, requirement_of_line};
#[cfg(feature = "grammars")]
use crate::requirement::{CondaRequirement, PipRequirement};

/// The most requirements of one list; blank and comment lines do not count.
pub const MAX_REQUIREMENTS: usize = 1_000;

/// The most lines of one list, whatever they hold.
pub const MAX_LINES: usize = 4_000;

/// The most bytes of the requirements of one list together. They are the arguments of one program, and the system takes
/// 2 MiB of these: 1,000 requirements of 1,000 letters are well within.
pub const MAX_LIST_BYTES: usize = 1_900_000;

/// Requirement lines as typed: blank lines and `#` comments are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Packages {
    /// Debian packages.
    #[serde(deserialize_with = "null_as_default")]
    pub apt: Vec<String>,
    /// Conda match specifications.
    #[serde(deserialize_with = "null_as_default")]
    pub conda: Vec<String>,
    /// PEP 508 requirements.
    #[serde(deserialize_with = "null_as_default")]
    pub pip: Vec<String>,
}

/// A key without a value, as in `conda:`, is an empty list and no error.
pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Packages {
    /// Every problem that can be told without the grammars of conda and pip: the rules of lines for all three lists, and
    /// the grammar of APT. This is what the browser can say at once; the server judges the rest.
    #[must_use]
    pub fn line_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        read(&self.apt, Field::PackagesApt, AptRequirement::parse, &mut problems);
        read(&self.conda, Field::PackagesConda, |_| Ok(()), &mut problems);
        read(&self.pip, Field::PackagesPip, |_| Ok(()), &mut problems);
        problems
    }
}

/// The requirements of a spec, valid, in the order in which they were typed.
#[cfg(feature = "grammars")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Debian packages.
    pub apt: Vec<AptRequirement>,
    /// Conda match specifications.
    pub conda: Vec<CondaRequirement>,
    /// PEP 508 requirements.
    pub pip: Vec<PipRequirement>,
}

#[cfg(feature = "grammars")]
impl Requirements {
    /// Reads every line.
    ///
    /// # Errors
    /// Every problem of every line, in the order apt, conda, pip.
    pub fn parse(packages: &Packages) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let requirements = Self {
            apt: read(&packages.apt, Field::PackagesApt, AptRequirement::parse, &mut problems),
            conda: read(&packages.conda, Field::PackagesConda, CondaRequirement::parse, &mut problems),
            pip: read(&packages.pip, Field::PackagesPip, PipRequirement::parse, &mut problems),
        };
        if problems.is_empty() { Ok(requirements) } else { Err(problems) }
    }

    /// Whether there is nothing to install.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apt.is_empty() && self.conda.is_empty() && self.pip.is_empty()
    }
}

/// The requirements of a list. What is wrong goes to `problems`.
fn read<T>(
    lines: &[String],
    field: Field,
    parse: impl Fn(&str) -> Result<T, ParseError>,
    problems: &mut Vec<Problem>,
) -> Vec<T> {
    let mut requirements = Vec::new();
    let mut count = 0;
    let mut bytes = 0;
    for (number, line) in (1_u32..).zip(lines) {
        if number as usize > MAX_LINES {
            let message = format!("The list has {} lines, and {MAX_LINES} are the most: remove some.", lines.len());
            problems.push(ParseError::new(ProblemCode::TooMany, message).in_field(field, Some(number)));
            break;
        }
        let text = match requirement_of_line(line) {
            Ok(None) => continue,
            Ok(Some(text)) => text,
            Err(error) => {
                problems.push(error.in_field(field, Some(number)));
                continue;
            }
        };
        count += 1;
        if count > MAX_REQUIREMENTS {
            let message = format!("A list takes {MAX_REQUIREMENTS} requirements: remove those from this line on.");
            problems.push(ParseError::new(ProblemCode::TooMany, message).in_field(field, Some(number)));
            break;
        }
        bytes += text.len();
        if bytes > MAX_LIST_BYTES {
            let message = format!(
                "The list is too long: all its requirements together have at most {MAX_LIST_BYTES} bytes. Remove \
                 those from this line on."
            );
            problems.push(ParseError::new(ProblemCode::TooLong, message).in_field(field, Some(number)));
            break;
        }
        let leading = line.chars().take_while(|c| c.is_whitespace()).count();
        match parse(text) {
            Ok(requirement) => requirements.push(requirement),
            Err(error) => problems.push(error.shifted(leading).in_field(field, Some(number))),
        }
    }
    requirements
}

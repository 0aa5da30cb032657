//! Global ids: the kind of object, `_`, and 32 hexadecimal digits. They are safe in URLs.

use uuid::Uuid;

/// What a global id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GlobalId {
    /// An image spec.
    Spec(Uuid),
    /// A build job.
    Job(Uuid),
    /// An entry of the base image catalogue.
    Base(Uuid),
    /// A pull secret.
    Secret(Uuid),
}

impl GlobalId {
    /// Reads an id; none where it is not one that this server could have given.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, digits) = text.split_once('_')?;
        if digits.len() != 32 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let uuid = Uuid::try_parse(digits).ok()?;
        match kind {
            "spec" => Some(Self::Spec(uuid)),
            "job" => Some(Self::Job(uuid)),
            "base" => Some(Self::Base(uuid)),
            "secret" => Some(Self::Secret(uuid)),
            _ => None,
        }
    }

    /// The job that an id names; none for an id of another kind.
    #[must_use]
    pub fn job(id: &str) -> Option<Uuid> {
        match Self::parse(id) {
            Some(Self::Job(uuid)) => Some(uuid),
            _ => None,
        }
    }
}

impl std::fmt::Display for GlobalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, uuid) = match self {
            Self::Spec(uuid) => ("spec", uuid),
            Self::Job(uuid) => ("job", uuid),
            Self::Base(uuid) => ("base", uuid),
            Self::Secret(uuid) => ("secret", uuid),
        };
        write!(f, "{kind}_{}", uuid.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_what_it_names() {
        let uuid = Uuid::now_v7();
        for id in [GlobalId::Spec(uuid), GlobalId::Job(uuid), GlobalId::Base(uuid), GlobalId::Secret(uuid)] {
            assert_eq!(GlobalId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(GlobalId::job(&GlobalId::Spec(uuid).to_string()), None);
    }

    #[test]
    fn what_is_no_id_is_none() {
        for text in
            ["", "job", "job_", "job_1", "pod_00000000000000000000000000000000", "job_0000000000000000000000000000000G"]
        {
            assert_eq!(GlobalId::parse(text), None, "{text}");
        }
    }
}

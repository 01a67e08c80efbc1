//! Conditions as the language writes them.

/// A condition without arguments' names in it.
pub(super) enum Condition {
    Known(bool),
    Test(String),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

impl Condition {
    pub(super) fn not(self) -> Self {
        match self {
            Self::Known(known) => Self::Known(!known),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// All of them, or (`all` false) any of them.
    pub(super) fn join(parts: impl Iterator<Item = Self>, all: bool) -> Self {
        let mut left = Vec::new();
        for part in parts {
            match part {
                Self::Known(known) if known == all => {}
                Self::Known(known) => return Self::Known(known),
                other => left.push(other),
            }
        }
        match (left.len(), all) {
            (0, _) => Self::Known(all),
            (1, _) => left.remove(0),
            (_, true) => Self::All(left),
            (_, false) => Self::Any(left),
        }
    }

    pub(super) fn text(&self) -> String {
        let joined = |parts: &[Self], sign: &str| parts.iter().map(Self::bracketed).collect::<Vec<_>>().join(sign);
        match self {
            Self::Known(known) => known.to_string(),
            Self::Test(text) => text.clone(),
            Self::Not(inner) => format!("!({})", inner.text()),
            Self::All(parts) => joined(parts, " && "),
            Self::Any(parts) => joined(parts, " || "),
        }
    }

    fn bracketed(&self) -> String {
        match self {
            Self::All(_) | Self::Any(_) => format!("({})", self.text()),
            other => other.text(),
        }
    }
}

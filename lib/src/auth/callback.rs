//! The static secrets that connectors present.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// One or two secrets of connectors, both valid, so that connectors can change over one by one.
#[derive(Clone)]
pub struct CallbackSecrets {
    digests: Vec<[u8; 32]>,
}

/// A secret is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a connector's secret has at least {} characters", CallbackSecrets::MIN_LENGTH)]
pub struct WeakSecret;

impl CallbackSecrets {
    /// Fewest characters of a secret.
    pub const MIN_LENGTH: usize = 16;

    /// The secret in use, and the one that takes its place.
    ///
    /// # Errors
    /// When one is shorter than [`Self::MIN_LENGTH`].
    pub fn new(current: &SecretString, next: Option<&SecretString>) -> Result<Self, WeakSecret> {
        let digest = |secret: &SecretString| {
            let secret = secret.expose_secret();
            (secret.chars().count() >= Self::MIN_LENGTH).then(|| sha256(secret)).ok_or(WeakSecret)
        };
        let digests = [Some(current), next].into_iter().flatten().map(digest).collect::<Result<_, _>>()?;
        Ok(Self { digests })
    }

    /// Whether `presented` is one of the secrets. Takes the same time whichever it is, and whether it is one:
    /// digests are compared, all of them, in full.
    #[must_use]
    pub fn verify(&self, presented: &str) -> bool {
        let presented = sha256(presented);
        self.digests.iter().fold(Choice::from(0), |found, digest| found | digest.ct_eq(&presented)).into()
    }
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

impl fmt::Debug for CallbackSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackSecrets({} redacted)", self.digests.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_and_the_next_secret_are_valid_and_nothing_else() {
        let (current, next) = ("0123456789abcdef".into(), "fedcba9876543210".into());
        let secrets = CallbackSecrets::new(&current, Some(&next)).unwrap();
        assert!(secrets.verify("0123456789abcdef") && secrets.verify("fedcba9876543210"));
        for wrong in ["", "0123456789abcdeF", "0123456789abcde", "0123456789abcdef "] {
            assert!(!secrets.verify(wrong), "{wrong}");
        }
        assert!(!CallbackSecrets::new(&current, None).unwrap().verify("fedcba9876543210"));
    }

    #[test]
    fn short_secrets_are_refused() {
        let (good, short) = ("0123456789abcdef".into(), "0123456789abcde".into());
        assert_eq!(CallbackSecrets::new(&short, None).unwrap_err(), WeakSecret);
        assert_eq!(CallbackSecrets::new(&good, Some(&short)).unwrap_err(), WeakSecret);
    }
}

//! Settings of the addresses of webhooks.

use secrecy::SecretString;

use super::Env;
use crate::auth::HookKeys;

impl HookKeys {
    /// Reads `HOOK_SECRET` and `HOOK_SECRET_NEXT`, with which addresses may have been made too. `None` without the first, or
    /// when one is too short, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let current: Option<String> = env.optional("HOOK_SECRET");
        let next: Option<String> = env.optional("HOOK_SECRET_NEXT");
        let keys = Self::new(&SecretString::from(current?), next.map(SecretString::from).as_ref());
        keys.map_err(|error| env.problem(format!("HOOK_SECRET or HOOK_SECRET_NEXT: {error}"))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: (&str, &str) = ("HOOK_SECRET", "0123456789abcdef0123456789abcdef");

    fn read(vars: &[(&'static str, &'static str)]) -> (bool, Result<(), String>) {
        let mut env = Env::of(vars.iter().copied());
        let keys = HookKeys::from_env(&mut env);
        (keys.is_some(), env.finish(Some(())).map_err(|error| error.to_string()))
    }

    #[test]
    fn without_a_secret_there_are_no_webhooks_and_a_weak_one_is_named() {
        assert_eq!(read(&[]), (false, Ok(())));
        assert_eq!(read(&[SECRET]), (true, Ok(())));
        for weak in [&[("HOOK_SECRET", "short")][..], &[SECRET, ("HOOK_SECRET_NEXT", "short")]] {
            let (is, problems) = read(weak);
            assert!(!is && problems.unwrap_err().contains("HOOK_SECRET"), "{weak:?}");
        }
    }
}

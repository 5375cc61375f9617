//! Settings of the links by which a person gives a run its signal.

use secrecy::SecretString;
use url::Url;

use super::Env;
use crate::auth::LinkSecrets;

impl LinkSecrets {
    /// Reads `LINK_SECRET` and `LINK_SECRET_NEXT`, with which links may have been made too. `None` without the first, or
    /// when one is too short, which `env` has noted.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let current: Option<String> = env.optional("LINK_SECRET");
        let next: Option<String> = env.optional("LINK_SECRET_NEXT");
        let secrets = Self::new(&SecretString::from(current?), next.map(SecretString::from).as_ref());
        secrets.map_err(|error| env.problem(format!("LINK_SECRET or LINK_SECRET_NEXT: {error}"))).ok()
    }

    /// Reads what makes links as well: beside the secrets `PUBLIC_URL`, the API's address as people reach it. `None`
    /// without a secret, or when something is wrong, which `env` has noted.
    pub fn with_address_from_env(env: &mut Env) -> Option<(Url, Self)> {
        let secrets = Self::from_env(env)?;
        env.required::<String>("PUBLIC_URL")?;
        Some((super::credentials::public_url(env)?, secrets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: (&str, &str) = ("LINK_SECRET", "0123456789abcdef0123456789abcdef");

    fn read(vars: &[(&'static str, &'static str)]) -> (Option<String>, Result<(), String>) {
        let mut env = Env::of(vars.iter().copied());
        let links = LinkSecrets::with_address_from_env(&mut env);
        let problems = env.finish(Some(())).map_err(|error| error.to_string());
        (links.map(|links| format!("{links:?}")), problems)
    }

    #[test]
    fn without_a_secret_there_are_no_links_and_with_one_they_need_an_address() {
        assert_eq!(read(&[("PUBLIC_URL", "https://flows.example")]), (None, Ok(())));
        let (links, problems) = read(&[SECRET, ("PUBLIC_URL", "https://flows.example/a")]);
        let links = links.unwrap();
        assert!(problems.is_ok() && links.contains("flows.example") && !links.contains("0123"), "{links}");
        for (wrong, named) in [
            (&[SECRET][..], "PUBLIC_URL"),
            (&[SECRET, ("PUBLIC_URL", "flows.example:80")], "PUBLIC_URL"),
            (&[SECRET, ("PUBLIC_URL", "https://flows.example/?a=b")], "PUBLIC_URL"),
            (&[("LINK_SECRET", "short"), ("PUBLIC_URL", "https://flows.example")], "LINK_SECRET"),
            (&[SECRET, ("LINK_SECRET_NEXT", "short")], "LINK_SECRET_NEXT"),
        ] {
            let (links, problems) = read(wrong);
            assert!(links.is_none() && problems.unwrap_err().contains(named), "{wrong:?}");
        }
    }
}

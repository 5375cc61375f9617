//! TLS for connections to `ClickHouse`, as its cloud asks for.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::TlsConnector;

use crate::store::StoreError;

/// A connector that trusts the authorities in `ca_file`, or the system's without one.
pub(super) fn connector(
    host: &str,
    ca_file: Option<&Path>,
) -> Result<(TlsConnector, ServerName<'static>), StoreError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| StoreError::Unavailable(format!("{host} cannot be the name in a certificate")))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let config = match ca_file {
        Some(path) => builder.with_root_certificates(authorities(path)?),
        None => builder.with_platform_verifier().map_err(unusable)?,
    };
    Ok((TlsConnector::from(Arc::new(config.with_no_client_auth())), name))
}

fn authorities(path: &Path) -> Result<RootCertStore, StoreError> {
    let wrong =
        |why: String| StoreError::Unavailable(format!("CLICKHOUSE_CA_FILE {}: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn unusable(error: rustls::Error) -> StoreError {
    StoreError::Unavailable(format!("TLS cannot be used: {error}"))
}

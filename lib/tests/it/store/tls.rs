//! Encrypted connections, as `ClickHouse`'s cloud asks for: a front that ends TLS before the shared server.

use std::{io::Write as _, sync::Arc};

use minireipaz::store::{Store as _, StoreError, clickhouse::ClickHouse};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{clickhouse, config, server};

struct Front {
    port: u16,
    /// The authority's certificate, as a PEM file.
    ca: tempfile::NamedTempFile,
    #[expect(dead_code, reason = "it serves until it is dropped")]
    tasks: JoinSet<()>,
}

async fn front(name: &str) -> Front {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let mut ca = tempfile::NamedTempFile::new().unwrap();
    ca.write_all(authority.pem().as_bytes()).unwrap();

    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = server().await.port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    Front { port, ca, tasks }
}

#[tokio::test]
async fn a_server_with_a_certificate_of_the_given_authority_is_trusted() {
    clickhouse().await;
    let front = front("localhost").await;
    let mut config = config(&format!("clickhouses://default@localhost:{}/suite", front.port));
    config.ca_file = Some(front.ca.path().to_owned());
    let store = ClickHouse::connect(config).await.unwrap();
    super::suite_runs::a_run_comes_back_as_it_was_recorded_with_its_steps_in_order(&store).await;
    super::suite_runs::a_large_output_survives(&store).await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_with_another_name_or_authority_is_not_trusted() {
    let front = front("elsewhere.example").await;
    let mut config = config(&format!("clickhouses://default@localhost:{}/suite", front.port));
    for ca in [Some(front.ca.path().to_owned()), None] {
        config.ca_file = ca;
        let error = ClickHouse::connect(config.clone()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("certificate")), "{error}");
    }
}

#[test]
fn a_ca_file_that_cannot_be_used_is_named() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let mut config = config("clickhouses://localhost/d");
    for path in [empty.path(), std::path::Path::new("/nowhere/ca.pem")] {
        config.ca_file = Some(path.to_owned());
        let error = ClickHouse::new(&config).unwrap_err().to_string();
        assert!(error.contains("CLICKHOUSE_CA_FILE") && error.contains(path.to_str().unwrap()), "{error}");
    }
}

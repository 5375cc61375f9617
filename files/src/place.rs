//! Where in the store a file is: `<prefix>/<tenant>/<id>`, and while it comes `<prefix>/<tenant>/incoming/<chance>`.

use domain::{file::FileId, ids::TenantId};
use object_store::path::Path;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) const INCOMING: &str = "incoming";

/// Bytes of a hash that stand for a tenant.
const TENANT_BYTES: usize = 16;

/// A tenant's folder. Its id may hold any visible character, so its hash stands for it: no id leads out of it, or into
/// another's.
pub(crate) fn folder(prefix: &Path, tenant: &TenantId) -> Path {
    let hash = Sha256::digest(tenant.as_str().as_bytes());
    let digits: String = hash.iter().take(TENANT_BYTES).map(|byte| format!("{byte:02x}")).collect();
    prefix.clone().join(digits)
}

/// Whether a name can be that of a tenant's folder.
pub(crate) fn is_folder(name: &str) -> bool {
    name.len() == 2 * TENANT_BYTES && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(crate) fn file(folder: &Path, id: &FileId) -> Path {
    folder.clone().join(id.as_str())
}

/// A place for what has no hash yet.
pub(crate) fn incoming(folder: &Path) -> Path {
    folder.clone().join(INCOMING).join(Uuid::new_v4().simple().to_string())
}

/// What a path below the prefix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Incoming,
    /// Somebody else's: the place may hold more than our files.
    Foreign,
}

pub(crate) fn kind(prefix: &Path, path: &Path) -> Kind {
    let below: Option<Vec<_>> = path.prefix_match(prefix).map(Iterator::collect);
    match below.unwrap_or_default().as_slice() {
        [tenant, id] if is_folder(tenant.as_ref()) && id.as_ref().parse::<FileId>().is_ok() => Kind::File,
        [tenant, incoming, _] if is_folder(tenant.as_ref()) && incoming.as_ref() == INCOMING => {
            Kind::Incoming
        }
        _ => Kind::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tenant_leads_out_of_its_folder_or_into_anothers() {
        let prefix = Path::from("files");
        let tenants = ["..", ".", "a/../b", "a", "A", "a%2Fb", "a/b", "a\\b", "incoming", "*"];
        let mut folders: Vec<String> =
            tenants.iter().map(|tenant| folder(&prefix, &tenant.parse().unwrap()).to_string()).collect();
        for path in &folders {
            let name = path.strip_prefix("files/").unwrap();
            assert!(is_folder(name), "{name}");
        }
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), tenants.len());
    }

    #[test]
    fn what_is_not_ours_is_known() {
        let prefix = Path::from("incoming/files");
        let ours = folder(&prefix, &"acme".parse().unwrap());
        assert_eq!(kind(&prefix, &file(&ours, &FileId::of_hash(&[0; 32]))), Kind::File);
        assert_eq!(kind(&prefix, &incoming(&ours)), Kind::Incoming);
        for foreign in ["incoming/files/backup.tar", "incoming/x", &format!("{ours}/notes.txt")] {
            assert_eq!(kind(&prefix, &Path::from(foreign)), Kind::Foreign, "{foreign}");
        }
    }
}

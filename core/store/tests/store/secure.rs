//! PostgreSQL over TLS, with a certificate of the tests' own; and where passwords come from.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use caseward_store::{Options, Store};
use postgres::{Client, NoTls};
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::bench::{Bench, is_on_postgres};

/// Writes a file that the server alone reads.
fn keep(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (path, owner) = (folder.join(name), std::fs::metadata(folder).unwrap());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    path
}

/// An authority's certificate, and that of a server that is called so with its key.
fn certificates(name: &str) -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &*authority).unwrap();
    let authority: &Certificate = authority.as_ref();
    (authority.pem(), server.pem(), key.serialize_pem())
}

/// Whether a store's connections are encrypted.
fn is_encrypted(bench: &Bench) -> bool {
    bench.number(
        "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
         WHERE a.application_name = 'caseward' AND a.datname = current_database() AND s.ssl",
    ) > 0
}

#[test]
fn a_server_is_spoken_to_as_the_address_says() {
    if !is_on_postgres() {
        return;
    }
    let mut bench = Bench::with_case();
    bench.store = None;
    let place = bench.place().to_str().unwrap().to_owned();
    let mut server = Client::connect(&place, NoTls).unwrap();
    let hba = PathBuf::from(server.query_one("SHOW hba_file", &[]).unwrap().get::<_, String>(0));
    let data = hba.parent().unwrap();
    let (authority, certificate, key) = certificates("localhost");
    let root = bench.folder.path().join("root.pem");
    std::fs::write(&root, authority).unwrap();
    let other = bench.folder.path().join("other.pem");
    std::fs::write(&other, certificates("localhost").0).unwrap();
    let open = |host: &str, rest: &str| {
        let place = place.replace("127.0.0.1", host);
        Store::open(format!("{place}?{rest}"), &Options::new().alone())
    };
    let refused = |host: &str, rest: &str| open(host, rest).err().unwrap().to_string();
    let error = refused("127.0.0.1", "sslmode=require");
    assert!(error.contains("does not support TLS"), "{error}");

    let (certificate, key) = (keep(data, "server.crt", &certificate), keep(data, "server.key", &key));
    for (name, path) in [("ssl_cert_file", certificate), ("ssl_key_file", key)] {
        server.batch_execute(&format!("ALTER SYSTEM SET {name} = '{}'", path.display())).unwrap();
    }
    server.batch_execute("ALTER SYSTEM SET ssl = on").unwrap();
    server.batch_execute("SELECT pg_reload_conf()").unwrap();
    // A moment later it is so.
    let encrypted = |host: &str, rest: &str| {
        let begun = std::time::Instant::now();
        loop {
            match open(host, rest) {
                Ok(store) => {
                    let found = is_encrypted(&bench);
                    assert!(store.verify(Vec::new()).unwrap().is_sound());
                    return found;
                }
                Err(error) if begun.elapsed().as_secs() > 20 => panic!("{error}"),
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(50)),
            }
        }
    };
    let by = |root: &Path| format!("sslmode=verify-full&sslrootcert={}", root.display());
    assert!(encrypted("localhost", &by(&root)));
    assert!(encrypted("127.0.0.1", "sslmode=require"));
    assert!(encrypted("127.0.0.1", "sslmode=prefer"));
    assert!(!encrypted("127.0.0.1", "sslmode=disable"));
    // Another authority, and another name.
    for (host, rest) in [
        ("localhost", by(&other)),
        ("127.0.0.1", by(&root)),
        ("127.0.0.1", by(&root).replace("verify-full", "require")),
        ("localhost", "sslmode=verify-full&sslrootcert=system".to_owned()),
    ] {
        let error = refused(host, &rest);
        assert!(error.contains("certificate"), "{rest}: {error}");
    }
    // A password is asked for, of one person alone.
    let rules = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("hostssl all secretive 127.0.0.1/32 scram-sha-256\n{rules}")).unwrap();
    server
        .batch_execute("CREATE ROLE secretive SUPERUSER LOGIN PASSWORD 'a:b'; SELECT pg_reload_conf()")
        .unwrap();
    let secretive = place.replace("postgres@", "secretive@");
    let passwords = bench.folder.path().join("passwords");
    std::fs::write(&passwords, "*:*:*:secretive:a\\:b\n").unwrap();
    let address = format!("{secretive}?sslmode=require&passfile={}", passwords.display());
    let error = Store::open(&address, &Options::new().alone()).err().unwrap().to_string();
    assert!(error.contains("others may read it"), "{error}");
    std::fs::set_permissions(&passwords, std::fs::Permissions::from_mode(0o600)).unwrap();
    let store = Store::open(&address, &Options::new()).unwrap();
    assert!(is_encrypted(&bench) && store.world().contains(&"Case::\"c1\"".parse().unwrap()));
    drop(store);
    let wrong = secretive.replace("secretive@", "secretive:wrong@");
    let error = Store::open(format!("{wrong}?sslmode=require"), &Options::new()).err().unwrap().to_string();
    assert!(error.contains("password authentication failed") && !error.contains("wrong"), "{error}");
}

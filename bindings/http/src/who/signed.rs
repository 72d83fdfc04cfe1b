//! Signatures of tokens: `jsonwebtoken` reads and judges them, and asks `ring` whether they are the key's.
//!
//! Of its own it would bring another AWS-LC, or `rsa` with a known flaw (RUSTSEC-2023-0071); `ring` is what TLS is of already.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use ring::signature::{
    self as of, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: |algorithm, key| {
        Ok(Box::new(Verifying { algorithm: *algorithm, public: public(*algorithm, key)? }))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has `ring` verify what tokens are signed with. Where a process that mounts the routes chose something else before, that stays.
pub(super) fn by_ring() {
    let _ = RING.install_default();
}

/// The curve or the padding of an algorithm, and what is known of the key.
enum Public {
    Rsa { of: &'static RsaParameters, n: Vec<u8>, e: Vec<u8> },
    Point { of: &'static dyn VerificationAlgorithm, point: Vec<u8> },
}

/// INVARIANT: a secret is never a key here, so that a public key cannot be made one by a token that says `HS256`.
fn public(algorithm: Algorithm, key: &DecodingKey) -> Result<Public> {
    if algorithm.family() != key.family() || key.family() == AlgorithmFamily::Hmac {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    let rsa = |of| match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => Ok(Public::Rsa { of, n: n.clone(), e: e.clone() }),
        _ => Err(new_error(ErrorKind::InvalidKeyFormat)),
    };
    let point = |of| Ok(Public::Point { of, point: key.try_get_as_bytes()?.to_vec() });
    match algorithm {
        Algorithm::RS256 => rsa(&of::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => rsa(&of::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => rsa(&of::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => rsa(&of::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => rsa(&of::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => rsa(&of::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => point(&of::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => point(&of::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => point(&of::ED25519),
        _ => Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    }
}

struct Verifying {
    algorithm: Algorithm,
    public: Public,
}

impl Verifier<Vec<u8>> for Verifying {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> std::result::Result<(), Error> {
        let verified = match &self.public {
            Public::Rsa { of, n, e } => RsaPublicKeyComponents { n, e }.verify(of, message, signed),
            Public::Point { of, point } => UnparsedPublicKey::new(*of, point).verify(message, signed),
        };
        verified.map_err(|_| Error::new())
    }
}

impl JwtVerifier for Verifying {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

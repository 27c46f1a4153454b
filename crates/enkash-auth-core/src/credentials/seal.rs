use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, AeadInOut, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::Credentials;
use crate::{Error, ErrorKind, account::Unreadable};

/// Bytes of a seal's salt, which stands before the sealed text.
const SALT: usize = 32;

/// What the key is for, so that no other use of the same secrets derives the same.
const PURPOSE: &[u8] = b"enkash-auth token seal 1";

impl Credentials {
    /// Seals `plain` so that only these very credentials open it (ChaCha20-Poly1305, RFC 8439, under
    /// a key derived by HKDF-SHA-256, RFC 5869, from all that is sent). `context` is not kept, and
    /// must be the same again.
    ///
    /// `salt` must be random, and new each time: the key is for this one text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] for more than 256 GiB.
    pub fn seal(&self, salt: [u8; SALT], context: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        let payload = Payload {
            msg: plain,
            aad: context,
        };
        let sealed = self.cipher(&salt).encrypt(&[0; 12].into(), payload);
        let sealed =
            sealed.map_err(|_| Error::new(ErrorKind::InvalidResponse, "too much to seal"))?;
        Ok([&salt[..], &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) sealed.
    ///
    /// # Errors
    ///
    /// Where it is too short for a seal, and where it was changed or sealed with other credentials,
    /// which cannot be told apart.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let (salt, sealed) = sealed
            .split_first_chunk::<SALT>()
            .ok_or(Unreadable::Damaged)?;
        let mut text = Zeroizing::new(sealed.to_vec());
        self.cipher(salt)
            .decrypt_in_place(&[0; 12].into(), context, &mut *text)
            .map_err(|_| Unreadable::Damaged)?;
        Ok(text)
    }

    fn cipher(&self, salt: &[u8; SALT]) -> ChaCha20Poly1305 {
        let everything = self.everything();
        let mut key = Zeroizing::new([0; 32]);
        // HKDF refuses nothing shorter than 255 hashes.
        let _ = Hkdf::<Sha256>::new(Some(salt), &everything).expand(PURPOSE, &mut *key);
        let mut array = (*key).into();
        let cipher = ChaCha20Poly1305::new(&array);
        array.as_mut_slice().zeroize();
        cipher
    }
}

use enkash_auth_core::may_be_token_path;

/// Remembers the end of a path that cannot be that of a token request: a service makes the same calls again and again.
///
/// Such an end is decided by the last segment. If the last eight bytes hold a slash, they hold all of that segment.
#[derive(Clone, Debug, Default)]
pub struct KnownPath {
    end: Option<[u8; END]>,
}

const END: usize = 8;

impl KnownPath {
    /// Returns `false` only for a path that is not that of a token request.
    // Always: called for every request.
    #[inline(always)]
    pub fn may_be_token_path(&mut self, path: &str) -> bool {
        let end = path.as_bytes().last_chunk::<END>();
        (end.is_none() || end != self.end.as_ref()) && self.look(path)
    }

    #[inline(never)]
    fn look(&mut self, path: &str) -> bool {
        if may_be_token_path(path) {
            return true;
        }
        let end = path.as_bytes().last_chunk::<END>();
        self.end = end.filter(|end| end.contains(&b'/')).copied();
        false
    }
}

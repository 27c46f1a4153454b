//! Copies the header for one handle.
//!
//! A header value is shared by a reference count, and a count that two cores write to moves between
//! them at every request. So a long-lived handle copies the header on its second use; one that is
//! cloned per request starts without a copy and shares.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::{Attached, Shared, snapshot::Published};
use crate::sync::Arc;

#[derive(Debug)]
pub struct HeaderCopy {
    copy: Option<Own>,
    uses: Uses,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Uses {
    /// Each response is looked at: no call is made without a lookup.
    Never,
    None,
    Some,
}

#[derive(Debug)]
struct Own {
    header: HeaderValue,
    of: Arc<Published>,
}

impl HeaderCopy {
    /// Creates one that attaches nothing unless `is_used`.
    pub fn new(is_used: bool) -> Self {
        Self {
            copy: None,
            uses: if is_used { Uses::None } else { Uses::Never },
        }
    }

    /// Inserts the cached token into `headers` if it may be attached without consulting the state, and the
    /// response need not be looked at unless it is a 401.
    #[inline]
    pub fn attach(&mut self, headers: &mut HeaderMap, shared: &Shared) -> Option<Attached> {
        let (header, attached) = match &self.copy {
            Some(own) if own.of.is_fresh() => (own.header.clone(), own.of.attached()),
            _ => self.shared(shared)?,
        };
        headers.insert(&AUTHORIZATION, header);
        Some(attached)
    }

    /// Takes the slower path: the first uses, a new token, time to consult the state, or calls that are watched.
    #[inline(never)]
    fn shared(&mut self, shared: &Shared) -> Option<(HeaderValue, Attached)> {
        if self.uses == Uses::Never {
            return None;
        }
        let current = shared.snapshot.load();
        let current = current.as_ref();
        self.copy = None;
        let current = current?;
        let header = current.header()?;
        if std::mem::replace(&mut self.uses, Uses::Some) == Uses::Some {
            self.copy = Own::new(header, current);
        }
        Some((header.clone(), current.attached()))
    }

    /// Inserts the cached token of one account of many, as [`attach`](Self::attach) does that of the only one.
    pub fn attach_once(&self, headers: &mut HeaderMap, shared: &Shared) -> Option<Attached> {
        if self.uses == Uses::Never {
            return None;
        }
        let current = shared.snapshot.load();
        let current = current.as_deref()?;
        headers.insert(&AUTHORIZATION, current.header()?.clone());
        Some(current.attached())
    }
}

impl Own {
    fn new(header: &HeaderValue, of: &Arc<Published>) -> Option<Self> {
        let mut own = HeaderValue::from_bytes(header.as_bytes()).ok()?;
        own.set_sensitive(true);
        Some(Self {
            // The first clone of a buffer allocates its count, and clones of a clone are cheaper.
            header: own.clone(),
            of: Arc::clone(of),
        })
    }
}

impl Clone for HeaderCopy {
    fn clone(&self) -> Self {
        Self::new(self.uses != Uses::Never)
    }
}

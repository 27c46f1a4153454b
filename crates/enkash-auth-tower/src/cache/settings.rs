use enkash_auth_core::SystemClock;

use super::places::Places;
#[cfg(feature = "config")]
use crate::{Config, ConfigError};
use crate::{
    RefreshPolicy,
    attempts::Process,
    call_headers::CallHeaders,
    store::{OnStoreDown, Store},
    sync::Arc,
    time::Time,
};

/// Holds the settings of all accounts of one token server.
#[derive(Debug)]
pub struct Settings {
    pub policy: RefreshPolicy,
    pub clock: Time,
    pub store: Option<Arc<dyn Store>>,
    pub process: Process,
    pub on_store_down: OnStoreDown,
    pub call_headers: CallHeaders,
    /// How many token requests may be in flight.
    pub max_requests: usize,
}

impl Settings {
    /// Sets what `config` says of them.
    #[cfg(feature = "config")]
    pub fn set(&mut self, config: &Config) -> Result<(), ConfigError> {
        self.policy = config.policy()?;
        self.on_store_down = config.on_store_down();
        self.call_headers = config.call_headers()?;
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: RefreshPolicy::default(),
            clock: Time::System(SystemClock),
            store: None,
            process: Process::this(),
            on_store_down: OnStoreDown::default(),
            call_headers: CallHeaders::default(),
            max_requests: Places::DEFAULT,
        }
    }
}

/// Writes the setters that builders over `settings` have in common.
macro_rules! setters {
    () => {
        /// Sets when to renew, and the bounds of waiting: of each account.
        ///
        /// # Errors
        ///
        /// [`InvalidSetting`](crate::ErrorKind::InvalidSetting) for a policy under which no
        /// token can be fetched or waited for: see [`RefreshPolicy::validate`](crate::RefreshPolicy::validate).
        pub fn policy(mut self, policy: $crate::RefreshPolicy) -> Result<Self, $crate::Error> {
            policy.validate()?;
            self.settings.policy = policy;
            Ok(self)
        }

        /// Sets the store of the account records: the attempts, and the shared token. The default is one record
        /// of attempts for the whole process, and shares no token.
        pub fn store(mut self, store: impl $crate::Store) -> Self {
            self.settings.store = Some($crate::sync::Arc::new(store));
            self
        }

        /// Sets what to do while the store cannot be used.
        pub fn on_store_down(mut self, on_store_down: $crate::OnStoreDown) -> Self {
            self.settings.on_store_down = on_store_down;
            self
        }

        /// Sets the clock. All caches of one account in a process must count from the same point, as with the
        /// default: they share a record of attempts.
        pub fn clock(mut self, clock: impl $crate::Clock) -> Self {
            let clock = $crate::sync::Arc::new(clock);
            self.settings.clock = $crate::time::Time::Other(clock);
            self
        }

        /// Uses what `process` witnessed instead of the current process: for tests of several in one.
        #[doc(hidden)]
        pub fn process(mut self, process: $crate::internal::Process) -> Self {
            self.settings.process = process;
            self
        }
    };
}

pub(crate) use setters;

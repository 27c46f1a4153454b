use super::State;

impl State {
    /// Other credentials are used from now on. The flight that is on is abandoned: whoever waits for
    /// it must ask again. True where there was one.
    ///
    /// `keeps_token`: whether a token of the old ones is as good as one of the new.
    pub fn change_credentials(&mut self, keeps_token: bool) -> bool {
        let abandoned = self.flight.take().is_some();
        if !keeps_token {
            self.is_forced |= self.held.take().is_some();
        }
        self.is_forced |= abandoned;
        self.forgive();
        abandoned
    }

    /// Forgets failures, so that whoever asks next need not wait for the end of a pause.
    pub fn forgive(&mut self) {
        self.is_forced |= self.pause.is_some();
        self.settled();
    }

    /// There is no failure to remember any more.
    pub(super) fn settled(&mut self) {
        self.pause = None;
        self.failures = 0;
        self.failures_behind = 0;
    }
}

//! The secrets behind write tokens over the life of a node: changed at checkpoints, written down before
//! they are used, and taken up again after a crash, so that tokens of before still hold.

use core::time::Duration;

use super::{Node, Record, Snapshot};
use crate::time::Instant;

/// How long ago the secrets were changed.
#[derive(Clone, Copy)]
pub(super) struct SecretsAge {
    as_of: Instant,
    age: Duration,
}

impl SecretsAge {
    pub(super) const fn new(changed: Instant) -> Self {
        Self {
            as_of: changed,
            age: Duration::ZERO,
        }
    }

    const fn at(self, now: Instant) -> Duration {
        self.age.saturating_add(now.since(self.as_of))
    }
}

impl Node {
    pub(super) fn change_secrets(&mut self) {
        self.tokens.rotate(&mut self.rng);
        self.secrets_age = SecretsAge::new(self.now);
        self.record_secrets();
    }

    /// Draws the secret that comes next, and notes all of them, if there is a journal.
    pub(super) fn record_secrets(&mut self) {
        if self.outbox.has_journal() {
            self.tokens.announce(&mut self.rng);
            let (at, secrets) = (self.now, self.tokens.secrets());
            self.outbox
                .record_soon(|| Record::TokenSecrets { at, secrets });
        }
    }

    /// Takes up the secrets of an earlier run, changed for each checkpoint that it would have had
    /// since. What is in the journal already is not noted again.
    pub(super) fn restore_secrets(&mut self, snapshot: &Snapshot) {
        let Some((secrets, changed_ago)) = snapshot.token_secrets() else {
            return self.record_secrets();
        };
        let interval = self.config.checkpoint.as_nanos().max(1);
        let changes = changed_ago.as_nanos() / interval;
        let changes = usize::try_from(changes).unwrap_or(usize::MAX);
        let saved = secrets.clone();
        self.tokens.restore(saved, changes, &mut self.rng);
        if changes == 0 {
            self.secrets_age.age = changed_ago;
        }
        if self.outbox.has_journal() {
            self.tokens.announce(&mut self.rng);
        }
        if self.tokens.secrets() != *secrets {
            self.record_secrets();
        }
    }

    pub(super) fn save_secrets(&self, now: Instant, into: &mut Snapshot) {
        into.set_token_secrets(self.tokens.secrets(), self.secrets_age.at(now));
    }
}

//! Accounts: which one an element is asked of, and what follows where the API refuses that.

use super::Mirror;
use crate::error::{ErrorKind, Failure};
use crate::ids::Entry;
use crate::outcome::End;
use crate::store::Store;

impl<S: Store> Mirror<S> {
    /// The account that an element is asked of.
    pub(super) fn account<'a>(&'a self, entry: &'a Entry) -> Option<&'a str> {
        entry.email.as_deref().or(self.options.upstream.email.as_deref())
    }

    /// The `failure` of an element that the API refuses because of its `account`, with what the token's own list of
    /// accounts says about that. Where the token has several accounts and none was named, this ends the run.
    pub(super) async fn refused_account(&self, account: Option<&str>, failure: Failure) -> Failure {
        let accounts = match self.accounts.get_or_try_init(|| self.ask_for_accounts(account)).await {
            Ok(Ok(accounts)) => accounts,
            Ok(Err(refused)) => return refused.clone(),
            Err(unknown) if unknown.kind == ErrorKind::Interrupted => return unknown,
            Err(unknown) => {
                let message = format!("{}; can't ask which accounts there are: {unknown}", failure.message);
                return Failure { message, ..failure };
            }
        };
        match account {
            None => {
                self.need_account(accounts);
                failure
            }
            Some(email) => failure.of_account(email, accounts),
        }
    }

    /// The accounts that the token has, or how the token is refused. Fails where neither can be known now.
    async fn ask_for_accounts(&self, account: Option<&str>) -> Result<Result<Vec<String>, Failure>, Failure> {
        match self.api.accounts().await {
            Ok(accounts) => {
                if account.is_none() {
                    // Before the answer is shared, since others would go on asking by it.
                    self.need_account(&accounts);
                }
                Ok(Ok(accounts))
            }
            Err(failure) if failure.kind.is_refusal() => Ok(Err(failure)),
            Err(failure) => Err(failure),
        }
    }

    /// Ends the run, which names no account, where there are several.
    fn need_account(&self, accounts: &[String]) {
        if accounts.len() > 1 {
            let message = format!("the token has several accounts, name one by --email: {}", accounts.join(", "));
            self.stop.end(End::AccountNeeded(message));
        }
    }
}

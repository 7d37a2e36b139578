//! An upstream's accounts, and the lists of their elements.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Reply, Request, Upstream};

/// The parameters of a request, decoded.
pub(crate) fn query(request: &Request) -> HashMap<String, String> {
    form_urlencoded::parse(request.query.as_bytes()).into_owned().collect()
}

/// The accounts of an upstream. What is changed of them later holds for later requests.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<BTreeMap<String, Account>>>);

#[derive(Clone, Default)]
struct Account {
    elements: Vec<Value>,
    /// What a page, or all pages, answer instead.
    faults: HashMap<Option<usize>, Reply>,
    /// What the next request answers instead.
    next: Option<Reply>,
    page_size: Option<usize>,
    /// What the list says that it has, where that is not true.
    total: Option<Value>,
}

impl Accounts {
    /// Serves `/accounts` and `/elements` on `upstream`, for no account yet.
    pub(crate) fn of(upstream: &Upstream) -> Self {
        let accounts = Self::default();
        let (known, listed) = (accounts.clone(), accounts.clone());
        upstream.script("/v1/kling/accounts", move |_| known.told());
        upstream.script("/v1/kling/elements", move |request| listed.page(&query(request)));
        accounts
    }

    /// An account of these elements.
    pub(crate) fn add(&self, email: &str, elements: impl IntoIterator<Item = Value>) {
        self.change(email, |account| account.elements = elements.into_iter().collect());
    }

    /// Changes the elements that an account's list shows.
    pub(crate) fn edit(&self, email: &str, edit: impl FnOnce(&mut Vec<Value>)) {
        self.change(email, |account| edit(&mut account.elements));
    }

    /// What a page of an account's list answers; all pages, where none is named.
    pub(crate) fn fail(&self, email: &str, page: Option<usize>, reply: Reply) {
        self.change(email, |account| _ = account.faults.insert(page, reply));
    }

    /// What the next request for a page of an account's list answers.
    pub(crate) fn fail_once(&self, email: &str, reply: Reply) {
        self.change(email, |account| account.next = Some(reply));
    }

    /// No page of an account has more than so many elements, whatever is asked for.
    pub(crate) fn cap(&self, email: &str, page_size: usize) {
        self.change(email, |account| account.page_size = Some(page_size));
    }

    /// What an account's list says that it has in all.
    pub(crate) fn claim(&self, email: &str, total: Value) {
        self.change(email, |account| account.total = Some(total));
    }

    fn change(&self, email: &str, change: impl FnOnce(&mut Account)) {
        change(self.0.lock().unwrap().entry(email.to_owned()).or_default());
    }

    fn told(&self) -> Reply {
        let accounts = self.0.lock().unwrap();
        if accounts.is_empty() {
            return Reply::json(404, &json!({"error": "No accounts configured"}));
        }
        let secret = |email: &String| json!({"email": email, "session": {"cookie": SECRET}, "password": SECRET});
        Reply::json(200, &accounts.keys().map(|email| (email.clone(), secret(email))).collect::<Value>())
    }

    fn page(&self, query: &HashMap<String, String>) -> Reply {
        let mut accounts = self.0.lock().unwrap();
        let Some(account) = query.get("email").and_then(|email| accounts.get_mut(email)) else {
            return Reply::json(400, &json!({"error": "Unknown email"}));
        };
        if let Some(next) = account.next.take() {
            return next;
        }
        let number: usize = query["pageNum"].parse().unwrap();
        if let Some(fault) = account.faults.get(&Some(number)).or_else(|| account.faults.get(&None)) {
            return fault.clone();
        }
        assert_eq!(query["sortDirection"], "ASC");
        let asked: usize = query["pageSize"].parse().unwrap();
        assert!((1..=100).contains(&asked));
        let size = asked.min(account.page_size.unwrap_or(asked));
        let elements: Vec<&Value> = account.elements.iter().skip((number - 1) * size).take(size).collect();
        let total = account.total.clone().unwrap_or_else(|| account.elements.len().into());
        Reply::json(200, &json!({"elementsList": elements, "pageNum": number, "pageSize": size, "total": total}))
    }
}

/// What `/accounts` says and nobody is to see.
pub(crate) const SECRET: &str = "the-password-of-an-account";

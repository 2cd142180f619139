//! The routing table of a node: buckets partition the identifiers, hold at most K, and each contact
//! is where it belongs, once.

use khashmir::{Contact, Id, Node};

use super::{Check, Finding};

/// Looks through a table.
pub(super) fn check(node: &Node) -> Finding {
    let (own, k) = (node.id(), node.config().k);
    let buckets: Vec<Vec<Contact>> = node.buckets().collect();
    let last = buckets.len().saturating_sub(1);
    for (depth, bucket) in buckets.iter().enumerate() {
        if bucket.len() > k {
            return fail(format!("bucket {depth} holds {} contacts", bucket.len()));
        }
        for contact in bucket {
            let shared = own.common_prefix(&contact.id);
            let belongs = if depth == last {
                shared >= depth
            } else {
                shared == depth
            };
            if !belongs || shared == Id::BITS {
                let id = contact.id;
                return fail(format!(
                    "{id} shares {shared} bits and is in bucket {depth}"
                ));
            }
        }
    }
    let mut ids: Vec<Id> = buckets.iter().flatten().map(|contact| contact.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => fail(format!("{} is there twice", pair[0])),
        None => Ok(()),
    }
}

fn fail(what: String) -> Finding {
    Err((Check::Table, what))
}

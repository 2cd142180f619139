//! The routing table of a node: buckets partition the identifiers, hold at most K, and each contact
//! is where it belongs, once.

use khashmir::{Contact, Id, Node};

use super::{Check, Finding};

/// Looks through the table of a node.
pub(super) fn check(node: &Node) -> Finding {
    let buckets: Vec<Vec<Contact>> = node.buckets().collect();
    check_buckets(&node.id(), node.config().k, &buckets)
}

fn check_buckets(own: &Id, k: usize, buckets: &[Vec<Contact>]) -> Finding {
    let last = buckets.len().saturating_sub(1);
    for (depth, bucket) in buckets.iter().enumerate() {
        if bucket.len() > k {
            return fail(format!("bucket {depth} holds {} contacts", bucket.len()));
        }
        for (place, contact) in bucket.iter().enumerate() {
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
            // Duplicates across buckets need no look: one of them would be in the wrong bucket.
            if bucket[..place].iter().any(|other| other.id == contact.id) {
                return fail(format!("{} is there twice", contact.id));
            }
        }
    }
    Ok(())
}

fn fail(what: String) -> Finding {
    Err((Check::Table, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(first: u8, last: u8) -> Contact {
        let mut id = [0; Id::LEN];
        (id[0], id[Id::LEN - 1]) = (first, last);
        Contact::new(Id::new(id), ([10, 0, 0, last], 9977).into())
    }

    #[test]
    fn what_is_not_where_it_belongs_is_found() {
        let own = contact(0, 1).id;
        let good = vec![
            vec![contact(0x80, 2), contact(0xff, 3)],
            vec![contact(0x40, 4)],
            vec![contact(0x20, 5), contact(0, 6)],
        ];
        assert_eq!(check_buckets(&own, 2, &good), Ok(()));
        assert_eq!(check_buckets(&own, 2, &[]), Ok(()));
        let broken = |how: fn(&mut Vec<Vec<Contact>>)| {
            let mut buckets = good.clone();
            how(&mut buckets);
            let (check, what) = check_buckets(&own, 2, &buckets).expect_err("it is broken");
            assert_eq!(check, Check::Table);
            what
        };
        assert_eq!(
            broken(|b| b[0].push(contact(0x90, 7))),
            "bucket 0 holds 3 contacts"
        );
        assert!(
            broken(|b| b[1].push(contact(0x80, 7))).ends_with("shares 0 bits and is in bucket 1")
        );
        assert!(
            broken(|b| b[1].push(contact(0x20, 7))).ends_with("shares 2 bits and is in bucket 1")
        );
        assert!(
            broken(|b| b[2][0] = contact(0, 1)).ends_with("shares 160 bits and is in bucket 2")
        );
        assert!(broken(|b| b[0][1] = b[0][0]).ends_with("is there twice"));
    }
}

//! Which settings have changed in a file that is read again.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Settings;

impl Settings {
    /// The names of those settings that are others now, and cannot change while the node runs.
    pub(crate) fn need_a_restart(&self, now: &Self) -> Vec<String> {
        let (before, now) = (self.lasting(), now.lasting());
        let changed = now
            .into_iter()
            .filter(|(name, value)| before.get(name) != Some(value));
        changed.map(|(name, _)| name).collect()
    }

    /// All settings but those that can change while the node runs, by their names in a file.
    fn lasting(&self) -> BTreeMap<String, String> {
        let Self {
            listen,
            bootstrap: _,
            alone: _,
            data,
            memory,
            receive_buffer,
            log_level: _,
            log_format,
            config,
        } = self;
        let mut lasting = BTreeMap::from([
            ("listen".to_owned(), listen.to_string()),
            ("data".to_owned(), format!("{data:?}")),
            ("memory".to_owned(), memory.to_string()),
            ("receive_buffer".to_owned(), receive_buffer.to_string()),
            ("log_format".to_owned(), format!("{log_format:?}")),
        ]);
        // That of a configuration never fails.
        let config = serde_json::to_value(config).unwrap_or_default();
        for (name, value) in config.as_object().into_iter().flatten() {
            let section = value.as_object();
            match section.filter(|_| ["store", "limits"].contains(&name.as_str())) {
                Some(section) => {
                    let of = |(inner, value): (&String, &Value)| {
                        (format!("{name}.{inner}"), value.to_string())
                    };
                    lasting.extend(section.iter().map(of));
                }
                None => drop(lasting.insert(format!("protocol.{name}"), value.to_string())),
            }
        }
        lasting
    }
}

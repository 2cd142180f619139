//! Where in a configuration file each setting stands, so that complaints can say so.

use std::ops::Range;

use toml::de::{DeArray, DeTable, DeValue};
use toml::{Spanned, de};

/// The settings of a file, and where they are.
pub(crate) struct Places<'a> {
    text: &'a str,
    settings: Vec<Setting>,
}

struct Setting {
    /// Its name, after those of the tables that it is in.
    path: String,
    /// From the beginning of its name.
    at: usize,
    value: Range<usize>,
}

impl<'a> Places<'a> {
    /// Reads a file, which has to be TOML.
    pub(crate) fn of(text: &'a str) -> Result<Self, String> {
        let mut places = Self {
            text,
            settings: Vec::new(),
        };
        let table = DeTable::parse(text).map_err(|error| places.say(&error))?;
        places.note_table("", table.get_ref());
        Ok(places)
    }

    /// What is wrong with a setting, with where it stands; or with what it stands in, or with the file.
    pub(crate) fn at(&self, path: &str, why: &str) -> String {
        let mut stands_in = path;
        loop {
            if let Some(setting) = self
                .settings
                .iter()
                .find(|setting| setting.path == stands_in)
            {
                return format!("{} {path}: {why}", self.position(setting.at));
            }
            match stands_in.rsplit_once('.') {
                Some((outer, _)) => stands_in = outer,
                None => return format!(" {path}: {why}"),
            }
        }
    }

    /// What the parser says, with where that is and in which setting.
    pub(crate) fn say(&self, error: &de::Error) -> String {
        let why = error.message().trim().replace('\n', ", ");
        let Some(span) = error.span() else {
            return format!(" {why}");
        };
        let position = self.position(span.start);
        let holds = |setting: &&Setting| {
            (setting.at..setting.value.end.max(setting.at + 1)).contains(&span.start)
        };
        // The innermost one comes last.
        match self.settings.iter().rfind(holds) {
            Some(setting) => format!("{position} {}: {why}", setting.path),
            // A file that is no TOML has no settings to name.
            None => match self.text.get(span).map(str::trim) {
                None | Some("") => format!("{position} {why}"),
                Some(said) => {
                    let first = said.lines().next().unwrap_or_default();
                    format!("{position} '{first}': {why}")
                }
            },
        }
    }

    /// Line and column of a byte, both counted from 1, columns in characters.
    fn position(&self, byte: usize) -> String {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let begins = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[begins..].chars().count() + 1;
        format!("{line}:{column}:")
    }

    fn note_table(&mut self, within: &str, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let name = key.get_ref();
            let path = match within {
                "" => name.to_string(),
                within => format!("{within}.{name}"),
            };
            self.note(path, key.span().start, value);
        }
    }

    fn note_array(&mut self, within: &str, array: &DeArray<'_>) {
        for (number, value) in array.iter().enumerate() {
            self.note(format!("{within}.{number}"), value.span().start, value);
        }
    }

    fn note(&mut self, path: String, at: usize, value: &Spanned<DeValue<'_>>) {
        let inner = path.clone();
        self.settings.push(Setting {
            path,
            at,
            value: value.span(),
        });
        if let Some(table) = value.get_ref().as_table() {
            self.note_table(&inner, table);
        } else if let Some(array) = value.get_ref().as_array() {
            self.note_array(&inner, array);
        }
    }
}

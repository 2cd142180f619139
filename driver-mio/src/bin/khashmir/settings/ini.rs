//! Configuration files of the original: sections of options, as Python's ConfigParser reads them.

/// An option of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IniOption {
    /// Its name in capitals, since case does not matter.
    pub(crate) name: String,
    /// Its value; lines that go on are separated by line ends.
    pub(crate) value: String,
}

/// The options of one section with those of `[DEFAULT]`, over which they win, in the order of the file;
/// and the names of the other sections. Nothing when there is no such section.
pub(crate) struct Read {
    pub(crate) options: Vec<IniOption>,
    pub(crate) other_sections: Vec<String>,
}

/// Reads a file. What is wrong with it begins with the line.
pub(crate) fn read(text: &str, section: &str) -> Result<Option<Read>, String> {
    let mut sections: Vec<(String, Vec<IniOption>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let said = line.trim();
        if said.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let bad = |why| format!("{}: {why}", number + 1);
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split_once(']').ok_or_else(|| bad("a ] is missing"))?.0;
            sections.push((name.to_owned(), Vec::new()));
            continue;
        }
        let options = sections.last_mut().map(|(_, options)| options);
        let options = options.ok_or_else(|| bad("an option before the first section"))?;
        if let (true, Some(option)) = (line.starts_with(char::is_whitespace), options.last_mut()) {
            option.value += &format!("\n{said}");
            continue;
        }
        let (name, value) = said
            .split_once(['=', ':'])
            .ok_or_else(|| bad("neither a section nor an option"))?;
        let value = without_comment(value);
        options.push(IniOption {
            name: name.trim().to_uppercase(),
            value: value.trim().to_owned(),
        });
    }
    Ok(pick(sections, section))
}

/// A value without what follows a semicolon after a space: that is a comment.
fn without_comment(value: &str) -> &str {
    let is_comment = |(at, _): &(usize, &str)| value[..*at].ends_with(char::is_whitespace);
    let comment = value.match_indices(';').find(is_comment);
    comment.map_or(value, |(at, _)| &value[..at])
}

fn pick(sections: Vec<(String, Vec<IniOption>)>, section: &str) -> Option<Read> {
    if !sections.iter().any(|(name, _)| name == section) {
        return None;
    }
    let (mut options, mut own, mut other_sections) = (Vec::new(), Vec::new(), Vec::new());
    for (name, said) in sections {
        if name == section {
            own.extend(said);
        } else if name == "DEFAULT" {
            options.extend(said);
        } else {
            other_sections.push(name);
        }
    }
    options.extend(own);
    // Of options of one name the last is the one that counts.
    let mut last: Vec<IniOption> = Vec::new();
    for option in options {
        match last.iter_mut().find(|known| known.name == option.name) {
            Some(known) => *known = option,
            None => last.push(option),
        }
    }
    Some(Read {
        options: last,
        other_sections,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_its_own_options_and_the_default_ones() {
        let text = "# a comment\n[DEFAULT]\nport = 1\ncache: /x;y\t; a comment ; more\n\n[mine]\nPort = 2\n; another\n\
                    hosts = a\n  b\n\n\tc\nempty =\n[other]\nport = 3\n";
        let read = read(text, "mine").expect("it is sound").expect("a section");
        let options: Vec<_> = read
            .options
            .iter()
            .map(|o| (o.name.as_str(), o.value.as_str()))
            .collect();
        let expected = [
            ("PORT", "2"),
            ("CACHE", "/x;y"),
            ("HOSTS", "a\nb\nc"),
            ("EMPTY", ""),
        ];
        assert_eq!(options, expected);
        assert_eq!(read.other_sections, ["other"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let why = |text| read(text, "mine").map(|read| read.is_some());
        assert_eq!(why("[other]\na = 1"), Ok(false));
        assert_eq!(why("\n[mine\n"), Err("2: a ] is missing".to_owned()));
        assert_eq!(
            why("a = 1"),
            Err("1: an option before the first section".to_owned())
        );
        assert_eq!(
            why("[mine]\na"),
            Err("2: neither a section nor an option".to_owned())
        );
    }
}

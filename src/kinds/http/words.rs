//! What a line of a plain health text says.

use super::health::{State, state_of};

/// Words that turn what follows into its opposite.
const DENIALS: &[&str] = &["not", "no", "non", "never", "0", "none"];

/// What a line of text says: the whole line, else its first word, else its last one; `NOT OK` and
/// `0 workers up` are not healthy because they end well.
pub(super) fn state_of_line(line: &str) -> State {
    let whole = state_of(line);
    if whole != State::Strange {
        return whole;
    }
    let words: Vec<String> = line
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let denied = |word: &String| DENIALS.contains(&word.as_str()) || word.ends_with("n't");
    if words.iter().any(denied) {
        return State::Strange;
    }
    let first = line.split([' ', ':', ',', '-']).next().unwrap_or_default();
    let last = line.rsplit([' ', ':', '=']).next().unwrap_or_default();
    match state_of(first) {
        State::Strange | State::Absent => state_of(last),
        state => state,
    }
}

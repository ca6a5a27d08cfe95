//! The interfaces that a sensor is asked to watch, by name.

use wildmatch::WildMatch;

use super::{Interface, SourceError};

/// Names of interfaces; `*` and `?` in a name stand for any characters, and for any one.
#[derive(Clone, Debug, Default)]
pub struct Watchlist {
    names: Vec<String>,
    patterns: Vec<WildMatch>,
}

impl Watchlist {
    /// What is named, or the interface of the default route when nothing is. A pattern may match nothing yet.
    ///
    /// # Errors
    /// [`SourceError::NoInterface`] for a whole name that no interface has, [`SourceError::NoDefaultRoute`].
    pub fn new(named: &[String]) -> Result<Self, SourceError> {
        if named.is_empty() {
            return Ok(Self::of(&Interface::of_default_route()?));
        }
        let mut list = Self::default();
        for name in named {
            if name.contains(['*', '?']) {
                list.patterns.push(WildMatch::new(name));
            } else {
                Interface::named(name)?;
                list.names.push(name.clone());
            }
        }
        Ok(list)
    }

    /// One interface.
    #[must_use]
    pub fn of(interface: &Interface) -> Self {
        Self {
            names: vec![interface.name.clone()],
            patterns: Vec::new(),
        }
    }

    /// Whether nothing is to be watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.patterns.is_empty()
    }

    /// Whether an interface of this name is missed when it is not there: a pattern misses none.
    #[must_use]
    pub fn is_by_name(&self, name: &str) -> bool {
        self.names.iter().any(|one| one == name)
    }

    /// Whether an interface of this name is to be watched.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.is_by_name(name) || self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    /// Those that there are now, sorted by name.
    #[must_use]
    pub fn present(&self) -> Vec<Interface> {
        let mut present = Interface::all();
        present.retain(|one| self.takes(&one.name));
        present
    }

    /// The patterns that match none of these.
    pub fn without_any_of(&self, present: &[Interface]) -> impl Iterator<Item = String> {
        let matches = |pattern: &&WildMatch| present.iter().any(|one| pattern.matches(&one.name));
        let without = self
            .patterns
            .iter()
            .filter(move |pattern| !matches(pattern));
        without.map(WildMatch::pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Watchlist {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Watchlist::new(&names).unwrap()
    }

    #[test]
    fn a_pattern_takes_every_name_that_it_matches() {
        let loopback = Interface::named("lo").unwrap();
        // A machine may have others that begin like it.
        assert!(list(&["l?"]).present().contains(&loopback));
        assert_eq!(list(&["lo"]).present(), [loopback]);
        assert_eq!(list(&["*"]).present(), Interface::all());
        assert_eq!(list(&["lo", "l*", "lo"]).present(), list(&["l*"]).present());
    }

    #[test]
    fn a_pattern_may_match_nothing_yet_and_a_name_may_not() {
        let list = list(&["l*", "nosuch*"]);
        let unmatched: Vec<_> = list.without_any_of(&list.present()).collect();
        assert_eq!(unmatched, ["nosuch*"]);
        let error = Watchlist::new(&["nosuch0".to_owned()]).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("`nosuch0`") && error.contains("lo"),
            "{error}"
        );
    }

    #[test]
    fn only_a_whole_name_is_missed() {
        let list = list(&["lo", "veth*"]);
        assert!(list.is_by_name("lo"));
        assert!(!list.is_by_name("veth0"));
    }
}

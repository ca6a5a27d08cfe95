//! The files that the rules look at.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::Complaint;

/// Folders that hold what is built or downloaded, and not what is written.
const NOT_OURS: [&str; 4] = ["target", "corpus", "artifacts", "node_modules"];

/// Kinds of files that are written by hand.
const KINDS: [&str; 11] = [
    "rs", "toml", "md", "json", "yaml", "yml", "rules", "html", "css", "js", "sh",
];

/// A file of the workspace.
pub(super) struct Source {
    /// Relative to the workspace, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The module right below the root of crate netanom that this file is in; `None` for other files and for the
    /// root itself, which declares all of them.
    pub(super) fn netanom_module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("netanom/src/")?;
        let module = inside.split('/').next()?;
        let module = module.strip_suffix(".rs").unwrap_or(module);
        (module != "lib").then_some(module)
    }

    /// Lines with their numbers from 1, without what stands in line comments.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .zip(1..)
            .map(|(line, number)| (number, without_comment(line)))
    }

    /// A complaint about a line of this file.
    pub(super) fn complaint(&self, line: usize, text: String) -> Complaint {
        Complaint {
            path: self.path.clone(),
            line,
            text,
        }
    }
}

/// Cuts a line at `//`, unless that is the one in an address such as `http://`.
fn without_comment(line: &str) -> &str {
    let start = line
        .match_indices("//")
        .map(|(at, _)| at)
        .find(|&at| !line[..at].ends_with(':'));
    start.map_or(line, |start| &line[..start])
}

/// Every file that is written by hand, sorted by path.
pub(super) fn all(workspace: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    collect(workspace, workspace, &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn collect(workspace: &Path, folder: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot list `{}`", folder.display()))?
            .path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_symlink() || name == ".git" || NOT_OURS.contains(&name.as_ref()) {
            continue;
        }
        if path.is_dir() {
            collect(workspace, &path, sources)?;
        } else if is_written(&path) {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            let inside = path.strip_prefix(workspace).unwrap_or(&path);
            sources.push(Source {
                path: inside.to_string_lossy().into_owned(),
                text,
            });
        }
    }
    Ok(())
}

/// By its extension, or as a script without one in `.ci`.
fn is_written(path: &Path) -> bool {
    match path.extension() {
        Some(extension) => KINDS.iter().any(|kind| extension == *kind),
        None => path
            .parent()
            .and_then(Path::file_name)
            .is_some_and(|folder| folder == ".ci"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_code_and_addresses_are_no_comments() {
        assert_eq!(without_comment("let a = 1; // tokio::spawn"), "let a = 1; ");
        assert_eq!(without_comment("/// [`crate::flow`]"), "");
        assert_eq!(
            without_comment("get(\"http://x\"); // why"),
            "get(\"http://x\"); "
        );
    }

    #[test]
    fn a_file_belongs_to_the_module_below_the_root() {
        let module = |path| Source::new(path, "").netanom_module().map(str::to_owned);
        assert_eq!(
            module("netanom/src/source/kernel/load.rs").as_deref(),
            Some("source")
        );
        assert_eq!(module("netanom/src/metrics.rs").as_deref(), Some("metrics"));
        assert_eq!(module("netanom/src/lib.rs"), None);
        assert_eq!(module("xtask/src/main.rs"), None);
    }

    #[test]
    fn what_is_built_is_not_looked_at() {
        let workspace = tempfile::tempdir().unwrap();
        for file in [
            "a/src/b.rs",
            "target/debug/c.rs",
            ".git/d.rs",
            ".ci/run",
            "a/picture.png",
        ] {
            let file = workspace.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "text").unwrap();
        }
        let paths: Vec<String> = all(workspace.path())
            .unwrap()
            .into_iter()
            .map(|source| source.path)
            .collect();
        assert_eq!(paths, [".ci/run", "a/src/b.rs"]);
    }
}

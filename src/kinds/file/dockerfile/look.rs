//! Reads Dockerfiles.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::super::literal::{literal, without_keys};
use super::super::manifests::{beside, folder_of, targets};
use super::super::serving::{development, is_server, workers};
use super::super::tree::{Skip, Tree, leaves};
use super::parse::{self, Stage};
use super::{Dockerfile, Facts, Image};
use crate::outcome::{Cause, Fault};

/// Files with secrets for developers, as they lie in most repositories.
const DOTENV: &[&str] = &[
    ".env",
    ".env.local",
    ".env.production",
    ".env.prod",
    ".env.development",
];

/// Most sources of one Dockerfile that are looked for.
const MAX_SOURCES: usize = 500;

/// Reads every Dockerfile.
pub(super) fn look(spec: &Dockerfile, tree: &Tree) -> Result<Facts, Fault> {
    let mut files = Vec::new();
    for path in targets(tree, &spec.paths, &[])? {
        files.push(image(spec, tree, path)?);
    }
    Ok(Facts { files })
}

/// One Dockerfile.
fn image(spec: &Dockerfile, tree: &Tree, path: String) -> Result<Image, Fault> {
    let text = tree.text(&path)?;
    let stages = parse::stages(&text);
    if stages.is_empty() {
        return Err(
            Fault::new(Cause::Unparseable, format!("{path}: has no FROM"))
                .hint("see whether this is a Dockerfile, and whole"),
        );
    }
    let own = folder_of(&path).to_owned();
    let context = spec.context.as_deref().unwrap_or(&own);
    let ignored = ignored(tree, &path, context)?;
    let command = parse::start(&stages);
    let variable = |name: &str| parse::variable(&stages, name);
    let (shown, _) = without_keys(&command, &tree.redactor);
    let mut image = Image {
        bases: bases(&stages),
        user: parse::effective(&stages, "USER").map(|user| (user.line, user.rest.clone())),
        last_base: first_base(&stages),
        healthcheck: parse::effective(&stages, "HEALTHCHECK")
            .is_some_and(|check| !check.rest.trim().eq_ignore_ascii_case("NONE")),
        development: development(&command),
        workers: is_server(&command).then(|| workers(&command, &variable)),
        command: shown,
        secrets: secrets(&stages, tree),
        missing: Vec::new(),
        dotenv: Vec::new(),
        path,
    };
    sources(tree, &stages, context, &ignored, &mut image)?;
    Ok(image)
}

/// Images that no stage of the file is.
fn bases(stages: &[Stage]) -> Vec<(u32, String)> {
    stages
        .iter()
        .filter(|stage| stage.from != "scratch" && parse::parent(stages, stage).is_none())
        .map(|stage| (stage.line, stage.from.clone()))
        .collect()
}

/// The image that the last stage begins with in the end.
fn first_base(stages: &[Stage]) -> String {
    let mut stage = stages.last();
    for _ in 0..stages.len() {
        let Some(current) = stage else { break };
        match parse::parent(stages, current) {
            Some(parent) => stage = Some(parent),
            None => return current.from.clone(),
        }
    }
    String::new()
}

/// Secrets in `ENV` and `ARG`: both stay in the image and its history.
fn secrets(stages: &[Stage], tree: &Tree) -> Vec<(u32, String, String)> {
    let mut found = Vec::new();
    for instruction in stages.iter().flat_map(|stage| &stage.instructions) {
        match instruction.name.as_str() {
            "ENV" | "ARG" => {
                for (name, value) in parse::pairs(&instruction.rest) {
                    if let Some(sort) = literal(&name, &value, &tree.redactor) {
                        found.push((instruction.line, name, sort.to_owned()));
                    }
                }
            }
            "RUN" if without_keys(&instruction.rest, &tree.redactor).1 => {
                let sort = "a key or password".to_owned();
                found.push((instruction.line, "RUN".to_owned(), sort));
            }
            _ => {}
        }
    }
    found
}

/// The patterns of the `.dockerignore` that counts.
fn ignored(tree: &Tree, path: &str, context: &str) -> Result<Gitignore, Fault> {
    let mut builder = GitignoreBuilder::new("");
    for candidate in [
        format!("{path}.dockerignore"),
        beside(context, ".dockerignore"),
    ] {
        if tree.entry(&candidate)?.is_none() {
            continue;
        }
        for line in tree.text(&candidate)?.lines() {
            let line = line.trim();
            // Patterns are relative to the context: `*.md` means its top only, as `/*.md` does for git.
            let anchored = match line.strip_prefix('!') {
                Some(rest) => format!("!/{}", rest.trim_start_matches('/')),
                None if line.is_empty() || line.starts_with('#') => continue,
                None => format!("/{}", line.trim_start_matches('/')),
            };
            // What is no pattern ignores nothing.
            let _ = builder.add_line(None, &anchored);
        }
        break;
    }
    Ok(builder.build().unwrap_or_else(|_| Gitignore::empty()))
}

/// Looks for what `COPY` and `ADD` take from the context.
fn sources(
    tree: &Tree,
    stages: &[Stage],
    context: &str,
    ignored: &Gitignore,
    image: &mut Image,
) -> Result<(), Fault> {
    let is_ignored = |path: &str| ignored.matched_path_or_any_parents(path, false).is_ignore();
    let last = stages.len().saturating_sub(1);
    let mut left = MAX_SOURCES;
    for (index, stage) in stages.iter().enumerate() {
        for copy in &stage.instructions {
            let (options, mut arguments) = parse::options(&copy.rest);
            let elsewhere = options.iter().any(|option| option.starts_with("--from"));
            if !matches!(copy.name.as_str(), "COPY" | "ADD") || elsewhere || copy.heredoc {
                continue;
            }
            arguments.pop();
            for source in arguments {
                if source.contains('$')
                    || source.contains("://")
                    || source.starts_with("git@")
                    || left == 0
                {
                    continue;
                }
                left -= 1;
                let inside = beside(".", source.trim_start_matches('/'));
                let path = beside(context, &inside);
                if leaves(&path).is_some() {
                    image.missing.push((copy.line, source.clone()));
                    continue;
                }
                let is_pattern = source.contains(['*', '?', '[']);
                let found = if is_pattern {
                    !tree
                        .matching(&[path.clone(), format!("{path}/**")], Skip::Git)?
                        .is_empty()
                } else {
                    tree.entry(&path)?.is_some() && (inside == "." || !is_ignored(&inside))
                };
                // A pattern may stand for nothing as long as another source of the line is there.
                if !found && !is_pattern {
                    image.missing.push((copy.line, source.clone()));
                }
                let is_folder = tree
                    .entry(&path)
                    .ok()
                    .flatten()
                    .is_some_and(|e| e.metadata.is_dir());
                for name in DOTENV {
                    let file = if is_folder {
                        beside(&inside, name)
                    } else {
                        inside.clone()
                    };
                    let named = !is_folder && is_dotenv(&source, name);
                    let taken = is_folder
                        && index == last
                        && tree.entry(&beside(context, &file))?.is_some()
                        && !is_ignored(&file);
                    if named || taken {
                        image.dotenv.push((copy.line, file));
                        if named {
                            break;
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether a source is such a file, or a pattern that takes it.
fn is_dotenv(source: &str, name: &str) -> bool {
    let last = source.rsplit('/').next().unwrap_or(source);
    last == name || (last.starts_with(".env") && last.ends_with('*'))
}

//! What is seen of Compose files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::dockerfile::parse;
use super::super::literal::{literal, without_keys};
use super::super::manifests::{Fields, beside, folder_of};
use super::super::serving::{Workers, development, is_server, workers};
use super::super::tree::{Skip, Tree};
use super::interpolate::{interpolated, references};
use super::{Compose, merge};
use crate::outcome::{Cause, Fault};
use crate::yaml_doc::Yaml;

/// Endings of source code.
const CODE: &str = "*.{py,js,mjs,ts,tsx,jsx,rs,go,rb,php,java,kt,cs}";

/// The merged model.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The files together, for subjects.
    pub(super) files: String,
    /// The services that are judged.
    pub(super) services: Vec<Service>,
    /// How each variable is used: `NAME` and whether every use is required.
    pub(super) variables: BTreeMap<String, bool>,
}

/// One service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Service {
    /// Its name.
    pub(super) name: String,
    /// Where it stands in the last file that mentions it.
    pub(super) line: u32,
    /// Its image.
    pub(super) image: Option<String>,
    /// The Dockerfile that it is built from, and whether that exists.
    pub(super) dockerfile: Option<(String, bool)>,
    /// What is mounted from the host.
    pub(super) mounts: Vec<Mount>,
    /// Its ports on the host.
    pub(super) ports: Vec<Port>,
    /// Variables whose values are secrets written down, with the sort of secret.
    pub(super) secrets: Vec<(String, String)>,
    /// The command it runs, keys masked.
    pub(super) command: String,
    /// What of it is for developers only.
    pub(super) development: Option<String>,
    /// Whether it is a server that knows workers, and how many.
    pub(super) workers: Option<Workers>,
    /// Replicas.
    pub(super) replicas: u64,
    /// Whether something checks its health.
    pub(super) healthcheck: bool,
    /// What its health check runs.
    pub(super) health_command: String,
    /// Its restart policy.
    pub(super) restart: Option<String>,
    /// Its limits of CPU and memory.
    pub(super) limits: (Option<String>, Option<String>),
    /// Its reservation of CPU or memory.
    pub(super) reserved: Option<String>,
    /// What it waits for, and for which condition.
    pub(super) waits_for: Vec<(String, String)>,
}

/// A bind mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mount {
    /// On the host; empty for volumes.
    pub(super) source: String,
    /// In the container.
    pub(super) target: String,
    /// Whether it puts source code over the image's.
    pub(super) code: bool,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Port {
    /// The address of the host it is bound to; empty for all.
    pub(super) address: String,
    /// The port on the host; empty for any.
    pub(super) published: String,
    /// The port in the container.
    pub(super) target: String,
}

/// A volume of a service in either form.
pub(super) fn mount(item: &Yaml) -> Option<Mount> {
    if item.is_map() {
        let bind = item.text_at("type").as_deref() == Some("bind");
        return Some(Mount {
            source: item.text_at("source").filter(|_| bind).unwrap_or_default(),
            target: item.text_at("target")?,
            code: false,
        });
    }
    let text = item.text()?;
    // A colon inside `${…}` separates nothing.
    let parts = split_outside(&text);
    let (source, target) = match parts.as_slice() {
        [target] => (String::new(), target.clone()),
        [source, target, ..] => (source.clone(), target.clone()),
        [] => return None,
    };
    let is_path = source.starts_with(['.', '/', '~', '$']);
    Some(Mount {
        source: if is_path { source } else { String::new() },
        target,
        code: false,
    })
}

/// A port of a service in either form.
pub(super) fn port(item: &Yaml) -> Option<Port> {
    if item.is_map() {
        return Some(Port {
            address: item.text_at("host_ip").unwrap_or_default(),
            published: item.text_at("published").unwrap_or_default(),
            target: item.text_at("target")?,
        });
    }
    let text = item.text()?;
    let (address, rest) = match text.strip_prefix('[').and_then(|t| t.split_once("]:")) {
        Some((address, rest)) => (address.to_owned(), rest.to_owned()),
        None => (String::new(), text),
    };
    let mut parts = split_outside(&rest);
    let target = parts.pop()?;
    let published = parts.pop().unwrap_or_default();
    let address = if parts.is_empty() {
        address
    } else {
        parts.join(":")
    };
    Some(Port {
        address,
        published,
        target,
    })
}

/// The parts between colons that stand outside of `${…}`.
fn split_outside(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

/// Reads and merges the files.
pub(super) fn look(spec: &Compose, tree: &Tree) -> Result<Facts, Fault> {
    let model = merge::model(tree, &spec.files)?;
    let folder = spec.files.first().map_or(".", |file| folder_of(file));
    let looking = Looking {
        tree,
        folder,
        known: known(spec, tree, folder)?,
    };
    let mut variables = BTreeMap::new();
    model.texts(&mut |text| {
        for reference in references(text) {
            let required = reference.operator.ends_with('?');
            let all = variables.entry(reference.name).or_insert(true);
            *all = *all && required;
        }
    });
    let mut services = Vec::new();
    for (name, service) in model
        .get("services")
        .map(Fields::entries)
        .unwrap_or_default()
    {
        let profiles = service
            .get("profiles")
            .map(Fields::words)
            .unwrap_or_default();
        let active = profiles.is_empty() || profiles.iter().any(|p| spec.profiles.contains(p));
        if active {
            services.push(looking.service(name, service)?);
        }
    }
    let lost = spec
        .services
        .iter()
        .chain(spec.published.iter().flatten())
        .find(|name| !services.iter().any(|service| service.name == **name));
    if let Some(name) = lost {
        return Err(Fault::new(
            Cause::Missing,
            format!("{}: there is no service `{name}`", spec.files.join(" + ")),
        )
        .hint("correct the name in the check, or name its profile under `profiles`"));
    }
    Ok(Facts {
        files: spec.files.join(" + "),
        services,
        variables,
    })
}

/// Values for `${NAME}`.
fn known(spec: &Compose, tree: &Tree, folder: &str) -> Result<BTreeMap<String, String>, Fault> {
    let path = match &spec.env_file {
        Some(path) => path.clone(),
        None => {
            let path = beside(folder, ".env");
            if tree.entry(&path)?.is_none() {
                return Ok(BTreeMap::new());
            }
            path
        }
    };
    let bytes = tree.bytes(&path)?;
    let entries = crate::dotenv::entries(&path, &bytes, &|_| None)?;
    Ok(entries
        .into_iter()
        .map(|entry| {
            if crate::redact::looks_secret(&entry.name) {
                tree.redactor.add(&entry.value);
            }
            tree.redactor.add_credentials(&entry.value);
            (entry.name, entry.value)
        })
        .collect())
}

/// A Dockerfile's path, with its stages when it exists; nothing when it cannot be seen.
type Built = Option<(String, Option<Vec<parse::Stage>>)>;

/// What is needed to look at a service.
struct Looking<'a> {
    /// The repository.
    tree: &'a Tree,
    /// The folder that paths are relative to.
    folder: &'a str,
    /// Values of variables.
    known: BTreeMap<String, String>,
}

impl Looking<'_> {
    /// A text with variables put in.
    fn filled(&self, text: &str) -> String {
        interpolated(text, &self.known)
    }

    /// The text under a path of keys, with variables put in.
    fn text(&self, service: &Yaml, path: &[&str]) -> Option<String> {
        service
            .at(path)
            .and_then(Fields::text)
            .map(|text| self.filled(&text))
    }

    /// The item as text with variables put in.
    fn item(&self, item: &Yaml) -> Yaml {
        let mut item = item.clone();
        match &mut item.value {
            crate::yaml_doc::YamlValue::Str(text) => *text = self.filled(text),
            crate::yaml_doc::YamlValue::Map(entries) => {
                for (_, value) in entries {
                    *value = self.item(value);
                }
            }
            _ => {}
        }
        item
    }

    /// One service.
    fn service(&self, name: String, service: &Yaml) -> Result<Service, Fault> {
        let stages = self.stages(service)?;
        let (dockerfile, stages) = match stages {
            Some((path, stages)) => (Some((path, stages.is_some())), stages.unwrap_or_default()),
            None => (None, Vec::new()),
        };
        let environment = service
            .get("environment")
            .map(Fields::entries)
            .unwrap_or_default();
        let variable = |wanted: &str| {
            environment
                .iter()
                .find(|(name, _)| name == wanted)
                .and_then(|(_, value)| value.text())
                .map(|text| self.filled(&text))
                .or_else(|| parse::variable(&stages, wanted))
        };
        let command = self.command(service, &stages);
        let (command, _) = without_keys(&command, &self.tree.redactor);
        let reloads = ["UVICORN_RELOAD", "FASTAPI_RELOAD", "FLASK_DEBUG", "RELOAD"]
            .iter()
            .find(|name| {
                variable(name).is_some_and(|value| {
                    matches!(value.to_lowercase().as_str(), "true" | "1" | "yes" | "on")
                })
            });
        let limit = |modern: &str, old: &str| {
            self.text(service, &["deploy", "resources", "limits", modern])
                .or_else(|| self.text(service, &[old]))
                .filter(|limit| !matches!(limit.as_str(), "0" | "0.0" | ""))
        };
        Ok(Service {
            name,
            line: service.line,
            image: self.text(service, &["image"]),
            dockerfile,
            mounts: self.mounts(service)?,
            ports: service
                .get("ports")
                .map(Fields::items)
                .unwrap_or_default()
                .iter()
                .filter_map(|item| port(&self.item(item)))
                .collect(),
            secrets: self.secrets(service),
            development: development(&command)
                .or_else(|| reloads.map(|name| format!("{name}=true"))),
            workers: is_server(&command).then(|| workers(&command, &variable)),
            command,
            replicas: self
                .text(service, &["deploy", "replicas"])
                .or_else(|| self.text(service, &["scale"]))
                .and_then(|text| text.parse().ok())
                .unwrap_or(1),
            healthcheck: has_healthcheck(service, &stages),
            health_command: without_keys(
                &self.filled(&health_command(service, &stages)),
                &self.tree.redactor,
            )
            .0,
            restart: self.restart(service),
            limits: (limit("cpus", "cpus"), limit("memory", "mem_limit")),
            reserved: ["cpus", "memory"]
                .into_iter()
                .find_map(|what| self.text(service, &["deploy", "resources", "reservations", what]))
                .or_else(|| self.text(service, &["mem_reservation"])),
            waits_for: service
                .get("depends_on")
                .map(Fields::entries)
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| {
                    let condition = value.text_at("condition");
                    (
                        name,
                        condition.unwrap_or_else(|| "service_started".to_owned()),
                    )
                })
                .collect(),
        })
    }

    /// What a service mounts.
    fn mounts(&self, service: &Yaml) -> Result<Vec<Mount>, Fault> {
        let context = self
            .text(service, &["build", "context"])
            .map(|context| beside(self.folder, &context));
        let mut mounts = Vec::new();
        for item in service
            .get("volumes")
            .map(Fields::items)
            .unwrap_or_default()
        {
            if let Some(mut mount) = mount(&self.item(item)) {
                mount.code = self.is_code(&mount, context.as_deref())?;
                mounts.push(mount);
            }
        }
        Ok(mounts)
    }

    /// The restart policy of a service in either form.
    fn restart(&self, service: &Yaml) -> Option<String> {
        let policy = ["deploy", "restart_policy"];
        self.text(service, &["restart"])
            .or_else(|| {
                let condition = service.at(&policy)?.text_at("condition");
                Some(condition.unwrap_or_else(|| "any".to_owned()))
            })
            .filter(|policy| !matches!(policy.as_str(), "no" | "none" | "false" | ""))
    }

    /// The Dockerfile that a service is built from, with its stages when it exists.
    fn stages(&self, service: &Yaml) -> Result<Built, Fault> {
        let Some(build) = service.get("build") else {
            return Ok(None);
        };
        if build.get("dockerfile_inline").is_some() {
            let text = build.text_at("dockerfile_inline").unwrap_or_default();
            return Ok(Some((
                "dockerfile_inline".to_owned(),
                Some(parse::stages(&text)),
            )));
        }
        let context = self
            .text(build, &["context"])
            .unwrap_or_else(|| ".".to_owned());
        let name = self
            .text(build, &["dockerfile"])
            .unwrap_or_else(|| "Dockerfile".to_owned());
        let path = beside(&beside(self.folder, &context), &name);
        // A repository elsewhere, or a variable that only the deployment knows.
        if context.contains("://") || path.contains('$') {
            return Ok(None);
        }
        if self.tree.entry(&path)?.is_none() {
            return Ok(Some((path, None)));
        }
        let mut stages = parse::stages(&self.tree.text(&path)?);
        if let Some(target) = self.text(build, &["target"])
            && let Some(at) = stages
                .iter()
                .position(|stage| stage.alias.as_deref() == Some(target.to_lowercase().as_str()))
        {
            stages.truncate(at + 1);
        }
        Ok(Some((path, Some(stages))))
    }

    /// What the container runs: its own words, or the image's.
    fn command(&self, service: &Yaml, stages: &[parse::Stage]) -> String {
        let own = |key: &str| {
            service
                .get(key)
                .filter(|yaml| !yaml.is_null())
                .map(|yaml| self.filled(&yaml.words().join(" ")))
        };
        let image =
            |name: &str| parse::effective(stages, name).map(|found| parse::command(&found.rest));
        let entrypoint = own("entrypoint");
        // An entrypoint of the service's own drops the image's command.
        let command = own("command").or_else(|| image("CMD").filter(|_| entrypoint.is_none()));
        [entrypoint.or_else(|| image("ENTRYPOINT")), command]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Secrets in `environment` and `build.args`. Values of an env file are not written in these
    /// files: only defaults are put in.
    fn secrets(&self, service: &Yaml) -> Vec<(String, String)> {
        let nothing = BTreeMap::new();
        [&["environment"][..], &["build", "args"][..]]
            .iter()
            .filter_map(|path| service.at(path))
            .flat_map(Fields::entries)
            .filter_map(|(name, value)| {
                let written = interpolated(&value.text()?, &nothing);
                let sort = literal(&name, &written, &self.tree.redactor)?;
                Some((name, sort.to_owned()))
            })
            .collect()
    }

    /// Whether a mount puts source code over what is in the image.
    fn is_code(&self, mount: &Mount, context: Option<&str>) -> Result<bool, Fault> {
        if mount.source.is_empty() {
            return Ok(false);
        }
        let path = beside(self.folder, &mount.source);
        if let Some(context) = context
            && (path == context || path == "." || context.starts_with(&format!("{path}/")))
        {
            return Ok(true);
        }
        if super::super::tree::leaves(&path).is_some()
            || path.contains('$')
            || path.starts_with('~')
        {
            return Ok(false);
        }
        let is_folder = self.tree.entry(&path)?.map(|entry| entry.metadata.is_dir());
        match is_folder {
            Some(true) => {
                let pattern = format!("{path}/**/{CODE}");
                Ok(!self.tree.matching(&[pattern], Skip::Foreign)?.is_empty())
            }
            Some(false) => Ok(CODE
                .trim_start_matches("*.{")
                .trim_end_matches('}')
                .split(',')
                .any(|ending| path.ends_with(&format!(".{ending}")))),
            None => Ok(context.is_some_and(|_| path.ends_with("/src") || path == "src")),
        }
    }
}

/// What checks the health of the service: its own words, or the image's.
fn health_command(service: &Yaml, stages: &[parse::Stage]) -> String {
    match service
        .get("healthcheck")
        .and_then(|check| check.get("test"))
    {
        Some(test) => test.words().join(" "),
        None => parse::effective(stages, "HEALTHCHECK")
            .map(|found| found.rest.clone())
            .unwrap_or_default(),
    }
}

/// Whether something checks the health of the service.
fn has_healthcheck(service: &Yaml, stages: &[parse::Stage]) -> bool {
    match service.get("healthcheck") {
        Some(check) => {
            let off = check.get("disable").is_some_and(Fields::is_true);
            let test = check.get("test").map(Fields::words).unwrap_or_default();
            !off && !test.is_empty() && test.first().is_none_or(|word| word != "NONE")
        }
        None => parse::effective(stages, "HEALTHCHECK")
            .is_some_and(|found| !found.rest.trim().eq_ignore_ascii_case("NONE")),
    }
}

//! Objects of a bucket: bounded LIST requests, and reading the newest only when asked to.

use std::io::{self, Read};

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{HttpClient, HttpConnector};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStoreExt as _, RetryConfig};
use tokio::sync::mpsc;

use super::facts::{Closer, Facts, Item};
use super::files::Look;
use super::series::{Role, Sorter, globs, role};
use super::spec::S3Source;
use super::time::NameTime;
use crate::archive;
use crate::context::Context;
use crate::net::{self, TlsOptions};
use crate::outcome::{Cause, Fault};

/// How many LIST requests are sent unless the profile says otherwise.
pub(super) const MAX_PAGES: u32 = 10;
/// How many chunks of an object wait to be read.
const QUEUE: usize = 8;

/// Variables that the usual tools take credentials from.
const VARIABLES: [(&str, AmazonS3ConfigKey); 9] = [
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        AmazonS3ConfigKey::WebIdentityTokenFile,
    ),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
    ),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
    ),
];

/// Hands out the audit's own HTTP client: its certificates, its rules for redirects and proxies.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// Where the service is, for messages and the per-host limit.
pub(super) fn place(source: &S3Source) -> String {
    let region = source.region.as_deref().unwrap_or("us-east-1");
    source
        .endpoint
        .as_deref()
        .and_then(|endpoint| url::Url::parse(endpoint).ok())
        .and_then(|url| net::host_key(&url))
        .unwrap_or_else(|| format!("s3.{region}.amazonaws.com:443"))
}

/// Connects with credentials, or without any.
fn store(source: &S3Source, cx: &Context, anonymous: bool) -> Result<AmazonS3, Fault> {
    let client = cx.http.client(&TlsOptions {
        ca_file: source.ca_file.as_ref().map(|file| cx.folder.join(file)),
    })?;
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(Connector(client))
        .with_bucket_name(&source.bucket)
        .with_region(source.region.as_deref().unwrap_or("us-east-1"))
        .with_allow_http(source.allow_http)
        .with_virtual_hosted_style_request(source.path_style == Some(false))
        .with_skip_signature(anonymous)
        // The engine repeats checks; a client that repeats requests would hide it.
        .with_retry(RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        });
    if let Some(endpoint) = &source.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if anonymous {
        return built(builder);
    }
    if let (Some(key), Some(secret)) = (&source.access_key, &source.secret_key) {
        cx.redactor.add(secret.expose());
        builder = builder
            .with_access_key_id(key.expose())
            .with_secret_access_key(secret.expose());
        if let Some(token) = &source.session_token {
            cx.redactor.add(token.expose());
            builder = builder.with_token(token.expose());
        }
        return built(builder);
    }
    let mut known = false;
    for (name, key) in VARIABLES {
        let Some(value) = cx.environment.get(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        if matches!(name, "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN") {
            cx.redactor.add(value);
        }
        known = true;
        builder = builder.with_config(key, value);
    }
    // With nothing at all, the library would ask the metadata service of the machine it runs on.
    if !known && !source.instance_role {
        return Err(Fault::new(
            Cause::Auth,
            format!("no credentials for the bucket {}", source.bucket),
        )
        .hint(
            "give `access_key` and `secret_key`, set the AWS_… variables, or allow `instance_role`",
        ));
    }
    built(builder)
}

/// Builds the client.
fn built(builder: AmazonS3Builder) -> Result<AmazonS3, Fault> {
    builder.build().map_err(|error| {
        Fault::new(
            Cause::Auth,
            format!("the S3 client cannot be set up: {error}"),
        )
        .hint("check bucket, region, endpoint and credentials")
    })
}

/// Lists the bucket.
///
/// # Errors
/// When it cannot be listed, or has more keys than may be listed.
pub(super) async fn list(
    source: &S3Source,
    sets: &[String],
    private: bool,
    cx: &Context,
) -> Result<Facts, Fault> {
    let place = place(source);
    let store = store(source, cx, false)?;
    let mut objects = Vec::new();
    let mut token = None;
    let pages = source.max_pages.unwrap_or(MAX_PAGES);
    for page in 0.. {
        if page >= pages {
            return Err(Fault::new(
                Cause::TooLarge,
                format!(
                    "{} holds more keys than {pages} LIST requests give",
                    source.bucket
                ),
            )
            .hint("narrow `prefix`, or raise `max_pages`"));
        }
        let options = PaginatedListOptions {
            max_keys: Some(1000),
            page_token: token,
            ..PaginatedListOptions::default()
        };
        let prefix = Some(source.prefix.as_str()).filter(|prefix| !prefix.is_empty());
        let listed = cx
            .within(&place, store.list_paginated(prefix, options))
            .await?
            .map_err(|error| s3_fault(source, &place, &error))?;
        objects.extend(listed.result.objects);
        token = listed.page_token;
        if token.is_none() {
            break;
        }
    }
    let mut facts = sorted(source, sets, &objects)?;
    if private {
        facts.public = Some(is_public(source, &place, cx).await?);
    }
    Ok(facts)
}

/// Sorts keys into backups and the rest.
fn sorted(source: &S3Source, sets: &[String], objects: &[ObjectMeta]) -> Result<Facts, Fault> {
    let invalid = |message: String| Fault::new(Cause::Internal, message);
    let pattern = globs([source.pattern.as_deref().unwrap_or("**")]).map_err(invalid)?;
    let unfinished = globs(source.incomplete.iter().map(String::as_str)).map_err(invalid)?;
    let time = match &source.time_format {
        Some(format) => Some(
            NameTime::new(format, source.time_zone.as_deref())
                .map_err(|(_, message, _)| invalid(message))?,
        ),
        None => None,
    };
    let sorter = Sorter {
        pattern: source.set.as_ref(),
        sets,
    };
    let mut facts = Facts {
        source: format!("s3://{}/{}", source.bucket, source.prefix),
        ..Facts::default()
    };
    let keys: Vec<String> = objects.iter().map(|o| o.location.to_string()).collect();
    for (object, key) in objects.iter().zip(&keys) {
        let below = key
            .strip_prefix(&source.prefix)
            .unwrap_or(key)
            .trim_start_matches('/');
        // Consoles put empty objects where folders are to be seen.
        let folder = format!("{key}/");
        let is_folder = object.size == 0
            && (below.is_empty() || keys.iter().any(|other| other.starts_with(&folder)));
        let role = role(below, &unfinished);
        if is_folder || role == Role::Companion || !pattern.is_match(below) {
            continue;
        }
        let uploaded =
            jiff::Timestamp::from_millisecond(object.last_modified.timestamp_millis()).ok();
        let mut item = Item {
            name: key.clone(),
            series: sorter.series_of(below),
            time: match &time {
                Some(reader) => reader.read(below),
                None => uploaded,
            },
            size: Some(object.size),
            ..Item::default()
        };
        if role == Role::Unfinished {
            item.time = uploaded;
            "a temporary name".clone_into(&mut item.unfinished);
            facts.incomplete.push(item);
        } else if item.time.is_none() {
            facts.undated.push(item.name);
        } else {
            facts.backups.push(item);
        }
    }
    Ok(facts)
}

/// Whether a request without credentials gets a listing.
async fn is_public(source: &S3Source, place: &str, cx: &Context) -> Result<bool, Fault> {
    let store = store(source, cx, true)?;
    let options = PaginatedListOptions {
        max_keys: Some(1),
        ..PaginatedListOptions::default()
    };
    let prefix = Some(source.prefix.as_str()).filter(|prefix| !prefix.is_empty());
    let answer = cx
        .within(place, store.list_paginated(prefix, options))
        .await?;
    match answer {
        Ok(_) => Ok(true),
        Err(error) if Refusal::of(&error).wants_signature() => Ok(false),
        Err(error) => Err(s3_fault(source, place, &error)),
    }
}

/// Reads an object through.
///
/// # Errors
/// When it cannot be fetched.
pub(super) async fn look(
    source: &S3Source,
    item: &Item,
    look: Look,
    cx: &Context,
) -> Result<Closer, Fault> {
    let mut closer = Closer {
        name: item.name.clone(),
        integrity: None,
        file: None,
        checksum: None,
    };
    let Some(format) = look.format else {
        return Ok(closer);
    };
    let place = place(source);
    let path = Path::parse(&item.name)
        .map_err(|error| Fault::new(Cause::Unparseable, error.to_string()))?;
    let store = store(source, cx, false)?;
    let mut stream = cx
        .within(&place, store.get(&path))
        .await?
        .map_err(|error| s3_fault(source, &place, &error))?
        .into_stream();
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(QUEUE);
    let reading = tokio::task::spawn_blocking(move || {
        archive::verify(
            Chunks {
                receiver,
                current: Bytes::new(),
            },
            format,
            &look.limits,
        )
    });
    let feeding = async {
        while let Some(chunk) = stream.next().await {
            // A reader that has seen enough hangs up.
            if sender.send(chunk.map_err(io::Error::other)).await.is_err() {
                break;
            }
        }
        drop(sender);
        reading.await
    };
    closer.integrity = Some(
        cx.within(&place, feeding)
            .await?
            .map_err(|error| Fault::new(Cause::Internal, error.to_string()))?,
    );
    Ok(closer)
}

/// The bytes that arrive, for a reader that blocks.
struct Chunks {
    /// Where they arrive.
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    /// What is left of the last ones.
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let chunk = self.current.split_to(self.current.len().min(buffer.len()));
        buffer
            .get_mut(..chunk.len())
            .unwrap_or_default()
            .copy_from_slice(&chunk);
        Ok(chunk.len())
    }
}

/// What an error of the library says. Listings come as errors without a kind, so that status and
/// code must be taken from its text.
struct Refusal {
    /// The HTTP status.
    status: Option<u16>,
    /// The text, with the body of the answer. May repeat keys and is not to be shown.
    text: String,
}

impl Refusal {
    /// Takes an error apart.
    fn of(error: &object_store::Error) -> Self {
        let text = error.to_string();
        let status = match error {
            object_store::Error::NotFound { .. } => Some(404),
            object_store::Error::PermissionDenied { .. } => Some(403),
            object_store::Error::Unauthenticated { .. } => Some(401),
            _ => text
                .split_once("status code: ")
                .and_then(|(_, rest)| rest.get(..3))
                .and_then(|digits| digits.parse().ok()),
        };
        Self { status, text }
    }

    /// The first of these codes that stands in the answer.
    fn code(&self, codes: &[&'static str]) -> Option<&'static str> {
        codes
            .iter()
            .find(|code| self.text.contains(**code))
            .copied()
    }

    /// Whether the request was refused for want of a signature. AWS says 403, others 400.
    fn wants_signature(&self) -> bool {
        const CODES: [&str; 5] = [
            "AccessDenied",
            "UnsupportedAlgorithm",
            "MissingSecurityHeader",
            "MissingAuthenticationToken",
            "AuthorizationHeaderMalformed",
        ];
        matches!(self.status, Some(401 | 403))
            || self.status == Some(400) && self.code(&CODES).is_some()
    }
}

/// The fault behind an error of the library.
fn s3_fault(source: &S3Source, place: &str, error: &object_store::Error) -> Fault {
    const BAD_KEY: [&str; 5] = [
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId",
        "ExpiredToken",
        "InvalidToken",
        "InvalidClientTokenId",
    ];
    let bucket = &source.bucket;
    let refusal = Refusal::of(error);
    if let Some(code) = refusal.code(&BAD_KEY) {
        return Fault::new(
            Cause::Auth,
            format!("{place} refuses the access key ({code})"),
        )
        .hint("correct `access_key` and `secret_key`");
    }
    match refusal.status {
        Some(401 | 403) => Fault::new(
            Cause::Denied,
            format!("the access key may not read the bucket {bucket} at {place}"),
        )
        .hint("allow s3:ListBucket on the bucket, and s3:GetObject when `verify` is used"),
        Some(404) => Fault::new(
            Cause::Missing,
            format!("the bucket {bucket} at {place}, or an object in it, does not exist"),
        )
        .hint("correct `bucket`, `region` or `endpoint`"),
        Some(301 | 307) => Fault::new(
            Cause::Protocol,
            format!("the bucket {bucket} is not in this region"),
        )
        .hint("correct `region`"),
        Some(status) => Fault::new(
            Cause::Protocol,
            format!("{place} answers a request for the bucket {bucket} with status {status}"),
        )
        .hint("check `endpoint`, and the service's log"),
        None if refusal.text.contains("LOCATION") => Fault::new(
            Cause::Protocol,
            format!("the bucket {bucket} is not in this region"),
        )
        .hint("correct `region`"),
        None if ["error response", "list response", "XML", "xml"]
            .iter()
            .any(|words| refusal.text.contains(words)) =>
        {
            Fault::new(
                Cause::Unparseable,
                format!("{place} does not answer like an S3 service"),
            )
            .hint("check `endpoint`")
        }
        None => net::error_fault(place, error),
    }
}

//! What a browser, a cache and an attacker would make of the answers.

use super::Cors;
use super::facts::{Access, Answer, Facts, Form, Seen, items};
use super::foreign;
use super::origins::Class;
use super::probe::readers;
use crate::expect::TimeSpan;
use crate::outcome::Finding;

/// Response headers every script can read.
const ALWAYS_EXPOSED: &[&str] = &[
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
];
/// Longest time anybody keeps a preflight, in seconds.
const DAY: u64 = 86_400;

/// Judges every path on its own.
pub(super) fn judge(spec: &Cors, facts: &Facts) -> Vec<Finding> {
    let mut paths: Vec<&str> = Vec::new();
    for seen in &facts.probes {
        if !paths.contains(&seen.path.as_str()) {
            paths.push(&seen.path);
        }
    }
    let several = paths.len() > 1;
    let mut findings: Vec<Finding> = paths
        .iter()
        .flat_map(|path| {
            View {
                spec,
                seen: facts.probes.iter().filter(|s| s.path == *path).collect(),
                several,
            }
            .judge()
        })
        .collect();
    if findings.is_empty() {
        let nothing = Finding::fail(
            "CORS-01",
            "cross-origin access",
            "an answer to judge",
            "none",
            "nothing was seen that could be judged",
        );
        findings.push(nothing.as_unknown());
    }
    findings
}

/// Everything seen at one path.
pub(super) struct View<'a> {
    /// What was expected.
    pub(super) spec: &'a Cors,
    /// The probes of this path.
    pub(super) seen: Vec<&'a Seen>,
    /// Whether subjects must name the path.
    several: bool,
}

impl<'a> View<'a> {
    /// Every statement about this path.
    fn judge(&self) -> Vec<Finding> {
        let mut list = Vec::new();
        let mut judged: Vec<&str> = Vec::new();
        for seen in self.answered() {
            let findings = match (seen.0.class, seen.0.form) {
                (Class::Allowed, Form::Preflight) => self.preflight(seen),
                (Class::Allowed, Form::Actual) if seen.0.shared => self.after_another(seen),
                (Class::Allowed, Form::Actual) => self.actual(seen),
                (Class::Allowed, Form::ErrorPath) => self.error_path(seen),
                _ => continue,
            };
            if !findings.is_empty() {
                judged.extend(seen.0.origin.as_deref());
            }
            list.extend(findings);
        }
        list.extend(self.socket());
        if self.has(Form::Actual) {
            let readers = readers(self.spec);
            let silent = readers.iter().filter(|o| !judged.contains(&o.as_str()));
            list.extend(silent.map(|origin| self.not_seen(origin)));
            list.extend(foreign::judge(self));
            list.extend(self.vary());
        }
        list
    }

    /// Nothing shows whether an allowed origin can use this path.
    fn not_seen(&self, origin: &str) -> Finding {
        Finding::fail(
            "CORS-01",
            self.subject(format!("access from {origin}")),
            "an answer to judge",
            "none",
            format!("nothing shows whether {origin} can use this route: it does not answer GET, and the application sends nothing that needs a preflight; name a route that can be read, or the headers the application sends"),
        )
        .as_unknown()
    }

    /// The probes that were answered, each with its answer.
    pub(super) fn answered(&self) -> impl Iterator<Item = (&'a Seen, &'a Answer)> {
        self.seen
            .iter()
            .filter_map(|seen| Some((*seen, seen.answer.as_ref()?)))
    }

    /// Whether there is a probe of this form.
    fn has(&self, form: Form) -> bool {
        self.seen.iter().any(|seen| seen.form == form)
    }

    /// The subject, with the path where several are asked.
    pub(super) fn subject(&self, text: impl Into<String>) -> String {
        let text = text.into();
        match self.seen.first() {
            Some(seen) if self.several => format!("{text} at {}", seen.path),
            _ => text,
        }
    }

    /// A preflight of an allowed origin, as the browser judges it.
    fn preflight(&self, (seen, answer): (&Seen, &Answer)) -> Vec<Finding> {
        let origin = seen.origin.as_deref().unwrap_or_default();
        let subject = self.subject(format!("preflight {} from {origin}", seen.method));
        let expected = "2xx that permits origin, method and headers";
        if is_passing_trouble(answer.status) {
            return vec![unknown("CORS-17", subject, expected, answer)];
        }
        if let Some(message) = refusal(answer, origin) {
            return vec![Finding::fail(
                "CORS-17",
                subject,
                expected,
                answer.shown(),
                message,
            )];
        }
        if let Some(finding) = self.permission(&subject, origin, answer) {
            return vec![finding];
        }
        let mut list = self.methods_and_headers(&subject, seen, answer);
        if list.is_empty() && !(200..300).contains(&answer.status) {
            list.push(Finding::fail(
                "CORS-17",
                subject.clone(),
                expected,
                answer.shown(),
                format!(
                    "the preflight from {origin} is answered {} and browsers accept 2xx only",
                    answer.status
                ),
            ));
        }
        if list.is_empty() {
            list.push(Finding::pass(subject.clone(), expected, answer.shown()));
        }
        list.push(self.max_age(
            self.subject(format!("Max-Age for {} from {origin}", seen.method)),
            answer,
        ));
        list
    }

    /// Why a browser of this origin would not let a page read; `None` when it would.
    fn permission(&self, subject: &str, origin: &str, answer: &Answer) -> Option<Finding> {
        let access = answer.access(origin);
        let fail = |code, expected: String, message: String| {
            Some(Finding::fail(
                code,
                subject,
                expected,
                answer.shown(),
                message,
            ))
        };
        let wanted = format!("Access-Control-Allow-Origin: {origin}");
        if access == Access::None {
            let Some(value) = answer.allowed_origin() else {
                return fail(
                    "CORS-01",
                    wanted,
                    format!(
                        "the allowed origin {origin} gets no Access-Control-Allow-Origin: its pages cannot use this API"
                    ),
                );
            };
            return match malformed(&answer.allow_origin, &value, origin) {
                Some(why) => fail(
                    "CORS-20",
                    wanted,
                    format!("Access-Control-Allow-Origin {why}, so browsers refuse it"),
                ),
                None => fail(
                    "CORS-01",
                    wanted,
                    format!("the allowed origin {origin} is answered with another origin, {value}"),
                ),
            };
        }
        if !self.spec.credentials {
            return None;
        }
        if access == Access::Anyone {
            return fail(
                "CORS-04",
                wanted,
                "`*` does not permit requests with credentials, which this application sends"
                    .to_owned(),
            );
        }
        if access == Access::Named {
            let wanted = "Access-Control-Allow-Credentials: true".to_owned();
            return if answer.allow_credentials.is_empty() {
                fail(
                    "CORS-52",
                    wanted,
                    format!("{origin} may not send credentials, which this application does"),
                )
            } else {
                let value = answer.allow_credentials.join(", ");
                fail(
                    "CORS-20",
                    wanted,
                    format!(
                        "Access-Control-Allow-Credentials is `{value}`; browsers accept exactly `true`"
                    ),
                )
            };
        }
        None
    }

    /// The methods and headers a preflight does not permit.
    fn methods_and_headers(&self, subject: &str, seen: &Seen, answer: &Answer) -> Vec<Finding> {
        let mut list = Vec::new();
        let credentials = self.spec.credentials;
        let mut missing = |kind: &str, name: &str, allowed: &[String], covered: bool| {
            let shown = allowed.join(", ");
            let star = items(allowed).any(|item| item == "*");
            let header = format!("Access-Control-Allow-{kind}");
            let (code, why) = if star && credentials {
                ("CORS-19", "; `*` permits nothing when credentials are sent")
            } else if star && !covered {
                ("CORS-18", "; `*` never covers Authorization")
            } else {
                ("CORS-18", "")
            };
            list.push(Finding::fail(
                code,
                subject,
                format!("{header} with {name}"),
                if shown.is_empty() {
                    format!("no {header}")
                } else {
                    format!("{header}: {shown}")
                },
                format!("the preflight does not permit {name}, which the application needs{why}"),
            ));
        };
        let method = seen.method.as_str();
        let safe = matches!(method, "GET" | "HEAD" | "POST");
        let by_star = |allowed: &[String]| !credentials && items(allowed).any(|item| item == "*");
        if !safe
            && !items(&answer.allow_methods).any(|item| item == method)
            && !by_star(&answer.allow_methods)
        {
            missing("Methods", method, &answer.allow_methods, true);
        }
        for name in self.spec.unsafe_headers() {
            let covered = name != "authorization";
            let listed = items(&answer.allow_headers).any(|item| item.eq_ignore_ascii_case(&name));
            let starred = covered && by_star(&answer.allow_headers);
            if !listed && !starred {
                missing("Headers", &name, &answer.allow_headers, covered);
            }
        }
        list
    }

    /// How long the preflight is kept. Without bounds of the profile's own, advice.
    fn max_age(&self, subject: String, answer: &Answer) -> Finding {
        let shown = answer.max_age.join(", ");
        let seconds: Option<u64> = shown.parse().ok();
        let actual = if shown.is_empty() {
            "no Access-Control-Max-Age".to_owned()
        } else {
            format!("Access-Control-Max-Age: {shown}")
        };
        let bounds = self.spec.max_age;
        let min = bounds.and_then(|b| b.min).map_or(1, TimeSpan::as_secs);
        let max = bounds.and_then(|b| b.max).map_or(DAY, TimeSpan::as_secs);
        let expected = format!("Access-Control-Max-Age between {min} and {max}");
        let message = match seconds {
            Some(n) if (min..=max).contains(&n) => return Finding::pass(subject, expected, actual),
            Some(n) if n > max => "browsers are told to keep the preflight longer than is sensible",
            Some(_) => "browsers ask again before nearly every request",
            None if shown.is_empty() => "browsers keep the preflight for 5 seconds only",
            None => "Access-Control-Max-Age is not a number of seconds",
        };
        let finding = Finding::fail("CORS-26", subject, expected, actual, message);
        if bounds.is_some() {
            finding
        } else {
            finding.as_warning()
        }
    }

    /// A GET of an allowed origin at a URL of its own.
    fn actual(&self, (seen, answer): (&Seen, &Answer)) -> Vec<Finding> {
        let origin = seen.origin.as_deref().unwrap_or_default();
        let subject = self.subject(format!("GET from {origin}"));
        if !self.spec.reads() && matches!(answer.status, 404 | 405) {
            return Vec::new();
        }
        let permission = self.permission(&subject, origin, answer);
        if answer.allow_origin.is_empty() {
            if is_passing_trouble(answer.status) {
                return vec![unknown(
                    "CORS-01",
                    subject,
                    "an answer of the service",
                    answer,
                )];
            }
            if answer.status >= 400 {
                return vec![self.bare_error(subject, origin, answer)];
            }
            if self.preflight_passed(origin) {
                return vec![Finding::fail(
                    "CORS-29",
                    subject,
                    format!("Access-Control-Allow-Origin: {origin}"),
                    answer.shown(),
                    format!(
                        "the preflight from {origin} passes, but the answer itself has no Access-Control-Allow-Origin"
                    ),
                )];
            }
        }
        if let Some(finding) = permission {
            return vec![finding];
        }
        let mut list = vec![Finding::pass(
            subject.clone(),
            format!("{origin} may read the answer"),
            answer.shown(),
        )];
        for name in &self.spec.expose {
            list.push(self.exposed(&subject, name, answer));
        }
        list
    }

    /// Whether scripts may read a response header.
    fn exposed(&self, subject: &str, name: &str, answer: &Answer) -> Finding {
        let shown = answer.expose_headers.join(", ");
        let expected = format!("scripts can read {name}");
        let listed = items(&answer.expose_headers)
            .any(|item| item.eq_ignore_ascii_case(name) || (item == "*" && !self.spec.credentials));
        let always = ALWAYS_EXPOSED
            .iter()
            .any(|safe| safe.eq_ignore_ascii_case(name));
        let actual = if shown.is_empty() {
            "no Access-Control-Expose-Headers".to_owned()
        } else {
            format!("Access-Control-Expose-Headers: {shown}")
        };
        if listed || always {
            return Finding::pass(subject, expected, actual);
        }
        Finding::fail(
            "CORS-25",
            subject,
            expected,
            actual,
            format!("scripts cannot read the response header {name}"),
        )
    }

    /// Whether the preflight of this origin permits the origin.
    fn preflight_passed(&self, origin: &str) -> bool {
        self.answered().any(|(seen, answer)| {
            seen.form == Form::Preflight
                && seen.origin.as_deref() == Some(origin)
                && answer.access(origin) != Access::None
                && (200..300).contains(&answer.status)
        })
    }

    /// An error that scripts cannot read.
    pub(super) fn bare_error(&self, subject: String, origin: &str, answer: &Answer) -> Finding {
        let hint = match answer.status {
            404 => "; if the path does not exist here, correct `url`",
            401 | 403 => "; the CORS layer does not wrap authentication",
            _ => "",
        };
        Finding::fail(
            "CORS-23",
            subject,
            format!("Access-Control-Allow-Origin: {origin}"),
            answer.shown(),
            format!(
                "the {} answer has no CORS headers, so scripts see a network error{hint}",
                answer.status
            ),
        )
    }

    /// A path that is known to answer with an error.
    fn error_path(&self, (seen, answer): (&Seen, &Answer)) -> Vec<Finding> {
        let origin = seen.origin.as_deref().unwrap_or_default();
        let subject = self.subject(format!("GET of an error from {origin}"));
        if answer.allow_origin.is_empty() && is_passing_trouble(answer.status) {
            return vec![unknown(
                "CORS-23",
                subject,
                "an answer of the service",
                answer,
            )];
        }
        if answer.allow_origin.is_empty() {
            return vec![self.bare_error(subject, origin, answer)];
        }
        vec![
            self.permission(&subject, origin, answer)
                .unwrap_or_else(|| {
                    Finding::pass(
                        subject,
                        format!("{origin} may read the error"),
                        answer.shown(),
                    )
                }),
        ]
    }

    /// Whether a WebSocket tells foreign origins from its own.
    fn socket(&self) -> Vec<Finding> {
        if !self.has(Form::Socket) {
            return Vec::new();
        }
        let of = |class| {
            self.answered()
                .find(|(seen, _)| seen.form == Form::Socket && seen.class == class)
                .map(|(_, answer)| answer)
        };
        let subject = self.subject("WebSocket handshake from a foreign origin");
        let expected = "refused";
        match (of(Class::Allowed), of(Class::Arbitrary)) {
            (_, Some(foreign)) if foreign.status == 101 => vec![Finding::fail(
                "CORS-28",
                subject,
                expected,
                "status 101",
                "the WebSocket accepts a foreign origin: any page can talk to it as the signed-in user",
            )],
            (Some(own), Some(foreign)) if own.status == 101 => {
                vec![Finding::pass(
                    subject,
                    expected,
                    format!("status {}", foreign.status),
                )]
            }
            (own, foreign) => {
                let status = |a: Option<&Answer>| {
                    a.map_or("no answer".to_owned(), |a| format!("status {}", a.status))
                };
                vec![
                    Finding::fail(
                        "CORS-28",
                        subject,
                        expected,
                        format!("allowed origin: {}, foreign origin: {}", status(own), status(foreign)),
                        "the handshake fails for the allowed origin too, so the refusal says nothing about origins",
                    )
                    .as_unknown(),
                ]
            }
        }
    }
}

/// Statuses of an overloaded or limited service, which say nothing about origins.
pub(super) fn is_passing_trouble(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// A statement that trouble of the moment hides.
pub(super) fn unknown(
    code: &'static str,
    subject: String,
    expected: &str,
    answer: &Answer,
) -> Finding {
    Finding::fail(
        code,
        subject,
        expected,
        answer.shown(),
        format!(
            "status {} is trouble of the moment and says nothing about origins",
            answer.status
        ),
    )
    .as_unknown()
}

/// Why a preflight is refused whatever its headers; `None` when the status alone does not tell.
fn refusal(answer: &Answer, origin: &str) -> Option<String> {
    let status = answer.status;
    match status {
        300..=399 => Some(format!(
            "the preflight is redirected to {}; browsers do not follow",
            answer.location.as_deref().unwrap_or("nowhere")
        )),
        401 | 407 => {
            Some("the preflight needs authentication, which browsers never send with it".to_owned())
        }
        403 if answer.access(origin) == Access::None => Some(format!(
            "the preflight from {origin} is forbidden: authentication stands in front of CORS, or the origin is not on the list"
        )),
        404 | 405 | 500.. => Some(format!(
            "the preflight is answered {status}: nothing handles OPTIONS on this route"
        )),
        _ => None,
    }
}

/// What makes a value malformed rather than another origin.
fn malformed(lines: &[String], value: &str, origin: &str) -> Option<String> {
    if lines.len() > 1 {
        return Some(format!("is sent {} times (`{value}`)", lines.len()));
    }
    if value.contains(',') || value.contains(' ') {
        return Some(format!("is a list (`{value}`)"));
    }
    if value.is_empty() {
        return Some("is empty".to_owned());
    }
    let bare = value.trim_end_matches('/');
    if bare.eq_ignore_ascii_case(origin) {
        let what = if bare == value {
            "another case"
        } else {
            "a trailing slash"
        };
        return Some(format!("has {what} (`{value}`)"));
    }
    let default_port = format!("{origin}:443");
    if value == default_port || value == format!("{origin}:80") {
        return Some(format!("names the default port (`{value}`)"));
    }
    None
}

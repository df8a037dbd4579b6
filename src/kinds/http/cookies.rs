//! Set-Cookie lines: parsed, and judged against the rules browsers apply.

use super::facts::Exchange;
use super::security_spec::{CookiePrefix, CookieRule, SameSite};
use crate::expect::Ordered;
use crate::outcome::Finding;

/// A cookie that was set; its value does not matter here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cookie {
    /// Its name.
    name: String,
    /// `Secure` is there.
    secure: bool,
    /// `HttpOnly` is there.
    http_only: bool,
    /// The value of `SameSite`, lower case.
    same_site: Option<String>,
    /// The value of `Domain`.
    domain: Option<String>,
    /// The value of `Path`.
    path: Option<String>,
    /// It removes the cookie instead of setting it.
    removal: bool,
}

/// Reads a Set-Cookie line.
fn parse(line: &str) -> Option<Cookie> {
    let mut parts = line.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        removal: value.trim().is_empty(),
        ..Cookie::default()
    };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().to_owned();
        match key.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => cookie.same_site = Some(value.to_ascii_lowercase()),
            "domain" if !value.is_empty() => cookie.domain = Some(value),
            "path" => cookie.path = Some(value),
            "max-age" => cookie.removal |= value.parse::<i64>().is_ok_and(|age| age <= 0),
            _ => {}
        }
    }
    Some(cookie)
}

/// Judges the cookies that the answer, and the redirects before it, set.
pub(super) fn judge(rules: &Ordered<CookieRule>, exchange: &Exchange) -> Vec<Finding> {
    let hops = exchange
        .hops
        .iter()
        .flat_map(|hop| hop.set_cookie.iter().map(String::as_str));
    let last = exchange
        .response
        .iter()
        .flat_map(|r| r.header_lines("set-cookie"));
    let set: Vec<Cookie> = hops
        .chain(last)
        .filter_map(parse)
        .filter(|c| !c.removal)
        .collect();
    let mut findings = Vec::new();
    for (name, rule) in rules.iter() {
        let meant: Vec<&Cookie> = set
            .iter()
            .filter(|c| name == "*" || bare(&c.name) == bare(name))
            .collect();
        if meant.is_empty() {
            findings.push(not_set(name, rule));
        }
        for cookie in meant {
            findings.extend(judge_one(cookie, rule));
        }
    }
    findings
}

/// The name without the prefix browsers enforce, so that `session` finds `__Host-session`.
fn bare(name: &str) -> &str {
    name.strip_prefix("__Host-")
        .or_else(|| name.strip_prefix("__Secure-"))
        .unwrap_or(name)
}

/// The finding for a cookie that was not set.
fn not_set(name: &str, rule: &CookieRule) -> Finding {
    let subject = format!("cookie {name}");
    if rule.optional {
        return Finding::pass(subject, "safe attributes, if set", "not set");
    }
    let finding = Finding::fail(
        "HDR-09",
        subject,
        "set with safe attributes",
        "not set",
        "the answer sets no such cookie, so nothing is known about its attributes; ask the URL that sets it, or say `optional: true`",
    );
    if name == "*" {
        finding.as_unknown()
    } else {
        finding
    }
}

/// Judges one cookie.
fn judge_one(cookie: &Cookie, rule: &CookieRule) -> Vec<Finding> {
    let subject = format!("cookie {}", cookie.name);
    let mut faults: Vec<(&str, String)> = Vec::new();
    if rule.secure && !cookie.secure {
        faults.push(("Secure", "it also travels over plain http".to_owned()));
    }
    if rule.http_only && !cookie.http_only {
        faults.push(("HttpOnly", "any script on the page can read it".to_owned()));
    }
    let same_site = cookie.same_site.as_deref();
    let fine = match rule.same_site {
        None => matches!(same_site, Some("lax" | "strict")),
        Some(SameSite::Strict) => same_site == Some("strict"),
        Some(SameSite::Lax) => matches!(same_site, Some("lax" | "strict")),
        Some(SameSite::None) => matches!(same_site, Some("none" | "lax" | "strict")),
        Some(SameSite::Any) => true,
    };
    if !fine {
        let seen = same_site.map_or_else(|| "nothing".to_owned(), |s| format!("SameSite={s}"));
        let wanted = match rule.same_site {
            Some(SameSite::Strict) => "SameSite=Strict",
            _ => "SameSite=Lax or Strict",
        };
        faults.push((
            wanted,
            format!("it says {seen}, so other sites may cause requests with it"),
        ));
    }
    if same_site == Some("none") && !cookie.secure {
        faults.push(("Secure with SameSite=None", "browsers refuse it".to_owned()));
    }
    let host_rules =
        cookie.secure && cookie.path.as_deref() == Some("/") && cookie.domain.is_none();
    if cookie.name.starts_with("__Host-") && !host_rules {
        faults.push((
            "Secure, Path=/ and no Domain with __Host-",
            "browsers refuse it".to_owned(),
        ));
    }
    if cookie.name.starts_with("__Secure-") && !cookie.secure {
        faults.push(("Secure with __Secure-", "browsers refuse it".to_owned()));
    }
    let prefix_fits = match rule.prefix {
        None => true,
        Some(CookiePrefix::Host) => cookie.name.starts_with("__Host-"),
        Some(CookiePrefix::Secure) => {
            cookie.name.starts_with("__Secure-") || cookie.name.starts_with("__Host-")
        }
    };
    if !prefix_fits {
        faults.push((
            "a name with the required prefix",
            "a sibling host can overwrite it".to_owned(),
        ));
    }
    if let Some(domain) = cookie.domain.as_ref().filter(|_| rule.host_only) {
        faults.push((
            "no Domain",
            format!("every host under {domain} receives it"),
        ));
    }
    if faults.is_empty() {
        return vec![Finding::pass(subject, "safe attributes", shown(cookie))];
    }
    faults
        .into_iter()
        .map(|(wanted, why)| {
            Finding::fail(
                "HDR-09",
                &subject,
                wanted,
                shown(cookie),
                format!("the cookie {} lacks {wanted}: {why}", cookie.name),
            )
        })
        .collect()
}

/// The attributes as a report shows them.
fn shown(cookie: &Cookie) -> String {
    let mut list = Vec::new();
    if cookie.secure {
        list.push("Secure".to_owned());
    }
    if cookie.http_only {
        list.push("HttpOnly".to_owned());
    }
    if let Some(same_site) = &cookie.same_site {
        list.push(format!("SameSite={same_site}"));
    }
    if let Some(domain) = &cookie.domain {
        list.push(format!("Domain={domain}"));
    }
    if list.is_empty() {
        "no attributes".to_owned()
    } else {
        list.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::ResponseFacts;

    fn codes(rule: &str, line: &str) -> usize {
        let rules: Ordered<CookieRule> = serde_json::from_str(rule).unwrap();
        let response = ResponseFacts {
            headers: vec![("set-cookie".to_owned(), line.to_owned())],
            ..super::super::tests::response()
        };
        let exchange = Exchange {
            response: Some(response),
            ..Exchange::default()
        };
        judge(&rules, &exchange)
            .iter()
            .filter(|f| f.code.is_some())
            .count()
    }

    #[test]
    fn hdr_09_attributes_of_cookies() {
        let good = "sid=x; Secure; HttpOnly; SameSite=Lax; Path=/";
        for (rule, line, faults) in [
            (r#"{"sid": {}}"#, good, 0),
            (r#"{"*": {}}"#, good, 0),
            (r#"{"sid": {}}"#, "sid=x", 3),
            (r#"{"sid": {}}"#, "sid=x; Secure; HttpOnly", 1),
            (
                r#"{"sid": {}}"#,
                "other=x; Secure; HttpOnly; SameSite=Lax",
                1,
            ),
            (r#"{"sid": {"optional": true}}"#, "other=x", 0),
            (
                r#"{"sid": {"same_site": "none"}}"#,
                "sid=x; Secure; HttpOnly; SameSite=None",
                0,
            ),
            (
                r#"{"sid": {"secure": false, "same_site": "none"}}"#,
                "sid=x; HttpOnly; SameSite=None",
                1,
            ),
            (
                r#"{"sid": {}}"#,
                "__Host-sid=x; Secure; HttpOnly; SameSite=Lax; Path=/",
                0,
            ),
            (
                r#"{"sid": {}}"#,
                "__Host-sid=x; Secure; HttpOnly; SameSite=Lax; Path=/; Domain=a.example",
                1,
            ),
            (r#"{"sid": {"prefix": "host"}}"#, good, 1),
            (
                r#"{"sid": {"host_only": true}}"#,
                "sid=x; Secure; HttpOnly; SameSite=Lax; Domain=a.example",
                1,
            ),
            (r#"{"*": {}}"#, "sid=; Max-Age=0", 1),
        ] {
            assert_eq!(codes(rule, line), faults, "{rule} {line}");
        }
    }
}

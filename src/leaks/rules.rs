//! The rules: forms of tokens from the providers' own documentation, and the forms in which people
//! write secrets down.

use crate::dotenv::expired::jwt_claims;
use crate::dotenv::known;
use crate::dotenv::shape::entropy_bits;

/// How a match is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// A token whose form says what it is: dummies are left out.
    Token,
    /// A JSON web token.
    Jwt,
    /// Credentials inside a URL.
    Url,
    /// A header with a credential.
    Header,
    /// A cookie in a log.
    Cookie,
    /// A name that means a secret, and a literal.
    Assignment,
    /// The same in a log, where nothing is a default.
    LogValue,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its id.
    pub(super) id: &'static str,
    /// What it finds.
    pub(super) what: &'static str,
    /// Words of which one stands in every match.
    pub(super) keywords: &'static [&'static str],
    /// Whether the keyword begins the token, in its own case.
    pub(super) exact: bool,
    /// The expression; the group `s` is the secret.
    pub(super) pattern: &'static str,
    /// Whether a match may go on over line ends.
    pub(super) lines: bool,
    /// How a match is decided on.
    pub(super) check: Check,
}

/// A token with a beginning of its own.
const fn token(
    id: &'static str,
    what: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
) -> Rule {
    Rule {
        id,
        what,
        keywords,
        exact: true,
        pattern,
        lines: false,
        check: Check::Token,
    }
}

/// A form in which secrets are written down, met by words in any case.
const fn form(
    id: &'static str,
    what: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
    check: Check,
) -> Rule {
    Rule {
        id,
        what,
        keywords,
        exact: false,
        pattern,
        lines: false,
        check,
    }
}

/// Words in the names of secrets.
const SECRET_NAMES: &[&str] = &[
    "secret",
    "passwd",
    "password",
    "passphrase",
    "pwd",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "accesskey",
    "signing_key",
    "encryption_key",
    "private_key",
    "privatekey",
    "auth_key",
    "credential",
];

/// Every rule.
pub(super) static RULES: [Rule; 47] = [
    Rule {
        id: "private-key",
        what: "a private key",
        keywords: &["PRIVATE KEY"],
        exact: false,
        // What follows must be key material: code that looks for the mark holds none.
        pattern: r#"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}(?P<s>PRIVATE KEY)(?: BLOCK)?-----(?:\\[nr]|["'`+,\s\\]|(?:Proc-Type|DEK-Info|Version|Comment|Hash):[^\n]{0,100}){0,60}[A-Za-z0-9+/=]{40}"#,
        lines: true,
        check: Check::Token,
    },
    form(
        "jwt",
        "a JSON web token",
        &["eyJ"],
        r"\b(?P<s>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,})",
        Check::Jwt,
    ),
    form(
        "url-credentials",
        "a connection string or URL with its password",
        &["://"],
        r#"\b(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,30})://(?P<user>[^\s:/?#@"'`<>|\\]{0,100}):(?P<s>[^\s@"'`<>/\\][^\s@"'`<>\\]{0,200})@(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:?#"'`<>,)\\;]{1,255})"#,
        Check::Url,
    ),
    form(
        "authorization-header",
        "an Authorization header with its credential",
        &["bearer ", "basic "],
        r#"(?i)\b(?:bearer|basic)\s+(?P<s>[A-Za-z0-9._~+/=-]{16,})"#,
        Check::Header,
    ),
    form(
        "cookie-header",
        "a cookie with its value",
        &["cookie"],
        r#"(?i)\b(?:set-)?cookies?\\?["']?\s*[:=]\s*\\?["']?\[?\\?["']?[A-Za-z0-9_.-]+=(?P<s>[A-Za-z0-9._~%+/=:-]{12,})"#,
        Check::Cookie,
    ),
    form(
        "secret-assignment",
        "a literal under a name that means a secret",
        SECRET_NAMES,
        r#"(?i)(?P<name>[A-Za-z0-9_.-]{0,60}(?:secret|passwd|password|passphrase|pwd|token|api[_-]?key|access[_-]?key|signing_key|encryption_key|private_?key|auth_key|credential)[A-Za-z0-9_.-]{0,40})["'`\])]{0,2}\s*(?::\s*[A-Za-z&<>\[\]]{1,20}\s*=|:=|=>|=|:|,)\s*[brf]{0,2}(?P<q>["'`]?)(?P<s>[^\s"'`]{6,200})(?P<end>["'`]?)"#,
        Check::Assignment,
    ),
    form(
        "secret-in-log",
        "a value under a name that means a secret",
        SECRET_NAMES,
        r#"(?i)(?P<name>[A-Za-z0-9_.-]{0,60}(?:secret|passwd|password|passphrase|pwd|token|api[_-]?key|access[_-]?key|signing_key|encryption_key|private_?key|auth_key|credential)[A-Za-z0-9_.-]{0,40})\\?(?P<quote>["']?)\s*(?P<sign>[:=])\s*\\?(?P<q>["']?)(?P<s>[^\s"'\\,;&}\])]{4,200})"#,
        Check::LogValue,
    ),
    token(
        "aws-access-key",
        "an AWS access key id",
        &["AKIA", "ASIA"],
        r"\b(?P<s>(?:AKIA|ASIA)[A-Z2-7]{16})\b",
    ),
    token(
        "azure-storage-key",
        "an Azure storage key",
        &["AccountKey="],
        r"AccountKey=(?P<s>[A-Za-z0-9+/]{86}==)",
    ),
    token(
        "github-token",
        "a GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?P<s>(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255}))",
    ),
    token(
        "gitlab-token",
        "a GitLab token",
        &["glpat-", "gldt-", "glrt-", "glptt-"],
        r"\b(?P<s>gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_.-]{20,})",
    ),
    token(
        "slack-token",
        "a Slack token",
        &["xoxb-", "xoxp-", "xoxa-", "xoxe", "xoxs-", "xapp-"],
        r"\b(?P<s>x(?:ox[abeps](?:\.xox[bp])?|app)-[A-Za-z0-9-]{20,})",
    ),
    token(
        "slack-webhook",
        "a Slack webhook",
        &["hooks.slack.com/services/"],
        r"hooks\.slack\.com/services/(?P<s>T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,})",
    ),
    token(
        "discord-webhook",
        "a Discord webhook",
        &["discord.com/api/webhooks/"],
        r"discord\.com/api/webhooks/(?P<s>[0-9]{16,20}/[A-Za-z0-9_-]{60,})",
    ),
    token(
        "live-secret-key",
        "a live secret key (Stripe, Clerk, WorkOS, Paystack)",
        &["sk_live_", "rk_live_"],
        r"\b(?P<s>[sr]k_live_[A-Za-z0-9]{16,})",
    ),
    token(
        "test-secret-key",
        "a secret key of a test mode (Stripe, Clerk, Paystack)",
        &["sk_test_", "rk_test_"],
        r"\b(?P<s>[sr]k_test_[A-Za-z0-9]{16,})",
    ),
    token(
        "webhook-secret",
        "a webhook secret (Stripe, Svix)",
        &["whsec_"],
        r"\b(?P<s>whsec_[A-Za-z0-9+/=]{24,})",
    ),
    token(
        "anthropic-key",
        "an Anthropic API key",
        &["sk-ant-"],
        r"\b(?P<s>sk-ant-[A-Za-z0-9_-]{24,})",
    ),
    token(
        "openai-key",
        "an OpenAI API key",
        &["sk-"],
        r"\b(?P<s>sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{24,}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}))",
    ),
    token(
        "google-api-key",
        "a Google API key",
        &["AIza"],
        r"\b(?P<s>AIza[A-Za-z0-9_-]{35})",
    ),
    token(
        "google-oauth-secret",
        "a Google OAuth client secret",
        &["GOCSPX-"],
        r"\b(?P<s>GOCSPX-[A-Za-z0-9_-]{28})",
    ),
    token(
        "sendgrid-key",
        "a SendGrid API key",
        &["SG."],
        r"\b(?P<s>SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50})",
    ),
    token(
        "npm-token",
        "an npm token",
        &["npm_"],
        r"\b(?P<s>npm_[A-Za-z0-9]{36})\b",
    ),
    token(
        "pypi-token",
        "a PyPI token",
        &["pypi-AgEIcHlwaS5vcmc"],
        r"\b(?P<s>pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,})",
    ),
    token(
        "crates-io-token",
        "a crates.io token",
        &["cio"],
        r"\b(?P<s>cio[A-Za-z0-9]{32})\b",
    ),
    token(
        "hugging-face-token",
        "a Hugging Face token",
        &["hf_"],
        r"\b(?P<s>hf_[A-Za-z0-9]{34,})\b",
    ),
    token(
        "digitalocean-token",
        "a DigitalOcean token",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"\b(?P<s>do[opr]_v1_[a-f0-9]{64})\b",
    ),
    token(
        "fly-token",
        "a Fly.io token",
        &["fm2_", "fm1r_", "fm1a_", "fo1_"],
        r"\b(?P<s>(?:fm2_|fm1[ar]_)[A-Za-z0-9+/=_-]{60,}|fo1_[A-Za-z0-9_-]{43})",
    ),
    token(
        "docker-token",
        "a Docker Hub token",
        &["dckr_pat_"],
        r"\b(?P<s>dckr_pat_[A-Za-z0-9_-]{27})",
    ),
    token(
        "databricks-token",
        "a Databricks token",
        &["dapi"],
        r"\b(?P<s>dapi[a-f0-9]{32}(?:-\d)?)\b",
    ),
    token(
        "vault-token",
        "a Vault token",
        &["hvs.", "hvb."],
        r"\b(?P<s>hv[sb]\.[A-Za-z0-9_-]{24,})",
    ),
    token(
        "terraform-token",
        "a Terraform Cloud token",
        &["atlasv1."],
        r"\b(?P<s>atlasv1\.[A-Za-z0-9_=-]{60,70})",
    ),
    token(
        "grafana-token",
        "a Grafana token",
        &["glsa_", "glc_"],
        r"\b(?P<s>glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/]{32,})",
    ),
    token(
        "sentry-token",
        "a Sentry token",
        &["sntrys_", "sntryu_"],
        r"\b(?P<s>sntry[su]_[A-Za-z0-9+/=_]{40,})",
    ),
    token(
        "new-relic-key",
        "a New Relic user key",
        &["NRAK-"],
        r"\b(?P<s>NRAK-[A-Z0-9]{27})\b",
    ),
    token(
        "postman-key",
        "a Postman API key",
        &["PMAK-"],
        r"\b(?P<s>PMAK-[a-f0-9]{24}-[a-f0-9]{34})\b",
    ),
    token(
        "linear-key",
        "a Linear API key",
        &["lin_api_"],
        r"\b(?P<s>lin_api_[A-Za-z0-9]{40})\b",
    ),
    token(
        "doppler-token",
        "a Doppler token",
        &["dp.pt.", "dp.st."],
        r"\b(?P<s>dp\.[ps]t\.[A-Za-z0-9._-]{40,})",
    ),
    token(
        "supabase-token",
        "a Supabase token",
        &["sbp_", "sb_secret_"],
        r"\b(?P<s>sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{30,})",
    ),
    token(
        "shopify-token",
        "a Shopify token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"\b(?P<s>shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})\b",
    ),
    token(
        "square-token",
        "a Square token",
        &["sq0atp-", "sq0csp-", "EAAA"],
        r"\b(?P<s>sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60})",
    ),
    token(
        "mailgun-key",
        "a Mailgun API key",
        &["key-"],
        r"\b(?P<s>key-[a-f0-9]{32})\b",
    ),
    token(
        "telegram-token",
        "a Telegram bot token",
        &["AA"],
        r"\b[0-9]{8,10}:(?P<s>AA[A-Za-z0-9_-]{33})\b",
    ),
    token(
        "planetscale-token",
        "a PlanetScale credential",
        &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
        r"\b(?P<s>pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,})",
    ),
    token(
        "replicate-token",
        "a Replicate token",
        &["r8_"],
        r"\b(?P<s>r8_[A-Za-z0-9]{37})\b",
    ),
    token(
        "age-key",
        "an age secret key",
        &["AGE-SECRET-KEY-1"],
        r"\b(?P<s>AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})",
    ),
    token(
        "n8n-key",
        "an n8n API key",
        &["n8n_api_"],
        r"\b(?P<s>n8n_api_[A-Za-z0-9]{40,})",
    ),
];

/// Whether a token's form is right but nobody ever had it: examples of manuals, masks, patterns.
pub(super) fn is_dummy(token: &str) -> bool {
    if token == "PRIVATE KEY" {
        return false;
    }
    let lower = token.to_ascii_lowercase();
    let random = lower.rsplit(['_', '-', '.']).next().unwrap_or(&lower);
    let mut characters: Vec<char> = random.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    ["example", "dummy", "sample", "notreal", "redacted", "your"]
        .iter()
        .any(|word| lower.contains(word))
        || characters.len() < 5
        || has_long_run(&lower)
        || known::placeholder(token).is_some()
        || known::published_default(token).is_some()
        // Stripe's documentation.
        || lower.ends_with("4ec39hqlyjwdarjtt1zdp7dc")
}

/// Whether eight characters in a row repeat or count up.
fn has_long_run(text: &str) -> bool {
    let bytes = text.as_bytes();
    [0_u8, 1].iter().any(|step| {
        let mut run = 1;
        bytes.windows(2).any(|pair| {
            run = if pair[1] == pair[0].wrapping_add(*step) {
                run + 1
            } else {
                1
            };
            run >= 8
        })
    })
}

/// Whether a JSON web token is an example: jwt.io's, or no token at all.
pub(super) fn is_sample_jwt(token: &str) -> bool {
    jwt_claims(token).is_none_or(|claims| {
        let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
        text("sub") == Some("1234567890")
            || text("name") == Some("John Doe")
            || known::published_default(token).is_some()
    })
}

/// Whether what follows `Bearer`, `Basic` or a cookie's name is a credential rather than prose.
pub(super) fn is_credential(text: &str) -> bool {
    let letters = text.chars().any(char::is_alphabetic);
    let digits = text.chars().any(|c| c.is_ascii_digit());
    letters && digits && !is_dummy(text) && entropy_bits(text) >= 48.0
}

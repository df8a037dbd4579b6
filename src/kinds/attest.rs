//! Sign-offs: what no machine can judge.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FaultDoc, Impact, Kind, Planned};
use crate::context::{Context, JudgeContext};
use crate::expect::TimeSpan;
use crate::outcome::{Fault, Finding};
use crate::profile::SignOff;

/// Requires that a person signed off what no machine can judge.
///
/// The signatures stand under `sign_offs:` of the profile, bound to this check by its id.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attest {
    /// What is being signed: one sentence that is true or not.
    statement: String,
    /// Who must sign: every role listed must have a signature that counts. Empty means anyone.
    #[serde(default)]
    roles: Vec<String>,
    /// How long a signature counts, unless it says a shorter time itself.
    #[serde(default)]
    valid_for: Option<TimeSpan>,
    /// Whether each signature must point at evidence (a link or a file).
    #[serde(default)]
    evidence: bool,
}

/// The signatures found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// As written in the profile.
    sign_offs: Vec<SignOff>,
}

impl Kind for Attest {
    const NAME: &'static str = "attest";
    const FAULTS: &'static [FaultDoc] = &[
        FaultDoc::caught(
            "ATT-01",
            "not signed off",
            "Nobody took responsibility for a statement that no machine can judge.",
            "Have the named role verify the statement and record it under `sign_offs:`.",
        ),
        FaultDoc::caught(
            "ATT-02",
            "signature expired",
            "What was true when it was signed may not be true any more.",
            "Verify the statement again and renew the sign-off.",
        ),
        FaultDoc::caught(
            "ATT-03",
            "signature dated in the future",
            "A date that has not come cannot be the day somebody verified something.",
            "Correct the date of the sign-off.",
        ),
        FaultDoc::caught(
            "ATT-04",
            "evidence missing",
            "A signature without evidence cannot be followed up.",
            "Add `evidence:` with a link or a file to the sign-off.",
        ),
    ];
    type Facts = Facts;

    fn impact(&self) -> Impact {
        Impact::Passive
    }

    fn plan(&self) -> Vec<Planned> {
        vec![Planned::once("read the profile's sign-offs")]
    }

    async fn observe(&self, cx: &Context) -> Result<Facts, Fault> {
        Ok(Facts {
            sign_offs: cx.sign_offs.to_vec(),
        })
    }

    fn judge(&self, facts: &Facts, cx: &JudgeContext) -> Vec<Finding> {
        let wanted = format!("signed: {}", self.statement);
        if self.roles.is_empty() {
            return vec![self.judge_role(
                "anyone",
                facts.sign_offs.iter().collect(),
                &wanted,
                cx.now,
            )];
        }
        self.roles
            .iter()
            .map(|role| {
                let of_role = facts
                    .sign_offs
                    .iter()
                    .filter(|s| s.role.eq_ignore_ascii_case(role))
                    .collect();
                self.judge_role(role, of_role, &wanted, cx.now)
            })
            .collect()
    }
}

impl Attest {
    /// The best of a role's signatures decides.
    fn judge_role(
        &self,
        role: &str,
        sign_offs: Vec<&SignOff>,
        wanted: &str,
        now: Timestamp,
    ) -> Finding {
        let mut worst = None;
        for sign_off in sign_offs {
            match self.fault_of(role, sign_off, wanted, now) {
                None => {
                    return Finding::pass(
                        role,
                        wanted,
                        format!("signed by {} on {}", sign_off.by, sign_off.on),
                    );
                }
                Some(finding) => worst = Some(finding),
            }
        }
        worst.unwrap_or_else(|| {
            Finding::fail(
                "ATT-01",
                role,
                wanted,
                "no signature",
                format!("{role} has not signed off: {}", self.statement),
            )
        })
    }

    /// Why a signature does not count; `None` when it does.
    fn fault_of(
        &self,
        role: &str,
        sign_off: &SignOff,
        wanted: &str,
        now: Timestamp,
    ) -> Option<Finding> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let shown = format!("signed by {} on {}", sign_off.by, sign_off.on);
        if sign_off.on > today {
            return Some(Finding::fail(
                "ATT-03",
                role,
                wanted,
                shown,
                format!(
                    "the signature of {} is dated {}, which has not come yet",
                    sign_off.by, sign_off.on
                ),
            ));
        }
        let valid = [self.valid_for, sign_off.valid_for]
            .into_iter()
            .flatten()
            .min();
        if let Some(valid) = valid {
            let age = age_in_days(sign_off.on, today);
            let allowed = valid.as_secs() / 86_400;
            if age > allowed {
                return Some(Finding::fail(
                    "ATT-02",
                    role,
                    format!("{wanted}, at most {valid} ago"),
                    format!("{shown}, {age} days ago"),
                    format!("the signature of {} has expired", sign_off.by),
                ));
            }
        }
        if self.evidence
            && sign_off
                .evidence
                .as_deref()
                .is_none_or(|e| e.trim().is_empty())
        {
            return Some(Finding::fail(
                "ATT-04",
                role,
                format!("{wanted}, with evidence"),
                format!("{shown}, without evidence"),
                "the signature points at no evidence",
            ));
        }
        None
    }
}

/// Whole days from one date to another, 0 when it lies ahead.
fn age_in_days(from: Date, to: Date) -> u64 {
    let days = (to - from).get_days();
    u64::try_from(days).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(spec: &str, sign_offs: serde_json::Value) -> Vec<String> {
        let kind: Attest = serde_json::from_str(spec).unwrap();
        let facts = Facts {
            sign_offs: serde_json::from_value(sign_offs).unwrap(),
        };
        let cx = JudgeContext {
            now: "2026-06-15T12:00:00Z".parse().unwrap(),
        };
        kind.judge(&facts, &cx)
            .into_iter()
            .filter_map(|f| f.code)
            .map(String::from)
            .collect()
    }

    #[test]
    fn every_role_needs_a_signature_that_counts() {
        let spec =
            r#"{"statement": "done", "roles": ["security"], "valid_for": "30d", "evidence": true}"#;
        let signed = |on: &str, evidence: &str| serde_json::json!([{"check": "x", "role": "Security", "by": "someone", "on": on, "evidence": evidence}]);
        for (sign_offs, expected) in [
            (signed("2026-06-01", "ticket 1"), None),
            (serde_json::json!([]), Some("ATT-01")),
            (signed("2026-05-01", "ticket 1"), Some("ATT-02")),
            (signed("2026-06-16", "ticket 1"), Some("ATT-03")),
            (signed("2026-06-01", " "), Some("ATT-04")),
        ] {
            assert_eq!(
                codes(spec, sign_offs.clone()).first().map(String::as_str),
                expected,
                "{sign_offs}"
            );
        }
    }
}

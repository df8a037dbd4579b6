//! The [`Kind`] trait and the machinery behind the list in `kinds/mod.rs`.

use std::fmt::Debug;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::{Context, JudgeContext};
use crate::expect::TimeSpan;
use crate::outcome::{Fault, Finding};
use crate::profile::node::{Node, Problems};

/// One entry of a kind's fault catalogue: a stable code, what it means, what to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultDoc {
    /// Stable code, `CORS-03`.
    pub(crate) code: &'static str,
    /// The fault in a few words.
    pub(crate) title: &'static str,
    /// Why it matters, in one or two sentences.
    pub(crate) why: &'static str,
    /// What to do about it.
    pub(crate) remedy: &'static str,
    /// Why it cannot be observed from outside; `None` when the kind catches it.
    pub(crate) not_observable: Option<&'static str>,
}

impl FaultDoc {
    /// A fault the kind catches.
    pub(crate) const fn caught(
        code: &'static str,
        title: &'static str,
        why: &'static str,
        remedy: &'static str,
    ) -> Self {
        Self {
            code,
            title,
            why,
            remedy,
            not_observable: None,
        }
    }

    /// A fault that no look from outside can show, and why.
    pub(crate) const fn unseen(
        code: &'static str,
        title: &'static str,
        why: &'static str,
        remedy: &'static str,
        reason: &'static str,
    ) -> Self {
        Self {
            not_observable: Some(reason),
            ..Self::caught(code, title, why, remedy)
        }
    }
}

/// How much a check disturbs its target, and so when it may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Impact {
    /// Local files and variables only.
    Passive,
    /// A few read-only requests.
    Normal,
    /// Bursts or load: runs after all others, one at a time per host, with `--allow disruptive`.
    Disruptive,
    /// Runs a program of the profile's choice: with `--allow command`.
    Command,
}

/// One line of `--dry-run`: a request or statement, and how often it may be sent at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Planned {
    /// `GET https://…`, `SQL select …`, `read ./.env`.
    pub(crate) what: String,
    /// Upper bound of how often.
    pub(crate) at_most: u32,
}

impl Planned {
    /// Sent once.
    pub(crate) fn once(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            at_most: 1,
        }
    }
}

/// A contradiction inside a spec that its types cannot express (`min` above `max`).
#[derive(Clone, Debug)]
pub(crate) struct SpecProblem {
    /// Path of the field inside the kind's block, `expect.json`; empty for the block itself.
    pub(crate) field: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) help: Option<String>,
}

impl SpecProblem {
    /// A problem with the field at `path`.
    pub(crate) fn at(
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            field: path.into(),
            message: message.into(),
            help: Some(help.into()),
        }
    }
}

/// What a person signs, of a check that no machine can judge.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// The sentence.
    pub(crate) text: String,
    /// Who must sign; empty means anyone.
    pub(crate) roles: Vec<String>,
    /// How long a signature counts at most.
    pub(crate) valid_for: Option<TimeSpan>,
}

/// A mechanism: parses its block of a check, observes, judges.
///
/// The implementing type is the spec: its doc comments are the reference that `explain` prints and
/// its derives are the parser and the schema. It must use `deny_unknown_fields`.
pub(crate) trait Kind:
    DeserializeOwned + JsonSchema + Debug + Send + Sync + 'static
{
    /// The YAML key.
    const NAME: &'static str;
    /// The faults it can find, in the order of the catalogue.
    const FAULTS: &'static [FaultDoc];
    /// What it observes: typed, serialisable, the evidence in a report.
    type Facts: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// How much this check disturbs its target.
    fn impact(&self) -> Impact {
        Impact::Normal
    }

    /// Whether it may leave its target refusing requests for a while: it comes after everything else.
    fn exhausting(&self) -> bool {
        false
    }

    /// Hosts it talks to, as `host:port`, for the per-host limit.
    fn hosts(&self) -> Vec<String> {
        Vec::new()
    }

    /// A key that at most one check may hold at a time (one database session per target).
    fn exclusive(&self) -> Option<String> {
        None
    }

    /// Whether looking again is harmless. What may change the target (`unsafe_method`) is never
    /// repeated by itself: `retry` then does nothing.
    fn repeatable(&self) -> bool {
        true
    }

    /// What a person signs; `None` for what a machine judges. The findings of such a kind begin with
    /// one for each role, in their order.
    fn statement(&self) -> Option<Statement> {
        None
    }

    /// Contradictions the types cannot express; reported like parse errors, before any contact.
    fn problems(&self) -> Vec<SpecProblem> {
        Vec::new()
    }

    /// What would be sent, for `--dry-run`.
    fn plan(&self) -> Vec<Planned>;

    /// Looks. No opinions: a status 500 is a fact, not an error.
    ///
    /// # Errors
    /// A [`Fault`] when it could not look: the verdict is then *error*.
    fn observe(&self, cx: &Context) -> impl Future<Output = Result<Self::Facts, Fault>> + Send;

    /// Judges what was seen. Pure: no I/O, no clock but the one in `cx`. Returns at least one
    /// finding, passing ones included: a check that judged nothing is an error.
    fn judge(&self, facts: &Self::Facts, cx: &JudgeContext) -> Vec<Finding>;

    /// What `assert:` expressions see under the kind's name; the facts as JSON by default.
    fn for_assert(facts: &Self::Facts) -> serde_json::Value {
        serde_json::to_value(facts).unwrap_or_default()
    }
}

/// What one observation gave: evidence, and what was judged.
#[derive(Debug)]
pub(crate) struct Observed {
    /// The facts as JSON, secrets still inside.
    pub(crate) facts: serde_json::Value,
    /// What `assert:` expressions may look at.
    pub(crate) for_assert: serde_json::Value,
    /// Every judged statement.
    pub(crate) findings: Vec<Finding>,
}

/// [`Kind`] with its types erased, so that the engine holds any of them.
pub(crate) trait DynKind: Debug + Send + Sync {
    /// See [`Kind::impact`].
    fn impact(&self) -> Impact;
    /// See [`Kind::exhausting`].
    fn exhausting(&self) -> bool;
    /// See [`Kind::hosts`].
    fn hosts(&self) -> Vec<String>;
    /// See [`Kind::exclusive`].
    fn exclusive(&self) -> Option<String>;
    /// See [`Kind::repeatable`].
    fn repeatable(&self) -> bool;
    /// See [`Kind::statement`].
    fn statement(&self) -> Option<Statement> {
        None
    }
    /// See [`Kind::problems`].
    fn problems(&self) -> Vec<SpecProblem>;
    /// See [`Kind::plan`].
    fn plan(&self) -> Vec<Planned>;
    /// Observes once and judges what was seen.
    fn run<'a>(
        &'a self,
        cx: &'a Context,
        judge: &'a JudgeContext,
    ) -> BoxFuture<'a, Result<Observed, Fault>>;
}

impl<K: Kind> DynKind for K {
    fn impact(&self) -> Impact {
        Kind::impact(self)
    }
    fn exhausting(&self) -> bool {
        Kind::exhausting(self)
    }
    fn hosts(&self) -> Vec<String> {
        Kind::hosts(self)
    }
    fn exclusive(&self) -> Option<String> {
        Kind::exclusive(self)
    }
    fn repeatable(&self) -> bool {
        Kind::repeatable(self)
    }
    fn statement(&self) -> Option<Statement> {
        Kind::statement(self)
    }
    fn problems(&self) -> Vec<SpecProblem> {
        Kind::problems(self)
    }
    fn plan(&self) -> Vec<Planned> {
        Kind::plan(self)
    }
    fn run<'a>(
        &'a self,
        cx: &'a Context,
        judge: &'a JudgeContext,
    ) -> BoxFuture<'a, Result<Observed, Fault>> {
        Box::pin(async move {
            let facts = self.observe(cx).await?;
            let findings = self.judge(&facts, judge);
            let json = serde_json::to_value(&facts).unwrap_or_default();
            Ok(Observed {
                for_assert: K::for_assert(&facts),
                facts: json,
                findings,
            })
        })
    }
}

/// A line of the list: everything the rest of the program needs to know of a kind.
pub(crate) struct KindEntry {
    /// The YAML key.
    pub(crate) name: &'static str,
    /// The fault catalogue.
    pub(crate) faults: &'static [FaultDoc],
    /// The JSON Schema of the spec; its description is the kind's summary.
    pub(crate) schema: fn() -> Schema,
    /// Decodes a located block; problems go to the list, each with its place.
    pub(crate) decode: fn(&Node, &mut Problems) -> Option<Arc<dyn DynKind>>,
}

impl KindEntry {
    /// The entry of kind `K`.
    pub(crate) const fn of<K: Kind>() -> Self {
        Self {
            name: K::NAME,
            faults: K::FAULTS,
            schema: || schemars::schema_for!(K),
            decode: |node, problems| {
                crate::profile::decode::decode::<K>(node, problems)
                    .map(|kind| Arc::new(kind) as Arc<dyn DynKind>)
            },
        }
    }
}

/// The entry of the kind with this name.
pub(crate) fn entry(name: &str) -> Option<&'static KindEntry> {
    super::KINDS.iter().find(|kind| kind.name == name)
}

/// Declares the modules of the kinds and the list of their entries.
macro_rules! kinds {
    ($($module:ident => $kind:ident),* $(,)?) => {
        $(mod $module;)*
        /// Every kind, in the order of the documentation.
        pub(crate) static KINDS: &[KindEntry] = &[$(KindEntry::of::<$module::$kind>()),*];
    };
}
pub(crate) use kinds;

//! The frontend in a browser, and as its host serves it.

use super::{Row, Service, assert_rows, deployment, items_of};
use crate::support::twin::Twin;
use crate::systems::{Audit, assert_broken, assert_healthy};

/// Breaks that a plain request sees.
const SERVED: &[Row<&str>] = &[
    (&["CIM-D.4"], "page-trace", &["frontend-hosted"]),
    (
        &["CIM-D.4"],
        "no-ci",
        &["assets-cached", "frontend-cdn", "frontend-hosted"],
    ),
    (&["CIM-P.11"], "no-cdn", &["frontend-cdn"]),
    (&["CIM-P.9"], "no-cache", &["assets-cached"]),
];

/// Breaks that a browser sees: of the checks named first, those named last turn red.
const SHOWN: &[(&[&str], &str, &str, &[&str])] = &[
    (
        &["CIM-K.10", "CIM-T.11", "CIM-O.4"],
        "no-redirect",
        "frontend-home",
        &["frontend-home"],
    ),
    (
        &["CIM-K.10", "CIM-K.11", "CIM-T.11", "CIM-O.4"],
        "script-error",
        "frontend-home,frontend-ci",
        &["frontend-ci", "frontend-home"],
    ),
    (&["CIM-K.11"], "blank-ci", "frontend-ci", &["frontend-ci"]),
    (
        &["CIM-K.14"],
        "no-call",
        "frontend-calls",
        &["frontend-calls"],
    ),
    (
        &["CIM-K.14"],
        "call-astray",
        "frontend-calls",
        &["frontend-calls"],
    ),
    (
        &["CIM-K.12", "CIM-T.9"],
        "no-gallery",
        "frontend-modules",
        &["frontend-modules"],
    ),
    (
        &["CIM-K.13"],
        "no-night",
        "frontend-theme",
        &["frontend-theme"],
    ),
    (
        &["CIM-K.13"],
        "night-elsewhere",
        "frontend-theme",
        &["frontend-theme"],
    ),
    (
        &["CIM-P.3"],
        "slow-page",
        "frontend-fast",
        &["frontend-fast"],
    ),
];

/// Items that are broken here.
pub(super) fn items() -> Vec<&'static str> {
    let shown = SHOWN.iter().flat_map(|(items, ..)| items.iter().copied());
    items_of(SERVED).into_iter().chain(shown).collect()
}

/// The API with the pages that call it.
struct Site {
    service: Service,
    pages: Twin,
}

impl Site {
    /// Starts both.
    fn start() -> Self {
        let service = Service::start();
        let settings = service.scratch.join("settings").display().to_string();
        let pages = Twin::python(
            "cimeika",
            &[("SETTINGS", settings), ("FRONTEND", "1".to_owned())],
        );
        let site = Self { service, pages };
        site.be("", "");
        site
    }

    /// Makes it healthy in this way, and broken in that.
    fn be(&self, like: &str, broken: &str) {
        // The last line of a name counts.
        let more = format!(
            "API_URL={}\nCORS_ORIGINS={}",
            self.service.twin.url(""),
            self.pages.url("")
        );
        self.service.be_with(like, broken, &more);
    }

    /// How it is audited.
    fn audit(&self) -> Audit {
        deployment()
            .set("base_url", self.service.twin.url(""))
            .set("frontend_url", self.pages.url(""))
    }
}

#[test]
fn healthy_pages_are_green() {
    let site = Site::start();
    assert_healthy(&site.audit().only("tag:frontend").run(), 9);
    site.be("class-theme,cloudflare,relative-assets", "");
    let like = site
        .audit()
        .only("frontend-theme,frontend-calls,frontend-cdn,assets-cached");
    assert_healthy(&like.run(), 4);
}

#[test]
fn broken_pages_are_red() {
    let site = Site::start();
    assert_rows(SERVED, |word| {
        site.be("", word);
        site.audit().only("tag:frontend").skip("tag:browser").run()
    });
    for (items, word, checks, red) in SHOWN {
        site.be("", word);
        let run = site.audit().only(checks).run();
        assert_broken(&run, &format!("{word} {items:?}"), red);
    }
}

//! The catalogue: what can be wrong with a page.

use crate::kinds::FaultDoc;

/// Every fault of the kind.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "WEB-01",
        "blank page",
        "The server answers 200 and the visitor sees white: the application did not start in the browser.",
        "Look at the errors and missing assets of the same page; see that the element the application fills is there.",
    ),
    FaultDoc::caught(
        "WEB-02",
        "script error",
        "An exception that nobody catches, or an error on the console, is a part of the page that does not work.",
        "Correct the script; accept known noise with `allow_console`.",
    ),
    FaultDoc::caught(
        "WEB-03",
        "asset missing or of another type",
        "After a release an old page asks for files that are gone, and a server that answers every path with its start page sends HTML as a script.",
        "Deploy assets before pages and keep the old ones for a while; answer 404 under the assets' path; send the right media type.",
    ),
    FaultDoc::caught(
        "WEB-04",
        "mixed content",
        "Browsers block scripts and calls over plain HTTP in a page over HTTPS, so that part of the page never works.",
        "Write the addresses with https, or without scheme and host; look at the build's public address.",
    ),
    FaultDoc::caught(
        "WEB-05",
        "page talks to the wrong server",
        "A build with the address of a developer's machine or of staging in it works for the developer only.",
        "Build with the production address of the API.",
    ),
    FaultDoc::caught(
        "WEB-06",
        "blocked by CORS or by the content security policy",
        "The browser keeps the page from reading an answer or from running its own code.",
        "Allow the page's origin at the API; add the source, nonce or hash to the policy.",
    ),
    FaultDoc::caught(
        "WEB-07",
        "development build",
        "Development builds are slow and large, and show internals.",
        "Build for production and serve the result; do not run the development server.",
    ),
    FaultDoc::unseen(
        "WEB-09",
        "old service worker",
        "Visitors who were here before keep getting the old version.",
        "Change the service worker's file with every release, and send it with `Cache-Control: no-cache`.",
        "a browser with an empty profile has no old service worker",
    ),
    FaultDoc::caught(
        "WEB-10",
        "step of a journey fails",
        "A visitor gets stuck at this point.",
        "Open the page and do the steps by hand; look at the selector.",
    ),
    FaultDoc::caught(
        "WEB-11",
        "slow or heavy page",
        "Visitors leave pages that take seconds to show something or that jump while they read.",
        "Send less script, compress and cache it, give pictures their size; measure from where the visitors are.",
    ),
    FaultDoc::caught(
        "WEB-12",
        "title, language, viewport or noindex",
        "Search engines, screen readers and telephones need them, and a noindex left from staging hides the site.",
        "Set them in the page's head; let the build decide on noindex by its environment.",
    ),
    FaultDoc::caught(
        "WEB-13",
        "redirects in a circle",
        "The visitor never arrives, often because login and page send him to each other.",
        "See which of the two does not know the session or the scheme; behind a proxy trust its X-Forwarded-Proto.",
    ),
    FaultDoc::caught(
        "WEB-17",
        "wider than the window",
        "On a telephone the page has to be moved sideways to be read.",
        "Let wide things shrink or wrap, and see that the page states a viewport.",
    ),
    FaultDoc::caught(
        "WEB-51",
        "page does not open or never finishes",
        "The visitor gets an error page, or waits.",
        "Look at the status and at the request that is not answered.",
    ),
    FaultDoc::caught(
        "WEB-52",
        "call of the page fails",
        "The page is there, and its data is not.",
        "Ask for the same address by hand; see that the page was built with the right one.",
    ),
    FaultDoc::caught(
        "WEB-53",
        "page ends at another address",
        "The visitor lands somewhere else than where this page should lead.",
        "Look at the redirects of the server and at the routes of the application.",
    ),
    FaultDoc::caught(
        "WEB-54",
        "element other than expected",
        "What must stand in the page is missing, hidden or different.",
        "Look at the page; correct it, or the selector.",
    ),
];

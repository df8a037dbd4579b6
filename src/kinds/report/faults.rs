//! The fault catalogue of `report`.

use crate::kinds::FaultDoc;

/// Every fault.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "REP-01",
        "report is missing",
        "The tool did not run, or writes elsewhere. A pattern that matches nothing proves nothing.",
        "Run the tool, and name the file that it writes.",
    ),
    FaultDoc::caught(
        "REP-02",
        "report of another time or commit",
        "A report from a cache or an earlier commit says nothing about this release.",
        "Run the tool again for the release, and keep its report together with what was built.",
    ),
    FaultDoc::caught(
        "REP-03",
        "too few tests",
        "No test, or far fewer than before: suites were lost on the way, and what is left passes.",
        "See which suites are missing; correct the selection of tests.",
    ),
    FaultDoc::caught(
        "REP-04",
        "tests failed",
        "Failures inside nested suites, of a suite's own set-up, or only in its counts are failures, too.",
        "Correct what the failing tests are about.",
    ),
    FaultDoc::caught(
        "REP-05",
        "too many tests skipped",
        "What is skipped proves nothing, however green the run is.",
        "Enable the tests, or give them what they need to run.",
    ),
    FaultDoc::caught(
        "REP-06",
        "unreliable tests",
        "A test that passes only when it is repeated hides faults, and people learn not to look.",
        "Correct the test, or put it in quarantine until somebody does.",
    ),
    FaultDoc::caught(
        "REP-07",
        "report cannot be read",
        "It is cut off, of another format, or too large: the tool may have been killed while it wrote.",
        "See how the tool ended, and run it again.",
    ),
    FaultDoc::caught(
        "REP-08",
        "required tests did not run",
        "A suite that matters is missing from the report, or was skipped.",
        "Run the suite; correct the pattern when it was renamed.",
    ),
    FaultDoc::caught(
        "REP-09",
        "coverage too low",
        "Much of the code was never run by a test. No line at all means that nothing was measured.",
        "Test what is not covered, beginning with what matters most.",
    ),
    FaultDoc::caught(
        "REP-10",
        "coverage falls",
        "New code came without tests.",
        "Test the changed lines.",
    ),
    FaultDoc::caught(
        "REP-11",
        "critical code not covered",
        "The code that matters most was not run, or is excluded from measurement.",
        "Test it, and take it out of the exclusions.",
    ),
    FaultDoc::caught(
        "REP-12",
        "scan is not whole",
        "The scanner crashed, ran nothing, or looked at nothing: no finding of such a run is no proof.",
        "Read the scanner's log and run it again.",
    ),
    FaultDoc::caught(
        "REP-13",
        "scanner found something",
        "A finding at or above the severity that is accepted, or a suppression that has expired or that nobody gave a reason for.",
        "Correct the code, or suppress the finding with a justification and a date.",
    ),
    FaultDoc::caught(
        "REP-14",
        "severity hidden in the rule",
        "SARIF may leave out the level of a result and give it with the rule. Read without the rule, an error looks like a warning.",
        "Nothing in the report needs to change: correct the finding.",
    ),
    FaultDoc::caught(
        "REP-15",
        "bill of materials does not fit",
        "It lists nothing, is older than what was built, or is about something else.",
        "Make it in the same run as the artefact, from the artefact.",
    ),
    FaultDoc::caught(
        "REP-16",
        "components not identified or not allowed",
        "Without version or package URL nobody can look for vulnerabilities; some licences may not be shipped.",
        "Use a tool that finds versions and licences; replace components with denied licences.",
    ),
    FaultDoc::caught(
        "REP-17",
        "known vulnerability",
        "A dependency or image has a published vulnerability, or the scanner's database is too old to know.",
        "Update the package or base image; record with VEX what does not affect you.",
    ),
    FaultDoc::caught(
        "REP-18",
        "report about something else",
        "It is about another image, platform, repository or category.",
        "Name the report of this target.",
    ),
    FaultDoc::caught(
        "REP-19",
        "XML with entities",
        "Entities can make a small file huge or read other files. No tool that writes reports needs them.",
        "Find out who wrote this file.",
    ),
    FaultDoc::caught(
        "REP-20",
        "one name, two outcomes",
        "Under the same name one test failed and one passed. Readers that keep one a name may show the green one.",
        "Give each test its own name; give the report of the last attempt only.",
    ),
    FaultDoc::caught(
        "REP-51",
        "too slow under load",
        "A percentile of the load test is above its limit.",
        "Profile the slowest requests.",
    ),
    FaultDoc::caught(
        "REP-52",
        "errors under load",
        "Requests fail when many come. Fast failures also make latencies look good.",
        "See which errors, and what runs out: connections, memory, limits.",
    ),
    FaultDoc::caught(
        "REP-53",
        "slower than before",
        "The same load test was faster with the earlier release.",
        "Compare profiles of the two releases.",
    ),
    FaultDoc::caught(
        "REP-54",
        "load test says too little",
        "Too few requests, or a number that the report does not have.",
        "Run it longer, or have the tool write the percentile.",
    ),
    FaultDoc::caught(
        "REP-55",
        "load test's own threshold crossed",
        "The load test states limits itself, and one was not kept.",
        "See the threshold in the test's script.",
    ),
    FaultDoc::caught(
        "REP-56",
        "score too low",
        "A score, or the score of one of its checks, is below its limit, or could not be given.",
        "See what the check asks for.",
    ),
    FaultDoc::caught(
        "REP-57",
        "report outside of its root",
        "A path or symbolic link leads out of the folder that reports must be in.",
        "Write the report inside of the root.",
    ),
];

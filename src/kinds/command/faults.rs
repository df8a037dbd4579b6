//! The fault catalogue of `command`.

use crate::kinds::FaultDoc;

/// Every fault.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "CMD-51",
        "unexpected exit code",
        "Programs say with their exit code whether they did what was asked.",
        "Run the command by hand with the same variables and read what it prints.",
    ),
    FaultDoc::caught(
        "CMD-52",
        "prints something else",
        "The output is not what was expected, whatever the exit code says.",
        "Compare the output with the expectation; run the command by hand.",
    ),
    FaultDoc::caught(
        "CMD-53",
        "complains",
        "What a program writes to standard error is not what was expected.",
        "Read what it complains about. When it is too long to be compared, make the program quieter.",
    ),
    FaultDoc::caught(
        "CMD-54",
        "JSON output is not as expected",
        "A value is missing or another one than expected. Programs report failures in their output and exit with 0 all the same.",
        "Look at the path named in the finding.",
    ),
    FaultDoc::caught(
        "CMD-55",
        "output is not JSON",
        "What cannot be read says nothing.",
        "Ask the program for JSON, and see whether it mixes messages into its standard output.",
    ),
    FaultDoc::caught(
        "CMD-56",
        "ended by a signal",
        "It crashed, or the system killed it, often for want of memory.",
        "See the system's log and the memory limits.",
    ),
    FaultDoc::caught(
        "CMD-57",
        "takes too long",
        "It ended, but later than allowed.",
        "See what it waits for.",
    ),
    FaultDoc::caught(
        "CMD-58",
        "does not end",
        "Time was over before the program was; it and everything it started were killed.",
        "Run it by hand and see what it waits for, or allow more time with `timeout:`.",
    ),
    FaultDoc::caught(
        "CMD-59",
        "cannot be run",
        "The program is not installed, may not be run, or is no program of this system.",
        "Install it, name it by its full path, make it executable.",
    ),
    FaultDoc::caught(
        "CMD-60",
        "prints too much",
        "More output than is read; what was read may be only a part.",
        "Make it print less, or redirect what nobody needs.",
    ),
];

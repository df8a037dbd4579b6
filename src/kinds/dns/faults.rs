//! The catalogue: what can be wrong with a name.

use crate::kinds::FaultDoc;

/// Every fault of the kind.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "DNS-01",
        "name does not resolve",
        "Nobody finds the service: the name does not exist, or the server fails or refuses.",
        "NXDOMAIN: create the record, correct the name. SERVFAIL and REFUSED: see whether the zone is loaded there and its delegation and signatures are right.",
    ),
    FaultDoc::caught(
        "DNS-02",
        "name without records of this type",
        "The name exists and leads nowhere; many tools take that answer for a success.",
        "Create the record, or ask for the type that is meant.",
    ),
    FaultDoc::caught(
        "DNS-03",
        "unexpected, missing or dead address",
        "A part of the visitors is sent to a server that is wrong or gone, whichever record they happen to get.",
        "Remove the address, or start the service behind it.",
    ),
    FaultDoc::caught(
        "DNS-04",
        "private address in public DNS",
        "From outside it leads nowhere, or to something in the visitor's own network.",
        "Publish the public address; keep private names in a private zone.",
    ),
    FaultDoc::caught(
        "DNS-05",
        "IPv6 address that does not answer",
        "Visitors with IPv6 wait before they fall back, or fail.",
        "Let the service listen on IPv6 and open the firewall, or remove the AAAA record.",
    ),
    FaultDoc::caught(
        "DNS-06",
        "TTL too long or too short",
        "A long one delays every move by that time, a short one costs every visitor a lookup.",
        "Lower it in time before a move, and raise it again afterwards.",
    ),
    FaultDoc::caught(
        "DNS-07",
        "servers disagree",
        "Who gets which answer is left to chance: a zone was not transferred, or a resolver holds an old one.",
        "Compare the SOA serials; see the zone transfer and its notifications.",
    ),
    FaultDoc::caught(
        "DNS-08",
        "alias that leads nowhere",
        "The service behind it is gone, and whoever registers its name there takes over this one.",
        "Remove the CNAME, or recreate its target.",
    ),
    FaultDoc::caught(
        "DNS-09",
        "CAA missing or against the authority in use",
        "Without it any authority may issue certificates; with a wrong one the next renewal is refused.",
        "Publish a CAA record with `issue` and the authority's domain.",
    ),
    FaultDoc::caught(
        "DNS-12",
        "single name server",
        "When it fails, everything under the name is gone.",
        "Add a second one, in another network.",
    ),
    FaultDoc::caught(
        "DNS-13",
        "SPF or DMARC missing or without effect",
        "Others can send mail in this name, or the mail of the service is taken for forged.",
        "Publish one SPF record that ends in -all or ~all, and a DMARC policy of quarantine or reject.",
    ),
    FaultDoc::caught(
        "DNS-14",
        "wildcard hides misspelt names",
        "A typing error in a configuration resolves and leads to the wrong service.",
        "Write down the names that are needed and remove the wildcard.",
    ),
    FaultDoc::caught(
        "DNS-51",
        "name that must not be there",
        "An old or internal name is still public.",
        "Remove the record.",
    ),
];

//! The fault catalogue of the kind.

use super::FaultDoc;

/// What is caught.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "API-01",
        "no valid document",
        "Clients, tools and people read the API from this document. A page of HTML, an error, half a document or one that breaks the rules of OpenAPI gives them nothing, or something wrong.",
        "Serve the document that the framework generates at this address, and correct what the findings name; they say where.",
    ),
    FaultDoc::caught(
        "API-02",
        "document of another version",
        "What is deployed is not the release that was meant to be, or the document was not made anew for it.",
        "Deploy the release, and take `info.version` from the same place as the version of the program.",
    ),
    FaultDoc::caught(
        "API-03",
        "breaking change",
        "Clients that were written for the committed document fail: something they send is refused, or they get something they do not expect.",
        "Keep the old behaviour beside the new one, or publish a new version of the API and commit its document.",
    ),
    FaultDoc::caught(
        "API-04",
        "document and routes differ",
        "An operation that exists is not described, or one that is described does not exist: nobody can rely on the document.",
        "Include every router in the document and take removed routes out of it.",
    ),
    FaultDoc::caught(
        "API-05",
        "answer that is not described",
        "A status or a media type that the document does not know: generated clients fail on it, or take it for something else.",
        "Describe the answer, or answer as described; error handlers and redirects in front of the application answer too.",
    ),
    FaultDoc::caught(
        "API-06",
        "body that is not as described",
        "A property is missing, null, of another type or one too many: clients that are generated from the document cannot read it.",
        "Correct the answer or its schema; let the framework make both from one type.",
    ),
    FaultDoc::caught(
        "API-07",
        "declared security and real security differ",
        "An operation that says it needs credentials gives data without any, or one that needs some does not say so: generated clients and reviews go wrong.",
        "Check credentials before the operation runs, and declare `security` for all operations, with `security: []` for public ones.",
    ),
    FaultDoc::caught(
        "API-08",
        "wrong answer to an unsupported method",
        "A method that a path does not have must be refused with 405, and `Allow` must name those that it has: clients and gateways rely on it.",
        "Answer 405 with `Allow` to every method that is not described for the path.",
    ),
    FaultDoc::caught(
        "API-09",
        "deprecated without end, or past its end",
        "Clients need to know until when an operation stays; one whose end has passed and that still answers will go when nobody expects it.",
        "Send `Sunset` with the day on which it ends, and take the operation away on that day.",
    ),
    FaultDoc::caught(
        "API-10",
        "document or documentation page exposed",
        "A page to try out every operation, or the list of them, is open to everybody although it should not be.",
        "Turn the page and the document off in production, or ask for a login before them.",
    ),
    FaultDoc::caught(
        "API-11",
        "servers of the document unreachable for clients",
        "Generated clients and the documentation page send their requests to the servers in the document. `localhost` there is the machine of whoever reads it.",
        "Name the public address in `servers`, or a relative one, or none.",
    ),
    FaultDoc::caught(
        "API-12",
        "error in another form than declared",
        "Clients read errors by their declared form, for example application/problem+json, and understand nothing else.",
        "Let the handlers of errors and of missing routes answer in the declared form.",
    ),
    FaultDoc::caught(
        "API-13",
        "page larger than its limit",
        "A page size that is not enforced lets one request read everything, and take the service's memory for it.",
        "Apply the page size and its maximum in the query, and refuse or cap what is larger.",
    ),
    FaultDoc::caught(
        "API-14",
        "reference that leads nowhere",
        "A `$ref` without its target, or into another document, makes tools fail or leave parts out.",
        "Add the missing component, or bundle the document so that it holds everything it refers to.",
    ),
    FaultDoc::caught(
        "API-15",
        "operationId used twice",
        "Generators make functions of these names: one of the two operations is lost, or the client does not compile.",
        "Give every operation an id of its own.",
    ),
    FaultDoc::caught(
        "API-51",
        "no documentation page",
        "At the address of the documentation there is an error or another page, for example that of an application that answers to every path.",
        "Serve Swagger UI, ReDoc or the like at this address.",
    ),
    FaultDoc::caught(
        "API-52",
        "operation without description",
        "A path alone does not say what an operation does.",
        "Give every operation a summary or a description; most frameworks take them from comments.",
    ),
    FaultDoc::caught(
        "API-53",
        "error of the server",
        "An operation that only reads fails with an error of the server, as the first client would have found.",
        "See the log of the service at the time of the audit.",
    ),
    FaultDoc::caught(
        "API-54",
        "committed document is not what is served",
        "Whatever is made of the committed document (clients, published pages) describes another API than the one that runs.",
        "Generate the document anew and commit it, best as a step of the release.",
    ),
];

//! The fault catalogue.

use crate::kinds::FaultDoc;

/// Every fault, in the order of the catalogue.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "TLS-01",
        "expired or not yet valid",
        "Every client refuses to connect.",
        "Renew the certificate, and find out why the renewal did not run or was not loaded.",
    ),
    FaultDoc::caught(
        "TLS-02",
        "expires soon",
        "Renewals fail in silence; what is left is the time to notice.",
        "Renew now; see the log of the ACME client and whether the server reloads its certificate.",
    ),
    FaultDoc::caught(
        "TLS-03",
        "intermediate expires first",
        "The chain breaks although the server's own certificate is still good.",
        "Fetch the authority's current intermediate and serve it.",
    ),
    FaultDoc::caught(
        "TLS-04",
        "incomplete or disordered chain",
        "Browsers repair a missing intermediate, programs and phones do not.",
        "Serve the certificate followed by its intermediates in order (`fullchain.pem`).",
    ),
    FaultDoc::caught(
        "TLS-05",
        "not trusted",
        "Self-signed, or from an authority that clients do not know.",
        "Use a certificate of a known authority, or name the private one with `ca_file:`.",
    ),
    FaultDoc::caught(
        "TLS-06",
        "wrong name",
        "The certificate does not cover the name that clients use; a wildcard covers one label only.",
        "Issue a certificate that lists the name, the bare domain and `www` included.",
    ),
    FaultDoc::caught(
        "TLS-07",
        "addresses present different certificates",
        "One frontend was forgotten at the renewal, and a share of the users sees the old certificate.",
        "Distribute the certificate to every frontend and reload them all.",
    ),
    FaultDoc::caught(
        "TLS-08",
        "another certificate without a name",
        "Clients that name no server (old libraries, health probes) get a different certificate.",
        "Make the certificate the default of the listener, or accept the difference knowingly.",
    ),
    FaultDoc::caught(
        "TLS-09",
        "old version accepted",
        "SSL 3, TLS 1.0 and 1.1 are broken and forbidden (RFC 8996).",
        "nginx: `ssl_protocols TLSv1.2 TLSv1.3;`, and the same at every load balancer before it.",
    ),
    FaultDoc::caught(
        "TLS-10",
        "no TLS 1.3",
        "TLS 1.3 is faster and leaves less to get wrong.",
        "Enable it in the server; it needs OpenSSL 1.1.1 or newer.",
    ),
    FaultDoc::caught(
        "TLS-11",
        "weak cipher accepted",
        "An attacker can force the weak cipher, or decrypt recorded traffic once the key leaks.",
        "Take a current cipher list, for example Mozilla's *intermediate*.",
    ),
    FaultDoc::caught(
        "TLS-12",
        "weak key or signature",
        "Short keys and SHA-1 signatures can be forged.",
        "Issue a certificate with an ECDSA P-256 or RSA 2048 key and a SHA-256 signature.",
    ),
    FaultDoc {
        code: "TLS-13",
        title: "revoked",
        why: "The authority has withdrawn the certificate.",
        remedy: "Issue a new one with a new key.",
        not_observable: Some(
            "only the authority knows, and readyctl asks nobody but the declared target",
        ),
    },
    FaultDoc::caught(
        "TLS-14",
        "required status missing",
        "The certificate demands a stapled revocation status (must-staple) and the server sends none: strict clients refuse it.",
        "Switch on OCSP stapling, or issue the certificate without must-staple.",
    ),
    FaultDoc::caught(
        "TLS-15",
        "lives too long",
        "Browsers refuse public certificates that live longer than the rules of their issue date allow.",
        "Issue a shorter one and automate the renewal.",
    ),
    FaultDoc {
        code: "TLS-16",
        title: "CAA forbids the issuer",
        why: "The next renewal will fail.",
        remedy: "Correct the CAA record.",
        not_observable: Some("a matter of DNS records: use a `dns` check"),
    },
    FaultDoc::caught(
        "TLS-17",
        "renewal overdue",
        "An automatic renewal should have replaced this certificate already.",
        "See the log of the ACME client; try `certbot renew --dry-run` or its counterpart.",
    ),
    FaultDoc::caught(
        "TLS-18",
        "this machine's clock is wrong",
        "Not even the authority's certificate is valid yet, seen from here: the clock is behind.",
        "Set the clock of the machine that runs readyctl.",
    ),
    FaultDoc::caught(
        "TLS-51",
        "protocol not negotiated",
        "The server chose none of the wanted application protocols: HTTP/2 or a database's direct TLS will not work.",
        "Enable the protocol in the server that ends TLS.",
    ),
    FaultDoc::caught(
        "TLS-52",
        "client certificates not as declared",
        "Mutual TLS is only in force when the server asks for the client's certificate.",
        "nginx: `ssl_verify_client on;`, and the counterpart elsewhere.",
    ),
    FaultDoc::caught(
        "TLS-53",
        "handshake fails",
        "The certificate is good and still no connection comes about.",
        "See the server's log; compare versions, ciphers and the private key with the certificate.",
    ),
];

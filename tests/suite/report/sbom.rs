//! Bills of materials.

use super::*;

fn cyclonedx(components: &Value) -> String {
    json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79", "version": 1,
        "metadata": { "timestamp": ago(1), "component": { "type": "container", "name": "registry.example.org/app", "version": "sha256:bb" } },
        "components": components })
    .to_string()
}

fn serde(more: &Value) -> Value {
    let mut component = json!({ "type": "library", "name": "serde", "version": "1.0.200", "purl": "pkg:cargo/serde@1.0.200",
        "licenses": [{ "expression": "MIT OR Apache-2.0" }], "supplier": { "name": "crates.io" } });
    for (key, value) in more.as_object().unwrap() {
        component[key] = value.clone();
    }
    component
}

fn spdx(package: &Value) -> String {
    json!({ "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "app", "creationInfo": { "created": ago(1), "creators": ["Tool: syft"] },
        "packages": [{ "SPDXID": "SPDXRef-App", "name": "app", "versionInfo": "sha256:bb" }, package],
        "relationships": [{ "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-App" }] })
    .to_string()
}

fn look_at(content: String, expect: &Value) -> Run {
    look("sbom.json", content, &json!({ "sbom": expect }))
}

#[test]
fn rep_15_nothing_in_it_too_old_or_about_something_else() {
    let healthy = cyclonedx(&json!([serde(&json!({}))]));
    let about =
        |content: &str, subject: &str| look("sbom.json", content, &json!({ "subject": subject }));
    assert_green(&about(&healthy, "sha256:bb"));
    assert_red(&about(&healthy, "sha256:cc"), "r", "REP-15");
    assert_red(&look_at(cyclonedx(&json!([])), &json!({})), "r", "REP-15");
    assert_red(&look_at(cyclonedx(&Value::Null), &json!({})), "r", "REP-15");
    assert_red(
        &look_at(healthy.clone(), &json!({ "min_components": 2 })),
        "r",
        "REP-15",
    );
    // Plain files are no components.
    let file = json!([{ "type": "file", "name": "/etc/passwd" }]);
    assert_red(&look_at(cyclonedx(&file), &json!({})), "r", "REP-15");
    let built = |at: i64| look("sbom.json", &healthy, &json!({ "not_before": ago(at) }));
    assert_green(&built(2));
    assert_red(&built(0), "r", "REP-15");
    let package = json!({ "SPDXID": "SPDXRef-Serde", "name": "serde", "versionInfo": "1.0.200" });
    assert_green(&about(&spdx(&package), "sha256:bb"));
    assert_red(&about(&spdx(&package), "sha256:cc"), "r", "REP-15");
    let xml = "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"/>".to_owned();
    assert_unknown(&look_at(xml, &json!({})), "REP-07");
}

#[test]
fn rep_16_components_that_nobody_can_identify() {
    let all = json!({ "complete": ["version", "purl", "licence", "supplier"] });
    assert_green(&look_at(cyclonedx(&json!([serde(&json!({}))])), &all));
    for (key, part) in [
        ("version", "version"),
        ("purl", "purl"),
        ("licenses", "licence"),
        ("supplier", "supplier"),
    ] {
        for nothing in [Value::Null, json!(""), json!([])] {
            if (key == "licenses") != nothing.is_array() && !nothing.is_null() {
                continue;
            }
            let report = cyclonedx(&json!([serde(&json!({ key: nothing }))]));
            assert_red(&look_at(report.clone(), &all), "r", "REP-16");
            let one = json!({ "complete": [part] });
            assert_red(&look_at(report, &one), "r", "REP-16");
        }
    }
    let nested = cyclonedx(&json!([serde(
        &json!({ "components": [{ "type": "library", "name": "inner" }] })
    )]));
    assert_red(&look_at(nested, &json!({})), "r", "REP-16");
    let package = |version: &str| {
        json!({ "SPDXID": "SPDXRef-Serde", "name": "serde", "versionInfo": version, "licenseConcluded": "NOASSERTION", "licenseDeclared": "MIT",
        "externalRefs": [{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:cargo/serde@1" }], "supplier": "Organization: x" })
    };
    assert_green(&look_at(spdx(&package("1")), &all));
    assert_red(&look_at(spdx(&package("NOASSERTION")), &all), "r", "REP-16");
}

#[test]
fn rep_16_denied_licences() {
    let denied = json!({ "denied_licences": ["AGPL-*", "SSPL-*", "GPL-3.0*"] });
    for (expression, allowed) in [
        ("MIT", true),
        ("MIT OR AGPL-3.0-only", true),
        ("MIT AND AGPL-3.0-only", false),
        ("AGPL-3.0-or-later", false),
        ("GPL-3.0-only WITH Classpath-exception-2.0", false),
        ("(MIT OR AGPL-3.0-only) AND Zlib", true),
        ("(MIT AND AGPL-3.0-only) OR SSPL-1.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
    ] {
        let report = cyclonedx(&json!([serde(
            &json!({ "licenses": [{ "expression": expression }] })
        )]));
        let run = look_at(report, &denied);
        if allowed {
            assert_green(&run);
        } else {
            assert_red(&run, "r", "REP-16");
        }
    }
    let by_id = cyclonedx(&json!([serde(
        &json!({ "licenses": [{ "license": { "id": "MIT" } }, { "license": { "id": "SSPL-1.0" } }] })
    )]));
    assert_red(&look_at(by_id, &denied), "r", "REP-16");
}

//! What a sampling asks that contradicts itself or asks nothing.

use super::{MOST, MOST_ERRORS, Sample};
use crate::kinds::SpecProblem;
use crate::kinds::auth::url_problem;

/// What is wrong with the spec.
pub(in crate::kinds::openapi) fn problems(sample: &Sample) -> Vec<SpecProblem> {
    let mut list = Vec::new();
    let mut wrong = |field: &str, message: &str, help: &str| {
        list.push(SpecProblem::at(format!("sample.{field}"), message, help));
    };
    if sample.at_most == 0 || sample.at_most > MOST {
        let message = format!("from 1 to {MOST} operations can be asked");
        wrong("at_most", &message, "write for example `20`");
    }
    if sample.at_least == 0 {
        wrong(
            "at_least",
            "if none needs to conform this judges nothing",
            "write `1` or more",
        );
    }
    if sample.at_least > sample.at_most {
        wrong(
            "at_least",
            "more operations must conform than are asked",
            "raise `at_most`, or write less here",
        );
    }
    if sample.each_within.0.is_zero() {
        wrong(
            "each_within",
            "without waiting nobody can answer",
            "write a time, for example `5s`",
        );
    }
    if sample.errors.len() > MOST_ERRORS {
        let message = format!("more than {MOST_ERRORS} requests just to be refused");
        wrong("errors", &message, "name the ones that matter");
    }
    for path in &sample.errors {
        if !path.starts_with('/') || path.contains(['{', '}']) || path.contains(char::is_whitespace)
        {
            let message = format!("`{path}` is no path that can be asked");
            wrong("errors", &message, "write it like `/items/none`");
        }
    }
    for (field, routes) in [("only", &sample.only), ("skip", &sample.skip)] {
        let other = |route: &&super::Route| {
            route
                .method
                .as_deref()
                .is_some_and(|method| method != "get")
        };
        if let Some(route) = routes.iter().find(other) {
            let message = format!("`{route}`: only GET operations are asked");
            wrong(field, &message, "write the path alone, or `GET /path`");
        }
    }
    let example = "https://api.example.com/v1";
    let base = sample.base_url.as_deref();
    list.extend(base.and_then(|url| url_problem("sample.base_url", url, example)));
    list
}

use serde_json::json;

use super::*;

fn table(routes: serde_json::Value) -> Table {
    let entries: Vec<Entry> = serde_json::from_value(routes).unwrap();
    Table::new(&entries).unwrap()
}

/// What `vercel build` writes for this project.
fn project() -> Table {
    let config: serde_json::Value = serde_json::from_str(include_str!("../fixtures/config.json")).unwrap();
    table(config["routes"].clone())
}

/// Files and functions of this project's deployment.
fn exists(path: &str) -> bool {
    let paths = [
        "/",
        "/index.html",
        "/api/v1/ping",
        "/api/v1/runs/[id]",
        "/api/v1/runs/[id]/[part]",
        "/api/v1/workflows",
        "/api/v1/workflows/[id]",
        "/api/v1/workflows/[id]/[part]",
        "/api/v1/hooks/[token]",
    ];
    paths.contains(&path)
}

fn ask(table: &Table, path: &str) -> Resolution {
    table.resolve(&Method::GET, path, &exists)
}

fn found(path: &str) -> Target {
    Target::Found(path.to_owned())
}

#[test]
fn this_projects_paths_lead_to_their_functions_with_their_captures() {
    let table = project();
    for (path, function, query) in [
        ("/api/v1/ping", "/api/v1/ping", ""),
        ("/api/v1/workflows", "/api/v1/workflows", ""),
        ("/api/v1/runs/7", "/api/v1/runs/[id]", "id=7"),
        ("/api/v1/runs/a%2Fb", "/api/v1/runs/[id]", "id=a%2Fb"),
        ("/api/v1/runs/a&id=b+c", "/api/v1/runs/[id]", "id=a%26id=b%2Bc"),
        ("/api/v1/runs/7/cancel", "/api/v1/runs/[id]/[part]", "id=7&part=cancel"),
        ("/api/v1/runs/7/items", "/api/v1/runs/[id]/[part]", "id=7&part=items"),
        ("/api/v1/workflows/7", "/api/v1/workflows/[id]", "id=7"),
        ("/api/v1/workflows/7/runs", "/api/v1/workflows/[id]/[part]", "id=7&part=runs"),
        ("/api/v1/hooks/abc", "/api/v1/hooks/[token]", "token=abc"),
        ("/api/v1/hooks/test/abc/a+b", "/api/v1/hooks/[token]", "token=test/abc/a%2Bb"),
        // The platform also knows functions by their files' names.
        ("/api/v1/ping.rs", "/api/v1/ping", ""),
        ("/API/v1/Runs/7", "/api/v1/runs/[id]", "id=7"),
    ] {
        let answer = ask(&table, path);
        assert_eq!((answer.target, answer.query.as_str()), (found(function), query), "{path}");
    }
}

#[test]
fn paths_that_are_nothing_are_404() {
    let table = project();
    for path in ["/api", "/api/v1/nothing", "/api/v1/runs/7/x/y", "/nothing", "/api/v1/workflows/7/runs/x"] {
        assert_eq!(ask(&table, path).target, Target::Refused(http::StatusCode::NOT_FOUND), "{path}");
    }
}

#[test]
fn headers_of_the_routes_on_the_way_are_collected() {
    let table = project();
    assert_eq!(ask(&table, "/api/v1/runs/7").headers["cache-control"], "no-store");
    let page = ask(&table, "/");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(!page.headers.contains_key("cache-control"));
    assert!(ask(&table, "/index.html").headers.is_empty());
}

#[test]
fn a_redirect_ends_the_request_with_its_location() {
    let table = table(json!([
        {"src": "/old/(?<rest>.*)", "headers": {"Location": "/new/$rest"}, "status": 308},
        {"src": "/moved", "dest": "/index.html", "status": 302},
        {"handle": "filesystem"},
        {"src": "/.*", "status": 410},
    ]));
    let answer = ask(&table, "/old/a/b");
    assert_eq!(answer.target, Target::Redirect(http::StatusCode::PERMANENT_REDIRECT));
    assert_eq!(answer.headers["location"], "/new/a/b");
    assert_eq!(ask(&table, "/moved").headers["location"], "/index.html");
    assert_eq!(ask(&table, "/gone").target, Target::Refused(http::StatusCode::GONE));
}

#[test]
fn what_exists_wins_over_the_routes_after_filesystem_but_not_over_those_before() {
    let table = table(json!([
        {"src": "/index.html", "dest": "/api/v1/ping", "methods": ["POST"]},
        {"handle": "filesystem"},
        {"src": "/(.*)", "dest": "/api/v1/ping?path=$1"},
    ]));
    assert_eq!(ask(&table, "/index.html").target, found("/index.html"));
    assert_eq!(table.resolve(&Method::POST, "/index.html", &exists).target, found("/api/v1/ping"));
    let answer = ask(&table, "/x/y");
    assert_eq!((answer.target, answer.query.as_str()), (found("/api/v1/ping"), "path=x/y"));
}

#[test]
fn a_rewrite_may_lead_to_a_path_that_a_later_phase_knows() {
    let table = table(json!([
        {"handle": "filesystem"},
        {"src": "/jobs/(.*)", "dest": "/api/v1/runs/$1", "check": true},
        {"handle": "rewrite"},
        {"src": "/api/v1/runs/([^/]+)", "dest": "/api/v1/runs/[id]?id=$1", "check": true},
        {"handle": "hit"},
        {"src": "/.*", "headers": {"X-Hit": "1"}, "status": 299, "continue": true},
    ]));
    let answer = ask(&table, "/jobs/7");
    assert_eq!((answer.target, answer.query.as_str()), (found("/api/v1/runs/[id]"), "id=7"));
    assert_eq!((answer.headers["x-hit"].as_bytes(), answer.status), (&b"1"[..], None));
}

#[test]
fn an_error_page_is_shown_with_the_errors_status() {
    let table = table(json!([{"handle": "error"}, {"src": "/.*", "dest": "/index.html", "status": 404}]));
    let answer = ask(&table, "/nothing");
    assert_eq!((answer.target, answer.status), (found("/index.html"), Some(http::StatusCode::NOT_FOUND)));
}

#[test]
fn routes_that_cannot_be_served_are_refused() {
    for (route, said) in [
        (json!({"src": "/(", "status": 404}), "pattern"),
        (json!({"status": 404}), "`handle` or `src`"),
        (json!({"src": "/a", "dest": "https://elsewhere.example/"}), "another server"),
        (json!({"src": "/a", "headers": {"a b": "c"}}), "header `a b`"),
        (json!({"src": "/a", "status": 99}), "status `99`"),
    ] {
        let entries: Vec<Entry> = serde_json::from_value(json!([route])).unwrap();
        let error = Table::new(&entries).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let with_condition = json!([{"src": "/a", "has": [{"type": "host", "value": "x"}]}]);
    assert!(serde_json::from_value::<Vec<Entry>>(with_condition).is_err());
}

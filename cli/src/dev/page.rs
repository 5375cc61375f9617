//! The API's page with its documents, as `public/` has them: part of the program, so that they are there wherever it is
//! started.

use std::path::Path;

use axum::{Router, http::header, routing::get};
use tower_http::services::ServeDir;

/// Path, kind and text of each.
const FILES: [(&str, &str, &str); 6] = [
    ("/", HTML, INDEX),
    ("/index.html", HTML, INDEX),
    ("/page.css", "text/css", include_str!("../../../public/page.css")),
    ("/page.js", "text/javascript", include_str!("../../../public/page.js")),
    ("/openapi.json", JSON, include_str!("../../../public/openapi.json")),
    ("/kinds.json", JSON, include_str!("../../../public/kinds.json")),
];
const INDEX: &str = include_str!("../../../public/index.html");
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// The page's renderer, which `make openapi_http` fetches. In a checkout alone; without it the page leads to the document.
const RENDERER: &str = "public/vendor";

pub(crate) fn router() -> Router {
    let router = FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { ([(header::CONTENT_TYPE, kind)], text) }))
    });
    if Path::new(RENDERER).is_dir() {
        router.nest_service("/vendor", ServeDir::new(RENDERER))
    } else {
        router
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn read(path: &str) -> (u16, String, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router().oneshot(request).await.unwrap();
        let kind = answer.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_page_and_what_it_shows_are_there_wherever_the_program_was_started() {
        let (status, kind, page) = read("/").await;
        assert_eq!((status, kind.as_str()), (200, HTML));
        // What it refers to, but for the renderer that is fetched.
        for path in ["/page.css", "/page.js", "/openapi.json"] {
            assert!(page.contains(path) && read(path).await.0 == 200, "{path}");
        }
        for path in ["/openapi.json", "/kinds.json"] {
            let (_, kind, text) = read(path).await;
            assert_eq!(kind, JSON);
            assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap().is_object());
        }
        assert_eq!(read("/nothing").await.0, 404);
    }
}
